"""``broker.jobs`` and what ``broker.transcription.start`` gives: jobs by their id, also after a restart."""

from __future__ import annotations

from datetime import timedelta

from broker.job_core import JobCore, handle_of
from broker.ledger.job import JobRow
from broker.pipeline.job_request import request_of
from broker.runtime.blocking import drive
from broker.types.call import Result
from broker.types.job import JobStatus
from broker.types.progress import Watcher
from broker.types.transcript import Transcript


class _Named:
    """A job by its id; everything else of it is in the ledger and at the provider."""

    def __init__(self, core: JobCore, row: JobRow) -> None:
        self._core = core
        self._row = row

    @property
    def id(self) -> str:
        """Names it here, at the provider and for ``mlbroker jobs``."""
        return self._row.id

    @property
    def provider(self) -> str:
        """Who does it."""
        return self._row.provider

    @property
    def name(self) -> str:
        """Of the recording."""
        return request_of(self._row.facts.request).audio.name

    def to_json(self) -> str:
        """A handle to store; ``broker.jobs.get`` takes it, in any process that uses the same ledger."""
        return handle_of(self._row)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r} at {self.provider})"


class Job(_Named):
    """A long recording that is being transcribed. Every method raises the errors of :mod:`broker.errors`."""

    def status(self) -> JobStatus:
        """Where it stands now; the provider is asked."""
        return drive(self._core.status(self.id))

    def wait(
        self,
        deadline: float | timedelta | None = None,
        *,
        raw: bool = False,
        progress: Watcher | None = None,
    ) -> Result[Transcript]:
        """Its result. The first to be given it is told what it cost.

        :param deadline: seconds to wait; None: as long as such a job may take, a few times the recording's length.
        :param progress: is told now and then where it stands.

        Raises :class:`~broker.errors.DeadlineExceeded` while it runs on; wait again then, here or elsewhere.
        """
        return drive(self._core.wait(self.id, deadline, raw=raw, progress=progress))

    def cancel(self) -> bool:
        """Stop it. False: it has ended already, or the provider cannot stop it. What it cost may stay unknown."""
        return drive(self._core.cancel(self.id))


class AsyncJob(_Named):
    """The same for ``async`` code."""

    async def status(self) -> JobStatus:
        """Where it stands now; the provider is asked."""
        return await self._core.status(self.id)

    async def wait(
        self,
        deadline: float | timedelta | None = None,
        *,
        raw: bool = False,
        progress: Watcher | None = None,
    ) -> Result[Transcript]:
        """Its result."""
        return await self._core.wait(self.id, deadline, raw=raw, progress=progress)

    async def cancel(self) -> bool:
        """Stop it."""
        return await self._core.cancel(self.id)


class Jobs:
    """``broker.jobs``: all jobs of the ledger."""

    def __init__(self, core: JobCore) -> None:
        self._core = core

    def get(self, job: str, /) -> Job:
        """By its id, or by the handle that ``to_json`` gave. Raises :class:`~broker.errors.BadInput` for an unknown one."""
        return Job(self._core, drive(self._core.known(job)))

    def list(self, *, ended: bool = False) -> list[JobStatus]:
        """The newest first. Nobody is asked but the ledger.

        :param ended: also those that have ended and were handed out.
        """
        return drive(self._core.all(ended=ended))

    def clean(self) -> int:
        """Remove at the providers the results that were handed out; how many."""
        return drive(self._core.clean())


class AsyncJobs:
    """The same for ``async`` code."""

    def __init__(self, core: JobCore) -> None:
        self._core = core

    async def get(self, job: str, /) -> AsyncJob:
        """By its id, or by the handle that ``to_json`` gave."""
        return AsyncJob(self._core, await self._core.known(job))

    async def list(self, *, ended: bool = False) -> list[JobStatus]:
        """The newest first."""
        return await self._core.all(ended=ended)

    async def clean(self) -> int:
        """Remove at the providers the results that were handed out; how many."""
        return await self._core.clean()
