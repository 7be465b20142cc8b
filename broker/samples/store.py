"""The store of samples: draws counted, samples and their scores, shadow calls; one SQLite file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from broker.quality.reference import AUTHORITY, Reference
from broker.samples.books import LONGEST_SHADOW, Books
from broker.samples.columns import (
    SAMPLE,
    SCORE,
    SHADOW,
    marks,
    prefixed,
    sample_of,
    sample_row,
    score_of,
    score_row,
    shadow_of,
    shadow_row,
    text_of,
    where,
)
from broker.samples.content import ContentRows
from broker.samples.replays import ReplayRows
from broker.samples.reviews import ReviewRows
from broker.samples.rows import (
    Content,
    Drawing,
    DrawnCalls,
    Sample,
    SampleQuery,
    SampleState,
    Score,
    ScoredSample,
    Shadow,
    Skipped,
)

_DRAWN = "use_case, provider, model_version, day, design, stratum, probability, failed"
_COUNT = f"""INSERT INTO drawn ({_DRAWN}, calls, taken) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET calls = calls + excluded.calls, taken = taken + excluded.taken"""  # noqa: S608 - fixed
_NOW_SCORED = "UPDATE sample SET state = ?, until = NULL WHERE id = ?"
_SKIP = """INSERT INTO skipped VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count"""
_INSERT = f"INSERT OR IGNORE INTO sample ({SAMPLE}) VALUES ({marks(SAMPLE)})"  # noqa: S608 - fixed
_SCORED = (
    f"INSERT INTO score ({SCORE}) VALUES ({marks(SCORE)}) "  # noqa: S608 - fixed
    "ON CONFLICT (sample, reference, metric, version) DO UPDATE SET parts = excluded.parts, unit = excluded.unit, "
    "official = excluded.official, at = excluded.at, source = excluded.source, cluster = excluded.cluster, "
    "truth_token = excluded.truth_token"
)
TRUTHS = (Reference.GOLD, Reference.REVIEWED)
"""Only these enter a figure."""


class SampleStore(ContentRows, ReviewRows, ReplayRows, Books):
    """Samples, and what was found. Every method is one transaction; raises :class:`~broker.errors.QualityUnavailable`.

    Safe for threads and processes; :mod:`broker.ledger.connection` has the rules. Close it when done.

    :param path: of the file, made if there is none.
    """

    def write(
        self,
        drawn: Mapping[Drawing, tuple[int, int]],
        skipped: Mapping[tuple[str, str, Skipped], int],
        samples: Sequence[tuple[Sample, Sequence[Content]]] = (),
        scores: Sequence[Sequence[Score]] = (),
    ) -> list[int]:
        """What the sampler has collected; the samples' ids in their order, also of those that were there already.

        :param drawn: calls and how many of them were taken.
        :param skipped: counts by use case, day and reason.
        :param samples: with their content; its ``sample`` is filled in here.
        :param scores: of each of these samples, as far as they are known, or empty; in the same transaction, as evidence passes a
            sample that has none and waits for none. Their ``sample`` is filled in here.
        """

        def work(connection: sqlite3.Connection) -> list[int]:
            for key, (calls, taken) in drawn.items():
                connection.execute(
                    _COUNT,
                    (key.use_case, key.provider, key.model_version, key.day, key.design, key.stratum,
                     key.probability, key.failed, calls, taken),
                )  # fmt: skip
            for (use_case, day, reason), count in skipped.items():
                connection.execute(_SKIP, (use_case, day, reason.value, count))
            ids = []
            for place, (sample, contents) in enumerate(samples):
                connection.execute(_INSERT, sample_row(sample))
                (number,) = connection.execute(
                    "SELECT id FROM sample WHERE item = ? AND provider = ?", (sample.item, sample.provider)
                ).fetchone()
                ids.append(number)
                self._keep(connection, number, contents)
                known = scores[place] if scores else ()
                if known:
                    connection.executemany(
                        _SCORED, [score_row(replace(each, sample=number)) for each in known]
                    )
                    connection.execute(_NOW_SCORED, (SampleState.SCORED.value, number))
            return ids

        return self._write(work)

    def add_scores(
        self,
        scores: Sequence[Score],
        state: SampleState | None = SampleState.SCORED,
        *,
        waiting: bool = False,
    ) -> bool:
        """What samples came to against a reference; the same reference again replaces what it said.

        :param state: of the samples from now on; None: as it was.
        :param waiting: only while all of them wait for their truth. False: they do not, and nothing was kept.
        """

        def work(connection: sqlite3.Connection) -> bool:
            numbers = {each.sample for each in scores}
            if waiting and any(
                connection.execute("SELECT state FROM sample WHERE id = ?", (number,)).fetchone()
                != (SampleState.WAITING.value,)
                for number in numbers
            ):
                return False
            connection.executemany(_SCORED, [score_row(each) for each in scores])
            if state is not None:
                connection.executemany(_NOW_SCORED, [(state.value, number) for number in numbers])
            return True

        return self._write(work)

    def set_state(self, samples: Sequence[int], state: SampleState, until: datetime | None = None) -> None:
        """How samples stand with their truth."""
        row = (state.value, None if until is None else text_of(until))
        self._write(
            lambda connection: connection.executemany(
                "UPDATE sample SET state = ?, until = ? WHERE id = ?", [(*row, each) for each in samples]
            )
        )

    def give_up(self, now: datetime) -> int:
        """Wait no more for truths whose time has come, nor for shadow calls of a process that is gone; how many."""

        def work(connection: sqlite3.Connection) -> int:
            late = connection.execute(
                "UPDATE sample SET state = ? WHERE state = 'waiting' AND until <= ?",
                (SampleState.GIVEN_UP.value, text_of(now)),
            ).rowcount
            # Whether it goes on to people was to be decided by what others answered; nobody will be told that any more, and until
            # its days are over all evidence would wait for it.
            left = connection.execute(
                "UPDATE sample SET state = ?, pending = 0 WHERE state = 'waiting' AND pending AND refer_probability IS NULL "
                "AND at <= ?",
                (SampleState.GIVEN_UP.value, text_of(now - LONGEST_SHADOW)),
            ).rowcount
            return late + left

        return self._write(work)

    def add_shadows(
        self,
        sample: int,
        shadows: Sequence[Shadow],
        *,
        asked: int,
        agreeing: int,
        referred: tuple[float, float, str] | None = None,
        state: SampleState | None = None,
        until: datetime | None = None,
    ) -> None:
        """What others answered to a sample's question, and what followed from it; nobody may have been asked after all.

        :param referred: probability of step two, the smallest one there is, and its stratum.
        """

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                f"INSERT OR REPLACE INTO shadow ({SHADOW}) VALUES ({marks(SHADOW)})",  # noqa: S608 - fixed
                [shadow_row(each) for each in shadows],
            )
            connection.execute(
                "UPDATE sample SET pending = 0, asked = ?, agreeing = ?, refer_probability = ?, refer_least = ?, refer_stratum = ? WHERE id = ?",
                (asked, agreeing, *(referred or (None, None, None)), sample),
            )
            if state is not None:
                connection.execute(
                    "UPDATE sample SET state = ?, until = ? WHERE id = ? AND state != 'scored'",
                    (state.value, None if until is None else text_of(until), sample),
                )

        self._write(work)

    def samples(self, query: SampleQuery) -> list[Sample]:
        """The samples, oldest first."""
        condition, values = where(query)
        limit = "" if query.most is None else f" LIMIT {int(query.most)}"
        return self._read(
            lambda connection: [
                sample_of(row)
                for row in connection.execute(
                    f"SELECT id, {SAMPLE} FROM sample WHERE {condition} ORDER BY id{limit}",  # noqa: S608 - fixed
                    values,
                )
            ]
        )

    def scored(
        self,
        query: SampleQuery,
        *,
        metric: tuple[str, int] | None = None,
        references: Sequence[Reference] = TRUTHS,
    ) -> list[ScoredSample]:
        """Samples with the score of the highest of these references, oldest first.

        :param metric: id and version; None: the official one, whichever it was then.
        """
        condition, values = where(query)
        chosen = "score.official" if metric is None else "score.metric = ? AND score.version = ?"
        among = ", ".join("?" * len(references))
        statement = (
            f"SELECT sample.id, {prefixed('sample', SAMPLE)}, {prefixed('score', SCORE)} "  # noqa: S608 - fixed
            f"FROM sample JOIN score ON score.sample = sample.id WHERE {condition} AND {chosen} "
            f"AND score.reference IN ({among}) ORDER BY sample.id"
        )
        width = SAMPLE.count(",") + 2

        def work(connection: sqlite3.Connection) -> list[ScoredSample]:
            best: dict[int, ScoredSample] = {}
            for row in connection.execute(
                statement, (*values, *(metric or ()), *(each.value for each in references))
            ):
                found = ScoredSample(sample=sample_of(row[:width]), score=score_of(row[width:]))
                there = best.get(found.sample.id)
                if there is None or _higher(found.score.reference, there.score.reference):
                    best[found.sample.id] = found
            return list(best.values())

        found = self._read(work)
        return found if query.most is None else found[: query.most]

    def shadows(self, query: SampleQuery) -> list[Shadow]:
        """What others answered to these samples' questions."""
        condition, values = where(query)
        statement = (
            f"SELECT {prefixed('shadow', SHADOW)} FROM sample JOIN shadow ON shadow.sample = sample.id "  # noqa: S608
            f"WHERE {condition} ORDER BY sample.id, shadow.provider"
        )
        return self._read(
            lambda connection: [shadow_of(row) for row in connection.execute(statement, values)]
        )

    def shadowed(self, use_case: str, since: date, until: date) -> dict[str, str]:
        """Whose answers were compared by shadow calls about samples of these days (both inclusive): by the shadow call's id."""
        return self._read(
            lambda connection: dict(
                connection.execute(
                    """SELECT shadow.call_id, sample.provider FROM sample JOIN shadow ON shadow.sample = sample.id
                    WHERE use_case = ? AND day >= ? AND day <= ? AND shadow.call_id IS NOT NULL""",
                    (use_case, since.isoformat(), until.isoformat()),
                ).fetchall()
            )
        )

    def drawn(
        self, use_case: str, *, since: date | None = None, until: date | None = None
    ) -> list[DrawnCalls]:
        """All draws of a use case on these days, both ends inclusive."""
        statement = (
            f"SELECT {_DRAWN}, calls, taken FROM drawn WHERE use_case = ? AND day >= ? AND day <= ? "  # noqa: S608
            "ORDER BY day, provider"
        )
        values = (use_case, since.isoformat() if since else "", until.isoformat() if until else "9999")

        def work(connection: sqlite3.Connection) -> list[DrawnCalls]:
            return [
                DrawnCalls(
                    drawing=Drawing(
                        use_case=row[0], provider=row[1], model_version=row[2], day=row[3], design=row[4],
                        stratum=row[5], probability=row[6], failed=bool(row[7]),
                    ),
                    calls=row[8],
                    taken=row[9],
                )
                for row in connection.execute(statement, values)
            ]  # fmt: skip

        return self._read(work)

    def skipped(
        self, use_case: str, *, since: date | None = None, until: date | None = None
    ) -> dict[Skipped, int]:
        """What should have been looked at on these days and was not."""
        values = (use_case, since.isoformat() if since else "", until.isoformat() if until else "9999")
        return self._read(
            lambda connection: {
                Skipped(reason): count
                for reason, count in connection.execute(
                    "SELECT reason, sum(count) FROM skipped WHERE use_case = ? AND day >= ? AND day <= ? "
                    "GROUP BY reason ORDER BY reason",
                    values,
                )
            }
        )

    def designs(self, use_case: str) -> list[tuple[int, datetime, dict[str, Any]]]:
        """Version, beginning and settings of a use case's designs, oldest first."""
        return self._read(
            lambda connection: [
                (version, datetime.fromisoformat(since), json.loads(settings))
                for version, since, settings in connection.execute(
                    "SELECT version, since, settings FROM design WHERE use_case = ? ORDER BY version",
                    (use_case,),
                )
            ]
        )

    def add_design(
        self, use_case: str, version: int, since: datetime, settings: Mapping[str, object]
    ) -> bool:
        """Put a design in force; False if another process has made this version already."""
        row = (use_case, version, text_of(since), json.dumps(settings, sort_keys=True))
        return self._write(
            lambda connection: bool(
                connection.execute("INSERT OR IGNORE INTO design VALUES (?, ?, ?, ?)", row).rowcount
            )
        )


def _higher(one: Reference, other: Reference) -> bool:
    return AUTHORITY.index(one) < AUTHORITY.index(other)
