"""What the ledger and the quality store have recorded comes into a report that asks for it; looking makes nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from report_support import DAY

from broker.client import Broker
from broker.config import Settings, load_settings
from broker.quality.drift.pinned import Replay
from broker.quality.drift.plan import Watch
from broker.quality.intervals import share_interval
from broker.report.charts import over_time
from broker.report.document import document
from broker.report.markdown import markdown
from broker.report.model import QualityPoint, Report
from broker.report.recorded import history
from broker.samples.replays import ReplayRow
from broker.samples.rows import Alarm, EstimateRecord
from broker.samples.start import open_store
from broker.testing.fake import fake_provider, labels

USE_CASE = """
[quality.use_cases.shop]
operation = "vision.label"
tags = { team = "shop" }
"""


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


def test_quality_over_time_with_its_estimates(settings: Settings, photo: bytes) -> None:
    with Broker(adapters=[fake_provider([labels("Cat")], provider="one")]) as broker:
        broker.vision.label(photo, provider="one", tags={"team": "shop"})
    store = open_store(settings)
    try:
        store.add_estimates(
            [
                EstimateRecord(
                    use_case="shop",
                    provider="one",
                    estimand=estimand,
                    metric="accuracy",
                    version=1,
                    at=datetime(2026, 11, day, tzinfo=UTC),
                    since=date(2026, 11, day - 6),
                    until=date(2026, 11, day),
                    estimate=share_interval(80 + day, 120),
                )
                for day in (7, 14, 21)
                for estimand in ("delivered", "agreement:two")
            ]
        )
    finally:
        store.close()
    found = history(settings, 10, DAY)
    assert [point.day.day for point in found.quality] == [
        14,
        21,
    ]  # those that are about these days; agreement is no quality
    assert {point.stream for point in found.quality} == {"shop, one (accuracy)"}
    assert found.no_quality == ""
    pytest.importorskip("vl_convert", reason="needs the extra report")
    drawing = over_time(found.quality, "history")
    assert drawing is not None
    assert "2 windows, 0 with an alarm" in drawing.said
    assert over_time((), "history") is None


def test_each_stream_has_its_panel_and_alarms_are_marked() -> None:
    pytest.importorskip("vl_convert", reason="needs the extra report")
    points = [
        QualityPoint(
            stream=stream, day=date(2026, 11, 6), estimate=share_interval(90, 100), alarmed=stream != "quiet"
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
