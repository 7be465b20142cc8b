"""The one step of a job that may cost: announced like any attempt, but its row stays open until the job has ended."""

from __future__ import annotations

from typing import Any

from broker.contract.context import Reply
from broker.contract.jobs import Submission
from broker.errors import (
    BadInput,
    BrokerError,
    BudgetExceeded,
    DeadlineExceeded,
    Outcome,
    ProviderError,
    Unavailable,
)
from broker.pipeline.alarm import tell
from broker.pipeline.call import Call, Services
from broker.pipeline.cap import hold_below
from broker.pipeline.job_request import whole
from broker.pipeline.job_steps import STEP_SECONDS
from broker.pipeline.job_work import JobWork
from broker.pipeline.meter import Metered
from broker.pipeline.record import intent_of, number_of, outcome_of_failure, say_both
from broker.types.job import JobState
from broker.types.speech import TranscribeRequest

_MAY_BE_TAKEN = frozenset({Outcome.AMBIGUOUS, Outcome.SERVER, Outcome.UNKNOWN, Outcome.BAD_REPLY})
"""What leaves it open whether the provider has taken the job."""
_FIND_PAUSE = 5.0


async def submit(call: Call, services: Services, work: JobWork) -> Reply[Any]:
    """In the place of an attempt. Raises what the provider refused with; then nothing is open."""
    runtime = services.runtime
    services.door.check()
    if work.ticket is not None:  # an attempt before left it open
        await recover(work)
        if work.row.state is JobState.RUNNING:
            return Reply(payload=work.row)
    if runtime.monotonic() >= call.deadline:
        raise DeadlineExceeded(f"{call.operation.name}: the deadline passed before attempt {number_of(call)}")
    metered = Metered.of(call, services)
    if call.max_cost is not None:
        hold_below(call.max_cost, call, metered)
    first = work.row.seq is None
    try:
        ticket = await work.announce(intent_of(call, work.target, metered, runtime.now()), metered)
    except BudgetExceeded as error:
        tell(error.alarms, services)
        raise
    if ticket.alarms:
        tell(ticket.alarms, services)
    try:
        found, asked = await _submitted(work)
    except BaseException as error:
        outcome = outcome_of_failure(error)
        if isinstance(error, ProviderError):
            error.provider = error.provider or str(work.target.candidate)
            error.operation = error.operation or call.operation.name
            say_both(error, runtime.now())
        if outcome not in _MAY_BE_TAKEN:
            await work.settle(JobState.STAGED, outcome, error=error)
        raise
    # There though this row has never asked for it before: it is another's, in whose ledger its cost is.
    await work.running(found, others=asked and found.adopted and first)
    return Reply(payload=found, request_id=found.request_id)


async def recover(work: JobWork) -> None:
    """Find out what became of a submission that nobody saw the answer of."""
    attempt = await work.attempt()
    if attempt is None or not attempt.open:
        raise BrokerError(f"the job {work.row.id} is submitted without an open attempt; report this")
    work.hold(attempt)
    waited = (work.services.runtime.now() - attempt.intent.started).total_seconds()
    found = await _find(work, None, waited)
    if found is not None:
        await work.running(found)
        return
    if isinstance(asked := work.call.request, TranscribeRequest) and not whole(asked, work.row.facts.request):
        # A vendor whose jobs have no names is looked through for one of the same request.
        raise BadInput(
            f"whether the provider has taken the job {work.row.id} cannot be found out without its hints, which are not "
            "kept; make the same call again",
            outcome=Outcome.AMBIGUOUS,
        )
    never = Unavailable("the provider never took the job, as its list shows", outcome=Outcome.NOT_SENT)
    await work.settle(JobState.STAGED, Outcome.NOT_SENT, error=never)


async def _submitted(work: JobWork) -> tuple[Submission, bool]:
    """Ask for the job, and whether that was answered; if not, look for it.

    The outcome of what is raised is AMBIGUOUS while that is open.
    """
    call, runtime = work.call, work.services.runtime
    began = runtime.monotonic()
    try:
        found: Submission = await work.steps.once(
            work.does.submit,
            call.request,
            work.row.id,
            work.place,
            deadline=min(call.deadline, began + STEP_SECONDS) if work.path.staging else call.deadline,
            hold=call.seat,
        )
    except (ProviderError, DeadlineExceeded) as error:
        if error.outcome not in _MAY_BE_TAKEN or runtime.monotonic() >= call.deadline:
            raise
        lost: ProviderError | DeadlineExceeded = error
    else:
        return found, True
    there = await _find(work, lost, runtime.monotonic() - began)
    if there is not None:
        return there, False
    told = lost if isinstance(lost, ProviderError) else None
    raise Unavailable(
        f"the provider did not take the job, as its list shows: {lost}",
        outcome=Outcome.NOT_SENT,
        retry_after=None if told is None else told.retry_after,
        request_id=None if told is None else told.request_id,
    ) from lost


async def _find(work: JobWork, lost: BrokerError | None, waited: float) -> Submission | None:
    """Look for a job whose submission may have been lost, for as long as the provider's list may lag.

    :param waited: seconds since it was asked for; below 0 where the clock was set back.
    """
    call, runtime = work.call, work.services.runtime
    until = runtime.monotonic() + max(0.0, work.path.settle_seconds - max(0.0, waited))
    unknown = f"whether the provider has taken the job {work.row.id} is not known; {work.go_on}"
    while True:
        try:
            found: Submission | None = await work.steps.take(
                work.does.find, call.request, work.row.id, work.place
            )
            work.services.door.check()
        except BrokerError as error:
            error.add_note(unknown)
            if lost is not None:
                error.add_note(f"its submission failed with: {lost}")
            error.outcome = Outcome.AMBIGUOUS
            raise
        now = runtime.monotonic()
        if found is not None or now >= until:
            return found
        if now >= call.deadline:
            raise DeadlineExceeded(unknown, outcome=Outcome.AMBIGUOUS, last_error=lost)
        await runtime.sleep(max(0.01, min(_FIND_PAUSE, until - now, call.deadline - now)))
