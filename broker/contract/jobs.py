"""What an adapter does for a long recording: small steps, each safe to be taken again after a crash.

The broker decides which step comes next and writes it down before (see :mod:`broker.pipeline.job`); an adapter keeps nothing
between two steps. Every method is written once, as ``def`` or as ``async def``, and raises the errors of
:mod:`broker.errors`, as operations do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol, TypeAlias, TypeVar, Union, runtime_checkable

from broker.contract.context import Context, Reply
from broker.contract.limits import AudioLimits
from broker.errors import ProviderError
from broker.types.speech import SpeechOption, TranscribeRequest
from broker.types.transcript import Transcript

T = TypeVar("T")
Soon: TypeAlias = Union[T, Awaitable[T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPath:
    """How a provider transcribes what is too long for one request, or what it takes only so.

    Fields as of :class:`~broker.contract.manifest.OperationSpec`, for this path.

    :param languages: BCP-47 tags that it takes; None: as the spec's own.
    :param staging: what the account's ``staging`` setting names (``s3://bucket/folder``); empty: nothing is staged, the
        recording goes with the request.
    :param reads: beginnings of addresses that the service reads itself (``s3://``).
    :param settle_seconds: how long the vendor's list may not yet show a job that was taken; a lost submission is looked for
        this long before it is made again. 0: a second submission of the same key cannot make a second job.
    :param attended: nothing runs unless somebody waits: ``fetch`` does the work, and is given all the time that is left.
    :param patience: a job that takes longer than this many times the recording's length (and an hour) is given up.
    :param at_least: seconds that a job may take however short its recording is, where the request asks for a slow and cheap
        one; None: none can be.
    """

    service: str
    sku: str
    limits: AudioLimits
    options: frozenset[SpeechOption] = frozenset()
    languages: tuple[str, ...] | None = None
    staging: str = ""
    reads: tuple[str, ...] = ()
    settle_seconds: float = 0.0
    attended: bool = False
    patience: float = 3.0
    at_least: Callable[[TranscribeRequest], float] | None = None
    notes: str = ""
    unproven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A job that the vendor has taken.

    :param job_id: the vendor's name of it: all that later steps need.
    :param adopted: it was there already under this key.
    :param created: when the vendor took it, where it says so; for people only, because clocks differ.
    """

    job_id: str
    adopted: bool = False
    created: datetime | None = None
    request_id: str | None = None


class Phase(str, Enum):
    """Where a job stands at the vendor."""

    QUEUED = "queued"
    RUNNING = "running"
    """Also a state that is not known here: it is not taken for an end."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    GONE = "gone"
    """The vendor does not know it, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the vendor says of a job.

    :param state: its own word.
    :param percent: done, where it says so.
    :param error: why it failed; its outcome tells whether it is billed.
    """

    phase: Phase
    state: str
    percent: int | None = None
    error: ProviderError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some bytes of a recording in the vendor's store.

    :param size: of the whole.
    """

    data: bytes = field(repr=False)
    size: int


@runtime_checkable
class JobSteps(Protocol):
    """The steps. ``key`` names the job: up to 64 of ``[0-9a-z-]``, the same in every step, made from account and request.
    That of :meth:`stage` names the recording: it is one ledger's own, so that nobody takes away what another still reads.

    ``place`` is the address at which the vendor finds the recording: where :meth:`stage` put it, or what the user gave.
    """

    def stage(self, request: TranscribeRequest, key: str, context: Context, /) -> Soon[str]:
        """Put the recording into the private place of the settings, under a name made from the key, and say where.

        Taken again it overwrites what is there. Raises :class:`NotConfigured` where the settings name no place.
        """
        ...

    def submit(
        self, request: TranscribeRequest, key: str, place: str, context: Context, /
    ) -> Soon[Submission]:
        """Ask for the job. The only step that may cost. A job of this key that is there already is adopted, where the
        vendor tells."""
        ...

    def find(
        self, request: TranscribeRequest, key: str, place: str, context: Context, /
    ) -> Soon[Submission | None]:
        """Look for a job of this key whose submission may have been lost."""
        ...

    def poll(self, job_id: str, context: Context, /) -> Soon[Progress]:
        """Where it stands. A failed job is a :class:`Progress`, not an error."""
        ...

    def fetch(self, request: TranscribeRequest, job_id: str, context: Context, /) -> Soon[Reply[Transcript]]:
        """The result of a job that has succeeded. May be taken again as long as nothing is removed."""
        ...

    def cancel(self, job_id: str, context: Context, /) -> Soon[bool]:
        """Ask the vendor to stop it; False where it cannot be stopped. A job that is gone is stopped."""
        ...

    def remove_recording(self, place: str, context: Context, /) -> Soon[None]:
        """Delete what :meth:`stage` put there. Nothing there is as good."""
        ...

    def remove_job(self, job_id: str, context: Context, /) -> Soon[None]:
        """Delete the job and its result at the vendor. Nothing there is as good."""
        ...

    def read(self, place: str, start: int, length: int, context: Context, /) -> Soon[Piece]:
        """Bytes of a recording that the user keeps in the vendor's store, to read its header."""
        ...


@runtime_checkable
class HasJobs(Protocol):
    """An adapter whose ``transcription.transcribe`` has a :class:`JobPath`."""

    @property
    def transcription_jobs(self) -> JobSteps:
        """The steps, for its account."""
        ...
