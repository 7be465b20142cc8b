"""One request to a provider: announced in the ledger, sent, checked, metered, settled. Nothing is sent unannounced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from broker.contract.context import Batch, Context, Reply
from broker.contract.redact import plain, redact
from broker.errors import (
    BILLED,
    LONGEST_HINT,
    BrokerError,
    BudgetExceeded,
    DeadlineExceeded,
    LedgerUnavailable,
    MalformedReply,
    Outcome,
    ProviderError,
    ProviderFault,
)
from broker.ledger.base import Intent, LedgerBusy, Settled, Settlement, Ticket
from broker.pipeline.admit import target_of
from broker.pipeline.alarm import tell
from broker.pipeline.batch import check_items, outcome_of, used_by
from broker.pipeline.call import Call, Next, Services, Target
from broker.pipeline.cap import hold_below
from broker.pipeline.meter import Metered
from broker.types.call import Attempt
from broker.types.money import LARGEST_AMOUNT, Billed, Cost, Unit, Usage, UsageSource, weakest

log = logging.getLogger("broker")
T = TypeVar("T")

LEDGER_PATIENCE = 30.0
"""Seconds to wait for another process's write when settling; a settlement must not be lost to a busy moment."""
FREE_PATIENCE = 1.0
"""Seconds a free call waits to be recorded; it goes on without."""


async def attempt(call: Call, services: Services, next_stage: Next) -> Reply[Any]:  # noqa: ARG001 - a stage like the others
    """The innermost stage; it has no next."""
    target = target_of(call)
    runtime = services.runtime
    services.door.check()
    if runtime.monotonic() >= call.deadline:
        raise DeadlineExceeded(f"{call.operation.name}: the deadline passed before attempt {_number(call)}")
    metered = Metered.of(call, services)
    if call.max_cost is not None:
        hold_below(call.max_cost, call, metered)
    started = runtime.now()
    context = Context(
        call_id=call.call_id,
        attempt=_number(call),
        operation=call.operation.name,
        http=runtime.http(call.deadline),
        remaining=lambda: call.deadline - runtime.monotonic(),
        region=target.region,
    )
    ticket = await _announce(call, services, target, metered, started)
    sent_at = 0.0
    try:
        sent_at = runtime.monotonic()
        reply: Reply[Any] = _checked(
            await runtime.call(target.method, call.request, context, deadline=call.deadline, hold=call.seat),
            call,
        )
        if type(reply.payload) is Batch:
            check_items(reply, call)
            usage = used_by(reply, call)
            if usage and usage != metered.usage:
                metered = _reported(call, services, usage, metered)
        elif reply.usage:
            metered = _reported(call, services, reply.usage, metered)
    except BaseException as failure:
        error = failure
        outcome = _outcome(error)
        record = _Record(call, services, target, metered, started, runtime.monotonic() - sent_at)
        await runtime.shielded(lambda: record.settle(ticket, outcome, error=error))
        if isinstance(error, ProviderError):
            error.provider = error.provider or str(target.candidate)
            error.operation = error.operation or call.operation.name
            _say_both(error, runtime.now())
        if isinstance(error, BrokerError) or not isinstance(error, Exception):
            raise  # ours already, or cancelled or interrupted: then the row says unknown
        fault, cause = _foreign(error, target, call), _sanitised(error)
    else:
        record = _Record(call, services, target, metered, started, runtime.monotonic() - sent_at)
        outcome, failed = outcome_of(reply)
        await runtime.shielded(lambda: record.settle(ticket, outcome, reply=reply, error=failed))
        return reply
    # Raised out here, so that the foreign exception, which may hold a key, is not kept as its context.
    raise fault from cause


def _number(call: Call) -> int:
    return len(call.attempts) + 1


