"""What stands is reserved for the whole window of each budget that covers it; with calls it never passes the limit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing_support import START, instants, meter, meters, reckoned, row

from broker.errors import BudgetExceeded, LedgerUnavailable, Outcome
from broker.ledger import ChargeLine, Intent, Settlement, SpendQuery, SqliteLedger
from broker.types.budget import Action, Budget, BudgetState, Window
from broker.types.money import Billed, Tier, Unit, UsageSource
from broker.types.standing import StandingMeter

D = Decimal
AT = datetime(2026, 1, 15, 12, tzinfo=UTC)
MONTH = datetime(2026, 2, 1, tzinfo=UTC)


def budget(limit: str = "100", window: str = "month", **more: Any) -> Budget:
    return Budget(name="b", limit=D(limit), window=Window(text=window), **more)


def intent(at: datetime, bound: str | None = "1", **changes: Any) -> Intent:
    facts: dict[str, Any] = {
        "call_id": "call",
        "number": 1,
        "started": at,
        "provider": "words",
        "profile": "",
        "service": "words",
        "operation": "search.query",
        "region": None,
        "tags": {},
        "currency": "USD",
        "bound": None if bound is None else D(bound),
        "unpriced": None if bound is not None else "no row",
    }
    return Intent(**{**facts, **changes})


def paid(amount: str) -> Settlement:
    line = ChargeLine(
        sku="q",
        counter="q",
        unit=Unit.QUERY,
        quantity=D(1),
        source=UsageSource.MEASURED,
        units=D(1),
        amount=D(amount),
        bound=D(amount),
        price_id="p",
    )
    return Settlement(
        outcome=Outcome.DONE, billed=Billed.YES, latency=0.0, counters=(), charges=lambda _: (line,)
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    with closing(SqliteLedger(str(tmp_path / "ledger.db"))) as found:
        yield found


def only(ledger: SqliteLedger, at: datetime) -> BudgetState:
    (state,) = ledger.budgets(at)
    return state


@settings(max_examples=40, deadline=None)
@given(
    found=meters(), at=instants(60), window=st.sampled_from(["hour", "day", "month"]), units=st.integers(0, 5)
)
def test_a_calendar_window_reserves_to_its_end(
    found: list[StandingMeter], at: datetime, window: str, units: int
) -> None:
    with TemporaryDirectory() as folder, closing(SqliteLedger(f"{folder}/ledger.db")) as ledger:
        ledger.declare([budget("1000000", window)], at)
        ledger.stand(found, at)
        state = only(ledger, at)
    limits = Window(text=window)
    begin, end = limits.starts(at), limits.leaves(limits.bucket(at))
    slack = Fraction(len(found) * 40, 10**12)
    assert abs(Fraction(state.standing) - reckoned(found, begin, at)) <= slack
    whole = reckoned(found, begin, end)
    assert abs(Fraction(state.standing) + Fraction(state.standing_ahead) - whole) <= slack
    assert (state.spent, state.reserved) == (state.standing, state.standing_ahead)


@settings(max_examples=60, deadline=None)
@given(
    found=meters(),
    at=instants(50),
    window=st.sampled_from([("rolling 90m", 90), ("rolling 24h", 1440), ("rolling 7d", 10080)]),
    later=st.integers(0, 60),
)
def test_a_rolling_window_reserves_what_any_later_one_can_come_to(
    found: list[StandingMeter], at: datetime, window: tuple[str, int], later: int
) -> None:
    text, minutes = window
    with TemporaryDirectory() as folder, closing(SqliteLedger(f"{folder}/ledger.db")) as ledger:
        ledger.declare([budget("1000000", text)], at)
        ledger.stand(found, at)
        state = only(ledger, at)
    length = timedelta(minutes=minutes)
    then = at + length * later / 60  # what is spent now is in the window until then
    slack = Fraction(len(found) * 40, 10**12)
    assert reckoned(found, then - length, then) <= Fraction(state.standing + state.standing_ahead) + slack


def test_a_rolling_window_is_dearest_where_a_month_passes_into_a_cheaper_tier(ledger: SqliteLedger) -> None:
    ladder = (Tier(up_to=D(10), price=D(1)), Tier(up_to=None, price=D("0.1")))
    tiered = meter("a", START, None, row(tiers=ladder, counter="a"))
    ended = meter("b", START, MONTH, row("0.5", counter="b"))
    early, dearest = MONTH - timedelta(days=2), MONTH + timedelta(hours=10)
    ledger.declare([budget("1000", "rolling 7d")], early)
    ledger.stand([tiered, ended], early)
    whole = reckoned([tiered, ended], dearest - timedelta(days=7), dearest)
    assert whole == Fraction("104.8")
    assert only(ledger, early).reserved + only(ledger, early).spent >= D("104.8")


@st.composite
def ladders(draw: st.DrawFn) -> list[StandingMeter]:
    """Meters with tiers and counters of their own, which begin and end around the end of January."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        dear, cheap = draw(st.permutations([D("0.7"), D("0.1")]))
        ladder = (Tier(up_to=D(draw(st.integers(1, 60))), price=dear), Tier(up_to=None, price=cheap))
        since = START + timedelta(hours=draw(st.integers(0, 32 * 24)))
        until = draw(
            st.none() | st.integers(1, 10 * 24).map(lambda each, since=since: since + timedelta(hours=each))
        )
        counter = draw(st.sampled_from(["a", "b"]))
        price = row(begin=since.date(), tiers=draw(st.sampled_from([ladder, ladder[1:]])), counter=counter)
        found.append(meter(f"m{number}", since, until, price, units=draw(st.sampled_from(["1", "3"]))))
    return found


