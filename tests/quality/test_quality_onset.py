"""Since when it has been worse: near the change, kept as it is, and not made up."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.quality.drift.detector import Detector
from broker.quality.drift.onset import Run

START, HOUR = datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1)


@pytest.mark.parametrize(("after", "off"), [(0.75, 130), (0.7, 60), (0.5, 15)])
def test_the_onset_is_near_the_change(after: float, off: int) -> None:
    draw, changed, errors = random.Random(1), 400, []
    for _ in range(60):
        detector, run, place = Detector(bar=0.85, threshold=5000), Run(baseline=0.9, bar=0.85), 0
        while not detector.alarmed:
            score = float(draw.random() < (0.9 if place < changed else after))
            detector, run = detector.after(score), run.after(score, START + place * HOUR)
            place += 1
        assert run.onset is not None
        errors.append((run.onset - START) / HOUR - changed)
    errors.sort()
    assert abs(median(errors)) <= 20
    assert errors[int(0.9 * len(errors))] <= off
    assert errors[int(0.1 * len(errors))] >= -off


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.5, 1), st.floats(0.05, 0.49), st.floats(0.01, 1))
def test_it_is_one_of_the_calls_and_survives_the_store(
    scores: list[float], baseline: float, bar: float, weight: float
) -> None:
    run = Run(baseline=baseline, bar=bar)
    for place, score in enumerate(scores):
        run = Run.restored(run.after(score, START + place * HOUR, weight).stored())
    if run.onset is None:
        assert max(run.heights) <= 0
    else:
        assert START <= run.onset < START + len(scores) * HOUR
        place = round((run.onset - START) / HOUR)
        ends = range(place + 1, len(scores) + 1)
        assert min(sum(baseline - each for each in scores[place:end]) for end in ends) > -1e-9
    assert Run(baseline=baseline, bar=bar).onset is None
