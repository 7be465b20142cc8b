"""The filter language in SQL. Names and values go in as bound parameters, never as text of the statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from broker.contract import FilterWalker
from broker.types import Contains, Equals, Filter, MetadataValue, OneOf, Range, Scalar, ValueKind, kind_of

KINDS = {
    ValueKind.TEXT: 1,
    ValueKind.NUMBER: 2,
    ValueKind.BOOLEAN: 3,
    ValueKind.TIME: 4,
    ValueKind.TEXTS: 5,
}
"""As they stand in the column ``kind``, so that 1, true and the text 1 are never equal."""
MOST_VALUES = 20_000
"""Values in one filter; SQLite takes 32,766 parameters."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clause(NamedTuple):
    """A piece of SQL on ``{place}``, and the parameters in it."""

    sql: str
    values: tuple[str | int | float, ...]


def stored(value: Scalar) -> str | int | float:
    """A value as SQLite compares it: a time is its microseconds, exactly."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // _MICROSECOND
    return int(value) if isinstance(value, bool) else value


def facts(name: int, place: int, value: MetadataValue) -> list[tuple[int, int, str | int | float, int]]:
    """Rows for one name of a document; of a list one for each text."""
    kind = KINDS[kind_of(value)]
    if isinstance(value, tuple):
        return [(name, kind, each, place) for each in dict.fromkeys(value)]
    return [(name, kind, stored(value), place)]


_FACT = "EXISTS (SELECT 1 FROM fact WHERE place = {place} AND name = (SELECT number FROM name WHERE name = ?) AND kind = ? AND "


class InSql(FilterWalker[Clause]):
    """Every condition is a search for one document's fact.

    A range of values alone would be a stretch of all documents' facts, to be read whole: of a million some 200 ms,
    whatever the words are. A look at one document's fact takes half a microsecond.
    """

    def equals(self, condition: Equals) -> Clause:
        """One place of the tree."""
        return _there("value = ?", condition.name, kind_of(condition.value), [condition.value])

    def one_of(self, condition: OneOf) -> Clause:
        """So many places."""
        marks = ", ".join("?" * len(condition.values))
        return _there(f"value IN ({marks})", condition.name, condition.kind, condition.values)

    def contains(self, condition: Contains) -> Clause:
        """A text of a list is a fact of its own."""
        return _there("value = ?", condition.name, ValueKind.TEXTS, [condition.value])

    def range(self, condition: Range) -> Clause:
        """Between its bounds."""
        bounds = list(condition.bounds())
        holds = " AND ".join(f"value {sign} ?" for sign, _ in bounds)
        return _there(holds, condition.name, condition.kind, [value for _, value in bounds])

    def all_of(self, parts: Sequence[Clause]) -> Clause:
        """AND"""
        return self._joined(" AND ", parts)

    def any_of(self, parts: Sequence[Clause]) -> Clause:
        """OR"""
        return self._joined(" OR ", parts)

    def negated(self, part: Clause) -> Clause:
        """NOT; a document that lacks the name has no such fact, so it is in."""
        return Clause(f"NOT {part.sql}", part.values)

    def _joined(self, sign: str, parts: Sequence[Clause]) -> Clause:
        values = tuple(value for part in parts for value in part.values)
        if len(values) > MOST_VALUES:
            self.refuse(f"it has more than {MOST_VALUES:,} values")
        return Clause(f"({sign.join(part.sql for part in parts)})", values)


def _there(holds: str, name: str, kind: ValueKind, values: Sequence[Scalar]) -> Clause:
    return Clause(f"{_FACT}{holds})", (name, KINDS[kind], *(stored(value) for value in values)))


_walker = InSql()


def in_sql(whole: Filter) -> Clause:
    """A filter as SQL. Raises Unsupported for one that is too large."""
    return _walker.walk(whole)


def where(whole: Filter | None, place: str) -> tuple[str, tuple[str | int | float, ...]]:
    """`` AND …`` on a column, and its parameters; nothing for no filter."""
    if whole is None:
        return "", ()
    clause = in_sql(whole)
    return f" AND {clause.sql.replace('{place}', place)}", clause.values
