"""What the Azure adapter says of itself: the cells of the support table, one tuple for each service."""

from __future__ import annotations

from broker.contract import Manifest
from broker_azure import (
    content_safety_specs,
    language_specs,
    search_specs,
    speech_specs,
    streaming_spec,
    vision_specs,
)

MANIFEST = Manifest(
    provider="azure",
    version="0.1.0",
    extra="mlbroker[azure]",
    operations=(
        *vision_specs.OPERATIONS,
        *content_safety_specs.OPERATIONS,
        *language_specs.OPERATIONS,
        *speech_specs.OPERATIONS,
        *streaming_spec.OPERATIONS,
        *search_specs.SEARCH_OPERATIONS,
    ),
)
