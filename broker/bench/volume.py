"""What a lane costs at other volumes, and from which volume on another lane is cheaper.

Pure and exact: units a call (as measured on the user's own data), price rows and what stands a month in; amounts out. A
month's cost is a line with a bend at each border of a tier and a step wherever one more machine (or index) must stand, so
that break-even points are solved piece by piece, not searched for. Prices are those of the rows given, from the first unit
of a month on: what else the account uses of the same sku is not counted, for nobody knows it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations, pairwise

from broker.types.markup import Shown
from broker.types.money import EXACT, Price, quantize

VOLUMES = tuple(10**power for power in range(3, 9))
"""Calls a month that every curve has a point at."""
LARGEST_VOLUME = 10**9
"""Break-even points beyond are not looked for."""
_MOST_STEPS = 2000
"""Beyond so many machines the count of machines is not the question any more, and no break-even point is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLine:
    """One sku that a call uses.

    :param per_call: billing units a call, on average.
    """

    price: Price
    per_call: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """How a lane is paid for.

    :param standing: a month, called or not (an index, a machine); None: nothing stands.
    :param carries: calls a month that one ``standing`` can carry, measured; None: as many as there are.
    :param free_quota: the account has the vendor's free tier.
    :param unknown: why no cost can be told.
    """

    lines: tuple[UnitLine, ...]
    currency: str
    standing: Decimal | None = None
    carries: Decimal | None = None
    free_quota: bool = False
    unknown: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumePoint:
    """The cost of a month with so many calls; None: not known at this volume."""

    calls: int
    cost: Decimal | None
    per_1000: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TierBorder:
    """From about so many calls a month on, further units of a sku have another price.

    :param before: of one billing unit; ``after`` None: the book knows no price beyond.
    """

    calls: Decimal
    sku: str
    before: Decimal
    after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeCurve(Shown):
    """A lane's cost by volume.

    :param lane: its name, ``operation``: which one.
    :param standing: a month, in every point, as often as it must stand.
    :param unknown: why there are no costs.
    """

    lane: str
    operation: str
    currency: str
    points: tuple[VolumePoint, ...]
    borders: tuple[TierBorder, ...]
    standing: Decimal | None = None
    unknown: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven(Shown):
    """Where the cheaper of two lanes changes.

    :param calls: the smallest whole number of calls a month from which on ``above`` is cheaper (or, where ``above`` is None,
        they cost the same).
    :param below: the cheaper one just below; None: they cost the same there.
    """

    operation: str
    first: str
    second: str
    calls: int
    below: str | None
    above: str | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """The cost on [start, end): ``at`` at its start, then ``slope`` a call; None: not known."""

    start: Fraction
    at: Fraction | None
    slope: Fraction


def monthly(tariff: Tariff, calls: int) -> Decimal | None:
    """The cost of a month; None: not known."""
    if tariff.unknown is not None:
        return None
    with localcontext(EXACT):
        found = _cost(tariff, Fraction(calls))
        return None if found is None else quantize(Decimal(found.numerator) / Decimal(found.denominator))


def curve(lane: str, operation: str, tariff: Tariff, also: Sequence[int] = ()) -> VolumeCurve:
    """Its points at :data:`VOLUMES` and at the volumes the user asks about, and the borders of its tiers."""
    points = []
    for calls in sorted({*VOLUMES, *also}):
        cost = monthly(tariff, calls)
        with localcontext(EXACT):
            each = None if cost is None else quantize(cost * 1000 / calls)
        points.append(VolumePoint(calls=calls, cost=cost, per_1000=each))
    return VolumeCurve(
        lane=lane,
        operation=operation,
        currency=tariff.currency,
        points=tuple(points),
        borders=tuple(_borders(tariff)) if tariff.unknown is None else (),
        standing=tariff.standing,
        unknown=tariff.unknown,
    )


def break_evens(
    operation: str, tariffs: Sequence[tuple[str, Tariff]], largest: int = LARGEST_VOLUME
) -> tuple[BreakEven, ...]:
    """Between every two lanes whose cost is known and in one currency, in ascending order of calls.

    :param largest: points beyond are not looked for.
    """
    found: list[BreakEven] = []
    for (first, one), (second, other) in combinations(tariffs, 2):
        if one.unknown is None and other.unknown is None and one.currency == other.currency:
            found.extend(_between(operation, first, one, second, other, largest))
    return tuple(sorted(found, key=lambda each: each.calls))


def _between(
    operation: str, first: str, one: Tariff, second: str, other: Tariff, largest: int
) -> Iterator[BreakEven]:
    """Sign changes of the difference over the whole numbers from 1 on; one number at which both cost the same is no stretch."""
    names = {-1: first, 0: None, 1: second}
    for each in (one, other):
        if each.standing and each.carries:
            largest = min(largest, max(1, int(each.carries * _MOST_STEPS)))
    before: int | None = None
    signs = [(calls, _sign(one, other, calls)) for calls in _turns(one, other, largest)]
    for (calls, now), (following, then) in pairwise([*signs, (0, 0)]):
        if now is None:
            return  # one of them has no known price beyond
        if now == 0 and before and then and following == calls + 1:
            continue
        if before is not None and now != before:
            yield BreakEven(
                operation=operation,
                first=first,
                second=second,
                calls=calls,
                below=names[before],
                above=names[now],
            )
        before = now


