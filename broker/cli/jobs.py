"""``mlbroker jobs``: long recordings that are being transcribed, in this ledger, by whichever program began them.

``list --json`` gives ``command``, ``ledger``, ``recorded`` (false: there is no ledger yet), ``jobs`` (a list, the newest
first) and ``exit_code``. A job has ``id``, ``provider``, ``profile``, ``operation``, ``state`` (a word of
:class:`~broker.types.job.JobState`), ``name`` and ``seconds`` of its recording, ``made``, ``changed``, ``worked_on`` (a
program that runs waits for it), ``provider_state``, ``percent`` and ``error``; what nobody said is null.

``status --json`` gives ``command``, ``job`` (as above; the provider was asked) and ``exit_code``; ``cancel --json`` the same
with ``cancelled``; ``clean --json`` gives ``command``, ``removed`` (how many), ``left`` (ids) and ``exit_code``.
``resume --json`` gives ``command``, ``job`` (its id), the members of a file that ``transcribe --json`` answers, and
``exit_code``. An error is ``error`` and ``exit_code``, as everywhere.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import asking, exits, options, output
from broker.cli.waiting import Waiting
from broker.errors import BadInput

if TYPE_CHECKING:
    from broker.client import Broker
    from broker.facades.jobs import Job
    from broker.types.job import JobStatus

app = typer.Typer(
    no_args_is_help=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_Id = Annotated[
    str,
    typer.Argument(metavar="ID", help="A job, as 'mlbroker jobs list' shows it.", show_default=False),
]
_All = Annotated[bool, typer.Option("--all", help="Also those that have ended.")]


@app.callback(invoke_without_command=True)
def jobs(context: typer.Context, every: _All = False, as_json: options.Json = False) -> None:
    """Show long transcriptions; resume, cancel or clean them up."""
    name = context.invoked_subcommand
    if name is None:
        _list(context, every=every, as_json=as_json)
    elif every or as_json:
        option = "--all" if every else "--json"
        raise typer.BadParameter(f"it stands behind: mlbroker jobs {name} {option}", param_hint=option)


@app.command("list")
def list_(context: typer.Context, every: _All = False, as_json: options.Json = False) -> None:
    """Show them, the newest first, without asking a provider."""
    _list(context, every=every, as_json=as_json)


def _list(context: typer.Context, *, every: bool, as_json: bool) -> None:
    state = options.begin(context, as_json)
    from broker.cli import standing
    from broker.config import load_settings
    from broker.job_core import status_of
    from broker.types.job import JobState

    settings = load_settings(state.config)
    ledger = standing.open_there(settings)
    found: list[JobStatus] = []
    if ledger is not None:
        with closing(ledger):
            rows = ledger.jobs(None if every else [each for each in JobState if each.open])
            now = datetime.now(UTC)
            found = [status_of(row, ledger, now) for row in rows]
    path = standing.ledger_path(settings)
    if as_json:
        output.emit(
            {
                "command": "jobs list",
                "ledger": path,
                "recorded": ledger is not None,
                "jobs": [document(each) for each in found],
                "exit_code": exits.OK,
            }
        )
        return
    screen = output.console()
    for each in found:
        _show(screen, each)
    if not found:
        which = "no job" if every else "no job is open; --all shows those that have ended"
        screen.print(output.text("nothing recorded yet, so no job" if ledger is None else which))
    screen.print(output.text(f"times in UTC; ledger: {output.home_short(path)}", "dim"))


@app.command("status", cls=options.Plain)
def status(context: typer.Context, job: _Id, as_json: options.Json = False) -> None:
    """Ask the provider where a job stands."""
    with _opened(context, job, as_json=as_json) as (_, named):
        found = named.status()
    if as_json:
        output.emit({"command": "jobs status", "job": document(found), "exit_code": exits.OK})
    else:
        _show(output.console(), found)


@app.command("resume", cls=options.Plain)
def resume(
    context: typer.Context,
    job: _Id,
    srt: Annotated[bool, typer.Option("--srt", help="SubRip subtitles instead.")] = False,
    vtt: Annotated[bool, typer.Option("--vtt", help="WebVTT subtitles instead.")] = False,
    out: Annotated[str | None, typer.Option("--out", metavar="FOLDER", help="Write subtitles there.")] = None,
    deadline: Annotated[
        float | None,
        typer.Option("--deadline", metavar="SECONDS", help="How long to wait; else as long as it may take."),
    ] = None,
    raw: asking.Raw = False,
    as_json: options.Json = False,
) -> None:
    """Wait for a job, show what was said."""
    from broker.cli import run, speech

    options.duration(deadline)
    view = speech.view(speech.kind_of(srt=srt, vtt=vtt, out=out), out)
    with _opened(context, job, as_json=as_json) as (_, named):
        name = named.name
        bare = view.bare is not None and not as_json
        result = _waited(named, name, deadline, raw=raw)
        line = None if view.after is None else view.after(name, name, result.value)
        if as_json:
            body = {**view.document(result.value), **run.result_document(result)}
            if raw:
                body["raw"] = result.raw
            output.emit({"command": "jobs resume", "job": named.id, **body, "exit_code": exits.OK})
        elif bare and view.bare is not None:
            sys.stdout.write(view.bare(result.value))
        else:
            run.show(output.console(), name, result, view, raw=raw, line=line)
        sys.stdout.flush()  # before the broker is closed, which removes the result at the provider


def _waited(named: Job, name: str, deadline: float | None, *, raw: bool) -> Any:
    waiting = Waiting()
    waiting.bar = bar = output.Progress(1, inside=True)
    bar.begin(name)
    try:
        return named.wait(deadline, raw=raw, progress=waiting)
    except KeyboardInterrupt:
        bar.end()
        waiting.tell_left()
        raise
    finally:
        bar.end()


@app.command("cancel", cls=options.Plain)
def cancel(context: typer.Context, job: _Id, as_json: options.Json = False) -> None:
    """Stop a job, also one that another program waits for."""
    from broker.types.job import JobState

    with _opened(context, job, as_json=as_json) as (broker, named):
        done = named.cancel()
        found = next((each for each in broker.jobs.list(ended=True) if each.id == named.id), None)
    code = exits.OK if done else exits.FAILED
    if as_json:
        body = None if found is None else document(found)
        output.emit({"command": "jobs cancel", "cancelled": done, "job": body, "exit_code": code})
    elif done:
        screen = output.console()
        screen.print(output.text(f"{named.id} is cancelled"), soft_wrap=True)
        screen.print(
            output.text("if it costs, what was done may be billed: 'mlbroker settle' lists it", "dim")
        )
    elif found is not None and found.state is JobState.RUNNING:
        output.complain(
            f"{named.id} runs on, for {found.provider} cannot stop it; its transcript: mlbroker jobs resume {named.id}"
        )
    else:
        word = "gone" if found is None else found.state.value
        output.complain(f"{named.id} cannot be cancelled: it is {word}")
    raise typer.Exit(code)


@app.command("clean")
def clean(context: typer.Context, as_json: options.Json = False) -> None:
    """Remove at the providers what was handed out, and what was left staged."""
    from broker.cli import main
    from broker.types.job import JobState

    state = options.begin(context, as_json)
    removed, left = 0, []
    if _recorded(state):
        with main.make_broker(config=state.config) as broker:
            removed = broker.jobs.clean()
            left = [each.id for each in broker.jobs.list(ended=True) if each.state is JobState.COLLECTED]
    code = exits.FAILED if left else exits.OK
    if as_json:
        output.emit({"command": "jobs clean", "removed": removed, "left": left, "exit_code": code})
    else:
        screen = output.console()
        screen.print(output.text(f"removed {output.counted(removed, 'result')} at their providers"))
        for each in left:
            output.complain(f"{each} could not be removed; 'mlbroker doctor' shows how its provider stands")
    raise typer.Exit(code)


@contextmanager
def _opened(context: typer.Context, job: str, *, as_json: bool) -> Iterator[tuple[Broker, Job]]:
    """A broker with the job. An unknown one is wrong usage, and makes no ledger."""
    from broker.cli import main

    state = options.begin(context, as_json)
    if not _recorded(state):
        raise typer.BadParameter("nothing is recorded yet, so there is no job", param_hint="ID")
    with main.make_broker(config=state.config) as broker:
        try:
            named = broker.jobs.get(job)
        except BadInput as error:
            raise typer.BadParameter(output.plain(str(error)), param_hint="ID") from None
        yield broker, named


def _recorded(state: options.State) -> bool:
    import os

    from broker.cli import standing
    from broker.config import load_settings

    return os.path.lexists(standing.ledger_path(load_settings(state.config)))


def document(job: JobStatus) -> dict[str, Any]:
    """A job for ``--json``; see the module."""
    return {
        "id": job.id,
        "provider": job.provider,
        "profile": job.profile,
        "operation": job.operation,
        "state": job.state.value,
        "name": job.name,
        "seconds": round(job.milliseconds / 1000, 3),
        "made": job.made,
        "changed": job.changed,
        "worked_on": job.worked_on,
        "provider_state": job.provider_state,
        "percent": job.percent,
        "error": job.error,
    }


def _show(screen: Any, job: JobStatus) -> None:
    """The id first, in a line of its own: it is long, and people copy it."""
    from rich.padding import Padding

    who = job.provider if job.profile is None else f"{job.provider}:{job.profile}"
    said = [job.state.value] if job.provider_state is None else [job.state.value, f"({job.provider_state})"]
    said += [f"{job.percent} %"] if job.percent is not None else []
    said += ["(a program waits for it)"] if job.worked_on else []
    screen.print(output.text(f"{job.id}  {' '.join(said)}", "bold"), soft_wrap=True)
    begun, changed = f"{job.made:%Y-%m-%d %H:%M}", f"{job.changed:%Y-%m-%d %H:%M}"
    since = changed.removeprefix(begun[:11])
    facts = f"{job.name}, {output.clock(job.milliseconds)}, {who}; begun {begun}"
    facts += "" if changed == begun else f", changed {since}"
    screen.print(Padding(output.text(facts), (0, 0, 0, 2), expand=False))
    if job.error:
        screen.print(Padding(output.text(job.error, "dim"), (0, 0, 0, 2), expand=False))
    if line := _next(job):  # not wrapped: it is to be copied
        screen.print(output.text(f"  {line}", "dim"), soft_wrap=True)


def _next(job: JobStatus) -> str:
    """What to type."""
    from broker.types.job import JobState

    if job.worked_on:
        return ""
    if job.state in (JobState.STAGING, JobState.STAGED):
        return "not submitted, nothing billed: make the same call again, or type: mlbroker jobs cancel ID"
    if job.state.open:
        return "for its transcript type: mlbroker jobs resume ID"
    if job.state is JobState.COLLECTED:
        return "mlbroker jobs resume ID shows it once more; mlbroker jobs clean removes it at the provider"
    if job.state in (JobState.CANCELLED, JobState.EXPIRED, JobState.LOST):
        return "the same call is a new job; mlbroker settle lists this one if it may have been billed"
    return ""