@settings(max_examples=60, deadline=None)
@given(found=ladders(), day=st.integers(20, 31), text=st.sampled_from(["rolling 24h", "rolling 3d"]))
def test_no_later_position_of_a_rolling_window_is_dearer_than_what_is_held(
    found: list[StandingMeter], day: int, text: str
) -> None:
    at = START + timedelta(days=day, hours=5)
    with TemporaryDirectory() as folder, closing(SqliteLedger(f"{folder}/ledger.db")) as ledger:
        ledger.declare([budget("1000000", text)], at)
        ledger.stand(found, at)
        state = only(ledger, at)
    length = timedelta(seconds=Window(text=text).length or 0)
    dearest = max(
        reckoned(found, at + step - length, at + step) for step in (length * n / 72 for n in range(73))
    )
    assert dearest <= Fraction(state.spent + state.reserved) + Fraction(len(found) * 40, 10**12)


@settings(max_examples=25, deadline=None)
@given(
    found=meters(most=2),
    window=st.sampled_from(["day", "month", "rolling 24h", "rolling 7d"]),
    calls=st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 2000)), min_size=1, max_size=25),
    limit=st.integers(1, 400),
)
def test_calls_and_what_stands_together_stay_below_the_limit(
    found: list[StandingMeter], window: str, calls: list[tuple[int, int]], limit: int
) -> None:
    """Unless what stands passes it by itself."""
    made: list[tuple[datetime, Fraction]] = []
    at = START
    with TemporaryDirectory() as folder, closing(SqliteLedger(f"{folder}/ledger.db")) as ledger:
        ledger.declare([budget(str(limit), window)], at)
        ledger.stand(found, at)
        for minutes, cents in calls:
            at += timedelta(minutes=minutes)
            amount = str(D(cents) / 100)
            try:
                ticket = ledger.announce(intent(at, amount))
            except BudgetExceeded:
                continue
            ledger.settle(ticket, paid(amount))
            made.append((at, Fraction(D(amount))))
    limits = Window(text=window)
    for last, _ in made:
        begin = limits.starts(last)
        spent = sum(amount for when, amount in made if begin <= when <= last)
        assert spent + reckoned(found, begin, last) <= limit


