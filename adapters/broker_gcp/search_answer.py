"""Vertex AI Search: what a query found. Pure.

Source: SearchResponse of google/cloud/discoveryengine/v1/search_service.proto; what stands in ``derivedStructData`` is shown
on cloud.google.com/generative-ai-app-builder/docs/snippets only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from broker.contract import needed
from broker.types import (
    Answer,
    AnswerKind,
    Facet,
    FacetValue,
    Highlight,
    Hit,
    MetadataValue,
    QueryRequest,
    Score,
    ScoreKind,
    ScoreScale,
    SearchMode,
    SearchResults,
    Snippet,
    Suggestion,
    SuggestionSet,
    marked_text,
)
from broker_gcp.proto_json import word
from broker_gcp.search_keys import id_of

Json = Mapping[str, Any]
TITLE, URL = "title", "url"
"""Names that this adapter keeps a document's title and address under; see :mod:`broker_gcp.search_documents`."""
_OWN = frozenset({TITLE, URL, "content"})
_PLAIN = frozenset({str, int, bool})
_STATES = ("SEMANTIC_STATE_UNSPECIFIED", "DISABLED", "ENABLED")
_MODES = {"ENABLED": SearchMode.HYBRID, "DISABLED": SearchMode.KEYWORD}
_NONE = "NO_SNIPPET_AVAILABLE"
_PROOF = ("results", "totalSize", "attributionToken", "redirectUri")
_RELEVANCE = "relevance_score"
_EMPTY: Json = {}


def _snake(name: str) -> str:
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


@lru_cache(maxsize=64)
def _scale(name: str) -> ScoreScale:
    return ScoreScale(name=f"gcp.agent_search.{name}", kind=ScoreKind.UNBOUNDED)


_SCALE = _scale(_RELEVANCE)
_SIGNALS = tuple(
    (name, _scale(_snake(name)))
    for name in ("relevanceScore", "semanticSimilarityScore", "keywordSimilarityScore")
)
"""Those of the rank signals that are scores: the others are ranks and ages."""
_PROTO = {
    name: _snake(name)
    for name in (
        *_PROOF,
        *(name for name, _ in _SIGNALS),
        "correctedQuery",
        "derivedStructData",
        "documentMetadata",
        "exclusiveMaximum",
        "failureCount",
        "jsonData",
        "modelScores",
        "nextPageToken",
        "querySuggestions",
        "rankSignals",
        "structData",
        "summarySkippedReasons",
        "summaryText",
        "summaryWithMetadata",
    )
    if _snake(name) != name
}
"""The names of the proto files, which programs that pass answers on may keep."""


def results_of(body: Json, request: QueryRequest) -> SearchResults:
    """A page of hits. Raises what :func:`~broker.contract.reading` turns into MalformedReply for an unusable one."""
    # A query that finds nothing has no results and no total, but always a token to name it by.
    if all(_member(body, name) is None for name in _PROOF):
        raise ValueError(f"it has none of {', '.join(_PROOF)}")
    items = _list(body, "results")
    hits: list[Hit] = []
    extracted: list[Answer] = []
    for rank, item in enumerate(items, request.shown + 1):
        hits.append(_hit(item, rank, extracted))
    redirect = _text(body, "redirectUri")
    total = whole(body, "totalSize")
    return SearchResults(
        hits=tuple(hits),
        total=0 if total is None and not items and not redirect else total,
        total_exact=False if total is not None or not items else None,
        page=request.next_page("gcp", _text(body, "nextPageToken"), len(hits)),
        facets=tuple(_facet(each) for each in _list(body, "facets")),
        answers=(
            *([Answer(kind=AnswerKind.FAQ, text=redirect, url=redirect)] if redirect else []),
            *_summary(body),
            *extracted,
        ),
        corrected=_text(body, "correctedQuery"),
        mode=_MODES.get(word(body, "semanticState", _STATES) or ""),
    )


def suggestions_of(body: Json) -> SuggestionSet:
    """What ``completeQuery`` found; an answer with nothing in it found nothing."""
    return SuggestionSet(
        suggestions=tuple(
            Suggestion(text=needed(each, "suggestion", str)) for each in _list(body, "querySuggestions")
        )
    )


# ---------------------------------------------------------------------- a hit


