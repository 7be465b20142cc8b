"""Shares out of a stratified sample, and how many items each stratum should get (Neyman)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broker.quality.chance import check_level
from broker.quality.estimate import Estimate, unknown
from broker.quality.intervals import share_interval

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
        if not (0 <= self.weight < math.inf and 0 <= self.hits <= self.n):
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

    The interval is that of a plain sample which would have this variance (:func:`.share_interval`): the normal one held
    only 88 % for 20 items of one stratum that is right in 90 %. A stratum without any item with truth could be all right or all wrong: the interval reaches that far, and
    ``covered`` says how much of the calls the others are.
    """
    check_level(level)
    whole = sum(stratum.weight for stratum in strata)
    n = sum(stratum.n for stratum in strata)
    seen = [stratum for stratum in strata if stratum.n and stratum.weight]
    if not whole or not seen:
        return unknown(estimand, METHOD, level, n, "no item with truth")
    covered = sum(stratum.weight for stratum in seen) / whole
    parts = [(stratum.weight / whole / covered, stratum) for stratum in seen]
    point = min(1.0, sum(part * stratum.hits / stratum.n for part, stratum in parts))
    smoothed = sum(part * stratum.smoothed for part, stratum in parts)
    variance = sum(part**2 * stratum.spread**2 / stratum.n for part, stratum in parts)
    size = smoothed * (1 - smoothed) / variance
    told, blind = share_interval(point * size, size, level), max(0.0, 1 - covered)
    return Estimate(
        estimand=estimand,
        method=METHOD,
        point=point,
        low=(told.low or 0.0) * covered,
        high=min(1.0, (1.0 if told.high is None else told.high) * covered + blind),
        level=level,
        n=n,
        effective_n=size,
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
