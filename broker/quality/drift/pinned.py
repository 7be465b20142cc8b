"""The pinned set: the same inputs again and again, so that only the provider's model can have changed.

The strongest test there is for its price, and the only one that tells a changed model from changed data. Accuracy alone
hides instability: a version can lose as many answers as it gains, so flips are counted both ways.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from broker.quality.chance import z_of
from broker.quality.paired import mcnemar

CONFIDENCE_STEP = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedAnswer:
    """One item's answer in one run.

    :param labels: what was answered: label and confidence (None: unknown), in any order.
    :param right: against the truth; None: not known, or the call failed.
    """

    item: str
    labels: tuple[tuple[str, float | None], ...]
    right: bool | None = None
    failed: bool = False


def behaviour_token(run: Iterable[PinnedAnswer]) -> str:
    """A short name of how a provider behaves on the set: another one reveals a silent update.

    Made of labels and of confidences rounded to 0.05, so that noise in the last digits changes nothing. Failed items are
    left out of it by name; tokens of runs with other failures differ.
    """
    rows = sorted(
        [
            answer.item,
            None
            if answer.failed
            else sorted(
                [label, -1 if sure is None else round(sure / CONFIDENCE_STEP)]
                for label, sure in answer.labels
            ),
        ]
        for answer in run
    )
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[
        :16
    ]  # escaped: half a surrogate is a label, too


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Two runs of the same set compared, over the items that both answered.

    :param lost: right before, wrong now; ``gained``: the other way round. Of the items with truth.
    :param p_value: of McNemar's exact test of lost against gained.
    :param flipped: items whose set of labels changed, right or wrong; ``flip_rate``: their share.
    :param failed: items that one of the runs has no answer for.
    """

    items: int
    judged: int
    accuracy_before: float | None
    accuracy_after: float | None
    lost: int
    gained: int
    p_value: float
    flipped: int
    failed: int
    token_before: str
    token_after: str

    @property
    def flip_rate(self) -> float | None:
        """Share of the items whose labels changed; 1 less this is stability."""
        return self.flipped / self.items if self.items else None

    @property
    def updated(self) -> bool:
        """Something changed, if only confidences."""
        return self.token_before != self.token_after

    def worse(self, alpha: float) -> bool:
        """More was lost than gained, at this level."""
        return self.lost > self.gained and self.p_value <= alpha

    def changed(self, alpha: float) -> bool:
        """Lost and gained differ at this level, either way."""
        return self.p_value <= alpha


def replay(before: Sequence[PinnedAnswer], after: Sequence[PinnedAnswer]) -> Replay:
    """Compares two runs. Raises ValueError where they are not runs of the same set."""
    then, now = _by_item(before), _by_item(after)
    if then.keys() != now.keys():
        raise ValueError("these are runs of two sets; a pinned set never changes, a new one is a new set")
    both = [(then[item], now[item]) for item in then if not then[item].failed and not now[item].failed]
    judged = [
        (one.right, other.right) for one, other in both if one.right is not None and other.right is not None
    ]
    lost = sum(one and not other for one, other in judged)
    gained = sum(other and not one for one, other in judged)
    return Replay(
        items=len(both),
        judged=len(judged),
        accuracy_before=sum(one for one, _ in judged) / len(judged) if judged else None,
        accuracy_after=sum(other for _, other in judged) / len(judged) if judged else None,
        lost=lost,
        gained=gained,
        p_value=mcnemar(gained, lost),
        flipped=sum(_labels(one) != _labels(other) for one, other in both),
        failed=len(then) - len(both),
        token_before=behaviour_token(before),
        token_after=behaviour_token(after),
    )


def _by_item(run: Sequence[PinnedAnswer]) -> Mapping[str, PinnedAnswer]:
    found = {answer.item: answer for answer in run}
    if len(found) != len(run):
        raise ValueError("an item of the pinned set has two answers in one run")
    return found


def _labels(answer: PinnedAnswer) -> frozenset[str]:
    return frozenset(label for label, _ in answer.labels)


def items_needed(drop: float, flip_share: float, *, level: float = 0.95, power: float = 0.8) -> int:
    """How many items a pinned set needs to see a drop of accuracy by McNemar's test: ``7.85 * flips / drop^2``.

    :param drop: as a share: 0.05 for five points.
    :param flip_share: of the items whose rightness changes either way; at least ``drop``.
    """
    if not 0 < drop <= flip_share <= 1:
        raise ValueError("a drop lies in (0, 1], and at least as many items flip as are lost")
    return math.ceil((z_of(level) + z_of(2 * power - 1)) ** 2 * flip_share / drop**2 - 1e-9)


def visible_drop(items: int, flip_share: float, *, level: float = 0.95, power: float = 0.8) -> float:
    """The smallest drop that a set of this size shows: print it beside the set's size."""
    if items < 1:
        return 1.0
    return min(1.0, (z_of(level) + z_of(2 * power - 1)) * math.sqrt(flip_share / items))
