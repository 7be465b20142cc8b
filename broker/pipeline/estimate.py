"""What a call would cost, by the same checks, meters and prices as the call itself. Nothing is sent or announced."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from broker.contract.context import Reply
from broker.contract.search_limits import WriteLimits
from broker.errors import BadInput, BrokerError, NotConfigured, SwitchedOff
from broker.pipeline.admit import asked_of, check
from broker.pipeline.ahead import Ahead, account_of
from broker.pipeline.call import Call, Candidate, Services, Target
from broker.pipeline.meter import Metered, usage_of
from broker.pipeline.parts import parts_of
from broker.pipeline.route import check_ready, target_for
from broker.pipeline.validate import validate
from broker.pipeline.writes import requests_of
from broker.pricing.bill import BillLine
from broker.pricing.book import STALE_AFTER
from broker.types.budget import Action, Budget
from broker.types.estimate import CandidateEstimate, Estimate, EstimateLine
from broker.types.money import EXACT, LARGEST_AMOUNT
from broker.types.speech import TranscribeRequest
from broker.types.standing import StandingRate
from broker.types.stream import StreamRequest
from broker.types.write import WriteRequest

MAX_COST = "max_cost"
"""What refuses where the caller's own cap does."""
_NONE = Decimal(0)


async def estimate(call: Call, services: Services, ahead: Ahead) -> Estimate:
    """All candidates in their order. Raises what the call would raise for input that no provider takes."""
    await validate(call, services, _accepted)
    if not call.candidates:
        raise BadInput("provider must name at least one provider")
    if isinstance(call.request, TranscribeRequest) and not call.request.audio.measured:
        raise BadInput(
            "the length of a recording in a store is not known before it is looked at, and an estimate sends nothing; "
            "estimate with a recording of the same length on this machine"
        )
    at = services.runtime.now()
    todo = list(call.candidates)
    found: list[CandidateEstimate] = []
    asked: list[CandidateEstimate] = []
    stopped = False
    for candidate in todo:  # it grows where a budget or an off switch asks for others
        off = _switched_off(call, candidate, services)
        if off is not None:
            found.append(_unable(candidate, off))
            others = [] if stopped else [Candidate.parse(name) for name in off.degrade_to]
            todo.extend(other for other in others if other not in todo)
            continue
        made, refusing = _candidate(call, candidate, services, ahead, at)
        found.append(made)
        if stopped:
            continue
        if made.takes:
            asked.append(made)
        elif refusing and made.problem is None and made.attempts:  # max_cost refuses before a budget is asked
            stopped = refusing[0].action is Action.STOP
            others = [Candidate.parse(name) for name in refusing[0].degrade_to if not stopped]
            todo.extend(other for other in others if other not in todo)
    done = Estimate(
        operation=call.operation.name,
        candidates=tuple(found),
        first=asked[0] if asked else None,
        worst_case=_worst_case(call, asked),
    )
    if done.counted is not None:
        ahead.follow(at, call, Candidate.parse(done.counted.name), done.counted)
    return done


async def _accepted(call: Call) -> Reply[Any]:  # noqa: ARG001 - the end of a chain that only checks
    return Reply(payload=None)


def _candidate(
    call: Call, candidate: Candidate, services: Services, ahead: Ahead, at: datetime
) -> tuple[CandidateEstimate, list[Budget]]:
    """One provider, and the budgets that would refuse it."""
    try:
        target = target_for(candidate, call, services)
    except BrokerError as error:
        return _unable(candidate, error), []
    problem = _problem(call, target, services)
    call.target = target
    asked, limits = asked_of(call.request, target), target.spec.limits
    requests = (
        requests_of(asked, limits)
        if isinstance(asked, WriteRequest) and isinstance(limits, WriteLimits)
        else [part.request for part in parts_of(asked, limits)]
    )
    uses = [use for each in requests for use in usage_of(each, target.spec)]
    metered = Metered.of(call, services, uses)
    free = metered.unpriced is None and metered.bound == 0
    unknown = None
    lines: Sequence[BillLine] = metered.lines()
    amount: Decimal | None = None
    budgets: list[Budget] = []
    try:
        if free:
            amount = _NONE
        else:
            counters = [price.counter for price in metered.prices]
            positions = ahead.positions(services, at, account_of(candidate), counters)
            lines = metered.lines(positions, target.free_quota)
            amount = metered.amount(positions, target.free_quota)
            budgets = ahead.refusing(services, at, call, candidate, metered.bound, metered.currency)
            if amount is None and metered.unpriced is None:
                unknown = "the month is past the last tier whose price is known"
    except BrokerError as error:
        amount, unknown = None, f"the ledger cannot be read: {error}"
    except Exception as error:  # noqa: BLE001 - a ledger of the program's own may raise anything
        amount, unknown = None, f"the ledger cannot be read ({type(error).__name__})"
    attempts = _attempts(call, services, metered.bound)
    refused_by = [each.name for each in budgets] + ([MAX_COST] if attempts == 0 else [])
    made = CandidateEstimate(
        provider=candidate.provider,
        profile=candidate.profile,
        region=target.region,
        configured=not isinstance(problem, NotConfigured),
        problem=None if problem is None else _words(problem, candidate),
        problem_kind=None if problem is None else type(problem).__name__,
        usage=metered.usage,
        lines=tuple(_line(each, at.date(), known=free or unknown is None) for each in lines),
        amount=amount,
        upper_bound=metered.bound,
        attempts=attempts,
        worst_case=None if metered.bound is None else EXACT.multiply(metered.bound, Decimal(attempts)),
        currency=metered.currency,
        unpriced=metered.unpriced,
        unknown=unknown,
        free=free,
        refused_by=tuple(refused_by),
        standing=_standing(call, target, services, ahead, at),
    )
    return made, budgets


