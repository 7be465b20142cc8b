"""What Azure AI Search answers, read without trusting it: hits, facets, answers, suggestions, documents' statuses.

Sources: as for :mod:`broker_azure.search_request`. Older versions of the API have the same members, and fewer of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from broker.contract import given, needed, redact
from broker.types import (
    Answer,
    AnswerKind,
    DocumentState,
    DocumentStatus,
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
)
from broker.types.hit import marked_text
from broker_azure.search_faults import may_retry
from broker_azure.search_keys import id_of
from broker_azure.search_request import CLOSE, OPEN, REACH, skip_of
from broker_azure.search_settings import IndexShape

PROVIDER = "azure"
BEGINNING = 1000
"""Characters of the content that are shown where the service shows no piece of it (by vectors)."""
KEYWORD = ScoreScale(name="azure.search.score", kind=ScoreKind.UNBOUNDED)
"""BM25."""
VECTOR = ScoreScale(name="azure.search.vector", kind=ScoreKind.UNBOUNDED)
"""Made of the distance; what is the best depends on the metric of the field."""
FUSED = ScoreScale(name="azure.search.rrf", kind=ScoreKind.FUSED)
RERANKER = ScoreScale(name="azure.search.reranker", kind=ScoreKind.UNBOUNDED)
"""0 to 4."""
BOOSTED = ScoreScale(name="azure.search.reranker_boosted", kind=ScoreKind.UNBOUNDED)
ANSWER = ScoreScale(name="azure.search.answer", kind=ScoreKind.RATIO)
_SCALES = {SearchMode.VECTOR: VECTOR, SearchMode.HYBRID: FUSED}
_EM = ("<em>", "</em>")


def results_of(
    body: Mapping[str, Any], request: QueryRequest, shape: IndexShape, *, status: int
) -> SearchResults:
    """One page. Raises ValueError for what is no answer."""
    mode = request.mode or SearchMode.KEYWORD
    scale = _SCALES.get(mode, KEYWORD)
    found = needed(body, "value", list)
    names = {name: member for member, name in shape.members.items()}
    hits = tuple(_hit(each, rank, scale, shape, names) for rank, each in enumerate(found, request.shown + 1))
    total = given(body, "@odata.count", int)
    if total is not None and total < 0:
        raise ValueError("the number of hits is negative")
    coverage = given(body, "@search.coverage", float)
    less = given(body, "@search.semanticPartialResponseType", str)
    token = _next(body, request, len(hits), total)
    return SearchResults(
        hits=hits,
        total=total,
        total_exact=None if total is None else False,  # "the count returned is an approximation"
        page=request.next_page(PROVIDER, token, len(hits)),
        facets=_facets(given(body, "@search.facets", dict) or {}, shape, names),
        answers=tuple(
            answer
            for each in given(body, "@search.answers", list) or ()
            if (answer := _answer(each)) is not None
        ),
        # The schema writes baseResults, and the service has been seen to write BaseResults.
        mode=SearchMode.KEYWORD if less is not None and less.lower() == "baseresults" else mode,
        partial=status == 206 or less is not None or (coverage is not None and coverage < 100.0),
    )


def suggestions_of(body: Mapping[str, Any], shape: IndexShape) -> SuggestionSet:
    """Texts of documents, each with its document. Raises ValueError."""
    found = needed(body, "value", list)
    return SuggestionSet(
        suggestions=tuple(
            Suggestion(text=needed(each, "@search.text", str), id=id_of(key_in(each, shape)))
            for each in found
        )
    )


def completions_of(body: Mapping[str, Any]) -> SuggestionSet:
    """Words to search for. Raises ValueError."""
    found = needed(body, "value", list)
    return SuggestionSet(
        suggestions=tuple(Suggestion(text=needed(each, "queryPlusText", str)) for each in found)
    )


def statuses_of(body: Mapping[str, Any], *, deleted: bool) -> tuple[DocumentStatus, ...]:
    """Of each document of a batch; in any order. Raises ValueError."""
    return tuple(_status(each, deleted=deleted) for each in needed(body, "value", list))


def keys_of(body: Mapping[str, Any], shape: IndexShape) -> tuple[frozenset[str], bool]:
    """The keys that a probe found, and whether the answer is whole. Raises ValueError."""
    found = frozenset(key_in(each, shape) for each in needed(body, "value", list))
    coverage = given(body, "@search.coverage", float)
    whole = body.get("@search.nextPageParameters") is None and body.get("@odata.nextLink") is None
    return found, whole and (coverage is None or coverage >= 100.0)


def key_in(item: Any, shape: IndexShape) -> str:
    """The document's key. Raises ValueError that says which setting names it: no answer tells which field it is."""
    key = given(item, shape.id, str)
    if key is None:
        raise ValueError(
            f"it has no {shape.id}: set shape.id in the settings of provider azure to the index's key field"
        )
    return key


