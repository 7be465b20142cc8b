"""text.sentiment: how a text speaks of its matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from broker.types.confidence import Confidence
from broker.types.request import TextRequest
from broker.types.span import Span


class Polarity(str, Enum):
    """The label. ``mixed`` is not ``neutral``."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    NEUTRAL = "neutral"
    MIXED = "mixed"
    OTHER = "other"
    """The vendor's label is none of these; see ``name``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentimentRequest(TextRequest):
    """Is this text positive, negative, neutral or mixed?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probabilities:
    """The vendor's probability of each label, 0..1; None where it has no such label (Azure has none for mixed)."""

    positive: float | None
    negative: float | None
    neutral: float | None
    mixed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentiment:
    """A judgement.

    :param label: the vendor's, unless ``derived``.
    :param name: the vendor's own word; None where it gives none.
    :param confidence: of the label, where the vendor gives a probability; polarity is no confidence.
    :param probabilities: of all labels, where the vendor gives them.
    :param score: polarity from -1 to 1, where the vendor gives it (Google).
    :param magnitude: how much feeling there is either way, from 0 without an upper end (Google).
    :param derived: the label was derived by us from ``score`` and ``magnitude``, or from the parts of a long text.
    :param rule: the name and version of the derivation, if so; docs/operations.md says what it does.
    """

    label: Polarity
    confidence: Confidence
    name: str | None = None
    probabilities: Probabilities | None = None
    score: float | None = None
    magnitude: float | None = None
    derived: bool = False
    rule: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceSentiment(Span):
    """One sentence's."""

    sentiment: Sentiment


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentSentiment:
    """The whole text's, and its sentences'.

    :param sentences: None where the vendor judges no sentences.
    :param language: BCP-47 tag of what the vendor took the text for, where it says so.
    :param aggregated: the text was cut, and ``document`` was reckoned by us from its parts, weighted by length.
    """

    document: Sentiment
    sentences: tuple[SentenceSentiment, ...] | None = None
    language: str | None = None
    aggregated: bool = False

    @property
    def label(self) -> Polarity:
        """Of the whole text."""
        return self.document.label

    def select(self, request: SentimentRequest) -> DocumentSentiment:  # noqa: ARG002 - nothing is filtered
        """As it is."""
        return self

    @classmethod
    def joined(
        cls,
        parts: Sequence[tuple[int, str, DocumentSentiment]],
        request: Any,  # noqa: ARG003 - as the others
    ) -> DocumentSentiment:
        """From the parts of a long text: means by length, and the label by :func:`aggregate`."""
        sentences: list[SentenceSentiment] | None = []
        for begin, _, part in parts:
            if part.sentences is None:
                sentences = None
                break
            if sentences is not None:
                sentences.extend(each.shifted(begin) for each in part.sentences)
        return cls(
            document=aggregate([(len(text), part.document) for _, text, part in parts]),
            sentences=None if sentences is None else tuple(sentences),
            language=_one({part.language for _, _, part in parts}),
            aggregated=True,
        )


AGGREGATION = "by-length-1"
_BALANCE = 1 / 3
"""The lesser of two opposed sides, as a part of both, from which on a whole is mixed."""


def aggregate(parts: Sequence[tuple[int, Sentiment]]) -> Sentiment:
    """One judgement from those of a text's parts, with their lengths; rule ``by-length-1``.

    Probabilities, scores and magnitudes: means weighted by length (magnitudes: sums, as Google's grow with the text). The
    label: ``mixed`` where positive and negative parts (a mixed one counts half for each) both have at least a third of
    what is not neutral; else the larger of the two, unless neutral parts are longer than both together.
    """
    whole = sum(length for length, _ in parts)
    weight = dict.fromkeys(Polarity, 0.0)
    for length, each in parts:
        if each.label is Polarity.MIXED:
            weight[Polarity.POSITIVE] += length / 2
            weight[Polarity.NEGATIVE] += length / 2
        else:
            weight[each.label] += length
    positive, negative = weight[Polarity.POSITIVE], weight[Polarity.NEGATIVE]
    if weight[Polarity.OTHER]:
        label = Polarity.OTHER
    elif weight[Polarity.NEUTRAL] > positive + negative:
        label = Polarity.NEUTRAL
    elif min(positive, negative) >= _BALANCE * (positive + negative):
        label = Polarity.MIXED
    else:
        label = Polarity.POSITIVE if positive > negative else Polarity.NEGATIVE

    def mean(values: Sequence[float | None]) -> float | None:
        if any(value is None for value in values):
            return None
        return sum((value or 0.0) * length for value, (length, _) in zip(values, parts, strict=True)) / whole

    probabilities = [each.probabilities for _, each in parts]
    together = None
    if all(probabilities):
        together = Probabilities(
            **{
                name: mean([getattr(each, name) for each in probabilities])
                for name in ("positive", "negative", "neutral", "mixed")
            }
        )
    magnitudes = [each.magnitude for _, each in parts]
    return replace(
        parts[0][1],
        label=label,
        name=None,
        confidence=Confidence.unknown(parts[0][1].confidence.scale),
        probabilities=together,
        score=mean([each.score for _, each in parts]),
        magnitude=None if None in magnitudes else sum(each or 0.0 for each in magnitudes),
        derived=True,
        rule=AGGREGATION,
    )


def _one(values: set[str | None]) -> str | None:
    """The value they all share."""
    return values.pop() if len(values) == 1 else None
