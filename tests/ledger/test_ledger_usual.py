"""The usual settlement, which reads nothing first, leaves what the long way leaves."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_support import DAY, SKU, check_sums, intent, line, one, rows, settlement

from broker.errors import BudgetExceeded, Outcome
from broker.ledger import ChargeLine, Settlement, SqliteLedger, Ticket
from broker.types import Billed
from broker.types.budget import Budget, Window

D = Decimal
CHEAP, DEAR = (line(D("0.0005"), D("0.001")),), (line(D("0.001")),)
TWO = (line(D("0.001"), units=D(2)),)
BUDGETS = (
    Budget(name="day", limit=D("0.02"), window=Window(text="day")),
    Budget(name="euro", limit=D("0.5"), window=Window(text="day"), currency="EUR", unpriced=D("0.01")),
)


def by_tier(positions: Mapping[str, Decimal]) -> Sequence[ChargeLine]:
    """The same lines anywhere inside a tier, as the pipeline gives them."""
    return DEAR if positions[SKU] < 6 else CHEAP


WAYS: dict[str, Settlement] = {
    "usual": settlement(charges=by_tier),
    "two units": settlement(charges=lambda _: TWO),
    "another price": settlement("0.003"),
    "unpriced": settlement(None),
    "not billed": settlement(outcome=Outcome.THROTTLED, billed=Billed.NO),
    "unknown": settlement(outcome=Outcome.AMBIGUOUS, billed=Billed.UNKNOWN),
    "billed, with an error": settlement(outcome=Outcome.BAD_REPLY, charges=by_tier),
    "in euros": settlement(charges=by_tier, currency="EUR"),
    "told more": settlement(charges=by_tier, request_id="r-1", model_version="v2", currency="USD"),
}
ATTEMPTS: tuple[dict[str, Any], ...] = (
    {},
    {},
    {"tags": {"team": "a", "stage": "x"}},
    {"profile": "prod", "region": "eu-west-1"},
    {"bound": D(0)},
    {"bound": None, "unpriced": "no price is known"},
    {"started": DAY.replace(month=4)},
)
STEPS = st.one_of(
    st.tuples(st.just("one"), st.integers(0, 1), st.sampled_from([*WAYS, *["usual"] * 8])),
    st.tuples(st.just("announce"), st.integers(0, 1), st.sampled_from(ATTEMPTS)),
    st.tuples(st.just("settle"), st.integers(0, 1), st.sampled_from([*WAYS, *["usual"] * 8])),
    st.tuples(st.just("declare"), st.integers(0, 1), st.sampled_from(BUDGETS)),
    st.tuples(st.just("forget"), st.integers(0, 1), st.sampled_from(BUDGETS)),
)
VIEWS = (
    "SELECT * FROM attempt ORDER BY seq",
    "SELECT * FROM charge ORDER BY attempt, sku",
    "SELECT * FROM sums ORDER BY period, tag, provider, profile, operation, kind, currency",
    "SELECT * FROM budget_use ORDER BY budget, bucket",
    "SELECT budget, period, share FROM budget_alarm ORDER BY budget, period, share",
    "SELECT writer, slot, seq FROM open_slot ORDER BY writer, slot",
)


class Never:
    """In the place of the usual way."""

    def settle(self, *_: object) -> None:
        """Not here."""

    def moved(self, *_: object) -> None:
        """Remember nothing."""


@dataclass
class Left:
    tables: list[list[tuple[object, ...]]]
    told: list[object]


def played(steps: Sequence[tuple[str, int, Any]], *, long: bool) -> Left:
    """What two writers of one file leave, and were told."""
    told: list[object] = []
    waiting: list[tuple[SqliteLedger, Ticket]] = []
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder) / "ledger.db"
        ledgers = [stack.enter_context(closing(SqliteLedger(str(path)))) for _ in range(2)]
        ledgers[0].budgets(DAY)  # makes the tables
        if long:
            for ledger in ledgers:
                ledger._usual = Never()  # type: ignore[assignment]
        for number, (what, which, how) in enumerate(steps):
            ledger = ledgers[which]
            if what == "declare":
                ledger.declare([how], DAY)
            elif what == "forget":
                ledger.forget(how.name)
            elif what == "settle":
                if waiting:
                    owner, ticket = waiting.pop(0)
                    told.append(owner.settle(ticket, WAYS[how]))
            else:
                try:
                    facts = how if what == "announce" else {}
                    waiting.append((ledger, ledger.announce(intent(call_id=str(number), **facts))))
                except BudgetExceeded as refused:
                    told.append(str(refused))
                    continue
                if what == "one":
                    owner, ticket = waiting.pop()
                    told.append(owner.settle(ticket, WAYS[how]))
        check_sums(path)
        return Left([[tuple(row) for row in rows(path, view)] for view in VIEWS], told)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, min_size=4, max_size=30))
def test_it_leaves_what_the_long_way_leaves(steps: list[tuple[str, int, Any]]) -> None:
    assert played(steps, long=False) == played(steps, long=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(str(tmp_path / "ledger.db"))) as made:
        yield made


def statements(ledger: SqliteLedger, ticket: Ticket, how: Settlement) -> list[str]:
    """The first words of what a settlement asks of SQLite."""
    found: list[str] = []
    connection = ledger._file.open
    assert connection is not None
    connection.set_trace_callback(lambda text: found.append(" ".join(text.split()[:4])))
    try:
        ledger.settle(ticket, how)
    finally:
        connection.set_trace_callback(None)
    return found


USUAL = ["BEGIN IMMEDIATE", "INSERT OR IGNORE INTO", "INSERT INTO sums VALUES", "COMMIT"]


def test_it_reads_nothing_first(ledger: SqliteLedger) -> None:
    for _ in range(2):
        one(ledger, WAYS["usual"])
    for _ in range(3):
        found = statements(ledger, ledger.announce(intent()), WAYS["usual"])
        assert [
            " ".join(each.split()[: len(want.split())]) for each, want in zip(found, USUAL, strict=True)
        ] == USUAL
    assert [row["units"] for row in rows(ledger.path, "SELECT units FROM meter")] == ["5"]
    check_sums(ledger.path)


def test_another_writer_between_sends_it_the_long_way_and_nobodys_units_are_lost(
    ledger: SqliteLedger,
) -> None:
    with closing(SqliteLedger(ledger.path)) as other:
        for each in (ledger, ledger, ledger, other, other, other):
            one(each, WAYS["usual"])
        ticket = ledger.announce(intent())
        assert any(text.startswith("SELECT") for text in statements(ledger, ticket, WAYS["usual"]))
        for each in (ledger, other) * 3:
            one(each, WAYS["usual"])
    assert [row["units"] for row in rows(ledger.path, "SELECT units FROM meter")] == ["13"]
    amounts = [row["amount"] for row in rows(ledger.path, "SELECT amount FROM attempt ORDER BY seq")]
    assert sorted(amounts) == [500_000_000] * 7 + [1_000_000_000] * 6
    check_sums(ledger.path)


def test_a_commit_that_fails_leaves_nothing_and_the_next_try_counts_once(
    ledger: SqliteLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        one(ledger, WAYS["usual"])
    ticket = ledger.announce(intent())

    class Failing:
        """A connection whose next commit finds the disk full."""

        def __init__(self, real: sqlite3.Connection) -> None:
            self._real = real

        def execute(self, statement: str, *values: Any) -> Any:
            if statement == "COMMIT":
                raise sqlite3.OperationalError("disk I/O error")
            return self._real.execute(statement, *values)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    real = ledger._file.open
    assert real is not None
    monkeypatch.setattr(ledger._file, "open", Failing(real))
    with pytest.raises(Exception, match="cannot be used"):
        ledger.settle(ticket, WAYS["usual"])
    monkeypatch.setattr(ledger._file, "open", real)
    assert [row["state"] for row in rows(ledger.path)][-1] == "open"
    ledger.settle(ticket, WAYS["usual"])
    assert [row["units"] for row in rows(ledger.path, "SELECT units FROM meter")] == ["4"]
    check_sums(ledger.path)


def test_a_budget_declared_meanwhile_is_found(ledger: SqliteLedger) -> None:
    for _ in range(3):
        one(ledger, WAYS["usual"])
    ticket = ledger.announce(intent())
    ledger.declare([BUDGETS[0]], DAY)
    ledger.settle(ticket, WAYS["usual"])
    (state,) = ledger.budgets(DAY)
    assert (state.spent, state.reserved) == (D("0.004"), D(0))


def test_settling_twice_is_refused(ledger: SqliteLedger) -> None:
    for _ in range(2):
        one(ledger, WAYS["usual"])
    ticket, _ = one(ledger, WAYS["usual"])
    with pytest.raises(Exception, match="settled already"):
        ledger.settle(ticket, WAYS["usual"])
    assert [row["units"] for row in rows(ledger.path, "SELECT units FROM meter")] == ["3"]
    check_sums(ledger.path)
