"""Documents that go to an index, or are asked about: as many requests as the engine's limits need, one report.

Each document has its own status, whatever became of the others. A request that fails fails its own documents only; those
behind it are sent all the same, unless what failed would fail them too. Where the engine refuses a request as a whole, for
one document perhaps, it is halved, for a bounded number of times, so that one bad document does not keep out the others.
Where the index itself is not there, nothing more is sent.
Only where no request was answered at all, the call fails. What one request of the call has cost, and what it has not, is told
by its attempts, as for any call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from broker.contract.context import Reply
from broker.contract.redact import redact
from broker.contract.search_limits import WriteLimits
from broker.errors import (
    BILLED,
    RETRYABLE,
    BadInput,
    BrokerError,
    ContentRefused,
    MalformedReply,
    Outcome,
    ProviderError,
    ProviderFault,
)
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services
from broker.pipeline.parts import hold_all_below
from broker.types.json import JsonValue
from broker.types.money import Usage
from broker.types.request import Request
from broker.types.write import (
    DocumentState,
    DocumentStatus,
    WriteReport,
    WriteRequest,
)

W = TypeVar("W", bound=WriteRequest)

MOST_HALVINGS = 40
"""Requests refused as a whole that are halved; enough to find three bad ones among a thousand."""
_ITS_OWN = (BadInput, ContentRefused, MalformedReply, ProviderFault)
"""What says nothing of the documents behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portions:
    """How documents are sent.

    :param sent: places of each request's documents.
    :param refused: why a document is not sent, by its place.
    """

    sent: tuple[tuple[int, ...], ...]
    refused: dict[int, str]


def portions_of(request: WriteRequest, limits: WriteLimits) -> Portions:
    """In the order they were given, each request as full as it may be."""
    sent: list[list[int]] = []
    refused: dict[int, str] = {}
    room = 0
    for place, size in enumerate(request.sizes):
        problem = limits.problem(request, place, size)
        if problem:
            refused[place] = problem
            continue
        too_many = bool(sent) and len(sent[-1]) >= limits.max_items
        if not sent or too_many or (limits.max_bytes is not None and size > room):
            sent.append([])
            room = limits.max_bytes or 0
        sent[-1].append(place)
        room -= size
    return Portions(sent=tuple(map(tuple, sent)), refused=refused)


def requests_of(request: WriteRequest, limits: WriteLimits) -> list[Request]:
    """The requests to send, for an estimate."""
    return [_part_of(request, places) for places in portions_of(request, limits).sent]


