"""What every attempt shares: it is announced before it is sent, and its row is settled once, whatever became of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from broker.contract.context import Reply
from broker.contract.redact import plain, redact
from broker.errors import (
    BILLED,
    LONGEST_HINT,
    BrokerError,
    BudgetExceeded,
    LedgerUnavailable,
    MalformedReply,
    Outcome,
    ProviderError,
    ProviderFault,
)
from broker.ledger.base import Intent, LedgerBusy, Settled, Settlement, Ticket
from broker.pipeline.admit import target_of
from broker.pipeline.alarm import tell
from broker.pipeline.call import Call, Services, Target
from broker.pipeline.meter import Metered
from broker.types.call import Attempt
from broker.types.making import maker
from broker.types.money import LARGEST_AMOUNT, Billed, Cost, Unit, Usage, UsageSource, weakest

log = logging.getLogger("broker")
T = TypeVar("T")
_make_intent, _make_settlement = maker(Intent), maker(Settlement)
_make_attempt, _make_cost = maker(Attempt), maker(Cost)

LEDGER_PATIENCE = 30.0
"""Seconds to wait for another process's write when settling; a settlement must not be lost to a busy moment."""
_BILLED = {outcome: Billed.of(BILLED[outcome]) for outcome in Outcome}
FREE_PATIENCE = 1.0
"""Seconds a free call waits to be recorded; it goes on without."""


def number_of(call: Call) -> int:
    return len(call.attempts) + 1


