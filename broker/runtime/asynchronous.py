"""The asynchronous world: wait on the caller's loop, put blocking adapters into worker threads."""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import anyio.to_thread

from broker.errors import DeadlineExceeded, Outcome
from broker.runtime.blocking import BlockingHttp, BlockingRuntime
from broker.runtime.exchange import Exchange
from broker.runtime.message import HttpReply

if TYPE_CHECKING:
    from broker.runtime.http import AsyncTransport

T = TypeVar("T")

WORKERS = 64
"""Threads for blocking adapters, as many as there are pooled connections."""


LEFT_BEHIND = 0.1
"""Seconds an adapter may be late before it is left behind."""


class AsyncHttp:
    """HTTP on the loop, bound to a deadline; the blocking side serves vendor SDKs in worker threads."""

    __slots__ = ("_blocking", "_clock", "_deadline", "_runtime")

    def __init__(self, runtime: AsyncRuntime, deadline: float, blocking: BlockingHttp) -> None:
        self._runtime = runtime
        self._deadline = deadline
        self._clock = runtime.monotonic
        self._blocking = blocking

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> HttpReply:
        """For ``async def`` adapter methods."""
        exchange = Exchange(self._deadline, self._clock)
        return await self._runtime.transport().send(
            method, url, exchange=exchange, headers=headers, params=params, content=content
        )

    def send_blocking(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> HttpReply:
        """For code that runs in a worker thread."""
        return self._blocking.send_blocking(method, url, headers=headers, params=params, content=content)

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """In a worker thread."""
        return await self._runtime.run_blocking(function)


async def _as_coroutine(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


class AsyncRuntime(BlockingRuntime):
    """The asynchronous facade's runtime; clients are kept per event loop."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed)
        self._transports: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncTransport] = (
            weakref.WeakKeyDictionary()
        )
        self._limiters: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, anyio.CapacityLimiter] = (
            weakref.WeakKeyDictionary()
        )

    async def sleep(self, seconds: float) -> None:
        """See :class:`~broker.runtime.base.Runtime`."""
        await anyio.sleep(seconds)

    async def call(self, method: Callable[..., Any], *arguments: Any, deadline: float) -> Any:
        """``async def`` on the loop, ``def`` in a worker thread.

        Transport and adapters keep the deadline themselves; one that does not is left behind a moment later.
        """
        with anyio.move_on_after(max(0.0, deadline - self.monotonic()) + LEFT_BEHIND):
            if inspect.iscoroutinefunction(method):
                return await method(*arguments)
            answer = await self.run_blocking(partial(method, *arguments))
            return await answer if isinstance(answer, Awaitable) else answer
        raise DeadlineExceeded(
            "the deadline passed and the adapter did not come back; it may have been billed",
            outcome=Outcome.AMBIGUOUS,
        )

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """Run in a worker thread. Cancelling frees the caller at once; the thread ends by its own deadline."""
        loop = asyncio.get_running_loop()
        limiter = self._limiters.get(loop)
        if limiter is None:
            limiter = self._limiters[loop] = anyio.CapacityLimiter(WORKERS)
        return await anyio.to_thread.run_sync(function, abandon_on_cancel=True, limiter=limiter)

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        """See :class:`~broker.runtime.base.Runtime`."""
        # A task of its own: anyio's shield holds off anyio's cancellation, but not asyncio's.
        task = asyncio.ensure_future(_as_coroutine(work))
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        return task.result()

    def transport(self) -> AsyncTransport:
        """The running loop's transport; connections cannot move between loops."""
        loop = asyncio.get_running_loop()
        transport = self._transports.get(loop)
        if transport is None:
            from broker.runtime.http import AsyncTransport

            transport = self._transports[loop] = AsyncTransport()
        return transport

    def http(self, deadline: float) -> AsyncHttp:  # type: ignore[override] # both satisfy Http
        """See :class:`~broker.runtime.base.Runtime`."""
        return AsyncHttp(self, deadline, super().http(deadline))

    async def aclose(self) -> None:
        """Close idle connections of this loop and of the worker threads."""
        transport = self._transports.pop(asyncio.get_running_loop(), None)
        if transport is not None:
            await transport.aclose()
        self.close()
