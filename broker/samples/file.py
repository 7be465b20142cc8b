"""The file of samples: where it is, what it is called, and the seed that is kept in it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from broker.errors import QualityUnavailable
from broker.ledger.connection import Connection
from broker.ledger.files import FileKind

T = TypeVar("T")


class StoreBusy(QualityUnavailable):
    """Another process writes there this instant."""


SAMPLES = FileKind(
    name="store of samples",
    setting="quality.store (or MLBROKER_QUALITY__STORE)",
    application_id=0x6D6C6271,  # "mlbq"
    package="broker.samples",
    stops="Nothing is sampled until then",
    unavailable=QualityUnavailable,
    busy=StoreBusy,
    page_size=4096,
    erases=True,
)
_PATIENCE = 5.0
"""Seconds that a write may wait for another process; no user's call waits for it."""
_PAUSE = 0.02
_SEED_BYTES = 32


def path_beside(ledger: str) -> str:
    """Where the store is unless the settings say otherwise: ``NAME.quality.db`` for a ledger ``NAME.db``."""
    return os.path.splitext(os.path.expanduser(ledger))[0] + ".quality.db"


class SampleFile:
    """The connection, and transactions on it. Safe for threads, processes and forks as the ledger's is."""

    def __init__(self, path: str) -> None:
        self._file = Connection(os.path.expanduser(path), "normal", _nothing, SAMPLES)

    @property
    def path(self) -> str:
        """Where it is."""
        return self._file.path

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._patiently(work, "BEGIN")

    def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return self._patiently(work, "BEGIN IMMEDIATE")

    def _patiently(self, work: Callable[[sqlite3.Connection], T], begin: str) -> T:
        """Wait beside the connection: while one waits in SQLite the program can neither fork nor close it."""
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                return self._file.run(work, begin=begin)
            except StoreBusy:
                if time.monotonic() >= until:
                    raise
                time.sleep(_PAUSE)

    def seed(self, given: bytes | None = None) -> bytes:
        """The secret that draws and digests are made with: the one given, else one that is made once and stays."""
        if given is not None:
            return given

        def work(connection: sqlite3.Connection) -> bytes:
            connection.execute("INSERT OR IGNORE INTO secret VALUES ('seed', ?)", (os.urandom(_SEED_BYTES),))
            (found,) = connection.execute("SELECT value FROM secret WHERE name = 'seed'").fetchone()
            return bytes(found)

        return self._write(work)

    def close(self) -> None:
        """Release the file; it opens again when used again."""
        self._file.close()


def _nothing() -> None:
    """A forked child needs no more than a connection of its own, which it gets by itself."""
