"""Answers of Azure AI Search that are no answers: whatever comes, it is told as such, and nothing else is raised."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.contract import HttpReply, json_object, reading
from broker.errors import MalformedReply, ProviderError
from broker.types import QueryRequest, SearchMode
from broker_azure import search_answer, search_faults
from broker_azure.search_settings import IndexShape
from json_support import nested

SHAPE = IndexShape(times=("day",))
GOOD: dict[str, Any] = {
    "@odata.count": 25,
    "@search.coverage": 100.0,
    "@search.facets": {"year": [{"value": 1, "count": 2}, {"from": 1, "to": 2, "count": 3}]},
    "@search.answers": [{"key": "1", "text": "a b", "highlights": "a <em>b</em>", "score": 0.9}],
    "@search.nextPageParameters": {"skip": 2, "top": 8},
    "@search.semanticPartialResponseType": "rerankedResults",
    "@odata.nextLink": "https://x",
    "value": [
        {
            "@search.score": 1.5,
            "@search.rerankerScore": 2.5,
            "@search.rerankerBoostedScore": 3.5,
            "@search.highlights": {"content": ["a <em>b</em>"], "title": ["<em>T</em>"]},
            "@search.captions": [{"text": "a  b", "highlights": "a <em>b</em>"}],
            "id": "1",
            "title": "T",
            "url": "https://e.com",
            "content": "a b",
            "year": 2,
            "tags": ["a"],
            "day": "2024-01-01T00:00:00.1234567Z",
            "place": {"type": "Point"},
            "rooms": [{"a": 1}],
        }
    ],
}
BATCH: dict[str, Any] = {"value": [{"key": "1", "status": False, "errorMessage": "no", "statusCode": 503}]}
SUGGESTED: dict[str, Any] = {"value": [{"@search.text": "a", "id": "1"}]}
COMPLETED: dict[str, Any] = {"value": [{"text": "a", "queryPlusText": "a"}]}
PROBED: dict[str, Any] = {"value": [{"id": "1"}], "@search.coverage": 100.0}
REQUEST = QueryRequest(text="x", mode=SearchMode.RERANKED)
READERS: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
    "query": (GOOD, lambda body: search_answer.results_of(body, REQUEST, SHAPE, status=200)),
    "batch": (BATCH, lambda body: search_answer.statuses_of(body, deleted=False)),
    "suggest": (SUGGESTED, lambda body: search_answer.suggestions_of(body, SHAPE)),
    "complete": (COMPLETED, search_answer.completions_of),
    "probe": (PROBED, lambda body: search_answer.keys_of(body, SHAPE)),
}
JSON = nested(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("<em>x</em>")
    ),
    st.sampled_from(["value", "id", "key", "count", "@search.score", "skip", "text"]),
)


def places(body: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in items:
        found += places(value, (*at, name))
    return found


def change(body: Any, at: tuple[Any, ...], value: Any) -> Any:
    made = copy.deepcopy(body)
    inner = made
    for name in at[:-1]:
        inner = inner[name]
    inner[at[-1]] = value
    return made


def read(name: str, body: Any) -> None:
    with reading("the answer"):
        READERS[name][1](body)


def test_the_good_answers_are_good() -> None:
    for name, (body, _) in READERS.items():
        read(name, body)


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_a_changed_answer_is_read_or_malformed(name: str, data: st.DataObject) -> None:
    body = READERS[name][0]
    at = data.draw(st.sampled_from(places(body)))
    try:
        read(name, change(body, at, data.draw(JSON)))
    except MalformedReply:
        return


@pytest.mark.parametrize("name", READERS)
@given(body=JSON)
def test_any_json_is_read_or_malformed(name: str, body: Any) -> None:
    content = json.dumps(body).encode()
    try:
        found = json_object(HttpReply(status=200, headers={}, content=content), request_id=None)
        read(name, found)
    except MalformedReply:
        return


REQUIRED = {
    "query": [("value",), ("value", 0, "@search.score"), ("value", 0, "id")],
    "batch": [("value",), ("value", 0, "key"), ("value", 0, "status"), ("value", 0, "statusCode")],
    "suggest": [("value",), ("value", 0, "@search.text"), ("value", 0, "id")],
    "complete": [("value",), ("value", 0, "queryPlusText")],
    "probe": [("value",), ("value", 0, "id")],
}


@pytest.mark.parametrize("name", READERS)
def test_what_must_be_there_is_demanded_and_what_may_be_missing_is_not(name: str) -> None:
    body = READERS[name][0]
    for at in places(body):
        without = copy.deepcopy(body)
        inner = without
        for step in at[:-1]:
            inner = inner[step]
        del inner[at[-1]]
        if at in REQUIRED[name]:
            with pytest.raises(MalformedReply):
                read(name, without)
        else:
            read(name, without)
        if at in REQUIRED[name]:
            continue
        nulled = change(body, at, None)
        if isinstance(at[-1], str):
            read(name, nulled)


def test_numbers_that_are_none_do_not_stop_the_reader() -> None:
    for value in (math.nan, math.inf):
        read("query", change(GOOD, ("value", 0, "@search.score"), value))
    with pytest.raises(MalformedReply, match="negative"):
        read("query", change(GOOD, ("@odata.count",), -1))
    with pytest.raises(MalformedReply, match="next page"):
        read("query", change(GOOD, ("@search.nextPageParameters", "skip"), 0))


@given(st.integers(400, 599), JSON, st.booleans())
def test_any_refusal_is_one_of_ours(status: int, said: Any, wrapped: bool) -> None:
    body = {"error": said} if wrapped else said
    reply = HttpReply(status=status, headers={}, content=json.dumps(body).encode())
    error = search_faults.refusal(reply)
    assert isinstance(error, ProviderError)
    assert error.status == status
