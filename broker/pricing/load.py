"""Read price rows from TOML and refuse what would make a wrong bill: floats, unmarked zeros, gaps in tiers.

A file holds ``[[price]]`` tables; see ``docs/prices.md`` for the format. Amounts are strings: a TOML
float anywhere in a file is an error, because 0.0001667 has no exact binary form.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files
from typing import Any

from broker.pricing.book import PriceBook
from broker.types.money import Price, Rounding, Tier, Unit

PROVIDERS = ("aws", "gcp", "azure", "local")
_CONFIDENCES = ("high", "medium", "low", "contract")
FREE_REASONS = ("local", "bundle", "test")
"""Why a row may cost nothing. A free quota is not a free price: see ``free_quota``."""


class PriceError(ValueError):
    """A price file that must not be used; the text names the row and the slip."""


@cache
def shipped() -> PriceBook:
    """The price book of this release."""
    folder = files("broker.pricing") / "data"
    return PriceBook(
        row
        for provider in PROVIDERS
        for row in parse((folder / f"{provider}.toml").read_text("utf-8"), f"{provider}.toml")
    )


def parse(text: str, name: str) -> list[Price]:
    """The rows of one file. Raises :class:`PriceError`."""
    try:
        document = tomllib.loads(text, parse_float=_refuse_float)
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{name} is not TOML: {error}") from error
    unknown = set(document) - {"price"}
    if unknown:
        raise PriceError(f"{name}: unknown table {min(unknown)!r}; rows stand under [[price]]")
    tables = document.get("price", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise PriceError(f"{name}: rows stand under [[price]], in double brackets")
    return [_row(table, f"{name}, row {number}") for number, table in enumerate(tables, 1)]


def _refuse_float(text: str) -> Any:
    raise PriceError(f'{text} is a float; write amounts as strings ("{text}")')


_KEYS = frozenset(
    [
        "id",
        "sku",
        "unit",
        "region",
        "currency",
        "valid_from",
        "valid_to",
        "checked_on",
        "source",
        "confidence",
        "tiers",
        "rounding",
        "free_quota",
        "free",
        "unpriced",
        "note",
    ]
)


def _row(table: dict[str, Any], where: str) -> Price:
    if "id" in table:
        where = f"{where} ({table['id']})"
    unknown = set(table) - _KEYS
    if unknown:
        raise PriceError(f"{where}: unknown key {min(unknown)!r}")
    try:
        row = Price(
            id=_text(table, "id"),
            sku=_text(table, "sku"),
            unit=Unit(_text(table, "unit")),
            region=_text(table, "region"),
            currency=_text(table, "currency"),
            valid_from=_day(table["valid_from"]),
            valid_to=_day(table["valid_to"]) if "valid_to" in table else None,
            checked_on=_day(table["checked_on"]),
            source=_text(table, "source"),
            confidence=_text(table, "confidence"),
            tiers=tuple(_tier(tier) for tier in _list(table, "tiers")),
            rounding=_rounding(table.get("rounding", {})),
            free_quota=_amount(table.get("free_quota", "0")),
            free=_text(table, "free") if "free" in table else None,
            unpriced=_text(table, "unpriced") if "unpriced" in table else None,
        )
    except KeyError as error:
        raise PriceError(f"{where}: {error.args[0]!r} is missing") from error
    except (TypeError, ValueError, InvalidOperation) as error:
        raise PriceError(f"{where}: {error}") from error
    check(row, where)
    return row


def check(row: Price, where: str) -> None:
    """Refuse a row that cannot be meant. Raises :class:`PriceError`."""
    ways = [row.tiers != (), row.free is not None, row.unpriced is not None]
    if sum(ways) != 1:
        raise PriceError(f"{where}: give exactly one of tiers, free and unpriced")
    if row.free is not None and row.free not in FREE_REASONS:
        raise PriceError(f"{where}: free must be one of {', '.join(FREE_REASONS)}, not {row.free!r}")
    if row.unpriced is not None and not row.unpriced:
        raise PriceError(f"{where}: unpriced needs its reason")
    if row.confidence not in _CONFIDENCES:
        raise PriceError(f"{where}: confidence must be one of {', '.join(_CONFIDENCES)}")
    if row.valid_to is not None and row.valid_to <= row.valid_from:
        raise PriceError(f"{where}: it ends before it begins")
    if len(row.currency) != 3 or not row.currency.isupper():
        raise PriceError(f"{where}: currency must be a code such as USD, not {row.currency!r}")
    if row.rounding.per <= 0 or (row.rounding.increment is not None and row.rounding.increment <= 0):
        raise PriceError(f"{where}: rounding per and increment must be above 0")
    border = Decimal(0)
    for number, tier in enumerate(row.tiers, 1):
        if tier.price <= 0:
            raise PriceError(
                f'{where}: tier {number} costs {tier.price}; a price of 0 needs free = "…" or free_quota'
            )
        if tier.up_to is None:
            if number != len(row.tiers):
                raise PriceError(f"{where}: only the last tier may be without limit")
        elif tier.up_to <= border:
            raise PriceError(f"{where}: tier {number} ends at {tier.up_to}, not above {border}")
        else:
            border = tier.up_to


def _text(table: dict[str, Any], key: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} must be a text")
    return value


def _amount(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise TypeError(f'amounts are strings ("{value}"), not {type(value).__name__}')
    amount = Decimal(value)
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{value!r} is no amount")
    return amount


def _list(table: dict[str, Any], key: str) -> list[Any]:
    value = table.get(key, [])
    if not isinstance(value, list):
        raise TypeError(f"{key} must be a list")
    return value


def _tier(table: dict[str, Any]) -> Tier:
    unknown = set(table) - {"up_to", "price"}
    if unknown:
        raise ValueError(f"unknown key {min(unknown)!r} in a tier")
    return Tier(up_to=_amount(table["up_to"]) if "up_to" in table else None, price=_amount(table["price"]))


def _rounding(table: dict[str, Any]) -> Rounding:
    known: Iterable[str] = ("increment", "minimum", "per")
    unknown = set(table) - set(known)
    if unknown:
        raise ValueError(f"unknown rounding key {min(unknown)!r}")
    return Rounding(**{key: _amount(table[key]) for key in known if key in table})


def _day(value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise TypeError(f"dates are written plainly (2026-09-23), not {value!r}")
