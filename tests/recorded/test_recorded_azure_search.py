"""What Azure AI Search really sent, played through the public client; the facts are read from the JSON by this file alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from recorded_support import ask, proving

from broker import BadInput, BrokerError
from broker.testing.script import Answer
from broker.testing.stub import VendorStub

FACES = ["sync", "async"]


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def named(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """The fields as a user of this index would name them: a recording does not say which is the key."""
    texts = [
        name
        for name in (documents[0] if documents else {})
        if "@" not in name and all(isinstance(each.get(name), str) for each in documents)
    ]
    unique = [name for name in texts if len({each[name] for each in documents}) == len(documents)]
    keys = [name for name in unique if re.search("id$|key$", name, re.IGNORECASE)] or unique or ["id"]
    shape: dict[str, Any] = {"id": keys[0], "suggester": "sg"}
    for member, words in (("title", "title|name$"), ("content", "content|description$"), ("url", "url|uri")):
        found = [name for name in texts if re.search(words, name, re.IGNORECASE) and name != keys[0]]
        shape[member] = found[0] if found else ("nothing" if member == "content" else "")
    return shape


def section(stub: VendorStub, shape: dict[str, Any]) -> dict[str, Any]:
    return {"endpoints": {"search": stub.url}, "keys": {"search": "k"}, "index": "recorded", "shape": shape}


def flat(document: dict[str, Any], own: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in document.items():
        if "@" in name or name in own or value is None or isinstance(value, dict):
            continue
        if isinstance(value, list) and any(not isinstance(each, str) for each in value):
            continue
        found[name] = tuple(value) if isinstance(value, list) else value
    return found


def marks(text: str) -> list[str]:
    """What stands between the marks that the service takes by itself; others are those of whoever asked."""
    return re.findall(r"<em>(.*?)</em>", text, re.DOTALL)


def bare(text: str) -> str:
    return re.sub(r"</?em>", "", text)


def check(hit: Any, said: dict[str, Any], shape: dict[str, Any]) -> None:
    own = {shape[name] for name in ("id", "title", "content", "url")}
    assert hit.id == said[shape["id"]]
    assert hit.title == said.get(shape["title"])
    assert hit.url == said.get(shape["url"])
    assert hit.metadata == flat(said, own)
    reranked = said.get("@search.rerankerScore")
    if reranked is None:
        assert (hit.score.value, hit.score.raw, hit.score.others) == (
            said["@search.score"],
            said["@search.score"],
            (),
        )
    else:
        assert (hit.score.value, hit.score.scale.name) == (reranked, "azure.search.reranker")
        assert hit.score.others[0].value == said["@search.score"]
    due: list[tuple[str, list[str]]] = []
    for caption in said.get("@search.captions") or ():
        shown = caption.get("highlights") or ""
        due.append((caption.get("text") or bare(shown), marks(shown)))
    title_marks: list[str] = []
    for name, pieces in (said.get("@search.highlights") or {}).items():
        if "@" in name:
            continue
        if name == shape["title"] and len(pieces) == 1 and bare(pieces[0]) == said.get(name):
            title_marks = marks(pieces[0])
        else:
            due += [(bare(each), marks(each)) for each in pieces]
    content = said.get(shape["content"])
    if not due and content:
        due = [(content[:1000], [])]
    assert [each.text for each in hit.snippets] == [text for text, _ in due]
    for snippet, (_, words) in zip(hit.snippets, due, strict=True):
        found = [snippet.text[each.begin : each.end] for each in snippet.highlights]
        assert [each.split() for each in found] == [each.split() for each in words]
    if hit.title is not None:
        assert [hit.title[each.begin : each.end] for each in hit.title_highlights] == title_marks


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("path", proving("azure", "search.query"))
def test_hits(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = read(path)
    if "error" in body:
        refused(face, body, vendor_stub)
        return
    vendor_stub.on("/indexes('recorded')/docs/search.post.search", default=Answer(json=body))
    documents = body["value"]
    shape = named(documents)
    semantic = any("@search.rerankerScore" in each for each in documents) or "@search.answers" in body
    options: dict[str, Any] = {"mode": "reranked"} if semantic else {}
    top = max(50, len(documents))
    result = ask(
        face, "search.query", "nice hotels", "azure", section(vendor_stub, shape), top=top, **options
    )
    found = result.value
    assert len(found.hits) == len(documents)
    assert [hit.rank for hit in found.hits] == list(range(1, len(documents) + 1))
    for hit, said in zip(found.hits, documents, strict=True):
        check(hit, said, shape)
    assert found.total == body.get("@odata.count")
    assert found.partial == (
        body.get("@search.coverage", 100) < 100 or "@search.semanticPartialResponseType" in body
    )
    following = body.get("@search.nextPageParameters")
    if following is None:
        assert found.page is None or "@odata.nextLink" in body
    else:
        assert found.page.token == str(following["skip"])
        assert found.page.shown == len(documents)
    said_facets = {
        name: values for name, values in (body.get("@search.facets") or {}).items() if "@" not in name
    }
    members = {shape[name]: name for name in ("id", "title", "content", "url") if shape[name]}
    assert [facet.name for facet in found.facets] == [members.get(name, name) for name in said_facets]
    for facet, values in zip(found.facets, said_facets.values(), strict=True):
        assert [(each.value, each.low, each.high, each.count) for each in facet.values] == [
            (each.get("value"), each.get("from"), each.get("to"), each["count"])
            for each in values
            if "count" in each  # else it is a sum or the like
        ]
    answers = body.get("@search.answers") or []
    assert [each.ids for each in found.answers] == [(each["key"],) for each in answers]
    for answer, said in zip(found.answers, answers, strict=True):
        assert answer.text == said["text"]
        assert answer.score.value == said["score"]
        words = [answer.text[each.begin : each.end].split() for each in answer.highlights]
        assert words == [each.split() for each in marks(said.get("highlights") or "")]
    assert result.raw == body
    assert vendor_stub.count == len(result.attempts) == 1


def refused(face: str, body: dict[str, Any], stub: VendorStub) -> None:
    stub.reply(body, status=400)
    with pytest.raises(BadInput) as caught:
        ask(face, "search.query", "x", "azure", section(stub, {}))
    message = body["error"].get("message") or ""
    assert message.split("\n")[0][:40].strip() in str(caught.value)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("path", proving("azure", "search.status"))
def test_a_document(face: str, path: Path, vendor_stub: VendorStub) -> None:
    if path.read_text("utf-8").strip() in ("", "null"):
        absent(face, vendor_stub)
        return
    body = read(path)
    shape = named([body])
    key = body[shape["id"]]
    vendor_stub.on(f"/indexes('recorded')/docs('{key}')", default=Answer(json=body))
    result = ask(face, "search.status", key, "azure", section(vendor_stub, shape))
    (status,) = result.value.statuses
    assert (status.id, status.state.value) == (key, "done")
    assert result.raw == body
    (request,) = vendor_stub.requests
    assert request.params["$select"] == shape["id"]
    assert vendor_stub.count == len(result.attempts) == 1


def absent(face: str, stub: VendorStub) -> None:
    """A recorded answer without a body: the 404 of a document that is not there."""
    stub.on("/indexes('recorded')/docs('1000')", default=Answer(404))
    (status,) = ask(face, "search.status", "1000", "azure", section(stub, {})).value.statuses
    assert status.state.value == "absent"


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("operation", ["search.upsert", "search.delete"])
@pytest.mark.parametrize("path", proving("azure", "search.upsert"))
def test_a_batch(face: str, operation: str, path: Path, vendor_stub: VendorStub) -> None:
    body = read(path)
    said = {each["key"]: each for each in body["value"]}
    good = all(each["status"] for each in said.values())
    vendor_stub.on("/indexes('recorded')/docs/search.index", default=Answer(200 if good else 207, json=body))
    source: Any = (
        [{"id": key, "content": "x"} for key in said] if operation.endswith("upsert") else list(said)
    )
    result = ask(face, operation, source, "azure", section(vendor_stub, {}))
    for status in result.value.statuses:
        item = said[status.id]
        gone = operation == "search.delete" and item["statusCode"] == 404
        assert status.acknowledged == (item["status"] or gone)
        if not status.acknowledged:
            assert status.code == str(item["statusCode"])
            assert (item["errorMessage"] or "")[:30] in status.reason


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("path", proving("azure", "search.suggest"))
def test_suggestions(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = read(path)
    vendor_stub.on("/indexes('recorded')/docs/search.post.suggest", default=Answer(json=body))
    shape = named(body["value"])
    result = ask(face, "search.suggest", "hote", "azure", section(vendor_stub, shape), top=100)
    assert [(each.text, each.id) for each in result.value.suggestions] == [
        (each["@search.text"], each[shape["id"]]) for each in body["value"]
    ]


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("path", proving("azure", "search.suggest: words"))
def test_words(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = read(path)
    vendor_stub.on("/indexes('recorded')/docs/search.post.autocomplete", default=Answer(json=body))
    result = ask(
        face,
        "search.suggest",
        "wa",
        "azure",
        section(vendor_stub, {"suggester": "sg"}),
        top=100,
        extensions={"azure_autocomplete": "oneTerm"},
    )
    assert [each.text for each in result.value.suggestions] == [
        each["queryPlusText"] for each in body["value"]
    ]


@pytest.mark.parametrize("path", proving("azure", "azure search: refusals"))
def test_refusals(path: Path, vendor_stub: VendorStub) -> None:
    body = read(path)
    found = re.search(r"(?<!\d)([45]\d\d)(?!\d)", path.stem)
    vendor_stub.reply(body, status=int(found.group(1)) if found else 400)
    with pytest.raises(BrokerError) as caught:
        ask("sync", "search.query", "x", "azure", section(vendor_stub, {}), deadline=5)
    assert (body.get("error", {}).get("message") or "")[:30] in str(caught.value)


PUBLISHED_BATCH: Any = {
    "value": [
        {"key": "1", "status": True, "errorMessage": None, "statusCode": 201},
        {"key": "2", "status": False, "errorMessage": "Document not found.", "statusCode": 404},
        {"key": "3", "status": True, "errorMessage": None, "statusCode": 200},
    ]
}
PUBLISHED_SEMANTIC: Any = {
    "@odata.count": 25,
    "@search.answers": [
        {
            "key": "4123",
            "text": "Clouds generally form where air is ascending (over land in this   case).",
            "highlights": "Clouds generally form<em> where air is ascending</em> (over land in this case).",
            "score": 0.94639826,
        }
    ],
    "@search.nextPageParameters": {"count": True, "search": "how do clouds form", "skip": 2, "top": 8},
    "value": [
        {
            "@search.score": 0.5479723,
            "@search.rerankerScore": 1.0321671911515296,
            "@search.captions": [
                {
                    "text": "Like all clouds, it forms when the air reaches its dew point—the temperature.",
                    "highlights": "Like all<em> clouds</em>, it<em> forms</em> when the air reaches its dew point—the "
                    "   temperature.",
                }
            ],
            "id": "4123",
            "title": "Earth Atmosphere",
            "content": "Fog is essentially a cloud lying on the ground.",
            "locations": ["Pacific Northwest", "North America"],
        }
    ],
    "@odata.nextLink": "https://myservice.search.windows.net/indexes('myindex')/docs/search.post.search",
}
"""Made after the examples of Microsoft's specification, for the kinds of answers of which none were given."""


@pytest.mark.parametrize("face", FACES)
def test_the_shape_of_the_published_semantic_example(
    face: str, vendor_stub: VendorStub, tmp_path: Path
) -> None:
    (tmp_path / "semantic.json").write_text(json.dumps(PUBLISHED_SEMANTIC), "utf-8")
    test_hits(face, tmp_path / "semantic.json", vendor_stub)


@pytest.mark.parametrize("operation", ["search.upsert", "search.delete"])
def test_the_shape_of_the_published_batch_example(
    operation: str, vendor_stub: VendorStub, tmp_path: Path
) -> None:
    (tmp_path / "batch.json").write_text(json.dumps(PUBLISHED_BATCH), "utf-8")
    test_a_batch("sync", operation, tmp_path / "batch.json", vendor_stub)
