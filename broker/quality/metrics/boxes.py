"""Things in pictures: true and found boxes are paired by how much they overlap.

Serves objects, faces and written text. Pairs are taken greedily by the share of their union that they have in common
(intersection over union), largest first, each box at most once, and only from ``bar`` on and within one kind. Of equal
overlaps the one further up and to the left comes first, so that the order in which a provider tells its boxes does not matter. A found
box that stands over a true one a second time is a false find.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from broker.quality.metrics.counts import Counts, f1_metric
from broker.quality.metrics.edits import distance
from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric, mean_of_parts
from broker.quality.metrics.normalise import PLAIN, Normaliser
from broker.types.geometry import Box

VERSION = 1
OBJECT_BAR = 0.5
"""As Pascal VOC counts objects."""
FACE_BAR = 0.3
"""Providers draw faces with and without hair and chin, so that boxes of the same face overlap less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxed:
    """A thing at a place.

    :param kind: of thing; one word for all where only the place counts (``face``).
    :param text: what is written there, for written text.
    """

    box: Box
    kind: str = "thing"
    text: str | None = None


def overlap(one: Box, other: Box) -> float:
    """Intersection over union, 0..1; 0 where both are empty."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (one.width * one.height + other.width * other.height - common)


def paired(truth: Sequence[Boxed], found: Sequence[Boxed], bar: float) -> list[tuple[int, int]]:
    """Indices of true and found boxes that belong together, largest overlap first."""
    if not 0.0 < bar <= 1.0:
        raise ValueError(f"the bar for an overlap lies in (0, 1]; got {bar}")
    close = [
        (-share, _place(there), _place(told), i, j)
        for i, there in enumerate(truth)
        for j, told in enumerate(found)
        if there.kind == told.kind and (share := overlap(there.box, told.box)) >= bar
    ]
    used_truth: set[int] = set()
    used_found: set[int] = set()
    pairs = []
    for _, _, _, i, j in sorted(close):
        if i not in used_truth and j not in used_found:
            used_truth.add(i)
            used_found.add(j)
            pairs.append((i, j))
    return pairs


def _place(each: Boxed) -> tuple[float, float, float, float, str]:
    return each.box.top, each.box.left, each.box.height, each.box.width, each.text or ""


def box_metric(bar: float = OBJECT_BAR) -> Metric:
    """Micro-F1 of boxes at this bar."""
    return f1_metric(f"box-f1:iou>={bar}", VERSION)


def box_counts(truth: Sequence[Boxed], found: Sequence[Boxed], bar: float = OBJECT_BAR) -> Counts:
    """Hits, false finds and misses of one picture."""
    hits = len(paired(truth, found, bar))
    return Counts(hits=hits, false=len(found) - hits, missed=len(truth) - hits)


def box_score(
    item: str,
    truth: Sequence[Boxed],
    found: Sequence[Boxed] | None,
    bar: float = OBJECT_BAR,
    drawn: Drawn = EVERY_ITEM,
) -> ItemScore:
    """One picture for :func:`box_metric`; None: the call failed, and everything is missed."""
    counts = box_counts(truth, found or (), bar)
    return ItemScore(item=item, parts=counts.parts, failed=found is None, drawn=drawn)


def read_metric(bar: float = OBJECT_BAR, normaliser: Normaliser = PLAIN) -> Metric:
    """Character error rate of written text by place.

    Texts of boxes that belong together are compared character by character; the text of a true box that was not found
    is all missed, that of a found box where there is none all invented. A ratio of sums; may be above 1.
    """
    return Metric(
        id=f"read-cer:iou>={bar}:{normaliser.name}",
        version=VERSION,
        parts=("errors", "characters"),
        of=mean_of_parts,
        higher_is_better=False,
        best=0.0,
        worst=None,
    )


def read_score(
    item: str,
    truth: Sequence[Boxed],
    found: Sequence[Boxed] | None,
    bar: float = OBJECT_BAR,
    normaliser: Normaliser = PLAIN,
    drawn: Drawn = EVERY_ITEM,
) -> ItemScore:
    """One page for :func:`read_metric`; None: the call failed."""
    told = found or ()
    pairs = paired(truth, told, bar)
    there_texts = [normaliser.characters(each.text or "") for each in truth]
    told_texts = [normaliser.characters(each.text or "") for each in told]
    errors = sum(distance(there_texts[i], told_texts[j]) for i, j in pairs)
    seen, used = {i for i, _ in pairs}, {j for _, j in pairs}
    errors += sum(len(text) for i, text in enumerate(there_texts) if i not in seen)
    errors += sum(len(text) for j, text in enumerate(told_texts) if j not in used)
    total = sum(len(text) for text in there_texts)
    return ItemScore(item=item, parts=(float(errors), float(total)), failed=found is None, drawn=drawn)
