"""One request to a provider: announced in the ledger, sent, checked, metered, settled. Nothing is sent unannounced."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from broker.contract.context import Context, Reply
from broker.contract.redact import plain, redact
from broker.errors import (
    BILLED,
    BrokerError,
    DeadlineExceeded,
    LedgerUnavailable,
    MalformedReply,
    Outcome,
    ProviderError,
    ProviderFault,
)
from broker.ledger.base import Intent, LedgerBusy, Settled, Settlement, Ticket
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services, Target
from broker.pipeline.meter import Metered
from broker.types.call import Attempt
from broker.types.money import LARGEST_AMOUNT, Billed, Cost, Usage

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
    if runtime.monotonic() >= call.deadline:
        raise DeadlineExceeded(f"{call.operation.name}: the deadline passed before attempt {_number(call)}")
    metered = Metered.of(call, services)
    started = runtime.now()
    ticket = await _announce(call, services, target, metered, started)
    context = Context(
        call_id=call.call_id,
        attempt=_number(call),
        operation=call.operation.name,
        http=runtime.http(call.deadline),
        remaining=lambda: call.deadline - runtime.monotonic(),
        region=target.region,
    )
    sent_at = runtime.monotonic()
    try:
        reply: Reply[Any] = _checked(
            await runtime.call(target.method, call.request, context, deadline=call.deadline), call
        )
        if reply.usage:
            metered = _reported(call, services, reply.usage, metered)
    except BaseException as failure:
        error = failure
        outcome = _outcome(error)
        record = _Record(call, services, target, metered, started, runtime.monotonic() - sent_at)
        await runtime.shielded(lambda: record.settle(ticket, outcome, error=error))
        if isinstance(error, ProviderError):
            error.provider = error.provider or str(target.candidate)
            error.operation = error.operation or call.operation.name
        if isinstance(error, BrokerError) or not isinstance(error, Exception):
            raise  # ours already, or cancelled or interrupted: then the row says unknown
        fault, cause = _foreign(error, target, call), _sanitised(error)
    else:
        record = _Record(call, services, target, metered, started, runtime.monotonic() - sent_at)
        await runtime.shielded(lambda: record.settle(ticket, Outcome.DONE, reply=reply))
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
        return await _patiently(services, lambda: services.ledger.announce(intent), until)
    except LedgerUnavailable as error:
        if metered.bound != 0:
            raise
        log.warning("a free call is not recorded: %s", error)
        return None


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


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, BrokerError):
        return error.outcome
    # A foreign exception may have come before or after sending; an interruption too: nobody knows.
    return Outcome.UNKNOWN if isinstance(error, Exception) else Outcome.AMBIGUOUS


def _sanitised(error: Exception) -> Exception:
    """The same place, without values: an exception of a vendor's SDK may hold the request and its key."""
    return RuntimeError(f"{type(error).__name__}: {redact(str(error))}").with_traceback(error.__traceback__)


def _foreign(error: Exception, target: Target, call: Call) -> ProviderFault:
    return ProviderFault(
        f"the adapter failed with {type(error).__name__}: {redact(str(error))}; report it to its author",
        provider=str(target.candidate),
        operation=call.operation.name,
    )


def _storable(fact: object) -> str | None:
    """A vendor's word as it can be stored and shown; lone surrogates cannot."""
    return None if fact is None else plain(str(fact))[:256]


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
        request_id = _storable(reply.request_id if reply is not None else getattr(error, "request_id", None))
        settlement = Settlement(
            outcome=outcome,
            billed=billed,
            latency=self._latency,
            counters=tuple(price.counter for price in self._metered.prices),
            charges=self._metered.charges(self._target.free_quota),
            error=None if error is None else type(error).__name__,
            request_id=request_id,
            model_version=_storable(reply.model_version if reply is not None else None),
        )
        settled, recorded = None, False
        if ticket is not None:
            until = self._services.runtime.monotonic() + LEDGER_PATIENCE
            try:
                settled = await _patiently(
                    self._services, lambda: self._services.ledger.settle(ticket, settlement), until
                )
                recorded = True
            except Exception as failure:  # noqa: BLE001 - a ledger of the program's own may raise anything
                # The answer is paid for and kept; the announced row counts at its bound until settled.
                log.error(  # noqa: TRY400 - the cause is in the text; a traceback would not help
                    "an attempt stays open in the ledger: %s", failure
                )
        self._call.attempts.append(
            Attempt(
                id=f"{self._call.call_id}-{_number(self._call)}",
                number=_number(self._call),
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
            price_id=metered.prices[0].id if len(metered.prices) == 1 else None,
            unpriced=metered.unpriced,
        )