def intent_of(call: Call, target: Target, metered: Metered, started: datetime) -> Intent:
    return _make_intent(
        call_id=call.call_id,
        number=number_of(call),
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


async def announced(
    call: Call, services: Services, target: Target, metered: Metered, started: datetime
) -> Ticket | None:
    """Write the intent. A free call goes on without a ledger; a paid one does not."""
    intent = intent_of(call, target, metered, started)
    until = call.deadline
    if metered.bound == 0:
        until = min(until, services.runtime.monotonic() + FREE_PATIENCE)
    try:
        try:
            ticket = services.ledger.announce(intent)
        except LedgerBusy as busy:
            ticket = await _free_again(services, lambda: services.ledger.announce(intent), until, busy)
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


async def patiently(services: Services, write: Callable[[], T], until: float) -> T:
    """Wait on the runtime, not in SQLite, while another process writes."""
    try:
        return write()
    except LedgerBusy as busy:
        return await _free_again(services, write, until, busy)


async def _free_again(services: Services, write: Callable[[], T], until: float, busy: LedgerBusy) -> T:
    """After a first try that found it busy."""
    runtime = services.runtime
    pause = 0.001
    while True:
        if runtime.monotonic() >= until:
            raise LedgerUnavailable(f"{busy}, and stayed so; find it with 'fuser FILE'") from busy
        await runtime.sleep(pause * (0.5 + runtime.random()))
        pause = min(0.05, 2 * pause)
        try:
            return write()
        except LedgerBusy as again:
            busy = again


def reported(
    call: Call, services: Services, usage: tuple[Usage, ...], measured: Metered, day: date | None = None
) -> Metered:
    """What the vendor says it billed; a report of nothing for an answered call is not believed.

    :param day: whose prices hold; None: today's.
    """
    try:
        usage = tuple(usage)  # an adapter may have made a generator of it
        _storable_kind(usage)
        found = Metered.of(call, services, usage, day)
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


def outcome_of_failure(error: BaseException) -> Outcome:
    # Ours; and the runtime marks an interruption that came before anything was sent (runtime/exchange.py).
    outcome = fact_of(error, "outcome")
    if (
        isinstance(outcome, Outcome) and type(error) is not BrokerError
    ):  # that one says nothing of how far it got
        return outcome
    # A foreign exception may have come before or after sending; an interruption too: nobody knows.
    return Outcome.UNKNOWN if isinstance(error, Exception) else Outcome.AMBIGUOUS


def say_both(error: ProviderError, now: datetime) -> None:
    """When to come back, as a span and as an instant: an adapter may know only one of them."""
    if error.retry_after is None and error.retry_at is not None:
        error.retry_after = min(LONGEST_HINT, max(0.0, (error.retry_at - now).total_seconds()))
    elif error.retry_after is not None and error.retry_at is None:
        error.retry_at = now + timedelta(seconds=error.retry_after)


def sanitised(error: Exception) -> Exception:
    """The same place, without values: an exception of a vendor's SDK may hold the request and its key."""
    return RuntimeError(f"{type(error).__name__}: {_said(error)}").with_traceback(error.__traceback__)


def foreign(error: Exception, target: Target, call: Call) -> ProviderFault:
    return ProviderFault(
        f"the adapter failed with {type(error).__name__}: {_said(error)}; report it to its author",
        provider=str(target.candidate),
        operation=call.operation.name,
    )


def fact_of(error: BaseException | None, name: str) -> object:
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


def storable(fact: object) -> str | None:
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


class Record:
    """Settles the ledger row and adds the attempt to the call, exactly once.

    :param number: of the attempt, where it is not the call's next.
    :param intent: as it was announced, where that was not just now.
    """

    def __init__(
        self,
        call: Call,
        services: Services,
        target: Target,
        metered: Metered,
        started: datetime,
        latency: float,
        number: int | None = None,
        intent: Intent | None = None,
    ) -> None:
        self._call = call
        self._services = services
        self._target = target
        self._metered = metered
        self._started = started
        self._latency = latency
        self._number = number_of(call) if number is None else number
        self._call_id = call.call_id
        if intent is not None:
            self._call_id, self._number = intent.call_id, intent.number

    async def settle(
        self,
        ticket: Ticket | None,
        outcome: Outcome,
        *,
        reply: Reply[Any] | None = None,
        error: BaseException | None = None,
        billed: Billed | None = None,
        settle: Callable[[Ticket, Settlement], Settled] | None = None,
    ) -> None:
        """Book what became of it.

        :param billed: where the outcome does not tell.
        :param settle: the ledger's way, where more is written with it.
        """
        billed = _BILLED[outcome] if billed is None else billed
        if billed is Billed.UNKNOWN and self._metered.bound == 0:
            billed = Billed.NO  # nobody can bill what is free
        request_id = storable(reply.request_id if reply is not None else fact_of(error, "request_id"))
        settlement = _make_settlement(
            outcome=outcome,
            billed=billed,
            latency=self._latency,
            counters=self._metered.counters,
            charges=self._metered.charges(self._target.free_quota),
            error=None if error is None else type(error).__name__,
            request_id=request_id,
            model_version=storable(reply.model_version if reply is not None else None),
            currency=self._metered.currency,
        )
        settled, recorded = None, False
        if ticket is not None:
            until = self._services.runtime.monotonic() + LEDGER_PATIENCE
            ledger = self._services.ledger
            try:
                try:
                    settled = (settle or ledger.settle)(ticket, settlement)
                except LedgerBusy as busy:
                    settled = await _free_again(
                        self._services, lambda: (settle or ledger.settle)(ticket, settlement), until, busy
                    )
                recorded = True
                if settled.alarms:
                    tell(settled.alarms, self._services)
            except Exception as failure:  # noqa: BLE001 - a ledger of the program's own may raise anything
                # The answer is paid for and kept; the announced row counts at its bound until settled.
                log.error(  # noqa: TRY400 - the cause is in the text; a traceback would not help
                    "an attempt stays open in the ledger: %s", failure
                )
        self._add(outcome, self._cost(billed, settled), settlement.error, request_id, recorded=recorded)

    def leave_open(self, outcome: Outcome, error: BaseException | None, *, recorded: bool) -> None:
        """Tell the call of an attempt whose row waits for its end: it counts at its bound until then."""
        billed = Billed.NO if self._metered.bound == 0 else Billed.UNKNOWN
        kind = None if error is None else type(error).__name__
        self._add(outcome, self._cost(billed, None), kind, None, recorded=recorded)

    def _add(
        self, outcome: Outcome, cost: Cost, error: str | None, request_id: str | None, *, recorded: bool
    ) -> None:
        self._call.attempts.append(
            _make_attempt(
                id=f"{self._call_id}-{self._number}",
                number=self._number,
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
                cost=cost,
                usage=self._metered.usage,
                error=error,
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
        return _make_cost(
            amount=None if settled is None else settled.amount,
            upper_bound=metered.bound if settled is None else settled.bound,
            currency=metered.currency,
            billed=billed,
            basis=_basis(settled),
            price_id=metered.prices[0].id if len(metered.prices) == 1 else None,
            unpriced=metered.unpriced,
        )
