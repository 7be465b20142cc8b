"""The size of a text in a vendor's unit, and cutting it where a sentence ends."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import cache
from typing import Any


class TextUnit(str, Enum):
    """What a vendor's limit of a text counts. The values are plain words for messages."""

    BYTE = "UTF-8 bytes"
    CODE_POINT = "characters"
    UTF16 = "UTF-16 units"
    GRAPHEME = "text elements"
    """What a reader takes for one character: a letter with its marks, a family emoji (Azure: StringInfo elements)."""


def size_of(text: str, unit: TextUnit) -> int:
    """How large it is.

    >>> size_of("e\\u0301 👩‍👩‍👧", TextUnit.GRAPHEME)
    3
    """
    if unit is TextUnit.CODE_POINT:
        return len(text)
    if unit is TextUnit.BYTE:
        return len(text) if text.isascii() else len(text.encode())
    if unit is TextUnit.UTF16:
        return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
    return len(text) if text.isascii() and "\r" not in text else sum(1 for _ in _patterns()[0].finditer(text))


def cut(text: str, most: int, unit: TextUnit) -> tuple[tuple[int, int], ...]:
    """Slices of ``text`` of at most ``most`` units each, which together are the whole of it.

    Each ends where a sentence does, if one does within it; else behind a space; else between two text elements. Only a
    single text element above the limit is itself cut, between code points.
    """
    parts: list[tuple[int, int]] = []
    begin, size, last = 0, 0, 0
    for piece_end, piece_size in _pieces(text, most, unit):
        if size + piece_size > most and size:
            parts.append((begin, last))
            begin, size = last, 0
        size += piece_size
        last = piece_end
    if last > begin:
        parts.append((begin, last))
    return tuple(parts)


def _pieces(text: str, most: int, unit: TextUnit) -> Iterator[tuple[int, int]]:
    """Ends and sizes of sentences; of a longer one's words; of a longer one's elements; of a longer one's code points."""
    grapheme, sentence, word = _patterns()
    for first in _between(sentence, text, 0, len(text)):
        if size_of(text[slice(*first)], unit) <= most:
            yield first[1], size_of(text[slice(*first)], unit)
            continue
        for second in _between(word, text, *first):
            if size_of(text[slice(*second)], unit) <= most:
                yield second[1], size_of(text[slice(*second)], unit)
                continue
            for third in grapheme.finditer(text, *second):
                if size_of(third.group(), unit) <= most:
                    yield third.end(), size_of(third.group(), unit)
                    continue
                for place in range(*third.span()):
                    yield place + 1, size_of(text[place], unit)


def _between(border: Any, text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Slices that end where a border does."""
    start = begin
    for found in border.finditer(text, begin, end):
        if found.end() > start:
            yield start, found.end()
            start = found.end()
    if start < end:
        yield start, end


@cache
def _patterns() -> tuple[Any, Any, Any]:
    """A text element; the end of a sentence; the end of a word. Compiled on first use: most texts are short."""
    import regex

    closing = r"[\p{Pe}\p{Pf}\"']*+"
    whole = r"(?![\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}])"  # never between a letter and its mark
    # A full stop needs a space behind it (3.14, e.g.), the full-width ones of Chinese and Japanese none.
    ends = (
        rf"(?:[\u3002\uff01\uff1f\uff61]++{closing}\s*+|\p{{Sentence_Terminal}}++{closing}\s++|\n\s*+){whole}"
    )
    return regex.compile(r"\X"), regex.compile(ends), regex.compile(rf"\s++{whole}")
