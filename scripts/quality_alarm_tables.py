"""Tables of :mod:`quality_tables` about alarms: how often they are false, and how late."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from quality_verdicts import holds, most_alarms

from broker.quality.always import bets
from broker.quality.drift.detector import Detector, expected_delay, first_alarm


def peeking(data: Path, runs: int) -> Iterator[str]:
    """False alarms when a bound is looked at after each of 5,000 items."""
    del data
    yield "| truth = bar | streams | e-process, 5 % | one-sided Wald bound | |"
    yield "|---|---|---|---|---|"
    for bar in (0.8, 0.9, 0.95):
        draw, alarms, waldish = random.Random(7), 0, 0
        streams = max(50, runs)
        for _ in range(streams):
            right, seen, crossed, purses = 0, False, False, [1.0] * len(bets(bar))
            for n in range(1, 5001):
                hit = draw.random() < bar
                right += hit
                gain = bar - hit
                purses = [purse * (1 + bet * gain) for purse, bet in zip(purses, bets(bar), strict=True)]
                seen = seen or sum(purses) / len(purses) >= 20
                share = right / n
                crossed = crossed or (n >= 20 and share + 1.645 * math.sqrt(share * (1 - share) / n) < bar)
            alarms += seen
            waldish += crossed
        told = holds(alarms / streams <= most_alarms(streams) < 0.15 < waldish / streams)
        yield f"| {bar} | {streams} | {100 * alarms / streams:.1f} | {100 * waldish / streams:.1f} | {told} |"


DELAYS = ((50_000.0, 0.90, (146, 489)), (50_000.0, 0.88, (249, 1217)), (10_000.0, 0.88, (176, 822)))
"""Threshold, bar, and the median delays to 0.80 and 0.85 that were measured when the method was made."""


def delay(data: Path, runs: int) -> Iterator[str]:
    """e-detectors: false alarms within 6,000 samples at 0.9, and how soon a drop after 3,000 is seen."""
    del data
    yield "| detector | false alarm in 6,000 | to 0.80: seen / median / of those seen | to 0.85: the same | wanted of those seen | |"
    yield "|---|---|---|---|---|---|"
    for threshold, bar, wanted in DELAYS:
        detector, draw = Detector(bar=bar, threshold=threshold), random.Random(8)
        false = sum(
            first_alarm(detector, (float(draw.random() < 0.9) for _ in range(6000))) is not None
            for _ in range(runs)
        )
        told, near = [], True
        for after, right in zip((0.80, 0.85), wanted, strict=True):
            each = expected_delay(
                detector, before=0.9, after=after, warm=3000, horizon=3000, runs=runs, seed=9
            )
            kept = each.seen * (1 - each.early)  # of all runs, as the others were counted
            seen = median(each.delays) if each.delays else math.nan
            told.append(f"{100 * kept:.1f} / {'-' if each.median is None else each.median} / {seen:.0f}")
            near = near and abs(seen - right) <= 0.15 * right
        both = ", ".join(map(str, wanted))
        yield (
            f"| A = {threshold:.0f}, bar {bar} | {100 * false / runs:.1f} | {told[0]} | {told[1]} | {both} | {holds(near)} |"
        )


def arl(data: Path, runs: int) -> Iterator[str]:
    """Mean run length to a false alarm, the mean of the scores being at the bar: at least A."""
    del data
    yield "| A | bar | mean run length | its error | |"
    yield "|---|---|---|---|---|"
    for threshold in (100.0, 1000.0):
        for bar in (0.7, 0.9):
            draw, repeats = random.Random(3), max(50, runs // 4)
            lengths = []
            for _ in range(repeats):
                stream = (float(draw.random() < bar) for _ in range(int(100 * threshold)))
                lengths.append(
                    first_alarm(Detector(bar=bar, threshold=threshold), stream) or int(100 * threshold)
                )
            mean = sum(lengths) / repeats
            error = math.sqrt(sum((each - mean) ** 2 for each in lengths)) / repeats
            told = holds(mean + 2 * error >= threshold)
            yield f"| {threshold:.0f} | {bar} | {mean:.0f} | {error:.0f} | {told} |"


TABLES: dict[str, Callable[[Path, int], Iterator[str]]] = {"peeking": peeking, "arl": arl, "delay": delay}
