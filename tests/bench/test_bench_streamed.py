"""A result is told from answers that pass one by one: the figures are those of all scores held together, recomputed here."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bench_support import plan_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.bench.kept import Ended, Question, StoredItem
from broker.bench.outcome import Facts, outcome
from broker.bench.result import BenchResult, DataSetFacts, Lane, Origin
from broker.bench.store import Store
from broker.client import Broker
from broker.pipeline.call import Services
from broker.quality import bootstrap, packed
from broker.quality.chance import normal_below, t_quantile
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.quality.metrics.metric import ItemScore, Metric
from broker.quality.paired import mcnemar
from broker.scoring import metrics_of, parse_truth, score, stored_answer
from broker.testing.fake import fake_provider
from broker.types.confidence import Confidence
from broker.types.label import Label, LabelSet
from broker.types.phrase import DetectedLanguage, LanguageSet
from broker.types.sentiment import DocumentSentiment, Polarity, Sentiment

NOW = datetime(2026, 11, 1, tzinfo=UTC)
LEVEL, DELTA = 0.95, 0.02
UNSURE = Confidence.ratio(None)


def _sentiment(word: str) -> DocumentSentiment:
    return DocumentSentiment(document=Sentiment(label=Polarity(word), confidence=UNSURE, name=word))


def _language(tag: str) -> LanguageSet:
    return LanguageSet(languages=(DetectedLanguage(language=tag, code=tag, confidence=UNSURE),))


def _labels(names: str) -> LabelSet:
    return LabelSet(labels=tuple(Label(name=each, confidence=UNSURE) for each in names.split(";")))


OPERATIONS: dict[str, tuple[Any, list[str]]] = {
    "text.sentiment": (_sentiment, ["positive", "negative", "neutral"]),
    "text.detect_language": (_language, ["en", "de"]),
    "vision.label": (_labels, ["cat", "dog", "cat;dog", "car;tree;cat"]),
}


class Asked(NamedTuple):
    """A question: None instead of an answer is a failed call."""

    lane: int
    repetition: int
    item: int
    answer: str | None


class Made(NamedTuple):
    """A run: truths and clusters of its items by number, and what was asked."""

    operation: str
    lanes: int
    items: list[tuple[str, str | None, str | None]]
    asked: list[Asked]
    repetitions: int


@st.composite
def runs(draw: st.DrawFn) -> Made:
    operation = draw(st.sampled_from(sorted(OPERATIONS)))
    words = st.sampled_from(OPERATIONS[operation][1])
    lanes, repetitions = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    items = draw(
        st.lists(
            st.tuples(st.just(""), st.none() | words, st.sampled_from([None, None, "", "a", "b", "item-1"])),
            min_size=1,
            max_size=14,
        )
    )
    named = [(f"item-{n}", truth, cluster) for n, (_, truth, cluster) in enumerate(items)]
    every = [
        (item, lane, repetition)
        for item in range(1, len(items) + 1)
        for lane in range(1, lanes + 1)
        for repetition in range(1, repetitions + 1)
    ]
    answers = draw(st.lists(st.none() | words | st.just("-"), min_size=len(every), max_size=len(every)))
    asked = [
        Asked(lane, repetition, item, answer)
        for (item, lane, repetition), answer in zip(every, answers, strict=True)
        if answer != "-"  # not asked
    ]
    return Made(operation, lanes, named, asked, repetitions)


def told(made: Made, folder: Path, services: Services) -> BenchResult:
    """By the product, from a store."""
    store = Store(str(folder), create=True)
    answer_of = OPERATIONS[made.operation][0]
    with store.together():
        store.put_lanes(
            [
                Lane(name=f"l{n}", provider="x", operation=made.operation, origin=Origin.REPLAYED)
                for n in range(1, made.lanes + 1)
            ]
        )
        store.put_items(
            StoredItem(
                number=number,
                id=name,
                kind="text",
                input="some text",
                truth=None if truth is None else f'"{truth}"',
                stratum=None,
                cluster=cluster,
                tags="{}",
                source=f"row {number}",
            )
            for number, (name, truth, cluster) in enumerate(made.items, 1)
        )
        for lane, repetition, item, answer in reversed(made.asked):  # the order of asking means nothing
            kept = None if answer is None else stored_answer(made.operation, answer_of(answer))
            ended = Ended(ok=answer is not None, answer=kept, latency=0.1 * item if answer else None)
            store.end(Question(lane=lane, repetition=repetition, item=item), ended, NOW)
    plan = plan_of(
        folder,
        f'[[provider]]\nprovider = "one"\n[run]\ncost_cap = "1"\nrepetitions = {made.repetitions}\n',
        f'operations = "{made.operation}"\ndelta = {DELTA}\n[data]\npath = "items.csv"\n',
    )
    data = DataSetFacts(name="d", source="d", snapshot="d", kind="text", items=1, with_truth=1)
    facts = Facts(data=data, left_out=(), command="", started=NOW, ended=NOW, run_id="r", finished=True)
    try:
        return outcome(plan, store, services, facts)
    finally:
        store.close()


class Scored(NamedTuple):
    """One score, with its cluster's name."""

    item: int
    repetition: int
    cluster: str
    score: ItemScore


