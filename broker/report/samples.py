"""Which items are shown side by side: those on which the providers differ most; and what each answered."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from broker.bench.result import BenchResult, Origin
from broker.bench.runs import ItemAnswers, StoredAnswer
from broker.errors import BrokerError
from broker.quality.metrics.metric import ItemScore, Metric
from broker.report.model import Cell, Sample
from broker.scoring import DEFAULTS, ScoringSettings, metrics_of, read_answer, unit_score
from broker.types.view import view_of

MOST = 12


@dataclass(frozen=True, slots=True)
class _Rated:
    """An item and how much its answers differ: failures first, then the spread of scores, then the data set's order."""

    differs: float
    order: int
    item: ItemAnswers

    def __lt__(self, other: _Rated) -> bool:
        return (self.differs, -self.order) < (other.differs, -other.order)


def chosen(
    items: Iterable[ItemAnswers],
    result: BenchResult,
    most: int = MOST,
    settings: ScoringSettings = DEFAULTS,
) -> tuple[tuple[Sample, ...], int]:
    """Samples, and how many items there were. Items pass one by one: memory holds only those that are kept.

    :param settings: those that the run was scored with.
    """
    metrics = _primary(result, settings)
    kept: list[_Rated] = []
    count = 0
    for count, item in enumerate(items, 1):
        rated = _Rated(_differs(item, metrics), count, item)
        if len(kept) < most:
            heapq.heappush(kept, rated)
        elif kept and kept[0] < rated:
            heapq.heapreplace(kept, rated)
    return tuple(_sample(each.item, metrics) for each in sorted(kept, reverse=True)), count


_Metrics = Callable[[str], Metric | None]


def _primary(result: BenchResult, settings: ScoringSettings) -> _Metrics:
    """From an operation to the metric that its verdicts rest on, where it is still defined as it was."""
    wanted = {lane.lane.operation: lane.primary for lane in result.lanes if lane.primary is not None}

    def find(operation: str) -> Metric | None:
        primary = wanted.get(operation)
        if primary is None:
            return None
        known = (
            each
            for each in metrics_of(operation, settings)
            if (each.id, each.version) == (primary.metric, primary.version)
        )
        return next(known, None)

    return find


def _scored(answer: StoredAnswer, metrics: _Metrics) -> float | None:
    """0..1, 1 is best; None: not scored, or by a metric that has another definition now."""
    metric = metrics(answer.lane.operation)
    if metric is None:
        return None
    for name, version, parts in answer.scores:
        if (name, version) == (metric.id, metric.version):
            return unit_score(metric, ItemScore(item="", parts=parts, failed=not answer.ok))
    return None


def _differs(item: ItemAnswers, metrics: _Metrics) -> float:
    firsts = [answer for answer in item.answers if answer.repetition == 1]
    failed = sum(not answer.ok for answer in firsts)
    scores = [each for each in (_scored(answer, metrics) for answer in firsts) if each is not None]
    spread = max(scores) - min(scores) if len(scores) > 1 else 0.0
    worst = 0.01 * (1 - min(scores)) if scores else 0.0
    return spread + worst + (2.0 if 0 < failed < len(firsts) else 0.0)


def _sample(item: ItemAnswers, metrics: _Metrics) -> Sample:
    return Sample(
        id=item.id,
        kind=item.kind,
        input=item.input,
        truth=item.truth,
        cells=tuple(_cell(each, metrics) for each in item.answers if each.repetition == 1),
    )


def _cell(answer: StoredAnswer, metrics: _Metrics) -> Cell:
    view, error = None, ""
    if answer.answer is None:
        error = f"{answer.error_kind or 'failed'}: {answer.error or ''}".removesuffix(": ")
    else:
        try:
            view = view_of(read_answer(answer.lane.operation, answer.answer))
        except BrokerError as problem:
            error = str(problem)
    origin = answer.lane.origin
    return Cell(
        lane=answer.lane.name,
        operation=answer.lane.operation,
        view=view,
        error=error,
        latency=answer.latency if answer.latency is not None else answer.seconds,
        score=_scored(answer, metrics),
        model=answer.model,
        mark="" if origin is Origin.ASKED else origin.value.replace("_", " "),
    )
