"""Jobs behind the facades: begin one, see where it stands, wait for it, stop it, tidy up."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from broker.contract.jobs import Progress
from broker.contract.operations import TRANSCRIBE
from broker.core import Core, new_id, seconds_of, total_cost
from broker.errors import BadInput, BrokerError, NotConfigured
from broker.ledger.job import JobLedger, JobRow
from broker.pipeline.call import Call, Candidate
from broker.pipeline.job import resume, stop
from broker.pipeline.job_request import ignored_of, request_of
from broker.pipeline.job_steps import Steps
from broker.pipeline.job_work import JobWork, ledger_of
from broker.pipeline.record import patiently
from broker.pipeline.route import job_target
from broker.pipeline.watch import Watch
from broker.types.call import Result
from broker.types.job import JobState, JobStatus
from broker.types.progress import Watcher
from broker.types.transcript import Transcript

log = logging.getLogger("broker")
_ASK_SECONDS = 30.0
"""For what is no waiting: a look, a stop."""
_WANTED = timedelta(seconds=10)
"""So long after somebody asked for a job in vain, he is taken to wait for its result."""
_HANDLE = "mlbroker_job"
_TIDIED = (
    JobState.DONE,
    JobState.COLLECTED,
    JobState.FAILED,
    JobState.CANCELLED,
    JobState.EXPIRED,
    JobState.LOST,
)
"""Nothing is done with the recording any more."""


class JobCore:
    """What the sync and the async facade share."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._services = core.services

    # ---- begin and go on

    async def start(self, source: Any, options: Mapping[str, Any]) -> JobRow:
        """Stage and submit. Raises the errors of :mod:`broker.errors`."""
        door = self._services.door
        ticket = door.enter()
        try:
            call = await self._core.prepare(TRANSCRIBE, source, options)
            call.starting = True
            row: JobRow = (await self._core.reply_to(call)).payload
            return row
        finally:
            door.leave(ticket)

    async def wait(
        self,
        job_id: str,
        deadline: float | timedelta | None,
        *,
        raw: bool,
        progress: Watcher | None = None,
    ) -> Result[Transcript]:
        """Its result. Raises what it failed with."""
        door = self._services.door
        ticket = door.enter()
        try:
            row = await self._row(job_id)
            call = self._call(row, deadline, raw=raw)
            call.watch = None if progress is None else Watch(progress)
            services = self._services
            reply = await self._core.reply_to(call, lambda one: resume(one, services, row))
            reply = replace(reply, payload=reply.payload.ignoring(ignored_of(row.facts.request)))
            return self._core.result_of(call, call.request, reply, total_cost(call))
        finally:
            door.leave(ticket)

    async def cancel(self, job_id: str) -> bool:
        """Stop it, also where another program waits for it. False: it has ended, or the provider cannot stop it."""
        door = self._services.door
        ticket = door.enter()
        try:
            row = await self._row(job_id)
            call = self._call(row, _ASK_SECONDS)
            work = await JobWork.resume(call, self._services, row)
            try:
                return await stop(work)
            finally:
                await self._services.runtime.shielded(work.leave)
        finally:
            door.leave(ticket)

    # ---- look

    async def status(self, job_id: str) -> JobStatus:
        """Where it stands; the provider is asked if it has it."""
        door = self._services.door
        ticket = door.enter()
        try:
            row = await self._row(job_id)
            if row.state is not JobState.RUNNING:
                return self._status(row)
            call = self._call(row, _ASK_SECONDS)
            target = call.target
            if target is None or target.job is None:
                raise BrokerError("a job without a target")
            steps = Steps(call, self._services, target)
            progress = await steps.take(target.job.steps.poll, row.facts.job_id or row.id, tries=2)
            return self._status(row, progress)
        finally:
            door.leave(ticket)

    async def all(self, *, ended: bool) -> list[JobStatus]:
        """The newest first, as the ledger has them."""
        ledger = ledger_of(self._services)
        states = None if ended else [each for each in JobState if each.open]
        rows = await patiently(self._services, lambda: ledger.jobs(states), self._soon())
        return [self._status(row) for row in rows]

    async def known(self, given: str) -> JobRow:
        """By its id, or the handle that ``to_json`` gave. Raises :class:`BadInput`."""
        return await self._row(_id_of(given))

    # ---- tidy

    async def clean(self) -> int:
        """Remove at the providers what was handed out, and recordings whose removal failed before. How many results."""
        door = self._services.door
        ticket = door.enter()
        try:
            ledger = ledger_of(self._services)
            rows = await patiently(self._services, lambda: ledger.jobs(_TIDIED), self._soon())
            for row in rows:
                if row.facts.staged:
                    await self._unstaged(row)
            mine = [row for row in rows if row.state is JobState.COLLECTED]
            return await self._removed(mine, even_wanted=True)
        finally:
            door.leave(ticket)

    async def _unstaged(self, row: JobRow) -> None:
        """Remove the recording of a job that needs it no more; what fails is logged."""
        try:
            work = await JobWork.resume(self._call(row, _ASK_SECONDS), self._services, row)
        except BrokerError as error:
            log.warning("the recording of the job %s is still at its place in the store: %s", row.id, error)
            return
        try:
            if work.ours and work.row.state in _TIDIED:
                await work.remove_recording()
        finally:
            await self._services.runtime.shielded(work.leave)

    async def tidy(self) -> None:
        """What this broker handed out, before it is closed. Raises nothing."""
        services = self._services
        mine = sorted(services.collected)
        services.collected.clear()
        try:
            ledger = ledger_of(services)
            rows = [ledger.job(each) for each in mine]
            everything = services.settings.jobs.remove == "all"
            await self._removed([row for row in rows if row is not None], everything=everything)
        except Exception as error:  # noqa: BLE001 - closing goes on
            log.info("results that were handed out are still at their provider: %s", error)

    async def _removed(
        self, rows: Sequence[JobRow], *, everything: bool = True, even_wanted: bool = False
    ) -> int:
        done = 0
        for row in rows:
            try:
                work = await JobWork.resume(self._call(row, _ASK_SECONDS), self._services, row)
            except BrokerError as error:
                log.info("the job %s stays at its provider: %s", row.id, error)
                continue
            try:
                if work.ours and work.row.state in (JobState.DONE, JobState.COLLECTED):
                    done += await self._remove(work, everything=everything, even_wanted=even_wanted)
            except BrokerError as error:
                log.info("the job %s stays at its provider: %s", row.id, error)
            finally:
                await self._services.runtime.shielded(work.leave)
        return done

    async def _remove(self, work: JobWork, *, everything: bool, even_wanted: bool) -> bool:
        wanted = work.row.wanted
        await work.write(JobState.COLLECTED)
        await work.remove_recording()
        waited_for = wanted is not None and self._services.runtime.now() - wanted < _WANTED
        if not everything or (waited_for and not even_wanted):  # then he who waits removes it
            return False
        if not work.row.facts.adopted:
            await work.steps.take(work.does.remove_job, work.job_id, tries=2)
        await work.write(JobState.REMOVED)
        return True

    # ---- of a row

    async def _row(self, job_id: str) -> JobRow:
        ledger = ledger_of(self._services)
        row = await patiently(self._services, lambda: ledger.job(job_id), self._soon())
        if row is None:
            raise BadInput(
                f"there is no job {job_id!r:.80} in this ledger; see which there are: mlbroker jobs list --all"
            )
        return row

    def _call(self, row: JobRow, deadline: float | timedelta | None, *, raw: bool = False) -> Call:
        candidate = Candidate(provider=row.provider, profile=row.profile or None)
        started = self._services.runtime.monotonic()
        seconds = self._services.settings.deadline if deadline is None else seconds_of(deadline)
        request = request_of(row.facts.request)
        call = Call(
            call_id=new_id(),
            operation=TRANSCRIBE,
            request=replace(request, raw=raw or request.raw),
            candidates=(candidate,),
            started=started,
            deadline=started + seconds,
            max_cost=None,
            tags={},
            patient=deadline is None,
        )
        call.target = job_target(candidate, TRANSCRIBE.name, TRANSCRIBE.method, self._services)
        if call.target.region != row.region:  # there it is not known, which would be taken for its end
            raise NotConfigured(
                f"the job {row.id} is in the region {row.region}, and the settings of {candidate} name "
                f"{call.target.region}; set it back to go on with this job"
            )
        return call

    def _status(self, row: JobRow, progress: Progress | None = None) -> JobStatus:
        return status_of(row, ledger_of(self._services), self._services.runtime.now(), progress)

    def _soon(self) -> float:
        return self._services.runtime.monotonic() + self._services.settings.deadline


