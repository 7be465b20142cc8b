"""A reader of Azure AI Search's filters, made from the vendor's published grammar and from nothing of the adapter's.

Source: learn.microsoft.com/azure/search/search-query-odata-syntax-reference. It reads the part without geography and full
text, and says for one document's fields whether the filter holds, with nulls as the page on comparison operators has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_TOKEN = re.compile(
    r"""
      (?P<text>'(?:[^']|'')*')
    | (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))
    | (?P<number>[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)
    | (?P<call>search\.in\()
    | (?P<word>[a-zA-Z_][a-zA-Z_0-9]*)
    | (?P<sign>[(),:/])
    | (?P<space>\ +)
    """,
    re.VERBOSE,
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
}
Fields = Mapping[str, Any]
Test = Callable[[Fields], bool]


class NotOData(ValueError):
    """It is no filter of the grammar."""


@dataclass
class Read:
    """A filter.

    :param constants: in their order, the lists of search.in cut into their values.
    :param paths: fields, in their order.
    """

    holds: Test
    constants: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def read(text: str) -> Read:
    """Raises :class:`NotOData`."""
    reader = _Reader(text)
    test = reader.any_of(frozenset())
    reader.end()
    return Read(holds=test, constants=reader.constants, paths=reader.paths)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.constants: list[Any] = []
        self.paths: list[str] = []
        self.at = 0
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if found is None:
                raise NotOData(f"at {place}: {text[place : place + 20]!r}")
            place = found.end()
            if found.lastgroup != "space":
                self.tokens.append((str(found.lastgroup), found.group()))

    def peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def take(self, *wanted: str) -> str:
        kind, text = self.peek()
        if text not in wanted and kind not in wanted:
            raise NotOData(f"{text!r} where one of {wanted} is due")
        self.at += 1
        return text

    def end(self) -> None:
        self.take("end")

    def any_of(self, bound: frozenset[str]) -> Test:
        parts = [self.all_of(bound)]
        while self.peek() == ("word", "or"):
            self.at += 1
            parts.append(self.all_of(bound))
        return lambda fields: any(part(fields) for part in parts)

    def all_of(self, bound: frozenset[str]) -> Test:
        parts = [self.negated(bound)]
        while self.peek() == ("word", "and"):
            self.at += 1
            parts.append(self.negated(bound))
        return lambda fields: all(part(fields) for part in parts)

    def negated(self, bound: frozenset[str]) -> Test:
        if self.peek() == ("word", "not"):
            self.at += 1
            part = self.negated(bound)
            return lambda fields: not part(fields)
        return self.single(bound)

    def single(self, bound: frozenset[str]) -> Test:
        kind, text = self.peek()
        if text == "(":
            self.at += 1
            inner = self.any_of(bound)
            self.take(")")
            return inner
        if kind == "call":
            self.at += 1
            return self.listed(bound)
        if (kind, text) in (("word", "true"), ("word", "false")):
            self.at += 1
            return lambda fields: text == "true"
        path = self.path(bound)
        if path.endswith("/any"):
            return self.some(path.removesuffix("/any"))
        operator = _OPERATORS[self.take(*_OPERATORS)]
        value = self.constant()
        null_equals = operator is _OPERATORS["ne"]

        def compared(fields: Fields) -> bool:
            found = fields.get(path)
            if found is None or isinstance(found, (tuple, list)):
                return null_equals
            if _kind(found) != _kind(value):
                return False  # the service refuses it: a field has one type
            return operator(found, value)

        return compared

    def path(self, bound: frozenset[str]) -> str:
        names = [self.take("word")]
        while self.peek()[1] == "/":
            self.at += 1
            names.append(self.take("word"))
        if names[0] not in bound:
            self.paths.append(names[0])
        return "/".join(names)

    def some(self, path: str) -> Test:
        self.take("(")
        variable = self.take("word")
        self.take(":")
        part = self.any_of(frozenset({variable}))
        self.take(")")

        def one_does(fields: Fields) -> bool:
            found = fields.get(path)
            return isinstance(found, (tuple, list)) and any(
                part({**fields, variable: each}) for each in found
            )

        return one_does

    def listed(self, bound: frozenset[str]) -> Test:
        path = self.path(bound)
        self.take(",")
        values, delimiters = self.text(), " ,"
        if self.peek()[1] == ",":
            self.at += 1
            delimiters = self.text()
        self.take(")")
        known = [each for each in re.split("[" + re.escape(delimiters) + "]", values) if each]
        self.constants += known
        return lambda fields: fields.get(path) in known

    def text(self) -> str:
        return self.take("text")[1:-1].replace("''", "'")

    def constant(self) -> Any:
        kind, text = self.peek()
        value: Any
        if kind == "text":
            value = text[1:-1].replace("''", "'")
        elif kind == "time":
            value = datetime.fromisoformat(text)
        elif kind == "number":
            value = int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
        elif text in ("true", "false"):
            value = text == "true"
        else:
            raise NotOData(f"{text!r} is no constant")
        self.at += 1
        self.constants.append(value)
        return value
