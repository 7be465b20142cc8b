"""Reading a transcript file of Amazon Transcribe: nothing is lost, nothing is invented. Shapes are those of the guide."""

from __future__ import annotations

from typing import Any

import pytest
from aws_transcript_support import (
    HOLD,
    HOLD_TEXT,
    channels,
    mark,
    numbered,
    read,
    said,
    shown,
    speakers,
)

from broker.types import ConfidenceLevel, SpokenLanguage, Transcript
from broker.types.confidence import Confidence
from broker_aws.transcribe_answer import transcript_of

# ---------------------------------------------------------------------- plain files


def test_a_plain_file_is_cut_where_sentences_end() -> None:
    found = read(HOLD_TEXT, HOLD)
    assert found.text == HOLD_TEXT
    assert shown(found) == [("On hold.", 4870, 6880, None, None), ("Sorry, yes.", 8490, 9240, None, None)]
    assert [(each.text, each.start_ms, each.end_ms, each.confidence.value) for each in found.words] == [
        ("On", 4870, 5020, 0.5),
        ("hold.", 5020, 6880, 0.5),
        ("Sorry,", 8490, 8880, 0.5),
        ("yes.", 8880, 9240, 0.5),
    ]
    assert found.confidence_level is ConfidenceLevel.WORD
    assert {each.confidence.value for each in found.segments} == {None}
    assert found.languages == ()
    assert found.duration_ms is None


def test_silence_is_empty() -> None:
    found = read("", [])
    assert (found.text, found.segments, found.confidence_level) == ("", (), ConfidenceLevel.NONE)
    assert transcript_of({"results": {"transcripts": [], "items": []}}).text == ""


def test_a_text_without_items_is_kept_and_has_no_times() -> None:
    found = read("Hello there.", [])
    assert shown(found) == [("Hello there.", None, None, None, None)]
    assert found.segments[0].words is None


def test_a_confidence_of_zero_is_one_and_a_missing_one_is_unknown() -> None:
    found = read("a b", [said("a", "0", "1", confidence="0.0"), said("b", "1", "2", confidence=None)])
    assert [each.confidence.value for each in found.words] == [0.0, None]


def test_words_without_times_are_words() -> None:
    found = read("a b", [said("a"), said("b")])
    assert [(each.text, each.start_ms, each.end_ms) for each in found.words] == [
        ("a", None, None),
        ("b", None, None),
    ]
    assert shown(found) == [("a b", None, None, None, None)]


def test_opening_marks_belong_to_the_word_behind_them() -> None:
    items = [mark("¿"), said("Qué", "0", "1"), mark("?"), mark("¡"), said("No", "1", "2"), mark("!")]
    found = read("¿Qué? ¡No!", items)
    assert [each.text for each in found.words] == ["¿Qué?", "¡No!"]
    assert [each.text for each in found.segments] == ["¿Qué?", "¡No!"]


@pytest.mark.parametrize(
    ("text", "language"),
    [("天気です。はい。", "ja-JP"), ("天気です。はい。", None)],
)
def test_spaces_are_those_of_the_transcript(text: str, language: str | None) -> None:
    items = [
        said("天気", "0", "1"),
        said("です", "1", "2"),
        mark("。"),
        said("はい", "2", "3"),
        mark("。"),
    ]
    found = read(text, items, **({} if language is None else {"language_code": language}))
    assert [each.text for each in found.segments] == ["天気です。", "はい。"]


def test_where_the_transcript_is_of_other_words_the_language_tells_of_spaces() -> None:
    items = [said("天気", "0", "1"), said("です", "1", "2")]
    assert read("?", items, language_code="ja-JP").segments[0].text == "天気です"
    assert read("?", [said("fine", "0", "1"), said("day", "1", "2")]).segments[0].text == "fine day"


def test_what_a_filter_has_taken_away_is_no_word() -> None:
    items = [said("a", "0", "1"), {"type": "pronunciation", "alternatives": []}, said("", "1", "2")]
    assert [each.text for each in read("a", items).words] == ["a"]


# ---------------------------------------------------------------------- speakers


TWO = speakers(
    ("4.5", "7.0", "spk_0", [("4.87", "5.02"), ("5.02", "6.88")]),
    ("8.49", "9.5", "spk_1", [("8.49", "8.88"), ("8.88", "9.24")]),
)


