"""A run whose file was damaged is read as far as it can be, and says what cannot be; it is never called a bug of ours."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from bench_support import Sitting, data_set, plan_of

from broker.bench.between import changes
from broker.bench.kept import StoreUnusable
from broker.bench.runs import open_run
from broker.client import Broker
from broker.pipeline.call import Services
from broker.report.samples import chosen
from broker.testing.fake import fake_provider

ITEMS = 300
PLAN = '[[replay]]\nname = "one"\nprovider = "x"\nanswers = "one.jsonl"\n'


@pytest.fixture
def folder(tmp_path: Path) -> str:
    data_set(tmp_path, ITEMS)
    rows = [{"item": f"item-{n:06}", "answer": ["cat"], "latency": 0.1} for n in range(ITEMS)]
    (tmp_path / "one.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return Sitting(tmp_path, plan_of(tmp_path, PLAN), []).folder


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with Broker(adapters=[fake_provider()], ledger={"path": str(tmp_path / "l.db")}) as broker:
        yield broker.core.services


def test_rows_that_are_damaged_are_told_and_the_others_are_read(folder: str, services: Services) -> None:
    whole = f"{folder}-whole"
    shutil.copytree(folder, whole)
    file = sqlite3.connect(f"{folder}/answers.db")
    with file:
        file.execute("UPDATE answer SET answer = x'00ff' WHERE question = 5")
        file.execute("UPDATE answer SET raw = x'01' WHERE question = 6")
        file.execute("UPDATE score SET parts = '{' WHERE question = 7")
        file.execute("UPDATE item SET truth = '{' WHERE number = 12")
    file.close()
    with open_run(folder) as run, open_run(whole) as before:
        samples, count = chosen(run.items(), run.result(), ITEMS)
        assert count == ITEMS
        (unread,) = [each for each in samples if each.cells[0].error]
        assert unread.id == "item-000004"
        assert "cannot be read" in unread.cells[0].error
        (change,) = changes(before, run)
        assert change.comparison is not None
        assert change.comparison.n == ITEMS - 2
        made = run.rescored(services, datetime.now(UTC), "")
    assert made.lanes[0].quality[0].delivered.n == ITEMS - 2
    notes = " ".join(made.notes)
    assert "1 kept answers cannot be read" in notes
    assert "items.csv, line 13: what was kept of its truth is damaged" in notes


def test_a_damaged_file_is_said_to_be_damaged(folder: str, services: Services) -> None:
    path = Path(folder) / "answers.db"
    made = bytearray(path.read_bytes())
    for place in range(8 * 4096, len(made), 4096):
        made[place : place + 200] = b"\xaa" * 200
    path.write_bytes(made)
    with open_run(folder) as run:
        with pytest.raises(StoreUnusable, match=r"answers\.db is damaged .* --restart"):
            list(run.items())
        with pytest.raises(StoreUnusable, match="is damaged"):
            run.rescored(services, datetime.now(UTC), "")
    path.write_bytes(b"junk")
    with pytest.raises(StoreUnusable, match="is damaged"):
        open_run(folder)


def test_a_run_that_was_moved_is_told_where_it_is(folder: str) -> None:
    shutil.move(folder, f"{folder}-elsewhere")
    with open_run(f"{folder}-elsewhere") as run:
        assert run.result().run.folder == f"{folder}-elsewhere"
