"""The cell of Azure AI Speech."""

from __future__ import annotations

from broker.contract import AudioLimits, Lifecycle, OperationSpec, audio_seconds
from broker.types import SpeechOption
from broker_azure import speech

_CREATE = "https://learn.microsoft.com/azure/ai-services/speech-service/fast-transcription-create"

LANGUAGES = (
    *(
        "da-DK",
        "de-DE",
        "en-AU",
        "en-CA",
        "en-GB",
        "en-IN",
        "en-US",
        "es-ES",
        "es-MX",
        "fi-FI",
        "fr-CA",
        "fr-FR",
    ),
    *("he-IL", "hi-IN", "id-ID", "it-IT", "ja-JP", "ko-KR", "pl-PL", "pt-BR", "pt-PT", "sv-SE", "zh-CN"),
)
"""Those that the vendor's pages name for fast transcription by name; its table of today has more."""
MULTILINGUAL = (
    *(
        "de-DE",
        "en-AU",
        "en-CA",
        "en-GB",
        "en-IN",
        "en-US",
        "es-ES",
        "es-MX",
        "fr-CA",
        "fr-FR",
        "it-IT",
        "ja-JP",
    ),
    *("ko-KR", "pt-BR", "zh-CN"),
)
"""What the model that is asked without a language knows (configure-language-identification-diarization)."""

OPERATIONS = (
    OperationSpec(
        operation="transcription.transcribe",
        service="speech",
        sku=speech.SKU,
        meter=audio_seconds,
        # "less than 2 hours long and less than 200 MB"; later pages say 300 MB.
        limits=AudioLimits(
            formats=("wav", "flac", "mp3", "ogg", "m4a", "webm"),
            max_bytes=200 * 1000 * 1000,
            max_milliseconds=2 * 3600 * 1000,
            source=_CREATE,
        ),
        languages=LANGUAGES,
        options=frozenset(
            {
                SpeechOption.CANDIDATES,
                SpeechOption.DIARIZE,
                SpeechOption.MAX_SPEAKERS,
                SpeechOption.CHANNELS,
                SpeechOption.HINTS,
                SpeechOption.MASK_PROFANITY,
                SpeechOption.REMOVE_PROFANITY,
            }
        ),
        lifecycle=Lifecycle(status="ga", note="API version 2025-10-15", source=_CREATE),
        notes="fast transcription, up to 2 hours in one request; words have times, phrases a confidence and words none; "
        f"without a language its multilingual model, which knows {', '.join(MULTILINGUAL)}; not in every region; longer "
        "recordings need batch transcription, which is not built yet",
    ),
)
