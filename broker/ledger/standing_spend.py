"""What stands in a report's days, and its shares: the rule is :data:`broker.types.standing.ALLOCATION`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from broker.ledger.base import SpendQuery
from broker.ledger.clock_cost import Line, lines
from broker.ledger.held import decimal_of
from broker.ledger.reports import check_query
from broker.ledger.standing_rows import read
from broker.types.money import EXACT
from broker.types.standing import AllocatedRow, StandingMeter, StandingRow, StandingSpend

_NONE = Decimal(0)
# One look at all attempts of a meter's account that were answered: of each day, by what the report asks for.
_ANSWERED = "SELECT day, operation, {group}, sum(attempts - failed) FROM spend WHERE {where} GROUP BY day, operation, {group}"


class _Answered(NamedTuple):
    """Attempts of a day and operation that were answered; ``group`` None: without the tag asked for."""

    key: tuple[str, str, str]
    group: tuple[str, ...] | None
    wanted: bool
    attempts: int


def standing_spend(connection: sqlite3.Connection, query: SpendQuery, at: datetime) -> StandingSpend:
    """The report, up to ``at``. Raises ValueError for a dimension or filter there is not."""
    check_query(query)
    where = query.where
    meters = [
        each
        for each in read(connection)
        if where.get("provider", each.provider) == each.provider
        and where.get("profile", each.profile) == each.profile
        and where.get("operation", next(iter(each.operations), "")) in each.operations
    ]
    if not meters:
        return StandingSpend()
    begin = min(each.begins for each in meters) if query.since is None else _midnight(query.since)
    end = at if query.until is None else min(at, _midnight(query.until) + timedelta(days=1))
    by_meter: dict[str, list[Line]] = {each.name: [] for each in meters}
    # Tiers are the whole account's, so all that stands is reckoned, and what was not asked for is left out afterwards.
    for line in lines(read(connection), begin, end):
        if line.meter.name in by_meter:
            by_meter[line.meter.name].append(line)
    shares: dict[tuple[tuple[str, ...], str], list[int]] = {}
    counted: set[tuple[str, str, tuple[str, str, str], str]] = set()
    rows: list[StandingRow] = []
    for meter in meters:
        found = by_meter[meter.name]
        if found:
            rows += _rows(meter, found, _answered(connection, query, meter, found), shares, counted)
    allocated = tuple(
        AllocatedRow(group=group, currency=currency, attempts=attempts, amount=decimal_of(amount))
        for (group, currency), (attempts, amount) in sorted(shares.items())
    )
    return StandingSpend(rows=tuple(rows), allocated=allocated)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _rows(
    meter: StandingMeter,
    found: Sequence[Line],
    days: dict[str, list[_Answered]],
    shares: dict[tuple[tuple[str, ...], str], list[int]],
    counted: set[tuple[str, str, tuple[str, str, str], str]],
) -> Iterator[StandingRow]:
    """One row for each currency that the meter's days are priced in."""
    for currency in dict.fromkeys(line.price.currency for line in found):
        mine = [line for line in found if line.price.currency == currency]
        total, allocated, hours, unpriced_hours = 0, 0, _NONE, _NONE
        why: str | None = None
        for line in mine:
            hours = EXACT.add(hours, line.hours)
            if line.amount is None:
                unpriced_hours = EXACT.add(unpriced_hours, line.hours)
                why = why or line.unpriced
                continue
            total += line.amount
            allocated += _share(line, days.get(line.day, []), currency, shares, counted)
        yield StandingRow(
            name=meter.name,
            sku=meter.sku,
            provider=meter.provider,
            profile=meter.profile,
            currency=currency,
            units=meter.units,
            hours=hours,
            amount=None if all(line.amount is None for line in mine) else decimal_of(total),
            unpriced_hours=unpriced_hours,
            allocated=decimal_of(allocated),
            ended=meter.until,
            unpriced=why,
        )


def _share(
    line: Line,
    answered: Sequence[_Answered],
    currency: str,
    shares: dict[tuple[tuple[str, ...], str], list[int]],
    counted: set[tuple[str, str, tuple[str, str, str], str]],
) -> int:
    """Share a day out. Parts are cut from a running sum, so that to the last 1e-12 they add up to the whole."""
    all_of_them = sum(each.attempts for each in answered)
    amount = line.amount or 0
    if not all_of_them:
        return 0
    before = 0
    for each in answered:
        after = before + each.attempts
        part = amount * after // all_of_them - amount * before // all_of_them
        before = after
        if not each.wanted or each.group is None:
            continue
        sums = shares.setdefault((each.group, currency), [0, 0])
        once = (line.day, line.meter.account, each.key, currency)
        sums[0] += each.attempts if once not in counted else 0
        counted.add(once)
        sums[1] += part
    return amount


def _answered(
    connection: sqlite3.Connection, query: SpendQuery, meter: StandingMeter, found: Sequence[Line]
) -> dict[str, list[_Answered]]:
    """By day, in one order whatever the file's, so that the same report has the same parts."""
    tag = next((name[4:] for name in query.by if name.startswith("tag:")), None)
    where = "provider = ? AND profile = ? AND day >= ? AND day <= ? AND attempts > failed"
    facts: tuple[str, ...] = (meter.provider, meter.profile, found[0].day, found[-1].day)
    days: dict[str, dict[tuple[str, str, str], int]] = {}

    def add(tagged: str, value: str, *more: str | int, sign: int) -> None:
        statement = _ANSWERED.format(group=f"kind, {value}", where=f"{where} AND {tagged}")
        for day, operation, kind, name, attempts in connection.execute(statement, (*facts, *more)):
            if operation not in meter.operations:
                continue
            parts = days.setdefault(day, {})
            parts[operation, kind, name] = parts.get((operation, kind, name), 0) + attempts
            if sign < 0:
                parts[operation, kind, ""] -= attempts

    add("tag = ''", "''", sign=1)
    if tag is not None:
        add("substr(tag, 1, ?) = ?", "tag", len(tag) + 1, f"{tag}=", sign=-1)
    operation_asked = query.where.get("operation")
    return {
        day: [
            _Answered(
                key=key,
                group=_group(query, meter, day, *key),
                wanted=operation_asked in (None, key[0]),
                attempts=attempts,
            )
            for key, attempts in sorted(parts.items())
            if attempts > 0
        ]
        for day, parts in days.items()
    }


def _group(
    query: SpendQuery, meter: StandingMeter, day: str, operation: str, kind: str, tagged: str
) -> tuple[str, ...] | None:
    values = []
    for name in query.by:
        if name.startswith("tag:"):
            if not tagged:
                return None
            values.append(tagged.partition("=")[2])
        else:
            values.append(
                {
                    "day": day,
                    "month": day[:7],
                    "provider": meter.provider,
                    "profile": meter.profile,
                    "operation": operation,
                    "kind": kind,
                }[name]
            )
    return tuple(values)
