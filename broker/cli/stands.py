"""``mlbroker standing``: what is paid by the hour, whether it is called or not.

``--json`` gives ``command``, ``ledger``, ``recorded`` (false: there is no ledger yet), ``standing`` (a list: ``name``,
``sku``, ``provider``, ``profile``, ``region``, ``operations``, ``tags``, ``units``, ``since``, ``until``, ``stands``,
``currency``, ``hourly`` (null: not known), ``unpriced``, ``month`` (known costs of this month so far), ``whole_month``
(to its end), ``in_settings``), ``not_applied`` (names of the settings that the ledger does not have) and ``exit_code``.
``add``, ``end`` and ``remove`` give ``command``, ``ledger``, ``standing`` (the one) and ``exit_code``.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output

if TYPE_CHECKING:
    from broker.ledger.sqlite import SqliteLedger
    from broker.types.standing import StandingMeter

app = typer.Typer(
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called in this ledger.")]


@app.callback(invoke_without_command=True)
def standing(context: typer.Context, as_json: options.Json = False) -> None:
    """Show what is paid by the hour; add, end or remove it."""
    if context.invoked_subcommand is None:
        _list(context, as_json)
    elif as_json:
        name = context.invoked_subcommand
        raise typer.BadParameter(f"it stands behind: mlbroker standing {name} --json", param_hint="--json")


@app.command("list")
def list_(context: typer.Context, as_json: options.Json = False) -> None:
    """Show what is paid by the hour, as without a command."""
    _list(context, as_json)


def _list(context: typer.Context, as_json: bool) -> None:
    from broker.cli import standing as budgets
    from broker.config import load_settings

    state = options.begin(context, as_json)
    settings = load_settings(state.config)
    at = budgets.now()
    ledger = budgets.open_there(settings)
    found: tuple[StandingMeter, ...] = ()
    if ledger is not None:
        try:
            found = ledger.standing()
        finally:
            ledger.close()
    absent = sorted(set(settings.standing) - {each.name for each in found})
    path = budgets.ledger_path(settings)
    if as_json:
        output.emit(
            {
                "command": "standing",
                "ledger": path,
                "recorded": ledger is not None,
                "standing": [
                    {**_document(each, at), "in_settings": each.name in settings.standing} for each in found
                ],
                "not_applied": absent,
                "exit_code": exits.OK,
            }
        )
    else:
        _show(found, absent, at, path)


@app.command("add", cls=options.Plain)
def add(
    context: typer.Context,
    name: _Name,
    sku: Annotated[str, typer.Option("--sku", metavar="SKU", help="What an hour is billed as.")],
    provider: Annotated[
        str, typer.Option("--provider", "-p", metavar="NAME", help="Whose, or which account's: azure:prod.")
    ],
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="As 2026-11-01 or 2026-11-01T12:30:00Z.")
    ],
    until: Annotated[str | None, typer.Option("--until", metavar="WHEN", help="When it will end.")] = None,
    units: Annotated[str, typer.Option("--units", metavar="NUMBER", help="How many stand at once.")] = "1",
    region: Annotated[
        str | None, typer.Option("--region", metavar="NAME", help="Where, for its price.")
    ] = None,
    operation: Annotated[
        list[str] | None,
        typer.Option("--operation", metavar="NAME", help="What it serves; may be repeated: search.*"),
    ] = None,
    tag: options.Tags = None,
    as_json: options.Json = False,
) -> None:
    """Declare what is paid by the hour; it counts from when it began."""
    from broker.cli import main

    state = options.begin(context, as_json)
    with main.make_broker(config=state.config) as broker:
        meter = broker.stand(
            name,
            sku=sku,
            provider=provider,
            since=_when(since, "--since"),
            until=None if until is None else _when(until, "--until"),
            units=units,
            region=region,
            operations=tuple(options.names(operation, "--operation") or ()),
            tags=options.tags(tag),
        )
    _tell("add", context, meter, as_json=as_json)


@app.command("end", cls=options.Plain)
def end(
    context: typer.Context,
    name: _Name,
    at: Annotated[str | None, typer.Option("--at", metavar="WHEN", help="When; else now.")] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="TEXT", help="Kept in the ledger.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Say when something ended; what it cost until then stays."""
    from broker.cli import standing as budgets

    options.begin(context, as_json)
    when = None if at is None else _when(at, "--at")
    now = budgets.now()
    ledger = _opened(context, name)
    try:
        meter = ledger.end_standing(name, when or now, now, reason)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    finally:
        ledger.close()
    _tell("end", context, meter, as_json=as_json)


