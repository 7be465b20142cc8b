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


@pytest.mark.parametrize(("after", "late"), [(0.7, 60), (0.5, 25)])
def test_the_onset_is_near_the_change_or_before_it(after: float, late: int) -> None:
    draw, changed, errors = random.Random(1), 400, []
    for _ in range(60):
        detector, run, place = Detector(bar=0.85, threshold=5000), Run(middle=0.875), 0
        while not detector.alarmed:
            score = float(draw.random() < (0.9 if place < changed else after))
            detector, run = detector.after(score), run.after(score, START + place * HOUR)
            place += 1
        assert run.onset is not None
        errors.append((run.onset - START) / HOUR - changed)
    errors.sort()
    assert abs(median(errors)) <= 20
    assert errors[int(0.9 * len(errors))] <= late  # a delay that is told is seldom too short


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.05, 0.95), st.floats(0.01, 1))
def test_it_is_one_of_the_calls_and_survives_the_store(
    scores: list[float], middle: float, weight: float
) -> None:
    run = Run(middle=middle)
    for place, score in enumerate(scores):
        run = Run.restored(run.after(score, START + place * HOUR, weight).stored())
    if run.onset is None:
        assert run.height <= 0
    else:
        assert START <= run.onset < START + len(scores) * HOUR
        place = round((run.onset - START) / HOUR)
        sums = [sum(middle - each for each in scores[place:end]) for end in range(place + 1, len(scores) + 1)]
        assert min(sums) > -1e-9  # since then it was never made good
    assert Run(middle=middle).onset is None
