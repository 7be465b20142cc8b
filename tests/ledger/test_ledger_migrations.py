"""An older ledger is brought up to this release with every row, sum and tier position it had."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

from ledger_support import DAY, SKU, check_sums, intent, one, price, rows, settlement, tiered

from broker.ledger import SpendQuery, SqliteLedger
from broker.ledger.files import APPLICATION_ID
from broker.types.budget import Budget, Window

D = Decimal
COLUMNS = "call_id, number, day, started_at, provider, profile, service, operation, region, tags, currency, bound, unpriced"
FACTS = (
    1,
    "2026-03-14",
    DAY.isoformat(),
    "fake",
    "",
    "Fake",
    "vision.label",
    None,
    '{"team": "a"}',
    "USD",
    10**9,
)


def first_release(path: Path) -> None:
    """A ledger of schema 1: one settled attempt, one that its dead process left open, and a tier position."""
    path.touch(0o600)
    with closing(sqlite3.connect(path)) as old:
        old.executescript((files("broker.ledger") / "migrations" / "0001_attempts.sql").read_text("utf-8"))
        old.execute("INSERT INTO writer VALUES (1, 'here:999999999:1', '2026-03-14')")
        charges = json.dumps([[SKU, "image", "1", "measured", "1", 10**9, 10**9, "test"]])
        settled = (
            2**32 + 1,
            "settled",
            "old",
            *FACTS,
            None,
            10**9,
            "yes",
            "done",
            None,
            5,
            "r",
            "m",
            charges,
        )
        old.execute(f"INSERT INTO closed_attempt VALUES ({', '.join('?' * 23)})", settled)
        lost = (1, 2, 2**32 + 2, "lost", *FACTS, None)
        old.execute(
            f"INSERT INTO open_attempt (writer, slot, seq, {COLUMNS}) VALUES ({', '.join('?' * 16)})", lost
        )
        for tag in ("", "team=a"):
            sums = (1, 0, 0, 0, 1000, 0, 0, 0)
            key = ("2026-03-14", tag, "fake", "", "vision.label", "USD")
            old.execute(f"INSERT INTO spend VALUES ({', '.join('?' * 14)})", (*key, *sums))
        old.execute("INSERT INTO meter VALUES ('2026-03', 'fake:', ?, '99')", (SKU,))
        old.execute(f"PRAGMA application_id={APPLICATION_ID}")
        old.execute("PRAGMA user_version=1")
        old.commit()


def test_a_ledger_of_the_first_schema_goes_on_with_all_it_had(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first_release(path)
    with closing(SqliteLedger(str(path))) as ledger:
        (before,) = ledger.spend(SpendQuery(by=("kind",)))
        assert (before.group, before.attempts, before.open, before.amount) == (("first",), 2, 1, D("0.001"))
        one(ledger, settlement(charges=tiered(price((100, "0.01"), (None, "0.003")), 2)), tags={"team": "a"})
        (tagged,) = ledger.spend(SpendQuery(by=("tag:team",)))
        assert tagged.amount == D("0.001") + D("0.01") + D("0.003"), "the old tier position counts"
    check_sums(path)
    assert [(row["call_id"], row["kind"], row["held"]) for row in rows(path)] == [
        ("old", "first", "[]"),
        ("lost", "first", "[]"),
        ("call", "first", "[]"),
    ]


def test_a_budget_on_an_older_ledger_counts_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    first_release(path)
    with closing(SqliteLedger(str(path))) as ledger:
        ledger.declare([Budget(name="b", limit=D(1), window=Window(text="month"))], DAY)
        (state,) = ledger.budgets(DAY)
        assert (state.spent, state.reserved) == (D("0.001"), D("0.001"))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE writer SET owner = ?", (f"{__import__('socket').gethostname()}:999999999:1",)
        )
        connection.commit()
    with closing(SqliteLedger(str(path))) as ledger:
        assert ledger.recover() == 1
        (state,) = ledger.budgets(DAY)
        assert (state.spent, state.unknown, state.reserved) == (D("0.002"), D("0.001"), 0)
        ticket = ledger.announce(intent())
        (state,) = ledger.budgets(DAY)
        assert state.reserved == D("0.001")
        ledger.settle(ticket, settlement("0.0004", bound="0.001"))
        (state,) = ledger.budgets(DAY)
        assert (state.spent, state.reserved) == (D("0.0024"), 0)
    check_sums(path)
