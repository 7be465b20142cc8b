"""Scale readiness for a stated workload: the geometric mean of four ratios, each at most 1, as an interval.

* quota headroom: quota / needed peak;
* cost fit: budget / cost of the workload at its tiers;
* latency fit: limit / p95;
* success: the share of calls that succeeded, with 99 % as 0 and 99.99 % as 1, a straight line between them.

Of several facts for one ratio the measured one is taken before the documented, and that before the assumed; of equals the
newest. A ratio without a fact, or whose side of the workload was not stated, is anything from 0 to 1: it widens the score and
is never filled in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum

from broker.bench.result import Workload
from broker.maturity.interval import Interval
from broker.types.markup import Shown

SUCCESS_AT_0 = 0.99
SUCCESS_AT_1 = 0.9999


class Kind(str, Enum):
    """Where a fact comes from; the earlier one beats the later."""

    MEASURED = "measured"
    DOCUMENTED = "documented"
    ASSUMED = "assumed"


class Ratio(str, Enum):
    """What scale readiness is made of."""

    QUOTA = "quota headroom"
    COST = "cost fit"
    LATENCY = "latency fit"
    SUCCESS = "success"


EQUAL: Mapping[Ratio, float] = dict.fromkeys(Ratio, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact(Shown):
    """What is known of a provider for one ratio.

    :param low: of the quantity itself: calls a second; money a month; seconds; share of calls that succeeded.
    :param high: the same; equal to ``low`` where there is no interval. ``math.inf``: without limit.
    :param source: who says it: a run, a page.
    :param dated: the day of it; None: it gives none.
    """

    low: float
    high: float
    kind: Kind
    source: str
    dated: date | None = None

    def __post_init__(self) -> None:
        if math.isnan(self.low) or math.isnan(self.high) or not 0 <= self.low <= self.high:
            raise ValueError(
                f"a fact goes from a number of 0 or more to a larger one, not {self.low} to {self.high}"
            )
        if not self.source:
            raise ValueError("a fact names its source")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit(Shown):
    """One ratio of a provider: 0..1.

    :param fact: what it was made of; None: nothing is known.
    :param needed: what the workload asks for; None: that was not stated. With either None it is anything from 0 to 1.
    """

    ratio: Ratio
    value: Interval
    fact: Fact | None
    needed: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """The scale readiness of a provider for a workload: 0 to 100."""

    provider: str
    workload: Workload
    fits: tuple[Fit, ...]
    weights: Mapping[Ratio, float]

    @property
    def score(self) -> Interval:
        """Under its own weights."""
        return self.weighed(self.weights)

    def weighed(self, weights: Mapping[Ratio, float]) -> Interval:
        """Under other weights: the exponents of the mean. Raises ValueError for weights that cannot be meant."""
        if set(weights) != set(Ratio) or not all(
            math.isfinite(each) and each >= 0 for each in weights.values()
        ):
            raise ValueError("weights name each ratio once, and are numbers of 0 or more")
        total = math.fsum(weights.values())
        if total <= 0:
            raise ValueError("a weight above 0 is needed")
        low = math.prod(each.value.low ** (weights[each.ratio] / total) for each in self.fits)
        high = math.prod(each.value.high ** (weights[each.ratio] / total) for each in self.fits)
        return Interval(low=min(100.0, 100 * low), high=min(100.0, 100 * max(low, high)))

    @property
    def unknown(self) -> tuple[Ratio, ...]:
        """Ratios without a fact, or that the workload does not state."""
        return tuple(each.ratio for each in self.fits if each.fact is None or each.needed is None)

    def _repr_html_(self) -> str:
        """For notebooks: the score and its four ratios."""
        from broker.types.markup import table

        rows = [
            (
                each.ratio.value,
                f"{each.value.low:.2f} to {each.value.high:.2f}",
                each.fact.kind.value,
                each.fact.source,
            )
            if each.fact
            else (each.ratio.value, f"{each.value.low:.2f} to {each.value.high:.2f}", "not known", "")
            for each in self.fits
        ]
        return table(
            f"{self.provider}: scale readiness {self.score}", ("ratio", "0 to 1", "kind", "source"), rows
        )


def readiness(
    provider: str,
    workload: Workload,
    facts: Mapping[Ratio, Iterable[Fact]],
    weights: Mapping[Ratio, float] = EQUAL,
) -> Readiness:
    """Of one provider for a workload, out of all that is known of it."""
    fits = []
    for ratio in Ratio:
        fact, needed = best(facts.get(ratio, ())), _needed(ratio, workload)
        value = _fit(ratio, fact, needed)
        fits.append(Fit(ratio=ratio, value=value, fact=fact, needed=needed))
    return Readiness(provider=provider, workload=workload, fits=tuple(fits), weights=weights)


def best(facts: Iterable[Fact]) -> Fact | None:
    """The one that is taken: measured before documented before assumed, then the newest."""
    order = list(Kind)
    return min(
        facts, key=lambda each: (order.index(each.kind), -(each.dated or date.min).toordinal()), default=None
    )


def _needed(ratio: Ratio, workload: Workload) -> float | None:
    if ratio is Ratio.SUCCESS:
        return SUCCESS_AT_1
    if ratio is Ratio.COST:
        return None if workload.budget is None else float(workload.budget)
    needed = workload.peak_per_second if ratio is Ratio.QUOTA else workload.p95_limit
    return None if needed is None else float(needed)


def _fit(ratio: Ratio, fact: Fact | None, needed: float | None) -> Interval:
    if fact is None or needed is None:
        return Interval(low=0.0, high=1.0)
    if ratio is Ratio.SUCCESS:
        return Interval(low=mapped(fact.low), high=mapped(fact.high))
    if ratio is Ratio.QUOTA:
        return Interval(low=min(1.0, fact.low / needed), high=min(1.0, fact.high / needed))
    return Interval(low=_under(needed, fact.high), high=_under(needed, fact.low))


def _under(limit: float, value: float) -> float:
    return 1.0 if value <= limit else limit / value


def mapped(success: float) -> float:
    """A share of calls that succeeded as a ratio: 99 % is 0, 99.99 % is 1. Raises ValueError where it is no share."""
    if not 0 <= success <= 1:
        raise ValueError(f"a share goes from 0 to 1, not {success}")
    return min(1.0, max(0.0, (success - SUCCESS_AT_0) / (SUCCESS_AT_1 - SUCCESS_AT_0)))
