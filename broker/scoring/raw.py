"""Reading truths: lists, objects, boxes and spans as data sets write them. Errors never repeat what is written there."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from broker.quality.metrics.boxes import Boxed
from broker.quality.metrics.spans import Mention
from broker.types.geometry import Box
from broker.types.json import JsonObject, JsonValue

SEPARATOR = ";"
MOST = 100_000
"""Entries of one truth."""


def opened(raw: JsonValue) -> JsonValue:
    """A cell of a table that holds JSON as what it says; anything else as it is."""
    if isinstance(raw, str) and raw.lstrip()[:1] in ("[", "{"):
        try:
            value: JsonValue = json.loads(raw)
        except (ValueError, RecursionError):
            raise ValueError("it begins as JSON does and is none") from None
        return value
    return raw


def opened_text(raw: JsonValue) -> JsonValue:
    """The same where a truth is mostly a text, which may well begin with a bracket: only what is plainly meant as JSON."""
    is_json = isinstance(raw, str) and (raw.strip() == "[]" or raw.lstrip().startswith(('{"', "[{")))
    return opened(raw) if is_json else raw


def is_object(value: JsonValue) -> bool:
    """It has names."""
    return isinstance(value, Mapping)


def members(value: JsonValue, what: str) -> JsonObject:
    """An object. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is an object, as {{...}}")
    return value


def entries(value: JsonValue, what: str) -> Sequence[JsonValue]:
    """A list. Raises ValueError."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Sequence):
        raise ValueError(f"{what} is a list, as [...]")
    if len(value) > MOST:
        raise ValueError(f"{what} has more than {MOST:,} entries")
    return value


def word(value: JsonValue, what: str) -> str:
    """A text that is not empty; whole numbers and truth values as they are written. Raises ValueError."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} is a text that is not empty")
    return value.strip()


def words(value: JsonValue, what: str) -> list[str]:
    """A list of texts, or one text with ``;`` between them. An empty list is one, too."""
    if isinstance(value, (str, int)):
        return [each.strip() for each in word(value, what).split(SEPARATOR) if each.strip()]
    return [word(each, what) for each in entries(value, what)]


def text(value: JsonValue, what: str) -> str:
    """A text; it may be empty. Raises ValueError."""
    if not isinstance(value, str):
        raise ValueError(f"{what} is a text")
    return value


def whole(value: JsonValue, what: str) -> int:
    """A whole number of 0 or more. Raises ValueError."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{what} is a whole number of 0 or more")
    return value


def number(value: JsonValue, what: str) -> float:
    """A number. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e9:
        raise ValueError(f"{what} is a number")
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"{what} is a number")
    return found


def first_of(given: JsonObject, names: Sequence[str]) -> JsonValue:
    """The first member that is there; None: none of them."""
    return next((given[name] for name in names if given.get(name) is not None), None)


def no_others(given: JsonObject, allowed: Sequence[str], what: str) -> None:
    """Refuse what would be overlooked. Raises ValueError."""
    if any(name not in allowed for name in given):
        raise ValueError(f"{what} has members of another name than {', '.join(allowed)}")


_BOX_MEMBERS = ("box", "polygon", "kind", "label", "name", "text", "left", "top", "width", "height")


def boxes(raw: JsonValue, *, kinds: bool, texts: bool) -> list[Boxed]:
    """Things at places: ``[{"box": [left, top, width, height]}]`` in ratios, or of pixels
    ``{"unit": "pixel", "width": 640, "height": 480, "boxes": [...]}``. Raises ValueError.

    :param kinds: each says what it is; ``texts``: each says what is written there.
    """
    value = opened(raw)
    across = down = 1.0
    if isinstance(value, Mapping):
        no_others(value, ("unit", "width", "height", "boxes", "text"), "the truth")
        if value.get("unit", "ratio") not in ("ratio", "pixel"):
            raise ValueError('unit is "ratio" (0..1 of the picture) or "pixel"')
        if value.get("unit") == "pixel":
            across, down = (number(value.get(name), f"{name} of the picture") for name in ("width", "height"))
            if across < 1 or down < 1:
                raise ValueError("width and height of the picture are 1 or more")
        value = value.get("boxes")
    found = []
    for each in entries(value, "boxes"):
        thing = members(each, "a box")
        no_others(thing, _BOX_MEMBERS, "a box")
        kind = word(first_of(thing, ("kind", "label", "name")), "kind of a box") if kinds else "thing"
        written = text(thing.get("text"), "text of a box") if texts else None
        found.append(Boxed(box=_box(thing, across, down), kind=kind, text=written))
    return found


def _box(thing: JsonObject, across: float, down: float) -> Box:
    if thing.get("polygon") is not None:
        corners = [
            [number(each, "a corner's number") for each in entries(corner, "a corner")]
            for corner in entries(thing["polygon"], "polygon")
        ]
        if len(corners) < 2 or any(len(corner) != 2 for corner in corners):
            raise ValueError("a polygon is a list of corners [x, y]")
        xs, ys = [corner[0] for corner in corners], [corner[1] for corner in corners]
        sides = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
    elif thing.get("box") is not None:
        sides = [number(each, "a side of a box") for each in entries(thing["box"], "box")]
        if len(sides) != 4:
            raise ValueError("a box is [left, top, width, height]")
    else:
        sides = [number(thing.get(name), f"{name} of a box") for name in ("left", "top", "width", "height")]
    left, top, width, height = sides[0] / across, sides[1] / down, sides[2] / across, sides[3] / down
    if width <= 0 or height <= 0:
        raise ValueError("a box has a width and a height above 0")
    if left < -0.5 or top < -0.5 or left + width > 1.5 or top + height > 1.5:
        raise ValueError(
            'a box lies far outside the picture; of pixels write {"unit": "pixel", "width": …, "height": …, "boxes": […]}'
        )
    right, bottom = min(1.0, left + width), min(1.0, top + height)
    left, top = max(0.0, left), max(0.0, top)
    if right <= left or bottom <= top:
        raise ValueError("a box lies outside the picture")
    return Box(left=left, top=top, width=right - left, height=bottom - top)


_SPAN_MEMBERS = ("begin", "start", "end", "kind", "type", "label", "text")


def spans(raw: JsonValue) -> list[Mention]:
    """Mentions: ``[{"begin": 0, "end": 4, "kind": "person"}]`` in code points; ``start`` and ``type`` are read, too.

    Kinds are as the data set calls them. Raises ValueError.
    """
    value = opened(raw)
    if isinstance(value, Mapping):
        value = first_of(value, ("spans", "entities"))
    found = []
    for each in entries(value, "the truth"):
        span = members(each, "a span")
        no_others(span, _SPAN_MEMBERS, "a span")
        begin, end = whole(first_of(span, ("begin", "start")), "begin"), whole(span.get("end"), "end")
        if begin >= end:
            raise ValueError("a span ends behind its begin")
        found.append(
            Mention(
                begin=begin, end=end, kind=word(first_of(span, ("kind", "type", "label")), "kind of a span")
            )
        )
    if len(set(found)) != len(found):
        raise ValueError("a span stands there twice")
    return found
