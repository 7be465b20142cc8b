"""Image Analysis 4.0: our results from the answer. All places are of the picture that ``metadata`` measures.

Each function takes the whole answer and raises ValueError, TypeError or the like for one that is not as the
schema promises; the adapter makes that a :class:`~broker.errors.MalformedReply`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.contract import given, needed
from broker.types import (
    Caption,
    CaptionSet,
    Confidence,
    DetectedObject,
    DetectedText,
    Frame,
    Image,
    ImageAnalysis,
    Label,
    LabelSet,
    ObjectSet,
    Region,
    TextBlock,
    TextLine,
    Word,
)

_NUMBERS = (int, float)


def labels_of(body: Mapping[str, Any]) -> LabelSet:
    """From ``tagsResult``."""
    return LabelSet(labels=tuple([_label(item) for item in _values(body, "tagsResult")]))


def objects_of(body: Mapping[str, Any], image: Image) -> ObjectSet:
    """From ``objectsResult``: the first tag names the object (the schema calls it "a single-item list")."""
    frame = frame_of(body, image)
    return ObjectSet(
        objects=tuple([_object(item, frame) for item in _values(body, "objectsResult")]), frame=frame
    )


def text_of(body: Mapping[str, Any], image: Image) -> DetectedText:
    """From ``readResult``: only words have a confidence; a block is its lines and no more."""
    frame = frame_of(body, image)
    blocks = tuple(
        [
            TextBlock(
                lines=tuple([_line(line, frame) for line in needed(block, "lines", list)]),
                confidence=Confidence.unknown(),
            )
            for block in needed(needed(body, "readResult", dict), "blocks", list)
        ]
    )
    return DetectedText(
        lines=tuple([line for block in blocks for line in block.lines]), blocks=blocks, frame=frame
    )


def caption_of(body: Mapping[str, Any], image: Image) -> CaptionSet:
    """From ``captionResult``: one sentence for the whole picture."""
    found = needed(body, "captionResult", dict)
    only = Caption(text=needed(found, "text", str), confidence=Confidence.ratio(found.get("confidence")))
    return CaptionSet(captions=(only,), frame=frame_of(body, image))


def dense_captions_of(body: Mapping[str, Any], image: Image) -> CaptionSet:
    """From ``denseCaptionsResult``: "the first caption always applies to the whole image"."""
    frame = frame_of(body, image)
    return CaptionSet(
        captions=tuple([_caption(item, frame) for item in _values(body, "denseCaptionsResult")]), frame=frame
    )


def analysis_of(body: Mapping[str, Any], image: Image, operations: tuple[str, ...]) -> ImageAnalysis:
    """What was asked for, out of one answer; each part must be there."""
    return ImageAnalysis(
        labels=labels_of(body) if "label" in operations else None,
        objects=objects_of(body, image) if "detect_objects" in operations else None,
        text=text_of(body, image) if "detect_text" in operations else None,
        captions=caption_of(body, image) if "caption" in operations else None,
    )


def frame_of(body: Mapping[str, Any], image: Image) -> Frame:
    """The picture as the service measured it, else as its header says.

    Whether the service turns a picture as its EXIF data says is documented nowhere. Where that swaps the sides,
    the measures it gives tell; where it does not, ``upright`` stays open.
    """
    metadata = given(body, "metadata", dict)
    turned = image.orientation
    if metadata is None:
        width, height = image.width, image.height
        upright = True if turned in (None, 1) else None
    else:
        width, height = needed(metadata, "width", int), needed(metadata, "height", int)
        if width < 1 or height < 1:
            raise ValueError(f"the picture is said to have {width} x {height} pixels")
        upright = _upright(turned, (width, height), (image.width, image.height))
    return Frame(width=width, height=height, orientation=turned, upright=upright)


def _upright(turned: int | None, seen: tuple[int, int], stored: tuple[int, int]) -> bool | None:
    if turned in (None, 1):
        return True  # nothing to turn
    if turned is not None and turned >= 5 and stored[0] != stored[1]:
        if seen == stored[::-1]:
            return True
        if seen == stored:
            return False
    return None


def _values(body: Mapping[str, Any], member: str) -> list[Any]:
    return needed(needed(body, member, dict), "values", list)


def _label(item: Any) -> Label:
    if not isinstance(item, dict):
        raise TypeError(f"a tag is a {type(item).__name__}")
    name = item.get("name")
    if not isinstance(name, str) or not name:
        raise TypeError("a tag has no name")
    return Label(name=name, confidence=Confidence.ratio(item.get("confidence")))


def _object(item: Any, frame: Frame) -> DetectedObject:
    tags = [_label(tag) for tag in needed(item, "tags", list)]
    if not tags:
        raise ValueError("an object has no tags")
    return DetectedObject(
        name=tags[0].name,
        confidence=tags[0].confidence,
        region=_box(item, frame),
        others=tuple(tags[1:]),
    )


def _line(item: Any, frame: Frame) -> TextLine:
    return TextLine(
        text=needed(item, "text", str),
        confidence=Confidence.unknown(),
        region=_polygon(item, frame),
        words=tuple(
            [
                Word(
                    text=needed(word, "text", str),
                    confidence=Confidence.ratio(word.get("confidence")),
                    region=_polygon(word, frame),
                )
                for word in needed(item, "words", list)
            ]
        ),
    )


def _caption(item: Any, frame: Frame) -> Caption:
    region = _box(item, frame)
    whole = region.box.width >= 1.0 and region.box.height >= 1.0
    return Caption(
        text=needed(item, "text", str),
        confidence=Confidence.ratio(item.get("confidence")),
        region=None if whole else region,
    )


def _box(item: Any, frame: Frame) -> Region:
    box = needed(item, "boundingBox", dict)
    left, top, width, height = (needed(box, name, float) for name in ("x", "y", "w", "h"))
    return Region.from_pixel_box(left, top, width, height, of=(frame.width, frame.height))


def _polygon(item: Any, frame: Frame) -> Region:
    corners = [_corner(point) for point in needed(item, "boundingPolygon", list)]
    return Region.from_pixels(corners, width=frame.width, height=frame.height)


def _corner(point: Any) -> tuple[float, float]:
    x, y = point["x"], point["y"]  # not by needed(): a page has thousands of them
    if type(x) not in _NUMBERS or type(y) not in _NUMBERS:
        raise ValueError(f"a corner is at a {type(x).__name__} and a {type(y).__name__}")
    return x, y
