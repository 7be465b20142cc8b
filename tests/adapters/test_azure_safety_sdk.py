"""Microsoft's own Content Safety client as the judge: it sends what we send, and reads in an answer what we read."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CANARY, picture, recorded
from azure_support import MODERATE_IMAGE, MODERATE_TEXT, call

from broker.testing.script import Answer
from broker.types import ImageModerationRequest, TextModerationRequest

VERSION = "2024-09-01"
TEXT = 'naïve "quotes" 日本 👩‍👩‍👧'
ANSWER = {
    "blocklistsMatch": [{"blocklistName": "mine", "blocklistItemId": "1", "blocklistItemText": "k*ll"}],
    "categoriesAnalysis": [
        {"category": "Hate", "severity": 2},
        {"category": "SelfHarm", "severity": 0},
        {"category": "Sexual"},
        {"category": "Violence", "severity": 6},
    ],
}


def package() -> Any:
    return pytest.importorskip("azure.ai.contentsafety", reason="needs the test group")


def client(url: str) -> Any:
    credentials: Any = importlib.import_module("azure.core.credentials")
    return package().ContentSafetyClient(
        url, credentials.AzureKeyCredential(CANARY), api_version=VERSION, retry_total=0
    )


def same_request(stub: Any) -> None:
    first, second = stub.requests
    assert (first.method, first.path) == (second.method, second.path)
    assert first.params == second.params == {"api-version": VERSION}
    assert first.json() == second.json()
    for name in ("content-type", "accept", "ocp-apim-subscription-key"):
        assert first.headers[name] == second.headers[name]


def test_our_request_for_a_picture_is_the_sdks(stub: Any, attempt: Any) -> None:
    models = package().models
    stub.on(MODERATE_IMAGE, ANSWER)
    with client(stub.url) as theirs:
        image = models.ImageData(content=picture().data)
        theirs.analyze_image(models.AnalyzeImageOptions(image=image, output_type="FourSeverityLevels"))
    call(stub, attempt(), "moderate_image", ImageModerationRequest(image=picture()))
    same_request(stub)


TEXTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"output_type": "FourSeverityLevels"}),
    ({"azure_output_type": "EightSeverityLevels"}, {"output_type": "EightSeverityLevels"}),
    (
        {"azure_blocklists": ["mine", "b-2"]},
        {
            "output_type": "FourSeverityLevels",
            "blocklist_names": ["mine", "b-2"],
            "halt_on_blocklist_hit": False,
        },
    ),
]


@pytest.mark.parametrize(("extensions", "options"), TEXTS, ids=["plain", "eight", "blocklists"])
def test_our_request_for_a_text_is_the_sdks(extensions: Any, options: Any, stub: Any, attempt: Any) -> None:
    models = package().models
    stub.on(MODERATE_TEXT, ANSWER)
    with client(stub.url) as theirs:
        theirs.analyze_text(models.AnalyzeTextOptions(text=TEXT, **options))
    call(stub, attempt(), "moderate_text", TextModerationRequest(text=TEXT, extensions=extensions))
    same_request(stub)


@pytest.mark.parametrize(
    "path", [*recorded("azure/contentsafety/text_analyze"), pytest.param(None, id="made-up")]
)
def test_our_reading_of_a_text_is_the_sdks(path: Path | None, stub: Any, attempt: Any) -> None:
    models = package().models
    stub.on(MODERATE_TEXT, Answer(body=path.read_bytes() if path else json.dumps(ANSWER).encode()))
    with client(stub.url) as their_client:
        theirs = their_client.analyze_text(models.AnalyzeTextOptions(text=TEXT))
    labels = call(stub, attempt(), "moderate_text", TextModerationRequest(text=TEXT)).payload.labels
    assert [(each.name, each.confidence.raw) for each in labels] == [
        *((each.category, each.severity) for each in theirs.categories_analysis),
        *((each.blocklist_name, None) for each in theirs.blocklists_match),
    ]
    assert {each.value for each in models.TextCategory} == {
        each.name for each in labels if each.harm != "other"
    }


def test_our_reading_of_a_picture_is_the_sdks(stub: Any, attempt: Any) -> None:
    models = package().models
    body = {"categoriesAnalysis": ANSWER["categoriesAnalysis"]}
    stub.on(MODERATE_IMAGE, body)
    with client(stub.url) as their_client:
        image = models.ImageData(content=picture().data)
        theirs = their_client.analyze_image(models.AnalyzeImageOptions(image=image))
    labels = call(stub, attempt(), "moderate_image", ImageModerationRequest(image=picture())).payload.labels
    assert [(each.name, each.confidence.raw) for each in labels] == [
        (each.category, each.severity) for each in theirs.categories_analysis
    ]
    assert {each.value for each in models.ImageCategory} == {each.name for each in labels}
    assert "other" not in {each.harm.value for each in labels}
