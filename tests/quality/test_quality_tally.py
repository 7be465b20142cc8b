"""Scores added up one by one tell what they tell all at once, in a few bytes each."""

from __future__ import annotations

import hashlib
import json
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.quality import packed
from broker.quality.bootstrap import bootstrap, bootstrap_of
from broker.quality.choose import estimate, estimate_tally
from broker.quality.drift.pinned import PinnedAnswer, ReplayTally, behaviour_token, replay
from broker.quality.kpi import latency, latency_at
from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore, Metric, mean_of_parts, right_or_wrong
from broker.quality.packed import MOST_KINDS, PackedRows
from broker.quality.paired import compare, compare_tally
from broker.quality.tally import PairTally, Tally

WER = Metric(
    id="wer",
    version=1,
    parts=("errors", "words"),
    of=mean_of_parts,
    higher_is_better=False,
    best=0.0,
    worst=None,
)
NUMBERS = st.one_of(st.integers(0, 3).map(float), st.floats(-1e6, 1e6))


@given(
    adds=st.lists(
        st.tuples(st.integers(0, 8), st.tuples(NUMBERS, NUMBERS), st.sampled_from([1.0, 0.3])), max_size=40
    ),
    kinds=st.sampled_from([0, 2, MOST_KINDS]),
)
def test_packed_rows_are_the_rows(adds: list[tuple[int, tuple[float, float], float]], kinds: int) -> None:
    rows, model = PackedRows(2), list[list[float]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "MOST_KINDS", kinds)
        for at, row, weight in adds:
            place = min(at, len(model))
            rows.add(place, row, weight)
            if place == len(model):
                model.append([0.0, 0.0])
            model[place] = [old + part * weight for old, part in zip(model[place], row, strict=True)]
            assert len(rows) == len(model)
    if model:
        sums = rows.summing()
        assert [sums([place]) for place in range(len(model))] == model
        assert rows.totals() == [sum(column) for column in zip(*model, strict=True)]
        chosen = random.Random(1).choices(range(len(model)), k=7)
        assert sums(chosen) == [sum(model[place][part] for place in chosen) for part in (0, 1)]


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="two metrics were mixed"):
        PackedRows(2).add(0, (1.0, 2.0, 3.0))


@pytest.mark.parametrize(("kinds", "most"), [(77, 2), (20_000, 3 * 8)])
def test_rows_that_come_again_take_two_bytes_and_others_eight_a_number(kinds: int, most: int) -> None:
    tracemalloc.start()
    try:
        rows = PackedRows(3)
        for place in range(20_000):
            rows.add(place, (place % kinds / 7, 1.0, 2.0))
        held = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held < 1.25 * most * len(rows) + 40_000  # arrays have some room, and kinds are kept once


def scores_of(draw: random.Random, count: int, metric: Metric) -> list[ItemScore]:
    if metric is ACCURACY:
        return [right_or_wrong(f"i{n}", draw.random() < 0.7) for n in range(count)]
    return [
        ItemScore(
            item=f"i{n}",
            parts=(float(draw.randrange(5)), float(draw.randrange(9))),
            drawn=Drawn(cluster=f"c{draw.randrange(count // 3 + 1)}"),
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("metric", [ACCURACY, WER])
def test_what_is_added_up_tells_the_same(metric: Metric) -> None:
    draw = random.Random(3)
    one, other = scores_of(draw, 60, metric), scores_of(draw, 60, metric)
    tally, pairs = Tally(metric), PairTally(metric)
    clusters = list(dict.fromkeys(each.cluster for each in one))
    for first, second in zip(one, other, strict=True):
        tally.add(first.parts, clusters.index(first.cluster))
        pairs.add(first.parts, second.parts, clusters.index(first.cluster))
    assert estimate_tally(tally) == estimate(metric, one)
    assert bootstrap_of(tally) == bootstrap(metric, one)
    assert compare_tally(pairs, 0.05) == compare(metric, one, other, 0.05)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99]))
def test_quantiles_are_told_from_few_places(seconds: list[float], share: float) -> None:
    looked: list[int] = []

    def at(place: int) -> float:
        looked.append(place)
        return sorted(seconds)[place]

    assert latency_at(at, len(seconds), share) == latency(seconds, share)
    assert len(set(looked)) <= 4


def test_replays_are_compared_item_by_item() -> None:
    before = [PinnedAnswer(item=f"{n}", labels=(("cat", 0.9),), right=True) for n in range(5)]
    after = [PinnedAnswer(item=f"{n}", labels=(("dog", None),), right=n > 2, failed=n == 4) for n in range(5)]
    tally = ReplayTally()
    assert tally.told() == replay([], [])
    for one, other in zip(before, after, strict=True):
        tally.add(one, other)
    assert tally.told() == replay(before[::-1], after)
    assert tally.told().token_after == behaviour_token(after[::-1])
    rows = [[f"{n}", None if n == 4 else [["dog", -1]]] for n in range(5)]
    assert tally.told().token_after == hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
    for wrong in (before[0], before[4]):
        with pytest.raises(ValueError, match="came twice, or out of order"):
            tally.add(wrong, wrong)
    with pytest.raises(ValueError, match="to two items"):
        tally.add(PinnedAnswer(item="8", labels=()), PinnedAnswer(item="9", labels=()))
