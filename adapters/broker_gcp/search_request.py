"""Vertex AI Search: what a query and a suggestion are asked with.

Source: SearchRequest and CompleteQueryRequest of google/cloud/discoveryengine/v1 in JSON.

What only the Enterprise edition has fails the whole query of a Standard app ("Cannot use enterprise edition features"), so
it is asked for only of an app, where the settings say ``search_edition = "enterprise"``, or by an extension. Nothing is
asked for that a model writes, unless by an extension: it may cost more.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

from broker.contract import QueryLimits
from broker.errors import BadInput
from broker.types import JsonValue, QueryRequest, SearchMode, SuggestRequest, Unit, Usage
from broker.types.request import Request
from broker_gcp.search_filter import translate
from broker_gcp.search_place import Place
from broker_gcp.settings import GcpSettings

STANDARD, ENTERPRISE = "gcp.agent_search.standard", "gcp.agent_search.enterprise"
ADVANCED = "gcp.agent_search.advanced_answers"
EXTENSIONS = (
    "gcp_chunks",
    "gcp_extractive_answers",
    "gcp_extractive_segments",
    "gcp_facet_intervals",
    "gcp_query_expansion",
    "gcp_relevance_score",
    "gcp_spell_correction",
    "gcp_summary",
)
SUGGEST_EXTENSIONS = ("gcp_query_model",)
LANGUAGES = ("en", "ar", "de", "es", "fr", "hi", "it", "ja", "ko", "nl", "pt", "zh")
_MODELS = ("document", "search-history", "user-event", "document-completable")
_MOST_FACET_VALUES, _MOST_INTERVALS = 300, 30
_REFERENCE = "https://cloud.google.com/generative-ai-app-builder/docs/reference/rest/v1"
QUERY = QueryLimits(
    max_characters=10_000,  # Google names no limit
    max_top=100,  # of websites 25, or 50 with advanced indexing: a larger page is cut down to that by Google
    modes=(SearchMode.HYBRID,),
    translate=translate,
    source=f"{_REFERENCE}/projects.locations.collections.engines.servingConfigs/search",
)
SUGGEST = QueryLimits(
    max_characters=128,
    max_top=100,
    source=f"{_REFERENCE}/projects.locations.collections.dataStores/completeQuery",
)


def meter(request: Request) -> tuple[Usage, ...]:
    """A query at the dearer edition's price, for a request does not tell which one the app has; :func:`used` corrects it."""
    return (*_QUERY, *_SUMMARY) if request.extensions.get("gcp_summary") else _QUERY


def used(settings: GcpSettings, request: Request) -> tuple[Usage, ...]:
    """What the settings tell of the edition; empty: as it was metered."""
    if settings.search_edition != "standard" or _enterprise_asked(request):
        return ()
    return (Usage(sku=STANDARD, unit=Unit.QUERY, quantity=Decimal(1)),)


_QUERY = (Usage(sku="", unit=Unit.QUERY, quantity=Decimal(1)),)
_SUMMARY = (Usage(sku=ADVANCED, unit=Unit.QUERY, quantity=Decimal(1)),)


def _enterprise_asked(request: Request) -> bool:
    return any(
        request.extensions.get(name)
        for name in ("gcp_extractive_answers", "gcp_extractive_segments", "gcp_summary")
    )


def question(request: QueryRequest, place: Place, parent: str, settings: GcpSettings) -> dict[str, JsonValue]:
    """The body of ``servingConfigs:search``. Raises :class:`BadInput`, :class:`Unsupported`."""
    body: dict[str, JsonValue] = {
        "query": request.text,
        "pageSize": request.top,
        "contentSearchSpec": _content(request, place, settings),
        "spellCorrectionSpec": {"mode": _word(request, "gcp_spell_correction", ("AUTO", "SUGGESTION_ONLY"))},
        "queryExpansionSpec": {"condition": _word(request, "gcp_query_expansion", ("DISABLED", "AUTO"))},
    }
    if _flag(request, "gcp_relevance_score", usual=True):
        body["relevanceScoreSpec"] = {"returnRelevanceScore": True}
    if request.page is not None:
        body["pageToken"] = request.page.token
    if request.language is not None:
        body["languageCode"] = request.language
    if request.filter is not None:
        body["filter"] = translate(request.filter)
    if place.branch is not None and place.store is not None:
        body["branch"] = place.documents(parent)
    intervals = _intervals(request)
    if request.facets:
        body["facetSpecs"] = [_facet(name, intervals.get(name)) for name in request.facets]
    return body


