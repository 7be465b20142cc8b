"""What the store of samples tells of one month of a use case at one provider, besides its figures of quality."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from broker.quality.calibration import Rated
from broker.quality.choose import estimate
from broker.quality.estimate import Estimate
from broker.quality.metrics.metric import ACCURACY, Drawn, Metric, right_or_wrong
from broker.quality.reference import Reference
from broker.samples.estimates import Asked, Figures, figures, judged
from broker.samples.month_rows import Span
from broker.samples.plan import Plan
from broker.samples.recorded import Recorded
from broker.samples.rows import Alarm, Sample, SampleQuery, ScoredSample
from broker.samples.store import SampleStore
from broker.scoring.score import metrics_of, rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What samples tell of a month.

    :param official: figures by the use case's metric.
    :param rights: by right and wrong one by one, or by the items' own scores; None: no score tells that. ``judged``: the samples
        behind them.
    :param rated: confidences of answers that are right or wrong one by one; None: they are about something else.
    :param batched: some answers came several in one request, which the ledger counts as one call and draws one by one.
    :param decisions: how often people looked; ``labelled``: seconds until they had decided.
    """

    official: Figures
    rights: Figures | None
    judged: Sequence[ScoredSample]
    rated: Sequence[Rated] | None
    batched: bool
    decisions: int
    labelled: Sequence[float]
    agreement: Estimate | None


def sampled(
    store: SampleStore, plan: Plan, provider: str, span: Span, level: float, recorded: Recorded | None
) -> Sampled:
    """Of one month; ``recorded``: how much of it was drawn."""
    asked = Asked(
        use_case=plan.name,
        operation=plan.settings.operation,
        provider=provider,
        since=span.begin,
        until=span.last,
        level=level,
    )
    official = figures(store, asked, plan.scoring, recorded)
    rights = _rights(plan, official)
    scored: Sequence[ScoredSample] = ()
    if rights is not None:
        _, scored = judged(store, rights, plan.scoring)
    query = SampleQuery(use_case=plan.name, provider=provider, since=span.begin, until=span.last)
    samples = store.samples(query)
    reviewed = store.scored(query, references=(Reference.REVIEWED,))
    return Sampled(
        official=official,
        rights=official
        if rights == asked
        else None
        if rights is None
        else figures(store, rights, plan.scoring, recorded),
        judged=scored,
        rated=_rated(plan, official.metric, rights, scored),
        decisions=store.decisions(plan.name, provider, span.begin, span.last),
        labelled=[max(0.0, (each.score.at - each.sample.at).total_seconds()) for each in reviewed],
        batched=any("#" in each.item for each in samples),
        agreement=_agreement(store, query, samples, level),
    )


def _rights(plan: Plan, official: Figures) -> Asked | None:
    """By which scores answers are right; None where none tells that."""
    metric = official.metric
    if metric is None or metric.binary:
        return None if metric is None else official.asked
    for each in metrics_of(plan.settings.operation, plan.scoring):
        if each.binary:
            return replace(official.asked, metric=(each.id, each.version))
    # F1 of all items together is no share of them; the mean of the items' own is, as the tolerance takes it.
    return replace(official.asked, by_item=True) if metric.higher_is_better else None


def _rated(
    plan: Plan, metric: Metric | None, rights: Asked | None, scored: Sequence[ScoredSample]
) -> list[Rated] | None:
    if metric is None or not rates(plan.settings.operation, plan.scoring):
        return None
    if rights is None or rights.by_item:
        return None
    return [
        Rated(
            confidence=each.sample.confidence,
            right=each.score.parts[0] > 0,
            weight=1 / each.score.drawn.probability,
            cluster=each.score.drawn.cluster,
        )
        for each in scored
        if each.sample.confidence is not None and not each.sample.failed
    ]


def _agreement(
    store: SampleStore, query: SampleQuery, samples: Sequence[Sample], level: float
) -> Estimate | None:
    """With all that were asked the same, each answer weighted by how it was drawn; no accuracy."""
    probabilities = {each.id: each.probability for each in samples}
    items = [
        right_or_wrong(
            f"{each.sample}|{each.provider}",
            each.same,
            Drawn(probability=probabilities[each.sample], cluster=str(each.sample)),
        )
        for each in store.shadows(query)
        if each.same is not None
    ]
    if not items:
        return None
    if len({each.cluster for each in items}) == len(items):
        items = [replace(each, drawn=replace(each.drawn, cluster=None)) for each in items]
    return replace(estimate(ACCURACY, items, level), estimand="agreement", notes=("agreement, no accuracy",))


def flips(store: SampleStore, use_case: str, provider: str, span: Span) -> tuple[int, int, int] | None:
    """Of the pinned set: answers that changed, answers compared, and how often it was asked again; None: not at all."""
    found = [each.replay for each in store.replays(use_case, provider) if span.holds(each.at)]
    items = sum(each.items for each in found)
    return (sum(each.flipped for each in found), items, len(found)) if items else None


def alarms(store: SampleStore, use_case: str, provider: str, span: Span) -> list[Alarm]:
    """Those of a month."""
    return [each for each in store.alarms(use_case) if each.provider == provider and span.holds(each.at)]


def detected(found: Sequence[Alarm]) -> list[timedelta]:
    """From the estimated onset to the alarm, of alarms that a person found true and whose onset is known."""
    return [
        max(timedelta(0), each.at - each.onset)
        for each in found
        if each.verdict is True and each.onset is not None
    ]
