"""One question: asked through the broker's whole call path, and written down before anything else happens.

Runs in a worker's thread. What could be asked again at no cost is handed back for that; what would fail for every other
question too stops the lane; everything else is this question's end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from broker.bench.kept import Ended, Question, StoredItem, StoreUnusable
from broker.bench.lanes import TAG, Asked
from broker.bench.store import Store
from broker.core import Core
from broker.errors import (
    AuthFailed,
    BrokerClosed,
    BrokerError,
    BudgetExceeded,
    LedgerUnavailable,
    NotConfigured,
    Outcome,
    ProviderError,
    QuotaExhausted,
    SwitchedOff,
    Throttled,
)
from broker.pipeline.call import Candidate
from broker.runtime.blocking import drive
from broker.types.call import Attempt, Result
from broker.types.money import EXACT

STOPS = (
    AuthFailed,
    BrokerClosed,
    BudgetExceeded,
    LedgerUnavailable,
    NotConfigured,
    QuotaExhausted,
    SwitchedOff,
)
"""What the next question would meet as well."""
MOST_TRIES = 6
"""Calls for one question that end in nothing but throttling; none of them is billed."""
LONGEST_WAIT = 60.0
"""Seconds that a vendor's hint holds a lane back before it is asked again."""
_SHORTEST_WAIT = 0.5
_ZERO = Decimal(0)
Written = Callable[[str, Any], str]
"""From operation and answer to its stored text."""


@dataclass(slots=True, kw_only=True)
class Tried:
    """A question on its way to an answer, with what calls before this one came to."""

    item: StoredItem
    question: Question
    cold: bool = False
    calls: int = 0
    attempts: int = 0
    errors: int = 0
    throttled: int = 0
    seconds: float = 0.0
    wire: float = 0.0
    """Seconds of :attr:`seconds` in which an attempt was on its way: the rest was waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a call ended for the lane.

    :param began: when, on the runtime's clock. ``throttled``: at least one of its attempts was.
    :param again: seconds after which to ask again; None: the question has ended.
    :param held: our own guard sent nothing.
    :param stop: why the lane must not go on.
    """

    tried: Tried
    began: float
    throttled: bool
    answered: bool = False
    spent: Decimal = _ZERO
    again: float | None = None
    held: bool = False
    stop: str | None = None


