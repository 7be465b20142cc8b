"""Who speaks when and says what, out of a truth and out of a transcript."""

from __future__ import annotations

from collections.abc import Iterator

from broker.quality.metrics.speakers import Said, Turn
from broker.scoring import raw as read
from broker.types.json import JsonValue
from broker.types.transcript import Transcript, TranscriptSegment

_NOBODY = ""
"""Speech of whom nobody says who it is: as if one person spoke."""


def true_turns(raw: JsonValue) -> tuple[tuple[Turn, ...], tuple[Said, ...]]:
    """From ``[{"speaker": "A", "begin": 0.0, "end": 2.5, "text": "…"}]``, seconds. Raises ValueError.

    Texts are given for all turns or for none.
    """
    turns: list[Turn] = []
    said: list[Said] = []
    for each in read.entries(raw, "turns"):
        given = read.members(each, "a turn")
        read.no_others(given, ("speaker", "begin", "end", "text"), "a turn")
        speaker = read.word(given.get("speaker"), "speaker of a turn")
        begin, end = (read.number(given.get(name), f"{name} of a turn") for name in ("begin", "end"))
        turns.append(Turn(speaker=speaker, begin=begin, end=end))
        if given.get("text") is not None:
            said.append(Said(speaker=speaker, text=read.text(given["text"], "text of a turn")))
    if not turns:
        raise ValueError("there are no turns; leave them out where nobody has told speakers apart")
    if said and len(said) != len(turns):
        raise ValueError("texts are given for all turns or for none")
    order = sorted(range(len(turns)), key=lambda index: turns[index].begin)
    return tuple(turns[index] for index in order), tuple(said[index] for index in order if said)


def found_turns(answer: Transcript) -> list[Turn]:
    """Of the words where they have speakers and times, else of the segments. What has no time is left out."""
    found = []
    for speaker, begin, end, _ in _stretches(answer):
        if begin is not None and end is not None and begin < end:
            found.append(Turn(speaker=speaker or _NOBODY, begin=begin / 1000, end=end / 1000))
    return found


def found_said(answer: Transcript) -> list[Said]:
    """The same with its words, in order."""
    return [Said(speaker=speaker, text=text) for speaker, _, _, text in _stretches(answer)]


def _stretches(answer: Transcript) -> Iterator[tuple[str | None, int | None, int | None, str]]:
    for segment in answer.segments:
        if segment.speaker is None and any(word.speaker for word in segment.words or ()):
            for word in segment.words or ():
                yield word.speaker, word.start_ms, word.end_ms, word.text
        else:
            yield _who(segment), segment.start_ms, segment.end_ms, segment.text


def _who(segment: TranscriptSegment) -> str | None:
    """The speaker; where each channel was transcribed by itself, the channel."""
    if segment.speaker is not None or segment.channel is None:
        return segment.speaker
    return f"channel {segment.channel}"
