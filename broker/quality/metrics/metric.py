"""A metric is what its items add up to: each item gives a few numbers, their sums give the value.

That makes word error rates ratios of sums (not means of ratios) and F1 a figure of all items together, lets an
interval be found by drawing items again, and keeps what failed apart from what was answered badly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How scores of items become one number.

    :param id: its name, with what it depends on (``wer:spoken-en/1``): a number without it says nothing.
    :param version: of the definition; raised whenever the same answers would give another number.
    :param parts: what each item's numbers mean, in order.
    :param of: the value of the summed parts; None where there is nothing to divide by.
    :param higher_is_better: False for error rates and costs.
    :param best: the value of perfect answers; ``worst``: of the worst ones, None where there is no end to it.
    :param binary: an item is right or wrong, so that intervals for shares hold.
    :param ground: it tells what other figures rest on (how much was judged, how many words are known) and not how good
        answers are, so that providers are not compared by it.
    """

    id: str
    version: int
    parts: tuple[str, ...]
    of: Callable[[Sequence[float]], float | None] = field(repr=False, compare=False)
    higher_is_better: bool = True
    best: float = 1.0
    worst: float | None = 0.0
    binary: bool = False
    ground: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """How an item came to be looked at.

    :param cluster: what belongs together and is drawn together (file, conversation, query); None: the item alone.
    :param stratum: of the sampling design; None: there are none.
    :param probability: with which the item was chosen (0..1]. What could never be chosen is not in the sample.
    """

    cluster: str | None = None
    stratum: str | None = None
    probability: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.probability <= 1.0:
            raise ValueError(f"a probability of being chosen lies in (0, 1]; got {self.probability}")


EVERY_ITEM = Drawn()
"""All items were looked at, or all with the same probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """What one item gives.

    :param item: its name.
    :param parts: finite numbers in the order of the metric's ``parts``; ValueError for others.
    :param failed: the call gave no answer; the parts are then those of the worst answer.
    """

    item: str
    parts: tuple[float, ...]
    failed: bool = False
    drawn: Drawn = EVERY_ITEM

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.parts)):
            raise ValueError(f"item {self.item!r}: a score is a number, not {self.parts}")

    @property
    def cluster(self) -> str:
        """What it is drawn together with: by itself where nothing else is said."""
        return self.item if self.drawn.cluster is None else self.drawn.cluster

    @property
    def weight(self) -> float:
        """For how many items it stands: one over its probability."""
        return 1.0 / self.drawn.probability


def mean_of_parts(parts: Sequence[float]) -> float | None:
    """A ratio of sums: the first part to the second."""
    return parts[0] / parts[1] if parts[1] else None


ACCURACY = Metric(id="accuracy", version=1, parts=("right", "items"), of=mean_of_parts, binary=True)
"""Right answers to all answers. An item is right or wrong."""


def right_or_wrong(item: str, right: bool | None, drawn: Drawn = EVERY_ITEM) -> ItemScore:
    """An item of :data:`ACCURACY`; None: the call failed."""
    return ItemScore(item=item, parts=(float(bool(right)), 1.0), failed=right is None, drawn=drawn)


def weighted_sums(scores: Iterable[ItemScore], length: int) -> list[float]:
    """The sums of the parts, each item weighted by one over its probability."""
    sums = [0.0] * length
    for score in scores:
        if len(score.parts) != length:
            raise ValueError(
                f"item {score.item!r} has {len(score.parts)} parts, its metric {length}; scores of two metrics were mixed"
            )
        weight = score.weight
        for index, part in enumerate(score.parts):
            sums[index] += weight * part
    return sums


def value(metric: Metric, scores: Iterable[ItemScore]) -> float | None:
    """The metric of these items, weighted by one over their probability; None where there is nothing to divide by."""
    return metric.of(weighted_sums(scores, len(metric.parts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Quality as it arrived, quality where there was an answer, and how often there was one.

    :param delivered: of all items asked for; a failed call counts as the worst answer.
    :param conditional: of those that were answered.
    :param success: share of the items that were answered.
    """

    delivered: float | None
    conditional: float | None
    success: float | None
    asked: int
    failed: int


def delivery(metric: Metric, scores: Sequence[ItemScore]) -> Delivery:
    """Failures told apart from quality. ``success`` is weighted as the scores are."""
    answered = [score for score in scores if not score.failed]
    weight = sum(score.weight for score in scores)
    return Delivery(
        delivered=value(metric, scores),
        conditional=value(metric, answered),
        success=sum(score.weight for score in answered) / weight if weight else None,
        asked=len(scores),
        failed=len(scores) - len(answered),
    )
