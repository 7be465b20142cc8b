"""Reading runs that were made: their results, and every item with all its answers side by side. Nobody is asked."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import islice
from types import TracebackType
from typing import Any, Self

from broker.bench.kept import State, StoredItem, unpacked
from broker.bench.outcome import outcome
from broker.bench.plan import Plan, parse_plan
from broker.bench.read_again import ReadAgain, as_given, look, read_again, reading_of
from broker.bench.result import BenchResult, Lane
from broker.bench.session import PLAN, RESULT, facts_of, write_result
from broker.bench.store import FILE, Store
from broker.bench.tallies import Clusters
from broker.core import Core
from broker.errors import BadInput
from broker.pipeline.call import Services
from broker.types.json import JsonValue
from broker.types.markup import Shown

KEPT_IN = "bench-runs"
"""Where runs are kept unless a plan says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAnswer(Shown):
    """One lane's answer to an item, or its failure.

    :param answer: as :func:`broker.scoring.read_answer` takes it; None: the call failed.
    :param latency: seconds of the attempt that answered, ``seconds``: of the whole call; None: not known.
    :param cost: certain; None: not known.
    :param scores: metric id, version, and the item's parts of it.
    """

    lane: Lane
    repetition: int
    ok: bool
    answer: str | None
    error_kind: str | None
    error: str | None
    latency: float | None
    seconds: float | None
    cost: Decimal | None
    model: str | None
    scores: tuple[tuple[str, int, tuple[float, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswers(Shown):
    """One item.

    :param input: the path of a picture or recording as it was when the run was made, or the text itself.
    :param truth: as the data set has it; None: there is none. ``source``: file and line that it is from.
    """

    number: int
    id: str
    kind: str
    input: str
    truth: JsonValue
    source: str
    answers: tuple[StoredAnswer, ...]


class BenchRun:
    """A run's folder, opened for reading. Close it, or use it in ``with``."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._store = Store(folder)
        self._lanes = self._store.lanes()

    def result(self) -> BenchResult:
        """As it was last told.

        Raises :class:`~broker.errors.BadInput`, which says how to make it anew, where there is none, or none that can be read.
        """
        path = os.path.join(self.folder, RESULT)
        anew = f"mlbroker bench rescore {self.folder}"
        try:
            with open(path, "rb") as file:
                text = file.read()
        except FileNotFoundError:
            raise BadInput(
                f"the run in {self.folder!r} has no result yet; its answers are kept: type {anew}"
            ) from None
        except OSError as error:
            raise BadInput(
                f"{path} cannot be read ({error.strerror or error}); its answers are kept: type {anew}"
            ) from None
        try:
            told = BenchResult.from_json(text)
        except BadInput as error:
            raise BadInput(
                f"{path} is damaged, or of another version of mlbroker: {error}. The answers are kept; to make it anew type: {anew}"
            ) from None
        # A run that was moved or copied is where it is now.
        return replace(told, run=replace(told.run, folder=self.folder))

    def plan(self) -> Plan:
        """The plan it was made by."""
        path = os.path.join(self.folder, PLAN)
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except OSError as error:
            raise BadInput(f"the run's plan {path!r} cannot be read: {error.strerror}") from error
        return parse_plan(
            text,
            path,
            folder=self._store.get("plan_folder") or self.folder,
            name=self._store.get("name") or "bench",
        )

    def items(
        self, *, limit: int | None = None, only: Collection[str] | None = None, by_id: bool = False
    ) -> Iterator[ItemAnswers]:
        """Items with everything that was answered to them, in the order of the data set; few at a time in memory.

        :param only: of these ids. ``by_id``: in the order of their ids.
        """
        wanted = (each for each in self._store.every_item(by_id=by_id) if only is None or each.id in only)
        for item in islice(wanted, limit):
            yield self._item(item)

    def clusters(self) -> Clusters:
        """Which items belong together."""
        return Clusters(self._store)

    def _item(self, item: StoredItem) -> ItemAnswers:
        scores: dict[int, list[tuple[str, int, tuple[float, ...]]]] = {}
        for question, metric, version, parts in self._store.rows(_SCORES, (item.number,)):
            with suppress(ValueError):  # of a damaged row nothing is told
                scores.setdefault(question, []).append((metric, version, tuple(json.loads(parts))))
        rows = self._store.rows(_ANSWERS, (item.number, State.ANSWERED, State.FAILED))
        answers = tuple(self._answer(row, tuple(scores.get(row[0], ()))) for row in rows)
        return ItemAnswers(
            number=item.number,
            id=item.id,
            kind=item.kind,
            input=item.input,
            truth=_truth(item),
            source=item.source,
            answers=answers,
        )

    def _answer(
        self, row: tuple[Any, ...], scores: tuple[tuple[str, int, tuple[float, ...]], ...]
    ) -> StoredAnswer:
        _, lane, repetition, state, packed, error_kind, error, latency, seconds, known, model = row
        return StoredAnswer(
            lane=self._lanes[lane],
            repetition=repetition,
            ok=state == State.ANSWERED,
            answer=None if packed is None else unpacked(packed),
            error_kind=error_kind,
            error=error,
            latency=latency,
            seconds=seconds,
            cost=None if known is None else Decimal(known),
            model=model,
            scores=scores,
        )

    def raw(self, item: int, lane: Lane, repetition: int = 1) -> str | None:
        """A vendor's whole answer as JSON, where it was kept."""
        for number, each in self._lanes.items():
            if each == lane:
                for (packed,) in self._store.rows(_RAW, (item, number, repetition)):
                    return None if packed is None else unpacked(packed)
        return None

    def rescored(
        self,
        services: Services,
        now: datetime,
        command: str,
        plan: Plan | None = None,
        progress: Callable[[int], None] = lambda _: None,
    ) -> BenchResult:
        """Score the kept answers again, by today's definitions and prices, and write ``result.json`` anew.

        :param plan: another one's scoring, workload and prices; None: the run's own.

        Raises :class:`~broker.errors.BadInput` while another process works on the run.
        """
        used = self.plan() if plan is None else plan
        self._store.take()
        try:
            return self._rescored(used, services, now, command, progress)
        finally:
            self._store.leave()

    def _rescored(
        self,
        used: Plan,
        services: Services,
        now: datetime,
        command: str,
        progress: Callable[[int], None],
    ) -> BenchResult:
        facts = facts_of(
            self._store,
            now,
            left_out=tuple(json.loads(self._store.get("left_out") or "[]")),
            command=command,
            finished=self._store.get("finished") is not None,
        )
        made = outcome(used, self._store, services, facts, progress)
        write_result(self.folder, made)
        return made

    def looked_at(self, services: Services, progress: Callable[[int], None] = lambda _: None) -> ReadAgain:
        """Whether its kept answers would be read otherwise today, as far as vendors' whole answers are there to tell."""
        return look(self._store, Core(services), progress)

    def read_again(self, services: Services, progress: Callable[[int], None] = lambda _: None) -> ReadAgain:
        """From now on its answers are what the vendors' whole answers say today; :meth:`as_given` undoes it.

        Raises :class:`~broker.errors.BadInput` while another process works on the run.
        """
        self._store.take()
        try:
            return read_again(self._store, Core(services), progress)
        finally:
            self._store.leave()

    def as_given(self) -> int:
        """From now on its answers are as they were read when they were given. Returns how many are others again.

        Raises :class:`~broker.errors.BadInput` while another process works on the run.
        """
        self._store.take()
        try:
            return as_given(self._store)
        finally:
            self._store.leave()

    @property
    def reading(self) -> str | None:
        """What must be said of how its answers were read; None: as when they were given."""
        return reading_of(self._store)

    def close(self) -> None:
        """Let go of its file."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _truth(item: StoredItem) -> JsonValue:
    """None where there is none, or what was kept of it is damaged: then scoring says so."""
    with suppress(ValueError):
        truth: JsonValue = json.loads(item.truth or "null")
        return truth
    return None


def open_run(path: str) -> BenchRun:
    """A run by its folder, or by a file in it. Raises :class:`~broker.errors.BadInput` for what is none."""
    return BenchRun(os.path.dirname(path) or "." if os.path.isfile(path) else path)


def latest_run(folder: str = KEPT_IN) -> str:
    """The folder of the newest run with a result. Raises :class:`~broker.errors.BadInput` where there is none."""
    found: list[tuple[float, str]] = []
    bare: list[tuple[float, str]] = []
    try:
        for entry in os.scandir(folder):
            result, answers = os.path.join(entry.path, RESULT), os.path.join(entry.path, FILE)
            if os.path.isfile(result):
                found.append((os.stat(result).st_mtime, entry.path))
            elif os.path.isfile(answers):
                bare.append((os.stat(answers).st_mtime, entry.path))
    except OSError:
        pass
    if not found and bare:
        raise BadInput(
            f"no run in {folder!r} has a result yet; the newest one's answers are kept: type mlbroker bench rescore {max(bare)[1]}"
        )
    if not found:
        raise BadInput(
            f"no run with a result is in {folder!r}; 'mlbroker bench PLAN.toml' makes one, 'mlbroker bench --example' shows one"
        )
    return max(found)[1]


_ANSWERS = """
SELECT question.number, question.lane, question.repetition, question.state, answer.answer, question.error_kind, question.error,
    question.latency, question.seconds, question.known, question.model
FROM question LEFT JOIN answer ON answer.question = question.number
WHERE question.item = ? AND question.state IN (?, ?) ORDER BY question.lane, question.repetition
"""
_SCORES = """
SELECT score.question, metric.id, metric.version, score.parts FROM question JOIN score ON score.question = question.number
JOIN metric ON metric.number = score.metric WHERE question.item = ? ORDER BY metric.number
"""
_RAW = """
SELECT answer.raw FROM question JOIN answer ON answer.question = question.number
WHERE question.item = ? AND question.lane = ? AND question.repetition = ?
"""
