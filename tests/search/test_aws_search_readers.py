"""Whatever AWS answers, its search readers give a result or a MalformedReply, and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.contract import reading
from broker.errors import MalformedReply
from broker.types import DeleteRequest, QueryRequest
from broker_aws import kendra, kendra_documents, knowledge, knowledge_documents
from json_support import nested

JUNK = nested(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=5),
        st.sampled_from(["2024-01-01", "INDEXED", "\ud800", "9999-12-31T23:59:59-23:00", 10**30, -1, 1e308]),
    ),
    st.sampled_from(["Text", "Key", "Value", "id", "x"]),
)
QUERY = QueryRequest(text="storm", top=2)
WRITE = DeleteRequest(ids=("a",))
MARKED = {"Text": "a storm", "Highlights": [{"BeginOffset": 2, "EndOffset": 7, "TopAnswer": True}]}
ITEM = {
    "Id": "1",
    "Type": "DOCUMENT",
    "DocumentId": "a",
    "DocumentTitle": MARKED,
    "DocumentExcerpt": MARKED,
    "DocumentURI": "https://x",
    "DocumentAttributes": [
        {"Key": "s", "Value": {"StringValue": "x"}},
        {"Key": "l", "Value": {"StringListValue": ["x"]}},
        {"Key": "n", "Value": {"LongValue": 1}},
        {"Key": "d", "Value": {"DateValue": 1.5}},
    ],
    "ScoreAttributes": {"ScoreConfidence": "HIGH"},
}
EXTRA = [
    {
        "Key": "AnswerText",
        "ValueType": "TEXT_WITH_HIGHLIGHTS_VALUE",
        "Value": {"TextWithHighlightsValue": MARKED},
    }
]
TABLE = {"Rows": [{"Cells": [{"Value": "x", "Highlighted": True, "TopAnswer": True, "Header": False}]}]}
GOOD: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "Query": (
        lambda body: kendra.results_of(body, QUERY),
        {
            "ResultItems": [
                ITEM,
                {**ITEM, "Type": "QUESTION_ANSWER", "AdditionalAttributes": EXTRA},
                {**ITEM, "Type": "ANSWER", "Format": "TABLE", "TableExcerpt": TABLE},
            ],
            "FacetResults": [
                {
                    "DocumentAttributeKey": "n",
                    "DocumentAttributeValueCountPairs": [
                        {"DocumentAttributeValue": {"LongValue": 1}, "Count": 2}
                    ],
                }
            ],
            "TotalNumberOfResults": 12,
            "SpellCorrectedQueries": [{"SuggestedQueryText": "storm"}],
            "FeaturedResultsItems": [ITEM],
        },
    ),
    "Retrieve of Kendra": (
        lambda body: kendra.passages_of(body, QUERY),
        {"ResultItems": [{**ITEM, "DocumentTitle": "t", "Content": "c"}] * 2},
    ),
    "GetQuerySuggestions": (
        kendra.suggestions_of,
        {"Suggestions": [{"Value": {"Text": {"Text": "x"}}, "SourceDocuments": [{"DocumentId": "d"}]}]},
    ),
    "BatchPutDocument": (
        lambda body: kendra_documents.begun_of(body, WRITE),
        {"FailedDocuments": [{"Id": "a", "ErrorCode": "InternalError", "ErrorMessage": "no"}]},
    ),
    "BatchGetDocumentStatus": (
        kendra_documents.standing_of,
        {
            "DocumentStatusList": [{"DocumentId": "a", "DocumentStatus": "FAILED", "FailureReason": "no"}],
            "Errors": [{"DocumentId": "b", "ErrorCode": "InvalidRequest"}],
        },
    ),
    "Retrieve of Bedrock": (
        lambda body: knowledge.results_of(body, QUERY),
        {
            "retrievalResults": [
                {
                    "content": {
                        "text": "x",
                        "audio": {"s3Uri": "s3://x", "transcription": "x"},
                        "row": [{"columnName": "a", "columnValue": "1"}],
                    },
                    "location": {"type": "CUSTOM", "customDocumentLocation": {"id": "a"}},
                    "score": 0.5,
                    "metadata": {"title": "t", "n": 1.0, "l": ["x"], "o": {"x": None}},
                }
            ],
            "nextToken": "t",
        },
    ),
    "GetKnowledgeBaseDocuments": (
        lambda body: knowledge_documents.report_of(body, knowledge_documents.FOUND),
        {
            "documentDetails": [
                {
                    "status": "FAILED",
                    "statusReason": "no",
                    "identifier": {"dataSourceType": "CUSTOM", "custom": {"id": "a"}},
                }
            ]
        },
    ),
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every way into a value."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, inner in members:
        yield (*path, name)
        yield from places(inner, (*path, name))


@pytest.mark.parametrize("name", GOOD)
def test_the_good_answer_is_read(name: str) -> None:
    read, body = GOOD[name]
    assert read(body) is not None


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_an_answer_of_which_a_part_is_junk(name: str, data: st.DataObject) -> None:
    read, good = GOOD[name]
    body = copy.deepcopy(good)
    for _ in range(data.draw(st.integers(1, 2))):
        path = data.draw(st.sampled_from(sorted(places(body), key=repr)))
        inner: Any = body
        for step in path[:-1]:
            inner = inner[step]
        if data.draw(st.booleans()):
            inner[path[-1]] = data.draw(JUNK)
        else:
            del inner[path[-1]]
        if not body:
            break
    only_malformed(read, body)


@pytest.mark.parametrize("name", GOOD)
@settings(max_examples=50, deadline=None)
@given(junk=st.dictionaries(st.sampled_from(["ResultItems", "retrievalResults", "documentDetails"]), JUNK))
def test_an_answer_that_is_all_junk(name: str, junk: dict[str, Any]) -> None:
    only_malformed(GOOD[name][0], junk)


def only_malformed(read: Callable[[Any], Any], body: Any) -> None:
    try:
        with reading("it"):
            found = read(body)
    except MalformedReply:
        return
    repr(found)


PAGE = QueryRequest(text="storm", top=10)


@pytest.mark.parametrize("name", ["Query", "Retrieve of Kendra", "GetQuerySuggestions"])
def test_an_answer_without_its_list_found_nothing_if_it_is_kendras(name: str) -> None:
    read, _ = GOOD[name]
    found = read({"QueryId": "q", "QuerySuggestionsId": "s", "TotalNumberOfResults": 0})
    assert getattr(found, "hits", getattr(found, "suggestions", None)) == ()
    for body in ({}, {"TotalNumberOfResults": 0}, {"message": "hello"}):
        with pytest.raises(MalformedReply), reading("it"):
            read(body)


def test_hits_and_answers_of_kendra_without_the_ids_that_the_schema_does_not_promise() -> None:
    bare = {"Id": "q-1", "Type": "DOCUMENT", "DocumentExcerpt": {"Text": "a storm"}}
    found = kendra.results_of(
        {
            "ResultItems": [
                {**bare, "DocumentURI": "https://x"},
                bare,
                {**bare, "Type": "ANSWER"},
                {**bare, "Type": "A_LATER_ONE", "DocumentId": "d"},
            ]
        },
        PAGE,
    )
    assert found.ids == ("https://x", "", "d")
    (answer,) = found.answers
    assert (answer.text, answer.ids) == ("a storm", ())


def test_facets_of_kendra_without_a_name_or_a_number_tell_nothing() -> None:
    one = {"DocumentAttributeValue": {"StringValue": "x"}}
    facets = [
        {"DocumentAttributeValueCountPairs": [{**one, "Count": 1}]},
        {"DocumentAttributeKey": "k", "DocumentAttributeValueCountPairs": [one, {**one, "Count": 2}]},
        {"DocumentAttributeKey": "m", "DocumentAttributeValueType": "LONG_VALUE"},
    ]
    found = kendra.results_of({"ResultItems": [], "FacetResults": facets}, PAGE).facets
    assert [(each.name, [(value.value, value.count) for value in each.values]) for each in found] == [
        ("k", [("x", 2)]),
        ("m", []),
    ]


def test_a_passage_of_a_managed_knowledge_base_is_known_by_its_documents_id() -> None:
    item = {
        "documentId": "s3://docs/a.pdf",
        "location": {"type": "S3", "s3Location": {"uri": "https://docs.s3.amazonaws.com/a.pdf"}},
        "metadata": {"_document_title": "a.pdf", "_excerpt_page_number": 1.0},
        "content": {"text": "x"},
    }
    (hit,) = knowledge.results_of({"retrievalResults": [item]}, PAGE).hits
    assert (hit.id, hit.title) == ("s3://docs/a.pdf", "a.pdf")
    assert hit.url == "https://docs.s3.amazonaws.com/a.pdf"
    assert hit.metadata["_excerpt_page_number"] == 1.0
    assert hit.score.value is None
