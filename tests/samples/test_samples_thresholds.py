"""Thresholds of alarms follow the settings, the streams that share the false alarms, and the pace; what is changed is said."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from samples_support import AT, a_sample

from broker.quality.drift.plan import AlarmPlan, Watch
from broker.samples.drift import BASELINE_ITEMS, Change, changes_of, detector_of, watched
from broker.samples.evidence import Watchman
from broker.samples.plan import Plan
from broker.samples.rows import Alarm, EvidenceRow, StreamItem
from broker.samples.store import SampleStore
from broker.sections_quality import SamplingSettings, UseCaseSettings

HOUR = timedelta(hours=1)
ROW = EvidenceRow(use_case="shop", provider="aws", watch="errors", at=AT)


def plan(a_year: float, streams: int = 1) -> AlarmPlan:
    return AlarmPlan(false_alarms_a_year=a_year, streams={Watch.ERRORS: streams})


def items(
    how_many: int, rate: float, begin: datetime = AT, every: timedelta = HOUR, seed: int = 1
) -> list[StreamItem]:
    draw = random.Random(seed)
    return [
        StreamItem(
            sample=n, at=begin + n * every, unit=float(draw.random() < rate), probability=1.0, least=1.0
        )
        for n in range(how_many)
    ]


def fold(
    row: EvidenceRow, given: Sequence[StreamItem], of: AlarmPlan, now: datetime = AT
) -> tuple[EvidenceRow, list[Alarm]]:
    after, alarms = watched(row, given, Watch.ERRORS, of, 0.05, now)
    return after, list(alarms)


def threshold(row: EvidenceRow) -> float:
    found = detector_of(row.state)
    assert found is not None
    return found.threshold


def evidence(row: EvidenceRow) -> float:
    found = detector_of(row.state)
    assert found is not None
    return found.evidence


def steady(of: AlarmPlan) -> EvidenceRow:
    """A stream with its baseline, and some items behind it."""
    return fold(ROW, items(BASELINE_ITEMS + 20, 0.95), of)[0]


@pytest.mark.parametrize(
    ("after", "times"), [(plan(4.0), 0.5), (plan(1.0), 2.0), (plan(2.0, streams=3), 3.0), (plan(2.0), 1.0)]
)
def test_a_threshold_is_what_the_settings_say_at_the_next_item(after: AlarmPlan, times: float) -> None:
    before = steady(plan(2.0))
    row, _ = fold(before, items(1, 1.0, AT + 200 * HOUR), after, AT + 200 * HOUR)
    assert threshold(row) == pytest.approx(times * threshold(before))
    assert len(changes_of(row)) == (times != 1.0)
    if times != 1.0:
        said = str(changes_of(row)[0])
        assert ("raised" if times > 1 else "lowered") in said
        assert "2026-11-29" in said


def fallen(row: EvidenceRow, of: AlarmPlan, until: float) -> EvidenceRow:
    """After so many bad items that the evidence is above ``until``, with no alarm yet."""
    for n in count():
        row, alarms = fold(row, items(1, 0.5, AT + (300 + n) * HOUR, seed=n), of)
        assert alarms == []
        if evidence(row) > until:
            return row
    raise AssertionError


def test_an_alarm_by_what_came_before_a_threshold_was_lowered_says_so() -> None:
    row = steady(plan(0.05))
    low = threshold(row) * 0.05 / 100
    row = fallen(row, plan(0.05), low)
    row, alarms = fold(row, items(1, 0.0, AT + 3000 * HOUR), plan(100.0), AT + 3000 * HOUR)
    (alarm,) = alarms
    assert "its threshold was lowered from" in alarm.text
    assert "which what was collected before had passed" in alarm.text
    _, again = fold(row, items(5, 0.0, AT + 3001 * HOUR), plan(100.0))
    assert again == []


def test_a_threshold_that_is_raised_needs_more_and_ends_no_alarm_that_went_off() -> None:
    row = steady(plan(2.0))
    row = fallen(row, plan(2.0), threshold(row) / 3)
    row, alarms = fold(row, items(1, 0.0, AT + 3000 * HOUR), plan(0.02))
    assert alarms == []
    row, alarms = fold(row, items(3000, 0.3, AT + 3001 * HOUR), plan(0.02))
    assert len(alarms) == 1
    assert "threshold" not in alarms[0].text  # raising it made nothing easier
    row, _ = fold(row, items(1, 1.0, AT + 9000 * HOUR), plan(0.0001))
    found = detector_of(row.state)
    assert found is not None
    assert found.alarmed


def test_a_stream_that_gets_faster_keeps_its_false_alarms_of_a_year() -> None:
    """A year's samples decide the threshold, so a baseline from a quiet week must not."""
    row = steady(plan(2.0))  # one an hour
    row, _ = fold(row, items(6 * 24 * 31 * 2, 0.95, AT + 200 * HOUR, HOUR / 6), plan(2.0))
    assert threshold(row) == pytest.approx(6 * threshold(steady(plan(2.0))), rel=0.05)


