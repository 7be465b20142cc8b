"""Moderation by what its errors cost: letting harm through and stopping what is harmless are not the same.

The user says what each costs, in a unit of his own; the figure is the mean cost of an item. Thresholds are chosen on
gold by the same figure (after Threshy, arXiv 2008.08252).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric, mean_of_parts

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCosts:
    """What errors cost, in any one unit; 0 or more.

    :param let_through: harm that was not stopped, by kind of harm; ``default`` for kinds that are not named.
    :param stopped: harmless content that was stopped.
    :param failed: no answer; None: as dear as the worst error of the item, since nothing is known of it.
    """

    let_through: Mapping[str, float]
    stopped: float
    default: float = 1.0
    failed: float | None = None

    def __post_init__(self) -> None:
        prices = (*self.let_through.values(), self.stopped, self.default, self.failed or 0.0)
        if not all(0 <= price < math.inf for price in prices):
            raise ValueError("what an error costs is 0 or more")

    @property
    def dearest(self) -> float:
        """What one item can cost at the most: :attr:`Metric.worst` of a cost in this unit."""
        return max(*self.let_through.values(), self.stopped, self.default, self.failed or 0.0)

    def missing(self, harms: frozenset[str]) -> float:
        """Of letting through content with these harms: the dearest of them."""
        return max((self.let_through.get(harm, self.default) for harm in harms), default=0.0)


COST = Metric(
    id="moderation-cost",
    version=VERSION,
    parts=("cost", "items"),
    of=mean_of_parts,
    higher_is_better=False,
    best=0.0,
    worst=None,
)
"""The mean cost of an item. 0 is best; ``replace(COST, id=..., worst=costs.dearest)`` says at what prices."""


def cost_score(
    item: str,
    truth: frozenset[str],
    flagged: frozenset[str] | None,
    costs: ErrorCosts,
    drawn: Drawn = EVERY_ITEM,
) -> ItemScore:
    """One item: its harms in truth, those the provider names, or None: the call failed.

    Content is stopped as soon as any harm is named, so that the right harm under a wrong name costs nothing here; use
    macro-F1 to see names.
    """
    if flagged is None:
        worst = max(costs.missing(truth), 0.0 if truth else costs.stopped)
        cost = worst if costs.failed is None else costs.failed
    elif truth and not flagged:
        cost = costs.missing(truth)
    elif flagged and not truth:
        cost = costs.stopped
    else:
        cost = 0.0
    return ItemScore(item=item, parts=(cost, 1.0), failed=flagged is None, drawn=drawn)


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From which confidence on content is best stopped.

    :param at: stop from this confidence on; infinity: never.
    :param cost: the mean cost of an item there, on the gold it was chosen by: a little too good to be true of others.
    """

    at: float
    cost: float


def cheapest_threshold(rated: Sequence[tuple[float, frozenset[str]]], costs: ErrorCosts) -> Threshold | None:
    """The cheapest of all thresholds over (highest confidence of any harm, harms in truth); None without items."""
    if not rated:
        return None
    if not all(math.isfinite(confidence) for confidence, _ in rated):
        raise ValueError("a confidence is a number; content without one cannot be stopped by it")
    ordered = sorted(rated, key=lambda each: -each[0])
    total = sum(costs.missing(truth) for _, truth in ordered)  # nothing is stopped
    best = Threshold(at=float("inf"), cost=total / len(ordered))
    for index, (confidence, truth) in enumerate(ordered):
        total += costs.stopped if not truth else -costs.missing(truth)
        last_of_its_kind = index + 1 == len(ordered) or ordered[index + 1][0] < confidence
        if last_of_its_kind and total / len(ordered) < best.cost:
            best = Threshold(at=confidence, cost=total / len(ordered))
    return best
