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
    return len(text) if text.isascii() and "\r" not in text else sum(1 for _ in _element().finditer(text))


def cut(text: str, most: int, unit: TextUnit) -> tuple[tuple[int, int], ...]:
    """Slices of ``text`` of at most ``most`` units each, which together are the whole of it.

    Each ends where a sentence does, if one does within it; else behind a space, if one is within it, and rather not
    between two groups of digits (a phone number, a card); else, where nothing is spaced (Chinese), outside of anything
    that may be an address or a number in ASCII; else between two text elements. Only a single text element above the
    limit is itself cut, between code points.
    """
    parts: list[tuple[int, int]] = []
    begin, size, last = 0, 0, 0
    for piece_end, piece_size in _pieces(text, most, unit, 0, len(text), _patterns()):
        if size + piece_size > most and size:
            parts.append((begin, last))
            begin, size = last, 0
        size += piece_size
        last = piece_end
    if last > begin:
        parts.append((begin, last))
    return tuple(parts)


def _pieces(
    text: str, most: int, unit: TextUnit, begin: int, end: int, borders: tuple[Any, ...]
) -> Iterator[tuple[int, int]]:
    """Ends and sizes of what the first border parts; what is longer is parted by the next one, and at last anywhere."""
    for start, stop in _between(borders[0], text, begin, end):
        size = size_of(text[start:stop], unit)
        if size <= most:
            yield stop, size
        elif len(borders) > 1:
            yield from _pieces(text, most, unit, start, stop, borders[1:])
        else:
            for place in range(start, stop):
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
def _element() -> Any:
    """A text element. Flags are spelt out, for regex looks back over a whole run of them at each."""
    import regex

    marks = r"[\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}]*+"
    return regex.compile(rf"\p{{GCB=Regional_Indicator}}{{2}}{marks}|\X")


@cache
def _patterns() -> tuple[Any, ...]:
    """The borders, the best first. Compiled on first use: most texts are short.

    Each looks behind itself, so that of a run of a million full stops or spaces only the first one begins a search.
    """
    import regex

    closing = r"[\p{Pe}\p{Pf}\"']*+"
    whole = r"(?![\p{GCB=Extend}\p{GCB=SpacingMark}\p{GCB=ZWJ}])"  # never between a letter and its mark
    # A full stop needs a space behind it (3.14, e.g.), the full-width ones of Chinese and Japanese none.
    wide = r"[\u3002\uff01\uff1f\uff61]"
    sentence = (
        rf"(?:(?<!{wide}){wide}++{closing}\s*+|(?<!\p{{Sentence_Terminal}})\p{{Sentence_Terminal}}++{closing}\s++"
        rf"|(?<!\s)[^\S\n]*+\n\s*+){whole}"
    )
    word = rf"(?<!\s)(?:(?<![\d()+/.,-])\s++|\s++(?!\d)){whole}"
    wordlike = r"[0-9A-Za-z@._%+:/=~#?&-]"
    return (
        regex.compile(sentence),
        regex.compile(word),
        regex.compile(rf"(?<!\s)\s++{whole}"),
        regex.compile(rf"(?<!{wordlike}){wordlike}++{whole}|(?!{wordlike})(?:{_element().pattern})"),
        _element(),
    )
