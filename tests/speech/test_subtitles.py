"""Subtitles as other people's readers take them, whatever was said."""

from __future__ import annotations

import datetime
import io
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import BadInput
from broker.types import Confidence, SpokenWord, Transcript, TranscriptSegment
from speech.speech_support import said

srt = pytest.importorskip("srt", reason="the group 'test' is not installed")
webvtt = pytest.importorskip("webvtt", reason="the group 'test' is not installed")


def transcript(*segments: TranscriptSegment) -> Transcript:
    return Transcript(text=" ".join(each.text for each in segments), segments=segments)


def word(text: str, start: int, end: int, speaker: str | None = None) -> SpokenWord:
    return SpokenWord(text=text, start_ms=start, end_ms=end, confidence=Confidence.unknown(), speaker=speaker)


def ms(time: datetime.timedelta) -> int:
    return time // datetime.timedelta(milliseconds=1)


def plain(text: str) -> str:
    return " ".join(text.split())


SPACES = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=60),
    st.lists(
        st.sampled_from(["-->", "<v Eve>", "&amp;", "</b>", "1", "WEBVTT", "NOTE", "\n\n", "00:00:01,000", "a word"]),
        min_size=1,
    ).map(" ".join),
)  # fmt: skip
TIMES = st.integers(0, 400_000_000)


@st.composite
def segments(draw: st.DrawFn) -> TranscriptSegment:
    start = draw(TIMES)
    speaker = draw(st.one_of(st.none(), st.sampled_from(["spk_0", "Ann & Bob", "a > b"])))
    words: list[SpokenWord] | None = None
    end = start + draw(st.integers(0, 60_000))
    text = draw(TEXTS)
    if draw(st.booleans()):
        at, words = start, []
        for each in text.split():
            stop = at + draw(st.integers(0, 4000))
            words.append(word(each, at, stop))
            at = stop + draw(st.integers(0, 1000))
        end = max(end, at)
    return said(text, start, end, speaker=speaker, words=None if words is None else tuple(words))


@given(st.lists(segments(), max_size=8))
def test_srt_is_read_by_an_independent_reader_in_order_and_one_at_a_time(
    made: list[TranscriptSegment],
) -> None:
    text = transcript(*made).to_srt(speakers=False)
    found = list(srt.parse(text))  # raises where something is left over
    assert [cue.index for cue in found] == list(range(1, len(found) + 1))
    for cue in found:
        assert cue.start < cue.end
    for one, other in pairwise(found):
        assert one.end <= other.start
    lost = sorted("".join(each.text.split()).replace("-->", "->") for each in made)
    shown = sorted("".join("".join(cue.content for cue in found).split()))
    assert shown == sorted("".join(lost)), "every letter that was said is shown"


@given(st.lists(segments(), max_size=8))
def test_vtt_is_read_by_an_independent_reader_with_its_times(made: list[TranscriptSegment]) -> None:
    whole = transcript(*made)
    text = whole.to_vtt(speakers=False)
    found = list(webvtt.from_buffer(io.StringIO(text)))
    starts = [cue.start_in_seconds for cue in found]
    assert starts == sorted(starts)
    untimed = [each for each in made if not each.words and each.text.strip()]
    lines = {line for line in text.splitlines() if "-->" in line}
    assert sum("-->" in line for line in text.splitlines()) == len(found), "no text looks like times"
    for each in untimed:
        end = max(each.end_ms or 0, (each.start_ms or 0) + 1)
        assert f"{clock(each.start_ms or 0)} --> {clock(end)}" in lines


def clock(time: int) -> str:
    """Independent of the code under test."""
    whole = datetime.timedelta(milliseconds=time)
    hours, rest = divmod(whole.days * 86_400 + whole.seconds, 3600)
    return f"{hours:02}:{rest // 60:02}:{rest % 60:02}.{whole.microseconds // 1000:03}"


@given(st.lists(TIMES, min_size=1, max_size=5, unique=True))
def test_times_come_back_to_the_millisecond(starts: list[int]) -> None:
    made = [said("word", start, start + 1) for start in starts]
    found = list(srt.parse(transcript(*made).to_srt()))
    assert [ms(cue.start) for cue in found] == sorted(starts)


