"""Which interval a figure gets: chosen by what is at hand, never by which looks best.

===================================  =============================
shown live, or a decision hangs on   confidence sequence
any look at it
several items a cluster, or a        cluster bootstrap
figure that is no share of right
or wrong
strata with known weights            stratified
unequal probabilities                Hájek
a guess for every item, and enough   prediction-powered inference
items against it
else                                 Wilson; exact where fewer
                                     than 5 are of one kind
===================================  =============================
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from broker.quality.always import confidence_sequence, weight_of
from broker.quality.bootstrap import bootstrap
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.quality.metrics.metric import ACCURACY, ItemScore, Metric
from broker.quality.ppi import ppi, ppi_allowed
from broker.quality.stratified import Stratum, stratified
from broker.quality.weighted import hajek


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """Cheap guesses at "the provider was right", 0..1: a second provider agrees, a confidence.

    :param by_item: of the items with truth; :param others: of those without.
    """

    by_item: Mapping[str, float]
    others: Sequence[float]


def estimate(
    metric: Metric,
    scores: Sequence[ItemScore],
    level: float = 0.95,
    *,
    stratum_weights: Mapping[str, float] | None = None,
    guesses: Guesses | None = None,
    live: bool = False,
) -> Estimate:
    """The metric of these items with the interval that suits them.

    :param stratum_weights: share of all calls meant, by stratum. Within a stratum items must have been drawn alike.
    :param live: it is looked at again and again. For right-or-wrong items; strata then count by their probabilities alone.
    """
    unequal = len({score.drawn.probability for score in scores}) > 1
    clustered = len({score.cluster for score in scores}) < len(scores)
    if clustered or not metric.binary:
        return bootstrap(metric, scores, level)
    rights = [score.parts[0] / score.parts[1] for score in scores if score.parts[1]]
    if live:
        least = min((score.drawn.probability for score in scores), default=1.0)
        return confidence_sequence(
            rights,
            level,
            weights=[weight_of(score.drawn.probability, least) for score in scores if score.parts[1]],
            estimand=metric.id,
        )
    if stratum_weights is not None and _alike_within(scores):
        return stratified(strata_of(scores, stratum_weights), level, estimand=metric.id)
    if unequal:
        return hajek(metric, scores, level)
    if guesses is not None and all(score.item in guesses.by_item for score in scores):
        found = [guesses.by_item[score.item] for score in scores]
        if ppi_allowed(rights, found):
            return ppi(rights, found, guesses.others, level, estimand=metric.id)
    return share_interval(round(sum(rights)), len(rights), level, estimand=metric.id)


def strata_of(scores: Sequence[ItemScore], weights: Mapping[str, float]) -> list[Stratum]:
    """Right-or-wrong items counted by stratum. Raises ValueError for an item of a stratum without weight."""
    hits: dict[str, int] = dict.fromkeys(weights, 0)
    totals: dict[str, int] = dict.fromkeys(weights, 0)
    for score in scores:
        name = score.drawn.stratum
        if name is None or name not in weights:
            raise ValueError(f"item {score.item!r} is of stratum {name!r}, which has no weight")
        hits[name] += score.parts[0] > 0
        totals[name] += 1
    return [Stratum(name=name, weight=weights[name], hits=hits[name], n=totals[name]) for name in weights]


def _alike_within(scores: Sequence[ItemScore]) -> bool:
    by_stratum: dict[str | None, float] = {}
    return all(
        by_stratum.setdefault(score.drawn.stratum, score.drawn.probability) == score.drawn.probability
        for score in scores
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What arrived, what it was worth where it did, and how often it did, each with its interval.

    :param delivered: of everything asked; a failed call counts as the worst answer.
    :param conditional: of what was answered.
    :param success: share of the calls that were answered.
    """

    delivered: Estimate
    conditional: Estimate
    success: Estimate


def estimate_delivery(
    metric: Metric,
    scores: Sequence[ItemScore],
    level: float = 0.95,
    *,
    stratum_weights: Mapping[str, float] | None = None,
) -> Delivered:
    """Failures told apart from quality, each figure with the interval that suits it."""
    answered = [score for score in scores if not score.failed]
    arrived = [replace(score, parts=(0.0 if score.failed else 1.0, 1.0), failed=False) for score in scores]
    return Delivered(
        delivered=estimate(metric, scores, level, stratum_weights=stratum_weights),
        conditional=estimate(metric, answered, level, stratum_weights=stratum_weights),
        success=replace(
            estimate(ACCURACY, arrived, level, stratum_weights=stratum_weights), estimand="success"
        ),
    )
