"""A text longer than the vendor takes: cut on sentence borders, each part a request with its own row and charge.

The answers are joined with offsets shifted back, and marked ``aggregated``. Off switch, budgets and the caller's cap are
asked anew before each part, for each is an attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from broker.contract.context import Reply
from broker.contract.cut import cut
from broker.contract.limits import TextLimits
from broker.contract.manifest import Limits
from broker.errors import BudgetExceeded
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services
from broker.pipeline.cap import hold_below
from broker.pipeline.meter import Metered, usage_of
from broker.types.json import JsonValue
from broker.types.request import Request, TextRequest

_LONG = 50_000
"""Characters above which a text is not cut on an event loop, which others wait for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A piece of a text, as a request of its own.

    :param begin: where it begins in the whole text, in code points.
    """

    request: Request
    begin: int


def parts_of(request: Request, limits: Limits | None) -> tuple[Part, ...]:
    """The requests to send: one, unless it is a text too long for the vendor."""
    if (
        not isinstance(limits, TextLimits)
        or not isinstance(request, TextRequest)
        or not limits.cut
        or limits.fits(request.text)
    ):
        return (Part(request=request, begin=0),)
    return tuple(
        Part(request=replace(request, text=request.text[begin:end]), begin=begin)
        for begin, end in cut(request.text, limits.max_size, limits.unit)
        if not request.text[begin:end].isspace()  # nothing to ask about, and it would be billed
    )


async def parts(call: Call, services: Services, next_stage: Next) -> Reply[Any]:
    """Send a long text part by part. What fails, fails the call; what was answered until then has been paid."""
    limits = target_of(call).spec.limits
    if not isinstance(limits, TextLimits):
        return await next_stage(call)
    request = call.request
    if isinstance(request, TextRequest) and len(request.text) > _LONG:  # seconds, for millions of characters
        pieces = await services.runtime.run_blocking(lambda: parts_of(request, limits))
    else:
        pieces = parts_of(request, limits)
    if pieces[0].request is call.request:
        return await next_stage(call)
    if call.max_cost is not None:
        hold_all_below(call.max_cost, call, services, [piece.request for piece in pieces], "a long text")
    whole, kind, why = call.request, call.kind, call.why
    replies: list[Reply[Any]] = []
    try:
        for number, piece in enumerate(pieces, 1):
            call.request = piece.request
            call.attempts_before = len(call.attempts)
            call.kind, call.why = kind, f"part {number} of {len(pieces)}" + (f"; {why}" if why else "")
            replies.append(await _part(call, next_stage, number, len(pieces)))
            if call.attempts[-1].cost.upper_bound != 0:
                call.parts_paid += 1
    finally:
        call.request = whole
    return _joined(call, pieces, replies)


def hold_all_below(
    max_cost: Decimal, call: Call, services: Services, requests: Sequence[Request], whole: str
) -> None:
    """Some parts without the others are no answer, so none is paid for where all would pass the cap."""
    spec = target_of(call).spec
    uses = [use for each in requests for use in usage_of(each, spec)]
    try:
        hold_below(max_cost, call, Metered.of(call, services, uses))
    except BudgetExceeded as error:
        error.add_note(f"this is the sum over the {len(requests)} parts of {whole}; none was sent")
        raise


async def _part(call: Call, next_stage: Next, number: int, many: int) -> Reply[Any]:
    try:
        return await next_stage(call)
    except Exception as error:
        error.add_note(f"this was part {number} of {many} of a long text; the parts before it were answered")
        raise


def _joined(call: Call, pieces: tuple[Part, ...], replies: list[Reply[Any]]) -> Reply[Any]:
    texts = [piece.request.text for piece in pieces if isinstance(piece.request, TextRequest)]
    payload = call.operation.payload.joined(
        [
            (piece.begin, text, reply.payload)
            for piece, text, reply in zip(pieces, texts, replies, strict=True)
        ],
        call.request,
    )
    raws: list[JsonValue] = [reply.raw for reply in replies]
    return Reply(
        payload=payload,
        usage=tuple(use for reply in replies for use in reply.usage),
        request_id=replies[-1].request_id,
        model_version=replies[-1].model_version,
        raw=raws if call.request.raw else None,
    )
