"""Two providers on the same items: which is better, and how many more items it takes to tell.

Always paired: what is hard for one is mostly hard for the other, so that differences tell far more than two intervals
side by side. The user says which difference matters (``delta``):

* EQUIVALENT: the interval of the difference lies within +-delta.
* BETTER, WORSE: the interval lies on one side of 0 (and, for right-or-wrong items, McNemar's exact test agrees).
* UNDECIDED: neither; :attr:`Comparison.more_items` says how many more would probably settle it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations

from broker.quality.bootstrap import DRAWS, FEW_CLUSTERS, SEED, resampled_pairs
from broker.quality.chance import binomial_tail_half, z_of
from broker.quality.metrics.metric import ItemScore, Metric
from broker.quality.tally import PairTally

POWER = 0.8
"""With which probability ``more_items`` settle it, if the truth is as it looks now."""


class Verdict(str, Enum):
    """How the first compares with the second."""

    BETTER = "better"
    WORSE = "worse"
    EQUIVALENT = "equivalent"
    """They differ by less than matters."""
    UNDECIDED = "undecided"
    """Too few items to tell."""
    NO_DATA = "no_data"
    """No item was answered by both. That is no pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How one provider compares with another on the items of both.

    :param gain: by how much the first is better, in the metric's unit: positive is better, for error rates too.
    :param low: of the interval of the gain; ``high``.
    :param level: of that interval, after the correction for several comparisons.
    :param delta: the smallest difference that matters.
    :param wins: items that only the first got right; ``losses``: only the second. None where items have no right.
    :param p_value: of McNemar's exact test; None where items have no right.
    :param n: items of both; ``clusters``: drawn together.
    :param more_items: how many more settle it with probability 0.8 if all stays as it looks; 0: settled; None: cannot
        be told.
    """

    metric: str
    verdict: Verdict
    gain: float | None
    low: float | None
    high: float | None
    level: float
    delta: float
    n: int
    clusters: int
    method: str
    wins: int | None = None
    losses: int | None = None
    p_value: float | None = None
    more_items: int | None = None
    notes: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """For notebooks."""
        from broker.types.markup import facts

        gain, low, high = (
            "not known" if end is None else f"{end:+.4g}" for end in (self.gain, self.low, self.high)
        )
        return facts(
            f"the first against the second, by {self.metric}",
            [
                ("the first is", self.verdict.value.replace("_", " ")),
                ("gain of the first", gain),
                (f"interval at {self.level:.0%}", f"{low} to {high}"),
                ("items", f"{self.n:,}"),
                *(("note", each) for each in self.notes),
            ],
        )


def mcnemar(wins: int, losses: int) -> float:
    """The exact two-sided p-value of as unequal a split of the items on which two differ."""
    return min(1.0, 2 * binomial_tail_half(min(wins, losses), wins + losses))


def compare(
    metric: Metric,
    first: Sequence[ItemScore],
    second: Sequence[ItemScore],
    delta: float,
    level: float = 0.95,
    *,
    comparisons: int = 1,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Comparison:
    """The first provider against the second on the items that both have scores for.

    :param comparisons: how many are made together; each is held at ``1 - (1 - level) / comparisons`` (Bonferroni).

    Right-or-wrong items drawn alike: Bonett and Price's interval for paired shares and McNemar's exact test; everything
    else: paired bootstrap of clusters.
    """
    of_second = {score.item: score for score in second}
    if len(of_second) < len(second) or len({score.item for score in first}) < len(first):
        raise ValueError("an item has two scores of one provider; which one counts?")
    tally, numbers = PairTally(metric), dict[str, int]()
    for one in first:
        other = of_second.get(one.item)
        if other is not None:
            cluster = numbers.setdefault(one.cluster, len(numbers))
            tally.add(one.parts, other.parts, cluster, (one.weight, other.weight))
    return compare_tally(tally, delta, level, comparisons=comparisons, draws=draws, seed=seed)


def compare_tally(
    tally: PairTally,
    delta: float,
    level: float = 0.95,
    *,
    comparisons: int = 1,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Comparison:
    """:func:`compare` of scores that were added up."""
    if not delta > 0:
        raise ValueError("say which difference matters: delta is above 0")
    if comparisons < 1:
        raise ValueError("at least one comparison is made")
    level = 1 - (1 - level) / comparisons
    if not tally.n:
        return _no_data(tally.metric, delta, level)
    if tally.metric.binary and tally.plain:
        return _shares(tally, delta, level)
    return _bootstrapped(tally, delta, level, draws, seed)


def compare_all(
    metric: Metric, scores: Mapping[str, Sequence[ItemScore]], delta: float, level: float = 0.95
) -> dict[tuple[str, str], Comparison]:
    """Every provider against every other, all verdicts together at this level."""
    names = list(combinations(scores, 2))
    return {
        (one, other): compare(metric, scores[one], scores[other], delta, level, comparisons=len(names))
        for one, other in names
    }


def _shares(tally: PairTally, delta: float, level: float) -> Comparison:
    n, wins, losses = tally.n, tally.wins, tally.losses
    win, loss = (wins + 1) / (n + 2), (losses + 1) / (n + 2)
    spread = math.sqrt(win + loss - (win - loss) ** 2)
    half = z_of(level) * spread / math.sqrt(n + 2)
    gain, middle = (wins - losses) / n, win - loss
    low, high = min(gain, max(-1.0, middle - half)), max(gain, min(1.0, middle + half))
    p_value = mcnemar(wins, losses)
    verdict = _verdict(low, high, delta, agreed=p_value <= 1 - level)
    return Comparison(
        metric=tally.metric.id,
        verdict=verdict,
        gain=gain,
        low=low,
        high=high,
        level=level,
        delta=delta,
        n=n,
        clusters=n,
        method="mcnemar+bonett-price/1",
        wins=wins,
        losses=losses,
        p_value=p_value,
        more_items=0 if verdict is not Verdict.UNDECIDED else _more(gain, spread, n, n, delta, level),
    )


def _bootstrapped(tally: PairTally, delta: float, level: float, draws: int, seed: int) -> Comparison:
    metric = tally.metric
    sign = 1.0 if metric.higher_is_better else -1.0
    one, other = metric.of(tally.first), metric.of(tally.second)
    count = len(tally.clusters)
    if one is None or other is None or count < 2:
        return _no_data(metric, delta, level, n=tally.n)
    low, high = resampled_pairs(tally, level, draws, seed)
    gain = sign * (one - other)
    low, high = min(sign * low, sign * high), max(sign * low, sign * high)
    low, high = min(low, gain), max(high, gain)
    notes = (f"only {count} clusters: take the interval as a rough one",) if count < FEW_CLUSTERS else ()
    if math.isclose(low, high, rel_tol=1e-9, abs_tol=1e-12):
        # All differ alike, mostly not at all: clusters that differ could have been missed.
        span = 1.0 if metric.worst is None else abs(metric.best - metric.worst)
        missed = span * (1 - ((1 - level) / 2) ** (1 / count))
        low, high = low - missed, high + missed
        notes = (*notes, "all clusters alike: the interval says what could have been missed")
    verdict = _verdict(low, high, delta, agreed=True)
    if 2.0 ** (1 - count) > 1 - level:
        # So few all point the same way by chance more often than the level allows.
        verdict = Verdict.UNDECIDED
        notes = (*notes, f"{count} clusters are too few for any verdict at this level")
    spread = (high - low) / 2 / z_of(level) * math.sqrt(count)
    return Comparison(
        metric=metric.id,
        verdict=verdict,
        gain=gain,
        low=low,
        high=high,
        level=level,
        delta=delta,
        n=tally.n,
        clusters=count,
        method="paired-bootstrap/1",
        more_items=0
        if verdict is not Verdict.UNDECIDED
        else _more(gain, spread, count, tally.n, delta, level),
        notes=notes,
    )


def _verdict(low: float, high: float, delta: float, *, agreed: bool) -> Verdict:
    if -delta < low and high < delta:
        return Verdict.EQUIVALENT
    if low > 0 and agreed:
        return Verdict.BETTER
    if high < 0 and agreed:
        return Verdict.WORSE
    return Verdict.UNDECIDED


def _more(gain: float, spread: float, clusters: int, items: int, delta: float, level: float) -> int | None:
    """The shorter of two ways out: far enough from 0, or surely within +-delta."""
    if not spread:
        return None
    sure = z_of(level) + z_of(2 * POWER - 1)
    distance = max(abs(gain), delta - abs(gain))
    wanted = (sure * spread / distance) ** 2
    # One that looks settled by this rule but is not had bad luck: then as many again as a tenth.
    more = max(wanted - clusters, 0.1 * clusters, 1.0)
    return math.ceil(more * items / clusters)


def _no_data(metric: Metric, delta: float, level: float, *, n: int = 0) -> Comparison:
    return Comparison(
        metric=metric.id,
        verdict=Verdict.NO_DATA,
        gain=None,
        low=None,
        high=None,
        level=level,
        delta=delta,
        n=n,
        clusters=0,
        method="none",
        notes=("no item that both have a score for, or one cluster alone",),
    )
