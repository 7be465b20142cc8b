"""Deadlines that pass: a hurried caller tells nothing about a target, a patient one does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from guard_support import Vendor, ask, down, health

from broker import Broker
from broker.errors import DeadlineExceeded, Outcome
from broker.guard.breaker import State


def late(vendor: Vendor, seconds: float, outcome: Outcome, *, unreached: bool = False) -> Callable[[], Any]:
    def answer() -> Any:
        vendor.runtime.advance(seconds)
        error = DeadlineExceeded("too late", outcome=outcome)
        error.unreached = unreached
        raise error

    return answer


def many(broker: Broker, seconds: float, times: int = 12) -> None:
    for _ in range(times):
        try:
            ask(broker, deadline=seconds)
        except DeadlineExceeded:
            continue


@pytest.mark.parametrize(
    ("seconds", "outcome", "unreached", "state"),
    [
        (0.05, Outcome.AMBIGUOUS, False, State.CLOSED),
        (0.05, Outcome.NOT_SENT, True, State.CLOSED),
        (3.0, Outcome.AMBIGUOUS, False, State.OPEN),
        (
            3.0,
            Outcome.NOT_SENT,
            True,
            State.OPEN,
        ),  # a black hole, for callers who wait less than a connect does
        (3.0, Outcome.NOT_SENT, False, State.CLOSED),  # it waited here, for a thread
    ],
)
def test_a_target_is_shut_by_patient_callers_only(
    seconds: float, outcome: Outcome, unreached: bool, state: State
) -> None:
    vendor = Vendor()
    vendor.now_does = late(vendor, seconds, outcome, unreached=unreached)
    with vendor.broker() as broker:
        many(broker, seconds)
        assert health(broker).state is state


def test_a_hurried_trial_makes_no_outage_longer() -> None:
    vendor = Vendor()
    vendor.fails(down)
    with vendor.broker() as broker:
        for _ in range(5):
            ask(broker)
        vendor.runtime.advance(31)
        vendor.now_does = late(vendor, 0.05, Outcome.AMBIGUOUS)
        many(broker, 0.05, times=1)
        vendor.works()
        assert ask(broker) == "answered"
