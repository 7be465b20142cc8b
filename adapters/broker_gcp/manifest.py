"""What the Google Cloud adapter says of itself: every cell of the support table, vision and text."""

from __future__ import annotations

from broker.contract import Manifest, OperationSpec, Support
from broker_gcp.text_manifest import TEXT
from broker_gcp.vision_manifest import VISION

TRANSCRIPTION = (
    OperationSpec(
        operation="transcription.transcribe",
        service="speech",
        support=Support.NOTIMPL,
        reason="Google has Speech-to-Text v2; this adapter does not reach it yet",
    ),
)

MANIFEST = Manifest(
    provider="gcp",
    version="0.1.0",
    extra="mlbroker[gcp]",
    operations=(*VISION, *TEXT, *TRANSCRIPTION),
)
