"""Whatever comes: a breaker lets out what its model lets out, and one trial at a time."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from broker.errors import Outcome
from broker.guard.breaker import (
    TRIAL_PATIENCE,
    Breaker,
    Cause,
    Limits,
    Shut,
    State,
)


class BreakerRules(RuleBasedStateMachine):
    """Any order of requests, answers, time and hands."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = Breaker(Limits(), 0.0)
        self.on_trial: dict[int, float] = {}
        self.used: set[int] = set()
        self.inconclusive = 0

    @rule(seconds=st.floats(0, 400))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule(target=tickets)
    def enter(self) -> int:
        state, shut = self.breaker.state, self.breaker.shut(self.now)
        found = self.breaker.enter(self.now)
        if isinstance(found, Shut):
            assert shut is not None, "what is seen ahead is what is met"
            assert state is not State.CLOSED
            assert found.until is None or found.until > self.now, "the time to come back lies ahead"
            return 0
        assert shut is None
        if found < 0:
            assert state is not State.CLOSED
            assert all(self.now - at >= TRIAL_PATIENCE for at in self.on_trial.values()), "one at a time"
            self.on_trial[found] = self.now
        else:
            assert state is State.CLOSED
        return found

    @rule(
        ticket=tickets,
        outcome=st.sampled_from([*Outcome, None]),
        seconds=st.sampled_from([0.1, 25.0]),
        denied=st.booleans(),
    )
    def record(self, ticket: int, outcome: Outcome | None, seconds: float, denied: bool) -> None:
        if ticket == 0 or (ticket < 0 and ticket in self.used):
            return
        before = self.breaker.state
        changed = self.breaker.record(
            ticket, outcome, seconds, self.now, denied=denied and outcome is Outcome.REJECTED
        )
        if before is not self.breaker.state:
            assert changed
        if ticket > 0 and before is not State.CLOSED:
            assert self.breaker.state is before, "only trials change what is shut"
        self._over(ticket)

    @rule(ticket=tickets)
    def withdraw(self, ticket: int) -> None:
        before = self.breaker.state
        if ticket != 0 and ticket not in self.used:
            self.breaker.withdraw(ticket)
            assert self.breaker.state is before
            self._over(ticket)

    def _over(self, ticket: int) -> None:
        if ticket < 0:
            self.on_trial.pop(ticket, None)
            self.used.add(ticket)

    @rule()
    def isolate(self) -> None:
        self.breaker.isolate(self.now, "by hand")
        self.on_trial.clear()

    @rule()
    def deny(self) -> None:
        self.breaker.deny(self.now, "")

    @precondition(lambda self: self.breaker.state is not State.CLOSED)
    @rule()
    def reset(self) -> None:
        self.breaker.reset(self.now)
        self.on_trial.clear()

    @invariant()
    def counts_hold(self) -> None:
        view = self.breaker.view(self.now)
        assert view.calls >= 0
        assert view.failures >= 0

    @invariant()
    def nobody_waits_for_ever(self) -> None:
        shut = self.breaker.shut(self.now)
        if shut is not None and shut.cause is not Cause.MANUAL:
            assert shut.until is not None
            assert self.now < shut.until <= self.now + 600.0
        if shut is not None and shut.cause is Cause.MANUAL:
            assert shut.until is None


BreakerRules.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestBreakerRules = BreakerRules.TestCase
