"""Google's sentiment: score and magnitude as they are, a label by a documented rule."""

from __future__ import annotations

from typing import Any

import pytest
from adapter_support import raised
from gcp_text_support import GOOD
from hypothesis import given
from hypothesis import strategies as st

from broker import errors
from broker.types import Polarity
from broker_gcp.language import RULE, polarity

P = Polarity


@pytest.mark.parametrize(
    ("score", "magnitude", "label"),
    [
        # The examples of Google's guide to the values.
        (0.8, 3.0, P.POSITIVE),
        (-0.6, 4.0, P.NEGATIVE),
        (0.1, 0.0, P.NEUTRAL),
        (0.0, 4.0, P.MIXED),
        # The cut-offs themselves.
        (0.25, 0.25, P.POSITIVE),
        (0.2499, 1.99, P.NEUTRAL),
        (0.2499, 2.0, P.MIXED),
        (-0.2499, 2.0, P.MIXED),
        (-0.25, 0.25, P.NEGATIVE),
        (0.0, 0.0, P.NEUTRAL),
        # A sentence has one feeling.
        (0.0, None, P.NEUTRAL),
        (0.24, None, P.NEUTRAL),
        (0.25, None, P.POSITIVE),
        (-0.25, None, P.NEGATIVE),
    ],
)
def test_the_rule(score: float, magnitude: float | None, label: Polarity) -> None:
    assert polarity(score, magnitude) is label


@given(st.floats(-1, 1), st.floats(0, 1000))
def test_the_rule_is_symmetric(score: float, magnitude: float) -> None:
    turned = {P.POSITIVE: P.NEGATIVE, P.NEGATIVE: P.POSITIVE}
    label = polarity(score, magnitude)
    assert polarity(-score, magnitude) is turned.get(label, label)
    assert polarity(score) is (P.NEUTRAL if label is P.MIXED else label)


def test_numbers_are_kept_and_the_label_is_marked_derived(asked: Any) -> None:
    asked.answers(
        {
            "documentSentiment": {"score": 0.1, "magnitude": 3},
            "languageCode": "zh-Hant",
            "languageSupported": True,
            "sentences": [{"text": {"content": "Fine.", "beginOffset": 0}, "sentiment": {"score": 0.7}}],
        }
    )
    answer = asked("sentiment", "Fine.", raw=True)
    found = answer.payload
    assert (found.label, found.document.score, found.document.magnitude) == (P.MIXED, 0.1, 3.0)
    assert (found.document.derived, found.document.rule) == (True, RULE)
    assert (found.document.name, found.document.probabilities) == (None, None)
    assert found.document.confidence.value is None
    (sentence,) = found.sentences
    assert (sentence.sentiment.label, sentence.sentiment.score, sentence.sentiment.magnitude) == (
        P.POSITIVE,
        0.7,
        0.0,
    )
    assert (sentence.begin, sentence.end, sentence.offset_ok) == (0, 5, True)
    assert found.language == "zh-Hant"
    assert answer.raw["documentSentiment"] == {"score": 0.1, "magnitude": 3}


def test_what_is_sent(asked: Any) -> None:
    asked.answers(GOOD["sentiment"])
    asked("sentiment", "Schön 👍")
    assert asked.sent == {"document": {"type": "PLAIN_TEXT", "content": "Schön 👍"}, "encodingType": "UTF32"}
    assert "Schön 👍".encode() in asked.stub.requests[-1].body, "limits count UTF-8, so nothing is escaped"
    assert asked("sentiment").raw is None


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("en", "en"),
        ("de-AT", "de"),
        ("PT-br", "pt"),
        ("zh", "zh"),
        ("zh-CN", "zh"),
        ("zh-hant", "zh-Hant"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"),
    ],
)
def test_language_is_sent_as_google_writes_it(language: str, code: str, asked: Any) -> None:
    asked.answers(GOOD["sentiment"])
    asked("sentiment", language=language)
    assert asked.sent["document"]["languageCode"] == code


def test_neutral_numbers_may_be_left_out(asked: Any) -> None:
    """proto3's JSON leaves out what is zero."""
    asked.answers({"documentSentiment": {}, "language": "en"})
    found = asked("sentiment").payload
    assert (found.label, found.document.score, found.document.magnitude) == (P.NEUTRAL, 0.0, 0.0)
    assert (found.sentences, found.language) == ((), "en")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"sentences": [], "languageCode": "en"},
        {"documentSentiment": None},
        {"documentSentiment": [0.5]},
        {"documentSentiment": {"score": "0.5"}},
        {"documentSentiment": {"score": 1.5}},
        {"documentSentiment": {"score": True}},
        {"documentSentiment": {"magnitude": -1}},
        {"documentSentiment": {}, "sentences": {}},
        {"documentSentiment": {}, "sentences": ["Fine."]},
        {"documentSentiment": {}, "sentences": [{"text": {"content": "Fine."}}]},
        {"documentSentiment": {}, "sentences": [{"sentiment": {}}]},
        {"documentSentiment": {}, "sentences": [{"sentiment": {}, "text": {"beginOffset": 0}}]},
        {
            "documentSentiment": {},
            "sentences": [{"sentiment": {}, "text": {"content": "F", "beginOffset": "0"}}],
        },
        {"documentSentiment": {}, "languageCode": 7},
        {"data": {}},
    ],
    ids=str,
)
def test_unusable_answers_are_malformed_never_neutral(answer: Any, asked: Any) -> None:
    asked.answers(answer)
    error = raised(lambda: asked("sentiment"), errors.MalformedReply)
    assert error.billed is True
    assert asked.stub.count == 1


@pytest.mark.parametrize("method", ["sentiment", "entities", "moderate_text"])
def test_a_language_that_google_does_not_support_is_never_a_good_answer(method: str, asked: Any) -> None:
    asked.answers({**GOOD[method], "languageCode": "iw", "languageSupported": False})
    error = raised(lambda: asked(method), errors.Unsupported)
    assert "the text for he" in str(error)
    assert (error.outcome, error.billed) == (errors.Outcome.BAD_REPLY, True), "it was answered"
    asked.answers({**GOOD[method], "languageCode": "", "languageSupported": False})
    assert "a language, which" in str(raised(lambda: asked(method), errors.Unsupported))
