"""Answers that were kept as AWS sent them, read again: the readers of the live call, without the call.

Rekognition, Textract, Comprehend, Transcribe's transcript files, Bedrock's Retrieve, and Kendra.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from broker.contract import reading
from broker.errors import MalformedReply
from broker.types import Confidence, JsonValue, SpokenLanguage, TranscribeRequest, Transcript, redacted
from broker_aws import faces, kendra, knowledge, labels, meanings, moderation, transcribe_answer, written
from broker_aws.transcribe_languages import code_of

Body = dict[str, Any]
Reader = Callable[[Body, Any], Any]


def _of_text(read: Callable[[Body, str], Any]) -> Reader:
    return lambda body, asked: read(body, asked.text)


def _transcript(body: Body, request: TranscribeRequest) -> Transcript:
    """A job names the language that it was told, and a transcript file does not."""
    language = request.language
    told = () if language is None else (code_of(language),)
    languages = [SpokenLanguage(language=each, confidence=Confidence.unknown()) for each in told]
    return transcribe_answer.transcript_of(body, told=languages)


_READERS: dict[str, tuple[str, Reader]] = {
    "vision.label": ("Labels", lambda body, _: labels.labels_of(body)),
    "vision.detect_objects": ("Labels", lambda body, asked: labels.objects_of(body, asked.image)),
    "vision.detect_faces": ("FaceDetails", lambda body, asked: faces.faces_of(body, asked.image)),
    "vision.moderate": ("ModerationLabels", lambda body, _: moderation.moderation_of(body)),
    "vision.detect_text": ("TextDetections", lambda body, asked: written.scene_of(body, asked.image)),
    "text.sentiment": ("Sentiment", _of_text(meanings.sentiment_of)),
    "text.entities": ("Entities", _of_text(meanings.entities_of)),
    "text.key_phrases": ("KeyPhrases", _of_text(meanings.phrases_of)),
    "text.detect_language": ("Languages", _of_text(meanings.languages_of)),
    "text.detect_pii": ("Entities", _of_text(meanings.pii_of)),
    "text.redact": ("Entities", lambda body, asked: redacted(asked, meanings.pii_of(body, asked.text))),
    "text.moderate": ("Labels", _of_text(meanings.toxicity_of)),
    "transcription.transcribe": ("results", _transcript),
    "search.query": ("retrievalResults", knowledge.results_of),
}
"""The member that an answer has, and its reader."""
READS = frozenset(_READERS)
_SEVERAL = "ResultList"


def reread(operation: str, raw: JsonValue, request: Any) -> Any:
    """The result. Raises :class:`MalformedReply`."""
    member, read = _READERS[operation]
    if operation == "vision.detect_text" and isinstance(raw, dict) and "Blocks" in raw:  # Textract's
        member, read = "Blocks", lambda body, asked: written.document_of(body, asked.image)
    body = _sole(raw) if operation.startswith("text.") else raw
    if not isinstance(body, dict) or member not in body:
        raise MalformedReply(f"this is no kept answer of {operation}: it has no {member}")
    with reading("a kept answer"):
        return read(body, request)


def _sole(raw: JsonValue) -> Any:
    """Of an answer to a batch (and DetectToxicContent always is one) the one result. Raises :class:`MalformedReply`."""
    results: Any = raw.get(_SEVERAL) if isinstance(raw, dict) else None
    if not isinstance(results, list):
        return raw
    if len(results) != 1:
        raise MalformedReply(
            f"this answers {len(results)} texts at once; keep each of its {_SEVERAL} as a file of its own"
        )
    (only,) = results
    return only


KENDRA_READS = frozenset({"search.query", "search.suggest"})


def reread_kendra(operation: str, raw: JsonValue, request: Any) -> Any:
    """Of Query or Retrieve, whichever it is, and of GetQuerySuggestions. Raises :class:`MalformedReply`."""
    member = "Suggestions" if operation == "search.suggest" else "ResultItems"
    if not isinstance(raw, dict) or not ({member, _KENDRA_IDS[member]} & raw.keys()):
        raise MalformedReply(f"this is no kept answer of {operation} by Kendra: it has no {member}")
    with reading("a kept answer"):
        if operation == "search.suggest":
            return kendra.suggestions_of(raw)
        read = kendra.passages_of if _are_passages(raw.get(member)) else kendra.results_of
        return read(raw, request)


_KENDRA_IDS = {"Suggestions": "QuerySuggestionsId", "ResultItems": "QueryId"}
"""What stands beside a list that is left out because it is empty."""


def _are_passages(items: JsonValue) -> bool:
    """Retrieve's items have a content; Query's have a type."""
    return isinstance(items, list) and any(
        isinstance(each, dict) and "Content" in each and "Type" not in each for each in items
    )
