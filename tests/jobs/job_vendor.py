"""A provider of long transcriptions in memory: it may lose answers, lag, fail, and be met by a caller who dies at any step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from broker.contract import (
    AdapterSettings,
    AudioLimits,
    Context,
    JobPath,
    Manifest,
    OperationSpec,
    Phase,
    Piece,
    Progress,
    Reply,
    Submission,
    audio_seconds,
)
from broker.errors import BadInput, BrokerError, Outcome, ProviderFault, Unavailable
from broker.types import Price, Tier, TranscribeRequest, Transcript, Unit, Usage, UsageSource
from broker.types.speech import SpeechOption

PER_SECOND = Decimal("0.001")
SKU, DIRECT_SKU = "tape.batch", "tape.direct"


class Died(BaseException):
    """The caller's process ends here."""


@dataclass
class Work:
    """A job that the vendor has taken."""

    key: str
    polls: int = 0
    listed: int = 0
    ended: str = ""


@dataclass
class Vendor:
    """What stays when callers die.

    :param named: a second submission of the same key makes no second job, and says so.
    :param polls: looks until it is done.
    :param lag: lists that do not show a new job yet.
    :param fails: jobs end so.
    :param trouble: asked before and after each step with its name (``submit<``, ``submit>``); it may raise.
    """

    named: bool = False
    polls: int = 1
    lag: int = 0
    fails: BrokerError | None = None
    stuck: bool = False
    reports: Decimal | None = None
    trouble: Callable[[str], None] = lambda _step: None
    jobs: dict[str, Work] = field(default_factory=dict)
    recordings: dict[str, bytes] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    """Keys of all jobs ever made: what is billed."""
    steps: list[str] = field(default_factory=list)

    def step(self, name: str) -> None:
        self.steps.append(name)
        self.trouble(name)

    def of(self, key: str) -> list[tuple[str, Work]]:
        return [(job_id, work) for job_id, work in self.jobs.items() if work.key == key]


class Tape:
    """The steps; see :class:`broker.contract.jobs.JobSteps`."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor

    def stage(self, request: TranscribeRequest, key: str, _context: Context, /) -> str:
        self.vendor.step("stage<")
        place = f"tape://shelf/{key}.wav"
        self.vendor.recordings[place] = request.audio.read()
        self.vendor.step("stage>")
        return place

    def submit(self, _request: TranscribeRequest, key: str, place: str, _context: Context, /) -> Submission:
        vendor = self.vendor
        vendor.step("submit<")
        assert place.startswith("s3://") or place in vendor.recordings, "what it is to listen to is not there"
        if vendor.named and (found := vendor.of(key)):
            vendor.step("submit>")
            return Submission(
                job_id=found[0][0], adopted=True, created=datetime(2026, 11, 21, 12, tzinfo=UTC)
            )
        job_id = f"job-{len(vendor.made) + 1}"
        vendor.made.append(key)
        vendor.jobs[job_id] = Work(key=key)
        vendor.step("submit>")
        return Submission(job_id=job_id, request_id=f"r-{job_id}")

    def find(
        self, _request: TranscribeRequest, key: str, _place: str, _context: Context, /
    ) -> Submission | None:
        self.vendor.step("find<")
        for job_id, work in self.vendor.of(key):
            work.listed += 1
            if work.listed > self.vendor.lag:
                return Submission(job_id=job_id, adopted=True)
        return None

    def poll(self, job_id: str, _context: Context, /) -> Progress:
        vendor = self.vendor
        vendor.step("poll<")
        work = vendor.jobs.get(job_id)
        if work is None:
            return Progress(phase=Phase.GONE, state="404")
        work.polls += 1
        if vendor.stuck or work.polls <= vendor.polls:
            return Progress(phase=Phase.RUNNING, state="winding", percent=min(99, 10 * work.polls))
        if vendor.fails is not None:
            work.ended = "failed"
            error = ProviderFault(str(vendor.fails), outcome=vendor.fails.outcome)
            return Progress(phase=Phase.FAILED, state="torn", error=error)
        work.ended = "done"
        return Progress(phase=Phase.SUCCEEDED, state="wound")

    def fetch(self, request: TranscribeRequest, job_id: str, _context: Context, /) -> Reply[Transcript]:
        self.vendor.step("fetch<")
        if job_id not in self.vendor.jobs:
            raise BadInput("the tape is gone", provider="tape")
        reports = self.vendor.reports
        return Reply(
            payload=Transcript(text="well done", segments=(), duration_ms=request.audio.milliseconds),
            usage=()
            if reports is None
            else (Usage(sku=SKU, unit=Unit.SECOND, quantity=reports, source=UsageSource.REPORTED),),
            request_id=f"f-{job_id}",
        )

    def cancel(self, job_id: str, _context: Context, /) -> bool:
        self.vendor.step("cancel<")
        self.vendor.jobs.pop(job_id, None)
        return True

    def remove_recording(self, place: str, _context: Context, /) -> None:
        self.vendor.step("remove_recording<")
        self.vendor.recordings.pop(place, None)

    def remove_job(self, job_id: str, _context: Context, /) -> None:
        self.vendor.step("remove_job<")
        self.vendor.jobs.pop(job_id, None)

    def read(self, place: str, start: int, length: int, _context: Context, /) -> Piece:
        self.vendor.step("read<")
        data = self.vendor.recordings[place]
        return Piece(data=data[start : start + length], size=len(data))


def tape(vendor: Vendor, *, direct: bool = False, settle: float = 0.0, provider: str = "tape") -> type[Any]:
    """An adapter class over this vendor; hand it to ``Broker(adapters=[…])``.

    :param direct: recordings up to a second are answered in one request.
    """

    class TapeAdapter:
        manifest: ClassVar[Manifest]
        Settings: ClassVar[type[AdapterSettings]] = AdapterSettings

        def __init__(self, settings: AdapterSettings, /) -> None:
            self.region = settings.region

        def transcribe(self, request: TranscribeRequest, _context: Context, /) -> Reply[Transcript]:
            vendor.step("transcribe<")
            return Reply(
                payload=Transcript(text="at once", segments=(), duration_ms=request.audio.milliseconds)
            )

        @property
        def transcription_jobs(self) -> Tape:
            return Tape(vendor)

    TapeAdapter.manifest = Manifest(
        provider=provider,
        version="1",
        operations=(
            OperationSpec(
                operation="transcription.transcribe",
                service="Tape",
                sku=DIRECT_SKU,
                meter=audio_seconds,
                limits=AudioLimits(formats=("wav",), max_milliseconds=1000),
                languages=("en",),
                direct=direct,
                job=JobPath(
                    service="Tape batch",
                    sku=SKU,
                    limits=AudioLimits(formats=("wav",), max_milliseconds=10_000_000),
                    options=frozenset({SpeechOption.DIARIZE}),
                    reads=("s3://",),
                    settle_seconds=settle,
                ),
            ),
        ),
        prices=tuple(
            Price(
                id=f"{sku}@test",
                sku=sku,
                unit=Unit.SECOND,
                region="*",
                currency="USD",
                valid_from=date(2000, 1, 1),
                checked_on=date(2000, 1, 1),
                source="a test",
                confidence="high",
                tiers=(Tier(up_to=None, price=PER_SECOND),),
            )
            for sku in (SKU, DIRECT_SKU)
        ),
    )
    return TapeAdapter


def lost() -> Unavailable:
    """The answer did not come back."""
    return Unavailable("the connection was lost", provider="tape", outcome=Outcome.AMBIGUOUS)
