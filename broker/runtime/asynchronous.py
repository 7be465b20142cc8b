"""The asynchronous world: wait on the caller's loop, put blocking adapters into worker threads."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

from broker.errors import DeadlineExceeded, NotConfigured, Outcome
from broker.runtime.base import Hold
from broker.runtime.blocking import BlockingHttp, BlockingRuntime
from broker.runtime.door import POLL, Door
from broker.runtime.exchange import Exchange
from broker.runtime.home import Home
from broker.runtime.message import Content, HttpReply

if TYPE_CHECKING:
    from broker.runtime.http import AsyncTransport

T = TypeVar("T")

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
        content: Content = b"",
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
        content: Content = b"",
    ) -> HttpReply:
        """For code that runs in a worker thread."""
        return self._blocking.send_blocking(method, url, headers=headers, params=params, content=content)

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """In a worker thread."""
        return await self._runtime.run_blocking(function)


class AsyncSignal:
    """A signal for a task of the running loop, set from any thread or loop."""

    __slots__ = ("_future", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._future: asyncio.Future[None] = self._loop.create_future()

    def set(self) -> bool:
        """See :class:`~broker.runtime.base.Signal`."""
        try:
            self._loop.call_soon_threadsafe(self._ring)
        except RuntimeError:  # the loop is closed, so nobody waits
            return False
        return True

    def _ring(self) -> None:
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self, seconds: float) -> bool:
        """See :class:`~broker.runtime.base.Signal`."""
        await asyncio.wait((self._future,), timeout=max(0.0, seconds))  # cancels us, never the future
        return self._future.done()


async def _as_coroutine(work: Callable[[], Awaitable[T]]) -> T:
    return await work()


@coroutine
def _resumed(begun: Coroutine[Any, Any, T], waiting: Any) -> Generator[Any, Any, T]:
    """Go on with a coroutine that was begun elsewhere and waits for ``waiting``."""
    while True:
        try:
            sent = yield waiting
        except BaseException as error:  # noqa: BLE001 - handed on to it
            step = partial(begun.throw, error)
        else:
            step = partial(begun.send, sent)
        try:
            waiting = step()
        except StopIteration as end:
            value: T = end.value
            return value


async def _in_a_task(begun: Coroutine[Any, Any, T], waiting: Any) -> T:
    return await _resumed(begun, waiting)


def require_asyncio() -> None:
    """Raises :class:`~broker.errors.NotConfigured` where no asyncio loop runs, as under trio."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        raise NotConfigured(
            "AsyncBroker works under asyncio only (asyncio.run, or anyio on its asyncio backend). Under trio use "
            "Broker in a thread: await trio.to_thread.run_sync(lambda: broker.vision.label(...))"
        ) from None


class _InThreads(BlockingRuntime):
    """For threads that live as long as a stream; the clock is its owner's."""

    def __init__(self, owner: BlockingRuntime) -> None:
        super().__init__()
        self.monotonic = owner.monotonic  # type: ignore[method-assign]
        self.now = owner.now  # type: ignore[method-assign]


