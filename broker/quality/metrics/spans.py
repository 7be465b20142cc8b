"""Mentions in texts: strict and partial span F1, as nervaluate defines them.

Offsets count code points. Within a text each found mention serves one true mention at most, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from broker.quality.metrics.counts import Counts, f1_metric
from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric

VERSION = 1

STRICT: Metric = f1_metric("span-f1:strict", VERSION)
"""A hit has the same begin, the same end and the same kind."""
PARTIAL: Metric = f1_metric("span-f1:partial", VERSION)
"""Kinds aside: the same begin and end is a hit, an overlap is half of one (and half a false find and half a miss)."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mention:
    """``text[begin:end]`` is of this kind."""

    begin: int
    end: int
    kind: str

    def __post_init__(self) -> None:
        if not 0 <= self.begin < self.end:
            raise ValueError(
                f"a mention begins at 0 or later and ends behind that, not {self.begin}..{self.end}"
            )


def strict_counts(truth: Iterable[Mention], found: Iterable[Mention]) -> Counts:
    """Hits, false finds and misses where begin, end and kind must agree. A mention told twice counts once."""
    there, told = set(truth), set(found)
    hits = len(there & told)
    return Counts(hits=hits, false=len(told) - hits, missed=len(there) - hits)


def strict_counts_by_kind(truth: Iterable[Mention], found: Iterable[Mention]) -> dict[str, Counts]:
    """The same for each kind that is there or found."""
    there, told = set(truth), set(found)
    return {
        kind: strict_counts(
            (each for each in there if each.kind == kind), (each for each in told if each.kind == kind)
        )
        for kind in sorted({each.kind for each in there | told})
    }


def partial_counts(truth: Iterable[Mention], found: Iterable[Mention]) -> Counts:
    """Hits, false finds and misses by place alone: an exact place is 1, an overlap 0.5.

    Exact places are paired first, then overlaps in order of the text, so that the figure does not depend on the order
    in which a provider tells its mentions.
    """
    there = sorted(set(truth))
    told = sorted(set(found))
    places = [(each.begin, each.end) for each in told]
    exact = partial = 0
    left: list[tuple[int, int]] = []
    for each in there:
        place = (each.begin, each.end)
        if place in places:
            places.remove(place)
            exact += 1
        else:
            left.append(place)
    for begin, end in left:
        overlapping = next((place for place in places if place[0] < end and begin < place[1]), None)
        if overlapping is not None:
            places.remove(overlapping)
            partial += 1
    hits = exact + 0.5 * partial
    return Counts(hits=hits, false=len(told) - hits, missed=len(there) - hits)


def strict_score(
    item: str, truth: Sequence[Mention], found: Sequence[Mention] | None, drawn: Drawn = EVERY_ITEM
) -> ItemScore:
    """One text for :data:`STRICT`; None: the call failed, and every mention is missed."""
    counts = strict_counts(truth, found or ())
    return ItemScore(item=item, parts=counts.parts, failed=found is None, drawn=drawn)


def partial_score(
    item: str, truth: Sequence[Mention], found: Sequence[Mention] | None, drawn: Drawn = EVERY_ITEM
) -> ItemScore:
    """One text for :data:`PARTIAL`."""
    counts = partial_counts(truth, found or ())
    return ItemScore(item=item, parts=counts.parts, failed=found is None, drawn=drawn)
