"""Bedrock's knowledge bases: which one is meant, what Retrieve is asked, what it found.

Source: botocore's service model ``bedrock-agent-runtime/2023-07-26``, and for managed knowledge bases
docs.aws.amazon.com/bedrock/latest/userguide/kb-test-retrieve.html.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, NamedTuple

from broker.contract import QueryLimits, given, needed
from broker.errors import BadInput, NotConfigured, Unsupported
from broker.types import (
    Hit,
    MetadataValue,
    QueryRequest,
    Request,
    Score,
    ScoreKind,
    ScoreScale,
    SearchMode,
    SearchResults,
    Snippet,
    Unit,
    Usage,
)
from broker_aws import options
from broker_aws.knowledge_filter import translate
from broker_aws.settings import AwsSettings

SERVICE = "bedrock-agent-runtime"
EXTENSIONS = ("aws_filter", "aws_user_context")
LIMITS = QueryLimits(
    max_characters=20_000,
    max_top=100,
    modes=(SearchMode.HYBRID, SearchMode.VECTOR, SearchMode.RERANKED),
    facets=False,
    translate=translate,
    source="https://docs.aws.amazon.com/bedrock/latest/APIReference/API_agent-runtime_Retrieve.html",
)
RELEVANCE = ScoreScale(name="aws.bedrock.retrieve.score", kind=ScoreKind.UNBOUNDED)
"""AWS says no more of it than that it is the level of relevance."""
RERANKED = ScoreScale(name="aws.bedrock.rerank.score", kind=ScoreKind.UNBOUNDED)

_ADDRESS = re.compile(
    r"(?P<base>(?:arn:aws(?:-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:knowledge-base/)?(?P<id>[0-9a-zA-Z]{10}))"
    r"(?:/(?P<source>[0-9a-zA-Z]{10}))?",
    re.ASCII,
)
_MODES = {SearchMode.HYBRID: "HYBRID", SearchMode.VECTOR: "SEMANTIC"}
_CANDIDATES = 100
"""Passages that the re-ranker is given: the most that one billed query of its holds."""
_OWN = frozenset({"title", "url"})
"""What a document has beside its metadata, kept by us under these names (see ``knowledge_documents``)."""
_MANAGED_TITLE = "_document_title"
"""Where a managed knowledge base has the title of what it fetched itself."""
_CHUNK, _SOURCE = "x-amz-bedrock-kb-chunk-id", "x-amz-bedrock-kb-source-uri"


class Place(NamedTuple):
    """Where documents are.

    :param base: the knowledge base as it was named, by id or ARN; ``id``: its id.
    :param source: the data source; empty: none was named.
    """

    base: str
    id: str
    source: str


def place_of(settings: AwsSettings, asked: str | None) -> Place:
    """The knowledge base that a call means. Raises :class:`NotConfigured`, :class:`BadInput`."""
    address = settings.address(asked, provider="aws")
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise BadInput(
            f"{address!r:.100} is no knowledge base: write KNOWLEDGEBASEID, or KNOWLEDGEBASEID/DATASOURCEID for documents "
            "too (10 letters and digits each)",
            misaddressed=True,
        )
    return Place(found["base"], found["id"], found["source"] or "")


def retrieval(request: QueryRequest, settings: AwsSettings, region: str) -> dict[str, Any]:
    """Arguments of ``retrieve``. Raises :class:`NotConfigured`, :class:`BadInput`, :class:`Unsupported`."""
    said = request.extensions
    search: dict[str, Any] = {"numberOfResults": request.top}
    filters = [] if request.filter is None else [translate(request.filter)]
    if "aws_filter" in said:
        filters.append(options.members(said, "aws_filter", "Bedrock's RetrievalFilter object"))
    if filters:
        search["filter"] = filters[0] if len(filters) == 1 else {"andAll": filters}
    search |= (_managed if settings.managed else _by_vectors)(request, settings, region)
    kind = "managedSearchConfiguration" if settings.managed else "vectorSearchConfiguration"
    wanted: dict[str, Any] = {
        "knowledgeBaseId": place_of(settings, request.index).base,
        "retrievalQuery": {"text": request.text},
        "retrievalConfiguration": {kind: search},
    }
    if request.page is not None:
        wanted["nextToken"] = request.page.token
    if "aws_user_context" in said:
        wanted["userContext"] = options.members(said, "aws_user_context", "Bedrock's UserContext object")
    return wanted


def _by_vectors(request: QueryRequest, settings: AwsSettings, region: str) -> dict[str, Any]:
    """A knowledge base with a vector store of the user's; without a mode Bedrock decides."""
    if request.mode is None:
        return {}
    if request.mode is not SearchMode.RERANKED:
        return {"overrideSearchType": _MODES[request.mode]}
    if settings.reranker is None:
        raise NotConfigured(
            "mode reranked needs a model that reads the passages: set reranker for [providers.aws], as amazon.rerank-v1:0"
        )
    return {"numberOfResults": _CANDIDATES, "rerankingConfiguration": _reranking(request, settings, region)}


