"""The price book: dated rows by sku and region, looked up for a day.

An unknown sku, region or day gives an *unpriced* row with its reason, never a zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from broker.types.money import EVERYWHERE, Price, Unit

STALE_AFTER = timedelta(days=90)
"""A row checked longer ago than this is shown with a warning."""
UNSTATED = "unstated"
"""The region of a row whose source names none. It is shown, and serves no region: that would claim too much."""


class PriceBook:
    """An immutable set of rows. Build it by :func:`broker.pricing.load.shipped` or from rows.

    A row of confidence ``contract`` wins over every other row that holds for the same sku, region and day.
    """

    def __init__(self, rows: Iterable[Price]) -> None:
        self._contract: dict[tuple[str, str], tuple[Price, ...]] = {}
        self._list: dict[tuple[str, str], tuple[Price, ...]] = {}
        ids: set[str] = set()
        for row in rows:
            if row.id in ids:
                raise ValueError(f"two price rows have the id {row.id!r}")
            ids.add(row.id)
            table = self._contract if row.contract else self._list
            key = (row.sku, row.region)
            table[key] = tuple(sorted((*table.get(key, ()), row), key=lambda each: each.valid_from))
        for earlier, later in overlaps(self.rows()):
            raise ValueError(f"price rows {earlier.id!r} and {later.id!r} overlap in time")

    def extended(self, rows: Iterable[Price]) -> PriceBook:
        """With rows for skus that this book does not have (a third-party adapter's). Raises ``PriceError``."""
        from broker.pricing.check import require  # above this module

        rows = list(rows)
        for row in rows:
            require(row, f"price row {row.id!r}")
        present = list(self.rows())
        known = {row.sku for row in present}
        return PriceBook([*present, *(row for row in rows if row.sku not in known)])

    def rows(self) -> Iterator[Price]:
        """All rows, those of contracts first."""
        for table in (self._contract, self._list):
            for rows in table.values():
                yield from rows

    def of(self, sku: str) -> list[Price]:
        """All rows of a sku."""
        return [row for row in self.rows() if row.sku == sku]

    def find(self, sku: str, region: str | None, unit: Unit, day: date) -> Price:
        """The row that holds for a sku in a region on a day; a row for ``*`` or ``global`` serves any region."""
        for table in (self._contract, self._list):
            for place in (region, *EVERYWHERE):
                for row in table.get((sku, place), ()) if place is not None else ():
                    if row.holds(day):
                        if row.unit == unit:
                            return row
                        reason = f"{sku} is sold by the {row.unit.value}, not by the {unit.value}"
                        return unpriced_row(sku, row.region, unit, day, reason)
        return unpriced_row(sku, region or "unknown", unit, day, self._why_not(sku, region, day))

    def _why_not(self, sku: str, region: str | None, day: date) -> str:
        rows = self.of(sku)
        regions = sorted({row.region for row in rows})
        if not regions:
            return f"the price book has no row for {sku}"
        if UNSTATED in regions:
            where = region or "your region"
            return (
                f"the source of the price of {sku} names no region; find out whether it holds in {where}, "
                "and give it there in a file of your own (prices.files)"
            )
        if region is None:
            return (
                f"the region is not known, and {sku} is priced by region ({', '.join(regions)}); "
                "set region in the settings of the provider"
            )
        return (
            f"the price book has no row for {sku} in {region} on {day} (it has {', '.join(regions)}); "
            "give the price there in a file of your own (prices.files)"
        )


def overlaps(rows: Iterable[Price]) -> Iterator[tuple[Price, Price]]:
    """Pairs of rows of which not more than one can hold: one sku, one region, both lists or both contracts."""
    places: dict[tuple[bool, str, str], list[Price]] = {}
    for row in rows:
        places.setdefault((row.contract, row.sku, row.region), []).append(row)
    for found in places.values():
        for earlier, later in pairwise(sorted(found, key=lambda each: each.valid_from)):
            if earlier.valid_to is None or earlier.valid_to > later.valid_from:
                yield earlier, later


def unpriced_row(sku: str, region: str, unit: Unit, day: date, reason: str) -> Price:
    """A row that says that, and why, no price is known."""
    return replace(
        _NO_ROW, sku=sku, region=region, unit=unit, valid_from=day, checked_on=day, unpriced=reason
    )


_NO_ROW = Price(
    id="unpriced",
    sku="",
    unit=Unit.REQUEST,
    region="",
    currency="USD",
    valid_from=date.min,
    checked_on=date.min,
    source="",
    confidence="none",
    unpriced="no row",
)
