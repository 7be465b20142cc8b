"""The transcription cell of the manifest."""

from __future__ import annotations

from dataclasses import dataclass

from broker.contract import AudioLimits, JobPath, OperationSpec
from broker.errors import BadInput
from broker.types import SpeechOption, TranscribeRequest
from broker.types.request import Request
from broker_gcp.speech_languages import LANGUAGES
from broker_gcp.speech_request import DYNAMIC, EXTENSIONS, dynamic
from broker_gcp.speech_usage import STANDARD, seconds

_QUOTAS = "https://docs.cloud.google.com/speech-to-text/docs/quotas"
# AutoDetectDecodingConfig: "WAV_LINEAR16, WAV_MULAW, WAV_ALAW, RFC4867_5_AMR(WB), FLAC, MP3, OGG_OPUS, WEBM_OPUS, MP4_AAC,
# M4A_AAC, MOV_AAC"; not Vorbis.
_FORMATS = ("wav", "flac", "mp3", "ogg", "webm", "m4a")
_CODECS = ("pcm", "mulaw", "alaw", "flac", "mp3", "opus", "aac", "amr")
# Least and most speakers are in the schema, but "This value is not currently used": to take them would be to pretend.
_OPTIONS = frozenset(
    {
        SpeechOption.CANDIDATES,
        SpeechOption.DIARIZE,
        SpeechOption.CHANNELS,
        SpeechOption.HINTS,
        SpeechOption.MASK_PROFANITY,
    }
)


_DAY = 24 * 3600.0


def _slow(request: TranscribeRequest) -> float:
    """DYNAMIC_BATCHING: "fulfilled within 24 hours"; and an hour for the queue."""
    return _DAY + 3600.0 if dynamic(request) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognizeLimits(AudioLimits):
    """Of one request, which cannot be a dynamic batch."""

    def check(self, request: Request, provider: str, operation: str) -> None:
        """Raise :class:`BadInput` naming the limit and the way out."""
        AudioLimits.check(self, request, provider, operation)
        if isinstance(request, TranscribeRequest) and dynamic(request):
            raise BadInput(
                f"{DYNAMIC} is for jobs; use start, or leave it out", provider=provider, operation=operation
            )


TRANSCRIPTION: tuple[OperationSpec, ...] = (
    OperationSpec(
        operation="transcription.transcribe",
        service="speech",
        sku=STANDARD,
        meter=seconds,
        # "10 MB or 1 minute, whichever is reached first", of the request, in which the recording is base64: a third longer.
        limits=RecognizeLimits(
            formats=_FORMATS, codecs=_CODECS, max_bytes=7_400_000, max_milliseconds=60_000, source=_QUOTAS
        ),
        languages=LANGUAGES,
        options=_OPTIONS,
        job=JobPath(
            service="speech",
            sku=STANDARD,
            limits=AudioLimits(
                formats=_FORMATS, codecs=_CODECS, max_milliseconds=8 * 3_600_000, source=_QUOTAS
            ),
            options=_OPTIONS,
            staging="gs://bucket/folder",
            reads=("gs://",),
            # Google does not say how soon its list shows an operation. Lists of Google's own storage behind such services are
            # consistent at once, so a minute is a margin, not a measurement.
            settle_seconds=60.0,
            at_least=_slow,
            notes="batchRecognize of one file; the result is written below the staging folder",
            unproven=True,
        ),
        extensions=EXTENSIONS,
        notes="Speech-to-Text v2; the model is that of the place: chirp_3 in us and eu (finds the language out, tells speakers "
        "apart in some languages, no confidence of words, jobs up to 1 h, times of words up to 20 min), chirp_2 in us-central1 "
        "(one language, no speakers), else long (no speakers); gcp_model names another, and is unpriced but for the usual ones. "
        "A language is needed where the model does not find it out; candidates are for global, us and eu. Numbers of speakers "
        "are not taken, for Google does not use them. gcp_dynamic_batch: a job within 24 h, cheaper",
        unproven=True,
    ),
)
