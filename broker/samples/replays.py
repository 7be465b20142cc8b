"""Replays of pinned sets, as they came out."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.quality.drift.pinned import Replay
from broker.samples.columns import text_of
from broker.samples.file import SampleFile
from broker.samples.rows import Alarm

_COLUMNS = """use_case, provider, at, before_at, snapshot, run, items, judged, accuracy_before, accuracy_after, lost, gained,
    p_value, flipped, failed, token_before, token_after, alpha, worse"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRow:
    """One provider's answers to a pinned set, compared with those of the run before.

    :param snapshot: of the set, which never changes.
    :param run: the run's name.
    :param alpha: the level at which it was judged, by the false alarms that the settings allow; ``worse``: it fell.
    """

    use_case: str
    provider: str
    at: datetime
    before_at: datetime
    snapshot: str
    run: str
    replay: Replay
    alpha: float
    worse: bool


class ReplayRows(SampleFile):
    """The table ``replay``."""

    def add_replay(self, row: ReplayRow, alarm: Alarm | None) -> bool:
        """Keep it with the alarm it raised; False: this run was compared already."""
        told = row.replay
        values = (
            row.use_case, row.provider, text_of(row.at), text_of(row.before_at), row.snapshot, row.run, told.items,
            told.judged, told.accuracy_before, told.accuracy_after, told.lost, told.gained, told.p_value, told.flipped,
            told.failed, told.token_before, told.token_after, row.alpha, row.worse,
        )  # fmt: skip

        def work(connection: sqlite3.Connection) -> bool:
            marks = ", ".join("?" * len(values))
            there = connection.execute(f"INSERT OR IGNORE INTO replay ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608
            if there.rowcount and alarm is not None:
                connection.execute(
                    "INSERT INTO alarm (use_case, provider, watch, at, text) VALUES (?, ?, ?, ?, ?)",
                    (alarm.use_case, alarm.provider, alarm.watch.value, text_of(alarm.at), alarm.text),
                )
            return there.rowcount == 1

        return self._write(work)

    def replays(self, use_case: str, provider: str | None = None) -> Sequence[ReplayRow]:
        """Of a use case, oldest first."""
        chosen = "" if provider is None else " AND provider = ?"
        values = [use_case] if provider is None else [use_case, provider]
        statement = f"SELECT {_COLUMNS} FROM replay WHERE use_case = ?{chosen} ORDER BY id"  # noqa: S608 - fixed
        return self._read(lambda connection: [_row(*row) for row in connection.execute(statement, values)])


def _row(
    use_case: str, provider: str, at: str, before_at: str, snapshot: str, run: str, items: int, judged: int,
    before: float | None, after: float | None, lost: int, gained: int, p_value: float, flipped: int, failed: int,
    token_before: str, token_after: str, alpha: float, worse: int,
) -> ReplayRow:  # fmt: skip
    return ReplayRow(
        use_case=use_case,
        provider=provider,
        at=datetime.fromisoformat(at),
        before_at=datetime.fromisoformat(before_at),
        snapshot=snapshot,
        run=run,
        replay=Replay(
            items=items,
            judged=judged,
            accuracy_before=before,
            accuracy_after=after,
            lost=lost,
            gained=gained,
            p_value=p_value,
            flipped=flipped,
            failed=failed,
            token_before=token_before,
            token_after=token_after,
        ),
        alpha=alpha,
        worse=bool(worse),
    )
