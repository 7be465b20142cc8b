"""Names and what belongs to them, on disk: so that 100,000 items take as little memory as ten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from broker.errors import NotConfigured

_CACHE_KIB = 2048
_CODE = ("utf-8", "surrogatepass")
"""JSON can hold half of a surrogate pair."""


class Lookup:
    """Values by name, in a temporary file that SQLite removes by itself."""

    def __init__(self) -> None:
        self._file = sqlite3.connect(
            "", isolation_level=None, check_same_thread=False
        )  # an empty name: temporary, and on disk. Whoever reads on may be another thread, never two at once
        self._file.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._file.execute("PRAGMA journal_mode = OFF")
        self._file.execute("PRAGMA synchronous = OFF")
        self._file.execute("CREATE TABLE entry (name BLOB PRIMARY KEY, value TEXT) WITHOUT ROWID")
        self._file.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, name: str, value: str = "") -> bool:
        """Keep it. False: the name is there already, and nothing was changed.

        Raises :class:`NotConfigured` where the temporary file cannot be written.
        """
        try:
            done = self._file.execute(
                "INSERT OR IGNORE INTO entry (name, value) VALUES (?, ?)", (_bytes(name), value)
            )
        except sqlite3.OperationalError as error:
            raise NotConfigured(
                f"a temporary file cannot be written ({error}); set TMPDIR to a folder with more space"
            ) from None
        return done.rowcount == 1

    def get(self, name: str) -> str | None:
        """Its value; None where there is none."""
        found = self._file.execute("SELECT value FROM entry WHERE name = ?", (_bytes(name),)).fetchone()
        return None if found is None else str(found[0])

    def under(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Those whose names begin so, without that beginning."""
        low = _bytes(prefix)
        high = low[:-1] + bytes([low[-1] + 1])  # no byte of UTF-8 is 255
        query = "SELECT name, value FROM entry WHERE name >= ? AND name < ? ORDER BY name"
        for name, value in self._file.execute(query, (low, high)):
            yield bytes(name)[len(low) :].decode(*_CODE), value

    def ordered(self) -> Iterator[tuple[str, str]]:
        """All of them by the bytes of their names."""
        for name, value in self._file.execute("SELECT name, value FROM entry ORDER BY name"):
            yield bytes(name).decode(*_CODE), value


def _bytes(name: str) -> bytes:
    return name.encode(*_CODE)
