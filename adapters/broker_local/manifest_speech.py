"""The cell of the operation on recordings."""

from __future__ import annotations

from broker.contract import AudioLimits, OperationSpec, audio_seconds

SKU = "local.speech"

OPERATIONS = (
    OperationSpec(
        operation="transcription.transcribe",
        service="Moonshine tiny-en",
        sku=SKU,
        meter=audio_seconds,
        # What libsndfile decodes; a recording of any length, for it is worked on piece by piece.
        limits=AudioLimits(formats=("wav", "flac", "mp3", "ogg"), source="broker_local.sound"),
        scale=None,
        languages=("en",),
        notes="English only: other languages come out as English-sounding nonsense. NOTES",
    ),
)
