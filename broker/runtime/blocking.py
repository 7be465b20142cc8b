"""The synchronous world: wait inline, drive coroutines that never suspend."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from broker.errors import BrokerError
from broker.runtime.exchange import Exchange
from broker.runtime.message import HttpReply

if TYPE_CHECKING:
    from broker.runtime.http import BlockingTransport

T = TypeVar("T")


_making = threading.Lock()
os.register_at_fork(before=_making.acquire, after_in_parent=_making.release, after_in_child=_making.release)


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
        content: bytes = b"",
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
        content: bytes = b"",
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


class BlockingRuntime:
    """The synchronous facade's runtime. Shared by threads."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311 - jitter, not secrets
        self._transport: BlockingTransport | None = None
        self._inherited: BlockingTransport | None = None
        self._pid = os.getpid()

    def monotonic(self) -> float:
        """See :class:`~broker.runtime.base.Runtime`."""
        return time.monotonic()

    def now(self) -> datetime:
        """See :class:`~broker.runtime.base.Runtime`."""
        return datetime.now(UTC)

    def random(self) -> float:
        """See :class:`~broker.runtime.base.Runtime`."""
        return self._random.random()

    async def sleep(self, seconds: float) -> None:
        """See :class:`~broker.runtime.base.Runtime`."""
        time.sleep(seconds)  # noqa: ASYNC251 - this runtime never has an event loop

    async def call(self, method: Callable[..., Any], *arguments: Any, deadline: float) -> Any:  # noqa: ARG002 - nothing can interrupt inline code
        """See :class:`~broker.runtime.base.Runtime`."""
        answer = method(*arguments)
        return await answer if isinstance(answer, Awaitable) else answer

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """See :class:`~broker.runtime.base.Runtime`."""
        return function()

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        """See :class:`~broker.runtime.base.Runtime`."""
        return await work()

    def http(self, deadline: float) -> BlockingHttp:
        """See :class:`~broker.runtime.base.Runtime`."""
        transport = self._transport
        if transport is None or self._pid != os.getpid():
            transport = self._new_transport()
        return BlockingHttp(transport, deadline, self.monotonic)

    def _new_transport(self) -> BlockingTransport:
        from broker.runtime.http import BlockingTransport

        with _making:
            if self._transport is None or self._pid != os.getpid():
                # A forked child must not speak on its parent's connections; it leaves them alone, unclosed.
                self._inherited, self._transport = self._transport, BlockingTransport()
                self._pid = os.getpid()
            return self._transport

    def close(self) -> None:
        """Close idle connections."""
        if self._transport is not None and self._pid == os.getpid():
            self._transport.close()
