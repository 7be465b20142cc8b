"""The vision cells of the manifest."""

from __future__ import annotations

from decimal import Decimal

from broker.contract import BatchLimits, ImageLimits, OperationSpec, Support, each_part, one_image
from broker.types import DetectTextRequest, Request, Scale, TextMode, Unit, Usage
from broker_gcp.vision_languages import LANGUAGES

_LIMITS = ImageLimits(
    formats=("jpeg", "png", "gif", "bmp", "webp", "tiff", "ico"),
    max_bytes=20 * 1024 * 1024,
    # Told by the service alone: "Image too large. Please limit to 75 megapixels." (openfoodfacts-server issue 10764)
    max_pixels=75_000_000,
    source="https://cloud.google.com/vision/docs/supported-files and https://cloud.google.com/vision/quotas",
)
_BATCH = BatchLimits(
    max_items=16,
    # Google's limit of 10 MB is one of JSON requests; it tells none of gRPC's, so the same is kept.
    max_bytes=10_000_000 - 16 * 1024,
    source="https://cloud.google.com/vision/quotas",
)
_FEATURE = ("gcp_max_results", "gcp_model")
_PLACES = (
    "places are of the upright picture or of the stored one, Google does not say which: frame.upright tells where it "
    "makes a difference"
)
_DOCUMENT = (Usage(sku="gcp.vision.document_text", unit=Unit.IMAGE, quantity=Decimal(1)),)


def one_text(request: Request) -> tuple[Usage, ...]:
    """TEXT_DETECTION and DOCUMENT_TEXT_DETECTION are billed as two features."""
    if isinstance(request, DetectTextRequest) and request.mode is TextMode.DOCUMENT:
        return _DOCUMENT
    return one_image(request)


VISION: tuple[OperationSpec, ...] = (
    OperationSpec(
        operation="vision.label",
        service="vision",
        sku="gcp.vision.label",
        limits=_LIMITS,
        batch=_BATCH,
        languages=("en",),
        extensions=_FEATURE,
        notes="confidence is Vision's score, 0-1; labels in English; up to 100 a picture are asked for",
    ),
    OperationSpec(
        operation="vision.detect_objects",
        service="vision",
        sku="gcp.vision.object_localization",
        limits=_LIMITS,
        batch=_BATCH,
        languages=("en",),
        extensions=_FEATURE,
        notes=f"confidence is Vision's score, 0-1; names in English; up to 100 a picture are asked for; {_PLACES}",
    ),
    OperationSpec(
        operation="vision.detect_text",
        service="vision",
        sku="gcp.vision.text",
        meter=one_text,
        limits=_LIMITS,
        batch=_BATCH,
        languages=LANGUAGES,
        extensions=("gcp_advanced_ocr", "gcp_model"),
        notes=(
            "scene: TEXT_DETECTION, document: DOCUMENT_TEXT_DETECTION, each with its own price; languages are found by "
            "itself, and a wrong hint hinders; words and blocks have a confidence, 0-1, lines have none; places are "
            "of the picture as its page is measured"
        ),
    ),
    OperationSpec(
        operation="vision.detect_faces",
        service="vision",
        sku="gcp.vision.face",
        limits=_LIMITS,
        batch=_BATCH,
        extensions=_FEATURE,
        notes=(
            "emotions and attributes are likelihoods in words, no numbers; left and right as the viewer sees them; no "
            f"age, no identity; up to 100 a picture are asked for; {_PLACES}"
        ),
    ),
    OperationSpec(
        operation="vision.moderate",
        service="vision",
        sku="gcp.vision.safe_search",
        limits=_LIMITS,
        batch=_BATCH,
        scale=Scale.LIKELIHOOD,
        extensions=("gcp_model",),
        notes=(
            "always all five of Safe Search, each with a likelihood in words and no number, so min_confidence is refused; "
            "free where labels of the same picture are asked for in the same request"
        ),
    ),
    OperationSpec(
        operation="vision.caption",
        service="vision",
        support=Support.NEVER,
        reason="Cloud Vision has no feature that describes a picture in a sentence",
    ),
    OperationSpec(
        operation="vision.analyze",
        service="vision",
        sku="gcp.vision.label",  # of a request without parts, which there is none of
        meter=each_part(
            {
                "label": ("gcp.vision.label", one_image),
                "detect_objects": ("gcp.vision.object_localization", one_image),
                "detect_text": ("gcp.vision.text", one_text),
                "detect_faces": ("gcp.vision.face", one_image),
                "moderate": ("gcp.vision.safe_search", one_image),
            }
        ),
        limits=_LIMITS,
        batch=_BATCH,
        together=(frozenset({"label", "detect_objects", "detect_text", "detect_faces", "moderate"}),),
        languages=LANGUAGES,
        extensions=(*_FEATURE, "gcp_advanced_ocr"),
        notes="one request with several features; each is billed as if it were alone, Safe Search beside labels is free",
    ),
)
