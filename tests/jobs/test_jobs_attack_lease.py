"""Two who work on one job: nobody pays twice, nobody's charge is lost, and no lease outlives its use."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from job_support import START, Opens
from job_vendor import PER_SECOND, Tape, Vendor, lost

from broker import BrokerClosed, BrokerError, DeadlineExceeded
from broker.ledger import SqliteLedger, lease
from broker.ledger.base import LedgerBusy
from broker.runtime.virtual import VirtualRuntime
from broker.types.money import Billed

PAID = ("yes", int(4 * PER_SECOND * 10**12))


def rows(path: str) -> list[tuple[str, int | None]]:
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT billed, amount FROM attempt ORDER BY seq").fetchall()


def states(path: str) -> list[tuple[str, str | None]]:
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT state, worker FROM job ORDER BY number").fetchall()


def at(vendor: Vendor, step: str, what: Any) -> None:
    """Something else happens in the midst of the first such step."""

    def trouble(name: str) -> None:
        if name == step and vendor.steps.count(name) == 1:
            what()

    vendor.trouble = trouble


def test_a_job_that_is_just_being_submitted_is_not_cancelled_as_never_sent(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor(polls=3)
    canceller = opened(vendor)
    seen: list[object] = []

    def cancelled() -> None:
        (job,) = canceller.jobs.list()
        with pytest.raises(DeadlineExceeded, match="another program works on this job"):
            seen.append(canceller.jobs.get(job.id).cancel())

    at(vendor, "submit<", cancelled)
    assert opened(vendor).transcription.transcribe(recording).value.text == "well done"
    assert seen == []
    assert len(vendor.made) == 1
    assert rows(ledger_path) == [PAID]


def test_what_cannot_be_stopped_is_still_booked_by_who_waits_for_it(
    opened: Opens, recording: str, ledger_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor(polls=3)
    canceller = opened(vendor)
    monkeypatch.setattr(Tape, "cancel", lambda *_: False)
    answers: list[bool] = []
    at(vendor, "poll<", lambda: answers.append(canceller.jobs.get(canceller.jobs.list()[0].id).cancel()))
    result = opened(vendor).transcription.transcribe(recording)
    assert answers == [False]
    assert result.cost.billed is Billed.YES
    assert rows(ledger_path) == [PAID]
    assert states(ledger_path) == [("done", None)]
    assert vendor.recordings == {}


def test_a_job_cancelled_elsewhere_ends_for_who_waits_for_it(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor(polls=9)
    canceller = opened(vendor)
    answers: list[bool] = []
    at(vendor, "poll<", lambda: answers.append(canceller.jobs.get(canceller.jobs.list()[0].id).cancel()))
    with pytest.raises(BrokerError, match="cancelled"):
        opened(vendor).transcription.transcribe(recording)
    assert answers == [True]
    assert rows(ledger_path) == [("unknown", None)]
    assert states(ledger_path) == [("cancelled", None)]


def test_a_recording_that_arrives_behind_a_cancel_is_taken_away(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()
    canceller = opened(vendor)
    at(vendor, "stage>", lambda: canceller.jobs.get(canceller.jobs.list()[0].id).cancel())
    with pytest.raises(BrokerError):
        opened(vendor).transcription.transcribe(recording)
    assert states(ledger_path) == [("cancelled", None)]
    assert (vendor.made, vendor.recordings) == ([], {})
    assert rows(ledger_path) == []


class Busy(SqliteLedger):
    """Another process writes whenever a lease is to be given up."""

    leaves = 0

    def leave_job(self, row: Any) -> None:
        self.leaves += 1
        if self.leaves % 3:
            raise LedgerBusy("another process writes")
        super().leave_job(row)


def test_a_lease_is_given_up_though_the_ledger_is_busy(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()
    opened(vendor, ledger=Busy(ledger_path)).transcription.start(recording)
    assert states(ledger_path) == [("running", None)]


@pytest.mark.parametrize("minutes", [1, -120])
def test_a_lease_of_another_host_that_is_silent_ends(
    opened: Opens, recording: str, ledger_path: str, minutes: int
) -> None:
    """A container that was killed comes back with another name, and perhaps with a clock that was set right."""
    vendor = Vendor()
    opened(vendor).transcription.start(recording)
    with closing(sqlite3.connect(ledger_path)) as ledger, ledger:
        ledger.execute("UPDATE job SET worker = 'a1b2c3:1:4711#call'")
    clock = VirtualRuntime(START + timedelta(minutes=minutes))
    result = opened(vendor, clock=clock).transcription.transcribe(recording)
    assert result.value.text == "well done"
    assert clock.monotonic() < 1000
    assert rows(ledger_path) == [PAID]


def test_a_lease_of_another_host_that_waits_for_its_job_does_not_end(
    opened: Opens, recording: str, ledger_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = Vendor(polls=90)
    waiting, second = VirtualRuntime(START), opened(vendor)
    taken: list[str | None] = []

    def trouble(name: str) -> None:
        if name != "poll<" or vendor.steps.count(name) % 30:
            return
        with monkeypatch.context() as elsewhere:
            elsewhere.setattr("broker.ledger.owner.socket.gethostname", lambda: "another")
            elsewhere.setattr("broker.ledger.owner.me", lambda: "another:1:1")
            row = SqliteLedger(ledger_path).take_job(
                second.jobs.list()[0].id, "another:1:1#call", waiting.now()
            )
            taken.append(None if row is None else row.worker)

    vendor.trouble = trouble
    opened(vendor, clock=waiting).transcription.transcribe(recording)
    assert waiting.monotonic() > 1800
    assert len(taken) == 3
    assert "another:1:1#call" not in taken
    assert rows(ledger_path) == [PAID]


def test_who_waited_for_a_job_of_another_thread_is_given_its_result(
    opened: Opens, recording: str, ledger_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is taken up, not paid for again."""
    vendor = Vendor()
    broker = opened(vendor)
    job = broker.transcription.start(recording)
    lease.begin(other := lease.worker_of("other"))
    with closing(sqlite3.connect(ledger_path)) as ledger, ledger:
        ledger.execute("UPDATE job SET worker = ?", (other,))
    look = SqliteLedger.take_job

    def taken(self: SqliteLedger, *given: Any, **named: Any) -> Any:
        if other in lease._working:  # the other thread ends between two looks
            lease.end(other)
            job.wait()
        return look(self, *given, **named)

    monkeypatch.setattr(SqliteLedger, "take_job", taken)
    result = broker.transcription.transcribe(recording)
    assert result.value.text == "well done"
    assert result.attempts == ()
    assert len(vendor.made) == 1
    assert rows(ledger_path) == [PAID]