def metadata_of(item: Mapping[str, Any], shape: IndexShape, own: Collection[str]) -> dict[str, MetadataValue]:
    """The flat fields; objects, places and lists of anything but texts are in the raw answer only."""
    found: dict[str, MetadataValue] = {}
    times = shape.times
    for name, value in item.items():
        if "@" in name or name in own:
            continue
        if isinstance(value, list):
            if all(type(each) is str for each in value):
                found[name] = tuple(value)
        elif isinstance(value, str):
            found[name] = _time(value) if name in times else value
        elif isinstance(value, (int, float)):
            found[name] = value
    return found


def _hit(item: Any, rank: int, scale: ScoreScale, shape: IndexShape, names: Mapping[str, str]) -> Hit:
    """One hit.

    :param names: the document's members by the fields that hold them.
    """
    raw = needed(item, "@search.score", float)
    score = Score(value=raw, raw=raw, scale=scale)
    reranked = given(item, "@search.rerankerScore", float)
    if reranked is not None:
        boosted = given(item, "@search.rerankerBoostedScore", float)
        others = (score,) if boosted is None else (score, Score(value=boosted, raw=boosted, scale=BOOSTED))
        score = Score(value=reranked, raw=reranked, scale=RERANKER, others=others)
    title = _text(item, shape.title)
    snippets = _captions(item)
    marks: tuple[Highlight, ...] = ()
    for name, texts in (given(item, "@search.highlights", dict) or {}).items():
        if "@" in name:
            continue
        member = names.get(name, name)
        made = [_marked(_string(text, name), "", member) for text in _list(texts, name)]
        if member == "title" and len(made) == 1 and made[0].text == title:
            marks = made[0].highlights
        else:
            snippets += made
    if not snippets and (content := _text(item, shape.content)):
        snippets.append(Snippet(text=content[:BEGINNING], member="content"))
    return Hit(
        id=id_of(key_in(item, shape)),
        rank=rank,
        score=score,
        title=title,
        url=_text(item, shape.url),
        snippets=tuple(snippets),
        title_highlights=marks,
        metadata=metadata_of(item, shape, names),
    )


def _captions(item: Any) -> list[Snippet]:
    return [
        made
        for each in given(item, "@search.captions", list) or ()
        if (made := _passage(given(each, "text", str), given(each, "highlights", str))) is not None
    ]


def _passage(text: str | None, marked: str | None) -> Snippet | None:
    """A passage that the semantic ranker gives twice: plain, and with marks. Both may be missing, or empty."""
    if marked:
        return _marked(marked, text or "")
    return Snippet(text=text) if text else None


def _answer(item: Any) -> Answer | None:
    made = _passage(given(item, "text", str), given(item, "highlights", str))
    if made is None:
        return None
    key, raw = given(item, "key", str), given(item, "score", float)
    return Answer(
        text=made.text,
        kind=AnswerKind.EXTRACTED,
        highlights=made.highlights,
        ids=() if key is None else (id_of(key),),
        score=None if raw is None else Score(value=raw, raw=raw, scale=ANSWER),
    )


