"""The cells of Azure AI Content Safety."""

from __future__ import annotations

from broker.contract import ImageLimits, Lifecycle, OperationSpec, TextLimits, TextUnit, characters
from broker.types import Scale
from broker_azure import content_safety
from broker_azure.languages import CONTENT_SAFETY

_INPUT = "https://learn.microsoft.com/azure/ai-services/content-safety/overview#input-requirements"
_SERVICE = "contentsafety"
_GA = Lifecycle(
    status="ga",
    note="API version 2024-09-01; a version ends 90 days after the next one is generally available",
    source="https://learn.microsoft.com/azure/ai-services/content-safety/whats-new",
)

OPERATIONS = (
    OperationSpec(
        operation="vision.moderate",
        service=_SERVICE,
        sku=content_safety.IMAGE_SKU,
        limits=ImageLimits(
            formats=("jpeg", "png", "gif", "bmp", "webp", "tiff"),
            max_bytes=4 * 1024 * 1024,
            min_side=50,
            max_side=7_200,
            source=_INPUT,
        ),
        scale=Scale.SEVERITY,
        lifecycle=_GA,
        unproven=True,
        notes="four categories, always all of them: severity 0 (safe), 2, 4 or 6, which is how bad and not how sure; of "
        "a moving picture the first frame; not in every region",
    ),
    OperationSpec(
        operation="text.moderate",
        service=_SERVICE,
        sku=content_safety.TEXT_SKU,
        meter=characters,
        limits=TextLimits(max_size=10_000, unit=TextUnit.CODE_POINT, source=_INPUT),
        scale=Scale.SEVERITY,
        languages=CONTENT_SAFETY,
        extensions=content_safety.TEXT_EXTENSIONS,
        lifecycle=_GA,
        notes="four categories, always all of them: severity 0 (safe), 2, 4 or 6 (0 to 7 by azure_output_type), which is "
        "how bad and not how sure; the language is found out by the service, trained for zh, en, fr, de, it, ja, pt, es; "
        "a hit of azure_blocklists is a label of harm other with the list's name",
    ),
)
