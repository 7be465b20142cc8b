"""One lane's figures out of the store: reliability, speed, money, quality. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from broker.bench.kept import State
from broker.bench.result import Failure, Lane, Money, Origin, Quality, Reliability, Speed, Timing
from broker.bench.scores import LaneScores, Scored
from broker.bench.store import Store
from broker.bench.tallies import Clusters, delivered
from broker.bench.tariffs import LaneTariff
from broker.bench.volume import monthly
from broker.quality.choose import estimate_tally
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.quality.kpi import latency_at
from broker.types.money import EXACT, quantize

_ZERO = Decimal(0)
MOST_KINDS = 50
"""Of failures and of model versions that a result tells one by one."""
OTHERS = "others"
_SHARES = (0.5, 0.95, 0.99)
_NO_SHARE = ("ndcg", "mrr", "recall@", "judged", "bpref")
"""Figures of rankings: no answer is right or wrong by them."""


def reliability_of(store: Store, lane: int, questions: int, level: float) -> Reliability:
    """How often there was an answer."""
    counts = {State(state): number for state, number in store.rows(_STATES, (lane,))}
    attempts, errors, throttled = next(iter(store.rows(_ATTEMPTS, (lane, State.ANSWERED, State.FAILED))))
    answered, failed = counts.get(State.ANSWERED, 0), counts.get(State.FAILED, 0)
    unsettled = counts.get(State.UNSETTLED, 0) + counts.get(State.ANNOUNCED, 0)
    return Reliability(
        questions=questions,
        answered=answered,
        failed=failed,
        unsettled=unsettled,
        left=max(0, questions - answered - failed - unsettled),
        success=share_interval(answered, answered + failed, level, estimand="success"),
        failures=_failures(store, lane),
        attempts=attempts,
        errors=errors,
        throttled=throttled,
        error_rate=None if attempts is None else _rate(errors, attempts, level, "error_rate"),
        throttle_rate=None if attempts is None else _rate(throttled, attempts, level, "throttle_rate"),
    )


def _failures(store: Store, lane: int) -> tuple[Failure, ...]:
    """By kind, the commonest first. A recording may call every failure something else: beyond some they are one kind."""
    found: list[Failure] = []
    kinds = calls_of_rest = 0
    for kind, calls, example in store.rows(_FAILURES, (lane, State.FAILED)):
        if len(found) < MOST_KINDS:
            found.append(Failure(kind=kind or "unknown", calls=calls, example=example or ""))
        else:
            kinds, calls_of_rest = kinds + 1, calls_of_rest + calls
    if kinds:
        found.append(Failure(kind=OTHERS, calls=calls_of_rest, example=f"{kinds:,} more kinds"))
    return tuple(found)


def _rate(hits: int, n: int, level: float, name: str) -> Estimate:
    return share_interval(min(hits, n), n, level, estimand=name)


def speed_of(store: Store, lane: int, origin: Origin, concurrency: int, level: float) -> Speed:
    """How fast it was, the cold calls of each sitting left out."""
    seconds, waited = next(iter(store.rows(_WAITED, (lane, State.ANSWERED))))
    busy, answers, least, _ = store.busy(lane)
    asked = origin is Origin.ASKED
    return Speed(
        attempt=timing(store, _LATENCIES, (lane, State.ANSWERED), level),
        call=timing(store, _SECONDS, (lane, State.ANSWERED), level),
        waited=waited / seconds if seconds and waited is not None else None,
        throughput=answers / busy if asked and busy > 0 and answers else None,
        concurrency=concurrency if asked else None,
        least_in_flight=(concurrency if least is None else least) if asked else None,
    )


def timing(store: Store, statement: str, values: Sequence[object], level: float) -> Timing | None:
    """Quantiles with intervals; None without calls. The durations pass, and only those that are looked at are kept.

    :param statement: selects durations, one a row.
    """
    n, total = 0, 0.0
    for (seconds,) in store.rows(statement, values):
        n += 1
        total += seconds
    if not n:
        return None
    wanted: set[int] = set()

    def look(place: int) -> float:
        wanted.add(place)
        return 0.0

    for share in _SHARES:
        latency_at(look, n, share, level)
    ordered = enumerate(row[0] for row in store.rows(f"{statement} ORDER BY 1", values))
    there = {place: seconds for place, seconds in ordered if place in wanted}
    p50, p95, p99 = (latency_at(there.__getitem__, n, share, level) for share in _SHARES)
    return Timing(n=n, mean=total / n, p50=p50, p95=p95, p99=p99)


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


def quality_of(
    store: Store,
    lane: int,
    scored: Scored,
    clusters: Clusters,
    order: Sequence[tuple[str, int]],
    level: float,
) -> tuple[Quality, ...]:
    """Every metric, the official one first. The first that the lane has is the one that verdicts rest on."""
    metrics = scored.lanes[lane].metrics
    keys = [key for key in order if key in metrics]
    keys += [key for key in metrics if key not in keys]
    found: list[Quality] = []
    for key in keys:
        metric = metrics[key]
        told = delivered(store, lane, scored.numbers[key], metric, clusters)
        whole = estimate_tally(told.whole, level)
        found.append(
            Quality(
                metric=metric.id,
                version=metric.version,
                primary=not found,
                higher_is_better=metric.higher_is_better,
                best=metric.best,
                delivered=whole,
                conditional=whole if told.answered is told.whole else estimate_tally(told.answered, level),
            )
        )
    return tuple(found)


def flips_of(scores: LaneScores, repetitions: int, level: float) -> Estimate | None:
    """Share of the items whose answers differed; None with one repetition."""
    total = scores.same + scores.differ
    return (
        share_interval(scores.differ, total, level, estimand="flips") if repetitions > 1 and total else None
    )


def models_of(store: Store, lane: int) -> list[tuple[str | None, int, str, str]]:
    """Model version, answers, first and last time (ISO), oldest first; of very many the latest ones are one line."""
    found: list[tuple[str | None, int, str, str]] = []
    more = 0
    for version, answers, first, last in store.rows(_MODELS, (lane, State.ANSWERED)):
        if len(found) < MOST_KINDS:
            found.append((version, answers, first, last))
            continue
        more += 1
        _, others, since, until = found[-1] if more > 1 else (None, 0, first, last)
        line = (f"{more:,} more versions", others + answers, min(since, first), max(until, last))
        found[MOST_KINDS:] = [line]
    return found


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
