"""The result of a job: read, booked, handed out, tidied away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import broker.errors
from broker.contract.context import Reply
from broker.errors import (
    BadInput,
    BrokerError,
    MalformedReply,
    Outcome,
    ProviderError,
    ProviderFault,
)
from broker.pipeline.job_request import request_of
from broker.pipeline.job_steps import STEP_SECONDS
from broker.pipeline.job_work import JobWork
from broker.pipeline.record import reported
from broker.types.call import Attempt
from broker.types.job import JobState
from broker.types.money import Cost
from broker.types.speech import TranscribeRequest
from broker.types.transcript import Transcript


async def finish(work: JobWork) -> Reply[Any]:
    """Read the result and book what the job cost. Raises :class:`~broker.errors.MalformedReply`: that is booked too."""
    try:
        reply = await _fetched(work)
        metered = work.metered()
        if reply.usage:
            metered = reported(work.call, work.services, reply.usage, metered, work.day)
    except BrokerError as error:
        if error.outcome is Outcome.BAD_REPLY:
            await work.settle(JobState.FAILED, Outcome.BAD_REPLY, error=error)
            await work.remove_recording()
            raise
        error.outcome = Outcome.AMBIGUOUS  # it has been done
        if isinstance(error, BadInput):  # and its result is gone for good
            await work.settle(JobState.LOST, Outcome.AMBIGUOUS, error=error)
            await work.remove_recording()
        else:
            error.add_note(work.go_on)
        raise
    booked = await work.settle(JobState.DONE, Outcome.DONE, reply=reply, metered=metered)
    if booked:
        await work.remove_recording()
    return reply


async def refetched(work: JobWork) -> Reply[Any]:
    """The result of a job that is booked already. Raises what it failed with then."""
    row = work.row
    if row.state is JobState.REMOVED:
        raise BadInput(
            f"the result of {row.id} was handed out before, and is removed; keep results with jobs.remove = "
            '"recording" in the settings, or make the call again, which is a new job'
        )
    if row.state not in (JobState.DONE, JobState.COLLECTED):
        raise as_before(work)
    try:
        reply = await _fetched(work)
    except BrokerError as error:
        gone = isinstance(error, BadInput) or error.outcome is Outcome.BAD_REPLY
        error.outcome = Outcome.AMBIGUOUS  # it is paid
        if gone:
            await work.write(JobState.LOST, error_kind=type(error).__name__, error=str(error)[:500])
        else:
            error.add_note(work.go_on)
        raise
    if row.state is JobState.DONE and row.id not in work.services.collected:
        await _tell_cost(work)
        await work.remove_recording()
    return reply


async def _fetched(work: JobWork) -> Reply[Transcript]:
    asked = work.call.request
    facts = work.row.facts
    told = request_of(facts.request)
    # As the job was asked for; only whether the whole answer is wanted is the present caller's matter.
    request = replace(told, raw=asked.raw) if isinstance(asked, TranscribeRequest) else told
    # The result of an hour of speech may have tens of megabytes.
    seconds = None if work.path.attended else STEP_SECONDS + request.audio.milliseconds / 10_000
    reply = await work.steps.take(work.does.fetch, request, work.job_id, seconds=seconds)
    if not isinstance(reply, Reply) or not isinstance(reply.payload, Transcript):
        raise MalformedReply("the adapter did not return a transcript", provider=str(work.target.candidate))
    return reply


async def _tell_cost(work: JobWork) -> None:
    """The call that is first given the result is told what it cost."""
    attempt = await work.attempt()
    if attempt is None or attempt.open:
        return
    intent = attempt.intent
    work.call.attempts.append(
        Attempt(
            id=f"{intent.call_id}-{intent.number}",
            number=intent.number,
            kind=intent.kind,
            provider=intent.provider,
            profile=intent.profile or None,
            service=intent.service,
            operation=intent.operation,
            region=intent.region,
            started=intent.started,
            latency=attempt.latency,
            outcome=Outcome(attempt.outcome) if attempt.outcome else Outcome.UNKNOWN,
            cost=Cost(
                amount=attempt.amount,
                upper_bound=attempt.amount if attempt.amount is not None else intent.bound,
                currency=intent.currency,
                billed=attempt.billed,
                unpriced=intent.unpriced,
            ),
            request_id=attempt.request_id,
        )
    )


def handed_out(work: JobWork, reply: Reply[Any]) -> Reply[Any]:
    """Remember it until the broker is closed: who dies before he has saved the result is given it again, and pays once."""
    if work.row.state in (JobState.DONE, JobState.COLLECTED):
        work.services.collected.add(work.row.id)
    return reply


def as_before(work: JobWork) -> ProviderError:
    """What it ended with, for one who comes later."""
    facts = work.row.facts
    kind = getattr(broker.errors, facts.error_kind or "", ProviderFault)
    if not (isinstance(kind, type) and issubclass(kind, ProviderError)):
        kind = ProviderFault
    return kind(
        f"the job {work.row.id} is {work.row.state.value}" + (f": {facts.error}" if facts.error else ""),
        provider=str(work.target.candidate),
        operation=work.call.operation.name,
        outcome=Outcome(facts.outcome) if facts.outcome else None,
    )
