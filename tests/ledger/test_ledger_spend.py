"""Spend reports: exact sums by day, month, provider, operation and tag, and no way to say SQL."""

from __future__ import annotations

import decimal
import json
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledger_support import DAY, check_sums, intent, one, rows, settlement

from broker.ledger import SpendQuery, SqliteLedger

D = Decimal


@pytest.fixture
def ledger(tmp_path: Path) -> Any:
    with closing(SqliteLedger(str(tmp_path / "ledger.db"))) as found:
        yield found


def amounts(ledger: SqliteLedger, **query: Any) -> dict[tuple[str, ...], Decimal]:
    return {row.group: row.amount for row in ledger.spend(SpendQuery(**query))}


def test_an_empty_ledger_has_spent_nothing(ledger: SqliteLedger) -> None:
    assert ledger.spend(SpendQuery()) == []


def test_spend_by_every_dimension(ledger: SqliteLedger) -> None:
    later = DAY + timedelta(days=20)
    one(ledger, settlement("1"))
    one(ledger, settlement("2"), provider="aws", profile="eu", tags={"project": "atlas"})
    one(ledger, settlement("4"), provider="aws", operation="vision.detect_text", started=later)
    one(ledger, settlement("8"), started=later, tags={"project": "zeus", "team": "x"})
    assert amounts(ledger) == {
        ("aws", "vision.detect_text"): 4,
        ("aws", "vision.label"): 2,
        ("fake", "vision.label"): 9,
    }
    assert amounts(ledger, by=("day",)) == {("2026-03-14",): 3, ("2026-04-03",): 12}
    assert amounts(ledger, by=("month", "provider")) == {
        ("2026-03", "aws"): 2,
        ("2026-03", "fake"): 1,
        ("2026-04", "aws"): 4,
        ("2026-04", "fake"): 8,
    }
    assert amounts(ledger, by=("profile",)) == {("",): 13, ("eu",): 2}
    assert amounts(ledger, by=("tag:project",)) == {("atlas",): 2, ("zeus",): 8}
    assert amounts(ledger, by=("provider", "tag:project", "month")) == {
        ("aws", "atlas", "2026-03"): 2,
        ("fake", "zeus", "2026-04"): 8,
    }
    assert amounts(ledger, by=("tag:none",)) == {}
    assert amounts(ledger, by=(), where={"provider": "aws", "operation": "vision.label"}) == {(): 2}


@pytest.mark.parametrize("settled", [True, False], ids=["settled", "open"])
def test_since_and_until_are_inclusive_days(ledger: SqliteLedger, settled: bool) -> None:
    for day in range(1, 6):
        started = datetime(2026, 3, day, 23, 59, 59, tzinfo=UTC)
        if settled:
            one(ledger, started=started)
        else:
            ledger.announce(intent(started=started))

    def days(since: date | None = None, until: date | None = None) -> list[int]:
        return [
            int(row.group[0][-2:]) for row in ledger.spend(SpendQuery(by=("day",), since=since, until=until))
        ]

    assert days() == [1, 2, 3, 4, 5]
    assert days(since=date(2026, 3, 3)) == [3, 4, 5]
    assert days(until=date(2026, 3, 3)) == [1, 2, 3]
    assert days(date(2026, 3, 2), date(2026, 3, 2)) == [2]
    assert days(date(2026, 3, 4), date(2026, 3, 2)) == []
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)  # a datetime is a date to Python
    assert days(since=noon) == [3, 4, 5]
    assert days(until=noon) == [1, 2, 3]


def test_open_attempts_are_grouped_and_filtered_like_settled_ones(ledger: SqliteLedger) -> None:
    ledger.announce(intent(provider="aws", tags={"project": "atlas"}, bound=D("0.5")))
    ledger.announce(intent(bound=D("0.25")))
    for query in (SpendQuery(by=("tag:project",)), SpendQuery(by=("provider",), where={"provider": "aws"})):
        (row,) = ledger.spend(query)
        assert (row.attempts, row.open, row.at_risk, row.amount) == (1, 1, D("0.5"), 0)


def test_currencies_are_never_added_up(ledger: SqliteLedger) -> None:
    one(ledger, settlement("1"))
    one(ledger, settlement("2"), currency="EUR")
    assert [(row.currency, row.amount) for row in ledger.spend(SpendQuery(by=()))] == [("EUR", 2), ("USD", 1)]


