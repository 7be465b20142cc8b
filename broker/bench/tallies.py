"""A run's kept scores, added up by lane and metric as figures want them: they pass one by one, and none stays in memory.

What grows with the items is four bytes an item that say which are of one cluster, eight more and the sums of clusters
(:class:`~broker.quality.packed.PackedRows`) while one metric of one lane, or of two, is told.
"""

from __future__ import annotations

import json
from array import array
from dataclasses import dataclass
from functools import lru_cache

from broker.bench.store import Store
from broker.quality.metrics.metric import Metric
from broker.quality.tally import PairTally, Tally


@dataclass(frozen=True, slots=True)
class Delivered:
    """One metric of one lane.

    :param whole: everything that was asked, ``answered``: what has an answer; the very same where nothing failed.
    """

    whole: Tally
    answered: Tally


class Clusters:
    """Which items of a run belong together: those of one cluster, or of one id."""

    def __init__(self, store: Store) -> None:
        count, name = -1, None
        highest = next(iter(store.rows("SELECT coalesce(max(number), 0) FROM item")))[0]
        self.of = array("i", bytes(array("i").itemsize * (highest + 1)))
        """By the item's number."""
        items = 0
        for number, each in store.rows(_CLUSTERS):
            items += 1
            if each != name:
                count, name = count + 1, each
            self.of[number] = count
        self.count = count + 1
        self.alone = self.count == items
        """Each item is a cluster of its own."""

    def numbered(self) -> ClusterNumbers:
        """For one tally."""
        return ClusterNumbers(self)


class ClusterNumbers:
    """Clusters numbered as they first come, as tallies want them. Items come in their order, each as often as it was asked."""

    def __init__(self, clusters: Clusters) -> None:
        self._alone = clusters.alone
        self._of = clusters.of
        # Items that are alone are told apart by the one before, and need no list of what was seen.
        self._seen = array("i") if self._alone else array("i", [-1]) * clusters.count
        self._last: int | None = None
        self._next = 0

    def of(self, item: int) -> int:
        """The number of an item's cluster."""
        if self._alone:
            if item != self._last:
                self._last = item
                self._next += 1
            return self._next - 1
        cluster = self._of[item]
        number = self._seen[cluster]
        if number < 0:
            number = self._seen[cluster] = self._next
            self._next += 1
        return number


def delivered(store: Store, lane: int, number: int, metric: Metric, clusters: Clusters) -> Delivered:
    """The scores of all repetitions.

    :param number: the metric's in the store.
    """
    whole, answered = Tally(metric), Tally(metric)
    of_whole, of_answered = clusters.numbered(), clusters.numbered()
    for item, parts, failed in store.rows(_LANE, (number, lane)):
        row = _read(parts)
        whole.add(row, of_whole.of(item))
        if not failed:
            answered.add(row, of_answered.of(item))
    return Delivered(whole, whole if answered.n == whole.n else answered)


def pairs(store: Store, one: int, other: int, number: int, metric: Metric, clusters: Clusters) -> PairTally:
    """Two lanes on the items that both have a score of, by the first repetition."""
    tally, numbers = PairTally(metric), clusters.numbered()
    for item, first, second in store.rows(_PAIR, (number, number, one, other)):
        tally.add(_read(first), _read(second), numbers.of(item))
    return tally


@lru_cache(maxsize=1024)
def _read(parts: str) -> tuple[float, ...]:
    return tuple(json.loads(parts))


_CLUSTERS = "SELECT number, coalesce(nullif(cluster, ''), id) AS name FROM item ORDER BY name"
_LANE = """
SELECT question.item, score.parts, score.failed FROM question JOIN score ON score.question = question.number
WHERE score.metric = ? AND question.lane = ? ORDER BY question.item, question.repetition
"""
_PAIR = """
SELECT one.item, first.parts, second.parts FROM question AS one
JOIN question AS other ON other.item = one.item AND other.repetition = 1
JOIN score AS first ON first.question = one.number AND first.metric = ?
JOIN score AS second ON second.question = other.number AND second.metric = ?
WHERE one.lane = ? AND one.repetition = 1 AND other.lane = ? ORDER BY one.item
"""
