"""What is kept of a job: enough to go on with it as it was asked for, at the price it was announced at, and no more."""

from __future__ import annotations

import sqlite3
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from job_support import START, Opens, sound
from job_vendor import PER_SECOND, SKU, Tape, Vendor, lost, tape

from broker import BadInput, Broker, BrokerError, NotConfigured, Throttled
from broker.contract import Manifest, Submission
from broker.errors import Outcome
from broker.runtime.virtual import VirtualRuntime
from broker.types import Price, Tier, TranscribeRequest, Unit
from broker.types.job import JobState
from broker.types.speech import SpeechOption


def rows(path: str) -> list[tuple[str, int | None]]:
    with closing(sqlite3.connect(path)) as ledger:
        return ledger.execute("SELECT billed, amount FROM attempt ORDER BY seq").fetchall()


def states(path: str) -> list[str]:
    with closing(sqlite3.connect(path)) as ledger:
        return [each for (each,) in ledger.execute("SELECT state FROM job ORDER BY number")]


def changed(vendor: Vendor, **changes: Any) -> type[Any]:
    """An adapter of this vendor whose operation is another."""
    found = tape(vendor)
    manifest: Manifest = found.manifest
    (spec,) = manifest.operations
    prices = changes.pop("prices", manifest.prices)
    job = replace(spec.job, **changes.pop("job")) if spec.job and "job" in changes else spec.job
    found.manifest = replace(manifest, operations=(replace(spec, job=job, **changes),), prices=prices)
    return found


def _slow(request: TranscribeRequest) -> float:
    return 25 * 3600.0 if request.extensions.get("tape_slow") else 0.0


@pytest.mark.parametrize("by_id", [False, True])
def test_a_slow_job_is_given_its_time(recording: str, by_id: bool) -> None:
    """Options that one vendor alone has are options too."""
    vendor = Vendor(polls=1000)
    clock = VirtualRuntime(START)
    asked: list[object] = []
    adapter = changed(vendor, extensions=("tape_slow",), job={"at_least": _slow})
    with Broker(runtime=clock, adapters=[adapter], provider="tape") as broker:
        fetch = Tape.fetch

        def fetched(self: Tape, request: TranscribeRequest, *given: Any) -> Any:
            asked.append(request.extensions)
            return fetch(self, request, *given)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Tape, "fetch", fetched)
            job = broker.transcription.start(recording, extensions={"tape_slow": True})
            if by_id:
                assert broker.jobs.get(job.id).wait().value.text == "well done"
            else:
                same = broker.transcription.transcribe(recording, extensions={"tape_slow": True})
                assert same.value.text == "well done"
    assert clock.monotonic() > 5 * 3600
    assert asked == [{"tape_slow": True}]
    assert len(vendor.made) == 1


def test_a_job_is_not_looked_for_in_another_region(opened: Opens, recording: str, ledger_path: str) -> None:
    """There it is not known, which would be taken for its end."""
    vendor = Vendor()
    job = opened(vendor, providers={"tape": {"region": "eu-1"}}).transcription.start(recording)
    elsewhere = opened(vendor, providers={"tape": {"region": "us-1"}})
    for look in ("wait", "status", "cancel"):
        with pytest.raises(NotConfigured, match="eu-1"):
            getattr(elsewhere.jobs.get(job.id), look)()
    assert vendor.steps.count("poll<") == 0
    assert states(ledger_path) == ["running"]
    assert job.wait().value.text == "well done"


def test_a_repeated_submission_leaves_no_error_on_a_job_that_is_well(opened: Opens, recording: str) -> None:
    vendor = Vendor()

    def trouble(name: str) -> None:
        if name == "submit<" and vendor.steps.count(name) == 1:
            raise Throttled("slower", provider="tape")

    vendor.trouble = trouble
    broker = opened(vendor)
    broker.transcription.transcribe(recording)
    (status,) = broker.jobs.list(ended=True)
    assert (status.state, status.error) == (JobState.DONE, None)


def _price(number: int, since: date, until: date | None, price: str) -> Price:
    return Price(
        id=f"{SKU}@{number}",
        sku=SKU,
        unit=Unit.SECOND,
        region="*",
        currency="USD",
        valid_from=since,
        valid_to=until,
        checked_on=since,
        source="a test",
        confidence="high",
        tiers=(Tier(up_to=None, price=Decimal(price)),),
    )