@app.command("remove", cls=options.Plain)
def remove(
    context: typer.Context,
    name: _Name,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it never stood so; kept.")],
    as_json: options.Json = False,
) -> None:
    """Take out what was declared by mistake, with all it came to."""
    from broker.cli import standing as budgets

    state = options.begin(context, as_json)
    from broker.config import load_settings

    if name in load_settings(state.config).standing:
        raise typer.BadParameter(
            f"{output.plain(name)} is in the settings, so the next program would declare it again; take "
            f"[standing.{output.plain(name)}] out first",
            param_hint="NAME",
        )
    ledger = _opened(context, name)
    try:
        meter = ledger.remove_standing(name, budgets.now(), reason)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="NAME") from None
    finally:
        ledger.close()
    _tell("remove", context, meter, as_json=as_json)


def _opened(context: typer.Context, name: str) -> SqliteLedger:
    from broker.cli import standing as budgets
    from broker.config import load_settings

    ledger = budgets.open_there(load_settings(context.obj.config))
    if ledger is None:
        raise typer.BadParameter(f"nothing of the name {output.plain(name)!r} stands", param_hint="NAME")
    return ledger


def _when(text: str, option: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is not None and len(text) <= len("2026-11-01"):
        return found.replace(tzinfo=UTC)
    if found is not None and found.utcoffset() is not None:
        with suppress(OverflowError):  # at either end of the calendar
            return found.astimezone(UTC)
    raise typer.BadParameter(
        f"{output.plain(text)!r}; write a day (2026-11-01) or an instant with its zone (2026-11-01T12:30:00Z)",
        param_hint=option,
    )


def _document(meter: StandingMeter, at: datetime) -> dict[str, Any]:
    from broker.ledger.clock_cost import hourly, lines
    from broker.ledger.held import decimal_of

    month = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    morrow = (month + timedelta(days=32)).replace(day=1)
    price = meter.price_on(at.date())
    sums = [sum(line.amount or 0 for line in lines([meter], month, end)) for end in (at, morrow)]
    return {
        "name": meter.name,
        "sku": meter.sku,
        "provider": meter.provider,
        "profile": meter.profile,
        "region": meter.region,
        "operations": list(meter.operations),
        "tags": dict(meter.tags),
        "units": output.decimal(meter.units),
        "since": meter.since,
        "until": meter.until,
        "stands": meter.stands(at),
        "currency": price.currency,
        "hourly": output.decimal(hourly(meter, at)),
        "unpriced": price.unpriced,
        "month": output.decimal(decimal_of(sums[0])),
        "whole_month": output.decimal(decimal_of(sums[1])),
    }


def _tell(command: str, context: typer.Context, meter: StandingMeter, *, as_json: bool) -> None:
    from broker.cli import standing as budgets
    from broker.config import load_settings
    from broker.types.money import shown_amount

    path = budgets.ledger_path(load_settings(context.obj.config))
    found = _document(meter, budgets.now())
    if as_json:
        output.emit(
            {"command": f"standing {command}", "ledger": path, "standing": found, "exit_code": exits.OK}
        )
        return
    screen = output.console()
    until = "" if meter.until is None else f" until {meter.until:%Y-%m-%d %H:%M} UTC"
    words = {"add": "stands", "end": "stood", "remove": "taken out: it stood"}[command]
    screen.print(
        output.text(f"{meter.name}: {words} since {meter.since:%Y-%m-%d %H:%M} UTC{until}"), soft_wrap=True
    )
    if found["unpriced"] is not None:
        output.complain(f"its price is not known: {found['unpriced']}", "warning")
    elif command != "remove":
        rate = "-" if found["hourly"] is None else shown_amount(_exact(found["hourly"]), found["currency"])
        whole = shown_amount(_exact(found["whole_month"]), found["currency"])
        screen.print(output.text(f"{rate} an hour, {whole} in this whole month"))


def _exact(text: str) -> Decimal:
    """As people read it: with six decimals at most; ``--json`` has all."""
    return round(Decimal(text), 6)


def _show(found: tuple[StandingMeter, ...], absent: list[str], at: datetime, path: str) -> None:
    from broker.types.money import shown_amount

    screen = output.console()
    if not found:
        screen.print(output.text("nothing is declared that is paid by the hour"))
    else:
        right = ("units", "an hour", "month so far")
        table = output.table("name", "sku", "since", "units", "an hour", "month so far", right=right)
        for meter in found:
            told = _document(meter, at)
            money = [
                "unknown" if told["unpriced"] else shown_amount(_exact(told[key]), told["currency"])
                for key in ("hourly", "month")
            ]
            if not told["stands"]:
                money[0] = "ended" if meter.since <= at else "to come"
            cells = (meter.name, meter.sku, f"{meter.since:%Y-%m-%d}", told["units"], *money)
            table.add_row(*(output.text(cell) for cell in cells))
        screen.print(table)
    for name in absent:
        line = f"{name}: in the settings, not in the ledger yet; the next call declares it"
        screen.print(output.text(line, "yellow"), soft_wrap=True)
    screen.print(output.text(f"times in UTC; ledger: {output.home_short(path)}", "dim"))
