"""What an engine has acknowledged of an indexing that was not finished, so that going on sends nothing twice.

Beside the ledger, one table, by run and id with the digest of what was sent: a document that has changed since is sent again.
It is written after the acknowledgement, so a document may be sent twice where the command is killed in between, which does no
harm; never is one left out that was not acknowledged. When all of a run's documents are acknowledged its rows are removed: the
next run sends everything, for the index may have been emptied meanwhile. What ``mlbroker search delete`` takes out is forgotten.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from broker.errors import NotConfigured

if TYPE_CHECKING:
    from pydantic import BaseModel

FILE = "search-progress.db"
TOGETHER = 500


def run_of(provider: str, index: str | None, options: BaseModel, source: str) -> str:
    """What names a run.

    :param options: of the provider's account: with other ones, such as another folder or default index, it is another run. Its
        secrets are masked.
    """
    known = hashlib.sha256(options.model_dump_json().encode()).hexdigest()[:16]
    return f"{provider} {index or ''} {known} {source}"


def forget(ledger: str, provider: str, ids: Iterable[str]) -> None:
    """These documents were taken out of an index of the provider's: whatever run goes on has to send them again."""
    if not os.path.lexists(_path(ledger)):
        return
    with closing(Journal(ledger, f"{provider} ")) as journal:
        journal.forget(ids)


class Journal:
    """Of one run: provider, account, index and source. Raises :class:`NotConfigured` where it cannot be kept."""

    def __init__(self, ledger: str, run: str) -> None:
        self.path = _path(ledger)
        self._run = run
        self._waiting: list[tuple[str, str, bytes]] = []
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            with suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
            self._file = sqlite3.connect(
                self.path, timeout=30.0, isolation_level=None, check_same_thread=False
            )
            self._file.execute("PRAGMA journal_mode=WAL")
            self._file.execute(
                "CREATE TABLE IF NOT EXISTS acknowledged (run TEXT, id TEXT, digest BLOB, PRIMARY KEY (run, id)) "
                "WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise self._broken(error) from error

    def begin_anew(self) -> None:
        """Forget what was acknowledged."""
        self._waiting.clear()
        self._write("DELETE FROM acknowledged WHERE run = ?", [(self._run,)])
        with suppress(sqlite3.Error):  # where nobody else is at work: a million rows were 100 MB
            if self._file.execute("SELECT NOT EXISTS (SELECT 1 FROM acknowledged)").fetchone()[0]:
                self._file.execute("VACUUM")

    def forget(self, ids: Iterable[str]) -> None:
        """Of all runs whose name begins with this one's."""
        try:
            runs = [run for (run,) in self._file.execute("SELECT DISTINCT run FROM acknowledged")]
        except sqlite3.Error as error:
            raise self._broken(error) from error
        keys = [(run, key) for key in ids for run in runs if run.startswith(self._run)]
        self._write("DELETE FROM acknowledged WHERE run = ? AND id = ?", keys)

    def count(self) -> int:
        """Documents acknowledged before."""
        try:
            found: tuple[int] = self._file.execute(
                "SELECT count(*) FROM acknowledged WHERE run = ?", (self._run,)
            ).fetchone()
        except sqlite3.Error as error:
            raise self._broken(error) from error
        return found[0]

    def has(self, key: str, digest: str) -> bool:
        """Whether the engine has acknowledged this document as it is now."""
        try:
            found = self._file.execute(
                "SELECT digest FROM acknowledged WHERE run = ? AND id = ?", (self._run, key)
            ).fetchone()
        except sqlite3.Error as error:
            raise self._broken(error) from error
        return found is not None and found[0] == bytes.fromhex(digest)

    def add(self, key: str, digest: str) -> None:
        """The engine has acknowledged it."""
        self._waiting.append((self._run, key, bytes.fromhex(digest)))
        if len(self._waiting) >= TOGETHER:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, []
        self._write("INSERT OR REPLACE INTO acknowledged VALUES (?, ?, ?)", waiting)

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        try:
            self.flush()
        finally:
            self._file.close()

    def _write(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        try:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                self._file.executemany(statement, rows)
                self._file.execute("COMMIT")
            finally:
                if self._file.in_transaction:
                    self._file.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> NotConfigured:
        return NotConfigured(
            f"the progress of the indexing cannot be kept in {self.path} ({type(error).__name__}); make room, check its "
            "owner and mode, or remove it"
        )


def _path(ledger: str) -> str:
    return os.path.join(os.path.dirname(os.path.abspath(os.path.expanduser(ledger))), FILE)
