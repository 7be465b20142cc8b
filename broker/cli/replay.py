"""``mlbroker quality replay``: a use case's pinned set asked again, and compared with the time before.

``--json`` gives ``command``, ``use_case``, ``run`` (as ``mlbroker bench`` tells it; null with ``--no-ask``), ``first`` (true: there is
nothing to compare with yet), ``changes`` (a list) and ``exit_code``: 1 where a provider has fallen. A change has ``provider``,
``operation``, ``before_at``, ``at``, ``items``, ``judged``, ``before``, ``after``, ``lost``, ``gained``, ``p_value``, ``alpha``, ``worse``,
``flipped``, ``flip_rate``, ``failed``, ``tokens``, ``visible_drop`` (the smallest that a set of this size would show), ``cause``,
``because`` and ``new`` (false: it was told before).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.cli.boards import opened
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from broker.bench.pinned import Judged
    from broker.bench.plan import Plan
    from broker.config import Settings


def replay(
    context: typer.Context,
    use_case: Annotated[str, typer.Argument(metavar="USE_CASE", help="Of the settings.", show_default=False)],
    no_ask: Annotated[bool, typer.Option("--no-ask", help="Compare the last two runs; ask nobody.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Spend more than the plan's cap if need be.")
    ] = False,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Ask a use case's pinned set again, and say what has changed: it is the provider then, not your data."""
    state = options.begin(context, as_json)
    from broker.bench.changes import check_lanes, check_same_set
    from broker.bench.plan import read_plan
    from broker.cli.bench import run_plan
    from broker.config import load_settings

    settings = load_settings(state.config)
    plan, text = read_plan(_plan(settings, use_case, state.config))
    check_lanes(plan, settings.quality.use_cases[use_case].operation)
    run: dict[str, Any] | None = None
    if not no_ask:
        check_same_set(plan)  # before anything is paid for
        run, code = run_plan(
            plan,
            text,
            config=state.config,
            yes=yes,
            restart=False,
            again_unknown=False,
            dry_run=dry_run,
            as_json=as_json,
        )
        if code != exits.OK or dry_run:
            if as_json:
                output.emit({"command": "quality replay", "use_case": use_case, "run": run, "first": None,
                             "changes": [], "exit_code": code})  # fmt: skip
            raise typer.Exit(code)
    found = _compare(settings, plan, use_case)
    worse = found is not None and any(each.row.worse for each in found)
    code = exits.FAILED if worse else exits.OK
    if as_json:
        output.emit(
            {
                "command": "quality replay",
                "use_case": use_case,
                "run": run,
                "first": found is None,
                "changes": [_document(each) for each in found or ()],
                "exit_code": code,
            }
        )
    elif found is None:
        output.console().print(
            output.text("this was the first run of the set; the next one shows what has changed since")
        )
    else:
        _show(found)
    raise typer.Exit(code)


def _plan(settings: Settings, use_case: str, config: str | None) -> str:
    from broker.config import config_file

    known = settings.quality.use_cases
    if use_case not in known:
        raise typer.BadParameter(
            f"there is no use case {output.plain(use_case)!r} in the settings; there are {', '.join(known) or 'none'}",
            param_hint="USE_CASE",
        )
    pinned = known[use_case].pinned
    if pinned is None:
        raise NotConfigured(
            f"the use case {use_case} has no pinned set: make a plan with 'mlbroker bench --init DATA' and name it by "
            f"[quality.use_cases.{use_case}] pinned"
        )
    file = config or config_file()
    folder = os.path.dirname(os.path.abspath(file)) if file else os.getcwd()
    return os.path.join(folder, os.path.expanduser(pinned))


def _compare(settings: Settings, plan: Plan, use_case: str) -> list[Judged] | None:
    """None: there is one run only."""
    from broker.bench.changes import changes, finished_runs
    from broker.bench.pinned import judge
    from broker.samples.start import open_store

    runs = finished_runs(plan)
    if len(runs) < 2:
        return None
    made = changes(runs[-2], runs[-1])
    store = open_store(settings)
    try:
        with opened(settings, make=True) as board:
            return judge(use_case, made, settings.quality, store, board, board.notify)
    finally:
        store.close()


def _document(each: Judged) -> dict[str, Any]:
    row, told = each.row, each.row.replay
    return {
        "provider": row.provider,
        "before_at": row.before_at,
        "at": row.at,
        "items": told.items,
        "judged": told.judged,
        "before": told.accuracy_before,
        "after": told.accuracy_after,
        "lost": told.lost,
        "gained": told.gained,
        "p_value": told.p_value,
        "alpha": row.alpha,
        "worse": row.worse,
        "flipped": told.flipped,
        "flip_rate": told.flip_rate,
        "failed": told.failed,
        "tokens": [told.token_before, told.token_after],
        "visible_drop": each.visible,
        "cause": each.explanation.cause.value,
        "because": each.explanation.because,
        "new": each.new,
    }


def _show(found: list[Judged]) -> None:
    screen = output.console()
    right = ("right before", "right now", "lost", "gained", "p", "flipped")
    table = output.table("provider", *right, "verdict", right=right)
    for each in found:
        row, told = each.row, each.row.replay
        verdict = "worse" if row.worse else "changed, no worse" if told.updated else "as before"
        cells = [
            row.provider,
            "unknown" if told.accuracy_before is None else f"{told.accuracy_before:.1%}",
            "unknown" if told.accuracy_after is None else f"{told.accuracy_after:.1%}",
            str(told.lost),
            str(told.gained),
            f"{told.p_value:.2g}",
            f"{told.flipped} of {told.items}",
            verdict,
        ]
        style = "red" if row.worse else "yellow" if told.updated else "green"
        table.add_row(*(output.text(cell) for cell in cells[:-1]), output.text(verdict, style))
    screen.print(table)
    for each in found:
        told = each.row.replay
        seen = (
            "" if each.visible is None else f"; {told.judged} items show a drop of {each.visible:.0%} or more"
        )
        screen.print(
            output.text(
                f"{each.row.provider}: {each.explanation.because} (since {each.row.before_at:%Y-%m-%d}){seen}",
                "dim",
            )
        )
