"""``mlbroker review``: what was right, decided by people; in the terminal, or in a file that comes back.

``--json`` gives ``command``, ``store``, ``use_cases`` (a list: ``use_case``, ``waiting``, ``again`` (to be shown a second time),
``decided``, ``could_not_tell``, ``reviewers``: ``pairs``, ``agreement``, ``error`` and ``kappa``, null where not known) and
``exit_code``. With ``--import`` it gives ``decided``, ``could_not_tell``, ``left_open``, ``not_waiting`` (ids), ``refused`` (``line``,
``id``, ``reason``) too. The exported file (CSV or JSONL) has ``id``, ``use_case``, ``operation``, ``item``, ``at``, ``input``, ``candidates``
(JSON: what was answered, by nobody's name) and an empty ``truth``: to be filled with what is right, as data sets have it
(docs/datasets.md), or ``?`` where one cannot tell.
"""

from __future__ import annotations

import getpass
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output, standing
from broker.cli.boards import opened
from broker.cli.review_file import (
    CANNOT_TELL,
    export_queue,
    parsed,
    put_input,
    take_decisions,
    written,
)
from broker.errors import BadInput, BadTruth, NotConfigured

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.samples.queue import Queue, ToDecide
    from broker.samples.store import SampleStore


def review(
    context: typer.Context,
    use_case: Annotated[
        str | None,
        typer.Argument(
            metavar="USE_CASE", help="Else all that wait, one after the other.", show_default=False
        ),
    ] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who decides; else who is logged in here.")
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", metavar="N", min=1, help="So many at the most.")
    ] = None,
    status: Annotated[bool, typer.Option("--status", help="How the queues stand; decide nothing.")] = False,
    export: Annotated[
        str | None, typer.Option("--export", metavar="FILE", help="Write the queue as .csv or .jsonl.")
    ] = None,
    inputs: Annotated[
        str | None,
        typer.Option(
            "--inputs", metavar="FOLDER", help="Where pictures and recordings are put for looking at them."
        ),
    ] = None,
    bring: Annotated[
        str | None, typer.Option("--import", metavar="FILE", help="Take the decisions of such a file.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Decide what was right for sampled calls that wait for it."""
    state = options.begin(context, as_json)
    if export is not None and bring is not None:
        raise typer.BadParameter("write or take, not both", param_hint="--export")
    from broker.config import load_settings

    settings = load_settings(state.config)
    with _opened(settings, use_case) as (store, queues):
        actor = by or getpass.getuser()
        before = sum(queue.stands.decided for queue in queues.values())
        told: dict[str, Any] = {}
        code = exits.OK
        if bring is not None:
            told = take_decisions(queues, bring, actor)
            code = exits.FAILED if told["refused"] else exits.OK
            if not as_json:
                _tell_brought(told)
        elif export is not None:
            export_queue(queues, export, inputs, limit, quiet=as_json)
        elif not status and not as_json:
            _ask(queues, actor, inputs, limit)
        if sum(queue.stands.decided for queue in queues.values()) > before:
            _follow(settings, store, list(queues))
        if as_json:
            output.emit(
                {
                    "command": "review",
                    "store": store.path,
                    "use_cases": [_document(store, name, queue) for name, queue in queues.items()],
                    **told,
                    "exit_code": code,
                }
            )
        elif status:
            _show(store, queues)
    raise typer.Exit(code)


class _opened:  # noqa: N801 - used as a function
    """The store and the queues of the settings' use cases."""

    def __init__(self, settings: Settings, use_case: str | None) -> None:
        self._settings = settings
        self._use_case = use_case

    def __enter__(self) -> tuple[SampleStore, dict[str, Queue]]:
        from broker.samples.queue import Queue
        from broker.samples.start import open_store, plans_of

        names = [name for name, each in self._settings.quality.use_cases.items() if each.sampling is not None]
        if not names:
            raise NotConfigured(
                "no use case of the settings is sampled; write [quality.use_cases.NAME.sampling] (docs/sampling.md)"
            )
        if self._use_case is not None and self._use_case not in names:
            raise typer.BadParameter(
                f"there is no sampled use case {output.plain(self._use_case)!r}; there are {', '.join(names)}",
                param_hint="USE_CASE",
            )
        self._store = open_store(self._settings)
        try:
            plans = plans_of(self._settings, self._store)
            wanted = names if self._use_case is None else [self._use_case]
            return self._store, {name: Queue(self._store, plans[name]) for name in wanted}
        except BaseException:
            self._store.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._store.close()


def _follow(settings: Settings, store: SampleStore, use_cases: list[str]) -> None:
    """What was decided is evidence: for alarms of drift, and for the off switch."""
    from broker.cli import standing
    from broker.samples.evidence import Watchman
    from broker.samples.start import plans_of

    with opened(settings, make=True) as board:
        watchman = Watchman(
            store,
            plans_of(settings, store),
            board=board,
            notify=board.notify,
            now=standing.now,
            false_alarms_a_year=settings.quality.false_alarms_a_year,
        )
        for name in use_cases:
            for provider in store.providers(name):
                watchman.advance(name, provider)


def _ask(queues: dict[str, Queue], actor: str, inputs: str | None, limit: int | None) -> None:
    """One after the other; what is decided is kept at once, so that leaving loses nothing."""
    screen = output.console()
    done = 0
    with tempfile.TemporaryDirectory(prefix="mlbroker-review-") as private:
        folder = Path(inputs or private)
        folder.mkdir(parents=True, exist_ok=True)
        for name, queue in queues.items():
            showings = queue.showings()
            for place, showing in enumerate(showings, 1):
                if limit is not None and done >= limit:
                    break
                screen.print(output.text(f"{name}, {place} of {len(showings)}: {showing.operation}", "bold"))
                _show_one(screen, showing, folder)
                answer = _answer(screen, queue, showing, actor)
                if answer is None:
                    screen.print(
                        output.text(f"{output.counted(done, 'decision')} kept; go on with: mlbroker review")
                    )
                    return
                done += answer
    stands = [queue.stands for queue in queues.values()]
    left = sum(each.waiting + each.again for each in stands)
    rest = f"{left} left" if left else "nothing is left"
    screen.print(output.text(f"{output.counted(done, 'decision')} kept; {rest}"))


def _show_one(screen: Any, showing: ToDecide, folder: Path) -> None:
    if showing.named:
        screen.print(output.text(f"item: {showing.named}"))
    shown = showing.shown
    if shown is None:
        screen.print(
            output.text(
                'its input is not kept (content = "inputs" would keep it)'
                + ("" if showing.named else "; nor was it given a name by the tag item"),
                "yellow",
            )
        )
    elif shown.kind.startswith("text/"):
        screen.print(output.text(shown.value.decode("utf-8", "replace")))
    else:
        screen.print(output.text(f"look at: {put_input(showing.number, shown, folder)}"))
    for number, candidate in enumerate(showing.candidates, 1):
        screen.print(output.text(f"  {number}: {written(candidate)}"))


def _answer(screen: Any, queue: Queue, showing: ToDecide, actor: str) -> int | None:
    """1 for a decision, 0 for none; None: the reviewer leaves."""
    choice = "a number, " if showing.candidates else ""
    question = f"what is right? ({choice}the truth itself, ? cannot tell, s skip, q leave)"
    while True:
        try:
            said = typer.prompt(question, prompt_suffix=": ").strip()
        except typer.Abort:  # end of input, or Ctrl-C
            screen.print()
            return None
        if said in ("q", "s"):
            return None if said == "q" else 0
        try:
            truth = None if said == CANNOT_TELL else _truth(said, showing)
            kept = queue.decide(showing, truth, by=actor, at=standing.now())
        except (BadInput, BadTruth) as error:
            screen.print(output.text(str(error), "yellow"))
            continue
        if not kept:
            screen.print(output.text("somebody else has decided it meanwhile", "yellow"))
        return int(kept)


def _truth(said: str, showing: ToDecide) -> Any:
    if said.isdecimal() and 1 <= int(said) <= len(showing.candidates):
        return showing.candidates[int(said) - 1]
    return parsed(said)


def _tell_brought(told: dict[str, Any]) -> None:
    screen = output.console()
    parts = [
        f"{told['decided']} decided",
        f"{told['could_not_tell']} could not be told",
        f"{told['left_open']} left open",
    ]
    if told["not_waiting"]:
        parts.append(f"{len(told['not_waiting'])} no longer waiting: {', '.join(told['not_waiting'][:10])}")
    screen.print(output.text("; ".join(parts)))
    for each in told["refused"]:
        screen.print(output.text(f"line {each['line']} ({each['id']}): {each['reason']}", "yellow"))


def _document(store: SampleStore, name: str, queue: Queue) -> dict[str, Any]:
    stands, trust = queue.stands, store.reviewers(name)
    return {
        "use_case": name,
        "waiting": stands.waiting,
        "again": stands.again,
        "decided": stands.decided,
        "could_not_tell": stands.could_not_tell,
        "reviewers": {
            "pairs": trust.pairs,
            "agreement": trust.agreement,
            "error": trust.error,
            "kappa": trust.kappa,
        },
    }


def _show(store: SampleStore, queues: dict[str, Queue]) -> None:
    screen = output.console()
    table = output.table(
        "use case",
        "waiting",
        "again",
        "decided",
        "could not tell",
        "decided alike",
        right=("waiting", "again", "decided", "could not tell", "decided alike"),
    )
    for name, queue in queues.items():
        stands, trust = queue.stands, store.reviewers(name)
        alike = "unknown" if trust.agreement is None else f"{trust.agreement:.0%} of {trust.pairs}"
        cells = [name, stands.waiting, stands.again, stands.decided, stands.could_not_tell, alike]
        table.add_row(*(output.text(str(cell)) for cell in cells))
    screen.print(table)
    screen.print(output.text(f"store: {output.home_short(store.path)}", "dim"))
