"""``mlbroker spend``: what the ledger says was spent.

``--json`` gives ``command``, ``ledger``, ``recorded`` (false: there is no ledger yet), ``by``, ``since``,
``until``, ``unpriced_attempts``, ``rows`` (``group`` by dimension, ``currency``, ``attempts``, ``failed``,
``open``, ``unknown``, ``unpriced``, ``amount``, ``at_risk``), ``totals`` (the same by currency, over all
attempts that match, also those without the tag asked for), ``standing`` (what is paid by the hour, in none of these
sums: ``rule``, ``rows`` by meter, ``allocated`` by group, ``totals`` by currency; :mod:`broker.cli.spend_standing`),
``budgets`` (those in warning or used up: ``name``, ``state``, ``share``) and ``exit_code``.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output

if TYPE_CHECKING:
    from broker.ledger.base import SpendQuery, SpendRow
    from broker.types.budget import BudgetState
    from broker.types.standing import StandingSpend


def spend(
    context: typer.Context,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by",
            metavar="DIMENSION",
            help="day, month, provider, profile, operation, kind (first, retry, fallback, probe, shadow) or tag:KEY; "
            "several: a,b.",
            show_default="provider,operation",
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="First day (UTC), as 2026-09-01 or today.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Last day (UTC), included.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", "-p", metavar="NAME", help="Only this provider.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show what was spent, from the ledger."""
    state = options.begin(context, as_json)
    query = _query(by, since, until, provider)
    from broker.cli import spend_standing
    from broker.config import load_settings
    from broker.types.standing import StandingSpend

    settings = load_settings(state.config)
    path = os.path.expanduser(settings.ledger.path)
    rows: list[SpendRow] = []
    totals: list[SpendRow] = []
    budgets: list[BudgetState] = []
    stands = StandingSpend()
    recorded = os.path.lexists(path)
    if recorded:  # looking must not make a ledger where there is none
        rows, totals, budgets, stands = _read(path, settings.ledger.durability, query)
    if as_json:
        found = _document(path, recorded, query, rows, totals)
        output.emit(
            {**found, "standing": spend_standing.document(stands, query), "budgets": _budgets(budgets)}
        )
    elif not totals and not stands.rows:
        _nothing(path, recorded)
    else:
        _show(path, query, rows, totals, budgets, stands)


def _query(by: list[str] | None, since: str | None, until: str | None, provider: str | None) -> SpendQuery:
    from broker.ledger.base import DIMENSIONS, SpendQuery

    names = options.names(by, "--by") or ["provider", "operation"]
    for name in names:
        if name not in DIMENSIONS and not (name.startswith("tag:") and len(name) > 4):
            raise typer.BadParameter(
                f"{output.plain(name)!r}; choose from {', '.join(DIMENSIONS)} and tag:KEY", param_hint="--by"
            )
    if sum(name.startswith("tag:") for name in names) > 1:
        raise typer.BadParameter("one tag at a time", param_hint="--by")
    first, last = options.day(since, "--since"), options.day(until, "--until")
    if first and last and first > last:
        raise typer.BadParameter(f"it is before --since {first}", param_hint="--until")
    where: dict[str, str] = {}
    if provider:
        where["provider"], _, profile = provider.partition(":")
        if profile:
            where["profile"] = profile
    return SpendQuery(by=tuple(names), since=first, until=last, where=where)


def _read(
    path: str, durability: str, query: SpendQuery
) -> tuple[list[SpendRow], list[SpendRow], list[BudgetState], StandingSpend]:
    from broker.cli import standing
    from broker.ledger.base import LedgerBusy
    from broker.ledger.sqlite import SqliteLedger

    ledger = SqliteLedger(path, durability=durability)
    try:
        with contextlib.suppress(LedgerBusy):  # another process is writing: the sums are there all the same
            ledger.recover()
        at = standing.now()
        whole = ledger.spend(replace(query, by=()))
        return ledger.spend(query), whole, ledger.budgets(at), ledger.standing_spend(query, at)
    finally:
        ledger.close()


def _document(
    path: str, recorded: bool, query: SpendQuery, rows: list[SpendRow], totals: list[SpendRow]
) -> dict[str, Any]:
    return {
        "command": "spend",
        "ledger": path,
        "recorded": recorded,
        "by": list(query.by),
        "since": query.since,
        "until": query.until,
        "unpriced_attempts": sum(row.unpriced for row in totals),
        "rows": [{"group": dict(zip(query.by, row.group, strict=True)), **_sums(row)} for row in rows],
        "totals": [_sums(row) for row in totals],
        "exit_code": exits.OK,
    }