def _hit(item: Json, rank: int, extracted: list[Answer]) -> Hit:
    """A hit, and what answers the query word for word in it."""
    chunk = _object(item, "chunk")
    if chunk:
        return _passage(item, chunk, rank)
    document = _object(item, "document")
    derived = _object(document, "derivedStructData")
    known = struct_of(document)
    key = _id(item, document)
    title = _said(known, TITLE) or _said(derived, "title")
    url = _said(known, URL) or _said(derived, "link")
    for each in _several(derived, "extractive_answers"):
        text = _said(each, "content")
        if text:
            extracted.append(Answer(kind=AnswerKind.EXTRACTED, text=text, ids=(key,), title=title, url=url))
    return Hit(
        id=key,
        rank=rank,
        score=_score(item),
        title=title,
        url=url,
        snippets=tuple(_snippets(derived)),
        title_highlights=_title_marks(derived, title),
        metadata=metadata_of(known),
    )


def _passage(item: Json, chunk: Json, rank: int) -> Hit:
    """Of a data store that cuts documents into chunks."""
    about = _object(chunk, "documentMetadata")
    document, mark, passage = needed(chunk, "name", str).partition("/chunks/")
    key = document.rpartition("/documents/")[2]
    if not mark or key in ("", document):
        raise ValueError("a chunk's name is not that of a chunk")
    content, score = _text(chunk, "content"), _member(chunk, "relevanceScore")
    return Hit(
        id=id_of(key),
        rank=rank,
        score=_score(item) if score is None else _scored(_number(score, "relevanceScore"), _scale("chunk")),
        title=_text(about, "title"),
        url=_text(about, "uri"),
        snippets=(Snippet(text=content, member="content"),) if content else (),
        metadata=metadata_of(struct_of(about)),
        passage=_text(chunk, "id") or passage,
    )


def _id(item: Json, document: Json) -> str:
    """Google says it up to three times. Raises ValueError where it does not."""
    found = _text(document, "id") or _text(item, "id")
    found = found or (_text(document, "name") or "").rpartition("/documents/")[2]
    if not found:
        raise ValueError("a hit has no id")
    return id_of(found)


def struct_of(document: Json) -> Json:
    """The document's own data: an object, or JSON as a text. Raises ValueError."""
    found = _object(document, "structData")
    text = None if found else _text(document, "jsonData")
    if text is None:
        return found
    try:
        parsed: Any = json.loads(text)
    except RecursionError:
        raise ValueError("jsonData is nested too deep") from None
    if not isinstance(parsed, dict):
        raise ValueError("jsonData is no object")
    return parsed


def metadata_of(known: Json) -> dict[str, MetadataValue]:
    """Texts, numbers, truth values and lists of texts; what else a schema may hold is in the raw answer only."""
    found: dict[str, MetadataValue] = {}
    for name, value in known.items():
        if name in _OWN:
            continue
        kind = type(value)
        if kind in _PLAIN or (kind is float and math.isfinite(value)):
            found[name] = value
        elif kind is list and all(type(each) is str for each in value):
            found[name] = tuple(value)
    return found


def _said(item: Any, name: str) -> str | None:
    """A text of what Google derived: an object without a schema, so that what is no text there is none to us."""
    value = item.get(name) if type(item) is dict else None
    return value if type(value) is str and value else None


def _several(derived: Json, name: str) -> list[Any]:
    found = derived.get(name)
    return found if isinstance(found, list) else []


def _snippets(derived: Json) -> list[Snippet]:
    """A snippet, then segments. Where Google has no snippet it says so, in English, as if that were one."""
    found = []
    for each in _several(derived, "snippets"):
        status = _said(each, "snippet_status") or _said(each, "snippetStatus")
        if status == _NONE:
            continue
        told, plain = _said(each, "htmlSnippet"), _said(each, "snippet")
        # Of websites it is plain beside its HTML; where it comes with a status it is HTML itself, with marks or without.
        if told is None and plain is not None and (status is not None or "<b>" in plain):
            told = plain
        if told is not None:
            found.append(marked_text(told, "<b>", "</b>", escaped=True, member="content"))
        elif plain is not None:
            found.append(Snippet(text=plain, member="content"))
    found += [
        Snippet(text=text, member="segment")
        for each in _several(derived, "extractive_segments")
        if (text := _said(each, "content"))
    ]
    return found


