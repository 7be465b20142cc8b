"""``mlbroker search index`` and ``delete``.

``index --json`` gives ``command``, ``provider``, ``index``, ``source``, ``documents`` (``read``, ``acknowledged``, ``before``:
acknowledged by an interrupted run and not sent again, ``failed``), ``failures`` (at most 100: ``document``, ``error``),
``searchable`` (queries find all of them; null: not asked), ``interrupted``, ``seconds``, ``summary`` (``cost`` and so on) and
``exit_code``. ``delete --json`` gives ``command``, ``statuses`` (``id``, ``state``, ``reason``, ``code``, ``may_retry``),
those of a result, and ``exit_code``. With ``--dry-run``: ``command``, ``estimates``, ``currency``, ``amount`` (null: not known),
``exit_code``.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import asking, exits, options, output
from broker.cli.search_asking import Index, call_options, planned
from broker.cli.search_sources import Source, source_of
from broker.errors import BadInput, BrokerError, NotConfigured, ProviderError, SwitchedOff

if TYPE_CHECKING:
    from broker.cli.search_journal import Journal
    from broker.cli.tally import Tally
    from broker.client import Broker
    from broker.contract import AdapterSettings
    from broker.types.batch import Item
    from broker.types.document import Document
    from broker.types.write import DocumentStatus

_SHOWN = 100
_SAME_FOR_ALL = (NotConfigured, SwitchedOff)
_IDS_AT_ONCE = 1000
_PATIENCE = 300.0
"""Seconds for the documents of one request, where nobody has said: nobody waits for a single one of them."""


def index(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="FOLDER_OR_JSONL",
            help="A folder of texts (.txt, .md, .rst), or a file with a JSON object a line: id, content, title, url, metadata.",
            show_default=False,
        ),
    ],
    provider: asking.Provider = None,
    index: Index = None,
    deadline: options.Deadline = None,
    max_cost: options.MaxCost = None,
    tag: options.Tags = None,
    ext: asking.Extensions = None,
    jobs: asking.Jobs = 2,
    wait: Annotated[
        float | None,
        typer.Option(
            "--wait",
            metavar="SECONDS",
            min=1,
            help="Then wait until queries find all of them, at most so long.",
        ),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Send everything, whatever an interrupted run has done.")
    ] = False,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Put documents into an index. Interrupted, the same command goes on where it was."""
    state = options.begin(context, as_json)
    asked = call_options(
        provider=provider, index=index, deadline=deadline, max_cost=max_cost, tag=tag, ext=ext
    )
    found = source_of(source)
    from broker.cli import main
    from broker.cli.search_journal import Journal, run_of

    with main.make_broker(config=state.config) as broker:
        if dry_run:
            plan = broker.estimate.plan()
            packs = _packs(each for _, each in found.documents() if not isinstance(each, BadInput))
            planned("search index", [plan.search.upsert(pack, **asked) for pack in packs], as_json)
        asked["provider"] = _one(broker, asked.pop("provider", None))
        if deadline is None and "deadline" not in broker.settings.model_fields_set:
            asked["deadline"] = _PATIENCE
        run = run_of(asked["provider"], index, _options(broker, asked["provider"]), found.name)
        with closing(Journal(broker.settings.ledger.path, run)) as journal:
            if restart:
                journal.begin_anew()
            work = _Indexing(broker, asked, found, journal, jobs, waits=wait is not None)
            work.all()
            if wait is not None and not work.interrupted:
                work.wait(wait)
    code = work.code()
    if as_json:
        output.emit({"command": "search index", **work.document(index), "exit_code": code})
    else:
        work.summary()
    raise typer.Exit(code)


@dataclass(slots=True)
class _Counts:
    read: int = 0
    acknowledged: int = 0
    before: int = 0
    failed: int = 0


