"""The figures of a month for one use case and provider, beside those of the month before.

Amounts are Decimal. What is not known is None and stays so: a month without truth has no quality, which is not good
quality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from broker.quality.bootstrap import quantile
from broker.quality.chance import check_level, z_of
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.quality.roi import Roi


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFacts:
    """What was counted in a month.

    :param delivered: quality of everything asked, 0..1 and higher is better.
    :param planned: spend that was planned; None: no plan.
    :param latencies: seconds, of the calls or of a sample of them, in any order.
    :param flips: of the pinned set: items whose answer changed, and items compared; None: not replayed.
    :param alarms: that drift raised, and how many of them a person called false.
    """

    month: str
    calls: int
    answered: int
    spend: Decimal
    sampling: Decimal = Decimal(0)
    planned: Decimal | None = None
    delivered: Estimate | None = None
    bar: float | None = None
    latencies: Sequence[float] = ()
    flips: tuple[int, int] | None = None
    alarms: tuple[int, int] = (0, 0)
    failover_spend: Decimal = Decimal(0)
    roi: Roi | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpis:
    """The month's figures.

    :param per_right_low: cost of a right answer at the upper end of quality; ``per_right_high``: at the lower end.
    :param margin: how many standard errors quality is above its bar; below 0: under it.
    :param stability: share of the pinned set that was answered as before.
    :param p50: seconds; ``p95``, with intervals by order statistics where there are calls enough.
    """

    month: str
    per_call: Decimal | None
    per_right: Decimal | None
    per_right_low: Decimal | None
    per_right_high: Decimal | None
    of_plan: Decimal | None
    sampling_share: Decimal | None
    failover_share: Decimal | None
    success: Estimate
    delivered: Estimate | None
    margin: float | None
    stability: Estimate | None
    p50: Latency | None
    p95: Latency | None
    alarms: int
    false_alarms: int
    roi: Roi | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """A quantile of seconds; an end of the interval is None where there are too few calls to tell it."""

    point: float
    low: float | None
    high: float | None


def kpis(facts: MonthFacts, level: float = 0.95) -> Kpis:
    """The figures of one month. Raises ValueError for more answers than calls."""
    if not 0 <= facts.answered <= facts.calls:
        raise ValueError(f"{facts.answered} answers to {facts.calls} calls")
    quality = facts.delivered
    return Kpis(
        month=facts.month,
        per_call=facts.spend / facts.calls if facts.calls else None,
        per_right=_per_right(facts, quality.point if quality else None),
        per_right_low=_per_right(facts, quality.high if quality else None),
        per_right_high=_per_right(facts, quality.low if quality else None),
        of_plan=facts.spend / facts.planned if facts.planned else None,
        sampling_share=facts.sampling / facts.spend if facts.spend else None,
        failover_share=facts.failover_spend / facts.spend if facts.spend else None,
        success=share_interval(facts.answered, facts.calls, level, estimand="success"),
        delivered=quality,
        margin=_margin(quality, facts.bar),
        stability=None
        if facts.flips is None
        else share_interval(facts.flips[1] - facts.flips[0], facts.flips[1], level, estimand="stability"),
        p50=latency(facts.latencies, 0.5, level),
        p95=latency(facts.latencies, 0.95, level),
        alarms=facts.alarms[0],
        false_alarms=facts.alarms[1],
        roi=facts.roi,
    )


def _per_right(facts: MonthFacts, quality: float | None) -> Decimal | None:
    if quality is None or quality <= 0 or not facts.calls:
        return None
    return facts.spend / (facts.calls * Decimal(repr(quality)))


def _margin(quality: Estimate | None, bar: float | None) -> float | None:
    if quality is None or bar is None or quality.point is None or not quality.half_width:
        return None
    return (quality.point - bar) / (quality.half_width / z_of(quality.level))


def latency(seconds: Sequence[float], share: float, level: float = 0.95) -> Latency | None:
    """A quantile and its interval by order statistics (the normal form of the binomial); None without calls."""
    check_level(level)
    if not seconds:
        return None
    ordered = sorted(seconds)
    n = len(ordered)
    half = z_of(level) * (n * share * (1 - share)) ** 0.5
    low, high = int(n * share - half), int(n * share + half) + 1
    return Latency(
        point=quantile(ordered, share),
        low=ordered[low - 1] if low >= 1 else None,
        high=ordered[high - 1] if high <= n else None,
    )
