"""From a benchmark's result and what is known of the providers to a report. Pure: everything comes in as arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from broker.bench.result import BenchResult, LaneResult, Origin
from broker.contract.manifest import Manifest, Support
from broker.maturity.checklist import Checklist, Member
from broker.maturity.interval import Interval
from broker.maturity.position import Area, Sensitivity, pairs, sensitivity
from broker.maturity.quotas import Quota
from broker.maturity.readiness import EQUAL as EQUAL_RATIOS
from broker.maturity.readiness import Ratio, readiness
from broker.maturity.score import EQUAL, Assessment, assess
from broker.quality.paired import Verdict
from broker.report import words
from broker.report.facts import facts_of, measured_on
from broker.report.model import (
    FEW,
    OLD_DAYS,
    History,
    OperationReport,
    Place,
    Report,
    Sample,
    Standing,
)

ANYTHING = Interval(low=0.0, high=100.0)


def build(
    result: BenchResult,
    manifests: Sequence[Manifest],
    checklist: Checklist,
    quotas: Sequence[Quota],
    as_of: date,
    *,
    weights: Mapping[Member, float] = EQUAL,
    ratio_weights: Mapping[Ratio, float] = EQUAL_RATIOS,
    weights_by: str | None = None,
    samples: Sequence[Sample] = (),
    samples_of: int = 0,
    no_samples: str = "",
    history: History | None = None,
    title: str = "",
    command: str = "",
) -> Report:
    """The report.

    :param weights_by: who made the weights; None: they are mlbroker's.
    :param samples: items with all their answers, chosen from ``samples_of``; none: ``no_samples`` says why.
    """
    whose = {} if weights_by is None else {"weights_by": weights_by}
    return Report(
        title=title or result.run.name or result.provenance.data.name,
        as_of=as_of,
        result=result,
        operations=tuple(
            _operation(name, result, manifests, checklist, quotas, as_of, weights, ratio_weights)
            for name in result.operations
        ),
        samples=tuple(samples),
        samples_of=samples_of,
        no_samples=no_samples,
        history=history or History(),
        weights=weights,
        ratio_weights=ratio_weights,
        command=command,
        **whose,
    )


def _operation(
    name: str,
    result: BenchResult,
    manifests: Sequence[Manifest],
    checklist: Checklist,
    quotas: Sequence[Quota],
    as_of: date,
    weights: Mapping[Member, float],
    ratio_weights: Mapping[Ratio, float],
) -> OperationReport:
    places = []
    for lane in result.of(name):
        cell = _assessment(lane, manifests, checklist, as_of, weights)
        known = [
            each for each in quotas if cell and each.speaks_of(cell.provider, cell.service, cell.operation)
        ]
        ready = readiness(lane.lane.name, result.workload, facts_of(lane, result, known), ratio_weights)
        standing, beaten_by = _standing(lane, result)
        places.append(
            Place(
                lane=lane,
                area=Area(
                    name=lane.lane.name,
                    readiness=ready.score,
                    maturity=ANYTHING if cell is None else cell.score,
                ),
                readiness=ready,
                maturity=cell,
                items=_items(lane, result),
                measured_on=measured_on(lane, result),
                standing=standing,
                beaten_by=beaten_by,
                grey=_grey(lane, result, as_of),
            )
        )
    return OperationReport(
        operation=name,
        places=tuple(places),
        pairs=tuple(pairs([each.area for each in places])),
        by_known=_by_maturity(places, weights, "low"),
        by_possible=_by_maturity(places, weights, "high"),
        by_readiness=_by_readiness(places, ratio_weights),
    )


def _assessment(
    lane: LaneResult,
    manifests: Sequence[Manifest],
    checklist: Checklist,
    as_of: date,
    weights: Mapping[Member, float],
) -> Assessment | None:
    """Of the provider that answered; None where its adapter is not here or does not offer the operation."""
    provider = lane.lane.provider.partition(":")[0]
    for manifest in manifests:
        spec = manifest.by_name.get(lane.lane.operation) if manifest.provider == provider else None
        if spec is not None and spec.support is Support.YES:
            return assess(manifest, spec, checklist, as_of, weights)
    return None


def _standing(lane: LaneResult, result: BenchResult) -> tuple[Standing, tuple[str, ...]]:
    """By the paired verdicts on the primary metric; several metrics of one pair count only by that one."""
    primary = lane.primary
    if primary is None:
        return Standing.UNKNOWN, ()
    name, compared = lane.lane.name, False
    beaten_by = []
    for each in result.pairings:
        if (
            each.operation != lane.lane.operation
            or each.metric != primary.metric
            or name not in (each.first, each.second)
        ):
            continue
        verdict = each.comparison.verdict
        compared = compared or verdict is not Verdict.NO_DATA
        lost = Verdict.WORSE if each.first == name else Verdict.BETTER
        if verdict is lost:
            beaten_by.append(each.second if each.first == name else each.first)
    if beaten_by:
        return Standing.BEATEN, tuple(beaten_by)
    return (Standing.UNBEATEN if compared else Standing.UNKNOWN), ()


def _items(lane: LaneResult, result: BenchResult) -> int:
    """That its quality rests on: one that was asked again is still one. Of an unfinished run at least so many."""
    if lane.primary is None:
        return 0
    asked_each = result.run.repetitions if lane.lane.origin is Origin.ASKED else 1
    return -(-lane.primary.delivered.n // asked_each)


def _grey(lane: LaneResult, result: BenchResult, as_of: date) -> str:
    reasons = []
    if lane.lane.origin is Origin.MADE_UP:
        reasons.append("made up")
    primary = lane.primary
    if primary is None:
        reasons.append("no truth to score it with")
    elif (items := _items(lane, result)) < FEW:
        reasons.append(f"{words.count(items, 'item')}, fewer than {FEW}")
    day = measured_on(lane, result)
    if day is None:
        reasons.append("recorded on no known day")
    elif as_of - day > timedelta(days=OLD_DAYS):
        reasons.append(f"measured on {day}, over {OLD_DAYS} days ago")
    return "; ".join(reasons)


def _by_maturity(places: Sequence[Place], weights: Mapping[Member, float], end: str) -> Sensitivity | None:
    cells = {each.name: each.maturity for each in places if each.maturity is not None}
    if len(cells) < 2:
        return None
    return sensitivity(
        weights, lambda drawn: {name: getattr(cell.weighed(drawn), end) for name, cell in cells.items()}
    )


def _by_readiness(places: Sequence[Place], weights: Mapping[Ratio, float]) -> Sensitivity | None:
    """None where all begin at 0: there is no first."""
    if len(places) < 2 or not any(each.area.readiness.low for each in places):
        return None
    return sensitivity(
        weights, lambda drawn: {each.name: each.readiness.weighed(drawn).low for each in places}
    )
