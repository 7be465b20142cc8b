"""``broker.estimate.search``: what operations on indexes would cost by the call. Nothing is sent.

What an index costs by the hour while it stands is no part of a call's cost: ``standing`` of a candidate has it beside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Unpack

from broker.contract.operations import DELETE, QUERY, STATUS, SUGGEST, UPSERT, Operation
from broker.facades.options import IndexOptions, QueryOptions, SuggestOptions
from broker.pipeline.ahead import Ahead
from broker.runtime.blocking import drive
from broker.types.document import DocumentInput
from broker.types.estimate import Estimate

if TYPE_CHECKING:
    from broker.core import Core


class SearchEstimates:
    """As :class:`~broker.facades.search.Search`. Bad input raises the errors of the real call."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    def query(self, text: str, /, **options: Unpack[QueryOptions]) -> Estimate:
        """What ``broker.search.query`` would cost: one page."""
        return self._estimate(QUERY, text, dict(options))

    def suggest(self, text: str, /, **options: Unpack[SuggestOptions]) -> Estimate:
        """What ``broker.search.suggest`` would cost."""
        return self._estimate(SUGGEST, text, dict(options))

    def upsert(
        self, documents: DocumentInput | Iterable[DocumentInput], /, **options: Unpack[IndexOptions]
    ) -> Estimate:
        """What ``broker.search.upsert`` would cost, in all its requests."""
        return self._estimate(UPSERT, documents, dict(options))

    def delete(self, ids: str | Iterable[str], /, **options: Unpack[IndexOptions]) -> Estimate:
        """What ``broker.search.delete`` would cost."""
        return self._estimate(DELETE, ids, dict(options))

    def status(self, ids: str | Iterable[str], /, **options: Unpack[IndexOptions]) -> Estimate:
        """What ``broker.search.status`` would cost, once."""
        return self._estimate(STATUS, ids, dict(options))

    def _estimate(self, operation: Operation[Any, Any], source: Any, options: dict[str, Any]) -> Estimate:
        ahead = Ahead() if self._ahead is None else self._ahead
        return drive(self._core.estimate(operation, source, options, ahead))


class AsyncSearchEstimates:
    """The same for ``async`` code."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    async def query(self, text: str, /, **options: Unpack[QueryOptions]) -> Estimate:
        """What ``broker.search.query`` would cost: one page."""
        return await self._estimate(QUERY, text, dict(options))

    async def suggest(self, text: str, /, **options: Unpack[SuggestOptions]) -> Estimate:
        """What ``broker.search.suggest`` would cost."""
        return await self._estimate(SUGGEST, text, dict(options))

    async def upsert(
        self, documents: DocumentInput | Iterable[DocumentInput], /, **options: Unpack[IndexOptions]
    ) -> Estimate:
        """What ``broker.search.upsert`` would cost, in all its requests."""
        return await self._estimate(UPSERT, documents, dict(options))

    async def delete(self, ids: str | Iterable[str], /, **options: Unpack[IndexOptions]) -> Estimate:
        """What ``broker.search.delete`` would cost."""
        return await self._estimate(DELETE, ids, dict(options))

    async def status(self, ids: str | Iterable[str], /, **options: Unpack[IndexOptions]) -> Estimate:
        """What ``broker.search.status`` would cost, once."""
        return await self._estimate(STATUS, ids, dict(options))

    async def _estimate(
        self, operation: Operation[Any, Any], source: Any, options: dict[str, Any]
    ) -> Estimate:
        ahead = Ahead() if self._ahead is None else self._ahead
        return await self._core.estimate(operation, source, options, ahead)
