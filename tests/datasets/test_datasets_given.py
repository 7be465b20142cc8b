"""The given data sets, as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dataset_support import items, opened

SETS: list[tuple[str, dict[str, Any], int]] = [
    ("vision-label/imagenet-sample", {}, 100),
    ("transcription/mixed-english/transcripts.csv", {"cluster": "speaker"}, 46),
    ("search/cranfield/queries.jsonl", {"kind": "query", "truth": "qrels.trec.txt"}, 150),
    ("sentiment/rt-polarity/sentences.csv", {}, 1000),
    ("entities/wikigold/wikigold.conll.txt", {}, 1696),
    ("language/udhr/texts.csv", {"truth": "lang", "cluster": "udhr_file"}, 195),
    ("pii/synthetic/texts.jsonl", {}, 120),
    ("ocr/tesseract-test/lines.csv", {"kind": "image", "truth": "text"}, 8),
    ("ocr/tesseract-test/images", {"truth": "beside"}, 4),
]


@pytest.mark.parametrize(("name", "options", "count"), SETS, ids=[name for name, _, _ in SETS])
def test_a_given_set_reads_whole(
    datasets_folder: Path, name: str, options: dict[str, Any], count: int
) -> None:
    dataset = opened(datasets_folder / name, **options)
    snapshot = dataset.snapshot()
    assert (snapshot.count, snapshot.with_truth) == (count, count)
    assert snapshot == dataset.snapshot()


def test_mentions_of_wikigold_are_where_they_are_said_to_be(datasets_folder: Path) -> None:
    found = items(datasets_folder / "entities/wikigold/wikigold.conll.txt")
    assert found[0].input.startswith("010 is the tenth album")
    mentions = [
        (item.input[span["begin"] : span["end"]], span["kind"])  # type: ignore[index,call-overload]
        for item in found
        for span in item.truth  # type: ignore[union-attr]
    ]
    assert ("Japanese", "MISC") in mentions
    assert all(text == text.strip() and text for text, _ in mentions)
