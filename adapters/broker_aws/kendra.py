"""Amazon Kendra: what Query, Retrieve and GetQuerySuggestions are asked, and what they found.

Source: botocore's service model ``kendra/2019-02-03`` and its documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from broker.contract import IndexSettings, QueryLimits, given, needed
from broker.errors import BadInput
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
    SuggestRequest,
    placed,
)
from broker_aws import options
from broker_aws.kendra_filter import in_language, translate
from broker_aws.kendra_values import attribute_of, attributes_of, language_code

SERVICE = "kendra"
EXTENSIONS = ("kendra_passages", "kendra_result_type", "kendra_user_context")
REACH = 100
"""Of all that it found only these can be fetched, by pages."""
_SOURCE = "https://docs.aws.amazon.com/kendra/latest/APIReference/API_Query.html"
QUERY = QueryLimits(
    max_characters=1000,
    max_top=REACH,
    reach=REACH,
    modes=(SearchMode.HYBRID,),
    translate=translate,
    source=_SOURCE,
)
SUGGEST = QueryLimits(
    max_characters=60,
    max_top=10,
    source="https://docs.aws.amazon.com/kendra/latest/APIReference/API_GetQuerySuggestions.html",
)
SCALE = ScoreScale(
    name="kendra.score_confidence",
    kind=ScoreKind.BUCKET,
    buckets=("VERY_HIGH", "HIGH", "MEDIUM", "LOW", "NOT_AVAILABLE"),
)
_INDEX = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]{35}", re.ASCII)
_OUTSIDE = re.compile("[\U00010000-\U0010ffff]")
_TYPES = ("DOCUMENT", "QUESTION_ANSWER", "ANSWER")
_ADDRESS = "_source_uri"


def index_of(settings: IndexSettings, asked: str | None) -> str:
    """The index that a call means. Raises :class:`NotConfigured`, :class:`BadInput`."""
    address = settings.address(asked, provider="kendra")
    if not _INDEX.fullmatch(address):
        raise BadInput(
            f"{address!r:.100} is no index of Kendra's: its id has 36 letters, digits and -",
            misaddressed=True,
        )
    return address


def is_passages(request: QueryRequest) -> bool:
    """Whether Retrieve is asked, for longer passages instead of documents, answers and facets. Raises :class:`BadInput`."""
    wanted = request.extensions.get("kendra_passages", False)
    if not isinstance(wanted, bool):
        raise BadInput(f"kendra_passages must be True or False, not {wanted!r:.80}")
    return wanted


def questions(request: QueryRequest, settings: IndexSettings) -> dict[str, Any]:
    """Arguments of ``query`` or ``retrieve``. Raises :class:`NotConfigured`, :class:`BadInput`, :class:`Unsupported`."""
    said = request.extensions
    wanted: dict[str, Any] = {
        "IndexId": index_of(settings, request.index),
        "QueryText": request.text,
        "PageSize": request.top,
        "PageNumber": _page(request),
    }
    if request.language is not None:
        wanted["AttributeFilter"] = in_language(request.filter, language_code(request.language))
    elif request.filter is not None:
        wanted["AttributeFilter"] = translate(request.filter)
    if "kendra_user_context" in said:
        wanted["UserContext"] = options.members(said, "kendra_user_context", "Kendra's UserContext object")
    if is_passages(request):
        if request.facets or "kendra_result_type" in said:
            raise BadInput(
                "passages come without facets and result types; leave them out, or kendra_passages"
            )
        return wanted
    wanted["SpellCorrectionConfiguration"] = {"IncludeQuerySpellCheckSuggestions": True}
    if request.facets:
        wanted["Facets"] = [{"DocumentAttributeKey": name} for name in request.facets]
    if "kendra_result_type" in said:
        kind = options.text(said, "kendra_result_type")
        if kind not in _TYPES:
            raise BadInput(f"kendra_result_type must be one of {', '.join(_TYPES)}, not {kind!r:.80}")
        wanted["QueryResultTypeFilter"] = kind
    return wanted


def _page(request: QueryRequest) -> int:
    if request.page is None:
        return 1
    try:
        number = int(request.page.token)
    except ValueError:
        number = 0
    if not 2 <= number <= REACH:
        raise BadInput("page must be what the result before it has as its page (value.page, or its text)")
    return number


def prefix(request: SuggestRequest, settings: IndexSettings) -> dict[str, Any]:
    """Arguments of ``get_query_suggestions``."""
    return {
        "IndexId": index_of(settings, request.index),
        "QueryText": request.text,
        "MaxSuggestionsCount": request.top,
    }


# ---------------------------------------------------------------------- what it found


def results_of(body: dict[str, Any], request: QueryRequest) -> SearchResults:
    """A page of what Query found. Raises ValueError for an unusable one."""
    items = _items(body, "ResultItems", "QueryId")
    featured: list[Any] = given(body, "FeaturedResultsItems", list) or []
    rank = request.shown
    hits: list[Hit] = []
    answers: list[Answer] = []
    for item in featured:
        rank += 1
        hits.append(_hit(item, rank, featured=True))
    for item in items:
        if given(item, "Type", str) in ("ANSWER", "QUESTION_ANSWER"):
            answers.append(_answer(item))
        else:
            rank += 1
            hits.append(_hit(item, rank))
    total = given(body, "TotalNumberOfResults", int)
    corrections: list[Any] = given(body, "SpellCorrectedQueries", list) or []
    return SearchResults(
        hits=tuple(hits),
        total=total,
        total_exact=None,
        page=_next(request, len(hits), given_items=len(items), total=total),
        facets=tuple(_facets(given(body, "FacetResults", list) or [])),
        answers=tuple(answers),
        corrected=given(corrections[0], "SuggestedQueryText", str) if corrections else None,
    )


def passages_of(body: dict[str, Any], request: QueryRequest) -> SearchResults:
    """A page of what Retrieve found."""
    items = _items(body, "ResultItems", "QueryId")
    hits = tuple(_passage(each, rank) for rank, each in enumerate(items, request.shown + 1))
    return SearchResults(
        hits=hits,
        page=_next(request, len(hits), given_items=len(items), total=None),
    )


def suggestions_of(body: dict[str, Any]) -> SuggestionSet:
    """What GetQuerySuggestions found; one that is made of documents' attributes names the first of the documents."""
    found = []
    for item in _items(body, "Suggestions", "QuerySuggestionsId"):
        text = given(given(item, "Value", dict) or {}, "Text", dict) or {}
        documents: list[Any] = given(item, "SourceDocuments", list) or []
        found.append(
            Suggestion(
                text=needed(text, "Text", str),
                id=given(documents[0], "DocumentId", str) if documents else None,
            )
        )
    return SuggestionSet(suggestions=tuple(found))


