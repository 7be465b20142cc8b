"""One lane's figures out of the store: reliability, speed, money, quality. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from broker.bench.kept import State
from broker.bench.result import Failure, Lane, Money, Origin, Quality, Reliability, Speed, Timing
from broker.bench.scores import LaneScores
from broker.bench.store import Store
from broker.bench.tariffs import LaneTariff
from broker.bench.volume import monthly
from broker.quality.choose import estimate_delivery
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.quality.kpi import Latency, latency
from broker.types.money import EXACT, quantize

_ZERO = Decimal(0)
_NO_SHARE = ("ndcg", "mrr", "recall@", "judged", "bpref")
"""Figures of rankings: no answer is right or wrong by them."""


def reliability_of(store: Store, lane: int, questions: int, level: float) -> Reliability:
    """How often there was an answer."""
    counts = {State(state): number for state, number in store.rows(_STATES, (lane,))}
    attempts, errors, throttled = next(iter(store.rows(_ATTEMPTS, (lane, State.ANSWERED, State.FAILED))))
    answered, failed = counts.get(State.ANSWERED, 0), counts.get(State.FAILED, 0)
    unsettled = counts.get(State.UNSETTLED, 0) + counts.get(State.ANNOUNCED, 0)
    failures = [
        Failure(kind=kind or "unknown", calls=calls, example=example or "")
        for kind, calls, example in store.rows(_FAILURES, (lane, State.FAILED))
    ]
    return Reliability(
        questions=questions,
        answered=answered,
        failed=failed,
        unsettled=unsettled,
        left=max(0, questions - answered - failed - unsettled),
        success=share_interval(answered, answered + failed, level, estimand="success"),
        failures=tuple(failures),
        attempts=attempts,
        errors=errors,
        throttled=throttled,
        error_rate=None if attempts is None else _rate(errors, attempts, level, "error_rate"),
        throttle_rate=None if attempts is None else _rate(throttled, attempts, level, "throttle_rate"),
    )


def _rate(hits: int, n: int, level: float, name: str) -> Estimate:
    return share_interval(min(hits, n), n, level, estimand=name)


def speed_of(store: Store, lane: int, origin: Origin, concurrency: int, level: float) -> Speed:
    """How fast it was, the cold calls of each sitting left out."""
    attempts = [row[0] for row in store.rows(_LATENCIES, (lane, State.ANSWERED))]
    calls = [row[0] for row in store.rows(_SECONDS, (lane, State.ANSWERED))]
    seconds, waited = next(iter(store.rows(_WAITED, (lane, State.ANSWERED))))
    busy, answers, least, _ = store.busy(lane)
    asked = origin is Origin.ASKED
    return Speed(
        attempt=timing(attempts, level),
        call=timing(calls, level),
        waited=waited / seconds if seconds and waited is not None else None,
        throughput=answers / busy if asked and busy > 0 and answers else None,
        concurrency=concurrency if asked else None,
        least_in_flight=(concurrency if least is None else least) if asked else None,
    )


def timing(seconds: Sequence[float], level: float) -> Timing | None:
    """Quantiles with intervals; None without calls."""
    if not seconds:
        return None
    found: list[Latency] = []
    for share in (0.5, 0.95, 0.99):
        made = latency(seconds, share, level)
        if made is None:
            return None
        found.append(made)
    return Timing(n=len(seconds), mean=sum(seconds) / len(seconds), p50=found[0], p95=found[1], p99=found[2])


def money_of_lane(
    store: Store, lane: Lane, number: int, priced: LaneTariff, primary: Quality | None
) -> Money | None:
    """What it cost; of a recording without prices what it would cost at the price book's; None: nothing is known."""
    known, at_risk, unpriced, currency, told = _sums(store, number)
    source = "ledger" if lane.origin is Origin.ASKED else "recording"
    asked = next(iter(store.rows(_CALLS, (number, State.ANSWERED, State.FAILED, State.UNSETTLED))))[0]
    certain = not at_risk and not unpriced
    if lane.origin is not Origin.ASKED and told < asked:
        tariff = priced.tariff
        listed = monthly(tariff, asked) if tariff.lines and asked else None
        if listed is None:
            return None
        stands = tariff.standing or _ZERO
        source = "list price" if priced.rows else "the plan"
        known, certain, currency = listed - stands, True, tariff.currency
    if not asked:
        return None
    per_1000 = quantize(EXACT.divide(known * 1000, Decimal(asked))) if certain else None
    right = _share_right(primary)
    return Money(
        currency=currency,
        known=known,
        at_risk=at_risk,
        unpriced=unpriced,
        per_1000=per_1000,
        per_correct=_per(per_1000, right[0]),
        per_correct_low=_per(per_1000, right[2]),
        per_correct_high=_per(per_1000, right[1]),
        correct_of=None if primary is None or right[0] is None else primary.metric,
        source=source,
        uses=priced.uses,
    )


