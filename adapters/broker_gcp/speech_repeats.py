"""Words that Google says twice.

Where speakers are told apart, "you will see all the words from the beginning of the audio" (cloud_speech.proto of all
versions): the last result of a channel (v1), or each (v1p1beta1), has all words so far once more, now with their speakers, and
mostly without a transcript of its own. They are not said twice: the speakers go to the words that are there, and only what is
new is the result's own.

That a result begins anew is told by where its first word lies: within the first word of all, where nobody can begin twice.
Words without times are told by themselves.
"""

from __future__ import annotations

from dataclasses import replace

from broker.types import SpokenWord, TranscriptSegment
from broker_gcp.speech_text import plain_words


class Told:
    """What one channel has told so far.

    :param segments: of all channels; those of this one are changed in place.
    """

    __slots__ = ("_first", "_own", "_segments")

    def __init__(self, segments: list[TranscriptSegment]) -> None:
        self._segments = segments
        self._own: list[int] = []
        self._first: SpokenWord | None = None

    def add(self, place: int) -> None:
        """A segment that was appended, by its place."""
        self._own.append(place)
        if self._first is None:
            self._first = next(iter(self._segments[place].words or ()), None)

    def take(self, text: str, words: list[SpokenWord]) -> tuple[str, list[SpokenWord]]:
        """What of a result is new; what is not goes to the segments that are there. Nothing is new: no text, no words."""
        if not self._own or not words:
            return text, words
        known: list[SpokenWord] = []
        if self._first is None:
            again = self._of_texts(text, words)
        elif _begins_anew(self._first, text, words):
            known = self._words()
            again = _again(known, text, words)
        else:  # nearly always; nothing of what was told so far is looked at, for there may be hours of it
            again = 0
        if not again:
            return text, words
        self._give(known, words[:again])
        own = words[again:]
        if not own and plain_words(text) == self._texts():
            return "", []
        return text, own

    def _words(self) -> list[SpokenWord]:
        return [word for each in self._own for word in self._segments[each].words or ()]

    def _texts(self) -> list[str]:
        return [word for each in self._own for word in plain_words(self._segments[each].text)]

    def _of_texts(self, text: str, words: list[SpokenWord]) -> int:
        """How many of the words are those of texts that came without any."""
        if text:
            return 0
        if [_plain(each) for each in words] == self._texts():
            return len(words)
        ends = [self._segments[each].end_ms for each in self._own]
        last = ends[-1]
        if last is None or None in ends:
            return 0
        return _before(words, last)

    def _give(self, known: list[SpokenWord], words: list[SpokenWord]) -> None:
        if known and [_plain(each) for each in known] == [_plain(each) for each in words]:
            words = [
                one if other.speaker is None else replace(one, speaker=other.speaker)
                for one, other in zip(known, words, strict=True)
            ]
            counts = [len(self._segments[each].words or ()) for each in self._own]
        elif [_plain(each) for each in words] == self._texts():
            counts = [len(plain_words(self._segments[each].text)) for each in self._own]
        else:
            counts = self._by_time(words)
        begin = 0
        for place, count in zip(self._own, counts, strict=True):
            own = tuple(words[begin : begin + count])
            begin += count
            segment = self._segments[place]
            start = own[0].start_ms if own and segment.start_ms is None else segment.start_ms
            if start is not None and segment.end_ms is not None and segment.end_ms < start:
                start = None
            self._segments[place] = replace(segment, words=own or None, start_ms=start)
        self._first = next(iter(self._words()), None)

    def _by_time(self, words: list[SpokenWord]) -> list[int]:
        """How many words each segment has, by where it ends; the last has what remains."""
        counts = []
        left = words
        for place in self._own[:-1]:
            end = self._segments[place].end_ms
            count = 0 if end is None else _before(left, end)
            counts.append(count)
            left = left[count:]
        return [*counts, len(left)]


def _begins_anew(first: SpokenWord, text: str, words: list[SpokenWord]) -> bool:
    """Whether a result may have all words again.

    :param first: of all words.
    """
    begin, anew = first.start_ms, words[0].start_ms
    if begin is None or anew is None:
        return not text or len(words) > len(plain_words(text))
    return anew <= begin or (first.end_ms is not None and anew < first.end_ms)


def _again(known: list[SpokenWord], text: str, words: list[SpokenWord]) -> int:
    """How many words, from the first, were told before; of a result that may have all of them again."""
    ours, theirs = [_plain(each) for each in known], [_plain(each) for each in words]
    if theirs[: len(ours)] == ours:
        return len(known)
    if known[0].start_ms is None or words[0].start_ms is None:
        return 0
    own = plain_words(text)
    if own and theirs[-len(own) :] == own:
        return len(words) - len(own)
    last = known[-1].end_ms
    return len(words) if last is None else _before(words, last)


def _before(words: list[SpokenWord], end: int) -> int:
    """How many words, from the first, begin before a time."""
    for number, each in enumerate(words):
        if each.start_ms is not None and each.start_ms >= end:
            return number
    return len(words)


def _plain(word: SpokenWord) -> str:
    return " ".join(plain_words(word.text))
