"""The steps of a job that cost nothing and may be taken again: what passes is waited for, within the deadline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.contract.adapter import Renewable
from broker.contract.context import Context
from broker.errors import (
    AuthFailed,
    BrokerError,
    DeadlineExceeded,
    Outcome,
    ProviderError,
    Throttled,
    Unavailable,
)
from broker.pipeline.call import Call, Services, Target
from broker.pipeline.record import foreign, sanitised
from broker.pipeline.watch import progress_of
from broker.runtime.base import Hold

STEP_SECONDS = 60.0
"""What one step may take; an upload may take all there is."""
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_PASSING = frozenset({Outcome.NOT_SENT, Outcome.THROTTLED, Outcome.SERVER, Outcome.AMBIGUOUS})


class Steps:
    """Takes an adapter's steps for one call."""

    def __init__(self, call: Call, services: Services, target: Target) -> None:
        self._call = call
        self._services = services
        self._target = target

    def context(self, deadline: float) -> Context:
        """For one step."""
        runtime = self._services.runtime
        return Context(
            call_id=self._call.call_id,
            attempt=len(self._call.attempts) + 1,
            operation=self._call.operation.name,
            http=runtime.http(deadline),
            remaining=lambda: deadline - runtime.monotonic(),
            region=self._target.region,
            progress=progress_of(self._call, by_job=True),
        )

    async def once(
        self, method: Callable[..., Any], *arguments: Any, deadline: float, hold: Hold | None = None
    ) -> Any:
        """Take a step. An exception that is not ours becomes :class:`~broker.errors.ProviderFault`."""
        try:
            return await self._services.runtime.call(
                method, *arguments, self.context(deadline), deadline=deadline, hold=hold
            )
        except ProviderError as error:
            error.provider = error.provider or str(self._target.candidate)
            error.operation = error.operation or self._call.operation.name
            raise
        except BrokerError:
            raise
        except Exception as error:  # noqa: BLE001 - an adapter of others may raise anything
            fault, cause = foreign(error, self._target, self._call), sanitised(error)
        raise fault from cause  # out here, so that the foreign exception is not kept as its context

    async def take(
        self,
        method: Callable[..., Any],
        *arguments: Any,
        tries: int | None = None,
        seconds: float | None = STEP_SECONDS,
        deadline: float | None = None,
    ) -> Any:
        """Take a step until it is through. Raises what does not pass, and :class:`~broker.errors.DeadlineExceeded`.

        :param tries: how often at most; None: until the deadline.
        :param seconds: for one try; None: until the deadline.
        :param deadline: another than the call's.
        """
        runtime = self._services.runtime
        deadline = self._call.deadline if deadline is None else deadline
        pause, tried, renewed = _FIRST_PAUSE, 0, False
        while True:
            now = runtime.monotonic()
            until = deadline if seconds is None else min(deadline, now + seconds)
            tried += 1
            try:
                return await self.once(method, *arguments, deadline=until)
            except AuthFailed as refused:
                if renewed or not await self._renewed(refused):
                    raise
                renewed = True
                continue
            except (Throttled, Unavailable, DeadlineExceeded) as error:
                last: BrokerError = error
                if not _passes(error) or tried == tries:
                    raise
            hint = last.retry_after if isinstance(last, ProviderError) else None
            wait = max(hint or 0.0, pause * (0.5 + runtime.random()))
            if runtime.monotonic() + wait >= deadline:
                raise DeadlineExceeded(
                    f"{self._call.operation.name}: no time is left for another try: {last}", last_error=last
                ) from last
            self._services.door.check()
            await runtime.sleep(wait)
            pause = min(_LONGEST_PAUSE, 2 * pause)

    async def _renewed(self, refused: AuthFailed) -> bool:
        adapter: Any = self._target.adapter
        if not isinstance(adapter, Renewable):
            return False
        deadline = min(self._call.deadline, self._services.runtime.monotonic() + STEP_SECONDS)
        return bool(await self.once(adapter.renew, refused, deadline=deadline))


def _passes(error: BrokerError) -> bool:
    return isinstance(error, DeadlineExceeded) or error.outcome in _PASSING
