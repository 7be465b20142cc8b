"""The cells of Image Analysis 4.0 and of the Face service."""

from __future__ import annotations

from datetime import date

from broker.contract import ImageLimits, Lifecycle, OperationSpec, Support, each_part, one_image
from broker_azure import vision
from broker_azure.languages import ENGLISH, READ, TAGS

_LIMITS = ImageLimits(
    formats=("jpeg", "png", "gif", "bmp", "webp", "ico", "tiff"),  # an MPO file is a JPEG by its first bytes
    max_bytes=20_971_520,
    min_side=51,
    max_side=15_999,
    source="https://learn.microsoft.com/azure/ai-services/computer-vision/overview-image-analysis",
)
_RETIRING = Lifecycle(
    status="retiring",
    on=date(2028, 9, 25),
    note="Image Analysis 4.0 retires; calls will fail from then on",
    source="https://github.com/MicrosoftDocs/azure-ai-docs/blob/main/articles/ai-services/computer-vision/"
    "includes/image-analysis-deprecation.md",
)
_SERVICE = "vision"
_TURNED = (
    "whether EXIF is applied is not documented and is told from the measures in the answer where it can be"
)

OPERATIONS = (
    OperationSpec(
        operation="vision.label",
        service=_SERVICE,
        sku=vision.GROUP_1,
        limits=_LIMITS,
        languages=TAGS,
        extensions=vision.EXTENSIONS,
        lifecycle=_RETIRING,
        notes="confidence is Azure's 0-1; tags in 52 languages and scripts",
    ),
    OperationSpec(
        operation="vision.detect_objects",
        service=_SERVICE,
        sku=vision.GROUP_1,
        limits=_LIMITS,
        languages=ENGLISH,
        extensions=vision.EXTENSIONS,
        lifecycle=_RETIRING,
        notes=f"confidence is Azure's 0-1; names in English; {_TURNED}",
    ),
    OperationSpec(
        operation="vision.detect_text",
        service=_SERVICE,
        sku=vision.GROUP_2,
        limits=_LIMITS,
        languages=READ,
        extensions=vision.EXTENSIONS,
        lifecycle=_RETIRING,
        notes="one engine (Read) for both modes; Microsoft means it for pictures that are not full of text, and its "
        "Document Intelligence for pages; words have a confidence (0-1), lines have none; print in over 160 languages, which "
        f"it finds out by itself, handwriting in 9; {_TURNED}",
    ),
    OperationSpec(
        operation="vision.caption",
        service=_SERVICE,
        sku=vision.GROUP_2,
        limits=_LIMITS,
        languages=ENGLISH,
        extensions=vision.EXTENSIONS,
        lifecycle=_RETIRING,
        notes="English only, and only by resources in East US, West US, France Central, North Europe, West Europe, "
        "Southeast Asia, East Asia and Korea Central; dense gives up to 10 captions, the whole picture's first",
    ),
    OperationSpec(
        operation="vision.analyze",
        service=_SERVICE,
        sku=vision.GROUP_1,
        meter=each_part({name: (vision.SKUS[each], one_image) for name, each in vision.FEATURES.items()}),
        limits=_LIMITS,
        together=(frozenset(vision.FEATURES),),
        languages=TAGS,
        extensions=vision.EXTENSIONS,
        lifecycle=_RETIRING,
        notes="one request; each operation is billed as if it were alone",
    ),
    OperationSpec(
        operation="vision.detect_faces",
        service="face",
        support=Support.NOTYET,
        reason="Microsoft gives the Face API to approved customers only (Limited Access, "
        "https://aka.ms/facerecognition), and Image Analysis 4.0 has no faces",
    ),
)
