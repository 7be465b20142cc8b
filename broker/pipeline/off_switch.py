"""Nothing goes to a provider that is switched off: asked before a candidate is taken, and again before each attempt."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from broker.contract.context import Reply
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services
from broker.types.speech import TranscribeRequest


def off_switch(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Raises :class:`~broker.errors.SwitchedOff`. Not a coroutine itself: most calls find nothing here.

    Before a job it is :mod:`broker.pipeline.job` that asks: one that runs is paid for, and buying it elsewhere would pay
    for it again.
    """
    board = services.board
    if board is not None and not board.quiet() and not _of_a_job(call):
        check(call, services)
    return next_stage(call)


def check(call: Call, services: Services) -> None:
    """Raise :class:`~broker.errors.SwitchedOff` if nothing may go to this call's provider."""
    if services.board is not None:
        candidate = str(target_of(call).candidate)
        services.board.check(call.call_id, call.use_case, call.operation.name, candidate)


def _of_a_job(call: Call) -> bool:
    """It is not submitted yet, and its recording is at hand; for one in a store, the store would be asked."""
    request, target = call.request, target_of(call)
    return (
        (target.job is not None or target.longer is not None)
        and call.job is None
        and isinstance(request, TranscribeRequest)
        and request.audio.uri is None
    )
