"""The one place where anything is tried again: vendor SDKs have their retries switched off.

The first attempt runs bare; tenacity is entered only after a failure, so that its 23-44 us are paid
only when there is something to repeat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.contract.context import Reply
from broker.errors import RETRYABLE, DeadlineExceeded, Outcome, ProviderError
from broker.pipeline.call import Call, Next, Services

if TYPE_CHECKING:
    from tenacity import RetryCallState

BASE_SECONDS, LONGEST_SECONDS = 0.2, 20.0


async def retry(call: Call, services: Services, next_stage: Next) -> Reply[Any]:
    """Repeat what may be repeated, within the deadline, after the vendor's hint or a full-jitter wait."""
    try:
        return await next_stage(call)
    except ProviderError as error:
        if services.settings.max_attempts == 1 or not _may_repeat(error, services):
            raise
        first = error
    return await _again(call, services, next_stage, first)


def _may_repeat(error: BaseException, services: Services) -> bool:
    if not isinstance(error, ProviderError):
        return False
    return error.outcome in RETRYABLE or (
        error.outcome is Outcome.AMBIGUOUS and services.settings.retry_ambiguous
    )


async def _again(call: Call, services: Services, next_stage: Next, first: ProviderError) -> Reply[Any]:
    import tenacity

    runtime = services.runtime
    failed = [first]

    async def once() -> Reply[Any]:
        if failed:
            raise failed.pop()  # the first attempt, already made
        return await next_stage(call)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        longest: float = min(LONGEST_SECONDS, BASE_SECONDS * 2.0 ** (state.attempt_number - 1))
        jitter = runtime.random() * longest
        hint = error.retry_after if isinstance(error, ProviderError) else None
        return jitter if hint is None else hint + min(jitter, 0.1 * hint + 0.05)

    def stop(state: RetryCallState) -> bool:
        out_of_time = runtime.monotonic() + state.upcoming_sleep >= call.deadline
        return out_of_time or state.attempt_number >= services.settings.max_attempts

    try:
        return await tenacity.AsyncRetrying(
            sleep=runtime.sleep,
            wait=wait,
            stop=stop,
            retry=tenacity.retry_if_exception(lambda error: _may_repeat(error, services)),
            reraise=True,
        )(once)
    except ProviderError as error:
        spent = len(call.attempts) >= services.settings.max_attempts
        if spent or error.retry_after is not None or not _may_repeat(error, services):
            raise  # with a hint the caller learns when to come back: retry_at
        raise DeadlineExceeded(
            f"{call.operation.name}: no time is left for another attempt after {len(call.attempts)}: {error}",
            outcome=error.outcome,
            last_error=error,
        ) from error
