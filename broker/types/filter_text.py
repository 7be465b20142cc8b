"""Filters as text, for the command line and for settings: read, and written back.

::

    year >= 2000 and (lang = 'en' or tags contains 'news') and not draft = true
    2000 <= year < 2010
    kind in ('report', 'memo')
    published >= 2024-01-31 and published < 2024-02-01T12:00:00Z

Texts stand in single quotes, doubled inside. A name that is one of the language's words stands in double quotes. ``!=`` is
``not … =``. The strength of binding is that of Python: ``not``, then ``and``, then ``or``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn

from broker.errors import BadInput
from broker.types.filters import (
    DEEPEST,
    AllOf,
    AnyOf,
    Contains,
    Equals,
    Filter,
    Not,
    OneOf,
    Range,
    check_filter,
)
from broker.types.metadata import Scalar

WORDS = frozenset({"and", "or", "not", "in", "contains", "true", "false"})
LONGEST = 100_000
_MOST_DIGITS = 400
_VALUE_DUE = "a value is due: 'text', a number, true, false, or a date such as 2024-01-31"
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"[A-Za-z_][A-Za-z0-9_-]*")
    | (?P<time>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?)(?![\w-])
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.-])
    | (?P<word>[A-Za-z_][A-Za-z0-9_-]*)
    | (?P<sign><=|>=|!=|<>|==|[<>=(),])
    )""",
    re.VERBOSE | re.ASCII,
)
_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_BOUNDS = {">=": "at_least", ">": "above", "<=": "at_most", "<": "below"}


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def parse_filter(text: str) -> Filter:
    """Read a filter. Raises :class:`BadInput`, which says where it could not be read."""
    if not isinstance(text, str):
        raise BadInput(f"a filter is a text or made with where(), not {type(text).__name__}")
    if len(text) > LONGEST:
        raise BadInput(f"a filter has at most {LONGEST:,} characters, not {len(text):,}")
    reader = _Reader(text)
    found = reader.either()
    reader.expect_end()
    check_filter(found)
    return found


