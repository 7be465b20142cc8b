"""Read price rows from TOML; what would make a wrong bill is refused with its file, row and cure.

A file holds ``[[price]]`` tables; see ``docs/prices.md`` for the format. Amounts are strings: a TOML
float anywhere in a file is an error, because 0.0001667 has no exact binary form.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, cast

from broker.pricing.book import PriceBook
from broker.pricing.check import Placed, PriceError, impossible, slips
from broker.types.money import Price, Rounding, Tier, Unit

__all__ = ["PriceError", "parse", "read", "shipped", "shipped_rows"]

T = TypeVar("T")


@cache
def shipped() -> PriceBook:
    """The price book of this release."""
    return PriceBook(row for _, row in shipped_rows())


def shipped_rows() -> list[Placed]:
    """Its rows with their places. A test has held them to all of :func:`~broker.pricing.check.slips`."""
    found: list[Placed] = []
    for file in sorted((files("broker.pricing") / "data").iterdir(), key=lambda each: each.name):
        if file.name.endswith(".toml"):
            rows, wrong = read(file.read_text("utf-8"), file.name)
            if wrong:
                raise PriceError(wrong)
            found += rows
    return found


def parse(text: str, name: str) -> list[Price]:
    """The rows of one file, held to every rule. Raises :class:`PriceError` with all that is wrong."""
    rows, wrong = read(text, name)
    wrong += slips(rows)
    if wrong:
        raise PriceError(wrong)
    return [row for _, row in rows]


def read(text: str, name: str, base: PriceBook | None = None) -> tuple[list[Placed], list[str]]:
    """The rows of one file that can be read, and what is wrong with each of the others.

    :param base: the book that a contract file lies over: its rows have the confidence ``contract``, and leave
        out what they share with the row they stand for (rounding, channels, bundle).
    """
    try:
        document = tomllib.loads(text, parse_float=_Float)
    except tomllib.TOMLDecodeError as error:
        return [], [f"{name} is not TOML: {error}"]
    except RecursionError:
        return [], [f"{name} is nested too deeply"]
    wrong = [
        f"{name}: unknown table {key!r}; rows stand under [[price]]" for key in document if key != "price"
    ]
    tables = document.get("price", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        return [], [*wrong, f"{name}: rows stand under [[price]], in double brackets"]
    rows: list[Placed] = []
    for number, table in enumerate(tables, 1):
        where = f"{name}, row {number}" + (f" ({table['id']})" if "id" in table else "")
        row, found = _row(table, base)
        wrong += [f"{where}: {each}" for each in found]
        if row is not None:
            rows.append(Placed(where, row))
    return rows, wrong


class _Float(str):
    """A float as it is written: refused, after everything else has been read."""

    __slots__ = ()


def _floats(value: object) -> Iterator[str]:
    if isinstance(value, _Float):
        yield str(value)
    elif isinstance(value, dict):
        for each in value.values():
            yield from _floats(each)
    elif isinstance(value, list):
        for each in value:
            yield from _floats(each)


_REQUIRED: Any = object()
_KEYS = frozenset(Price.__dataclass_fields__) - {"dated"}


class _Table:
    """Takes the keys of a table one by one and keeps what is wrong with them."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.table = table
        self.wrong = [f'{text} is a float; write amounts as strings ("{text}")' for text in _floats(table)]
        self.wrong += [f"unknown key {key!r}" for key in table if key not in _KEYS]

    def take(self, key: str, convert: Callable[[str, Any], T], default: T = _REQUIRED) -> T:
        """The value of a key; after a slip nobody looks at what this returns."""
        if key not in self.table:
            if default is _REQUIRED:
                self.wrong.append(f"{key!r} is missing")
            return default
        try:
            return convert(key, self.table[key])
        except KeyError as error:
            self.wrong.append(f"{key}: {error.args[0]!r} is missing")
        except (TypeError, ValueError, ArithmeticError, AttributeError) as error:
            self.wrong.append(str(error))
        return cast("T", None)