class AsyncRuntime(BlockingRuntime):
    """The asynchronous facade's runtime; clients are kept per event loop."""

    def __init__(self, seed: int | None = None) -> None:
        super().__init__(seed)
        # Loops are held on purpose: what was opened on one must be closed, also when it is gone (see _sweep).
        self._homes: dict[asyncio.AbstractEventLoop, Home] = {}
        self._inherited: list[object] = []
        self._beside: set[asyncio.Task[None]] = set()

    async def sleep(self, seconds: float) -> None:
        """See :class:`~broker.runtime.base.Runtime`."""
        await anyio.sleep(seconds)

    def signal(self) -> AsyncSignal:
        """See :class:`~broker.runtime.base.Runtime`."""
        return AsyncSignal()

    async def call(
        self, method: Callable[..., Any], *arguments: Any, deadline: float, hold: Hold | None = None
    ) -> Any:
        """``async def`` on the loop, ``def`` in a worker thread.

        Transport and adapters keep the deadline themselves; one that does not is left behind a moment later.
        """
        unsent = False
        with anyio.move_on_after(max(0.0, deadline - self.monotonic()) + LEFT_BEHIND):
            try:
                if inspect.iscoroutinefunction(method):
                    return await method(*arguments)
                answer = await self._home().workers.run(partial(method, *arguments), hold)
                return await answer if isinstance(answer, Awaitable) else answer
            except asyncio.CancelledError as error:
                unsent = getattr(error, "outcome", None) is Outcome.NOT_SENT
                raise
        if unsent:
            raise DeadlineExceeded("the deadline passed before anything was sent", outcome=Outcome.NOT_SENT)
        raise DeadlineExceeded(
            "the deadline passed and the adapter did not come back; it may have been billed",
            outcome=Outcome.AMBIGUOUS,
        )

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """Run in a worker thread. Cancelling frees the caller at once; the thread ends by its own deadline."""
        return await self._home().workers.run(function)

    def bell(self) -> AsyncSignal:
        """See :class:`~broker.runtime.base.Runtime`."""
        return AsyncSignal()

    def beside(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> Callable[[], None]:
        """See :class:`~broker.runtime.base.Runtime`."""
        task = asyncio.get_running_loop().create_task(work(), name=name)
        self._beside.add(task)  # a loop holds its tasks weakly
        task.add_done_callback(self._beside.discard)

        def end() -> None:
            with suppress(RuntimeError):  # the loop was closed, and the task with it
                task.cancel()

        return end

    async def alone(self, function: Callable[[], T], name: str, hold: Hold | None = None) -> T:
        """See :class:`~broker.runtime.base.Runtime`."""
        found: Future[T] = Future()
        bell, context = self.bell(), copy_context()

        def run() -> None:
            try:
                found.set_result(context.run(function))
            except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                found.set_exception(error)
            finally:
                if hold is not None:
                    hold.drop()
                bell.set()

        if hold is not None:
            hold.take()
        threading.Thread(target=run, name=name, daemon=True).start()
        while not await bell.wait(3600.0):
            pass
        return found.result()

    def in_thread(self) -> BlockingRuntime:
        """See :class:`~broker.runtime.base.Runtime`."""
        return _InThreads(self)  # not kept: the two would hold each other

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        """See :class:`~broker.runtime.base.Runtime`."""
        begun = _as_coroutine(work)
        try:
            waiting = begun.send(None)
        except StopIteration as end:  # it never waited, so nothing could come between; also without a loop
            value: T = end.value
            return value
        # A task of its own against asyncio's cancellation, the shield against anyio's, which would come again
        # in every turn of the loop.
        task = asyncio.ensure_future(_in_a_task(begun, waiting))
        cancelled: asyncio.CancelledError | None = None
        with anyio.CancelScope(shield=True):
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
        return self._home().transport()

    def http(self, deadline: float) -> AsyncHttp:  # type: ignore[override] # both satisfy Http
        """See :class:`~broker.runtime.base.Runtime`."""
        return AsyncHttp(self, deadline, super().http(deadline))

    async def emptied(self, door: Door, seconds: float) -> bool:
        """Wait until no call is inside; whether that came in time."""
        until = time.monotonic() + seconds
        while door.busy():
            if time.monotonic() >= until:
                return False
            await asyncio.sleep(POLL)
        return True

    def cut(self) -> None:
        """See :class:`~broker.runtime.blocking.BlockingRuntime`; of all loops."""
        super().cut()
        for home in list(self._homes.values()):
            home.cut()

    async def aclose(self) -> None:
        """Close the connections of this loop, of others and of those that are gone, and of the worker threads."""
        here = asyncio.get_running_loop()
        self._sweep()
        for loop, home in list(self._homes.items()):
            if loop is here:
                self._homes.pop(loop, None)
                await home.aclose()
            else:
                home.close_from_outside()  # at once, if it runs, else when it runs again or ends
        self.close()

    def renew(self) -> None:
        """See :class:`~broker.runtime.blocking.BlockingRuntime`.

        The parent's loops are kept and never touched: they share its selector.
        """
        super().renew()
        homes, self._homes = self._homes, {}
        self._inherited.append(homes)
        for home in list(homes.values()):
            home.bury()

    def _home(self) -> Home:
        loop = asyncio.get_running_loop()
        home = self._homes.get(loop)
        if home is None:
            self._sweep()
            home = self._homes[loop] = Home(loop)
            if self._cutting:
                home.cut()
        return home

    def _sweep(self) -> None:
        """Close what was left open on loops that are closed."""
        for loop, home in list(self._homes.items()):
            if loop.is_closed():
                self._homes.pop(loop, None)
                home.bury()
