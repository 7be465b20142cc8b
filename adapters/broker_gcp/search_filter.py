"""From a filter to Vertex AI Search's filter expression.

Source: the grammar on cloud.google.com/generative-ai-app-builder/docs/filter-search-metadata. What it leaves open is not
relied on: which of AND and OR binds more strongly (all that is joined stands in parentheses), what NOT may stand before
(conditions only), and how control characters are written (refused). It says of texts: "A literal is any double quoted
string. You must escape backslash and quote characters."

A name of the schema holds texts or lists of texts alike: ``= 'a'`` finds a list that has it, as ``contains 'a'`` does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from broker.contract import FilterWalker, inward
from broker.types import Contains, Equals, Filter, Not, OneOf, Range, Scalar

LARGEST_EXACT = 2**53
"""Numbers are doubles there."""
_WORDS = frozenset({"AND", "OR", "NOT", "ANY", "IN", "GEO_DISTANCE"})
"""Of the language, which tells capitals."""
_UNWRITABLE = re.compile("[\x00-\x1f\x7f]")
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"'})


class _Walker(FilterWalker[str]):
    def equals(self, condition: Equals) -> str:
        if isinstance(condition.value, str):
            return self._any(condition.name, (condition.value,))
        return f"{self._name(condition.name)} = {self._value(condition.name, condition.value)}"

    def range(self, condition: Range) -> str:
        name = self._name(condition.name)
        parts = [f"{name} {sign} {self._value(name, value)}" for sign, value in condition.bounds()]
        return parts[0] if len(parts) == 1 else self.all_of(parts)

    def contains(self, condition: Contains) -> str:
        return self._any(condition.name, (condition.value,))

    def one_of(self, condition: OneOf) -> str:
        texts = [each for each in condition.values if isinstance(each, str)]
        return self._any(condition.name, texts) if texts else super().one_of(condition)

    def all_of(self, parts: Sequence[str]) -> str:
        return f"({' AND '.join(parts)})"

    def any_of(self, parts: Sequence[str]) -> str:
        return f"({' OR '.join(parts)})"

    def walk(self, whole: Filter) -> str:
        """As always, but that a condition of several parts is negated part by part."""
        return self._negated(whole.part) if isinstance(whole, Not) else super().walk(whole)

    def _negated(self, part: Filter) -> str:
        """Of a condition, for the filter was turned inward."""
        if isinstance(part, Range):
            name = self._name(part.name)
            bounds = [f"NOT {name} {sign} {self._value(name, value)}" for sign, value in part.bounds()]
            return bounds[0] if len(bounds) == 1 else self.any_of(bounds)
        if isinstance(part, OneOf) and not isinstance(part.values[0], str):
            alone = [self.walk(Not(part=Equals(name=part.name, value=each))) for each in part.values]
            return alone[0] if len(alone) == 1 else self.all_of(alone)
        return f"NOT {self.walk(part)}"

    def _name(self, name: str) -> str:
        if name in _WORDS:
            self.refuse(f"{name} is a word of the language, so it cannot be a name")
        return name

    def _any(self, name: str, texts: Sequence[str]) -> str:
        return f"{self._name(name)}: ANY({', '.join(self._text(name, each) for each in texts)})"

    def _text(self, name: str, text: str) -> str:
        if _UNWRITABLE.search(text):
            self.refuse(f"{name}: a text with control characters, such as a line's end, cannot be written")
        return f'"{text.translate(_ESCAPED)}"'

    def _value(self, name: str, value: Scalar) -> str:
        """What stands behind = or <; texts do not."""
        if isinstance(value, bool):
            return '"true"' if value else '"false"'
        if isinstance(value, datetime):
            # With all its digits: "2023" would be any time of that year.
            return f'"{instant(value)}"'
        if isinstance(value, str):
            self.refuse(f"{name}: texts have no order")
        if isinstance(value, int) and int(float(value)) != value:
            self.refuse(f"{name}: {value} is no number that a double holds")
        return plain_number(value)


_WALKER = _Walker()


def translate(given: Filter) -> str:
    """The filter expression. Raises :class:`Unsupported` for what the language lacks. Pure."""
    return _WALKER.walk(inward(given))


def instant(value: datetime) -> str:
    """ISO 8601 to the microsecond, in UTC."""
    return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def plain_number(value: float) -> str:
    """Digits without an exponent, which the grammar does not have; read again they are the same double.

    >>> plain_number(1e21), plain_number(-0.5)
    ('1000000000000000000000', '-0.5')
    """
    return format(Decimal(repr(float(value) + 0.0)), "f")
