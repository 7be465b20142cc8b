"""A week's mix of answers beside the four weeks before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from samples_support import a_sample

from broker.quality.drift.plan import Watch
from broker.samples.mix import watch_mix
from broker.samples.rows import Alarm
from broker.samples.store import SampleStore

NOW = datetime(2026, 6, 29, 3, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = SampleStore(str(tmp_path / "quality.db"))
    yield opened
    opened.close()


def fill(store: SampleStore, days_ago: int, yes: int, no: int, design: str = "rate/1") -> None:
    at = NOW - timedelta(days=days_ago)
    tokens = ["yes"] * yes + ["no"] * no
    store.write(
        {},
        {},
        [
            (a_sample(f"{days_ago}-{design}-{n}", at=at, answer_token=token, design=design), [])
            for n, token in enumerate(tokens)
        ],
    )


def look(store: SampleStore, now: datetime = NOW) -> Alarm | None:
    return watch_mix(store, "shop", "aws", now, false_alarms_a_year=2, streams=1)


def test_the_same_mix_is_no_news(store: SampleStore) -> None:
    fill(store, 20, 200, 200)
    fill(store, 3, 52, 48)
    assert look(store) is None
    assert store.alarms("shop") == []


def test_another_mix_is_an_alarm_that_names_the_way_to_its_cause(store: SampleStore) -> None:
    fill(store, 20, 200, 200)
    fill(store, 3, 95, 5)
    alarm = look(store)
    assert alarm is not None
    assert alarm.watch is Watch.LABEL_MIX
    assert "45.0 points" in alarm.text
    assert "pinned set" in alarm.text
    assert [each.id for each in store.alarms("shop")] == [alarm.id]


def test_it_is_looked_at_once_a_week(store: SampleStore) -> None:
    fill(store, 20, 200, 200)
    fill(store, 3, 95, 5)
    assert look(store) is not None
    assert look(store, NOW + timedelta(days=3)) is None
    assert len(store.alarms("shop")) == 1


def test_too_few_answers_say_nothing(store: SampleStore) -> None:
    fill(store, 20, 200, 200)
    fill(store, 3, 30, 0)
    assert look(store) is None


def test_samples_of_another_design_are_not_compared(store: SampleStore) -> None:
    fill(store, 20, 0, 400, design="rate/1")
    fill(store, 3, 100, 0, design="rate/2")
    assert look(store) is None
