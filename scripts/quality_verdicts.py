"""What a table of :mod:`quality_tables` promises, said in the table: ``holds``, or ``FAILS``."""

from __future__ import annotations

import math

FAILS = "FAILS"


def holds(promise: bool) -> str:
    """The word for a table's last column."""
    return "holds" if promise else FAILS


def least_held(runs: int, level: float = 0.95) -> float:
    """The share of intervals that must hold: 93.5 % of 1,000, and for other numbers as far below as chance would have it."""
    return level - 2.17 * math.sqrt(level * (1 - level) / runs)


def most_alarms(runs: int, level: float = 0.05) -> float:
    """The share of false alarms that there may be of so many streams, at most ``level`` of them being expected."""
    return level + 2 * math.sqrt(level * (1 - level) / runs)
