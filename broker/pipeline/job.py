"""A recording that no single request takes: staged, submitted, waited for, fetched, tidied away.

Each state is in the ledger before the step it names is taken, so that whoever comes after a crash goes on where it
stopped: the same input finds the same row, a submission whose answer was lost is looked for before it is made again, and
there is one charge. The one step that may cost goes through the stages behind this one, like any attempt.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from broker.contract.context import Reply
from broker.errors import BrokerError, DeadlineExceeded, SwitchedOff
from broker.ledger.job import JobRow
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services
from broker.pipeline.job_end import finish, handed_out, refetched
from broker.pipeline.job_wait import cancelled, stopped_at_provider, wait
from broker.pipeline.job_work import JobWork
from broker.pipeline.off_switch import check
from broker.pipeline.submit import recover
from broker.types.job import JobState

_LOOK_SECONDS = 1.0
"""Between two looks at a job that another program works on."""
_PREPARED = frozenset({JobState.STAGING, JobState.STAGED})
_STOPPABLE = _PREPARED | {JobState.SUBMITTING, JobState.RUNNING}


def job(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Once a provider; passes on what one request answers."""
    if target_of(call).job is None:
        return next_stage(call)
    return _job(call, services, next_stage)


async def _job(call: Call, services: Services, next_stage: Next) -> Reply[Any]:
    try:
        check(call, services)
    except SwitchedOff:
        if not await JobWork.runs(call, services):
            raise
    work = await JobWork.begin(call, services)
    try:
        return await _through(work, next_stage)
    finally:
        await services.runtime.shielded(work.leave)


async def resume(call: Call, services: Services, row: JobRow) -> Reply[Any]:
    """Go on with a job of the ledger: wait for it, fetch it. Raises what it failed with."""
    work = await JobWork.resume(call, services, row)
    try:
        await _ours(work)
        return await _onward(work)
    finally:
        await services.runtime.shielded(work.leave)


async def stop(work: JobWork) -> bool:
    """Stop it, also where somebody else waits for it. False: it has ended already, or the provider cannot stop it."""
    stopped = False
    while True:
        if work.ours:
            await recovered(work)
        if work.row.state is JobState.RUNNING and not stopped:
            # Asked before it is taken from who waits for it: where it cannot be stopped, he goes on and books it.
            if not await stopped_at_provider(work):
                return False
            stopped = True
        if work.ours or work.row.state not in _STOPPABLE:
            return await cancelled(work, stopped=stopped)
        # Not while it is submitted: nobody could tell yet whether the provider has it.
        await work.look(by_force=_PREPARED | {JobState.RUNNING} if stopped else _PREPARED)
        if work.row.state is JobState.SUBMITTING and not work.ours:
            await _pause(work)


async def _ours(work: JobWork) -> bool:
    """Wait until nobody else works on it; whether that was so at once."""
    at_once = work.ours
    while not work.ours:
        if work.call.starting and work.row.state is JobState.RUNNING:
            break  # nothing is left to be started
        await _pause(work)
        await work.look()
    return at_once


async def _pause(work: JobWork) -> None:
    runtime = work.services.runtime
    work.services.door.check()
    if runtime.monotonic() + _LOOK_SECONDS >= work.call.deadline:
        raise DeadlineExceeded(
            f"{work.row.id}: another program works on this job; see where it stands: mlbroker jobs list"
        )
    await runtime.sleep(_LOOK_SECONDS)


async def _through(work: JobWork, next_stage: Next) -> Reply[Any]:
    """From wherever it stands."""
    call = work.call
    at_once = await _ours(work)
    if not work.ours:
        return await _started(work)
    if at_once and work.row.state is JobState.DONE and work.row.id in work.services.collected:
        await work.write(JobState.COLLECTED)  # handed out here before: this is a call of its own
    # Who waited while another was handed the result is given the same; who comes later makes a call of his own.
    if work.row.state is JobState.REMOVED or (at_once and work.row.state is JobState.COLLECTED):
        await work.anew()
        return await _through(work, next_stage)
    await recovered(work)
    if work.row.state in _PREPARED:
        try:
            check(call, work.services)
            await work.stage()
            call.job = work
            await next_stage(call)
        except BrokerError as error:
            await work.never(error)
            raise
        finally:
            call.job = None
    return await _onward(work)


async def _started(work: JobWork) -> Reply[Any]:
    if work.row.call_id != work.call.call_id:
        await work.want()
    return Reply(payload=work.row)


async def recovered(work: JobWork) -> None:
    """Find out about a submission whose answer nobody saw, if it stands there."""
    if work.row.state is JobState.SUBMITTING:
        await recover(work)


async def _onward(work: JobWork) -> Reply[Any]:
    await recovered(work)
    if work.row.state in _PREPARED:
        raise work.never_submitted()
    if work.call.starting:
        return await _started(work)
    if work.row.state is JobState.RUNNING:
        await wait(work)
        reply = await finish(work)
    else:
        reply = await refetched(work)
    return handed_out(work, reply)
