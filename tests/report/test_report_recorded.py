"""What the ledger and the quality store have recorded comes into a report that asks for it; looking makes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from report_support import DAY

from broker.client import Broker
from broker.config import Settings, load_settings
from broker.quality.drift.pinned import Replay
from broker.quality.drift.plan import Watch
from broker.quality.intervals import share_interval
from broker.quality.metrics.metric import Drawn
from broker.quality.reference import Reference
from broker.report.charts import over_time
from broker.report.document import document
from broker.report.markdown import markdown
from broker.report.model import QualityPoint, Report
from broker.report.recorded import history, windows
from broker.samples.replays import ReplayRow
from broker.samples.rows import Alarm, Drawing, Sample, Score
from broker.samples.start import open_store
from broker.testing.fake import fake_provider, labels

USE_CASE = """
[quality.use_cases.shop]
operation = "vision.label"
tags = { team = "shop" }
sampling = { design = "rate", rate = 1.0 }
"""


def a_sample(item: str, **changes: Any) -> Sample:
    facts: dict[str, Any] = {
        "item": item, "use_case": "shop", "operation": "vision.label", "provider": "one", "model_version": "1",
        "design": "rate/1", "stratum": "", "least": 1.0, "latency": 0.2,
    }  # fmt: skip
    return Sample(**{**facts, **changes})


def a_drawing(**changes: Any) -> Drawing:
    facts: dict[str, Any] = {
        "use_case": "shop", "provider": "one", "model_version": "1", "design": "rate/1", "stratum": "",
        "failed": False,
    }  # fmt: skip
    return Drawing(**{**facts, **changes})


def a_score(sample: int, right: bool, **changes: Any) -> Score:
    facts: dict[str, Any] = {
        "sample": sample, "reference": Reference.GOLD, "metric": "accuracy", "version": 1, "official": True,
        "parts": (float(right), 1.0), "unit": float(right), "at": datetime(2026, 11, 21, tzinfo=UTC), "source": "gold.csv",
    }  # fmt: skip
    return Score(**{**facts, **changes})


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    (tmp_path / "mlbroker.toml").write_text(USE_CASE)
    monkeypatch.chdir(tmp_path)
    return load_settings(None)


def test_nothing_is_looked_at_unless_asked(settings: Settings) -> None:
    found = history(settings, None, DAY)
    assert "not asked for" in found.no_quality
    assert (found.no_quality, found.no_quality) == (found.no_spend, found.no_kpis)


def test_where_nothing_was_recorded_it_says_so_and_nothing_is_made(
    settings: Settings, tmp_path: Path
) -> None:
    before = sorted(each.name for each in tmp_path.iterdir())
    found = history(settings, 30, DAY)
    assert "there is no quality store yet" in found.no_quality
    assert "there is no ledger yet" in found.no_spend
    assert "there is no ledger yet" in found.no_kpis
    assert sorted(each.name for each in tmp_path.iterdir()) == before


def test_spend_and_the_months_figures(settings: Settings, photo: bytes) -> None:
    with Broker(adapters=[fake_provider([labels("Cat")], provider="one")]) as broker:
        for _ in range(3):
            broker.vision.label(photo, provider="one", tags={"team": "shop"})
        broker.vision.label(photo, provider="one")
    today = datetime.now(UTC).date()
    found = history(settings, 30, today)
    (line,) = found.spend
    assert (line.provider, line.operation, line.calls) == ("one", "vision.label", 4)
    assert found.no_spend == ""
    figures = {(each.scope, each.name): each.value for each in found.kpis}
    assert figures["shop, one", "calls"] == "3"
    assert "success" in {name for _, name in figures}
    assert "delivered quality (interval)" not in {
        name for _, name in figures
    }  # nobody has looked: no quality is not good quality


def test_without_use_cases_there_are_no_key_figures(tmp_path: Path, photo: bytes) -> None:
    with Broker(adapters=[fake_provider([labels("Cat")], provider="one")]) as broker:
        broker.vision.label(photo, provider="one")
    found = history(load_settings(None), 30, datetime.now(UTC).date())
    assert "no use case" in found.no_kpis
    assert len(found.spend) == 1


def test_quality_by_windows_that_do_not_overlap(settings: Settings) -> None:
    """Of 20 days each has 10 items with truth; all of the last seven days are wrong, and an alarm went off in them."""
    store = open_store(settings)
    last = date(2026, 11, 21)
    days = [last - timedelta(days=back) for back in range(20)]
    alarm = Alarm(
        use_case="shop", provider="one", watch=Watch.QUALITY, at=datetime(2026, 11, 17, tzinfo=UTC), text="it fell"
    )  # fmt: skip
    try:
        for day in days:
            at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
            samples = [(a_sample(f"{day}-{n}", at=at, probability=1.0, u=0.5), []) for n in range(10)]
            drawn = {a_drawing(day=str(day), probability=1.0): (10, 10)}
            ids = store.write(drawn, {}, samples)
            right = (last - day).days >= 7
            store.add_scores([a_score(each, right, drawn=Drawn(probability=1.0), least=1.0) for each in ids])
        store.add_alarm(alarm)
    finally:
        store.close()
    found = history(settings, 20, last)
    assert [(point.since.day, point.day.day) for point in found.quality] == [
        (day, day) for day in range(2, 22)
    ]
    assert {point.stream for point in found.quality} == {"shop, one (accuracy)"}
    assert [point.estimate.point for point in found.quality] == [1.0] * 13 + [0.0] * 7
    assert [point.day.day for point in found.quality if point.alarmed] == [17]
    by_week = history(settings, 21, last).quality
    assert [(point.since.day, point.day.day, point.estimate.n) for point in by_week] == [
        (1, 7, 60),
        (8, 14, 70),
        (15, 21, 70),
    ]
    assert [point.estimate.point for point in by_week] == [1.0, 1.0, 0.0]
    pytest.importorskip("vl_convert", reason="needs the extra report")
    drawing = over_time(by_week, "history")
    assert drawing is not None
    assert "3 windows, 1 with an alarm" in drawing.said
    assert over_time((), "history") is None


@pytest.mark.parametrize("days", [1, 7, 20, 21, 30, 120, 365, 3660])
def test_windows_cover_all_days_once(days: int) -> None:
    until = date(2026, 11, 21)
    since = until - timedelta(days=days - 1)
    found = windows(since, until)
    covered = [
        first + timedelta(days=number) for first, last in found for number in range((last - first).days + 1)
    ]
    assert covered == [since + timedelta(days=number) for number in range(days)]
    assert len(found) <= 20 or days > 560


def test_each_stream_has_its_panel_and_alarms_are_marked() -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    points = [
        QualityPoint(
            stream=stream,
            since=date(2026, 11, 6),
            day=date(2026, 11, 6),
            estimate=share_interval(90, 100),
            alarmed=stream != "quiet",
        )
        for stream in ("quiet", "loud <b>")
    ]
    drawing = over_time(points, "history")  # one day, and a name that would be markup
    assert drawing is not None
    for picture in (drawing.wide, drawing.narrow):
        texts = [
            "".join(each.itertext()) for each in ElementTree.fromstring(picture).iter() if "text" in each.tag
        ]
        assert {"quiet", "loud <b>"} <= set(texts)
        assert sum("alarm" in each for each in texts) == 1
    assert "2 windows, 1 with an alarm" in drawing.said


def _replayed(day: int, flipped: int) -> ReplayRow:
    return ReplayRow(
        use_case="shop",
        provider="one",
        at=datetime(2026, 11, day, tzinfo=UTC),
        before_at=datetime(2026, 11, day - 1, tzinfo=UTC),
        snapshot="s1",
        run=f"r{day}",
        replay=Replay(
            items=100, judged=0, accuracy_before=None, accuracy_after=None, lost=0, gained=0, p_value=1.0,
            flipped=flipped, failed=0, token_before="a", token_after="b" if flipped else "a",
        ),
        alpha=0.01,
        worse=False,
    )  # fmt: skip


def test_observed_maturity_and_alarms_without_an_estimate(settings: Settings, report: Report) -> None:
    store = open_store(settings)
    try:
        store.add_replay(_replayed(2, 0), None)
        alarm = Alarm(
            use_case="shop",
            provider="one",
            watch=Watch.PINNED,
            at=datetime(2026, 11, 9, tzinfo=UTC),
            text="it moved",
        )
        store.add_replay(_replayed(9, 12), alarm)
    finally:
        store.close()
    found = history(settings, 5, date(2026, 11, 10))
    (seen,) = found.observed
    assert (seen.quarter, seen.runs, seen.changed, seen.items) == (
        "2026 Q4",
        2,
        1,
        100,
    )  # the whole quarter's
    assert seen.flipped is not None
    assert seen.flipped.point == pytest.approx(0.06)
    assert found.no_quality != ""
    text = markdown(replace(report, history=found))
    assert "it moved" in text  # an alarm is told though there is no estimate beside it
    assert "observed maturity" in text
    assert "6.0" in text
    given = document(replace(report, history=found))
    assert given["history"]["observed"][0]["flipped"] == pytest.approx(0.06)
    assert "no pinned set was run twice" in history(settings, 5, date(2027, 2, 1)).no_observed
