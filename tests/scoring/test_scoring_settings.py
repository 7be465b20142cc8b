"""What scores depend on, as people write it in TOML."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from broker.errors import BadInput
from broker.quality.metrics.moderation import ErrorCosts
from broker.scoring import DEFAULTS, ConceptBars, ModerationPolicy, ScoringSettings, SentimentCuts
from broker.scoring.told import scoring_settings

WHOLE = """
object_kinds = ["car"]
normaliser = "spoken-en/1"
language = "en-US"
object_iou = 0.4
face_iou = 0.2
text_iou = 0.6
k = 5
sentiment_classes = ["negative", "positive"]
mixed_as = "negative"
entity_kinds = ["person"]
pii_kinds = ["email"]
names = { 1 = "positive" }
same_from = 0.7
right_from = 0.9

[concept_bars]
name = "bars/2"
of.aws.car = 0.8

[sentiment_cuts]
name = "cuts/1"
negative = -0.2
positive = 0.3

[moderation]
name = "shop/1"
costs = { let_through = { violence = 10.0 }, stopped = 2.0, default = 3.0, failed = 4.0 }
ratio = 0.7
likelihood = 3
severity = 2
harms = ["violence"]
"""


def test_a_table_says_all_that_there_is(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text(
        'version = "shop/3"\n[concepts.car]\nany = ["car"]\n', encoding="utf-8"
    )
    found = scoring_settings(tomllib.loads('concept_map = "map.toml"\n' + WHOLE), folder=str(tmp_path))
    assert found.concepts.version == "shop/3"
    assert found == ScoringSettings(
        concept_map=found.concept_map,
        concept_bars=ConceptBars(name="bars/2", of={"aws": {"car": 0.8}}),
        object_kinds=frozenset({"car"}),
        normaliser="spoken-en/1",
        language="en-US",
        object_iou=0.4,
        face_iou=0.2,
        text_iou=0.6,
        k=5,
        sentiment_classes=("negative", "positive"),
        mixed_as="negative",
        sentiment_cuts=SentimentCuts(name="cuts/1", negative=-0.2, positive=0.3),
        moderation=ModerationPolicy(
            name="shop/1",
            costs=ErrorCosts(let_through={"violence": 10.0}, stopped=2.0, default=3.0, failed=4.0),
            ratio=0.7,
            likelihood=3,
            severity=2,
            harms=frozenset({"violence"}),
        ),
        entity_kinds=frozenset({"person"}),
        pii_kinds=frozenset({"email"}),
        names={"1": "positive"},
        same_from=0.7,
        right_from=0.9,
    )


def test_an_empty_table_is_the_defaults() -> None:
    assert scoring_settings({}) == DEFAULTS


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"smell": 1}, "scoring: smell"),
        ({"k": "ten"}, "scoring: k"),
        ({"k": 0}, "k is a whole number"),
        ({"normaliser": "mine"}, "normaliser is one of plain/1, spoken-en/1"),
        ({"face_iou": 1.5}, "face_iou lies in"),
        ({"sentiment_classes": ["happy", "sad"]}, "sentiment_classes are"),
        ({"sentiment_classes": ["positive"]}, "sentiment_classes are"),
        ({"mixed_as": "mixed"}, "mixed_as is one of"),
        ({"entity_kinds": ["smell"]}, "entity_kinds are of"),
        ({"pii_kinds": []}, "pii_kinds are of"),
        ({"moderation": {"ratio": 0.9}}, "moderation.name"),
        ({"moderation": {"name": "mine"}}, "has a name and a version"),
        ({"moderation": {"name": "even/1", "ratio": 0.9}}, "give it a name of its own"),
        ({"moderation": {"name": "x/1", "costs": {"stopped": -1}}}, "0 or more"),
        ({"sentiment_cuts": {"name": "x/1", "negative": 0.5, "positive": 0.1}}, "negative before positive"),
        ({"concept_bars": {"name": "x", "of": {}}}, "has a name and a version"),
        ({"concept_map": "nowhere.toml"}, "nowhere.toml cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(table: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput) as caught:
        scoring_settings(table)
    assert says in str(caught.value)


def test_a_concept_map_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text("concepts = 1\n", encoding="utf-8")
    with pytest.raises(BadInput, match="begins with its name and version"):
        scoring_settings({"concept_map": "map.toml"}, folder=str(tmp_path))


def test_thresholds_of_an_account_come_before_its_providers() -> None:
    bars = ConceptBars(name="b/1", of={"aws": {"car": 0.5}, "aws:prod": {"car": 0.9}})
    assert bars.for_provider("aws:prod") == {"car": 0.9}
    assert bars.for_provider("aws:test") == {"car": 0.5}
    assert bars.for_provider("gcp") == {}


def test_nothing_heavy_is_loaded() -> None:
    code = "import broker.scoring, broker.datasets, sys; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert not {"httpx", "anyio", "numpy", "pyarrow", "typer", "boto3"} & set(done.stdout.split())
