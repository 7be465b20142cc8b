"""From a filter to Kendra's ``AttributeFilter``: an object of JSON, so nothing in a value can be taken for an operator.

Source: the documentation of ``AttributeFilter`` in botocore's model ``kendra/2019-02-03``: ``AndAllFilters`` and
``OrAllFilters`` in two layers at most, ten filters in each list. A document without the attribute matches none of its
conditions, and every *NotFilter* of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from broker.contract import FilterWalker
from broker.types import Contains, Equals, Filter, Range, Scalar
from broker_aws.kendra_values import problem, value_of, whole_bound

Json = dict[str, Any]
AND, OR, NOT = "AndAllFilters", "OrAllFilters", "NotFilter"
_MOST_LAYERS, _MOST_PARTS = 2, 10
_SIGNS = {
    ">=": "GreaterThanOrEquals",
    ">": "GreaterThan",
    "<=": "LessThanOrEquals",
    "<": "LessThan",
}


class _Walker(FilterWalker[Json]):
    def equals(self, condition: Equals) -> Json:
        return self._one("EqualsTo", condition.name, condition.value)

    def range(self, condition: Range) -> Json:
        found = [self._bound(condition.name, sign, value) for sign, value in condition.bounds()]
        return found[0] if len(found) == 1 else self.all_of(found)

    def contains(self, condition: Contains) -> Json:
        return self._one("ContainsAny", condition.name, (condition.value,))

    def all_of(self, parts: Sequence[Json]) -> Json:
        return _joined(AND, parts)

    def any_of(self, parts: Sequence[Json]) -> Json:
        return _joined(OR, parts)

    def negated(self, part: Json) -> Json:
        inner = part.get(NOT)
        return inner if isinstance(inner, dict) else {NOT: part}

    def _bound(self, name: str, sign: str, value: Scalar) -> Json:
        if isinstance(value, (int, float, datetime)):
            try:
                sign, value = whole_bound(sign, value)
            except OverflowError:
                self.refuse(f"{name}: Kendra's times are whole seconds, and there is none behind this one")
        return self._one(_SIGNS[sign], name, value)

    def _one(self, operator: str, name: str, value: Scalar | tuple[str, ...]) -> Json:
        why = problem(value)
        if why:
            self.refuse(f"{name}: {why}")
        return {operator: {"Key": name, "Value": value_of(value)}}


def _joined(operator: str, parts: Sequence[Json]) -> Json:
    """``a and (b and c)`` as one list, for layers are few; a list that is too long as a list of lists."""
    flat: list[Json] = []
    for part in parts:
        flat.extend(part.get(operator, [part]))
    return {operator: flat}


def _fitted(tree: Json) -> Json:
    """With lists of no more than ten."""
    for operator in (AND, OR):
        if operator in tree:
            parts = [_fitted(each) for each in tree[operator]]
            while len(parts) > _MOST_PARTS:
                groups = [parts[at : at + _MOST_PARTS] for at in range(0, len(parts), _MOST_PARTS)]
                parts = [group[0] if len(group) == 1 else {operator: group} for group in groups]
            return {operator: parts}
    return {NOT: _fitted(tree[NOT])} if NOT in tree else tree


def _layers(tree: Json) -> int:
    for operator in (AND, OR):
        if operator in tree:
            return 1 + max(_layers(each) for each in tree[operator])
    return _layers(tree[NOT]) if NOT in tree else 0


_WALKER = _Walker()


def translate(given: Filter) -> Json:
    """Kendra's filter. Raises :class:`Unsupported`."""
    return _checked(_WALKER.walk(given))


def in_language(filter: Filter | None, code: str) -> Json:
    """Only documents in this language, and of them those that the filter finds. Raises :class:`Unsupported`."""
    language: Json = {"EqualsTo": {"Key": "_language_code", "Value": {"StringValue": code}}}
    return language if filter is None else _checked(_joined(AND, [language, _WALKER.walk(filter)]))


def _checked(tree: Json) -> Json:
    found = _fitted(tree)
    if _layers(found) > _MOST_LAYERS:
        _WALKER.refuse(
            f"Kendra takes and, or in {_MOST_LAYERS} layers, with {_MOST_PARTS} conditions in each; make it flatter or shorter"
        )
    return found
