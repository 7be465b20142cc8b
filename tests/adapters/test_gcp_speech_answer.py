"""How the results of Speech-to-Text become a transcript."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker import errors
from broker.types import ConfidenceLevel
from broker_gcp.speech_answer import billed_seconds, transcript
from broker_gcp.speech_times import milliseconds


def word(text: str, start: str | None, end: str | None, **more: Any) -> dict[str, Any]:
    times = {name: time for name, time in (("startOffset", start), ("endOffset", end)) if time is not None}
    return {"word": text, **times, **more}


def result(text: str | None, *words: dict[str, Any], confidence: float | None = None, **more: Any) -> Any:
    best: dict[str, Any] = {} if text is None else {"transcript": text}
    if words:
        best["words"] = list(words)
    if confidence is not None:
        best["confidence"] = confidence
    return {"alternatives": [best], **more}


def test_a_word_has_its_time_its_confidence_and_its_speaker() -> None:
    found = transcript(
        [
            result(
                " Hello there.",
                word("Hello", None, "0.400s", confidence=0.5, speakerLabel="1"),
                word("there.", "0.400s", "1.0005s", speakerLabel="1"),
                confidence=0.75,
                resultEndOffset="1.250s",
                languageCode="en-us",
            )
        ],
        channels=False,
    )
    (segment,) = found.segments
    assert (found.text, segment.text) == ("Hello there.", "Hello there.")
    assert (segment.start_ms, segment.end_ms, segment.confidence.value) == (0, 1250, 0.75)
    assert (segment.speaker, segment.channel, segment.language) == ("1", None, "en-US")
    first, second = found.words
    assert (first.start_ms, first.end_ms, first.confidence.value, first.speaker) == (0, 400, 0.5, "1")
    assert (second.start_ms, second.end_ms, second.confidence.value) == (400, 1000, None)
    assert found.confidence_level is ConfidenceLevel.WORD
    assert [each.language for each in found.languages] == ["en-US"]
    assert found.languages[0].confidence.value is None
    assert found.duration_ms is None


def test_a_confidence_of_zero_was_not_set() -> None:
    found = transcript([result("a", word("a", "0s", "1s", confidence=0), confidence=0.0)], channels=False)
    assert found.confidence_level is ConfidenceLevel.NONE
    assert (found.words[0].confidence.value, found.segments[0].confidence.value) == (None, None)


def test_only_segments_have_a_confidence() -> None:
    found = transcript([result("a", word("a", "0s", "1s"), confidence=0.5)], channels=False)
    assert found.confidence_level is ConfidenceLevel.SEGMENT


def test_words_without_times_have_none() -> None:
    found = transcript([result("a b", word("a", None, None), word("b", "1s", None))], channels=False)
    assert [(each.start_ms, each.end_ms) for each in found.words] == [(None, None), (1000, None)]
    assert (found.segments[0].start_ms, found.segments[0].end_ms) == (None, None)


def test_an_end_before_its_beginning_is_not_known() -> None:
    (found,) = transcript([result("a", word("a", "2s", "1s"))], channels=False).words
    assert (found.start_ms, found.end_ms) == (2000, None)


def test_without_words_only_the_end_is_known() -> None:
    (segment,) = transcript([result("a b", resultEndOffset="3s")], channels=False).segments
    assert (segment.start_ms, segment.end_ms, segment.words) == (None, 3000, None)


@pytest.mark.parametrize(
    "silent", [{}, {"alternatives": []}, {"resultEndOffset": "2s"}, result(""), result(None)]
)
def test_a_stretch_in_which_nothing_was_understood_is_none(silent: Any) -> None:
    found = transcript([silent, result("a"), silent], channels=False)
    assert [each.text for each in found.segments] == ["a"]
    assert transcript([], channels=False).segments == ()


def test_of_several_alternatives_the_first_is_the_likeliest() -> None:
    both = {"alternatives": [{"transcript": "a", "confidence": 0.5}, {"transcript": "b", "confidence": 0.25}]}
    assert transcript([both], channels=False).text == "a"


CHANNELS = [
    result("two", word("two", "3s", "4s"), channelTag=2),
    result("one", word("one", "1s", "2s"), channelTag=1),
    result("again", word("again", "5s", "6s"), channelTag=2),
]


def test_channels_count_from_one_at_google_and_from_zero_here() -> None:
    found = transcript(CHANNELS, channels=True)
    assert [(each.text, each.channel) for each in found.segments] == [("one", 0), ("two", 1), ("again", 1)]
    assert found.text == "one two again"
    assert found.channels == (0, 1)


def test_channels_that_were_not_asked_for_are_none() -> None:
    assert transcript(CHANNELS, channels=False).channels == ()


def test_where_a_beginning_is_not_known_the_order_is_googles() -> None:
    found = transcript([*CHANNELS, result("b")], channels=False)
    assert [each.text for each in found.segments] == ["two", "one", "again", "b"]


def test_languages_are_those_of_the_results_the_most_used_first() -> None:
    found = transcript(
        [
            result("a", languageCode="fr-fr"),
            result("b", languageCode="iw-il"),
            result("c", languageCode="iw-il"),
            result("d"),
        ],
        channels=False,
    )
    assert [each.language for each in found.languages] == ["he-IL", "fr-FR"]
    assert [each.language for each in found.segments] == ["fr-FR", "he-IL", "he-IL", None]


@pytest.mark.parametrize(
    "empty", [{}, {"word": ""}, {"startOffset": "1s", "endOffset": "2s"}, {"speakerLabel": "1"}]
)
def test_a_word_of_nothing_is_none(empty: dict[str, Any]) -> None:
    """All members of proto3 may be left out."""
    (segment,) = transcript([result("a b", word("a", "0s", "1s"), empty)], channels=False).segments
    assert [each.text for each in segment.words or ()] == ["a"]
    assert transcript([result("a", empty)], channels=False).segments[0].words is None


def test_an_end_of_the_whole_before_its_first_word_is_not_known() -> None:
    (segment,) = transcript(
        [result("a", word("a", "5s", None), resultEndOffset="3s")], channels=False
    ).segments
    assert (segment.start_ms, segment.end_ms) == (5000, None)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([("早上好", "cmn-hans-cn"), ("朋友们", "cmn-hans-cn")], "早上好朋友们"),
        ([("おはよう", "ja-jp"), ("OK", "ja-jp"), ("3時です", "ja-jp")], "おはようOK3時です"),
        ([("สวัสดี", "th-th"), ("ครับ", "th-th")], "สวัสดีครับ"),
        ([("早上好。", None), ("朋友们", None)], "早上好。朋友们"),
        ([("早上好", "cmn-hans-cn"), (" 朋友们", "cmn-hans-cn")], "早上好 朋友们"),
        ([("안녕하세요", "ko-kr"), ("여러분", "ko-kr")], "안녕하세요 여러분"),
        (
            [("good", "en-us"), (" morning", "en-us"), ("all ", "en-us"), ("of you", None)],
            "good morning all of you",
        ),
        ([("你好", "cmn-hans-cn"), ("hello", "en-us")], "你好 hello"),
        ([(" a", None), ("", None), ("  ", None), ("b", None)], "a b"),
    ],
)
def test_texts_are_put_together_as_their_language_is_written(
    pieces: list[tuple[str, str | None]], expected: str
) -> None:
    made = [result(text, **({"languageCode": code} if code else {})) for text, code in pieces]
    found = transcript(made, channels=False)
    assert found.text == expected
    assert [each.text for each in found.segments] == [text.strip() for text, _ in pieces if text.strip()]


def test_words_alone_are_put_together_as_their_language_is_written() -> None:
    found = transcript(
        [result(None, word("早上", "0s", "1s"), word("好", "1s", "2s"), languageCode="cmn-hans-cn")],
        channels=False,
    )
    assert found.text == "早上好"


@pytest.mark.parametrize(
    "results",
    [
        ["x"],
        [{"alternatives": {}}],
        [{"alternatives": ["x"]}],
        [{"alternatives": [{"transcript": 1}]}],
        [{"alternatives": [{"transcript": "a", "confidence": "high"}]}],
        [result("a", word("a", "1", "2s"))],
        [result("a", word("a", "-1s", "2s"))],
        [result("a", word("a", "NaNs", "2s"))],
        [result("a", {"word": "a", "endTime": {"seconds": True}})],
        [result("a", {"word": "a", "endTime": {"nanos": "1"}})],
        [result("a", resultEndOffset=3)],
        [result("a", channelTag="1")],
        [result("a", languageCode=5)],
    ],
)
def test_what_google_never_sends_is_malformed(results: list[Any]) -> None:
    with pytest.raises(errors.MalformedReply, match="a result is malformed"):
        transcript(results, channels=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0s", 0),
        ("1.400s", 1400),
        ("3600s", 3_600_000),
        ("0.0005s", 0),
        ("0.0015s", 2),
        ({"seconds": "12", "nanos": 900000000}, 12_900),
        ({"seconds": "18"}, 18_000),
        ({"nanos": 100000000}, 100),
        ({}, 0),
    ],
)
def test_times_are_whole_milliseconds(value: Any, expected: int) -> None:
    assert milliseconds(value, "endOffset") == expected


@given(st.integers(min_value=0, max_value=10**8))
def test_every_time_of_a_day_comes_back(number: int) -> None:
    assert milliseconds(f"{number // 1000}.{number % 1000:03d}s", "endOffset") == number


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"totalBilledDuration": "15s"}, Decimal(15)),
        ({"totalBilledTime": "18s"}, Decimal(18)),
        ({"total_billed_duration": "0.5s"}, Decimal("0.5")),
        ({}, None),
        ({"requestId": "5"}, None),
    ],
)
def test_what_was_billed_is_exact(body: Any, expected: Decimal | None) -> None:
    assert billed_seconds(body) == expected


def test_a_bill_that_is_none_is_malformed() -> None:
    with pytest.raises(errors.MalformedReply, match="billed duration"):
        billed_seconds({"totalBilledDuration": "soon"})
