"""Content of samples at rest, for as long as the settings say; deleting overwrites, in the file and in its log."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from broker.errors import QualityUnavailable
from broker.samples.columns import text_of
from broker.samples.file import SampleFile
from broker.samples.rows import Content

_LOG_PATIENCE = 5.0
"""Seconds to wait until no other process reads the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, and what stays.

    :param contents: texts, pictures, answers that are gone.
    :param samples: whose they were; digests, features and scores of these stay, and tell nothing of the content.
    """

    contents: int
    samples: int


class ContentRows(SampleFile):
    """The table ``content``."""

    def keep(self, contents: Sequence[Content]) -> None:
        """Keep more beside answers that are kept; the same part again replaces it.

        Nothing of a sample whose answer is not there: it may have been erased while others were asked, or a person decided.
        """

        def work(connection: sqlite3.Connection) -> None:
            for each in contents:
                if connection.execute(
                    "SELECT 1 FROM content WHERE sample = ? AND part = 'answer'", (each.sample,)
                ).fetchone():
                    self._keep(connection, each.sample, [each])

        self._write(work)

    def _keep(self, connection: sqlite3.Connection, number: int, contents: Sequence[Content]) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?, ?)",
            [(number, each.part, each.kind, each.value, text_of(each.until)) for each in contents],
        )

    def content(self, sample: int, part: str) -> Content | None:
        """Of a sample; None: it is not kept, or its time is over."""

        def work(connection: sqlite3.Connection) -> Content | None:
            row = connection.execute(
                "SELECT kind, value, until FROM content WHERE sample = ? AND part = ?", (sample, part)
            ).fetchone()
            if row is None:
                return None
            kind, value, until = row
            return Content(
                sample=sample, part=part, kind=kind, value=bytes(value), until=datetime.fromisoformat(until)
            )

        return self._read(work)

    def parts_kept(self, sample: int) -> tuple[str, ...]:
        """Which parts of a sample's content are there."""
        return self._read(
            lambda connection: tuple(
                part
                for (part,) in connection.execute(
                    "SELECT part FROM content WHERE sample = ? ORDER BY part", (sample,)
                )
            )
        )

    def expire(self, now: datetime) -> Erased:
        """Erase what was kept long enough."""
        return self._erase("content.until <= ?", [text_of(now)])

    def erase(
        self,
        *,
        call_id: str | None = None,
        tags: Mapping[str, str] | None = None,
        before: date | None = None,
        use_case: str | None = None,
    ) -> Erased:
        """Erase the content of samples that meet all of these; of none, if nothing is named.

        :param before: of calls before this day (UTC).
        """
        found: list[tuple[str, Any]] = []
        if call_id is not None:
            found.append(
                ("(sample.item = ?1 OR substr(sample.item, 1, length(?1) + 1) = ?1 || '#')", call_id)
            )
        for key, value in (tags or {}).items():
            found.append(
                (
                    "EXISTS (SELECT 1 FROM json_each(sample.tags) AS t WHERE t.key || '=' || t.value = ?)",
                    f"{key}={value}",
                )
            )
        if before is not None:
            found.append(("sample.day < ?", before.isoformat()))
        if use_case is not None:
            found.append(("sample.use_case = ?", use_case))
        if not found:
            return Erased(contents=0, samples=0)
        return self._erase(" AND ".join(condition for condition, _ in found), [value for _, value in found])

    def _erase(self, condition: str, values: Sequence[Any]) -> Erased:
        chosen = f"FROM content JOIN sample ON sample.id = content.sample WHERE {condition}"

        def work(connection: sqlite3.Connection) -> Erased:
            rows = connection.execute(
                f"SELECT content.sample, content.part {chosen}",
                values,
            ).fetchall()
            connection.executemany("DELETE FROM content WHERE sample = ? AND part = ?", rows)
            return Erased(contents=len(rows), samples=len({number for number, _ in rows}))

        done = self._write(work)
        self._clear_log()  # always: the time before it may have been in use
        return done

    def _clear_log(self) -> None:
        """The pages are overwritten (``secure_delete``), but the log holds what was written before: empty it."""

        def work(connection: sqlite3.Connection) -> bool:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

        if not self._file.run(work, patience=_LOG_PATIENCE):
            raise QualityUnavailable(
                f"what was erased is gone from {self.path}, but its log is in use by another process and may still hold "
                "it; erase again when that has ended"
            )
