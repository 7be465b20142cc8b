"""One measured number, with how sure it is."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Measure:
    """One number: so many right of so many.

    :param total: None where the data set has no truth for it; then only the time is told.
    :param seconds: of computing for one item, the model being loaded.
    """

    operation: str
    data_set: str
    name: str
    right: int
    total: int | None
    seconds: float

    @property
    def value(self) -> float:
        """The share, 0 to 1; NaN where there is nothing to divide by."""
        return self.right / self.total if self.total else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's score interval for 95 %: it holds for few items and for shares near 0 and 1."""
        if not self.total:
            return math.nan, math.nan
        z, n, p = 1.959964, self.total, self.value
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True, slots=True)
class Mean:
    """One number: the mean over queries, each of which has its own.

    :param seconds: of computing for one query.
    """

    operation: str
    data_set: str
    name: str
    values: tuple[float, ...]
    seconds: float

    @property
    def value(self) -> float:
        """The mean."""
        return math.fsum(self.values) / len(self.values)

    @property
    def total(self) -> int:
        """Queries."""
        return len(self.values)

    @property
    def right(self) -> int:
        """As of a share."""
        return len(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """The middle 95 % of the means of as many queries drawn again and again from these (bootstrap)."""
        rng = random.Random(0)  # noqa: S311 - drawn alike each time
        means = sorted(
            math.fsum(rng.choices(self.values, k=len(self.values))) / len(self.values) for _ in range(DRAWS)
        )
        return means[round(0.025 * DRAWS)], means[round(0.975 * DRAWS) - 1]


def timed(work: Callable[[In], Out], items: Sequence[In]) -> tuple[list[Out], float]:
    """The answers, and the seconds one took."""
    started = time.perf_counter()
    found = [work(each) for each in items]
    return found, (time.perf_counter() - started) / len(items)
