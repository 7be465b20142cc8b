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


def third_release(path: Path) -> None:
    """A ledger of schema 3 with attempts of several kinds, regions and accounts, open, settled and lost."""
    path.touch(0o600)
    with closing(sqlite3.connect(path)) as old:
        for name in ("0001_attempts.sql", "0002_budgets.sql", "0003_identity.sql"):
            old.executescript((files("broker.ledger") / "migrations" / name).read_text("utf-8"))
        charges = json.dumps([[SKU, "image", "1", "measured", "1", 10**9, 10**9, "test"]])
        subjects = [
            (who, region, kind)
            for who in ("", "eu")
            for region in (None, "", "r")
            for kind in ("first", "retry")
        ]
        for number, (profile, region, kind) in enumerate(subjects, 1):
            key = ("2026-03-14", DAY.isoformat(), "fake", profile, "Fake", "vision.label", region)
            facts = (f"call-{number}", 1, *key, '{"team": "a"}', "USD", 10**9, None, kind, "[]")
            slot = (number, 2, 2**32 * number + 2)
            names = f"{COLUMNS}, kind, held"
            old.execute(
                f"INSERT INTO open_attempt (writer, slot, seq, {names}) VALUES ({', '.join('?' * 18)})",
                (*slot, *facts),
            )
            for seq, state, outcome in ((3, "settled", "done"), (4, "unknown", None)):
                ended = (2**32 * number + seq, state, "yes" if outcome else "unknown", outcome, charges)
                old.execute(
                    f"INSERT INTO closed_attempt (seq, state, billed, outcome, charges, {names})"
                    f" VALUES ({', '.join('?' * 20)})",
                    (*ended, *facts),
                )
            old.execute(
                "INSERT INTO meter VALUES (?, ?, ?, '9.5')",
                (f"2026-0{number % 9 + 1}", f"fake:{profile}", SKU),
            )
            sums = ("2026-03-14", f"n={number}", "fake", profile, "vision.label", kind, "USD", *range(8))
            old.execute(f"INSERT INTO spend VALUES ({', '.join('?' * 15)})", sums)
        old.execute(f"PRAGMA application_id={APPLICATION_ID}")
        old.execute("PRAGMA user_version=3")
        old.commit()


def test_narrow_rows_and_joined_sums_show_what_the_wide_ones_held(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    third_release(path)
    shown = {
        view: sorted(repr(tuple(row)) for row in rows(path, f"SELECT * FROM {view}"))
        for view in ("attempt", "charge", "spend", "meter")
    }
    assert len(shown["attempt"]) == 36
    with closing(SqliteLedger(str(path))) as ledger:
        assert ledger.positions("2026-02", "fake:", [SKU]) == {SKU: D("9.5")}
    for view, before in shown.items():
        assert sorted(repr(tuple(row)) for row in rows(path, f"SELECT * FROM {view}")) == before