def _title_marks(derived: Json, title: str | None) -> tuple[Highlight, ...]:
    told = _said(derived, "htmlTitle")
    if told is None or title is None:
        return ()
    found = marked_text(told, "<b>", "</b>", escaped=True)
    return found.highlights if found.text == title else ()


def _summary(body: Json) -> list[Answer]:
    """Written by a model, where it was asked for. Where it wrote none, its text only says so, in English."""
    summary = _object(body, "summary")
    text = _text(summary, "summaryText")
    if text is None or _list(summary, "summarySkippedReasons"):
        return []
    cited = [
        id_of(name.rpartition("/")[2])
        for each in _list(_object(summary, "summaryWithMetadata"), "references")
        if (name := _text(each, "document"))
    ]
    return [Answer(kind=AnswerKind.GENERATED, text=text, ids=tuple(dict.fromkeys(cited)))]


def _score(item: Json) -> Score:
    """What Google calls relevance, else none; further scores beside it."""
    main: float | str | None = None
    others: list[Score] = []
    for name, values in _object(item, "modelScores").items():
        several = _list(values, "values")
        if not several:
            continue
        first = _number(several[0], name)
        if name == _RELEVANCE:
            main = first
        else:
            others.append(_scored(first, _scale(name)))
    signals = _object(item, "rankSignals")
    for name, scale in _SIGNALS:
        value = _member(signals, name)
        if value is None:
            continue
        found = _number(value, name)
        if scale is not _SCALE:
            others.append(_scored(found, scale))
        elif main is None:
            main = found
    return Score(value=None if isinstance(main, str) else main, raw=main, scale=_SCALE, others=tuple(others))


# ---------------------------------------------------------------------- facets


def _facet(item: Json) -> Facet:
    return Facet(
        name=needed(item, "key", str), values=tuple(_facet_value(each) for each in _list(item, "values"))
    )


def _facet_value(item: Json) -> FacetValue[MetadataValue]:
    count = whole(item, "count") or 0
    interval = _object(item, "interval")
    if not interval:
        return FacetValue(value=needed(item, "value", str), count=count)
    return FacetValue(
        value=None, count=count, low=_bound(interval, "minimum"), high=_bound(interval, "exclusiveMaximum")
    )


def _bound(interval: Json, name: str) -> float | None:
    value = _member(interval, name)
    found = None if value is None else _number(value, name)
    return found if isinstance(found, float) else None


# ---------------------------------------------------------------------- members of JSON


def _member(item: Json, name: str) -> Any:
    """In either spelling; nothing of what is no object. Raises AttributeError for that."""
    value = item.get(name)
    return item.get(_PROTO[name]) if value is None and name in _PROTO else value


def _object(item: Json, name: str) -> Json:
    """Empty where there is none, which in proto3 is the same. Raises ValueError."""
    found = _member(item, name)
    if type(found) is dict:
        return found
    if found is None:
        return _EMPTY
    raise ValueError(f"{name} is a {type(found).__name__}")


def _list(item: Json, name: str) -> list[Any]:
    found = _member(item, name)
    if type(found) is list:
        return found
    if found is None:
        return []
    raise ValueError(f"{name} is a {type(found).__name__}")


def _text(item: Json, name: str) -> str | None:
    """None for an empty one, as proto3 has it."""
    found = _member(item, name)
    if found is None or type(found) is str:
        return found or None
    raise ValueError(f"{name} is a {type(found).__name__}")


def whole(item: Json, name: str) -> int | None:
    """An int32, which JSON has as a number, or an int64, which it has as a text. Raises ValueError."""
    value = _member(item, name)
    if value is None:
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if type(value) is int and value >= 0:
        return value
    raise ValueError(f"{name} is no count")


def _number(value: Any, name: str) -> float | str:
    """A float; those that JSON has not are words in it. Raises ValueError."""
    if type(value) is float and math.isfinite(value):
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return str(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        found = float(value)
        return found if math.isfinite(found) else str(found)  # Python reads a bare NaN, too
    raise ValueError(f"{name} is a {type(value).__name__}")


def _scored(raw: float | str, scale: ScoreScale) -> Score:
    return Score(value=None if isinstance(raw, str) else raw, raw=raw, scale=scale)
