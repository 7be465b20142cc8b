"""Which scorer serves which operation: one line each."""

from __future__ import annotations

from typing import Any

from broker.errors import BadInput
from broker.scoring.others import Analysis, Ranking, Unscored
from broker.scoring.pictures import Faces, Labels, Moderation, Objects
from broker.scoring.reading import Speech, Written
from broker.scoring.scorer import Scorer
from broker.scoring.texts import ENTITY_NAMES, PII_NAMES, Languages, Mentions, Phrases, Sentiments
from broker.types.entity import EntityKind, EntitySet
from broker.types.pii import PiiKind, PiiSet, RedactedText

_WRITES = "it changes an index and answers nothing that could be good or bad; its failures are counted"

_PARTS: dict[str, Scorer[Any, Any]] = {
    "label": Labels(),
    "detect_objects": Objects(),
    "detect_text": Written(),
    "detect_faces": Faces(),
    "moderate": Moderation(),
    "caption": Unscored(
        "a picture can rightly be described in many ways; measures of captions need several references a picture and "
        "the word counts of a whole corpus. Read captions side by side instead"
    ),
}

SCORERS: dict[str, Scorer[Any, Any]] = {
    **{f"vision.{name}": scorer for name, scorer in _PARTS.items()},
    "vision.analyze": Analysis(_PARTS),
    "text.sentiment": Sentiments(),
    "text.entities": Mentions[EntitySet](EntityKind, "entity_kinds", ENTITY_NAMES),
    "text.key_phrases": Phrases(),
    "text.detect_language": Languages(),
    "text.detect_pii": Mentions[PiiSet](PiiKind, "pii_kinds", PII_NAMES),
    "text.redact": Mentions[RedactedText](PiiKind, "pii_kinds", PII_NAMES),
    "text.moderate": Moderation(),
    "transcription.transcribe": Speech(),
    "transcription.stream": Speech(),
    "search.query": Ranking(),
    "search.suggest": Unscored(
        "which words a person would have gone on with is not known from the words so far"
    ),
    "search.upsert": Unscored(_WRITES),
    "search.delete": Unscored(_WRITES),
    "search.status": Unscored(_WRITES),
}


def scorer_of(operation: str) -> Scorer[Any, Any]:
    """Raises :class:`~broker.errors.BadInput` for an operation that there is not."""
    try:
        return SCORERS[operation]
    except KeyError:
        raise BadInput(f"there is no operation {operation!r:.60}; there are {', '.join(SCORERS)}") from None
