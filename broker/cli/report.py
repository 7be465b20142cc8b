"""``mlbroker report``: what a benchmark found, as one HTML file that opens offline, as Markdown or as JSON.

Without ``--markdown`` and ``--json`` it writes the page into the run's folder (``report.html``, or ``--out``) and prints where.
``--json`` gives ``command``, ``run``, ``report`` (its keys are listed in docs/report.md) and ``exit_code``.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from broker.cli import exits, options, output
from broker.cli.maturity import AsOf, Own, Weigh, manifests_of, weights_of

if TYPE_CHECKING:
    from broker.bench.runs import BenchRun
    from broker.report.model import Report
    from broker.scoring import ScoringSettings

FILE = "report.html"


def report(
    context: typer.Context,
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN",
            help="A run's folder, or its result.json; the newest if left out.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE", help="Write it here; '-' is the output.")
    ] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Markdown instead of a page.")] = False,
    items: Annotated[
        int,
        typer.Option(
            "--items", metavar="N", help="So many items with their answers side by side.", min=0, max=200
        ),
    ] = 12,
    history: Annotated[
        int | None,
        typer.Option(
            "--history",
            metavar="DAYS",
            help="Add quality over time, alarms and spend of the last days.",
            min=1,
            max=3660,
        ),
    ] = None,
    evidence: Own = None,
    weight: Weigh = None,
    by: Annotated[
        str | None,
        typer.Option("--weights-by", metavar="NAME", help="Who made the weights; the report says so."),
    ] = None,
    as_of: AsOf = None,
    as_json: options.Json = False,
) -> None:
    """Write the report of a benchmark: who stands how, at which price, how sure, how ready."""
    state = options.begin(context, as_json)
    if as_markdown and as_json:
        raise typer.BadParameter("choose one of --json and --markdown", param_hint="--markdown")
    if as_json and out is not None:
        raise typer.BadParameter("--json goes to the output; use >", param_hint="--out")
    if by is not None and not weight:
        raise typer.BadParameter("there are no weights of yours; add --weight", param_hint="--weights-by")
    if not as_markdown and not as_json:
        from broker.report.svg import altair

        altair()  # before the work, so that a missing extra is told at once
    made, where = _made(state.config, run, items, history, evidence, weight, by, as_of)
    if as_json:
        from broker.report.document import document

        output.emit({"command": "report", "run": where, "report": document(made), "exit_code": exits.OK})
    elif as_markdown:
        from broker.report.markdown import markdown

        _write(markdown(made), out or "-")
    else:
        from broker.report.page import html

        path = out or os.path.join(where, FILE)
        text = html(made)
        _write(text, path)
        if path != "-":
            size = len(text.encode()) / 1000
            output.console().print(output.text(f"{path} ({size:,.0f} kB; it opens offline)"), soft_wrap=True)


def _made(
    config: str | None,
    run: str | None,
    items: int,
    days: int | None,
    evidence: list[str] | None,
    weight: list[str] | None,
    by: str | None,
    as_of: str | None,
) -> tuple[Report, str]:
    from broker.bench.runs import latest_run, open_run
    from broker.config import load_settings
    from broker.maturity.load import checklist, quotas
    from broker.report.build import build
    from broker.report.recorded import history
    from broker.report.samples import chosen

    day = options.day(as_of, "--as-of") or output.today()
    weights = weights_of(weight)
    rows, rates = checklist(evidence or ()), quotas(evidence or ())
    settings = load_settings(config)
    manifests, broken = manifests_of(config)
    for name, why in broken.items():
        output.complain(f"{name}: {why}", "warning")
    with open_run(run or latest_run()) as opened:
        result = opened.result()
        scoring = _scoring(opened)
        samples, count = chosen(opened.items(), result, items, scoring) if items else ((), 0)
        where = opened.folder
    whose = None if not weight else by or "whoever typed --weight"
    made = build(
        result,
        manifests,
        rows,
        rates,
        day,
        weights=weights,
        weights_by=whose,
        samples=samples,
        samples_of=count,
        no_samples="" if items else "Left out by --items 0.",
        history=history(settings, days, day),
        command=shlex.join(["mlbroker", *sys.argv[1:]]),
    )
    return made, where


def _scoring(run: BenchRun) -> ScoringSettings:
    """Those of the run's plan; a plan that cannot be read any more leaves single answers without their scores at worst."""
    from broker.errors import BrokerError
    from broker.scoring import DEFAULTS

    try:
        return run.plan().scoring.settings()
    except BrokerError as error:
        output.complain(f"scores of single answers may be missing: {error}", "warning")
        return DEFAULTS


def _write(text: str, path: str) -> None:
    body = text.encode("utf-8", "replace")
    if path == "-":
        sys.stdout.buffer.write(body)
        sys.stdout.flush()
        return
    beside = f"{path}.part"  # a page that is cut off is none
    try:
        with open(beside, "wb") as file:
            file.write(body)
        os.replace(beside, path)
    except OSError as error:
        raise typer.BadParameter(
            f"{output.plain(path)} cannot be written: {error.strerror}", param_hint="--out"
        ) from None
