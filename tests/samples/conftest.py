"""A broker whose calls of one use case are sampled, with gold beside it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from samples_support import picture, use_case

from broker import Broker
from broker.testing.fake import fake_provider, labels

Make = Callable[..., Broker]


@pytest.fixture
def make_sampled(tmp_path: Path) -> Iterator[Make]:
    """Makes brokers with the fake provider ``fake``; all are closed."""
    made: list[Broker] = []

    def make(*, adapters: Any = None, provider: Any = "fake", settings: Any = None, **facts: Any) -> Broker:
        broker = Broker(
            adapters=adapters or [fake_provider([labels("Cat", "Animal")])],
            provider=provider,
            quality={**use_case(**facts), **(settings or {})},
        )
        made.append(broker)
        return broker

    yield make
    for each in made:
        each.close()


@pytest.fixture
def gold(tmp_path: Path) -> str:
    """A data set of 60 pictures, of which the first 45 show a cat and the others a dog."""
    folder = tmp_path / "gold"
    folder.mkdir()
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "truth"])
        for number in range(60):
            (folder / f"{number}.png").write_bytes(picture(number))
            rows.writerow([f"{number}.png", "cat" if number < 45 else "dog"])
    return str(folder)
