"""Areas of scale readiness and maturity: which of them are apart, and how much hangs on the weights.

An area is a rectangle: both scores are intervals. Two areas that overlap are *not separated* and are not ranked.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import combinations
from typing import TypeVar

from broker.maturity.interval import Interval
from broker.types.markup import Shown

DRAWS = 1000
_SEED = 20_261_121
_EQUAL = 1e-9

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Area(Shown):
    """Where one provider stands: scale readiness across, maturity up, both 0 to 100."""

    name: str
    readiness: Interval
    maturity: Interval

    def overlaps(self, other: Area) -> bool:
        """Whether both have a point in common; touching is overlapping."""
        return self.readiness.overlaps(other.readiness) and self.maturity.overlaps(other.maturity)


class Relation(str, Enum):
    """How two areas lie."""

    NOT_SEPARATED = "not separated"
    AHEAD = "ahead"
    """The first is above on one axis, and not below on the other."""
    BEHIND = "behind"
    TRADE_OFF = "each ahead on one axis"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair(Shown):
    """Two areas and how they lie.

    :param readiness: 1: the first is ahead in scale readiness, -1: behind, 0: not separated there.
    :param maturity: the same in maturity.
    """

    first: str
    second: str
    readiness: int
    maturity: int

    @property
    def relation(self) -> Relation:
        """In one word."""
        signs = {self.readiness, self.maturity} - {0}
        if not signs:
            return Relation.NOT_SEPARATED
        if len(signs) == 2:
            return Relation.TRADE_OFF
        return Relation.AHEAD if signs == {1} else Relation.BEHIND

    def __str__(self) -> str:
        said = {1: "ahead", -1: "behind", 0: "not separated"}
        if self.relation is Relation.NOT_SEPARATED:
            return f"{self.first} and {self.second}: not separated"
        return (
            f"{self.first} against {self.second}: {said[self.readiness]} in scale readiness, "
            f"{said[self.maturity]} in maturity"
        )


def pairs(areas: Sequence[Area]) -> list[Pair]:
    """Every two areas."""
    return [
        Pair(
            first=one.name,
            second=other.name,
            readiness=_order(one.readiness, other.readiness),
            maturity=_order(one.maturity, other.maturity),
        )
        for one, other in combinations(areas, 2)
    ]


def _order(one: Interval, other: Interval) -> int:
    if one.overlaps(other):
        return 0
    return 1 if one.low > other.high else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity(Shown):
    """How much the first place hangs on the weights.

    :param leaders: who has the highest score under the user's weights; several where they are equal.
    :param changed: share of weightings, 0..1, under which it is somebody else (or not the same several).
    :param draws: how many weightings were tried.
    """

    leaders: tuple[str, ...]
    changed: float
    draws: int

    def __str__(self) -> str:
        who = " and ".join(self.leaders)
        return f"the first ({who}) changes under {self.changed:.1%} of {self.draws:,} random weightings"


def sensitivity(
    weights: Mapping[Key, float],
    scores: Callable[[Mapping[Key, float]], Mapping[str, float]],
    draws: int = DRAWS,
) -> Sensitivity:
    """How often another one leads when the weights are drawn anew around the user's.

    Weights come from a Dirichlet distribution whose mean are the user's weights and whose parameters add up to their
    number: where all are equal, every weighting is equally likely. The seed is fixed, so that a report can be made again.

    :param scores: from weights to the score of each name.
    """
    source = random.Random(_SEED)  # noqa: S311 # draws that can be made again, no secrets
    total = sum(weights.values())
    # A weight of 0 stays 0: who leaves a member out does not want it back by chance.
    alphas = {key: len(weights) * each / total for key, each in weights.items()}
    usual = _leaders(scores(weights))
    changed = 0
    for _ in range(draws):
        drawn = {key: source.gammavariate(alpha, 1.0) if alpha > 0 else 0.0 for key, alpha in alphas.items()}
        if sum(drawn.values()) <= 0:  # all underflowed
            drawn = dict(weights)
        changed += _leaders(scores(drawn)) != usual
    return Sensitivity(leaders=usual, changed=changed / draws, draws=draws)


def _leaders(scores: Mapping[str, float]) -> tuple[str, ...]:
    top = max(scores.values(), default=0.0)
    return tuple(sorted(name for name, each in scores.items() if each >= top - _EQUAL))