def _sign(one: Tariff, other: Tariff, calls: int) -> int | None:
    """-1: the first is cheaper, 1: the second is, 0: neither; None: not known."""
    a, b = _cost(one, Fraction(calls)), _cost(other, Fraction(calls))
    if a is None or b is None:
        return None
    return (a > b) - (a < b)


def _turns(one: Tariff, other: Tariff, largest: int) -> list[int]:
    """Whole numbers of calls at which the sign may be another than one call before: crossings, bends and steps."""
    found: set[int] = set()
    bends = sorted({*_bends(one, largest), *_bends(other, largest), Fraction(1), Fraction(largest)})
    for start, end in pairwise(each for each in bends if 1 <= each <= largest):
        for edge in (start, end):
            found |= {max(1, int(edge) + shift) for shift in (0, 1, 2)}
        inside = (start + end) / 2
        a, b = _piece(one, start, inside), _piece(other, start, inside)
        if a.at is None or b.at is None or a.slope == b.slope:
            continue
        crossing = start + (b.at - a.at) / (a.slope - b.slope)
        if start <= crossing <= end:
            found |= {max(1, int(crossing) + shift) for shift in (0, 1, 2)}
    return sorted(each for each in found if each <= largest)


def _piece(tariff: Tariff, start: Fraction, inside: Fraction) -> _Piece:
    """The line that holds around ``inside``, told from ``start`` on."""
    cost, slope = _cost(tariff, inside), _slope(tariff, inside)
    return _Piece(start, None if cost is None else cost - slope * (inside - start), slope)


def _bends(tariff: Tariff, largest: int) -> Iterator[Fraction]:
    """Calls at which slope or height changes."""
    for line in tariff.lines:
        per_call = Fraction(line.per_call)
        if not per_call:
            continue
        for tier in line.price.tiers:
            if tier.up_to is not None:
                yield Fraction(tier.up_to) / per_call
        if tariff.free_quota and line.price.free_quota:
            yield Fraction(line.price.free_quota) / per_call
    if tariff.standing and tariff.carries:
        carried = Fraction(tariff.carries)
        steps = min(_MOST_STEPS, int(largest / carried))
        yield from (carried * number for number in range(1, steps + 1))


def _cost(tariff: Tariff, calls: Fraction) -> Fraction | None:
    total = Fraction(0)
    if tariff.standing is not None:
        needed = 1 if tariff.carries is None else max(1, -int(-calls // Fraction(tariff.carries)))
        total += Fraction(tariff.standing) * needed
    for line in tariff.lines:
        part = _line(line.price, calls * Fraction(line.per_call), tariff.free_quota)
        if part is None:
            return None
        total += part
    return total


def _line(price: Price, units: Fraction, free_quota: bool) -> Fraction | None:
    """The cost of a month's units, exactly; as :func:`broker.pricing.cost.charge`, which rounds to what is kept."""
    if price.unpriced is not None:
        return None
    if price.free is not None:
        return Fraction(0)
    given = min(units, Fraction(price.free_quota)) if free_quota else Fraction(0)
    total, floor = Fraction(0), Fraction(0)
    for tier in price.tiers:
        ceiling = units if tier.up_to is None else min(units, Fraction(tier.up_to))
        total += max(Fraction(0), ceiling - max(floor, given)) * Fraction(tier.price)
        if tier.up_to is None or units <= tier.up_to:
            return total
        floor = Fraction(tier.up_to)
    return None


def _slope(tariff: Tariff, calls: Fraction) -> Fraction:
    """Of one more call, in the inside of a piece."""
    total = Fraction(0)
    for line in tariff.lines:
        per_call = Fraction(line.per_call)
        units = calls * per_call
        if line.price.free is not None or (tariff.free_quota and units < line.price.free_quota):
            continue
        for tier in line.price.tiers:
            if tier.up_to is None or units < tier.up_to:
                total += Fraction(tier.price) * per_call
                break
    return total


def _borders(tariff: Tariff) -> Iterator[TierBorder]:
    for line in tariff.lines:
        if not line.per_call:
            continue
        tiers = line.price.tiers
        with localcontext(EXACT):
            if tariff.free_quota and line.price.free_quota and tiers:
                calls = line.price.free_quota / line.per_call
                yield TierBorder(calls=calls, sku=line.price.sku, before=Decimal(0), after=tiers[0].price)
            for number, tier in enumerate(tiers):
                if tier.up_to is None:
                    continue
                after = tiers[number + 1].price if number + 1 < len(tiers) else None
                yield TierBorder(
                    calls=tier.up_to / line.per_call, sku=line.price.sku, before=tier.price, after=after
                )
