"""Wait for the end of a job at its provider; what ends without a result is booked and told."""

from __future__ import annotations

from broker.contract.jobs import Phase, Progress
from broker.errors import BrokerError, DeadlineExceeded, Outcome, ProviderError, ProviderFault
from broker.ledger.job import LeaseLost
from broker.pipeline.job_end import as_before
from broker.pipeline.job_request import request_of
from broker.pipeline.job_work import JobWork, log, patience_of
from broker.pipeline.record import patiently, say_both
from broker.pipeline.watch import show
from broker.types.job import JobState

_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 30.0


async def wait(work: JobWork) -> None:
    """Ask until it has succeeded. Raises what it failed with; the row says why, and what may have been billed.

    Raises :class:`~broker.errors.DeadlineExceeded` while it runs on: then its row stays open for who comes next.
    """
    runtime, call = work.services.runtime, work.call
    attempt = await work.attempt()
    if attempt is None:
        raise BrokerError(f"the job {work.row.id} runs without an attempt; report this")
    if work.ticket is None:
        work.hold(attempt)
    asked = request_of(work.row.facts.request)
    # The wall clock is asked once: set forward meanwhile it would end a job that is well.
    age = max(0.0, (runtime.now() - attempt.intent.started).total_seconds())
    until = runtime.monotonic() + max(0.0, patience_of(work.path, asked) - age)
    pause = _FIRST_PAUSE
    while True:
        try:
            progress: Progress = await work.steps.take(work.does.poll, work.job_id)
        except BrokerError as error:
            error.outcome = Outcome.AMBIGUOUS  # the job itself runs on
            error.add_note(work.go_on)
            raise
        show(call, work.row, progress)
        if progress.phase is Phase.SUCCEEDED:
            return
        if progress.phase in (Phase.FAILED, Phase.GONE):
            await _not_taken_over(work)
        if progress.phase is Phase.FAILED:
            raise await _failed(work, progress)
        if progress.phase is Phase.GONE:
            raise await _ended(work, JobState.LOST, "the provider does not know the job any more")
        if runtime.monotonic() >= until:
            raise await _given_up(work)
        work.services.door.check()
        await work.keep()
        left = call.deadline - runtime.monotonic()
        if left <= 1.0:
            raise DeadlineExceeded(
                f"the job {work.row.id} is still {progress.state} at {work.target.candidate}; {work.go_on}",
                outcome=Outcome.AMBIGUOUS,
            )
        await runtime.sleep(min(pause * (0.75 + 0.5 * runtime.random()), left - 0.5))
        pause = min(_LONGEST_PAUSE, 1.5 * pause)


async def _not_taken_over(work: JobWork) -> None:
    """Raises what became of it, where another program has stopped it meanwhile."""
    row = await patiently(work.services, lambda: work.ledger.job(work.row.id), work.call.deadline)
    if row is None or row.worker == work.worker:
        return
    work.row = row
    if row.state.open:
        raise LeaseLost(
            f"the job {row.id} was taken over by another program; see where it stands: mlbroker jobs list"
        )
    raise as_before(work)


async def _failed(work: JobWork, progress: Progress) -> ProviderError:
    error = progress.error or ProviderFault(f"the job ended as {progress.state}")
    error.provider = error.provider or str(work.target.candidate)
    error.operation = error.operation or work.call.operation.name
    say_both(error, work.services.runtime.now())
    await work.settle(JobState.FAILED, error.outcome, error=error)
    await work.remove_recording()
    return error


async def _given_up(work: JobWork) -> ProviderError:
    """It is stuck: stop it if that can be done."""
    try:
        stopped = await stopped_at_provider(work, tries=2)
    except BrokerError as error:
        log.warning("the job %s could not be stopped: %s", work.row.id, error)
        stopped = False
    words = "it was stopped" if stopped else "it could not be stopped"
    return await _ended(
        work, JobState.EXPIRED, f"the job took far longer than the recording and was given up; {words}"
    )


async def _ended(work: JobWork, state: JobState, words: str) -> ProviderError:
    error = ProviderFault(
        f"{work.row.id}: {words}; what it cost is not known: look at the invoice, then mlbroker settle",
        provider=str(work.target.candidate),
        operation=work.call.operation.name,
        outcome=Outcome.AMBIGUOUS,
    )
    await work.settle(state, Outcome.AMBIGUOUS, error=error)
    await work.remove_recording()
    return error


async def stopped_at_provider(work: JobWork, *, tries: int | None = None) -> bool:
    """Whether it could be stopped. Somebody else's is only waited for no more."""
    return work.row.facts.adopted or bool(await work.steps.take(work.does.cancel, work.job_id, tries=tries))


async def cancelled(work: JobWork, *, stopped: bool) -> bool:
    """Book it as cancelled. False: it has ended otherwise.

    :param stopped: the provider did.
    """
    state = work.row.state
    if state in (JobState.STAGING, JobState.STAGED):
        await work.write(JobState.CANCELLED)
        await work.remove_recording()
        return True
    if state is not JobState.RUNNING:
        return stopped and state is not JobState.DONE
    attempt = await work.attempt()
    if attempt is not None and attempt.open:
        work.hold(attempt)
        error = ProviderFault("the job was cancelled", outcome=Outcome.AMBIGUOUS)
        await work.settle(JobState.CANCELLED, Outcome.AMBIGUOUS, error=error)
    await work.remove_recording()
    return True
