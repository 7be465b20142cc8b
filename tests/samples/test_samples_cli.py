"""``mlbroker quality status | alarms | erase``, as a person and as a program sees them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from samples_support import a_drawing, a_sample, a_score
from typer.testing import CliRunner

from broker.cli.main import app
from broker.cli.quality_status import _range
from broker.config import load_settings
from broker.ledger.base import SpendQuery
from broker.ledger.sqlite import SqliteLedger
from broker.quality.drift.plan import Watch
from broker.samples.rows import Alarm, Content, SampleQuery, Shadow, Skipped, Stream
from broker.samples.store import SampleStore

Run = Callable[..., Any]
NOW = datetime.now(UTC)
SETTINGS = """
[quality.use_cases.shop]
operation = "vision.label"
gold = "gold"
sampling = { design = "rate", rate = 0.1, second = ["gcp"], budget = "1.00" }
tolerance = { target = 0.9, tolerance = 0.1 }
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SampleStore]:
    made = SampleStore(str(tmp_path / "ledger.quality.db"))
    yield made
    made.close()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "mlbroker.toml").write_text(SETTINGS)

    def asked(*words: str) -> Any:
        return CliRunner().invoke(app, ["quality", *words], env={"COLUMNS": "120"}, catch_exceptions=False)

    return asked


def filled(store: SampleStore) -> list[int]:
    day = NOW.date().isoformat()
    store.write(
        {a_drawing(day=day): (180, 10), a_drawing(day=day, probability=0.0): (20, 0)},
        {("shop", day, Skipped.QUEUE_FULL): 3},
    )
    ids = store.write({}, {}, [(a_sample(f"c{n}", at=NOW, tags={"person": str(n)}), ()) for n in range(10)])
    store.add_scores([a_score(each, each != ids[0]) for each in ids])
    for each in ids[:4]:
        store.add_shadows(each, [Shadow(sample=each, provider="gcp", at=NOW, same=True)], asked=1, agreeing=1)
    store.hold("shop", Decimal("1.00"), Decimal("0.25"), NOW)
    return ids


def test_status_shows_figures_with_intervals(run: Run, store: SampleStore) -> None:
    filled(store)
    shown = run("status")
    assert shown.exit_code == 0
    for words in (
        "90.0% (", "which is no accuracy", "gcp says the same in 100.0% (", "0.25 of 1 USD today", "3 not looked at: queue full",
        "10% of its calls could not have been sampled",
    ):  # fmt: skip
        assert words in shown.output


def test_status_as_json(run: Run, store: SampleStore) -> None:
    filled(store)
    found = json.loads(run("status", "--json").output)
    (use_case,) = found["use_cases"]
    (provider,) = use_case["providers"]
    assert provider["conditional"]["point"] == 0.9
    assert provider["conditional"]["low"] < 0.9 < provider["conditional"]["high"]
    assert (provider["calls"], provider["uncovered"], provider["scored"]) == (200, 20, 10)
    assert use_case["sampling"]["spent_today"] == "0.25"
    assert use_case["skipped"] == {"queue full": 3}
    assert provider["evidence"] is None


def test_without_a_store_nothing_is_made(run: Run, tmp_path: Path) -> None:
    shown = run("status")
    assert shown.exit_code == 0
    assert "no call was sampled yet" in shown.output
    assert list(tmp_path.glob("*.db*")) == []


def test_without_a_use_case_it_says_what_to_write(tmp_path: Path) -> None:
    (tmp_path / "mlbroker.toml").write_text("")
    shown = CliRunner().invoke(app, ["quality", "status"])
    assert shown.exit_code != 0
    assert "[quality.use_cases.NAME.sampling]" in shown.output + str(shown.exception)


