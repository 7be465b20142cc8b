"""``mlbroker bench``: providers side by side on your own data: how good, how fast, how dear, how sure.

``--json`` gives ``command``, ``run`` (its folder), ``resumed``, ``cost`` (of what was left: ``amount``, ``at_most``, ``spent``
before, ``cap``, ``currency``, and ``lanes``: ``lane``, ``calls``, ``amount``, ``at_most``, ``unpriced``, ``problem``), ``stopped``
(lanes given up, and why), ``interrupted``, ``result`` (docs/bench.md; null with ``--dry-run``) and ``exit_code``. Of
``rescore`` and ``show``: ``command``, ``run``, ``result``, ``exit_code``, of ``rescore`` besides ``scored`` (``answers`` or ``raw``:
which readings were) and ``reread`` (whole answers: ``raw``, ``looked_at``, ``other`` by today's readers, ``unreadable``, ``why``); of ``compare``: ``command``, ``runs``, ``changes`` (``lane``,
``metric``, ``comparison`` of the later to the earlier, ``flips``, and earlier and later ``p50``, ``per_1000``, ``models``), ``exit_code``; of ``--init``: ``command``, ``plan``, ``exit_code``.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.errors import BadInput

if TYPE_CHECKING:
    from broker.bench.plan import Plan
    from broker.bench.result import BenchResult
    from broker.bench.runs import BenchRun
    from broker.bench.session import CostOfRun, Session
    from broker.cli.bench_watch import Watch
    from broker.client import Broker
    from broker.pipeline.call import Services

_WORDS = ("rescore", "show", "compare")
_SOURCES = ("raw", "answers")


def bench(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PLAN",
            help="A plan (TOML); or 'show' or 'rescore' with a run's folder, by default the newest; or 'compare' with two.",
            show_default=False,
        ),
    ] = None,
    init: Annotated[
        str | None, typer.Option("--init", metavar="DATA", help="Write a plan for this folder or table.")
    ] = None,
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help="Where --init writes the plan.")
    ] = "bench.toml",
    example: Annotated[
        bool, typer.Option("--example", help="A small benchmark with pictures drawn here; it costs nothing.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Spend more than the plan's cap if need be.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin a new run; an unfinished one is left as it is.")
    ] = False,
    again_unknown: Annotated[
        bool,
        typer.Option(
            "--again-unknown",
            help="Ask again what was sent before a crash; it may be paid for a second time.",
        ),
    ] = False,
    scoring: Annotated[
        str | None, typer.Option("--plan", metavar="PLAN", help="rescore: by this plan's scoring and prices.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="raw|answers",
            help="rescore: by the vendors' whole answers as they are read today, or by the answers as they were read when they "
            "were given. Without it as last time.",
        ),
    ] = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Compare providers on your own data: quality, speed, cost, with intervals. Interrupted, it goes on."""
    state = options.begin(context, as_json)
    given = words or []
    if given[:1] == ["compare"]:
        _between(given[1:], as_json=as_json)
    if given[:1] and given[0] in _WORDS:
        _again(given[0], given[1:], scoring, source, config=state.config, as_json=as_json)
    if init is not None:
        _init(init, out, config=state.config, as_json=as_json)
    if example:
        from broker.bench.example import write_example

        given = [write_example("bench-example")]
        output.complain(
            f"the example's pictures, recorded answers and plan are in {os.path.dirname(given[0])}", "note"
        )
    if len(given) != 1:
        raise typer.BadParameter(
            "name one plan; 'mlbroker bench --init DATA' writes one, 'mlbroker bench --example' shows what comes of it"
        )
    from broker.bench.plan import read_plan

    plan, text = read_plan(given[0])
    document, code = run_plan(
        plan,
        text,
        config=state.config,
        yes=yes,
        restart=restart,
        again_unknown=again_unknown,
        dry_run=dry_run,
        as_json=as_json,
    )
    _end(document, code, as_json=as_json)