@given(st.lists(segments(), min_size=1, max_size=5))
def test_words_with_times_make_cues_that_can_be_read(made: list[TranscriptSegment]) -> None:
    for each in made:
        if not each.words or max(len(w.text) for w in each.words) > 42:
            continue
        for cue in srt.parse(transcript(each).to_srt(speakers=False)):
            assert len(cue.content.splitlines()) <= 2
            assert all(len(line) <= 42 for line in cue.content.splitlines())


def test_a_long_sentence_is_cut_where_its_words_are_said() -> None:
    words = [word(f"word{n},", 1000 * n, 1000 * n + 900) for n in range(16)]
    whole = transcript(said(" ".join(each.text for each in words), 0, 16_000, words=tuple(words)))
    found = list(srt.parse(whole.to_srt()))
    assert len(found) > 2
    assert all(ms(cue.end - cue.start) <= 7000 for cue in found)
    assert [ms(cue.start) for cue in found] == [
        1000 * int(cue.content.removeprefix("word").split(",")[0]) for cue in found
    ]


def test_cues_that_begin_together_are_one_in_srt_and_two_in_vtt() -> None:
    whole = transcript(said("Yes.", 0, 2000, speaker="A"), said("No.", 0, 1000, speaker="B"))
    assert whole.to_srt() == "1\n00:00:00,000 --> 00:00:02,000\nB: No.\nA: Yes.\n"
    assert whole.to_vtt() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n<v B>No.</v>\n\n00:00:00.000 --> 00:00:02.000\n<v A>Yes.</v>\n"
    )


def test_speakers_and_channels_are_named() -> None:
    whole = transcript(said("Hi.", 0, 500, channel=1), said("Ho & <ho>.", 600, 900, speaker="spk_0"))
    assert "\nChannel 2: Hi.\n" in whole.to_srt()
    assert "<v spk_0>Ho &amp; &lt;ho&gt;.</v>" in whole.to_vtt()
    assert whole.to_text() == "Channel 2: Hi.\n\nspk_0: Ho & <ho>."
    assert (whole.speakers, whole.channels) == (("spk_0",), (1,))


def test_a_speaker_keeps_the_word_until_another_takes_it() -> None:
    words = (word("Hello", 0, 1, "A"), word("you.", 1, 2, "A"), word("Me?", 2, 3, "B"))
    whole = transcript(said("Hello you. Me?", 0, 3, words=words), said("Yes.", 4, 5, speaker="B"))
    assert whole.to_text() == "A: Hello you.\n\nB: Me? Yes."
    assert [cue.content for cue in srt.parse(whole.to_srt())] == ["A: Hello you.", "B: Me?", "B: Yes."]


def test_what_is_written_without_spaces_is_put_together_without_them() -> None:
    words = (word("早上", 0, 1, "A"), word("好", 1, 2, "A"))
    whole = transcript(
        said("早上好", 0, 2, words=words), said("朋友们", 3, 4, speaker="A"), said("ok", 4, 5, speaker="A")
    )
    assert whole.to_text() == "A: 早上好朋友们 ok"


def test_without_speakers_the_text_is_the_providers() -> None:
    assert Transcript(text="As it  is.", segments=(said("As it is."),)).to_text() == "As it  is."


def test_without_times_there_are_no_subtitles_and_no_invented_ones() -> None:
    with pytest.raises(BadInput, match="gave no times"):
        transcript(said("Hello.")).to_srt()
    assert transcript().to_srt() == ""
    assert transcript().to_vtt() == "WEBVTT\n"
    assert list(webvtt.from_buffer(io.StringIO("WEBVTT\n"))) == []


@pytest.mark.parametrize("times", [(5, 4), (-1, 4), (0, True), (0.5, 1)])
def test_times_that_cannot_be_are_no_segment(times: Any) -> None:
    with pytest.raises(ValueError, match=r"time in milliseconds|before it begins"):
        said("Hello.", *times)
