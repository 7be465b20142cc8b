"""What is sent to Azure AI Search: the bodies of its REST API 2026-04-01.

Sources: the models of azure-search-documents 12.0 (``SearchRequest``, ``IndexAction``, …), which speak the same version;
Azure/azure-rest-api-specs, data-plane/Azure.Search; learn.microsoft.com/azure/search/query-simple-syntax.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from urllib.parse import quote

from broker.errors import BadInput, NotConfigured
from broker.types import (
    Document,
    JsonValue,
    MetadataValue,
    QueryRequest,
    SearchMode,
    SuggestRequest,
    Usage,
)
from broker.types.money import Unit
from broker.types.request import Request
from broker_azure.search_filter import ODataFilter, facet_name, field_problem, text_literal, time_literal
from broker_azure.search_keys import LONGEST, key_of
from broker_azure.search_settings import IndexShape

VERSION = {"api-version": "2026-04-01"}
ACCEPT = "application/json;odata.metadata=none"
"""Else every answer has members of OData's own."""
REACH = 100_000
"""Hits that ``skip`` can pass over."""
NEAREST = 50
"""Neighbours of a vector query, and so hits that it has; the semantic ranker takes 50 as well."""
FACET_VALUES = 100
"""Values of one facet; the service's own default is 10, and the more are asked for, the better they are counted."""
ANSWERS = 3
_RANDOM = os.urandom(6).hex()
OPEN, CLOSE = f"\ue000{_RANDOM}[", f"]{_RANDOM}\ue001"
"""Marks around what matched; random, so that no document can have them."""
QUERY_SKU, DOCUMENT_SKU = "azure.search.query", "azure.search.document"
SEMANTIC_SKU = "azure.search.semantic_ranker"
STANDING = tuple(f"azure.search.{tier}" for tier in ("basic", "s1", "s2", "s3", "l1", "l2"))
QUERY_EXTENSIONS = (
    "azure_query_type",
    "azure_search_mode",
    "azure_search_fields",
    "azure_scoring_profile",
    "azure_minimum_coverage",
    "azure_nearest",
    "azure_semantic_errors",
)
_BY_WORDS = (SearchMode.KEYWORD, SearchMode.HYBRID, SearchMode.RERANKED)
_ONLY: dict[str, tuple[SearchMode, ...]] = {
    "azure_query_type": _BY_WORDS,
    "azure_search_mode": _BY_WORDS,
    "azure_search_fields": _BY_WORDS,
    "azure_nearest": (SearchMode.VECTOR, SearchMode.HYBRID),
    "azure_semantic_errors": (SearchMode.RERANKED,),
}
"""The modes that an extension means something with."""
SUGGEST_EXTENSIONS = ("azure_fuzzy", "azure_autocomplete")
UPSERT_EXTENSIONS = ("azure_action",)
_INDEX = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
_PROFILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
_PATH = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,127}(/[A-Za-z][A-Za-z0-9_]{0,127})*", re.ASCII)
_OPERATORS = re.compile(r"""[+|"()'\\]|(?<!\S)-|\*(?!\S)""")


def path_of(index: str, what: str) -> str:
    """The path of an operation on an index. Raises :class:`BadInput` for what can be no index's name."""
    if not _INDEX.fullmatch(index):
        raise BadInput(
            "an index of Azure AI Search has a name of letters, digits, - and _, 128 at most; check index=",
            misaddressed=True,
        )
    return f"/indexes('{index}')/{what}"


def lookup_path(index: str, key: str) -> str:
    """The path of one document."""
    return path_of(index, f"docs('{quote(key, safe='')}')")


def plain_words(text: str) -> str:
    """The text for the simple syntax, its operators being characters like others: a user's ``-x`` excludes nothing."""
    return _OPERATORS.sub(lambda found: "\\" + found.group(), text)