def run_plan(
    plan: Plan,
    text: str,
    *,
    config: str | None,
    yes: bool,
    restart: bool,
    again_unknown: bool,
    dry_run: bool,
    as_json: bool,
) -> tuple[dict[str, Any], int]:
    """Begin or go on with a run. What ``--json`` tells of it, and its exit code.

    :param as_json: people are told nothing on standard output.
    """
    from broker.bench.session import Session, folder_for
    from broker.cli import main
    from broker.cli.bench_show import show_cost, show_result
    from broker.cli.bench_watch import Watch

    with ExitStack() as stack:
        broker: Broker = stack.enter_context(main.make_broker(config=config))
        folder, resumed = folder_for(plan, broker.core.services.runtime.now(), restart=restart)
        session = Session(broker, plan, folder, _command())
        stack.callback(session.close)
        watch = stack.enter_context(Watch())
        session.prepare(text, watch.progress, again_unknown=again_unknown)
        if resumed:
            watch.say(f"going on with the run in {output.home_short(folder)}")
        if session.unsettled:
            watch.say(
                f"{output.counted(session.unsettled, 'call')} of it may have been paid for without an answer; not asked again "
                "unless you say --again-unknown"
            )
        cost = session.cost(watch.progress)
        watch.pause()
        for each in session.unusable:
            output.complain(output.told(str(each)), "warning")
        if not as_json:
            show_cost(cost)
        document: dict[str, Any] = {
            "command": "bench",
            "run": folder,
            "resumed": resumed,
            "cost": cost_document(cost),
            "stopped": {},
            "interrupted": False,
            "result": None,
        }
        if dry_run:
            session.discard_if_new()
            return document, exits.OK
        cap = _allowed(session, cost, yes=yes, as_json=as_json)
        interrupted = False
        stopped: dict[str, str] = {}
        watch.begin(sum(each.calls for each in cost.lanes))
        try:
            stopped = session.ask(watch, cap)
        except KeyboardInterrupt:
            interrupted = True
        watch.pause()
        result = session.result(watch.progress)
        watch.pause()
        code = exits.INTERRUPTED if interrupted else exits.FAILED if stopped else exits.OK
        if not as_json:
            show_result(result)
            _foot(result, interrupted=interrupted)
        document |= {"stopped": stopped, "interrupted": interrupted, "result": json.loads(result.to_json())}
        return document, code


def _allowed(session: Session, cost: CostOfRun, *, yes: bool, as_json: bool) -> Any:
    """The cap that holds. Raises :class:`~broker.errors.BudgetExceeded` where the run could cost more and nobody agrees."""
    from broker.bench.session import above_cap
    from broker.types.money import EXACT, shown_amount

    if not cost.above:
        return cost.cap
    if cost.most is None:
        raise above_cap(cost)
    wanted = EXACT.add(cost.spent, cost.most)
    if not yes:
        if as_json or not sys.stdin.isatty() or not sys.stderr.isatty():
            session.discard_if_new()
            raise above_cap(cost)
        shown = shown_amount(wanted, cost.currency)
        if not typer.confirm(
            f"This could cost {shown}; the plan's cap is {shown_amount(cost.cap, cost.currency)}. Spend it?",
            err=True,
        ):
            session.discard_if_new()
            raise above_cap(cost)
    return wanted


def _again(
    word: str, given: list[str], scoring: str | None, source: str | None, *, config: str | None, as_json: bool
) -> None:
    """``show`` and ``rescore``."""
    from broker.bench.plan import read_plan
    from broker.bench.runs import latest_run, open_run
    from broker.cli import main
    from broker.cli.bench_show import show_result
    from broker.cli.bench_watch import Watch

    if len(given) > 1:
        raise typer.BadParameter(f"{word} takes one run's folder")
    if source not in (None, *_SOURCES):
        raise typer.BadParameter(f"--from is {' or '.join(_SOURCES)}")
    scored: dict[str, Any] = {}
    with open_run(given[0] if given else latest_run()) as run:
        if word == "show":
            result = run.result()
        else:
            with main.make_broker(config=config) as broker, Watch() as watch:
                services = broker.core.services
                other = None if scoring is None else read_plan(scoring)[0]
                scored = _source(run, services, source, watch, as_json=as_json)
                result = run.rescored(
                    services,
                    services.runtime.now(),
                    _command(),
                    other,
                    lambda done: watch.progress("scoring", done, None),
                )
        if not as_json:
            show_result(result)
            _foot(result, interrupted=False)
        document = {
            "command": f"bench {word}",
            "run": run.folder,
            **scored,
            "result": json.loads(result.to_json()),
        }
    _end(document, exits.OK, as_json=as_json)


