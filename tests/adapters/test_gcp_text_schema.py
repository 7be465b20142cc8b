"""What is sent and what is read, against Google's own types: no member is misspelt, none of another kind."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gcp_text_support import REQUESTS

from broker_gcp.dlp import _LIKELIHOODS
from broker_gcp.language import _MODELS


def google(module: str) -> Any:
    return pytest.importorskip(module, reason="needs the test group")


def kinds(method: str) -> tuple[Any, Any]:
    """The request's and the answer's type."""
    if method in ("detect_pii", "redact"):
        dlp = google("google.cloud.dlp_v2.types")
        return dlp.InspectContentRequest, dlp.InspectContentResponse
    if method == "detect_language":
        translate = google("google.cloud.translate_v3.types")
        return translate.DetectLanguageRequest, translate.DetectLanguageResponse
    language = google("google.cloud.language_v2.types")
    name = {"sentiment": "AnalyzeSentiment", "entities": "AnalyzeEntities", "moderate_text": "ModerateText"}[
        method
    ]
    return getattr(language, f"{name}Request"), getattr(language, f"{name}Response")


def strict(kind: Any, text: str) -> Any:
    """Parsed by Google's rules; an unknown member is an error."""
    from google.protobuf import json_format

    return json_format.Parse(text, kind.pb()(), ignore_unknown_fields=False)


def shown(message: Any, *, defaults: bool) -> Any:
    """As Google's servers write it: with all members, as Natural Language does, or without those of no value."""
    from google.protobuf import json_format

    return json.loads(json_format.MessageToJson(message, always_print_fields_with_no_presence=defaults))


TEXT = "👍 Ada: a@b.de"
ANSWERS: dict[str, dict[str, Any]] = {
    "sentiment": {
        "document_sentiment": {"score": -0.5, "magnitude": 2.5},
        "language_code": "en",
        "language_supported": True,
        "sentences": [
            {"text": {"content": TEXT, "begin_offset": 0}, "sentiment": {"score": 0.0, "magnitude": 0.0}}
        ],
    },
    "entities": {
        "entities": [
            {
                "name": "Ada",
                "type_": "PERSON",
                "metadata": {"mid": "/m/0"},
                "mentions": [
                    {"text": {"content": "Ada", "begin_offset": 2}, "type_": "PROPER", "probability": 0.5}
                ],
            }
        ],
        "language_code": "en",
        "language_supported": True,
    },
    "moderate_text": {
        "moderation_categories": [
            {"name": "Toxic", "confidence": 0.5, "severity": 0.25},
            {"name": "Legal", "confidence": 0.25},
        ],
        "language_code": "en",
        "language_supported": True,
    },
    "detect_language": {"languages": [{"language_code": "en", "confidence": 0.5}]},
    "detect_pii": {
        "result": {
            "findings": [
                {
                    "quote": "a@b.de",
                    "info_type": {"name": "EMAIL_ADDRESS"},
                    "likelihood": "LIKELY",
                    "location": {
                        "byte_range": {"start": 10, "end": 16},
                        "codepoint_range": {"start": 7, "end": 13},
                    },
                },
                {
                    "quote": "👍",
                    "info_type": {"name": "PERSON_NAME"},
                    "likelihood": "VERY_UNLIKELY",
                    "location": {"codepoint_range": {"start": 0, "end": 1}},
                },
            ]
        }
    },
}
ANSWERS["redact"] = ANSWERS["detect_pii"]


@pytest.mark.parametrize("defaults", [True, False], ids=["all members", "members of value"])
@pytest.mark.parametrize("method", sorted(REQUESTS))
def test_requests_and_answers_are_of_googles_types(method: str, defaults: bool, asked: Any) -> None:
    request, answer = kinds(method)
    said = answer(ANSWERS[method])
    body = shown(answer.pb(said), defaults=defaults)
    asked.answers(body)
    language = {} if method in ("detect_language", "detect_pii", "redact") else {"language": "en"}
    reply = asked(method, TEXT, **language)
    strict(request, asked.stub.requests[0].body.decode())
    strict(answer, json.dumps(body))
    value: Any = reply.payload
    if method == "sentiment":
        assert (value.document.score, value.document.magnitude) == (-0.5, 2.5)
        (sentence,) = value.sentences
        assert (sentence.sentiment.score, sentence.begin, sentence.end) == (0.0, 0, len(TEXT))
    elif method == "entities":
        (only,) = value.entities
        assert (only.text, only.begin, only.offset_ok, only.confidence.value) == ("Ada", 2, True, 0.5)
        assert (only.category, only.mention, only.links) == ("PERSON", "PROPER", (("mid", "/m/0"),))
    elif method == "moderate_text":
        first, second = value.labels
        assert (first.confidence.value, first.severity.raw, second.severity) == (0.5, 0.25, None)
    elif method == "detect_language":
        (only,) = value.languages
        assert (only.language, only.confidence.value) == ("en", 0.5)
    else:
        first, second = value.entities
        assert (first.begin, first.end, second.begin, second.end) == (7, 13, 0, 1)
        assert first.offset_ok is second.offset_ok is True
        if method == "redact":
            assert value.text == "* Ada: ******"


@pytest.mark.parametrize("method", ["detect_pii", "redact"])
def test_an_empty_answer_is_one_in_both_ways_of_writing(method: str, asked: Any) -> None:
    _, answer = kinds(method)
    for defaults in (True, False):
        asked.answers(shown(answer.pb(answer({"result": {}})), defaults=defaults))
        assert asked(method, TEXT).payload.entities == ()


def test_the_words_are_googles() -> None:
    dlp, language = google("google.cloud.dlp_v2.types"), google("google.cloud.language_v2.types")
    assert {"LIKELIHOOD_UNSPECIFIED", *_LIKELIHOODS} == set(dlp.Likelihood.__members__)
    assert {"MODEL_VERSION_UNSPECIFIED", *_MODELS} == set(
        language.ModerateTextRequest.ModelVersion.__members__
    )
    assert "UTF32" in language.EncodingType.__members__