@dataclass(slots=True)
class _Indexing:
    broker: Broker
    asked: dict[str, Any]
    source: Source
    journal: Journal
    jobs: int
    waits: bool
    counts: _Counts = field(default_factory=_Counts)
    failures: list[tuple[str, BaseException]] = field(default_factory=list)
    interrupted: bool = False
    searchable: bool | None = None
    seconds: float = 0.0
    _codes: set[int] = field(default_factory=set)
    _money: Tally | None = None
    _pending: list[str] = field(default_factory=list)
    _stopped: bool = False

    def all(self) -> None:
        """Every document; one that fails stops the others only if they would fail alike."""
        began = time.monotonic()
        if (before := self.journal.count()) and sys.stderr.isatty():
            output.complain(
                f"going on: {output.counted(before, 'document')} were acknowledged before", "note"
            )
        progress = _Progress(self.source.total)
        names: dict[int, str] = {}
        stream = self.broker.search.upsert_many(self._unsent(names), concurrency=self.jobs, **self.asked)
        try:
            for item in stream:
                self._note(names.pop(item.index), item)
                progress.show(self.counts)
                if self._stopped:
                    break
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            progress.end()
            stream.close()
            self.journal.flush()
        whole = not (self.interrupted or self._stopped or self.counts.failed)
        if whole:
            self.journal.begin_anew()  # done: the next run is about the index as it then is
        self.seconds = time.monotonic() - began

    def wait(self, seconds: float) -> None:
        """Until queries find what is under way."""
        from broker.errors import StillIndexing

        self.searchable = True
        waiting = self._pending
        until = time.monotonic() + seconds
        asked = {name: value for name, value in self.asked.items() if name not in ("deadline", "max_cost")}
        for start in range(0, len(waiting), _IDS_AT_ONCE):
            left = max(1.0, until - time.monotonic())
            try:
                result = self.broker.search.wait_until_indexed(
                    waiting[start : start + _IDS_AT_ONCE], deadline=left, **asked
                )
            except StillIndexing as error:
                self._fail("waiting", error)
                self.searchable = False
                return
            self.tally().add(result)
            for status in result.value.problems:
                self.searchable = False
                self._fail(status.id, BadInput(status.reason or status.state.value))

    def _unsent(self, names: dict[int, str]) -> Iterator[Document]:
        number = 0
        for name, each in self.source.documents():
            self.counts.read += 1
            if isinstance(each, BadInput):
                self._fail(name, each)
            elif self.journal.has(each.id, each.digest()):
                self.counts.before += 1
                if self.waits:  # it was acknowledged; whether queries find it is not known
                    self._pending.append(each.id)
            else:
                names[number] = name
                number += 1
                yield each

    def _note(self, name: str, item: Item[DocumentStatus]) -> None:
        if item.result is None:
            error = item.error or BrokerError("there is neither a result nor an error")
            self.tally().add(error)
            nowhere = isinstance(error, ProviderError) and error.misaddressed
            self._stopped = nowhere or isinstance(error, _SAME_FOR_ALL)
            self._fail(f"stopped at {name}" if self._stopped else name, error)
            return
        sent: Any = item.source
        self.counts.acknowledged += 1
        self.tally().add(item.result)
        self.journal.add(sent.id, sent.digest())
        if item.result.value.state.value == "accepted":
            self._pending.append(sent.id)

    def _fail(self, name: str, error: BaseException) -> None:
        self.counts.failed += 1
        self._codes.add(exits.code_of(error))
        if len(self.failures) < _SHOWN:
            self.failures.append((name, error))

    def code(self) -> int:
        """The command's."""
        return exits.worst([*self._codes, *([exits.INTERRUPTED] if self.interrupted else [])])

    def tally(self) -> Tally:
        """What it cost; of each document its share."""
        from broker.cli.tally import Tally

        if self._money is None:
            self._money = Tally()
        return self._money

    def document(self, index: str | None) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "provider": self.asked["provider"],
            "index": index,
            "source": self.source.name,
            "documents": {
                "read": self.counts.read,
                "acknowledged": self.counts.acknowledged,
                "before": self.counts.before,
                "failed": self.counts.failed,
            },
            "failures": [{"document": name, "error": exits.document(error)} for name, error in self.failures],
            "searchable": self.searchable,
            "interrupted": self.interrupted,
            "seconds": round(self.seconds, 3),
            "summary": self.tally().document(),
        }

    def summary(self) -> None:
        """For people."""
        for name, error in self.failures[:10]:
            output.complain(f"{name}: {exits.message(error)}")
        if self.counts.failed > 10:
            output.complain(f"and {self.counts.failed - 10:,} more failed; --json lists {_SHOWN}", "note")
        parts = [
            f"{output.counted(self.counts.acknowledged, 'document')} acknowledged by {self.asked['provider']}"
        ]
        again = " (--restart sends them again)" if self.counts.failed else ""
        parts += [f"{self.counts.before:,} before{again}"] if self.counts.before else []
        parts += [f"{self.counts.failed:,} failed"] if self.counts.failed else []
        word = "interrupted" if self.interrupted else "stopped" if self._stopped else ""
        parts += [f"{word}: the same command goes on from here"] if word else []
        line = f"{', '.join(parts)}; cost {self.tally().shown()}; time {output.seconds(self.seconds)}"
        screen = output.console()
        screen.print(output.text(line, "bold"))
        if self._pending and self.searchable is None:
            screen.print(
                output.text(
                    "the engine is still at work on them: queries may not show all yet (see --wait)", "dim"
                )
            )


