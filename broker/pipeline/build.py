"""The order of the stages: the one place where it can be read and changed.

A new stage is one file with one function of the type ``Stage`` and one line here. The seats of those
to come: cache before ``fallback``; off switch behind it and again before ``attempt``; the sampler behind
``validate``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from broker.errors import BrokerError
from broker.pipeline.admit import admit
from broker.pipeline.attempt import attempt
from broker.pipeline.call import Call, Next, Services, Stage
from broker.pipeline.cap import cap
from broker.pipeline.fallback import fallback
from broker.pipeline.guard import guard
from broker.pipeline.job import job
from broker.pipeline.measure import measure
from broker.pipeline.parts import parts
from broker.pipeline.retry import retry
from broker.pipeline.validate import validate
from broker.pipeline.writes import writes

ORDER: tuple[Stage, ...] = (
    # once a call
    validate,
    fallback,
    # once a provider
    measure,
    admit,
    parts,
    job,
    writes,
    # once a part of a long text, or of many documents; of a job, its submission
    retry,
    # once an attempt
    cap,
    guard,
    attempt,
)


async def _end(call: Call) -> None:
    raise BrokerError(f"{call.operation.name}: no stage answered the call")


def compose(services: Services, order: Sequence[Stage] = ORDER) -> Next:
    """Chain the stages, each holding the next."""
    chain: Next = _end  # type: ignore[assignment] # it never returns
    for stage in reversed(order):
        chain = partial(_enter, stage, services, chain)
    return chain


def _enter(stage: Stage, services: Services, next_stage: Next, call: Call):  # type: ignore[no-untyped-def] # hands the awaitable on, without a frame of its own
    return stage(call, services, next_stage)
