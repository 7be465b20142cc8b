"""What the Google Cloud adapter says of itself: every cell of the support table, vision, text and speech."""

from __future__ import annotations

from broker.contract import Manifest
from broker_gcp.search_specs import SEARCH
from broker_gcp.speech_manifest import TRANSCRIPTION
from broker_gcp.streaming import SPEC as STREAM
from broker_gcp.text_manifest import TEXT
from broker_gcp.vision_manifest import VISION

MANIFEST = Manifest(
    provider="gcp",
    version="0.1.0",
    extra="mlbroker[gcp]",
    operations=(*VISION, *TEXT, *TRANSCRIPTION, STREAM, *SEARCH),
)
