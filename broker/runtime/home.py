"""What the asynchronous runtime keeps for one event loop: connections and worker threads cannot move between loops."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
import anyio.to_thread

from broker.runtime.exchange import unsent
from broker.runtime.forks import first_use

if TYPE_CHECKING:
    from broker.runtime.base import Hold
    from broker.runtime.http import AsyncTransport

T = TypeVar("T")

WORKERS = 64
"""Threads for blocking adapters, as many as there are pooled connections."""


class Home:
    """One loop's transport and workers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.workers = Workers(loop)
        self._transport: AsyncTransport | None = None
        self._farewell: AsyncGenerator[None, None] | None = None
        self._cut = False

    def transport(self) -> AsyncTransport:
        """Made on first use, on the loop."""
        transport = self._transport
        if transport is None:
            with first_use:
                from broker.runtime.http import AsyncTransport

            transport = self._transport = AsyncTransport()
            if self._cut:
                transport.streams.cut()
            self._farewell = _farewell(transport)
            with suppress(StopIteration, ResourceWarning):
                self._farewell.__anext__().send(None)  # up to its yield, without waiting
        return transport

    async def aclose(self) -> None:
        """Close the connections, on the loop."""
        farewell, self._farewell = self._farewell, None
        if farewell is not None:
            with suppress(RuntimeError):  # the loop ends and does it itself this moment
                await farewell.aclose()

    def close_from_outside(self) -> None:
        """Have it done on the loop, from elsewhere."""
        try:
            self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self.aclose()))
        except RuntimeError:  # it was closed meanwhile
            self.bury()

    def cut(self) -> None:
        """End all connections under those who use them."""
        self._cut = True
        if self._transport is not None:
            self._transport.streams.cut()

    def bury(self) -> None:
        """Close the connections without the loop, which is gone or another process's."""
        if self._transport is not None:
            self._transport.streams.bury()


async def _farewell(transport: AsyncTransport) -> AsyncGenerator[None, None]:
    """Closes the connections when the loop ends: ``asyncio.run`` closes what asynchronous generators it has seen."""
    try:
        yield
    finally:
        await transport.aclose()


class Workers:
    """Worker threads for one loop, at most :data:`WORKERS`; one that was left behind counts until it ends."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._places = anyio.CapacityLimiter(WORKERS)
        self._unlimited = anyio.CapacityLimiter(
            math.inf
        )  # anyio's own would forget a thread that was left behind

    async def run(self, function: Callable[[], T], hold: Hold | None = None) -> T:
        """Run it in a thread. A cancellation that comes before it began is marked: nothing was sent."""
        work = _Work(function, self, hold)
        try:
            self._places.acquire_on_behalf_of_nowait(work)
        except anyio.WouldBlock:
            try:
                await self._places.acquire_on_behalf_of(work)
            except asyncio.CancelledError as error:
                unsent(error)
                raise
        if hold is not None:
            hold.take()
        try:
            return await anyio.to_thread.run_sync(work.run, abandon_on_cancel=True, limiter=self._unlimited)
        except BaseException as error:
            if work.withdraw() and isinstance(error, asyncio.CancelledError):
                unsent(error)
            raise

    def leave(self, work: object) -> None:
        """A thread has ended, or never began. From any thread."""
        with suppress(RuntimeError):  # the loop is closed, and its places with it
            self._loop.call_soon_threadsafe(self._places.release_on_behalf_of, work)


class _Work(Generic[T]):
    """On its way into a thread. Either the thread begins it or the caller withdraws it; whoever pops first decides."""

    def __init__(self, function: Callable[[], T], workers: Workers, hold: Hold | None) -> None:
        self._function = function
        self._workers = workers
        self._hold = hold
        self._turn = [True]

    def run(self) -> T:
        """In the thread."""
        try:
            self._turn.pop()
        except IndexError:
            raise asyncio.CancelledError from None  # nobody waits for it any more
        try:
            return self._function()
        finally:
            self._end()

    def withdraw(self) -> bool:
        """Whether it had not begun, and so never will."""
        try:
            self._turn.pop()
        except IndexError:
            return False
        self._end()
        return True

    def _end(self) -> None:
        if self._hold is not None:
            self._hold.drop()
        self._workers.leave(self)