def query_body(request: QueryRequest, shape: IndexShape) -> dict[str, JsonValue]:
    """The request. Raises :class:`BadInput`, :class:`~broker.errors.Unsupported`, :class:`NotConfigured`."""
    mode = request.mode or SearchMode.KEYWORD
    for name in request.extensions:
        if mode not in _ONLY.get(name, tuple(SearchMode)):
            modes = " or ".join(each.value for each in _ONLY[name])
            raise BadInput(f"{name} means nothing with mode {mode.value}; it goes with {modes}")
    body: dict[str, JsonValue] = {"count": True, "top": request.top}
    if request.page is not None:
        body["skip"] = skip_of(request.page.token)
    if request.filter is not None:
        body["filter"] = ODataFilter(shape.members).walk(request.filter)
    if request.facets:
        body["facets"] = [
            f"{facet_name(shape.members.get(name, name))},count:{FACET_VALUES}" for name in request.facets
        ]
    if mode is not SearchMode.VECTOR:
        body.update(_words(request, shape, mode))
    if mode in (SearchMode.VECTOR, SearchMode.HYBRID):
        body["vectorQueries"] = [_vector(request, shape)]
    for name, member, check in _QUERY_OPTIONS:
        if name in request.extensions:
            body[member] = check(name, request.extensions[name])
    return body


def skip_of(token: str) -> int:
    """Where a page begins. Raises :class:`BadInput`."""
    if not token.isascii() or not token.isdigit() or len(token) > 6 or not 0 < int(token) <= REACH:
        raise BadInput("page must be what the result before it has as its page (value.page, or its text)")
    return int(token)


def suggest_body(request: SuggestRequest, shape: IndexShape) -> dict[str, JsonValue]:
    """The request. Raises :class:`BadInput`, :class:`NotConfigured`."""
    if shape.suggester is None:
        raise NotConfigured(
            "azure: which suggester of the index? Set suggester in shape, or in shapes of this index, in the settings of "
            "provider azure"
        )
    body: dict[str, JsonValue] = {
        "search": request.text,
        "suggesterName": shape.suggester,
        "top": request.top,
    }
    if "azure_fuzzy" in request.extensions:
        body["fuzzy"] = _flag("azure_fuzzy", request.extensions["azure_fuzzy"])
    if completes(request):
        modes = ("oneTerm", "twoTerms", "oneTermWithContext")
        name = "azure_autocomplete"
        body["autocompleteMode"] = _one_of(*modes)(name, request.extensions[name])
    else:
        body["select"] = shape.id
    return body


def completes(request: SuggestRequest) -> bool:
    """Whether words are wanted rather than documents."""
    return "azure_autocomplete" in request.extensions


def action_of(extensions: Mapping[str, JsonValue]) -> str:
    """What is done with a document: ``upload`` replaces it whole. Raises :class:`BadInput`."""
    given = extensions.get("azure_action", "upload")
    found: str = _one_of("upload", "mergeOrUpload")("azure_action", given)
    return found


def document_problem(document: Document) -> str:
    """Why no index can have this document; empty: one can. Pure."""
    if key_of(document.id) is None:
        return f"its id is too long for a key of Azure AI Search ({LONGEST} characters, coded)"
    return next((problem for name in document.metadata if (problem := field_problem(name))), "")


def document_action(document: Document, shape: IndexShape, action: str) -> dict[str, JsonValue] | str:
    """One action of a batch, or why this index cannot have the document."""
    members = shape.members
    given = {"title": document.title, "url": document.url}
    for member, value in given.items():
        if value is not None and member not in members:
            return f"the index has no field for its {member} (setting shape.{member} of provider azure)"
    taken = set(members.values())
    for name in document.metadata:
        if name in taken:
            return f"the metadata {name} has the name of a field that holds a member of the document"
    body: dict[str, JsonValue] = {"@search.action": action, shape.id: key_of(document.id)}
    body[shape.content] = document.content
    body.update({members[member]: value for member, value in given.items() if value is not None})
    body.update({name: _json(value) for name, value in document.metadata.items()})
    return body


def delete_action(key: str, shape: IndexShape) -> dict[str, JsonValue]:
    """One action of a batch."""
    return {"@search.action": "delete", shape.id: key}


def probe_body(keys: Sequence[str], shape: IndexShape) -> dict[str, JsonValue]:
    """Which of these keys are in the index? The key field must be filterable, as it is by default."""
    return {
        "search": "*",
        "filter": f"search.in({shape.id}, {text_literal(','.join(keys))}, ',')",
        "select": shape.id,
        "top": len(keys),
    }


