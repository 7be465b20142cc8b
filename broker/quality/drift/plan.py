"""How many false alarms a year, over everything that is watched, and what that makes of each alarm's threshold.

Rates of false alarms add up, whatever depends on what; so the user's number is split by weights, and each stream gets
its part. (Procedures that control the false discovery rate do not hold for running maxima, which alarms are.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

FALSE_ALARMS_A_YEAR = 2.0


class Watch(str, Enum):
    """What is watched."""

    QUALITY = "quality"
    """Scores against gold or reviews."""
    PINNED = "pinned"
    """Replays of the pinned set."""
    AGREEMENT = "agreement"
    """Whether a second provider says the same."""
    ERRORS = "errors"
    """Failed and empty answers."""
    LABEL_MIX = "label_mix"
    """Which answers are given how often."""


WEIGHTS: Mapping[Watch, float] = {
    Watch.QUALITY: 0.5,
    Watch.PINNED: 0.2,
    Watch.AGREEMENT: 0.15,
    Watch.ERRORS: 0.1,
    Watch.LABEL_MIX: 0.05,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPlan:
    """The user's number of false alarms a year, and who gets how much of it.

    :param weights: of the kinds of watch; they add up to at most 1.
    :param streams: how many streams of a kind there are (provider and use case); its part is shared among them.
    """

    false_alarms_a_year: float = FALSE_ALARMS_A_YEAR
    weights: Mapping[Watch, float] = field(default_factory=lambda: dict(WEIGHTS))
    streams: Mapping[Watch, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.false_alarms_a_year > 0:
            raise ValueError("no false alarm ever means no alarm ever: allow some, as in 0.2 a year")
        if not (all(each >= 0 for each in self.weights.values()) and sum(self.weights.values()) <= 1 + 1e-9):
            raise ValueError("the weights of what is watched are 0 or more and add up to at most 1")

    def allowed(self, watch: Watch) -> float:
        """False alarms a year of one stream of this kind. Raises ValueError for a kind that has no part."""
        weight = self.weights.get(watch, 0.0)
        if weight <= 0:
            raise ValueError(
                f"{watch.value} has no part of the false alarms; give it a weight, or do not watch it"
            )
        return self.false_alarms_a_year * weight / max(1, self.streams.get(watch, 1))

    def threshold(self, watch: Watch, samples_a_year: float) -> float:
        """A of a detector on such a stream: samples between false alarms. At least 1.

        Raises ValueError for a number of samples that is none.
        """
        if not samples_a_year >= 0:
            raise ValueError(f"samples a year are counted from 0, not {samples_a_year}")
        return max(1.0, samples_a_year / self.allowed(watch))

    def alpha(self, watch: Watch, looks_a_year: float) -> float:
        """The level of one test of a kind that is made so often a year (pinned replays, label mix)."""
        return min(1.0, self.allowed(watch) / max(1.0, looks_a_year))
