"""``mlbroker prices``: the price book in force, one price in full, and whether a price file may be used.

``list --json`` gives ``command``, ``day``, ``prices`` (``sku``, ``region``, ``unit``, ``per``, ``currency``,
``tiers``, ``free``, ``unpriced``, ``contract``, ``confidence``, ``checked_on``, ``age_days``, ``stale``, ``id``),
``stale`` (a count), ``unpriced`` (a count) and ``exit_code``. ``show --json`` gives ``command``, ``day``, ``sku``,
``rows`` (the same keys and ``valid_from``, ``valid_to``, ``in_force``, ``rounding``, ``channels``, ``free_quota``,
``free_with``, ``counter``, ``source``, ``note``, ``unusual``) and ``exit_code``. ``check --json`` gives ``command``,
``day``, ``files``, ``rows`` (a count), ``slips``, ``warnings`` and ``exit_code``: 1 where there are slips.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output

if TYPE_CHECKING:
    from rich.console import Console

    from broker.pricing.book import PriceBook
    from broker.types.money import Price

app = typer.Typer(
    help="Show and check what calls are priced at.",
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_BESIDE = 61
"""Columns that price, confidence, age and the gaps want beside sku and region."""

_Provider = Annotated[
    str | None, typer.Option("--provider", "-p", metavar="NAME", help="Only skus of this provider.")
]
_Sku = Annotated[
    str | None, typer.Option("--sku", metavar="TEXT", help="Only skus that begin with this: aws.transcribe.")
]
_Region = Annotated[
    str | None, typer.Option("--region", metavar="NAME", help="Only what holds in this region.")
]


@app.command("list")
def list_(
    context: typer.Context,
    provider: _Provider = None,
    sku: _Sku = None,
    region: _Region = None,
    unpriced: Annotated[bool, typer.Option("--unpriced", help="Only what has no known price.")] = False,
    as_json: options.Json = False,
) -> None:
    """List the prices in force today."""
    from broker.types.money import EVERYWHERE

    state = options.begin(context, as_json)
    day = output.today()
    book = _book(state.config)
    rows = [
        row
        for row in _in_force(book, day)
        if (provider is None or row.sku.partition(".")[0] == provider)
        and (sku is None or row.sku.startswith(sku))
        and (region is None or row.region in (region, *EVERYWHERE))
        and (row.unpriced is not None or not unpriced)
    ]
    stale = sum(_stale(row, day) for row in rows)
    if as_json:
        output.emit(
            {
                "command": "prices list",
                "day": day,
                "prices": [_document(row, day) for row in rows],
                "stale": stale,
                "unpriced": sum(row.unpriced is not None for row in rows),
                "exit_code": exits.OK,
            }
        )
        return
    screen = output.console()
    if not rows:
        screen.print(output.text("no price that matches"))
        return
    _print_list(screen, rows, day, reasons=unpriced)
    if stale:
        marked = f"{output.counted(stale, 'price')} marked ! {'was' if stale == 1 else 'were'} checked over 90 days"
        screen.print(output.text(f"warning: {marked} ago, or on no known day", "yellow"))
    screen.print(
        output.text(f"{output.counted(len(rows), 'price')}; 'mlbroker prices show SKU' shows all", "dim")
    )


@app.command("show", cls=options.Plain)
def show(
    context: typer.Context,
    sku: Annotated[str, typer.Argument(metavar="SKU", help="Such as aws.rekognition.group2.")],
    region: _Region = None,
    as_json: options.Json = False,
) -> None:
    """Show every row of one price: tiers, rounding, dates, source."""
    from broker.types.money import EVERYWHERE

    state = options.begin(context, as_json)
    day = output.today()
    book = _book(state.config)
    known = book.of(sku)
    if not known:
        names = sorted({row.sku for row in book.rows()})
        near = get_close_matches(sku, names, n=1)
        hint = f"did you mean {near[0]}?" if near else "'mlbroker prices list' shows all"
        raise typer.BadParameter(f"there is no price {output.plain(sku)!r}; {hint}", param_hint="SKU")
    rows = [row for row in known if region is None or row.region in (region, *EVERYWHERE)]
    rows.sort(key=lambda row: (row.region, not row.contract, row.valid_from))
    held = {row.id for row in _in_force(book, day)}
    if as_json:
        output.emit(
            {
                "command": "prices show",
                "day": day,
                "sku": sku,
                "rows": [_full(row, day, row.id in held) for row in rows],
                "exit_code": exits.OK,
            }
        )
        return
    screen = output.console()
    screen.print(output.text(sku, "bold"))
    for row in rows:
        screen.print()
        mark = "in force" if row.id in held else _why_not(row, day)
        screen.print(output.text(f"{row.id} ({mark})", "" if row.id in held else "dim"))
        facts = output.facts(indent=2)
        for name, value in _facts(row, day):
            facts.add_row(output.text(name), output.text(value))
        screen.print(facts)
    if not rows:
        screen.print(output.text(f"it has no price in {region}; regions: {_regions(known)}"))


@app.command("check", cls=options.Plain)
def check(
    context: typer.Context,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE", help="Price files; all prices in force if left out.", show_default=False
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check price files, or all prices in force, and list every slip."""
    state = options.begin(context, as_json)
    from broker.pricing.contract import check_files

    day = output.today()
    if files:
        names: Sequence[str] = files
        placed, slips = check_files(files)
        rows = [row for _, row in placed]
    else:
        names, rows, slips = _all(state.config)
    slips += [
        f"{row.id}: checked_on {row.checked_on} is still to come" for row in rows if row.checked_on > day
    ]
    warnings = [_warning(row, day) for row in rows if _stale(row, day)]
    code = exits.FAILED if slips else exits.OK
    if as_json:
        output.emit(
            {
                "command": "prices check",
                "day": day,
                "files": list(names),
                "rows": len(rows),
                "slips": slips,
                "warnings": warnings,
                "exit_code": code,
            }
        )
    else:
        for slip in slips:
            output.complain(slip)
        for warning in warnings:
            output.complain(warning, "warning")
        told = f"{output.counted(len(rows), 'price')} read, {output.counted(len(slips), 'slip')}"
        output.console().print(output.text(f"{told}, {output.counted(len(warnings), 'warning')}"))
    raise typer.Exit(code)


