"""Since when a detector's stream has been worse: an estimate of where what it saw began.

For a few means that it may have fallen to, from the bar down to a part of it, ``S <- max(0, S) + (middle - x)`` is kept, with
``middle`` halfway between the baseline and that mean (Page's CUSUM: its last reset is the likeliest beginning of just this
fall). When the alarm goes off, the fall with the largest likelihood ratio, ``(baseline - mean) * S``, is taken, and the
call of the first score after its last reset is the estimated onset.

Simulated (baseline of 100 items at 0.9, margin 0.05, alarm at 5,000): in the middle eight of ten runs a fall to 0.5 is dated 3
samples early to 9 late, to 0.7 6 early to 44 late, to 0.75 31 early to 66 late; one to 0.8, just below the bar, which
took 1,100 samples to be seen, 192 early to 75 late. The detector's own sums cannot date it: they begin anew at every lucky score.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FALLS = (1.0, 0.85, 0.65, 0.4)
"""Means that it may have fallen to, as parts of the bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The scores since the last reset, for each fall. Frozen: :meth:`after` gives the next state.

    :param baseline: the mean before; ``bar``: the detector's, below it.
    :param since: when the call of each run's first score was; None: there was none yet.
    """

    baseline: float
    bar: float
    heights: tuple[float, ...] = (0.0,) * len(FALLS)
    since: tuple[datetime | None, ...] = (None,) * len(FALLS)

    def after(self, score: float, at: datetime, weight: float = 1.0) -> Run:
        """One score more.

        :param at: when the call was that it is of.
        :param weight: as :meth:`.Detector.after` takes it.
        """
        heights, since = [], []
        for part, height, begun in zip(FALLS, self.heights, self.since, strict=True):
            new = height <= 0.0
            middle = (self.baseline + part * self.bar) / 2
            heights.append((0.0 if new else height) + weight * (middle - score))
            since.append(at if new else begun)
        return Run(baseline=self.baseline, bar=self.bar, heights=tuple(heights), since=tuple(since))

    @property
    def onset(self) -> datetime | None:
        """When the fall began, as far as the scores tell; None: they show none."""
        ratios = [
            (self.baseline - part * self.bar) * height
            for part, height in zip(FALLS, self.heights, strict=True)
        ]
        best = max(range(len(FALLS)), key=lambda place: ratios[place])
        return self.since[best] if ratios[best] > 0.0 else None

    def stored(self) -> list[Any]:
        """As JSON keeps it."""
        begun = [None if at is None else at.isoformat() for at in self.since]
        return [self.baseline, self.bar, list(self.heights), begun]

    @classmethod
    def restored(cls, row: Sequence[Any]) -> Run:
        """From :meth:`stored`."""
        baseline, bar, heights, since = row
        return cls(
            baseline=float(baseline),
            bar=float(bar),
            heights=tuple(float(each) for each in heights),
            since=tuple(None if at is None else datetime.fromisoformat(at) for at in since),
        )
