"""The report as JSON: figures and not words. Amounts are texts, days and times ISO 8601, what is not known is null."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from broker.maturity.interval import Interval
from broker.maturity.position import Sensitivity
from broker.maturity.readiness import Fit
from broker.report.model import OperationReport, Place, Report, Sample
from broker.types.json import JsonValue

FORMAT = 1


def document(report: Report) -> dict[str, JsonValue]:
    """The keys are listed in docs/report.md."""
    return {
        "format": FORMAT,
        "title": report.title,
        "as_of": report.as_of.isoformat(),
        "weights": {member.value: each for member, each in report.weights.items()},
        "ratio_weights": {ratio.value: each for ratio, each in report.ratio_weights.items()},
        "weights_by": report.weights_by,
        "operations": [_operation(each) for each in report.operations],
        "samples": [_sample(each) for each in report.samples],
        "samples_of": report.samples_of,
        "history": _history(report),
        "result": json.loads(report.result.to_json()),
    }


def _operation(each: OperationReport) -> dict[str, JsonValue]:
    return {
        "operation": each.operation,
        "places": [_place(place) for place in each.places],
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "relation": pair.relation.value,
                "readiness": pair.readiness,
                "maturity": pair.maturity,
            }
            for pair in each.pairs
        ],
        "sensitivity": {
            "maturity_unknown_as_0": _sensitivity(each.by_known),
            "maturity_unknown_as_4": _sensitivity(each.by_possible),
            "readiness_low": _sensitivity(each.by_readiness),
        },
    }


def _place(place: Place) -> dict[str, JsonValue]:
    maturity = place.maturity
    return {
        "lane": place.name,
        "provider": place.lane.lane.provider,
        "origin": place.lane.lane.origin.value,
        "readiness": _interval(place.area.readiness),
        "maturity": None if maturity is None else _interval(maturity.score),
        "caps": []
        if maturity is None
        else [{"limit": cap.limit, "why": cap.why, "source": cap.source} for cap in maturity.caps],
        "evidence": []
        if maturity is None
        else [
            {
                "member": member.value,
                "grade": row.grade,
                "says": row.says,
                "source": row.source,
                "dated": row.dated.isoformat() if row.dated else None,
            }
            for member, row in maturity.known.items()
        ],
        "unknown": [] if maturity is None else [member.value for member in maturity.unknown],
        "fits": [_fit(each) for each in place.readiness.fits],
        "items": place.items,
        "measured_on": None if place.measured_on is None else place.measured_on.isoformat(),
        "standing": place.standing.value,
        "beaten_by": list(place.beaten_by),
        "grey": place.grey or None,
    }


def _fit(fit: Fit) -> dict[str, JsonValue]:
    fact = fit.fact
    return {
        "ratio": fit.ratio.value,
        "value": _interval(fit.value),
        "needed": fit.needed,
        "fact": None
        if fact is None
        else {
            "low": _finite(fact.low),
            "high": _finite(fact.high),
            "kind": fact.kind.value,
            "source": fact.source,
            "dated": fact.dated.isoformat() if fact.dated else None,
        },
    }


def _finite(value: float) -> float | None:
    """Null is without limit: JSON has no infinity."""
    return None if value == float("inf") else value


def _interval(given: Interval) -> list[JsonValue]:
    return [given.low, given.high]


def _sensitivity(given: Sensitivity | None) -> Mapping[str, Any] | None:
    if given is None:
        return None
    return {"leaders": list(given.leaders), "changed": given.changed, "draws": given.draws}


def _sample(sample: Sample) -> dict[str, JsonValue]:
    return {
        "id": sample.id,
        "kind": sample.kind,
        "truth": sample.truth,
        "answers": [
            {
                "lane": cell.lane,
                "operation": cell.operation,
                "rows": []
                if cell.view is None
                else [{"what": row.what, "detail": row.detail, "sure": row.sure} for row in cell.view.rows],
                "text": None if cell.view is None else cell.view.text,
                "error": cell.error or None,
                "score": cell.score,
            }
            for cell in sample.cells
        ],
    }


def _history(report: Report) -> dict[str, JsonValue]:
    found = report.history
    return {
        "quality": [
            {
                "stream": point.stream,
                "since": point.since.isoformat(),
                "day": point.day.isoformat(),
                "point": point.estimate.point,
                "low": point.estimate.low,
                "high": point.estimate.high,
                "n": point.estimate.n,
                "alarmed": point.alarmed,
            }
            for point in found.quality
        ],
        "alarms": list(found.alarms),
        "switches": [
            {
                "at": each.at.isoformat(),
                "scope": each.scope,
                "to": each.to,
                "by": each.by,
                "why": each.why,
            }
            for each in found.switches
        ],
        "spend": [
            {
                "provider": line.provider,
                "operation": line.operation,
                "attempts": line.calls,
                "currency": line.currency,
                "known": f"{line.known:f}",
                "at_risk": f"{line.at_risk:f}",
                "unpriced": line.unpriced,
            }
            for line in found.spend
        ],
        "kpis": [
            {"scope": line.scope, "month": line.month, "name": line.name, "value": line.value}
            for line in found.kpis
        ],
        "observed": [
            {
                "use_case": each.use_case,
                "provider": each.provider,
                "snapshot": each.snapshot,
                "quarter": each.quarter,
                "runs": each.runs,
                "changed": each.changed,
                "items": each.items,
                "flipped": each.flipped.point if each.flipped else None,
                "low": each.flipped.low if each.flipped else None,
                "high": each.flipped.high if each.flipped else None,
            }
            for each in found.observed
        ],
        "nothing": {
            "quality": found.no_quality or None,
            "observed": found.no_observed or None,
            "spend": found.no_spend or None,
            "kpis": found.no_kpis or None,
        },
    }
