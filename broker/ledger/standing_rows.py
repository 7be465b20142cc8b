"""What stands, as the ledger keeps it: begun, ended, priced; and what it counts for in budgets."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from broker.ledger.clock_cost import crossings, lines
from broker.ledger.held import pico
from broker.types.budget import Budget
from broker.types.money import EXACT
from broker.types.standing import StandingMeter, StandingPrice

_ROWS = "SELECT name, facts, until, prices FROM standing ORDER BY name"
_MOVE = "UPDATE standing_state SET generation = generation + 1"


class Fixed(NamedTuple):
    """What stands counts for in a budget's window. Amounts in 1e-12.

    :param whole: for the whole window: up to its end, or for a rolling one the most it can come to.
    :param unknown: why that is not known, so that the budget cannot be held.
    """

    whole: int
    unknown: str | None


NOTHING_STANDS = Fixed(0, None)


class StandingBook:
    """Read once, and again when somebody has changed something; inside transactions of its connection."""

    def __init__(self) -> None:
        self._generation = 0
        self._meters: tuple[StandingMeter, ...] = ()
        self._kept: dict[tuple[str, str, str], Fixed] = {}

    def fixed(
        self, connection: sqlite3.Connection, generation: int, budget: Budget, definition: str, at: datetime
    ) -> Fixed:
        """What stands counts for in a budget; the same for all instants of one bucket."""
        if generation != self._generation:
            self._meters = read(connection)
            self._generation = generation
            self._kept = {}
        if not self._meters:
            return NOTHING_STANDS
        key = (budget.name, definition, budget.window.bucket(at))
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) > 1000:
                self._kept.clear()
            found = self._kept[key] = _whole(budget, self._meters, at)
        return found

    def now(self, budget: Budget, at: datetime) -> int:
        """The part up to this instant, after :meth:`fixed`."""
        meters = [each for each in self._meters if each.covered_by(budget)]
        return _sum(budget, meters, budget.window.opens(at), at)[0]


def read(connection: sqlite3.Connection) -> tuple[StandingMeter, ...]:
    """All meters, also those that have ended, by name."""
    return tuple(StandingMeter.of(*row) for row in connection.execute(_ROWS))


def generation(connection: sqlite3.Connection) -> int:
    """Another number after each change."""
    (number,) = connection.execute("SELECT generation FROM standing_state").fetchone()
    return int(number)


def stand(
    connection: sqlite3.Connection, meters: Sequence[StandingMeter], at: datetime
) -> list[tuple[StandingMeter, str]]:
    """Declare meters. Returns what changed: ``begun``, ``ended``, ``priced``, ``serves``.

    Raises ValueError where a name stands for something else already: what has stood is not rewritten.
    """
    known = {each.name: each for each in read(connection)}
    changed: list[tuple[StandingMeter, str]] = []
    for meter in meters:
        before = known.get(meter.name)
        if before is None:
            row = (meter.name, meter.facts(), _text(meter.until), meter.price_text(), at.date().isoformat())
            connection.execute("INSERT INTO standing VALUES (?, ?, ?, ?, ?)", row)
            _tell(connection, at, meter.name, "begun", None, meter.facts())
            changed.append((meter, "begun"))
            continue
        if _identity(before) != _identity(meter):
            raise ValueError(_differs(before, meter))
        if before.operations != meter.operations:  # another release knows more of them
            before = replace(before, operations=meter.operations)
            connection.execute("UPDATE standing SET facts = ? WHERE name = ?", (meter.facts(), meter.name))
            changed.append((before, "serves"))
        if meter.until is not None and meter.until != before.until:
            end(connection, meter.name, meter.until, at)
            before = replace(before, until=meter.until)
            changed.append((before, "ended"))
        (fixed_to,) = connection.execute(
            "SELECT fixed_to FROM standing WHERE name = ?", (meter.name,)
        ).fetchone()
        cut = max(date.fromisoformat(fixed_to), at.date())
        after = replace(before, prices=merged(before.prices, meter.prices, cut))
        if after.price_text() != before.price_text():
            text = after.price_text()
            connection.execute(
                "UPDATE standing SET prices = ?, fixed_to = ? WHERE name = ?",
                (text, cut.isoformat(), meter.name),
            )
            _tell(connection, at, meter.name, "priced", before.price_text(), after.price_text())
            changed.append((after, "priced"))
    if changed:
        connection.execute(_MOVE)
    return changed


def end(
    connection: sqlite3.Connection, name: str, until: datetime, at: datetime, reason: str | None = None
) -> StandingMeter:
    """Say when a meter ended, or will end. Raises ValueError for a name there is not, or an end before its begin."""
    meter = replace(_one(connection, name), until=until)
    before = connection.execute("SELECT until FROM standing WHERE name = ?", (name,)).fetchone()[0]
    connection.execute("UPDATE standing SET until = ? WHERE name = ?", (_text(until), name))
    _tell(connection, at, name, "ended", before, _text(until), reason)
    _tell_anew(connection, meter)
    connection.execute(_MOVE)
    return meter


def remove(connection: sqlite3.Connection, name: str, at: datetime, reason: str) -> StandingMeter:
    """Take out what never stood as it was declared, with all it came to. Raises ValueError for a name there is not."""
    meter = _one(connection, name)
    connection.execute("DELETE FROM standing WHERE name = ?", (name,))
    _tell(connection, at, name, "removed", meter.facts(), None, reason)
    _tell_anew(connection, meter)
    connection.execute(_MOVE)
    return meter


def _tell_anew(connection: sqlite3.Connection, meter: StandingMeter) -> None:
    """There may be room again in the budgets that cover it; if it goes too, that is news."""
    for name, definition in connection.execute("SELECT name, definition FROM budget").fetchall():
        if meter.covered_by(Budget.from_json(name, definition)):
            connection.execute("DELETE FROM budget_alarm WHERE budget = ?", (name,))


def merged(
    before: Sequence[StandingPrice], after: Sequence[StandingPrice], cut: date
) -> tuple[StandingPrice, ...]:
    """Prices as they were up to a day, and as they are known now from it on; what was unpriced is priced."""
    days = sorted({price.begin for price in (*before, *after)} | {cut})
    days = [day for day in days if day >= before[0].begin]
    found: list[StandingPrice] = []
    for number, day in enumerate(days):
        old, new = _holding(before, day), _holding(after, day)
        taken = old if day < cut and old.unpriced is None else new
        taken = replace(taken, begin=day, end=days[number + 1] if number + 1 < len(days) else None)
        if found and replace(taken, begin=found[-1].begin) == replace(found[-1], end=taken.end):
            found[-1] = replace(found[-1], end=taken.end)
        else:
            found.append(taken)
    return tuple(found)


def _holding(prices: Sequence[StandingPrice], day: date) -> StandingPrice:
    return next((price for price in reversed(prices) if price.begin <= day), prices[0])


def _one(connection: sqlite3.Connection, name: str) -> StandingMeter:
    for meter in read(connection):
        if meter.name == name:
            return meter
    raise ValueError(f"nothing of the name {name!r} stands in this ledger")


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()


def _tell(
    connection: sqlite3.Connection,
    at: datetime,
    name: str,
    change: str,
    before: str | None,
    after: str | None,
    reason: str | None = None,
) -> None:
    row = (at.isoformat(), name, change, before, after, reason)
    connection.execute("INSERT INTO standing_change VALUES (?, ?, ?, ?, ?, ?)", row)


def _identity(meter: StandingMeter) -> str:
    """What never changes."""
    return replace(meter, operations=()).facts()


def _differs(before: StandingMeter, meter: StandingMeter) -> str:
    names = ("sku", "provider", "profile", "region", "tags", "units", "since")
    which = ", ".join(name for name in names if getattr(before, name) != getattr(meter, name))
    return (
        f"{meter.name} stands in this ledger with another {which}, and what has stood is not rewritten: end it "
        f"('mlbroker standing end {meter.name}') and declare the change under another name, or, if it was never so, "
        f"take it out ('mlbroker standing remove {meter.name}')"
    )


def _whole(budget: Budget, meters: Sequence[StandingMeter], at: datetime) -> Fixed:
    """For all instants of the bucket that ``at`` lies in."""
    mine = [each for each in meters if each.covered_by(budget)]
    if not mine:
        return NOTHING_STANDS
    window = budget.window
    bucket = window.bucket(at)
    begin, leaves = window.opens(at), window.leaves(bucket)
    if window.length is None:
        total, unknown = _sum(budget, mine, begin, leaves)
        return Fixed(total, unknown)
    # What is spent by a call now stays in the window for its length, so the dearest window up to then counts. The cost
    # of a window is piecewise linear in where it lies, so its most is where something begins, ends, changes its price or passes
    # into another tier.
    length = leaves - begin - timedelta(seconds=window.length)
    first, last = begin + length, leaves
    ends = {first, last}
    for meter in mine:
        changes = [meter.begins, meter.ends, *(_midnight(price.begin) for price in meter.prices)]
        for change in changes:
            for border in () if change is None else (change, change + length):
                if first < border < last:
                    ends.add(border)
    if any(len(price.tiers) > 1 or price.unit.endswith("month") for each in mine for price in each.prices):
        month = last.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        while month > first - length:  # another month has other tiers, and another length
            ends |= {each for each in (month, month + length) if first < each < last}
            month = (month - timedelta(days=1)).replace(day=1)
        for change in crossings(mine, first - length, last):
            ends |= {each for each in (change, change + length) if first < each < last}
    sums = [_sum(budget, mine, each - length, each) for each in sorted(ends)]
    unknown = next((reason for _, reason in sums if reason is not None), None)
    return Fixed(max(total for total, _ in sums), unknown)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _sum(
    budget: Budget, meters: Sequence[StandingMeter], begin: datetime, end: datetime
) -> tuple[int, str | None]:
    """What meters come to for a budget; its own figure for each hour whose price it does not know."""
    total, unknown = 0, None
    for line in lines(meters, begin, end):
        if line.amount is not None and line.price.currency == budget.currency:
            total += line.amount
        elif budget.unpriced is not None:
            total += pico(EXACT.multiply(line.hours, budget.unpriced))
        elif unknown is None:
            reason = line.unpriced or f"it is priced in {line.price.currency}"
            unknown = f"{line.meter.name} ({line.meter.sku}) stands: {reason}"
    return total, unknown
