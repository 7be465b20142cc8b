"""text.key_phrases and text.detect_language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from broker.types.confidence import Confidence, sure_enough
from broker.types.request import TextRequest, check_count, check_ratio
from broker.types.span import Span

UNDETERMINED = "und"
"""BCP-47's tag for a language that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPhraseRequest(TextRequest):
    """What is this text about, in its own words?

    :param max_phrases: keep at most so many, the vendor's first ones; None keeps all.
    :param min_confidence: a ratio (0..1), for providers that give one; others refuse it.
    """

    max_phrases: int | None = None
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_count("max_phrases", self.max_phrases)
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPhrase(Span):
    """One phrase, as it stands in the text. Azure gives neither offsets nor confidence."""

    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPhraseSet:
    """All phrases, in the vendor's order.

    :param aggregated: joined from the answers for a long text's parts.
    """

    phrases: tuple[KeyPhrase, ...]
    language: str | None = None
    aggregated: bool = False

    def select(self, request: KeyPhraseRequest) -> KeyPhraseSet:
        """Apply ``min_confidence`` and ``max_phrases``."""
        kept = sure_enough(self.phrases, request.min_confidence)
        if request.max_phrases is not None and len(kept) > request.max_phrases:
            kept = kept[: request.max_phrases]
        return self if kept is self.phrases else replace(self, phrases=kept)

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, str, KeyPhraseSet]], request: Any) -> KeyPhraseSet:  # noqa: ARG003 - as the others
        """From the parts of a long text, offsets shifted back; phrases without offsets once each."""
        found: list[KeyPhrase] = []
        seen: set[str] = set()
        for begin, _, part in parts:
            for each in part.phrases:
                if each.begin is None:
                    if each.text in seen:
                        continue
                    seen.add(each.text)
                found.append(each.shifted(begin))
        languages = {part.language for _, _, part in parts}
        return cls(
            phrases=tuple(found),
            language=languages.pop() if len(languages) == 1 else None,
            aggregated=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRequest(TextRequest):
    """In which language is this text?

    :param country: ISO 3166-1 alpha-2 code of where it comes from, as a hint to those who take one (Azure); None: no hint.
    :param min_confidence: keep languages of at least this ratio (0..1).
    """

    country: str | None = None
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedLanguage:
    """One candidate.

    :param language: BCP-47 tag; ``und`` where the vendor could not tell.
    :param code: the vendor's own code.
    :param name: the vendor's name for it, where it gives one.
    :param script: ISO 15924 code, where the vendor gives it apart from the tag.
    """

    language: str
    code: str
    confidence: Confidence
    name: str | None = None
    script: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageSet:
    """Candidates, the vendor's best first.

    :param aggregated: joined from the answers for a long text's parts: those found in the longest stretch first; each
        confidence is the part's in which it was highest.
    """

    languages: tuple[DetectedLanguage, ...]
    aggregated: bool = False

    @property
    def best(self) -> DetectedLanguage | None:
        """The vendor's first, or None where it found none."""
        return self.languages[0] if self.languages else None

    def select(self, request: LanguageRequest) -> LanguageSet:
        """Apply ``min_confidence``."""
        kept = sure_enough(self.languages, request.min_confidence)
        return self if kept is self.languages else replace(self, languages=kept)

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, str, LanguageSet]], request: Any) -> LanguageSet:  # noqa: ARG003 - as the others
        """From the parts of a long text: by how much of it each is the first of."""
        best: dict[str, DetectedLanguage] = {}
        length: dict[str, int] = {}
        for _, text, part in parts:
            for place, each in enumerate(part.languages):
                before = best.get(each.language)
                if before is None or (each.confidence.value or 0.0) > (before.confidence.value or 0.0):
                    best[each.language] = each
                length[each.language] = length.get(each.language, 0) + (len(text) if place == 0 else 0)
        ranked = sorted(best, key=lambda tag: -length[tag])
        return cls(languages=tuple(best[tag] for tag in ranked), aggregated=True)
