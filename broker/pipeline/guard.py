"""Before each attempt: the breaker, the pace and the seats of its target; afterwards they are told how it ended.

A request goes out at once where nothing is in its way, and waits for its turn up to the deadline where something is.
What is held back was not sent: it raises an error with outcome NOT_SENT and makes no row in the ledger.
"""

from __future__ import annotations

import logging
from typing import Any

from broker.contract.adapter import Renewable
from broker.contract.context import Reply
from broker.errors import (
    AuthFailed,
    BrokerError,
    DeadlineExceeded,
    Outcome,
    ProviderError,
    Unavailable,
)
from broker.guard.breaker import Shut, State
from broker.guard.bulkhead import Seat
from broker.guard.guards import Guard, TargetKey
from broker.guard.refusal import pace_error, shut_error
from broker.notify.notice import Notice
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services, Target
from broker.types.call import AttemptKind

log = logging.getLogger("broker")
_REMEMBERED = 1024
FAIR_SECONDS = 1.0
"""A deadline that left the target less tells nothing about it: a hurried caller must not shut it for the others."""
_CLOSED, _DONE, _RETRY, _SHADOW = (
    State.CLOSED,
    Outcome.DONE,
    AttemptKind.RETRY,
    AttemptKind.SHADOW,
)  # members of enums are not found quickly


async def guard(call: Call, services: Services, next_stage: Next) -> Reply[Any]:
    """Hold back what should not be sent now. Raises :class:`ProviderError`, :class:`DeadlineExceeded`."""
    target = target_of(call)
    known = services.guards.known.get(id(target))
    mine = known[1] if known is not None else _find(target, services)
    breaker, monotonic = mine.breaker, services.runtime.monotonic
    before = len(call.attempts)
    seat = Seat(mine.bulkhead)
    try:
        if breaker.state is _CLOSED and not mine.pace.limited and mine.bulkhead.try_enter(seat):
            sent_at = monotonic()
            ticket = breaker.enter(sent_at)
        else:
            ticket = await _turn(call, services, mine, seat)
            sent_at = monotonic()
        if isinstance(ticket, Shut):
            raise shut_error(ticket, mine.key, sent_at, services.runtime.now())
        kind, why, call.seat = call.kind, call.why, seat
        try:
            if ticket < 0 and kind is not _SHADOW:
                call.kind, call.why = AttemptKind.PROBE, breaker.reason
            if kind is not _RETRY:
                mine.budget.earn()
            reply = await next_stage(call)
        except BaseException as error:
            _failed(call, services, mine, ticket, sent_at, before, error)
            raise
        finally:
            call.kind, call.why, call.seat = kind, why, None
        latency = call.attempts[-1].latency if len(call.attempts) > before else 0.0
        if not breaker.spotless(ticket, latency) and breaker.record(ticket, _DONE, latency, monotonic()):
            _tell(services, mine, trial=ticket < 0)
        return reply
    finally:
        seat.leave()


def guard_of(call: Call, services: Services) -> Guard:
    """The guard of the call's target."""
    target = target_of(call)
    known = services.guards.known.get(id(target))
    return known[1] if known is not None else _find(target, services)


def held_back(call: Call, services: Services, wait: float) -> ProviderError | None:
    """The error that an attempt in so many seconds would raise without being sent, as far as can be seen now."""
    mine, runtime = guard_of(call, services), services.runtime
    now = runtime.monotonic()
    shut = mine.breaker.shut(now + wait)
    return None if shut is None else shut_error(shut, mine.key, now, runtime.now())


def denied(refused: AuthFailed, call: Call, services: Services) -> None:
    """An adapter that could renew its credentials has no others: leave the target alone."""
    mine = guard_of(call, services)
    if mine.breaker.deny(services.runtime.monotonic(), _words(refused)):
        _tell(services, mine, trial=False)


def _find(target: Target, services: Services) -> Guard:
    options = services.registry.options(target.candidate.provider, target.candidate.profile)
    guards = services.guards
    found = guards.guard(
        TargetKey(account=str(target.candidate), operation=target.spec.operation, region=target.region),
        services.runtime.monotonic(),
        concurrency=options.max_concurrency,
        rate=options.max_rate,
    )
    if len(guards.known) >= _REMEMBERED:
        guards.known.clear()
    guards.known[id(target)] = (target, found)
    return found


