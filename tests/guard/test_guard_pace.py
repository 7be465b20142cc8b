"""How fast a target is asked: set, and found by being throttled; places are kept in order and given back."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.guard.pace import LONGEST_HINT, SLOWEST, Pace


def places(pace: Pace, number: int, now: float) -> list[float]:
    return [round(pace.reserve(now).at - now, 6) for _ in range(number)]


def throttle(pace: Pace, now: float, *, seen: float, hint: float | None = None) -> None:
    pace.throttled(now, sent_at=now, seen=seen, hint=hint)


def test_without_a_rate_nobody_waits() -> None:
    pace = Pace(None, 0.0)
    assert places(pace, 1000, 0.0) == [0.0] * 1000
    assert not pace.limited
    assert pace.rate(0.0) is None


def test_a_set_rate_may_be_used_for_one_second_at_once_and_is_kept_then() -> None:
    pace = Pace(4.0, 100.0)
    assert pace.limited
    assert places(pace, 8, 100.0) == [0.0, 0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0]
    assert places(pace, 2, 102.0) == [0.0, 0.0], "time brings places back"


def test_a_rate_below_one_a_second_has_no_burst() -> None:
    assert places(Pace(0.5, 0.0), 3, 0.0) == [0.0, 2.0, 4.0]


@settings(max_examples=200, deadline=None)
@given(
    rate=st.sampled_from([0.3, 1.0, 2.0, 7.0, 50.0]),
    steps=st.lists(st.tuples(st.floats(0, 3), st.booleans()), min_size=1, max_size=80),
)
def test_a_set_rate_is_never_passed_in_any_span_whoever_gives_back(
    rate: float, steps: list[tuple[float, bool]]
) -> None:
    pace, now, sent = Pace(rate, 0.0), 0.0, []
    for pause, gives_back in steps:
        now += pause
        place = pace.reserve(now)
        assert place.at >= now
        if gives_back:
            pace.give_back(place)
        else:
            sent.append(place.at)
    sent.sort()
    burst = max(1.0, rate)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            assert last - first + 1 <= burst + rate * (sent[last] - sent[first]) + 1 + 1e-6


def test_a_place_given_back_is_the_next_ones() -> None:
    pace = Pace(1.0, 0.0)
    first, second, third = (pace.reserve(0.0) for _ in range(3))
    assert [first.at, second.at, third.at] == [0.0, 1.0, 2.0]
    pace.give_back(second)
    assert pace.reserve(0.5).at == 1.0
    assert pace.reserve(0.5).at == 3.0
    last = pace.reserve(0.5)
    pace.give_back(last)
    assert pace.reserve(0.5).at == last.at


def test_a_place_that_has_passed_is_not_given_again() -> None:
    pace = Pace(1.0, 0.0)
    _, second, _ = (pace.reserve(0.0) for _ in range(3))
    pace.give_back(second)
    assert pace.reserve(1.5).at == 3.0


@pytest.mark.parametrize(
    ("hint", "held"), [(0.5, 0.5), (5.0, 5.0), (60.0, 60.0), (61.0, 60.0), (120.0, 60.0)]
)
def test_nobody_sends_before_the_hint_which_counts_up_to_a_minute(hint: float, held: float) -> None:
    pace = Pace(None, 0.0)
    throttle(pace, 100.0, seen=8.0, hint=hint)
    first, second = places(pace, 2, 100.0)
    assert first == held
    assert held < second <= held + 0.25, "half of eight a second, recovering"
    assert held <= LONGEST_HINT


def test_throttling_makes_waiting_places_void() -> None:
    pace = Pace(2.0, 0.0)
    waiting = [pace.reserve(0.0) for _ in range(10)]
    assert not any(pace.void(each) for each in waiting)
    throttle(pace, 1.0, seen=2.0, hint=10.0)
    assert all(pace.void(each) for each in waiting)
    pace.give_back(waiting[5])
    again = [pace.reserve(1.0).at for _ in range(10)]
    assert min(again) == 11.0, "and a void place is not given to anybody"
    assert again == sorted(again)


def test_a_place_given_back_before_throttling_is_not_given_after_it() -> None:
    pace = Pace(0.5, 0.0)
    places_ahead = [pace.reserve(0.0) for _ in range(4)]
    pace.give_back(places_ahead[2])
    throttle(pace, 1.0, seen=0.5, hint=30.0)
    assert [pace.reserve(1.0).at >= 31.0 for _ in range(3)] == [True] * 3


def test_asking_for_places_is_enough_to_end_a_limit_that_has_recovered() -> None:
    pace = Pace(None, 0.0)
    throttle(pace, 100.0, seen=10.0)
    assert pace.reserve(120.0).at == 120.0
    assert pace.limited
    pace.reserve(131.0)
    assert not pace.limited


def test_the_rate_halves_what_was_sent_and_recovers_until_it_is_twice_that() -> None:
    pace = Pace(None, 0.0)
    throttle(pace, 100.0, seen=10.0)
    assert pace.rate(100.0) == 5.0
    assert pace.rate(110.0) == pytest.approx(10.0)
    assert pace.rate(129.0) == pytest.approx(19.5)
    assert pace.limited
    assert pace.rate(131.0) is None
    assert not pace.limited


def test_recovery_begins_behind_the_hint() -> None:
    pace = Pace(None, 0.0)
    throttle(pace, 100.0, seen=10.0, hint=60.0)
    assert pace.rate(160.0) == 5.0
    assert pace.rate(170.0) == pytest.approx(10.0)


def test_a_set_rate_stays_above_what_throttling_found() -> None:
    pace = Pace(3.0, 0.0)
    throttle(pace, 100.0, seen=3.0)
    assert pace.rate(100.0) == 1.5
    assert pace.rate(125.0) == 3.0
    assert pace.rate(1000.0) == 3.0
    assert pace.limited


def test_it_never_goes_below_the_slowest() -> None:
    pace = Pace(None, 0.0)
    for second in range(20):
        pace.throttled(100.0 + second, sent_at=100.0 + second, seen=0.001, hint=None)
    assert pace.rate(119.0) == SLOWEST


def test_throttled_answers_to_what_was_sent_before_say_nothing_new_about_the_rate() -> None:
    pace = Pace(None, 0.0)
    pace.throttled(100.0, sent_at=99.5, seen=40.0, hint=2.0)
    for late in range(30):  # all of them were on their way when the first came back
        pace.throttled(100.1 + late / 100, sent_at=99.6, seen=1.0, hint=None)
    assert pace.rate(102.0) == 20.0
    pace.throttled(101.0, sent_at=99.9, seen=1.0, hint=9.0)
    assert pace.rate(110.0) == 20.0
    assert pace.reserve(101.0).at == 110.0, "but a longer hint is kept"


def test_one_throttled_answer_after_the_other_does_not_let_the_next_out_at_full_speed() -> None:
    pace, now, sent = Pace(None, 0.0), 100.0, []
    while now < 200.0:  # a target that throttles everything at once
        now = max(now, pace.reserve(now).at) + 0.01
        sent.append(now)
        pace.throttled(now, sent_at=now - 0.01, seen=1.0, hint=None)
    assert len(sent) <= 100 * 0.5 + 2


def test_places_far_ahead_do_not_end_the_limit_for_others() -> None:
    pace = Pace(None, 0.0)
    throttle(pace, 100.0, seen=2.0)
    ahead = [pace.reserve(100.0).at for _ in range(500)]
    assert max(ahead) > 131.0
    assert pace.limited
    assert pace.reserve(100.0).at >= max(ahead)


def test_reset_forgets() -> None:
    pace = Pace(None, 0.0)
    throttle(pace, 100.0, seen=2.0, hint=60.0)
    waiting = pace.reserve(100.0)
    pace.reset(101.0)
    assert pace.void(waiting)
    assert pace.reserve(101.0).at == 101.0
    assert not pace.limited


def test_threads_get_places_of_their_own() -> None:
    pace, found = Pace(10.0, 0.0), []

    def take() -> None:
        for _ in range(200):
            found.append(pace.reserve(0.0).at)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(90)
    assert max(found) == pytest.approx((800 - 10) / 10)
    assert len(set(found)) == 800 - 10 + 1


def test_one_throttle_on_little_traffic_does_not_starve_it() -> None:
    pace = Pace(None, 0.0)
    throttle(pace, 100.0, seen=1.0)
    waits = [pace.reserve(100.0).at - 100.0 for _ in range(100)]
    assert max(waits) <= 30.0, "a hundred callers with half a minute each get through"
