"""The price book: dated rows by sku and region, looked up for a day.

An unknown sku, region or day gives an *unpriced* row with its reason, never a zero.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from broker.types.money import Price, Unit

STALE_AFTER = timedelta(days=90)
"""A row checked longer ago than this is shown with a warning."""


class PriceBook:
    """An immutable set of rows. Build it by :func:`broker.pricing.load.shipped` or from rows."""

    def __init__(self, rows: Iterable[Price]) -> None:
        self._rows: dict[tuple[str, str], tuple[Price, ...]] = {}
        ids: set[str] = set()
        for row in rows:
            if row.id in ids:
                raise ValueError(f"two price rows have the id {row.id!r}")
            ids.add(row.id)
            key = (row.sku, row.region)
            self._rows[key] = tuple(sorted((*self._rows.get(key, ()), row), key=lambda each: each.valid_from))
        for found in self._rows.values():
            for earlier, later in pairwise(found):
                if earlier.valid_to is None or earlier.valid_to > later.valid_from:
                    raise ValueError(f"price rows {earlier.id!r} and {later.id!r} overlap in time")

    def extended(self, rows: Iterable[Price]) -> PriceBook:
        """With rows for skus that this book does not have (a third-party adapter's). Raises ``PriceError``."""
        from broker.pricing.load import check  # above this module: it builds books

        rows = list(rows)
        for row in rows:
            check(row, f"price row {row.id!r}")
        present = list(self.rows())
        known = {row.sku for row in present}
        return PriceBook([*present, *(row for row in rows if row.sku not in known)])

    def rows(self) -> Iterable[Price]:
        """All rows."""
        return (row for rows in self._rows.values() for row in rows)

    def find(self, sku: str, region: str | None, unit: Unit, day: date) -> Price:
        """The row that holds for a sku in a region on a day; a row for ``*`` or ``global`` serves any region."""
        for place in (region, "*", "global"):
            if place is None:
                continue
            for row in self._rows.get((sku, place), ()):
                if row.valid_from <= day and (row.valid_to is None or day < row.valid_to):
                    if row.unit == unit:
                        return row
                    reason = f"{sku} is sold by the {row.unit.value}, not by the {unit.value}"
                    return unpriced_row(sku, row.region, unit, day, reason)
        regions = sorted(place for name, place in self._rows if name == sku)
        if not regions:
            reason = f"the price book has no row for {sku}"
        elif region is None:
            reason = f"the region is not known, and {sku} is priced by region ({', '.join(regions)})"
        else:
            reason = f"the price book has no row for {sku} in {region} on {day} (it has {', '.join(regions)})"
        return unpriced_row(sku, region or "unknown", unit, day, reason)


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
