"""The cell of transcription.stream at Azure Speech."""

from __future__ import annotations

from broker.contract import OperationSpec, StreamLimits, streamed_seconds
from broker.types import SpeechOption
from broker_azure.speech_locales import TAGS

SERVICE = "speech"
INSTALL = "Azure's Speech SDK is not installed; pip install 'mlbroker[azure-speech]'"

SPEC = OperationSpec(
    operation="transcription.stream",
    service=SERVICE,
    sku="azure.speech.realtime",
    meter=streamed_seconds,
    limits=StreamLimits(
        rates=(8_000, 48_000),
        source="https://learn.microsoft.com/azure/ai-services/speech-service/how-to-use-audio-input-streams",
    ),
    languages=TAGS,
    needs_language=True,
    options=frozenset({SpeechOption.HINTS, SpeechOption.MASK_PROFANITY, SpeechOption.REMOVE_PROFANITY}),
    unproven=True,
    notes=(
        "by Azure's Speech SDK (pip install 'mlbroker[azure-speech]', x86-64 and ARM64 Linux), a native library that makes "
        "connections of its own and follows a redirect of Microsoft's with the key; final results with confidences and "
        "times of phrases and words; sound is taken about as fast as it is spoken; a stream whose connection the service "
        "ends is not taken up again; profanity is masked unless profanity says otherwise"
    ),
)

OPERATIONS = (SPEC,)
