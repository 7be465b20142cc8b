"""What stands, by the clock: a pure function of what is declared and of time.

Nothing is accrued step by step, so nothing can be counted twice or be lost, whoever looks, how often, after which
crash, and whatever a clock said in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from broker.types.money import EXACT
from broker.types.standing import MICROSECONDS, StandingMeter, StandingPrice

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_HOUR = 3_600_000_000
_PICO = Decimal(10) ** 12
_NONE = Decimal(0)


class Line(NamedTuple):
    """A meter on one UTC day, or the part of the day that was asked for.

    :param units: billing units.
    :param amount: 1e-12 of the currency, half-even; None where it is not known.
    """

    meter: StandingMeter
    day: str
    microseconds: int
    units: Decimal
    price: StandingPrice
    amount: int | None

    @property
    def hours(self) -> Decimal:
        """That it stood, times its units."""
        return EXACT.divide(EXACT.multiply(self.meter.units, Decimal(self.microseconds)), Decimal(_HOUR))

    @property
    def unpriced(self) -> str | None:
        """Why the amount is not known."""
        if self.amount is not None:
            return None
        return self.price.unpriced or "the month is past the last tier whose price is known"


class _Part(NamedTuple):
    """A meter in a day or a part of one.

    :param before: units of its counter that the month had used when its own begin to count: those of the part's meters before
        it, too.
    :param beside: those meters and itself.
    :param opened: units of its counter before the whole part.
    """

    meter: StandingMeter
    since: datetime
    until: datetime
    price: StandingPrice
    units: Decimal
    before: Decimal
    beside: tuple[_Part, ...]
    opened: Decimal

    @property
    def microseconds(self) -> int:
        return (self.until - self.since) // _MICROSECOND

    def reached(self, at: datetime) -> Decimal:
        """Its units up to an instant."""
        length = (min(max(at, self.since), self.until) - self.since) // _MICROSECOND
        return EXACT.divide(EXACT.multiply(self.units, Decimal(length)), Decimal(self.microseconds))


def lines(meters: Iterable[StandingMeter], begin: datetime, end: datetime) -> list[Line]:
    """What the meters come to from ``begin`` to ``end`` (exclusive), by day and name.

    Tiers are those of the calendar month (UTC), by account; each day is rounded by itself.
    """
    return [
        Line(
            part.meter,
            part.since.date().isoformat(),
            part.microseconds,
            part.units,
            part.price,
            _amount(part.price, part.units, part.before),
        )
        for part in _walk(meters, begin, end)
        if part.since >= begin
    ]


def crossings(meters: Iterable[StandingMeter], begin: datetime, end: datetime) -> Iterator[datetime]:
    """Instants between which what an hour costs is the same, as far as tiers are concerned: the microseconds beside each
    passing of a month from one tier to the next.
    """
    for part in _walk(meters, begin, end):
        for tier in part.price.tiers:
            for beside in (part.beside[:-1], part.beside):
                border = tier.up_to
                passed = EXACT.add(part.before, part.units if beside is part.beside else _NONE)
                if border is None or not part.opened < border < passed:
                    continue
                low, high = min(each.since for each in beside), max(each.until for each in beside)
                while high - low > _MICROSECOND:
                    middle = low + (high - low) // 2
                    reached = part.opened
                    for each in beside:
                        reached = EXACT.add(reached, each.reached(middle))
                    low, high = (middle, high) if reached < border else (low, middle)
                yield from (each for each in (low, high) if begin < each < end)


def _walk(meters: Iterable[StandingMeter], begin: datetime, end: datetime) -> Iterator[_Part]:
    """By day and name; where there are tiers, from the first of the month."""
    meters = sorted(meters, key=lambda meter: meter.name)
    first = begin
    if any(len(price.tiers) > 1 for meter in meters for price in meter.prices):
        first = begin.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    positions: dict[tuple[str, str, str], Decimal] = {}
    for start, stop in _parts(meters, first, begin, end):
        day = start.date()
        month = f"{start:%Y-%m}"
        opened: dict[tuple[str, str, str], Decimal] = {}
        beside: dict[tuple[str, str, str], tuple[_Part, ...]] = {}
        for meter in meters:
            ends = meter.ends
            since, until = max(start, meter.begins), stop if ends is None else min(stop, ends)
            if since >= until:
                continue
            price = meter.price_on(day)
            units = _units(meter, price, (until - since) // _MICROSECOND, start)
            key = (month, f"{meter.provider}:{meter.profile}", price.counter)
            before = positions.get(key, _NONE)
            positions[key] = EXACT.add(before, units)
            part = _Part(meter, since, until, price, units, before, (), opened.setdefault(key, before))
            beside[key] = (*beside.get(key, ()), part)
            yield part._replace(beside=beside[key])


def _parts(
    meters: Sequence[StandingMeter], first: datetime, begin: datetime, end: datetime
) -> Iterable[tuple[datetime, datetime]]:
    """Days, and parts of days at both ends, in which something may stand."""
    start = max(first, min((meter.begins for meter in meters), default=end))
    while start < end:
        midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + _DAY
        stop = min(midnight, end)
        if start < begin < stop:
            stop = begin
        yield start, stop
        start = stop


def _units(meter: StandingMeter, price: StandingPrice, length: int, at: datetime) -> Decimal:
    whole = MICROSECONDS[price.unit] or month_length(at)
    return EXACT.divide(
        EXACT.multiply(meter.units, Decimal(length)), EXACT.multiply(Decimal(whole), price.per)
    )


def month_length(at: datetime) -> int:
    """Microseconds of the calendar month that an instant lies in."""
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = divmod(first.year * 12 + first.month, 12)
    return (first.replace(year=year, month=month + 1) - first) // _MICROSECOND


def _amount(price: StandingPrice, units: Decimal, before: Decimal) -> int | None:
    if price.unpriced is not None:
        return None
    total, floor, end = _NONE, _NONE, EXACT.add(before, units)
    for tier in price.tiers:
        top = end if tier.up_to is None else min(end, tier.up_to)
        inside = EXACT.subtract(top, max(before, floor))
        if inside > 0:
            total = EXACT.add(total, EXACT.multiply(inside, tier.price))
        if tier.up_to is None or end <= tier.up_to:
            return _pico(total)
        floor = tier.up_to
    return None if price.tiers else 0  # a row without tiers is free


def _pico(amount: Decimal) -> int:
    return int(EXACT.multiply(amount, _PICO).to_integral_value(context=EXACT))


def hourly(meter: StandingMeter, at: datetime) -> Decimal | None:
    """What an hour of it costs now, at the first tier; None where it is not known."""
    price = meter.price_on(at.astimezone(UTC).date())
    if price.unpriced is not None:
        return None
    rate = price.tiers[0].price if price.tiers else _NONE
    return EXACT.multiply(rate, _units(meter, price, _HOUR, at))