@pytest.mark.parametrize("reports", [None, Decimal(4)])
@pytest.mark.parametrize("again", [False, True])
def test_a_job_over_midnight_is_booked_at_the_price_it_was_announced_at(
    recording: str, ledger_path: str, reports: Decimal | None, again: bool
) -> None:
    new_year = date(2027, 1, 1)
    prices = (
        _price(1, date(2000, 1, 1), new_year, "0.001"),
        _price(2, new_year, None, "0.005"),
    )
    vendor = Vendor(reports=reports, polls=20)
    clock = VirtualRuntime(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
    budgets = {"month": {"limit": "1.00", "window": "month"}}
    adapter = changed(vendor, prices=prices)
    with Broker(runtime=clock, adapters=[adapter], provider="tape", budgets=budgets) as broker:
        job = broker.transcription.start(recording)
        if again:
            with Broker(
                runtime=VirtualRuntime(datetime(2027, 1, 1, 0, 5, tzinfo=UTC)),
                adapters=[changed(vendor, prices=prices)],
                provider="tape",
            ) as later:
                result = later.jobs.get(job.id).wait()
        else:
            result = job.wait()
            assert clock.now().year == 2027
        assert result.cost.amount == 4 * PER_SECOND
        (before,) = broker.ledger.budgets(datetime(2026, 12, 31, 23, 59, tzinfo=UTC))
        (behind,) = broker.ledger.budgets(datetime(2027, 1, 1, 1, tzinfo=UTC))
        assert (before.spent, before.reserved) == (4 * PER_SECOND, 0)
        assert (behind.spent, behind.reserved) == (0, 0)
    assert rows(ledger_path) == [("yes", int(4 * PER_SECOND * 10**12))]


@pytest.mark.parametrize(
    "handle",
    [
        "\ud800",
        '{"mlbroker_job": 1, "id": "\\ud800"}',
        "{" * 100_000,
        '{"a":' * 100_000,
        '{"mlbroker_job": 1, "id": null}',
        '{"mlbroker_job": 1, "id": "b1-0\' OR 1=1 --"}',
        "b1-\x00",
    ],
)
def test_a_handle_of_somebody_who_means_harm_is_only_refused(
    opened: Opens, recording: str, handle: str
) -> None:
    broker = opened(Vendor())
    broker.transcription.start(recording)
    with pytest.raises(BadInput):
        broker.jobs.get(handle)


def test_a_clock_that_went_back_does_not_stop_the_search_for_a_job(
    opened: Opens, recording: str, ledger_path: str
) -> None:
    vendor = Vendor()

    def trouble(name: str) -> None:
        if name in ("submit<", "find<") and len(vendor.steps) < 6:
            raise BaseException(name) if name == "submit<" else lost()

    vendor.trouble = trouble
    with pytest.raises(BaseException, match="submit<"):
        opened(vendor, settle=60.0).transcription.transcribe(recording)
    vendor.trouble = lambda _step: None
    back = VirtualRuntime(START - timedelta(hours=2))
    result = opened(vendor, clock=back, settle=60.0).transcription.transcribe(recording)
    assert result.value.text == "well done"
    assert 60 <= back.monotonic() < 180
    assert [billed for billed, _ in rows(ledger_path)] == ["no", "yes"]


@pytest.mark.parametrize("stopped", [False, True])
def test_somebody_elses_job_is_neither_deleted_nor_stopped_nor_counted(
    opened: Opens, recording: str, ledger_path: str, tmp_path_factory: pytest.TempPathFactory, stopped: bool
) -> None:
    """Its owner, who has another ledger, still waits for it."""
    vendor = Vendor(named=True)
    elsewhere = str(tmp_path_factory.mktemp("other") / "ledger.db")
    theirs = opened(vendor, ledger={"path": elsewhere}).transcription.start(recording)
    later = VirtualRuntime(START + timedelta(hours=1))
    with opened(vendor, clock=later) as mine:
        if stopped:
            assert mine.transcription.start(recording).cancel() is True
        else:
            assert mine.transcription.transcribe(recording).value.text == "well done"
    assert "cancel<" not in vendor.steps
    assert len(vendor.jobs) == 1
    assert len(vendor.recordings) == 1
    assert rows(ledger_path) == [("no", 0)]
    assert theirs.wait().value.text == "well done"
    assert rows(elsewhere) == [("yes", int(4 * PER_SECOND * 10**12))]
    assert vendor.recordings == {}


def test_two_ledgers_do_not_take_each_others_recordings_away(
    opened: Opens, recording: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vendor = Vendor()
    elsewhere = str(tmp_path_factory.mktemp("other") / "ledger.db")
    opened(vendor, ledger={"path": elsewhere}).transcription.start(recording)
    later = VirtualRuntime(START + timedelta(seconds=1))
    with opened(vendor, clock=later) as mine:
        mine.transcription.transcribe(recording)
    assert len(vendor.recordings) == 1


def test_a_submission_that_hangs_is_looked_for_soon(recording: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call without a deadline has hours; its job would be done long before."""
    vendor = Vendor()
    clock = VirtualRuntime(START)
    submit = Tape.submit

    def hanging(self: Tape, *given: Any) -> Submission:
        submit(self, *given)
        clock.advance(given[-1].remaining())
        raise lost()

    monkeypatch.setattr(Tape, "submit", hanging)
    monkeypatch.setattr(Tape, "find", lambda *_: Submission(job_id="job-1", adopted=True))
    adapter = changed(vendor, job={"staging": "tape://shelf"})
    with Broker(runtime=clock, adapters=[adapter], provider="tape") as broker:
        assert broker.transcription.transcribe(recording).value.text == "well done"
    assert clock.monotonic() < 300


def test_a_vendor_that_is_down_for_submissions_is_left_alone(opened: Opens, recording: str) -> None:
    """Also where what is lost cannot be looked for either."""
    vendor = Vendor()

    def trouble(name: str) -> None:
        if name in ("submit>", "find<"):
            raise lost()

    vendor.trouble = trouble
    broker = opened(vendor, max_attempts=1)
    for seconds in range(2, 30):
        with pytest.raises(BrokerError) as caught:
            broker.transcription.transcribe(sound(seconds), deadline=5)
        if getattr(caught.value, "held_back", False):
            break
    else:
        pytest.fail("it was asked every time")
    assert caught.value.outcome is Outcome.NOT_SENT


class Jumping(VirtualRuntime):
    """Somebody sets its wall clock."""

    hours = 0

    def now(self) -> datetime:
        return super().now() + timedelta(hours=self.hours)


@pytest.mark.parametrize("hours", [-2, 48])
def test_a_clock_that_is_set_does_not_end_a_job_that_is_well(
    opened: Opens, recording: str, ledger_path: str, hours: int
) -> None:
    vendor = Vendor(polls=3)
    clock = Jumping(START)

    def trouble(name: str) -> None:
        if name == "poll<":
            clock.hours = hours

    vendor.trouble = trouble
    result = opened(vendor, clock=clock).transcription.transcribe(recording)
    assert result.attempts[0].latency >= 0
    assert rows(ledger_path) == [("yes", int(4 * PER_SECOND * 10**12))]


def test_a_clock_that_is_set_back_does_not_lengthen_the_patience(opened: Opens, recording: str) -> None:
    vendor = Vendor(stuck=True)
    job = opened(vendor).transcription.start(recording)
    back = VirtualRuntime(START - timedelta(hours=2))
    with pytest.raises(BrokerError, match="given up"):
        opened(vendor, clock=back).jobs.get(job.id).wait(86_400)
    assert back.monotonic() < 3700


def test_a_recording_in_a_store_that_was_replaced_is_another(opened: Opens, ledger_path: str) -> None:
    place, first = "s3://bucket/talk.wav", sound(4)
    vendor = Vendor(recordings={place: first}, polls=3)
    broker = opened(vendor)
    job = broker.transcription.start(place)
    assert broker.transcription.start(place).id == job.id
    vendor.recordings[place] = first[:-2] + b"\x01\x02"
    assert broker.transcription.start(place).id != job.id
    assert len(vendor.made) == 2
    assert len(rows(ledger_path)) == 2


@pytest.mark.parametrize(("most", "made"), [(100, 1), (0, 0)])
def test_a_store_that_gives_less_than_asked_for_is_not_asked_for_ever(
    opened: Opens, monkeypatch: pytest.MonkeyPatch, most: int, made: int
) -> None:
    vendor = Vendor(recordings={"s3://bucket/talk.wav": sound(400)})
    read = Tape.read

    def short(self: Tape, *given: Any) -> Any:
        piece = read(self, *given)
        return replace(piece, data=piece.data[:most])

    monkeypatch.setattr(Tape, "read", short)
    with nullcontext() if made else pytest.raises(BadInput, match="header"):
        opened(vendor).transcription.transcribe("s3://bucket/talk.wav")
    assert len(vendor.made) == made
    assert vendor.steps.count("read<") <= 64


def test_without_its_hints_a_job_is_not_taken_for_one_that_was_never_sent(
    recording: str, ledger_path: str
) -> None:
    """They are content, so they are not kept; a vendor whose jobs have no names is looked through with them."""
    vendor = Vendor(lag=1)

    def trouble(name: str) -> None:
        if name in ("submit>", "find<") and "poll<" not in vendor.steps:
            raise lost()

    vendor.trouble = trouble
    adapter = changed(vendor, job={"options": frozenset({SpeechOption.HINTS})})
    with Broker(runtime=VirtualRuntime(START), adapters=[adapter], provider="tape") as broker:
        with pytest.raises(BrokerError):
            broker.transcription.transcribe(recording, hints=["Ada Lovelace"], deadline=5)
        vendor.trouble = lambda _step: None
        (job,) = broker.jobs.list()
        with pytest.raises(BadInput, match="hints") as caught:
            broker.jobs.get(job.id).wait()
        assert caught.value.billed is None
        assert states(ledger_path) == ["submitting"]
        same = broker.transcription.transcribe(recording, hints=["Ada Lovelace"])
        assert same.value.text == "well done"
    assert len(vendor.made) == 1
    assert rows(ledger_path) == [("yes", int(4 * PER_SECOND * 10**12))]
    with closing(sqlite3.connect(ledger_path)) as ledger:
        assert not any("Lovelace" in line for line in ledger.iterdump())
