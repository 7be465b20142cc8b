"""Rows of the store as values, and back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from broker.quality.drift.plan import Watch
from broker.quality.estimate import Estimate
from broker.quality.metrics.metric import Drawn
from broker.quality.reference import Reference
from broker.samples.rows import (
    Alarm,
    EstimateRecord,
    Sample,
    SampleQuery,
    SampleState,
    Score,
    Shadow,
)

SAMPLE = (
    "item, use_case, operation, provider, region, model_version, at, day, tags, design, stratum, probability, least, u, "
    "failed, error, latency, cost, currency, empty, confidence, pending, asked, agreeing, input_digest, answer_digest, answer_token, "
    "state, until, refer_probability, refer_least, refer_stratum"
)
SCORE = "sample, reference, metric, version, official, parts, unit, probability, least, stratum, cluster, at, source, truth_token"
SHADOW = "sample, provider, at, call_id, model_version, error, latency, cost, currency, confidence, same, share, answer_token"
ESTIMATE = (
    "use_case, provider, model_version, estimand, metric, version, at, since, until, method, point, low, high, level, n, "
    "effective_n, always_valid, covered, notes"
)
ALARM = "id, use_case, provider, watch, at, text, verdict, actor, reason, decided_at, onset"


def marks(columns: str) -> str:
    """As many question marks."""
    return ", ".join("?" * (columns.count(",") + 1))


def prefixed(table: str, columns: str) -> str:
    """The columns of one of several tables."""
    return ", ".join(f"{table}.{each.strip()}" for each in columns.split(","))


def text_of(at: datetime) -> str:
    """An instant as it is stored."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def sample_row(sample: Sample) -> tuple[Any, ...]:
    """In the order of :data:`SAMPLE`."""
    return (
        sample.item, sample.use_case, sample.operation, sample.provider, sample.region, sample.model_version,
        text_of(sample.at), sample.day, json.dumps(dict(sample.tags)), sample.design, sample.stratum,
        sample.probability, sample.least, sample.u, sample.failed, sample.error, sample.latency, _text(sample.cost),
        sample.currency, sample.empty, sample.confidence, sample.pending, sample.asked, sample.agreeing,
        sample.input_digest, sample.answer_digest, sample.answer_token, sample.state.value, None if sample.until is None else text_of(sample.until),
        sample.refer_probability, sample.refer_least, sample.refer_stratum,
    )  # fmt: skip


def sample_of(row: Sequence[Any]) -> Sample:
    """From ``id`` and :data:`SAMPLE`."""
    (
        number, item, use_case, operation, provider, region, model_version, at, _day, tags, design, stratum, probability,
        least, u, failed, error, latency, cost, currency, empty, confidence, pending, asked, agreeing, input_digest, answer_digest,
        answer_token, state, until, refer_probability, refer_least, refer_stratum,
    ) = row  # fmt: skip
    return Sample(
        id=number, item=item, use_case=use_case, operation=operation, provider=provider, region=region,
        model_version=model_version, at=datetime.fromisoformat(at), tags=json.loads(tags), design=design,
        stratum=stratum, probability=probability, least=least, u=u, failed=bool(failed), error=error, latency=latency,
        cost=_amount(cost), currency=currency, empty=bool(empty), confidence=confidence, pending=bool(pending),
        asked=asked, agreeing=agreeing,
        input_digest=input_digest, answer_digest=answer_digest, answer_token=answer_token, state=SampleState(state),
        until=None if until is None else datetime.fromisoformat(until), refer_probability=refer_probability,
        refer_least=refer_least, refer_stratum=refer_stratum,
    )  # fmt: skip


def score_row(score: Score) -> tuple[Any, ...]:
    """In the order of :data:`SCORE`."""
    return (
        score.sample, score.reference.value, score.metric, score.version, score.official, json.dumps(score.parts),
        score.unit, score.drawn.probability, score.least, score.drawn.stratum or "", score.drawn.cluster,
        text_of(score.at), score.source, score.truth_token,
    )  # fmt: skip


