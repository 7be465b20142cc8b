"""What Vertex AI Search answers, in every way that Google's own library writes it; and what is no answer."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from json_support import nested

pytest.importorskip("google.cloud.discoveryengine_v1", reason="needs the test group")
pytest.importorskip("grpc", reason="needs the gcp extra")

from gcp_search_peer import NUMBERED, typed

from broker.contract import reading
from broker.errors import BrokerError, MalformedReply, ProviderError
from broker.types import AnswerKind, DocumentState, QueryRequest, SearchMode, SearchResults
from broker_gcp import search_answer, search_documents

QUERY = QueryRequest(text="storm")
RESULT: dict[str, Any] = {
    "id": "7",
    "document": {
        "name": f"{NUMBERED}/documents/7",
        "id": "7",
        "structData": {
            "title": "Own title",
            "year": 2024,
            "tags": ["a"],
            "deep": {"x": 1},
            "mixed": [1, "a"],
        },
        "derivedStructData": {
            "title": "Derived title",
            "htmlTitle": "<b>Own</b> title",
            "link": "gs://bucket/a.pdf",
            "snippets": [
                {"snippet": "plain &amp; simple", "snippet_status": "SUCCESS"},
                {"snippet": "AT&amp;T's <b>storm</b>&nbsp;&#39;s", "snippet_status": "SUCCESS"},
                {"snippet": "a", "htmlSnippet": "<b>é</b> &lt;b&gt; <b>😀</b>"},
                {
                    "snippet": "No snippet is available for this page.",
                    "snippet_status": "NO_SNIPPET_AVAILABLE",
                },
            ],
            "extractive_answers": [{"content": "It storms.", "pageNumber": "3"}],
            "extractive_segments": [{"content": "Segment.", "relevanceScore": 0.5, "pageNumber": 2}],
        },
    },
    "modelScores": {"dotProduct(x)": {"values": [0.25]}, "relevance_score": {"values": [0.75, 0.5]}},
    "rankSignals": {
        "semanticSimilarityScore": 0.5,
        "keywordSimilarityScore": 2.5,
        "pctrRank": 3.0,
        "defaultRank": 1.0,
    },
}
WHOLE: dict[str, Any] = {
    "results": [RESULT, {"id": "8", "document": {"id": "8", "jsonData": '{"title": "T", "a": true}'}}],
    "facets": [
        {"key": "lang", "values": [{"value": "en", "count": "2"}, {"value": "de", "count": "1"}]},
        {"key": "year", "values": [{"interval": {"minimum": 0.0, "exclusiveMaximum": 10.0}, "count": "3"}]},
    ],
    "totalSize": 1234,
    "attributionToken": "token",
    "nextPageToken": "next",
    "correctedQuery": "storms",
    "semanticState": "DISABLED",
    "summary": {
        "summaryText": "It storms [1].",
        "summaryWithMetadata": {
            "summary": "It storms.",
            "references": [{"document": f"{NUMBERED}/documents/7"}, {"document": f"{NUMBERED}/documents/7"}],
        },
    },
}
CHUNK: dict[str, Any] = {
    "chunk": {
        "name": f"{NUMBERED}/documents/7/chunks/c3",
        "id": "c3",
        "content": "A piece.",
        "relevanceScore": -0.5,
        "documentMetadata": {"uri": "gs://b/a.pdf", "title": "A", "structData": {"lang": "en"}},
    }
}


def read(body: Any) -> SearchResults:
    with reading("an answer"):
        return search_answer.results_of(body, QUERY)


def ways() -> list[Any]:
    """Members left out where they have no value, or all there; in the spelling of JSON, or of the proto files."""
    from google.protobuf import json_format

    message = typed("SearchResponse", WHOLE)
    return [
        WHOLE,
        *(
            json.loads(
                json_format.MessageToJson(
                    message,
                    preserving_proto_field_name=proto,
                    always_print_fields_with_no_presence=every,
                    use_integers_for_enums=every,
                )
            )
            for proto in (False, True)
            for every in (False, True)
        ),
    ]


@pytest.mark.parametrize("body", ways())
def test_every_member(body: Any) -> None:
    found = read(body)
    first, second = found.hits
    assert (first.id, first.title, first.url) == ("7", "Own title", "gs://bucket/a.pdf")
    assert first.metadata == {"year": 2024, "tags": ("a",)}
    assert [each.text for each in first.snippets] == [
        "plain & simple",
        "AT&T's storm\xa0's",
        "é <b> 😀",
        "Segment.",
    ]
    assert [each.member for each in first.snippets] == ["content"] * 3 + ["segment"]
    marks = [[each.text[mark.begin : mark.end] for mark in each.highlights] for each in first.snippets]
    assert marks == [[], ["storm"], ["é", "😀"], []]
    assert [(mark.begin, mark.end) for mark in first.title_highlights] == [(0, 3)]
    assert first.score.value == 0.75
    assert [(each.scale.name.rpartition(".")[2], each.value) for each in first.score.others] == [
        ("dotProduct(x)", 0.25),
        ("semantic_similarity_score", 0.5),
        ("keyword_similarity_score", 2.5),
    ]
    assert (second.title, second.metadata, second.score.value, second.score.raw) == (
        "T",
        {"a": True},
        None,
        None,
    )
    assert (found.total, found.total_exact, found.corrected, found.mode) == (
        1234,
        False,
        "storms",
        SearchMode.KEYWORD,
    )
    assert found.page is not None
    assert (found.page.provider, found.page.token, found.page.shown) == ("gcp", "next", 2)
    generated, extracted = found.answers
    assert (generated.kind, generated.text, generated.ids) == (AnswerKind.GENERATED, "It storms [1].", ("7",))
    assert (extracted.kind, extracted.text, extracted.ids) == (AnswerKind.EXTRACTED, "It storms.", ("7",))
    assert [(each.name, [(one.value, one.count) for one in each.values]) for each in found.facets] == [
        ("lang", [("en", 2), ("de", 1)]),
        ("year", [(None, 3)]),
    ]
    assert (found.facets[1].values[0].low, found.facets[1].values[0].high) == (0.0, 10.0)


def test_a_snippet_of_a_website_is_plain_beside_its_html() -> None:
    derived = {"snippets": [{"snippet": "say &amp; mean"}]}
    (hit,) = read({"results": [{"document": {"id": "7", "derivedStructData": derived}}]}).hits
    assert [each.text for each in hit.snippets] == ["say &amp; mean"]


@pytest.mark.parametrize("name", ["summarySkippedReasons", "summary_skipped_reasons"])
def test_a_summary_that_was_not_written_is_no_answer(name: str) -> None:
    words = "A summary could not be generated for your search query."
    body = {**WHOLE, "summary": {"summaryText": words, name: ["NO_RELEVANT_CONTENT"]}}
    assert [each.kind for each in read(body).answers] == [AnswerKind.EXTRACTED]


def test_passages() -> None:
    typed("SearchResponse", {"results": [CHUNK]})
    (hit,) = read({"results": [CHUNK]}).hits
    assert (hit.id, hit.passage, hit.title, hit.url) == ("7", "c3", "A", "gs://b/a.pdf")
    assert (hit.score.value, hit.score.scale.name) == (-0.5, "gcp.agent_search.chunk")
    assert (hit.snippets[0].text, hit.metadata) == ("A piece.", {"lang": "en"})


def test_a_page_that_somebody_made_for_the_query() -> None:
    body = {"redirectUri": "https://example.com/help", "attributionToken": "t"}
    found = read(body)
    (answer,) = found.answers
    assert (answer.kind, answer.url, found.hits, found.total) == (
        AnswerKind.FAQ,
        body["redirectUri"],
        (),
        None,
    )


@pytest.mark.parametrize(
    ("body", "total", "exact"),
    [
        ({"attributionToken": "t"}, 0, False),
        ({"totalSize": 5}, 5, False),
        ({"totalSize": "5", "results": []}, 5, False),
        ({"results": [{"id": "1"}]}, None, None),
    ],
)
def test_the_total_is_an_estimate(body: Any, total: int | None, exact: bool | None) -> None:
    found = read(body)
    assert (found.total, found.total_exact) == (total, exact)


def test_numbers_that_are_none() -> None:
    body = json.loads('{"results": [{"id": "1", "modelScores": {"relevance_score": {"values": [NaN]}}}]}')
    score = read(body).hits[0].score
    assert (score.value, score.raw) == (None, "nan")
    body["results"][0]["modelScores"]["relevance_score"]["values"] = ["Infinity"]
    assert (read(body).hits[0].score.value, read(body).hits[0].score.raw) == (None, "Infinity")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"summary": {}},
        {"results": {}},
        {"results": [3]},
        {"results": [{}]},
        {"results": [{"document": {}}]},
        {"results": [{"document": []}]},
        {"results": [{"id": 7}]},
        {"results": [{"id": "1", "document": {"structData": []}}]},
        {"results": [{"id": "1", "document": {"jsonData": "{"}}]},
        {"results": [{"id": "1", "document": {"jsonData": "[]"}}]},
        pytest.param({"results": [{"id": "1", "document": {"jsonData": "[" * 100_000}}]}, id="deep"),
        {"results": [{"id": "1", "document": {"derivedStructData": "x"}}]},
        {"results": [{"id": "1", "modelScores": {"a": {"values": ["x"]}}}]},
        {"results": [{"id": "1", "rankSignals": {"relevanceScore": True}}]},
        {"results": [{"chunk": {"content": "x"}}]},
        {"results": [{"chunk": {"name": "x"}}]},
        {"totalSize": -1},
        {"totalSize": "many"},
        {"totalSize": 1.5},
        {"attributionToken": "t", "nextPageToken": 3},
        {"attributionToken": "t", "facets": [{}]},
        {"attributionToken": "t", "facets": [{"key": "a", "values": [{}]}]},
        {"attributionToken": "t", "facets": [{"key": "a", "values": [{"value": "x", "count": "y"}]}]},
        {"attributionToken": "t", "summary": "x"},
        {"attributionToken": "t", "correctedQuery": []},
    ],
    ids=str,
)
def test_unusable_answers_are_malformed(body: Any) -> None:
    with pytest.raises(MalformedReply):
        read(body)


@pytest.mark.parametrize(
    "body",
    [{"querySuggestions": {}}, {"querySuggestions": [{}]}, {"querySuggestions": [{"suggestion": 1}]}],
    ids=str,
)
def test_unusable_suggestions_are_malformed(body: Any) -> None:
    with pytest.raises(MalformedReply), reading("suggestions"):
        search_answer.suggestions_of(body)


# ---------------------------------------------------------------------- whatever comes

JSON = nested(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["NaN", "1", "<b>"]),
    ),
    st.text(max_size=5),
)
DOCUMENT = {
    "id": "7",
    "name": f"{NUMBERED}/documents/7",
    "indexTime": "2026-01-01T00:00:00Z",
    "indexStatus": {"errorSamples": [{"code": 3, "message": "x"}], "pendingMessage": "y"},
}
IMPORT = {
    "name": "x",
    "done": True,
    "metadata": {"failureCount": "1"},
    "response": {
        "errorSamples": [
            {"code": 3, "message": "m", "details": [{"@type": "x", "resourceName": "p/documents/7"}]}
        ]
    },
    "error": {"code": 3, "message": "x", "details": [{"@type": "google.rpc.ErrorInfo", "metadata": {}}]},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    if isinstance(value, dict):
        found += [each for name, inner in value.items() for each in places(inner, (*path, name))]
    elif isinstance(value, list):
        found += [each for at, inner in enumerate(value) for each in places(inner, (*path, at))]
    return found


def changed(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[path[0]] = changed(copy[path[0]], path[1:], value)
    return copy


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_whatever_comes_is_an_answer_or_malformed(data: st.DataObject) -> None:
    body = data.draw(st.sampled_from([{**WHOLE, "results": [RESULT, CHUNK]}, DOCUMENT, IMPORT]))
    for _ in range(data.draw(st.integers(1, 3))):
        where = data.draw(st.sampled_from([each for each in places(body) if each]))
        body = changed(body, where, data.draw(JSON))
    with suppress(MalformedReply), reading("an answer"):
        found = search_answer.results_of(body, QUERY)
        for hit in found.hits:
            assert isinstance(hit.id, str)
            assert hit.id
            assert all(
                0 <= mark.begin < mark.end <= len(each.text)
                for each in hit.snippets
                for mark in each.highlights
            )
        repr(found)
    # An import tells of a failure as a whole by an error of its own.
    due: tuple[type[BrokerError], ...] = (MalformedReply,) if body.get("error") is None else (ProviderError,)
    for act in (
        lambda: search_answer.suggestions_of(body),
        lambda: search_documents.stands("7", body),
        lambda: search_documents.put(["7"], body),
        lambda: search_documents.imported(["7", "8"], body),
    ):
        with suppress(*due), reading("an answer"):
            act()


def test_the_states_of_a_document() -> None:
    def state(**status: Any) -> DocumentState:
        return search_documents.stands("7", {"id": "7", **status}).state

    assert state() is DocumentState.ACCEPTED
    assert state(indexTime="t") is DocumentState.DONE
    assert state(index_time="t") is DocumentState.DONE
    assert state(indexStatus={"indexTime": "t"}) is DocumentState.DONE
    assert state(indexTime="t", indexStatus={"pendingMessage": "a new version"}) is DocumentState.ACCEPTED
    assert state(indexTime="t", indexStatus={"errorSamples": [{}]}) is DocumentState.FAILED
