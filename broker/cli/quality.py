"""``mlbroker quality``: how good answers are; its commands stand in files of their own."""

from __future__ import annotations

import typer

from broker.cli import quality_alarms, quality_export, quality_status, recorded, replay
from broker.cli.options import Plain

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="How good answers are: of calls, and of tables recorded elsewhere.",
)
app.command("status", cls=Plain)(quality_status.status)
app.command("alarms", cls=Plain)(quality_alarms.alarms)
app.command("erase", cls=Plain)(quality_status.erase)
app.command("recorded", cls=Plain)(recorded.recorded)
app.command("changes", cls=Plain)(recorded.changes)
app.command("replay", cls=Plain)(replay.replay)
app.command("export", cls=Plain)(quality_export.export)
app.command("labels", cls=Plain)(recorded.labels)
