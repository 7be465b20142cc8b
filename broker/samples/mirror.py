"""Asking others the same question, beside the call: what is asked, what comes back, and the threads that wait for it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from broker.contract.operations import Operation
from broker.types.request import Request

AT_ONCE = 4
"""Shadow calls that are on their way together, of all use cases of a broker."""
_IDLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One shadow call.

    :param tags: of the call it goes beside, with the use case's name as ``quality``.
    """

    operation: Operation[Any, Any]
    request: Request = field(repr=False)
    provider: str
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came back.

    :param answer: None: none did; ``error``: the error's class then.
    :param cost: what it came to at the most; None: not known.
    """

    call_id: str
    answer: Any = field(default=None, repr=False)
    error: str | None = None
    model_version: str | None = None
    region: str | None = None
    latency: float = 0.0
    cost: Decimal | None = None
    currency: str | None = None


class Mirror(Protocol):
    """Asks one provider, once, beside everything that users' calls use. Safe for threads; raises nothing."""

    def bound(self, question: Question) -> tuple[Decimal | None, str]:
        """The most that it can cost, and its currency; None: not known."""
        ...

    def ask(self, question: Question, most: Decimal) -> Told:
        """Ask; what may cost more than ``most`` is not sent."""
        ...

    def cut(self) -> None:
        """End what is under way."""
        ...

    def close(self) -> None:
        """Release what it holds."""
        ...


class Crew:
    """Up to :data:`AT_ONCE` threads that do what waits, and end when nothing does.

    :param room: how much may wait.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Callable[[], None], Callable[[], None]]] = deque()
        self._threads: set[threading.Thread] = set()
        self._idle = 0
        self._stopped = False

    def give(self, work: Callable[[], None], given_up: Callable[[], None]) -> bool:
        """Have it done; False if there is no room, or no thread to be had.

        :param work: raises nothing. ``given_up``: called in its place where it is stopped before; raises nothing either.
        """
        with self._changed:
            if self._stopped or len(self._waiting) >= self._room:
                return False
            self._waiting.append((work, given_up))
            if self._idle:
                self._changed.notify()
            elif len(self._threads) < AT_ONCE:
                thread = threading.Thread(target=self._work, name="mlbroker shadow", daemon=True)
                try:
                    thread.start()
                except RuntimeError:
                    if not self._threads:
                        self._waiting.remove((work, given_up))
                        return False
                else:
                    self._threads.add(thread)
            return True

    @property
    def busy(self) -> bool:
        """Something waits or is under way."""
        with self._changed:
            return bool(self._waiting) or len(self._threads) > self._idle

    def stop(self) -> int:
        """Begin nothing more; how much is given up that waited."""
        with self._changed:
            self._stopped = True
            left = [given_up for _, given_up in self._waiting]
            self._waiting.clear()
            self._changed.notify_all()
        for given_up in left:
            given_up()
        return len(left)

    def ended(self, seconds: float) -> bool:
        """Wait until nothing waits and nothing is under way; whether that came in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: not self._waiting and len(self._threads) <= self._idle, timeout=seconds
            )

    def _work(self) -> None:
        me = threading.current_thread()
        try:
            while (work := self._next()) is not None:
                work()
        finally:
            with self._changed:
                self._threads.discard(me)
                self._changed.notify_all()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._idle += 1
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: self._waiting or self._stopped, timeout=_IDLE_SECONDS)
            finally:
                self._idle -= 1
            return self._waiting.popleft()[0] if self._waiting else None