def test_an_alarm_is_shown_and_judged(run: Run, store: SampleStore) -> None:
    assert "no alarm went off" in run("alarms").output
    store.write({}, {}, [(a_sample(at=NOW), ())])
    alarm = Alarm(
        use_case="shop", provider="aws", watch=Watch.ERRORS, at=NOW, text="answers fell below 0.800"
    )
    store.advance(
        "shop", "aws", "errors", Stream.ERRORS, NOW, lambda row, items: (row, [alarm] if items else [])
    )
    shown = run("alarms")
    assert "answers fell below 0.800" in shown.output
    assert "not judged" in shown.output
    assert run("alarms", "--judge", "1").exit_code != 0
    assert run("alarms", "--judge", "7", "--was", "true").exit_code != 0
    judged = json.loads(run("alarms", "--judge", "1", "--was", "false", "--by", "ann", "--json").output)
    assert (judged["alarms"][0]["verdict"], judged["alarms"][0]["actor"]) == (False, "ann")


def test_alarms_say_how_often_they_may_be_false_and_what_was_changed(run: Run, store: SampleStore) -> None:
    state = {
        "bar": 0.8,
        "point": 0.9,
        "threshold": 1825.0,
        "per_day": 10.0,
        "sums": [0.0] * 5,
        "seen": 7,
        "alarmed": False,
    }
    changed = {"at": NOW.isoformat(), "before": 3650.0, "after": 1825.0, "evidence": 2.0}
    store.change_evidence(
        "shop", "aws", "errors", NOW, lambda row: replace(row, state={**state, "changes": [changed]})
    )
    shown = run("alarms").output
    assert "1,825 samples" in shown
    assert "shop, aws, errors: its threshold was lowered from 3,650 to 1,825" in shown
    (watch,) = json.loads(run("alarms", "--json").output)["watches"]
    assert watch["threshold"] == 1825.0
    assert len(watch["changes"]) == 1


def test_a_share_of_no_spend_says_why_nothing_is_taken(
    run: Run, store: SampleStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(store)
    path = tmp_path / "ledger.db"
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(path))
    with closing(SqliteLedger(str(path))) as ledger:
        ledger.spend(SpendQuery(by=("kind",)))
    assert "nobody is asked" not in run("status").output
    (tmp_path / "mlbroker.toml").write_text(SETTINGS.replace("second =", 'max_share = "0.1", second ='))
    assert "until its own calls have come to something in USD today" in " ".join(run("status").output.split())


def test_figures_stand_whole_in_a_narrow_terminal(run: Run, store: SampleStore) -> None:
    """Neither a header nor an interval is broken; a figure without one says so."""
    filled(store)
    shown = CliRunner().invoke(app, ["quality", "status"], env={"COLUMNS": "80"}).output.splitlines()
    at, heads = next((at, line) for at, line in enumerate(shown) if line.startswith("provider"))
    assert " ".join(heads.split()) == ("provider delivered of answers answered calls recorded sampled scored")
    figures, ranges = shown[at + 2], shown[at + 3]
    assert figures.split()[:3] == ["aws", "90.0%", "90.0%"]
    assert len(ranges.split()) == 3
    assert all(each.count("-") == 1 for each in ranges.split())
    assert _range({"point": 0.0, "low": None, "high": None}) == "0.0% (no range)"


def test_erasing_says_what_stays(run: Run, store: SampleStore) -> None:
    ids = filled(store)
    until = NOW + timedelta(days=30)
    answer = Content(sample=0, part="answer", kind="application/json", value=b"{}", until=until)
    samples = [each for each in store.samples(SampleQuery(use_case="shop")) if each.id in ids]
    store.write({}, {}, [(each, (answer,)) for each in samples])
    assert run("erase").exit_code != 0
    assert run("erase", "--tag", "person").exit_code != 0
    shown = run("erase", "--tag", "person=3")
    assert "erased: 1 text or picture of 1 sampled call" in shown.output
    assert json.loads(run("erase", "--use-case", "shop", "--json").output)["contents"] == 9


def test_paths_of_gold_begin_at_the_settings_file(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "mlbroker.toml").write_text(SETTINGS)
    found = load_settings(str(folder / "mlbroker.toml"))
    assert found.quality.use_cases["shop"].gold == str(folder / "gold")


def test_the_settings_of_the_page_are_valid(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sampling.md").read_text("utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    (tmp_path / "page.toml").write_text(text)
    found = load_settings(str(tmp_path / "page.toml")).quality.use_cases["receipts"]
    assert found.sampling is not None
    assert found.sampling.second == ("gcp",)
