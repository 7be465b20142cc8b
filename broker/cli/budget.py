"""``mlbroker budget``: how the budgets of the ledger stand, and putting those of the settings in force.

``--json`` gives ``command``, ``ledger``, ``recorded`` (false: there is no ledger yet), ``settings`` (the file),
``since``, ``unpriced_attempts``, ``unknown_attempts``, ``budgets`` (a list) and ``exit_code``. A budget has ``name``,
``state`` (``ok``, ``warning``, ``used up``, ``not applied``), ``in_force``, ``in_settings``, ``applied``,
``differences`` (``setting``, ``in_force``, ``wanted``), ``scope``, ``provider``, ``operation``, ``tags``, ``window``,
``currency``, ``limit``, ``spent``, ``unknown``, ``reserved``, ``standing`` (the part of the spent that is
paid by the hour), ``standing_ahead`` (the part of the reserved), ``standing_unknown``, ``left``, ``share``, ``resets_at``, ``action``,
``degrade_to``, ``warn_at``, ``unpriced``; what only the ledger knows is null where it is not in force.

``apply --json`` gives ``command``, ``ledger``, ``settings``, ``budgets`` (as above, with ``change``: ``new``,
``changed``, ``counted anew`` or ``none``, and ``differences`` to what was in force before), ``others`` (names) and
``exit_code``. ``remove --json`` gives ``command``, ``ledger``, ``name`` and ``exit_code``.
"""

from __future__ import annotations

from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from datetime import datetime

    from rich.text import Text

    from broker.cli.standing import Row, Standing
    from broker.config import Settings
    from broker.ledger.sqlite import SqliteLedger
    from broker.types.budget import Budget, BudgetState

app = typer.Typer(
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def budget(context: typer.Context, as_json: options.Json = False) -> None:
    """Show how budgets stand; apply or remove them."""
    if context.invoked_subcommand is None:
        _list(context, as_json)
    elif as_json:
        name = context.invoked_subcommand
        raise typer.BadParameter(f"it stands behind: mlbroker budget {name} --json", param_hint="--json")


@app.command("list")
def list_(context: typer.Context, as_json: options.Json = False) -> None:
    """Show how budgets stand, as without a command."""
    _list(context, as_json)


def _list(context: typer.Context, as_json: bool) -> None:
    state = options.begin(context, as_json)
    from broker.cli import standing
    from broker.config import load_settings

    file = _file(state.config)
    found = standing.read(load_settings(state.config))
    if as_json:
        output.emit(
            {
                "command": "budget",
                "ledger": found.path,
                "recorded": found.recorded,
                "settings": file,
                "since": found.since.date(),
                "unpriced_attempts": found.unpriced,
                "unknown_attempts": found.unknown,
                "budgets": [_document(row) for row in found.rows],
                "exit_code": exits.OK,
            }
        )
    else:
        _show(found, file)


@app.command("apply")
def apply(context: typer.Context, as_json: options.Json = False) -> None:
    """Put the budgets of the settings in force, and what stands in them."""
    state = options.begin(context, as_json)
    from broker.cli import standing
    from broker.config import load_settings
    from broker.ledger.sqlite import SqliteLedger

    settings, file = load_settings(state.config), _file(state.config)
    asked = standing.wanted(settings)
    if not asked:
        raise NotConfigured(
            f"{_of(file)} no budget; write [budgets.NAME] with a limit ('mlbroker init' shows one)"
        )
    ledger = SqliteLedger(standing.ledger_path(settings), durability=settings.ledger.durability)
    try:
        at = standing.now()
        _declare_standing(settings, ledger, at)
        before = {each.budget.name: each.budget for each in ledger.budgets(at)}
        ledger.declare(list(asked.values()), at)
        after = standing.joined(ledger.budgets(at), asked)
    finally:
        ledger.close()
    others = [row.name for row in after if row.wanted is None]
    mine = [row for row in after if row.wanted is not None]
    if as_json:
        output.emit(
            {
                "command": "budget apply",
                "ledger": ledger.path,
                "settings": file,
                "budgets": [
                    {
                        **_document(row, before.get(row.name)),
                        "change": _change(before.get(row.name), asked[row.name]),
                    }
                    for row in mine
                ],
                "others": others,
                "exit_code": exits.OK,
            }
        )
        return
    screen = output.console()
    for row in mine:
        if row.state is not None:
            screen.print(output.text(f"{row.name}: {_changed(before.get(row.name), row.state)}"))
    for name in others:
        where = f"in force, but not in {file or 'these settings'}"
        screen.print(output.text(f"{name}: {where}; to end it: mlbroker budget remove {name}", "dim"))


def _declare_standing(settings: Settings, ledger: SqliteLedger, at: datetime) -> None:
    """As a call would; else a budget would look free until then."""
    if not settings.standing:
        return
    from broker.cli import main
    from broker.cli.providers import book_of, read
    from broker.declare import declare_standing

    registry = main.make_registry(settings)
    try:
        declare_standing(ledger, settings, registry, book_of(read(registry)[0], settings.prices.files), at)
    finally:
        registry.close()


@app.command("remove", cls=options.Plain)
def remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A budget that the settings no longer have.")],
    as_json: options.Json = False,
) -> None:
    """Take a budget out of force that the settings no longer have."""
    state = options.begin(context, as_json)
    from broker.cli import standing
    from broker.config import load_settings

    settings, file = load_settings(state.config), _file(state.config)
    if name in settings.budgets:
        raise typer.BadParameter(
            f"{output.plain(name)} is in {file or 'the MLBROKER_* variables'}, so the next call would put it in "
            f"force again; take [budgets.{output.plain(name)}] out first",
            param_hint="NAME",
        )
    ledger = standing.open_there(settings)
    known: list[str] = []
    gone = False
    if ledger is not None:
        try:
            known = [each.budget.name for each in ledger.budgets(standing.now())]
            gone = ledger.forget(name)
        finally:
            ledger.close()
    if not gone:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "'mlbroker budget' shows all"
        raise typer.BadParameter(
            f"there is no budget {output.plain(name)!r} in force; {hint}", param_hint="NAME"
        )
    if as_json:
        path = standing.ledger_path(settings)
        output.emit({"command": "budget remove", "ledger": path, "name": name, "exit_code": exits.OK})
        return
    screen = output.console()
    screen.print(output.text(f"{name} is no longer in force; what was spent stays in the ledger"))
    screen.print(output.text("another program whose settings have it puts it in force again", "dim"))