def _marked(marked: str, plain: str, member: str | None = None) -> Snippet:
    """A text with marks around what matched.

    Ours are asked for. An answer that has the service's own instead has none of ours: a marked text always has one.

    :param plain: the same without marks, if the service gives it; its white space may be another.
    """
    if marked == plain:
        return Snippet(text=plain, member=member)
    before, after = (OPEN, CLOSE) if OPEN in marked else _EM
    made = marked_text(marked, before, after, member=member)
    if not plain or made.text == plain:
        return made
    if not made.highlights:  # the marks are others than anybody's who asked by us
        return Snippet(text=plain, member=member)
    return _moved(made, plain)


def _moved(made: Snippet, plain: str) -> Snippet:
    """The highlights of a text in another that differs by white space only; as they are, where it differs otherwise."""
    theirs = [place for place, letter in enumerate(made.text) if not letter.isspace()]
    ours = [place for place, letter in enumerate(plain) if not letter.isspace()]
    if [made.text[place] for place in theirs] != [plain[place] for place in ours]:
        return made
    to = dict(zip(theirs, ours, strict=True))
    found = []
    for each in made.highlights:
        inside = [to[place] for place in range(each.begin, each.end) if place in to]
        if inside:
            found.append(Highlight(begin=inside[0], end=inside[-1] + 1))
    return Snippet(text=plain, highlights=tuple(found), member=made.member)


def _facets(said: Mapping[str, Any], shape: IndexShape, names: Mapping[str, str]) -> tuple[Facet, ...]:
    return tuple(
        Facet(
            name=names.get(name, name),
            values=tuple(
                made
                for each in _list(values, name)
                if (made := _facet_value(each, times=name in shape.times)) is not None
            ),
            exact=False,  # "the approximate count of documents"
        )
        for name, values in said.items()
        if "@" not in name
    )


def _facet_value(item: Any, *, times: bool) -> FacetValue[MetadataValue] | None:
    count = given(item, "count", int)
    if count is None:  # the schema allows it; there is nothing to tell then
        return None
    value = _scalar(item.get("value"), times=times)
    if value is not None:
        return FacetValue(value=value, count=count)
    low, high = _scalar(item.get("from"), times=times), _scalar(item.get("to"), times=times)
    return FacetValue(value=None, count=count, low=low, high=high)


def _scalar(value: Any, *, times: bool) -> MetadataValue | None:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if not isinstance(value, str):
        raise ValueError(f"a facet's value is a {type(value).__name__}")
    return _time(value) if times else value


def _next(body: Mapping[str, Any], request: QueryRequest, hits: int, total: int | None) -> str | None:
    """Where the next page begins: where the service says, else behind a full page; None at the end."""
    start = 0 if request.page is None else skip_of(request.page.token)
    said = given(body, "@search.nextPageParameters", dict)
    skip = None if said is None else given(said, "skip", int)
    if skip is not None and skip <= start:
        raise ValueError("the next page begins where this one does")
    if skip is None:
        cut = said is not None or given(body, "@odata.nextLink", str) is not None
        full = hits >= request.top and (total is None or start + hits < total)
        if not hits or not (cut or full):
            return None
        skip = start + hits
    return str(skip) if skip <= REACH else None


def _status(item: Any, *, deleted: bool) -> DocumentStatus:
    key, good = id_of(needed(item, "key", str)), needed(item, "status", bool)
    code = needed(item, "statusCode", int)
    if good:
        # "Stored durably, and will start to be indexed": queries find it a few seconds later.
        return DocumentStatus(id=key, state=DocumentState.ACCEPTED)
    if deleted and code == 404:
        return DocumentStatus(id=key, state=DocumentState.DONE)
    return DocumentStatus(
        id=key,
        state=DocumentState.FAILED,
        reason=redact(given(item, "errorMessage", str) or "the service gave no reason"),
        code=str(code),
        may_retry=may_retry(code),
    )


def _list(value: Any, name: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"where a list of {name} is due there is a {type(value).__name__}")
    return value


def _string(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a piece of {name} is a {type(value).__name__}")
    return value


def _text(item: Any, name: str) -> str | None:
    return given(item, name, str) if name else None


def _time(value: str) -> MetadataValue:
    """A time of the service's; a text where it is none."""
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo is not None else value
    except (OverflowError, ValueError):
        return value
