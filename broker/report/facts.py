"""From what a benchmark measured of a lane to the facts that scale readiness is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import date

from broker.bench.result import BenchResult, LaneResult, Origin
from broker.bench.volume import VolumeCurve
from broker.maturity.quotas import Quota
from broker.maturity.readiness import Fact, Kind, Ratio


def facts_of(
    lane: LaneResult, result: BenchResult, quotas: Iterable[Quota]
) -> Mapping[Ratio, tuple[Fact, ...]]:
    """All facts about one lane, for :func:`broker.maturity.readiness.readiness`."""
    return {
        Ratio.QUOTA: (*_throughput(lane, result), *(_documented(each) for each in quotas)),
        Ratio.COST: tuple(_cost(lane, result)),
        Ratio.LATENCY: tuple(_latency(lane, result)),
        Ratio.SUCCESS: tuple(_success(lane, result)),
    }


def _kind(lane: LaneResult) -> Kind:
    """Answers that were made up measure nothing."""
    return Kind.ASSUMED if lane.lane.origin is Origin.MADE_UP else Kind.MEASURED


def _source(lane: LaneResult, result: BenchResult) -> str:
    origin = {
        Origin.ASKED: f"run {result.run.id}",
        Origin.REPLAYED: f"recorded answers ({lane.lane.note or 'no note of where'})",
        Origin.MADE_UP: "made up for this example",
    }
    return origin[lane.lane.origin]


def measured_on(lane: LaneResult, result: BenchResult) -> date | None:
    """The day of its answers; None: of a recording that nobody has dated."""
    return lane.lane.recorded if lane.lane.origin is Origin.REPLAYED else result.run.ended.date()


def _throughput(lane: LaneResult, result: BenchResult) -> Iterable[Fact]:
    """What got through while the vendor throttled is its quota, as far as this run could see: no less, and where the run held
    itself back after a throttle, perhaps more, up to what its calls at once could have carried without any waiting.

    Without throttling the run was slower than the quota: it says only that the quota is no less. That is left to documented
    quotas where there are any (see :func:`facts_of`), for it says nothing of how much more there is.
    """
    rate, throttled = lane.speed.throughput, lane.reliability.throttled
    if rate is None or lane.lane.origin is not Origin.ASKED:
        return
    if throttled:
        yield Fact(
            low=rate,
            high=_unhindered(lane, rate),
            kind=Kind.MEASURED,
            source=f"{_source(lane, result)}, throttled",
            dated=measured_on(lane, result),
        )
    else:
        yield Fact(
            low=rate,
            high=math.inf,
            kind=Kind.ASSUMED,
            source=f"{_source(lane, result)}: not throttled, so no less than that",
            dated=measured_on(lane, result),
        )


def _unhindered(lane: LaneResult, rate: float) -> float:
    """Answers a second with all calls at once at work and nothing waited for; ``rate`` where the run did not hold itself back."""
    speed = lane.speed
    if not speed.waited and speed.least_in_flight in (None, speed.concurrency):
        return rate
    if speed.attempt is None or not speed.concurrency or speed.attempt.mean <= 0:
        return math.inf
    return max(rate, speed.concurrency / speed.attempt.mean)


def _documented(quota: Quota) -> Fact:
    return Fact(low=quota.low, high=quota.high, kind=Kind.DOCUMENTED, source=quota.source, dated=quota.dated)


def curve_of(lane: LaneResult, result: BenchResult) -> VolumeCurve | None:
    """Its cost by volume; None: there is none."""
    wanted = (lane.lane.name, lane.lane.operation)
    return next((each for each in result.curves if (each.lane, each.operation) == wanted), None)


def drawn_currency(result: BenchResult, operation: str) -> str:
    """The one that the chart of costs is in: the workload's, if somebody is paid in it. Amounts of others are not drawn beside it."""
    found = [each.currency for each in result.curves if each.operation == operation and not each.unknown]
    stated = result.workload.currency
    return stated if stated in found or not found else found[0]


def _cost(lane: LaneResult, result: BenchResult) -> Iterable[Fact]:
    """At the workload's volume: list prices are documented, whatever was measured to know the units of a call."""
    volume, curve = result.workload.calls_per_month, curve_of(lane, result)
    if volume is None or curve is None or curve.currency != result.workload.currency:
        return
    for point in curve.points:
        if point.calls == volume and point.cost is not None:
            amount = float(point.cost)
            book = f"price book {result.provenance.price_book[:12]}, units of a call as in {_source(lane, result)}"
            yield Fact(
                low=amount, high=amount, kind=Kind.DOCUMENTED, source=book, dated=result.provenance.prices_day
            )


def _latency(lane: LaneResult, result: BenchResult) -> Iterable[Fact]:
    timing = lane.speed.call or lane.speed.attempt
    if timing is None:
        return
    p95 = timing.p95
    yield Fact(
        low=0.0 if p95.low is None else p95.low,
        high=math.inf if p95.high is None else p95.high,
        kind=_kind(lane),
        source=_source(lane, result),
        dated=measured_on(lane, result),
    )


def _success(lane: LaneResult, result: BenchResult) -> Iterable[Fact]:
    success = lane.reliability.success
    if success.low is None or success.high is None:
        return
    if lane.lane.origin is Origin.REPLAYED and lane.reliability.attempts is None:
        return  # a recording of answers leaves out the calls that had none
    yield Fact(
        low=success.low,
        high=success.high,
        kind=_kind(lane),
        source=_source(lane, result),
        dated=measured_on(lane, result),
    )
