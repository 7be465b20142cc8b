"""``broker.search``: thin typed methods; all they do is name the operation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import TYPE_CHECKING, Unpack

from broker.contract.operations import DELETE, QUERY, STATUS, SUGGEST, UPSERT
from broker.errors import BadInput
from broker.facades.bulk import CONCURRENCY, check_sources
from broker.facades.options import IndexOptions, QueryOptions, SuggestOptions, WaitOptions
from broker.runtime.blocking import drive
from broker.runtime.spread import spread, spread_async
from broker.types.batch import Item
from broker.types.call import Result
from broker.types.document import DocumentInput
from broker.types.search import SearchResults, SuggestionSet
from broker.types.write import DocumentStatus, WriteReport

if TYPE_CHECKING:
    from broker.core import Core


class Search:
    """Documents in, hits out.

    Every method raises the errors of :mod:`broker.errors`. What is written stays where it is: once a provider was asked, no
    other takes over. Documents are replaced by id, so sending one again does no harm.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def query(self, text: str, /, **options: Unpack[QueryOptions]) -> Result[SearchResults]:
        """Which documents fit these words? One page; the next is ``page=result.value.page``. See
        :class:`~broker.facades.options.QueryOptions`.
        """
        return drive(self._core.run(QUERY, text, dict(options)))

    def suggest(self, text: str, /, **options: Unpack[SuggestOptions]) -> Result[SuggestionSet]:
        """How may these words go on? See :class:`~broker.facades.options.SuggestOptions`."""
        return drive(self._core.run(SUGGEST, text, dict(options)))

    def upsert(
        self, documents: DocumentInput | Iterable[DocumentInput], /, **options: Unpack[IndexOptions]
    ) -> Result[WriteReport]:
        """Put documents in, as many requests as the provider's limits need; the report says what became of each.

        It raises only where nothing was answered. See :class:`~broker.facades.options.IndexOptions`.
        """
        return drive(self._core.run(UPSERT, documents, dict(options)))

    def upsert_many(
        self,
        documents: Iterable[DocumentInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[IndexOptions],
    ) -> Generator[Item[DocumentStatus], None, None]:
        """:meth:`upsert` for any number: few in memory, and an :class:`~broker.types.batch.Item` for each in its order.

        Requests overtake each other: give an id once.
        """
        from broker.many import check_concurrency
        from broker.many_documents import Upserts

        check_concurrency(concurrency)
        check_sources(documents)
        if not isinstance(documents, Iterable):
            raise BadInput("this takes an ordinary iterable; for an asynchronous one use AsyncBroker")
        job = Upserts(self._core, dict(options))
        packs = job.packs(documents)
        return (
            item
            for items in spread(lambda pack: drive(job.items(pack)), packs, concurrency)
            for item in items
        )

    def delete(self, ids: str | Iterable[str], /, **options: Unpack[IndexOptions]) -> Result[WriteReport]:
        """Take documents out by their ids; one that is not there is done."""
        return drive(self._core.run(DELETE, ids, dict(options)))

    def status(self, ids: str | Iterable[str], /, **options: Unpack[IndexOptions]) -> Result[WriteReport]:
        """Where do these documents stand: found by queries (``done``), under way (``accepted``), failed, absent?"""
        return drive(self._core.run(STATUS, ids, dict(options)))

    def wait_until_indexed(
        self,
        documents: str | Iterable[str] | WriteReport,
        /,
        **options: Unpack[WaitOptions],
    ) -> Result[WriteReport]:
        """Ask :meth:`status` until queries find all of them, or they failed.

        Raises :class:`~broker.errors.StillIndexing` at the deadline. See :class:`~broker.facades.options.WaitOptions`.

        :param documents: ids, or the report of an upsert.
        """
        from broker.waiting import wait_until

        return drive(wait_until(self._core, documents, dict(options)))


class AsyncSearch:
    """The same for ``async`` code."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def query(self, text: str, /, **options: Unpack[QueryOptions]) -> Result[SearchResults]:
        """Which documents fit these words? One page. See :class:`~broker.facades.options.QueryOptions`."""
        return await self._core.run(QUERY, text, dict(options))

    async def suggest(self, text: str, /, **options: Unpack[SuggestOptions]) -> Result[SuggestionSet]:
        """How may these words go on?"""
        return await self._core.run(SUGGEST, text, dict(options))

    async def upsert(
        self, documents: DocumentInput | Iterable[DocumentInput], /, **options: Unpack[IndexOptions]
    ) -> Result[WriteReport]:
        """Put documents in; the report says what became of each."""
        return await self._core.run(UPSERT, documents, dict(options))

    def upsert_many(
        self,
        documents: Iterable[DocumentInput] | AsyncIterable[DocumentInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[IndexOptions],
    ) -> AsyncGenerator[Item[DocumentStatus], None]:
        """:meth:`upsert` for any number."""
        from broker.many import check_concurrency
        from broker.many_documents import Upserts

        check_concurrency(concurrency)
        check_sources(documents)
        job = Upserts(self._core, dict(options))
        packs = job.packs_async(documents)

        async def run() -> AsyncGenerator[Item[DocumentStatus], None]:
            spreading = spread_async(job.items, packs, concurrency)
            try:
                async for items in spreading:
                    for item in items:
                        yield item
            finally:
                await spreading.aclose()

        return run()

    async def delete(
        self, ids: str | Iterable[str], /, **options: Unpack[IndexOptions]
    ) -> Result[WriteReport]:
        """Take documents out by their ids; one that is not there is done."""
        return await self._core.run(DELETE, ids, dict(options))

    async def status(
        self, ids: str | Iterable[str], /, **options: Unpack[IndexOptions]
    ) -> Result[WriteReport]:
        """Where do these documents stand?"""
        return await self._core.run(STATUS, ids, dict(options))

    async def wait_until_indexed(
        self,
        documents: str | Iterable[str] | WriteReport,
        /,
        **options: Unpack[WaitOptions],
    ) -> Result[WriteReport]:
        """Ask :meth:`status` until queries find all of them; see :meth:`Search.wait_until_indexed`."""
        from broker.waiting import wait_until

        return await wait_until(self._core, documents, dict(options))
