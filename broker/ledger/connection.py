"""The one SQLite connection of a ledger in this process: lock, transactions, forks; SQLite's errors as ours."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable
from functools import partial
from types import TracebackType

from broker.ledger import owner
from broker.ledger.files import connect, translated


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

    def statement(self) -> Use:
        """For one statement that commits by itself."""
        return Use(self)

    def transaction(self, *, write: bool = True, patience: float = 0.0) -> Use:
        """For several; rolled back when left by an exception.

        :param patience: seconds that SQLite itself may wait for another process; 0 inside calls, where
            waiting is the runtime's.
        """
        return Use(self, "BEGIN IMMEDIATE" if write else "BEGIN", patience)

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


class Use:
    """The connection, under its lock, perhaps in a transaction.

    Written out, because a generator under ``contextmanager`` costs as much as the statement inside.
    """

    __slots__ = ("_begin", "_connection", "_patience")

    def __init__(self, connection: Connection, begin: str | None = None, patience: float = 0.0) -> None:
        self._connection = connection
        self._begin = begin
        self._patience = patience

    def __enter__(self) -> sqlite3.Connection:
        ours = self._connection
        ours.lock.acquire()
        try:
            found = ours.open
            if found is None:
                found = ours.open = connect(ours.path, ours.durability, self._patience)
            if self._patience:
                found.execute(f"PRAGMA busy_timeout={round(self._patience * 1000)}")
            if self._begin is not None:
                found.execute(self._begin)
        except sqlite3.Error as error:
            self._forget_patience()
            ours.lock.release()
            raise translated(ours.path, error) from error
        except BaseException:
            ours.lock.release()
            raise
        return found

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ours = self._connection
        found = ours.open
        try:
            if self._begin is not None and found is not None:
                if kind is None:
                    found.execute("COMMIT")
                elif found.in_transaction:
                    found.execute("ROLLBACK")
        except sqlite3.Error as failure:
            if found is not None and found.in_transaction:
                found.execute("ROLLBACK")
            raise translated(ours.path, failure) from failure
        finally:
            self._forget_patience()
            ours.lock.release()
        if isinstance(error, sqlite3.Error):
            raise translated(ours.path, error) from error

    def _forget_patience(self) -> None:
        found = self._connection.open
        if self._patience and found is not None:
            found.execute("PRAGMA busy_timeout=0")


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
