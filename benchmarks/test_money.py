"""What being exact about money costs: the budget check, durable rows a second, latency added to a call."""

from __future__ import annotations

import sqlite3
import statistics
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from broker import Broker
from broker.errors import Outcome
from broker.ledger import ChargeLine, Intent, Settlement, SqliteLedger
from broker.testing.fake import fake_provider
from broker.types import Billed, Unit, UsageSource
from broker.types.budget import Budget, Window

Paired = Callable[..., None]
Make = Callable[..., Broker]
Noted = Callable[[str, str, str], None]

PRICE = Decimal("0.001")
MONTH = Window(text="month")


def intent() -> Intent:
    return Intent(
        call_id="0123456789abcdef0123456789abcdef",
        number=1,
        started=datetime.now(UTC),
        provider="fake",
        profile="",
        service="Fake",
        operation="vision.label",
        region="us-east-1",
        tags={},
        currency="USD",
        bound=PRICE,
        unpriced=None,
    )


LINE = ChargeLine(
    sku="fake",
    counter="fake",
    unit=Unit.IMAGE,
    quantity=Decimal(1),
    source=UsageSource.MEASURED,
    units=Decimal(1),
    amount=PRICE,
    bound=PRICE,
    price_id="fake",
)
LINES = (LINE,)
SETTLEMENT = Settlement(
    outcome=Outcome.DONE, billed=Billed.YES, latency=0.1, counters=("fake",), charges=lambda _: LINES
)


def ledger_with(path: Path, budgets: int, durability: str = "normal") -> SqliteLedger:
    ledger = SqliteLedger(str(path), durability=durability)
    ledger.declare(
        [Budget(name=f"b{number}", limit=Decimal(10**6), window=MONTH) for number in range(budgets)],
        datetime.now(UTC),
    )
    return ledger


def one(ledger: SqliteLedger) -> None:
    ledger.settle(ledger.announce(intent()), SETTLEMENT)


def test_the_budget_check_itself(tmp_path: Path, noted: Noted, benchmark: Any) -> None:
    """Read how the budgets stand, decide, reserve: inside the transaction that announces the attempt anyway."""
    for budgets in (1, 5):
        ledger = ledger_with(tmp_path / f"{budgets}.db", budgets)
        ledger.announce(intent())
        took = ledger._file.run(partial(_checks, ledger, intent()), begin="BEGIN IMMEDIATE")
        noted(
            f"budget check, {budgets} budget(s)", f"{took * 1e6:.1f} us", "<= 10 us" if budgets == 1 else ""
        )
        ledger.close()
    benchmark.pedantic(lambda: None)


def _checks(ledger: SqliteLedger, wanted: Intent, connection: sqlite3.Connection) -> float:
    times = []
    for _ in range(40):
        started = time.process_time()
        for _ in range(100):
            ledger._budgets.reserve(connection, wanted)
        times.append((time.process_time() - started) / 100)
    return statistics.median(times)


def test_an_attempt_in_the_ledger_under_a_budget(paired: Paired, tmp_path: Path) -> None:
    with_budget, without = ledger_with(tmp_path / "a.db", 1), ledger_with(tmp_path / "b.db", 0)
    paired(
        "ledger: announce + settle under a budget, against without",
        lambda: one(with_budget),
        lambda: one(without),
        goal="",
        calls=200,
    )


def test_durable_rows_a_second(tmp_path: Path, noted: Noted, benchmark: Any) -> None:
    """Whole attempts (two durable writes each), one thread and eight, with a budget; wall clock."""
    for durability, attempts in (("normal", 4000), ("full", 400)):
        for threads in (1, 8):
            ledger = ledger_with(tmp_path / f"{durability}{threads}.db", 1, durability)
            one(ledger)

            def work(ledger: SqliteLedger = ledger, number: int = attempts // threads) -> None:
                for _ in range(number):
                    one(ledger)

            pool = [threading.Thread(target=work) for _ in range(threads)]
            started = time.perf_counter()
            for each in pool:
                each.start()
            for each in pool:
                each.join()
            took = time.perf_counter() - started
            noted(
                f"attempts a second, durability {durability}, {threads} thread(s)",
                f"{attempts / took:,.0f} ({2 * attempts / took:,.0f} writes)",
                "",
            )
            ledger.close()
    benchmark.pedantic(lambda: None)


def test_latency_added_to_a_call(make_broker: Make, photo: bytes, noted: Noted, benchmark: Any) -> None:
    """Wall clock of a call of the fake provider with everything on; the provider itself takes 3 us."""
    broker = make_broker(
        adapters=[fake_provider()], provider="fake", budgets={"all": {"limit": "100000"}}, tags={"team": "a"}
    )
    times = []
    for _ in range(5000):
        started = time.perf_counter()
        broker.vision.label(photo)
        times.append(time.perf_counter() - started)
    cuts = statistics.quantiles(times[200:], n=100)
    noted("latency added to a call, p50 / p99", f"{cuts[49] * 1e6:.0f} / {cuts[98] * 1e6:.0f} us", "")
    benchmark.pedantic(lambda: broker.vision.label(photo), rounds=20)
