"""Who is inside a broker, and whether anybody may still come in: closing it loses no call and lets none in.

No lock: single operations on a dict are atomic, so that neither a fork nor an interruption leaves the door
stuck, and a call pays half a microsecond.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import get_ident

from broker.errors import BrokerClosed
from broker.runtime.forks import renewed_in_child

POLL = 0.005
"""Seconds between two looks whether the last call has left. A bell would need a lock, and closing is rare."""
TEXT = "the broker is closed; make a new one, or close it only after its last call"


class Door:
    """One broker's. Calls enter and leave; :meth:`close` lets nobody in, :meth:`cut` sends nobody out any more.

    :param admit: asked of each who enters; it raises to refuse.
    """

    def __init__(self, admit: Callable[[], object] | None = None) -> None:
        self._admit = admit
        self._inside: dict[object, int] = {}
        self._closed = False
        self._cut = False
        self._last: Callable[[], object] | None = None
        renewed_in_child(self)

    @property
    def closed(self) -> bool:
        """Nobody may enter."""
        return self._closed

    def enter(self) -> object:
        """Begin a call; give the answer to :meth:`leave`. Raises :class:`~broker.errors.BrokerClosed`."""
        if self._admit is not None:
            self._admit()
        ticket = object()
        self._inside[ticket] = get_ident()
        if self._closed:  # looked at behind the entry: whoever closes either sees us or is seen
            self.leave(ticket)
            raise BrokerClosed(TEXT)
        return ticket

    def leave(self, ticket: object) -> None:
        """End a call."""
        self._inside.pop(ticket, None)
        last = self._last
        if last is not None and not self._inside:
            with suppress(
                Exception
            ):  # the call has its result; what cannot be released is left to the process
                last()

    def check(self) -> None:
        """For a call inside, before each attempt. Raises :class:`~broker.errors.BrokerClosed` once all was cut."""
        if self._cut:
            raise BrokerClosed("the broker was closed while the call waited; nothing was sent any more")

    def ensure_open(self) -> None:
        """For what is no call. Raises :class:`~broker.errors.BrokerClosed`."""
        if self._closed:
            raise BrokerClosed(TEXT)

    @property
    def is_cut(self) -> bool:
        """No attempt may begin, and what goes on is to end."""
        return self._cut

    def close(self) -> None:
        """Let nobody in from now on."""
        self._closed = True

    def cut(self) -> None:
        """Let no attempt begin from now on."""
        self._cut = True

    def busy(self, *, others: bool = False) -> bool:
        """Whether calls are inside.

        :param others: of other threads only; those of the own cannot go on while it waits for them.
        """
        if not others:
            return bool(self._inside)
        mine = get_ident()
        return any(thread != mine for thread in list(self._inside.values()))

    def emptied(self, seconds: float) -> bool:
        """Wait until no other thread's call is inside; whether that came in time."""
        until = time.monotonic() + seconds
        while self.busy(others=True):
            if time.monotonic() >= until:
                return False
            time.sleep(POLL)
        return True

    def afterwards(self, last: Callable[[], object]) -> None:
        """Have this done by the last call that leaves, if any is inside."""
        self._last = last
        if not self._inside:
            self._last = None

    def renew(self) -> None:
        """In a forked child: the parent's other threads and tasks are not here."""
        self._inside = {}
        self._last = None
