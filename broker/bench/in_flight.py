"""How many calls of a lane may be on their way at once: as planned, halved by throttling, given back one by one.

Additive increase, multiplicative decrease, as TCP has it. The rate of requests is lowered by the broker's own guard, which
also heeds the vendor's hints; this keeps calls from piling up in front of it, where they would wait for their deadline.
Pure: told the time, it waits for nothing.
"""

from __future__ import annotations

import math


class InFlight:
    """State of one lane.

    :param most: calls at once as planned.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._lowered_at = -math.inf
        self.least = most
        """The lowest that it came to."""

    @property
    def allowed(self) -> int:
        """Calls that may be on their way now; at least one."""
        return max(1, int(self._limit))

    def answered(self) -> None:
        """A call came back without having been throttled: about one more for each round of calls."""
        self._limit = min(float(self._most), self._limit + 1.0 / self._limit)

    def throttled(self, began: float, now: float) -> None:
        """A call was throttled, on the way to its answer or for good.

        :param began: when it was begun: one begun before the last halving tells of the pace before it.
        """
        if began < self._lowered_at:
            return
        self._limit = max(1.0, self._limit / 2.0)
        self._lowered_at = now
        self.least = min(self.least, self.allowed)
