"""Kendra's typed values: texts, lists of texts, whole numbers, times to the second; in both directions.

Source: ``DocumentAttributeValue`` of botocore's service model ``kendra/2019-02-03``. botocore writes a time as whole seconds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from broker.contract import given
from broker.types import MetadataValue
from broker.types.metadata import LARGEST_INTEGER

_CODES = """
en ar hy eu bn bg ca zh cs da nl fi fr gl de el hi hu id ga it ja ko lv lt no fa pt pt-BR ro ru ckb es sv tr
"""
LANGUAGES = tuple(_CODES.split())
"""docs.aws.amazon.com/kendra/latest/dg/in-adding-languages.html: by meaning in en, zh, fr, de, ja, ko, pt-BR and es, in the
others by words."""
MOST_TEXT = 2048
_SECOND = timedelta(seconds=1)


def language_code(tag: str) -> str:
    """Kendra's code for a BCP-47 tag that the manifest admits.

    >>> [language_code(tag) for tag in ("de-AT", "zh-Hant", "pt-BR", "pt-PT")]
    ['de', 'zh', 'pt-BR', 'pt']
    """
    primary, *rest = tag.lower().split("-")
    return "pt-BR" if primary == "pt" and "br" in rest else primary


def value_of(value: MetadataValue) -> dict[str, Any]:
    """A value as Kendra writes it; :func:`problem` has found nothing."""
    if isinstance(value, str):
        return {"StringValue": value}
    if isinstance(value, tuple):
        return {"StringListValue": list(value)}
    if isinstance(value, datetime):
        return {"DateValue": value}
    return {"LongValue": int(value)}


def problem(value: MetadataValue) -> str:
    """Why Kendra cannot hold a value; empty: it can."""
    if isinstance(value, bool):
        return "Kendra has no truth values; write it as a text"
    if isinstance(value, datetime):
        return (
            ""
            if not value.microsecond
            else "Kendra's times are whole seconds; cut it: .replace(microsecond=0)"
        )
    if isinstance(value, (int, float)):
        if isinstance(value, float) and not value.is_integer():
            return "Kendra has whole numbers only; multiply it, or write it as a text"
        return "" if abs(value) <= LARGEST_INTEGER else "Kendra's numbers have 63 bits"
    for text in value if isinstance(value, tuple) else (value,):
        if not 1 <= len(text) <= MOST_TEXT:
            return f"a text of {len(text):,} characters; Kendra takes 1 to {MOST_TEXT:,}"
    return ""


def whole_bound(sign: str, value: float | datetime) -> tuple[str, int | float | datetime]:
    """The same bound where all values are whole: above 2.5 is at least 3. Raises OverflowError beyond the last year."""
    if isinstance(value, datetime):
        floor = value.replace(microsecond=0)
        if floor == value:
            return sign, value
        return (">=", floor + _SECOND) if sign in (">", ">=") else ("<=", floor)
    if value == (low := value // 1):
        return sign, value
    return (">=", int(low) + 1) if sign in (">", ">=") else ("<=", int(low))


def attribute_of(said: Any) -> MetadataValue | None:
    """One value that Kendra gives; None: it gives none. Raises ValueError for an unusable one."""
    text, number, texts = (
        given(said, "StringValue", str),
        given(said, "LongValue", int),
        given(said, "StringListValue", list),
    )
    if text is not None:
        return text
    if texts is not None:
        if not all(isinstance(each, str) for each in texts):
            raise ValueError("StringListValue holds what is no text")
        return tuple(texts)
    return number if number is not None else _time(said.get("DateValue"))


def _time(said: Any) -> datetime | None:
    """Seconds since 1970 on the wire; ISO 8601 where an SDK has written it down again."""
    if said is None:
        return None
    if isinstance(said, str):
        found = datetime.fromisoformat(said)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if isinstance(said, bool) or not isinstance(said, (int, float)):
        raise ValueError(f"DateValue is a {type(said).__name__}")
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=said)


def attributes_of(said: list[Any]) -> dict[str, MetadataValue]:
    """A document's attributes by name."""
    found: dict[str, MetadataValue] = {}
    for each in said:
        name = given(each, "Key", str)
        value = attribute_of(given(each, "Value", dict) or {})
        if name and value is not None:
            found[name] = value
    return found
