"""Scores of a metric, added up as they come: what figures and their intervals rest on, without the scores themselves.

A hundred thousand scores as objects take 70 MB, their sums by cluster a few hundred kilobytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from broker.quality.metrics.metric import ItemScore, Metric
from broker.quality.packed import PackedRows


@dataclass(slots=True)
class Tally:
    """Of one metric and provider.

    :param n: scores added; ``rights``: the sum of what each is worth where there is something to divide by, ``judged``: how
        many those are.
    :param sums: of the parts, weighted, in the order in which they came.
    :param clusters: the weighted sums of each cluster, in the order in which clusters first came.
    """

    metric: Metric
    n: int = 0
    rights: float = 0.0
    judged: int = 0
    sums: list[float] = field(default_factory=list[float])
    clusters: PackedRows = field(init=False)
    _weight: float = 0.0
    _squares: float = 0.0

    def __post_init__(self) -> None:
        self.sums = [0.0] * len(self.metric.parts)
        self.clusters = PackedRows(len(self.metric.parts))

    def add(self, parts: Sequence[float], cluster: int, weight: float = 1.0) -> None:
        """One score.

        :param cluster: its cluster's number: those that came before keep theirs, a new one has the next.
        """
        self.clusters.add(cluster, parts, weight)
        self.n += 1
        self._weight += weight
        self._squares += weight * weight
        for index, part in enumerate(parts):
            self.sums[index] += weight * part
        if self.metric.binary and parts[1]:
            self.rights += parts[0] / parts[1]
            self.judged += 1

    @property
    def value(self) -> float | None:
        """The metric of all scores; None where there is nothing to divide by."""
        return self.metric.of(self.sums)

    @property
    def clustered(self) -> bool:
        """Several scores are of one cluster."""
        return len(self.clusters) < self.n

    @property
    def effective_n(self) -> float:
        """(sum w)^2 / sum w^2."""
        return self._weight * self._weight / self._squares if self.n else 0.0


def tally_of(metric: Metric, scores: Iterable[ItemScore]) -> Tally:
    """Of scores at hand."""
    tally, numbers = Tally(metric), dict[str, int]()
    for score in scores:
        tally.add(score.parts, numbers.setdefault(score.cluster, len(numbers)), score.weight)
    return tally


@dataclass(slots=True)
class PairTally:
    """Of two providers by one metric, on the items that both have.

    :param wins: items of which the first has more of the first part than the second, ``losses``: less.
    :param first: sums of the first one's parts, ``second``: of the other's, each by its own weights.
    :param clusters: sums of both, side by side, by the first one's weights.
    """

    metric: Metric
    n: int = 0
    wins: int = 0
    losses: int = 0
    first: list[float] = field(default_factory=list[float])
    second: list[float] = field(default_factory=list[float])
    clusters: PackedRows = field(init=False)
    weights_differ: bool = False
    _weight: float | None = None

    def __post_init__(self) -> None:
        length = len(self.metric.parts)
        self.first, self.second = [0.0] * length, [0.0] * length
        self.clusters = PackedRows(2 * length)

    def add(
        self,
        first: Sequence[float],
        second: Sequence[float],
        cluster: int,
        weights: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """One item's parts of both.

        :param cluster: as of :meth:`Tally.add`.
        """
        weight, other = weights
        self.clusters.add(cluster, (*first, *second), weight)
        self.n += 1
        self.wins += first[0] > second[0]
        self.losses += first[0] < second[0]
        self.weights_differ |= self._weight is not None and self._weight != weight
        self._weight = weight
        for index, part in enumerate(first):
            self.first[index] += weight * part
        for index, part in enumerate(second):
            self.second[index] += other * part

    @property
    def plain(self) -> bool:
        """Each item stands for itself, and all were drawn alike."""
        return len(self.clusters) == self.n and not self.weights_differ
