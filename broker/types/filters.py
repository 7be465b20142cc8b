"""What hits must have: a small language that every engine's own can be made from, as data.

Built in Python (``where("year").at_least(2000) & where("tags").contains("news")``) or read from a text
(:mod:`broker.types.filter_text`). A document that lacks a name matches no condition on it, so ``~where("year").equals(3)``
finds it: *not* is the complement. What an engine lacks is refused before anything is sent, never left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias, Union, cast

from broker.errors import BadInput
from broker.types.metadata import Scalar, ValueKind, check_name, kind_of, scalar

MOST_CONDITIONS = 500
"""Conditions in one filter; more than any engine takes."""
DEEPEST = 32
MOST_VALUES = 1000
"""Values of one ``one_of``."""
Given: TypeAlias = Union[str, int, float, bool, date, datetime]


class _Joinable:
    __slots__ = ()

    def __and__(self, other: Filter) -> AllOf:
        return AllOf(parts=(*_parts_of(self, AllOf), *_parts_of(other, AllOf)))

    def __or__(self, other: Filter) -> AnyOf:
        return AnyOf(parts=(*_parts_of(self, AnyOf), *_parts_of(other, AnyOf)))

    def __invert__(self) -> Not:
        return Not(part=cast("Filter", self))

    def __bool__(self) -> bool:
        # `a and b` would silently be `b`.
        raise BadInput(
            "join filters with & and |, and negate them with ~; and, or, not cannot be used for it"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Equals(_Joinable):
    """The value is this one. Numbers are compared as numbers (1 and 1.0 are equal), texts exactly."""

    name: str
    value: Scalar

    def __post_init__(self) -> None:
        check_name(self.name)
        object.__setattr__(self, "value", scalar(self.name, self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf(_Joinable):
    """The value is one of these, which are of one kind."""

    name: str
    values: tuple[Scalar, ...]

    def __post_init__(self) -> None:
        check_name(self.name)
        given: Any = self.values
        if isinstance(given, str) or not isinstance(given, Iterable):
            raise BadInput(f"{self.name}: give several values in a list, or use equals for one")
        values = tuple(scalar(self.name, each) for each in given)
        if not 1 <= len(values) <= MOST_VALUES:
            raise BadInput(f"{self.name}: one of {len(values)} values; it is 1 to {MOST_VALUES}")
        if len({kind_of(each) for each in values}) > 1:
            raise BadInput(f"{self.name}: the values are of different kinds")
        object.__setattr__(self, "values", values)

    @property
    def kind(self) -> ValueKind:
        """Of all values."""
        return kind_of(self.values[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(_Joinable):
    """The number or time lies between bounds, of which at least one is given.

    :param above: it is greater than this; not together with ``at_least``.
    :param below: it is smaller than this; not together with ``at_most``.
    """

    name: str
    at_least: Scalar | None = None
    above: Scalar | None = None
    at_most: Scalar | None = None
    below: Scalar | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        found: set[ValueKind] = set()
        for bound in ("at_least", "above", "at_most", "below"):
            value = getattr(self, bound)
            if value is not None:
                value = scalar(self.name, value)
                found.add(kind_of(value))
                object.__setattr__(self, bound, value)
        if not found:
            raise BadInput(f"{self.name}: a range needs a bound")
        if found - {ValueKind.NUMBER, ValueKind.TIME} or len(found) > 1:
            raise BadInput(f"{self.name}: the bounds of a range are numbers, or times; texts have no range")
        if self.at_least is not None and self.above is not None:
            raise BadInput(f"{self.name}: at_least and above are one bound; give one of them")
        if self.at_most is not None and self.below is not None:
            raise BadInput(f"{self.name}: at_most and below are one bound; give one of them")

    @property
    def kind(self) -> ValueKind:
        """Of the bounds."""
        return next(kind_of(value) for _, value in self.bounds())

    def bounds(self) -> Iterator[tuple[str, Scalar]]:
        """Each bound that is given, with its sign: ``>=``, ``>``, ``<=`` or ``<``."""
        for sign, value in (
            (">=", self.at_least),
            (">", self.above),
            ("<=", self.at_most),
            ("<", self.below),
        ):
            if value is not None:
                yield sign, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Contains(_Joinable):
    """The list of texts has this one among its own."""

    name: str
    value: str

    def __post_init__(self) -> None:
        check_name(self.name)
        if not isinstance(self.value, str):
            raise BadInput(
                f"{self.name}: a list holds texts, so it contains a text, not {type(self.value).__name__}"
            )
        object.__setattr__(self, "value", scalar(self.name, self.value))


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf(_Joinable):
    """Every part holds."""

    parts: tuple[Filter, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _checked_parts(self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf(_Joinable):
    """At least one part holds."""

    parts: tuple[Filter, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _checked_parts(self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Not(_Joinable):
    """The part does not hold, also for documents that lack its names."""

    part: Filter

    def __post_init__(self) -> None:
        _check_part(self.part)


Condition: TypeAlias = Union[Equals, OneOf, Range, Contains]
"""A filter without parts."""
Filter: TypeAlias = Union[Equals, OneOf, Range, Contains, AllOf, AnyOf, Not]
_CONDITIONS = (Equals, OneOf, Range, Contains)
_FILTERS = (*_CONDITIONS, AllOf, AnyOf, Not)


@dataclass(frozen=True, slots=True)
class where:  # noqa: N801 - reads as a word of a sentence
    """The beginning of a condition: ``where("year").at_least(2000)``. Raises :class:`BadInput`."""

    name: str

    def equals(self, value: Given) -> Equals:
        """The value is this one."""
        return Equals(name=self.name, value=cast("Scalar", value))

    def one_of(self, values: Iterable[Given]) -> OneOf:
        """The value is one of these."""
        return OneOf(name=self.name, values=cast("tuple[Scalar, ...]", values))

    def contains(self, value: str) -> Contains:
        """The list of texts has this one."""
        return Contains(name=self.name, value=value)

    def at_least(self, value: Given) -> Range:
        """``>=``"""
        return Range(name=self.name, at_least=cast("Scalar", value))

    def above(self, value: Given) -> Range:
        """``>``"""
        return Range(name=self.name, above=cast("Scalar", value))

    def at_most(self, value: Given) -> Range:
        """``<=``"""
        return Range(name=self.name, at_most=cast("Scalar", value))

    def below(self, value: Given) -> Range:
        """``<``"""
        return Range(name=self.name, below=cast("Scalar", value))

    def between(self, at_least: Given, at_most: Given) -> Range:
        """Both ends belong to it."""
        return Range(name=self.name, at_least=cast("Scalar", at_least), at_most=cast("Scalar", at_most))


def is_filter(given: Any) -> bool:
    """Whether it is a filter as data."""
    return isinstance(given, _FILTERS)


def conditions(whole: Filter) -> Iterator[Condition]:
    """All conditions in it, in their order."""
    waiting: list[Filter] = [whole]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (AllOf, AnyOf)):
            waiting.extend(reversed(part.parts))
        elif isinstance(part, Not):
            waiting.append(part.part)
        else:
            yield part


def check_filter(whole: Filter) -> None:
    """Refuse what is too large or too deep for any engine. Raises :class:`BadInput`."""
    count, layer = 0, [whole]
    for _ in range(DEEPEST):
        below: list[Filter] = []
        for part in layer:
            if isinstance(part, (AllOf, AnyOf)):
                below.extend(part.parts)
            elif isinstance(part, Not):
                below.append(part.part)
            else:
                count += 1
        if count + len(below) > MOST_CONDITIONS:
            raise BadInput(f"a filter has at most {MOST_CONDITIONS} conditions; use one_of for many values")
        if not below:
            return
        layer = below
    raise BadInput(f"a filter is nested at most {DEEPEST} deep")


def _parts_of(given: Any, kind: type[AllOf] | type[AnyOf]) -> tuple[Filter, ...]:
    """Of ``a & b & c`` one list of three, not two nested ones."""
    _check_part(given)
    return given.parts if isinstance(given, kind) else (given,)


def _checked_parts(given: Any) -> tuple[Filter, ...]:
    parts = tuple(given)
    if len(parts) < 2:
        raise BadInput("it takes two filters or more to join")
    for each in parts:
        _check_part(each)
    return parts


def _check_part(given: Any) -> None:
    if not isinstance(given, _FILTERS):
        raise BadInput(
            f"a {type(given).__name__} is no filter; begin with where(NAME), or read a text with parse_filter"
        )
