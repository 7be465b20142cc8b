"""From kept answers and truths to scores: no provider is asked, so it can be done again whenever a definition changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, TypeGuard

from broker.bench.kept import State, unpacked
from broker.bench.store import Store
from broker.contract.operations import OPERATIONS
from broker.errors import BadDataset, BadTruth, StoredAnswerUnreadable
from broker.quality.metrics.metric import ItemScore, Metric
from broker.scoring import (
    ScoringSettings,
    Truth,
    metrics_of,
    no_metric,
    parse_truth,
    read_answer,
    same_answer,
    score,
)
from broker.types.json import JsonValue

_ROWS = """
SELECT question.number, question.lane, question.repetition, question.state, item.number, item.id, item.truth, item.source,
    lane.operation, lane.provider, answer.answer
FROM question JOIN item ON item.number = question.item JOIN lane ON lane.number = question.lane
LEFT JOIN answer ON answer.question = question.number
WHERE question.state IN (?, ?) ORDER BY question.item, question.lane, question.repetition
"""
_TOGETHER = 2000


@dataclass(slots=True)
class LaneScores:
    """What is known of one lane's scores; they themselves are in the store.

    :param metrics: those that it has scores by, in the order in which they came. ``first``: those that the first repetition has.
    :param same: items whose answers were all alike over the repetitions, ``differ``: those whose were not.
    """

    metrics: dict[tuple[str, int], Metric] = field(default_factory=dict)
    first: set[tuple[str, int]] = field(default_factory=set)
    same: int = 0
    differ: int = 0


@dataclass(slots=True)
class Scored:
    """All lanes, by number.

    :param numbers: of the metrics, in the store.
    :param agreed: of two lanes of one operation: items that both answered alike, and items that both answered.
    :param notes: truths and answers that could not be used, and operations without a metric.
    """

    lanes: dict[int, LaneScores]
    numbers: dict[tuple[str, int], int]
    notes: tuple[str, ...]
    agreed: dict[tuple[int, int], tuple[int, int]]

    @property
    def names(self) -> tuple[str, ...]:
        """Metrics with their versions."""
        found = {key for lane in self.lanes.values() for key in lane.metrics}
        return tuple(f"{name} (version {version})" for name, version in sorted(found))


def score_run(store: Store, settings: ScoringSettings, progress: Callable[[int], None]) -> Scored:
    """Score every answer and every failed call whose item has a truth; keep the scores in the store, all or none of them.

    :param progress: told how many questions are done.
    """
    with store.together():
        work = _Work(store, settings)
        store.clear_scores()
        for number, row in enumerate(store.rows(_ROWS, (State.ANSWERED, State.FAILED)), 1):
            work.add(row)
            if number % 500 == 0:
                progress(number)
        return work.done()


class _Work:
    """What is going on while rows come, ordered by item."""

    def __init__(self, store: Store, settings: ScoringSettings) -> None:
        self._store = store
        self._settings = settings
        self._lanes = {number: LaneScores() for number in store.lanes()}
        self._operations = {lane.operation for lane in store.lanes().values()}
        self._numbers: dict[tuple[str, int], int] = {}
        self._waiting: list[tuple[int, int, str, bool]] = []
        self._item = -1
        self._truths: dict[str, Truth | None] = {}
        self._answers: dict[int, tuple[object, bool]] = {}
        self._told: dict[str, list[tuple[int, str, Any]]] = {}
        self._agreed: dict[tuple[int, int], tuple[int, int]] = {}
        self._bad: dict[str, tuple[int, str]] = {}
        self._unread = 0

    def add(self, row: tuple[Any, ...]) -> None:
        """One question."""
        number, lane, repetition, state, item, name, truth, where, operation, provider, packed = row
        if item != self._item:
            self._close_item()
            self._item = item
        answer: object = None
        if packed is not None:
            try:
                answer = read_answer(operation, unpacked(packed))
            except StoredAnswerUnreadable:
                self._unread += 1
                return
        if state == State.ANSWERED:
            self._compare(lane, operation, provider, answer)
            if repetition == 1:
                self._told.setdefault(operation, []).append((lane, provider, answer))
        right = self._truth(operation, truth, where)
        if right is None or no_metric(operation) is not None:
            return
        made = score(operation, answer, right, item=name, provider=provider, settings=self._settings)
        into = self._lanes[lane]
        for metric, each in made:
            key = (metric.id, metric.version)
            into.metrics.setdefault(key, metric)
            if repetition == 1:
                into.first.add(key)
            self._keep(number, key, each)

    def _truth(self, operation: str, raw: str | None, where: str) -> Truth | None:
        if raw is None:
            return None
        if operation not in self._truths:
            self._truths[operation] = None
            try:
                given = truth_for(operation, _kept_truth(raw, where))
                if given is None:
                    return None
                self._truths[operation] = parse_truth(operation, given, self._settings, where=where)
            except BadDataset as error:
                count, first = self._bad.get(operation, (0, str(error)))
                self._bad[operation] = (count + 1, first)
        return self._truths[operation]

    def _compare(self, lane: int, operation: str, provider: str, answer: object) -> None:
        """With the first repetition's answer."""
        if lane not in self._answers:
            self._answers[lane] = (answer, True)
            return
        first, alike = self._answers[lane]
        same = same_answer(operation, first, answer, providers=(provider, provider), settings=self._settings)
        self._answers[lane] = (first, alike and same.same is not False)

    def _close_item(self) -> None:
        for lane, (_, alike) in self._answers.items():
            if alike:
                self._lanes[lane].same += 1
            else:
                self._lanes[lane].differ += 1
        for operation, told in self._told.items():
            for (one, first, answer), (other, second, another) in combinations(told, 2):
                found = same_answer(
                    operation, answer, another, providers=(first, second), settings=self._settings
                )
                if found.same is not None:
                    same, both = self._agreed.get((one, other), (0, 0))
                    self._agreed[one, other] = (same + found.same, both + 1)
        self._told.clear()
        self._answers.clear()
        self._truths.clear()

    def _keep(self, question: int, key: tuple[str, int], each: ItemScore) -> None:
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers) + 1
            self._store.put_metric(self._numbers[key], *key)
        self._waiting.append((question, self._numbers[key], json.dumps(each.parts), each.failed))
        if len(self._waiting) >= _TOGETHER:
            self._flush()

    def _flush(self) -> None:
        self._store.put_scores(self._waiting)
        self._waiting = []

    def done(self) -> Scored:
        """Everything."""
        self._close_item()
        self._flush()
        return Scored(
            lanes=self._lanes, numbers=self._numbers, notes=tuple(self._notes()), agreed=self._agreed
        )

    def _notes(self) -> Iterator[str]:
        for operation in sorted(self._operations):
            reason = no_metric(operation)
            if reason is not None:
                yield f"{operation} has no score: {reason.reason}"
        for operation, (count, first) in sorted(self._bad.items()):
            yield f"{count} items have a truth that {operation} cannot use; the first: {first}"
        if self._unread:
            yield f"{self._unread} kept answers cannot be read and are in no score"


def _kept_truth(raw: str, where: str) -> JsonValue:
    try:
        truth: JsonValue = json.loads(raw)
    except ValueError:
        raise BadTruth(f"{where}: what was kept of its truth is damaged") from None
    return truth


def truth_for(operation: str, truth: JsonValue) -> JsonValue:
    """An operation's part of an item's truth: all of it, unless its members are named after operations.

    :param truth: as a data set has it; of a table's cell also as JSON text. None comes back where it says nothing of the operation.
    """
    if isinstance(truth, str) and truth.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            told = json.loads(truth)
            return truth_for(operation, told) if by_operation(told) else truth
    return truth.get(operation) if by_operation(truth) else truth


def by_operation(truth: JsonValue) -> TypeGuard[Mapping[str, JsonValue]]:
    """Whether it says of each operation what is right, by its name."""
    return isinstance(truth, Mapping) and bool(truth) and all(name in OPERATIONS for name in truth)


def order_of(operation: str, settings: ScoringSettings) -> list[tuple[str, int]]:
    """The operation's metrics, the official one first."""
    return [(each.id, each.version) for each in metrics_of(operation, settings)]
