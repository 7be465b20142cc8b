"""An alarm on a stream of scores whose time between false alarms is chosen (Shiryaev-Roberts e-detector).

After each score x in 0..1 each bet's sum becomes ``R <- (R + 1) * (1 + bet * (bar - x))``; the alarm goes off when the
mean of the sums reaches the threshold A. While the mean of the scores, given the past, is at least ``bar``, the mean time
to a false alarm is at least A samples, whatever the distribution (Shin, Ramdas and Rinaldo). It asks "below the bar?",
not "changed?"; getting better never alarms. For rates that should stay low (errors, empty answers) feed ``1 - x``.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace

from broker.quality.always import BETS, bets, check_score, check_weight
from broker.quality.bootstrap import quantile
from broker.quality.estimate import Estimate

_LARGEST = 1e280


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """One stream's alarm. Frozen: :meth:`after` gives the next state, which can be stored as it is.

    :param bar: what the mean must not fall below; in (0, 1).
    :param threshold: A, in samples: the mean time between false alarms is at least this.
    :param seen: samples since it was begun anew.
    """

    bar: float
    threshold: float
    sums: tuple[float, ...] = (0.0,) * len(BETS)
    seen: int = 0
    alarmed: bool = False

    def __post_init__(self) -> None:
        if not (0.0 < self.bar < 1.0 and self.threshold >= 1):
            raise ValueError("a detector's bar lies in (0, 1), and its threshold is 1 sample or more")

    @property
    def evidence(self) -> float:
        """The mean of the sums; the alarm goes off at the threshold."""
        return sum(self.sums) / len(self.sums)

    def after(self, score: float, weight: float = 1.0) -> Detector:
        """One sample more. An alarm stays until :meth:`anew`.

        :param weight: by :func:`broker.quality.always.weight_of`, where samples are chosen with unequal probabilities.
        """
        gain = check_weight(weight) * (self.bar - check_score(score))
        sums = tuple(
            [
                min((r + 1.0) * (1.0 + bet * gain), _LARGEST)
                for r, bet in zip(self.sums, bets(self.bar), strict=True)
            ]
        )
        alarmed = self.alarmed or sum(sums) / len(sums) >= self.threshold
        return Detector(
            bar=self.bar, threshold=self.threshold, sums=sums, seen=self.seen + 1, alarmed=alarmed
        )

    def anew(self) -> Detector:
        """Begun again, after an alarm was dealt with or the baseline changed."""
        return replace(self, sums=(0.0,) * len(BETS), seen=0, alarmed=False)


def bar_of(baseline: Estimate, tolerance: float) -> float:
    """Where an alarm stands: the baseline's lower bound less what is tolerated.

    Raises ValueError where that is no bar: a baseline without interval, or a tolerance that leaves nothing.
    """
    if baseline.low is None:
        raise ValueError("the baseline has no interval yet; collect more items with truth first")
    bar = baseline.low - tolerance
    if tolerance < 0 or not 0.0 < bar < 1.0:
        raise ValueError(
            f"a tolerance of {tolerance} below a baseline of {baseline.low:.3f} leaves no bar between 0 and 1"
        )
    return bar


def first_alarm(detector: Detector, scores: Iterable[float]) -> int | None:
    """After how many of these scores it goes off; None: not at all. The same as :meth:`Detector.after`, ten times as fast."""
    sums, chances = list(detector.sums), bets(detector.bar)
    wanted = detector.threshold * len(sums)
    bar = detector.bar
    for count, score in enumerate(scores, 1):
        gain = bar - score
        sums = [(r + 1.0) * (1.0 + bet * gain) for r, bet in zip(sums, chances, strict=True)]
        if sum(sums) >= wanted:
            return count
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How long a drop stays unseen.

    :param median: samples until the alarm; None: more than half of the drops are not seen within ``horizon``.
    :param late: nine of ten are seen by then; None as above.
    :param seen: share seen within ``horizon`` samples.
    :param early: share of the runs in which it went off before the drop, falsely; they are left out.
    :param per_day: samples a day, for the two in days.
    :param delays: samples of each drop that was seen, ascending.
    """

    median: int | None
    late: int | None
    seen: float
    early: float
    horizon: int
    per_day: float
    delays: tuple[int, ...] = ()

    @property
    def median_days(self) -> float | None:
        """The median in days; None: unknown, or no samples come."""
        return self.median / self.per_day if self.median is not None and self.per_day > 0 else None

    def __str__(self) -> str:
        if self.median is None:
            return f"more than {self.horizon} samples" + (
                f" ({self.horizon / self.per_day:.0f} days)" if self.per_day > 0 else ""
            )
        days = self.median_days
        return f"about {self.median} samples" + (f" ({days:.1f} days)" if days is not None else "")


def expected_delay(
    detector: Detector,
    *,
    before: float,
    after: float,
    per_day: float = 0.0,
    warm: int = 1000,
    horizon: int = 3000,
    runs: int = 200,
    seed: int = 1,
) -> Delay:
    """How long a drop of the mean from ``before`` to ``after`` stays unseen, by simulation.

    Scores are taken to be 0 or 1, the widest spread there is for a mean; scores in between are seen sooner.

    :param warm: samples at ``before``, before the drop.
    :param horizon: samples after it that are looked at.
    """
    draw = random.Random(seed)
    delays: list[int] = []
    early = 0
    for _ in range(runs):
        stream = (float(draw.random() < (before if at < warm else after)) for at in range(warm + horizon))
        found = first_alarm(detector.anew(), stream)
        if found is not None and found <= warm:
            early += 1
        elif found is not None:
            delays.append(found - warm)
    tried = runs - early
    known = [*sorted(delays), *[horizon + 1] * (tried - len(delays))]
    return Delay(
        median=_within(known, 0.5, horizon),
        late=_within(known, 0.9, horizon),
        seen=len(delays) / tried if tried else 0.0,
        early=early / runs,
        horizon=horizon,
        per_day=per_day,
        delays=tuple(sorted(delays)),
    )


def _within(known: list[int], share: float, horizon: int) -> int | None:
    if not known:
        return None
    value = quantile(known, share)
    return round(value) if value <= horizon else None
