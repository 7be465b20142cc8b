"""Runtimes on the real clock that do not wait between attempts: for tests of retries against a real server.

For tests without a network :class:`broker.runtime.virtual.VirtualRuntime` is better: there time moves too.
"""

from __future__ import annotations

from broker.runtime.asynchronous import AsyncRuntime
from broker.runtime.blocking import BlockingRuntime


class HurriedRuntime(BlockingRuntime):
    """Synchronous; ``slept`` lists the waits that were skipped."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Skip the wait."""
        self.slept.append(seconds)


class HurriedAsyncRuntime(AsyncRuntime):
    """The same for the asynchronous world."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Skip the wait."""
        self.slept.append(seconds)