async def _announce(
    call: Call, services: Services, target: Target, metered: Metered, started: datetime
) -> Ticket | None:
    """Write the intent. A free call goes on without a ledger; a paid one does not."""
    intent = Intent(
        call_id=call.call_id,
        number=_number(call),
        kind=call.kind,
        started=started,
        provider=target.candidate.provider,
        profile=target.candidate.profile or "",
        service=target.spec.service,
        operation=call.operation.name,
        region=target.region,
        tags=call.tags,
        currency=metered.currency,
        bound=metered.bound,
        unpriced=metered.unpriced,
    )
    until = call.deadline
    if metered.bound == 0:
        until = min(until, services.runtime.monotonic() + FREE_PATIENCE)
    try:
        ticket = await _patiently(services, lambda: services.ledger.announce(intent), until)
    except BudgetExceeded as error:
        tell(error.alarms, services)
        raise
    except LedgerUnavailable as error:
        if metered.bound != 0:
            raise
        log.warning("a free call is not recorded: %s", error)
        return None
    if ticket.alarms:
        tell(ticket.alarms, services)
    return ticket


async def _patiently(services: Services, write: Callable[[], T], until: float) -> T:
    """Wait on the runtime, not in SQLite, while another process writes."""
    runtime = services.runtime
    pause = 0.001
    while True:
        try:
            return write()
        except LedgerBusy as busy:
            if runtime.monotonic() >= until:
                raise LedgerUnavailable(f"{busy}, and stayed so; find it with 'fuser FILE'") from busy
            await runtime.sleep(pause * (0.5 + runtime.random()))
            pause = min(0.05, 2 * pause)


def _checked(reply: object, call: Call) -> Reply[Any]:
    """What the adapter returned, if it is what the operation answers with."""
    if isinstance(reply, Reply) and isinstance(reply.payload, call.operation.payload):
        return reply
    kind = type(reply.payload).__name__ if isinstance(reply, Reply) else type(reply).__name__
    raise MalformedReply(f"the adapter returned {kind} where {call.operation.payload.__name__} is due")


def _reported(call: Call, services: Services, usage: tuple[Usage, ...], measured: Metered) -> Metered:
    """What the vendor says it billed; a report of nothing for an answered call is not believed."""
    try:
        usage = tuple(usage)  # an adapter may have made a generator of it
        _storable_kind(usage)
        found = Metered.of(call, services, usage)
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise MalformedReply(f"the adapter reports a use that cannot be counted: {usage!r}") from error
    if found.bound is not None and found.bound > LARGEST_AMOUNT:
        raise MalformedReply(f"the adapter reports a use that cannot be meant: {usage!r}")
    if measured.bound != 0 and found.bound == 0:
        log.warning(
            "%s reports no use for an answered call; the measured use is booked", target_of(call).candidate
        )
        return measured
    if found.bound is not None and measured.bound is not None and found.bound > measured.bound:
        log.warning(
            "%s reports a use of up to %s, above the %s that was announced; it is booked in full",
            target_of(call).candidate,
            found.bound,
            measured.bound,
        )
    return found


def _storable_kind(usage: tuple[Usage, ...]) -> None:
    """Raise TypeError for what the ledger could not take, which would leave the attempt open."""
    if not all(isinstance(each.unit, Unit) and isinstance(each.source, UsageSource) for each in usage):
        raise TypeError("unit and source must be of their kinds")


def _outcome(error: BaseException) -> Outcome:
    # Ours; and the runtime marks an interruption that came before anything was sent (runtime/exchange.py).
    outcome = _fact(error, "outcome")
    if (
        isinstance(outcome, Outcome) and type(error) is not BrokerError
    ):  # that one says nothing of how far it got
        return outcome
    # A foreign exception may have come before or after sending; an interruption too: nobody knows.
    return Outcome.UNKNOWN if isinstance(error, Exception) else Outcome.AMBIGUOUS


def _say_both(error: ProviderError, now: datetime) -> None:
    """When to come back, as a span and as an instant: an adapter may know only one of them."""
    if error.retry_after is None and error.retry_at is not None:
        error.retry_after = min(LONGEST_HINT, max(0.0, (error.retry_at - now).total_seconds()))
    elif error.retry_after is not None and error.retry_at is None:
        error.retry_at = now + timedelta(seconds=error.retry_after)


def _sanitised(error: Exception) -> Exception:
    """The same place, without values: an exception of a vendor's SDK may hold the request and its key."""
    return RuntimeError(f"{type(error).__name__}: {_said(error)}").with_traceback(error.__traceback__)


def _foreign(error: Exception, target: Target, call: Call) -> ProviderFault:
    return ProviderFault(
        f"the adapter failed with {type(error).__name__}: {_said(error)}; report it to its author",
        provider=str(target.candidate),
        operation=call.operation.name,
    )


