"""Microsoft's own client as the judge: it sends what we send, and reads in an answer what we read."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CANARY, picture, recorded
from azure_support import ANALYZE, box, call, line, seen, thing

from broker.testing.script import Answer
from broker.types import (
    AnalyzeRequest,
    CaptionRequest,
    DetectTextRequest,
    LabelRequest,
    ObjectRequest,
)

CAPTION = {"text": "a cat on a sofa", "confidence": 0.75}
ANSWER = seen(
    tagsResult={"values": [{"name": "cat", "confidence": 0.98}]},
    objectsResult={"values": [thing("cat", 0.8, -4, 48, 700, 240)]},
    readResult={"blocks": [{"lines": [line("go"), line("on")]}, {"lines": []}]},
    captionResult=CAPTION,
    denseCaptionsResult={
        "values": [
            {**CAPTION, "boundingBox": box(0, 0, 640, 480)},
            {"text": "a cat", "confidence": 0.5, "boundingBox": box(64, 48, 64, 48)},
        ]
    },
)
EVERYTHING = ("label", "detect_objects", "detect_text", "caption")


def sdk(url: str, features: list[str], **options: Any) -> Any:
    """The answer as the vendor's models have it."""
    package: Any = pytest.importorskip("azure.ai.vision.imageanalysis", reason="needs the test group")
    credentials: Any = importlib.import_module("azure.core.credentials")
    known = {each.value: each for each in package.models.VisualFeatures}
    with package.ImageAnalysisClient(url, credentials.AzureKeyCredential(CANARY), retry_total=0) as client:
        return client.analyze(picture().data, [known[name] for name in features], **options)


def ours(stub: Any, context: Any, method: str, **options: Any) -> Any:
    kind = {
        "label": LabelRequest,
        "detect_objects": ObjectRequest,
        "detect_text": DetectTextRequest,
        "caption": CaptionRequest,
        "analyze": AnalyzeRequest,
    }[method]
    return call(stub, context, method, kind(image=picture(), **options)).payload


SENT: list[tuple[str, dict[str, Any], list[str], dict[str, Any]]] = [
    ("label", {}, ["tags"], {}),
    ("label", {"language": "de"}, ["tags"], {"language": "de"}),
    ("detect_objects", {}, ["objects"], {}),
    ("detect_text", {}, ["read"], {}),
    ("detect_text", {"mode": "document"}, ["read"], {}),
    ("caption", {}, ["caption"], {}),
    ("caption", {"gender_neutral": True}, ["caption"], {"gender_neutral_caption": True}),
    ("caption", {"dense": True}, ["denseCaptions"], {}),
    ("analyze", {"operations": EVERYTHING}, ["tags", "objects", "read", "caption"], {}),
    (
        "analyze",
        {"operations": ("label",), "extensions": {"azure_model_version": "latest"}},
        ["tags"],
        {"model_version": "latest"},
    ),
]


@pytest.mark.parametrize(("method", "options", "features", "theirs"), SENT, ids=str)
def test_our_request_is_the_sdks(
    method: str, options: Any, features: list[str], theirs: Any, stub: Any, attempt: Any
) -> None:
    stub.on(ANALYZE, ANSWER)
    sdk(stub.url, features, **theirs)
    ours(stub, attempt(), method, **options)
    first, second = stub.requests
    assert (first.method, first.path) == (second.method, second.path)
    assert first.params == second.params
    assert first.body == second.body == picture().data
    for name in ("content-type", "accept", "ocp-apim-subscription-key"):
        assert first.headers[name] == second.headers[name]


def corners(points: Any) -> tuple[float, ...]:
    return tuple(number for point in points for number in (point.x, point.y))


def sides(place: Any) -> tuple[float, ...]:
    return (place.x, place.y, place.width, place.height)


def bodies() -> list[Any]:
    return [*recorded("azure/vision/imageanalysis_4.0"), pytest.param(None, id="made-up")]


@pytest.mark.parametrize("path", bodies())
def test_our_reading_is_the_sdks(path: Path | None, stub: Any, attempt: Any) -> None:
    stub.on(ANALYZE, Answer(body=path.read_bytes() if path else json.dumps(ANSWER).encode()))
    theirs = sdk(stub.url, ["tags", "objects", "read", "caption", "denseCaptions"])
    found = ours(stub, attempt(), "analyze", operations=EVERYTHING)
    assert [(each.name, each.confidence.value) for each in found.labels.labels] == [
        (tag.name, tag.confidence) for tag in theirs.tags.list
    ]
    assert [(each.name, each.confidence.value, each.region.raw) for each in found.objects.objects] == [
        (each.tags[0].name, each.tags[0].confidence, sides(each.bounding_box)) for each in theirs.objects.list
    ]
    assert [
        [
            (
                each.text,
                each.region.raw if each.region else None,
                [(w.text, w.confidence.value, w.region.raw if w.region else None) for w in each.words],
            )
            for each in block.lines
        ]
        for block in found.text.blocks
    ] == [
        [
            (
                each.text,
                corners(each.bounding_polygon),
                [(w.text, w.confidence, corners(w.bounding_polygon)) for w in each.words],
            )
            for each in block.lines
        ]
        for block in theirs.read.blocks
    ]
    (caption,) = found.captions.captions
    assert (caption.text, caption.confidence.value) == (theirs.caption.text, theirs.caption.confidence)
    frame = found.objects.frame
    assert (frame.width, frame.height) == (theirs.metadata.width, theirs.metadata.height)

    dense = ours(stub, attempt(), "caption", dense=True).captions
    assert [(each.text, each.confidence.value) for each in dense] == [
        (each.text, each.confidence) for each in theirs.dense_captions.list
    ]
    assert dense[0].region is None
    assert sides(theirs.dense_captions.list[0].bounding_box) == (0, 0, frame.width, frame.height)
    assert [each.region.raw for each in dense[1:]] == [
        sides(each.bounding_box) for each in theirs.dense_captions.list[1:]
    ]