def scored(made: Made, lane: int) -> dict[str, list[Scored]]:
    """All scores of a lane by metric, in the order of the items."""
    found: dict[str, list[Scored]] = {}
    answer_of = OPERATIONS[made.operation][0]
    for asked in sorted(made.asked, key=lambda each: (each.item, each.repetition)):
        name, truth, cluster = made.items[asked.item - 1]
        if asked.lane != lane or truth is None:
            continue
        answer = None if asked.answer is None else answer_of(asked.answer)
        right = parse_truth(made.operation, truth)
        for metric, each in score(made.operation, answer, right, item=name, provider="x"):
            one = Scored(asked.item, asked.repetition, cluster or name, each)
            found.setdefault(metric.id, []).append(one)
    return found


def drawn_again(of: Any, sums: Sequence[Sequence[float]], most: int) -> list[float]:
    """The cluster bootstrap, with all sums at hand."""
    draw, size = random.Random(bootstrap.SEED), min(len(sums), most)
    found = []
    for _ in range(bootstrap.DRAWS):
        chosen = draw.choices(range(len(sums)), k=size)
        value = of([sum(sums[place][part] for place in chosen) for part in range(len(sums[0]))])
        if value is not None:
            found.append(value)
    centre = of([sum(column) for column in zip(*sums, strict=True)])
    if size < len(sums) and centre is not None:
        found = [centre + math.sqrt(size / len(sums)) * (value - centre) for value in found]
    return sorted(found)


