"""What people decided on samples, and how far they can be trusted."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import date, datetime

from broker.quality.review import Reviewers, reviewers
from broker.samples.columns import text_of
from broker.samples.file import SampleFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One decision.

    :param turn: 1; 2 of an item that was shown again.
    :param token: tells equal truths; None: the reviewer could not tell.
    """

    sample: int
    turn: int
    at: datetime
    actor: str
    token: str | None


class ReviewRows(SampleFile):
    """The table ``review``."""

    def add_review(self, review: Review) -> bool:
        """Keep a decision; False: somebody has decided this turn already, and that stays."""
        row = (review.sample, review.turn, text_of(review.at), review.actor, review.token)
        return self._write(
            lambda connection: (
                connection.execute("INSERT OR IGNORE INTO review VALUES (?, ?, ?, ?, ?)", row).rowcount == 1
            )
        )

    def reviews(self, use_case: str) -> list[Review]:
        """All of a use case, in the order of the samples."""

        def work(connection: sqlite3.Connection) -> list[Review]:
            return [
                Review(sample=sample, turn=turn, at=datetime.fromisoformat(at), actor=actor, token=token)
                for sample, turn, at, actor, token in connection.execute(
                    """SELECT review.sample, turn, review.at, actor, token FROM review
                    JOIN sample ON sample.id = review.sample WHERE use_case = ? ORDER BY review.sample, turn""",
                    (use_case,),
                )
            ]

        return self._read(work)

    def decisions(self, use_case: str, provider: str, since: date, until: date) -> int:
        """How often people looked at samples of these days (both inclusive): labels, second looks, and "cannot tell"."""

        def work(connection: sqlite3.Connection) -> int:
            (count,) = connection.execute(
                """SELECT count(*) FROM review JOIN sample ON sample.id = review.sample
                WHERE use_case = ? AND provider = ? AND day >= ? AND day <= ?""",
                (use_case, provider, since.isoformat(), until.isoformat()),
            ).fetchone()
            return int(count)

        return self._read(work)

    def reviewers(self, use_case: str) -> Reviewers:
        """How often the second decision on an item was the first one again."""
        first: dict[int, str] = {}
        pairs: list[tuple[str, str]] = []
        for each in self.reviews(use_case):
            said = each.token or ""
            if each.turn == 1:
                first[each.sample] = said
            elif each.sample in first:
                pairs.append((first[each.sample], said))
        return reviewers(pairs)