def test_whoever_changes_thresholds_in_mid_run_has_no_more_false_alarms_than_the_lowest_allows() -> None:
    """The worst there is: lowered whenever the evidence is high, by somebody who looks at it. The mean run is as long as the lowest."""
    lowest, highest = 150.0, 1000.0
    runs: list[int] = []
    draw = random.Random(11)
    state: dict[str, Any] = {
        "bar": 0.85, "point": 0.9, "threshold": highest, "per_day": 1.0, "sums": [0.0] * 5, "seen": 0, "alarmed": False,
    }  # fmt: skip
    of = {each: plan(365 / each / 0.1) for each in (lowest, highest)}
    for _ in range(120):
        row = EvidenceRow(use_case="shop", provider="aws", watch="errors", at=AT, state=state)
        for n in count(1):
            looks_good = evidence(row) > lowest * 0.8
            item = StreamItem(
                sample=n, at=AT, unit=float(draw.random() < 0.85), probability=1.0, least=1.0
            )  # at the bar: the least favourable there is
            row, alarms = fold(row, [item], of[lowest if looks_good else highest])
            if alarms or n >= 3000:
                runs.append(n)
                break
    assert sum(runs) / len(runs) >= lowest


def test_a_stream_more_raises_the_thresholds_of_those_that_run(tmp_path: Path) -> None:
    store = SampleStore(str(tmp_path / "quality.db"))
    settings = UseCaseSettings(operation="vision.label", sampling=SamplingSettings(design="rate", rate=0.1))
    assert settings.sampling is not None
    now = AT
    watchman = Watchman(
        store,
        {"shop": Plan("shop", settings, settings.sampling, b"a seed of a test, long enough")},
        board=None,
        notify=lambda _: None,
        now=lambda: now,
        false_alarms_a_year=2.0,
    )

    def came(provider: str, how_many: int) -> None:
        nonlocal now
        for _ in range(how_many):
            now += HOUR
            store.write({}, {}, [(a_sample(f"{provider}{now}", at=now, provider=provider), ())])
        watchman.advance("shop", provider)

    def of(provider: str) -> EvidenceRow:
        rows = store.evidence("shop")
        return next(row for row in rows if (row.provider, row.watch) == (provider, "errors"))

    came("aws", BASELINE_ITEMS + 1)
    alone = threshold(of("aws"))
    came("gcp", BASELINE_ITEMS + 1)
    assert threshold(of("gcp")) == pytest.approx(2 * alone, rel=0.05)
    came("aws", 1)
    assert threshold(of("aws")) == pytest.approx(2 * alone, rel=0.05)
    store.close()


def test_a_change_is_told_in_words() -> None:
    change = Change(at=AT, before=3650.0, after=1825.0, evidence=12.0)
    assert str(change) == "its threshold was lowered from 3,650 to 1,825 on 2026-11-21"