def score_of(row: Sequence[Any]) -> Score:
    """From :data:`SCORE`."""
    (
        sample, reference, metric, version, official, parts, unit, probability, least, stratum, cluster, at, source, token,
    ) = row  # fmt: skip
    return Score(
        sample=sample, reference=Reference(reference), metric=metric, version=version, official=bool(official),
        parts=tuple(json.loads(parts)), unit=unit, least=least, at=datetime.fromisoformat(at), source=source,
        truth_token=token,
        drawn=Drawn(cluster=cluster, stratum=stratum, probability=probability),
    )  # fmt: skip


def shadow_row(shadow: Shadow) -> tuple[Any, ...]:
    """In the order of :data:`SHADOW`."""
    return (
        shadow.sample, shadow.provider, text_of(shadow.at), shadow.call_id, shadow.model_version, shadow.error,
        shadow.latency, _text(shadow.cost), shadow.currency, shadow.confidence, shadow.same, shadow.share,
        shadow.answer_token,
    )  # fmt: skip


def shadow_of(row: Sequence[Any]) -> Shadow:
    """From :data:`SHADOW`."""
    (
        sample, provider, at, call_id, model_version, error, latency, cost, currency, confidence, same, share, token,
    ) = row  # fmt: skip
    return Shadow(
        sample=sample, provider=provider, at=datetime.fromisoformat(at), call_id=call_id, model_version=model_version,
        error=error, latency=latency, cost=_amount(cost), currency=currency, confidence=confidence,
        same=None if same is None else bool(same), share=share, answer_token=token,
    )  # fmt: skip


def estimate_row(record: EstimateRecord) -> tuple[Any, ...]:
    """In the order of :data:`ESTIMATE`."""
    told = record.estimate
    return (
        record.use_case, record.provider, record.model_version, record.estimand, record.metric, record.version,
        text_of(record.at), record.since.isoformat(), record.until.isoformat(), told.method, told.point, told.low,
        told.high, told.level, told.n, told.effective_n, told.always_valid, told.covered, json.dumps(told.notes),
    )  # fmt: skip


def estimate_of(row: Sequence[Any]) -> EstimateRecord:
    """From ``id`` and :data:`ESTIMATE`."""
    (
        number, use_case, provider, model_version, estimand, metric, version, at, since, until, method, point, low, high,
        level, n, effective_n, always_valid, covered, notes,
    ) = row  # fmt: skip
    return EstimateRecord(
        id=number, use_case=use_case, provider=provider, model_version=model_version, estimand=estimand, metric=metric,
        version=version, at=datetime.fromisoformat(at), since=date.fromisoformat(since), until=date.fromisoformat(until),
        estimate=Estimate(
            estimand=metric if estimand in ("delivered", "conditional") else estimand, method=method, point=point,
            low=low, high=high, level=level, n=n, effective_n=effective_n, always_valid=bool(always_valid),
            covered=covered, notes=tuple(json.loads(notes)),
        ),
    )  # fmt: skip


def alarm_of(row: Sequence[Any]) -> Alarm:
    """From :data:`ALARM`."""
    number, use_case, provider, watch, at, text, verdict, actor, reason, decided_at, onset = row
    return Alarm(
        id=number, use_case=use_case, provider=provider, watch=Watch(watch), at=datetime.fromisoformat(at), text=text,
        verdict=None if verdict is None else verdict == "true", actor=actor, reason=reason,
        decided_at=None if decided_at is None else datetime.fromisoformat(decided_at),
        onset=None if onset is None else datetime.fromisoformat(onset),
    )  # fmt: skip


def where(query: SampleQuery) -> tuple[str, list[Any]]:
    """The condition on the table ``sample``, and what its question marks stand for."""
    found: list[tuple[str, Any]] = [("sample.id > ?", query.after)]
    for name in ("use_case", "provider", "model_version", "item"):
        value = getattr(query, name)
        if value is not None:
            found.append((f"sample.{name} = ?", value))
    if query.state is not None:
        found.append(("sample.state = ?", query.state.value))
    if query.since is not None:
        found.append(("sample.day >= ?", query.since.isoformat()))
    if query.until is not None:
        found.append(("sample.day <= ?", query.until.isoformat()))
    return " AND ".join(condition for condition, _ in found), [value for _, value in found]


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
