"""Compare two pieces of work fairly on a shared machine: interleaved blocks, CPU of all threads, median of ratios."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """CPU per call of A and B in microseconds, and the median over blocks of A / B with its quartiles."""

    a: float
    b: float
    ratio: float
    low: float
    high: float


def compare(a: Callable[[], object], b: Callable[[], object], *, blocks: int = 60, calls: int = 20) -> Pair:
    """Run A and B in turns, swapping who goes first."""
    for work in (a, b) * 3:
        _cpu(work, calls)
    times: list[tuple[float, float]] = []
    gc.disable()
    gc.collect()
    gc.freeze()  # else each collection between blocks walks all that is loaded, and the next calls find empty caches
    try:
        for block in range(blocks):
            if block % 2:
                second, first = _cpu(b, calls), _cpu(a, calls)
                times.append((first, second))
            else:
                times.append((_cpu(a, calls), _cpu(b, calls)))
            gc.collect()
    finally:
        gc.unfreeze()
        gc.enable()
    ratios = sorted(first / second for first, second in times)
    return Pair(
        a=statistics.median(first for first, _ in times) / calls * 1e6,
        b=statistics.median(second for _, second in times) / calls * 1e6,
        ratio=statistics.median(ratios),
        low=ratios[len(ratios) // 4],
        high=ratios[3 * len(ratios) // 4],
    )


def _cpu(work: Callable[[], object], calls: int) -> float:
    started = time.process_time()
    for _ in range(calls):
        work()
    return time.process_time() - started
