"""Tests and intervals that hold however often one looks: betting e-processes and confidence sequences.

An ordinary 95 % bound that is looked at after every item raises a false alarm in 29-34 % of streams. These do not, in at
most ``alpha`` of them (Ville's inequality), whatever the distribution of the scores, as long as they lie in 0..1 and the
mean *given the past* is what is asked about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from broker.quality.chance import check_level
from broker.quality.estimate import Estimate

BETS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""Shares of the largest bet that cannot ruin: small ones see small drops, large ones see large drops sooner."""
_LARGEST = 1e280


@cache
def bets(bar: float) -> tuple[float, ...]:
    """The bets against ``mean >= bar``: :data:`BETS` of 1 / (1 - bar)."""
    return tuple(share / (1.0 - bar) for share in BETS)


@dataclass(frozen=True, slots=True, kw_only=True)
class EProcess:
    """The evidence against "the mean is at least ``bar``": how much a gambler who doubts it has made of 1.

    Reject when :attr:`value` reaches ``1 / alpha``; looking after every item is allowed.

    One that bets from the first item on has lost nearly all by the time a stream that was good for months falls, and then sees
    nothing for as long. So for a stream that goes on (:meth:`lasting`) half of the money waits: of it 1/(s(s+1)) begins to bet
    with item s. A mean of such evidence, by weights that were fixed before, is evidence of the same kind: it rejects in at most
    ``alpha`` of the streams that are never below the bar. It costs a factor of 2 at the beginning, and about s² after s items.

    :param bar: within 0..1, exclusive; scores lie in 0..1.
    :param purses: what each of the bets has made so far.
    :param late: of those that began to bet later; None: all bet from the first item on.
    """

    bar: float
    purses: tuple[float, ...] = (1.0,) * len(BETS)
    late: tuple[float, ...] | None = None
    seen: int = 0
    highest: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.bar < 1.0:
            raise ValueError(f"a bar for a mean of scores in 0..1 lies between them; got {self.bar}")

    @classmethod
    def lasting(cls, bar: float) -> EProcess:
        """For a stream that goes on, and may fall at any time."""
        return cls(bar=bar, late=(0.0,) * len(BETS))

    @property
    def value(self) -> float:
        """The mean of the purses now."""
        first = sum(self.purses) / len(self.purses)
        if self.late is None:
            return first
        return (
            first + sum(self.late) / len(self.late) + 1.0 / (self.seen + 1)
        ) / 2  # what waits is 1/(seen+1)

    def after(self, score: float, weight: float = 1.0) -> EProcess:
        """One item more; ``weight`` by :func:`weight_of` where items are chosen with unequal probabilities."""
        gain = check_weight(weight) * (self.bar - check_score(score))
        grown = [1.0 + bet * gain for bet in bets(self.bar)]
        purses = tuple([min(purse * by, _LARGEST) for purse, by in zip(self.purses, grown, strict=True)])
        late = self.late
        if late is not None:
            begin = 1.0 / ((self.seen + 1) * (self.seen + 2))
            late = tuple([min((purse + begin) * by, _LARGEST) for purse, by in zip(late, grown, strict=True)])
        after = EProcess(bar=self.bar, purses=purses, late=late, seen=self.seen + 1, highest=self.highest)
        return after if after.value <= self.highest else replace(after, highest=after.value)

    def rejected(self, alpha: float = 0.05) -> bool:
        """ "At least ``bar``" is untenable at this risk of a false alarm: evidence once reached stays."""
        return self.highest >= 1.0 / check_level(alpha)


def check_score(score: float) -> float:
    """The score itself. Raises ValueError unless it lies in 0..1."""
    if not 0.0 <= score <= 1.0:
        raise ValueError(f"scores lie in 0..1 here; got {score}")
    return score


def watched(bar: float, scores: Iterable[float]) -> EProcess:
    """The evidence after all of these."""
    state = EProcess(bar=bar)
    for score in scores:
        state = state.after(score)
    return state


def weight_of(probability: float, least: float) -> float:
    """The weight of an item that was chosen with this probability: ``least / probability``, in (0, 1].

    ``least`` is the smallest probability that the design gives. The bet on "the mean of all calls is at least the bar"
    is then fair, whatever the probabilities: given that a call was taken, ``weight * (bar - score)`` has the sign of what
    it has over all calls. Probabilities may change over time, as long as they do not depend on the score.
    """
    if not 0.0 < least <= probability <= 1.0:
        raise ValueError("the least probability is above 0 and not above the item's own")
    return least / probability


def check_weight(weight: float) -> float:
    """The weight itself. Raises ValueError unless it lies in (0, 1]."""
    if not 0.0 < weight <= 1.0:
        raise ValueError(f"a weight lies in (0, 1]; got {weight}")
    return weight


METHOD = "confidence-sequence/1"
_GRID = 1000


def confidence_sequence(
    scores: Sequence[float],
    level: float = 0.95,
    *,
    weights: Sequence[float] | None = None,
    estimand: str = "accuracy",
    grid: int = _GRID,
) -> Estimate:
    """All means that no e-process has rejected after these scores, each side at half the risk.

    Holds for all sample sizes at once: fit for a figure that is shown live, and for decisions. Wider than Wilson's.
    Scores in any order give the same interval (it looks at the end alone; to look back, keep the highest low and the
    lowest high).

    :param weights: by :func:`weight_of`; None: all alike.
    """
    check_level(level)
    n = len(scores)
    counts: dict[tuple[float, float], int] = {}
    for score, weight in zip(scores, [1.0] * n if weights is None else weights, strict=True):
        key = (check_score(score), check_weight(weight))
        counts[key] = counts.get(key, 0) + 1
    if not n:
        return Estimate(
            estimand=estimand, method=METHOD, point=None, low=0.0, high=1.0, level=level, n=0, effective_n=0.0,
            always_valid=True, notes=("no item with truth",),
        )  # fmt: skip
    alarm = math.log(2 / (1 - level))
    mirrored = {(1 - score, weight): count for (score, weight), count in counts.items()}
    total = sum(weight * count for (_, weight), count in counts.items())
    return Estimate(
        estimand=estimand,
        method=METHOD,
        point=sum(score * weight * count for (score, weight), count in counts.items()) / total,
        low=1 - _lowest_untenable(mirrored, alarm, grid),
        high=_lowest_untenable(counts, alarm, grid),
        level=level,
        n=n,
        effective_n=total**2 / sum(weight**2 * count for (_, weight), count in counts.items()),
        always_valid=True,
    )


def _lowest_untenable(counts: dict[tuple[float, float], int], alarm: float, grid: int) -> float:
    """The upper bound: the smallest bar that is rejected (evidence rises with the bar), rounded outwards to the grid."""

    def evidence(bar: float) -> float:
        logs = [
            sum(count * math.log1p(bet * weight * (bar - score)) for (score, weight), count in counts.items())
            for bet in bets(bar)
        ]
        top = max(logs)
        return top + math.log(sum(math.exp(each - top) for each in logs) / len(logs))

    low, high = 0, grid  # 1 counts as rejected: no mean is above it
    while high - low > 1:
        middle = (low + high) // 2
        if evidence(middle / grid) >= alarm:
            high = middle
        else:
            low = middle
    return high / grid
