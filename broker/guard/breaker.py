"""The breaker of one target: what fails again and again is left alone for a while, and tried again one by one.

Requests are counted when they are sent, so that a burst into a dead target is seen as what it is. Every change of
state makes a new generation; answers to requests of an older one change nothing.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import Enum

from broker.errors import Outcome
from broker.guard.window import Window

UNREACHED_IN_A_ROW = 3
"""Requests that never reached the target: it is off the network, and asking more tells nothing new."""
TRIALS_IN_A_ROW = 3
"""Trials that may end without telling (throttled, refused, cancelled); each may cost money."""
AUTH_SECONDS = 60.0
QUOTA_SECONDS, LONGEST_QUOTA_SECONDS = 60.0, 600.0
TRIAL_PATIENCE = 60.0
"""A trial that has told nothing for so long is given up, and another may go out."""
TRIAL_SECONDS = 1.0
"""When to come back while somebody else's trial is on its way."""

COUNTED = frozenset({Outcome.NOT_SENT, Outcome.SERVER, Outcome.AMBIGUOUS, Outcome.BAD_REPLY})
"""Outcomes that are the target's failure."""
_ANSWERED = frozenset({Outcome.REJECTED, Outcome.THROTTLED})


class State(str, Enum):
    """Whether requests go out."""

    CLOSED = "closed"
    """They do."""
    OPEN = "open"
    """It failed; none goes out until a set time."""
    HALF_OPEN = "half_open"
    """One at a time goes out, to see whether it is back."""
    ISOLATED = "isolated"
    """Refused credentials, a used-up quota, or switched off by hand."""


class Cause(str, Enum):
    """What shut it."""

    FAILURES = "failures"
    UNREACHABLE = "unreachable"
    SLOW = "slow"
    AUTH = "auth"
    QUOTA = "quota"
    MANUAL = "manual"


_CLOSED, _DONE = State.CLOSED, Outcome.DONE  # members of enums are not found quickly


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a breaker opens and for how long; see :class:`broker.config.LimitSettings`.

    :param enabled: without, only an isolation by hand holds anything back.
    """

    enabled: bool = True
    window: float = 60.0
    min_calls: int = 10
    failure_ratio: float = 0.5
    slow_ratio: float = 0.5
    slow_call_seconds: float = 20.0
    failures_in_a_row: int = 5
    open_seconds: float = 30.0
    longest_open_seconds: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """Why a request may not go out now.

    :param since: monotonic seconds of the change into this state.
    :param until: when it is worth asking again; None for never by itself.
    """

    state: State
    cause: Cause
    reason: str
    since: float
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a breaker stands: the fields of :class:`Shut`, and the counts of its window."""

    state: State
    reason: str
    since: float
    until: float | None
    calls: int
    failures: int


