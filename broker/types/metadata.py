"""What is known of a document beside its text: flat, of few kinds, the same for every provider.

The kinds are those that all engines can keep and filter by: a text, a number, a truth value, a time, a list of texts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, TypeAlias, Union

from broker.errors import BadInput

Scalar: TypeAlias = Union[str, int, float, bool, datetime]
"""One value. A time is in UTC."""
MetadataValue: TypeAlias = Union[str, int, float, bool, datetime, tuple[str, ...]]
Metadata: TypeAlias = Mapping[str, MetadataValue]

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}", re.ASCII)
"""What a name of metadata may be; some engines allow less, and their adapters refuse it."""
OF_THE_DOCUMENT = frozenset({"id", "title", "content", "url"})
"""Names that a document has already."""
MOST_NAMES = 100
MOST_TEXT = 30_000
"""Characters of one text in metadata; more belongs into the content."""
LARGEST_INTEGER = 2**63 - 1


class ValueKind(str, Enum):
    """What a value is, for filters and for what an engine can keep."""

    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TIME = "time"
    TEXTS = "texts"
    """A list of texts."""


def kind_of(value: MetadataValue) -> ValueKind:
    """The kind of a checked value."""
    if isinstance(value, bool):  # before numbers: True is an int
        return ValueKind.BOOLEAN
    if isinstance(value, str):
        return ValueKind.TEXT
    if isinstance(value, (int, float)):
        return ValueKind.NUMBER
    return ValueKind.TIME if isinstance(value, datetime) else ValueKind.TEXTS


def check_name(name: Any, *, own: bool = False) -> str:
    """A name of metadata. Raises :class:`BadInput`.

    :param own: of a document's metadata, where the document's own names are taken.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadInput(
            f"the name {name!r:.140} is none for metadata: a letter or _, then letters, digits, _ or -, 128 at most"
        )
    if own and name in OF_THE_DOCUMENT:
        raise BadInput(f"{name!r} is the document's own member, not metadata; set {name}=")
    return name


def scalar(name: str, value: Any) -> Scalar:
    """One value as it is kept: times in UTC. Raises :class:`BadInput`; its message never repeats the value.

    A ``date`` is its midnight in UTC.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise BadInput(f"{name}: a whole number beyond 63 bits cannot be kept; write it as a text")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadInput(f"{name}: {value} is no number that can be compared")
        return float(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise BadInput(f"{name}: the time says no time zone; give one, as datetime.now(UTC) has")
        try:
            return value.astimezone(UTC).replace(fold=0)
        except OverflowError:
            raise BadInput(f"{name}: the time lies outside the years 1 to 9999 of UTC") from None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    raise BadInput(
        f"{name}: a {type(value).__name__} cannot be kept; it is a text, a number, True or False, a date or time, "
        "or a list of texts"
    )


def metadata_value(name: str, value: Any) -> MetadataValue:
    """One value of a document's metadata as it is kept. Raises :class:`BadInput`."""
    if isinstance(value, (list, tuple)):
        for each in value:
            if not isinstance(each, str):
                raise BadInput(f"{name}: a list holds texts only, not {type(each).__name__}")
        return tuple(_text(name, each) for each in value)
    return scalar(name, value)


def metadata(given: Any) -> dict[str, MetadataValue]:
    """A document's metadata as it is kept. Raises :class:`BadInput`."""
    if not isinstance(given, Mapping):
        raise BadInput(f'metadata must be a mapping, as {{"year": 2024}}, not {type(given).__name__}')
    if len(given) > MOST_NAMES:
        raise BadInput(f"metadata has {len(given)} names, above the limit of {MOST_NAMES}")
    return {
        check_name(name, own=True): metadata_value(name, value)
        for name, value in given.items()
        if value is not None  # not known: as if it were not there
    }


def _text(name: str, value: str) -> str:
    if len(value) > MOST_TEXT:
        raise BadInput(
            f"{name}: a text of {len(value):,} characters is above the limit of {MOST_TEXT:,} for metadata; put it into "
            "the content"
        )
    if not value.isascii():
        check_encodable(name, value)
    return str(value)


def check_encodable(name: str, value: str) -> None:
    """Refuse half of a surrogate pair, which no vendor can be sent. Raises :class:`BadInput`."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadInput(
            f"{name}: it holds half of a surrogate pair at character {error.start}; decode its source with "
            "errors='replace'"
        ) from None