def _managed(request: QueryRequest, settings: AwsSettings, region: str) -> dict[str, Any]:
    """Always hybrid; re-ranked by a model of the service's unless it is told not to."""
    if request.mode is None:
        return {}
    if request.mode is SearchMode.VECTOR:
        raise Unsupported("a managed knowledge base has no mode vector; it searches by words and vectors")
    if request.mode is SearchMode.HYBRID:
        return {"rerankingModelType": "NONE"}
    if settings.reranker is None:
        return {"rerankingModelType": "MANAGED"}
    return {
        "numberOfResults": _CANDIDATES,
        "rerankingModelType": "CUSTOM",
        "rerankingConfiguration": _reranking(request, settings, region),
    }


def _reranking(request: QueryRequest, settings: AwsSettings, region: str) -> dict[str, Any]:
    model = settings.reranker or ""
    if not model.startswith("arn:"):
        parts = {"cn": "aws-cn", "us-gov": "aws-us-gov"}
        partition = next((name for begin, name in parts.items() if region.startswith(f"{begin}-")), "aws")
        model = f"arn:{partition}:bedrock:{region}::foundation-model/{model}"
    return {
        "type": "BEDROCK_RERANKING_MODEL",
        "bedrockRerankingConfiguration": {
            "modelConfiguration": {"modelArn": model},
            "numberOfRerankedResults": request.top,
        },
    }


def meter(request: Request) -> tuple[Usage, ...]:
    """A query, and one of the re-ranker's where it is asked for."""
    again = isinstance(request, QueryRequest) and request.mode is SearchMode.RERANKED
    return _BOTH if again else _BOTH[:1]


_BOTH = (
    Usage(sku="", unit=Unit.QUERY, quantity=Decimal(1)),
    Usage(sku="aws.bedrock.rerank", unit=Unit.QUERY, quantity=Decimal(1)),
)


# ---------------------------------------------------------------------- what it found


def results_of(body: dict[str, Any], request: QueryRequest) -> SearchResults:
    """A page of passages. Raises ValueError for an unusable one."""
    scale = RERANKED if request.mode is SearchMode.RERANKED else RELEVANCE
    results: list[Any] = needed(body, "retrievalResults", list)
    hits = tuple(_hit(each, rank, scale) for rank, each in enumerate(results, request.shown + 1))
    token = given(body, "nextToken", str)
    return SearchResults(
        hits=hits,
        page=request.next_page("aws", token, len(hits)),
        mode=request.mode,
    )


def _hit(item: Any, rank: int, scale: ScoreScale) -> Hit:
    content: dict[str, Any] = needed(item, "content", dict)
    said: dict[str, Any] = given(item, "metadata", dict) or {}
    own, address = _located(given(item, "location", dict) or {})
    source = said.get(_SOURCE)
    if not own and not address and isinstance(source, str):
        address = source  # of a custom document it would be the id
    title, url, chunk = said.get("title"), said.get("url"), said.get(_CHUNK)
    if title is None:
        title = said.get(_MANAGED_TITLE)
    metadata = {name: value for name, each in said.items() if (value := metadata_of(each)) is not None}
    for name in _OWN:
        if isinstance(said.get(name), str):
            metadata.pop(name, None)
    return Hit(
        # A row of a database has no id at all, and none is made up.
        id=own or given(item, "documentId", str) or address,
        rank=rank,
        score=_score(given(item, "score", float), scale),
        title=title if isinstance(title, str) else None,
        url=url if isinstance(url, str) else address or None,
        snippets=_snippets(content),
        metadata={**metadata, **_cells(content)},
        passage=chunk if isinstance(chunk, str) else None,
    )


def _located(location: dict[str, Any]) -> tuple[str, str]:
    """The document's id of the user's own, and its address, whichever of the kinds of data source it is from."""
    own = address = ""
    for member in location.values():
        if isinstance(member, dict):
            own = given(member, "id", str) or own
            address = given(member, "uri", str) or given(member, "url", str) or address
    return own, address


def _snippets(content: dict[str, Any]) -> tuple[Snippet, ...]:
    """The passage: its text, or what was said or is to be seen in a recording."""
    audio, video = given(content, "audio", dict) or {}, given(content, "video", dict) or {}
    texts = (given(content, "text", str), given(audio, "transcription", str), given(video, "summary", str))
    return tuple(Snippet(text=text, member="content") for text in texts if text)


def _cells(content: dict[str, Any]) -> dict[str, MetadataValue]:
    """Of a row of a database its columns; all are texts at AWS."""
    row: list[Any] = given(content, "row", list) or []
    found: dict[str, MetadataValue] = {}
    for cell in row:
        name, value = given(cell, "columnName", str), given(cell, "columnValue", str)
        if name and value is not None:
            found[name] = value
    return found


def _score(value: float | None, scale: ScoreScale) -> Score:
    if value is not None and not math.isfinite(value):
        raise ValueError("the score is no number")
    return Score(value=value, raw=value, scale=scale)


def metadata_of(value: Any) -> MetadataValue | None:
    """A value that any JSON may be. What no metadata can hold is kept as its JSON; None: it is not set."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    return json.dumps(value, ensure_ascii=False)
