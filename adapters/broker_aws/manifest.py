"""What the AWS adapter says of itself: one cell of the support table for each operation."""

from __future__ import annotations

from broker.contract import ImageLimits, Manifest, OperationSpec, Support, characters
from broker.types import Scale
from broker_aws import comprehend, faces, labels, moderation, streaming_spec, transcribe_spec, written
from broker_aws.search_specs import SEARCH

_REKOGNITION_QUOTAS = "https://docs.aws.amazon.com/rekognition/latest/dg/limits.html"
_GROUP_2 = "aws.rekognition.group2"
_FORMATS = ("jpeg", "png")

REKOGNITION = ImageLimits(formats=_FORMATS, max_bytes=5_242_880, min_side=80, source=_REKOGNITION_QUOTAS)
"""The page gives a longest side for DetectLabels and DetectModerationLabels only."""
REKOGNITION_10K = ImageLimits(
    formats=_FORMATS, max_bytes=5_242_880, min_side=80, max_side=10_000, source=_REKOGNITION_QUOTAS
)
# The page of quotas and the model's longest blob say 10 MB of a synchronous request; the older word of the API
# reference for bytes, 5 MB, is what the quota was before.
TEXTRACT = ImageLimits(
    formats=_FORMATS,
    max_bytes=10_485_760,
    max_side=10_000,
    source="https://docs.aws.amazon.com/textract/latest/dg/limits-document.html",
)
WRITTEN = written.WrittenLimits(
    formats=_FORMATS, max_bytes=5_242_880, min_side=80, source=_REKOGNITION_QUOTAS, document=TEXTRACT
)

_PERCENT_NOTE = "confidence is Rekognition's 0-100, divided by 100"
_TURNED_NOTE = "a JPEG is turned as its EXIF data says, and places are of the upright picture"

VISION = (
    OperationSpec(
        operation="vision.label",
        service="rekognition",
        sku=_GROUP_2,
        meter=labels.meter,
        limits=REKOGNITION_10K,
        languages=("en",),
        scale=Scale.PERCENT,
        extensions=labels.EXTENSIONS,
        notes=f"{_PERCENT_NOTE}; labels in English; up to 1,000 a picture",
    ),
    OperationSpec(
        operation="vision.detect_objects",
        service="rekognition",
        sku=_GROUP_2,
        meter=labels.meter,
        limits=REKOGNITION_10K,
        languages=("en",),
        scale=Scale.PERCENT,
        extensions=labels.EXTENSIONS,
        notes=f"DetectLabels: labels that come with places; {_PERCENT_NOTE}; names in English; {_TURNED_NOTE}",
    ),
    OperationSpec(
        operation="vision.detect_text",
        service="rekognition",
        sku=_GROUP_2,
        meter=written.meter,
        limits=WRITTEN,
        scale=Scale.PERCENT,
        extensions=written.EXTENSIONS,
        notes=(
            "mode 'scene' is Rekognition DetectText: up to 100 words, turned by up to 90 degrees; mode 'document' is "
            "Textract DetectDocumentText, a service with a price and an address of its own, billed by the page, "
            f"up to 10 MB; {_PERCENT_NOTE}; AWS does not say whether EXIF data is looked at"
        ),
    ),
    OperationSpec(
        operation="vision.detect_faces",
        service="rekognition",
        sku=_GROUP_2,
        limits=REKOGNITION,
        scale=Scale.PERCENT,
        extensions=faces.EXTENSIONS,
        notes=(
            "the 100 largest faces with all attributes; emotions are how a face looks; a face must be 40 pixels in a "
            f"picture of 1920 x 1080; nobody is identified; {_TURNED_NOTE}"
        ),
    ),
    OperationSpec(
        operation="vision.moderate",
        service="rekognition",
        sku=_GROUP_2,
        meter=moderation.meter,
        limits=REKOGNITION_10K,
        scale=Scale.PERCENT,
        extensions=moderation.EXTENSIONS,
        notes=(
            f"labels of three levels, with those above each; {_PERCENT_NOTE}; an adapter of your own "
            "(aws_project_version) has a price of its own, which is not in the book"
        ),
    ),
    OperationSpec(
        operation="vision.caption",
        service="rekognition",
        support=Support.NEVER,
        reason="Rekognition writes no captions; AWS leaves sentences about pictures to language models (Bedrock)",
    ),
    OperationSpec(
        operation="vision.analyze",
        service="rekognition",
        sku=_GROUP_2,
        meter=labels.meter,
        limits=REKOGNITION_10K,
        languages=("en",),
        together=(frozenset({"label", "detect_objects"}),),
        scale=Scale.PERCENT,
        extensions=labels.EXTENSIONS,
        notes="labels and objects by one DetectLabels, billed as one image; all else is a request of its own at AWS",
    ),
)

