"""Few items with truth helped by many with a cheap guess at it (prediction-powered inference, PPI++).

The guess ``f`` at "was the provider right": a second provider agrees; the confidence. Its mistakes do not bias the
figure, they only cost width. The normal interval is too narrow while few items contradict the guess, so there is a gate:
at least :data:`LEAST_GOLD` items with truth, at least :data:`LEAST_CONTRADICTIONS` of them against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

from broker.quality.chance import check_level
from broker.quality.estimate import Estimate, unknown
from broker.quality.intervals import wilson

METHOD = "ppi/1"
LEAST_GOLD = 300
LEAST_CONTRADICTIONS = 20


def ppi_allowed(truth: Sequence[float], guess: Sequence[float]) -> bool:
    """The gate: enough items with truth, and enough of them against the guess (rounded to right or wrong)."""
    against = sum((y >= 0.5) != (f >= 0.5) for y, f in zip(truth, guess, strict=True))
    return len(truth) >= LEAST_GOLD and against >= LEAST_CONTRADICTIONS


def ppi(
    truth: Sequence[float],
    guess: Sequence[float],
    others: Sequence[float],
    level: float = 0.95,
    *,
    estimand: str = "accuracy",
) -> Estimate:
    """The mean of ``truth`` over the population.

    :param truth: of the items with truth, 0..1; ``guess``: their guesses, in the same order.
    :param others: guesses of the items without truth.

    ``lambda * mean(others) + mean(truth - lambda * guess)`` with the lambda of least variance, kept within 0..1: a guess
    that is worth nothing gets 0, and this is the plain mean. The interval is Wilson's at the size of a plain sample that
    would have this variance: the normal one of the method's authors holds too little near 0 and 1. Items must have been chosen alike (for unequal chances use
    strata). Call :func:`ppi_allowed` first.
    """
    check_level(level)
    n, many = len(truth), len(others)
    if n != len(guess):
        raise ValueError("each item with truth has one guess")
    if n < 3 or many < 2:
        return unknown(estimand, METHOD, level, n, "fewer than three items with truth, or two without")
    mean_y, mean_f, mean_others = fmean(truth), fmean(guess), fmean(others)
    covariance = sum((y - mean_y) * (f - mean_f) for y, f in zip(truth, guess, strict=True)) / (n - 1)
    all_guesses = [*guess, *others]
    mean_all = fmean(all_guesses)
    spread = sum((f - mean_all) ** 2 for f in all_guesses) / (len(all_guesses) - 1)
    power = min(1.0, max(0.0, covariance / ((1 + n / many) * spread))) if spread else 0.0
    point = mean_y + power * (mean_others - mean_f)
    left = [y - power * f for y, f in zip(truth, guess, strict=True)]
    mean_left = fmean(left)
    variance = power**2 * spread / many + sum((each - mean_left) ** 2 for each in left) / (n - 2) / n
    notes = (
        () if ppi_allowed(truth, guess) else ("too few items with truth contradict the guess: too narrow",)
    )
    inside = min(1.0, max(0.0, point))
    if not 0 < inside < 1 or not variance:
        return unknown(estimand, METHOD, level, n, "the guess is never wrong: no spread to see", point=inside)
    size = inside * (1 - inside) / variance
    told = wilson(inside * size, size, level, estimand=estimand)
    return replace(told, method=METHOD, n=n, effective_n=size, notes=notes)
