"""The one place where anything is tried again: vendor SDKs have their retries switched off.

The first attempt runs bare; tenacity is entered only after a failure, so that its 23-44 us are paid
only when there is something to repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.contract.context import Reply
from broker.errors import (
    RETRYABLE,
    AuthFailed,
    BudgetExceeded,
    DeadlineExceeded,
    Outcome,
    ProviderError,
    SwitchedOff,
)
from broker.pipeline.call import Call, Next, Services
from broker.pipeline.guard import guard_of, held_back
from broker.pipeline.renew import with_another_credential
from broker.runtime.forks import first_use
from broker.types.call import AttemptKind

if TYPE_CHECKING:
    from tenacity import RetryCallState

BASE_SECONDS, LONGEST_SECONDS = 0.2, 20.0


async def retry(call: Call, services: Services, next_stage: Next) -> Reply[Any]:
    """Repeat what may be repeated, within the deadline, after the vendor's hint or a full-jitter wait."""
    try:
        return await next_stage(call)
    except ProviderError as error:
        first = error
    if isinstance(first, AuthFailed) and not first.held_back:
        try:
            return await with_another_credential(first, call, services, next_stage)
        except ProviderError as error:
            first = error
    if services.settings.max_attempts == 1 or not _may_repeat(first, services):
        raise first
    return await _again(call, services, next_stage, first)


def _may_repeat(error: BaseException, services: Services) -> bool:
    if not isinstance(error, ProviderError) or error.held_back:
        return False
    return error.outcome in RETRYABLE or (
        error.outcome is Outcome.AMBIGUOUS and services.settings.retry_ambiguous
    )


async def _renewing(call: Call, services: Services, next_stage: Next, *, renewed: bool) -> Reply[Any]:
    """An attempt, and one more with another credential unless this call had its one renewal."""
    try:
        return await next_stage(call)
    except AuthFailed as refused:
        if renewed or refused.held_back:
            raise
        return await with_another_credential(refused, call, services, next_stage)


def _made(call: Call) -> int:
    """Attempts at this target; a fallback has its own."""
    return len(call.attempts) - call.attempts_before


async def _again(call: Call, services: Services, next_stage: Next, first: ProviderError) -> Reply[Any]:
    with first_use:
        import tenacity

    runtime = services.runtime
    budget = guard_of(call, services).budget
    failed = [first]
    last: ProviderError = first
    given_up = ""

    async def once() -> Reply[Any]:
        nonlocal last
        if failed:
            raise failed.pop()  # the first attempt, already made
        call.kind = AttemptKind.RETRY
        try:
            return await _renewing(call, services, next_stage, renewed=isinstance(first, AuthFailed))
        except ProviderError as error:
            if not error.held_back:
                last = error
                raise
            give_up(error)
            raise last from error

    def give_up(refusal: ProviderError) -> None:
        """What was really answered tells more than that nothing more is asked; only when to come back is added."""
        nonlocal given_up
        given_up = f"not tried again: {refusal}"
        if last.retry_after is None:
            last.retry_after, last.retry_at = refusal.retry_after, refusal.retry_at

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        call.why = type(error).__name__
        longest: float = min(LONGEST_SECONDS, BASE_SECONDS * 2.0 ** (state.attempt_number - 1))
        jitter = runtime.random() * longest
        hint = error.retry_after if isinstance(error, ProviderError) else None
        return jitter if hint is None else hint + min(jitter, 0.1 * hint + 0.05)

    def stop(state: RetryCallState) -> bool:
        nonlocal given_up
        now = runtime.monotonic()
        out_of_time = now + state.upcoming_sleep >= call.deadline
        if out_of_time or given_up or _made(call) >= services.settings.max_attempts:
            return True
        refusal = held_back(call, services, state.upcoming_sleep)
        if refusal is not None:
            give_up(refusal)
        elif not budget.take(now):
            given_up = "not tried again: the retry budget is used up; retries are a part of the calls (limits.retry_ratio)"
        return bool(given_up)

    try:
        return await tenacity.AsyncRetrying(
            sleep=runtime.sleep,
            wait=wait,
            stop=stop,
            retry=tenacity.retry_if_exception(lambda error: _may_repeat(error, services)),
            reraise=True,
        )(once)
    except (BudgetExceeded, DeadlineExceeded, SwitchedOff) as refused:
        refused.add_note(f"the attempt before failed: {last}")
        if isinstance(refused, DeadlineExceeded) and refused.last_error is None:
            refused.last_error = last
        raise
    except ProviderError as error:
        if given_up:
            error.args = (f"{error.args[0]}; {given_up}", *error.args[1:])
            raise
        spent = _made(call) >= services.settings.max_attempts
        if spent or error.retry_after is not None or not _may_repeat(error, services):
            raise  # with a hint the caller learns when to come back: retry_at
        raise DeadlineExceeded(
            f"{call.operation.name}: no time is left for another attempt after {len(call.attempts)}: {error}",
            outcome=error.outcome,
            last_error=error,
        ) from error