def _file(config: str | None) -> str | None:
    from broker.config import config_file

    return config or config_file()


def _of(file: str | None) -> str:
    return f"{file} has" if file else "there is no settings file and the MLBROKER_* variables name"


def _show(found: Standing, file: str | None) -> None:
    from rich.padding import Padding

    from broker.cli import standing
    from broker.types.money import shown_amount

    screen = output.console()
    path = output.home_short(found.path)
    if not found.rows:
        screen.print(output.text("no budget is in force, and the settings have none"))
        screen.print(
            output.text("next: write [budgets.NAME] with a limit into mlbroker.toml (docs/budgets.md)")
        )
        screen.print(output.text(f"ledger: {path}{'' if found.recorded else ' (not there yet)'}"))
        return
    for line in _warnings(found):
        screen.print(output.text(f"warning: {line}", "bold yellow"))
    if found.unpriced or found.unknown:
        screen.print()
    numbers = ("limit", "spent", "left")
    table = output.table("budget", *numbers, "used", "state", right=numbers)
    table.columns[4].no_wrap = True  # a bar is none in two lines; what else has no room folds
    signs = 10 if screen.width >= 100 else 5
    stories: list[list[Text]] = []
    for row in found.rows:
        state = row.state
        if state is not None:
            amounts = (state.budget.limit, state.spent, state.left)
            word, bar = standing.word(state), f"{standing.bar(state, signs)} {standing.percent(state):>5}"
            if state.standing:  # it moves each microsecond
                amounts = (amounts[0], round(amounts[1], 6), round(amounts[2], 6))
            cells = [*(shown_amount(each, state.budget.currency) for each in amounts), bar]
        elif row.wanted is not None:
            word = standing.NOT_APPLIED
            cells = [shown_amount(row.wanted.limit, row.wanted.currency), "-", "-", "-"]
        else:
            continue
        table.add_row(
            output.text(row.name), *(output.text(cell) for cell in cells), output.text(word, _STYLE[word])
        )
        stories.append(_stories(row, file))
    screen.print(table)
    screen.print()
    for head, *rest in stories:
        screen.print(head)
        for story in rest:
            screen.print(Padding(story, (0, 0, 0, 2), expand=False))
    screen.print()
    screen.print(
        output.text(f"times in UTC; ledger: {path}{'' if found.recorded else ' (not there yet)'}", "dim")
    )


_STYLE = {"ok": "green", "warning": "yellow", "used up": "red", "not applied": "yellow"}


def _warnings(found: Standing) -> list[str]:
    lines = []
    day = f"since {found.since:%Y-%m-%d}"
    if found.unpriced:
        noun, verb = output.counted(found.unpriced, "attempt"), "has" if found.unpriced == 1 else "have"
        lines.append(f"{noun} {day} {verb} no known price; a budget counts what its unpriced says")
    if found.unknown:
        noun = output.counted(found.unknown, "attempt")
        lines.append(f"{noun} {day} may have been billed, or not; counted in full until 'mlbroker settle'")
    return lines


