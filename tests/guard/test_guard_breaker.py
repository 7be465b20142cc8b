"""When a target is shut, for how long, who may try it, and what brings it back."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.errors import Outcome
from broker.guard.breaker import (
    AUTH_SECONDS,
    COUNTED,
    TRIAL_PATIENCE,
    TRIALS_IN_A_ROW,
    Breaker,
    Cause,
    Limits,
    Shut,
    State,
)
from broker.guard.window import Window

NEUTRAL = [outcome for outcome in Outcome if outcome not in COUNTED and outcome is not Outcome.QUOTA_DEAD]


def feed(breaker: Breaker, outcomes: Sequence[Outcome], now: float = 0.0, seconds: float = 0.1) -> None:
    """Requests one after the other, as long as they may go out."""
    for outcome in outcomes:
        ticket = breaker.enter(now)
        assert isinstance(ticket, int), f"shut before all were sent: {ticket}"
        breaker.record(ticket, outcome, seconds, now)


def opened(now: float = 0.0, **limits: float) -> Breaker:
    breaker = Breaker(Limits(**limits), now)  # type: ignore[arg-type]
    feed(breaker, [Outcome.SERVER] * 5, now)
    assert breaker.state is State.OPEN
    return breaker


def trial(breaker: Breaker, now: float) -> int:
    ticket = breaker.enter(now)
    assert isinstance(ticket, int)
    assert ticket < 0, "a trial"
    return ticket


@pytest.mark.parametrize("outcome", sorted(COUNTED), ids=lambda each: each.value)
def test_failures_in_a_row_open_it(outcome: Outcome) -> None:
    needed = 3 if outcome is Outcome.NOT_SENT else 5
    breaker = Breaker(Limits(), 0.0)
    feed(breaker, [outcome] * (needed - 1))
    assert breaker.state is State.CLOSED
    feed(breaker, [outcome])
    assert breaker.state is State.OPEN
    assert breaker.cause is (Cause.UNREACHABLE if needed == 3 else Cause.FAILURES)


@pytest.mark.parametrize("outcome", NEUTRAL, ids=lambda each: each.value)
def test_what_is_not_its_failure_never_opens_it(outcome: Outcome) -> None:
    breaker = Breaker(Limits(), 0.0)
    feed(breaker, [outcome] * 100)
    assert breaker.state is State.CLOSED
    assert breaker.window.failures == 0


def test_a_success_ends_a_row_and_an_answer_ends_a_row_of_unreached() -> None:
    breaker = Breaker(Limits(min_calls=1000), 0.0)
    feed(breaker, [*[Outcome.SERVER] * 4, Outcome.DONE] * 3)
    feed(breaker, [Outcome.NOT_SENT, Outcome.NOT_SENT, Outcome.REJECTED, Outcome.NOT_SENT, Outcome.NOT_SENT])
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize(
    ("outcomes", "opens"),
    [
        ("DFDFDFDFD", False),  # half of them, but nine are too few
        ("DFDFDFDFDF", True),
        ("DDDDDDFFFF", False),
        ("DDDDDDFFFDFFDFF", False),
        ("DDDDDDFFFDFFDFFDFF", True),
    ],
)
def test_half_of_at_least_ten_failing_opens_it(outcomes: str, opens: bool) -> None:
    breaker = Breaker(Limits(), 0.0)
    feed(breaker, [Outcome.DONE if each == "D" else Outcome.SERVER for each in outcomes])
    assert (breaker.state is State.OPEN) is opens


def test_failures_of_another_minute_do_not_count() -> None:
    breaker = Breaker(Limits(), 1000.0)
    feed(breaker, [Outcome.DONE, Outcome.SERVER] * 4, 1000.0)
    feed(breaker, [Outcome.DONE, Outcome.SERVER] * 4, 1061.1)
    assert breaker.state is State.CLOSED
    feed(breaker, [Outcome.DONE, Outcome.SERVER], 1062.0)
    assert breaker.state is State.OPEN


def test_half_of_at_least_ten_being_slow_opens_it_whatever_they_answer() -> None:
    breaker = Breaker(Limits(slow_call_seconds=2.0), 0.0)
    feed(breaker, [Outcome.DONE] * 5, seconds=2.0)
    feed(breaker, [Outcome.DONE, Outcome.REJECTED] * 2, seconds=2.1)
    assert breaker.state is State.CLOSED
    feed(breaker, [Outcome.DONE], seconds=2.1)
    assert breaker.state is State.OPEN
    assert breaker.cause is Cause.SLOW


def test_requests_are_counted_when_they_are_sent() -> None:
    breaker = Breaker(Limits(failures_in_a_row=100), 0.0)
    tickets = [breaker.enter(0.0) for _ in range(10)]
    assert breaker.view(0.0).calls == 10
    for ticket in tickets[:5]:
        assert isinstance(ticket, int)
        breaker.record(ticket, Outcome.SERVER, 0.1, 0.1)
    assert breaker.state is State.OPEN, "five of ten, though the others are still on their way"


def test_an_open_one_lets_nothing_out_and_says_until_when() -> None:
    breaker = opened(100.0)
    shut = breaker.enter(129.9)
    assert isinstance(shut, Shut)
    assert (shut.state, shut.since, shut.until) == (State.OPEN, 100.0, 130.0)
    assert breaker.shut(129.9) == shut
    assert breaker.shut(130.0) is None, "looking claims nothing"
    assert breaker.shut(130.0) is None


def test_it_stays_open_twice_as_long_each_time_up_to_the_longest() -> None:
    breaker, now, spans = opened(0.0), 0.0, []
    for _ in range(6):
        assert breaker.until is not None
        spans.append(breaker.until - now)
        now = breaker.until
        breaker.record(trial(breaker, now), Outcome.SERVER, 0.1, now)
    assert spans == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]
    assert breaker.until is not None
    now = breaker.until
    breaker.record(trial(breaker, now), Outcome.DONE, 0.1, now)
    assert breaker.state is State.CLOSED
    feed(breaker, [Outcome.SERVER] * 5, now)
    assert breaker.until == now + 30.0, "a success begins anew"


def test_a_success_that_tells_nothing_need_not_be_recorded() -> None:
    breaker = Breaker(Limits(), 0.0)
    ticket = breaker.enter(0.0)
    assert isinstance(ticket, int)
    assert breaker.spotless(ticket, 20.0)
    assert not breaker.spotless(ticket, 20.1), "slow"
    feed(breaker, [Outcome.SERVER])
    assert not breaker.spotless(ticket, 0.1), "it ends a row"
    feed(breaker, [Outcome.DONE])
    assert breaker.spotless(ticket, 0.1)
    assert not opened().spotless(trial(opened(), 30.0), 0.1), "a trial"


def test_one_trial_at_a_time_and_one_success_closes() -> None:
    breaker = opened()
    ticket = trial(breaker, 30.0)
    other = breaker.enter(30.0)
    assert isinstance(other, Shut)
    assert other.state is State.HALF_OPEN
    assert breaker.record(ticket, Outcome.DONE, 0.1, 30.5)
    assert breaker.state is State.CLOSED
    feed(breaker, [Outcome.SERVER] * 4, 31.0)
    assert breaker.state is State.CLOSED, "failures before count no more"


def test_a_recovery_begins_with_an_empty_window() -> None:
    breaker = Breaker(Limits(failures_in_a_row=100), 0.0)
    feed(breaker, [Outcome.SERVER] * 10)
    breaker.record(trial(breaker, 30.0), Outcome.DONE, 0.1, 30.0)
    feed(breaker, [Outcome.SERVER] * 9, 31.0)
    assert breaker.state is State.CLOSED
    assert breaker.view(31.0).calls == 9


def test_a_slow_success_is_no_recovery() -> None:
    breaker = opened()
    breaker.record(trial(breaker, 30.0), Outcome.DONE, 21.0, 51.0)
    assert breaker.state is State.OPEN


@pytest.mark.parametrize(
    ("told_nothing", "ends"),
    [
        (Outcome.THROTTLED, State.CLOSED),
        (Outcome.REJECTED, State.CLOSED),
        (Outcome.UNKNOWN, State.OPEN),
        (None, State.OPEN),
    ],
)
def test_at_most_three_trials_that_tell_nothing(told_nothing: Outcome | None, ends: State) -> None:
    breaker = opened()
    for number in range(TRIALS_IN_A_ROW):
        assert breaker.state is (State.OPEN if number == 0 else State.HALF_OPEN)
        breaker.record(trial(breaker, 30.0 + number), told_nothing, 0.1, 30.0 + number)
    assert breaker.state is ends


def test_a_trial_that_was_not_sent_gives_its_place_back() -> None:
    breaker = opened()
    for _ in range(10):
        breaker.withdraw(trial(breaker, 30.0))
    breaker.record(trial(breaker, 30.0), Outcome.DONE, 0.1, 30.0)
    assert breaker.state is State.CLOSED


def test_a_trial_that_is_never_heard_of_again_does_not_shut_it_for_ever() -> None:
    breaker = opened()
    lost = trial(breaker, 30.0)
    assert isinstance(breaker.enter(30.0 + TRIAL_PATIENCE - 0.1), Shut)
    second = trial(breaker, 30.0 + TRIAL_PATIENCE)
    assert not breaker.record(lost, Outcome.DONE, 0.1, 91.0), "too late to tell"
    breaker.record(second, Outcome.SERVER, 0.1, 91.0)
    assert breaker.state is State.OPEN


def test_what_was_sent_before_a_change_changes_nothing_after_it() -> None:
    breaker = Breaker(Limits(), 0.0)
    early = [breaker.enter(0.0) for _ in range(10)]
    feed(breaker, [Outcome.NOT_SENT] * 3)
    for ticket, outcome in zip(early, [Outcome.DONE, Outcome.SERVER] * 5, strict=True):
        assert isinstance(ticket, int)
        assert not breaker.record(ticket, outcome, 0.1, 31.0)
        breaker.withdraw(ticket)
    assert breaker.state is State.OPEN
    assert breaker.until == 30.0


def test_refused_credentials_isolate_and_are_tried_once_a_minute() -> None:
    breaker = Breaker(Limits(), 0.0)
    ticket = breaker.enter(10.0)
    assert isinstance(ticket, int)
    assert breaker.record(ticket, Outcome.REJECTED, 0.1, 10.0, denied=True, told="AuthFailed HTTP 401")
    assert (breaker.state, breaker.cause) == (State.ISOLATED, Cause.AUTH)
    assert "AuthFailed HTTP 401" in breaker.reason
    now = 10.0
    for _ in range(4):
        assert isinstance(breaker.enter(now + AUTH_SECONDS - 1), Shut)
        now += AUTH_SECONDS
        ticket = trial(breaker, now)
        assert isinstance(breaker.enter(now), Shut), "one at a time"
        breaker.record(ticket, Outcome.REJECTED, 0.1, now, denied=True)
        assert breaker.until == now + AUTH_SECONDS
    now += AUTH_SECONDS
    breaker.record(trial(breaker, now), Outcome.DONE, 0.1, now)
    assert breaker.state is State.CLOSED, "a renewed key heals without a restart"


@pytest.mark.parametrize(
    ("outcome", "ends"),
    [
        (Outcome.REJECTED, State.CLOSED),  # the input was refused, so the credentials were not
        (Outcome.THROTTLED, State.CLOSED),
        (Outcome.SERVER, State.OPEN),
        (Outcome.NOT_SENT, State.OPEN),
        (Outcome.UNKNOWN, State.ISOLATED),
        (None, State.ISOLATED),
    ],
)
def test_what_a_trial_of_credentials_tells(outcome: Outcome | None, ends: State) -> None:
    breaker = Breaker(Limits(), 0.0)
    breaker.deny(0.0, "")
    assert breaker.state is State.ISOLATED
    breaker.record(trial(breaker, 60.0), outcome, 0.1, 60.0)
    assert breaker.state is ends
    if ends is State.ISOLATED:
        assert isinstance(breaker.enter(119.0), Shut)
        trial(breaker, 120.0)


def test_credentials_refused_on_a_trial_isolate_though_they_might_have_been_renewed() -> None:
    breaker = opened()
    breaker.withdraw(trial(breaker, 30.0))  # as the stage does, until it is known that there are no others
    assert not breaker.deny(30.5, "AuthFailed"), "it was shut before"
    assert (breaker.state, breaker.cause, breaker.until) == (State.ISOLATED, Cause.AUTH, 90.5)
    still = opened()
    assert not still.deny(1.0, "")
    assert still.state is State.OPEN, "an answer to an earlier request"


def test_a_used_up_quota_waits_for_its_reset_or_longer_and_longer() -> None:
    breaker = Breaker(Limits(), 0.0)
    ticket = breaker.enter(0.0)
    assert isinstance(ticket, int)
    breaker.record(ticket, Outcome.QUOTA_DEAD, 0.1, 0.0, retry_in=7200.0)
    assert (breaker.cause, breaker.until) == (Cause.QUOTA, 7200.0)
    now, spans = 7200.0, []
    for _ in range(6):
        breaker.record(trial(breaker, now), Outcome.QUOTA_DEAD, 0.1, now)
        assert breaker.until is not None
        spans.append(breaker.until - now)
        now = breaker.until
    assert spans == [120.0, 240.0, 480.0, 600.0, 600.0, 600.0]
    breaker.reset(now)
    ticket = breaker.enter(now)
    assert isinstance(ticket, int)
    breaker.record(ticket, Outcome.QUOTA_DEAD, 0.1, now)
    assert breaker.until == now + 60.0


def test_by_hand_it_stays_shut_until_reset() -> None:
    breaker = Breaker(Limits(), 0.0)
    running = breaker.enter(0.0)
    assert isinstance(running, int)
    breaker.isolate(1.0, "a bill to clear")
    assert not breaker.record(running, Outcome.DONE, 0.1, 2.0)
    assert not breaker.deny(3.0, "")
    shut = breaker.enter(1e9)
    assert isinstance(shut, Shut)
    assert (shut.state, shut.cause, shut.reason, shut.until) == (
        State.ISOLATED,
        Cause.MANUAL,
        "a bill to clear",
        None,
    )
    breaker.reset(2e9)
    assert isinstance(breaker.enter(2e9), int)


def test_switched_off_it_opens_for_nothing_but_a_hand() -> None:
    breaker = Breaker(Limits(enabled=False), 0.0)
    for outcome in (*[Outcome.NOT_SENT] * 20, *[Outcome.QUOTA_DEAD] * 20):
        ticket = breaker.enter(0.0)
        assert isinstance(ticket, int)
        breaker.record(ticket, outcome, 100.0, 0.0, denied=True)
    assert breaker.state is State.CLOSED
    assert breaker.view(0.0).failures == 20
    breaker.isolate(0.0, "off")
    assert isinstance(breaker.enter(0.0), Shut)


def test_threads_get_one_trial_between_them_and_no_request_is_lost_from_the_count() -> None:
    breaker = Breaker(Limits(failures_in_a_row=10**6, min_calls=10**6), 0.0)

    def hammer() -> None:
        for _ in range(2000):
            ticket = breaker.enter(5.0)
            assert isinstance(ticket, int)
            breaker.record(ticket, Outcome.SERVER, 0.1, 5.0)

    run(hammer, 4)
    view = breaker.view(5.0)
    assert (view.calls, view.failures) == (8000, 8000)

    shut = opened()
    trials: list[int | Shut] = []
    run(lambda: trials.append(shut.enter(30.0)), 8)
    assert len([each for each in trials if isinstance(each, int)]) == 1


def run(work: object, number: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]  # type: ignore[arg-type]
    for each in threads:
        each.start()
    for each in threads:
        each.join(90)
        assert not each.is_alive()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.sampled_from(["sent", "failed", "slow"])), max_size=60),
    st.sampled_from([1.0, 10.0, 60.0]),
)
def test_the_window_counts_what_a_list_would_to_the_bucket(
    steps: list[tuple[float, str]], seconds: float
) -> None:
    window, now, events = Window(seconds), 1000.0, []
    for pause, kind in steps:
        now += pause
        {"sent": window.sent, "failed": window.failed, "slow": window.was_slow}[kind](now)
        events.append((now, kind))
    window.roll(now)
    bucket = seconds / 60
    for kind, counted in (("sent", window.calls), ("failed", window.failures), ("slow", window.slow)):
        least = sum(1 for at, each in events if each == kind and at > now - seconds + bucket)
        most = sum(1 for at, each in events if each == kind and at > now - seconds - bucket)
        assert least <= counted <= most


def test_a_clock_read_a_moment_late_by_another_thread_loses_no_count() -> None:
    window = Window(60.0)
    for _ in range(200):
        window.sent(100.0)
        window.sent(99.9)
    assert window.calls == 400
    assert window.rate(100.0, 99.0) == 400.0
