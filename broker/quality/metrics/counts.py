"""Precision, recall and F1 out of counted hits, false finds and misses; macro-F1 over classes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric

HITS = ("hits", "false", "missed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much of the truth was found, and how much was found that is not in it.

    :param hits: true positives; halves occur where a partial match counts half.
    :param false: false positives.
    :param missed: false negatives.
    """

    hits: float = 0.0
    false: float = 0.0
    missed: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            hits=self.hits + other.hits, false=self.false + other.false, missed=self.missed + other.missed
        )

    @property
    def parts(self) -> tuple[float, float, float]:
        """In the order of :data:`HITS`."""
        return self.hits, self.false, self.missed

    @property
    def precision(self) -> float | None:
        """Hits to all that was found; None where nothing was found."""
        return precision_of(self.parts)

    @property
    def recall(self) -> float | None:
        """Hits to all that was there; None where nothing was there."""
        return recall_of(self.parts)

    @property
    def f1(self) -> float | None:
        """``2 hits / (2 hits + false + missed)``: the harmonic mean of both; None where all three are 0."""
        return f1_of(self.parts)


def precision_of(parts: Sequence[float]) -> float | None:
    """Hits to all that was found."""
    return parts[0] / (parts[0] + parts[1]) if parts[0] + parts[1] else None


def recall_of(parts: Sequence[float]) -> float | None:
    """Hits to all that was there."""
    return parts[0] / (parts[0] + parts[2]) if parts[0] + parts[2] else None


def f1_of(parts: Sequence[float]) -> float | None:
    """The harmonic mean of precision and recall; nothing there and nothing found has none."""
    whole = 2 * parts[0] + parts[1] + parts[2]
    return 2 * parts[0] / whole if whole else None


def f1_metric(id: str, version: int) -> Metric:
    """Micro-F1: hits, false finds and misses of all items are summed first."""
    return Metric(id=id, version=version, parts=HITS, of=f1_of)


MACRO_VERSION = 1


def macro_f1_metric(classes: Sequence[str], *, id: str = "macro-f1") -> Metric:
    """The plain mean of the F1 of ``classes``; a class that is neither there nor found does not count.

    Every class weighs the same, however rare it is. scikit-learn's ``f1_score(average="macro", labels=...)`` with
    ``zero_division=nan`` is the same figure.
    """
    names = tuple(classes)
    if not names or len(set(names)) != len(names):
        raise ValueError("macro-F1 needs its classes, each once")
    return Metric(
        id=f"{id}:{','.join(names)}",
        version=MACRO_VERSION,
        parts=tuple(f"{name}.{part}" for name in names for part in HITS),
        of=_macro(len(names)),
    )


def _macro(count: int) -> Callable[[Sequence[float]], float | None]:
    def of(parts: Sequence[float]) -> float | None:
        each = [f1_of(parts[3 * index : 3 * index + 3]) for index in range(count)]
        known = [value for value in each if value is not None]
        return sum(known) / len(known) if known else None

    return of


def class_score(
    item: str, truth: str, answer: str | None, classes: Sequence[str], drawn: Drawn = EVERY_ITEM
) -> ItemScore:
    """One classified item for :func:`macro_f1_metric`.

    An answer that is none of ``classes`` misses the truth and is a false find of no class; None: the call failed, and
    the truth is missed. Raises ValueError for a truth that is none of ``classes``.
    """
    if truth not in classes:
        raise ValueError(f"item {item!r}: its truth {truth!r} is none of the classes {', '.join(classes)}")
    parts = [0.0] * (3 * len(classes))
    for index, name in enumerate(classes):
        hit = name == truth == answer
        parts[3 * index] = float(hit)
        parts[3 * index + 1] = float(name == answer != truth)
        parts[3 * index + 2] = float(name == truth != answer)
    return ItemScore(item=item, parts=tuple(parts), failed=answer is None, drawn=drawn)


def total_counts(each: Iterable[Counts]) -> Counts:
    """Their sum."""
    return sum(each, Counts())
