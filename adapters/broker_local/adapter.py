"""The adapter: one method for each operation, each loading what it needs on first use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from broker.contract import AdapterSettings, Context, IndexSettings, Manifest, Reply, Setup, Sound, Support
from broker.types import (
    AnalyzeRequest,
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
    SuggestionSet,
    SuggestRequest,
    TranscribeRequest,
    Transcript,
    UpsertRequest,
    WriteReport,
)
from broker.types.stream import StreamEvent, StreamRequest
from broker_local import manifest_search, needs
from broker_local.manifest import MANIFEST
from broker_local.speech_jobs import LocalJobs


class LocalSettings(AdapterSettings, IndexSettings):
    """The local provider has no account, no key and no address.

    :param search_folder: where indexes are kept; without it ``$XDG_DATA_HOME/mlbroker/search``.
    :param vectors: keep a vector of each document too, for hybrid search: some 20 ms a document.
    """

    index: str | None = "main"
    search_folder: str | None = None
    vectors: bool = False

    max_concurrency: int | None = Field(default_factory=lambda: max(2, os.cpu_count() or 1), ge=1)
    """Calls worked on at once. More than there are processors only makes each slower and takes memory for all;
    calls that wait for their turn cost nothing."""


class LocalAdapter:
    """Answers in this process. Models load on first use, once per process, shared by all threads.

    Without its extra an operation raises ``NotConfigured`` with the command that installs it; the others go on.
    Every operation raises ``BadInput`` for broken picture data.
    """

    manifest: ClassVar[Manifest] = MANIFEST
    Settings: ClassVar[type[AdapterSettings]] = LocalSettings
    region: ClassVar[str] = "local"

    def __init__(self, settings: LocalSettings, /) -> None:
        self.settings = settings

    def label(self, request: LabelRequest, _context: Context, /) -> Reply[LabelSet]:
        """Words for what is in the picture, most probable first."""
        with needs.extra():
            from broker_local import pictures

            return pictures.label(request)

    def detect_objects(self, request: ObjectRequest, _context: Context, /) -> Reply[ObjectSet]:
        """Things of COCO's 80 kinds and their places, surest first. Needs a package that no extra brings."""
        with needs.extra():
            from broker_local import pictures

            return pictures.detect_objects(request)

    def detect_text(self, request: DetectTextRequest, _context: Context, /) -> Reply[DetectedText]:
        """Print in reading order, with words and blocks. Raises Unsupported for a language it does not read."""
        with needs.extra():
            from broker_local import pictures

            return pictures.detect_text(request)

    def detect_faces(self, request: FaceRequest, _context: Context, /) -> Reply[FaceSet]:
        """Places of faces and of five points of each, surest first."""
        with needs.extra():
            from broker_local import pictures

            return pictures.detect_faces(request)

    def moderate_image(self, request: ImageModerationRequest, _context: Context, /) -> Reply[ModerationSet]:
        """How probably the picture is pornographic."""
        with needs.extra():
            from broker_local import pictures

            return pictures.moderate_image(request)

    def analyze(self, request: AnalyzeRequest, _context: Context, /) -> Reply[ImageAnalysis]:
        """Several of these for one picture."""
        with needs.extra():
            from broker_local import pictures

            return pictures.analyze(request)

    def sentiment(self, request: SentimentRequest, _context: Context, /) -> Reply[DocumentSentiment]:
        """Of an English text and its sentences. Raises Unsupported for other languages."""
        with needs.extra(name="local-text"):
            from broker_local import texts

            return texts.sentiment(request)

    if MANIFEST.by_name["text.entities"].support is Support.YES:  # an installed model decides

        def entities(self, request: EntityRequest, _context: Context, /) -> Reply[EntitySet]:
            """Mentions in an English text, by the installed spaCy model. Raises Unsupported for other languages."""
            with needs.extra(name="local-text"):
                from broker_local import texts

                return texts.entities(request)

    def key_phrases(self, request: KeyPhraseRequest, _context: Context, /) -> Reply[KeyPhraseSet]:
        """Phrases of an English text, heaviest first. Raises Unsupported for other languages."""
        with needs.extra(name="local-text"):
            from broker_local import texts

            return texts.key_phrases(request)

    def detect_language(self, request: LanguageRequest, _context: Context, /) -> Reply[LanguageSet]:
        """The likeliest languages, best first; ``und`` leads where none is likely enough."""
        with needs.extra(name="local-text"):
            from broker_local import texts

            return texts.detect_language(request)

    def detect_pii(self, request: PiiRequest, _context: Context, /) -> Reply[PiiSet]:
        """Personal data that has a shape of its own, in order."""
        with needs.extra(name="local-text"):
            from broker_local import texts

            return texts.detect_pii(request)

    def redact(self, request: RedactRequest, _context: Context, /) -> Reply[RedactedText]:
        """The text with the same finds masked."""
        with needs.extra(name="local-text"):
            from broker_local import texts

            return texts.redact(request)

    def transcribe(self, request: TranscribeRequest, context: Context, /) -> Reply[Transcript]:
        """What is said in an English recording, segment by segment."""
        with needs.extra(name="local-speech"):
            from broker_local import speech

            return speech.transcribe(request, context)

    def stream(self, request: StreamRequest, sound: Sound, context: Context, /) -> Iterator[StreamEvent]:
        """What is being said in English, phrase by phrase."""
        with needs.extra(name="local-speech"):
            from broker_local import listening, moonshine

            moonshine.ready()
            return listening.listen(request, sound, context)

    @property
    def transcription_jobs(self) -> LocalJobs:
        """The steps of a recording that is not waited for."""
        return LocalJobs(self.transcribe)

    def query(self, request: QueryRequest, context: Context, /) -> Reply[SearchResults]:
        """One page of an index. Raises BadInput for an index there is not."""
        from broker_local import search

        return search.query(request, context, self.settings)

    def suggest(self, request: SuggestRequest, context: Context, /) -> Reply[SuggestionSet]:
        """Titles that begin so."""
        from broker_local import search

        return search.suggest(request, context, self.settings)

    def upsert_documents(self, request: UpsertRequest, context: Context, /) -> Reply[WriteReport]:
        """Put in, in one transaction; the index is made if need be."""
        from broker_local import search

        return search.upsert(request, context, self.settings)

    def delete_documents(self, request: DeleteRequest, context: Context, /) -> Reply[WriteReport]:
        """Take out, in one transaction."""
        from broker_local import search

        return search.delete(request, context, self.settings)

    def document_status(self, request: StatusRequest, context: Context, /) -> Reply[WriteReport]:
        """Whether they are there."""
        from broker_local import search

        return search.status(request, context, self.settings)

    def close(self) -> None:
        """Nothing to release: the models belong to the process, not to one broker."""

    def setup(self) -> Setup:
        """Ready when one extra's packages are all there, and for search always; looks for them without importing any.

        What the others lack is told all the same: it stops only their operations.
        """
        data_use = "nothing leaves this machine"
        if needs.telemetry_running():
            data_use = (
                "no content leaves this machine, but onnxruntime was imported before, with its usage "
                f"telemetry on: set {needs.OPT_OUT}=1 in the environment"
            )
        return Setup(
            configured=any(not needs.missing(name) for name in needs.EXTRAS),
            usable=tuple(each.operation for each in manifest_search.OPERATIONS),
            problem="; ".join(needs.lacking()),
            credential="none needed",
            endpoint="in process",
            region=self.region,
            data_use=data_use,
        )