def shown_filter(given: Filter) -> str:
    """Write it as text; :func:`parse_filter` reads the same filter from it."""
    return _shown(given, 0)


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split())
        self._next = 0
        self._depth = 0

    def _split(self) -> list[_Token]:
        found: list[_Token] = []
        at, end = 0, len(self._text.rstrip())
        while at < end:
            match = _TOKEN.match(self._text, at)
            if match is None or match.lastgroup is None:
                at += len(self._text[at:]) - len(self._text[at:].lstrip())
                self._refuse(at, "this cannot be read (texts stand in single quotes)")
            found.append(_Token(match.lastgroup, match.group(match.lastgroup), match.start(match.lastgroup)))
            at = match.end()
        return found

    def either(self) -> Filter:
        """``a or b``"""
        self._depth += 1
        if self._depth > DEEPEST + 2:
            self._refuse(self._at(), f"a filter is nested at most {DEEPEST} deep")
        parts = [self._both()]
        while self._word("or"):
            parts.append(self._both())
        self._depth -= 1
        return parts[0] if len(parts) == 1 else AnyOf(parts=tuple(parts))

    def _both(self) -> Filter:
        parts = [self._negated()]
        while self._word("and"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else AllOf(parts=tuple(parts))

    def _negated(self) -> Filter:
        nots = 0
        while self._word("not"):
            nots += 1
            if nots > DEEPEST:
                self._refuse(self._at(), f"a filter is nested at most {DEEPEST} deep")
        found = self._single()
        for _ in range(nots):
            found = Not(part=found)
        return found

    def _single(self) -> Filter:
        if self._sign("("):
            found = self.either()
            self._need(")")
            return found
        token = self._peek()
        if token is None:
            self._refuse(len(self._text), "a condition is due, such as year >= 2000")
        if token.kind in ("number", "time"):
            return self._between()
        name = self._name()
        if self._word("contains"):
            return Contains(name=name, value=self._text_value())
        if self._word("not"):
            if not self._word("in"):
                self._refuse(self._at(), "in is due")
            return Not(part=OneOf(name=name, values=self._values()))
        if self._word("in"):
            return OneOf(name=name, values=self._values())
        sign = self._comparison()
        value = self._value()
        if sign in ("=", "=="):
            return Equals(name=name, value=value)
        if sign in ("!=", "<>"):
            return Not(part=Equals(name=name, value=value))
        return Range(name=name, **{_BOUNDS[sign]: value})

    def _between(self) -> Filter:
        """``2000 <= year < 2010``"""
        low, at = self._value(), self._at()
        first = self._comparison()
        if first not in _MIRRORED:
            self._refuse(at, "a value stands behind =, its name before it")
        name = self._name()
        bounds = {_BOUNDS[_MIRRORED[first]]: low}
        token = self._peek()
        if token is not None and token.kind == "sign" and token.text in _MIRRORED:
            second = self._comparison()
            if second[0] != first[0]:
                self._refuse(token.at, "both signs of a range point the same way, as 2000 <= year < 2010")
            bounds[_BOUNDS[second]] = self._value()
        return Range(name=name, **bounds)

    def _values(self) -> tuple[Scalar, ...]:
        self._need("(")
        found = [self._value()]
        while self._sign(","):
            found.append(self._value())
        self._need(")")
        return tuple(found)

    def _comparison(self) -> str:
        token = self._peek()
        if token is None or token.kind != "sign" or token.text in "(),":
            self._refuse(self._at(), "one of = != < <= > >= in contains is due")
        self._next += 1
        return token.text

    def _name(self) -> str:
        token = self._peek()
        if token is not None and token.kind == "quoted":
            self._next += 1
            return token.text[1:-1]
        if token is None or token.kind != "word" or token.text.lower() in WORDS:
            self._refuse(
                self._at(), "a name is due (one that is a word of this language stands in double quotes)"
            )
        self._next += 1
        return token.text

    def _text_value(self) -> str:
        at = self._at()
        value = self._value()
        if not isinstance(value, str):
            self._refuse(at, "a list contains a text, in single quotes")
        return value

    def _value(self) -> Scalar:
        token = self._peek()
        if token is None or (token.kind == "word" and token.text.lower() not in ("true", "false")):
            self._refuse(self._at(), _VALUE_DUE)
        self._next += 1
        if token.kind == "word":
            return token.text.lower() == "true"
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "time":
            return self._time(token)
        if token.kind != "number" or len(token.text) > _MOST_DIGITS:
            self._refuse(token.at, _VALUE_DUE)
        return int(token.text) if token.text.lstrip("-").isdigit() else float(token.text)

    def _time(self, token: _Token) -> datetime:
        try:
            found = datetime.fromisoformat(token.text)
        except ValueError:
            self._refuse(token.at, "there is no such date or time")
        return found if found.tzinfo is not None else found.replace(tzinfo=UTC)

    def expect_end(self) -> None:
        """Nothing may follow."""
        if self._peek() is not None:
            self._refuse(self._at(), "and, or or the end is due")

    def _need(self, sign: str) -> None:
        if not self._sign(sign):
            self._refuse(self._at(), f"{sign} is due")

    def _sign(self, sign: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "sign" or token.text != sign:
            return False
        self._next += 1
        return True

    def _word(self, word: str) -> bool:
        token = self._peek()
        if token is None or token.kind != "word" or token.text.lower() != word:
            return False
        self._next += 1
        return True

    def _peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _at(self) -> int:
        token = self._peek()
        return len(self._text) if token is None else token.at

    def _refuse(self, at: int, why: str) -> NoReturn:
        raise BadInput(f"the filter cannot be read at character {at + 1}: {why}")


_OR, _AND, _NOT = 1, 2, 3


def _shown(given: Filter, around: int) -> str:
    """:param around: how strongly what stands around it binds."""
    if isinstance(given, AnyOf):
        return _wrapped(" or ".join(_shown(each, _OR) for each in given.parts), around >= _OR)
    if isinstance(given, AllOf):
        return _wrapped(" and ".join(_shown(each, _AND) for each in given.parts), around >= _AND)
    if isinstance(given, Not):
        return f"not {_shown(given.part, _NOT)}"
    name = _shown_name(given.name)
    if isinstance(given, Equals):
        return f"{name} = {_shown_value(given.value)}"
    if isinstance(given, Contains):
        return f"{name} contains {_shown_value(given.value)}"
    if isinstance(given, OneOf):
        return f"{name} in ({', '.join(_shown_value(each) for each in given.values)})"
    bounds = list(given.bounds())
    if len(bounds) == 1:
        sign, value = bounds[0]
        return f"{name} {sign} {_shown_value(value)}"
    (low_sign, low), (high_sign, high) = bounds
    return f"{_shown_value(low)} {_MIRRORED[low_sign]} {name} {high_sign} {_shown_value(high)}"


def _wrapped(text: str, needed: bool) -> str:
    return f"({text})" if needed else text


def _shown_name(name: str) -> str:
    return f'"{name}"' if name.lower() in WORDS else name


def _shown_value(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return text.removesuffix("T00:00:00Z")
    return repr(value)
