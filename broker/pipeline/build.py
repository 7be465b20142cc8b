"""The order of the stages: the one place where it can be read and changed.

A new stage is one file with one function of the type ``Stage`` and one line here, and one in ``ONLY`` if it is for one kind
of request. The seats of those to come: cache before ``fallback``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from broker.contract.context import Reply
from broker.errors import BrokerError
from broker.pipeline.admit import admit
from broker.pipeline.attempt import attempt
from broker.pipeline.call import Call, Next, Services, Stage
from broker.pipeline.cap import cap
from broker.pipeline.fallback import fallback
from broker.pipeline.guard import guard
from broker.pipeline.job import job
from broker.pipeline.measure import measure
from broker.pipeline.off_switch import off_switch
from broker.pipeline.operational import operational
from broker.pipeline.parts import parts
from broker.pipeline.retry import retry
from broker.pipeline.sample import sample
from broker.pipeline.validate import validate
from broker.pipeline.writes import writes
from broker.types.request import Request, TextRequest
from broker.types.speech import TranscribeRequest
from broker.types.write import WriteRequest

ORDER: tuple[Stage, ...] = (
    # once a call
    validate,
    sample,
    fallback,
    # once a provider
    off_switch,
    measure,
    admit,
    parts,
    job,
    writes,
    # once a part of a long text, or of many documents; of a job, its submission
    retry,
    # once an attempt
    cap,
    operational,
    off_switch,
    guard,
    attempt,
)


ONLY: Mapping[Stage, type[Request]] = {
    measure: TranscribeRequest,
    parts: TextRequest,
    job: TranscribeRequest,
    writes: WriteRequest,
}
"""Stages for one kind of request; the others' chains are made without them."""


async def _end(call: Call) -> None:
    raise BrokerError(f"{call.operation.name}: no stage answered the call")


def compose(services: Services, order: Sequence[Stage] = ORDER) -> Next:
    """Chain the stages, each holding the next."""
    chains: dict[type[Request], Next] = {}

    def run(call: Call) -> Awaitable[Reply[Any]]:
        kind = type(call.request)
        chain = chains.get(kind)
        if chain is None:
            chain = chains[kind] = _chain(services, [each for each in order if _concerns(each, kind)])
        return chain(call)

    return run


def _concerns(stage: Stage, kind: type[Request]) -> bool:
    only = ONLY.get(stage)
    return only is None or issubclass(kind, only)


def _chain(services: Services, order: Sequence[Stage]) -> Next:
    chain: Next = _end  # type: ignore[assignment] # it never returns
    for stage in reversed(order):
        chain = _linked(stage, services, chain)
    return chain


def _linked(stage: Stage, services: Services, next_stage: Next) -> Next:
    """Hands the awaitable on, without a coroutine of its own."""
    return lambda call: stage(call, services, next_stage)