@pytest.mark.parametrize("step", ["poll<", "fetch<", "find<", "nothing"])
def test_a_closed_broker_does_not_wait_on(opened: Opens, recording: str, ledger_path: str, step: str) -> None:
    """Its connections are cut, and a job may take hours."""
    vendor = Vendor(polls=50 if step == "poll<" else 0, lag=50)
    clock = VirtualRuntime(START)
    broker = opened(vendor, clock=clock, settle=3600.0)
    other = lease.worker_of("other")
    if step == "nothing":  # but another thread's job
        opened(vendor).transcription.start(recording)
        lease.begin(other)
        with closing(sqlite3.connect(ledger_path)) as ledger, ledger:
            ledger.execute("UPDATE job SET worker = ?", (other,))
        broker._door.cut()  # as close does to calls of other threads

    def trouble(name: str) -> None:
        if name == "submit>" and step == "find<":
            raise lost()
        if name == step:
            broker._door.cut()
            if step == "fetch<":
                raise lost()

    vendor.trouble = trouble
    with pytest.raises(BrokerClosed):
        broker.transcription.transcribe(recording)
    lease.end(other)
    assert clock.monotonic() < 60
    assert [state for state, _ in states(ledger_path)] == ["submitting" if step == "find<" else "running"]


def test_a_handle_tells_nothing_but_names(opened: Opens, recording: str) -> None:
    job = opened(Vendor()).transcription.start(recording)
    assert set(json.loads(job.to_json())) == {"mlbroker_job", "id", "provider", "operation"}
