"""``mlbroker kpi``: the key figures of use cases, month beside month, with their intervals and the return on what was spent.

``--json`` gives ``command``, ``level``, ``use_cases`` (a list) and ``exit_code``. A use case has ``use_case``, ``months`` (a list),
``concentration`` (by month: ``largest``, ``share``, ``index``) and ``required`` (by provider: ``breach``, ``rule``, ``text``; empty where the
settings require no return). A month has ``provider``, ``month``, ``complete`` (false: it is not over), ``currency``, ``calls``,
``answered``, ``items``, ``spend``, ``sampling``, ``labelling``, ``standing``, ``engineering``, ``at_risk``, ``unpriced``, ``metric``,
``metric_version``, ``notes``, ``kpis`` and ``unknown`` (why, by name of each figure of ``kpis`` that is not known). In ``kpis``
amounts are texts, shares 0..1, estimates have ``point``, ``low``, ``high``, ``n``, ``method`` and ``notes``, times are seconds with
``point``, ``low``, ``high``, and ``roi`` has ``gross``, ``net``, ``value``, ``cost``, ``n``, ``untold`` and ``break_even``; what is
not known is null.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.cli.boards import opened
from broker.cli.kpi_show import show
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.quality.kpi import Kpis
    from broker.samples.month_rows import MonthRow, Months


def kpi(
    context: typer.Context,
    use_case: Annotated[
        str | None, typer.Argument(metavar="USE_CASE", help="Else all of the settings.", show_default=False)
    ] = None,
    months: Annotated[
        int, typer.Option("--months", metavar="N", min=1, max=36, help="This one and those before it.")
    ] = 3,
    guard: Annotated[
        bool,
        typer.Option(
            "--guard",
            help="Tell the off switch of returns below what is required; for a job that runs daily.",
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show what use cases cost, how good they are and what they return, month by month."""
    state = options.begin(context, as_json)
    from broker.config import load_settings

    settings = load_settings(state.config)
    known = settings.quality.use_cases
    if not known:
        raise NotConfigured("the settings have no use case; write [quality.use_cases.NAME] (docs/quality.md)")
    if use_case is not None and use_case not in known:
        raise typer.BadParameter(
            f"there is no use case {output.plain(use_case)!r}; there are {', '.join(known)}",
            param_hint="USE_CASE",
        )
    names = list(known) if use_case is None else [use_case]
    found = _reckoned(settings, names, months)
    if guard:
        _tell(settings, found)
    if as_json:
        output.emit(
            {
                "command": "kpi",
                "level": settings.quality.level,
                "use_cases": [_document(name, each) for name, each in found.items()],
                "exit_code": exits.OK,
            }
        )
        return
    screen = output.console()
    for name, each in found.items():
        show(screen, name, each, observed=known[name].switch.mode == "observe")


def _reckoned(settings: Settings, names: list[str], count: int) -> dict[str, Months]:
    """No use case has months where there is no ledger yet."""
    import os

    from broker.cli import standing
    from broker.samples.month_rows import Months
    from broker.samples.months import Reckoning
    from broker.samples.start import open_store, plans_kept
    from broker.switches.use_cases import UseCases

    ledger = standing.open_there(settings)
    if ledger is None:
        return {name: Months(rows=(), concentration={}, findings={}) for name in names}
    with closing(ledger), closing(open_store(settings)) as store:
        there = os.path.lexists(store.path)  # looking must not make it
        reckoning = Reckoning(
            ledger,
            store if there else None,
            UseCases(settings.quality.use_cases),
            plans_kept(settings, store) if there else {},
            level=settings.quality.level,
            now=standing.now(),
        )
        return {name: reckoning.months(name, count) for name in names}


def _tell(settings: Settings, found: dict[str, Months]) -> None:
    from broker.samples.month_return import tell_board

    with opened(settings, make=True) as board:
        for name, each in found.items():
            tell_board(board, name, settings.quality.use_cases[name], each)


def _document(name: str, found: Months) -> dict[str, Any]:
    return {
        "use_case": name,
        "months": [_month(row) for row in found.rows],
        "concentration": {
            month: {"largest": each.largest[0], "share": each.largest[1], "index": each.index}
            for month, each in found.concentration.items()
        },
        "required": {
            provider: {"breach": each.breach.value, "rule": each.rule, "text": each.text}
            for provider, each in found.findings.items()
        },
    }


def _month(row: MonthRow) -> dict[str, Any]:
    plain = (
        "provider", "month", "complete", "currency", "calls", "answered", "items", "spend", "sampling", "labelling",
        "standing", "engineering", "at_risk", "unpriced", "metric", "metric_version",
    )  # fmt: skip
    found: dict[str, Any] = {name: getattr(row, name) for name in plain}
    return {**found, "notes": list(row.notes), "unknown": dict(row.unknown), "kpis": _kpis(row.kpis)}


def _kpis(found: Kpis) -> dict[str, Any]:
    return {each.name: _plain(getattr(found, each.name)) for each in fields(found) if each.name != "month"}


def _plain(value: Any) -> Any:
    from broker.quality.estimate import Estimate
    from broker.quality.kpi import Latency
    from broker.quality.roi import Roi

    if isinstance(value, Estimate):
        return {
            "point": value.point,
            "low": value.low,
            "high": value.high,
            "n": value.n,
            "method": value.method,
            "notes": list(value.notes),
        }
    if isinstance(value, Latency):
        return {"point": value.point, "low": value.low, "high": value.high}
    if isinstance(value, Roi):
        ends = {name: getattr(value, name) for name in ("gross", "net", "value")}
        told: dict[str, Any] = {
            name: {"point": each.point, "low": each.low, "high": each.high} for name, each in ends.items()
        }
        facts = {name: getattr(value, name) for name in ("cost", "n", "untold", "break_even")}
        return {**told, **facts}
    if isinstance(value, dict):
        return {getattr(key, "value", key): _plain(each) for key, each in value.items()}
    return value
