"""Read spend: sums of the rollup plus the few attempts that are still open."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker.ledger.base import DIMENSIONS, Intent, SpendQuery, SpendRow

PICO = Decimal(10) ** 12
"""Amounts are stored as integers of 1e-12 of the currency."""

_FILTERS = ("provider", "profile", "operation")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    """What the rollup needs to know of an attempt. ``bound`` in 1e-12 of the currency."""

    day: str
    tags: Mapping[str, str]
    provider: str
    profile: str
    operation: str
    currency: str
    bound: int | None

    @classmethod
    def of(cls, intent: Intent) -> OpenRow:
        """From an intent."""
        return cls(
            day=intent.day,
            tags=intent.tags,
            provider=intent.provider,
            profile=intent.profile,
            operation=intent.operation,
            currency=intent.currency,
            bound=None if intent.bound is None else int(intent.bound * PICO),
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
        }[dimension]


def read_open(connection: sqlite3.Connection, owner: str | None = None) -> list[OpenRow]:
    """Attempts announced and not settled, of one process or of all."""
    rows = connection.execute(
        "SELECT day, tags, provider, profile, operation, currency, bound FROM open_attempt"  # noqa: S608 - fixed
        + (" WHERE owner = ?" if owner is not None else ""),
        () if owner is None else (owner,),
    )
    return [
        OpenRow(
            day=day,
            tags=json.loads(tags),
            provider=provider,
            profile=profile,
            operation=operation,
            currency=currency,
            bound=bound,
        )
        for day, tags, provider, profile, operation, currency, bound in rows
    ]


def read_spend(connection: sqlite3.Connection, query: SpendQuery) -> list[SpendRow]:
    """The report. Raises ValueError for a dimension or filter there is not."""
    _check(query)
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
        self.amount += sums[4] * 1_000_000 + sums[5]
        self.at_risk += sums[6] * 1_000_000 + sums[7]

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
            amount=Decimal(self.amount) / PICO,
            at_risk=Decimal(self.at_risk) / PICO,
        )


def _check(query: SpendQuery) -> None:
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


def _matches(row: OpenRow, query: SpendQuery) -> bool:
    return (
        (query.since is None or row.day >= query.since.isoformat())
        and (query.until is None or row.day <= query.until.isoformat())
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
            parameters.append(day.isoformat())
    for name, value in query.where.items():
        conditions.append(f"{name} = ?")
        parameters.append(value)
    groups = ", ".join([*columns, "currency"])
    # Sums are taken in two halves: an SQLite integer of 1e-12 holds no more than 9.2 million.
    statement = (
        f"SELECT {groups}, sum(attempts), sum(failed), sum(unknown), sum(unpriced), "  # noqa: S608 - fixed names
        "sum(amount / 1000000), sum(amount % 1000000), sum(at_risk / 1000000), sum(at_risk % 1000000) "
        f"FROM spend WHERE {' AND '.join(conditions)} GROUP BY {groups}"
    )
    width = len(columns) + 1
    for row in connection.execute(statement, parameters):
        key = tuple(
            value.partition("=")[2] if column == "tag" else value
            for column, value in zip([*columns, "currency"], row[:width], strict=True)
        )
        yield key, row[width:]
