"""The allocation rule: a day's cost in equal parts to its answered attempts; to the last digit nothing is lost."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing_support import START, meter, reckoned, row
from test_standing_budgets import intent, paid

from broker.errors import Outcome
from broker.ledger import Settlement, SpendQuery, SqliteLedger
from broker.types.money import Billed
from broker.types.standing import StandingMeter, StandingSpend

D = Decimal
DAYS = 4
AT = START + timedelta(days=DAYS)
FAILED = Settlement(
    outcome=Outcome.BAD_REPLY,
    billed=Billed.YES,
    latency=0.0,
    counters=(),
    charges=lambda _: (),
    error="MalformedReply",
)
CALLS = st.lists(
    st.tuples(
        st.integers(0, DAYS - 1),
        st.sampled_from(["search.query", "search.upsert", "vision.label"]),
        st.sampled_from(["words", "other"]),
        st.sampled_from(["", "a", "b"]),
        st.booleans(),
    ),
    max_size=20,
)
METERS = st.sampled_from(
    [
        (meter("a", START + timedelta(hours=5), None, row("0.1000000007")),),
        (
            meter("a", START, START + timedelta(days=2, hours=3), operations=("search.query",)),
            meter("b", START + timedelta(days=1), None, row("0.7"), units="3"),
        ),
        (meter("a", provider="other"), meter("b", START, None, row("0.3", currency="EUR"))),
    ]
)


def asked(
    found: tuple[StandingMeter, ...], calls: list[tuple[int, str, str, str, bool]], query: SpendQuery
) -> StandingSpend:
    with TemporaryDirectory() as folder, closing(SqliteLedger(f"{folder}/ledger.db")) as ledger:
        ledger.stand(found, START)
        for day, operation, provider, tag, answered in calls:
            started = START + timedelta(days=day, hours=3)
            tags = {"team": tag} if tag else {}
            made = intent(started, "1", operation=operation, provider=provider, tags=tags)
            ledger.settle(ledger.announce(made), paid("1") if answered else FAILED)
        return ledger.standing_spend(query, AT)


@settings(max_examples=50, deadline=None)
@given(
    found=METERS, calls=CALLS, by=st.sampled_from([("operation",), ("day", "provider"), ("tag:team",), ()])
)
def test_shares_are_those_of_an_independent_reckoning(
    found: tuple[StandingMeter, ...], calls: list[tuple[int, str, str, str, bool]], by: tuple[str, ...]
) -> None:
    got = asked(found, calls, SpendQuery(by=by))
    wanted: Counter[tuple[tuple[str, ...], str]] = Counter()
    shares: dict[tuple[tuple[str, ...], str], Fraction] = {}
    allocated: dict[str, Fraction] = {each.name: Fraction(0) for each in found}
    served: set[tuple[int, str]] = set()
    for each in found:
        for day in range(DAYS):
            begin = START + timedelta(days=day)
            cost = reckoned([each], begin, begin + timedelta(days=1))
            users = [
                (number, call)
                for number, call in enumerate(calls)
                if call[0] == day and call[4] and call[2] == each.provider and call[1] in each.operations
            ]
            stands = each.begins < begin + timedelta(days=1) and (each.ends is None or each.ends > begin)
            for number, (_, operation, provider, tag, _) in users if stands else ():
                allocated[each.name] += cost / len(users)
                values = {
                    "operation": operation,
                    "day": f"{begin:%Y-%m-%d}",
                    "provider": provider,
                    "tag:team": tag,
                }
                if "tag:team" in by and not tag:
                    continue
                key = (tuple(values[name] for name in by), each.prices[0].currency)
                shares[key] = shares.get(key, Fraction(0)) + cost / len(users)
                if (number, key[1]) not in served:
                    served.add((number, key[1]))
                    wanted[key] += 1
    slack = Fraction(DAYS * 20, 10**12)
    assert {(each.group, each.currency): each.attempts for each in got.allocated} == dict(wanted)
    for each in got.allocated:
        assert abs(Fraction(each.amount) - shares[each.group, each.currency]) <= slack
    for line in got.rows:
        assert line.amount is not None
        assert line.allocated + line.idle == line.amount
        assert abs(Fraction(line.allocated) - allocated[line.name]) <= slack
    if "tag:team" not in by:  # else some have none
        for currency, total in got.totals.items():
            parts = sum(each.amount for each in got.allocated if each.currency == currency)
            idle = sum(each.idle for each in got.rows if each.currency == currency)
            assert parts + idle == total


CALLED = [(1, "search.query", "words", "a", True)] * 2 + [(1, "search.upsert", "words", "", True)]


def test_a_filter_leaves_the_others_their_share() -> None:
    got = asked((meter(),), CALLED, SpendQuery(by=("operation",), where={"operation": "search.upsert"}))
    assert [(each.group, each.amount) for each in got.allocated] == [(("search.upsert",), D("0.8"))]
    assert got.rows[0].allocated == D("2.4")
    assert asked((meter(),), CALLED, SpendQuery(where={"provider": "other"})).rows == ()
    assert asked((meter(),), CALLED, SpendQuery(where={"operation": "vision.label"})).rows == ()


def test_parts_that_cannot_be_equal_still_add_up() -> None:
    calls = [*CALLED, *CALLED, (1, "search.upsert", "words", "b", True)]  # 2.4 for 4 and 3 attempts
    for by in (("operation",), ("operation", "kind", "day")):
        got = asked((meter(),), calls, SpendQuery(by=by))
        parts = [each.amount for each in got.allocated]
        assert len(parts) == 2
        assert sum(parts) == D("2.4") == got.rows[0].allocated


def test_days_asked_for() -> None:
    def amounts(since: int, until: int) -> list[tuple[Decimal | None, Decimal]]:
        query = SpendQuery(since=date(2026, 1, since), until=date(2026, 1, until))
        return [(each.amount, each.idle) for each in asked((meter(),), CALLED, query).rows]

    assert amounts(2, 2) == [(D("2.4"), D(0))]
    assert amounts(3, 4) == [(D("4.8"), D("4.8"))]
    assert amounts(4, 31) == [(D("2.4"), D("2.4"))], "to now, not beyond"
    assert amounts(20, 31) == []


def test_failed_attempts_have_no_share() -> None:
    calls = [(1, "search.query", "words", "", False), (1, "search.upsert", "words", "", True)]
    got = asked((meter(),), calls, SpendQuery(by=("operation",)))
    assert [(each.group, each.attempts, each.amount) for each in got.allocated] == [
        (("search.upsert",), 1, D("2.4"))
    ]


def test_unknown_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be grouped by 'nonsense'"):
        asked((meter(),), [], SpendQuery(by=("nonsense",)))
