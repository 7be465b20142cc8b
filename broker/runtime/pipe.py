"""Between the two sides of a stream: sound one way, results the other, both bounded, each side a thread or a task.

Every wait on the other side takes real time, also under a virtual clock: only the other side can end it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from broker.runtime.base import Signal

T = TypeVar("T")
Bells = Callable[[], Signal]
"""Makes a signal for whoever waits."""

_LOOK = 60.0
"""Seconds of one wait for a bell; it is rung when something changes, so this is only a net."""


class _Pipe:
    """Re-entrant, because a signal's handler may end a stream while its own thread is in here."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._bells: list[Signal] = []

    def _tell(self) -> None:
        """Wake everybody, of threads and tasks. With the lock held."""
        self._changed.notify_all()
        bells, self._bells = self._bells, []
        for bell in bells:
            bell.set()

    def _bell(self, bells: Bells) -> Signal:
        bell = bells()
        self._bells.append(bell)
        return bell


class SoundPipe(_Pipe):
    """Bytes in the order in which they came.

    :param most: so many may wait; then whoever gives them waits.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._kept = bytearray()
        self._ended = False
        self.error: BaseException | None = None

    def put(self, sound: memoryview) -> bool:
        """Give it, waiting for room. False when no more is wanted."""
        while True:
            with self._changed:
                while not self._ended and len(self._kept) >= self._most:
                    self._changed.wait()
                if self._ended:
                    return False
                sound = self._fill(sound)
                if not len(sound):
                    return True

    async def put_async(self, sound: memoryview, bells: Bells) -> bool:
        """The same for a task."""
        while True:
            with self._changed:
                if self._ended:
                    return False
                if len(self._kept) < self._most:
                    sound = self._fill(sound)
                if not len(sound):
                    return True
                bell = self._bell(bells)
            await bell.wait(_LOOK)

    def _fill(self, sound: memoryview) -> memoryview:
        room = self._most - len(self._kept)
        self._kept += sound[:room]
        self._tell()
        return sound[room:]

    def end(self, error: BaseException | None = None) -> None:
        """No more comes, because it is over or because of an error; what is kept is still taken."""
        with self._changed:
            if not self._ended:
                self._ended, self.error = True, error
            self._tell()

    def shut(self) -> None:
        """Nothing is taken any more, not even what is kept."""
        with self._changed:
            self._ended = True
            self._kept.clear()
            self._tell()

    def take(self, size: int, most: int, whole: int, seconds: float) -> bytes | None:
        """Once ``size`` bytes are there, or after so many seconds what there is: at most ``most``, in multiples of ``whole``.

        None behind the end.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or len(self._kept) >= size, seconds)
            count = min(most, len(self._kept))
            count -= count % whole
            if not count and self._ended:
                return None
            taken = bytes(memoryview(self._kept)[:count])
            del self._kept[:count]
            self._tell()
            return taken

    @property
    def rest(self) -> int:
        """Bytes that nobody took."""
        return len(self._kept)


class ItemPipe(_Pipe, Generic[T]):
    """Things in the order in which they came; from a thread to a thread or task.

    :param most: so many may wait; then whoever gives them waits.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._kept: deque[T] = deque()
        self._shut = False
        self.ended = False

    def put(self, item: T, seconds: float) -> bool:
        """Give it, waiting at most so long for room. False where there is none yet, or nobody takes any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._shut or len(self._kept) < self._most, seconds)
            if self._shut or len(self._kept) >= self._most:
                return False
            self._kept.append(item)
            self._tell()
            return True

    def end(self) -> None:
        """No more comes; what is kept is still taken."""
        with self._changed:
            self.ended = True
            self._tell()

    def shut(self) -> None:
        """Nobody takes any more."""
        with self._changed:
            self._shut = True
            self._kept.clear()
            self._tell()

    async def get(self, bells: Bells) -> T | None:
        """The next one; None behind the end."""
        while True:
            with self._changed:
                if self._kept:
                    item = self._kept.popleft()
                    self._tell()
                    return item
                if self.ended:
                    return None
                bell = self._bell(bells)
            await bell.wait(_LOOK)

    async def until_ended(self, bells: Bells, seconds: float) -> bool:
        """Wait until no more comes, at most so long; whether that is so."""
        until = time.monotonic() + seconds
        while True:
            with self._changed:
                if self.ended:
                    return True
                bell = self._bell(bells)
            left = until - time.monotonic()
            if left <= 0.0:
                return False
            await bell.wait(left)
