"""The operations on local indexes, as the broker's payloads."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from broker.contract import Context, Reply
from broker.errors import BadInput, NotConfigured, Unsupported
from broker.types import (
    DeleteRequest,
    DocumentState,
    DocumentStatus,
    Hit,
    QueryRequest,
    Score,
    ScoreKind,
    ScoreScale,
    SearchMode,
    SearchResults,
    StatusRequest,
    Suggestion,
    SuggestionSet,
    SuggestRequest,
    UpsertRequest,
    WriteReport,
)
from broker_local import index_query, index_vectors, index_write, needs
from broker_local.index_files import folder_of, path_of
from broker_local.index_pool import Pool, reading

if TYPE_CHECKING:
    from broker_local.adapter import LocalSettings

VERSION = "fts5-porter-1"
BM25 = ScoreScale(name="local.bm25", kind=ScoreKind.UNBOUNDED)
COSINE = ScoreScale(name="local.cosine", kind=ScoreKind.UNBOUNDED)
RRF = ScoreScale(name="local.rrf", kind=ScoreKind.FUSED)

_FOR_WRITING = 0.2
"""Of the time for a request: what making vectors leaves for writing them."""
pool = Pool()
"""Of the process, as are the files."""


def query(request: QueryRequest, context: Context, settings: LocalSettings) -> Reply[SearchResults]:
    """One page. Raises BadInput for an index there is not, Unsupported for a mode the index has not."""
    path = _path(request.index, settings)
    start = _start(request)
    words = index_query.words_of(request.text)
    with pool.use(path, context) as connection, reading(connection):
        mode = _mode(request, index_vectors.model_of(connection))
        counted: int | None = None
        if mode is SearchMode.HYBRID:
            with needs.extra(name="local-search"):
                every = index_query.by_both(connection, path, request, words)
            found, more = every[start : start + request.top], len(every) > start + request.top
        else:
            found = index_query.by_words(connection, words, request.filter, request.top + 1, start)
            found, more = found[: request.top], len(found) > request.top
            counted = start + len(found) if not more else index_query.total(connection, words, request.filter)
        hits = _hits(connection, found, words, request.shown)
        facets = index_query.facets(
            connection, words, request.filter, request.facets, exact=mode is SearchMode.KEYWORD
        )
    page = request.next_page("local", str(start + len(found)) if more else None, len(found))
    return Reply(
        payload=SearchResults(
            hits=hits,
            total=counted,
            total_exact=None if counted is None else True,
            page=page,
            facets=facets,
            mode=mode,
        ),
        model_version=VERSION if mode is SearchMode.KEYWORD else f"{VERSION}+{_minilm()}",
        raw=[each._asdict() for each in found] if request.raw else None,
    )


def suggest(request: SuggestRequest, context: Context, settings: LocalSettings) -> Reply[SuggestionSet]:
    """Titles that begin with the words."""
    with pool.use(_path(request.index, settings), context) as connection:
        found = index_query.titles(connection, request.text.lstrip(), request.top)
    return Reply(
        payload=SuggestionSet(suggestions=tuple(Suggestion(text=title, id=key) for title, key in found)),
        model_version=VERSION,
    )


def upsert(request: UpsertRequest, context: Context, settings: LocalSettings) -> Reply[WriteReport]:
    """One transaction; the index is made if it is not there. Documents for whose vectors the time was too short are not in it."""
    path = _path(request.index, settings)
    if not settings.vectors:
        with pool.use(path, context, make=True) as connection:
            _check_vectorless(connection, path)
            index_write.upsert(connection, request.documents, {}, None)
        return _done(request.keys)
    with pool.use(path, context, make=True) as connection:
        same = index_write.unchanged(connection, request.documents)
    numbers: dict[str, bytes] = {}
    with needs.extra(name="local-search"):
        model = _minilm()
        until = context.remaining() * _FOR_WRITING
        for each in request.documents:
            if each.id not in same:
                if numbers and context.remaining() <= until:
                    break
                numbers[each.id] = index_vectors.packed(f"{each.title or ''}\n{each.content}".strip())
    ready = [each for each in request.documents if each.id in numbers or each.id in same]
    with pool.use(path, context, make=True) as connection:
        written = index_write.upsert(connection, ready, numbers, model)
    return Reply(
        payload=WriteReport(
            statuses=tuple(
                DocumentStatus(id=key, state=DocumentState.DONE) if key in written else _too_late(key)
                for key in request.keys
            )
        ),
        model_version=VERSION,
    )


def _too_late(key: str) -> DocumentStatus:
    return DocumentStatus(
        id=key,
        state=DocumentState.NOT_SENT,
        reason="the deadline came before its vector was made; send it again, or give more seconds",
        may_retry=True,
    )


def delete(request: DeleteRequest, context: Context, settings: LocalSettings) -> Reply[WriteReport]:
    """All of them; none that is not there is missed."""
    with pool.use(_path(request.index, settings), context) as connection:
        index_write.delete(connection, request.ids)
    return _done(request.keys)


def status(request: StatusRequest, context: Context, settings: LocalSettings) -> Reply[WriteReport]:
    """What is there is found by queries at once."""
    with pool.use(_path(request.index, settings), context) as connection:
        return Reply(payload=WriteReport(statuses=index_write.statuses(connection, request.ids)))


def _done(keys: tuple[str, ...]) -> Reply[WriteReport]:
    return Reply(
        payload=WriteReport(statuses=tuple(DocumentStatus(id=key, state=DocumentState.DONE) for key in keys)),
        model_version=VERSION,
    )


def _path(asked: str | None, settings: LocalSettings) -> Path:
    return path_of(folder_of(settings.search_folder), settings.address(asked, provider="local"))


def _minilm() -> str:
    from broker_local import minilm

    return minilm.VERSION


def _start(request: QueryRequest) -> int:
    """Where the page begins. Raises BadInput for a page that was not given here."""
    if request.page is None:
        return 0
    token = request.page.token
    if not token.isascii() or not token.isdigit() or len(token) > 9:
        raise BadInput("this page was not given by the local provider", provider="local")
    return int(token)


def _mode(request: QueryRequest, model: str | None) -> SearchMode:
    """What is asked for; else both, where the index has vectors and what makes them is here."""
    if request.mode is SearchMode.KEYWORD:
        return SearchMode.KEYWORD
    if model is None:
        if request.mode is None:
            return SearchMode.KEYWORD
        raise Unsupported(
            "this index has no vectors; set vectors = true for [providers.local] and put the documents in again",
            provider="local",
            operation="search.query",
        )
    if request.mode is None and not index_vectors.installed():
        return SearchMode.KEYWORD
    return SearchMode.HYBRID


def _check_vectorless(connection: sqlite3.Connection, path: Path) -> None:
    """What is put in without a vector would be missed by half of a hybrid search."""
    if index_vectors.model_of(connection) is not None:
        raise NotConfigured(
            f"the local index {path} has vectors; set vectors = true for [providers.local], or use another index"
        )


def _hits(
    connection: sqlite3.Connection, found: list[index_query.Found], words: list[str], shown: int
) -> tuple[Hit, ...]:
    marked = index_query.snippets(connection, words, [each.place for each in found])
    hits = []
    for rank, each in enumerate(found, shown + 1):
        key, title, url, metadata = connection.execute(
            "SELECT id, title, url, metadata FROM document WHERE place = ?", (each.place,)
        ).fetchone()
        hits.append(
            Hit(
                id=key,
                rank=rank,
                score=_score(each),
                title=title,
                url=url,
                snippets=(marked[each.place].snippet,) if marked[each.place].snippet.text else (),
                title_highlights=marked[each.place].title,
                metadata=index_write.decoded(metadata),
            )
        )
    return tuple(hits)


def _score(found: index_query.Found) -> Score:
    if found.fused is None:
        return Score(value=found.words, raw=found.words, scale=BM25)
    others = [
        Score(value=number, raw=number, scale=scale)
        for number, scale in ((found.words, BM25), (found.meaning, COSINE))
        if number is not None
    ]
    return Score(value=found.fused, raw=found.fused, scale=RRF, others=tuple(others))
