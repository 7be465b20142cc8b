"""For tests of translators: what a filter means, reckoned plainly, and texts that break careless quoting."""

from __future__ import annotations

from typing import Any

from broker.types.filters import AllOf, AnyOf, Contains, Equals, Filter, Not, OneOf
from broker.types.metadata import Metadata, Scalar, kind_of

HOSTILE = (
    "'",
    "''",
    '"',
    "\\",
    "\\'",
    "`",
    "' or '1'='1",
    "x' or true or y eq 'z",
    "a') or search.ismatch('x",
    '") OR ANY("',
    '\\") OR year > 0 OR name: ANY("',
    "1; DROP TABLE document",
    "--",
    "/*",
    "*/",
    "%",
    "_",
    "?",
    ":name",
    "$1",
    "@p0",
    "{0}",
    "${x}",
    "<>&",
    "NEAR(a b)",
    "title:x",
    "a* OR b",
    "null",
    "true",
    "2024-01-01",
    "5",
    "\t",
    "\n",
    "\r\n",
    "\x00",
    "\x1f",
    "\u2028",
    "\u202e",
    "\u00a0",
    "\u02bc",
    "\uff07",
    "é",
    "e\u0301",
    "\U0001f600",
    "中文",
    "a" * 5000,
)
"""Quotes, escapes, comments, wildcards, operators and controls of OData, SQL, FTS5, Kendra's and Google's filters."""


def holds(given: Filter, metadata: Metadata) -> bool:
    """Whether a document with this metadata matches: the meaning every translation must have."""
    if isinstance(given, AllOf):
        return all(holds(each, metadata) for each in given.parts)
    if isinstance(given, AnyOf):
        return any(holds(each, metadata) for each in given.parts)
    if isinstance(given, Not):
        return not holds(given.part, metadata)
    found: Any = metadata.get(given.name)
    if found is None:
        return False
    if isinstance(given, Contains):
        return isinstance(found, tuple) and given.value in found
    if isinstance(found, tuple):
        return False
    if isinstance(given, Equals):
        return _equal(found, given.value)
    if isinstance(given, OneOf):
        return any(_equal(found, each) for each in given.values)
    if kind_of(found) is not given.kind:
        return False
    order = {
        ">=": lambda a, b: a >= b,
        ">": lambda a, b: a > b,
        "<=": lambda a, b: a <= b,
        "<": lambda a, b: a < b,
    }
    return all(order[sign](found, bound) for sign, bound in given.bounds())


def _equal(found: Scalar, value: Scalar) -> bool:
    return kind_of(found) is kind_of(value) and found == value  # True is no 1
