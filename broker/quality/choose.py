"""Which interval a figure gets: chosen by what is at hand, never by which looks best.

===================================  =============================
shown live, or a decision hangs on   confidence sequence
any look at it
several items a cluster, or a        cluster bootstrap
figure that is no share of right
or wrong (live: no mean of 0..1)
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
from broker.quality.bootstrap import bootstrap, bootstrap_of
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.quality.metrics.counts import Counts
from broker.quality.metrics.metric import ACCURACY, ItemScore, Metric, mean_of_parts
from broker.quality.ppi import ppi, ppi_allowed
from broker.quality.stratified import Stratum, stratified
from broker.quality.tally import Tally
from broker.quality.weighted import hajek

ONE_LOOK = "holds for one look planned beforehand, not at every look"


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
    least: float | None = None,
) -> Estimate:
    """The metric of these items with the interval that suits them.

    :param stratum_weights: share of all calls meant, by stratum. Within a stratum items must have been drawn alike.
    :param live: it is looked at again and again. For items with a value in 0..1 each; strata then count by their
        probabilities alone. Other figures get the interval for one look, and a note that says so.
    :param least: with ``live``: the smallest probability that the design gives, which must not change between looks;
        None: the smallest of these items.
    """
    unequal = len({score.drawn.probability for score in scores}) > 1
    clustered = len({score.cluster for score in scores}) < len(scores)
    if live and not clustered and _mean_of_shares(metric):
        there = [score for score in scores if score.parts[1]]
        floor = min((score.drawn.probability for score in there), default=1.0) if least is None else least
        return confidence_sequence(
            [score.parts[0] / score.parts[1] for score in there],
            level,
            weights=[weight_of(score.drawn.probability, floor) for score in there],
            estimand=metric.id,
        )
    if clustered or not metric.binary:
        told = bootstrap(metric, scores, level)
        return replace(told, notes=(*told.notes, ONE_LOOK)) if live else told
    rights = [score.parts[0] / score.parts[1] for score in scores if score.parts[1]]
    if stratum_weights is not None and _alike_within(scores):
        return stratified(strata_of(scores, stratum_weights), level, estimand=metric.id)
    if unequal:
        return hajek(metric, scores, level)
    if guesses is not None and all(score.item in guesses.by_item for score in scores):
        found = [guesses.by_item[score.item] for score in scores]
        if ppi_allowed(rights, found):
            return ppi(rights, found, guesses.others, level, estimand=metric.id)
    return share_interval(round(sum(rights)), len(rights), level, estimand=metric.id)


def estimate_tally(tally: Tally, level: float = 0.95) -> Estimate:
    """:func:`estimate` of scores that were added up, all drawn alike."""
    if tally.clustered or not tally.metric.binary:
        return bootstrap_of(tally, level)
    return share_interval(round(tally.rights), tally.judged, level, estimand=tally.metric.id)


def _mean_of_shares(metric: Metric) -> bool:
    """Each item has a value in 0..1 and the figure is their mean: accuracy, nDCG, reciprocal rank."""
    return metric.of is mean_of_parts and metric.best == 1.0 and metric.worst == 0.0


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
    """Failures told apart from quality, each figure with the interval that suits it.

    ``stratum_weights`` are shares of the calls *asked*. Of the calls answered strata have other shares where they fail
    unequally often, so that the conditional figure weighs each answered item by what it stands for.
    """
    answered = [score for score in scores if not score.failed]
    conditional = (
        _of_answered(metric, scores, stratum_weights, level)
        if stratum_weights and len(answered) < len(scores) and metric.binary and _plain_within(scores)
        else estimate(metric, answered, level, stratum_weights=stratum_weights)
    )
    arrived = [replace(score, parts=(0.0 if score.failed else 1.0, 1.0), failed=False) for score in scores]
    return Delivered(
        delivered=estimate(metric, scores, level, stratum_weights=stratum_weights),
        conditional=conditional,
        success=replace(
            estimate(ACCURACY, arrived, level, stratum_weights=stratum_weights), estimand="success"
        ),
    )


def _plain_within(scores: Sequence[ItemScore]) -> bool:
    """Each item stands for itself, drawn alike within its stratum."""
    return len({score.cluster for score in scores}) == len(scores) and _alike_within(scores)


def _of_answered(
    metric: Metric, scores: Sequence[ItemScore], weights: Mapping[str, float], level: float
) -> Estimate:
    """The answered items, each standing for its stratum's share of the calls over the items of it that were asked."""
    strata = {stratum.name: stratum for stratum in strata_of(scores, weights)}
    whole = sum(stratum.weight for stratum in strata.values() if stratum.n)
    blind = sum(stratum.weight for stratum in strata.values() if not stratum.n)
    rates = {name: each.n / each.weight for name, each in strata.items() if each.n and each.weight}
    if not rates:
        return estimate(metric, [], level, stratum_weights=weights)
    most = max(rates.values())
    told = hajek(
        metric,
        [
            replace(score, drawn=replace(score.drawn, probability=rates[score.drawn.stratum] / most))
            for score in scores
            if not score.failed and score.drawn.stratum in rates
        ],
        level,
    )
    covered = whole / (whole + blind)
    if not blind or told.low is None or told.high is None:
        return told
    return replace(
        told,
        low=told.low * covered,
        high=told.high * covered + 1 - covered,
        covered=covered,
        notes=(*told.notes, f"strata of {1 - covered:.0%} of the calls have no item with truth"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """How much of what was found is right, and how much of what is there was found."""

    precision: Estimate
    recall: Estimate


def precision_and_recall(counts: Counts, level: float = 0.95) -> Found:
    """Of one concept, class or kind, counted over items that were drawn alike and have it at most once each."""
    return Found(
        precision=share_interval(counts.hits, counts.hits + counts.false, level, estimand="precision"),
        recall=share_interval(counts.hits, counts.hits + counts.missed, level, estimand="recall"),
    )
