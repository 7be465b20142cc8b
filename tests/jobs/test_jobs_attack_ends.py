"""A job whose caller is interrupted, whose ledger fails at any write, or whose time is over: one job and one charge."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from job_support import START, Opens, sound
from job_vendor import PER_SECOND, Vendor, lost, tape

from broker import AsyncBroker, Broker, BrokerError
from broker.errors import LedgerUnavailable
from broker.ledger import SqliteLedger
from broker.ledger.base import LedgerBusy
from broker.runtime.virtual import VirtualRuntime

PAID = ("yes", int(4 * PER_SECOND * 10**12))


def rows(path: str) -> list[tuple[str, int | None]]:
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT billed, amount FROM attempt ORDER BY seq").fetchall()


def states(path: str) -> list[tuple[str, str | None]]:
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT state, worker FROM job ORDER BY number").fetchall()


STEPS = ["stage<", "stage>", "submit<", "submit>", "poll<", "fetch<", "remove_recording<"]


@pytest.mark.parametrize("step", STEPS)
def test_a_cancelled_task_leaves_a_job_that_the_next_call_ends(
    recording: str, ledger_path: str, step: str
) -> None:
    vendor = Vendor(named=True, polls=0)

    async def main() -> None:
        async with AsyncBroker(adapters=[tape(vendor)], provider="tape") as broker:
            loop = asyncio.get_running_loop()
            task = asyncio.ensure_future(broker.transcription.transcribe(recording))

            def trouble(name: str) -> None:
                if name == step and vendor.steps.count(name) == 1:
                    loop.call_soon_threadsafe(task.cancel)

            vendor.trouble = trouble
            with suppress(asyncio.CancelledError):
                await task
            assert all(worker is None for _, worker in states(ledger_path))
            result = await broker.transcription.transcribe(recording)
            assert result.value.text == "well done"

    asyncio.run(main())
    assert len(set(vendor.made)) == len(vendor.made) <= 2
    assert [each for each in rows(ledger_path) if each[0] != "no"] == [PAID] * len(vendor.made)
    if step != "remove_recording<":  # there the result was booked, and may have been handed out
        assert len(vendor.made) == 1
    assert vendor.recordings == {}


def test_tasks_with_one_recording_share_its_job(recording: str, ledger_path: str) -> None:
    vendor = Vendor(polls=0)

    async def main() -> list[Any]:
        async with AsyncBroker(adapters=[tape(vendor)], provider="tape") as broker:
            return await asyncio.gather(*(broker.transcription.transcribe(recording) for _ in range(6)))

    results = asyncio.run(main())
    assert [each.value.text for each in results] == ["well done"] * 6
    assert len(vendor.made) == 1
    assert rows(ledger_path) == [PAID]
    assert sum(each.cost.amount for each in results) == 4 * PER_SECOND


@pytest.mark.parametrize("seconds", [0.1, 1, 3])
@pytest.mark.parametrize("step", STEPS)
def test_a_deadline_at_any_step_loses_nothing(
    opened: Opens, recording: str, ledger_path: str, step: str, seconds: float
) -> None:
    vendor = Vendor(polls=2)
    clock = VirtualRuntime(START)

    def trouble(name: str) -> None:
        if name == step and vendor.steps.count(name) == 1:
            clock.advance(60.0)
            raise lost()

    vendor.trouble = trouble
    first = opened(vendor, clock=clock, settle=60.0)
    with suppress(BrokerError):
        first.transcription.transcribe(recording, deadline=seconds)
    assert {worker for _, worker in states(ledger_path)} == {None}
    vendor.trouble = lambda _step: None
    later = opened(vendor, clock=clock, settle=60.0)
    assert later.transcription.transcribe(recording).value.text == "well done"
    assert len(vendor.made) == 1
    assert [each for each in rows(ledger_path) if each[0] != "no"] == [PAID]


class Failing(SqliteLedger):
    """One write fails: for a moment, or for good."""

    def __init__(self, path: str, number: int, error: type[LedgerUnavailable], *, behind: bool) -> None:
        super().__init__(path)
        self._left = number
        self._error = error
        self._behind = behind

    def _failing(self, name: str, *given: Any, **named: Any) -> Any:
        self._left -= 1
        if self._left == -1 and not self._behind:
            raise self._error(name)
        done = getattr(super(), name)(*given, **named)
        if self._left == -1:
            raise self._error(name)
        return done

    def open_job(self, *given: Any, **named: Any) -> Any:
        return self._failing("open_job", *given, **named)

    def take_job(self, *given: Any, **named: Any) -> Any:
        return self._failing("take_job", *given, **named)

    def write_job(self, *given: Any, **named: Any) -> Any:
        return self._failing("write_job", *given, **named)

    def announce_job(self, *given: Any, **named: Any) -> Any:
        return self._failing("announce_job", *given, **named)

    def settle_job(self, *given: Any, **named: Any) -> Any:
        return self._failing("settle_job", *given, **named)

    def leave_job(self, *given: Any, **named: Any) -> Any:
        return self._failing("leave_job", *given, **named)

    def job_attempt(self, *given: Any, **named: Any) -> Any:
        return self._failing("job_attempt", *given, **named)


@pytest.mark.parametrize(
    ("error", "behind"), [(LedgerBusy, False), (LedgerUnavailable, False), (LedgerUnavailable, True)]
)
@pytest.mark.parametrize("number", range(9))
def test_a_ledger_that_fails_at_any_write_makes_no_second_job(
    opened: Opens, recording: str, ledger_path: str, number: int, error: Any, behind: bool
) -> None:
    vendor = Vendor(polls=1)
    failing = Failing(ledger_path, number, error, behind=behind)
    first = opened(vendor, ledger=failing, settle=60.0)
    answered = None
    with suppress(BrokerError):
        answered = first.transcription.transcribe(recording)
    assert not any(each.worked_on for each in first.jobs.list(ended=True))
    if error is LedgerBusy:
        assert answered is not None
    later = opened(vendor, settle=60.0)
    assert later.transcription.transcribe(recording).value.text == "well done"
    assert len(vendor.made) == 1
    assert [each for each in rows(ledger_path) if each[0] != "no"] == [PAID]
    assert vendor.recordings == {}


def test_many_of_one_recording_are_a_job_and_a_charge_each_time_nobody_waits_for_one(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()
    broker = opened(vendor)
    done = list(broker.transcription.transcribe_many([recording] * 5, concurrency=1))
    assert all(each.result is not None for each in done)
    assert len(vendor.made) == len(set(vendor.made)) == 5
    assert rows(ledger_path) == [PAID] * 5


def test_different_recordings_at_once_are_booked_each(opened: Opens, ledger_path: str) -> None:
    vendor = Vendor()
    sounds = [sound(4 + number / 100) for number in range(12)]
    done = list(opened(vendor).transcription.transcribe_many(sounds, concurrency=4))
    assert [each.error for each in done] == [None] * 12
    assert len(set(vendor.made)) == 12
    assert len(rows(ledger_path)) == 12


def test_a_recording_on_this_machine_that_was_moved_is_found_where_it_is_now(
    tmp_path: Path, ledger_path: str
) -> None:
    """A started job of a file that is not there any more does not stand in the way."""
    from broker_local.speech_jobs import LocalJobs

    first, second = tmp_path / "a.wav", tmp_path / "b \udcff.wav"
    first.write_bytes(sound())
    vendor = Vendor()
    adapter = tape(vendor)

    def heard(request: Any, _context: Any) -> Any:
        return adapter(type("S", (), {"region": None})()).transcribe(request, _context)

    adapter.transcription_jobs = property(lambda _self: LocalJobs(heard))
    with Broker(runtime=VirtualRuntime(START), adapters=[adapter], provider="tape") as broker:
        broker.transcription.start(str(first))
        first.rename(second)
        with pytest.raises(BrokerError, match="no file"):
            broker.transcription.start(str(second)).wait()
        assert broker.transcription.start(str(second)).wait().value.text == "at once"
