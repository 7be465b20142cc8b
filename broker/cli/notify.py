"""``mlbroker notify test``: whether notices would reach anybody.

``--json`` gives ``command``, ``delivered``, ``ways`` (a list: ``channel``, ``target``, ``delivered``, ``detail``,
``tries``) and ``exit_code``: 0 if all ways work, 1 if one does not, 3 if none is set.
"""

from __future__ import annotations

import typer

from broker.cli import exits, options, output
from broker.errors import NotConfigured

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()  # without it typer would make the only command the group itself
def _frame() -> None:
    """Try the notices of budgets and providers ([notify] in the settings)."""


@app.command("test")
def send_test(context: typer.Context, as_json: options.Json = False) -> None:
    """Send a test notice and say what became of it."""
    state = options.begin(context, as_json)
    from datetime import UTC, datetime

    from broker.config import FILE_NAME, load_settings
    from broker.notify import Notice, Notifier

    notifier = Notifier.of(load_settings(state.config).notify)
    if not notifier.active:
        raise NotConfigured(
            f"nobody is told: set webhook or command under [notify] in {FILE_NAME} "
            "(MLBROKER_NOTIFY__WEBHOOK, MLBROKER_NOTIFY__COMMAND)"
        )
    notice = Notice(
        kind="test",
        subject="mlbroker notify test",
        text="This is a test by 'mlbroker notify test'. Notices of budgets and providers will come this way.",
        at=datetime.now(UTC),
    )
    done = notifier.deliver(notice)
    well = all(each.delivered for each in done)
    code = exits.OK if well else exits.FAILED
    if as_json:
        output.emit(
            {
                "command": "notify test",
                "delivered": well,
                "ways": [
                    {
                        "channel": each.channel,
                        "target": output.plain(each.target),
                        "delivered": each.delivered,
                        "detail": output.plain(each.detail),
                        "tries": each.tries,
                    }
                    for each in done
                ],
                "exit_code": code,
            }
        )
        raise typer.Exit(code)
    screen = output.console()
    for each in done:
        tries = f" ({each.tries} tries)" if each.tries > 1 else ""
        line = f"{each.channel} {each.target}: {each.detail}{tries}"
        if each.delivered:
            screen.print(output.text(f"delivered: {line}"))
        else:
            output.complain(f"not delivered: {line}")
    raise typer.Exit(code)
