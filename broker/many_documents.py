"""Many documents for an index: what ``upsert_many`` does with one pack of them, sync and async alike.

A pack is as many documents as one request takes. Nothing that goes wrong with one document touches the others: its error
stands in its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from broker.contract.operations import UPSERT
from broker.contract.search_limits import WriteLimits
from broker.core import Core
from broker.errors import BadInput, BrokerError, Outcome, ProviderError, Unavailable
from broker.many import copied, parted
from broker.pipeline.route import check_ready, target_for
from broker.pipeline.validate import check_options
from broker.types.batch import Item
from broker.types.call import Result
from broker.types.document import Document, document
from broker.types.money import Cost
from broker.types.write import DocumentState, DocumentStatus, WriteReport

MOST_TOGETHER = 1000
MOST_BYTES = 16 * 1024 * 1024
"""What is kept in memory for one request, where the engine would take more."""


class Place(NamedTuple):
    """One document on its way."""

    number: int
    source: Any
    document: Document | BrokerError


class Upserts:
    """One call of ``upsert_many``. Bad options are raised at once, not once a document."""

    def __init__(self, core: Core, options: Mapping[str, Any]) -> None:
        self._core = core
        self._options = options
        probe = core.probe(UPSERT, options)
        check_options(probe)
        limits = WriteLimits(max_items=100)
        for candidate in probe.candidates:
            try:
                target = target_for(candidate, probe, core.services)
                if len(probe.candidates) > 1:
                    check_ready(candidate, core.services, UPSERT.name)
            except BrokerError:
                continue  # told by the calls themselves
            if isinstance(target.spec.limits, WriteLimits):
                limits = target.spec.limits
            break
        self._most = min(limits.max_items, MOST_TOGETHER)
        self._bytes = min(limits.max_bytes or MOST_BYTES, MOST_BYTES)

    def packs(self, sources: Iterable[Any]) -> Iterator[list[Place]]:
        """Documents with their places, as they are needed. No id stands twice in a pack."""
        packing = _Packing(self._most, self._bytes)
        for index, source in enumerate(sources):
            yield from packing.put(_placed(index, source))
        yield from packing.rest()

    async def packs_async(self, sources: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[list[Place]]:
        """The same for ``async`` code; takes either kind of iterable."""
        if not isinstance(sources, AsyncIterable):
            for pack in self.packs(sources):
                yield pack
            return
        packing, index = _Packing(self._most, self._bytes), 0
        async for source in sources:
            for pack in packing.put(_placed(index, source)):
                yield pack
            index += 1
        for pack in packing.rest():
            yield pack

    async def items(self, pack: list[Place]) -> list[Item[DocumentStatus]]:
        """What becomes of a pack, in its order. Raises only what ends everything: a closed broker."""
        sent = [each for each in pack if isinstance(each.document, Document)]
        found: dict[int, Item[DocumentStatus]] = {
            each.number: Item(index=each.number, source=each.source, error=each.document)
            for each in pack
            if isinstance(each.document, BrokerError)
        }
        if sent:
            try:
                result = await self._core.run(UPSERT, [each.document for each in sent], self._options)
            except BrokerError as error:
                found |= _failed(sent, error)
            else:
                found |= _answered(sent, result)
        return [found[each.number] for each in pack]


class _Packing:
    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._bytes = most_bytes
        self._pack: list[Place] = []
        self._ids: set[str] = set()
        self._size = 0

    def put(self, place: Place) -> Iterator[list[Place]]:
        """Packs that are full before it, if any."""
        size, key = 0, ""
        if isinstance(place.document, Document):
            size, key = place.document.size, place.document.id
        if self._pack and (
            len(self._pack) >= self._most or self._size + size > self._bytes or (key and key in self._ids)
        ):
            yield from self.rest()
        self._pack.append(place)
        self._ids.add(key)
        self._size += size

    def rest(self) -> Iterator[list[Place]]:
        """What is left."""
        if self._pack:
            yield self._pack
        self._pack, self._ids, self._size = [], set(), 0


def _placed(index: int, source: Any) -> Place:
    try:
        return Place(index, source, document(source))
    except BrokerError as error:
        return Place(index, source, error)


def _answered(sent: list[Place], result: Result[WriteReport]) -> dict[int, Item[DocumentStatus]]:
    shares = _shares(result.cost, len(sent))
    found: dict[int, Item[DocumentStatus]] = {}
    for place, status, share in zip(sent, result.value.statuses, shares, strict=True):
        if status.acknowledged:
            own: Result[DocumentStatus] = Result(
                value=status,
                provenance=result.provenance,
                cost=share,
                attempts=result.attempts,
                call_id=result.call_id,
                latency=result.latency,
                raw=result.raw,
                shared=len(sent),
            )
            found[place.number] = Item(index=place.number, source=place.source, result=own)
            continue
        error = _error_of(status, result.provenance.provider)
        error.call_id, error.cost = result.call_id, share
        found[place.number] = Item(index=place.number, source=place.source, error=error)
    return found


def _failed(sent: list[Place], error: BrokerError) -> dict[int, Item[DocumentStatus]]:
    shares = [None] * len(sent) if error.cost is None else _shares(error.cost, len(sent))
    found: dict[int, Item[DocumentStatus]] = {}
    for place, share in zip(sent, shares, strict=True):
        own = copied(error) if len(sent) > 1 else error
        if len(sent) > 1:
            own.attempts = ()  # of all; its own cost is its share
        own.cost = share
        found[place.number] = Item(index=place.number, source=place.source, error=own)
    return found


def _shares(cost: Cost, parts: int) -> list[Cost]:
    if parts == 1 or cost.upper_bound == 0:
        return [cost] * parts
    return parted(cost, [Decimal(1)] * parts)


def _error_of(status: DocumentStatus, provider: str) -> ProviderError:
    kind: type[ProviderError] = Unavailable if status.may_retry else BadInput
    outcome = {
        DocumentState.UNKNOWN: Outcome.AMBIGUOUS,
        DocumentState.NOT_SENT: Outcome.NOT_SENT,
    }.get(status.state, Outcome.THROTTLED if status.may_retry else Outcome.REJECTED)
    return kind(
        status.reason or f"the document is {status.state.value}",
        provider=provider,
        operation=UPSERT.name,
        outcome=outcome,
        code=status.code,
    )
