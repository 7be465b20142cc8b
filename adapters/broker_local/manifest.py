"""What the local provider says of itself. ``tests/local`` holds the quality stated here to floors.

``scripts/measure_local.py`` measures it.
"""

from __future__ import annotations

from broker.contract import Manifest
from broker_local import (
    manifest_pictures,
    manifest_search,
    manifest_speech,
    manifest_streams,
    manifest_texts,
)

MANIFEST = Manifest(
    provider="local",
    version="0.2.0",
    extra="mlbroker[local]",
    operations=(
        *manifest_pictures.OPERATIONS,
        *manifest_texts.OPERATIONS,
        *manifest_speech.OPERATIONS,
        *manifest_streams.OPERATIONS,
        *manifest_search.OPERATIONS,
    ),
)
