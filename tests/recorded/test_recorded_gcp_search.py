"""Answers that Vertex AI Search really sent, over loopback, through both faces of the public client."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from recorded_support import ask, proving

from broker.errors import ProviderError
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import AnswerKind

pytest.importorskip("grpc", reason="needs the gcp extra")

PATH = "/v1/projects/p/locations/global/collections/default_collection/dataStores/docs/servingConfigs/default_search:search"


def member(item: Any, name: str) -> Any:
    """In the spelling of JSON, or of the proto files, as Google's Python library passes answers on."""
    return item.get(name, item.get(re.sub(r"([A-Z])", lambda found: f"_{found[0].lower()}", name)))


def told(text: str) -> tuple[str, list[str]]:
    """The plain text, and what stands between the marks."""
    plain = html.unescape(re.sub(r"</?b>", "", text))
    return plain, [html.unescape(each) for each in re.findall(r"<b>(.*?)</b>", text, re.DOTALL)]


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("gcp", "search.query"))
def test_vertex_ai_search_says_what_the_recording_says(
    face: str, path: Path, vendor_stub: VendorStub
) -> None:
    body = json.loads(path.read_text("utf-8"))
    if isinstance(body, list) or "error" in body:
        test_a_refusal_is_told_by_its_code(path, vendor_stub)
        return
    vendor_stub.script([], default=Answer(json=body))
    settings = {"endpoint": vendor_stub.url, "project": "p", "index": "docs"}
    said = body.get("results", [])
    result = ask(face, "search.query", "litellm", "gcp", settings, top=max(10, min(100, len(said))))
    found = result.value
    assert result.raw == body
    assert vendor_stub.count == len(result.attempts) == 1
    (request,) = vendor_stub.requests
    assert (request.method, request.path) == ("POST", PATH)
    assert len(found.hits) == len(said)
    for rank, (hit, each) in enumerate(zip(found.hits, said, strict=True), 1):
        if "chunk" in each:
            name = each["chunk"]["name"].split("/")
            assert (hit.id, hit.rank) == (name[name.index("documents") + 1], rank)
            assert [one.text for one in hit.snippets] == [each["chunk"]["content"]]
            continue
        document = each.get("document", {})
        derived = member(document, "derivedStructData") or {}
        own = member(document, "structData") or {}
        key = document.get("id") or each.get("id") or document["name"].rpartition("/")[2]
        assert (hit.id, hit.rank) == (key, rank)
        assert hit.title == (own.get("title") or derived.get("title"))
        assert hit.url == (own.get("url") or derived.get("link"))
        snippets = [
            {"snippet": "", **one}
            for one in derived.get("snippets") or []
            if one.get("snippet_status") != "NO_SNIPPET_AVAILABLE"
            and (one.get("snippet") or one.get("htmlSnippet"))
        ]
        shown = [one for one in hit.snippets if one.member == "content"]
        assert len(shown) == len(snippets)
        for seen, one in zip(shown, snippets, strict=True):
            html_given = "htmlSnippet" in one or "snippet_status" in one or "<b>" in one["snippet"]
            text, marks = told(one.get("htmlSnippet", one["snippet"])) if html_given else (one["snippet"], [])
            assert seen.text == text
            assert [seen.text[mark.begin : mark.end] for mark in seen.highlights] == marks
            if "htmlSnippet" in one:
                assert text == one["snippet"] or not one["snippet"]
        text, marks = told(derived.get("htmlTitle", ""))
        if text == hit.title:
            assert [hit.title[mark.begin : mark.end] for mark in hit.title_highlights] == marks
        else:
            assert hit.title_highlights == ()
        segments = [one["content"] for one in derived.get("extractive_segments", []) if one.get("content")]
        assert [one.text for one in hit.snippets if one.member == "segment"] == segments
        scores = member(each, "modelScores") or {}
        values = scores.get("relevance_score", {}).get("values") or [None]
        assert hit.score.value == values[0]
        known = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in own.items()
            if name not in ("title", "url", "content")
            and (
                isinstance(value, (str, int, float))
                or (isinstance(value, list) and all(isinstance(one, str) for one in value))
            )
        }
        assert hit.metadata == known
    answers = [
        one["content"]
        for each in said
        for one in (member(each.get("document", {}), "derivedStructData") or {}).get("extractive_answers", [])
        if one.get("content")
    ]
    assert [one.text for one in found.answers if one.kind is AnswerKind.EXTRACTED] == answers
    written = body.get("summary") or {}
    summary = None if member(written, "summarySkippedReasons") else member(written, "summaryText")
    assert [one.text for one in found.answers if one.kind is AnswerKind.GENERATED] == (
        [summary] if summary else []
    )
    total = member(body, "totalSize")
    assert found.total == (0 if total is None and not said else total)  # Google leaves a 0 out
    assert found.total_exact is (None if total is None and said else False)
    assert (found.page is None) is (not member(body, "nextPageToken"))
    assert found.corrected == (member(body, "correctedQuery") or None)
    assert result.provenance.request_id == member(body, "attributionToken")
    assert str(result.cost.amount) == "0.004000000000"


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("gcp", "search.suggest"))
def test_vertex_ai_search_suggests_what_the_recording_says(
    face: str, path: Path, vendor_stub: VendorStub
) -> None:
    body = json.loads(path.read_text("utf-8"))
    vendor_stub.script([], default=Answer(json=body))
    settings = {"endpoint": vendor_stub.url, "project": "p", "index": "docs"}
    result = ask(face, "search.suggest", "sto", "gcp", settings, top=100)
    said = member(body, "querySuggestions") or []
    assert [each.text for each in result.value.suggestions] == [each["suggestion"] for each in said]
    assert result.raw == body


@pytest.mark.parametrize("path", proving("gcp", "agent search: refusals"))
def test_a_refusal_is_told_by_its_code(path: Path, vendor_stub: VendorStub) -> None:
    body = json.loads(path.read_text("utf-8"))
    error = (body[0] if isinstance(body, list) else body)["error"]
    vendor_stub.script([], default=Answer(error["code"], json=body))
    settings = {"endpoint": vendor_stub.url, "project": "p", "index": "docs"}
    with pytest.raises(ProviderError) as caught:
        ask("sync", "search.query", "storm", "gcp", settings)
    assert caught.value.status == error["code"]
    assert caught.value.code
