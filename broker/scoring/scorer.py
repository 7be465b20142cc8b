"""What is done for each operation: one class a family, one line an operation in :mod:`broker.scoring.operations`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from broker.quality.metrics.metric import EVERY_ITEM, Drawn, ItemScore, Metric
from broker.scoring.settings import ScoringSettings
from broker.types.confidence import Judged
from broker.types.json import JsonValue

P = TypeVar("P")
T = TypeVar("T")

Scores: TypeAlias = tuple[tuple[Metric, ItemScore], ...]
"""Of one item by each metric, the official one first."""
Told: TypeAlias = tuple[tuple[str, float | None], ...]
"""An answer as labels and confidences, for behaviour tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which item of whom is scored, and how it came to be looked at."""

    item: str
    provider: str
    settings: ScoringSettings
    drawn: Drawn = EVERY_ITEM


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How far two answers agree; neither is taken for right.

    :param same: they are the same for the purpose; None: nobody can tell.
    :param share: 0..1; None: nobody can tell.
    """

    same: bool | None
    share: float | None


UNKNOWN = Agreement(same=None, share=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Who gave two answers."""

    providers: tuple[str, str]
    settings: ScoringSettings

    def from_share(self, share: float | None) -> Agreement:
        """The same from the settings' share on."""
        return Agreement(same=None if share is None else share >= self.settings.same_from, share=share)


class Scorer(ABC, Generic[P, T]):
    """How answers of one kind are judged.

    :cvar reason: why there is no metric; "" where there is one.
    """

    reason: str = ""

    @abstractmethod
    def truth(self, raw: JsonValue, settings: ScoringSettings) -> T:
        """Typed. Raises ValueError saying how it is written; what it holds is not repeated."""

    @abstractmethod
    def metrics(self, settings: ScoringSettings) -> tuple[Metric, ...]:
        """All that an item of these settings can have, the official one first."""

    @abstractmethod
    def scores(self, answer: P | None, truth: T, asked: Asked) -> Scores:
        """Of one item; None: the call failed."""

    def same(self, a: P, b: P, pair: Pair) -> Agreement:  # noqa: ARG002 - as the others
        """How far two answers agree."""
        return UNKNOWN

    def confidence(self, answer: P) -> float | None:  # noqa: ARG002 - as the others
        """Of the answer, on its provider's own scale; None: it does not say."""
        return None

    def named(self, answer: P, provider: str, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """The answer as one class; None: it is none."""
        return None

    def true_class(self, truth: T, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """The truth as one class of :meth:`named`, by which errors are told apart; None: it is none, or several."""
        return None

    def class_called(self, name: str, settings: ScoringSettings) -> str | None:  # noqa: ARG002 - as the others
        """The class that people mean by a name; None: there is none of that name."""
        return None

    def rates(self, settings: ScoringSettings) -> bool:  # noqa: ARG002 - as the others
        """Its confidence is about the one class that it answers, so that it can be right as often as it says."""
        return False

    @abstractmethod
    def told(self, answer: P) -> Told:
        """The answer as labels and confidences."""

    @abstractmethod
    def empty(self, answer: P) -> bool:
        """There is nothing in it."""


def top(found: Iterable[Judged]) -> float | None:
    """The highest confidence that is known."""
    best: float | None = None
    for each in found:
        value = each.confidence.value
        if value is not None and (best is None or value > best):
            best = value
    return best


def mean(values: Iterable[float | None]) -> float | None:
    """Of those that are known."""
    total, count = 0.0, 0
    for value in values:
        if value is not None:
            total += value
            count += 1
    return total / count if count else None


def jaccard(one: Collection[str], other: Collection[str]) -> float | None:
    """What two sets have in common, to what they have together; None where both are empty."""
    first, second = set(one), set(other)
    together = len(first | second)
    return len(first & second) / together if together else None


def likeness(hits: float, one: int, other: int) -> float:
    """F1 of two finds of each other; both empty: they agree."""
    return 2 * hits / (one + other) if one + other else 1.0