def test_sums_beyond_what_one_integer_holds_are_exact(ledger: SqliteLedger, tmp_path: Path) -> None:
    for _ in range(5):
        one(ledger, settlement("9000000.000000000001"), bound=D("9000000.000000000001"))
        ledger.announce(intent(bound=D("9000000.000000000001")))
    (row,) = ledger.spend(SpendQuery(by=()))
    assert row.amount == D("45000000.000000000005")
    assert row.at_risk == D("45000000.000000000005")
    check_sums(tmp_path / "ledger.db")


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.integers(0, 9 * 10**18), min_size=1, max_size=8), st.integers(3, 40))
def test_any_amounts_of_twelve_decimals_sum_exactly_in_any_decimal_context(
    tmp_path_factory: pytest.TempPathFactory, picos: list[int], precision: int
) -> None:
    path = tmp_path_factory.mktemp("sums") / "ledger.db"
    with (
        closing(SqliteLedger(str(path))) as ledger,
        decimal.localcontext(decimal.Context(prec=precision, rounding=decimal.ROUND_UP)),
    ):
        for pico in picos:
            _, settled = one(ledger, settlement(f"{pico}e-12"))
            assert settled.amount == D(f"{pico}e-12")
        (row,) = ledger.spend(SpendQuery(by=()))
    assert row.amount == D(f"{sum(picos)}e-12")
    check_sums(path)


@pytest.mark.parametrize("amount", ["9300000", "0.0000000000001", "NaN", "Infinity"])
def test_an_amount_the_ledger_cannot_hold_is_refused_and_never_rounded(
    ledger: SqliteLedger, amount: str
) -> None:
    from broker.errors import LedgerUnavailable

    with pytest.raises((LedgerUnavailable, decimal.InvalidOperation)):
        ledger.announce(intent(bound=D(amount)))


NASTY = [
    "%",
    "_",
    "a=b=c",
    "it's",
    'say "hi"',
    "'; DROP TABLE spend; --",
    "ünïcödé 漢字 🦊",
    "",
    "tag:project",
    "\\",
    "a\nb",
]


@pytest.mark.parametrize("value", NASTY)
def test_tags_of_any_text_are_kept_apart_and_found(ledger: SqliteLedger, tmp_path: Path, value: str) -> None:
    one(ledger, settlement("1"), tags={"project": value, "team": "x"})
    one(ledger, settlement("2"), tags={"project": "plain", "projects": "other"})
    one(ledger, settlement("4"))
    ledger.announce(intent(tags={"project": value}))
    assert amounts(ledger, by=("tag:project",)) == {(value,): 1, ("plain",): 2}
    by_tag = {row.group: row.attempts for row in ledger.spend(SpendQuery(by=("tag:project",)))}
    assert by_tag == {(value,): 2, ("plain",): 1}
    assert amounts(ledger, by=()) == {(): 7}
    assert {json.loads(row["tags"]).get("project") for row in rows(tmp_path / "ledger.db")} == {
        value,
        "plain",
        None,
    }


@pytest.mark.parametrize("key", ["%", "_", "p%", "pro_ect", "project' OR '1'='1", "ünï", "=", "a=", "'"])
def test_a_tags_key_is_compared_whole_and_is_no_pattern(ledger: SqliteLedger, key: str) -> None:
    one(ledger, settlement("1"), tags={"project": "a"})
    assert amounts(ledger, by=(f"tag:{key}",)) == {}


@pytest.mark.parametrize(
    "by",
    [
        ("nonsense",),
        ("tag:",),
        ("amount",),
        ("day; DROP TABLE spend",),
        ("tag:a", "tag:b"),
        ("1",),
        ("",),
        ("tag",),
    ],
)
def test_what_spend_cannot_be_grouped_by_is_refused(ledger: SqliteLedger, by: tuple[str, ...]) -> None:
    one(ledger)
    with pytest.raises(ValueError, match="spend can"):
        ledger.spend(SpendQuery(by=by))
    assert amounts(ledger, by=()) == {(): D("0.001")}, "and the ledger can be used afterwards"


@pytest.mark.parametrize("name", ["nonsense", "tag:project", "provider = '' OR 1=1 --", "day"])
def test_what_spend_cannot_be_filtered_by_is_refused(ledger: SqliteLedger, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be filtered"):
        ledger.spend(SpendQuery(where={name: "x"}))


@pytest.mark.parametrize("value", NASTY)
def test_a_filters_value_is_a_value(ledger: SqliteLedger, value: str) -> None:
    one(ledger, settlement("1"), provider="fake")
    one(ledger, settlement("2"), provider=value)
    assert amounts(ledger, by=("provider",), where={"provider": value}) == {(value,): 2}


def test_the_report_is_read_from_the_rollup_and_stays_quick(ledger: SqliteLedger) -> None:
    import time

    for number in range(2000):
        one(ledger, number=number)
    started = time.process_time()
    for _ in range(20):
        ledger.spend(SpendQuery())
    assert time.process_time() - started < 0.2
