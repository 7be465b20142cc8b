"""Figures of a use case at one provider, from its samples and the draws of all its calls; kept as they are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from broker.quality.choose import estimate
from broker.quality.estimate import Estimate, unknown
from broker.quality.intervals import share_interval
from broker.quality.metrics.metric import (
    ACCURACY,
    Drawn,
    ItemScore,
    Metric,
    mean_of_parts,
    right_or_wrong,
)
from broker.quality.ranks import AgreementRanks, agreement_ranks
from broker.quality.reference import Reference
from broker.samples.recorded import Recorded
from broker.samples.rows import (
    DrawnCalls,
    EstimateRecord,
    Sample,
    SampleQuery,
    SampleState,
    ScoredSample,
    Skipped,
)
from broker.samples.store import TRUTHS, SampleStore
from broker.scoring.score import metrics_of
from broker.scoring.settings import ScoringSettings
from broker.types.markup import Shown

DELIVERED, CONDITIONAL, SUCCESS, AGREEMENT = "delivered", "conditional", "success", "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a figure is about.

    :param since: first day (UTC), ``until``: the last one.
    :param model_version: of this version alone; None: of all.
    :param references: whose truth counts: gold and people, or one of the two.
    :param metric: id and version of a score that is kept beside the official one; None: that one.
    """

    use_case: str
    operation: str
    provider: str
    since: date
    until: date
    model_version: str | None = None
    level: float = 0.95
    references: tuple[Reference, ...] = TRUTHS
    metric: tuple[str, int] | None = None
    by_item: bool = False
    """The mean of the items' own scores, as the tolerance takes them, in place of one figure of all items (F1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures(Shown):
    """What is known of a use case at one provider.

    :param metric: None: nothing was scored, or the operation has none.
    :param delivered: of all that was asked: a failed call is worth nothing. ``conditional``: of what was answered.
    :param success: share of the calls that were answered, of all calls, not of samples.
    :param agreement: share of the answers that another provider gave, too; by that provider. No accuracy.
    :param calls: drawn, sampled or not; ``failed``: of them, without an answer.
    :param uncovered: of them, that could not have been taken (their rate, or their budget, was 0).
    :param sampled: taken and kept; ``scored``: of them, with truth; ``waiting``: for one; ``given_up``: have none in time.
    :param skipped: what should have been looked at and was not, of the whole use case.
    :param recorded: how much of what the ledger has was drawn; None: nobody asked.
    """

    asked: Asked
    metric: Metric | None
    delivered: Estimate
    conditional: Estimate
    success: Estimate
    agreement: Mapping[str, Estimate]
    calls: int
    failed: int
    uncovered: int
    sampled: int
    scored: int
    waiting: int
    given_up: int
    skipped: Mapping[Skipped, int]
    recorded: Recorded | None = None

    @property
    def covered(self) -> float | None:
        """Share of the calls that were drawn and could have been taken, as far as it is known; None: none was drawn."""
        drawn = None if self.recorded is None else self.recorded.share
        return (1 - self.uncovered / self.calls) * (1.0 if drawn is None else drawn) if self.calls else None

    def records(self, at: datetime) -> list[EstimateRecord]:
        """As they are kept; what is not known is kept as that."""
        told = {DELIVERED: self.delivered, CONDITIONAL: self.conditional, SUCCESS: self.success}
        told |= {f"{AGREEMENT}:{name}": each for name, each in self.agreement.items()}
        return [
            EstimateRecord(
                use_case=self.asked.use_case,
                provider=self.asked.provider,
                model_version=self.asked.model_version,
                estimand=name,
                metric=self.metric.id
                if self.metric is not None and name in (DELIVERED, CONDITIONAL)
                else name,
                version=self.metric.version if self.metric is not None else 0,
                at=at,
                since=self.asked.since,
                until=self.asked.until,
                estimate=each,
            )
            for name, each in told.items()
        ]


def judged(
    store: SampleStore, asked: Asked, scoring: ScoringSettings
) -> tuple[Metric | None, list[ScoredSample]]:
    """The samples that a figure of quality rests on, and by which metric; None: the operation has none."""
    scored = store.scored(_query(asked), references=asked.references, metric=asked.metric)
    metric, scored = _one_metric(scored, metrics_of(asked.operation, scoring))
    return _item_by_item(metric, scored) if asked.by_item and metric is not None else (metric, scored)


def _query(asked: Asked) -> SampleQuery:
    return SampleQuery(
        use_case=asked.use_case,
        provider=asked.provider,
        model_version=asked.model_version,
        since=asked.since,
        until=asked.until,
    )


def figures(
    store: SampleStore, asked: Asked, scoring: ScoringSettings, recorded: Recorded | None = None
) -> Figures:
    """All figures of one use case at one provider on these days.

    :param recorded: of the same days; what was not drawn is then told with every figure.
    """
    query = _query(asked)
    drawn = [
        each
        for each in store.drawn(asked.use_case, since=asked.since, until=asked.until)
        if each.drawing.provider == asked.provider
        and asked.model_version in (None, each.drawing.model_version)
    ]
    samples = store.samples(query)
    metric, scored = judged(store, asked, scoring)
    calls = sum(each.calls for each in drawn)
    failed = sum(each.calls for each in drawn if each.drawing.failed)
    uncovered = sum(each.calls for each in drawn if each.drawing.probability <= 0)
    success = replace(share_interval(calls - failed, calls, asked.level, estimand=SUCCESS))
    conditional = _conditional(metric, scored, drawn, asked.level)
    conditional = _told(conditional, samples, 1 - uncovered / calls if calls else 1.0)
    success, conditional = _of_recorded(success, recorded), _of_recorded(conditional, recorded)
    return Figures(
        asked=asked,
        metric=metric,
        delivered=_delivered(metric, conditional, success, scored, asked.level),
        conditional=conditional,
        success=success,
        agreement=_agreement(store, query, samples, asked.level),
        calls=calls,
        failed=failed,
        uncovered=uncovered,
        sampled=len(samples),
        scored=len(scored),
        waiting=sum(each.state is SampleState.WAITING for each in samples),
        given_up=sum(each.state is SampleState.GIVEN_UP for each in samples),
        skipped=store.skipped(asked.use_case, since=asked.since, until=asked.until),
        recorded=recorded,
    )


def _one_metric(
    scored: Sequence[ScoredSample], known: Sequence[Metric]
) -> tuple[Metric | None, list[ScoredSample]]:
    """The metric of the latest score, and the scores by that one: figures of two versions are not mixed."""
    metrics = {(each.id, each.version): each for each in (*known, ACCURACY)}
    for each in reversed(scored):
        found = metrics.get((each.score.metric, each.score.version))
        if found is not None:
            return found, [
                other
                for other in scored
                if (other.score.metric, other.score.version) == (found.id, found.version)
            ]
    return (known[0] if known else None), []


def _item_by_item(metric: Metric, scored: Sequence[ScoredSample]) -> tuple[Metric, list[ScoredSample]]:
    made = replace(ACCURACY, id=f"mean:{metric.id}", version=metric.version, binary=False)
    return made, [
        replace(each, score=replace(each.score, parts=(each.score.unit, 1.0)))
        for each in scored
        if each.score.unit is not None
    ]


def item_of(each: ScoredSample) -> ItemScore:
    """A scored sample as estimators take it."""
    return ItemScore(
        item=each.sample.item, parts=each.score.parts, failed=each.sample.failed, drawn=each.score.drawn
    )


def _conditional(
    metric: Metric | None, scored: Sequence[ScoredSample], drawn: Sequence[DrawnCalls], level: float
) -> Estimate:
    answered = [item_of(each) for each in scored if not each.sample.failed]
    if metric is None or not answered:
        return unknown(metric.id if metric else "score", "none", level, 0, "no item with truth")
    return estimate(metric, answered, level, stratum_weights=_weights(answered, drawn))


def _weights(answered: Sequence[ItemScore], drawn: Sequence[DrawnCalls]) -> Mapping[str, float] | None:
    """Shares of all answered calls by stratum; None where that does not help: there is one, or step two made others."""
    weights: dict[str, float] = {}
    for each in drawn:
        if not each.drawing.failed and each.drawing.probability > 0:
            name = f"{each.drawing.design}|{each.drawing.stratum}"
            weights[name] = weights.get(name, 0.0) + each.calls
    known = {each.drawn.stratum for each in answered}
    return weights if len(weights) > 1 and known <= set(weights) else None


def _told(found: Estimate, samples: Sequence[Sample], covered: float) -> Estimate:
    """With what a reader must know of those that are not in it."""
    answered = [each for each in samples if not each.failed]
    waiting = sum(each.state is SampleState.WAITING for each in answered)
    lost = sum(each.state is SampleState.GIVEN_UP for each in answered)
    notes = found.notes
    if waiting:
        notes = (*notes, f"{waiting} of {len(answered)} sampled answers wait for their truth")
    if lost:
        notes = (*notes, f"{lost} of {len(answered)} sampled answers got no truth in time")
    return replace(found, covered=found.covered * covered, notes=notes)


def _of_recorded(found: Estimate, recorded: Recorded | None) -> Estimate:
    """It speaks for the calls that were drawn."""
    share = None if recorded is None else recorded.share
    if recorded is None or share is None or not recorded.missing:
        return found
    note = f"{recorded.missing:,} of {recorded.calls:,} calls in the ledger were not drawn"
    return replace(found, covered=found.covered * share, notes=(*found.notes, note))


def _delivered(
    metric: Metric | None,
    conditional: Estimate,
    success: Estimate,
    scored: Sequence[ScoredSample],
    level: float,
) -> Estimate:
    """A mean that is 0 for a failed call: conditional times success, which all calls tell. Else from failed calls with truth."""
    if metric is None or not conditional.known or not success.known:
        return replace(conditional, estimand=conditional.estimand)
    items = [item_of(each) for each in scored]
    if metric.of is mean_of_parts and metric.worst == 0 and all(each.parts[1] == 1 for each in items):
        if conditional.point is None or conditional.low is None or conditional.high is None:
            return conditional
        share, low, high = success.point or 0.0, success.low or 0.0, success.high or 0.0
        return replace(
            conditional,
            point=conditional.point * share,
            low=conditional.low * low,
            high=conditional.high * high,
            notes=(*conditional.notes, "conditional quality times the success of all calls"),
        )
    failed = sum(each.failed for each in items)
    note = f"{failed} failed calls have a truth and count as the worst answers"
    found = estimate(metric, items, level)
    return replace(found, covered=conditional.covered, notes=(*found.notes, note))


def _agreement(
    store: SampleStore, query: SampleQuery, samples: Sequence[Sample], level: float
) -> dict[str, Estimate]:
    by_id = {each.id: each for each in samples}
    found: dict[str, list[ItemScore]] = {}
    for shadow in store.shadows(query):
        sample = by_id[shadow.sample]
        if shadow.same is not None:
            drawn = Drawn(probability=sample.probability)
            found.setdefault(shadow.provider, []).append(right_or_wrong(sample.item, shadow.same, drawn))
    return {
        name: replace(
            estimate(ACCURACY, items, level),
            estimand=f"{AGREEMENT}:{name}",
            notes=("agreement, no accuracy",),
        )
        for name, items in sorted(found.items())
    }


def ranks(store: SampleStore, use_case: str, since: date, until: date) -> AgreementRanks:
    """The order of the providers by consensus, without any truth; never an accuracy.

    Raises ValueError for fewer than three providers or 50 shared items, and where answers are no classes.
    """
    query = SampleQuery(use_case=use_case, since=since, until=until)
    samples = {each.id: each for each in store.samples(query)}
    votes: dict[str, list[tuple[str, str]]] = {}
    for sample in samples.values():
        if sample.answer_token is not None:
            votes.setdefault(sample.item, []).append((sample.provider, sample.answer_token))
    for shadow in store.shadows(query):
        if shadow.answer_token is not None:
            told = votes.setdefault(samples[shadow.sample].item, [])
            if all(name != shadow.provider for name, _ in told):
                told.append((shadow.provider, shadow.answer_token))
    return agreement_ranks(votes)
