"""The AWS adapter: how it stands, and one method for each operation."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from broker.contract import (
    AdapterSettings,
    Batch,
    Context,
    HttpReply,
    JobSteps,
    Manifest,
    Reply,
    Sound,
    StreamEnd,
)
from broker.types import (
    AnalyzeRequest,
    BatchRequest,
    DeleteRequest,
    DetectedText,
    DetectTextRequest,
    DocumentSentiment,
    EntityRequest,
    EntitySet,
    FaceRequest,
    FaceSet,
    ImageAnalysis,
    ImageModerationRequest,
    ImageRequest,
    JsonValue,
    KeyPhraseRequest,
    KeyPhraseSet,
    LabelRequest,
    LabelSet,
    LanguageRequest,
    LanguageSet,
    ModerationSet,
    ObjectRequest,
    ObjectSet,
    PiiRequest,
    PiiSet,
    QueryRequest,
    RedactedText,
    RedactRequest,
    SearchResults,
    SentimentRequest,
    StatusRequest,
    TextModerationRequest,
    TextRequest,
    UpsertRequest,
    WriteReport,
    WriteRequest,
    redacted,
)
from broker.types.stream import StreamEvent, StreamRequest
from broker_aws import (
    comprehend,
    faces,
    faults,
    knowledge,
    knowledge_documents,
    labels,
    meanings,
    moderation,
    rereading,
    written,
)
from broker_aws.account import AccountAdapter, Body, read_reply
from broker_aws.asking import ask
from broker_aws.manifest import MANIFEST
from broker_aws.settings import AwsSettings
from broker_aws.streaming import Streaming
from broker_aws.transcribe_jobs import AwsTranscription
from broker_aws.wire import Exchange

P = TypeVar("P")


class AwsAdapter(AccountAdapter):
    """Amazon Rekognition, Textract, Comprehend, Transcribe and Bedrock's knowledge bases for one account and region.

    Every operation raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of :mod:`broker_aws.faults`,
    :class:`MalformedReply`, and what the transport raises.
    """

    manifest: ClassVar[Manifest] = MANIFEST
    Settings: ClassVar[type[AdapterSettings]] = AwsSettings

    def __init__(self, settings: AwsSettings, /) -> None:
        super().__init__(settings)
        self._settings = settings
        self._transcription = AwsTranscription(settings, self._clients)
        self._streaming = Streaming(settings, self._clients)

    def close(self) -> None:
        """Release the clients."""
        self._streaming.close()
        super().close()

    # ------------------------------------------------------------------ kept answers

    def rereads(self) -> frozenset[str]:
        """Operations whose kept answers it reads."""
        return rereading.READS

    def reread(self, operation: str, raw: JsonValue, request: Any, /) -> Any:
        """See :class:`~broker.contract.Rereads`."""
        return rereading.reread(operation, raw, request)

    # ------------------------------------------------------------------ pictures

    def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        """Labels by Rekognition DetectLabels, all that the service has for the picture."""
        reply = self._look("rekognition", labels.METHOD, labels.parameters(request), request, context)
        return read_reply(reply, "a label", labels.labels_of, request.raw, labels.VERSION)

    def detect_objects(self, request: ObjectRequest, context: Context, /) -> Reply[ObjectSet]:
        """The labels' instances by Rekognition DetectLabels."""
        reply = self._look("rekognition", labels.METHOD, labels.parameters(request), request, context)

        def read(body: Body) -> ObjectSet:
            return labels.objects_of(body, request.image)

        return read_reply(reply, "an object", read, request.raw, labels.VERSION)

    def analyze(self, request: AnalyzeRequest, context: Context, /) -> Reply[ImageAnalysis]:
        """Labels and objects by one DetectLabels."""
        reply = self._look("rekognition", labels.METHOD, labels.parameters(request), request, context)

        def read(body: Body) -> ImageAnalysis:
            asked = request.operations
            return ImageAnalysis(
                labels=labels.labels_of(body) if "label" in asked else None,
                objects=labels.objects_of(body, request.image) if "detect_objects" in asked else None,
            )

        return read_reply(reply, "a label", read, request.raw, labels.VERSION)

    def detect_text(self, request: DetectTextRequest, context: Context, /) -> Reply[DetectedText]:
        """Lines and words: of a scene by Rekognition DetectText, of a document by Textract DetectDocumentText."""
        wanted = written.parameters(request)
        if written.is_document(request):
            reply = self._look("textract", written.DOCUMENT_METHOD, wanted, request, context)
            read, version = written.document_of, written.DOCUMENT_VERSION
        else:
            reply = self._look("rekognition", written.SCENE_METHOD, wanted, request, context)
            read, version = written.scene_of, written.SCENE_VERSION
        return read_reply(reply, "the text", lambda body: read(body, request.image), request.raw, version)

    def detect_faces(self, request: FaceRequest, context: Context, /) -> Reply[FaceSet]:
        """Faces with all attributes by Rekognition DetectFaces."""
        reply = self._look("rekognition", faces.METHOD, faces.parameters(request), request, context)
        return read_reply(reply, "a face", lambda body: faces.faces_of(body, request.image), request.raw)

    def moderate_image(self, request: ImageModerationRequest, context: Context, /) -> Reply[ModerationSet]:
        """Labels of the moderation taxonomy by Rekognition DetectModerationLabels."""
        wanted = moderation.parameters(request)
        reply = self._look("rekognition", moderation.METHOD, wanted, request, context)
        return read_reply(
            reply, "a moderation label", moderation.moderation_of, request.raw, moderation.VERSION
        )

    # ------------------------------------------------------------------ texts

    def sentiment(self, request: SentimentRequest, context: Context, /) -> Reply[DocumentSentiment]:
        """The whole text's sentiment by Comprehend DetectSentiment."""
        return self._study("detect_sentiment", "the sentiment", meanings.sentiment_of, request, context)

    def sentiment_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[DocumentSentiment]]:
        """Of up to 25 texts by BatchDetectSentiment."""
        return self._study_several("batch_detect_sentiment", meanings.sentiment_of, request, context)

    def entities(self, request: EntityRequest, context: Context, /) -> Reply[EntitySet]:
        """Mentions by Comprehend DetectEntities."""
        return self._study("detect_entities", "an entity", meanings.entities_of, request, context)

    def entities_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[EntitySet]]:
        """Of up to 25 texts by BatchDetectEntities."""
        return self._study_several("batch_detect_entities", meanings.entities_of, request, context)

    def key_phrases(self, request: KeyPhraseRequest, context: Context, /) -> Reply[KeyPhraseSet]:
        """Key phrases by Comprehend DetectKeyPhrases."""
        return self._study("detect_key_phrases", "a key phrase", meanings.phrases_of, request, context)

    def key_phrases_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[KeyPhraseSet]]:
        """Of up to 25 texts by BatchDetectKeyPhrases."""
        return self._study_several("batch_detect_key_phrases", meanings.phrases_of, request, context)

    def detect_language(self, request: LanguageRequest, context: Context, /) -> Reply[LanguageSet]:
        """Candidates by Comprehend DetectDominantLanguage."""
        return self._study("detect_dominant_language", "a language", meanings.languages_of, request, context)

    def detect_language_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[LanguageSet]]:
        """Of up to 25 texts by BatchDetectDominantLanguage."""
        return self._study_several("batch_detect_dominant_language", meanings.languages_of, request, context)

    def detect_pii(self, request: PiiRequest, context: Context, /) -> Reply[PiiSet]:
        """Finds by Comprehend DetectPiiEntities."""
        return self._study("detect_pii_entities", "a find", meanings.pii_of, request, context)

    def redact(self, request: RedactRequest, context: Context, /) -> Reply[RedactedText]:
        """DetectPiiEntities, and the finds masked by us: Comprehend itself redacts files in S3 only."""

        def read(body: Any, text: str) -> RedactedText:
            return redacted(request, meanings.pii_of(body, text))

        return self._study("detect_pii_entities", "a find", read, request, context)

    def moderate_text(self, request: TextModerationRequest, context: Context, /) -> Reply[ModerationSet]:
        """Kinds of toxicity by Comprehend DetectToxicContent; the text is its one segment."""
        whole = self.moderate_text_batch(
            BatchRequest(items=(request,), language=request.language, raw=request.raw), context
        )
        (item,) = whole.payload.items
        if not isinstance(item, Reply):
            raise item
        return replace(item, raw=whole.raw)

    def moderate_text_batch(self, request: BatchRequest, context: Context, /) -> Reply[Batch[ModerationSet]]:
        """Of up to 10 texts by DetectToxicContent, a segment each."""
        wanted = comprehend.segments([each.text for each in request.items], request.language)
        return self._several(
            "detect_toxic_content", wanted, comprehend.segments_of, meanings.toxicity_of, request, context
        )

    # ------------------------------------------------------------------ recordings

    @property
    def transcription_jobs(self) -> JobSteps:
        """Amazon Transcribe's jobs: it has no answer in one request."""
        return self._transcription

    def stream(
        self, request: StreamRequest, sound: Sound, context: Context, /
    ) -> Generator[StreamEvent, None, StreamEnd]:
        """What is being said, by Transcribe StartStreamTranscription."""
        return self._streaming.stream(request, sound, context)

    # ------------------------------------------------------------------ search

    def query(self, request: QueryRequest, context: Context, /) -> Reply[SearchResults]:
        """Passages of a knowledge base by Bedrock's Retrieve."""
        wanted = knowledge.retrieval(request, self._settings, self.region or "")
        reply = self._send(knowledge.SERVICE, "retrieve", wanted, request, context)
        return read_reply(reply, "a result", lambda body: knowledge.results_of(body, request), request.raw)

    def upsert_documents(self, request: UpsertRequest, context: Context, /) -> Reply[WriteReport]:
        """Into a data source of a knowledge base, by IngestKnowledgeBaseDocuments; indexed in a while."""
        wanted = knowledge_documents.ingestion(request, self._settings, context)
        return self._write(
            "ingest_knowledge_base_documents", wanted, knowledge_documents.INGESTED, request, context
        )

    def delete_documents(self, request: DeleteRequest, context: Context, /) -> Reply[WriteReport]:
        """By DeleteKnowledgeBaseDocuments; they are gone in a while."""
        wanted = knowledge_documents.deletion(request, self._settings, context)
        return self._write(
            "delete_knowledge_base_documents", wanted, knowledge_documents.DELETED, request, context
        )

    def document_status(self, request: StatusRequest, context: Context, /) -> Reply[WriteReport]:
        """By GetKnowledgeBaseDocuments."""
        wanted = knowledge_documents.question(request, self._settings)
        return self._write(
            "get_knowledge_base_documents", wanted, knowledge_documents.FOUND, request, context
        )

    def _write(
        self,
        method: str,
        wanted: dict[str, Any],
        meanings: knowledge_documents.Meanings,
        request: WriteRequest,
        context: Context,
    ) -> Reply[WriteReport]:
        reply = self._send(knowledge_documents.SERVICE, method, wanted, request, context)
        return read_reply(
            reply,
            "a document's status",
            lambda body: knowledge_documents.report_of(body, meanings),
            request.raw,
            accepted=knowledge_documents.ACCEPTED,
        )

    # ------------------------------------------------------------------ asking

    def _look(
        self, service: str, method: str, wanted: dict[str, Any], request: ImageRequest, context: Context
    ) -> HttpReply:
        """One request about a picture."""
        return self._send(service, method, wanted, request, context, request.image.data)

    def _study(
        self,
        method: str,
        what: str,
        read: Callable[[Any, str], P],
        request: TextRequest,
        context: Context,
    ) -> Reply[P]:
        """One request about one text."""
        account = self._clients.of("comprehend")
        reply = ask(account, method, comprehend.one(request), Exchange(context))
        return read_reply(reply, what, lambda body: read(body, request.text), request.raw)

    def _study_several(
        self, method: str, read: Callable[[Any, str], P], request: BatchRequest, context: Context
    ) -> Reply[Batch[P]]:
        """One request about several texts, whose results name them by index."""
        return self._several(method, comprehend.several(request), comprehend.items_of, read, request, context)

    def _several(
        self,
        method: str,
        wanted: dict[str, Any],
        sort: comprehend.Sort,
        read: Callable[[Any, str], P],
        request: BatchRequest,
        context: Context,
    ) -> Reply[Batch[P]]:
        reply = ask(self._clients.of("comprehend"), method, wanted, Exchange(context))

        def items(body: Body) -> Batch[P]:
            return sort(body, request, read, status=reply.status, request_id=faults.request_id(reply))

        return read_reply(reply, "the answer to the batch", items, request.raw)
