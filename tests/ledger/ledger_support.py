"""Attempts for the ledger's tests, and sums taken from its rows by other means than its own."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from broker.errors import Outcome
from broker.ledger import ChargeLine, Intent, LedgerBusy, Settled, Settlement, SqliteLedger, Ticket
from broker.pricing.cost import charge
from broker.types import Billed, Price, Tier, Unit, UsageSource

T = TypeVar("T")
SKU = "fake.label"
DAY = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


def intent(**changes: Any) -> Intent:
    """An attempt that may cost 0.001 USD."""
    facts: dict[str, Any] = {
        "call_id": "call",
        "number": 1,
        "started": DAY,
        "provider": "fake",
        "profile": "",
        "service": "Fake",
        "operation": "vision.label",
        "region": None,
        "tags": {},
        "currency": "USD",
        "bound": Decimal("0.001"),
        "unpriced": None,
    }
    return Intent(**{**facts, **changes})


def line(
    amount: Decimal | None, bound: Decimal | None = None, units: Decimal = Decimal(1), sku: str = SKU
) -> ChargeLine:
    return ChargeLine(
        sku=sku,
        counter=sku,
        unit=Unit.IMAGE,
        quantity=units,
        source=UsageSource.MEASURED,
        units=units,
        amount=amount,
        bound=amount if bound is None else bound,
        price_id="test",
    )


def settlement(
    amount: str | None = "0.001",
    *,
    outcome: Outcome = Outcome.DONE,
    billed: Billed = Billed.YES,
    bound: str | None = None,
    charges: Callable[[Mapping[str, Decimal]], Sequence[ChargeLine]] | None = None,
    **more: Any,
) -> Settlement:
    """An attempt that ended; billed at ``amount``."""
    fixed = [line(None if amount is None else Decimal(amount), None if bound is None else Decimal(bound))]
    return Settlement(
        outcome=outcome,
        billed=billed,
        latency=0.25,
        counters=(SKU,),
        charges=charges or (lambda _: fixed),
        error=None if outcome is Outcome.DONE else "Unavailable",
        **more,
    )


def tiered(price: Price, units: int = 1) -> Callable[[Mapping[str, Decimal]], Sequence[ChargeLine]]:
    """Charges at the month's position, as the pipeline makes them."""

    def at(positions: Mapping[str, Decimal]) -> list[ChargeLine]:
        found = charge(price, Decimal(units), used_before=positions[SKU])
        return [line(found.amount, found.upper_bound, Decimal(units))]

    return at


def price(*tiers: tuple[int | None, str]) -> Price:
    return Price(
        id="test",
        sku=SKU,
        unit=Unit.IMAGE,
        region="*",
        currency="USD",
        valid_from=DAY.date(),
        checked_on=DAY.date(),
        source="a test",
        confidence="high",
        tiers=tuple(
            Tier(up_to=None if end is None else Decimal(end), price=Decimal(each)) for end, each in tiers
        ),
    )


def one(ledger: SqliteLedger, how: Settlement | None = None, **changes: Any) -> tuple[Ticket, Settled]:
    """A whole attempt."""
    ticket = ledger.announce(intent(**changes))
    return ticket, ledger.settle(ticket, how or settlement())


def patiently(step: Callable[[], T]) -> T:
    """Wait out other processes, as the pipeline does."""
    until = time.monotonic() + 90
    while True:
        try:
            return step()
        except LedgerBusy:
            if time.monotonic() > until:
                raise
            time.sleep(random.random() / 200)


def rows(
    path: Path | str, statement: str = "SELECT * FROM attempt ORDER BY seq", *values: object
) -> list[sqlite3.Row]:
    """Straight from the file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute(statement, values).fetchall()


def check_sums(path: Path | str) -> None:
    """The rollup equals the sums over attempts and charges, the file is sound, no attempt is there twice."""
    assert [tuple(row) for row in rows(path, "PRAGMA integrity_check")] == [("ok",)]
    expected: dict[tuple[str, str], list[int]] = {}
    charged: dict[int, int] = {}
    for row in rows(path, "SELECT attempt, amount FROM charge"):
        charged[row["attempt"]] = charged.get(row["attempt"], 0) + (row["amount"] or 0)
    seen: set[int] = set()
    for row in rows(path):
        assert row["seq"] not in seen
        seen.add(row["seq"])
        if row["state"] == "open":
            continue
        certain = row["billed"] == "yes" and row["amount"] is not None
        if certain:
            assert row["amount"] == charged[row["seq"]]
        sums = expected.setdefault((row["day"], row["provider"]), [0, 0, 0, 0])
        sums[0] += 1
        sums[1] += row["billed"] == "unknown"
        sums[2] += row["amount"] or 0
        sums[3] += 0 if certain else row["bound"] or 0
    found = {
        (row["day"], row["provider"]): [
            row["a"],
            row["u"],
            row["m"] * 10**6 + row["mr"],
            row["r"] * 10**6 + row["rr"],
        ]
        for row in rows(
            path,
            "SELECT day, provider, sum(attempts) a, sum(unknown) u, sum(amount) m, sum(amount_rest) mr,"
            " sum(at_risk) r, sum(at_risk_rest) rr FROM spend WHERE tag = '' GROUP BY day, provider",
        )
    }
    assert found == expected


def start(code: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Another Python, with these helpers at hand and its output read through a pipe."""
    head = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom ledger_support import *\n"
    return subprocess.Popen(
        [sys.executable, "-c", head + code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def finish(process: subprocess.Popen[str], expected: int = 0) -> str:
    """Its output, once it has ended as expected."""
    out, err = process.communicate(timeout=150)
    assert process.returncode == expected, err
    return out
