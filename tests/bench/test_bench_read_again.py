"""Scores made again: out of the answers as they were read when they came, or out of the vendors' whole ones as they are read today."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench_support import Sitting, data_set, plan_of

from broker.bench.runs import BenchRun, latest_run, open_run
from broker.bench.session import RESULT
from broker.bench.store import Store
from broker.bench.whole_file import write_whole
from broker.client import Broker
from broker.contract import Context, Reply
from broker.errors import BadInput, MalformedReply
from broker.testing.fake import fake_provider, labels
from broker.types import JsonValue, LabelRequest, LabelSet

ONE = '[[provider]]\nprovider = "one"\n[run]\ncost_cap = "9"\nconcurrency = 1\n'
ITEMS = 6


class Reading:
    """What a provider's adapter makes of its kept answers; it may change, as between two versions."""

    def __init__(self) -> None:
        self.names = {"katze": "Cat", "hund": "Dog"}
        self.asked = 0

    def of(self, raw: Any) -> LabelSet:
        said = raw["says"]
        if said not in self.names:
            raise MalformedReply("nobody knows this word")
        return labels(self.names[said]).payload


def adapter_of(reading: Reading, *, rereads: bool = True, raw: bool = True) -> type[Any]:
    def answer(request: LabelRequest, _context: Context) -> Reply[LabelSet]:
        reading.asked += 1
        said = {"says": "katze" if reading.asked % 2 else "hund"}
        return replace(Reply(payload=reading.of(said)), raw=said if request.raw and raw else None)

    made: type[Any] = fake_provider(answer, provider="one")
    if not rereads:
        return made

    class Rereading(made):  # type: ignore[misc]
        def rereads(self) -> frozenset[str]:
            return frozenset({"vision.label"})

        def reread(self, operation: str, raw: JsonValue, request: Any, /) -> Any:
            assert operation == "vision.label"
            assert request.image.width == 8
            return reading.of(raw)

    return Rereading


@contextmanager
def looked(folder: Path, run: str, adapter: type[Any]) -> Iterator[tuple[BenchRun, Any]]:
    with (
        Broker(adapters=[adapter], ledger={"path": str(folder / "other.db")}) as broker,
        open_run(run) as opened,
    ):
        yield opened, broker.core.services


def delivered(result: Any) -> float:
    (lane,) = result.lanes
    return float(lane.primary.delivered.point)


def test_a_readers_change_is_found_offered_scored_and_undone(tmp_path: Path) -> None:
    data_set(tmp_path, ITEMS)
    reading = Reading()
    adapter = adapter_of(reading)
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])
    assert delivered(done.result) == 0.5
    with looked(tmp_path, done.folder, adapter) as (run, services):
        now = services.runtime.now()
        assert run.looked_at(services).other == 0
        reading.names = {"katze": "Cat", "hund": "Cat"}
        told = run.looked_at(services)
        assert (told.raw, told.looked_at, told.other, told.unreadable) == (ITEMS, ITEMS, ITEMS // 2, 0)
        assert delivered(run.rescored(services, now, "again")) == 0.5, "looking changes nothing"
        assert run.reading is None

        assert run.read_again(services).other == ITEMS // 2
        scored = run.rescored(services, now, "again")
        assert delivered(scored) == 1.0
        assert run.reading is not None
        assert f"{ITEMS // 2} of {ITEMS} say something else than when they were given" in run.reading
        assert run.reading in scored.notes
        assert run.reading in run.result().notes
        assert run.read_again(services).other == ITEMS // 2, (
            "counted against what was given, not against the last reading"
        )
        assert run.looked_at(services).other == 0

        assert run.as_given() == ITEMS // 2
        scored = run.rescored(services, now, "again")
        assert delivered(scored) == 0.5
        assert run.reading is None
        assert not any("whole answers" in note for note in scored.notes)
        assert run.as_given() == 0
    assert reading.asked == ITEMS, "nobody is asked"


def test_what_cannot_be_read_again_stays_and_is_counted_with_the_reason(tmp_path: Path) -> None:
    data_set(tmp_path, ITEMS)
    reading = Reading()
    adapter = adapter_of(reading)
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])
    reading.names = {"katze": "Dog"}
    with looked(tmp_path, done.folder, adapter) as (run, services):
        told = run.read_again(services)
        assert (told.other, told.unreadable) == (ITEMS // 2, ITEMS // 2)
        assert told.why == "one vision.label: nobody knows this word"
        assert "stay as they were (one vision.label: nobody knows this word)" in (run.reading or "")
        assert delivered(run.rescored(services, services.runtime.now(), "again")) == 0.0


def test_a_run_without_whole_answers_says_so(tmp_path: Path) -> None:
    data_set(tmp_path, ITEMS)
    adapter = adapter_of(Reading(), raw=False)
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])
    with looked(tmp_path, done.folder, adapter) as (run, services):
        assert run.looked_at(services).raw == 0
        with pytest.raises(BadInput, match="none of the vendors' whole answers"):
            run.read_again(services)
        assert run.reading is None


