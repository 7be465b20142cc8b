"""Intervals of any metric, by drawing its clusters again: files, conversations, queries, days.

What belongs together is drawn together, because errors within a file are alike: taking each word for itself makes the
interval of a word error rate an order of magnitude too narrow.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from broker.quality.chance import check_level, normal_below, t_quantile
from broker.quality.estimate import Estimate, unknown
from broker.quality.metrics.metric import ItemScore, Metric
from broker.quality.packed import PackedRows
from broker.quality.tally import PairTally, Tally, tally_of

METHOD = "cluster-bootstrap/1"
DRAWS = 2000
SEED = 20_260
FEW_CLUSTERS = 20
MOST_DRAWN = 2000
"""Clusters drawn for one value; 2,000 draws of them take about two seconds."""


def bootstrap(
    metric: Metric,
    scores: Sequence[ItemScore],
    level: float = 0.95,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Estimate:
    """The percentile interval over ``draws`` samples of as many clusters, drawn with replacement.

    The percentiles are set apart a little further for few clusters, as Student's distribution is wider than the normal
    one (Hesterberg 2015). Where all clusters give the same value, drawing shows no spread: then the interval reaches as
    far as clusters of the worst (and best) value could be without one of them having been drawn. The same scores and
    seed give the same interval.
    """
    return bootstrap_of(tally_of(metric, scores), level, draws=draws, seed=seed)


def bootstrap_of(tally: Tally, level: float = 0.95, *, draws: int = DRAWS, seed: int = SEED) -> Estimate:
    """:func:`bootstrap` of scores that were added up."""
    check_level(level)
    metric, clusters, n = tally.metric, tally.clusters, tally.n
    point, count = tally.value, len(clusters)
    if point is None:
        return unknown(metric.id, METHOD, level, n, "nothing to divide by: no item with truth")
    if count < 2:
        return unknown(metric.id, METHOD, level, n, "one cluster alone shows no spread", point=point)
    notes = (f"only {count} clusters: take the interval as a rough one",) if count < FEW_CLUSTERS else ()
    values = _resampled(metric.of, clusters, draws, seed)
    if not values:
        return unknown(
            metric.id, METHOD, level, n, "hardly any cluster has something to divide by", point=point
        )
    low, high = _percentiles(values, count, level)
    if math.isclose(low, high, rel_tol=1e-12, abs_tol=1e-15):
        low, high = _unseen(metric, point, count, level)
        notes = (*notes, "all clusters alike: the interval says what could have been missed")
    return Estimate(
        estimand=metric.id,
        method=METHOD,
        point=point,
        low=min(low, point),
        high=max(high, point),
        level=level,
        n=n,
        effective_n=tally.effective_n,
        notes=notes,
    )


def kish(scores: Sequence[ItemScore]) -> float:
    """The effective number of weighted items: (sum w)^2 / sum w^2."""
    total = sum(score.weight for score in scores)
    return total * total / sum(score.weight**2 for score in scores) if scores else 0.0


def _resampled(
    of: Callable[[Sequence[float]], float | None], clusters: PackedRows, draws: int, seed: int
) -> list[float]:
    """The value of each sample of clusters, ascending; samples without a value are left out.

    Of more than :data:`MOST_DRAWN` clusters only so many are drawn, and how far values are from the true one is scaled
    down as the root of the share: for figures that move smoothly, as all here do, it comes to the same.
    """
    draw = random.Random(seed)
    sums, indices, size = clusters.summing(), range(len(clusters)), min(len(clusters), MOST_DRAWN)
    found = []
    for _ in range(draws):
        told = of(sums(draw.choices(indices, k=size)))
        if told is not None:
            found.append(told)
    if size < len(clusters):
        centre = of(clusters.totals())
        if centre is not None:
            scale = math.sqrt(size / len(clusters))
            found = [centre + scale * (each - centre) for each in found]
    found.sort()
    return found


def resampled_pairs(tally: PairTally, level: float, draws: int, seed: int) -> tuple[float, float]:
    """The interval of the first metric less the second, both of the same drawn clusters."""
    metric = tally.metric
    length = len(metric.parts)

    def difference(parts: Sequence[float]) -> float | None:
        one, other = metric.of(parts[:length]), metric.of(parts[length:])
        return None if one is None or other is None else one - other

    values = _resampled(difference, tally.clusters, draws, seed)
    return _percentiles(values, len(tally.clusters), level)


def _percentiles(values: Sequence[float], count: int, level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    if count <= 200:  # beyond, the difference is nothing
        tail = normal_below(t_quantile(tail, count - 1) * math.sqrt(count / (count - 1)))
    return quantile(values, tail), quantile(values, 1 - tail)


def quantile(ascending: Sequence[float], share: float) -> float:
    """Of a sorted sample, with straight lines between its values."""
    if not ascending:
        raise ValueError("no values, no quantile")
    return quantile_at(ascending.__getitem__, len(ascending), share)


def quantile_at(at: Callable[[int], float], n: int, share: float) -> float:
    """:func:`quantile` of ``n`` values that are in order elsewhere; it looks at two of them.

    :param at: the value at a place, from 0 for the smallest.
    """
    place = share * (n - 1)
    below = int(place)
    above = min(below + 1, n - 1)
    return at(below) + (place - below) * (at(above) - at(below))


def _unseen(metric: Metric, point: float, count: int, level: float) -> tuple[float, float]:
    """How far clusters that were not drawn could move a value that all drawn ones share."""
    hidden = 1 - ((1 - level) / 2) ** (1 / count)
    worst = metric.worst if metric.worst is not None else 1.0 + metric.best if point <= 1 else point * 2
    ends = [point + hidden * (end - point) for end in (worst, metric.best)]
    return min(ends), max(ends)
