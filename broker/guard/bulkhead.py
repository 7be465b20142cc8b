"""Seats: how many attempts one account may have on their way at once, so that a slow provider cannot take all threads.

A seat's ``id`` is in the set while it is taken, and taking it out twice does no harm: leaving is safe at any
instant, from any thread, and again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from broker.runtime.base import Runtime, Signal


class Bulkhead:
    """The seats of one account. First come, first served."""

    __slots__ = ("_lock", "_seated", "_waiting", "seats")

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self._lock = threading.RLock()
        self._seated: set[int] = set()
        self._waiting: OrderedDict[int, Signal] = OrderedDict()

    @property
    def in_flight(self) -> int:
        """Seats taken."""
        return len(self._seated)

    @property
    def waiting(self) -> int:
        """How many wait for one."""
        return len(self._waiting)

    def try_enter(self, seat: Seat) -> bool:
        """Take a seat if one is free and nobody waits for it."""
        with self._lock:
            if self._waiting or len(self._seated) >= self.seats:
                return False
            self._seated.add(id(seat))
            return True

    async def enter(self, seat: Seat, runtime: Runtime, deadline: float) -> bool:
        """Take a seat, waiting in turn up to the deadline; whether there was one.

        Whoever leaves this early, by cancellation too, must still ``leave``, which gives the turn on.
        """
        if self.try_enter(seat):
            return True
        signal = runtime.signal()
        with self._lock:
            self._waiting[id(seat)] = signal
            self._promote()
        while id(seat) not in self._seated:
            left = deadline - runtime.monotonic()
            if left <= 0.0:
                return False
            await signal.wait(left)
            with self._lock:
                self._promote()
        return True

    def leave(self, seat: Seat) -> None:
        """Give the seat, or the place in the row, to the next."""
        # Freed before it is looked who waits, and whoever waits says so before it looks for a free seat, so one of
        # the two sees the other; the lock is for the rare case.
        number = id(seat)
        self._seated.discard(number)
        if self._waiting or number in self._seated:
            with self._lock:
                self._waiting.pop(number, None)
                self._seated.discard(number)  # given to it this moment, while it went for being too late
                self._promote()

    def unsettled(self, seat: Seat) -> bool:
        """Whether it is taken, or somebody waits who may not have been told that it is free."""
        return bool(self._waiting) or id(seat) in self._seated

    def after_fork(self) -> None:
        """In a child: nobody of ours is seated."""
        self._lock = threading.RLock()
        self._seated = set()
        self._waiting = OrderedDict()

    def _promote(self) -> None:
        """Seat those whose turn it is. Woken before they are seated: if this is cut off (Ctrl-C), they finish it."""
        while self._waiting and len(self._seated) < self.seats:
            number, signal = next(iter(self._waiting.items()))
            if signal.set():
                self._seated.add(number)
            self._waiting.pop(number, None)


class Seat:
    """One attempt's claim. A worker thread that is left behind holds it on until it ends."""

    __slots__ = ("_bulkhead", "_left", "_threads")

    def __init__(self, bulkhead: Bulkhead) -> None:
        self._bulkhead = bulkhead
        self._threads: list[None] = []
        self._left = False

    def take(self) -> None:
        """See :class:`broker.runtime.base.Hold`."""
        self._threads.append(None)

    def drop(self) -> None:
        """See :class:`broker.runtime.base.Hold`."""
        self._threads.pop()
        if self._left and not self._threads:
            self._bulkhead.leave(self)

    def leave(self) -> None:
        """The attempt is over for its caller. Whoever is last of caller and threads frees the seat."""
        self._left = True
        if not self._threads:
            self._bulkhead.leave(self)

    def __del__(self) -> None:
        # For a caller that was cut off between two instructions, or thrown away with its event loop.
        bulkhead: Bulkhead | None = getattr(self, "_bulkhead", None)
        if bulkhead is not None and bulkhead.unsettled(self):
            bulkhead.leave(self)