def query_meter(request: Request) -> tuple[Usage, ...]:
    """A query is paid for by the hour of the service; one that is re-ranked is billed beside that, each page anew."""
    reranked = isinstance(request, QueryRequest) and request.mode is SearchMode.RERANKED
    return (Usage(sku=SEMANTIC_SKU if reranked else "", unit=Unit.QUERY, quantity=Decimal(1)),)


def _words(request: QueryRequest, shape: IndexShape, mode: SearchMode) -> dict[str, JsonValue]:
    """The members of a query by words."""
    syntax = request.extensions.get("azure_query_type")
    escaped = request.text if syntax is not None else plain_words(request.text)
    body: dict[str, JsonValue] = {"search": escaped}
    if syntax is not None:
        body["queryType"] = _one_of("simple", "full")("azure_query_type", syntax)
    if mode is SearchMode.RERANKED:
        body.setdefault("queryType", "semantic")
        if syntax is not None or escaped != request.text:
            body["semanticQuery"] = request.text  # what the model reads has no escapes
        if shape.semantic_configuration is not None:
            body["semanticConfiguration"] = shape.semantic_configuration
        body["captions"] = "extractive|highlight-true"
        body["answers"] = f"extractive|count-{ANSWERS}"
        body["semanticErrorHandling"] = "fail"
    if shape.highlighted:
        body["highlight"] = ",".join(shape.highlighted)
    if shape.highlighted or mode is SearchMode.RERANKED:
        body["highlightPreTag"], body["highlightPostTag"] = OPEN, CLOSE
    return body


def _vector(request: QueryRequest, shape: IndexShape) -> dict[str, JsonValue]:
    """The vector is made by the service, with the vectorizer of the fields."""
    if not shape.vector_fields:
        raise NotConfigured(
            "azure: vectors are searched where the service makes them: set vector_fields in shape, or in shapes of this "
            "index, to fields with a vectorizer (settings of provider azure), or use mode keyword"
        )
    nearest = request.extensions.get("azure_nearest", NEAREST)
    most = 10_000
    if isinstance(nearest, bool) or not isinstance(nearest, int) or not 1 <= nearest <= most:
        raise BadInput(f"azure_nearest must be a whole number from 1 to {most:,}, not {nearest!r:.80}")
    return {
        "kind": "text",
        "text": request.text,
        "fields": ",".join(shape.vector_fields),
        "k": max(nearest, request.top),
    }


def _json(value: MetadataValue) -> JsonValue:
    if isinstance(value, datetime):
        return time_literal(value)
    return list(value) if isinstance(value, tuple) else value


def _flag(name: str, given: JsonValue) -> bool:
    if not isinstance(given, bool):
        raise BadInput(f"{name} must be true or false, not {given!r:.80}")
    return given


def _one_of(*known: str) -> Callable[[str, JsonValue], str]:
    def check(name: str, given: JsonValue) -> str:
        if not isinstance(given, str) or given not in known:
            raise BadInput(f"{name} must be one of {', '.join(known)}, not {given!r:.80}")
        return given

    return check


def _share(name: str, given: JsonValue) -> float:
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 100:
        raise BadInput(f"{name} must be a number from 0 to 100, not {given!r:.80}")
    return given


def _profile(name: str, given: JsonValue) -> str:
    if not isinstance(given, str) or not _PROFILE.fullmatch(given):
        raise BadInput(f"{name} must be the name of a scoring profile of the index")
    return given


def _fields(name: str, given: JsonValue) -> str:
    names = given if isinstance(given, list) else []
    if not names or not all(isinstance(each, str) and _PATH.fullmatch(each) for each in names):
        raise BadInput(f"{name} must be a list of searchable fields such as ['title', 'content']")
    return ",".join(str(each) for each in names)


_QUERY_OPTIONS: tuple[tuple[str, str, Callable[[str, JsonValue], JsonValue]], ...] = (
    ("azure_search_mode", "searchMode", _one_of("any", "all")),
    ("azure_search_fields", "searchFields", _fields),
    ("azure_scoring_profile", "scoringProfile", _profile),
    ("azure_minimum_coverage", "minimumCoverage", _share),
    ("azure_semantic_errors", "semanticErrorHandling", _one_of("fail", "partial")),
)
