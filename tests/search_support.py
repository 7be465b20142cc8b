"""A search engine in memory, with limits, prices and faults as a test wants them: a real adapter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from broker import Broker
from broker.contract import (
    Adapter,
    AdapterSettings,
    Context,
    IndexSettings,
    Manifest,
    OperationSpec,
    QueryLimits,
    Reply,
    WriteLimits,
    documents,
    one_query,
)
from broker.runtime.virtual import VirtualRuntime
from broker.types import (
    DeleteRequest,
    Document,
    DocumentState,
    DocumentStatus,
    Hit,
    Price,
    QueryRequest,
    Score,
    ScoreKind,
    ScoreScale,
    SearchMode,
    SearchResults,
    Snippet,
    StatusRequest,
    Suggestion,
    SuggestionSet,
    SuggestRequest,
    Tier,
    Unit,
    UpsertRequest,
    WriteReport,
)

SCALE = ScoreScale(name="words.count", kind=ScoreKind.UNBOUNDED)
Wrote = Callable[[UpsertRequest, int], Reply[WriteReport] | None]


class EngineSettings(AdapterSettings, IndexSettings):
    """Nothing but which index."""


def price(sku: str, unit: Unit, amount: str) -> Price:
    """A row."""
    return Price(
        id=f"{sku}@test",
        sku=sku,
        unit=unit,
        region="*",
        currency="USD",
        valid_from=date(2000, 1, 1),
        checked_on=date(2000, 1, 1),
        source="a test",
        confidence="high",
        tiers=(Tier(up_to=None, price=Decimal(amount)),),
    )


class Engine:
    """What the adapter keeps, for the test to look at.

    :param wrote: sees each upsert and its number; answers in the engine's place, raises, or gives None.
    :param later: questions after which an accepted document is found.
    """

    def __init__(self, wrote: Wrote | None = None, later: int = 0) -> None:
        self.kept: dict[str, dict[str, Document]] = {}
        self.upserts: list[tuple[str, ...]] = []
        self.deletes: list[tuple[str, ...]] = []
        self.questions: list[tuple[str, ...]] = []
        self.queries: list[QueryRequest] = []
        self.wrote = wrote
        self.later = later
        self.lock = threading.Lock()


def engine_adapter(
    engine: Engine,
    provider: str = "words",
    *,
    query_limits: QueryLimits | None = None,
    write_limits: WriteLimits | None = None,
    **more: Any,
) -> type[Adapter]:
    """An adapter over the engine."""
    writes = write_limits or WriteLimits(max_items=3, max_bytes=1000, max_item=500)

    class Words:
        manifest: ClassVar[Manifest] = Manifest(
            provider=provider,
            version="1",
            operations=(
                OperationSpec(
                    operation="search.query",
                    service="words",
                    meter=one_query,
                    limits=query_limits
                    or QueryLimits(
                        max_characters=100, max_top=50, modes=(SearchMode.KEYWORD, SearchMode.HYBRID)
                    ),
                    **more,
                ),
                OperationSpec(operation="search.suggest", service="words", meter=one_query),
                OperationSpec(operation="search.upsert", service="words", meter=documents, limits=writes),
                OperationSpec(operation="search.delete", service="words", meter=documents, limits=writes),
                OperationSpec(operation="search.status", service="words", meter=documents, limits=writes),
            ),
            prices=(
                price(f"{provider}.search.query", Unit.QUERY, "0.001"),
                price(f"{provider}.search.suggest", Unit.QUERY, "0.0005"),
                *(
                    price(f"{provider}.search.{name}", Unit.DOCUMENT, "0.0001")
                    for name in ("upsert", "delete", "status")
                ),
            ),
        )
        Settings: ClassVar[type[AdapterSettings]] = EngineSettings

        def __init__(self, settings: EngineSettings, /) -> None:
            self._settings = settings

        def _index(self, asked: str | None) -> dict[str, Document]:
            return engine.kept.setdefault(self._settings.address(asked, provider=provider), {})

        def query(self, request: QueryRequest, context: Context, /) -> Reply[SearchResults]:
            engine.queries.append(request)
            index = self._index(request.index)
            words = request.text.lower().split()
            found = [
                (sum(each.content.lower().count(word) for word in words), each) for each in index.values()
            ]
            fitting = sorted(((n, each) for n, each in found if n), key=lambda one: (-one[0], one[1].id))
            start = int(request.page.token) if request.page is not None else 0
            page = fitting[start : start + request.top]
            more = start + len(page) < len(fitting)
            return Reply(
                payload=SearchResults(
                    hits=tuple(
                        Hit(
                            id=each.id,
                            rank=rank,
                            score=Score(value=float(n), raw=float(n), scale=SCALE),
                            title=each.title,
                            url=each.url,
                            snippets=(Snippet(text=each.content[:80], member="content"),),
                            metadata=each.metadata,
                        )
                        for rank, (n, each) in enumerate(page, request.shown + 1)
                    ),
                    total=len(fitting),
                    total_exact=True,
                    page=request.next_page(provider, str(start + len(page)) if more else None, len(page)),
                )
            )

        def suggest(self, request: SuggestRequest, context: Context, /) -> Reply[SuggestionSet]:
            words = {word for each in self._index(request.index).values() for word in each.content.split()}
            return Reply(
                payload=SuggestionSet(
                    suggestions=tuple(
                        Suggestion(text=word) for word in sorted(words) if word.startswith(request.text)
                    )
                )
            )

        def upsert_documents(self, request: UpsertRequest, context: Context, /) -> Reply[WriteReport]:
            with engine.lock:
                engine.upserts.append(request.keys)
                number = len(engine.upserts)
            if engine.wrote is not None:
                answer = engine.wrote(request, number)
                if answer is not None:
                    return answer
            self._index(request.index).update({each.id: each for each in request.documents})
            state = DocumentState.ACCEPTED if engine.later else DocumentState.DONE
            return Reply(
                payload=WriteReport(
                    statuses=tuple(DocumentStatus(id=key, state=state) for key in request.keys)
                )
            )

        def delete_documents(self, request: DeleteRequest, context: Context, /) -> Reply[WriteReport]:
            engine.deletes.append(request.keys)
            for key in request.ids:
                self._index(request.index).pop(key, None)
            return Reply(
                payload=WriteReport(
                    statuses=tuple(DocumentStatus(id=key, state=DocumentState.DONE) for key in request.keys)
                )
            )

        def document_status(self, request: StatusRequest, context: Context, /) -> Reply[WriteReport]:
            engine.questions.append(request.keys)
            index = self._index(request.index)
            there = DocumentState.DONE if len(engine.questions) > engine.later else DocumentState.ACCEPTED
            return Reply(
                payload=WriteReport(
                    statuses=tuple(
                        DocumentStatus(id=key, state=there if key in index else DocumentState.ABSENT)
                        for key in request.keys
                    )
                )
            )

    return Words


def make(*adapters: type[Adapter], runtime: VirtualRuntime | None = None, **settings: Any) -> Broker:
    """A broker over these adapters, the first one being asked."""
    settings.setdefault("provider", adapters[0].manifest.provider)
    settings.setdefault("providers", {each.manifest.provider: {"index": "main"} for each in adapters})
    return Broker(adapters=list(adapters), runtime=runtime or VirtualRuntime(), **settings)


def texts(*contents: str) -> list[dict[str, Any]]:
    """Documents with ids 1, 2, …"""
    return [{"id": str(number), "content": each} for number, each in enumerate(contents, 1)]