def _print_list(screen: Console, rows: Sequence[Price], day: date, *, reasons: bool) -> None:
    """A line each; where the terminal is too narrow for that, the sku above its rows: a sku is there to be copied."""
    from rich.table import Table

    region = max(len(row.region) for row in rows)
    wide = max(len(row.sku) for row in rows) + region + _BESIDE <= screen.width
    table = output.table("sku", "region", "price", "confidence", "age", right=("age",))
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for sku, group in groupby(rows, key=lambda row: row.sku):
        if not wide:
            table = Table.grid(padding=(0, 2, 0, 0))
            for width in (region + 2, max(12, screen.width - region - 29), 10):
                table.add_column(width=width, overflow="fold")
            table.add_column(width=9, justify="right", no_wrap=True)
            screen.print(output.text(sku, "bold"))
        for row in group:
            style = "dim" if row.unpriced is not None else ""
            price = "unpriced" if row.unpriced is not None and not reasons else shown(row)
            cells = (row.sku, row.region) if wide else (f"  {row.region}",)
            cells = (*cells, price, row.confidence, shown_age(row, day))
            table.add_row(*(output.text(cell, style) for cell in cells))
        if not wide:
            screen.print(table)
    if wide:
        screen.print(table)


def _all(config: str | None) -> tuple[list[str], list[Price], list[str]]:
    """What a broker with these settings would use, and all that is wrong with it."""
    from broker.cli import main
    from broker.cli.providers import book_of, read
    from broker.config import load_settings
    from broker.pricing.check import Placed
    from broker.pricing.check import slips as wrong_with
    from broker.pricing.contract import contract_rows
    from broker.pricing.load import shipped_rows

    settings = load_settings(config)
    registry = main.make_registry(settings)
    try:
        manifests, _ = read(registry)
    finally:
        registry.close()
    placed = shipped_rows()
    known = {row.sku for _, row in placed}
    placed += [
        Placed(f"prices of the provider {each.provider} ({row.id})", row)
        for each in manifests
        for row in each.prices
        if row.sku not in known
    ]
    slips = wrong_with(placed)
    own, bad = contract_rows(settings.prices.files, book_of(manifests))
    return list(settings.prices.files), [row for _, row in [*own, *placed]], slips + bad


def _book(config: str | None) -> PriceBook:
    """The book in force. Raises :class:`~broker.errors.NotConfigured` for a contract file that cannot be used."""
    from broker.cli import main
    from broker.cli.providers import book_of, read
    from broker.config import load_settings

    settings = load_settings(config)
    registry = main.make_registry(settings)
    try:
        manifests, broken = read(registry)
        for name, why in broken.items():
            output.complain(f"{name}: {why}", "warning")
        return book_of(manifests, settings.prices.files)
    finally:
        registry.close()


def _in_force(book: PriceBook, day: date) -> list[Price]:
    """The rows that hold on a day, without list prices that a contract stands before."""
    rows = [row for row in book.rows() if row.holds(day)]
    found = [row for row in rows if book.find(row.sku, row.region, row.unit, day).id == row.id]
    return sorted(found, key=lambda row: (row.sku, row.region))


def _stale(row: Price, day: date) -> bool:
    """A list price that was checked too long ago, or nobody knows when; a contract holds as it was signed."""
    from broker.pricing.book import STALE_AFTER

    if row.tiers == () or row.contract:
        return False
    return not row.dated or day - row.checked_on > STALE_AFTER


def _warning(row: Price, day: date) -> str:
    if not row.dated:
        return f"{row.id}: its source has no date; check it against the vendor's page"
    return f"{row.id}: checked {(day - row.checked_on).days} days ago; check it again, or upgrade mlbroker"


