"""Vertex AI Search's filter expressions read by the grammar of their documentation, and evaluated plainly.

Nothing of the adapter is used. The grammar (docs/filter-search-metadata), but for places on the earth::

    filter     = expression, { " AND " | "OR", expression }
    expression = [ "-" | "NOT " ], ( "(", filter, ")"
               | text_field, ":", "ANY", "(", literal, { ",", literal }, ")"
               | numerical_field, ":", "IN", "(", lower_bound, ",", upper_bound, ")"
               | numerical_field, comparison, double
               | datetime_field, comparison, literal_iso_8601_datetime_format )

Which of AND and OR binds more strongly it does not say, so a mixture without parentheses is an error here; and so is NOT
before parentheses, of which it has no example.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<literal>"(?:[^"\\]|\\["\\])*")
    | (?P<number>-?[0-9]+(?:\.[0-9]+)?)(?![\w.])
    | (?P<word>[A-Za-z_][A-Za-z0-9_.-]*)
    | (?P<sign><=|>=|<|>|=|:|\(|\)|,|-)
    )""",
    re.VERBOSE,
)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
}
Matches = Callable[[Mapping[str, Any]], bool]


class Token(NamedTuple):
    kind: str
    text: str


class Reader:
    """``Reader(text).filter()`` gives what a document's ``structData`` must fulfil."""

    def __init__(self, text: str) -> None:
        self.tokens: list[Token] = []
        at = 0
        while at < len(text):
            found = _TOKEN.match(text, at)
            assert found is not None, f"at {at} of {text!r}"
            assert found.lastgroup is not None
            self.tokens.append(Token(found.lastgroup, found[found.lastgroup]))
            at = found.end()
        self.at = 0

    def whole(self) -> Matches:
        found = self.filter()
        assert self.at == len(self.tokens), self.tokens[self.at :]
        return found

    def filter(self) -> Matches:
        parts = [self.expression()]
        words: set[str] = set()
        while self.is_next("word", "AND", "OR"):
            words.add(self.take().text)
            parts.append(self.expression())
        assert len(words) < 2, "AND and OR side by side: which binds more strongly is not told"
        how = any if words == {"OR"} else all
        return lambda data: how([part(data) for part in parts])

    def expression(self) -> Matches:
        negated = self.is_next("word", "NOT") or self.is_next("sign", "-")
        if negated:
            self.take()
        if self.is_next("sign", "("):
            assert not negated
            self.take()
            found = self.filter()
            self.need(")")
        else:
            found = self.simple()
        return (lambda data: not found(data)) if negated else found

    def simple(self) -> Matches:
        name = self.take()
        assert name.kind == "word"
        assert name.text not in ("AND", "OR", "NOT", "ANY", "IN"), name
        sign = self.take()
        assert sign.kind == "sign"
        if sign.text == ":":
            function = self.take().text
            assert function == "ANY"
            self.need("(")
            literals = [self.literal()]
            while self.is_next("sign", ","):
                self.take()
                literals.append(self.literal())
            self.need(")")
            return lambda data: has_any(data.get(name.text), literals)
        compare = _ORDER[sign.text]
        if self.is_next("literal"):
            said = self.literal()
            return lambda data: literal_fits(data.get(name.text), said, sign.text)
        number = self.take()
        assert number.kind == "number"
        value = float(number.text)
        return lambda data: is_number(data.get(name.text)) and compare(float(data[name.text]), value)

    def literal(self) -> str:
        token = self.take()
        assert token.kind == "literal", token
        assert token.text.isprintable() or not any(ord(each) < 32 or ord(each) == 127 for each in token.text)
        return re.sub(r"\\(.)", r"\1", token.text[1:-1])

    def is_next(self, kind: str, *texts: str) -> bool:
        if self.at >= len(self.tokens):
            return False
        token = self.tokens[self.at]
        return token.kind == kind and (not texts or token.text in texts)

    def take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def need(self, sign: str) -> None:
        assert self.take() == Token("sign", sign)


def is_number(found: Any) -> bool:
    return isinstance(found, (int, float)) and not isinstance(found, bool)


def has_any(found: Any, literals: list[str]) -> bool:
    """Of a text, and of a list of texts; "exactly matches any of the literals"."""
    texts = found if isinstance(found, list) else [found]
    return any(each in literals for each in texts if isinstance(each, str))


def literal_fits(found: Any, said: str, sign: str) -> bool:
    """Of a truth value or a time: those alone are compared with a literal."""
    if isinstance(found, bool):
        assert sign == "="
        return said == ("true" if found else "false")
    if not isinstance(found, str):
        return False
    moment = datetime.fromisoformat(said)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", said), (
        "less would stand for a span of time"
    )
    return _ORDER[sign](datetime.fromisoformat(found), moment)


def holds_there(text: str, data: Mapping[str, Any]) -> bool:
    """Whether a document with this ``structData`` matches a filter expression."""
    return Reader(text).whole()(data)
