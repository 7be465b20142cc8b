"""The open connections of one transport, and what can be done to them from outside."""

from __future__ import annotations

import weakref
from typing import Protocol


class Stream(Protocol):
    """A connection."""

    def sever(self) -> None:
        """End it under whoever uses it, from any thread; the owner still has to close it."""
        ...

    def bury(self) -> None:
        """Close this process's handle of it, without a word to the other side."""
        ...


class Streams:
    """Held weakly: a connection belongs to the pool. Safe for threads: single operations on a set are atomic.

    :ivar age: raised by :meth:`distrust`; connections of an earlier age are not used for another request.
    """

    __slots__ = ("_cut", "_open", "age")

    def __init__(self) -> None:
        self._open: set[weakref.ref[Stream]] = set()
        self._cut = False
        self.age = 0

    def add(self, stream: Stream) -> bool:
        """A new connection. False when all were cut meanwhile: close it again."""
        self._open.add(weakref.ref(stream, self._open.discard))
        return not self._cut

    def distrust(self) -> None:
        """Use no connection of today for another request: one was found dead, and the others may be as old."""
        self.age += 1

    def cut(self) -> None:
        """End every connection, those still to be made included."""
        self._cut = True
        for stream in self._now():
            stream.sever()

    def bury(self) -> None:
        """Close the handles, in a forked child or after the event loop's end."""
        for stream in self._now():
            stream.bury()
        self._open.clear()

    def _now(self) -> list[Stream]:
        return [stream for each in list(self._open) if (stream := each()) is not None]
