"""Short forms of recorded answers, as tables of others have them, made into what our operations answer with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from broker.errors import BrokerError
from broker.scoring import read_answer, stored_answer
from broker.types.confidence import Confidence
from broker.types.label import Label, LabelSet
from broker.types.phrase import DetectedLanguage, LanguageSet
from broker.types.sentiment import DocumentSentiment, Polarity, Sentiment
from broker.types.transcript import Transcript


def kept_form(operation: str, answer: Any, confidence: float | None = None) -> str:
    """A recorded answer as a run keeps it. Raises ValueError saying which forms there are.

    :param answer: of JSON, or the text of a table's cell.
    :param confidence: of a one-word answer, 0..1.
    """
    value = _parsed(answer)
    if isinstance(value, Mapping) and "operation" in value and "answer" in value:
        text = answer if isinstance(answer, str) else json.dumps(value)
        try:
            return stored_answer(operation, read_answer(operation, text))
        except BrokerError as error:
            raise ValueError(str(error)) from None
    maker = _MAKERS.get(operation)
    if maker is None:
        raise ValueError(
            f"a recorded answer of {operation} is the JSON that a run keeps (an object with format, operation, answer)"
        )
    try:
        made = maker(
            value if not isinstance(answer, str) or not isinstance(value, int | float) else answer, confidence
        )
    except (KeyError, TypeError, AttributeError):
        made = None
    if made is None:
        raise ValueError(f"this is no answer of {operation}; it is {_FORMS[operation]}")
    return stored_answer(operation, made)


def _parsed(answer: Any) -> Any:
    if isinstance(answer, str) and answer[:1] in '[{"':
        try:
            return json.loads(answer)
        except ValueError:
            return answer
    return answer


def _labels(value: Any, confidence: float | None) -> LabelSet | None:
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(";")]
        value = [part for part in parts if part]
    if not isinstance(value, list):
        return None
    return LabelSet(labels=tuple(_label(each, confidence) for each in value))


def _label(value: Any, confidence: float | None) -> Label:
    if isinstance(value, str):
        return Label(name=value, confidence=_sure(confidence))
    return Label(
        name=str(value["name"]),
        confidence=_sure(value.get("confidence")),
        parents=tuple(str(each) for each in value.get("parents", ())),
        aliases=tuple(str(each) for each in value.get("aliases", ())),
    )


def _sure(value: float | None) -> Confidence:
    return Confidence.ratio(value)


def _sentiment(value: Any, confidence: float | None) -> DocumentSentiment | None:
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    known = {each.value for each in Polarity}
    label = Polarity(word) if word in known else Polarity.OTHER
    return DocumentSentiment(document=Sentiment(label=label, confidence=_sure(confidence), name=value))


def _transcript(value: Any, confidence: float | None) -> Transcript | None:  # noqa: ARG001 - as the others
    return Transcript(text=value, segments=()) if isinstance(value, str) else None


def _language(value: Any, confidence: float | None) -> LanguageSet | None:
    if not isinstance(value, str):
        return None
    found = DetectedLanguage(language=value, code=value, confidence=_sure(confidence))
    return LanguageSet(languages=(found,) if value else ())


_MAKERS: dict[str, Callable[[Any, float | None], Any]] = {
    "vision.label": _labels,
    "text.sentiment": _sentiment,
    "transcription.transcribe": _transcript,
    "text.detect_language": _language,
}
_FORMS = {
    "vision.label": 'a list of names, or of {"name": …, "confidence": 0..1}; in CSV also names with ; between',
    "text.sentiment": "positive, negative, neutral or mixed",
    "transcription.transcribe": "the text",
    "text.detect_language": "a language's tag",
}
