"""The guardrail of errors and slowness over minutes and hours, where the breaker knows seconds.

Requests of a use case are counted in this process by provider, in twelve parts of the window. Each time a part ends the
whole window is judged: hard where even the lower end of a 99.9 % interval is above the limit, soft where the share itself
is. A request that was refused as it stands, throttled, or left by a hurried caller tells nothing of the provider.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from broker.errors import LedgerUnavailable, Outcome
from broker.quality.guardrails import Breach, Finding
from broker.quality.intervals import share_interval
from broker.quality.scope import Scope
from broker.quality.switch_state import (
    Cause,
    Event,
    Evidence,
    HardBreach,
    ProbeBad,
    ProbeGood,
    SoftBreach,
    State,
)
from broker.runtime.forks import renewed_in_child
from broker.sections_quality import OperationalSettings
from broker.switches.board import Board
from broker.types.call import Attempt

log = logging.getLogger("broker")

PARTS = 12
LEVEL = 0.999
"""Of the interval: a window is looked at a hundred times a day, and must not cry at a limit that is just kept."""
SLOW_SHARE = 0.05
"""What may be slower than the 95th percentile that was planned."""
TRIALS = 20
"""Requests by which a provider that is tried again is judged."""
FAIR_SECONDS = 1.0
AGAIN = 0.1
"""Seconds until a finding that could not be kept is told again, by the next request that ends."""
CLOSE_PATIENCE = 1.0
_LEFT = ("CancelledError", "KeyboardInterrupt", "SystemExit", "GeneratorExit")
_FAILED = frozenset({Outcome.SERVER, Outcome.AMBIGUOUS, Outcome.BAD_REPLY, Outcome.UNKNOWN})


@dataclass(slots=True, kw_only=True)
class _Part:
    """Counts of a part of the window. ``since``: when its first request ended; of a trial: was sent."""

    number: int
    since: datetime
    requests: int = 0
    failed: int = 0
    answered: int = 0
    slow: int = 0


class Operational:
    """Counts, and tells the board. Safe for threads.

    What was found is told at once, by the request that ended a part of the window; it does not wait for a ledger that another
    process holds, as it may sit on an event loop. Then it is told after the next request, or when the broker closes.
    """

    def __init__(self, board: Board, *, monotonic: Callable[[], float], now: Callable[[], datetime]) -> None:
        self._board = board
        self._monotonic = monotonic
        self._now = now
        self.renew()
        renewed_in_child(self)
        self.watched: dict[str, OperationalSettings] = {
            name: each.operational
            for name, each in board.use_cases.settings.items()
            if each.operational is not None
        }
        """Use cases whose requests are counted."""

    def renew(self) -> None:
        """In a forked child: another thread's lock is nobody's there, and what it counted is the parent's."""
        self._lock = threading.RLock()  # a signal's handler may make a call in the midst of a count
        self._parts: dict[Scope, deque[_Part]] = {}
        self._trials: dict[Scope, _Part] = {}
        self._untold: dict[tuple[Scope, str], Callable[[float], object]] = {}
        self._telling = self._warned = False
        self._again_at = float("-inf")

    def learn(self, use_case: str, operation: str, provider: str, attempt: Attempt) -> None:
        """One request has ended. Raises nothing, and waits for nobody."""
        failed = _failed(attempt)
        if failed is not None:
            self._learn(use_case, operation, provider, attempt, failed)
        if self._untold and self._monotonic() >= self._again_at:
            self._tell()

    def close(self) -> None:
        """Tell what could not be told before; it may wait for another process, and gives up after a second."""
        self._tell(CLOSE_PATIENCE)

    def _tell(self, patience: float = 0.0) -> None:
        with self._lock:
            if self._telling:
                return  # another thread does it, or this very one, in a signal's handler
            self._telling = True
        try:
            for key, tell in list(self._untold.items()):
                try:
                    tell(patience)
                except LedgerUnavailable as error:
                    self._again_at = self._monotonic() + AGAIN
                    if not self._warned:
                        log.warning("what errors and slowness show waits for the ledger: %s", error)
                    self._warned = True
                    return
                with self._lock:
                    if self._untold.get(key) is tell:  # else something newer was found meanwhile
                        del self._untold[key]
            self._warned = False
        finally:
            self._telling = False

    def _learn(self, use_case: str, operation: str, provider: str, attempt: Attempt, failed: bool) -> None:
        settings = self.watched[use_case]
        scope = Scope(use_case=use_case, operation=operation, provider=provider)
        number = int(self._monotonic() / settings.window.total_seconds() * PARTS)
        opened_at = self._trying(scope)
        trying = opened_at is not None
        if opened_at is not None and attempt.started <= opened_at:
            return  # it was on its way when the switch opened
        with self._lock:
            if trying:
                self._parts.pop(scope, None)
                if opened_at is not None and scope in self._trials and self._trials[scope].since <= opened_at:
                    del self._trials[scope]  # of a trial before, which others have ended
                part = self._trials.setdefault(scope, _Part(number=number, since=attempt.started))
                part.since = min(part.since, attempt.started)
                ended = _count(part, failed, attempt.latency, settings) and part.requests >= TRIALS
                judged = [part] if ended else []
                if ended:
                    del self._trials[scope]
            else:
                self._trials.pop(scope, None)
                parts = self._parts.setdefault(scope, deque())
                judged = list(parts) if parts and parts[-1].number != number else []
                if not parts or parts[-1].number != number:
                    parts.append(_Part(number=number, since=self._now()))
                while parts[0].number <= number - PARTS:
                    parts.popleft()
                _count(parts[-1], failed, attempt.latency, settings)
        if not judged:
            return
        if trying:
            self._judge_trials(scope, judged[0], settings)
        else:
            self._judge(scope, judged, settings)

    def _trying(self, scope: Scope) -> datetime | None:
        """When it was left, where it is now tried again."""
        for row in self._board.held:
            switch = row.switch
            if (
                row.scope == scope
                and switch is not None
                and switch.state is State.HALF_OPEN
                and switch.causes == {Cause.OPERATIONAL}
            ):
                return switch.opened_at
        return None

    def _judge(self, scope: Scope, parts: list[_Part], settings: OperationalSettings) -> None:
        finding = operational_finding(parts, settings)
        evidence = Evidence(rule=finding.rule, since=parts[0].since, text=finding.text)
        if finding.breach is Breach.HARD:
            with self._lock:
                self._parts.pop(scope, None)
            self._report(scope, HardBreach(cause=Cause.OPERATIONAL, evidence=evidence))
        elif finding.breach is Breach.SOFT:
            self._report(scope, SoftBreach(cause=Cause.OPERATIONAL, evidence=evidence))
        if finding.breach is not Breach.UNKNOWN:
            breached = finding.breach is not Breach.NONE

            def note(patience: float) -> None:
                self._board.note(scope, known=True, breached=breached, patience=patience)

            with self._lock:
                self._untold[scope, f"breached: {breached}"] = note

    def _report(self, scope: Scope, event: Event) -> None:
        """To be told at once; in the place of the last of its kind that is not told yet."""
        with self._lock:
            self._untold[scope, type(event).__name__] = lambda patience: self._board.report(
                scope, event, patience=patience
            )

    def _judge_trials(self, scope: Scope, part: _Part, settings: OperationalSettings) -> None:
        finding = operational_finding([part], settings, enough=1)
        good = finding.breach is Breach.NONE
        text = f"{part.failed} of {part.requests} failed, {part.slow} of {part.answered} were slow"
        evidence = Evidence(rule="trials", since=part.since, text=text)
        self._report(
            scope,
            ProbeGood(evidence=evidence) if good else ProbeBad(cause=Cause.OPERATIONAL, evidence=evidence),
        )