def _source(
    run: BenchRun, services: Services, source: str | None, watch: Watch, *, as_json: bool
) -> dict[str, Any]:
    """Which readings of the answers are scored: said to a person, and given for ``--json``."""

    def progress(done: int) -> None:
        watch.progress("reading vendors' whole answers", done, None)

    if source == "answers":
        run.as_given()
    told = run.read_again(services, progress) if source == "raw" else run.looked_at(services, progress)
    watch.pause()
    used = "answers" if run.reading is None else "raw"
    if not as_json:
        text = run.reading or "scored by the answers as they were read when they were given"
        if source != "raw" and told.other:
            some = "" if told.looked_at == told.raw else f" that were looked at (of {told.raw:,})"
            text += (
                f"; {told.other:,} of {told.looked_at - told.unreadable:,} whole answers{some} would be read otherwise today: add --from raw to "
                "score those"
            )
        output.complain(output.told(text), "note")
    return {
        "scored": used,
        "reread": {
            "raw": told.raw,
            "looked_at": told.looked_at,
            "other": told.other,
            "unreadable": told.unreadable,
            "why": told.why,
        },
    }


def _between(given: list[str], *, as_json: bool) -> None:
    """``compare``."""
    from broker.bench.between import changes
    from broker.bench.runs import open_run
    from broker.cli.bench_show import show_changes

    if len(given) != 2:
        raise typer.BadParameter("compare takes the folders of two runs, the earlier one first")
    with open_run(given[0]) as earlier, open_run(given[1]) as later:
        found = changes(earlier, later)
    if not as_json:
        show_changes(found)
    _end(
        {"command": "bench compare", "runs": given, "changes": [asdict(each) for each in found]},
        exits.OK,
        as_json=as_json,
    )


def _init(source: str, out: str, *, config: str | None, as_json: bool) -> None:
    from broker.bench.plan_writing import written_plan
    from broker.cli import main

    if os.path.exists(out):
        raise BadInput(f"{out!r} is there already; name another file with --out, or remove it")
    with main.make_broker(config=config) as broker:
        text = written_plan(source, broker.registry, os.path.dirname(os.path.abspath(out)))
    try:
        with open(out, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise BadInput(f"the plan cannot be written to {out!r}: {error.strerror}") from error
    if not as_json:
        output.console().print(
            output.text(f"{out} is written; read it, then type: mlbroker bench {out} --dry-run"),
            soft_wrap=True,
        )
    _end({"command": "bench", "plan": out}, exits.OK, as_json=as_json)


def cost_document(cost: CostOfRun) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "amount": output.decimal(cost.amount),
        "at_most": output.decimal(cost.most),
        "spent": output.decimal(cost.spent),
        "cap": output.decimal(cost.cap),
        "currency": cost.currency,
        "lanes": [
            {
                "lane": each.lane.lane.key,
                "calls": each.calls,
                "amount": output.decimal(each.amount),
                "at_most": output.decimal(each.most),
                "unpriced": each.unpriced,
                "problem": each.problem,
            }
            for each in cost.lanes
        ],
    }


def _foot(result: BenchResult, *, interrupted: bool) -> None:
    folder = output.home_short(os.path.relpath(result.run.folder))
    screen = output.console()
    if interrupted:
        output.complain("interrupted; the same command goes on, and nothing is paid twice", "note")
    screen.print(
        output.text(f"kept in {folder}; the whole story: mlbroker report {folder}", "bold"), soft_wrap=True
    )


def _end(document: dict[str, Any], code: int, *, as_json: bool) -> None:
    if as_json:
        output.emit({**document, "exit_code": code})
    raise typer.Exit(code)


def _command() -> str:
    return " ".join(["mlbroker", *sys.argv[1:]])
