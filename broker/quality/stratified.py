"""Shares out of a stratified sample, and how many items each stratum should get (Neyman)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.quality.chance import z_of
from broker.quality.estimate import Estimate, unknown

METHOD = "stratified/1"
PILOT_SHARE = 1 / 3
"""Of the items with truth, drawn in proportion first, to see where answers differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """What is known of one stratum.

    :param weight: its share of all calls meant; the weights of all strata need not add up to 1, they are scaled.
    :param hits: right items; ``n``: items with truth.
    """

    name: str
    weight: float
    hits: int
    n: int

    def __post_init__(self) -> None:
        if self.weight < 0 or not 0 <= self.hits <= self.n:
            raise ValueError(
                f"stratum {self.name!r}: {self.hits} of {self.n} with weight {self.weight} is none"
            )

    @property
    def smoothed(self) -> float:
        """(k + 1) / (n + 2): never 0 or 1, so that a few items all right do not pass for certainty."""
        return (self.hits + 1) / (self.n + 2)

    @property
    def spread(self) -> float:
        """The standard deviation of one item, smoothed."""
        return math.sqrt(self.smoothed * (1 - self.smoothed))


def stratified(strata: Sequence[Stratum], level: float = 0.95, *, estimand: str = "accuracy") -> Estimate:
    """The weighted sum of the strata's shares, its variance from smoothed shares.

    A stratum without any item with truth could be all right or all wrong: the interval reaches that far, and
    ``covered`` says how much of the calls the others are.
    """
    z = z_of(level)
    whole = sum(stratum.weight for stratum in strata)
    n = sum(stratum.n for stratum in strata)
    seen = [stratum for stratum in strata if stratum.n and stratum.weight]
    if not whole or not seen:
        return unknown(estimand, METHOD, level, n, "no item with truth")
    covered = sum(stratum.weight for stratum in seen) / whole
    middle = sum(stratum.weight / whole * stratum.hits / stratum.n for stratum in seen)
    variance = sum(
        (stratum.weight / whole) ** 2 * stratum.smoothed * (1 - stratum.smoothed) / stratum.n
        for stratum in seen
    )
    half, blind = z * math.sqrt(variance), max(0.0, 1 - covered)
    point = min(1.0, middle / covered)
    return Estimate(
        estimand=estimand,
        method=METHOD,
        point=point,
        low=min(point, max(0.0, middle - half)),
        high=max(point, min(1.0, middle + half + blind)),
        level=level,
        n=n,
        effective_n=min(float(n), point * (1 - point) / variance) if 0 < point < 1 else float(n),
        covered=min(1.0, covered),
        notes=() if blind < 1e-9 else (f"strata of {blind:.0%} of the calls have no item with truth",),
    )


def neyman(
    weights: Mapping[str, float], spreads: Mapping[str, float], total: int, *, least: int = 0
) -> dict[str, int]:
    """How many of ``total`` items each stratum gets: in proportion to weight times spread, at least ``least``.

    Largest remainders are rounded up, so that the sum is exact. A stratum without weight gets none. Where all spreads
    are 0 items go by weight. Raises ValueError where ``least`` for each would be more than there is.
    """
    names = [name for name in weights if weights[name] > 0]
    if not names:
        raise ValueError("no stratum has any calls")
    if least * len(names) > total:
        raise ValueError(f"{total} items cannot give {least} to each of {len(names)} strata")
    pull = {name: weights[name] * spreads.get(name, 0.5) for name in names}
    if not any(pull.values()):
        pull = {name: weights[name] for name in names}
    fixed: dict[str, float] = {}
    open_names = list(names)
    while True:
        left = total - sum(fixed.values())
        scale = sum(pull[name] for name in open_names)
        share = {name: left * pull[name] / scale if scale else left / len(open_names) for name in open_names}
        short = [name for name in open_names if share[name] < least]
        if not short or len(short) == len(open_names):
            break
        fixed.update(dict.fromkeys(short, float(least)))
        open_names = [name for name in open_names if name not in short]
    share.update(fixed)
    given = {name: int(share[name]) for name in names}
    rest = total - sum(given.values())
    for name in sorted(names, key=lambda each: given[each] - share[each])[:rest]:
        given[name] += 1
    return {name: given.get(name, 0) for name in weights}
