"""An interval of a score: what is known, as a span and not as a number."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """From ``low`` to ``high``, both included; a score of 0 to 100, or a ratio of 0 to 1.

    Raises ValueError where the ends are no numbers or stand the wrong way round.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low <= self.high):
            raise ValueError(f"no interval: {self.low} to {self.high}")

    def overlaps(self, other: Interval) -> bool:
        """Whether both have a number in common; touching is overlapping."""
        return self.low <= other.high and other.low <= self.high

    def capped(self, limit: float) -> Interval:
        """At most a limit, at both ends."""
        return Interval(low=min(self.low, limit), high=min(self.high, limit))

    def __str__(self) -> str:
        low, high = (f"{end:.0f}" for end in (self.low, self.high))
        return low if low == high else f"{low} to {high}"