def _row(table: dict[str, Any], base: PriceBook | None) -> tuple[Price | None, list[str]]:
    keys = _Table(table)
    standard = _stands_for(table, base)
    valid_from = keys.take("valid_from", _day)
    checked_on = keys.take("checked_on", _checked)
    row = Price(
        id=keys.take("id", _text),
        sku=keys.take("sku", _text),
        unit=keys.take("unit", _unit),
        region=keys.take("region", _text),
        currency=keys.take("currency", _text),
        valid_from=valid_from,
        valid_to=keys.take("valid_to", _day, cast("date", None)),
        checked_on=valid_from if checked_on is None else checked_on,
        source=keys.take("source", _text),
        confidence=keys.take("confidence", _text, _REQUIRED if base is None else "contract"),
        tiers=keys.take("tiers", _tiers, ()),
        rounding=keys.take("rounding", _rounding, standard.rounding if standard else Rounding()),
        free_quota=keys.take("free_quota", _amount, Decimal(0)),
        free=keys.take("free", _text, cast("str", None)),
        unpriced=keys.take("unpriced", _text, cast("str", None)),
        channels=keys.take("channels", _text, standard.channels if standard else "once"),
        free_with=keys.take("free_with", _texts, standard.free_with if standard else ()),
        unusual=keys.take("unusual", _text, cast("str", None)),
        note=keys.take("note", _text, ""),
        dated=checked_on is not None,
    )
    if keys.wrong:
        return None, keys.wrong
    if row.contract is (base is None):
        return None, [
            'confidence must be "contract" in a file of your own; it may be left out'
            if base is not None
            else 'confidence "contract" is for files of your own (prices.files), not for the book'
        ]
    wrong = list(impossible(row))
    return (None if wrong else row), wrong


def _stands_for(table: dict[str, Any], base: PriceBook | None) -> Price | None:
    """The row of the book that a contract row takes the place of, for what both share."""
    rows = [] if base is None else base.of(str(table.get("sku")))
    near = [row for row in rows if row.region == table.get("region")] or rows
    return max(near, key=lambda row: row.valid_from, default=None)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{key} must be a text")
    return value


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{key} must be a list of texts")
    return tuple(_text(key, each) for each in value)


def _unit(key: str, value: Any) -> Unit:
    known: Iterable[str] = [each.value for each in Unit]
    if value not in known:
        raise ValueError(f"{key} must be one of {', '.join(known)}, not {value!r}")
    return Unit(value)


_PLAIN = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")


def _amount(key: str, value: Any) -> Decimal:
    if not isinstance(value, str):
        raise TypeError(f'{key}: amounts are strings ("{value}"), not {type(value).__name__}')
    if not _PLAIN.fullmatch(value):
        raise ValueError(f"{key}: {value!r} is no amount; write digits and a point, as 0.0015")
    return Decimal(value)


def _table(key: str, value: Any, known: Iterable[str], what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{key} must be written as {{ … }}, not {value!r}")
    for each in value:
        if each not in known:
            raise ValueError(f"unknown {what} {each!r}; there are {', '.join(known)}")
    return value


def _tiers(key: str, value: Any) -> tuple[Tier, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{key} must be a list")
    found = []
    for each in value:
        tier = _table(key, each, ("up_to", "price"), "key")
        limit = _amount("up_to", tier["up_to"]) if "up_to" in tier else None
        found.append(Tier(up_to=limit, price=_amount("price", tier["price"])))
    return tuple(found)


def _rounding(key: str, value: Any) -> Rounding:
    table = _table(key, value, ("increment", "minimum", "per"), "rounding key")
    return Rounding(**{name: _amount(name, each) for name, each in table.items()})


def _day(key: str, value: Any) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise TypeError(f"{key}: dates are written plainly (2026-09-23), not {value!r}")


def _checked(key: str, value: Any) -> date | None:
    return None if value == "undated" else _day(key, value)
