"""Telling a result, telling it again, comparing runs and choosing what a report shows hold a few bytes an item, not its scores."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bench_support import Sitting, data_set, plan_of

from broker.bench import scores
from broker.bench.between import changes
from broker.bench.figures import MOST_KINDS
from broker.bench.runs import BenchRun, open_run
from broker.bench.store import Store
from broker.client import Broker
from broker.errors import BadInput
from broker.ledger import owner
from broker.pipeline.call import Services
from broker.quality import bootstrap
from broker.report.samples import chosen
from broker.testing.fake import fake_provider

FEW, MANY = 800, 2800
REPLAYS = "".join(
    f'[[replay]]\nname = "{name}"\nprovider = "x"\nanswers = "{name}.jsonl"\n' for name in ("one", "two")
)
BYTES = 30
"""An item: clusters' numbers (4), the order in which they came (8), sums of two lanes' parts by cluster (2 each); arrays have some
room. As objects an item's scores took 700."""


def recorded(folder: Path, count: int, **every: Any) -> None:
    """A data set and two recordings that are right about different items of it.

    :param every: more columns, made from the item's number.
    """
    folder.mkdir()
    data_set(folder, count)
    for name, wrong in (("one", 3), ("two", 5)):
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for number in range(count):
                row = {
                    "item": f"item-{number:06}",
                    "answer": ["dog" if number % wrong == 0 else "cat", "animal"],
                    "failed": number % 17 == 0,
                    "latency": 0.1 + number % 97 / 100,
                    **{column: made(number) for column, made in every.items()},
                }
                file.write(json.dumps(row) + "\n")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Runs of few and of many items."""
    made = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "MOST_DRAWN", 20)
        for count in (FEW, MANY):
            folder = tmp_path_factory.mktemp("runs") / "run"
            recorded(folder, count)
            made.append(Sitting(folder, plan_of(folder, REPLAYS), []).folder)
    return made[0], made[1]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    with Broker(adapters=[fake_provider()], ledger={"path": str(path)}) as broker:
        yield broker.core.services


def _peak(work: Callable[[BenchRun], object], folder: str) -> int:
    """Of Python's own memory while it works, above what was there before."""
    with open_run(folder) as run:
        tracemalloc.start()
        try:
            work(run)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("step", ["rescore", "compare", "report"])
def test_telling_holds_a_few_bytes_an_item(
    folders: tuple[str, str], services: Services, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "MOST_DRAWN", 20)

    def compare(run: BenchRun) -> object:
        with open_run(run.folder) as earlier:
            return changes(earlier, run)

    works: dict[str, Callable[[BenchRun], object]] = {
        "rescore": lambda run: run.rescored(services, datetime.now(UTC), ""),
        "compare": compare,
        "report": lambda run: chosen(run.items(), run.result()),
    }
    work = works[step]
    _peak(work, folders[0])  # what is made once and kept
    few, many = (_peak(work, folder) for folder in folders)
    assert many - few < BYTES * (MANY - FEW), f"{(many - few) / (MANY - FEW):.0f} bytes an item"


def test_a_result_is_as_long_for_many_items_as_for_few(folders: tuple[str, str]) -> None:
    few, many = ((Path(folder) / "result.json").stat().st_size for folder in folders)
    assert abs(many - few) < 200


def test_failures_and_models_of_very_many_kinds_are_told_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "MOST_DRAWN", 20)
    recorded(
        tmp_path / "run",
        17 * 70,
        failed=lambda number: number % 17 == 0,
        error=lambda number: f"E{number}",
        model=lambda number: f"m{number // 10:03}",
    )
    lane = Sitting(tmp_path / "run", plan_of(tmp_path / "run", REPLAYS), []).result
    failures = lane.lanes[0].reliability.failures
    assert [each.calls for each in failures] == [1] * MOST_KINDS + [20]
    assert (failures[-1].kind, failures[-1].example) == ("others", "20 more kinds")
    models = [each for each in lane.provenance.models if each.lane == lane.lanes[0].lane.key]
    assert len(models) == MOST_KINDS + 1
    assert models[-1].version == "69 more versions"
    assert sum(each.answers for each in models) == 17 * 70 - 70


def test_scoring_that_is_broken_off_leaves_the_scores_of_before(
    tmp_path: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(tmp_path / "run", 40)
    folder = Sitting(tmp_path / "run", plan_of(tmp_path / "run", REPLAYS), []).folder
    with open_run(folder) as run:
        before = [answer.scores for item in run.items() for answer in item.answers]
        with monkeypatch.context() as patch:
            patch.setattr(scores._Work, "done", _interrupted)
            with pytest.raises(KeyboardInterrupt):
                run.rescored(services, datetime.now(UTC), "")
        assert [answer.scores for item in run.items() for answer in item.answers] == before
        assert all(before)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_whoever_waits_for_a_run_is_told_at_once_who_works_on_it(
    folders: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "alive", lambda who: who == "another")
    one, other = Store(folders[0]), Store(folders[0])
    try:
        one.put("owner", "another")
        with one.together():
            one.put("a long write", "goes on")
            with pytest.raises(BadInput, match="being worked on by another process"):
                other.take()
        one.put("owner", "")
    finally:
        one.close()
        other.close()
