"""The quality stated for the local text operations, measured on the data sets.

The floors are a little below what was measured, so that another version of a library may differ slightly.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from measured import Measure
from measured_texts import (
    measure_english,
    measure_entities,
    measure_language,
    measure_phrases,
    measure_pii,
    measure_sentiment,
)

from broker_local import entities

pytestmark = pytest.mark.local_models

Find = Callable[[str], Path]
SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_local.py"


def _values(measures: object) -> dict[str, Measure]:
    return {each.name: each for each in measures}  # type: ignore[attr-defined]


def test_languages(dataset: Find) -> None:
    found = _values(measure_language(dataset("language/udhr")))
    assert found["whole paragraphs: right"].value >= 0.95
    assert found["first 40 characters: right"].value >= 0.93
    assert found["first 40 characters: right of those told"].value >= 0.97
    assert found["first 20 characters: right of those told"].value >= 0.95


def test_other_languages_are_kept_out_and_english_is_not(dataset: Find) -> None:
    found = _values(measure_english(dataset("language/udhr")))
    assert found["other languages refused"].value >= 0.97


def test_sentiment(dataset: Find) -> None:
    found = _values(measure_sentiment(dataset("sentiment/rt-polarity")))
    assert found["the more probable of the two"].value >= 0.72
    assert found["tone right (neutral, mixed are wrong)"].value >= 0.68
    assert found["English let through"].value >= 0.99


def test_personal_data(dataset: Find) -> None:
    found = _values(measure_pii(dataset("pii/synthetic")))
    kinds = {"EMAIL", "PHONE", "CREDIT_CARD", "IP", "IBAN", "URL", "NATIONAL_ID"}
    assert all(found[f"{each} recall"].value == 1 for each in kinds)
    assert all(found[f"{each} precision"].value == 1 for each in kinds)
    assert found["PERSON recall"].right == 0  # names are not looked for, and it is said so


def test_personal_data_in_texts_without_any(dataset: Find) -> None:
    from broker_local import pii

    lines = (dataset("sentiment/rt-polarity") / "sentences.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) > 900
    assert [each for each in lines if pii.detect(each)] == []


def test_entities(dataset: Find) -> None:
    if entities.model() is None:
        pytest.skip(entities.ready())
    found = _values(measure_entities(dataset("entities/wikigold")))
    assert found["PER, LOC, ORG F1"].value >= 0.5


def test_time_of_key_phrases(dataset: Find) -> None:
    (found,) = measure_phrases(dataset("entities/wikigold"))
    assert found.right > 0
    assert found.total is None
    assert found.seconds < 0.05


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [(8, 8, 0.6756, 1.0), (742, 1000, 0.7140, 0.7682), (0, 48, 0.0, 0.0741)],
)
def test_intervals_are_wilsons(right: int, total: int, low: float, high: float) -> None:
    found = Measure("", "", "", right, total, 0.0).interval
    assert found == pytest.approx((low, high), abs=1e-4)


def test_the_command_prints_a_table_and_refuses_what_it_does_not_know(dataset: Find) -> None:
    folder = dataset("pii/synthetic").parents[1]
    run = subprocess.run(
        [sys.executable, SCRIPT, "text.detect_pii"],
        env={"MLBROKER_TEST_DATASETS": str(folder), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "EMAIL recall" in run.stdout
    wrong = subprocess.run(
        [sys.executable, SCRIPT, "vision.smell"], capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert "unknown: vision.smell" in wrong.stderr