def _items(body: dict[str, Any], name: str, proof: str) -> list[Any]:
    """The schema promises neither; an answer that has its own id and no list found nothing."""
    found: list[Any] | None = given(body, name, list)
    if found is None and not given(body, proof, str):
        raise ValueError(f"it has neither {name} nor {proof}")
    return found or []


def _next(request: QueryRequest, hits: int, *, given_items: int, total: int | None) -> Any:
    """Kendra has page numbers, not tokens. A page counts documents and questions of FAQs; answers come beside them."""
    number = _page(request)
    behind = number * request.top
    most = REACH if total is None else min(total, REACH)
    if not given_items or behind >= most or request.shown + hits >= REACH:
        return None
    if total is None and given_items < request.top:
        return None
    return request.next_page("kendra", str(number + 1), hits)


def _hit(item: Any, rank: int, *, featured: bool = False) -> Hit:
    title = _marked(item, "DocumentTitle", "title")
    excerpt = _marked(item, "DocumentExcerpt", "content")
    metadata, url = _known(item)
    return Hit(
        id=_id(item, url),
        rank=rank,
        score=_score(item),
        title=title.text if title is not None else None,
        url=url,
        snippets=() if excerpt is None else (excerpt,),
        title_highlights=title.highlights if title is not None and title.offset_ok else (),
        metadata=metadata,
        featured=featured,
    )


def _passage(item: Any, rank: int) -> Hit:
    text = given(item, "Content", str)
    metadata, url = _known(item)
    return Hit(
        id=_id(item, url),
        rank=rank,
        score=_score(item),
        title=given(item, "DocumentTitle", str) or None,
        url=url,
        snippets=(Snippet(text=text, member="content"),) if text else (),
        metadata=metadata,
        passage=given(item, "Id", str),
    )


