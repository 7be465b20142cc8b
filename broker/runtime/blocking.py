"""The synchronous world: wait inline, drive coroutines that never suspend."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import copy_context
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from broker.errors import BrokerError
from broker.runtime.base import Hold, Signal
from broker.runtime.exchange import Exchange
from broker.runtime.forks import first_use, renewed_in_child
from broker.runtime.message import Content, HttpReply

if TYPE_CHECKING:
    from broker.runtime.http import BlockingTransport

T = TypeVar("T")


class Suspended(BrokerError):
    """Something awaited a real event loop under the synchronous facade."""


def drive(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends. 4 us a call, no loop, no thread."""
    try:
        work.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    work.close()
    raise Suspended(
        "an adapter awaited something of its own under the synchronous Broker; await only context.http, "
        "write the method as a plain 'def', or use AsyncBroker"
    )


class BlockingHttp:
    """HTTP inline, bound to a deadline."""

    __slots__ = ("_clock", "_deadline", "_transport")

    def __init__(self, transport: BlockingTransport, deadline: float, clock: Callable[[], float]) -> None:
        self._transport = transport
        self._deadline = deadline
        self._clock = clock

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
        return self._transport.send(
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
        """For plain ``def`` methods and beneath vendor SDKs: carried as composed unless ``params`` are given."""
        exchange = Exchange(self._deadline, self._clock)
        if params:
            return self._transport.send(
                method, url, exchange=exchange, headers=headers, params=params, content=content
            )
        return self._transport.send_prepared(method, url, headers=headers, content=content, exchange=exchange)

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """Inline: this world blocks anyway."""
        return function()


class BlockingSignal:
    """A signal that a thread waits for."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> bool:
        """See :class:`~broker.runtime.base.Signal`."""
        self._event.set()
        return True

    async def wait(self, seconds: float) -> bool:
        """See :class:`~broker.runtime.base.Signal`."""
        return self._event.wait(seconds)


class BlockingRuntime:
    """The synchronous facade's runtime. Shared by threads."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - jitter, not secrets
        self._seeded = seed is not None
        self._transport: BlockingTransport | None = None
        self._making = threading.Lock()
        self._cutting = False
        renewed_in_child(self)

    if TYPE_CHECKING:

        def monotonic(self) -> float:
            """See :class:`~broker.runtime.base.Runtime`."""
            ...

    else:
        monotonic = staticmethod(time.monotonic)  # asked a dozen times in a call: without a frame around it

    def companion(self) -> BlockingRuntime:
        """Another one, for what goes on beside the calls: with the same wall clock, and waiting and connections of its own."""
        return BlockingRuntime()

    def now(self) -> datetime:
        """See :class:`~broker.runtime.base.Runtime`."""
        return datetime.now(UTC)

    def random(self) -> float:
        """See :class:`~broker.runtime.base.Runtime`."""
        return self._random.random()

    async def sleep(self, seconds: float) -> None:
        """See :class:`~broker.runtime.base.Runtime`."""
        time.sleep(seconds)  # noqa: ASYNC251 - this runtime never has an event loop

    def signal(self) -> Signal:
        """See :class:`~broker.runtime.base.Runtime`."""
        return BlockingSignal()

    async def call(
        self,
        method: Callable[..., Any],
        *arguments: Any,
        deadline: float,  # noqa: ARG002 - nothing can interrupt inline code
        hold: Hold | None = None,  # noqa: ARG002 - nor outlive it
    ) -> Any:
        """See :class:`~broker.runtime.base.Runtime`."""
        answer = method(*arguments)
        # What isinstance(answer, Awaitable) looks at, without its detour over the registry of abstract classes.
        return answer if getattr(type(answer), "__await__", None) is None else await answer

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """See :class:`~broker.runtime.base.Runtime`."""
        return function()

    def shielded(self, work: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        """See :class:`~broker.runtime.base.Runtime`."""
        return work()

    def http(self, deadline: float) -> BlockingHttp:
        """See :class:`~broker.runtime.base.Runtime`."""
        transport = self._transport
        if transport is None:
            transport = self._new_transport()
        return BlockingHttp(transport, deadline, self.monotonic)

    def bell(self) -> Signal:
        """See :class:`~broker.runtime.base.Runtime`."""
        return BlockingSignal()

    def beside(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> Callable[[], None]:
        """See :class:`~broker.runtime.base.Runtime`."""
        run = copy_context().run
        threading.Thread(target=lambda: run(drive, work()), name=name, daemon=True).start()
        return lambda: None

    async def alone(self, function: Callable[[], T], name: str, hold: Hold | None = None) -> T:  # noqa: ARG002 - inline
        """See :class:`~broker.runtime.base.Runtime`."""
        return function()

    def in_thread(self) -> BlockingRuntime:
        """See :class:`~broker.runtime.base.Runtime`."""
        return self

    def _new_transport(self) -> BlockingTransport:
        with first_use:
            from broker.runtime.http import BlockingTransport

        with self._making:
            if self._transport is None:
                transport = BlockingTransport()
                if self._cutting:
                    transport.streams.cut()
                self._transport = transport
            return self._transport

    def cut(self) -> None:
        """End all connections, now and from now on: attempts in flight fail, as possibly billed where sent.

        From any thread. The runtime is not for use afterwards.
        """
        self._cutting = True
        if self._transport is not None:
            self._transport.streams.cut()

    def close(self) -> None:
        """Close idle connections."""
        if self._transport is not None:
            self._transport.close()

    def renew(self) -> None:
        """In a forked child: connections and the lock are the parent's.

        The child's handles are closed, without a word on the wire, so that a connection ends when the parent ends it.
        """
        self._making = threading.Lock()
        if not self._seeded:  # else all children of a server would wait the same and come back together
            self._random.seed()
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.streams.bury()