class _Progress:
    """A line on stderr, rewritten; only on a terminal."""

    def __init__(self, total: int | None) -> None:
        self._total = total
        self._next = 0.0
        self._shown = False
        self._live = sys.stderr.isatty()

    def show(self, counts: _Counts) -> None:
        """Twice a second."""
        now = time.monotonic()
        if not self._live or now < self._next:
            return
        self._next, self._shown = now + 0.5, True
        of = f" of about {self._total:,}" if self._total else ""
        failed = f", {counts.failed:,} failed" if counts.failed else ""
        sys.stderr.write(f"\r{counts.acknowledged + counts.before:,}{of} documents{failed}   ")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave an empty line behind."""
        if self._shown:
            sys.stderr.write("\r" + " " * 60 + "\r")
            sys.stderr.flush()


def delete(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids of documents.", show_default=False)],
    provider: asking.Provider = None,
    index: Index = None,
    deadline: options.Deadline = None,
    max_cost: options.MaxCost = None,
    tag: options.Tags = None,
    ext: asking.Extensions = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Take documents out of an index. One that is not there is no failure."""
    state = options.begin(context, as_json)
    asked = call_options(
        provider=provider, index=index, deadline=deadline, max_cost=max_cost, tag=tag, ext=ext
    )
    from broker.cli import main
    from broker.cli.run import effort, result_document, who
    from broker.cli.search_journal import forget
    from broker.cli.shapes import document

    keys = list(dict.fromkeys(ids))
    with main.make_broker(config=state.config) as broker:
        if dry_run:
            planned("search delete", [broker.estimate.search.delete(keys, **asked)], as_json)
        result = broker.search.delete(keys, **asked)
        account = result.provenance.profile
        name = result.provenance.provider + (f":{account}" if account else "")
        forget(broker.settings.ledger.path, name, keys)
    code = exits.OK if result.value.ok else exits.FAILED
    if as_json:
        output.emit(
            {
                "command": "search delete",
                **result_document(result),
                "statuses": document(result.value.statuses),
                "exit_code": code,
            }
        )
        raise typer.Exit(code)
    screen = output.console()
    screen.print(output.text(who(result.provenance), "dim"))
    for status in result.value.problems:
        output.complain(f"{status.id}: {status.state.value}: {status.reason}")
    gone = len(result.value.acknowledged)
    screen.print(output.text(f"{output.counted(gone, 'document')} no longer there; {effort(result)}"))
    raise typer.Exit(code)


def _packs(documents: Iterator[Document]) -> Iterator[list[Document]]:
    pack: list[Document] = []
    for each in documents:
        pack.append(each)
        if len(pack) == _IDS_AT_ONCE:
            yield pack
            pack = []
    if pack:
        yield pack


def _options(broker: Broker, name: str) -> AdapterSettings:
    from broker.pipeline.call import Candidate

    candidate = Candidate.parse(name)
    return broker.registry.options(candidate.provider, candidate.profile)


def _one(broker: Broker, named: Sequence[str] | None) -> str:
    """The provider that gets the documents: the first that is set up; resuming needs to know it beforehand."""
    from broker.pipeline.call import Candidate

    names = [named] if isinstance(named, str) else list(named or broker.settings.provider)
    reasons = []
    for name in names:
        candidate = Candidate.parse(name)
        try:
            broker.registry.manifest(candidate.provider).spec("search.upsert")
            setup = broker.registry.setup(candidate.provider, candidate.profile)
        except BrokerError as error:
            reasons.append(f"{name}: {error}")
            continue
        if setup.takes("search.upsert"):
            return name
        reasons.append(f"{name}: {setup.problem}")
    raise NotConfigured(f"no engine takes documents: {'; '.join(reasons)}")