def operational_finding(
    parts: list[_Part], settings: OperationalSettings, *, enough: int | None = None
) -> Finding:
    """How the counted requests stand to their limits.

    :param enough: requests below which nothing is said; None: as the settings say.
    """
    requests, failed = sum(each.requests for each in parts), sum(each.failed for each in parts)
    answered, slow = sum(each.answered for each in parts), sum(each.slow for each in parts)
    enough = settings.min_calls if enough is None else enough
    limits: list[tuple[str, int, int, float]] = []
    if settings.error_rate is not None:
        limits.append(("errors", failed, requests, settings.error_rate))
    if settings.p95_seconds is not None:
        limits.append((f"slower than {settings.p95_seconds:g} s", slow, answered, SLOW_SHARE))
    found = Finding(breach=Breach.UNKNOWN, rule="too few requests")
    for name, hits, n, limit in limits:
        if n < enough:
            continue
        low = share_interval(hits, n, LEVEL).low
        text = f"{hits} of {n} ({hits / n:.1%}), at most {limit:.1%} planned"
        if low is not None and low > limit:
            return Finding(breach=Breach.HARD, rule=name, text=text)
        if hits / n > limit:
            found = Finding(breach=Breach.SOFT, rule=name, text=text)
        elif found.breach is Breach.UNKNOWN:
            found = Finding(breach=Breach.NONE, rule="within limits")
    return found


def _failed(attempt: Attempt) -> bool | None:
    """Whether the provider failed; None: the request tells nothing of it."""
    if attempt.outcome is Outcome.DONE:
        return False
    if attempt.error in _LEFT or (attempt.error == "DeadlineExceeded" and attempt.latency < FAIR_SECONDS):
        return None  # its caller left before it ended
    if attempt.outcome in _FAILED or (attempt.outcome is Outcome.NOT_SENT and attempt.error == "Unavailable"):
        return True
    return None


def _count(part: _Part, failed: bool, latency: float, settings: OperationalSettings) -> bool:
    part.requests += 1
    if failed:
        part.failed += 1
    else:
        part.answered += 1
        part.slow += settings.p95_seconds is not None and latency > settings.p95_seconds
    return True
