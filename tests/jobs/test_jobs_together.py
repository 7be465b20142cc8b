"""Two programs that have the same recording transcribed at the same time: one job, one charge, two answers."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from job_support import START, sound
from job_vendor import Vendor, tape

from broker import Broker
from broker.runtime.virtual import VirtualRuntime


def test_who_waits_for_a_job_is_given_its_result_though_the_other_program_is_closed(
    tmp_path: Path, recording: str, ledger_path: str
) -> None:
    assert Path(recording).read_bytes() == sound()
    vendor = Vendor(polls=2)
    waits, closed = threading.Event(), threading.Event()

    class Waiting(VirtualRuntime):
        async def sleep(self, seconds: float) -> None:
            waits.set()  # it asked for the job in vain
            assert closed.wait(60)
            await super().sleep(seconds)

    answers: list[str] = []

    def second() -> None:
        with Broker(runtime=Waiting(START), adapters=[tape(vendor)], provider="tape") as broker:
            answers.append(broker.transcription.transcribe(recording).value.text)

    def trouble(step: str) -> None:
        if step == "poll<" and vendor.steps.count(step) == 1:
            thread.start()
            assert waits.wait(60)

    thread = threading.Thread(target=second)
    vendor.trouble = trouble
    with Broker(runtime=VirtualRuntime(START), adapters=[tape(vendor)], provider="tape") as first:
        answers.append(first.transcription.transcribe(recording).value.text)
    closed.set()
    thread.join(60)
    assert answers == ["well done", "well done"]
    assert len(vendor.made) == 1
    with closing(sqlite3.connect(ledger_path)) as ledger:
        assert ledger.execute("SELECT billed FROM attempt").fetchall() == [("yes",)]
        assert ledger.execute("SELECT state FROM job").fetchall() == [("removed",)]
    assert (vendor.jobs, vendor.recordings) == ({}, {})


def test_who_has_started_a_job_that_was_there_is_given_its_result_though_the_other_program_is_closed(
    recording: str,
) -> None:
    vendor = Vendor(polls=2)
    first = Broker(runtime=VirtualRuntime(START), adapters=[tape(vendor)], provider="tape")
    mine = first.transcription.start(recording)
    with Broker(runtime=VirtualRuntime(START), adapters=[tape(vendor)], provider="tape") as other:
        handle = other.transcription.start(recording).to_json()
    assert mine.wait().value.text == "well done"
    first.close()
    with Broker(runtime=VirtualRuntime(START), adapters=[tape(vendor)], provider="tape") as later:
        again = later.jobs.get(handle).wait()
        assert again.value.text == "well done"
        assert again.cost.amount == 0
    assert len(vendor.made) == 1
    assert vendor.recordings == {}
    with Broker(runtime=VirtualRuntime(START), adapters=[tape(vendor)], provider="tape") as tidy:
        assert tidy.jobs.clean() == 1
    assert vendor.jobs == {}


def test_what_another_program_waits_for_is_started_already(recording: str, ledger_path: str) -> None:
    vendor = Vendor(polls=2)
    clock = VirtualRuntime(START)
    found: list[str] = []

    def trouble(step: str) -> None:
        if step == "poll<" and not found:
            with Broker(runtime=clock, adapters=[tape(vendor)], provider="tape") as other:
                found.append(other.transcription.start(recording).id)
                assert clock.slept == []

    vendor.trouble = trouble
    with Broker(runtime=VirtualRuntime(START), adapters=[tape(vendor)], provider="tape") as first:
        assert first.transcription.transcribe(recording).value.text == "well done"
    assert found == vendor.made
