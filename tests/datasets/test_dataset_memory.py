"""However many items there are, what is held of them does not grow."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from broker.datasets import Dataset, open_dataset
from broker.datasets.lookup import Lookup
from broker.errors import NotConfigured


def peak_of(dataset: Dataset) -> int:
    tracemalloc.start()
    try:
        dataset.snapshot()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def table(path: Path, count: int) -> Dataset:
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            file.write(
                json.dumps({"id": f"item-{number}", "text": f"text {number}", "truth": "positive"}) + "\n"
            )
    return open_dataset(path)


def test_a_full_disk_is_told_with_what_to_do() -> None:
    with Lookup() as names:
        names._file.execute("PRAGMA max_page_count = 8")
        with pytest.raises(NotConfigured, match="TMPDIR"):
            all(names.add(f"{number:0100}") for number in range(10_000))


def test_a_table_is_read_in_flat_memory(tmp_path: Path) -> None:
    few, many = table(tmp_path / "few.jsonl", 2_000), table(tmp_path / "many.jsonl", 20_000)
    assert peak_of(many) < peak_of(few) + 200_000