async def _turn(call: Call, services: Services, mine: Guard, seat: Seat) -> int | Shut:
    """Wait for the pace and for a seat, and enter the breaker last: it may have opened meanwhile."""
    runtime, pace = services.runtime, mine.pace
    while True:
        now = runtime.monotonic()
        shut = mine.breaker.shut(now)
        if shut is not None:
            return shut
        place = pace.reserve(now)
        sending = False
        try:
            if place.at > now:
                if place.at >= call.deadline:
                    raise pace_error(mine.key, place.at - now, pace.rate(now), runtime.now())
                await runtime.sleep(place.at - now)
            if pace.void(place):
                continue
            if not await mine.bulkhead.enter(seat, runtime, call.deadline):
                raise DeadlineExceeded(
                    f"{mine.key}: all {mine.bulkhead.seats} requests that {mine.key.account} may have on their way "
                    "were taken until the deadline passed; raise max_concurrency in its section of the settings, "
                    "or allow a longer deadline"
                )
            if pace.void(place):
                mine.bulkhead.leave(seat)
                continue
            ticket = mine.breaker.enter(runtime.monotonic())
            sending = not isinstance(ticket, Shut)
            return ticket
        finally:
            if not sending:
                pace.give_back(place)


def _failed(
    call: Call,
    services: Services,
    mine: Guard,
    ticket: int,
    sent_at: float,
    before: int,
    error: BaseException,
) -> None:
    """Tell the guard what its target did. What the attempt did not get to do is not the target's fault."""
    breaker = mine.breaker
    made = call.attempts[-1] if len(call.attempts) > before else None
    unreached = isinstance(error, Unavailable) or (isinstance(error, DeadlineExceeded) and error.unreached)
    if made is None and call.job is not None and call.job.ticket is not None:
        _lost(services, mine, ticket, sent_at, error)
        return
    if made is None or (made.outcome is Outcome.NOT_SENT and not unreached):
        breaker.withdraw(ticket)
        return
    runtime = services.runtime
    now = runtime.monotonic()
    outcome = made.outcome if isinstance(error, BrokerError) else None
    if isinstance(error, DeadlineExceeded) and made.latency < FAIR_SECONDS:
        outcome = None  # its caller left before it ended
    hint = _hint(error, services) if outcome in (Outcome.THROTTLED, Outcome.QUOTA_DEAD) else None
    if outcome is Outcome.THROTTLED:
        seen = breaker.sent_per_second(now, mine.pace.observed_since(now))
        mine.pace.throttled(now, sent_at=sent_at, seen=seen, hint=hint)
    refused = isinstance(error, AuthFailed)
    if refused and _may_renew(call, before):
        # Another credential may be in use for the next attempt, which then needs the way; see denied().
        if ticket < 0:
            breaker.withdraw(ticket)
            return
        refused = False
    if breaker.record(ticket, outcome, made.latency, now, denied=refused, retry_in=hint, told=_words(error)):
        _tell(services, mine, trial=ticket < 0)


def _lost(services: Services, mine: Guard, ticket: int, sent_at: float, error: BaseException) -> None:
    """Whether a job was taken is not known, and its row waits for that: it counts as an attempt that was lost."""
    now = services.runtime.monotonic()
    hurried = isinstance(error, DeadlineExceeded) and now - sent_at < FAIR_SECONDS
    if hurried or not isinstance(error, (ProviderError, DeadlineExceeded)):
        mine.breaker.withdraw(ticket)
    elif mine.breaker.record(ticket, Outcome.AMBIGUOUS, now - sent_at, now, told=_words(error)):
        _tell(services, mine, trial=ticket < 0)


def _may_renew(call: Call, before: int) -> bool:
    """Whether the adapter may still be asked for another credential, which happens once a call and target."""
    earlier = call.attempts[call.attempts_before : before]
    return isinstance(target_of(call).adapter, Renewable) and not any(
        each.error == AuthFailed.__name__ for each in earlier
    )


def _hint(error: BaseException, services: Services) -> float | None:
    """Seconds the vendor asks to wait, said as a span or as an instant."""
    if not isinstance(error, ProviderError):
        return None
    if error.retry_after is None and error.retry_at is not None:
        return max(0.0, (error.retry_at - services.runtime.now()).total_seconds())
    return error.retry_after


def _words(error: BaseException) -> str:
    """A failure in a few words, without anything a vendor wrote."""
    words = [type(error).__name__]
    if isinstance(error, ProviderError) and error.status is not None:
        words.append(f"HTTP {error.status}")
    return " ".join(words)


def _tell(services: Services, mine: Guard, *, trial: bool) -> None:
    """A target was shut or is back: for the log, and for people unless it is one more failed trial."""
    runtime = services.runtime
    now, view = runtime.monotonic(), mine.breaker.view(runtime.monotonic())
    back = view.state is State.CLOSED
    text = f"{mine.key} is asked again" if back else f"{mine.key} is not asked for now: {view.reason}"
    log.log(logging.INFO if back or trial else logging.WARNING, "%s", text)
    if trial and not back:
        return
    until = "" if view.until is None else f"{view.until - now:.0f}"
    facts = {"state": view.state.value, "reason": view.reason, "retry_in_seconds": until}
    services.notify(
        Notice(
            kind=f"breaker.{view.state.value}",
            subject=str(mine.key),
            text=text,
            at=runtime.now(),
            facts=tuple((name, value) for name, value in facts.items() if value),
        )
    )
