"""SubRip and WebVTT: cues of timed words, cut where people can read them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from broker.errors import BadInput

WIDTH = 42
"""Characters a line, the usual measure of subtitles (Netflix Timed Text Style Guide; the BBC's is 37)."""
LINES = 2
LONGEST_MS = 7000
"""Of one cue, by the same guide."""


@dataclass(frozen=True, slots=True)
class Timed:
    """A word and its times in milliseconds."""

    text: str
    start: int
    end: int
    speaker: str | None


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at once, from ``start`` to ``end`` in milliseconds; ``turns``: who says what."""

    start: int
    end: int
    turns: tuple[tuple[str | None, str], ...]


def cues(
    text: str,
    start: int | None,
    end: int | None,
    speaker: str | None,
    words: Sequence[Timed] | None,
    width: int,
) -> list[Cue]:
    """The cues of one segment. Raises :class:`BadInput` where it has no times and its words have none."""
    if width < 10:
        raise BadInput(f"subtitles need lines of 10 characters or more, not {width}")
    pieces = _pieces(text, words) if words else None
    if pieces is None:
        if words:  # times of the words hold where the segment has none
            start = words[0].start if start is None else start
            end = max(word.end for word in words) if end is None else end
        if start is None or end is None:
            raise BadInput("the provider gave no times, and subtitles need them; use the transcript's text")
        return [Cue(start, max(end, start + 1), ((speaker, _line(text)),))]
    found: list[Cue] = []
    group: list[tuple[str, Timed]] = []
    for piece, word in pieces:
        if group and _full(group, piece, word, width):
            found.append(_cue(group, speaker))
            group = []
        group.append((piece, word))
    if group:
        found.append(_cue(group, speaker))
    return found


def _pieces(text: str, words: Sequence[Timed]) -> list[tuple[str, Timed]] | None:
    """The text taken apart at its words, each piece with the spaces and marks behind it; None where they are not found in it."""
    starts: list[int] = []
    place = 0
    for word in words:
        at = text.find(word.text, place) if word.text else -1
        if at < 0:
            return None
        starts.append(at)
        place = at + len(word.text)
    starts[0] = 0
    ends = [*starts[1:], len(text)]
    return [(text[begin:end], word) for begin, end, word in zip(starts, ends, words, strict=True)]


def _full(group: Sequence[tuple[str, Timed]], piece: str, word: Timed, width: int) -> bool:
    """Whether the word begins a cue of its own."""
    first, last = group[0][1], group[-1][1]
    if word.speaker != last.speaker or word.start < last.start:
        return True
    if max(word.end, word.start) - first.start > LONGEST_MS:
        return True
    return len(_wrapped(_line("".join(each for each, _ in group) + piece), width)) > LINES


def _cue(group: Sequence[tuple[str, Timed]], speaker: str | None) -> Cue:
    start = group[0][1].start
    end = max(word.end for _, word in group)
    who = group[0][1].speaker or speaker
    return Cue(start, max(end, start + 1), ((who, _line("".join(piece for piece, _ in group))),))


def _line(text: str) -> str:
    """On one line: a line break or an empty line inside a cue would end it."""
    return " ".join(text.split())


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]


def srt(found: Sequence[Cue], *, speakers: bool, width: int) -> str:
    """SubRip has no standard; this is what its players agree on: CR is not needed, a comma before milliseconds."""
    blocks: list[str] = []
    for number, cue in enumerate(_one_at_a_time(found), 1):
        lines: list[str] = []
        for who, text in cue.turns:
            said = text.replace("-->", "->")  # it would look like the next cue's times
            lines += _wrapped(
                f"{_line(who).replace('-->', '->')}: {said}" if speakers and who else said, width
            )
        blocks.append(
            f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n" + "\n".join(lines) + "\n"
        )
    return "\n".join(blocks)


def _one_at_a_time(found: Sequence[Cue]) -> Iterator[Cue]:
    """Each cue ends where the next begins at the latest; those that begin together are one."""
    waiting: Cue | None = None
    for cue in found:
        if waiting is None:
            waiting = cue
        elif cue.start == waiting.start:
            waiting = Cue(waiting.start, max(waiting.end, cue.end), waiting.turns + cue.turns)
        else:
            yield replace(waiting, end=min(waiting.end, cue.start))
            waiting = cue
    if waiting is not None:
        yield waiting


def vtt(found: Sequence[Cue], *, speakers: bool, width: int) -> str:
    """WebVTT (W3C, section 4): ``&``, ``<`` and ``>`` are escaped, speakers are ``<v>`` tags."""
    blocks = ["WEBVTT\n"]
    for cue in found:
        ((who, text),) = cue.turns
        said = "\n".join(_escaped(line) for line in _wrapped(text, width))
        if speakers and who:
            said = f"<v {_escaped(_line(who))}>{said}</v>"
        blocks.append(f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{said}\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{rest:03}"
