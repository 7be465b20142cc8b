"""``mlbroker switch``: what is switched off, by whom and why; switching off and on by hand, for all who use the ledger.

``--json`` gives ``command``, ``ledger``, ``recorded`` (false: there is no ledger yet), ``switches`` (a list), ``budgets``
(those that are used up: ``name``, ``scope``, ``action``, ``resets_at``) and ``exit_code``. A switch has ``scope``
(``use_case``, ``operation``, ``provider``; null: any), ``state`` (``closed``, ``warn``, ``open``, ``half_open``,
``forced_open``; null: it cannot be read), ``mode`` (null: only persons switch it), ``holds_calls`` (whether calls are
held back), ``causes``, ``opened_at``, ``reopen_at``, ``changed_at`` and ``reason``. ``log --json`` gives ``events``:
``at``, ``scope``, ``before``, ``after``, ``rule``, ``actor``, ``text``, ``estimates``, ``mode``. ``off`` and ``on`` give
``command``, ``ledger``, ``scope``, ``state``, ``by``, ``reason`` and ``exit_code``.
"""

from __future__ import annotations

import getpass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.cli.boards import opened

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.ledger.switch_rows import SwitchRow
    from broker.quality.scope import Scope

app = typer.Typer(
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

UseCase = Annotated[
    str | None,
    typer.Option("--use-case", "-u", metavar="NAME", help="Calls of this use case of the settings."),
]
Operation = Annotated[
    str | None,
    typer.Option("--operation", "-o", metavar="NAME", help="Calls of this operation: vision.label."),
]
Provider = Annotated[
    str | None,
    typer.Option(
        "--provider", "-p", metavar="NAME", help="Calls to this provider, or account of it (aws:prod)."
    ),
]
Every = Annotated[bool, typer.Option("--all", help="All calls.")]
By = Annotated[
    str | None, typer.Option("--by", metavar="NAME", help="Who does this; else who is logged in here.")
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the audit trail.")]


@app.callback(invoke_without_command=True)
def switch(context: typer.Context, as_json: options.Json = False) -> None:
    """Show what is switched off; switch off and on."""
    if context.invoked_subcommand is None:
        _status(context, as_json)
    elif as_json:
        name = context.invoked_subcommand
        raise typer.BadParameter(f"it stands behind: mlbroker switch {name} --json", param_hint="--json")


@app.command("status")
def status(context: typer.Context, as_json: options.Json = False) -> None:
    """Show what is switched off, as without a command."""
    _status(context, as_json)


@app.command("off", cls=options.Plain)
def off(
    context: typer.Context,
    reason: Reason,
    use_case: UseCase = None,
    operation: Operation = None,
    provider: Provider = None,
    every: Every = False,
    by: By = None,
    as_json: options.Json = False,
) -> None:
    """Hold calls back until a person lets them out again: here and in every program that uses the ledger."""
    state = options.begin(context, as_json)
    from broker.config import load_settings

    settings = load_settings(state.config)
    scope = _scope(settings, use_case, operation, provider, every=every)
    with opened(settings, make=True) as board:
        from broker.switches.persons import Switches

        actor = by or getpass.getuser()
        after = Switches(board).off(scope, by=actor, reason=reason)
        _tell("switch off", settings, scope, after.state.value, actor, reason, as_json)
        if not as_json:
            words = _words(scope)
            again = f"mlbroker switch on{words or ' --all'} --reason TEXT"
            output.console().print(
                output.text(f"running programs follow within a second; to undo it: {again}", "dim")
            )


@app.command("on", cls=options.Plain)
def on(
    context: typer.Context,
    reason: Reason,
    use_case: UseCase = None,
    operation: Operation = None,
    provider: Provider = None,
    every: Every = False,
    by: By = None,
    close: Annotated[
        bool, typer.Option("--close", help="Without waiting for probes to show that it is good again.")
    ] = False,
    second: Annotated[
        str | None, typer.Option("--second", metavar="NAME", help="Who confirms it, where two must.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Let calls out again; what a rule had switched off is tried first."""
    state = options.begin(context, as_json)
    from broker.config import load_settings

    settings = load_settings(state.config)
    scope = _scope(settings, use_case, operation, provider, every=every, known=False)
    with opened(settings, make=False) as board:
        if board is None:
            raise typer.BadParameter("there is no ledger yet, so nothing is switched off")
        from broker.switches.persons import Switches

        actor = by or getpass.getuser()
        after = Switches(board).on(scope, by=actor, reason=reason, close=close, second=second)
        _tell("switch on", settings, scope, after.state.value, actor, reason, as_json)
        if not as_json and after.state.value == "half_open":
            output.console().print(
                output.text("probes show whether it is good again; to close it without them: --close", "dim")
            )


@app.command("log")
def log(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="The last N lines.")] = 20,
    as_json: options.Json = False,
) -> None:
    """Show what happened to switches, newest first: the audit trail."""
    state = options.begin(context, as_json)
    from broker.config import load_settings

    settings = load_settings(state.config)
    with opened(settings, make=False) as board:
        events = () if board is None else board.events(limit)
    if as_json:
        found = [
            {
                "at": each.transition.at,
                "scope": _document(each.scope),
                "before": each.transition.before.value,
                "after": each.transition.after.value,
                "rule": each.transition.rule,
                "actor": each.transition.actor,
                "text": each.transition.text,
                "estimates": list(each.transition.estimates),
                "mode": each.mode.value,
            }
            for each in events
        ]
        output.emit({"command": "switch log", "events": found, "exit_code": exits.OK})
        return
    screen = output.console()
    if not events:
        screen.print(output.text("nothing was ever switched"))
        return
    table = output.table("at (UTC)", "scope", "to", "by", "why")
    for each in events:
        told = each.transition
        why = f"{told.rule}: {told.text}" if told.text and told.text != told.rule else told.rule
        observed = " (observed)" if each.mode.value == "observe" and told.actor == "rules" else ""
        table.add_row(
            output.text(f"{told.at:%Y-%m-%d %H:%M:%S}"),
            output.text(str(each.scope)),
            output.text(told.after.value + observed),
            output.text(told.actor),
            output.text(why),
        )
    screen.print(table)


def _status(context: typer.Context, as_json: bool) -> None:
    state = options.begin(context, as_json)
    from broker.cli import standing
    from broker.config import load_settings

    settings = load_settings(state.config)
    path = standing.ledger_path(settings)
    with opened(settings, make=False) as board:
        recorded = board is not None
        rows = () if board is None else tuple(sorted(board.rows(), key=lambda row: str(row.scope)))
        reasons: dict[Scope, str] = {}
        holding: set[Scope] = set()
        if board is not None:
            holding = {row.scope for row in rows if board.holds(row)}
            for each in reversed(board.events(1000)):
                reasons[each.scope] = f"{each.transition.rule}: {each.transition.text}".rstrip(": ")
    used_up = [
        row.state for row in standing.read(settings).rows if row.state is not None and row.state.used_up
    ]
    if as_json:
        output.emit(
            {
                "command": "switch",
                "ledger": path,
                "recorded": recorded,
                "switches": [
                    _row(row, settings, reasons.get(row.scope), holds=row.scope in holding) for row in rows
                ],
                "budgets": [
                    {
                        "name": each.budget.name,
                        "scope": each.budget.scope,
                        "action": each.budget.action.value,
                        "resets_at": each.resets_at,
                    }
                    for each in used_up
                ],
                "exit_code": exits.OK,
            }
        )
        return
    screen = output.console()
    if not rows:
        screen.print(output.text("nothing is switched off, and no rule has anything to say"))
    else:
        table = output.table("scope", "state", "since (UTC)", "calls", "why")
        for row in rows:
            found = _row(row, settings, reasons.get(row.scope), holds=row.scope in holding)
            word = found["state"] or "not readable"
            table.add_row(
                output.text(str(row.scope)),
                output.text(str(word), _STYLE.get(str(word), "red")),
                output.text(f"{row.changed_at:%Y-%m-%d %H:%M}"),
                output.text("held back" if found["holds_calls"] else "go out"),
                output.text(str(found["reason"] or "")),
            )
        screen.print(table)
    for each in used_up:
        screen.print(
            output.text(
                f"budget {each.budget.name} is used up ({standing.action(each.budget)}) until "
                f"{each.resets_at:%Y-%m-%d %H:%M} UTC: mlbroker budget",
                "yellow",
            )
        )
    observing = [
        name
        for name, each in settings.quality.use_cases.items()
        if each.switch.mode == "observe" and (each.tolerance or each.operational or each.value)
    ]
    if observing:
        screen.print(
            output.text(
                f"observed only, so calls go on: {', '.join(observing)}; enforced with [quality.use_cases.NAME.switch] mode",
                "dim",
            )
        )
    there = "" if recorded else " (not there yet)"
    screen.print(output.text(f"ledger: {output.home_short(path)}{there}", "dim"))


_STYLE = {"closed": "green", "warn": "yellow", "half_open": "yellow", "open": "red", "forced_open": "red"}


def _row(row: SwitchRow, settings: Settings, reason: str | None, *, holds: bool) -> dict[str, Any]:
    found = row.switch
    use_case = settings.quality.use_cases.get(row.scope.use_case or "")
    mode = None if use_case is None else use_case.switch.mode
    return {
        "scope": _document(row.scope),
        "state": None if found is None else found.state.value,
        "mode": mode,
        "holds_calls": holds,
        "causes": [] if found is None else sorted(each.value for each in found.causes),
        "opened_at": None if found is None else found.opened_at,
        "reopen_at": None if found is None else found.reopen_at,
        "changed_at": row.changed_at,
        "reason": reason,
    }


def _document(scope: Scope) -> dict[str, str | None]:
    return {"use_case": scope.use_case, "operation": scope.operation, "provider": scope.provider}


def _words(scope: Scope) -> str:
    given = (("-u", scope.use_case), ("-o", scope.operation), ("-p", scope.provider))
    return "".join(f" {option} {value}" for option, value in given if value)


def _tell(
    command: str, settings: Settings, scope: Scope, state: str, by: str, reason: str, as_json: bool
) -> None:
    from broker.cli import standing

    if as_json:
        path = standing.ledger_path(settings)
        output.emit(
            {
                "command": command,
                "ledger": path,
                "scope": _document(scope),
                "state": state,
                "by": by,
                "reason": reason,
                "exit_code": exits.OK,
            }
        )
        return
    from broker.quality.switch_state import State
    from broker.switches.board import THEN

    output.console().print(output.text(f"{scope}: {state}; {THEN[State(state)]}"))


def _scope(
    settings: Settings,
    use_case: str | None,
    operation: str | None,
    provider: str | None,
    *,
    every: bool,
    known: bool = True,
) -> Scope:
    """:param known: names must be such that calls can have; else it may be of settings that have changed since."""
    from broker.cli import main
    from broker.contract.operations import OPERATIONS
    from broker.quality.scope import Scope

    if every == any((use_case, operation, provider)):
        raise typer.BadParameter(
            "say which calls: --use-case, --operation, --provider, or --all", param_hint="--all"
        )
    if known and operation is not None and operation not in OPERATIONS:
        near = get_close_matches(operation, list(OPERATIONS), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise typer.BadParameter(
            f"there is no operation {output.plain(operation)!r}{hint}", param_hint="--operation"
        )
    if known and provider is not None:
        names = main.make_registry(settings).names()
        name = provider.partition(":")[0]
        if name not in names:
            near = get_close_matches(name, list(names), n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(names)}"
            raise typer.BadParameter(
                f"there is no provider {output.plain(name)!r}{hint}", param_hint="--provider"
            )
    return Scope(use_case=use_case, operation=operation, provider=provider)
