"""vision.moderate and text.moderate: what a picture or a text might do to those who see it.

No provider decides here whether content is let through: each says what it sees on a scale of its own
(percent, likelihood words, severities), and the scale is kept. An empty set is the vendor's "nothing found".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from broker.types.confidence import Confidence, Scale, sure_enough
from broker.types.request import ImageRequest, TextRequest, check_ratio


class Harm(str, Enum):
    """The common vocabulary; the vendor's own name stands beside it."""

    SEXUAL = "sexual"
    """Explicit: nudity of intimate parts, sexual acts."""
    SUGGESTIVE = "suggestive"
    """Racy, swimwear, underwear, kissing."""
    VIOLENCE = "violence"
    """Also weapons, blood, threats of force."""
    SHOCKING = "shocking"
    """Disturbing without violence: bodies, crashes, gore."""
    HATE = "hate"
    """Against groups: hate speech, derogatory talk, hate symbols."""
    HARASSMENT = "harassment"
    """Against persons: insults, bullying, threats, abuse of a person."""
    SELF_HARM = "self_harm"
    PROFANITY = "profanity"
    """Rude words and gestures."""
    DRUGS = "drugs"
    """Also tobacco and alcohol."""
    GAMBLING = "gambling"
    WEAPONS = "weapons"
    ILLEGAL = "illegal"
    MEDICAL = "medical"
    """Surgery, disease, health as a topic."""
    SPOOF = "spoof"
    """A picture altered to be funny or to offend."""
    TOXIC = "toxic"
    """Rude, disrespectful or likely to make people leave, where the vendor says no more than that."""
    SENSITIVE = "sensitive"
    """A topic to be careful with rather than a harm: politics, religion, finance, law, death."""
    OTHER = "other"
    """The vendor's name is not in our map; see ``name``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageModerationRequest(ImageRequest):
    """What in this picture might do harm?

    :param min_confidence: a ratio (0..1), for providers that give one; others refuse it.
    """

    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextModerationRequest(TextRequest):
    """What in this text might do harm?

    :param min_confidence: a ratio (0..1), for providers that give one; others refuse it.
    """

    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationLabel:
    """One thing the provider says.

    :param harm: in the common vocabulary.
    :param name: the vendor's own name.
    :param parents: the vendor's broader names, nearest first.
    :param confidence: how sure, how likely, or how severe: see its scale. Google gives all its categories always, so
        VERY_UNLIKELY means that it is not there.
    :param severity: how bad, where the vendor says that beside how sure (Google moderateText).
    """

    harm: Harm
    name: str
    confidence: Confidence
    parents: tuple[str, ...] = ()
    severity: Confidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModerationSet:
    """All that the provider says of one picture or text, in the vendor's order.

    :param content_types: what kind of picture it is, where the vendor says so (animated, illustrated).
    :param aggregated: joined from the answers for a long text's parts: each name with its highest value.
    """

    labels: tuple[ModerationLabel, ...]
    content_types: tuple[tuple[str, Confidence], ...] = ()
    aggregated: bool = False

    def select(self, request: ImageModerationRequest | TextModerationRequest) -> ModerationSet:
        """Apply ``min_confidence``."""
        kept = sure_enough(self.labels, request.min_confidence)
        return self if kept is self.labels else replace(self, labels=kept)

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, str, ModerationSet]], request: Any) -> ModerationSet:  # noqa: ARG003 - as the others
        """From the parts of a long text: what is in a part is in the whole, so the highest value of each name."""
        found: dict[str, ModerationLabel] = {}
        for _, _, part in parts:
            for label in part.labels:
                before = found.get(label.name)
                if before is None:
                    found[label.name] = label
                    continue
                higher = label if _rank(label.confidence) > _rank(before.confidence) else before
                severities = [each.severity for each in (before, label) if each.severity is not None]
                found[label.name] = replace(higher, severity=max(severities, key=_rank, default=None))
        return cls(labels=tuple(found.values()), aggregated=True)


def _rank(confidence: Confidence) -> float:
    if confidence.scale in (Scale.SEVERITY, Scale.LIKELIHOOD):
        return -1.0 if confidence.ordinal is None else float(confidence.ordinal)
    return -1.0 if confidence.value is None else confidence.value