class Asker:
    """Asks one lane's questions. Safe for threads."""

    def __init__(self, core: Core, lane: Asked, store: Store, written: Written) -> None:
        self._core = core
        self._runtime = core.services.runtime
        self._lane = lane
        self._store = store
        self._written = written

    def ask(self, tried: Tried) -> Asking:
        """One call. Raises what ends the whole run: the store cannot be written."""
        began = self._runtime.monotonic()

        def begun(call_id: str) -> None:
            self._store.announce(tried.question, call_id, self._runtime.now())

        tried.calls += 1
        try:
            result: Result[Any] = drive(
                self._core.run(
                    self._lane.operation,
                    tried.item.input,
                    self._lane.options,
                    begun,
                    apart=self._own(tried.question),
                )
            )
        except BrokerError as error:
            if isinstance(error, StoreUnusable):
                raise
            return self._failed(tried, error, began)
        return self._answered(tried, result, began)

    def _own(self, question: Question) -> str:
        """What a question's job is known by, in this sitting and in one that goes on after a crash.

        A repetition that was handed the job of the one before would measure nothing.
        """
        return (
            f"bench:{self._lane.options['tags'][TAG]}:{question.lane}:{question.repetition}:{question.item}"
        )

    def _answered(self, tried: Tried, result: Result[Any], began: float) -> Asking:
        throttled = self._count(tried, result.attempts)
        tried.seconds += result.latency
        wanted = Candidate.parse(self._lane.lane.provider)
        who = result.provenance
        stop: str | None = None
        ended: Ended
        known, at_risk, unpriced, currency = money_of(result.attempts)
        if (who.provider, who.profile or None) != (wanted.provider, wanted.profile or None):
            stop = f"a budget or the off switch had {who.provider} answer in its place"
            ended = self._ended(tried, result.attempts, error_kind="AnsweredByAnother", error=stop)
        else:
            done = next((each for each in reversed(result.attempts) if each.outcome is Outcome.DONE), None)
            ended = Ended(
                ok=True,
                answer=self._written(self._lane.operation.name, result.value),
                raw=None if result.raw is None else json.dumps(result.raw, ensure_ascii=False, default=str),
                cold=tried.cold,
                attempts=tried.attempts,
                errors=tried.errors,
                throttled=tried.throttled,
                latency=None if done is None else done.latency,
                seconds=tried.seconds,
                waited=max(0.0, tried.seconds - tried.wire),
                known=known,
                at_risk=at_risk,
                unpriced=unpriced,
                currency=currency,
                model=result.provenance.model_version,
            )
        self._store.end(tried.question, ended, self._runtime.now())
        return Asking(
            tried=tried,
            began=began,
            throttled=throttled,
            answered=ended.ok,
            spent=EXACT.add(known, at_risk),
            stop=stop,
        )

    def _failed(self, tried: Tried, error: BrokerError, began: float) -> Asking:
        throttled = self._count(tried, error.attempts) or isinstance(error, Throttled)
        tried.seconds += self._runtime.monotonic() - began
        held = isinstance(error, ProviderError) and error.held_back
        unpaid = error.billed is False
        stop = str(error) if isinstance(error, STOPS) else None
        if unpaid and stop is not None:
            self._store.withdraw(tried.question)
            return Asking(tried=tried, began=began, throttled=throttled, stop=stop)
        if unpaid and (held or (isinstance(error, Throttled) and tried.calls < MOST_TRIES)):
            self._store.withdraw(tried.question)
            tried.calls -= held  # nothing was sent: the lane's patience counts this, not the question's
            return Asking(
                tried=tried,
                began=began,
                throttled=throttled and not held,
                again=self._pause(error),
                held=held,
            )
        ended = self._ended(tried, error.attempts, error_kind=type(error).__name__, error=str(error))
        self._store.end(tried.question, ended, self._runtime.now())
        known, at_risk, _, _ = money_of(error.attempts)
        return Asking(
            tried=tried, began=began, throttled=throttled, spent=EXACT.add(known, at_risk), stop=stop
        )

    def _pause(self, error: BrokerError) -> float:
        at = getattr(error, "retry_at", None)
        seconds = _SHORTEST_WAIT if at is None else (at - self._runtime.now()).total_seconds()
        return min(LONGEST_WAIT, max(_SHORTEST_WAIT, seconds))

    def _count(self, tried: Tried, attempts: Sequence[Attempt]) -> bool:
        throttled = sum(each.outcome in (Outcome.THROTTLED, Outcome.QUOTA_DEAD) for each in attempts)
        done = sum(each.outcome is Outcome.DONE for each in attempts)
        tried.attempts += len(attempts)
        tried.throttled += throttled
        tried.wire += sum(each.latency for each in attempts)
        tried.errors += len(attempts) - throttled - done
        return throttled > 0

    def _ended(self, tried: Tried, attempts: Sequence[Attempt], *, error_kind: str, error: str) -> Ended:
        known, at_risk, unpriced, currency = money_of(attempts)
        return Ended(
            ok=False,
            cold=tried.cold,
            attempts=tried.attempts,
            errors=tried.errors,
            throttled=tried.throttled,
            seconds=tried.seconds,
            known=known,
            at_risk=at_risk,
            unpriced=unpriced,
            currency=currency,
            error_kind=error_kind,
            error=error,
        )


def money_of(attempts: Sequence[Attempt]) -> tuple[Decimal, Decimal, int, str]:
    """What is certain, the most that may be owed besides, attempts without a price, and the currency."""
    known, at_risk, unpriced, currency = _ZERO, _ZERO, 0, "USD"
    for each in attempts:
        cost = each.cost
        if cost.amount is not None:
            known = EXACT.add(known, cost.amount)
        elif cost.upper_bound is not None:
            at_risk = EXACT.add(at_risk, cost.upper_bound)
        else:
            unpriced += 1
        if cost.amount or cost.upper_bound:
            currency = cost.currency
    return known, at_risk, unpriced, currency
