"""What the pipeline may wait for, and nothing else: the one place that knows clocks, threads and loops.

The pipeline is written once as ``async def`` and awaits only its runtime. Under
:class:`~broker.runtime.blocking.BlockingRuntime` nothing ever suspends, so a coroutine is driven to
its end without an event loop; under :class:`~broker.runtime.asynchronous.AsyncRuntime` the same code
waits on the caller's loop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

from broker.runtime.message import Content, HttpReply

T = TypeVar("T")


class Http(Protocol):
    """The one way out to the network, bound to this attempt's deadline.

    It owns pools, proxies, CA bundles and caps; follows no redirects; retries nothing. It raises our
    errors: ``Unavailable`` (NOT_SENT or AMBIGUOUS), ``DeadlineExceeded``, ``MalformedReply``. A status
    of 4xx or 5xx is an answer, not an error: see ``raise_for_status``.
    """

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: Content = b"",
    ) -> HttpReply:
        """Send from an ``async def`` adapter method; works under both facades."""
        ...

    def send_blocking(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: Content = b"",
    ) -> HttpReply:
        """Send from a plain ``def`` adapter method, as from beneath a vendor's SDK."""
        ...

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """Await something that blocks (a vendor's token library) from an ``async def`` adapter method."""
        ...


class Signal(Protocol):
    """One waiter's bell: rung once, from any thread or event loop. Waiting costs nothing until then."""

    def set(self) -> bool:
        """Wake the waiter, now or when it begins to wait. False if its event loop is gone, and the waiter with it."""
        ...

    async def wait(self, seconds: float) -> bool:
        """Wait at most this long; whether it was set. May be called again."""
        ...


class Hold(Protocol):
    """What must stay counted for as long as an adapter runs, though its caller may have gone."""

    def take(self) -> None:
        """A worker thread is about to be given the adapter's method."""
        ...

    def drop(self) -> None:
        """It has really ended, or never began. Called once for each ``take``, from any thread."""
        ...


class Runtime(Protocol):
    """Time, waiting, calling and sending."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; deadlines live on it."""
        ...

    def now(self) -> datetime:
        """The wall clock in UTC; for records only."""
        ...

    def random(self) -> float:
        """In [0, 1): for jitter."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def signal(self) -> Signal:
        """A new signal; in the asynchronous world for a waiter on the running loop."""
        ...

    async def call(
        self, method: Callable[..., Any], *arguments: Any, deadline: float, hold: Hold | None = None
    ) -> Any:
        """Call an adapter's method, ``def`` or ``async def``, in the way this world can.

        The asynchronous world also ends an adapter that ignores the deadline.

        :param hold: taken while a worker thread has the method: one that is left behind outlives this call.
        """
        ...

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """Await something that blocks: inline, or in a worker thread."""
        ...

    def shielded(self, work: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        """Run to the end even if the caller is cancelled meanwhile: for settling the ledger."""
        ...

    def http(self, deadline: float) -> Http:
        """HTTP for one attempt."""
        ...

    def bell(self) -> Signal:
        """A signal that another thread will set: waiting for it takes real time under every clock."""
        ...

    def beside(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> Callable[[], None]:
        """Have it run beside the caller, in a thread or as a task of the running loop. It raises nothing.

        Returns what ends it: a task is cancelled (called in its loop), a thread cannot be.
        """
        ...

    async def alone(self, function: Callable[[], T], name: str, hold: Hold | None = None) -> T:
        """Run what blocks for as long as a stream lasts: inline, or in a thread that no other work waits for.

        Cancelling leaves the thread behind; whoever cancels has it end.
        """
        ...

    def in_thread(self) -> Runtime:
        """The runtime of the same clock for a thread of :meth:`alone`: nothing in it suspends."""
        ...
