"""Read spend: sums of the rollup plus the few attempts that are still open."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from broker.ledger.base import DIMENSIONS, Intent, SpendQuery, SpendRow
from broker.types.money import EXACT

PICO = Decimal(10) ** 12
"""Amounts are stored as integers of 1e-12 of the currency."""
MICRO = 1_000_000
"""Sums are stored in two integers, of 1e-6 of the currency and the rest: one would overflow at 9.2 million."""

_FILTERS = ("provider", "profile", "operation")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    """What the rollup needs to know of an attempt. ``bound`` in 1e-12 of the currency."""

    day: str
    tags: Mapping[str, str]
    provider: str
    profile: str
    operation: str
    kind: str
    currency: str
    bound: int | None
    held: str = "[]"

    @classmethod
    def of(cls, intent: Intent) -> OpenRow:
        """From an intent."""
        return cls(
            day=intent.day,
            tags=intent.tags,
            provider=intent.provider,
            profile=intent.profile,
            operation=intent.operation,
            kind=intent.kind.value,
            currency=intent.currency,
            bound=None if intent.bound is None else int(EXACT.multiply(intent.bound, PICO)),
        )

    def value(self, dimension: str) -> str | None:
        """The row's value of a report dimension; None if it lacks the tag."""
        if dimension.startswith("tag:"):
            return self.tags.get(dimension[4:])
        return {
            "day": self.day,
            "month": self.day[:7],
            "provider": self.provider,
            "profile": self.profile,
            "operation": self.operation,
            "kind": self.kind,
        }[dimension]


def read_open(connection: sqlite3.Connection, writer: int | None = None) -> list[OpenRow]:
    """Attempts announced and not settled, of one writer or of all."""
    rows = connection.execute(
        "SELECT day, tags, provider, profile, operation, kind, currency, bound, held FROM open_attempt "  # noqa: S608 - fixed
        "WHERE NOT EXISTS (SELECT 1 FROM closed_attempt WHERE closed_attempt.seq = open_attempt.seq)"
        + (" AND writer = ?" if writer is not None else ""),
        () if writer is None else (writer,),
    )
    return [
        OpenRow(
            day=day,
            tags=json.loads(tags),
            provider=provider,
            profile=profile,
            operation=operation,
            kind=kind,
            currency=currency,
            bound=bound,
            held=held,
        )
        for day, tags, provider, profile, operation, kind, currency, bound, held in rows
    ]


def read_spend(connection: sqlite3.Connection, query: SpendQuery) -> list[SpendRow]:
    """The report. Raises ValueError for a dimension or filter there is not."""
    check_query(query)
    groups: dict[tuple[str, ...], _Sums] = {}
    for key, sums in _rolled(connection, query):
        groups.setdefault(key, _Sums()).add(sums)
    for row in read_open(connection):
        if not _matches(row, query):
            continue
        values = [row.value(name) for name in query.by]
        if None in values:
            continue
        key = (*(value for value in values if value is not None), row.currency)
        groups.setdefault(key, _Sums()).add_open(row)
    return [groups[key].row(key) for key in sorted(groups)]


class _Sums:
    """Running sums of one group."""

    def __init__(self) -> None:
        self.attempts = self.failed = self.open = self.unknown = self.unpriced = 0
        self.amount = self.at_risk = 0  # 1e-12 of the currency; Python integers do not overflow

    def add(self, sums: Sequence[int]) -> None:
        self.attempts += sums[0]
        self.failed += sums[1]
        self.unknown += sums[2]
        self.unpriced += sums[3]
        self.amount += sums[4] * MICRO + sums[5]
        self.at_risk += sums[6] * MICRO + sums[7]

    def add_open(self, row: OpenRow) -> None:
        self.attempts += 1
        self.open += 1
        self.unpriced += row.bound is None
        self.at_risk += row.bound or 0

    def row(self, key: tuple[str, ...]) -> SpendRow:
        return SpendRow(
            group=key[:-1],
            currency=key[-1],
            attempts=self.attempts,
            failed=self.failed,
            open=self.open,
            unknown=self.unknown,
            unpriced=self.unpriced,
            amount=EXACT.divide(Decimal(self.amount), PICO),
            at_risk=EXACT.divide(Decimal(self.at_risk), PICO),
        )


def check_query(query: SpendQuery) -> None:
    """Raises ValueError for a dimension or filter there is not."""
    tags = [name for name in query.by if name.startswith("tag:") and len(name) > 4]
    for name in query.by:
        if name not in DIMENSIONS and name not in tags:
            raise ValueError(
                f"spend cannot be grouped by {name!r}; choose from {', '.join(DIMENSIONS)} and tag:KEY"
            )
    if len(tags) > 1:
        raise ValueError("spend can be grouped by one tag at a time")
    for name in query.where:
        if name not in _FILTERS:
            raise ValueError(f"spend cannot be filtered by {name!r}; choose from {', '.join(_FILTERS)}")


def _day(day: date) -> str:
    return (day.date() if isinstance(day, datetime) else day).isoformat()


def _matches(row: OpenRow, query: SpendQuery) -> bool:
    return (
        (query.since is None or row.day >= _day(query.since))
        and (query.until is None or row.day <= _day(query.until))
        and all(row.value(name) == value for name, value in query.where.items())
    )


def _rolled(
    connection: sqlite3.Connection, query: SpendQuery
) -> Iterator[tuple[tuple[str, ...], Sequence[int]]]:
    tag = next((name[4:] for name in query.by if name.startswith("tag:")), None)
    columns = [
        "tag" if name.startswith("tag:") else "substr(day, 1, 7)" if name == "month" else name
        for name in query.by
    ]
    conditions = ["tag = ''" if tag is None else "substr(tag, 1, ?) = ?"]
    parameters: list[str | int] = [] if tag is None else [len(tag) + 1, f"{tag}="]
    for comparison, day in (("day >= ?", query.since), ("day <= ?", query.until)):
        if day is not None:
            conditions.append(comparison)
            parameters.append(_day(day))
    for name, value in query.where.items():
        conditions.append(f"{name} = ?")
        parameters.append(value)
    groups = ", ".join([*columns, "currency"])
    statement = (
        f"SELECT {groups}, sum(attempts), sum(failed), sum(unknown), sum(unpriced), "  # noqa: S608 - fixed names
        "sum(amount), sum(amount_rest), sum(at_risk), sum(at_risk_rest) "
        f"FROM spend WHERE {' AND '.join(conditions)} GROUP BY {groups}"
    )
    width = len(columns) + 1
    for row in connection.execute(statement, parameters):
        key = tuple(
            value.partition("=")[2] if column == "tag" else value
            for column, value in zip([*columns, "currency"], row[:width], strict=True)
        )
        yield key, row[width:]
