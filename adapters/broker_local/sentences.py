"""Where the sentences of a text stand. Made for English; other scripts' full stops end a sentence too."""

from __future__ import annotations

import re

_END = re.compile(
    r"(?<![.!?\u2026])([.!?\u2026]++[\"'\u2019\u201d)\]]*+)(?=\s)|[\u3002\uff01\uff1f\u0964\u061f]+|\n"
)
"""A mark with a space behind it, a full stop of a script that needs no space, or the end of a line."""

_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"'])(?:mr|mrs|ms|mx|dr|prof|st|sr|jr|gen|rep|sen|gov|capt|lt|col|sgt|rev|hon|vs|etc|approx|dept|est|"
    r"fig|figs|no|nos|vol|pp?|cf|al|ca|inc|ltd|co|corp|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec|a\.m|p\.m|"
    r"e\.g|i\.e|(?:[a-z]\.)*[a-z])\.$",
    re.IGNORECASE,
)
"""Words and initials whose full stop ends no sentence; *etc.* and the like are looked at again, below."""

_AT_AN_END = re.compile(r"(?:^|[\s(\"'])(?:etc|inc|ltd|co|corp|jr|sr|a\.m|p\.m|al)\.$", re.IGNORECASE)
"""Abbreviations that often stand last; they end the sentence where a capital letter follows."""


def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """Half-open spans in code points, in order, without the white space around them."""
    spans, start = [], 0
    for match in _END.finditer(text):
        if match.group(1) == "." and _goes_on(text, start, match.end()):
            continue
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    trimmed = (_trim(text, *span) for span in spans)
    return tuple((first, last) for first, last in trimmed if first < last)


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether the full stop before ``end`` is an abbreviation's."""
    before = text[max(start, end - 16) : end]
    if not _ABBREVIATION.search(before):
        return False
    following = text[end : end + 16].lstrip()[:1]
    return not (_AT_AN_END.search(before) and following.isupper())


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
