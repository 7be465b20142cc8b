"""Calls of a use case that is sampled are drawn when they are over; all others pass by.

The outermost stage behind ``validate``: what it sees is what the user gets. It changes no answer and no error, and what
goes wrong in sampling is not the call's.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from broker.contract.context import Reply
from broker.errors import BrokerError
from broker.pipeline.call import Call, Next, Services
from broker.types.batch import BatchRequest

if TYPE_CHECKING:
    from broker.pipeline.draws import Draws


def sample(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Not a coroutine itself: most calls find nothing here."""
    draws = services.draws
    if draws is None or call.use_case not in draws.plans or call.starting:
        return next_stage(call)
    return _drawn(call, services, draws, next_stage)


async def _drawn(call: Call, services: Services, draws: Draws, next_stage: Next) -> Reply[Any]:
    try:
        reply = await next_stage(call)
    except BrokerError as error:
        if not isinstance(call.request, BatchRequest):  # of a batch, each item's end is told by itself
            draws.failed(call, services, error)
        raise
    draws.answered(call, services, reply)
    return reply