def ends(values: Sequence[float], count: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    if count <= 200:
        tail = normal_below(t_quantile(tail, count - 1) * math.sqrt(count / (count - 1)))
    return bootstrap.quantile(values, tail), bootstrap.quantile(values, 1 - tail)


def by_cluster(rows: Sequence[tuple[str, Sequence[float]]]) -> list[list[float]]:
    sums: dict[str, list[float]] = {}
    for cluster, parts in rows:
        into = sums.setdefault(cluster, [0.0] * len(parts))
        for index, part in enumerate(parts):
            into[index] += part
    return list(sums.values())


def value_of(metric: Metric, rows: Sequence[Sequence[float]]) -> float | None:
    return metric.of([sum(row[part] for row in rows) for part in range(len(metric.parts))])


def check_estimate(metric: Metric, rows: list[Scored], found: Estimate, most: int) -> None:
    """Of these scores, all in memory."""
    assert found.n == len(rows)
    sums = by_cluster([(each.cluster, each.score.parts) for each in rows])
    if metric.binary and len(sums) == len(rows):
        right = sum(each.score.parts[0] for each in rows)
        assert found == share_interval(right, len(rows), LEVEL, estimand=metric.id)
        return
    point = value_of(metric, [each.score.parts for each in rows])
    assert found.point == (None if point is None else pytest.approx(point, abs=1e-12))
    if point is None or len(sums) < 2:
        assert found.low is None
        return
    values = drawn_again(metric.of, sums, most)
    low, high = ends(values, len(sums), LEVEL)
    if low == high:
        assert "all clusters alike" in found.notes[-1]
    else:
        assert (found.low, found.high) == pytest.approx((min(low, point), max(high, point)), abs=1e-12)


def check_pair(metric: Metric, one: list[Scored], other: list[Scored], found: Any, most: int) -> None:
    """Of the items of both, all in memory; a level for all pairs together is asked for by ``found``."""
    of_other = {each.item: each for each in other if each.repetition == 1}
    both = [(each, of_other[each.item]) for each in one if each.repetition == 1 and each.item in of_other]
    assert found.n == len(both)
    clusters = len({each.cluster for each, _ in both})
    if not both:
        assert found.verdict.value == "no_data"
    elif metric.binary and clusters == len(both):
        wins = sum(a.score.parts[0] > b.score.parts[0] for a, b in both)
        losses = sum(a.score.parts[0] < b.score.parts[0] for a, b in both)
        assert (found.wins, found.losses) == (wins, losses)
        assert found.gain == (wins - losses) / len(both)
        assert found.p_value == mcnemar(wins, losses)
    else:
        points = [value_of(metric, [pair[side].score.parts for pair in both]) for side in (0, 1)]
        if None in points or clusters < 2:
            assert found.gain is None
            return
        assert points[0] is not None
        assert points[1] is not None
        sign = 1.0 if metric.higher_is_better else -1.0
        gain = sign * (points[0] - points[1])
        assert found.gain == pytest.approx(gain, abs=1e-12)
        assert found.clusters == clusters
        length = len(metric.parts)

        def difference(parts: Sequence[float]) -> float | None:
            first, second = metric.of(parts[:length]), metric.of(parts[length:])
            return None if first is None or second is None else sign * (first - second)

        sums = by_cluster([(a.cluster, (*a.score.parts, *b.score.parts)) for a, b in both])
        values = drawn_again(difference, sums, most)
        low, high = ends(values, clusters, found.level)
        if not math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-12):
            assert (found.low, found.high) == pytest.approx((min(low, gain), max(high, gain)), abs=1e-12)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("ledger")
    with Broker(
        adapters=[fake_provider(provider="one")], ledger={"path": str(folder / "ledger.db")}
    ) as broker:
        yield broker.core.services


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=runs(), kinds=st.sampled_from([2, 1024]), most=st.sampled_from([4, 2000]))
def test_streamed_figures_are_those_of_all_scores_together(
    tmp_path_factory: pytest.TempPathFactory, services: Services, made: Made, kinds: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "MOST_KINDS", kinds)
        patch.setattr(bootstrap, "MOST_DRAWN", most)
        result = told(made, tmp_path_factory.mktemp("run"), services)
    metrics = {each.id: each for each in metrics_of(made.operation)}
    of_lane = {f"l{lane}": scored(made, lane) for lane in range(1, made.lanes + 1)}
    for lane in result.lanes:
        scores = of_lane[lane.lane.name]
        assert {each.metric for each in lane.quality} == set(scores)
        for quality in lane.quality:
            metric, rows = metrics[quality.metric], scores[quality.metric]
            check_estimate(metric, rows, quality.delivered, most)
            answered = [each for each in rows if not each.score.failed]
            check_estimate(metric, answered, quality.conditional, most)
    pairs = {(each.first, each.second, each.metric): each.comparison for each in result.pairings}
    expected = set()
    for metric in metrics.values():
        having = [
            name
            for name, scores in of_lane.items()
            if any(each.repetition == 1 for each in scores.get(metric.id, ()))
        ]
        for one, other in combinations(having, 2):
            if not metric.ground:
                expected.add((one, other, metric.id))
                found = pairs[one, other, metric.id]
                check_pair(metric, of_lane[one][metric.id], of_lane[other][metric.id], found, most)
    assert set(pairs) == expected
