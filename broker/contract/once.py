"""Once per process, and once at a time: how adapters keep clients and fetch credentials.

Both are safe for threads and after a fork: a child process starts with nothing, for connections and locks of
its parent are not its own.
"""

from __future__ import annotations

import copy
import os
import threading
import weakref
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any, Generic, TypeVar

from broker.contract.context import Context
from broker.errors import DeadlineExceeded
from broker.runtime.forks import first_use

T = TypeVar("T")

_renewing = threading.Lock()
os.register_at_fork(
    before=_renewing.acquire, after_in_parent=_renewing.release, after_in_child=_renewing.release
)


class PerProcess(Generic[T]):
    """A client that is made on first use, by one thread, anew in a forked child.

    What the parent made is kept in the child and never closed there: closing it can hang, or speak on the
    parent's connection.

    :param make: makes it; what it raises goes to the caller, and the next call tries again.
    """

    __slots__ = ("_inherited", "_lock", "_make", "_pid", "_value")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._value: T | None = None
        self._inherited: list[T] = []

    def get(self) -> T:
        """The one of this process."""
        value = self._value
        if value is not None and self._pid == os.getpid():
            return value
        return self._made()

    @property
    def held(self) -> T | None:
        """The one of this process, if there is one."""
        return self._value if self._pid == os.getpid() else None

    def take(self) -> T | None:
        """Give it away to be closed; the next :meth:`get` makes another."""
        self._forked()
        with self._lock:
            value, self._value = self._value, None
        return value

    def _made(self) -> T:
        self._forked()
        with self._lock:
            value = self._value
            if value is None:
                with first_use:  # an SDK is imported, perhaps
                    value = self._value = self._make()
        return value

    def _forked(self) -> None:
        if self._pid == os.getpid():
            return
        with _renewing:
            if self._pid != os.getpid():
                if self._value is not None:
                    self._inherited.append(self._value)
                # The parent's lock may have been held at the fork by a thread that is not here.
                self._value, self._lock = None, threading.Lock()
                self._pid = os.getpid()


class ForkGate:
    """``with gate:`` around calls into a library that does not bear a fork meanwhile.

    A fork waits until nobody is inside, for at most ``patience`` seconds, and nobody enters during it.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self.renew()
        _gates.add(self)

    def __enter__(self) -> None:
        with self._lock:  # the bell's own; through the bell it takes twice as long
            while self._shut:
                self._bell.wait()
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._shut and not self._inside:
                self._bell.notify_all()

    def before_fork(self) -> None:
        """Let nobody in and wait for those inside."""
        with self._bell:
            self._shut = True
            self._bell.wait_for(lambda: not self._inside, self._patience)

    def after_fork(self) -> None:
        """Open again, in the parent."""
        with self._bell:
            self._shut = False
            self._bell.notify_all()

    def renew(self) -> None:
        """Nobody is inside, in the child."""
        self._lock = threading.Lock()
        self._bell = threading.Condition(self._lock)
        self._inside = 0
        self._shut = False


_gates: weakref.WeakSet[ForkGate] = weakref.WeakSet()


def _each_gate(what: Callable[[ForkGate], None]) -> None:
    for gate in list(_gates):
        what(gate)


os.register_at_fork(
    before=partial(_each_gate, ForkGate.before_fork),
    after_in_parent=partial(_each_gate, ForkGate.after_fork),
    after_in_child=partial(_each_gate, ForkGate.renew),
)


class _Flight:
    __slots__ = ("done", "error", "value")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None


class SingleFlight(Generic[T]):
    """Work that may hang (a token service, a login helper), done once for all threads that wait for it.

    It runs in a thread of its own, so that nobody waits past his deadline even where a vendor's library has
    no time-out: the thread is then left behind, and the next caller waits for that same one instead of
    starting another. The thread sees the context variables of the caller who began.

    :param what: for the message of :class:`DeadlineExceeded`: "the Azure token was fetched".
    """

    __slots__ = ("_flight", "_lock", "_pid", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._flight: _Flight | None = None

    def run(self, work: Callable[[], T], context: Context) -> T:
        """What ``work`` returns or raises. Raises :class:`DeadlineExceeded`, with nothing sent."""
        while True:
            flight, mine = self._join(work)
            left = min(context.remaining(), threading.TIMEOUT_MAX)
            if left <= 0.0 or not flight.done.wait(left):
                raise DeadlineExceeded(f"the deadline passed while {self._what}")
            if flight.error is None:
                value: T = flight.value
                return value
            if mine:
                raise flight.error
            if not isinstance(flight.error, DeadlineExceeded):
                raise _another(flight.error) from flight.error.__cause__
            # Whoever began had less time than we have: once more, for ourselves.

    def begin(self, work: Callable[[], T]) -> None:
        """Let it be done without waiting, unless it is under way. Whether it worked shows with the next call."""
        self._join(work)

    def _join(self, work: Callable[[], T]) -> tuple[_Flight, bool]:
        if self._pid != os.getpid():
            with _renewing:
                if self._pid != os.getpid():
                    self._flight, self._lock = None, threading.Lock()
                    self._pid = os.getpid()
        with self._lock:
            flight = self._flight
            if flight is not None and not flight.done.is_set():
                return flight, False
            flight = self._flight = _Flight()
        threading.Thread(
            target=copy_context().run, args=(self._fly, flight, work), name=f"while {self._what}", daemon=True
        ).start()
        return flight, True

    def _fly(self, flight: _Flight, work: Callable[[], T]) -> None:
        try:
            flight.value = work()
        except BaseException as error:  # noqa: BLE001 # raised in the threads that wait
            flight.error = error
        finally:
            flight.done.set()
            with self._lock:
                if self._flight is flight:  # keep neither a credential nor a traceback
                    self._flight = None


def _another(error: BaseException) -> BaseException:
    """Of his own for each caller: an error carries the attempts of its call."""
    try:
        return copy.copy(error)
    except Exception:  # noqa: BLE001 # an exception that cannot be made from its arguments
        return error
