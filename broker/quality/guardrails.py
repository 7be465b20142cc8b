"""When a guardrail is breached: softly, which warns, or hard, which opens the switch. Each hard breach has its own
rule of evidence; a proxy alone (agreement, confidence, drift of labels) never opens anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from broker.quality.always import EProcess
from broker.quality.estimate import Estimate
from broker.quality.roi import Roi


class Breach(str, Enum):
    """How a guardrail stands."""

    NONE = "none"
    SOFT = "soft"
    HARD = "hard"
    UNKNOWN = "unknown"
    """Nothing is known; that is not good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How it stands, by which rule, in words."""

    breach: Breach
    rule: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """What quality was planned, and how far it may fall.

    :param target: of the score, 0..1.
    :param tolerance: the score must not be below ``target - tolerance``.
    :param alpha: the risk of opening although it is not.
    """

    target: float
    tolerance: float
    alpha: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.bar < self.target <= 1:
            raise ValueError("a target lies in (0, 1], and the tolerance leaves something of it")
        if not 0 < self.alpha < 1:
            raise ValueError("alpha is a risk between 0 and 1")

    @property
    def bar(self) -> float:
        """Below this the switch opens."""
        return self.target - self.tolerance


def quality_finding(
    rule: Tolerance,
    estimate: Estimate | None,
    evidence: EProcess | None,
    *,
    pinned_worse: bool = False,
    agreement_alarmed: bool = False,
) -> Finding:
    """Hard: the e-process rejects "score >= bar", or the pinned set and agreement both alarm. Soft: the point is below
    the target, or one of those two alarms alone.

    Raises ValueError for an e-process against another bar.
    """
    if evidence is not None and abs(evidence.bar - rule.bar) > 1e-9:
        raise ValueError(f"this evidence is against {evidence.bar}, the bar is {rule.bar}")
    if evidence is not None and evidence.rejected(rule.alpha):
        return Finding(
            breach=Breach.HARD,
            rule="e-process",
            text=f"evidence of {evidence.highest:.3g} to 1 against a score of {rule.bar:.3f} or more",
        )
    if pinned_worse and agreement_alarmed:
        return Finding(
            breach=Breach.HARD, rule="pinned+agreement", text="the pinned set and agreement both fell"
        )
    point = None if estimate is None else estimate.point
    if point is not None and point < rule.target:
        return Finding(breach=Breach.SOFT, rule="point<target", text=f"{point:.3f} below {rule.target:.3f}")
    if pinned_worse or agreement_alarmed:
        return Finding(
            breach=Breach.SOFT, rule="pinned" if pinned_worse else "agreement", text="one alarm alone"
        )
    if point is None:
        return Finding(breach=Breach.UNKNOWN, rule="no score", text="no item with truth")
    return Finding(breach=Breach.NONE, rule="within tolerance")


def recovered(rule: Tolerance, fresh: Estimate) -> bool:
    """Good enough to close again: the lower bound of a confidence sequence over fresh items reaches the bar."""
    return fresh.always_valid and fresh.low is not None and fresh.n > 0 and fresh.low >= rule.bar


def budget_finding(*, cap: Decimal, settled: Decimal, reserved: Decimal, share_of_window: float) -> Finding:
    """Hard: spent and reserved reach the cap. Soft: at this pace they would before the window's end. No statistics.

    :param share_of_window: how much of it is over, (0..1].
    """
    if not 0 < share_of_window <= 1:
        raise ValueError("the share of the window that is over lies in (0, 1]")
    if settled + reserved >= cap:
        return Finding(breach=Breach.HARD, rule="reserved>=cap", text=f"{settled + reserved} of {cap}")
    forecast = settled / Decimal(repr(share_of_window))
    if forecast > cap:
        return Finding(breach=Breach.SOFT, rule="forecast>cap", text=f"forecast {forecast:.2f} of {cap}")
    return Finding(breach=Breach.NONE, rule="within budget")


def roi_finding(*, required: Decimal, windows: list[Roi], in_a_row: int = 3) -> Finding:
    """Hard: the *upper* bound of net ROI is below what is required in so many windows in a row. Soft: the last point is.

    A return without a point warns by the middle of its interval, as nothing else is known of it.
    """
    if in_a_row < 1:
        raise ValueError("windows are counted from 1")
    if not windows:
        return Finding(breach=Breach.UNKNOWN, rule="no ROI")
    last = windows[-in_a_row:]
    if len(last) == in_a_row and all(each.net.high < required for each in last):
        return Finding(
            breach=Breach.HARD, rule=f"roi<required x{in_a_row}", text=f"at most {last[-1].net.high:.0f} %"
        )
    net = windows[-1].net
    point = (net.low + net.high) / 2 if net.point is None else net.point
    if point < required:
        text = f"{point:.0f} %" if net.point is not None else f"between {net.low:.0f} and {net.high:.0f} %"
        return Finding(breach=Breach.SOFT, rule="roi<required", text=text)
    return Finding(breach=Breach.NONE, rule="roi as required")