def status_of(row: JobRow, ledger: JobLedger, at: datetime, progress: Progress | None = None) -> JobStatus:
    """Where a job stands.

    :param progress: what the provider said just now.
    """
    audio = request_of(row.facts.request).audio
    facts = row.facts
    return JobStatus(
        id=row.id,
        provider=row.provider,
        profile=row.profile or None,
        operation=row.operation,
        state=row.state,
        name=audio.name,
        milliseconds=audio.milliseconds,
        made=row.made,
        changed=row.changed,
        worked_on=ledger.worked_on(row, at),
        provider_state=None if progress is None else progress.state,
        percent=None if progress is None else progress.percent,
        error=f"{facts.error_kind}: {facts.error}" if facts.error_kind else None,
    )


def handle_of(row: JobRow) -> str:
    """What can be stored: it names the job in its ledger."""
    return json.dumps({_HANDLE: 1, "id": row.id, "provider": row.provider, "operation": row.operation})


def _id_of(given: str) -> str:
    if not isinstance(given, str):
        raise BadInput(f"a job is named by its id or its JSON handle, not by {type(given).__name__}")
    named = given
    if given.lstrip().startswith("{"):
        try:
            found = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise BadInput("this is no handle of a job: it is no JSON; job.to_json() gives one") from error
        if found.get(_HANDLE) != 1 or not isinstance(found.get("id"), str):
            raise BadInput("this is no handle of a job of this version; job.to_json() gives one")
        named = found["id"]
    if not named.isascii() or not named.isprintable():
        raise BadInput("this is no id of a job; mlbroker jobs list shows them")
    return str(named)