def _standing(
    call: Call, target: Target, services: Services, ahead: Ahead, at: datetime
) -> tuple[StandingRate, ...]:
    try:
        return ahead.standing(services, at, call, target.candidate, target.spec.standing)
    except Exception:  # noqa: BLE001 - it is told for the amounts; a ledger of the program's own may raise anything
        return ()


def _switched_off(call: Call, candidate: Candidate, services: Services) -> SwitchedOff | None:
    """Why nothing goes there now; by the call's own number, as where a few calls try it again."""
    if services.board is None:
        return None
    try:
        services.board.check(call.call_id, call.use_case, call.operation.name, str(candidate))
    except SwitchedOff as off:
        return off
    return None


def _unable(candidate: Candidate, error: BrokerError) -> CandidateEstimate:
    return CandidateEstimate(
        provider=candidate.provider,
        profile=candidate.profile,
        configured=not isinstance(error, NotConfigured),
        problem=_words(error, candidate),
        problem_kind=type(error).__name__,
    )


def _problem(call: Call, target: Target, services: Services) -> BrokerError | None:
    """Why this provider would not answer. Raises what no provider would take."""
    refusal: BrokerError | None = None
    try:
        check(call, target, services)
    except BadInput as error:
        if error.provider is None:
            raise
        refusal = error
    except BrokerError as error:
        refusal = error
    try:
        check_ready(target.candidate, services, call.operation.name)
    except NotConfigured as error:
        return error
    return refusal


def _words(error: BrokerError, candidate: Candidate) -> str:
    """The reason without the name that stands before it already."""
    return str(error).removeprefix(f"{candidate} ")


def _attempts(call: Call, services: Services, bound: Decimal | None) -> int:
    """How often one provider may be asked, as far as the caller's cap allows."""
    most = services.settings.max_attempts
    if isinstance(call.request, StreamRequest):
        most = 1  # it is repeated only before anything was sent
    if call.max_cost is None:
        return most
    if bound is None:
        return 0  # what is not known cannot be held below a cap
    if bound == 0:
        return most
    fit = EXACT.divide(min(call.max_cost, LARGEST_AMOUNT), bound).to_integral_value(ROUND_FLOOR)
    return min(most, int(fit))


def _worst_case(call: Call, asked: Sequence[CandidateEstimate]) -> Decimal | None:
    """Every attempt of everybody who may be asked, billed at its bound."""
    if not asked or len({each.currency for each in asked if not each.free}) > 1:
        return None
    total = _NONE
    for each in asked:
        if each.worst_case is None:
            return None
        total = EXACT.add(total, each.worst_case)
    return total if call.max_cost is None else min(total, call.max_cost)


def _line(line: BillLine, day: date, *, known: bool) -> EstimateLine:
    price = line.price
    priced = price.unpriced is None
    age = day - price.checked_on if priced else None
    return EstimateLine(
        sku=line.usage.sku,
        unit=line.usage.unit,
        quantity=line.usage.quantity,
        source=line.usage.source,
        units=line.units,
        counter=price.counter,
        amount=line.amount if known else None,
        upper_bound=line.bound,
        price_id=price.id,
        price_source=price.source,
        checked_on=price.checked_on if priced else None,
        age_days=None if age is None else age.days,
        stale=age is not None and price.free is None and age > STALE_AFTER,
    )
