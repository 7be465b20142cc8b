"""Transcript files of Amazon Transcribe that cannot be read, and what holds for all that can."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from aws_transcript_support import channels, mark, read, said, speakers
from hypothesis import given, settings
from hypothesis import strategies as st

from broker_aws.transcribe_answer import milliseconds, transcript_of
from json_support import nested

# ---------------------------------------------------------------------- what cannot be read


MALFORMED: list[Any] = [
    None,
    [],
    {},
    {"results": None},
    {"results": {}},
    {"results": {"transcripts": [{}], "items": []}},
    {"results": {"transcripts": "x", "items": []}},
    {"results": {"transcripts": []}},
    {"results": {"transcripts": [], "items": {}}},
    {"results": {"transcripts": [], "items": [{}]}},
    {"results": {"transcripts": [], "items": ["x"]}},
    {"results": {"transcripts": [], "items": [{"alternatives": [{}], "type": "pronunciation"}]}},
    {"results": {"transcripts": [], "items": [{"alternatives": [{"content": "x"}]}]}},
    {"results": {"transcripts": [], "items": [said("x", "-1", "2")]}},
    {"results": {"transcripts": [], "items": [said("x", "2", "1")]}},
    {"results": {"transcripts": [], "items": [said("x", "soon", "2")]}},
    {"results": {"transcripts": [], "items": [said("x", "NaN", "2")]}},
    {"results": {"transcripts": [], "items": [said("x", "1e400", "2")]}},
    {"results": {"transcripts": [], "items": [said("x", True, "2")]}},  # type: ignore[arg-type]
    {"results": {"transcripts": [], "items": [said("x", "1", "2", confidence="often")]}},
    {"results": {"transcripts": [], "items": [], "channel_labels": {"channels": [{"items": []}]}}},
    {
        "results": {
            "transcripts": [],
            "items": [],
            "channel_labels": {"channels": [{"channel_label": "left", "items": []}]},
        }
    },
    {"results": {"transcripts": [], "items": [], "language_identification": [{"score": "1"}]}},
]


@pytest.mark.parametrize("body", MALFORMED, ids=[str(number) for number in range(len(MALFORMED))])
def test_what_is_no_transcript_file_is_refused(body: Any) -> None:
    with pytest.raises((ValueError, TypeError, LookupError, AttributeError)):
        transcript_of(body)


# ---------------------------------------------------------------------- properties


@given(st.integers(0, 14_400_000), st.sampled_from(["{}", "{:f}", "{:.3f}"]))
def test_a_time_is_kept_to_the_millisecond(number: int, form: str) -> None:
    assert milliseconds(form.format(Decimal(number) / 1000)) == number


TEXTS = st.text(st.characters(whitelist_categories=["Lu", "Ll", "Lo"]), min_size=1, max_size=6)
WORDS = st.lists(
    st.tuples(TEXTS, st.integers(0, 9000), st.integers(0, 900), st.sampled_from(["", ".", ",", "?"])),
    max_size=25,
)


def made(words: list[tuple[str, int, int, str]]) -> tuple[str, list[dict[str, Any]]]:
    """A file's transcript and items."""
    items: list[dict[str, Any]] = []
    for text, start, length, end in words:
        items.append(said(text, f"{start / 1000:.3f}", f"{(start + length) / 1000:.3f}", id=len(items)))
        if end:
            items.append(mark(end, id=len(items)))
    return " ".join(f"{text}{end}" for text, _, _, end in words), items


@settings(deadline=None)
@given(WORDS)
def test_each_word_is_there_once_in_the_order_of_time_with_its_own_times(
    words: list[tuple[str, int, int, str]],
) -> None:
    text, items = made(words)
    found = read(text, items)
    assert found.text == text
    due = sorted(words, key=lambda each: each[1])  # stable
    assert [(each.text, each.start_ms, each.end_ms) for each in found.words] == [
        (f"{content}{end}", start, start + length) for content, start, length, end in due
    ]
    for segment in found.segments:
        assert segment.words
        starts = [each.start_ms for each in segment.words]
        assert segment.start_ms == min(each for each in starts if each is not None)
        assert segment.end_ms == max(each.end_ms or 0 for each in segment.words)


@settings(deadline=None)
@given(WORDS, st.data())
def test_however_words_are_dealt_out_none_is_lost_or_doubled(
    words: list[tuple[str, int, int, str]], data: st.DataObject
) -> None:
    """To speakers, to segments of the sound, to channels, each with or without gaps."""
    text, items = made(words)
    whose = [data.draw(st.integers(-1, 2)) for _ in items]
    pronounced = [(n, each) for n, each in enumerate(items) if each["type"] == "pronunciation"]
    turns = speakers(
        *(
            (
                "0",
                "20",
                f"spk_{who}",
                [(e["start_time"], e["end_time"]) for n, e in pronounced if whose[n] == who],
            )
            for who in range(3)
        )
    )
    listed = [
        {"transcript": "x", "items": [n for n in range(len(items)) if whose[n] == who]} for who in range(3)
    ]
    how: dict[str, Any] = data.draw(st.sampled_from([turns, {"audio_segments": listed}, {}]))
    due = sorted(f"{content}{end}" for content, _, _, end in words)
    assert sorted(each.text for each in read(text, items, **how).words) == due
    half = data.draw(st.integers(0, len(words)))
    (_, left), (_, right) = made(words[:half]), made(words[half:])
    found = read(text, items, **channels(left, right), **how)
    assert sorted(each.text for each in found.words) == due
    for number, part in ((0, words[:half]), (1, words[half:])):
        mine = [word for each in found.segments if each.channel == number for word in each.words or ()]
        assert sorted(each.text for each in mine) == sorted(f"{c}{end}" for c, _, _, end in part)


NAMES = [
    "transcript",
    "transcripts",
    "items",
    "results",
    "speaker_labels",
    "segments",
    "channel_labels",
    "channels",
    "channel_label",
    "alternatives",
    "content",
    "confidence",
    "redactions",
    "type",
    "start_time",
    "end_time",
    "speaker_label",
    "language_code",
    "language_codes",
    "language_identification",
    "code",
    "score",
    "duration_in_seconds",
    "audio_segments",
    "id",
]
ATOMS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 3)
    | st.floats()
    | st.sampled_from(["", "ch_0", "1.5", "x", "punctuation"])
)
TREES = nested(
    ATOMS,
    st.sampled_from(NAMES),
    levels=4,
)


@settings(deadline=None)
@given(TREES, TREES, TREES)
def test_whatever_a_file_holds_it_is_read_or_refused(items: Any, labels: Any, listed: Any) -> None:
    """As :func:`broker.contract.reading` takes for a refusal."""
    for name in ("speaker_labels", "channel_labels"):
        results = {
            "transcripts": [{"transcript": "x"}],
            "items": items,
            name: labels,
            "audio_segments": listed,
        }
        try:
            found = transcript_of({"results": results})
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            continue
        assert found.text == "x"