def test_a_budget_that_what_stands_uses_up_refuses_and_says_so(ledger: SqliteLedger) -> None:
    ledger.declare([budget("70")], AT)
    ledger.stand([meter()], AT)
    with pytest.raises(BudgetExceeded) as caught:
        ledger.announce(intent(AT))
    assert "allows $70.00: spent $34.80, reserved $39.60 for attempts under way and what stands" in str(
        caught.value
    )
    assert "what stands is $34.80 of the spent and $39.60 of the reserved" in str(caught.value)
    assert [alarm.share for alarm in caught.value.alarms] == [None]
    assert ledger.announce(intent(AT, "0")).alarms == (), "what is free goes on, and it is told once"


def test_what_ends_gives_its_rest_back_and_keeps_what_it_came_to(ledger: SqliteLedger) -> None:
    ledger.declare([budget("70")], AT)
    ledger.stand([meter()], AT)
    ledger.end_standing("docs", AT, AT)
    state = only(ledger, AT)
    assert (state.standing, state.standing_ahead, state.left) == (D("34.8"), D(0), D("35.2"))
    ledger.settle(ledger.announce(intent(AT)), paid("1"))
    assert only(ledger, AT).spent == D("35.8")


def test_room_that_comes_back_and_goes_again_is_news(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    with closing(SqliteLedger(path)) as one, closing(SqliteLedger(path)) as other:
        one.declare([budget("50")], AT)
        one.stand([meter()], AT)
        assert [alarm.share for alarm in one.announce(intent(AT, "0")).alarms] == [None]
        assert only(one, AT).used_up
        with pytest.raises(BudgetExceeded):
            one.announce(intent(AT))  # this one knows by heart that it was told
        other.end_standing("docs", AT, AT)
        assert not only(one, AT).used_up
        with pytest.raises(BudgetExceeded) as caught:
            one.announce(intent(AT, "20"))
        assert [alarm.share for alarm in caught.value.alarms] == [None]


def test_what_is_removed_never_stood(ledger: SqliteLedger) -> None:
    ledger.declare([budget("70")], AT)
    ledger.stand([meter()], AT)
    ledger.remove_standing("docs", AT, "a slip")
    assert only(ledger, AT).left == 70
    assert ledger.standing_spend(SpendQuery(), AT).rows == ()


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        ({}, True),
        ({"provider": "words"}, True),
        ({"provider": "words:prod"}, False),
        ({"provider": "other"}, False),
        ({"operation": "search.*"}, True),
        ({"operation": "search.query"}, True),
        ({"operation": "search.delete"}, False),
        ({"operation": "vision.*"}, False),
        ({"tags": (("team", "a"),)}, True),
        ({"tags": (("team", "b"),)}, False),
    ],
)
def test_which_budgets_cover_it(ledger: SqliteLedger, scope: dict[str, Any], covered: bool) -> None:
    ledger.declare([budget(**scope)], AT)
    ledger.stand([meter(tags=(("team", "a"), ("more", "x")))], AT)
    assert bool(only(ledger, AT).standing) is covered


def test_what_has_no_price_stops_what_costs_unless_the_budget_has_a_figure(ledger: SqliteLedger) -> None:
    ledger.declare([budget()], AT)
    ledger.stand([meter("docs", START, None, row(None))], AT)
    with pytest.raises(BudgetExceeded, match=r"docs \(words.hour\) stands: a test wants it so") as caught:
        ledger.announce(intent(AT))
    assert caught.value.alarms == ()
    assert 'with unpriced = "0.01" under [budgets.b]' in str(caught.value)
    ledger.announce(intent(AT, "0"))
    ledger.declare([budget(unpriced=D("0.01"))], AT)
    state = only(ledger, AT)
    assert (state.standing, state.standing_ahead) == (D("3.48"), D("3.96")), "a figure for each hour"
    ledger.announce(intent(AT))


