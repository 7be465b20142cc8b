"""Retries are a part of the calls: what is earned, what is taken, and that it never goes astray."""

from __future__ import annotations

import threading

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from broker.guard.retry_budget import CAP, FULL, PER_SECOND, RetryBudget


def test_ten_to_begin_with_then_a_tenth_of_the_calls() -> None:
    budget = RetryBudget(0.1, 0.0)
    assert [budget.take(0.0) for _ in range(11)] == [True] * 10 + [False]
    for _ in range(9):
        budget.earn()
    assert not budget.take(0.0)
    budget.earn()
    budget.earn()  # floats: ten tenths are a little less than one
    assert budget.take(0.0)


def test_time_alone_fills_it_up_to_ten() -> None:
    budget = RetryBudget(0.1, 0.0)
    for _ in range(10):
        budget.take(0.0)
    assert not budget.take(9.0)
    assert budget.take(10.5)
    assert budget.left(10_000.0) == FULL


def test_calls_fill_it_up_to_its_cap_and_time_takes_nothing_away() -> None:
    budget = RetryBudget(0.5, 0.0)
    for _ in range(1000):
        budget.earn()
    assert budget.left(0.0) == budget.left(1e6) == CAP


def test_threads_never_take_more_than_there_is() -> None:
    budget, taken = RetryBudget(0.1, 0.0), []

    def take() -> None:
        taken.extend(budget.take(0.0) for _ in range(50))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(90)
    assert sum(taken) == 10


class BudgetRules(RuleBasedStateMachine):
    """Any order of calls, retries and time, also a clock read late."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.begun = 0.0, 0.0
        self.budget = RetryBudget(0.1, 0.0)
        self.earned = FULL
        self.taken = 0

    @rule(seconds=st.floats(0, 50))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(number=st.integers(1, 300))
    def first_attempts(self, number: int) -> None:
        for _ in range(number):
            self.budget.earn()
        self.earned += 0.1 * number

    @rule(number=st.integers(1, 20), late=st.floats(0, 5))
    def retries(self, number: int, late: float) -> None:
        for _ in range(number):
            before = self.budget.left(max(0.0, self.now - late))
            if self.budget.take(max(0.0, self.now - late)):
                assert before >= 1.0
                self.taken += 1
            else:
                assert before < 1.0

    @rule()
    def reset(self) -> None:
        before = self.budget.left(self.now)
        self.budget.reset(self.now)
        self.earned += max(0.0, FULL - before)

    @invariant()
    def holds(self) -> None:
        left = self.budget.left(self.now)
        assert 0.0 <= left <= CAP
        assert self.taken <= self.earned + PER_SECOND * self.now + 1e-6


BudgetRules.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestBudgetRules = BudgetRules.TestCase
