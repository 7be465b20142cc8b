"""Calls of a use case as they ended, day by day: what draws of them are compared with."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from broker.errors import BadInput
from broker.ledger.connection import Connection

PATIENCE = 10.0
_LONGEST = timedelta(days=1)
"""Between a call's first attempt and its end."""
_ENDS = """WITH made AS (
    SELECT call_id, number, provider, profile, tags, state, error, julianday(started_at) AS began,
        julianday(started_at) + coalesce(latency_us, 0) / 86400e6 AS ended
    FROM attempt WHERE operation = ? AND kind <> 'shadow' AND started_at >= ? AND started_at < ?
), last AS (
    SELECT call_id, max(number), state, error, min(began) AS began, max(ended) AS ended FROM made GROUP BY call_id
)
SELECT made.provider, made.profile, made.tags, last.error, date(last.ended), last.ended >= julianday(?),
    count(DISTINCT made.call_id)
FROM made JOIN last USING (call_id)
WHERE last.state <> 'open' AND last.began >= julianday(?) AND last.ended >= julianday(?) AND last.ended < julianday(?)
GROUP BY 1, 2, 3, 4, 5, 6"""
_JOBS = "SELECT DISTINCT provider, profile FROM job WHERE operation = ? AND changed_at >= ?"
_LEFT = ("CancelledError", "KeyboardInterrupt", "SystemExit", "GeneratorExit")
"""What a call ends with that its caller gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedCalls:
    """Calls of a use case that came to an end, or whose process died on the way.

    :param calls: by provider that was asked and the UTC day of the call's end: how many, and how many more ended lately.
    :param jobs: providers that were given jobs: their calls end in other ways.
    """

    calls: Mapping[tuple[str, date], tuple[int, int]]
    jobs: frozenset[str]


class CaseEnds:
    """The part of :class:`~broker.ledger.sqlite.SqliteLedger` that reads how calls of use cases ended."""

    _file: Connection

    def case_ends(
        self,
        operation: str,
        since: datetime,
        until: datetime,
        *,
        begun: datetime,
        lately: datetime,
        belongs: Callable[[Mapping[str, str]], bool],
    ) -> EndedCalls:
        """Calls that ended at ``since`` or later and before ``until``, without those that were refused as wrong or given up.

        Calls on their way are none. A look at the whole file: a few seconds for a million attempts.

        :param begun: calls that began before this are left out.
        :param lately: what ended since then is counted by itself.
        :param belongs: whether a call with these tags is one of the use case's. Raises ``LedgerUnavailable``.
        """
        begin = (since - _LONGEST).isoformat()

        def work(connection: sqlite3.Connection) -> EndedCalls:
            found: dict[tuple[str, date], tuple[int, int]] = {}
            given = (operation, begin, until.isoformat(), lately, begun, since, until)
            for provider, profile, tags, error, day, late, count in connection.execute(
                _ENDS, [_utc(each) if isinstance(each, datetime) else each for each in given]
            ):
                if error == BadInput.__name__ or error in _LEFT or not belongs(json.loads(tags)):
                    continue
                key = _name(provider, profile), date.fromisoformat(day)
                before = found.get(key, (0, 0))
                found[key] = (before[0] + count * (not late), before[1] + count * bool(late))
            jobs = connection.execute(_JOBS, (operation, begin)).fetchall()
            return EndedCalls(calls=found, jobs=frozenset(_name(*each) for each in jobs))

        return self._file.run(work, begin="BEGIN", patience=PATIENCE)


def _name(provider: str, profile: str) -> str:
    return f"{provider}:{profile}" if profile else provider


def _utc(instant: datetime) -> str:
    """As SQLite takes it."""
    return instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
