"""What docs/datasets.md and docs/scoring.md show is so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from broker.scoring import DEFAULTS, metrics_of, no_metric, parse_truth, score
from broker.scoring.operations import SCORERS
from broker.scoring.told import scoring_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
DATASETS, SCORING = ((DOCS / name).read_text("utf-8") for name in ("datasets.md", "scoring.md"))
(BLOCK,) = re.findall(r"```jsonl\n(.*?)```", DATASETS, re.DOTALL)
FORMS = [json.loads(line) for line in BLOCK.splitlines()]


def example(page: str, name: str) -> str:
    (code,) = re.findall(rf"<!-- example: {name} -->\n```python\n(.*?)```", page, re.DOTALL)
    return str(code)


def ran(code: str, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form["operation"])
def test_every_form_of_a_truth_is_read(form: dict[str, object]) -> None:
    operation, raw = str(form["operation"]), form["truth"]
    truth = parse_truth(operation, raw)  # type: ignore[arg-type] # it is JSON
    assert score(operation, None, truth, item="a", provider="aws")
    if not isinstance(raw, str):
        assert parse_truth(operation, json.dumps(raw)) == truth  # as a cell of a CSV


def test_every_operation_with_a_metric_has_a_form() -> None:
    assert {form["operation"] for form in FORMS} == {name for name in SCORERS if no_metric(name) is None}


def test_every_metric_is_on_the_page() -> None:
    for operation in SCORERS:
        for metric in metrics_of(operation):
            family = metric.id.rpartition("/")[2] if operation == "vision.analyze" else metric.id
            assert family.partition(":")[0].partition("@")[0] in SCORING, metric.id
        assert operation in SCORING or operation.startswith(("transcription.", "search.")), operation


def test_the_settings_shown_are_settings(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", SCORING, re.DOTALL)
    (tmp_path / "shop.toml").write_text(
        'version = "shop/3"\n[concepts.car]\nany = ["car"]\n', encoding="utf-8"
    )
    found = scoring_settings(tomllib.loads(text), folder=str(tmp_path))
    defaults = {name for name in DEFAULTS.__slots__ if getattr(found, name) == getattr(DEFAULTS, name)}
    assert defaults <= {"face_iou", "k", "object_iou", "pii_kinds", "right_from", "same_from", "text_iou"}


def test_the_examples_run(tmp_path: Path) -> None:
    (tmp_path / "texts.jsonl").write_text(
        '{"id": "a", "text": "Lovely", "truth": "positive", "author": "x"}\n'
    )
    said = ran(example(DATASETS, "datasets"), tmp_path)
    assert "ClassTruth(name='positive')" in said
    assert said.startswith("texts.jsonl@")
    said = ran(example(SCORING, "scoring"), tmp_path)
    assert "concept-f1:everyday/1" in said
