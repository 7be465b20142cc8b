"""The cell of Azure Speech: fast transcription, and batch transcription for what that does not take."""

from __future__ import annotations

from broker.contract import AudioLimits, JobPath, Lifecycle, OperationSpec, audio_seconds
from broker.types import SpeechOption
from broker_azure import speech, speech_batch
from broker_azure.speech_locales import FAST_TAGS, TAGS

_LIMITS = "https://learn.microsoft.com/azure/ai-services/speech-service/speech-services-quotas-and-limits"
_FORMATS = "https://learn.microsoft.com/azure/ai-services/speech-service/batch-transcription-audio-data"
# "WAV, MP3, OPUS/OGG, FLAC, WMA, AAC, ALAW and MULAW in WAV, AMR, WebM, SPEEX"; AAC comes in M4A.
FORMATS = ("wav", "mp3", "ogg", "flac", "m4a", "webm")
_BOTH = frozenset(
    {
        SpeechOption.CANDIDATES,
        SpeechOption.DIARIZE,
        SpeechOption.MAX_SPEAKERS,
        SpeechOption.CHANNELS,
        SpeechOption.MASK_PROFANITY,
        SpeechOption.REMOVE_PROFANITY,
    }
)

OPERATIONS = (
    OperationSpec(
        operation="transcription.transcribe",
        service=speech_batch.SERVICE,
        sku=speech.SKU,
        meter=audio_seconds,
        # All are "less than": 500 MB (read as the smaller of its two meanings), 5 hours, and 2 with diarization
        # (MicrosoftDocs/azure-ai-docs, speech-service/includes/common/transcription-rest-api.md).
        limits=AudioLimits(
            formats=FORMATS,
            max_bytes=500_000_000 - 1,
            max_milliseconds=5 * 3_600_000 - 1,
            max_diarized_milliseconds=2 * 3_600_000 - 1,
            source=f"{_LIMITS}; {_FORMATS}",
        ),
        languages=FAST_TAGS,
        options=_BOTH | {SpeechOption.HINTS},
        job=JobPath(
            service=speech_batch.SERVICE,
            sku=speech_batch.SKU,
            limits=AudioLimits(
                formats=FORMATS,
                max_bytes=1_000_000_000,
                max_diarized_milliseconds=4 * 3_600_000,
                source=f"{_LIMITS}; {_FORMATS}",
            ),
            options=_BOTH,
            languages=TAGS,
            staging="https://<account>.blob.core.windows.net/<container>/<folder>",
            # No page says how soon a job that was taken is in the list; it is made before Azure answers, so what is not
            # there after a minute was most likely never taken.
            settle_seconds=60.0,
            # "At peak hours, it might take up to 30 minutes or longer for a job to start", and it is done on a best-effort
            # basis: to give up early would pay for a result that nobody fetches.
            patience=24.0,
            notes="must be told the language, or candidates of which one is spoken; it has locales that one request lacks; both "
            "channels of a stereo recording are transcribed by themselves, asked or not, and billed once; diarize takes one "
            "channel and up to 240 minutes; a job that runs cannot be stopped; Azure deletes it and its result 48 hours after "
            "its end",
            unproven=True,
        ),
        lifecycle=Lifecycle(
            status="ga",
            note="API version 2025-10-15; not on the free tier (F0)",
            source="https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create",
        ),
        notes="confidence is of phrases, words have times only; speakers are told apart in less than 2 hours (start: 4), and may "
        "be missing though they were asked for; without a language it is found out, among de, en, es, fr, it, ja, ko, pt and zh, "
        "and changes of it are followed; of a language without a region its likeliest one is taken (en: en-US); several channels are merged unless channels are asked for, of which two are taken; profanity is masked "
        "unless profanity says otherwise; on F0 and in some regions it is not offered",
    ),
)
