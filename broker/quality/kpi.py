"""The figures of a month for one use case and provider, beside those of the month before.

Amounts are Decimal. What is not known is None and stays so: a month without truth has no quality, which is not good
quality.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from broker.quality.bootstrap import quantile_at
from broker.quality.calibration import Rated, calibration
from broker.quality.chance import check_level, z_of
from broker.quality.estimate import Estimate
from broker.quality.intervals import share_interval
from broker.quality.roi import Roi
from broker.quality.switch_state import State, Transition
from broker.types.markup import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthFacts:
    """What was counted in a month.

    :param spend: on calls, for certain; None: some attempts have no known price, so that it is not known.
    :param delivered: quality of everything asked, 0..1 and higher is better.
    :param right: share of everything asked that was right, or the mean of the items' own scores, for what right answers cost and
        for the bar; None where it is not known: F1 of many items together is no such share.
    :param planned: spend that was planned; None: no plan.
    :param latencies: seconds, of the calls or of a sample of them, in any order.
    :param flips: of the pinned set: items whose answer changed, and items compared; None: not replayed.
    :param replays: how often the set was asked again. Its items are the same each time, so that more replays narrow nothing.
    :param agreement: with a second provider: share of the answers that were the same; None: none was asked.
    :param alarms: that drift raised, and how many of them a person called true, and false; None: nothing watched.
    :param detected: of true alarms: from the estimated onset (:mod:`broker.quality.drift.onset`) to the alarm, where it is known.
    :param states: how long the switch was in each of its states (:func:`time_in_states`).
    :param failovers: calls that another provider took over.
    :param labelled: seconds from an answer to its truth.
    :param covered: share of the calls that could have been sampled; None: nothing was to be.
    :param rated: confidences and whether the answer was right, of items with truth.
    """

    month: str
    calls: int
    answered: int
    spend: Decimal | None
    sampling: Decimal = Decimal(0)
    planned: Decimal | None = None
    delivered: Estimate | None = None
    right: Estimate | None = None
    bar: float | None = None
    latencies: Sequence[float] = ()
    flips: tuple[int, int] | None = None
    replays: int = 1
    agreement: Estimate | None = None
    alarms: tuple[int, int, int] | None = None
    detected: Sequence[timedelta] = ()
    states: Mapping[State, timedelta] = field(default_factory=dict)
    failovers: int = 0
    failover_spend: Decimal = Decimal(0)
    labelled: Sequence[float] = ()
    covered: float | None = None
    rated: Sequence[Rated] = ()
    roi: Roi | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Shown):
    """A quantile of seconds; an end of the interval is None where there are too few calls to tell it."""

    point: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpis(Shown):
    """The month's figures.

    :param per_right_low: cost of a right answer at the upper end of quality; ``per_right_high``: at the lower end.
    :param margin: how many standard errors quality is above its bar; below 0: under it.
    :param stability: share of the pinned set that was answered as before; ``flip_rate``: the rest.
    :param failover_spend: what calls cost that another provider took over, and retries.
    :param agreement: share of the answers compared that a second provider gave as well. No accuracy.
    :param alarms: of drift; ``true_alarms``, ``false_alarms``: as people found. The rest nobody has looked at.
    :param p50: seconds; ``p95``, with intervals by order statistics where there are calls enough.
    :param detected: median of the seconds from the onset, as estimated, to a true alarm.
    :param in_states: share of the time the switch was in each state; empty: not known.
    :param label_latency: median of the seconds until the truth was known.
    :param calibration: expected calibration error of the confidences as they were told.
    """

    month: str
    per_call: Decimal | None
    per_thousand: Decimal | None
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
    flip_rate: Estimate | None
    agreement: Estimate | None
    p50: Latency | None
    p95: Latency | None
    alarms: int | None
    true_alarms: int | None
    false_alarms: int | None
    detected: Latency | None
    in_states: Mapping[State, float]
    failovers: int
    failover_spend: Decimal
    label_latency: Latency | None
    covered: float | None
    calibration: Estimate
    roi: Roi | None


def kpis(facts: MonthFacts, level: float = 0.95) -> Kpis:
    """The figures of one month. Raises ValueError for more answers than calls."""
    if not 0 <= facts.answered <= facts.calls:
        raise ValueError(f"{facts.answered} answers to {facts.calls} calls")
    right, spend, alarms = facts.right, facts.spend, facts.alarms
    return Kpis(
        month=facts.month,
        per_call=None if spend is None or not facts.calls else spend / facts.calls,
        per_thousand=None if spend is None or not facts.calls else 1000 * spend / facts.calls,
        per_right=_per_right(facts, right.point if right else None),
        per_right_low=_per_right(facts, right.high if right else None),
        per_right_high=_per_right(facts, right.low if right else None),
        of_plan=None if spend is None or not facts.planned else spend / facts.planned,
        sampling_share=facts.sampling / spend if spend else None,
        failover_share=facts.failover_spend / spend if spend else None,
        success=share_interval(facts.answered, facts.calls, level, estimand="success"),
        delivered=facts.delivered,
        margin=_margin(right, facts.bar),
        stability=_of_the_set(facts, level, "stability"),
        flip_rate=_of_the_set(facts, level, "flip-rate"),
        agreement=facts.agreement,
        p50=latency(facts.latencies, 0.5, level),
        p95=latency(facts.latencies, 0.95, level),
        alarms=None if alarms is None else alarms[0],
        true_alarms=None if alarms is None else alarms[1],
        false_alarms=None if alarms is None else alarms[2],
        detected=latency([each.total_seconds() for each in facts.detected], 0.5, level),
        in_states=_shares(facts.states),
        failovers=facts.failovers,
        failover_spend=facts.failover_spend,
        label_latency=latency(facts.labelled, 0.5, level),
        covered=facts.covered,
        calibration=calibration(facts.rated, level),
        roi=facts.roi,
    )


def _shares(times: Mapping[State, timedelta]) -> dict[State, float]:
    whole = sum(times.values(), timedelta(0))
    return {state: time / whole for state, time in times.items()} if whole else {}


def time_in_states(
    transitions: Sequence[Transition], *, begin: datetime, end: datetime, at_begin: State
) -> dict[State, timedelta]:
    """How long a switch was in each state between two times, out of its audit trail in order.

    :param at_begin: its state at ``begin``; lines before that are left out, as are those from ``end`` on.
    """
    found: dict[State, timedelta] = {}
    state, since = at_begin, begin
    for line in transitions:
        if begin <= line.at < end:
            found[state] = found.get(state, timedelta(0)) + max(timedelta(0), line.at - since)
            state, since = line.after, max(since, line.at)
    found[state] = found.get(state, timedelta(0)) + max(timedelta(0), end - since)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Concentration(Shown):
    """How much hangs on few providers.

    :param largest: the provider with most of the spend, and its share of it.
    :param index: Herfindahl and Hirschman's: the sum of squared shares; 1: all on one, 1/n: alike on n.
    """

    largest: tuple[str, Decimal]
    index: Decimal


def concentration(spend: Mapping[str, Decimal]) -> Concentration | None:
    """Of the spend of a use case by provider; None where nothing was spent."""
    whole = sum(spend.values(), Decimal(0))
    if not whole:
        return None
    shares = {provider: each / whole for provider, each in spend.items()}
    top = max(shares, key=lambda provider: shares[provider])
    return Concentration(
        largest=(top, shares[top]), index=sum(each**2 for each in shares.values()) + Decimal(0)
    )


def _of_the_set(facts: MonthFacts, level: float, estimand: str) -> Estimate | None:
    """Of all replays together, with the interval of one of them: an item that flips once will do so again."""
    if facts.flips is None:
        return None
    flipped, items = facts.flips
    hits = flipped if estimand == "flip-rate" else items - flipped
    found = share_interval(hits / facts.replays, items / facts.replays, level, estimand=estimand)
    return replace(found, n=items)


def _per_right(facts: MonthFacts, quality: float | None) -> Decimal | None:
    if quality is None or quality <= 0 or not facts.calls or facts.spend is None:
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
    return latency_at(ordered.__getitem__, len(ordered), share, level)


def latency_at(at: Callable[[int], float], n: int, share: float, level: float = 0.95) -> Latency:
    """:func:`latency` of ``n`` durations that are in order elsewhere; it looks at four of them.

    :param at: the duration at a place, from 0 for the shortest.
    """
    half = z_of(level) * (n * share * (1 - share)) ** 0.5
    low, high = int(n * share - half), int(n * share + half) + 1
    return Latency(
        point=quantile_at(at, n, share),
        low=at(low - 1) if low >= 1 else None,
        high=at(high - 1) if high <= n else None,
    )
