"""What goes in: the base of every operation's request, for a picture and for a text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from broker.errors import BadInput
from broker.types.json import JsonValue
from broker.types.media import Image

MAX_CHARACTERS = 10_000_000
"""A longer text is a slip: it would be cut into thousands of paid requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What every operation has.

    :param language: BCP-47 tag of the content, or of the names wanted.
    :param extensions: options only one vendor has, named ``provider_option`` (``aws_features``).
    :param raw: keep the vendor's whole answer on the result.
    """

    SUBJECT: ClassVar[str] = ""
    """The field that holds what the user gave: ``image`` or ``text``."""

    language: str | None = None
    extensions: dict[str, JsonValue] = field(default_factory=dict)
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest(Request):
    """An operation on one picture."""

    SUBJECT: ClassVar[str] = "image"

    image: Image


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest(Request):
    """An operation on one text."""

    SUBJECT: ClassVar[str] = "text"

    text: str = field(repr=False)


def check_text(given: Any) -> str:
    """The text, if it is one that can be sent. Raises :class:`BadInput`; its message never repeats the text."""
    if not isinstance(given, str):
        hint = "; decode it first" if isinstance(given, (bytes, bytearray, memoryview)) else ""
        raise BadInput(f"a text must be a str, not {type(given).__name__}{hint}")
    if not given or given.isspace():
        raise BadInput("the text is empty; there is nothing to look at, and it would be billed all the same")
    if len(given) > MAX_CHARACTERS:
        raise BadInput(
            f"the text has {len(given):,} characters, above the limit of {MAX_CHARACTERS:,}; pass its parts one by one"
        )
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise BadInput(
            f"the text holds half of a surrogate pair at character {error.start}, which no vendor can be sent; "
            "decode its source with errors='replace'"
        ) from None
    return given


def check_ratio(name: str, number: float) -> None:
    """Refuse what is not a ratio, with the likely slip named (50 meant as 50 %)."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise BadInput(f"{name} must be a number between 0 and 1, not {type(number).__name__}")
    if not 0.0 <= number <= 1.0:
        hint = f"; for {number:g} % write {number / 100:g}" if 1.0 < number <= 100.0 else ""
        raise BadInput(f"{name} is a ratio between 0 and 1, not {number:g}{hint}")


def check_count(name: str, number: int | None) -> None:
    """Refuse what is not a whole number of 1 or more; None stands for all."""
    if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
        raise BadInput(f"{name} must be a whole number of 1 or more, or None for all; not {number!r:.80}")
