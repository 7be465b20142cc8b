"""What is written in a picture: Rekognition DetectText for scenes, Textract DetectDocumentText for pages.

Sources: the service models ``rekognition/2016-06-27`` and ``textract/2018-06-27`` of botocore;
docs.aws.amazon.com/rekognition/latest/dg/limits.html and docs.aws.amazon.com/textract/latest/dg/limits-document.html.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from broker.contract import ImageLimits, given, needed, one_image, one_page
from broker.errors import BadInput
from broker.types import (
    Confidence,
    DetectedText,
    DetectTextRequest,
    Image,
    Request,
    TextLine,
    TextMode,
    Usage,
    Word,
)
from broker_aws import options, places
from broker_aws.wire import NO_PICTURE

SCENE_METHOD, DOCUMENT_METHOD = "detect_text", "detect_document_text"
SCENE_VERSION, DOCUMENT_VERSION = "TextModelVersion", "DetectDocumentTextModelVersion"
EXTENSIONS = ("aws_filters",)
_HANDWRITTEN = {"HANDWRITING": True, "PRINTED": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLimits(ImageLimits):
    """Rekognition's limits, and Textract's for the mode ``document``.

    :param document: what Textract takes.
    """

    document: ImageLimits

    def check(self, request: Request, provider: str, operation: str) -> None:
        """Raise :class:`BadInput` by the limits of the service that the mode leads to."""
        if is_document(request):
            self.document.check(request, provider, operation)
        else:
            ImageLimits.check(self, request, provider, operation)


def is_document(request: Request) -> bool:
    """Whether Textract is asked."""
    return isinstance(request, DetectTextRequest) and request.mode is TextMode.DOCUMENT


def meter(request: Request) -> tuple[Usage, ...]:
    """An image of Rekognition's, or a page of Textract's: two services with prices of their own."""
    if is_document(request):
        return _PAGE
    return one_image(request)


_PAGE = tuple(replace(each, sku="aws.textract.detect_document_text") for each in one_page(Request()))


def parameters(request: DetectTextRequest) -> dict[str, Any]:
    """Arguments of the method that the mode leads to. Raises :class:`BadInput`."""
    said = request.extensions
    if is_document(request):
        if "aws_filters" in said:
            raise BadInput("aws_filters is Rekognition's (mode='scene'); Textract has no filters")
        return {"Document": NO_PICTURE}
    wanted: dict[str, Any] = {"Image": NO_PICTURE}
    if "aws_filters" in said:
        wanted["Filters"] = options.members(said, "aws_filters", "DetectText's Filters object")
    return wanted


def scene_of(body: dict[str, Any], image: Image) -> DetectedText:
    """Lines with their words, which come beside the lines and name them by ``ParentId``.

    Up to 100 words. A word whose line is not there stands as a line of its own, so that no text is lost and none
    comes twice. Raises ValueError for an unusable answer.
    """
    items: list[Any] = needed(body, "TextDetections", list)
    lines = [(item, _no_words()) for item in items if needed(item, "Type", str) == "LINE"]
    by_id = {given(item, "Id", int): words for item, words in lines}
    for item in items:
        if item["Type"] == "WORD":
            parent = given(item, "ParentId", int)
            if parent is not None and parent in by_id:
                by_id[parent].append(_word(item, "DetectedText"))
            else:
                lines.append((item, [_word(item, "DetectedText")]))
    return DetectedText(
        lines=tuple(_line(item, "DetectedText", words) for item, words in lines),
        frame=places.frame(image, turned=False),
    )


def document_of(body: dict[str, Any], image: Image) -> DetectedText:
    """Lines with their words, which are blocks that the line's ``CHILD`` relationship names.

    Each word stands once, in the first line that names it; one that no line names is a line of its own. Textract has no
    layout here: the block PAGE is the whole picture. Raises ValueError for an unusable answer.
    """
    items: list[Any] = needed(body, "Blocks", list)
    unplaced: dict[int, Any] = {}  # words by their place in the answer
    by_id: dict[str, int] = {}
    for place, item in enumerate(items):
        if needed(item, "BlockType", str) == "WORD":
            unplaced[place] = item
            name = given(item, "Id", str)
            if name is not None:
                by_id.setdefault(name, place)
    lines: list[TextLine] = []
    for item in items:
        if item["BlockType"] == "LINE":
            found = [unplaced.pop(by_id[name], None) for name in _children(item) if name in by_id]
            lines.append(_line(item, "Text", [_word(each, "Text") for each in found if each is not None]))
    lines.extend(_line(item, "Text", [_word(item, "Text")]) for item in unplaced.values())
    return DetectedText(lines=tuple(lines), frame=places.frame(image, turned=False))


def _no_words() -> list[Word]:
    return []


def _children(block: Any) -> list[str]:
    found: list[str] = []
    relations: list[Any] = given(block, "Relationships", list) or []
    for relation in relations:
        if needed(relation, "Type", str) == "CHILD":
            found.extend(given(relation, "Ids", list) or [])
    return found


def _line(item: dict[str, Any], text: str, words: list[Word]) -> TextLine:
    return TextLine(
        text=needed(item, text, str),
        confidence=Confidence.percent(item.get("Confidence")),
        region=places.outline(item),
        words=tuple(words),
    )


def _word(item: dict[str, Any], text: str) -> Word:
    return Word(
        text=needed(item, text, str),
        confidence=Confidence.percent(item.get("Confidence")),
        region=places.outline(item),
        handwritten=_HANDWRITTEN.get(given(item, "TextType", str) or ""),
    )
