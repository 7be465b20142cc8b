"""A piece of a text, as Python counts: ``text[begin:end]``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A mention.

    :param text: as the vendor gives it; where it gives only offsets, what stands there.
    :param begin: offset of its first code point; None where the vendor gives no offsets.
    :param end: offset behind its last one.
    :param offset_ok: ``document[begin:end] == text`` was checked and holds; None where there are no offsets. False:
        do not cut by them.
    """

    text: str
    begin: int | None = None
    end: int | None = None
    offset_ok: bool | None = None

    def shifted(self, by: int) -> Self:
        """The same mention in a longer text of which this was a part beginning at ``by``."""
        if by == 0 or self.begin is None or self.end is None:
            return self
        return replace(self, begin=self.begin + by, end=self.end + by)


def located(document: str, text: str | None, begin: int, end: int) -> tuple[str, int, int, bool]:
    """Text, begin, end and whether they agree, for a vendor's offsets in code points.

    A vendor that gives no text of its own is believed as far as its offsets lie within the document. Raises ValueError
    for offsets that are none.
    """
    if type(begin) is not int or type(end) is not int:  # True is an int, too
        raise ValueError("an offset must be a whole number")
    inside = 0 <= begin <= end <= len(document)
    there = document[begin:end] if inside else ""
    if text is None:
        return there, begin, end, inside and begin < end
    return text, begin, end, inside and there == text