def test_an_adapter_that_reads_none_changes_nothing(tmp_path: Path) -> None:
    data_set(tmp_path, ITEMS)
    adapter = adapter_of(Reading(), rereads=False)
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])
    with looked(tmp_path, done.folder, adapter) as (run, services):
        assert run.looked_at(services).unreadable == ITEMS
        with pytest.raises(
            BadInput, match=r"none of the 6 whole answers can be read again.*of one reads no kept answers"
        ):
            run.read_again(services)
        assert run.reading is None


def test_where_none_can_be_read_any_more_the_last_reading_stays(tmp_path: Path) -> None:
    data_set(tmp_path, ITEMS)
    reading = Reading()
    adapter = adapter_of(reading)
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])
    reading.names = {"katze": "Cat", "hund": "Cat"}
    with looked(tmp_path, done.folder, adapter) as (run, services):
        run.read_again(services)
        said = run.reading
        reading.names = {}
        with pytest.raises(BadInput, match="nothing is changed"):
            run.read_again(services)
        assert run.reading == said
        assert delivered(run.rescored(services, services.runtime.now(), "again")) == 1.0


def test_reading_again_that_is_interrupted_changes_nothing(tmp_path: Path) -> None:
    data_set(tmp_path, ITEMS)
    reading = Reading()
    adapter = adapter_of(reading)
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])
    reading.names = {"katze": "Cat", "hund": "Cat"}
    with looked(tmp_path, done.folder, adapter) as (run, services):

        def stop(count: int) -> None:
            if count == 3:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run.read_again(services, stop)
        assert run.reading is None
        assert delivered(run.rescored(services, services.runtime.now(), "again")) == 0.5
        run.read_again(services)
        with pytest.raises(KeyboardInterrupt):
            run.read_again(services, stop)
        assert delivered(run.rescored(services, services.runtime.now(), "again")) == 1.0
        run.as_given()
        assert delivered(run.rescored(services, services.runtime.now(), "again")) == 0.5


def test_scoring_again_leaves_a_run_alone_that_another_process_works_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set(tmp_path, ITEMS)
    adapter = adapter_of(Reading())
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])
    other = Store(done.folder)
    other.take()
    with looked(tmp_path, done.folder, adapter) as (run, services):
        monkeypatch.setattr("broker.ledger.owner.me", lambda: "elsewhere:1:2")
        for work in (
            lambda: run.rescored(services, services.runtime.now(), "again"),
            lambda: run.read_again(services),
            run.as_given,
        ):
            with pytest.raises(BadInput, match="another process"):
                work()
    monkeypatch.undo()
    other.leave()
    other.close()


@pytest.mark.parametrize("text", ["", "{", "null", '{"format": 1}', '{"format": 999}', "\x00" * 40])
def test_a_result_that_cannot_be_read_is_told_how_to_be_made_anew(tmp_path: Path, text: str) -> None:
    data_set(tmp_path, ITEMS)
    adapter = adapter_of(Reading())
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])
    before = json.loads(Path(done.folder, RESULT).read_text("utf-8"))
    Path(done.folder, RESULT).write_text(text, "utf-8")
    with looked(tmp_path, done.folder, adapter) as (run, services):
        with pytest.raises(BadInput) as caught:
            run.result()
        assert f"mlbroker bench rescore {done.folder}" in str(caught.value)
        run.rescored(services, services.runtime.now(), "again")
        assert [each.primary for each in run.result().lanes] == [each.primary for each in done.result.lanes]
    after = json.loads(Path(done.folder, RESULT).read_text("utf-8"))
    assert after["lanes"] == before["lanes"]


def test_a_folder_whose_newest_run_has_no_result_points_to_what_makes_one(tmp_path: Path) -> None:
    data_set(tmp_path, ITEMS)
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter_of(Reading())])
    os.unlink(Path(done.folder, RESULT))
    with (
        open_run(done.folder) as run,
        pytest.raises(BadInput, match=f"type mlbroker bench rescore {done.folder}"),
    ):
        run.result()
    with pytest.raises(BadInput, match=f"type mlbroker bench rescore {done.folder}"):
        latest_run(str(tmp_path / "bench-runs"))
    shutil.rmtree(done.folder)
    with pytest.raises(BadInput, match=r"'mlbroker bench PLAN\.toml' makes one"):
        latest_run(str(tmp_path / "bench-runs"))


def test_a_file_of_a_run_is_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    write_whole(str(path), "first")
    (tmp_path / "result.json.new").write_text("half of what a killed process wro")
    synced: list[int] = []
    really = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), really(handle)))
    write_whole(str(path), "second")
    assert path.read_text() == "second"
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]
    assert len(synced) == 2, "the file, and the folder that has its name"

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(str(path), "third")
    assert path.read_text() == "second"
    assert [each.name for each in tmp_path.iterdir()] == ["result.json"]


def test_a_result_that_finds_no_room_says_what_to_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_set(tmp_path, ITEMS)
    adapter = adapter_of(Reading())
    done = Sitting(tmp_path, plan_of(tmp_path, ONE), [adapter])

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with looked(tmp_path, done.folder, adapter) as (run, services):
        monkeypatch.setattr("broker.bench.whole_file.os.fsync", full)
        with pytest.raises(BadInput, match=r"No space left on device.*mlbroker bench rescore"):
            run.rescored(services, services.runtime.now(), "again")
        monkeypatch.undo()
        assert run.result() == done.result
