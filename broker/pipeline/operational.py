"""Requests of a use case with operational limits are counted as they end; all others pass by."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from broker.contract.context import Reply
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services

if TYPE_CHECKING:
    from broker.switches.operational import Operational


def operational(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Not a coroutine itself: most calls find nothing here."""
    found = services.operational
    if found is None or call.use_case not in found.watched:
        return next_stage(call)
    return _counted(call, found, call.use_case, next_stage)


async def _counted(call: Call, found: Operational, use_case: str, next_stage: Next) -> Reply[Any]:
    before = len(call.attempts)
    try:
        return await next_stage(call)
    finally:
        for attempt in call.attempts[before:]:
            found.learn(use_case, call.operation.name, str(target_of(call).candidate), attempt)