def _stories(row: Row, file: str | None) -> list[Text]:
    """What the numbers do not say: the name with what it covers, then line by line."""
    from broker.cli import standing
    from broker.types.money import EXACT, shown_amount

    state = row.state
    told = row.wanted if state is None else state.budget
    if told is None:
        return []
    head = output.text(f"{row.name}: ", "bold")
    head.append(output.text(f"{told.scope}; {told.window}; {standing.action(told)}", "not bold"))
    found = [head]
    if state is not None:
        under_way = EXACT.subtract(state.reserved, state.standing_ahead)

        def money(amount: Decimal) -> str:
            return shown_amount(round(amount, 6), told.currency)

        parts = [
            standing.reset(state),
            f"of the spent {shown_amount(state.unknown, told.currency)} may not have been billed"
            if state.unknown
            else "",
            f"reserved {shown_amount(under_way, told.currency)} for attempts under way" if under_way else "",
            f"by the hour {money(state.standing)}, and {money(state.standing_ahead)} to come"
            if state.standing or state.standing_ahead
            else "",
            f"what stands is not known: {state.standing_unknown}" if state.standing_unknown else "",
        ]
        if any(parts):
            found.append(output.text("; ".join(filter(None, parts))))
    if not row.applied:
        changes = "" if state is None or row.wanted is None else standing.shown_differences(told, row.wanted)
        what = f"{changes} ({file or 'MLBROKER_* variables'}) is " if changes else ""
        found.append(output.text(f"{what}not applied; type: mlbroker budget apply", "yellow"))
    elif row.wanted is None:
        ends = f"'mlbroker budget remove {row.name}' ends it"
        found.append(output.text(f"of another settings file, or left over; {ends}", "dim"))
    return found


def _change(before: Budget | None, wanted: Budget) -> str:
    if before is None:
        return "new"
    if before == wanted:
        return "none"
    return "changed" if before.counts_like == wanted.counts_like else "counted anew"


def _changed(before: Budget | None, state: BudgetState) -> str:
    """What putting it in force did, for people."""
    from broker.cli import standing
    from broker.types.money import shown_amount

    budget = state.budget
    limit = shown_amount(budget.limit, budget.currency)
    how = _change(before, budget)
    if before is None:
        text = f"new, {limit} ({budget.scope}; {budget.window}; {standing.action(budget)})"
    elif how == "none":
        text = f"unchanged, {limit}"
    else:
        text = standing.shown_differences(before, budget) + (
            "; counted anew" if how == "counted anew" else ""
        )
    spent = f"{shown_amount(standing.used(state), budget.currency)} of it used"
    return f"{text}; {spent} ({standing.percent(state)})"


def _document(row: Row, before: Budget | None = None) -> dict[str, Any]:
    from broker.cli import standing

    state = row.state
    told = row.wanted if state is None else state.budget
    if told is None:
        raise ValueError(f"the budget {row.name} is neither in force nor in the settings")
    pair = (before, told) if before is not None else (told, row.wanted or told)
    return {
        "name": row.name,
        "state": standing.NOT_APPLIED if state is None else standing.word(state),
        "in_force": state is not None,
        "in_settings": row.wanted is not None,
        "applied": row.wanted is not None and row.applied,
        "differences": [
            {"setting": name, "in_force": old, "wanted": new}
            for name, old, new in standing.differences(*pair)
        ],
        "scope": told.scope,
        "provider": told.provider,
        "operation": told.operation,
        "tags": dict(told.tags),
        "window": told.window.text,
        "currency": told.currency,
        "limit": output.decimal(told.limit),
        "spent": None if state is None else output.decimal(state.spent),
        "unknown": None if state is None else output.decimal(state.unknown),
        "reserved": None if state is None else output.decimal(state.reserved),
        "standing": None if state is None else output.decimal(state.standing),
        "standing_ahead": None if state is None else output.decimal(state.standing_ahead),
        "standing_unknown": None if state is None else state.standing_unknown,
        "left": None if state is None else output.decimal(state.left),
        "share": None if state is None else output.decimal(standing.share(state)),
        "resets_at": None if state is None else state.resets_at,
        "action": told.action.value,
        "degrade_to": list(told.degrade_to),
        "warn_at": [output.decimal(each) for each in told.warn_at],
        "unpriced": output.decimal(told.unpriced),
    }


def overview(settings: Settings) -> dict[str, list[str]]:
    """Names, for ``mlbroker doctor``: ``in_force``, ``used_up``, ``not_applied``, ``of_others``."""
    from broker.cli import standing

    rows = standing.read(settings).rows
    return {
        "in_force": [row.name for row in rows if row.state is not None],
        "used_up": [row.name for row in rows if row.state and standing.word(row.state) == standing.USED_UP],
        "not_applied": [row.name for row in rows if not row.applied],
        "of_others": [row.name for row in rows if row.wanted is None],
    }