def shown_age(row: Price, day: date) -> str:
    """Days since it was checked, ``!`` where that is too long ago."""
    if not row.dated:
        return "undated !"
    days = (day - row.checked_on).days
    return f"{days:,} d !" if _stale(row, day) else f"{days:,} d"


def shown(row: Price) -> str:
    """The first tier for a number of things that reads well, and that there are more tiers."""
    from broker.types.money import EXACT, shown_amount

    if row.unpriced is not None:
        return f"unpriced: {row.unpriced}"
    if row.free is not None:
        return f"free ({row.free})"
    first = row.tiers[0]
    thousand = row.rounding.per == 1 and first.price < Decimal("0.01")
    price = EXACT.multiply(first.price, Decimal(1000)) if thousand else first.price
    text = f"{shown_amount(price, row.currency)} per {sold_by(row, Decimal(1000) if thousand else None)}"
    if len(row.tiers) > 1:
        text += f", {len(row.tiers)} tiers"
    elif first.up_to is not None:
        text += f", up to {first.up_to:,f}"
    return text


def sold_by(row: Price, number: Decimal | None = None) -> str:
    """What one price buys: ``image``, ``minute``, ``1,000 characters``."""
    per = row.rounding.per if number is None else number
    unit = row.unit.value.replace("_", " ")
    if unit == "second" and per in (60, 3600):
        return "minute" if per == 60 else "hour"
    return unit if per == 1 else f"{per.normalize():,f} {_many(unit)}"


def _many(unit: str) -> str:
    return "queries" if unit == "query" else f"{unit}s"


def _why_not(row: Price, day: date) -> str:
    if row.valid_to is not None and row.valid_to <= day:
        return "has ended"
    return "still to come" if day < row.valid_from else "a contract price stands before it"


def _regions(rows: Iterable[Price]) -> str:
    return ", ".join(sorted({row.region for row in rows}))


def _facts(row: Price, day: date) -> Iterable[tuple[str, str]]:
    """What people want to know of a row."""
    from broker.types.money import shown_amount

    yield "region", row.region
    yield "valid", f"from {row.valid_from}" + (f" until {row.valid_to} (exclusive)" if row.valid_to else "")
    if row.unpriced is not None or row.free is not None:
        yield "price", shown(row)
    unit = row.unit.value.replace("_", " ")
    below = "0"
    for number, tier in enumerate(row.tiers):
        span = f"above {below}" if tier.up_to is None else f"{below} to {tier.up_to:,f}"
        where = "" if len(row.tiers) == 1 and tier.up_to is None else f" ({span} a month)"
        yield (
            ("price" if number == 0 else ""),
            f"{shown_amount(tier.price, row.currency)} per {sold_by(row)}{where}",
        )
        below = "0" if tier.up_to is None else f"{tier.up_to:,f}"
    if row.tiers and row.tiers[-1].up_to is not None:
        yield "", f"not known above {below} a month"
    if row.rounding.increment is not None:
        least = f", at least {row.rounding.minimum:,f}" if row.rounding.minimum else ""
        step = row.rounding.increment
        whole = f"a whole {unit}" if step == 1 else f"the next {step:,f} {_many(unit)}"
        yield "rounded", f"up to {whole}{least}"
    if row.channels != "once":
        yield "channels", "each is billed" if row.channels == "each" else "not known whether each is billed"
    if row.free_quota:
        yield "free quota", f"{row.free_quota:,f} units a month, where the provider's settings claim it"
    if row.free_with:
        yield "bundle", f"free in a request that also uses {' or '.join(row.free_with)}"
    yield "confidence", "contract, it wins over the list" if row.contract else row.confidence
    yield "source", row.source
    yield "checked", f"{row.checked_on} ({shown_age(row, day)})" if row.dated else "on no known day !"
    if row.unusual is not None:
        yield "unusual", row.unusual
    if row.note:
        yield "note", row.note


def _document(row: Price, day: date) -> dict[str, Any]:
    return {
        "sku": row.sku,
        "region": row.region,
        "unit": row.unit.value,
        "per": row.rounding.per,
        "currency": row.currency,
        "tiers": [{"up_to": output.decimal(tier.up_to), "price": tier.price} for tier in row.tiers],
        "free": row.free,
        "unpriced": row.unpriced,
        "contract": row.contract,
        "confidence": row.confidence,
        "checked_on": row.checked_on if row.dated else None,
        "age_days": (day - row.checked_on).days if row.dated else None,
        "stale": _stale(row, day),
        "id": row.id,
    }


def _full(row: Price, day: date, held: bool) -> dict[str, Any]:
    return {
        **_document(row, day),
        "valid_from": row.valid_from,
        "valid_to": row.valid_to,
        "in_force": held,
        "rounding": {"increment": output.decimal(row.rounding.increment), "minimum": row.rounding.minimum},
        "channels": row.channels,
        "free_quota": row.free_quota,
        "free_with": list(row.free_with),
        "counter": row.counter,
        "source": row.source,
        "note": row.note,
        "unusual": row.unusual,
    }
