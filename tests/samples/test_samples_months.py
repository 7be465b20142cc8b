"""``mlbroker kpi``: months of a use case out of the ledger and the samples, and what follows from a poor return."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from months_support import call, months, sample
from samples_support import a_drawing, a_sample, a_score
from typer.testing import CliRunner

from broker.cli import standing
from broker.cli.main import app
from broker.ledger.sqlite import SqliteLedger
from broker.quality.metrics.metric import Drawn
from broker.quality.scope import Scope
from broker.quality.switch_state import Cause, Evidence, HardBreach, Policy, State, SwitchOff
from broker.samples.store import SampleStore
from broker.scoring import parse_truth, score
from broker.scoring.score import metrics_of
from broker.scoring.settings import ScoringSettings
from broker.testing.fake import fake_price
from broker.types.confidence import Confidence
from broker.types.sentiment import DocumentSentiment, Polarity, Sentiment

CASE = """[quality]
seed = "a seed of a test, long enough"
[quality.use_cases.shop]
operation = "vision.label"
tags = { team = "shop" }
sampling = { design = "rate", rate = 0.1 }
tolerance = { target = 0.9, tolerance = 0.05 }
[quality.use_cases.shop.value]
right = "0.002"
wrong = "0.001"
planned_per_month = "0.10"
required = 50
windows = 2
"""
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(standing, "now", lambda: datetime(2026, 3, 10, tzinfo=UTC))
    (tmp_path / "mlbroker.toml").write_text(CASE)

    def ran(*words: str, code: int = 0) -> Any:
        found = CliRunner().invoke(app, ["kpi", *words])
        assert found.exit_code == code, found.output
        return json.loads(found.stdout) if "--json" in words else " ".join(found.output.split())

    return ran


def test_the_money_of_a_use_case_is_its_own_calls_month_by_month(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=2, good=30, lost=10)
    call(tmp_path, month=3, good=20)
    call(tmp_path, month=3, good=5, team="atlas")
    february, march = months(run("--json"))
    assert (february["month"], february["complete"], march["complete"]) == ("2026-02", True, False)
    assert (february["calls"], february["answered"], march["calls"]) == (40, 30, 20)
    assert Decimal(february["spend"]) == Decimal("0.030")
    assert Decimal(february["at_risk"]) == Decimal("0.010")  # ten that may have been billed are no zero
    assert Decimal(march["kpis"]["of_plan"]) == Decimal("0.2")
    assert Decimal(march["kpis"]["per_thousand"]) == 1


def test_without_truth_quality_and_return_are_unknown(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=3, good=20)
    (march,) = months(run("--json"))
    assert march["kpis"]["delivered"]["point"] is None
    assert march["kpis"]["per_right"] is None
    assert march["kpis"]["roi"] is None
    assert march["metric"] is None or march["kpis"]["delivered"]["n"] == 0
    assert "no item with truth" in march["unknown"]["delivered"]
    shown = run()
    assert "net return unknown" in shown
    assert "delivered quality unknown" in shown
    assert "break-even accuracy unknown: no item with truth" in shown


def test_quality_cost_of_right_answers_and_return_with_their_intervals(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=3, good=100)
    sample(tmp_path, month=3, right=90, wrong=10)
    (march,) = months(run("--json"))
    told = march["kpis"]
    assert told["delivered"]["point"] == pytest.approx(0.9)
    assert told["delivered"]["low"] < 0.9 < told["delivered"]["high"]
    assert float(told["per_right"]) == pytest.approx(0.1 / 90, rel=1e-6)
    # 90 right at 0.002 less 10 wrong at 0.001 for 0.10 spent
    assert float(told["roi"]["gross"]["point"]) == pytest.approx(170, abs=1)
    assert float(told["roi"]["net"]["point"]) == pytest.approx(70, abs=1)
    assert float(told["roi"]["break_even"]) == pytest.approx(0.002 / 0.003, rel=1e-3)
    assert "net return" in run()


def test_a_return_says_what_may_have_been_billed_besides(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=3, good=100, lost=10)
    sample(tmp_path, month=3, right=90, wrong=10)
    assert "up to $0.01 that may have been billed is in no return" in run()


def test_a_return_below_what_is_required_is_told_to_the_switch_once(run: Run, tmp_path: Path) -> None:
    for month in (1, 2):
        call(tmp_path, month=month, good=100)
        sample(tmp_path, month=month, right=40, wrong=60)
    (case,) = run("--json", "--guard")["use_cases"]
    assert case["required"]["fake"]["breach"] == "hard"
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    try:
        (row,) = ledger.switches()
        assert row.switch is not None
        assert row.switch.state is State.OPEN
        events = len(ledger.switch_events(10))
        run("--guard")
        assert len(ledger.switch_events(10)) == events
    finally:
        ledger.close()


def test_looking_tells_nobody_and_makes_nothing(run: Run, tmp_path: Path) -> None:
    assert "no call of it is in the ledger" in run()
    assert not (tmp_path / "ledger.db").exists()
    for month in (1, 2):
        call(tmp_path, month=month, good=100)
        sample(tmp_path, month=month, right=40, wrong=60)
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    try:
        before = ledger.switch_events(100)
        run()
        assert ledger.switch_events(100) == before
        assert all(each.transition.rule.startswith("stale") for each in before)  # of months without a truth
    finally:
        ledger.close()


def test_slips_are_told(run: Run, tmp_path: Path) -> None:
    assert "there is no use case 'shup'" in run("shup", code=2)
    (tmp_path / "mlbroker.toml").write_text("")
    assert "no use case" in run(code=3)


def poor(tmp_path: Path, *months_of_2026: int) -> None:
    for month in months_of_2026:
        call(tmp_path, month=month, good=100)
        sample(tmp_path, month=month, right=40, wrong=60)


def test_months_of_which_nothing_is_known_are_not_in_a_row_with_others(run: Run, tmp_path: Path) -> None:
    poor(tmp_path, 1)
    call(tmp_path, month=2, good=100)  # nobody looked at an answer
    (case,) = run("--json", "--guard")["use_cases"]
    assert case["required"]["fake"]["breach"] == "unknown"


def test_what_last_month_does_not_show_is_not_told_again(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    poor(tmp_path, 1, 2)
    run("--guard")
    board = CliRunner().invoke(
        app, ["switch", "on", "-u", "shop", "-o", "vision.label", "-p", "fake", "--close", "--reason", "mine"]
    )
    assert board.exit_code == 0, board.output
    monkeypatch.setattr(standing, "now", lambda: datetime(2026, 4, 2, tzinfo=UTC))
    run("--guard", "--months", "6")  # no call in March, as it was off
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    try:
        (row,) = ledger.switches()
        assert row.switch is not None
        assert row.switch.state is State.CLOSED
    finally:
        ledger.close()


def test_the_guard_reads_as_many_months_as_the_settings_want_whatever_is_shown(
    run: Run, tmp_path: Path
) -> None:
    poor(tmp_path, 1, 2)
    call(tmp_path, month=3, good=1)
    (case,) = run("--json", "--guard", "--months", "1")["use_cases"]
    assert case["required"]["fake"]["breach"] == "hard"
    assert [each["month"] for each in case["months"]] == ["2026-03"]


def test_a_provider_that_was_off_for_everybody_was_off_for_this_use_case(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=3, good=10)
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    try:
        off = SwitchOff(actor="ann", reason="r")
        at = datetime(2026, 3, 1, tzinfo=UTC)
        ledger.step_switch(Scope(provider="fake"), off, at, Policy())
        ledger.step_switch(Scope(use_case="else", provider="fake"), off, at, Policy())
    finally:
        ledger.close()
    (march,) = months(run("--json"))
    assert march["kpis"]["in_states"]["forced_open"] == 1.0
    assert "switched off 100.0% of the time" in run().replace("│", "")


def test_what_a_rule_would_have_done_is_not_told_as_done(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=3, good=10)
    ledger = SqliteLedger(str(tmp_path / "ledger.db"))
    try:
        at = datetime(2026, 3, 1, tzinfo=UTC)
        breach = HardBreach(cause=Cause.QUALITY, evidence=Evidence(rule="e-process", since=at))
        ledger.step_switch(
            Scope(use_case="shop", operation="vision.label", provider="fake"), breach, at, Policy()
        )
    finally:
        ledger.close()
    assert "would have been off (observed) 100.0%" in run()


def test_a_return_rests_on_right_answers_and_not_on_macro_f1(run: Run, tmp_path: Path) -> None:
    """Nine in ten are right, and the rare class never is: macro-F1 is far below what the answers are worth."""
    settings = tmp_path / "mlbroker.toml"
    settings.write_text(settings.read_text().replace("vision.label", "text.sentiment"))
    call(tmp_path, month=3, good=100)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as ledger, ledger:
        ledger.execute("UPDATE subject SET operation = 'text.sentiment'")
    at = datetime(2026, 3, 5, tzinfo=UTC)
    facts = {"provider": "fake", "at": at, "operation": "text.sentiment"}
    mood = Sentiment(label=Polarity.POSITIVE, confidence=Confidence.ratio(0.9))
    answer = DocumentSentiment(document=mood, language="en")
    rules = ScoringSettings()
    store = SampleStore(str(tmp_path / "ledger.quality.db"))
    try:
        ids = store.write(
            {a_drawing(provider="fake", day="2026-03-05"): (100, 100)},
            {},
            [(a_sample(str(n), **facts), []) for n in range(100)],
        )
        for n, number in enumerate(ids):
            truth = parse_truth("text.sentiment", "positive" if n < 90 else "negative", rules)
            found = score("text.sentiment", answer, truth, item=str(n), provider="fake", settings=rules)
            store.add_scores(
                [
                    a_score(
                        number, at=at, metric=each.id, version=each.version, official=place == 0,
                        parts=told.parts, unit=float(n < 90), drawn=Drawn(probability=1.0), least=1.0,
                    )
                    for place, (each, told) in enumerate(found)
                ]
            )  # fmt: skip
    finally:
        store.close()
    (march,) = months(run("--json"))
    assert march["kpis"]["delivered"]["point"] < 0.6
    assert float(march["kpis"]["roi"]["gross"]["point"]) == pytest.approx(170, abs=1)
    assert float(march["kpis"]["per_right"]) == pytest.approx(0.1 / 90, rel=1e-6)


def test_what_cost_nothing_has_no_return_and_says_so(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=3, good=100, price=fake_price(free=True))
    sample(tmp_path, month=3, right=90, wrong=10)
    assert "nothing was spent, so there is no return on it" in run()


def test_a_return_on_labels_rests_on_each_picture_s_own_score(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=3, good=100)
    at = datetime(2026, 3, 5, tzinfo=UTC)
    (concepts, *_) = metrics_of("vision.label", ScoringSettings())
    store = SampleStore(str(tmp_path / "ledger.quality.db"))
    try:
        ids = store.write(
            {a_drawing(provider="fake", day="2026-03-05"): (1000, 100)},
            {},
            [(a_sample(str(n), provider="fake", at=at), []) for n in range(100)],
        )
        # Ninety pictures with one concept that is found, ten with twenty of which none is.
        for n, number in enumerate(ids):
            parts = (1.0, 0.0, 0.0) if n < 90 else (0.0, 0.0, 20.0)
            facts = {"metric": concepts.id, "version": concepts.version, "unit": float(n < 90)}
            store.add_scores([a_score(number, at=at, parts=parts, **facts)])
    finally:
        store.close()
    (march,) = months(run("--json"))
    assert march["kpis"]["delivered"]["point"] < 0.6
    assert float(march["kpis"]["roi"]["gross"]["point"]) == pytest.approx(170, abs=1)
    assert march["kpis"]["margin"] == pytest.approx(1.6, abs=1)


def test_what_was_found_stays_known_when_sampling_ends(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=2, good=100)
    sample(tmp_path, month=2, right=90, wrong=10)
    before = months(run("--json"))[0]
    settings = tmp_path / "mlbroker.toml"
    settings.write_text(settings.read_text().replace('sampling = { design = "rate", rate = 0.1 }\n', ""))
    after = months(run("--json"))[0]
    assert before["kpis"]["delivered"]["point"] is not None
    assert after["kpis"]["delivered"] == before["kpis"]["delivered"]
    assert after["kpis"]["roi"] == before["kpis"]["roi"]


def test_each_month_in_json_says_why_what_is_unknown_is(run: Run, tmp_path: Path) -> None:
    call(tmp_path, month=1, good=10)
    call(tmp_path, month=2, good=100)
    sample(tmp_path, month=2, right=90, wrong=10)
    call(tmp_path, month=3, good=3)
    for month in months(run("--json")):
        missing = {
            name
            for name, value in month["kpis"].items()
            if value is None or value == {} or (isinstance(value, dict) and value.get("point", 0) is None)
        }
        assert missing == set(month["unknown"])
    shown = run()
    assert "true alarms came after" not in shown  # there was none, which is known
    assert "agreement (no accuracy) unknown: no second provider is asked" in shown
