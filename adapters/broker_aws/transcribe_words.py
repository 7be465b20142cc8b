"""The items of a transcript file as words, and what groups them as segments; see :mod:`broker_aws.transcribe_answer`.

Spaces are those of the transcript: items have none, and not every language writes them.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from typing import Any

from broker.contract import given, needed
from broker.types import Confidence, SpokenWord, TranscriptSegment

_EXACT = Context(prec=40, rounding=ROUND_HALF_EVEN)
_ENDS = (".", "?", "!", "。", "？", "！", "।", "؟", "።", "။", "។", "։")  # noqa: RUF001 - the marks of these scripts
"""What ends a sentence, where the file groups its items by nothing."""
_OPENING = frozenset("¿¡([{«“‘「『（")  # noqa: RUF001 - as above
"""What is written at the word behind it."""
_UNSPACED = frozenset({"zh", "ja", "th", "km", "my"})
"""Written without spaces between words; asked only where the transcript's own spaces cannot be found."""


@dataclass(slots=True)
class Word:
    """One pronounced item under way, for punctuation comes behind it as an item of its own.

    :ivar lead: what stands before it in the transcript, a space or nothing.
    :ivar item: the file's number of it.
    :ivar ends: a sentence.
    """

    text: str
    lead: str
    start: int | None
    end: int | None
    confidence: Confidence
    speaker: str | None
    channel: int | None
    language: str | None
    item: int | None
    ends: bool = False

    def made(self) -> SpokenWord:
        """Frozen. Raises ValueError where it ends before it begins."""
        return SpokenWord(
            text=self.text,
            start_ms=self.start,
            end_ms=self.end,
            confidence=self.confidence,
            speaker=self.speaker,
        )


@dataclass(slots=True)
class _Group:
    """Words of one segment, with what the file says of it; ``speaker`` and ``language`` else come from the words."""

    words: list[Word]
    text: str | None = None
    start: int | None = None
    end: int | None = None
    speaker: str | None = None
    language: str | None = None


def milliseconds(seconds: Any) -> int:
    """``"4.889"`` to 4889, without a float in between. Raises ValueError."""
    if isinstance(seconds, bool) or not isinstance(seconds, (str, int, float)):
        raise ValueError(f"a {type(seconds).__name__} is no time")
    try:
        exact = Decimal(str(seconds))
        if not exact.is_finite() or exact < 0:
            raise ValueError("that is no time in seconds")
        return int(exact.scaleb(3, _EXACT).to_integral_value(ROUND_HALF_EVEN))
    except DecimalException:
        raise ValueError("that is no time in seconds") from None


def channel_of(label: str) -> int:
    """``ch_0``. Raises ValueError."""
    number = label.removeprefix("ch_")
    if not number.isascii() or not number.isdecimal():
        raise ValueError("a channel is not named ch_ and a number")
    return int(number)


def words_of(items: Sequence[Any], text: str, *, channel: int | None, language: str | None) -> list[Word]:
    """Pronounced items by their beginning, each with the punctuation at it. Raises ValueError.

    :param text: the transcript of just these items, if it is known.
    :param language: of the file, where it names one.
    """
    words: list[Word] = []
    ahead, lead = "", ""
    for item, gap in zip(items, _gaps(items, text, language), strict=True):
        best = _best(item)
        content = "" if best is None else needed(best, "content", str)
        if best is None or not content:
            continue  # a word that a vocabulary filter has taken away
        if needed(item, "type", str) == "punctuation":
            # Its confidence is always "0.0": it is not heard.
            if not words or content in _OPENING:
                lead, ahead = lead if ahead else gap, ahead + content
            else:
                words[-1].text += content
                words[-1].ends = words[-1].ends or content.endswith(_ENDS)
            continue
        redacted = best.get("redactions") is not None  # its number tells how surely it is personal data
        label = given(item, "channel_label", str) if channel is None else None
        words.append(
            Word(
                text=ahead + content,
                lead=lead if ahead else gap,
                start=_time(item, "start_time"),
                end=_time(item, "end_time"),
                confidence=Confidence.unknown() if redacted else Confidence.ratio(best.get("confidence")),
                speaker=given(item, "speaker_label", str),
                channel=channel if label is None else channel_of(label),
                language=given(item, "language_code", str),
                item=given(item, "id", int),
            )
        )
        ahead = ""
    if ahead and words:
        words[-1].text += ahead
    if all(word.start is not None for word in words):
        words.sort(key=lambda word: word.start or 0)  # stable: what begins together stays as the file has it
    return words


def segments_of(results: Any, words: list[Word]) -> list[TranscriptSegment]:
    """As the file groups the words: by ``audio_segments``, else by what each speaker says; where it does not, or where words
    would be lost, by sentences. Raises ValueError."""
    speakers = _speaker_segments(results)
    by_speaker = _by_speaker(speakers, words)  # names the speakers of older files
    groups = _by_audio_segments(results, words) or by_speaker or list(_by_sentence(words))
    segments = [_segment(group) for group in groups]
    if all(each.start_ms is not None for each in segments):
        segments.sort(key=lambda each: each.start_ms or 0)  # channels are side by side in the file
    return segments