_LANGUAGE_NOTE = "language is needed: Comprehend does not find it out by itself"
_BATCH_NOTE = "several texts go 25 to a request, up to 5,000 bytes each"

TEXT = (
    OperationSpec(
        operation="text.sentiment",
        service="comprehend",
        sku="aws.comprehend.nlp",
        meter=characters,
        limits=comprehend.SHORT,
        batch=comprehend.BATCH,
        languages=comprehend.LANGUAGES,
        needs_language=True,
        notes=f"a label with the probabilities of all four, mixed among them; no sentences; {_LANGUAGE_NOTE}; {_BATCH_NOTE}",
    ),
    OperationSpec(
        operation="text.entities",
        service="comprehend",
        sku="aws.comprehend.detect_entities",
        meter=characters,
        limits=comprehend.LONG,
        batch=comprehend.BATCH,
        languages=comprehend.LANGUAGES,
        needs_language=True,
        notes=f"9 types; {_LANGUAGE_NOTE}; {_BATCH_NOTE}",
    ),
    OperationSpec(
        operation="text.key_phrases",
        service="comprehend",
        sku="aws.comprehend.detect_key_phrases",
        meter=characters,
        limits=comprehend.LONG,
        batch=comprehend.BATCH,
        languages=comprehend.LANGUAGES,
        needs_language=True,
        notes=f"with scores and offsets; {_LANGUAGE_NOTE}; {_BATCH_NOTE}",
    ),
    OperationSpec(
        operation="text.detect_language",
        service="comprehend",
        sku="aws.comprehend.detect_dominant_language",
        meter=characters,
        limits=comprehend.LONG,
        batch=comprehend.BATCH,
        notes=f"AWS asks for 20 characters or more; {_BATCH_NOTE}",
    ),
    OperationSpec(
        operation="text.detect_pii",
        service="comprehend",
        sku="aws.comprehend.detect_pii_entities",
        meter=characters,
        limits=comprehend.LONG,
        languages=comprehend.PII_LANGUAGES,
        needs_language=True,
        notes=f"36 types, English and Spanish; {_LANGUAGE_NOTE}",
    ),
    OperationSpec(
        operation="text.redact",
        service="comprehend",
        sku="aws.comprehend.detect_pii_entities",
        meter=characters,
        limits=comprehend.LONG,
        languages=comprehend.PII_LANGUAGES,
        needs_language=True,
        notes=(
            "Comprehend redacts files in S3 only, so DetectPiiEntities finds the places and mlbroker masks them; "
            f"English and Spanish; {_LANGUAGE_NOTE}"
        ),
    ),
    OperationSpec(
        operation="text.moderate",
        service="comprehend",
        sku="aws.comprehend.detect_toxic_content",
        meter=characters,
        limits=comprehend.SEGMENT,
        batch=comprehend.SEGMENTS,
        languages=comprehend.TOXICITY_LANGUAGES,
        needs_language=True,
        unproven=True,
        notes=(
            "DetectToxicContent: English only, 7 kinds and the toxicity of the whole as a label of its own; a text "
            "above 1,000 bytes is cut, and each part is billed as 300 characters at least; several texts go 10 to a "
            "request"
        ),
    ),
)

TRANSCRIPTION = (transcribe_spec.SPEC, streaming_spec.SPEC)

MANIFEST = Manifest(
    provider="aws",
    version="0.1.0",
    extra="mlbroker[aws]",
    operations=(*VISION, *TEXT, *TRANSCRIPTION, *SEARCH),
)