def test_another_currency_is_as_good_as_no_price(ledger: SqliteLedger) -> None:
    ledger.declare([budget()], AT)
    ledger.stand([meter("docs", START, None, row(currency="EUR"))], AT)
    with pytest.raises(BudgetExceeded, match="it is priced in EUR"):
        ledger.announce(intent(AT))


def test_a_budget_that_warns_lets_everything_through(ledger: SqliteLedger) -> None:
    ledger.declare([budget("1", action=Action.WARN)], AT)
    ledger.stand([meter()], AT)
    ticket = ledger.announce(intent(AT))
    assert [alarm.share for alarm in ticket.alarms] == [None]


def test_alarms_come_with_calls_that_reserve_nothing_once_a_window(ledger: SqliteLedger) -> None:
    ledger.declare([budget("74.40", warn_at=(D("0.5"),))], AT)
    ledger.stand([meter()], AT)
    free = [ledger.announce(intent(AT + timedelta(hours=each), "0")).alarms for each in range(4)]
    assert [[alarm.share for alarm in each] for each in free] == [[D("0.5")], [], [], []]
    assert ledger.watch(AT) == ()
    (alarm,) = ledger.announce(intent(MONTH + timedelta(hours=1), "0")).alarms
    assert alarm.state.standing == D("0.1"), "a new month tells it anew"


def test_a_clock_that_jumps_counts_nothing_twice_and_loses_nothing(ledger: SqliteLedger) -> None:
    ledger.declare([budget("100000")], AT)
    ledger.stand([meter()], AT)
    before = ledger.standing_spend(SpendQuery(), AT)
    for jump in (400, -400, 30, -3):
        moved = AT + timedelta(days=jump)
        ledger.stand([meter()], moved)
        ledger.standing_spend(SpendQuery(), moved)
        ledger.announce(intent(moved, "0"))
        ledger.budgets(moved)
    assert ledger.standing_spend(SpendQuery(), AT) == before
    assert only(ledger, AT).standing == D("34.8")


def test_prices_of_days_that_have_passed_stay_and_unknown_ones_are_filled_in(ledger: SqliteLedger) -> None:
    unknown = row(None, end=date(2026, 1, 3))
    ledger.stand([meter("docs", START, None, unknown, row("1", begin=date(2026, 1, 3)))], AT)
    changed = ledger.stand([meter("docs", START, None, row("2"))], AT)
    assert [change for _, change in changed] == ["priced"]
    (kept,) = ledger.standing()
    assert [(each.begin.day, str(each.tiers[0].price)) for each in kept.prices] == [
        (1, "2"),
        (3, "1"),
        (15, "2"),
    ]
    early = AT - timedelta(days=9)  # a clock that was set back cannot reach behind that day
    ledger.stand([meter("docs", START, None, row("3"))], early)
    (kept,) = ledger.standing()
    assert [str(each.tiers[0].price) for each in kept.prices] == ["2", "1", "3"]
    assert kept.prices[-1].begin == AT.date()


def test_a_name_never_means_something_else(ledger: SqliteLedger) -> None:
    ledger.stand([meter()], AT)
    with pytest.raises(ValueError, match="another units, and what has stood is not rewritten"):
        ledger.stand([meter(units="2")], AT)
    assert ledger.stand([meter("docs", START, AT)], AT)[0][1] == "ended"
    assert ledger.stand([meter()], AT) == [], "settings without an end do not open it again"
    assert ledger.standing()[0].until == AT
    with pytest.raises(ValueError, match="'other'"):
        ledger.end_standing("other", AT, AT)


def test_without_a_ledger_it_is_declared_with_the_next_paid_attempt(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.write_text("no folder")
    with closing(SqliteLedger(str(folder / "ledger.db"))) as ledger:
        with pytest.raises(LedgerUnavailable):
            ledger.stand([meter()], AT)
        folder.unlink()
        ledger.announce(intent(AT))
        assert [each.name for each in ledger.standing()] == ["docs"]
