"""Two runs on the same data set: has a lane changed, and how: quality (paired), answers, speed, cost, model version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from broker.bench.result import BenchResult, Lane, LaneResult
from broker.bench.runs import BenchRun, ItemAnswers, StoredAnswer
from broker.bench.scores import truth_for
from broker.bench.tallies import Clusters
from broker.errors import BadInput, BadTruth, StoredAnswerUnreadable
from broker.quality.choose import estimate_tally
from broker.quality.estimate import Estimate
from broker.quality.metrics.metric import ACCURACY, ItemScore, Metric
from broker.quality.paired import Comparison, compare_tally
from broker.quality.tally import PairTally, Tally
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
from broker.types.markup import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Shown):
    """One lane, later against earlier. What one of the runs does not tell is None.

    :param comparison: of the later to the earlier by the official metric, on the items of both; None without truth.
    :param metric: its id.
    :param flips: share of the items answered in both whose answer is another one now.
    :param p50: seconds, ``per_1000``: cost, each earlier and later.
    :param models: versions seen earlier, and later.
    """

    lane: Lane
    metric: str | None
    comparison: Comparison | None
    flips: Estimate | None
    p50: tuple[float | None, float | None]
    per_1000: tuple[Decimal | None, Decimal | None]
    currency: str
    models: tuple[tuple[str, ...], tuple[str, ...]]


def changes(earlier: BenchRun, later: BenchRun) -> tuple[Change, ...]:
    """Of every lane that both have, scored by the later run's settings.

    Raises :class:`~broker.errors.BadInput` where the runs are of other data, or have no lane in common.
    """
    before, after = earlier.result(), later.result()
    if before.provenance.data.snapshot != after.provenance.data.snapshot:
        raise BadInput(
            f"the runs asked other data ({before.provenance.data.snapshot}, {after.provenance.data.snapshot}), so their figures "
            "cannot be compared item by item"
        )
    common = {each.lane.key: each for each in before.lanes}
    lanes = [each for each in after.lanes if each.lane.key in common]
    if not lanes:
        raise BadInput("the runs have no lane in common; lanes go by their name and operation")
    settings = later.plan().scoring.settings()
    clusters = later.clusters()
    works = {each.lane.key: _Work(each.lane, settings, clusters) for each in lanes}
    for old, new in _together(earlier, later):
        for work in works.values():
            work.add(old, new)
    return tuple(
        works[each.lane.key].change(
            common[each.lane.key], each, before, after, delta=after.delta, level=after.level
        )
        for each in lanes
    )


def _together(earlier: BenchRun, later: BenchRun) -> Iterator[tuple[ItemAnswers, ItemAnswers]]:
    """Items of both, side by side; a run with a limit has fewer."""
    for old, new in zip(earlier.items(), later.items(), strict=False):
        if old.id != new.id:
            raise BadInput("the runs have their items in different orders; one of them was limited otherwise")
        yield old, new


class _Work:
    """One lane while items come."""

    def __init__(self, lane: Lane, settings: ScoringSettings, clusters: Clusters) -> None:
        self._lane = lane
        self._settings = settings
        self._flips = Tally(ACCURACY)
        self._flipped_clusters, self._scored_clusters = clusters.numbered(), clusters.numbered()
        self._tally: PairTally | None = None

    def add(self, old: ItemAnswers, new: ItemAnswers) -> None:
        """One item of both runs."""
        first, second = self._answer(old), self._answer(new)
        if first is None or second is None:
            return
        operation, provider = self._lane.operation, self._lane.provider
        try:
            one = None if first.answer is None else read_answer(operation, first.answer)
            other = None if second.answer is None else read_answer(operation, second.answer)
        except StoredAnswerUnreadable:
            return
        if one is not None and other is not None:
            alike = same_answer(
                operation, one, other, providers=(provider, provider), settings=self._settings
            )
            if alike.same is not None:
                self._flips.add((float(not alike.same), 1.0), self._flipped_clusters.of(new.number))
        given = truth_for(operation, new.truth)
        if given is None or no_metric(operation) is not None:
            return
        try:
            truth = parse_truth(operation, given, self._settings)
        except BadTruth:
            return
        then, now = self._official(one, truth, new.id), self._official(other, truth, new.id)
        if then is not None and now is not None:
            if self._tally is None:
                self._tally = PairTally(now[0])
            self._tally.add(now[1].parts, then[1].parts, self._scored_clusters.of(new.number))

    def _official(self, answer: object, truth: Truth, item: str) -> tuple[Metric, ItemScore] | None:
        """By the official metric; None: the item has no score by it."""
        lane, settings = self._lane, self._settings
        official = metrics_of(lane.operation, settings)[0].id
        made = score(lane.operation, answer, truth, item=item, provider=lane.provider, settings=settings)
        return next((each for each in made if each[0].id == official), None)

    def _answer(self, item: ItemAnswers) -> StoredAnswer | None:
        return next(
            (each for each in item.answers if each.lane.key == self._lane.key and each.repetition == 1), None
        )

    def change(
        self,
        before: LaneResult,
        after: LaneResult,
        old: BenchResult,
        new: BenchResult,
        *,
        delta: float,
        level: float,
    ) -> Change:
        """All that was met."""
        tally = self._tally
        return Change(
            lane=after.lane,
            metric=None if tally is None else tally.metric.id,
            comparison=None if tally is None else compare_tally(tally, delta, level),
            flips=replace(estimate_tally(self._flips, level), estimand="flips") if self._flips.n else None,
            p50=(_p50(before), _p50(after)),
            per_1000=(_per_1000(before), _per_1000(after)),
            currency=after.money.currency if after.money is not None else "USD",
            models=(_models(old, before.lane), _models(new, after.lane)),
        )


def _p50(lane: LaneResult) -> float | None:
    return None if lane.speed.attempt is None else lane.speed.attempt.p50.point


def _per_1000(lane: LaneResult) -> Decimal | None:
    return None if lane.money is None else lane.money.per_1000


def _models(result: BenchResult, lane: Lane) -> tuple[str, ...]:
    return tuple(each.version or "not told" for each in result.provenance.models if each.lane == lane.key)
