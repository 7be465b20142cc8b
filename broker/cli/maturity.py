"""``mlbroker maturity``: how mature each service is, by which evidence, and whether the evidence may be used.

Without a command, ``--json`` gives ``command``, ``as_of``, ``weights`` by member, ``cells`` (a list: ``provider``,
``service``, ``operation``, ``low``, ``high`` (0 to 100), ``caps`` (``limit``, ``why``, ``source``), ``unknown`` and ``stale``
(names of members), ``evidence`` (a list: ``member``, ``grade``, ``meaning``, ``says``, ``source``, ``dated`` (null: undated),
``stale``)), ``unavailable`` (``provider``, ``problem``) and ``exit_code``. ``check --json`` gives ``command``, ``as_of``,
``rows`` (a count), ``slips``, ``providers`` (``provider``, ``rows``, ``stale``, ``undated``, ``oldest``, ``known`` of ``asked``),
``warnings`` (all of them) and ``exit_code``: 1 where there are slips.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output

if TYPE_CHECKING:
    from rich.console import Console

    from broker.contract.manifest import Manifest
    from broker.maturity.check import Stale, Standing
    from broker.maturity.checklist import Member
    from broker.maturity.score import Assessment

app = typer.Typer(
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_OLDEST = 10
"""Rows that are shown without ``--all``."""

Own = Annotated[
    list[str] | None,
    typer.Option(
        "--evidence", metavar="FILE", help="Evidence of your own, over the shipped; may be repeated."
    ),
]
Weigh = Annotated[
    list[str] | None,
    typer.Option(
        "--weight", metavar="MEMBER=NUMBER", help="Count a member more or less than 1; may be repeated."
    ),
]
AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="As of this day; today if left out.")
]


@app.callback(invoke_without_command=True)
def maturity(
    context: typer.Context,
    provider: Annotated[
        str | None, typer.Option("--provider", "-p", metavar="NAME", help="Only this provider.")
    ] = None,
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="NAME", help="Only this one, such as vision.label.")
    ] = None,
    evidence: Own = None,
    weight: Weigh = None,
    as_of: AsOf = None,
    details: Annotated[bool, typer.Option("--details", help="The evidence of each member too.")] = False,
    as_json: options.Json = False,
) -> None:
    """Show how mature services are, by sourced and dated evidence; 'check' tells what is old or missing."""
    if context.invoked_subcommand is not None:
        if as_json or provider or operation or evidence or weight or as_of or details:
            name = context.invoked_subcommand
            raise typer.BadParameter(f"options stand behind: mlbroker maturity {name} …", param_hint=name)
        return
    state = options.begin(context, as_json)
    from broker.maturity.load import checklist
    from broker.maturity.score import assess_all

    day = options.day(as_of, "--as-of") or output.today()
    weights = weights_of(weight)
    rows = checklist(evidence or ())
    manifests, broken = manifests_of(state.config)
    cells = [
        each
        for each in assess_all(manifests, rows, day, weights)
        if provider in (None, each.provider) and operation in (None, each.operation)
    ]
    if not cells and (provider or operation):
        raise typer.BadParameter("there is no such provider and operation; 'mlbroker providers' shows all")
    code = exits.FAILED if broken else exits.OK
    if as_json:
        output.emit(
            {
                "command": "maturity",
                "as_of": day,
                "weights": {member.value: each for member, each in weights.items()},
                "cells": [document(each) for each in cells],
                "unavailable": [{"provider": name, "problem": why} for name, why in broken.items()],
                "exit_code": code,
            }
        )
    else:
        _show(output.console(), cells, day, details=details, weighed=bool(weight))
        for name, why in broken.items():
            output.complain(f"{name}: {why}", "warning")
    raise typer.Exit(code)


@app.command("check", cls=options.Plain)
def check(
    context: typer.Context,
    evidence: Own = None,
    as_of: AsOf = None,
    every: Annotated[bool, typer.Option("--all", help="Every warning, not the oldest ones only.")] = False,
    as_json: options.Json = False,
) -> None:
    """Check the evidence: sources that cannot be followed, members without any, and what is over 90 days old."""
    state = options.begin(context, as_json)
    from broker.maturity.check import slips, stale_rows, standings, warnings
    from broker.maturity.load import checklist

    day = options.day(as_of, "--as-of") or output.today()
    rows = checklist(evidence or ())
    manifests, broken = manifests_of(state.config)
    wrong = slips(rows, manifests, day)
    wrong += [f"{name}: {why}" for name, why in broken.items()]
    missing = warnings(rows, manifests, day)
    found = standings(rows, manifests, day)
    code = exits.FAILED if wrong else exits.OK
    if as_json:
        output.emit(
            {
                "command": "maturity check",
                "as_of": day,
                "rows": len(rows.evidence),
                "slips": wrong,
                "providers": [asdict(each) for each in found],
                "warnings": missing,
                "exit_code": code,
            }
        )
    else:
        for slip in wrong:
            output.complain(slip)
        _stand(output.console(), found)
        if every:
            for warning in missing:
                output.complain(warning, "warning")
        else:
            _oldest(output.console(), stale_rows(rows, day)[:_OLDEST])
        told = f"{output.counted(len(rows.evidence), 'row')} read, {output.counted(len(wrong), 'slip')}"
        more = "" if every or not missing else "; every one: mlbroker maturity check --all"
        output.console().print(
            output.text(f"{told}, {output.counted(len(missing), 'warning')}{more}"), soft_wrap=True
        )
    raise typer.Exit(code)


def _stand(screen: Console, found: Sequence[Standing]) -> None:
    """A line for each provider."""
    table = output.table(
        "provider",
        "rows",
        "over 90 days",
        "undated",
        "oldest",
        "known",
        right=("rows", "over 90 days", "undated", "known"),
    )
    for each in found:
        share = f"{each.known} of {each.asked}"
        told = (each.provider, each.rows, each.stale or "", each.undated or "", each.oldest or "", share)
        table.add_row(*(output.text(cell) for cell in told))
    screen.print(table)
    told_of = (
        "known: of the members asked of each operation, those with evidence; without any they widen the score"
    )
    screen.print(output.text(told_of, "dim"))
    screen.print()


def _oldest(screen: Console, found: Sequence[Stale]) -> None:
    """What to look up first."""
    if not found:
        return
    screen.print(output.text("The oldest evidence:", "bold"))
    for each in found:
        screen.print(output.text(f"  {each}"), soft_wrap=True)  # an address is copied, so it is not broken
    screen.print()


def weights_of(given: Sequence[str] | None) -> dict[Member, float]:
    """``--weight``: 1 for each member that is not named."""
    from broker.maturity.checklist import Member

    weights = dict.fromkeys(Member, 1.0)
    for name, value in options.pairs(list(given or ()), "--weight").items():
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if name not in [each.value for each in Member] or not (math.isfinite(number) and number >= 0):
            known = ", ".join(each.value for each in Member)
            raise typer.BadParameter(
                f"{output.plain(name)}={output.plain(value)}: write MEMBER=NUMBER, 0 or more; members: {known}",
                param_hint="--weight",
            )
        weights[Member(name)] = number
    if not any(weights.values()):
        raise typer.BadParameter("a weight above 0 is needed", param_hint="--weight")
    return weights


def manifests_of(config: str | None) -> tuple[list[Manifest], dict[str, str]]:
    """The manifests that can be read, and why others cannot."""
    from broker.cli import main
    from broker.cli.providers import read
    from broker.config import load_settings

    registry = main.make_registry(load_settings(config))
    try:
        return read(registry)
    finally:
        registry.close()


def document(cell: Assessment) -> dict[str, Any]:
    """A cell for ``--json``."""
    from broker.maturity.checklist import GRADES

    return {
        "provider": cell.provider,
        "service": cell.service,
        "operation": cell.operation,
        "low": round(cell.score.low, 1),
        "high": round(cell.score.high, 1),
        "caps": [{"limit": cap.limit, "why": cap.why, "source": cap.source} for cap in cell.caps],
        "unknown": [member.value for member in cell.unknown],
        "stale": [member.value for member in cell.stale],
        "evidence": [
            {
                "member": member.value,
                "grade": row.grade,
                "meaning": GRADES[member][row.grade],
                "says": row.says,
                "source": row.source,
                "dated": row.dated,
                "stale": row.stale(cell.as_of),
            }
            for member, row in cell.known.items()
        ],
    }


def _show(screen: Console, cells: Sequence[Assessment], day: date, *, details: bool, weighed: bool) -> None:
    table = output.table("operation", "provider", "score", "known", "stale", "caps", right=("known", "stale"))
    for name in ("operation", "provider", "score"):
        next(each for each in table.columns if each.header == name).no_wrap = True
    for cell in sorted(cells, key=lambda each: each.operation):
        known = len(cell.known)
        table.add_row(
            *(
                output.text(each)
                for each in (
                    cell.operation,
                    cell.provider,
                    f"{cell.score}",
                    f"{known} of {known + len(cell.unknown)}",
                    len(cell.stale) or "",
                    "; ".join(f"at most {cap.limit:.0f}: {cap.why}" for cap in cell.caps),
                )
            )
        )
    screen.print(table)
    if details:
        for cell in cells:
            _details(screen, cell)
    own = "your weights" if weighed else "every member weighs the same (mlbroker's default)"
    screen.print()
    told = f"as of {day}; 0 to 100, from 'unknown is 0' to 'unknown is 4 of 4'; {own}; stale: over 90 days old or undated"
    screen.print(output.text(told, "dim"))


def _details(screen: Console, cell: Assessment) -> None:
    from broker.maturity.checklist import GRADES, Member

    screen.print()
    screen.print(output.text(f"{cell.operation}, {cell.provider} {cell.service}: {cell.score}", "bold"))
    facts = output.facts(indent=2)
    for member in Member:
        row = cell.known.get(member)
        if row is None:
            facts.add_row(output.text(member.words), output.text("unknown", "dim"))
            continue
        dated = "undated" if row.dated is None else str(row.dated)
        old = ", stale" if row.stale(cell.as_of) else ""
        told = output.text(f"{row.grade} of 4 ({GRADES[member][row.grade]}): {row.says}")
        told.append("\n")
        told.append_text(output.text(f"{row.source} ({dated}{old})"))
        facts.add_row(output.text(member.words), told)
    screen.print(facts)
