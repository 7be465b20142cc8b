"""The one connection to an SQLite file of ours in this process: lock, transactions, forks; SQLite's errors as ours."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from broker.errors import BrokerError
from broker.ledger import owner
from broker.ledger.files import LEDGER, FileKind, connect, identity, translated

T = TypeVar("T")

CLOSE_PATIENCE = 15.0
"""Seconds; the longest that another thread may rightly have it is the wait for another process."""


class Connection:
    """Opened on first use and used under a lock: a transaction lasts some 30 microseconds.

    It is closed before a fork and opened again when needed: SQLite's locks do not survive one.

    :param forked: called in a forked child, which is another writer.
    :param kind: of file; the ledger, unless told otherwise.
    """

    def __init__(
        self, path: str, durability: str, forked: Callable[[], None], kind: FileKind = LEDGER
    ) -> None:
        self.path = os.path.abspath(path)  # opened again after a fork, the program may be in another folder
        self.durability = durability
        self.kind = kind
        # Its thread may enter again, to be told that it must not: a signal's handler that calls would wait for itself.
        self.lock = threading.RLock()
        self._busy = False
        self.open: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._id: str | None = None
        self._forked = forked
        with _forking:
            _connections.add(self)

    def run(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        begin: str | None = None,
        patience: float = 0.0,
        look: bool = True,
    ) -> T:
        """Do the work under the lock, in a transaction if ``begin`` says how to begin one.

        Whatever leaves it early, Ctrl-C at any instant too, leaves neither the lock held (``with`` on a lock
        cannot be interrupted in between) nor a transaction open, in which later writes would be lost.
        Raises ``kind.unavailable``, also where it interrupts another work of the same thread.

        :param patience: seconds that SQLite itself may wait for another process; 0 inside calls, where
            waiting is the runtime's.
        :param look: whether the file is still the one that was opened (some us).
        """
        with self.lock:
            if self._busy:
                raise self.kind.unavailable(
                    f"the {self.kind.name} is in the midst of a write that this call interrupts, as a signal's handler does; "
                    "make the call from another thread, or after the handler has returned"
                )
            try:
                self._busy = True
                found = self.open
                if self._file is not None and (look or found is None) and identity(self.path) != self._file:
                    raise self._another_file()
                if found is None:
                    found = self._connect(patience)
                    self.open = found
                elif found.in_transaction:
                    found.execute("ROLLBACK")  # left behind by an interruption of the clean-up itself
                if patience:
                    found.execute(f"PRAGMA busy_timeout={round(patience * 1000)}")
                try:
                    if begin is None:
                        return work(found)
                    found.execute(begin)
                    value = work(found)
                    found.execute("COMMIT")
                    return value
                finally:
                    if found.in_transaction:
                        found.execute("ROLLBACK")
                    if patience:
                        found.execute("PRAGMA busy_timeout=0")
            except sqlite3.Error as error:
                raise translated(self.path, error, self.kind) from error
            finally:
                self._busy = False

    def _connect(self, patience: float) -> sqlite3.Connection:
        """Open the file: the same one as the time before."""
        found = connect(self.path, self.durability, patience, self.kind)
        (number,) = found.execute("SELECT id FROM identity").fetchone()
        if self._id not in (None, number):
            found.close()
            raise self._another_file()
        self._file, self._id = identity(self.path), number
        return found

    def _another_file(self) -> BrokerError:
        return self.kind.unavailable(
            f"the {self.kind.name} {self.path} was removed or replaced while this program used it; what it counted is "
            "not in the file that is there now. Put the old file back, or start this program anew. "
            f"{self.kind.stops}"
        )

    def close(self) -> None:
        """Release the file; it opens again when used again.

        Closed by a signal handler that interrupted this very thread in a transaction, the file is left to the end
        of the process.
        """
        if self.lock.acquire(timeout=CLOSE_PATIENCE):
            try:
                if not self._busy:
                    self._disconnect()
            finally:
                self.lock.release()

    def before_fork(self) -> None:
        """Close when no transaction is under way, and let none begin.

        A child that inherits the connection would believe to hold locks that the system does not give it, and
        the parent's next close would remove the log under the child's feet.
        """
        self.lock.acquire()
        if not self._busy:
            self._disconnect()

    def after_fork(self, *, child: bool) -> None:
        """Go on, each with a connection of its own when needed."""
        if child:
            self._disconnect()  # still there if a signal's handler forks in the midst of a write: that is the parent's
            self._forked()
        self.lock.release()

    def _disconnect(self) -> None:
        connection, self.open = self.open, None
        if connection is not None:
            connection.close()


_connections: weakref.WeakSet[Connection] = weakref.WeakSet()
_forking = threading.Lock()
_held: list[Connection] = []


def _before_fork() -> None:
    _forking.acquire()
    _held.extend(_connections)
    for connection in _held:
        connection.before_fork()


def _after_fork(*, child: bool) -> None:
    while _held:
        _held.pop().after_fork(child=child)
    _forking.release()


def _after_fork_in_child() -> None:
    owner.forget()
    _after_fork(child=True)


os.register_at_fork(
    before=_before_fork,
    after_in_parent=partial(_after_fork, child=False),
    after_in_child=_after_fork_in_child,
)
