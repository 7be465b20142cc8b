"""What makes a price row wrong: what cannot be meant, and what looks like a price per 1,000.

The first is refused always; the second unless the row says why it is right (``unusual = "…"``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from broker.pricing.book import overlaps
from broker.types.money import EXACT, Price, Unit

CONFIDENCES = ("high", "medium", "low", "contract")
FREE_REASONS = ("local", "bundle", "standing", "test")
"""Why a row may cost nothing. A free quota is not a free price: see ``free_quota``."""
CHANNELS = ("each", "once", "unknown")
FACTOR = Decimal(100)
"""Prices of one sku that are this far apart are a slip: regions and contracts differ by less than a half."""


class Placed(NamedTuple):
    """A row and where it stands: ``aws.toml, row 3 (aws.rekognition.group2@us-east-1@2026-09-11)``."""

    where: str
    row: Price


class PriceError(ValueError):
    """Prices that must not be used; the text names file, row and slip.

    :param slips: all that is wrong, a line each.
    """

    def __init__(self, slips: Sequence[str] | str) -> None:
        self.slips: tuple[str, ...] = (slips,) if isinstance(slips, str) else tuple(slips)
        more = len(self.slips) - 1
        super().__init__(f"{self.slips[0]} (and {more} more)" if more else self.slips[0])


def require(row: Price, where: str) -> None:
    """Refuse a row that cannot be meant. Raises :class:`PriceError`."""
    found = list(impossible(row))
    if found:
        raise PriceError([f"{where}: {each}" for each in found])


def slips(rows: Sequence[Placed]) -> list[str]:
    """All that is wrong with rows that shall stand in one book, each by itself and beside the others."""
    found: list[str] = []
    sound: list[Placed] = []  # what is wrong by itself is told once, and not against its neighbours again
    for placed in rows:
        wrong = [*impossible(placed.row), *implausible(placed.row)]
        found += [f"{placed.where}: {each}" for each in wrong]
        if not wrong:
            sound.append(placed)
    return found + list(_between(rows, sound))


def impossible(row: Price) -> Iterator[str]:
    """Why a row cannot be meant."""
    ways = [row.tiers != (), row.free is not None, row.unpriced is not None]
    if sum(ways) != 1:
        yield "give exactly one of tiers, free and unpriced"
    if row.free is not None and row.free not in FREE_REASONS:
        yield f"free must be one of {', '.join(FREE_REASONS)}, not {row.free!r}"
    if row.unpriced is not None and not row.unpriced:
        yield "unpriced needs its reason"
    if row.confidence not in CONFIDENCES:
        yield f"confidence must be one of {', '.join(CONFIDENCES)}, not {row.confidence!r}"
    if row.channels not in CHANNELS:
        yield f"channels must be one of {', '.join(CHANNELS)}, not {row.channels!r}"
    if row.valid_to is not None and row.valid_to <= row.valid_from:
        yield f"it ends before it begins; valid_to is the first day it no longer holds, after {row.valid_from}"
    if len(row.currency) != 3 or not (row.currency.isascii() and row.currency.isupper()):
        yield f"currency must be a code such as USD, not {row.currency!r}"
    if row.rounding.per <= 0 or (row.rounding.increment is not None and row.rounding.increment <= 0):
        yield "rounding per and increment must be above 0"
    if row.sku in row.free_with:
        yield f"free_with names its own sku {row.sku}; name the one that pays"
    if row.free_quota and not row.tiers:
        yield "free_quota needs tiers: what is above it has a price"
    yield from _ladder(row)


def _ladder(row: Price) -> Iterator[str]:
    border = Decimal(0)
    for number, tier in enumerate(row.tiers, 1):
        if tier.price <= 0:
            yield f'tier {number} costs {tier.price}; a price of 0 needs free = "…" or free_quota'
        if tier.up_to is None:
            if number != len(row.tiers):
                yield f"tier {number} has no up_to; only the last tier may be without limit"
        elif tier.up_to <= border:
            yield f"tier {number} ends at {tier.up_to}, not above {border}; write tiers from the first unit up"
        else:
            border = tier.up_to


_RANGES: Mapping[Unit, tuple[Decimal, Decimal]] = {
    unit: (Decimal(low), Decimal(high))
    for unit, low, high in (
        (Unit.IMAGE, "0.00001", "0.1"),
        (Unit.PAGE, "0.00005", "0.5"),
        (Unit.TRANSACTION, "0.00001", "0.1"),
        (Unit.REQUEST, "0.00001", "0.5"),
        (Unit.QUERY, "0.00001", "0.5"),
        (Unit.DOCUMENT, "0.00001", "0.5"),
        (Unit.SECOND, "0.000002", "0.01"),
        (Unit.CHARACTER, "0.00000003", "0.00007"),
        (Unit.BYTE, "0.0000000001", "0.0000001"),
        (Unit.TOKEN, "0.000000001", "0.0001"),
        (Unit.HOUR, "0.01", "50"),
        (Unit.MONTH, "0.01", "20000"),
        (Unit.GIBIBYTE_MONTH, "0.001", "100"),
    )
}
"""US dollars for one counted thing: what the book has, and so much around it that neither a price per 1,000
nor a price divided once too often still fits. A test holds both ends against the book."""

_WORTH: Mapping[str, Decimal] = {
    code: Decimal(worth)
    for code, worth in (
        *(("USD", "1"), ("EUR", "1.1"), ("GBP", "1.3"), ("CHF", "1.2"), ("AUD", "0.65"), ("CAD", "0.7")),
        *(("NZD", "0.6"), ("SEK", "0.1"), ("NOK", "0.1"), ("DKK", "0.15"), ("PLN", "0.27"), ("CZK", "0.045")),
        *(("JPY", "0.0065"), ("KRW", "0.0007"), ("CNY", "0.14"), ("TWD", "0.03"), ("INR", "0.012")),
        *(("BRL", "0.18"), ("MXN", "0.055"), ("ZAR", "0.055"), ("SGD", "0.75"), ("HKD", "0.13")),
    )
}
"""Roughly, and only to tell a price from a slip; no amount is ever converted."""
_RIGHT = 'if it is right, add unusual = "why"'


def implausible(row: Price) -> Iterator[str]:
    """Why a row looks like a slip; nothing where it says why it is none."""
    if row.unusual is not None or not row.tiers or min(tier.price for tier in row.tiers) <= 0:
        return
    worth = _WORTH.get(row.currency)
    if worth is None:
        yield f"what {row.currency} is worth is not known here, so its prices cannot be checked; {_RIGHT}"
    else:
        yield from _out_of_range(row, worth)
    for number, (before, tier) in enumerate(zip(row.tiers, row.tiers[1:], strict=False), 2):
        if tier.price > before.price:
            yield f"tier {number} is dearer ({tier.price}) than the tier before ({before.price}); {_RIGHT}"
    first, last = row.tiers[0].price, row.tiers[-1].price
    if first >= last * FACTOR:
        yield (
            f"its last tier ({last}) costs {_times(first, last)} less than its first ({first}): "
            f"one of them is for another number of units; {_RIGHT}"
        )


def _out_of_range(row: Price, worth: Decimal) -> Iterator[str]:
    low, high = (EXACT.divide(EXACT.multiply(end, row.rounding.per), worth) for end in _RANGES[row.unit])
    for number, tier in enumerate(row.tiers, 1):
        if low <= tier.price <= high:
            continue
        hint = "write the price of one billing unit"
        for other, why in ((tier.price / 1000, "per 1,000"), (tier.price * 1000, "divided by 1,000 twice")):
            if low <= other <= high:
                hint = f'if it is a price {why}, write "{other.normalize(EXACT):f}"'
        yield (
            f"tier {number} costs {tier.price:f} {row.currency} for {_of(row)}, outside the usual "
            f"{_short(low)} to {_short(high)}; {hint}; {_RIGHT}"
        )


def _of(row: Price) -> str:
    per, unit = row.rounding.per, row.unit.value.replace("_", " ")
    return f"one {unit}" if per == 1 else f"{per:,f} {unit}s"


def _short(amount: Decimal) -> str:
    return f"{Decimal(f'{amount:.2g}'):f}"


def _times(large: Decimal, small: Decimal) -> str:
    return f"{EXACT.divide(large, small):,.0f} times"


def _between(rows: Sequence[Placed], sound: Sequence[Placed]) -> Iterator[str]:
    places = {id(row): where for where, row in rows}
    seen: dict[str, str] = {}
    for where, row in rows:
        if row.id in seen:
            yield f"{where}: the id {row.id!r} is taken by {seen[row.id]}; give the row an id of its own"
        seen.setdefault(row.id, where)
    for earlier, later in overlaps(row for _, row in rows):
        end = f"ends on {earlier.valid_to}" if earlier.valid_to else "has no end"
        yield (
            f"{places[id(later)]}: it begins on {later.valid_from}, but {earlier.id} {end}: they overlap; "
            f"write valid_to = {later.valid_from} into the earlier one"
        )
    for found in _by_sku(sound).values():
        yield from _apart(found)
    yield from _bundles(rows, _by_sku(rows))


def _by_sku(rows: Iterable[Placed]) -> dict[str, list[Placed]]:
    found: dict[str, list[Placed]] = {}
    for placed in rows:
        found.setdefault(placed.row.sku, []).append(placed)
    return found


def _apart(rows: Iterable[Placed]) -> Iterator[str]:
    """Rows of one sku: one unit, and prices that are not worlds apart. The later row is to blame."""
    units: Price | None = None
    priced: list[Price] = []
    for where, row in rows:
        units = units or row
        if row.unit is not units.unit:
            yield f"{where}: its unit is {row.unit.value}, but {units.id} sells by the {units.unit.value}"
            continue
        worth = _per_thing(row)
        if worth is None or row.unusual is not None:
            continue
        for other in priced:
            its = _per_thing(other)
            if its is not None and max(worth, its) >= min(worth, its) * FACTOR:
                more = "more" if worth > its else "less"
                yield (
                    f"{where}: it costs {_times(max(worth, its), min(worth, its))} {more} than {other.id}: "
                    f"one of them is for another number of units; {_RIGHT}"
                )
                break
        else:
            priced.append(row)


def _per_thing(row: Price) -> Decimal | None:
    """What the first tier asks for one counted thing, in dollars, roughly."""
    worth = _WORTH.get(row.currency)
    if worth is None or not row.tiers or row.tiers[0].price <= 0 or row.rounding.per <= 0:
        return None
    return EXACT.divide(EXACT.multiply(row.tiers[0].price, worth), row.rounding.per)


def _bundles(rows: Sequence[Placed], skus: Mapping[str, Sequence[Placed]]) -> Iterator[str]:
    for where, row in rows:
        for giver in row.free_with:
            if giver not in skus:
                yield f"{where}: free_with names {giver}, for which there is no row"
            elif giver != row.sku and any(each.row.free_with for each in skus[giver]):
                yield f"{where}: free_with names {giver}, which may itself be free; name one that always pays"