def _best(item: Any) -> dict[str, Any] | None:
    """The first alternative, which is the one of the transcript; None where there is none."""
    alternatives: list[dict[str, Any]] = needed(item, "alternatives", list)
    return alternatives[0] if alternatives else None


def _time(item: Any, name: str) -> int | None:
    seconds = item.get(name)
    return None if seconds is None else milliseconds(seconds)


def _gaps(items: Sequence[Any], text: str, language: str | None) -> list[str]:
    """What stands before each item in the transcript."""
    gaps: list[str] = []
    place = 0
    for item in items:
        best = _best(item)
        content = "" if best is None else needed(best, "content", str)
        found = text.find(content, place)
        if found < 0 or text[place:found].strip():
            break  # these are not the transcript's words
        gaps.append(" " if found > place else "")
        place = found + len(content)
    else:
        return gaps
    return [_usual_gap(given(item, "language_code", str) or language) for item in items]


def _usual_gap(language: str | None) -> str:
    return "" if language is not None and language.partition("-")[0] in _UNSPACED else " "


def _by_audio_segments(results: Any, words: list[Word]) -> list[_Group] | None:
    """None where there are none, or where they do not hold each word once."""
    listed = given(results, "audio_segments", list)
    if not listed:
        return None
    alone = len({word.item for word in words}) == len(words)  # else each channel counts its own
    numbered = {(None if alone else word.channel, word.item): word for word in words}
    if len(numbered) != len(words) or any(word.item is None for word in words):
        return None
    groups: list[_Group] = []
    for each in listed:
        label = given(each, "channel_label", str)
        channel = None if alone or label is None else channel_of(label)
        mine = [
            numbered.pop((channel, number), None) for number in given(each, "items", list) or ()
        ]  # punctuation has numbers too
        taken = [word for word in mine if word is not None]
        text = needed(each, "transcript", str)
        if len({word.channel for word in taken}) > 1:
            return None
        if taken or text.strip():
            groups.append(
                _Group(
                    words=taken,
                    text=text,
                    start=_time(each, "start_time"),
                    end=_time(each, "end_time"),
                    speaker=given(each, "speaker_label", str),
                    language=given(each, "language_code", str),
                )
            )
    return None if numbered else groups


def _speaker_segments(results: Any) -> list[Any]:
    labels = results.get("speaker_labels")
    several = labels if isinstance(labels, list) else [] if labels is None else [labels]
    return [segment for each in several for segment in given(each, "segments", list) or ()]


def _by_speaker(segments: list[Any], words: list[Word]) -> list[_Group] | None:
    """The words of each segment, found by their times; None where some belong to none.

    Older files name the speaker of a word only here.
    """
    if not segments:
        return None
    by_time: dict[tuple[int | None, int | None], deque[Word]] = defaultdict(deque)
    for word in words:
        by_time[word.start, word.end].append(word)
    groups: list[_Group] = []
    left = len(words)
    for each in segments:
        group = _Group(
            words=[],
            start=_time(each, "start_time"),
            end=_time(each, "end_time"),
            speaker=given(each, "speaker_label", str),
        )
        for item in given(each, "items", list) or ():
            waiting = by_time.get((_time(item, "start_time"), _time(item, "end_time")))
            if waiting:
                word = waiting.popleft()
                word.speaker = word.speaker or given(item, "speaker_label", str) or group.speaker
                group.words.append(word)
                left -= 1
        if group.words:
            groups.append(group)
    same = all(len({word.channel for word in group.words}) == 1 for group in groups)
    return groups if not left and same else None


def _by_sentence(words: list[Word]) -> Iterator[_Group]:
    """Cut where a sentence ends, and at each change of speaker, channel or language."""
    group = _Group(words=[])
    for word in words:
        last = group.words[-1] if group.words else None
        if last is not None and (
            last.ends
            or (last.speaker, last.channel, last.language) != (word.speaker, word.channel, word.language)
        ):
            yield group
            group = _Group(words=[])
        group.words.append(word)
    if group.words:
        yield group


def _segment(group: _Group) -> TranscriptSegment:
    words = group.words
    starts = [word.start for word in words if word.start is not None]
    ends = [word.end for word in words if word.end is not None]
    text = group.text
    if text is None:
        text = "".join(f"{word.lead if number else ''}{word.text}" for number, word in enumerate(words))
    return TranscriptSegment(
        text=text,
        start_ms=group.start if group.start is not None else min(starts, default=None),
        end_ms=group.end if group.end is not None else max(ends, default=None),
        confidence=Confidence.unknown(),
        words=tuple(word.made() for word in words),
        speaker=_only(word.speaker for word in words) if words else group.speaker,
        channel=words[0].channel if words else None,
        language=group.language or _only(word.language for word in words),
    )


def _only(found: Iterator[str | None]) -> str | None:
    """The one that all have; None: some have another, or none."""
    several = set(found)
    return several.pop() if len(several) == 1 else None