@pytest.mark.parametrize("labelled", [True, False], ids=["with labels at items", "older"])
def test_segments_are_those_of_the_speakers_with_their_bounds(labelled: bool) -> None:
    items = [
        {**each, "speaker_label": "spk_0" if number < 3 else "spk_1"} if labelled else each
        for number, each in enumerate(HOLD)
    ]
    found = read(HOLD_TEXT, items, **TWO)
    assert shown(found) == [
        ("On hold.", 4500, 7000, "spk_0", None),
        ("Sorry, yes.", 8490, 9500, "spk_1", None),
    ]
    assert [each.speaker for each in found.words] == ["spk_0", "spk_0", "spk_1", "spk_1"]
    assert found.speakers == ("spk_0", "spk_1")


def test_one_turn_of_several_sentences_is_one_segment() -> None:
    one = speakers(
        ("4.5", "9.5", "spk_0", [("4.87", "5.02"), ("5.02", "6.88"), ("8.49", "8.88"), ("8.88", "9.24")])
    )
    assert shown(read(HOLD_TEXT, HOLD, **one)) == [(HOLD_TEXT, 4500, 9500, "spk_0", None)]


def test_words_that_belong_to_no_turn_are_not_lost() -> None:
    found = read(HOLD_TEXT, HOLD, **speakers(("4.5", "7.0", "spk_0", [("4.87", "5.02"), ("5.02", "6.88")])))
    assert [(each.text, each.speaker) for each in found.segments] == [
        ("On hold.", "spk_0"),
        ("Sorry, yes.", None),
    ]


def test_two_speakers_at_the_same_time_are_told_apart() -> None:
    items = [said("Yes", "1", "2"), said("No", "1", "2")]
    both = speakers(("1", "2", "spk_0", [("1", "2")]), ("1", "2", "spk_1", [("1", "2")]))
    found = read("Yes No", items, **both)
    assert [(each.text, each.speaker) for each in found.segments] == [("Yes", "spk_0"), ("No", "spk_1")]


def test_turns_without_words_are_none() -> None:
    found = read(HOLD_TEXT, HOLD, speaker_labels={"speakers": 1, "segments": [{"speaker_label": "spk_0"}]})
    assert found.speakers == ()
    assert read(HOLD_TEXT, HOLD, speaker_labels={"speakers": 1}).speakers == ()


# ---------------------------------------------------------------------- audio_segments


SEGMENTS = [
    {
        "id": 0,
        "transcript": "On hold. Sorry,",
        "start_time": "4.5",
        "end_time": "8.9",
        "speaker_label": "spk_0",
        "items": [0, 1, 2, 3, 4],
    },
    {
        "id": 1,
        "transcript": "yes.",
        "start_time": "8.88",
        "end_time": "9.3",
        "speaker_label": "spk_1",
        "items": [5, 6],
    },
]


def test_segments_are_those_of_the_sound() -> None:
    items = [{**each, "speaker_label": "spk_1" if each["id"] > 4 else "spk_0"} for each in numbered(HOLD)]
    found = read(HOLD_TEXT, items, audio_segments=SEGMENTS, **TWO)
    assert shown(found) == [
        ("On hold. Sorry,", 4500, 8900, "spk_0", None),
        ("yes.", 8880, 9300, "spk_1", None),
    ]
    assert [len(each.words or ()) for each in found.segments] == [3, 1]


@pytest.mark.parametrize(
    "listed",
    [
        SEGMENTS[:1],
        [SEGMENTS[0], SEGMENTS[0]],
        [{**SEGMENTS[0], "items": []}, SEGMENTS[1]],
        [{"transcript": "On hold."}, {"transcript": "x"}],
        [],
    ],
)
def test_segments_that_would_lose_words_are_not_taken(listed: list[Any]) -> None:
    found = read(HOLD_TEXT, numbered(HOLD), audio_segments=listed)
    assert [each.text for each in found.segments] == ["On hold.", "Sorry, yes."]


def test_segments_without_numbers_at_items_are_not_taken() -> None:
    assert len(read(HOLD_TEXT, HOLD, audio_segments=SEGMENTS).segments) == 2


# ---------------------------------------------------------------------- channels


def test_channels_are_told_apart_and_their_sentences_in_the_order_of_time() -> None:
    found = read(HOLD_TEXT, HOLD, **channels(HOLD[3:], HOLD[:3]))
    assert shown(found) == [
        ("On hold.", 4870, 6880, None, 1),
        ("Sorry, yes.", 8490, 9240, None, 0),
    ]
    assert found.text == HOLD_TEXT
    assert found.channels == (0, 1)
    assert len(found.words) == 4


def test_a_channel_that_is_silent() -> None:
    assert read(HOLD_TEXT, HOLD, **channels(HOLD, [])).channels == (0,)


