"""The queue of items for people to decide: the ones that tell most first, some of them twice, and nobody's name on them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from broker.quality.sampling import number_of
from broker.quality.stratified import Stratum

REPEATS = 0.05
"""Share of the items that is shown a second time, to see how often reviewers err."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToReview:
    """One showing of an item. It names no provider: reviewers judge blind.

    :param repeat: it was shown before.
    """

    item: str
    stratum: str
    repeat: bool = False


def queued(
    candidates: Iterable[tuple[str, str]],
    known: Sequence[Stratum],
    *,
    seed: bytes,
    repeats: float = REPEATS,
) -> list[ToReview]:
    """All candidates in the order in which they reduce the variance of the stratified figure most.

    :param candidates: (item, stratum), sampled already, with their probabilities kept elsewhere.
    :param known: what is known of each stratum; its weight is its share of all calls.
    :param repeats: share of the items shown again, each about at the end of the queue.

    Each place goes to the stratum in which one item more lowers ``W^2 s^2 / n`` most; within a stratum the order is
    drawn by the seed: wherever the queue is left off, each stratum's items were drawn alike. Raises ValueError for an item of a stratum that is not known.
    """
    waiting: dict[str, list[str]] = {stratum.name: [] for stratum in known}
    for item, name in candidates:
        if name not in waiting:
            raise ValueError(f"item {item!r} is of stratum {name!r}, of which nothing is known")
        waiting[name].append(item)
    for items in waiting.values():
        items.sort(key=lambda item: number_of(seed, item, "review"), reverse=True)
    by_name = {stratum.name: stratum for stratum in known}
    heap = [(-_gain(by_name[name], 0), name, 0) for name, items in waiting.items() if items]
    heapq.heapify(heap)
    order: list[ToReview] = []
    while heap:
        _, name, taken = heapq.heappop(heap)
        order.append(ToReview(item=waiting[name].pop(), stratum=name))
        if waiting[name]:
            heapq.heappush(heap, (-_gain(by_name[name], taken + 1), name, taken + 1))
    again = [each for each in order if number_of(seed, each.item, "repeat") < repeats]
    return [*order, *(ToReview(item=each.item, stratum=each.stratum, repeat=True) for each in again)]


def _gain(stratum: Stratum, taken: int) -> float:
    n = stratum.n + taken
    variance = (stratum.weight * stratum.spread) ** 2
    return variance * 1e6 if n == 0 else variance / n - variance / (n + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewers:
    """How far reviews can be trusted, from items that were decided twice.

    :param error: of one review of a right-or-wrong task, either way; for :func:`broker.quality.intervals.rogan_gladen`.
        None: there are no repeats, or they agree no more than chance.
    :param kappa: agreement beyond chance; None where it has no meaning.
    """

    pairs: int
    agreement: float | None
    error: float | None
    kappa: float | None


def reviewers(pairs: Sequence[tuple[str, str]]) -> Reviewers:
    """Of (first decision, second decision) of the items shown twice.

    Two reviews that each err with e differ in ``2 e (1 - e)``; so e is had from how often they differ.
    """
    if not pairs:
        return Reviewers(pairs=0, agreement=None, error=None, kappa=None)
    n = len(pairs)
    agreement = sum(one == other for one, other in pairs) / n
    differ = 1 - agreement
    first, second = _shares(one for one, _ in pairs), _shares(other for _, other in pairs)
    chance = sum(share * second.get(label, 0.0) for label, share in first.items())
    return Reviewers(
        pairs=n,
        agreement=agreement,
        error=(1 - math.sqrt(1 - 2 * differ)) / 2 if differ < 0.5 else None,
        kappa=(agreement - chance) / (1 - chance) if chance < 1 else None,
    )


def _shares(labels: Iterable[str]) -> Mapping[str, float]:
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    total = sum(counts.values())
    return {label: count / total for label, count in counts.items()}
