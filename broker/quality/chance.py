"""Distributions, as far as they are needed here: their tails and quantiles, in plain Python.

Accurate to about 1e-12 where tests compare them with SciPy's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from statistics import NormalDist

_NORMAL = NormalDist()
_STEPS = 200
"""Halvings of a search; an interval of 1 is then below what a float can tell."""


def z_of(level: float) -> float:
    """How many standard errors to each side hold ``level`` of a normal distribution: 1.96 for 0.95."""
    return _NORMAL.inv_cdf(0.5 + check_level(level) / 2)


def check_level(level: float) -> float:
    """The level itself. Raises ValueError unless it is between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a level of confidence lies between 0 and 1, as 0.95 does; got {level}")
    return level


def normal_below(z: float) -> float:
    """P(Z <= z) of the standard normal distribution."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def beta_below(x: float, a: float, b: float) -> float:
    """P(X <= x) of the beta distribution: the regularised incomplete beta function."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(x, a, b) / a
    return 1.0 - front * _beta_fraction(1 - x, b, a) / b


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny = 1e-300
    c, d = 1.0, 1.0 - (a + b) * x / (a + 1)
    d = 1.0 / (d if abs(d) > tiny else tiny)
    total = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > tiny else tiny)
            c = 1.0 + term / c
            c = c if abs(c) > tiny else tiny
            total *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return total


def beta_quantile(share: float, a: float, b: float) -> float:
    """The x below which ``share`` of the beta distribution lies."""
    return _searched(lambda x: beta_below(x, a, b), share, 0.0, 1.0)


def t_quantile(share: float, freedom: float) -> float:
    """The t below which ``share`` of Student's distribution lies."""
    if share < 0.5:
        return -t_quantile(1 - share, freedom)
    # P(T > t) = I(v / (v + t*t); v/2, 1/2) / 2
    x = beta_quantile(2 * (1 - share), freedom / 2, 0.5)
    return math.inf if x <= 0 else math.sqrt(freedom * (1 - x) / x)


def chi2_above(x: float, freedom: int) -> float:
    """P(X >= x) of the chi-square distribution."""
    if x <= 0:
        return 1.0
    a, y = freedom / 2, x / 2
    front = math.exp(-y + a * math.log(y) - math.lgamma(a))
    if y < a + 1:  # the series of the lower tail
        term = total = 1 / a
        n = a
        while abs(term) > abs(total) * 1e-16:
            n += 1
            term *= y / n
            total += term
        return max(0.0, 1.0 - total * front)
    tiny = 1e-300  # the continued fraction of the upper one
    b = y + 1 - a
    c, d = 1 / tiny, 1 / b
    total = d
    for i in range(1, 10_000):
        term = -i * (i - a)
        b += 2
        d = term * d + b
        d = 1.0 / (d if abs(d) > tiny else tiny)
        c = b + term / c
        c = c if abs(c) > tiny else tiny
        total *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return total * front


def binomial_tail_half(count: int, total: int) -> float:
    """P(X <= count) of ``total`` tosses of a fair coin, exactly."""
    if count < 0:
        return 0.0
    if count >= total:
        return 1.0
    if total <= 1000:
        ways: int = sum(math.comb(total, k) for k in range(count + 1))
        return float(Fraction(ways, 1 << total))
    return beta_below(0.5, total - count, count + 1)


def _searched(rises: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if rises(middle) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
