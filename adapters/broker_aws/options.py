"""The vendor-only options (``aws_…``): their types, said in the user's words before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.errors import BadInput
from broker.types import JsonValue

Options = Mapping[str, JsonValue]


def percent(options: Options, name: str) -> int | float:
    """A bar on Rekognition's own scale. Raises :class:`BadInput`."""
    bar = options[name]
    if not isinstance(bar, (int, float)) or isinstance(bar, bool) or not 0 <= bar <= 100:
        raise BadInput(f"{name} is Rekognition's own scale, 0 to 100, not {bar!r:.80}")
    return bar


def count(options: Options, name: str) -> int:
    """A whole number of 1 or more. Raises :class:`BadInput`."""
    number = options[name]
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        raise BadInput(f"{name} must be a whole number from 1, not {number!r:.80}")
    return number


def names(options: Options, name: str, known: tuple[str, ...]) -> list[str]:
    """A list of the vendor's own names. Raises :class:`BadInput`."""
    given = options[name]
    if not isinstance(given, (list, tuple)) or not given or not all(isinstance(each, str) for each in given):
        raise BadInput(f"{name} must be a list of {', '.join(known)}, not {given!r:.80}")
    found = [str(each) for each in given]
    unknown = [each for each in found if each not in known]
    if unknown:
        raise BadInput(f"{name} takes {', '.join(known)}; not {unknown[0]!r:.80}")
    return found


def text(options: Options, name: str) -> str:
    """A text that is not empty. Raises :class:`BadInput`."""
    given = options[name]
    if not isinstance(given, str) or not given:
        raise BadInput(f"{name} must be a text, not {given!r:.80}")
    return given


def members(options: Options, name: str, what: str) -> dict[str, Any]:
    """An object as the vendor's schema has it. Raises :class:`BadInput`."""
    given = options[name]
    if not isinstance(given, dict):
        raise BadInput(f"{name} must be {what}, not {type(given).__name__}")
    return given
