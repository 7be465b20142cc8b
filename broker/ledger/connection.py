"""The one SQLite connection of a ledger in this process: lock, transactions, forks; SQLite's errors as ours."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from broker.ledger import owner
from broker.ledger.files import connect, translated

T = TypeVar("T")


class Connection:
    """Opened on first use and used under a lock: a transaction lasts some 30 microseconds.

    It is closed before a fork and opened again when needed: SQLite's locks do not survive one.

    :param forked: called in a forked child, which is another writer.
    """

    def __init__(self, path: str, durability: str, forked: Callable[[], None]) -> None:
        self.path = path
        self.durability = durability
        self.lock = threading.Lock()
        self.open: sqlite3.Connection | None = None
        self._forked = forked
        with _forking:
            _connections.add(self)

    def run(
        self, work: Callable[[sqlite3.Connection], T], *, begin: str | None = None, patience: float = 0.0
    ) -> T:
        """Do the work under the lock, in a transaction if ``begin`` says how to begin one.

        Whatever leaves it early, Ctrl-C at any instant too, leaves neither the lock held (``with`` on a plain lock
        cannot be interrupted in between) nor a transaction open, in which later writes would be lost.

        :param patience: seconds that SQLite itself may wait for another process; 0 inside calls, where
            waiting is the runtime's.
        """
        with self.lock:
            try:
                found = self.open
                if found is None:
                    found = self.open = connect(self.path, self.durability, patience)
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
                raise translated(self.path, error) from error

    def close(self) -> None:
        """Release the file; it opens again when used again."""
        with self.lock:
            self._disconnect()

    def before_fork(self) -> None:
        """Close when no transaction is under way, and let none begin.

        A child that inherits the connection would believe to hold locks that the system does not give it, and
        the parent's next close would remove the log under the child's feet.
        """
        self.lock.acquire()
        self._disconnect()

    def after_fork(self, *, child: bool) -> None:
        """Go on, each with a connection of its own when needed."""
        if child:
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
