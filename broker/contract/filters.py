"""From a filter to an engine's own: the walk is here, the words and their escaping are each adapter's.

An adapter subclasses :class:`FilterWalker` and says for each condition what it is in the engine's language; what it does not
say is refused, with the reason, before anything is sent (see ``translate`` of
:class:`~broker.contract.search_limits.QueryLimits`). Values never become part of a filter's text but through the adapter's
one escaping function.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, NoReturn, TypeVar

from broker.errors import Unsupported
from broker.types.filters import AllOf, AnyOf, Contains, Equals, Filter, Not, OneOf, Range

T = TypeVar("T")


class FilterWalker(Generic[T]):
    """One translator; made once, used by all threads, so it keeps nothing between two walks."""

    def walk(self, whole: Filter) -> T:
        """The engine's filter. Raises :class:`Unsupported` for what the engine lacks."""
        if isinstance(whole, AllOf):
            return self.all_of([self.walk(each) for each in whole.parts])
        if isinstance(whole, AnyOf):
            return self.any_of([self.walk(each) for each in whole.parts])
        if isinstance(whole, Not):
            return self.negated(self.walk(whole.part))
        if isinstance(whole, Equals):
            return self.equals(whole)
        if isinstance(whole, OneOf):
            return self.one_of(whole)
        if isinstance(whole, Range):
            return self.range(whole)
        return self.contains(whole)

    def equals(self, condition: Equals) -> T:
        """The value is this one."""
        self.refuse(f"{condition.name} = … cannot be asked")

    def one_of(self, condition: OneOf) -> T:
        """By default, any of so many equalities."""
        each = [self.equals(Equals(name=condition.name, value=value)) for value in condition.values]
        return each[0] if len(each) == 1 else self.any_of(each)

    def range(self, condition: Range) -> T:
        """Between bounds; see :meth:`Range.bounds`."""
        self.refuse(f"{condition.name} cannot be compared with < and >")

    def contains(self, condition: Contains) -> T:
        """The list has this text."""
        self.refuse(f"{condition.name} contains … cannot be asked")

    def all_of(self, parts: Sequence[T]) -> T:  # noqa: ARG002 - of the interface
        """Two parts or more."""
        self.refuse("and cannot be asked")

    def any_of(self, parts: Sequence[T]) -> T:  # noqa: ARG002 - of the interface
        """Two parts or more."""
        self.refuse("or cannot be asked")

    def negated(self, part: T) -> T:  # noqa: ARG002 - of the interface
        """The complement. An engine without one: walk :func:`inward` of the filter, and say the negated conditions."""
        self.refuse("not cannot be asked")

    def refuse(self, why: str) -> NoReturn:
        """What the engine lacks. Raises :class:`Unsupported`."""
        raise Unsupported(f"the filter cannot be said in this engine's language: {why}; make it without")


def inward(whole: Filter, *, negate: bool = False) -> Filter:
    """The same filter with *not* only right before conditions (De Morgan), for engines that negate nothing else."""
    if isinstance(whole, Not):
        return inward(whole.part, negate=not negate)
    if isinstance(whole, (AllOf, AnyOf)):
        kind = type(whole)
        if negate:
            kind = AnyOf if kind is AllOf else AllOf
        return kind(parts=tuple(inward(each, negate=negate) for each in whole.parts))
    return Not(part=whole) if negate else whole
