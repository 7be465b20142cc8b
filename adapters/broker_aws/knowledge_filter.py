"""From a filter to Bedrock's ``RetrievalFilter``: an object of JSON, so nothing in a value can be taken for an operator.

Source: the documentation of ``RetrievalFilter`` in botocore's model ``bedrock-agent-runtime/2023-07-26``. Its *notEquals* also
finds documents that lack the name, so it is the complement of *equals*; of a range and of *listContains* there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from broker.contract import FilterWalker, inward
from broker.types import Contains, Equals, Filter, Not, OneOf, Range, Scalar, ValueKind

Json = dict[str, Any]
_MOST_KEY = 100
_SIGNS = {
    ">=": "greaterThanOrEquals",
    ">": "greaterThan",
    "<=": "lessThanOrEquals",
    "<": "lessThan",
}


class _Walker(FilterWalker[Json]):
    def walk(self, whole: Filter) -> Json:
        if isinstance(whole, Not):
            return self._unequal(whole.part)
        return FilterWalker.walk(self, whole)

    def equals(self, condition: Equals) -> Json:
        return self._one("equals", condition.name, condition.value)

    def one_of(self, condition: OneOf) -> Json:
        if condition.kind is ValueKind.TEXT:  # AWS shows lists of texts only
            return {"in": {"key": self._key(condition.name), "value": list(condition.values)}}
        return FilterWalker.one_of(self, condition)

    def range(self, condition: Range) -> Json:
        if condition.kind is ValueKind.TIME:
            self._refuse_time(condition.name)
        found = [self._one(_SIGNS[sign], condition.name, value) for sign, value in condition.bounds()]
        return found[0] if len(found) == 1 else self.all_of(found)

    def contains(self, condition: Contains) -> Json:
        return self._one("listContains", condition.name, condition.value)

    def all_of(self, parts: Sequence[Json]) -> Json:
        return {"andAll": _flat("andAll", parts)}

    def any_of(self, parts: Sequence[Json]) -> Json:
        return {"orAll": _flat("orAll", parts)}

    def _unequal(self, part: Filter) -> Json:
        """The complement of a condition; the walk is over a filter whose *nots* stand before conditions."""
        if isinstance(part, (Range, Contains)):
            self.refuse(
                f"not, before a range or contains, would have to find documents that lack {part.name}, and Bedrock has no "
                "way to ask for them"
            )
        if isinstance(part, Equals):
            return self._one("notEquals", part.name, part.value)
        if not isinstance(part, OneOf):
            return self.negated(self.walk(part))
        # notIn is not told to find documents without the name; notEquals is.
        each = [self._one("notEquals", part.name, value) for value in part.values]
        return each[0] if len(each) == 1 else self.all_of(each)

    def _one(self, operator: str, name: str, value: Scalar) -> Json:
        if isinstance(value, datetime):
            self._refuse_time(name)
        if isinstance(value, int) and not fits(value):
            self.refuse(f"{name}: Bedrock's numbers are doubles, which cannot hold this one")
        return {operator: {"key": self._key(name), "value": value}}

    def _key(self, name: str) -> str:
        if len(name) > _MOST_KEY:
            self.refuse(f"a name in a filter has at most {_MOST_KEY} characters")
        return name

    def _refuse_time(self, name: str) -> None:
        self.refuse(
            f"{name}: Bedrock keeps no times; keep the seconds since 1970 as a number, and compare with them"
        )


def fits(value: int) -> bool:
    """Whether a double holds the number as it is."""
    return int(float(value)) == value


def _flat(operator: str, parts: Sequence[Json]) -> list[Json]:
    """``a and (b and c)`` as one list: nesting is what AWS limits."""
    found: list[Json] = []
    for part in parts:
        found.extend(part.get(operator, [part]))
    return found


_WALKER = _Walker()


def translate(given: Filter) -> Json:
    """Bedrock's filter. Raises :class:`Unsupported`."""
    return _WALKER.walk(inward(given))
