"""Since when a detector's stream has been worse: an estimate of where what it saw began.

``S <- max(0, S) + (middle - x)`` after each score, with ``middle`` halfway between the baseline and the detector's bar (Page's
CUSUM, whose last reset is the likeliest beginning of a fall from one to the other). When the alarm goes off, the call of
the first score after the last reset is the estimated onset.

Simulated (baseline of 100 items at 0.9, margin 0.05, alarm at 5,000): a fall to 0.8, 0.7, 0.5 is dated 14, 2 and 6 samples too
early in the median, by up to 40 too late and 300 too early in nine runs of ten. So a delay that it tells is about right
or too long, seldom too short. The detector's own sums cannot date it: they begin anew at every lucky score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The scores since the last reset. Frozen: :meth:`after` gives the next state.

    :param since: when the call of its first score was; None: there was none yet.
    """

    middle: float
    height: float = 0.0
    since: datetime | None = None

    def after(self, score: float, at: datetime, weight: float = 1.0) -> Run:
        """One score more.

        :param at: when the call was that it is of.
        :param weight: as :meth:`.Detector.after` takes it.
        """
        new = self.height <= 0.0
        height = (0.0 if new else self.height) + weight * (self.middle - score)
        return Run(middle=self.middle, height=height, since=at if new else self.since)

    @property
    def onset(self) -> datetime | None:
        """When the fall began, as far as the scores tell; None: they show none."""
        return self.since if self.height > 0.0 else None

    def stored(self) -> list[Any]:
        """As JSON keeps it."""
        return [self.middle, self.height, None if self.since is None else self.since.isoformat()]

    @classmethod
    def restored(cls, row: Sequence[Any]) -> Run:
        """From :meth:`stored`."""
        middle, height, since = row
        return cls(
            middle=float(middle),
            height=float(height),
            since=None if since is None else datetime.fromisoformat(since),
        )
