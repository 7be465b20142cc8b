"""Google's language detection: Cloud Translation, v3 with a project, v2 with a key."""

from __future__ import annotations

from typing import Any

import pytest
from adapter_support import CANARY, raised
from gcp_text_support import GOOD, PATHS

from broker import errors
from broker_gcp.tags import tag_of


def test_version_3(asked: Any) -> None:
    asked.answers({"languages": [{"languageCode": "iw", "confidence": 0.75}, {"languageCode": "und"}]})
    answer = asked("detect_language", "<b>שלום</b>", raw=True)
    first, second = answer.payload.languages
    assert (first.language, first.code, first.confidence.value, first.name) == ("he", "iw", 0.75, None)
    assert (second.language, second.confidence.value) == ("und", None)
    assert answer.payload.best is first
    assert asked.stub.requests[0].path == PATHS["detect_language"]
    assert asked.sent == {"content": "<b>שלום</b>", "mimeType": "text/plain"}
    assert answer.raw["languages"][0]["languageCode"] == "iw"


def test_version_2_with_a_key(asked: Any) -> None:
    asked.settings = {"endpoint": asked.stub.url, "api_key": CANARY}
    asked.answers({"data": {"detections": [[{"confidence": 0.5, "isReliable": False, "language": "zh-TW"}]]}})
    (only,) = asked("detect_language", "你好").payload.languages
    assert (only.language, only.code, only.confidence.value) == ("zh-TW", "zh-TW", 0.5)
    (request,) = asked.stub.requests
    assert request.path == "/language/translate/v2/detect"
    assert request.headers["x-goog-api-key"] == CANARY
    assert "key=" not in request.query
    assert asked.sent == {"q": ["你好"]}


def test_a_key_and_a_region_do_not_go_together(asked: Any) -> None:
    asked.settings = {"endpoint": asked.stub.url, "api_key": "k", "region": "eu"}
    error = raised(lambda: asked("detect_language"), errors.NotConfigured)
    assert "credential file" in str(error)
    assert asked.stub.count == 0


def test_a_region_has_a_location_of_its_own(asked: Any) -> None:
    asked.settings["region"] = "eu"
    asked.answers(GOOD["detect_language"])
    asked("detect_language")
    assert asked.stub.requests[0].path == "/v3/projects/p/locations/europe-west1:detectLanguage"


def test_no_project(asked: Any) -> None:
    asked.settings = {"endpoint": asked.stub.url}
    error = raised(lambda: asked("detect_language"), errors.NotConfigured)
    assert "set project" in str(error)
    assert asked.stub.count == 0


def test_nothing_found_is_an_answer(asked: Any) -> None:
    asked.answers({"languages": []})
    assert asked("detect_language").payload.best is None


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"languages": None},
        {"languages": {}},
        {"languages": ["it"]},
        {"languages": [{"confidence": 1}]},
        {"languages": [{"languageCode": ""}]},
        {"languages": [{"languageCode": 1}]},
        {"languages": [{"languageCode": "it", "confidence": "1"}]},
        {"data": {"detections": [[{"language": "it"}]]}},
    ],
    ids=str,
)
def test_unusable_answers_are_malformed(answer: Any, asked: Any) -> None:
    asked.answers(answer)
    assert raised(lambda: asked("detect_language"), errors.MalformedReply).billed is True


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": {}},
        {"data": {"detections": []}},
        {"data": {"detections": [{"language": "it"}]}},
        {"data": {"detections": [[{"confidence": 1}]]}},
        {"data": {"detections": [[{"language": "it"}], [{"language": "it"}]]}},
    ],
    ids=str,
)
def test_unusable_answers_of_version_2_are_malformed(answer: Any, asked: Any) -> None:
    asked.settings = {"endpoint": asked.stub.url, "api_key": "k"}
    asked.answers(answer)
    assert raised(lambda: asked("detect_language"), errors.MalformedReply).billed is True


@pytest.mark.parametrize(
    ("code", "tag"),
    [
        ("iw", "he"),
        ("jw", "jv"),
        ("iw-IL", "he-IL"),
        ("en", "en"),
        ("zh-TW", "zh-TW"),
        ("it", "it"),
        ("ja-Latn", "ja-Latn"),
    ],
)
def test_tags(code: str, tag: str) -> None:
    assert tag_of(code) == tag
