"""Small HTML, for notebooks: everything that comes from outside is escaped, and there is no script in it.

Texts of vendors and users are hostile until escaped: markup, but also control characters, and the marks that turn the
direction of what follows, which could make a cell say what is not in it.
"""

from __future__ import annotations

import dataclasses
import html
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

MOST_ROWS = 12
_LONGEST = 300
_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]"
)
"""Controls but tab and newline, marks of direction, separators of lines, and halves of characters."""


def harmless(value: object) -> str:
    """A text without characters that steer how others are shown; each becomes U+FFFD."""
    return _STEERING.sub("\ufffd", str(value).replace("\r\n", "\n").replace("\r", "\n"))


def escaped(value: object, longest: int | None = None) -> str:
    """A text as HTML, for elements and for attributes in double quotes.

    :param longest: cut what is longer, with an ellipsis.
    """
    text = harmless(value)
    if longest is not None and len(text) > longest:
        text = f"{text[: longest - 1]}…"
    return html.escape(text, quote=True)


def table(
    caption: str, headers: Sequence[str], rows: Iterable[Sequence[object]], most: int = MOST_ROWS
) -> str:
    """A table of escaped cells; the first of each row is its header. Rows beyond ``most`` are counted, not shown."""
    listed = [tuple(row) for row in rows]
    head = "".join(f'<th scope="col">{escaped(each)}</th>' for each in headers)
    body = "".join(_row(row) for row in listed[:most])
    left = len(listed) - most
    more = f'<tr><td colspan="{len(headers)}">… and {left:,} more</td></tr>' if left > 0 else ""
    return f"<table><caption>{escaped(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}{more}</tbody></table>"


def _row(cells: Sequence[object]) -> str:
    first, *rest = (escaped(each, _LONGEST) for each in cells)
    return f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{each}</td>" for each in rest) + "</tr>"


def facts(caption: str, pairs: Iterable[tuple[str, object]]) -> str:
    """A table of names and values."""
    return table(caption, ("what", "value"), pairs, most=40)


class Shown:
    """A dataclass that notebooks show as a table of its fields. What a caller gets and may look at derives from it."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """For notebooks."""
        return fields_table(self)


def fields_table(value: Any) -> str:
    """A dataclass as a table of its fields, for those that must not bring this file along when they are made."""
    return facts(type(value).__name__, ((name, worded(each)) for name, each in _fields(value)))


def worded(value: object, depth: int = 2) -> str:
    """A field's value in words: what is not known says so, intervals and lists are short."""
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, (date, timedelta)):
        return str(value)
    if depth == 0:
        return "…"
    if isinstance(value, bytes):
        return f"{len(value):,} bytes"
    if isinstance(value, Mapping):
        return _several(len(value), (f"{worded(k)}: {worded(each, depth - 1)}" for k, each in value.items()))
    if isinstance(value, Collection):
        return _several(len(value), (worded(each, depth - 1) for each in value))
    if dataclasses.is_dataclass(value):
        return _inside(value, depth)
    return str(value)


_INSIDE = 4


def _several(number: int, parts: Iterable[str]) -> str:
    first = "; ".join(itertools.islice(parts, _INSIDE)) or "none"
    return first + (f"; and {number - _INSIDE:,} more" if number > _INSIDE else "")


def _inside(value: object, depth: int) -> str:
    """An estimate as point and interval, anything else by its fields."""
    if all(hasattr(value, end) for end in ("point", "low", "high")):
        point, low, high = (worded(getattr(value, end), depth - 1) for end in ("point", "low", "high"))
        return f"{point} ({low} to {high})"
    return ", ".join(f"{name} {worded(each, depth - 1)}" for name, each in _fields(value))


def _fields(value: Any) -> Iterable[tuple[str, object]]:
    return ((f.name.replace("_", " "), getattr(value, f.name)) for f in dataclasses.fields(value) if f.repr)
