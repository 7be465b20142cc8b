"""Small data sets on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from broker.datasets import Dataset, Item, Kind, ReadOptions, open_dataset


def written(path: Path, text: str) -> Path:
    """A file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def jsonl(path: Path, *rows: object) -> Path:
    """One object a line."""
    return written(path, "".join(json.dumps(row) + "\n" for row in rows))


def opened(path: Path, **options: Any) -> Dataset:
    """With options by name."""
    if "kind" in options:
        options["kind"] = Kind(options["kind"])
    return open_dataset(path, ReadOptions(**options))


def items(path: Path, **options: Any) -> list[Item]:
    """All of them."""
    return list(opened(path, **options).items())


def truths(path: Path, **options: Any) -> dict[str, Any]:
    """By id."""
    return {item.id: item.truth for item in items(path, **options)}
