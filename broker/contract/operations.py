"""The operations there are: name, adapter method, request, result. A new one is a row here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from broker.contract.context import Batch
from broker.types.analysis import AnalyzeRequest, ImageAnalysis
from broker.types.batch import BatchRequest
from broker.types.caption import CaptionRequest, CaptionSet
from broker.types.entity import EntityRequest, EntitySet
from broker.types.face import FaceRequest, FaceSet
from broker.types.label import LabelRequest, LabelSet, ObjectRequest, ObjectSet
from broker.types.moderation import ImageModerationRequest, ModerationSet, TextModerationRequest
from broker.types.phrase import KeyPhraseRequest, KeyPhraseSet, LanguageRequest, LanguageSet
from broker.types.pii import PiiRequest, PiiSet, RedactedText, RedactRequest
from broker.types.request import Request
from broker.types.search import QueryRequest, SearchResults, SuggestionSet, SuggestRequest
from broker.types.sentiment import DocumentSentiment, SentimentRequest
from broker.types.speech import TranscribeRequest
from broker.types.stream import StreamRequest
from broker.types.transcript import Transcript
from broker.types.write import DeleteRequest, StatusRequest, UpsertRequest, WriteReport
from broker.types.written import DetectedText, DetectTextRequest

R = TypeVar("R", bound=Request)
P = TypeVar("P")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[R, P]):
    """One thing that can be called.

    :param method: the adapter method that answers it.
    :param payload: the type its reply must carry; anything else is a ``MalformedReply``. It has
        ``select(request)``, the filter that is the same for every provider; of an operation on a text also
        ``joined(parts, request)``, which makes one of the answers for a long text's parts.
    :param stays: it changes what a provider keeps, so once a provider was asked no other takes over.
    """

    name: str
    method: str
    request: type[R]
    payload: type[P]
    stays: bool = False

    def batched(self) -> Operation[BatchRequest, Batch[P]]:
        """The same for several items in one request: the adapter's method ``<method>_batch``."""
        return _BATCHED[self.name]


LABEL = Operation(name="vision.label", method="label", request=LabelRequest, payload=LabelSet)
DETECT_OBJECTS = Operation(
    name="vision.detect_objects", method="detect_objects", request=ObjectRequest, payload=ObjectSet
)
DETECT_TEXT = Operation(
    name="vision.detect_text", method="detect_text", request=DetectTextRequest, payload=DetectedText
)
DETECT_FACES = Operation(
    name="vision.detect_faces", method="detect_faces", request=FaceRequest, payload=FaceSet
)
MODERATE_IMAGE = Operation(
    name="vision.moderate", method="moderate_image", request=ImageModerationRequest, payload=ModerationSet
)
CAPTION = Operation(name="vision.caption", method="caption", request=CaptionRequest, payload=CaptionSet)
ANALYZE = Operation(name="vision.analyze", method="analyze", request=AnalyzeRequest, payload=ImageAnalysis)
SENTIMENT = Operation(
    name="text.sentiment", method="sentiment", request=SentimentRequest, payload=DocumentSentiment
)
ENTITIES = Operation(name="text.entities", method="entities", request=EntityRequest, payload=EntitySet)
KEY_PHRASES = Operation(
    name="text.key_phrases", method="key_phrases", request=KeyPhraseRequest, payload=KeyPhraseSet
)
DETECT_LANGUAGE = Operation(
    name="text.detect_language", method="detect_language", request=LanguageRequest, payload=LanguageSet
)
DETECT_PII = Operation(name="text.detect_pii", method="detect_pii", request=PiiRequest, payload=PiiSet)
REDACT = Operation(name="text.redact", method="redact", request=RedactRequest, payload=RedactedText)
MODERATE_TEXT = Operation(
    name="text.moderate", method="moderate_text", request=TextModerationRequest, payload=ModerationSet
)
TRANSCRIBE = Operation(
    name="transcription.transcribe", method="transcribe", request=TranscribeRequest, payload=Transcript
)
STREAM = Operation(name="transcription.stream", method="stream", request=StreamRequest, payload=Transcript)
"""Its adapter method gives events; see :mod:`broker.contract.streams`."""

QUERY = Operation(name="search.query", method="query", request=QueryRequest, payload=SearchResults)
SUGGEST = Operation(name="search.suggest", method="suggest", request=SuggestRequest, payload=SuggestionSet)
UPSERT = Operation(
    name="search.upsert", method="upsert_documents", request=UpsertRequest, payload=WriteReport, stays=True
)
DELETE = Operation(
    name="search.delete", method="delete_documents", request=DeleteRequest, payload=WriteReport, stays=True
)
STATUS = Operation(
    name="search.status", method="document_status", request=StatusRequest, payload=WriteReport, stays=True
)

VISION: tuple[Operation[Any, Any], ...] = (
    LABEL,
    DETECT_OBJECTS,
    DETECT_TEXT,
    DETECT_FACES,
    MODERATE_IMAGE,
    CAPTION,
    ANALYZE,
)
TEXT: tuple[Operation[Any, Any], ...] = (
    SENTIMENT,
    ENTITIES,
    KEY_PHRASES,
    DETECT_LANGUAGE,
    DETECT_PII,
    REDACT,
    MODERATE_TEXT,
)
TRANSCRIPTION: tuple[Operation[Any, Any], ...] = (TRANSCRIBE, STREAM)
SEARCH: tuple[Operation[Any, Any], ...] = (QUERY, SUGGEST, UPSERT, DELETE, STATUS)
OPERATIONS: dict[str, Operation[Any, Any]] = {
    each.name: each for each in (*VISION, *TEXT, *TRANSCRIPTION, *SEARCH)
}

_BATCHED: dict[str, Operation[Any, Any]] = {
    name: replace(each, method=f"{each.method}_batch", request=BatchRequest, payload=Batch)
    for name, each in OPERATIONS.items()
}
