"""Answers of real vendors to public data sets, as rows of recorded runs; for tests and :mod:`quality_tables`.

Nothing of them is part of this repository: FrugalML (Apache-2.0), Earnings-21 (CC BY-SA 4.0) and LLMDrift (Apache-2.0), in
the folder ``vendor-outputs`` of the given data sets.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from broker.quality.recorded import Recorded, from_rows
from broker.quality.routing import Answered

PROVIDERS = {
    "faces": ("google", "facepp", "microsoft", "github_cnn"),
    "imdb": ("google", "baidu", "amazon", "github_vader"),
    "shop": ("google", "baidu", "amazon", "github_bixin"),
    "speech": ("google", "microsoft", "ibm", "github_deepspeech"),
}
FAMILY = {
    "affectnet": "faces",
    "expw": "faces",
    "ferplus": "faces",
    "imdb": "imdb",
    "shop": "shop",
    "audiomnist": "speech",
    "digit": "speech",
    "fluent": "speech",
}

PUBLISHED = {
    "expw": (66.3, 62.2, 72.8, 56.4),
    "ferplus": (67.7, 68.4, 81.4, 65.1),
    "affectnet": (68.3, 64.1, 72.3, 63.9),
    "imdb": (86.5, 51.6, 79.1, 69.3),
    "shop": (87.8, 92.2, 89.0, 78.0),
    "audiomnist": (88.5, 98.6, 98.3, 92.2),
    "digit": (30.1, 82.7, 74.7, 59.7),
    "fluent": (96.9, 97.5, 88.8, 87.4),
}
"""Accuracies in per cent, in the order of :data:`PROVIDERS`, as the method was measured on the whole sets."""


@cache
def table(folder: Path, name: str) -> list[dict[str, str]]:
    """The wide table of one FrugalML set."""
    with gzip.open(folder / "vendor-outputs" / "frugalml" / f"{name}.csv.gz", "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@cache
def prices(folder: Path) -> dict[tuple[str, str], Decimal]:
    """USD an item, by set and provider."""
    with open(folder / "vendor-outputs" / "frugalml" / "meta.csv", encoding="utf-8") as file:
        return {
            (row["dataset"], row["provider"]): Decimal(row["usd_per_10k_items"]) / 10_000
            for row in csv.DictReader(file)
        }


def rows(folder: Path, name: str, *, sample: int | None = None, seed: int = 1) -> list[Recorded]:
    """One FrugalML set as recorded answers, or so many of its items, drawn alike: the files are sorted by class."""
    return list(from_rows(_long(folder, name, sample, seed)))


def _long(folder: Path, name: str, sample: int | None, seed: int) -> Iterator[dict[str, Any]]:
    cost = prices(folder)
    whole = table(folder, name)
    chosen = (
        range(len(whole))
        if sample is None
        else random.Random(seed).sample(range(len(whole)), min(sample, len(whole)))
    )
    for index in chosen:
        row = whole[index]
        for provider in PROVIDERS[FAMILY[name]]:
            yield {
                "item": str(index),
                "provider": provider,
                "answer": row[f"{provider}.label"],
                "confidence": row.get(f"{provider}.confidence", ""),
                "truth": row["truth"],
                "price": cost[name, provider],
            }


@cache
def rights(folder: Path, name: str, provider: str) -> list[int]:
    """1 where a provider was right, in file order."""
    return [int(row[f"{provider}.correct"]) for row in table(folder, name)]


def routed(folder: Path, name: str) -> tuple[dict[str, list[Answered]], dict[str, Decimal]]:
    """One FrugalML set as answers for cascades, with the prices."""
    cost, providers = prices(folder), PROVIDERS[FAMILY[name]]
    return {
        provider: [
            Answered(right=bool(right), confidence=float(row[f"{provider}.confidence"]))
            for right, row in zip(rights(folder, name, provider), table(folder, name), strict=True)
        ]
        for provider in providers
    }, {provider: cost[name, provider] for provider in providers}


@cache
def calls(folder: Path) -> list[dict[str, Any]]:
    """The given earnings calls: reference, one transcript a vendor, and number verbalisations."""
    with gzip.open(
        folder / "vendor-outputs" / "earnings21" / "transcripts.jsonl.gz", "rt", encoding="utf-8"
    ) as file:
        return [json.loads(line) for line in file]


@cache
def prime(folder: Path) -> list[dict[str, str]]:
    """The PRIME task of LLMDrift."""
    with gzip.open(
        folder / "vendor-outputs" / "llmdrift" / "prime.csv.gz", "rt", encoding="utf-8", newline=""
    ) as file:
        return list(csv.DictReader(file))
