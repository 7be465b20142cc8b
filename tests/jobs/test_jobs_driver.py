"""The way of a long recording: staged, submitted once, waited for, fetched, booked once, tidied away."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal

import pytest
from job_support import START, Opens, sound
from job_vendor import PER_SECOND, Vendor, lost

from broker import BadInput, BudgetExceeded, DeadlineExceeded, ProviderFault, Unavailable, Unsupported
from broker.errors import Outcome
from broker.runtime.virtual import VirtualRuntime
from broker.types.job import JobState


def rows(path: str) -> list[tuple[str, str | None, int | None]]:
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT billed, outcome, amount FROM attempt ORDER BY seq").fetchall()


def states(path: str) -> list[tuple[str, str | None]]:
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT state, worker FROM job ORDER BY number").fetchall()


PAID = ("yes", "done", int(4 * PER_SECOND * 10**12))


def test_a_recording_is_transcribed_and_booked_once(opened: Opens, recording: str, ledger_path: str) -> None:
    vendor = Vendor(polls=3)
    broker = opened(vendor)
    result = broker.transcription.transcribe(recording)
    assert result.value.text == "well done"
    assert result.cost.amount == 4 * PER_SECOND
    assert [each.outcome for each in result.attempts] == [Outcome.DONE]
    assert result.provenance.service == "Tape batch"
    assert rows(ledger_path) == [PAID]
    assert states(ledger_path) == [("done", None)]
    assert vendor.recordings == {}
    assert list(vendor.jobs) == ["job-1"]  # the result is kept for a caller who dies before he has saved it
    broker.close()
    assert vendor.jobs == {}
    assert states(ledger_path) == [("removed", None)]


@pytest.mark.parametrize(("remove", "left"), [("all", (0, 0)), ("recording", (0, 1)), ("nothing", (1, 1))])
def test_what_is_removed_is_the_users_choice(
    opened: Opens, recording: str, remove: str, left: tuple[int, int]
) -> None:
    vendor = Vendor()
    broker = opened(vendor, jobs={"remove": remove})
    broker.transcription.transcribe(recording)
    broker.close()
    assert (len(vendor.recordings), len(vendor.jobs)) == left


def test_what_one_request_takes_is_no_job_unless_it_is_started(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()
    broker = opened(vendor, direct=True)
    short = sound(0.5)
    assert broker.transcription.transcribe(short).value.text == "at once"
    assert broker.transcription.transcribe(recording).value.text == "well done"
    assert broker.transcription.transcribe(short, diarize=True).value.text == "well done"  # only jobs have it
    assert broker.transcription.start(short).wait().value.text == "well done"
    assert len(vendor.made) == 3
    assert len(rows(ledger_path)) == 4


def test_an_estimate_is_of_the_way_that_would_be_taken(opened: Opens, recording: str) -> None:
    broker = opened(Vendor(), direct=True)
    of = broker.estimate.transcription.transcribe
    assert of(recording).candidates[0].lines[0].sku == "tape.batch"
    assert of(sound(0.5)).candidates[0].lines[0].sku == "tape.direct"
    assert of(recording).candidates[0].upper_bound == 4 * PER_SECOND


def test_a_started_job_is_finished_by_its_handle_in_another_broker(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()
    job = opened(vendor).transcription.start(recording)
    assert states(ledger_path) == [("running", None)]
    assert rows(ledger_path) == [("unknown", None, None)]
    later = opened(vendor, clock=VirtualRuntime(START + timedelta(minutes=5)))
    again = later.jobs.get(job.to_json())
    status = again.status()
    assert (status.state, status.provider_state, status.percent) == (JobState.RUNNING, "winding", 10)
    result = again.wait()
    assert result.value.text == "well done"
    assert result.cost.amount == 4 * PER_SECOND
    assert result.attempts[0].latency >= 300
    assert rows(ledger_path) == [PAID]


def test_a_result_is_handed_out_again_without_a_charge(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    broker = opened(Vendor())
    job = broker.transcription.start(recording)
    first, second = job.wait(), job.wait()
    assert (first.cost.amount, second.cost.amount) == (4 * PER_SECOND, 0)
    assert second.value == first.value
    assert second.attempts == ()
    assert rows(ledger_path) == [PAID]


def test_the_same_call_later_is_a_new_job(opened: Opens, recording: str, ledger_path: str) -> None:
    vendor = Vendor()
    broker = opened(vendor)
    for _ in range(2):
        broker.transcription.transcribe(recording)
    assert len(vendor.made) == 2
    assert vendor.made[1] == f"{vendor.made[0]}-2"
    assert rows(ledger_path) == [PAID, PAID]


def test_other_options_are_another_job(opened: Opens, recording: str) -> None:
    vendor = Vendor()
    broker = opened(vendor)
    one = broker.transcription.start(recording)
    assert broker.transcription.start(recording, diarize=True).id != one.id
    assert broker.transcription.start(recording).id == one.id
    assert len(vendor.made) == 2


def test_a_deadline_leaves_the_job_to_be_taken_up(opened: Opens, recording: str, ledger_path: str) -> None:
    vendor = Vendor(polls=5)
    broker = opened(vendor)
    with pytest.raises(DeadlineExceeded, match="mlbroker jobs resume b1-") as caught:
        broker.transcription.transcribe(recording, deadline=5)
    assert caught.value.billed is None
    assert caught.value.cost is not None
    assert caught.value.cost.upper_bound == 4 * PER_SECOND
    assert rows(ledger_path) == [("unknown", None, None)]
    assert states(ledger_path) == [("running", None)]
    assert broker.transcription.transcribe(recording).cost.amount == 4 * PER_SECOND
    assert len(vendor.made) == 1
    assert rows(ledger_path) == [PAID]


def test_without_a_deadline_a_call_waits_as_long_as_the_job_may_take(opened: Opens, recording: str) -> None:
    clock = VirtualRuntime(START)
    opened(Vendor(polls=60), clock=clock).transcription.transcribe(recording)
    assert sum(clock.slept) > 1000


@pytest.mark.parametrize("named", [True, False])
def test_a_lost_answer_is_looked_for_before_anything_is_repeated(
    opened: Opens, recording: str, ledger_path: str, named: bool
) -> None:
    vendor = Vendor(named=named, lag=2)

    def trouble(step: str) -> None:
        if step == "submit>" and vendor.steps.count(step) == 1:
            raise lost()

    vendor.trouble = trouble
    broker = opened(vendor, settle=60.0)
    assert broker.transcription.transcribe(recording).cost.amount == 4 * PER_SECOND
    assert len(vendor.made) == 1
    assert rows(ledger_path) == [PAID]


def test_what_the_list_never_shows_is_submitted_again_and_booked_once(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()

    def trouble(step: str) -> None:
        if step == "submit<" and vendor.steps.count(step) == 1:
            raise lost()

    vendor.trouble = trouble
    clock = VirtualRuntime(START)
    result = opened(vendor, clock=clock, settle=60.0).transcription.transcribe(recording)
    assert sum(clock.slept) >= 60
    assert [each.outcome for each in result.attempts] == [Outcome.NOT_SENT, Outcome.DONE]
    assert rows(ledger_path) == [("no", "not_sent", 0), PAID]


def test_while_nobody_can_tell_whether_it_was_taken_nothing_is_repeated(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()
    broken = True

    def trouble(step: str) -> None:
        if broken and step in ("submit>", "find<"):
            raise lost()

    vendor.trouble = trouble
    broker = opened(vendor, retry_ambiguous=True)
    with pytest.raises((Unavailable, DeadlineExceeded)) as caught:
        broker.transcription.transcribe(recording, deadline=20)
    assert caught.value.billed is None
    assert states(ledger_path) == [("submitting", None)]
    assert rows(ledger_path) == [("unknown", None, None)]
    broken = False
    assert broker.transcription.transcribe(recording).value.text == "well done"
    assert len(vendor.made) == 1
    assert rows(ledger_path) == [PAID]


def test_a_refused_submission_is_not_billed_and_leaves_nothing(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()

    def trouble(step: str) -> None:
        if step == "submit<":
            raise BadInput("too noisy", provider="tape")

    vendor.trouble = trouble
    with pytest.raises(BadInput, match="too noisy"):
        opened(vendor).transcription.transcribe(recording)
    assert rows(ledger_path) == [("no", "rejected", 0)]
    assert states(ledger_path) == [("failed", None)]
    assert vendor.recordings == {}


def test_a_budget_without_room_stops_before_the_submission(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()
    budget = {"limit": "0.003", "window": "day", "action": "stop"}
    with pytest.raises(BudgetExceeded):
        opened(vendor, budgets={"small": budget}).transcription.transcribe(recording)
    assert "submit<" not in vendor.steps
    assert rows(ledger_path) == []
    assert vendor.recordings == {}


def test_max_cost_stops_before_the_submission(opened: Opens, recording: str) -> None:
    vendor = Vendor()
    with pytest.raises(BudgetExceeded, match="max_cost"):
        opened(vendor).transcription.transcribe(recording, max_cost="0.0039")
    assert vendor.made == []


@pytest.mark.parametrize(
    ("outcome", "billed"),
    [(Outcome.REJECTED, "no"), (Outcome.UNKNOWN, "unknown"), (Outcome.SERVER, "unknown")],
)
def test_a_job_that_failed_is_booked_as_its_reason_says(
    opened: Opens, recording: str, ledger_path: str, outcome: Outcome, billed: str
) -> None:
    vendor = Vendor(fails=ProviderFault("the tape tore", outcome=outcome))
    broker = opened(vendor)
    with pytest.raises(ProviderFault, match="the tape tore"):
        broker.transcription.transcribe(recording)
    assert rows(ledger_path) == [(billed, outcome.value, 0 if billed == "no" else None)]
    assert states(ledger_path) == [("failed", None)]
    assert vendor.recordings == {}
    (status,) = broker.jobs.list(ended=True)
    assert status.error is not None
    assert "the tape tore" in status.error
    vendor.fails = None
    assert broker.transcription.transcribe(recording).value.text == "well done"  # the next call is a new job


def test_a_job_that_is_gone_may_have_been_billed(opened: Opens, recording: str, ledger_path: str) -> None:
    vendor = Vendor()
    broker = opened(vendor)
    job = broker.transcription.start(recording)
    vendor.jobs.clear()
    with pytest.raises(ProviderFault, match="does not know"):
        job.wait()
    assert states(ledger_path) == [("lost", None)]
    assert rows(ledger_path) == [("unknown", "ambiguous", None)]
    with pytest.raises(ProviderFault, match="is lost"):
        job.wait()


def test_a_stuck_job_is_given_up_and_may_have_been_billed(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor(stuck=True)
    clock = VirtualRuntime(START)
    with pytest.raises(ProviderFault, match="given up"):
        opened(vendor, clock=clock).transcription.transcribe(recording, deadline=86_400)
    assert 3600 <= clock.monotonic() < 3700
    assert "cancel<" in vendor.steps
    assert states(ledger_path) == [("expired", None)]
    assert rows(ledger_path) == [("unknown", "ambiguous", None)]


def test_a_cancelled_job_is_stopped_and_may_have_been_billed(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor(polls=99)
    job = opened(vendor).transcription.start(recording)
    assert job.cancel() is True
    assert states(ledger_path) == [("cancelled", None)]
    assert rows(ledger_path) == [("unknown", "ambiguous", None)]
    assert (vendor.jobs, vendor.recordings) == ({}, {})
    assert job.cancel() is False


def test_what_the_vendor_bills_wins(opened: Opens, recording: str) -> None:
    result = opened(Vendor(reports=Decimal(15))).transcription.transcribe(recording)
    assert result.cost.amount == 15 * PER_SECOND


def test_somebody_elses_job_of_the_same_name_is_adopted_and_not_billed_here(
    opened: Opens, recording: str, ledger_path: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vendor = Vendor(named=True)
    elsewhere = str(tmp_path_factory.mktemp("other") / "ledger.db")
    opened(vendor, ledger={"path": elsewhere}).transcription.start(recording)
    later = VirtualRuntime(START + timedelta(hours=1))
    result = opened(vendor, clock=later).transcription.transcribe(recording)
    assert result.value.text == "well done"
    assert len(vendor.made) == 1
    assert rows(ledger_path) == [("no", "done", 0)]


def test_a_passing_failure_of_a_look_does_not_end_the_job(opened: Opens, recording: str) -> None:
    vendor = Vendor(polls=2)

    def trouble(step: str) -> None:
        if step in ("poll<", "fetch<") and vendor.steps.count(step) in (1, 2):
            raise Unavailable("come back later", provider="tape", outcome=Outcome.THROTTLED)

    vendor.trouble = trouble
    assert opened(vendor).transcription.transcribe(recording).value.text == "well done"


def test_a_store_of_another_provider_is_refused_before_anything(opened: Opens) -> None:
    vendor = Vendor()
    with pytest.raises(Unsupported, match="reads s3:// alone"):
        opened(vendor).transcription.transcribe("gs://bucket/talk.wav")
    assert vendor.steps == []


def test_a_recording_in_the_users_store_is_measured_passed_on_and_left_alone(
    opened: Opens, ledger_path: str
) -> None:
    long = sound(400.5)
    vendor = Vendor(recordings={"s3://bucket/folder/talk.wav": long})
    result = opened(vendor).transcription.transcribe("s3://bucket/folder/talk.wav")
    assert result.value.duration_ms == 400_500
    assert result.cost.amount == Decimal("0.4005")
    assert vendor.steps.count("read<") == 1
    assert "stage<" not in vendor.steps
    assert vendor.recordings == {"s3://bucket/folder/talk.wav": long}


def test_a_store_is_not_read_for_an_estimate(opened: Opens) -> None:
    vendor = Vendor(recordings={"s3://bucket/talk.wav": sound()})
    with pytest.raises(BadInput, match="length"):
        opened(vendor).estimate.transcription.transcribe("s3://bucket/talk.wav")
    assert vendor.steps == []


def test_what_is_no_recording_in_a_store_is_refused_before_it_is_paid(opened: Opens) -> None:
    vendor = Vendor(recordings={"s3://bucket/talk.wav": b"<html>" * 100})
    with pytest.raises(BadInput, match=r"talk\.wav is not a usable recording"):
        opened(vendor).transcription.transcribe("s3://bucket/talk.wav")
    assert vendor.made == []


def test_a_handle_of_nothing_is_told(opened: Opens) -> None:
    broker = opened(Vendor())
    for wrong in ("b1-0", '{"id": "b1-0"}', "{"):
        with pytest.raises(BadInput):
            broker.jobs.get(wrong)