def writes(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Send what goes to an index, request by request; give one report. All else passes without a frame of its own."""
    whole = call.request
    return _write(call, whole, services, next_stage) if isinstance(whole, WriteRequest) else next_stage(call)


async def _write(call: Call, whole: WriteRequest, services: Services, next_stage: Next) -> Reply[Any]:
    limits = target_of(call).spec.limits
    if not isinstance(limits, WriteLimits):
        limits = WriteLimits(max_items=len(whole.keys))
    portions = portions_of(whole, limits)
    if len(portions.sent) == 1 and len(portions.sent[0]) == len(whole.keys) == 1:
        return await next_stage(call)  # nothing to halve, nobody else to tell of
    if not portions.sent:
        reasons = "; ".join(dict.fromkeys(portions.refused.values()))
        raise BadInput(f"no document can be sent: {reasons}")
    if call.max_cost is not None:
        parts = [_part_of(whole, places) for places in portions.sent]
        hold_all_below(call.max_cost, call, services, parts, "many documents")
    try:
        return await _Sending(call, whole, portions).all(next_stage)
    finally:
        call.request = whole


class _Sending:
    """The requests of one call."""

    def __init__(self, call: Call, whole: WriteRequest, portions: Portions) -> None:
        self._call = call
        self._whole = whole
        self._keys = whole.keys
        self._waiting = deque(portions.sent)
        self._found: dict[int, DocumentStatus] = {
            place: self._failed(place, why) for place, why in portions.refused.items()
        }
        self._replies: list[Reply[Any]] = []
        self._errors: list[BrokerError] = []
        self._halvings = 0
        self._stopped = ""

    async def all(self, next_stage: Next) -> Reply[WriteReport]:
        """Raises the first error where nothing was answered."""
        call, kind, why = self._call, self._call.kind, self._call.why
        number = 0
        while self._waiting:
            places = self._waiting.popleft()
            number += 1
            call.request = _part_of(self._whole, places)
            call.attempts_before = len(call.attempts)
            if number > 1 or self._waiting:
                call.kind, call.why = kind, f"part {number} of many documents" + (f"; {why}" if why else "")
            try:
                reply = await next_stage(call)
            except BrokerError as error:
                self._refused(places, error, tried=len(call.attempts) > call.attempts_before)
                continue
            self._replies.append(reply)
            self._found.update(zip(places, reply.payload.statuses, strict=True))
        return self._reply()

    def _refused(self, places: tuple[int, ...], error: BrokerError, *, tried: bool) -> None:
        nowhere = isinstance(error, ProviderError) and error.misaddressed
        halved = isinstance(error, (BadInput, ContentRefused)) and tried and len(places) > 1 and not nowhere
        if halved and self._halvings < MOST_HALVINGS:
            self._halvings += 1
            middle = len(places) // 2
            self._waiting.extendleft((places[middle:], places[:middle]))
            self._errors.append(error)
            return
        self._errors.append(error)
        for place in places:
            self._found[place] = _status_of(self._keys[place], error)
        if nowhere or not isinstance(error, _ITS_OWN):
            self._stopped = _words(error)
            while self._waiting:
                for place in self._waiting.popleft():
                    self._found[place] = DocumentStatus(
                        id=self._keys[place],
                        state=DocumentState.NOT_SENT,
                        reason=f"not sent after {type(error).__name__}",
                        may_retry=True,
                    )

    def _reply(self) -> Reply[WriteReport]:
        if not self._replies:
            first = self._errors[0]
            if len(self._errors) > 1:
                first.add_note(f"{len(self._errors)} requests failed; the last one: {self._errors[-1]}")
            raise first
        raws: list[JsonValue] = [reply.raw for reply in self._replies]
        usage: tuple[Usage, ...] = tuple(use for reply in self._replies for use in reply.usage)
        last = self._replies[-1]
        raw: JsonValue = None
        if self._whole.raw:
            raw = raws[0] if len(raws) == 1 else raws
        return Reply(
            payload=WriteReport(
                statuses=tuple(self._found[place] for place in range(len(self._keys))), stopped=self._stopped
            ),
            usage=usage,
            request_id=last.request_id,
            model_version=last.model_version,
            raw=raw,
        )

    def _failed(self, place: int, why: str) -> DocumentStatus:
        return DocumentStatus(id=self._keys[place], state=DocumentState.FAILED, reason=why)


def _part_of(whole: WriteRequest, places: Sequence[int]) -> WriteRequest:
    subject = getattr(whole, whole.SUBJECT)
    if len(places) == len(subject):
        return whole
    change: dict[str, Any] = {whole.SUBJECT: tuple(subject[place] for place in places)}
    return replace(whole, **change)


def in_order(reply: Reply[Any], request: Request) -> Reply[Any]:
    """One status for each document, put into the order of the request. Raises :class:`MalformedReply`."""
    keys = request.keys if isinstance(request, WriteRequest) else ()
    statuses = reply.payload.statuses
    if tuple(each.id for each in statuses) == keys:
        return reply
    by_id = {each.id: each for each in statuses}
    if len(by_id) != len(statuses) or by_id.keys() != set(keys):
        raise MalformedReply(
            f"the answer tells of {len(statuses)} documents where {len(keys)} were sent, or of others"
        )
    return replace(reply, payload=replace(reply.payload, statuses=tuple(by_id[key] for key in keys)))


def _status_of(key: str, error: BrokerError) -> DocumentStatus:
    """What a failed request says of its documents: whether they may be there all the same."""
    lost = BILLED[error.outcome] is not False
    return DocumentStatus(
        id=key,
        state=DocumentState.UNKNOWN if lost else DocumentState.FAILED,
        reason=_words(error),
        code=error.code if isinstance(error, ProviderError) else None,
        may_retry=lost or error.outcome in RETRYABLE or error.outcome is Outcome.QUOTA_DEAD,
    )


def _words(error: BrokerError) -> str:
    return redact(f"{type(error).__name__}: {error}")[:500]