def _id(item: Any, url: str | None) -> str:
    """The document's; the schema promises none. Without it its address; else empty, for none is made up."""
    found = given(item, "DocumentId", str) or url or ""
    if not found and not given(item, "Id", str):
        raise ValueError("it has no id of any kind")
    return found


def _known(item: Any) -> tuple[dict[str, MetadataValue], str | None]:
    """Attributes, and the address, which is one of them."""
    metadata = attributes_of(given(item, "DocumentAttributes", list) or [])
    url = given(item, "DocumentURI", str) or None
    source = metadata.get(_ADDRESS)
    if isinstance(source, str) and url in (None, source):
        url = source
        del metadata[_ADDRESS]
    return metadata, url


def _answer(item: Any) -> Answer:
    """A passage, a table or a question of an FAQ, that Kendra takes for the answer."""
    extra = {
        given(each, "Key", str): given(given(each, "Value", dict) or {}, "TextWithHighlightsValue", dict)
        or {}
        for each in given(item, "AdditionalAttributes", list) or []
    }
    table: dict[str, Any] | None = given(item, "TableExcerpt", dict)
    faq = given(item, "Type", str) == "QUESTION_ANSWER"
    kind = AnswerKind.FAQ if faq else AnswerKind.EXTRACTED
    told: Snippet | None
    if table is not None:
        kind, told = AnswerKind.TABLE, _table(table)
    else:
        told = _snippet(extra.get("AnswerText"), None) or _marked(item, "DocumentExcerpt", None)
    if told is None:
        raise ValueError("it has no text")
    title = _snippet(extra.get("QuestionText"), None) or _marked(item, "DocumentTitle", None)
    _, url = _known(item)
    key = given(item, "DocumentId", str)
    return Answer(
        text=told.text,
        kind=kind,
        highlights=told.highlights,
        offset_ok=told.offset_ok,
        ids=() if key is None else (key,),
        title=title.text if title is not None else None,
        url=url,
        score=_score(item),
    )


def _table(said: dict[str, Any]) -> Snippet:
    """Rows in lines, cells between tabs; Kendra's marks on cells as highlights of ours."""
    text, marks = "", []
    for number, row in enumerate(needed(said, "Rows", list)):
        text += "\n" if number else ""
        for place, cell in enumerate(given(row, "Cells", list) or []):
            text += "\t" if place else ""
            value, top = given(cell, "Value", str) or "", given(cell, "TopAnswer", bool) or False
            if value and (top or given(cell, "Highlighted", bool)):
                marks.append(Highlight(begin=len(text), end=len(text) + len(value), top=top))
            text += value
    return Snippet(text=text, highlights=tuple(marks))


def _marked(item: Any, name: str, member: str | None) -> Snippet | None:
    return _snippet(given(item, name, dict), member)


def _snippet(said: dict[str, Any] | None, member: str | None) -> Snippet | None:
    """A text with its highlights; None where there is no text, or an empty one."""
    text = given(said or {}, "Text", str)
    if not text:
        return None
    marks: list[Any] = given(said, "Highlights", list) or []
    found = placed(
        text,
        [(each["BeginOffset"], each["EndOffset"], each.get("TopAnswer") is True) for each in marks],
        member=member,
    )
    if marks and not text.isascii() and _OUTSIDE.search(text):
        # Whether an offset counts such a character once or, as Java does, twice is nowhere told.
        return Snippet(text=text, highlights=found.highlights, member=member, offset_ok=False)
    return found


def _score(item: Any) -> Score:
    """A word; the developer guide shows it bare, the service in an object."""
    said = item.get("ScoreAttributes")
    word = (
        said
        if isinstance(said, str)
        else given(given(item, "ScoreAttributes", dict) or {}, "ScoreConfidence", str)
    )
    return Score(value=None, raw=word, scale=SCALE)


def _facets(said: list[Any]) -> Iterator[Facet]:
    """All members are optional; what has no name, or no number, tells nothing."""
    for each in said:
        values = []
        for pair in given(each, "DocumentAttributeValueCountPairs", list) or []:
            value = attribute_of(given(pair, "DocumentAttributeValue", dict) or {})
            count = given(pair, "Count", int)
            if count is not None:
                values.append(FacetValue(value=value, count=count))
        name = given(each, "DocumentAttributeKey", str)
        if name:
            yield Facet(name=name, values=tuple(values))