class Breaker:
    """State machine of one target. Every method takes the monotonic time and none waits."""

    __slots__ = (
        "_generation",
        "_limits",
        "_lock",
        "_opened_in_a_row",
        "_pause",
        "_trial",
        "_trial_at",
        "_trials",
        "_unreached_in_a_row",
        "cause",
        "failed_in_a_row",
        "reason",
        "since",
        "state",
        "until",
        "window",
    )

    state: State
    cause: Cause
    reason: str
    since: float
    until: float | None

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._lock = threading.RLock()
        self.window = Window(limits.window)
        self._generation = 1
        self._opened_in_a_row = 0
        self._pause = self._trial_at = 0.0
        self._trials = 0
        self._close(now)

    def shut(self, now: float) -> Shut | None:
        """Why nothing may go out now, or None. Claims nothing."""
        if self.state is State.CLOSED:
            return None
        with self._lock:
            return self._shut(now)

    def enter(self, now: float) -> int | Shut:
        """A request is about to go out: its ticket, to be given back by ``record`` or ``withdraw``, or why not.

        A negative ticket is that of a trial: the only request on its way to a target that was shut.
        """
        with self._lock:
            if self.state is _CLOSED:
                self.window.sent(now)
                return self._generation
            shut = self._shut(now)
            if shut is not None:
                return shut
            if self.state is State.OPEN:
                self._change(State.HALF_OPEN, now, self.cause, self.reason, None)
            self._trial, self._trial_at = True, now
            self._trials += 1
            self._generation += 1
            return -self._generation

    def record(
        self,
        ticket: int,
        outcome: Outcome | None,
        seconds: float,
        now: float,
        *,
        denied: bool = False,
        retry_in: float | None = None,
        told: str = "",
    ) -> bool:
        """How the request of a ticket ended; whether that changed the state.

        :param outcome: None when its caller left before it ended.
        :param seconds: how long the target took.
        :param denied: the credentials were refused.
        :param retry_in: seconds after which the target said to come back, for a quota.
        :param told: the failure in a few words.
        """
        with self._lock:
            if abs(ticket) != self._generation:
                return False
            generation = self._generation
            if ticket < 0:
                self._trial = False
                self._judge_trial(outcome, seconds, now, denied, retry_in, told)
            elif outcome is _DONE:
                self.failed_in_a_row = self._unreached_in_a_row = 0
                if seconds > self._limits.slow_call_seconds:
                    self._slow(now)
            else:
                self._judge(outcome, seconds, now, denied, retry_in, told)
            return generation != self._generation

    def spotless(self, ticket: int, seconds: float) -> bool:
        """Whether a success of this ticket changes nothing, and ``record`` need not be called."""
        return ticket > 0 and self.failed_in_a_row == 0 and seconds <= self._limits.slow_call_seconds

    def withdraw(self, ticket: int) -> None:
        """The request of a ticket was not sent, for a reason that is not the target's."""
        with self._lock:
            if abs(ticket) != self._generation:
                return
            if ticket > 0:
                self.window.unsent()
            else:
                self._trial = False
                self._trials -= 1

    def isolate(self, now: float, reason: str) -> None:
        """Shut by hand until ``reset``."""
        with self._lock:
            self._change(State.ISOLATED, now, Cause.MANUAL, reason, None)

    def reset(self, now: float) -> None:
        """Open the way, as if nothing had happened."""
        with self._lock:
            self.window.clear()
            self._close(now)

    def deny(self, now: float, told: str) -> bool:
        """The credentials are refused and there are no others; whether that shut it."""
        with self._lock:
            by_hand = self.state is State.ISOLATED and self.cause is Cause.MANUAL
            if not self._limits.enabled or by_hand or self._trial or self.state is State.OPEN:
                return False
            was_shut = self.state is not State.CLOSED
            self._isolate(Outcome.REJECTED, now, None, told)
            return not was_shut

    def sent_per_second(self, now: float, since: float) -> float:
        """The rate of requests really sent since then."""
        with self._lock:
            return self.window.rate(now, since)

    def view(self, now: float) -> View:
        """How it stands."""
        with self._lock:
            self.window.roll(now)
            return View(
                state=self.state,
                reason=self.reason,
                since=self.since,
                until=self.until,
                calls=self.window.calls,
                failures=self.window.failures,
            )

    def after_fork(self) -> None:
        """In a child: the counts stay, the trial on its way is the parent's."""
        self._lock = threading.RLock()
        self._trial = False

    def _shut(self, now: float) -> Shut | None:
        if self.state is State.CLOSED:
            return None
        until = self.until
        if self._trial and now - self._trial_at < TRIAL_PATIENCE:
            until = now + TRIAL_SECONDS
        elif self.cause is not Cause.MANUAL and (until is None or now >= until):
            return None
        return Shut(state=self.state, cause=self.cause, reason=self.reason, since=self.since, until=until)

    def _judge(
        self,
        outcome: Outcome | None,
        seconds: float,
        now: float,
        denied: bool,
        retry_in: float | None,
        told: str,
    ) -> None:
        limits, window = self._limits, self.window
        if not limits.enabled:
            if outcome in COUNTED:
                window.failed(now)
            return
        if denied or outcome is Outcome.QUOTA_DEAD:
            self._isolate(outcome, now, retry_in, told)
            return
        if outcome in COUNTED:
            window.failed(now)
            self.failed_in_a_row += 1
            self._unreached_in_a_row = self._unreached_in_a_row + 1 if outcome is Outcome.NOT_SENT else 0
            if self._unreached_in_a_row >= UNREACHED_IN_A_ROW:
                text = f"{self._unreached_in_a_row} requests in a row did not reach it"
                self._open(now, Cause.UNREACHABLE, text, told)
            elif self.failed_in_a_row >= limits.failures_in_a_row:
                self._open(now, Cause.FAILURES, f"{self.failed_in_a_row} failures in a row", told)
            elif window.calls >= limits.min_calls and window.failures >= limits.failure_ratio * window.calls:
                text = f"{window.failures} of {window.calls} requests of the last {limits.window:g} s failed"
                self._open(now, Cause.FAILURES, text, told)
        elif outcome in _ANSWERED:
            self._unreached_in_a_row = 0
        if self.state is State.CLOSED and seconds > limits.slow_call_seconds:
            self._slow(now)

    def _slow(self, now: float) -> None:
        limits, window = self._limits, self.window
        window.was_slow(now)
        enough = limits.enabled and window.calls >= limits.min_calls
        if enough and window.slow >= limits.slow_ratio * window.calls:
            text = f"{window.slow} of {window.calls} requests of the last {limits.window:g} s"
            self._open(now, Cause.SLOW, f"{text} took more than {limits.slow_call_seconds:g} s", "")

    def _judge_trial(
        self,
        outcome: Outcome | None,
        seconds: float,
        now: float,
        denied: bool,
        retry_in: float | None,
        told: str,
    ) -> None:
        if denied or outcome is Outcome.QUOTA_DEAD:
            self._isolate(outcome, now, retry_in, told)
        elif outcome in COUNTED:
            self._open(now, Cause.FAILURES, "the trial failed", told)
        elif outcome is Outcome.DONE and seconds > self._limits.slow_call_seconds:
            self._open(now, Cause.SLOW, f"the trial took {seconds:.0f} s", "")
        elif outcome is Outcome.DONE or (self.state is State.ISOLATED and outcome in _ANSWERED):
            self._close(now)  # for credentials and quotas any answer but their refusal is good news
        elif self.state is State.ISOLATED:
            self.until = now + self._pause
        elif self._trials >= TRIALS_IN_A_ROW:
            if outcome in _ANSWERED:
                self._close(now)
            else:
                self._open(now, self.cause, f"{self._trials} trials told nothing", told)

    def _isolate(self, outcome: Outcome | None, now: float, retry_in: float | None, told: str) -> None:
        again = self.state is State.ISOLATED
        if outcome is Outcome.QUOTA_DEAD:
            longer = self._pause * 2 if again and self.cause is Cause.QUOTA else QUOTA_SECONDS
            self._pause = min(longer, LONGEST_QUOTA_SECONDS)
            cause, reason = Cause.QUOTA, "a quota is used up"
            until = now + (self._pause if retry_in is None else max(retry_in, 0.0))
        else:
            self._pause = AUTH_SECONDS
            cause, reason, until = Cause.AUTH, "the credentials were refused", now + AUTH_SECONDS
        self._change(State.ISOLATED, now, cause, _with(reason, told), until)

    def _open(self, now: float, cause: Cause, reason: str, told: str) -> None:
        limits = self._limits
        doubled = limits.open_seconds * 2.0 ** min(self._opened_in_a_row, 30)
        self._opened_in_a_row += 1
        until = now + min(doubled, max(limits.longest_open_seconds, limits.open_seconds))
        self._change(State.OPEN, now, cause, _with(reason, told), until)

    def _close(self, now: float) -> None:
        self._opened_in_a_row = 0
        self._change(State.CLOSED, now, Cause.FAILURES, "", None)
        self.window.clear()

    def _change(self, state: State, now: float, cause: Cause, reason: str, until: float | None) -> None:
        self._generation += 1
        self.cause, self.reason, self.since, self.until = cause, reason, now, until
        self.failed_in_a_row = self._unreached_in_a_row = self._trials = 0
        self._trial = False
        self.state = state


def _with(reason: str, told: str) -> str:
    return f"{reason}; the last: {told}" if told else reason
