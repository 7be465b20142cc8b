"""The methods an adapter may have, one protocol each: it implements those its manifest says ``yes`` to.

A method is written once, as ``def`` or as ``async def``. Where a spec has ``batch``, there is also ``<method>_batch``,
which takes a :class:`~broker.types.batch.BatchRequest` and answers ``Reply[Batch[…]]``.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Protocol, TypeAlias, TypeVar, Union, runtime_checkable

from broker.contract.context import Context, Reply
from broker.types.analysis import AnalyzeRequest, ImageAnalysis
from broker.types.caption import CaptionRequest, CaptionSet
from broker.types.entity import EntityRequest, EntitySet
from broker.types.face import FaceRequest, FaceSet
from broker.types.json import JsonValue
from broker.types.label import LabelRequest, LabelSet, ObjectRequest, ObjectSet
from broker.types.moderation import ImageModerationRequest, ModerationSet, TextModerationRequest
from broker.types.phrase import KeyPhraseRequest, KeyPhraseSet, LanguageRequest, LanguageSet
from broker.types.pii import PiiRequest, PiiSet, RedactedText, RedactRequest
from broker.types.search import QueryRequest, SearchResults, SuggestionSet, SuggestRequest
from broker.types.sentiment import DocumentSentiment, SentimentRequest
from broker.types.speech import TranscribeRequest
from broker.types.transcript import Transcript
from broker.types.write import DeleteRequest, StatusRequest, UpsertRequest, WriteReport
from broker.types.written import DetectedText, DetectTextRequest

P = TypeVar("P")
Answer: TypeAlias = Union[Reply[P], Awaitable[Reply[P]]]


@runtime_checkable
class CanLabel(Protocol):
    """vision.label"""

    def label(self, request: LabelRequest, context: Context, /) -> Answer[LabelSet]: ...


@runtime_checkable
class CanDetectObjects(Protocol):
    """vision.detect_objects"""

    def detect_objects(self, request: ObjectRequest, context: Context, /) -> Answer[ObjectSet]: ...


@runtime_checkable
class CanDetectText(Protocol):
    """vision.detect_text"""

    def detect_text(self, request: DetectTextRequest, context: Context, /) -> Answer[DetectedText]: ...


@runtime_checkable
class CanDetectFaces(Protocol):
    """vision.detect_faces"""

    def detect_faces(self, request: FaceRequest, context: Context, /) -> Answer[FaceSet]: ...


@runtime_checkable
class CanModerateImage(Protocol):
    """vision.moderate"""

    def moderate_image(
        self, request: ImageModerationRequest, context: Context, /
    ) -> Answer[ModerationSet]: ...


@runtime_checkable
class CanCaption(Protocol):
    """vision.caption"""

    def caption(self, request: CaptionRequest, context: Context, /) -> Answer[CaptionSet]: ...


@runtime_checkable
class CanAnalyze(Protocol):
    """vision.analyze"""

    def analyze(self, request: AnalyzeRequest, context: Context, /) -> Answer[ImageAnalysis]: ...


@runtime_checkable
class CanSentiment(Protocol):
    """text.sentiment"""

    def sentiment(self, request: SentimentRequest, context: Context, /) -> Answer[DocumentSentiment]: ...


@runtime_checkable
class CanEntities(Protocol):
    """text.entities"""

    def entities(self, request: EntityRequest, context: Context, /) -> Answer[EntitySet]: ...


@runtime_checkable
class CanKeyPhrases(Protocol):
    """text.key_phrases"""

    def key_phrases(self, request: KeyPhraseRequest, context: Context, /) -> Answer[KeyPhraseSet]: ...


@runtime_checkable
class CanDetectLanguage(Protocol):
    """text.detect_language"""

    def detect_language(self, request: LanguageRequest, context: Context, /) -> Answer[LanguageSet]: ...


@runtime_checkable
class CanDetectPii(Protocol):
    """text.detect_pii"""

    def detect_pii(self, request: PiiRequest, context: Context, /) -> Answer[PiiSet]: ...


@runtime_checkable
class CanRedact(Protocol):
    """text.redact"""

    def redact(self, request: RedactRequest, context: Context, /) -> Answer[RedactedText]: ...


@runtime_checkable
class CanModerateText(Protocol):
    """text.moderate"""

    def moderate_text(self, request: TextModerationRequest, context: Context, /) -> Answer[ModerationSet]: ...


@runtime_checkable
class CanTranscribe(Protocol):
    """transcription.transcribe"""

    def transcribe(self, request: TranscribeRequest, context: Context, /) -> Answer[Transcript]: ...


@runtime_checkable
class CanQuery(Protocol):
    """search.query: one page, by one request; never a page that was not asked for."""

    def query(self, request: QueryRequest, context: Context, /) -> Answer[SearchResults]: ...


@runtime_checkable
class CanSuggest(Protocol):
    """search.suggest"""

    def suggest(self, request: SuggestRequest, context: Context, /) -> Answer[SuggestionSet]: ...


@runtime_checkable
class CanUpsert(Protocol):
    """search.upsert: one request; a status for each document, matched by id. What the request as a whole ended with is raised."""

    def upsert_documents(self, request: UpsertRequest, context: Context, /) -> Answer[WriteReport]: ...


@runtime_checkable
class CanDelete(Protocol):
    """search.delete: one request; a document that is not there is done."""

    def delete_documents(self, request: DeleteRequest, context: Context, /) -> Answer[WriteReport]: ...


@runtime_checkable
class CanTellStatus(Protocol):
    """search.status: where documents stand that were accepted."""

    def document_status(self, request: StatusRequest, context: Context, /) -> Answer[WriteReport]: ...


@runtime_checkable
class Rereads(Protocol):
    """Answers that were kept as the vendor sent them are read again, without a request and without a credential."""

    def rereads(self) -> frozenset[str]:
        """Operations whose answers it can read so."""
        ...

    def reread(self, operation: str, raw: JsonValue, request: Any, /) -> Any:
        """The operation's result out of the vendor's whole answer, as ``raw`` of a reply has it.

        :param request: what was asked, or would be: places are of its picture or text, options say what is told.

        Raises :class:`~broker.errors.MalformedReply` for what is no such answer, and the mapped error of a refusal inside one.
        """
        ...