def _sums(store: Store, lane: int) -> tuple[Decimal, Decimal, int, str, int]:
    """Known, at risk, unpriced, currency, and how many questions tell their cost."""
    known, at_risk, unpriced, told, currency = _ZERO, _ZERO, 0, 0, "USD"
    for amount, risk, without, money in store.rows(_MONEY, (lane, lane)):
        if amount is not None:
            told += 1
            known = EXACT.add(known, Decimal(amount))
        at_risk = EXACT.add(at_risk, Decimal(risk or 0))
        unpriced += without or 0
        currency = money or currency
    return known, at_risk, unpriced, currency, told


def _share_right(primary: Quality | None) -> tuple[float | None, float | None, float | None]:
    """Point, low and high of the share of answers that are right, 0..1; None where the metric is no such share."""
    if primary is None or primary.metric.startswith(_NO_SHARE) or "cost" in primary.metric:
        return None, None, None
    whole = primary.delivered
    if primary.higher_is_better:
        return whole.point, whole.low, whole.high
    if primary.best != 0.0 or whole.point is None or whole.point >= 1.0:
        return None, None, None
    low = None if whole.high is None else max(0.0, 1.0 - whole.high)
    return 1.0 - whole.point, low, None if whole.low is None else 1.0 - whole.low


def _per(per_1000: Decimal | None, share: float | None) -> Decimal | None:
    if per_1000 is None or share is None or share <= 0.0:
        return None
    return quantize(EXACT.divide(per_1000, Decimal(1000) * Decimal(repr(share))))


def quality_of(scores: LaneScores, order: Sequence[tuple[str, int]], level: float) -> tuple[Quality, ...]:
    """Every metric, the official one first. The first that the lane has is the one that verdicts rest on."""
    keys = [key for key in order if key in scores.by_metric]
    keys += [key for key in scores.by_metric if key not in keys]
    found: list[Quality] = []
    for key in keys:
        metric, given = scores.metrics[key], scores.by_metric[key]
        told = estimate_delivery(metric, given, level)
        found.append(
            Quality(
                metric=metric.id,
                version=metric.version,
                primary=not found,
                higher_is_better=metric.higher_is_better,
                best=metric.best,
                delivered=told.delivered,
                conditional=told.conditional,
            )
        )
    return tuple(found)


def flips_of(scores: LaneScores, repetitions: int, level: float) -> Estimate | None:
    """Share of the items whose answers differed; None with one repetition."""
    total = scores.same + scores.differ
    return (
        share_interval(scores.differ, total, level, estimand="flips") if repetitions > 1 and total else None
    )


def models_of(store: Store, lane: int) -> list[tuple[Any, ...]]:
    """Model version, answers, first and last time (ISO)."""
    return list(store.rows(_MODELS, (lane, State.ANSWERED)))


_STATES = "SELECT state, count(*) FROM question WHERE lane = ? GROUP BY state"
_ATTEMPTS = (
    "SELECT sum(attempts), sum(errors), sum(throttled) FROM question WHERE lane = ? AND state IN (?, ?)"
)
_FAILURES = (
    "SELECT error_kind, count(*), min(error) FROM question WHERE lane = ? AND state = ? GROUP BY error_kind "
    "ORDER BY count(*) DESC, error_kind"
)
_LATENCIES = "SELECT latency FROM question WHERE lane = ? AND state = ? AND cold = 0 AND latency IS NOT NULL"
_SECONDS = "SELECT seconds FROM question WHERE lane = ? AND state = ? AND cold = 0 AND seconds IS NOT NULL"
_WAITED = "SELECT sum(seconds), sum(waited) FROM question WHERE lane = ? AND state = ? AND cold = 0 AND waited IS NOT NULL"
_CALLS = "SELECT count(*) FROM question WHERE lane = ? AND state IN (?, ?, ?)"
_MONEY = (
    "SELECT known, at_risk, unpriced, currency FROM question WHERE lane = ? UNION ALL "
    "SELECT known, at_risk, unpriced, currency FROM given_up WHERE lane = ?"
)
_MODELS = "SELECT model, count(*), min(at), max(at) FROM question WHERE lane = ? AND state = ? GROUP BY model ORDER BY min(at)"
