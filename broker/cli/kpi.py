"""``mlbroker kpi``: the key figures of use cases, month beside month, with their intervals and the return on what was spent.

``--json`` gives ``command``, ``level``, ``use_cases`` (a list) and ``exit_code``. A use case has ``use_case``, ``months`` (a list),
``concentration`` (by month: ``largest``, ``share``, ``index``) and ``required`` (by provider: ``breach``, ``rule``, ``text``; empty where the
settings require no return). A month has ``provider``, ``month``, ``complete``, ``currency``, ``calls``, ``answered``, ``spend``,
``sampling``, ``at_risk``, ``unpriced``, ``notes`` and ``kpis``: amounts as texts, shares 0..1, estimates with ``point``, ``low``,
``high``, ``n`` and ``notes``, times in seconds, ``roi`` with ``gross``, ``net``, ``break_even``; what is not known is null.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import fields
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.cli.boards import opened
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.quality.estimate import Estimate
    from broker.quality.kpi import Kpis
    from broker.quality.roi import Roi
    from broker.samples.months import MonthRow, Months


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
        _show(screen, name, each, observed=known[name].switch.mode == "observe")


def _reckoned(settings: Settings, names: list[str], count: int) -> dict[str, Months]:
    """No use case has months where there is no ledger yet."""
    import os

    from broker.cli import standing
    from broker.samples.months import Months, Reckoning
    from broker.samples.start import open_store, plans_of
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
            plans_of(settings, store) if there else {},
            level=settings.quality.level,
            now=standing.now(),
        )
        return {name: reckoning.months(name, count) for name in names}


def _tell(settings: Settings, found: dict[str, Months]) -> None:
    from broker.samples.months import tell_board

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
        "provider", "month", "complete", "currency", "calls", "answered", "spend", "sampling", "at_risk", "unpriced",
    )  # fmt: skip
    found: dict[str, Any] = {name: getattr(row, name) for name in plain}
    return {**found, "notes": list(row.notes), "kpis": _kpis(row.kpis)}


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
            "notes": list(value.notes),
        }
    if isinstance(value, Latency):
        return {"point": value.point, "low": value.low, "high": value.high}
    if isinstance(value, Roi):
        ends = {name: getattr(value, name) for name in ("gross", "net", "value")}
        told: dict[str, Any] = {
            name: {"point": each.point, "low": each.low, "high": each.high} for name, each in ends.items()
        }
        return {**told, "cost": value.cost, "n": value.n, "break_even": value.break_even}
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {getattr(key, "value", key): _plain(each) for key, each in value.items()}
    return value


def _show(screen: Any, name: str, found: Months, *, observed: bool) -> None:
    screen.print(output.text(name, "bold"))
    if not found.rows:
        screen.print(output.text("  no call of it is in the ledger"))
        return
    for provider in dict.fromkeys(row.provider for row in found.rows):
        rows = [row for row in found.rows if row.provider == provider]
        heads = [row.month if row.complete else f"{row.month} so far" for row in rows]
        table = output.table(provider, *heads, right=tuple(heads))
        for title, cells in _lines(rows, observed=observed):
            if any(cell != "-" for cell in cells):
                table.add_row(output.text(title), *(output.text(cell) for cell in cells))
        screen.print(table)
        for row in rows:
            for note in row.notes:
                screen.print(output.text(f"{row.month}: {note}", "yellow"))
        finding = found.findings.get(provider)
        if finding is not None and finding.breach.value in ("soft", "hard"):
            style = "red" if finding.breach.value == "hard" else "yellow"
            screen.print(
                output.text(f"return below what is required ({finding.rule}): {finding.text}", style)
            )
    for month, each in found.concentration.items():
        if len({row.provider for row in found.rows if row.month == month}) > 1:
            screen.print(
                output.text(f"{month}: {each.largest[1]:.0%} of the spend is {each.largest[0]}'s", "dim")
            )


def _lines(rows: list[MonthRow], *, observed: bool) -> list[tuple[str, list[str]]]:
    def each(of: Any) -> list[str]:
        return [of(row) for row in rows]

    return [
        ("calls", each(lambda row: f"{row.calls:,}")),
        ("answered", each(lambda row: _share(row.kpis.success))),
        ("delivered quality", each(lambda row: _share(row.kpis.delivered))),
        ("standard errors above its bar", each(lambda row: _number(row.kpis.margin, "+.1f"))),
        ("p50", each(lambda row: _seconds(row.kpis.p50))),
        ("p95", each(lambda row: _seconds(row.kpis.p95))),
        ("spend", each(lambda row: _money(row.spend, row.currency))),
        (
            "may have cost besides",
            each(lambda row: _money(row.at_risk, row.currency) if row.at_risk else "-"),
        ),
        ("of plan", each(lambda row: _percent(row.kpis.of_plan))),
        ("per 1,000 calls", each(lambda row: _money(row.kpis.per_thousand, row.currency))),
        ("per right answer", each(lambda row: _money(row.kpis.per_right, row.currency))),
        ("sampling, of spend", each(lambda row: _percent(row.kpis.sampling_share))),
        (
            "taken over from others",
            each(lambda row: f"{row.kpis.failovers:,}" if row.kpis.failovers else "-"),
        ),
        ("agreement (no accuracy)", each(lambda row: _share(row.kpis.agreement))),
        ("answered as before (pinned)", each(lambda row: _share(row.kpis.stability))),
        ("alarms", each(lambda row: _alarms(row.kpis))),
        ("switched off", each(lambda row: _off(row.kpis, "forced_open", *(() if observed else _BY_RULE)))),
        *(
            [("would have been off (observed)", each(lambda row: _off(row.kpis, *_BY_RULE)))]
            if observed
            else []
        ),
        (
            "label took",
            each(lambda row: "-" if row.kpis.label_latency is None else _span(row.kpis.label_latency.point)),
        ),
        (
            "could be sampled",
            each(lambda row: "-" if row.kpis.covered is None else f"{row.kpis.covered:.0%}"),
        ),
        ("net return", each(lambda row: _return(row.kpis.roi))),
        (
            "gross return",
            each(lambda row: "-" if row.kpis.roi is None else f"{row.kpis.roi.gross.point:.0f} %"),
        ),
        ("break-even accuracy", each(lambda row: _break_even(row.kpis.roi))),
    ]


def _share(found: Estimate | None) -> str:
    if found is None or found.point is None:
        return "-"
    if found.low is None or found.high is None:
        return f"{found.point:.1%} (interval unknown)"
    return f"{found.point:.1%} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def _number(value: float | None, how: str) -> str:
    return "-" if value is None else format(value, how)


def _seconds(found: Any) -> str:
    return (
        "-"
        if found is None
        else f"{1000 * found.point:.0f} ms"
        if found.point < 1
        else f"{found.point:.2f} s"
    )


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return (
        f"{seconds / 60:.0f} min" if hours < 1 else f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"
    )


def _money(amount: Decimal | None, currency: str) -> str:
    from broker.types.money import shown_amount

    return "-" if amount is None else shown_amount(round(amount, 6), currency)


def _percent(share: Decimal | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _alarms(found: Kpis) -> str:
    if not found.alarms:
        return "-"
    return f"{found.alarms}" + (f", {found.false_alarms} false" if found.false_alarms else "")


_BY_RULE = ("open", "half_open")


def _off(found: Kpis, *states: str) -> str:
    off = sum(share for state, share in found.in_states.items() if state.value in states)
    return f"{off:.1%} of the time" if off else "-"


def _return(found: Roi | None) -> str:
    if found is None:
        return "-"
    return f"{found.net.point:.0f} % [{found.net.low:.0f}, {found.net.high:.0f}]"


def _break_even(found: Roi | None) -> str:
    if found is None:
        return "-"
    return "none pays" if found.break_even is None else f"{found.break_even:.1%}"
