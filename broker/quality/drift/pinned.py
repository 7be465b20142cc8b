"""The pinned set: the same inputs again and again, so that only the provider's model can have changed.

The strongest test there is for its price, and the only one that tells a changed model from changed data. Accuracy alone
hides instability: a version can lose as many answers as it gains, so flips are counted both ways.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

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
    token = _Token()
    for row in sorted(map(_row, run)):
        token.add(row)
    return token.told()


def _row(answer: PinnedAnswer) -> list[Any]:
    if answer.failed:
        return [answer.item, None]
    labels = [[label, -1 if sure is None else round(sure / CONFIDENCE_STEP)] for label, sure in answer.labels]
    return [answer.item, sorted(labels)]


class _Token:
    """The digest of one JSON list of all rows, which come in the order of their items' names."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._before = b"["

    def add(self, row: list[Any]) -> None:
        # Escaped: half a surrogate is a label, too.
        self._digest.update(self._before + json.dumps(row).encode())
        self._before = b", "

    def told(self) -> str:
        whole = self._digest.copy()
        whole.update(b"[]" if self._before == b"[" else b"]")
        return whole.hexdigest()[:16]


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
    then, now = (sorted(run, key=lambda each: each.item) for run in (before, after))
    if any(one.item == other.item for run in (then, now) for one, other in pairwise(run)):
        raise ValueError("an item of the pinned set has two answers in one run")
    if [each.item for each in then] != [each.item for each in now]:
        raise ValueError("these are runs of two sets; a pinned set never changes, a new one is a new set")
    compared = ReplayTally()
    for one, other in zip(then, now, strict=True):
        compared.add(one, other)
    return compared.told()


class ReplayTally:
    """Two runs compared item by item, in the order of the items' names; no answer is kept."""

    def __init__(self) -> None:
        self._all = self._both = self._judged = self._right_before = self._right_after = 0
        self._lost = self._gained = self._flipped = 0
        self._tokens = _Token(), _Token()
        self._last: str | None = None

    def add(self, before: PinnedAnswer, after: PinnedAnswer) -> None:
        """One item's answers. Raises ValueError for those of two items, and where they do not come by name, each once."""
        if before.item != after.item:
            raise ValueError("these are answers to two items")
        if self._last is not None and before.item <= self._last:
            raise ValueError(f"item {before.item!r} came twice, or out of order")
        self._last = before.item
        self._all += 1
        for token, answer in zip(self._tokens, (before, after), strict=True):
            token.add(_row(answer))
        if before.failed or after.failed:
            return
        self._both += 1
        self._flipped += _labels(before) != _labels(after)
        if before.right is not None and after.right is not None:
            self._judged += 1
            self._right_before += before.right
            self._right_after += after.right
            self._lost += before.right and not after.right
            self._gained += after.right and not before.right

    def told(self) -> Replay:
        """Of all that were added."""
        judged = self._judged
        return Replay(
            items=self._both,
            judged=judged,
            accuracy_before=self._right_before / judged if judged else None,
            accuracy_after=self._right_after / judged if judged else None,
            lost=self._lost,
            gained=self._gained,
            p_value=mcnemar(self._gained, self._lost),
            flipped=self._flipped,
            failed=self._all - self._both,
            token_before=self._tokens[0].told(),
            token_after=self._tokens[1].told(),
        )


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