def prefix(request: SuggestRequest) -> dict[str, str]:
    """The parameters of ``dataStores:completeQuery``. Raises :class:`BadInput`."""
    asked = {"query": request.text}
    if "gcp_query_model" in request.extensions:
        asked["queryModel"] = _word(request, "gcp_query_model", _MODELS)
    return asked


def _content(request: QueryRequest, place: Place, settings: GcpSettings) -> dict[str, JsonValue]:
    """Passages instead of documents, or documents with what stands in them."""
    if _flag(request, "gcp_chunks", usual=False):
        return {"searchResultMode": "CHUNKS"}
    found: dict[str, JsonValue] = {"snippetSpec": {"returnSnippet": True}}
    has_answers = settings.search_edition == "enterprise" and place.engine is not None
    answers = _count(request, "gcp_extractive_answers", 5, int(has_answers))
    segments = _count(request, "gcp_extractive_segments", 10, 0)
    if answers or segments:
        found["extractiveContentSpec"] = {
            **({"maxExtractiveAnswerCount": answers} if answers else {}),
            **({"maxExtractiveSegmentCount": segments} if segments else {}),
        }
    summary = _count(request, "gcp_summary", 10, 0)
    if summary:
        found["summarySpec"] = {"summaryResultCount": summary, "includeCitations": True}
    return found


def _facet(name: str, intervals: JsonValue) -> JsonValue:
    key: dict[str, JsonValue] = {"key": name, "orderBy": "count desc"}
    if intervals is not None:
        key["intervals"] = intervals
    return {"facetKey": key, "limit": _MOST_FACET_VALUES}


def _intervals(request: QueryRequest) -> dict[str, JsonValue]:
    """``{"year": [2000, 2010, 2020]}``: from each number up to below the next. Numbers are counted in no other way."""
    said: Any = request.extensions.get("gcp_facet_intervals", {})
    if not isinstance(said, dict) or not set(said) <= set(request.facets):
        raise BadInput(
            "gcp_facet_intervals must have borders by the names of facets: {'year': [2000, 2010, 2020]}"
        )
    found: dict[str, JsonValue] = {}
    for name, borders in said.items():
        if (
            not isinstance(borders, list)
            or not 2 <= len(borders) <= _MOST_INTERVALS + 1
            or not all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in borders)
            or sorted(set(borders)) != borders
        ):
            raise BadInput(f"gcp_facet_intervals: {name} needs 2 to {_MOST_INTERVALS + 1} rising numbers")
        found[name] = [{"minimum": low, "exclusiveMaximum": high} for low, high in pairwise(borders)]
    return found


def _flag(request: Request, name: str, *, usual: bool) -> bool:
    wanted = request.extensions.get(name, usual)
    if not isinstance(wanted, bool):
        raise BadInput(f"{name} must be True or False, not {wanted!r:.80}")
    return wanted


def _count(request: Request, name: str, most: int, usual: int) -> int:
    wanted = request.extensions.get(name, usual)
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 0 <= wanted <= most:
        raise BadInput(f"{name} must be a whole number from 0 to {most}, not {wanted!r:.80}")
    return wanted


def _word(request: Request, name: str, words: tuple[str, ...]) -> str:
    """The first is the usual one."""
    wanted = request.extensions.get(name, words[0])
    if not isinstance(wanted, str) or wanted not in words:
        raise BadInput(f"{name} must be one of {', '.join(words)}, not {wanted!r:.80}")
    return wanted
