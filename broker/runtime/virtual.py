"""A runtime whose clock moves only when someone waits: tests of waiting take no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from broker.runtime.blocking import BlockingRuntime


class VirtualSignal:
    """A signal on the virtual clock: nobody can set it while the only thread waits, so time passes."""

    def __init__(self, runtime: VirtualRuntime) -> None:
        self._runtime = runtime
        self._set = False

    def set(self) -> bool:
        """See :class:`~broker.runtime.base.Signal`."""
        self._set = True
        return True

    async def wait(self, seconds: float) -> bool:
        """Move the clock, unless it is set already."""
        if not self._set:
            await self._runtime.sleep(seconds)
        return self._set


class VirtualRuntime(BlockingRuntime):
    """Synchronous, with a virtual clock. ``slept`` lists every wait in order.

    :param start: the wall clock at the beginning, in UTC.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC), seed: int = 1) -> None:
        super().__init__(seed)
        self._start = start
        self._elapsed = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        """Virtual seconds since the start."""
        return self._elapsed

    def now(self) -> datetime:
        """The start plus the virtual seconds."""
        return self._start + timedelta(seconds=self._elapsed)

    def companion(self) -> BlockingRuntime:
        """One whose days are these, and whose waiting is real: who moves this clock moves it while others are asked."""
        return _Companion(self)

    def advance(self, seconds: float) -> None:
        """Let time pass without anyone waiting, as a slow provider does."""
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept.append(seconds)
        self._elapsed += seconds

    def signal(self) -> VirtualSignal:
        """A signal on this clock."""
        return VirtualSignal(self)


class _Companion(BlockingRuntime):
    """See :meth:`VirtualRuntime.companion`."""

    def __init__(self, clock: VirtualRuntime) -> None:
        super().__init__()
        self._clock = clock

    def now(self) -> datetime:
        """The virtual instant."""
        return self._clock.now()
