"""One call's work on one job: the row it holds, the steps it takes, and what it writes before each."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

from broker.config import LONGEST_DEADLINE
from broker.contract.context import Reply
from broker.contract.jobs import JobPath, JobSteps, Submission
from broker.errors import (
    BadInput,
    BrokerError,
    LedgerUnavailable,
    NotConfigured,
    Outcome,
    ProviderError,
)
from broker.ledger import lease
from broker.ledger.base import Intent, Ticket
from broker.ledger.job import JobAttempt, JobDraft, JobFacts, JobLedger, JobRow, LeaseLost
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Services, Target
from broker.pipeline.job_request import facts_of, key_of
from broker.pipeline.job_steps import Steps
from broker.pipeline.meter import Metered
from broker.pipeline.record import LEDGER_PATIENCE, Record, patiently
from broker.pipeline.watch import show
from broker.types.job import JobState
from broker.types.money import Billed
from broker.types.speech import TranscribeRequest

log = logging.getLogger("broker")

_KEPT = timedelta(days=30)
"""So long a result is kept for one who has started a job that was there, and has not come for it yet."""
LEAST_PATIENCE = 3600.0
"""Seconds that every job is given: at peak hours a short one may wait as long as a long one."""
_TIDY_SECONDS = 15.0


class JobWork:
    """What one call does for a job. Made by :meth:`begin` or :meth:`resume`, ended by :meth:`leave`.

    :ivar row: as the ledger has it.
    """

    def __init__(self, call: Call, services: Services, target: Target, worker: str) -> None:
        if target.job is None:
            raise BrokerError("this target has no jobs")
        self.call = call
        self.services = services
        self.target = target
        self.path: JobPath = target.job.path
        self.does: JobSteps = target.job.steps
        self.steps = Steps(call, services, target)
        self.ledger = ledger_of(services)
        self.worker = worker
        self.row: JobRow
        self._draft: JobDraft | None = None
        self.ticket: Ticket | None = None
        self._metered: Metered | None = None

    # ---- whose it is

    @classmethod
    async def begin(cls, call: Call, services: Services) -> JobWork:
        """The job of the call's request: the one that is there, or a new one."""
        target, runtime = target_of(call), services.runtime
        request = _asked(call)
        work = cls(call, services, target, lease.worker_of(call.call_id))
        audio = request.audio
        at_hand = audio.uri is None
        digest = await runtime.run_blocking(audio.sha256) if at_hand else call.looked_at
        work._be_patient()
        draft = JobDraft(
            key=key_of(request, target, digest, call.apart),
            provider=target.candidate.provider,
            profile=target.candidate.profile or "",
            operation=call.operation.name,
            region=target.region,
            call_id=call.call_id,
            facts=JobFacts(request=facts_of(request, call.ignored)),
            at=runtime.now(),
        )
        work._draft = draft
        lease.begin(work.worker)
        try:
            await work.anew()
        except BaseException:
            lease.end(work.worker)
            raise
        return work

    @staticmethod
    async def runs(call: Call, services: Services) -> bool:
        """Whether a job of the call's request was submitted, and its result is still to come or to be fetched."""
        target, request = target_of(call), _asked(call)
        rows = [row for row in ledger_of(services).jobs() if row.state.open and row.seq is not None]
        if not rows:
            return False
        at_hand = request.audio.uri is None
        digest = await services.runtime.run_blocking(request.audio.sha256) if at_hand else call.looked_at
        key = key_of(request, target, digest, call.apart)
        return any(row.key == key for row in rows)

    @property
    def drafted(self) -> bool:
        """It was begun with a recording, so that a new job can be made."""
        return self._draft is not None

    async def anew(self) -> None:
        """The job of this input that has not ended, or a new one."""
        draft = self._draft
        if draft is None:
            raise BrokerError("this job was taken up by its id")
        draft = replace(draft, at=self.services.runtime.now())
        self.row = await patiently(
            self.services, lambda: self.ledger.open_job(draft, self.worker), self.call.deadline
        )
        show(self.call, self.row)

    @classmethod
    async def resume(cls, call: Call, services: Services, row: JobRow) -> JobWork:
        """A job of the ledger."""
        work = cls(call, services, target_of(call), lease.worker_of(call.call_id))
        work.row = row
        work._be_patient()
        lease.begin(work.worker)
        try:
            await work.look()
        except BaseException:
            lease.end(work.worker)
            raise
        return work

    @property
    def ours(self) -> bool:
        """Nobody else works on it."""
        return self.row.worker == self.worker

    async def look(self, *, by_force: Collection[JobState] = ()) -> None:
        """Read the row again, and take it if nobody else has it, or in these states from anybody."""
        now = self.services.runtime.now()
        found = await patiently(
            self.services,
            lambda: self.ledger.take_job(self.row.id, self.worker, now, by_force=by_force),
            self.call.deadline,
        )
        if found is None:
            raise LedgerUnavailable(f"the job {self.row.id} is not in this ledger any more")
        self.row = found
        show(self.call, found)

    async def keep(self) -> None:
        """Say that it is still worked on, where that was last said a while ago."""
        runtime = self.services.runtime
        row, now = self.row, runtime.now()
        if abs(now - row.changed) >= lease.RENEWED:
            until = runtime.monotonic() + LEDGER_PATIENCE
            with suppress(LedgerUnavailable):  # a job is not given up for that
                self.row = await patiently(self.services, lambda: self.ledger.write_job(row, now), until)

    async def leave(self) -> None:
        """Let others work on it. An attempt that waits for its end is told to the call."""
        try:
            if self.ticket is not None:
                self._record(self.ticket.intent).leave_open(Outcome.AMBIGUOUS, None, recorded=True)
                self.ticket = None
            if self.ours:
                until = self.services.runtime.monotonic() + LEDGER_PATIENCE
                with suppress(LedgerUnavailable):  # the lease ends with the process at the latest
                    await patiently(self.services, lambda: self.ledger.leave_job(self.row), until)
        finally:
            lease.end(self.worker)

    def _be_patient(self) -> None:
        """A caller who named no deadline waits as long as the provider may take."""
        call = self.call
        if call.patient:
            seconds = patience_of(self.path, _asked(call))
            now = self.services.runtime.monotonic()
            call.deadline = max(call.deadline, now + min(seconds, LONGEST_DEADLINE))

    async def want(self) -> None:
        """Another call made the job: what it was given must not be removed before this one's taker has come."""
        until = self.services.runtime.now() + _KEPT
        await patiently(self.services, lambda: self.ledger.want_job(self.row, until), self.call.deadline)

    # ---- what is written

    async def write(self, state: JobState, **facts: Any) -> None:
        """Write the state before the step it names."""
        row, now = self.row.at(state, **facts), self.services.runtime.now()
        until = self.services.runtime.monotonic() + LEDGER_PATIENCE
        self.row = await patiently(self.services, lambda: self.ledger.write_job(row, now), until)
        show(self.call, self.row)

    async def attempt(self) -> JobAttempt | None:
        """The row of its attempt."""
        return await patiently(self.services, lambda: self.ledger.job_attempt(self.row), self.call.deadline)

    async def announce(self, intent: Intent, metered: Metered) -> Ticket:
        """Announce the attempt with the state. Raises as the ledger's ``announce``."""
        row = self.row.at(JobState.SUBMITTING)
        ticket, self.row = await patiently(
            self.services, lambda: self.ledger.announce_job(row, intent), self.call.deadline
        )
        self.ticket, self._metered = ticket, metered
        show(self.call, self.row)
        return ticket

    def hold(self, attempt: JobAttempt) -> None:
        """Take up an attempt that another call announced."""
        self.ticket = attempt.ticket
        self._metered = Metered.of(self.call, self.services, day=attempt.intent.started.date())

    async def settle(
        self,
        state: JobState,
        outcome: Outcome,
        *,
        reply: Reply[Any] | None = None,
        error: BaseException | None = None,
        metered: Metered | None = None,
        billed: Billed | None = None,
    ) -> bool:
        """Book the attempt and write the state, both or none. False: the ledger could not be written, and all stays open."""
        ticket = self.ticket
        if ticket is None:
            raise BrokerError("a job's attempt can be settled once only")
        told = {} if error is None else _told(error, outcome)
        row, now = self.row.at(state, **told), self.services.runtime.now()
        if self.row.facts.adopted:
            billed = Billed.NO  # somebody else's job, in whose ledger it is
        record = self._record(ticket.intent, metered)
        await self.services.runtime.shielded(
            lambda: record.settle(
                ticket,
                outcome,
                reply=reply,
                error=error,
                billed=billed,
                settle=lambda open_row, settlement: self.ledger.settle_job(row, open_row, settlement, now),
            )
        )
        self.ticket = None
        if self.call.attempts[-1].recorded:
            self.row = row
            return True
        return False

    @property
    def day(self) -> date | None:
        """Whose prices hold: that of its announcement."""
        return None if self.ticket is None else self.ticket.intent.started.date()

    def metered(self) -> Metered:
        """As announced."""
        if self._metered is None:
            self._metered = Metered.of(self.call, self.services)
        return self._metered

    def _record(self, intent: Intent, metered: Metered | None = None) -> Record:
        runtime = self.services.runtime
        took = max(0.0, (runtime.now() - intent.started).total_seconds())
        metered = metered or self.metered()
        return Record(self.call, self.services, self.target, metered, intent.started, took, intent=intent)

    # ---- the steps

    async def stage(self) -> None:
        """Put the recording where the provider reads it, unless it is there."""
        request = _asked(self.call)
        if request.audio.uri is not None:
            await self.write(JobState.STAGED, place=request.audio.uri)
            return
        if self.row.state is not JobState.STAGING:
            await self.write(JobState.STAGING)
        try:
            place = await self.steps.take(
                self.does.stage,
                request,
                self._shelf,
                tries=self.services.settings.max_attempts,
                seconds=None,
            )
        except ProviderError as error:
            if error.outcome in (Outcome.SERVER, Outcome.AMBIGUOUS, Outcome.UNKNOWN):
                error.outcome = Outcome.NOT_SENT  # nothing was asked for yet, whatever became of the upload
            raise
        try:
            await self.write(JobState.STAGED, place=place, staged=True)
        except LeaseLost:
            await self._take_back(place)
            raise
        except LedgerUnavailable:
            self.row = self.row.at(self.row.state, place=place, staged=True)  # so that it can be taken away
            raise

    async def _take_back(self, place: str) -> None:
        """Of a job that was cancelled during the upload nothing else remembers the recording."""
        row = await patiently(self.services, lambda: self.ledger.job(self.row.id), self.call.deadline)
        if row is not None and not row.state.open:
            self.row = row
            await self._unstage(place)

    async def running(self, found: Submission, *, others: bool = False) -> None:
        """The provider has it.

        :param others: it is somebody else's, whose ledger has its cost.
        """
        await self.services.runtime.shielded(
            partial(
                self.write,
                JobState.RUNNING,
                job_id=found.job_id,
                adopted=others,
                request_id=found.request_id,
                error_kind=None,  # of an attempt before
                error=None,
                outcome=None,
            )
        )

    async def never(self, error: BrokerError) -> None:
        """It will not be submitted by this call: tidy up what was prepared, unless it may be there."""
        if self._prepared():
            facts = self.row.facts
            try:
                await self.look()  # a ledger may have written what it said it had not
                if not self._prepared():
                    return
                self.row = replace(self.row, facts=facts)
                await self.write(JobState.FAILED, **_told(error, error.outcome))
            except LedgerUnavailable as failure:
                log.warning("that the job %s is not submitted is not written: %s", self.row.id, failure)
                return
            await self.remove_recording()

    def _prepared(self) -> bool:
        return self.ours and self.row.state in (JobState.STAGING, JobState.STAGED)

    async def remove_recording(self) -> None:
        """Take it away from where we put it. What fails is logged: the store's own rule is behind it."""
        place = self.row.facts.place
        if not self.row.facts.staged or place is None or self.services.settings.jobs.remove == "nothing":
            return
        if await self._unstage(place):
            try:
                await self.write(self.row.state, staged=False)
            except LedgerUnavailable as error:
                log.info("that the recording of the job %s is removed is not written: %s", self.row.id, error)

    async def _unstage(self, place: str) -> bool:
        until = self.services.runtime.monotonic() + _TIDY_SECONDS  # also when the call's time is over
        try:
            await self.steps.take(self.does.remove_recording, place, tries=2, deadline=until)
        except BrokerError as error:
            log.warning(
                "the recording of the job %s is still at its place in the store: %s", self.row.id, error
            )
            return False
        return True

    @property
    def _shelf(self) -> str:
        """Names its recording in the store: another ledger's job of the same recording has its own, and removes that."""
        return f"{self.row.id}-{round(self.row.made.timestamp() * 1e6):x}"

    @property
    def place(self) -> str:
        """Where the provider finds the recording."""
        return self.row.facts.place or ""

    @property
    def job_id(self) -> str:
        """The provider's name of the job."""
        return self.row.facts.job_id or self.row.id

    @property
    def go_on(self) -> str:
        """What to type."""
        return f"go on with: mlbroker jobs resume {self.row.id} (or make the same call again)"

    def never_submitted(self) -> BadInput:
        """For one who has only the id."""
        return BadInput(
            f"the job {self.row.id} was never submitted, and nothing was billed; make the same call again with the "
            "recording, which goes on from there"
        )


def patience_of(path: JobPath, request: TranscribeRequest) -> float:
    """Seconds after which a job of this request is given up."""
    least = LEAST_PATIENCE if path.at_least is None else max(LEAST_PATIENCE, path.at_least(request))
    return max(least, path.patience * request.audio.milliseconds / 1000)


def ledger_of(services: Services) -> JobLedger:
    """Raises :class:`NotConfigured` for a ledger of the program's own that keeps none."""
    ledger = services.ledger
    if isinstance(ledger, JobLedger):
        return ledger
    raise NotConfigured(
        f"the ledger {type(ledger).__name__} keeps no jobs, and a job that nobody remembers could be paid twice; use "
        "the ledger that comes with mlbroker, or give yours the methods of broker.ledger.job.JobLedger"
    )


def _asked(call: Call) -> TranscribeRequest:
    if not isinstance(call.request, TranscribeRequest):
        raise BrokerError("only recordings have jobs")
    return call.request


def _told(error: BaseException, outcome: Outcome) -> dict[str, str]:
    return {
        "error_kind": type(error).__name__,
        "error": BaseException.__str__(error)[:500],
        "outcome": outcome.value,
    }
