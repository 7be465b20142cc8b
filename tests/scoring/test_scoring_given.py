"""Truths of the given data sets are truths of the operations, with the settings that a user would write."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest

from broker.datasets import Kind, ReadOptions, open_dataset
from broker.scoring import ScoringSettings, metrics_of, parse_truth, score
from broker.types.media import Image

SETS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("transcription.transcribe", "transcription/mixed-english/transcripts.csv", {}, {"language": "en"}),
    ("search.query", "search/cranfield/queries.jsonl", {"kind": Kind.QUERY, "truth": "qrels.trec.txt"}, {}),
    (
        "text.sentiment",
        "sentiment/rt-polarity/sentences.csv",
        {},
        {"names": {"1": "positive", "0": "negative"}, "sentiment_classes": ("negative", "positive")},
    ),
    (
        "text.entities",
        "entities/wikigold/wikigold.conll.txt",
        {},
        {"entity_kinds": frozenset({"person", "location", "organization"})},
    ),
    ("text.detect_language", "language/udhr/texts.csv", {"truth": "lang"}, {}),
    ("text.detect_pii", "pii/synthetic/texts.jsonl", {}, {}),
    ("vision.detect_text", "ocr/tesseract-test/lines.csv", {"kind": Kind.IMAGE, "truth": "text"}, {}),
    ("vision.detect_text", "ocr/tesseract-test/images", {"truth": "beside"}, {}),
]


@pytest.mark.parametrize(
    ("operation", "name", "options", "given"), SETS, ids=[name for _, name, _, _ in SETS]
)
def test_every_truth_of_a_given_set_is_one(
    datasets_folder: Path, operation: str, name: str, options: dict[str, Any], given: dict[str, Any]
) -> None:
    settings = ScoringSettings(**given)
    official = metrics_of(operation, settings)
    for item in open_dataset(datasets_folder / name, ReadOptions(**options)).items():
        truth = parse_truth(operation, item.truth, settings, where=item.where)
        scores = score(operation, None, truth, item=item.id, provider="aws", settings=settings)
        assert scores[0][0] in official


def test_faces_of_another_format_become_truths_in_a_few_lines(datasets_folder: Path) -> None:
    folder = datasets_folder / "faces/dlib-faces"
    boxes = 0
    for name in ("training.xml", "testing.xml"):
        for image in ElementTree.parse(folder / name).getroot().iter("image"):
            picture = Image.load(str(folder / "images" / Path(image.attrib["file"]).name))
            truth = parse_truth(
                "vision.detect_faces",
                {
                    "unit": "pixel",
                    "width": picture.width,
                    "height": picture.height,
                    "boxes": [
                        {side: int(box.attrib[side]) for side in ("left", "top", "width", "height")}
                        for box in image.iter("box")
                    ],
                },
            )
            ((_, item),) = score("vision.detect_faces", None, truth, item="a", provider="aws")
            boxes += int(item.parts[2])
    assert boxes == 43
