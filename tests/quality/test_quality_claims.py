"""What the method promises, in the words of its tables (``scripts/quality_tables.py``), at a size for every change.

Each table says of each row whether it holds. Here it is reckoned with fewer draws, and then once more with something broken
in it, which the table must say: a proof that cannot fail is none.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import quality_alarm_tables as alarm_tables
import quality_proofs as proofs
import quality_sidecars as sidecars
import quality_tables as tables
import quality_vendor_tables as vendor_tables
import vendor_outputs
from quality_verdicts import FAILS

from broker.quality.drift.detector import Detector
from broker.quality.estimate import Estimate
from broker.quality.intervals import wilson
from broker.quality.metrics.metric import ItemScore, Metric, value
from broker.quality.metrics.normalise import PLAIN
from broker.quality.metrics.words import wer_metric
from broker.quality.stratified import Stratum
from broker.quality.switch import stepped
from broker.quality.switch_state import Event, Policy, ProbeGood, State, Switch, Transition
from broker.quality.votes import VoteModel, dawid_skene

NOWHERE = Path("no-data-needed")
WER = wer_metric(PLAIN)
"""Errors to words, whoever counted them."""


def failing(name: str, runs: int, folder: Path = NOWHERE) -> list[str]:
    """The rows of a table that do not hold; it has some that do or do not."""
    lines = list(tables.TABLES[name](folder, runs))
    assert any(line.endswith(("| holds |", f"| {FAILS} |")) for line in lines)
    return [line for line in lines if FAILS in line]


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("exact", 1),
        ("peeking", 50),
        ("arl", 200),
        ("clusters", 400),
        ("raters", 200),
        ("switch", 150),
        ("oracles", 60),
    ],
)
def test_what_needs_no_data_holds(name: str, runs: int) -> None:
    assert failing(name, runs) == []


@pytest.mark.parametrize(("name", "runs"), [("coverage", 150), ("weights", 60), ("vendors", 1)])
def test_what_is_told_of_real_answers_holds(datasets_folder: Path, name: str, runs: int) -> None:
    assert failing(name, runs, datasets_folder) == []


def test_microsofts_errors_come_within_half_a_point_of_those_published(datasets_folder: Path) -> None:
    """The vendor whose way of writing numbers differs most from the reference's; the others are in the table."""
    calls = vendor_outputs.calls(datasets_folder)
    references = [sidecars.worded(call, synonyms=True) for call in calls]
    published, whole = vendor_tables.EARNINGS["microsoft"]
    stripped = value(WER, vendor_tables.plainly(calls, "microsoft", vendor_tables.STRIPPED))
    scored = value(WER, vendor_tables.as_published(calls, "microsoft", references))
    assert stripped is not None
    assert scored is not None
    assert 100 * scored == pytest.approx(published, abs=0.5)
    assert 100 * stripped == pytest.approx(whole, abs=0.5)  # three points more, without wordings


def test_a_run_that_was_interrupted_reckons_what_is_left(tmp_path: Path) -> None:
    kept = tmp_path / "tables.jsonl"

    def run(*names: str) -> tuple[str, str]:
        script = str(Path(tables.__file__))
        asked = [sys.executable, script, "--data", str(tmp_path), "--runs", "40", "--keep", str(kept), *names]
        done = subprocess.run(asked, capture_output=True, text=True, check=True)
        return done.stdout, done.stderr.splitlines()[0]

    first, told = run("exact")
    assert told == "1 tables to reckon, 0 kept"
    with open(kept, "a", encoding="utf-8") as file:
        file.write('{"name": "switch", "ru')  # killed while it was written
    both, told = run("exact", "switch")
    assert told == "1 tables to reckon, 1 kept"
    assert both.startswith(first)
    assert "## switch" in both
    assert run("exact", "switch") == (both, "0 tables to reckon, 2 kept")


# The same with something broken


def wald(hits: float, n: float, level: float = 0.95) -> Estimate:
    share = hits / n
    half = 1.96 * (share * (1 - share) / n) ** 0.5
    return replace(wilson(hits, n, level), low=share - half, high=share + half)


def test_an_interval_that_is_too_narrow_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "share_interval", wald)
    assert failing("exact", 1)


def test_strata_without_their_weights_fail(monkeypatch: pytest.MonkeyPatch, datasets_folder: Path) -> None:
    def pooled(strata: Sequence[Stratum]) -> Estimate:
        return wilson(sum(each.hits for each in strata), sum(each.n for each in strata))

    monkeypatch.setattr(tables, "stratified", pooled)
    assert failing("coverage", 40, datasets_folder)


def test_a_mean_without_its_weights_fails(monkeypatch: pytest.MonkeyPatch, datasets_folder: Path) -> None:
    def naive(metric: Metric, scores: Sequence[ItemScore]) -> Estimate:
        del metric
        return wilson(sum(score.parts[0] for score in scores), len(scores))

    monkeypatch.setattr(tables, "hajek", naive)
    assert len(failing("weights", 60, datasets_folder)) >= 4


def test_a_detector_that_alarms_too_soon_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(*, bar: float, threshold: float) -> Detector:
        return Detector(bar=bar, threshold=threshold / 4)

    monkeypatch.setattr(alarm_tables, "Detector", hasty)
    assert len(failing("arl", 200)) == 4


def test_words_taken_for_themselves_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def by_word(metric: Metric, files: Sequence[ItemScore], *, draws: int) -> Estimate:
        del metric, draws
        wrong, whole = (sum(file.parts[part] for file in files) for part in (0, 1))
        return wilson(wrong, whole)

    monkeypatch.setattr(tables, "bootstrap", by_word)
    assert failing("clusters", 400)


def test_the_majority_alone_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def majority(votes: dict[str, list[tuple[str, str]]]) -> VoteModel:
        return dawid_skene(votes, rounds=0)

    monkeypatch.setattr(proofs, "dawid_skene", majority)
    assert failing("raters", 200)


def test_a_switch_that_takes_any_good_news_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def trusting(
        switch: Switch, event: Event, now: datetime, policy: Policy
    ) -> tuple[Switch, Transition | None]:
        if isinstance(event, ProbeGood) and switch.state in (State.OPEN, State.HALF_OPEN):
            return Switch(closed_at=now), None
        return stepped(switch, event, now, policy)

    monkeypatch.setattr(proofs, "stepped", trusting)
    assert failing("switch", 20)


def test_a_figure_that_is_off_by_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jiwer", reason="jiwer is not installed")
    monkeypatch.setattr(proofs, "distance", lambda one, other: abs(len(one) - len(other)))
    assert failing("oracles", 20)
