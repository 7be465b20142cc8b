"""What a table of recorded answers tells of its providers: how good, how sure, at what cost, which is better, and since when worse."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker.quality.always import EProcess
from broker.quality.calibration import calibration_error, ranks_right
from broker.quality.choose import Delivered, estimate_delivery
from broker.quality.guardrails import Finding, Tolerance, quality_finding
from broker.quality.metrics.counts import class_score, macro_f1_metric
from broker.quality.metrics.metric import ACCURACY, ItemScore, Metric, right_or_wrong
from broker.quality.metrics.normalise import NORMALISERS
from broker.quality.metrics.words import cer_metric, cer_score, wer_metric, wer_score
from broker.quality.paired import Comparison, compare_all
from broker.quality.ranks import AgreementRanks, agreement_ranks
from broker.quality.recorded import (
    Recorded,
    Spend,
    answers_by_item,
    by_provider,
    spend,
    truths,
)
from broker.quality.roi import FAILED, Costs, Roi, ValueModel, cost_per_right, roi
from broker.quality.routing import LEAST_ITEMS, Answered, RoutingGain, routing_gain
from broker.quality.votes import LEAST_GOLD, SoftLabel, dawid_skene, learn, soft_labels
from broker.types.markup import Shown

Score = Callable[[Recorded], ItemScore]


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """A metric and how one row is scored by it."""

    metric: Metric
    score: Score


def yardstick(name: str, rows: Sequence[Recorded]) -> Yardstick:
    """By name: ``accuracy``, ``macro-f1``, ``wer:NORMALISER``, ``cer:NORMALISER``. Raises ValueError naming those there are.

    :param rows: of the table; the classes of macro-F1 are its truths.
    """
    kind, _, how = name.partition(":")
    if name == "accuracy":
        return Yardstick(metric=ACCURACY, score=lambda row: right_or_wrong(row.item, row.right, row.drawn))
    if name == "macro-f1":
        classes = sorted(set(truths(rows).values()))
        return Yardstick(
            metric=macro_f1_metric(classes),
            score=lambda row: class_score(row.item, row.truth or "", row.answer, classes, row.drawn),
        )
    # Without a version its latest one is meant; what is reported names it.
    versions = [each for each in NORMALISERS if how in (each, each.partition("/")[0])]
    normaliser = NORMALISERS[versions[-1]] if versions else None
    if kind in ("wer", "cer") and normaliser is not None:
        metric, score = (wer_metric, wer_score) if kind == "wer" else (cer_metric, cer_score)
        return Yardstick(
            metric=metric(normaliser),
            score=lambda row: score(row.item, row.truth or "", row.answer, normaliser, row.drawn),
        )
    known = ["accuracy", "macro-f1", *(f"{kind}:{each}" for kind in ("wer", "cer") for each in NORMALISERS)]
    raise ValueError(f"there is no metric {name!r} for recorded answers; there are {', '.join(known)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderView(Shown):
    """One provider's answers.

    :param items: rows; ``judged``: of them with truth; ``failed``: without an answer.
    :param delivered: None: no row has a truth.
    :param accuracy: of delivered answers, right or wrong, whatever the metric is; for costs.
    :param per_right: cost of a right answer at the point, and from the interval's upper to its lower end; None: not known.
    :param ranks_right: how well its confidence tells right from wrong (AUROC, 0.5: not at all); None: it gives none.
    :param calibration_error: how far its confidence is from the share of right answers, taken as a ratio; None: no ratio.
    :param finding: how all its rows stand to the tolerance; None: there is none.
    :param crossed_after: judged items, in the order of the table, after which the switch would have opened; None: never. Early
        rows can be worse than all: then it would have opened although the whole is within.
    """

    provider: str
    items: int
    judged: int
    failed: int
    delivered: Delivered | None
    spend: Spend
    per_right: tuple[Decimal, Decimal, Decimal] | None
    ranks_right: float | None
    calibration_error: float | None
    finding: Finding | None = None
    crossed_after: int | None = None
    roi: Roi | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment(Shown):
    """All of them together.

    :param comparisons: of every pair, on the items of both.
    :param ranks: by agreement, without truth; None: too few providers or items, as ``no_ranks`` says.
    :param routing: what two of the providers in a row would save; None: not known, as ``no_routing`` says, or not asked for ("").
    :param left_out: providers that are not in ``routing``, and why.
    """

    metric: str
    version: int
    level: float
    delta: float
    items: int
    judged: int
    providers: tuple[ProviderView, ...]
    comparisons: tuple[tuple[str, str, Comparison], ...]
    ranks: AgreementRanks | None
    no_ranks: str = ""
    routing: RoutingGain | None = None
    no_routing: str = ""
    left_out: tuple[str, ...] = ()


def assess(
    rows: Sequence[Recorded],
    by: Yardstick,
    *,
    delta: float,
    level: float = 0.95,
    tolerance: Tolerance | None = None,
    value: ValueModel | None = None,
    routing: bool = False,
) -> Assessment:
    """Everything that the table tells. Raises ValueError for an empty table, or a tolerance on a metric that has no share.

    :param delta: the difference that matters, in the metric's unit.
    :param tolerance: of right answers; rows count in their order.
    :param value: what answers are worth; the return is that of the rows with truth, extended to all of them.
    :param routing: whether to tell what two providers in a row would save; some seconds for tens of thousands of items.
    """
    if not rows:
        raise ValueError("the table has no rows")
    if tolerance is not None and not by.metric.binary:
        raise ValueError(f"a tolerance is on right or wrong answers (accuracy), not on {by.metric.id}")
    found = by_provider(rows)
    scores = {
        provider: [by.score(row) for row in theirs if row.truth is not None]
        for provider, theirs in found.items()
    }
    votes = {item: list(answers.items()) for item, answers in answers_by_item(rows).items()}
    ranks, why = _ranks(votes)
    gain, no_gain, left = routed(rows, by.metric, level) if routing else (None, "", ())
    return Assessment(
        metric=by.metric.id,
        version=by.metric.version,
        level=level,
        delta=delta,
        items=len({row.item for row in rows}),
        judged=len(truths(rows)),
        providers=tuple(
            _view(provider, theirs, by.metric, scores[provider], level, tolerance, value)
            for provider, theirs in found.items()
        ),
        comparisons=tuple(
            (one, other, each) for (one, other), each in compare_all(by.metric, scores, delta, level).items()
        ),
        ranks=ranks,
        no_ranks=why,
        routing=gain,
        no_routing=no_gain,
        left_out=left,
    )


def routed(
    rows: Sequence[Recorded], metric: Metric, level: float = 0.95
) -> tuple[RoutingGain | None, str, tuple[str, ...]]:
    """What two providers in a row would save on the items that all have answered (or failed on), why nobody knows, and who
    is left out for want of prices.

    A provider's price is the mean of its answers'. Answers count as right or wrong, so that error rates have no such gain.
    """
    if metric.id.partition(":")[0] not in ("accuracy", "macro-f1"):
        return None, f"only answers that are right or wrong can be routed, not {metric.id}", ()
    found = by_provider(rows)
    spent = {name: spend(theirs) for name, theirs in found.items()}
    left = tuple(
        f"{name}: the price of {each.unknown} answers is not known"
        for name, each in spent.items()
        if each.unknown
    )
    known = {name: theirs for name, theirs in found.items() if not spent[name].unknown}
    if len(known) < 2:
        return None, "it takes two providers whose prices are known (--price PROVIDER=AMOUNT)", left
    judged = {
        name: {row.item: row for row in theirs if row.truth is not None} for name, theirs in known.items()
    }
    first = next(iter(judged.values()))
    items = [item for item in first if all(item in theirs for theirs in judged.values())]
    if len(items) < LEAST_ITEMS:
        return (
            None,
            f"it takes {LEAST_ITEMS} items with truth of all these providers; there are {len(items)}",
            left,
        )
    answers = {
        name: [Answered(right=bool(theirs[item].right), confidence=theirs[item].confidence) for item in items]
        for name, theirs in judged.items()
    }
    prices = {name: spent[name].known / len(theirs) for name, theirs in known.items()}
    gain = routing_gain(answers, prices, drawn=[first[item].drawn for item in items], level=level)
    return gain, "" if gain else "the best provider costs nothing, so there is nothing to save", left


def _ranks(votes: Mapping[str, list[tuple[str, str]]]) -> tuple[AgreementRanks | None, str]:
    answers = {answer for each in votes.values() for _, answer in each}
    if len(answers) > MOST_CLASSES:
        return None, f"answers are free texts ({len(answers)} different ones), of which none are alike"
    try:
        return agreement_ranks(votes), ""
    except ValueError as error:
        return None, str(error)


MOST_CLASSES = 1000


def _view(
    provider: str,
    rows: Sequence[Recorded],
    metric: Metric,
    scores: Sequence[ItemScore],
    level: float,
    tolerance: Tolerance | None,
    value: ValueModel | None,
) -> ProviderView:
    judged = [row for row in rows if row.truth is not None]
    rated = [
        (row.confidence, bool(row.right))
        for row in judged
        if row.confidence is not None and row.answer is not None
    ]
    ratios = [pair for pair in rated if 0 <= pair[0] <= 1]
    spent = spend(rows)
    delivered = estimate_delivery(metric, scores, level) if scores else None
    rights = [right_or_wrong(row.item, row.right, row.drawn) for row in judged]
    finding, crossed = (None, None) if tolerance is None else _held(tolerance, rights, delivered)
    return ProviderView(
        provider=provider,
        items=len(rows),
        judged=len(judged),
        failed=sum(row.answer is None for row in rows),
        delivered=delivered,
        spend=spent,
        per_right=_per_right(spent, len(rows), rights, level) if metric.binary else None,
        ranks_right=ranks_right(rated) if rated else None,
        calibration_error=calibration_error(rated) if rated and len(ratios) == len(rated) else None,
        finding=finding,
        crossed_after=crossed,
        roi=None if value is None or not judged else _roi(judged, len(rows), spent, value, level),
    )


def _held(
    tolerance: Tolerance, rights: Sequence[ItemScore], delivered: Delivered | None
) -> tuple[Finding, int | None]:
    evidence, crossed = EProcess(bar=tolerance.bar), None
    for number, score in enumerate(rights, 1):
        evidence = evidence.after(score.parts[0] / score.parts[1])
        if crossed is None and evidence.rejected(tolerance.alpha):
            crossed = number
    estimate = None if delivered is None else delivered.delivered
    bad = estimate is not None and estimate.point is not None and estimate.point < tolerance.bar
    # All rows are here: what rows in their order said against it on the way is no finding against the whole.
    return quality_finding(tolerance, estimate, evidence if bad else None), crossed


def _per_right(
    spent: Spend, calls: int, rights: Sequence[ItemScore], level: float
) -> tuple[Decimal, Decimal, Decimal] | None:
    """At the point, at the upper end of quality, at the lower."""
    if spent.unknown or not rights:
        return None
    quality = estimate_delivery(ACCURACY, rights, level).delivered
    ends = [quality.point, quality.high, quality.low]
    found = [None if each is None else cost_per_right(spent.known, calls, each).per_right for each in ends]
    point, cheap, dear = found
    return None if point is None or cheap is None or dear is None else (point, cheap, dear)


def _roi(judged: Sequence[Recorded], items: int, spent: Spend, value: ValueModel, level: float) -> Roi | None:
    """None where the cost is not known, or nothing was spent: there is no return on nothing."""
    if spent.unknown or not spent.known:
        return None
    cells: dict[tuple[str, str], int] = {}
    for row in judged:
        cell = (row.truth or "", FAILED if row.answer is None else row.answer)
        cells[cell] = cells.get(cell, 0) + 1
    return roi(cells, items=items, model=value, costs=Costs(calls=spent.known), level=level)


def labels_of(rows: Sequence[Recorded]) -> list[SoftLabel]:
    """A probability for each label of each item, out of the providers' answers, debiased by the items with truth.

    With fewer than 50 such items nothing is debiased, which each label says. Raises ValueError without any answer.
    """
    votes = {item: list(answers.items()) for item, answers in answers_by_item(rows).items()}
    gold = truths(rows)
    judged = sum(item in gold and bool(answers) for item, answers in votes.items())
    model = learn(votes, gold) if judged >= LEAST_GOLD else dawid_skene(votes, gold=gold or None)
    return list(soft_labels(votes, model, gold))
