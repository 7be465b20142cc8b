"""What a score depends on beside the answer and the truth. Whatever changes a figure is in its metric's id."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from broker.quality.metrics.boxes import FACE_BAR, OBJECT_BAR
from broker.quality.metrics.concepts import ConceptMap
from broker.quality.metrics.counts import class_score, macro_f1_metric
from broker.quality.metrics.metric import Drawn, value
from broker.quality.metrics.moderation import ErrorCosts
from broker.quality.metrics.normalise import NORMALISERS, PLAIN, SPOKEN_EN, Normaliser
from broker.types.confidence import Confidence, Scale
from broker.types.entity import EntityKind
from broker.types.moderation import Harm, ModerationSet
from broker.types.pii import PiiKind
from broker.types.sentiment import Polarity

UNSPACED = frozenset({"zh", "ja", "ko", "th", "yue", "lo", "km", "my"})
"""Languages written without spaces between words, or with spaces that are left to taste (Korean)."""
EVEN = "even/1"


def named(name: str, what: str) -> None:
    """Refuse a name without a version."""
    if not isinstance(name, str) or not name.partition("/")[0] or not name.partition("/")[2]:
        raise ValueError(f'{what} has a name and a version, as in "shop/1"; figures of two versions differ')


@dataclass(frozen=True, slots=True, kw_only=True)
class ConceptBars:
    """From which confidence on a provider's label counts, concept by concept.

    :param name: with a version, part of the metric's id.
    :param of: by provider (``aws``) and concept: 0..1 on the provider's own scale.
    """

    name: str
    of: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        named(self.name, "a set of thresholds")

    def for_provider(self, provider: str) -> Mapping[str, float]:
        """``aws:prod`` has those of ``aws``, unless it has its own."""
        return self.of.get(provider) or self.of.get(provider.partition(":")[0], {})


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentCuts:
    """Which polarities (-1..1) are negative and which positive, for providers that give one (Google).

    :param name: with a version; cuts are fitted on the user's own gold.
    :param negative: polarities up to this are negative; from ``positive`` on they are positive; between them neutral.
    """

    name: str
    negative: float
    positive: float

    def __post_init__(self) -> None:
        named(self.name, "a pair of cuts")
        if not -1.0 <= self.negative <= self.positive <= 1.0:
            raise ValueError("cuts lie in -1..1, negative before positive")

    def polarity(self, score: float) -> Polarity:
        """Of this polarity."""
        if score <= self.negative:
            return Polarity.NEGATIVE
        return Polarity.POSITIVE if score >= self.positive else Polarity.NEUTRAL


def fit_cuts(
    name: str,
    rated: Sequence[tuple[float, str]],
    classes: Sequence[str] = ("negative", "neutral", "positive"),
) -> SentimentCuts:
    """The cuts, in steps of 0.05, with the highest macro-F1 on gold: pairs of polarity and true class.

    They are a little too good to be true of other items. Of several the ones nearest to 0, where neutral is narrowest.
    Raises ValueError without pairs.
    """
    if not rated:
        raise ValueError("cuts are fitted on gold; there is none")
    metric = macro_f1_metric(classes)
    of_class = {truth: sorted(score for score, true in rated if true == truth) for truth in classes}
    if sum(map(len, of_class.values())) != len(rated):
        raise ValueError(f"the true class of each is one of {', '.join(classes)}")
    steps = [step / 20 for step in range(-20, 21)]
    best = SentimentCuts(name=name, negative=0.0, positive=0.0)
    highest = (-1.0, 0.0)
    for low in steps:
        for high in (step for step in steps if step >= low):
            scores = []
            for truth, found in of_class.items():
                negative, positive = bisect_right(found, low), len(found) - bisect_left(found, high)
                positive = min(positive, len(found) - negative)  # at equal cuts an answer is negative first
                told = {"negative": negative, "positive": positive}
                told["neutral"] = len(found) - negative - positive
                scores += [
                    replace(class_score("", truth, answer, classes), drawn=_all_of(count))
                    for answer, count in told.items()
                    if count
                ]
            rank = (value(metric, scores) or 0.0, -(abs(low) + abs(high)))
            if rank > highest:
                highest, best = rank, SentimentCuts(name=name, negative=low, positive=high)
    return best


def _all_of(count: int) -> Drawn:
    """One score stands for so many alike."""
    return Drawn(probability=1.0 / count)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationPolicy:
    """From when on a provider's word stops content, and what errors cost.

    :param name: with a version; part of the metric's id. Whoever changes anything gives it another.
    :param costs: in any one unit.
    :param ratio: a label of at least this ratio counts; ``likelihood``: at least this one of 1 (VERY_UNLIKELY) to 5;
        ``severity``: at least this one of 0 to 7. A label of which nothing is known counts.
    :param harms: kinds of harm that are looked at; None: all.
    """

    name: str = EVEN
    costs: ErrorCosts = field(default_factory=lambda: ErrorCosts(let_through={}, stopped=1.0))
    ratio: float = 0.5
    likelihood: int = 4
    severity: int = 4
    harms: frozenset[str] | None = None

    def __post_init__(self) -> None:
        named(self.name, "a moderation policy")
        if self.harms is not None:
            object.__setattr__(self, "harms", known(self.harms, Harm, "harms"))
        if self.name == EVEN and _terms(self) != _EVEN_TERMS:
            raise ValueError(f"this is not the policy {EVEN!r}; give it a name of its own, as 'shop/1'")

    def flagged(self, answer: ModerationSet) -> frozenset[str]:
        """The harms that a provider names surely enough."""
        return frozenset(
            label.harm.value
            for label in answer.labels
            if (self.harms is None or label.harm.value in self.harms)
            and self._counts(label.confidence)
            and (label.severity is None or self._counts(label.severity))
        )

    def _counts(self, said: Confidence) -> bool:
        if said.value is not None:
            return said.value >= self.ratio
        place = said.ordinal
        if place is None:  # LIKELIHOOD's UNKNOWN is no word for harm; no word at all is
            return said.scale is not Scale.LIKELIHOOD or said.raw is None
        return place >= (self.severity if said.scale is Scale.SEVERITY else self.likelihood)


def _terms(policy: ModerationPolicy) -> tuple[object, ...]:
    costs = policy.costs
    prices = (dict(costs.let_through), costs.stopped, costs.default, costs.failed)
    return (*prices, policy.ratio, policy.likelihood, policy.severity, policy.harms)


_EVEN_TERMS: tuple[object, ...] = ({}, 1.0, 1.0, None, 0.5, 4, 4, None)


def known(
    given: frozenset[str], kinds: type[Harm] | type[PiiKind] | type[EntityKind], what: str
) -> frozenset[str]:
    """Values of an enum. Raises ValueError that lists them."""
    values = {each.value for each in kinds}
    found = frozenset(given)
    if not found or found - values:
        raise ValueError(f"{what} are of {', '.join(sorted(values))}")
    return found


@cache
def everyday() -> ConceptMap:
    """The package's own concept map, read once."""
    return ConceptMap.everyday()


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoringSettings:
    """Raises ValueError for what cannot be meant.

    :param concept_map: of labels and objects; None: the package's everyday one.
    :param concept_bars: thresholds of labels; None: every label counts.
    :param object_kinds: kinds of things that the truth has looked for; None: whatever is found counts.
    :param normaliser: of the official word error rate: ``plain/1`` or ``spoken-en/1``; None: by the language.
    :param language: BCP-47 tag of what is spoken, where a truth does not say; None: not known.
    :param object_iou: overlap from which boxes are of one thing; ``face_iou``: of one face; ``text_iou``: of one line.
    :param k: how far down search results are looked at.
    :param sentiment_classes: of macro-F1, each once.
    :param mixed_as: the class that an answer ``mixed`` counts as; None: as it is, which is wrong where it is no class.
    :param entity_kinds: kinds of mentions that the truth has looked for, others are left out; None: all. ``pii_kinds``: the same.
    :param names: what the data set calls things, and what they are called here (``{"1": "positive"}``).
    :param same_from: the share of agreement (0..1) from which two answers that are no classes are the same.
    :param right_from: the official score (0..1) from which an answer that is no class counts as right.
    """

    concept_map: ConceptMap | None = None
    concept_bars: ConceptBars | None = None
    object_kinds: frozenset[str] | None = None
    normaliser: str | None = None
    language: str | None = None
    object_iou: float = OBJECT_BAR
    face_iou: float = FACE_BAR
    text_iou: float = OBJECT_BAR
    k: int = 10
    sentiment_classes: tuple[str, ...] = ("negative", "neutral", "positive")
    mixed_as: str | None = None
    sentiment_cuts: SentimentCuts | None = None
    moderation: ModerationPolicy = field(default_factory=ModerationPolicy)
    entity_kinds: frozenset[str] | None = None
    pii_kinds: frozenset[str] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    same_from: float = 0.5
    right_from: float = 0.8

    def __post_init__(self) -> None:
        if self.normaliser is not None and self.normaliser not in NORMALISERS:
            raise ValueError(f"normaliser is one of {', '.join(NORMALISERS)}")
        for name in ("object_iou", "face_iou", "text_iou", "same_from", "right_from"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} lies in (0, 1]")
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise ValueError("k is a whole number of 1 or more")
        classes = tuple(self.sentiment_classes)
        labels = {each.value for each in Polarity} - {Polarity.OTHER.value}
        if len(classes) < 2 or len(set(classes)) != len(classes) or set(classes) - labels:
            raise ValueError(f"sentiment_classes are two or more of {', '.join(sorted(labels))}, each once")
        object.__setattr__(self, "sentiment_classes", classes)
        if self.mixed_as is not None and self.mixed_as not in classes:
            raise ValueError(f"mixed_as is one of the classes {', '.join(classes)}")
        if self.entity_kinds is not None:
            object.__setattr__(self, "entity_kinds", known(self.entity_kinds, EntityKind, "entity_kinds"))
        if self.pii_kinds is not None:
            object.__setattr__(self, "pii_kinds", known(self.pii_kinds, PiiKind, "pii_kinds"))

    @property
    def concepts(self) -> ConceptMap:
        """The concept map in use."""
        return everyday() if self.concept_map is None else self.concept_map

    def called(self, name: str) -> str:
        """A data set's name as it is called here."""
        return self.names.get(name, name)

    @property
    def normalisers(self) -> tuple[Normaliser, ...]:
        """The official one first; both, unless the language is known and not English."""
        spoken = _first(self.language)
        chosen = NORMALISERS[self.normaliser] if self.normaliser else SPOKEN_EN if spoken == "en" else PLAIN
        both = (PLAIN, SPOKEN_EN) if spoken in ("", "en") else (PLAIN,)
        return (chosen, *(each for each in both if each is not chosen))

    def fits(self, normaliser: Normaliser, language: str | None) -> bool:
        """It is not out of place in a recording of this language."""
        return normaliser is not SPOKEN_EN or _first(language or self.language) in ("", "en")

    def unspaced(self, language: str | None) -> bool:
        """Characters are counted, not words."""
        return _first(language or self.language) in UNSPACED


def _first(language: str | None) -> str:
    """The language of a tag, without region and script."""
    return (language or "").partition("-")[0].lower()


DEFAULTS = ScoringSettings()