def test_channels_may_be_told_at_the_items_alone() -> None:
    items = [{**each, "channel_label": "ch_0" if n < 3 else "ch_1"} for n, each in enumerate(HOLD)]
    assert [each.channel for each in read(HOLD_TEXT, items).segments] == [0, 1]


@pytest.mark.parametrize("own_numbers", [True, False])
def test_segments_of_the_sound_of_each_channel(own_numbers: bool) -> None:
    """Whether items are counted through or in each channel no page says."""
    first, second = numbered(HOLD[:3]), numbered(HOLD)[3:]
    if own_numbers:
        second = numbered(HOLD[3:])
    listed = [
        {
            "transcript": "On hold.",
            "start_time": "4.5",
            "end_time": "7.0",
            "channel_label": "ch_0",
            "items": [0, 1, 2],
        },
        {
            "transcript": "Sorry, yes.",
            "start_time": "8.4",
            "end_time": "9.9",
            "channel_label": "ch_1",
            "items": [each["id"] for each in second],
        },
    ]
    found = read(HOLD_TEXT, HOLD, audio_segments=listed, **channels(first, second))
    assert shown(found) == [
        ("On hold.", 4500, 7000, None, 0),
        ("Sorry, yes.", 8400, 9900, None, 1),
    ]
    for each in listed:  # without their channel nobody can say whose they are
        del each["channel_label"]
    found = read(HOLD_TEXT, HOLD, audio_segments=listed, **channels(first, second))
    assert [each.start_ms for each in found.segments] == ([4870, 8490] if own_numbers else [4500, 8400])
    assert [each.channel for each in found.segments] == [0, 1]


def test_a_segment_over_two_channels_is_none() -> None:
    listed = [{"transcript": HOLD_TEXT, "items": list(range(7))}]
    first, second = numbered(HOLD)[:3], numbered(HOLD)[3:]
    found = read(HOLD_TEXT, HOLD, audio_segments=listed, **channels(first, second))
    assert [each.channel for each in found.segments] == [0, 1]


# ---------------------------------------------------------------------- redaction, languages


def test_what_is_left_out_has_no_confidence_of_being_heard() -> None:
    hidden = {
        "start_time": "4.18",
        "end_time": "4.34",
        "type": "pronunciation",
        "alternatives": [
            {
                "content": "[PII]",
                "redactions": [{"confidence": "0.9999", "type": "NAME", "category": "PII"}],
            }
        ],
    }
    found = read("is [PII],", [said("is", "4.0", "4.18"), hidden, mark(",")])
    assert [(each.text, each.confidence.value) for each in found.words] == [("is", 0.5), ("[PII],", None)]
    assert found.words[1].start_ms == 4180


def languages(found: Transcript) -> list[tuple[str, float | None]]:
    return [(each.language, each.confidence.value) for each in found.languages]


def test_languages_that_were_found_out() -> None:
    scores = [{"score": "0.2386", "code": "en-US"}, {"score": "0.4633", "code": "en-NZ"}]
    found = read("", [], language_code="en-NZ", language_identification=scores)
    assert languages(found) == [("en-NZ", 0.4633), ("en-US", 0.2386)]


def test_several_languages_are_spoken() -> None:
    items = [
        said("welcome", "0", "1", language_code="en-US"),
        said("ये", "1", "2", language_code="hi-IN"),
        said("तो", "2", "3", language_code="hi-IN"),
        mark("।", language_code="hi-IN"),
        said("一つ", "3", "4", language_code="ja-JP"),
    ]
    spoken = [
        {"language_code": "en-US", "duration_in_seconds": 2.45},
        {"language_code": "hi-IN", "duration_in_seconds": 5.325},
        {"language_code": "ja-JP"},
    ]
    found = read("welcome ये तो ।一つ", items, language_codes=spoken)
    assert languages(found) == [("hi-IN", None), ("en-US", None), ("ja-JP", None)]
    assert [(each.text, each.language) for each in found.segments] == [
        ("welcome", "en-US"),
        ("ये तो।", "hi-IN"),
        ("一つ", "ja-JP"),
    ]


def test_what_the_job_says_is_taken_where_the_file_says_nothing() -> None:
    told = [SpokenLanguage(language="de-DE", confidence=Confidence.ratio(0.75))]
    body = {"results": {"transcripts": [], "items": []}}
    assert languages(transcript_of(body, told=told)) == [("de-DE", 0.75)]
    named = {"results": {**body["results"], "language_code": "en-US"}}
    assert languages(transcript_of(named, told=told)) == [("en-US", None)]
