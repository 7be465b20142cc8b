"""``mlbroker``: the command's frame: global options, errors as one line, exit codes.

Exit codes: 0 all well, 1 some file or provider failed, 2 wrong usage, 3 not configured, 4 refused to
spend (max-cost, budget, off switch, ledger), 130 interrupted; nothing else. See :mod:`broker.cli.exits`.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from broker.cli import (
    bench,
    budget,
    compare,
    doctor,
    exits,
    init,
    jobs,
    kpi,
    label,
    listen,
    maturity,
    notify,
    output,
    pictures,
    prices,
    providers,
    quality,
    report,
    review,
    search,
    settle,
    speech,
    spend,
    stands,
    switch,
    texts,
)
from broker.cli.options import Plain, State

if TYPE_CHECKING:
    from broker.client import Broker
    from broker.config import Settings
    from broker.registry import Registry

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_GLOBAL = ("--config", "--debug", "--version")


def make_broker(**options: Any) -> Broker:
    """The broker a command works with. Tests put their own here."""
    from broker.client import Broker

    return Broker(**options)


def make_registry(settings: Settings) -> Registry:
    """The adapters, for commands that call nobody and so need no ledger. Tests put their own here."""
    from broker.registry import Registry

    return Registry(settings)


class Frame(TyperGroup):
    """Turns whatever ends a command into an exit code of ours and one line on stderr."""

    def main(self, *args: Any, **extra: Any) -> Any:
        """As typer calls it, from the shell and from its test runner."""
        state = State()
        extra.update(standalone_mode=False, obj=state)
        warnings = output.Warnings()
        logging.getLogger("broker").addHandler(warnings)
        try:
            code = super().main(*args, **extra)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (head, less) has left; nothing can be said to it. Keep Python from trying at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = exits.FAILED
        except (KeyboardInterrupt, typer.Abort):
            code = exits.INTERRUPTED
        except OSError as error:
            if error.errno not in _NO_ROOM or error.filename is not None:
                code = _report(error, state)
            else:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                output.complain(f"the output cannot be written: {error.strerror}; make room and try again")
                code = exits.FAILED
        except Exception as error:  # noqa: BLE001 # the outermost place: everything becomes a line and a code
            code = _report(error, state)
        finally:
            logging.getLogger("broker").removeHandler(warnings)
        sys.exit(code if isinstance(code, int) else exits.OK)


def _report(error: Exception, state: State) -> int:
    # typer carries its own copy of click since 0.16, so its errors are known by what they can do.
    told = getattr(error, "format_message", None)
    if told is not None:
        if type(error).__name__ == "NoArgsIsHelpError":
            sys.stderr.write(f"{told()}\n")
        else:
            output.complain(_usage(error))
        return exits.USAGE
    code = exits.code_of(error)
    if state.json:
        output.emit({"error": exits.document(error), "exit_code": code})
    if state.debug:
        sys.stderr.write(exits.trace(error) + "\n")
    output.complain(exits.message(error))
    return code


def _usage(error: Any) -> str:
    text = " ".join(str(error.format_message()).split()).rstrip(".")
    if getattr(error, "option_name", None) in _GLOBAL:
        name = error.option_name
        return f"{text}; {name} stands before the command: mlbroker {name} …"
    context = getattr(error, "ctx", None)
    return f"{text}; 'mlbroker {_command(context)}--help' shows how"


def _command(context: Any) -> str:
    names: list[str] = []
    while context is not None and context.parent is not None:
        names.insert(0, f"{context.info_name} ")
        context = context.parent
    return "".join(names)


app = typer.Typer(
    cls=Frame,
    name="mlbroker",
    help="Ask AWS, Google Cloud, Azure or this machine about pictures, texts and recordings, every call metered.",
    epilog=exits.EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: reads well at 80 columns and needs no rich, so it is fast
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"mlbroker {version('mlbroker')}")
        raise typer.Exit


@app.callback()
def _frame(
    context: typer.Context,
    config: Annotated[
        str | None,
        typer.Option("--config", metavar="FILE", help="This settings file instead of the usual places."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[  # noqa: ARG001 # its callback has done the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    context.obj.config = config
    context.obj.debug = debug


for _name, _function in (
    ("label", label.label),
    ("objects", pictures.objects),
    ("ocr", pictures.ocr),
    ("faces", pictures.faces),
    ("moderate", pictures.moderate),
    ("caption", pictures.caption),
    ("sentiment", texts.sentiment),
    ("entities", texts.entities),
    ("phrases", texts.phrases),
    ("language", texts.language),
    ("pii", texts.pii),
    ("redact", texts.redact),
    ("transcribe", speech.transcribe),
    ("listen", listen.listen),
    ("compare", compare.compare),
    ("bench", bench.bench),
    ("review", review.review),
    ("kpi", kpi.kpi),
    ("spend", spend.spend),
    ("settle", settle.settle),
    ("providers", providers.providers),
    ("report", report.report),
    ("doctor", doctor.doctor),
    ("init", init.init),
):
    app.command(_name, cls=Plain)(_function)
app.add_typer(budget.app, name="budget")
app.add_typer(jobs.app, name="jobs")
app.add_typer(prices.app, name="prices")
app.add_typer(maturity.app, name="maturity")
app.add_typer(notify.app, name="notify")
app.add_typer(search.app, name="search")
app.add_typer(stands.app, name="standing")
app.add_typer(switch.app, name="switch")
app.add_typer(quality.app, name="quality")


def main() -> None:
    """The entry point."""
    if sys.stderr is None:  # closed before the program began
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the program
    if sys.stdout is None:  # an answer would be paid for and lost
        output.complain("there is no standard output; give one, such as /dev/null")
        sys.exit(exits.FAILED)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not UTF-8 must not turn a label into a crash.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    app(prog_name="mlbroker")