def _fact(error: BaseException | None, name: str) -> object:
    """What an exception says of itself; a foreign one's own code may fail, and its row must be settled all the same."""
    try:
        return getattr(error, name, None)
    except Exception:  # noqa: BLE001 - whatever it is
        return None


def _said(error: Exception) -> str:
    """Its text without secrets, if it has one that can be read."""
    try:
        return redact(str(error))
    except Exception:  # noqa: BLE001 - whatever it is
        return "(its text cannot be read)"


def _storable(fact: object) -> str | None:
    """A vendor's word as it can be stored and shown; lone surrogates cannot."""
    try:
        return None if fact is None else plain(str(fact))[:256]
    except Exception:  # noqa: BLE001 - an adapter's object of whatever kind
        return None


def _basis(settled: Settled | None) -> UsageSource:
    """What the cost rests on; until the ledger has it, on our own estimate."""
    if settled is None or not settled.lines:
        return UsageSource.ESTIMATED
    if len(settled.lines) == 1:
        return settled.lines[0].source
    return weakest(line.source for line in settled.lines) or UsageSource.ESTIMATED


class _Record:
    """Settles the ledger row and adds the attempt to the call, exactly once."""

    def __init__(
        self,
        call: Call,
        services: Services,
        target: Target,
        metered: Metered,
        started: datetime,
        latency: float,
    ) -> None:
        self._call = call
        self._services = services
        self._target = target
        self._metered = metered
        self._started = started
        self._latency = latency

    async def settle(
        self,
        ticket: Ticket | None,
        outcome: Outcome,
        *,
        reply: Reply[Any] | None = None,
        error: BaseException | None = None,
    ) -> None:
        billed = Billed.of(BILLED[outcome])
        if billed is Billed.UNKNOWN and self._metered.bound == 0:
            billed = Billed.NO  # nobody can bill what is free
        request_id = _storable(reply.request_id if reply is not None else _fact(error, "request_id"))
        settlement = Settlement(
            outcome=outcome,
            billed=billed,
            latency=self._latency,
            counters=tuple(price.counter for price in self._metered.prices),
            charges=self._metered.charges(self._target.free_quota),
            error=None if error is None else type(error).__name__,
            request_id=request_id,
            model_version=_storable(reply.model_version if reply is not None else None),
            currency=self._metered.currency,
        )
        settled, recorded = None, False
        if ticket is not None:
            until = self._services.runtime.monotonic() + LEDGER_PATIENCE
            try:
                settled = await _patiently(
                    self._services, lambda: self._services.ledger.settle(ticket, settlement), until
                )
                recorded = True
                if settled.alarms:
                    tell(settled.alarms, self._services)
            except Exception as failure:  # noqa: BLE001 - a ledger of the program's own may raise anything
                # The answer is paid for and kept; the announced row counts at its bound until settled.
                log.error(  # noqa: TRY400 - the cause is in the text; a traceback would not help
                    "an attempt stays open in the ledger: %s", failure
                )
        self._call.attempts.append(
            Attempt(
                id=f"{self._call.call_id}-{_number(self._call)}",
                number=_number(self._call),
                kind=self._call.kind,
                why=self._call.why,
                provider=self._target.candidate.provider,
                profile=self._target.candidate.profile,
                service=self._target.spec.service,
                operation=self._call.operation.name,
                region=self._target.region,
                started=self._started,
                latency=self._latency,
                outcome=outcome,
                cost=self._cost(billed, settled),
                usage=self._metered.usage,
                error=settlement.error,
                request_id=request_id,
                recorded=recorded,
            )
        )

    def _cost(self, billed: Billed, settled: Settled | None) -> Cost:
        metered = self._metered
        if billed is Billed.NO or (settled is None and metered.bound == 0):
            return Cost(
                amount=Decimal(0), upper_bound=Decimal(0), currency=metered.currency, billed=Billed.NO
            )
        return Cost(
            amount=None if settled is None else settled.amount,
            upper_bound=metered.bound if settled is None else settled.bound,
            currency=metered.currency,
            billed=billed,
            basis=_basis(settled),
            price_id=metered.prices[0].id if len(metered.prices) == 1 else None,
            unpriced=metered.unpriced,
        )
