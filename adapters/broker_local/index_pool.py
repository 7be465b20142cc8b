"""Connections to the local indexes, shared by the threads of a process and closed before it forks.

A child that inherited one would believe to hold locks that the system does not give it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.contract import Context, ForkGate
from broker_local.index_files import connect, translated

IDLE = 8
"""Connections kept open for the next ones, of all indexes together."""
FORK_PATIENCE = 30.0
_STEPS = 20_000
"""Of SQLite's machine between two looks at the deadline: about a millisecond."""


class Pool(ForkGate):
    """Gives a connection to one thread at a time. One a process; it is never forgotten."""

    def __init__(self) -> None:
        super().__init__(FORK_PATIENCE)
        self._idle: list[tuple[Path, tuple[int, int], sqlite3.Connection]] = []
        self._guard = threading.Lock()
        os.register_at_fork(before=self.leave_alone, after_in_child=self.begin_anew)

    @contextmanager
    def use(self, path: Path, context: Context, *, make: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for this thread. Its errors become ours; what runs past the deadline is ended.

        :param make: an index that is not there is made.
        """
        with self:
            remaining = context.remaining
            try:
                connection = self._taken(path, make=make, patience=remaining())
                try:
                    connection.execute(f"PRAGMA busy_timeout={max(0, round(remaining() * 1000))}")
                    connection.set_progress_handler(lambda: remaining() <= 0.0, _STEPS)
                    yield connection
                    connection.set_progress_handler(None, 0)
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                except BaseException:
                    connection.close()  # which ends its transaction, if there is one
                    raise
            except sqlite3.Error as error:
                raise translated(error, path, remaining) from error
            self._give(path, connection)

    def close(self) -> None:
        """Close what nobody uses."""
        with self._guard:
            idle, self._idle = self._idle, []
        for _, _, connection in idle:
            connection.close()

    def leave_alone(self) -> None:
        """Before a fork: wait for those at work, then close all, so that a child inherits none."""
        self.before_fork()
        self.close()

    def begin_anew(self) -> None:
        """In the child: another thread of the parent may have held the lock."""
        self._guard = threading.Lock()
        self._idle = []

    def _taken(self, path: Path, *, make: bool, patience: float) -> sqlite3.Connection:
        with self._guard:
            for number in range(len(self._idle) - 1, -1, -1):
                if self._idle[number][0] == path:
                    _, file, connection = self._idle.pop(number)
                    break
            else:
                return connect(path, make=make, patience=patience)
        if _file(path) == file:
            return connection
        connection.close()  # the index was removed, perhaps made anew
        return connect(path, make=make, patience=patience)

    def _give(self, path: Path, connection: sqlite3.Connection) -> None:
        file = _file(path)
        if file is None:
            connection.close()
            return
        with self._guard:
            self._idle.append((path, file, connection))
            oldest = self._idle.pop(0)[2] if len(self._idle) > IDLE else None
        if oldest is not None:
            oldest.close()


def _file(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction; begun as a writer, so that what is read in it is what is changed."""
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("COMMIT")


@contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """One view of the index for several questions, whatever others write meanwhile."""
    connection.execute("BEGIN")
    yield
    connection.execute("COMMIT")
