"""Sampling's own budget: money that fills up day by day, and how much of the rate it still allows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

DAY = timedelta(days=1)
EASE_BELOW = Decimal("0.5")
"""Below half of a day's money the rate falls in proportion, so that it never ends all at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A bucket of one day's money.

    :param per_day: how much flows in a day; never more than that is in it.
    :param left: now; below 0 where a sample cost more than expected.
    :param at: when that was true.
    :param asked: calls decided on; ``uncovered``: of them with probability 0 for want of money.
    """

    per_day: Decimal
    left: Decimal
    at: datetime
    asked: int = 0
    uncovered: int = 0

    @classmethod
    def full(cls, per_day: Decimal, at: datetime) -> Allowance:
        """One that nothing was taken from. Raises ValueError for an amount that is not positive."""
        if per_day <= 0:
            raise ValueError(
                "the sampling budget of a day is above 0; to sample nothing, switch sampling off"
            )
        return cls(per_day=per_day, left=per_day, at=at)

    def later(self, now: datetime) -> Allowance:
        """The same at ``now``; a clock that went back adds nothing."""
        passed = max(timedelta(0), now - self.at)
        flown = self.per_day * Decimal(passed / DAY)
        return replace(self, left=min(self.per_day, self.left + flown), at=max(self.at, now))

    def share(self, price: Decimal) -> float:
        """``share`` for :func:`broker.quality.sampling.decide`: 1 while there is enough, falling to 0 before it is gone.

        :param price: of a sample at the most; without that much left nothing is taken.
        """
        if self.left < price or self.left <= 0:
            return 0.0
        return float(min(Decimal(1), self.left / (self.per_day * EASE_BELOW)))

    def decided(self, probability: float) -> Allowance:
        """Counts a call, sampled or not."""
        return replace(self, asked=self.asked + 1, uncovered=self.uncovered + (probability <= 0))

    def spent(self, cost: Decimal) -> Allowance:
        """Takes what a sample came to."""
        return replace(self, left=self.left - cost)

    @property
    def covered(self) -> float:
        """Share of the calls that could have been sampled; for :attr:`Estimate.covered`."""
        return 1.0 if not self.asked else 1 - self.uncovered / self.asked
