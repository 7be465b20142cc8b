"""One request to a provider: announced in the ledger, sent, checked, metered, settled. Nothing is sent unannounced."""

from __future__ import annotations

from typing import Any

from broker.contract.context import Batch, Context, Reply
from broker.errors import BrokerError, DeadlineExceeded, MalformedReply, ProviderError
from broker.pipeline.admit import of_account, target_of
from broker.pipeline.batch import check_items, outcome_of, used_by
from broker.pipeline.call import Call, Next, Services
from broker.pipeline.cap import hold_below
from broker.pipeline.meter import Metered
from broker.pipeline.record import (
    Record,
    announced,
    foreign,
    number_of,
    outcome_of_failure,
    reported,
    sanitised,
    say_both,
)
from broker.pipeline.submit import submit
from broker.pipeline.watch import progress_of
from broker.pipeline.writes import in_order
from broker.types.making import maker
from broker.types.search import SearchResults
from broker.types.write import WriteReport

_make_context = maker(Context)


async def attempt(call: Call, services: Services, next_stage: Next) -> Reply[Any]:  # noqa: ARG001 - a stage like the others
    """The innermost stage; it has no next."""
    if call.job is not None:
        return await submit(call, services, call.job)
    target = target_of(call)
    runtime = services.runtime
    services.door.check()
    if runtime.monotonic() >= call.deadline:
        raise DeadlineExceeded(f"{call.operation.name}: the deadline passed before attempt {number_of(call)}")
    started = runtime.now()
    metered = Metered.of(call, services, day=started.date())
    if call.max_cost is not None:
        hold_below(call.max_cost, call, metered)
    context = _make_context(
        call_id=call.call_id,
        attempt=number_of(call),
        operation=call.operation.name,
        http=runtime.http(call.deadline),
        remaining=lambda: call.deadline - runtime.monotonic(),
        region=target.region,
        progress=progress_of(call),
    )
    ticket = await announced(call, services, target, metered, started)
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
                metered = reported(call, services, usage, metered)
        elif reply.usage:
            metered = reported(call, services, reply.usage, metered)
    except BaseException as failure:
        error = failure
        outcome = outcome_of_failure(error)
        record = Record(call, services, target, metered, started, runtime.monotonic() - sent_at)
        await runtime.shielded(lambda: record.settle(ticket, outcome, error=error))
        if isinstance(error, ProviderError):
            error.provider = error.provider or str(target.candidate)
            error.operation = error.operation or call.operation.name
            say_both(error, runtime.now())
        if isinstance(error, BrokerError) or not isinstance(error, Exception):
            raise  # ours already, or cancelled or interrupted: then the row says unknown
        fault, cause = foreign(error, target, call), sanitised(error)
    else:
        record = Record(call, services, target, metered, started, runtime.monotonic() - sent_at)
        outcome, failed = outcome_of(reply)
        await runtime.shielded(lambda: record.settle(ticket, outcome, reply=reply, error=failed))
        return reply
    # Raised out here, so that the foreign exception, which may hold a key, is not kept as its context.
    raise fault from cause


def _checked(reply: object, call: Call) -> Reply[Any]:
    """What the adapter returned, if it is what the operation answers with."""
    if isinstance(reply, Reply) and isinstance(reply.payload, call.operation.payload):
        if type(reply.payload) is WriteReport:
            return in_order(reply, call.request)
        return of_account(reply, call) if type(reply.payload) is SearchResults else reply
    kind = type(reply.payload).__name__ if isinstance(reply, Reply) else type(reply).__name__
    raise MalformedReply(f"the adapter returned {kind} where {call.operation.payload.__name__} is due")
