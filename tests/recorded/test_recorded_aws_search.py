"""What Kendra really said, played over loopback through the public client and boto3."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from recorded_aws import load
from recorded_support import KEYS, proving

from broker import AsyncBroker, Broker
from broker.errors import ProviderError
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Score
from broker_aws import AwsAdapter, KendraAdapter
from broker_aws.faults import TABLE

pytest.importorskip("boto3", reason="needs the aws extra")

FACES = pytest.mark.parametrize("face", ["sync", "async"])
INDEX = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"
BUCKETS = ("VERY_HIGH", "HIGH", "MEDIUM", "LOW", "NOT_AVAILABLE")
# The adapters are given by class, so that the tests do not depend on which entry points this machine has installed.
ADAPTERS = [AwsAdapter, KendraAdapter]


def played(face: str, method: str, path: Path, target: str, stub: VendorStub, **call: Any) -> Any:
    stub.on(f"AWSKendraFrontendService.{target}", default=Answer(json=load(path)))
    section = {"endpoint": stub.url, "region": "us-east-1", "index": INDEX, **KEYS}
    options: dict[str, Any] = {"provider": "kendra", "providers": {"kendra": section}, "adapters": ADAPTERS}
    if face == "sync":
        with Broker(**options) as broker:
            result = getattr(broker.search, method)("who is it", raw=True, **call)
    else:

        async def run() -> Any:
            async with AsyncBroker(**options) as broker:
                return await getattr(broker.search, method)("who is it", raw=True, **call)

        result = asyncio.run(run())
    assert stub.count == len(result.attempts) == 1
    assert result.raw == load(path)
    assert stub.requests[0].headers["x-amz-target"] == f"AWSKendraFrontendService.{target}"
    return result


def text_of(said: Any) -> str | None:
    return (said or {}).get("Text") or None


def marks(said: Any) -> list[tuple[int, int, bool]]:
    return [
        (each["BeginOffset"], each["EndOffset"], each.get("TopAnswer", False))
        for each in (said or {}).get("Highlights") or []
    ]


def same_marks(found: Any, said: Any) -> None:
    """Highlights as they were told; whether they may be cut by, is whether they lie within the text."""
    due = marks(said)
    assert [(each.begin, each.end, each.top) for each in found.highlights] == due
    told = not due or all(
        ord(each) < 0x10000 for each in said["Text"]
    )  # else how they are counted is not known
    assert found.offset_ok is (told and all(0 <= begin < end <= len(said["Text"]) for begin, end, _ in due))


def same_score(found: Score | None, item: Any) -> None:
    said = item.get("ScoreAttributes")
    word = said.get("ScoreConfidence") if isinstance(said, dict) else said
    assert found is not None
    assert (found.value, found.raw, found.scale.buckets) == (None, word, BUCKETS)


def address(item: Any) -> str | None:
    own = {each["Key"]: each["Value"] for each in item.get("DocumentAttributes") or []}
    return item.get("DocumentURI") or own.get("_source_uri", {}).get("StringValue")


def additional(item: Any, key: str) -> Any:
    for each in item.get("AdditionalAttributes") or []:
        if each["Key"] == key:
            return each["Value"]["TextWithHighlightsValue"]
    return None


@FACES
@pytest.mark.parametrize("path", proving("kendra", "search.query"))
def test_query(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    if "__type" in body:
        vendor_stub.reply(body, status=400)
        section = {"endpoint": vendor_stub.url, "region": "us-east-1", "index": INDEX, **KEYS}
        with (
            Broker(provider="kendra", providers={"kendra": section}, adapters=ADAPTERS) as broker,
            pytest.raises(ProviderError) as caught,
        ):
            broker.search.query("who is it", deadline=5)
        assert caught.value.code == body["__type"].rpartition("#")[2]
        return
    featured = body.get("FeaturedResultsItems") or []
    items = body.get("ResultItems") or []
    answers = [each for each in items if each.get("Type") in ("ANSWER", "QUESTION_ANSWER")]
    documents = [each for each in items if each not in answers]
    top = min(100, max(10, len(documents)))
    result = played(face, "query", path, "Query", vendor_stub, top=top)
    found = result.value
    assert found.ids == tuple(each["DocumentId"] for each in (*featured, *documents))
    assert [hit.rank for hit in found.hits] == list(range(1, len(found.hits) + 1))
    assert [hit.featured for hit in found.hits] == [True] * len(featured) + [False] * len(documents)
    for hit, item in zip(found.hits, (*featured, *documents), strict=True):
        assert hit.title == text_of(item.get("DocumentTitle"))
        assert hit.url == address(item)
        same_score(hit.score, item)
        if hit.snippet is None:
            assert text_of(item.get("DocumentExcerpt")) is None
        else:
            assert hit.snippet.text == item["DocumentExcerpt"]["Text"]
            same_marks(hit.snippet, item["DocumentExcerpt"])
        others = {
            each["Key"]
            for each in item.get("DocumentAttributes") or []
            if any(value is not None for value in each["Value"].values())
        }
        others -= {"_source_uri"}
        assert set(hit.metadata) - {"_source_uri"} == others
    same_answers(found.answers, answers)
    assert (found.total, found.total_exact) == (body.get("TotalNumberOfResults"), None)
    total = body.get("TotalNumberOfResults")
    more = len(items) >= top if total is None else min(total, 100) > top
    assert (found.page is not None) is (bool(items) and more)
    same_facets(found.facets, body.get("FacetResults") or [])
    assert result.cost.amount == 0
    assert not result.cost.unpriced


def same_answers(found: Any, said: list[Any]) -> None:
    assert len(found) == len(said)
    for answer, item in zip(found, said, strict=True):
        assert answer.ids == (item["DocumentId"],)
        same_score(answer.score, item)
        assert answer.url == address(item)
        if item.get("Format") == "TABLE":
            cells = [
                [cell.get("Value") or "" for cell in row["Cells"]] for row in item["TableExcerpt"]["Rows"]
            ]
            assert answer.kind.value == "table"
            assert [line.split("\t") for line in answer.text.split("\n")] == cells
            marked = [
                (cell["Value"], cell.get("TopAnswer", False))
                for row in item["TableExcerpt"]["Rows"]
                for cell in row["Cells"]
                if cell.get("Value") and (cell.get("Highlighted") or cell.get("TopAnswer"))
            ]
            assert [(answer.text[each.begin : each.end], each.top) for each in answer.highlights] == marked
            continue
        assert answer.kind.value == ("faq" if item["Type"] == "QUESTION_ANSWER" else "extracted")
        told = additional(item, "AnswerText") or item["DocumentExcerpt"]
        assert answer.text == told["Text"]
        same_marks(answer, told)
        asked = additional(item, "QuestionText")
        assert answer.title == (asked["Text"] if asked else text_of(item.get("DocumentTitle")))


def same_facets(found: Any, said: list[Any]) -> None:
    assert [each.name for each in found] == [each["DocumentAttributeKey"] for each in said]
    for facet, each in zip(found, said, strict=True):
        assert facet.exact is None
        pairs = each["DocumentAttributeValueCountPairs"]
        assert [value.count for value in facet.values] == [pair["Count"] for pair in pairs]
        texts = [pair["DocumentAttributeValue"].get("StringValue") for pair in pairs]
        assert [value.value for value in facet.values if isinstance(value.value, str)] == [
            each for each in texts if each
        ]


def test_what_the_recordings_show(fixtures_folder: Path) -> None:
    """Answers of both kinds, tables, what is featured, facets, several words of confidence; else little is proved."""
    bodies = [load(path) for path in (fixtures_folder / "aws/kendra/query").glob("*.json")]
    items = [item for body in bodies for item in body.get("ResultItems", [])]
    assert {item["Type"] for item in items} == {"ANSWER", "QUESTION_ANSWER", "DOCUMENT"}
    assert any(item.get("Format") == "TABLE" for item in items)
    assert any(body.get("FeaturedResultsItems") for body in bodies)
    assert any(body.get("FacetResults") for body in bodies)
    words = {
        item["ScoreAttributes"]["ScoreConfidence"]
        for item in items
        if isinstance(item.get("ScoreAttributes"), dict)
    }
    assert words >= {"VERY_HIGH", "HIGH", "MEDIUM"}
    offsets = [mark for item in items for mark in marks(item.get("DocumentExcerpt"))]
    assert len(offsets) > 10
    pages = [load(path) for path in (fixtures_folder / "aws/kendra/query").glob("jprag-*.json")]
    counted = [len([item for item in body["ResultItems"] if item["Type"] != "ANSWER"]) for body in pages]
    assert set(counted) <= {10}, "a page counts documents and FAQs, and an answer beside them"


def test_recorded_highlights_hold(fixtures_folder: Path) -> None:
    """In Japanese texts offsets count characters: a mark on "Kendra" is on that word."""
    path = next(iter((fixtures_folder / "aws/kendra/query").glob("jprag-*.json")))
    asked = [additional(item, "QuestionText") for item in load(path)["ResultItems"]]
    named = [each for each in asked if each and "Kendra" in each["Text"] and marks(each)]
    assert named
    for each in named:
        assert "Kendra" in [each["Text"][begin:end] for begin, end, _ in marks(each)]


@FACES
@pytest.mark.parametrize("path", proving("kendra", "search.query: passages"))
def test_passages(face: str, path: Path, vendor_stub: VendorStub) -> None:
    result = played(
        face, "query", path, "Retrieve", vendor_stub, top=100, extensions={"kendra_passages": True}
    )
    said = load(path)["ResultItems"]
    assert result.value.ids == tuple(each["DocumentId"] for each in said)
    for hit, item in zip(result.value.hits, said, strict=True):
        assert (hit.title, hit.passage) == (item.get("DocumentTitle") or None, item.get("Id"))
        assert [each.text for each in hit.snippets] == [item.get("Content")] * bool(item.get("Content"))


@FACES
@pytest.mark.parametrize("path", proving("kendra", "search.suggest"))
def test_suggestions(face: str, path: Path, vendor_stub: VendorStub) -> None:
    result = played(face, "suggest", path, "GetQuerySuggestions", vendor_stub)
    said = [each["Value"]["Text"]["Text"] for each in load(path)["Suggestions"]]
    assert [each.text for each in result.value.suggestions] == said[:10]


@pytest.mark.parametrize("path", proving("kendra", "every modelled error code has a row"))
def test_every_code_has_a_row(path: Path) -> None:
    assert set(load(path)["exceptions"]) <= set(TABLE)


@FACES
@pytest.mark.parametrize("path", proving("aws", "search.query"))
def test_knowledge_bases(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = load(path)
    vendor_stub.on("/knowledgebases/KB12345678/retrieve", default=Answer(json=body))
    section = {"endpoint": vendor_stub.url, "region": "us-east-1", "index": "KB12345678", **KEYS}
    with Broker(provider="aws", providers={"aws": section}, adapters=ADAPTERS) as broker:
        found = broker.search.query("who is it", top=100, raw=True)
    assert face
    said = body["retrievalResults"]
    assert [hit.score.raw for hit in found.value.hits] == [each.get("score") for each in said]
    texts = [each["content"].get("text") for each in said]
    assert [hit.snippet and hit.snippet.text for hit in found.value.hits] == [each or None for each in texts]
