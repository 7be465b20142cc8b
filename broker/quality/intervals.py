"""Intervals of a share out of counts, and how many items a wanted width takes."""

from __future__ import annotations

import math

from broker.quality.chance import beta_quantile, check_level, z_of
from broker.quality.estimate import Estimate, unknown

WILSON, CLOPPER_PEARSON = "wilson/1", "clopper-pearson/1"
FEW = 5


def wilson(hits: float, n: float, level: float = 0.95, *, estimand: str = "accuracy") -> Estimate:
    """Wilson's score interval of a share: the usual one, good for few items and near 0 and 1.

    Takes counts that are not whole, for samples whose effective size is not.
    """
    z = z_of(level)
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share")
    if not n:
        return unknown(estimand, WILSON, level, 0, "no item with truth")
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Estimate(
        estimand=estimand,
        method=WILSON,
        point=share,
        low=0.0 if hits == 0 else max(0.0, middle - half),
        high=1.0 if hits == n else min(1.0, middle + half),
        level=level,
        n=int(n),
        effective_n=float(n),
    )


def clopper_pearson(hits: float, n: float, level: float = 0.95, *, estimand: str = "accuracy") -> Estimate:
    """The exact interval of a share: holds at least the level whatever the truth is, and is wider for it.

    Takes counts that are not whole, as :func:`wilson` does; it is then no longer exact, but near it.
    """
    check_level(level)
    if not 0 <= hits <= n:
        raise ValueError(f"{hits} of {n} is no share")
    if not n:
        return unknown(estimand, CLOPPER_PEARSON, level, 0, "no item with truth")
    tail = (1 - level) / 2
    return Estimate(
        estimand=estimand,
        method=CLOPPER_PEARSON,
        point=hits / n,
        low=0.0 if hits == 0 else beta_quantile(tail, hits, n - hits + 1),
        high=1.0 if hits == n else beta_quantile(1 - tail, hits + 1, n - hits),
        level=level,
        n=int(n),
        effective_n=float(n),
    )


def share_interval(hits: float, n: float, level: float = 0.95, *, estimand: str = "accuracy") -> Estimate:
    """Wilson's interval, and the exact one where fewer than :data:`FEW` items are of one kind.

    Near 0 and 1 Wilson's holds less than it says (91 % for 50 items of a provider that is right in 99 %).
    """
    interval = clopper_pearson if min(hits, n - hits) < FEW else wilson
    return interval(hits, n, level, estimand=estimand)


def items_for_half_width(share: float, half_width: float, level: float = 0.95, *, gain: float = 1.0) -> int:
    """About how many items with truth give an interval of this half-width.

    :param share: what is expected; 0.5 is the safest guess.
    :param gain: variance of a plain sample over that of the design used, as the user's own pilot showed; 1: plain.
    """
    if not 0 < half_width < 1 or not 0 <= share <= 1 or gain <= 0:
        raise ValueError("a share lies in 0..1, a half-width in (0, 1), and a gain is above 0")
    spread = max(
        share * (1 - share), half_width * (1 - half_width) / 2
    )  # near 0 and 1 the rule asks for too little
    return math.ceil(z_of(level) ** 2 * spread / half_width**2 / gain)


def rogan_gladen(share: float, reviewer_error: float) -> float:
    """The accuracy of a right-or-wrong task behind reviewers who err with this rate either way: (a - e) / (1 - 2e).

    Clipped to 0..1. Raises ValueError from an error of one half on: such reviews tell nothing.
    """
    if not 0 <= reviewer_error < 0.5:
        raise ValueError("reviewers who are wrong half of the time tell nothing")
    return min(1.0, max(0.0, (share - reviewer_error) / (1 - 2 * reviewer_error)))