def _sums(row: SpendRow) -> dict[str, Any]:
    return {
        "currency": row.currency,
        "attempts": row.attempts,
        "failed": row.failed,
        "open": row.open,
        "unknown": row.unknown,
        "unpriced": row.unpriced,
        "amount": output.decimal(row.amount),
        "at_risk": output.decimal(row.at_risk),
    }


def _budgets(states: list[BudgetState]) -> list[dict[str, Any]]:
    from broker.cli import standing

    found = [(each, standing.word(each)) for each in states]
    return [
        {"name": each.budget.name, "state": word, "share": output.decimal(standing.share(each))}
        for each, word in found
        if word != standing.OK
    ]


def _nothing(path: str, recorded: bool) -> None:
    screen = output.console()
    if recorded:
        screen.print(output.text("nothing recorded that matches"))
    else:
        screen.print(output.text("nothing recorded yet; the first call makes the ledger"))
    screen.print(output.text(f"ledger: {output.home_short(path)}"))


def _show(
    path: str,
    query: SpendQuery,
    rows: list[SpendRow],
    totals: list[SpendRow],
    budgets: list[BudgetState],
    stands: StandingSpend,
) -> None:
    from broker.cli import spend_standing, standing
    from broker.types.money import shown_amount

    screen = output.console()
    unpriced = sum(row.unpriced for row in totals)
    if unpriced:
        verb, whose = ("has", "its") if unpriced == 1 else ("have", "their")
        screen.print(
            output.text(
                f"warning: {output.counted(unpriced, 'attempt')} {verb} no known price; "
                f"{whose} cost is in no sum",
                "bold yellow",
            )
        )
        screen.print()
    numbers = ("attempts", "failed", "amount", "may be owed") + (("unpriced",) if unpriced else ())
    table = output.table(*query.by, *numbers, right=numbers)

    def cells(group: tuple[str, ...], row: SpendRow) -> list[str]:
        found = [
            *group,
            f"{row.attempts:,}",
            f"{row.failed:,}",
            shown_amount(row.amount, row.currency),
            shown_amount(row.at_risk, row.currency) if row.at_risk else "-",
        ]
        return [*found, f"{row.unpriced:,}"] if unpriced else found

    for row in rows:
        table.add_row(*(output.text(cell) for cell in cells(row.group, row)))
    tag = next((name[4:] for name in query.by if name.startswith("tag:")), None)
    if tag is not None:
        for row in _untagged(rows, totals):
            blank = tuple("(no tag)" if name.startswith("tag:") else "" for name in query.by)
            table.add_row(*(output.text(cell) for cell in cells(blank, row)))
    table.add_section()
    for row in totals:
        head = ("total", *[""] * (len(query.by) - 1))
        table.add_row(*(output.text(cell, "bold") for cell in cells(head, row)))
    if totals:
        screen.print(table)
        screen.print()
    spend_standing.show(screen, stands, query)
    if any(row.at_risk for row in totals):
        screen.print(
            output.text(
                "may be owed: in flight, or the answer was lost; at most this much, not in the amount"
            )
        )
    if any(row.unknown for row in totals):
        screen.print(output.text("'mlbroker settle' lists what may have been billed, and settles it"))
    alerts = standing.alerts(budgets)
    if alerts:
        screen.print(output.text(alerts, "yellow"))
    days = f"{query.since or 'the beginning'} to {query.until or 'today'}"
    screen.print(output.text(f"days in UTC: {days}; ledger: {output.home_short(path)}"))


def _untagged(rows: list[SpendRow], totals: list[SpendRow]) -> list[SpendRow]:
    """What the total has beyond the rows: an attempt has a key once, so the difference is exact."""
    found = []
    for total in totals:
        mine = [row for row in rows if row.currency == total.currency]
        rest = replace(
            total,
            attempts=total.attempts - sum(row.attempts for row in mine),
            failed=total.failed - sum(row.failed for row in mine),
            unpriced=total.unpriced - sum(row.unpriced for row in mine),
            amount=total.amount - sum(row.amount for row in mine),
            at_risk=total.at_risk - sum(row.at_risk for row in mine),
        )
        if rest.attempts:
            found.append(rest)
    return found
