"""Vision TEXT_DETECTION and DOCUMENT_TEXT_DETECTION: our blocks, lines and words from the answer.

Vision gives pages, blocks, paragraphs, words and symbols; a line is what lies between two breaks that it detected.
Source: google/cloud/vision/v1/text_annotation.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from broker.contract import reading
from broker.types import Confidence, DetectedText, DetectTextRequest, Frame, Region, TextBlock, TextLine, Word
from broker_gcp.vision_boxes import frame_of, page_size, region_of
from broker_gcp.vision_languages import spoken

_KINDS = ("unknown", "text", "table", "picture", "ruler", "barcode")
"""Block.BlockType by number, as our words."""
_EOL_SURE_SPACE, _HYPHEN, _LINE_BREAK = 3, 4, 5
_ENDS = (_EOL_SURE_SPACE, _HYPHEN, _LINE_BREAK)
"""TextAnnotation.DetectedBreak.BreakType: those that end a line. All others are spaces."""


def text_in(answer: Any, request: DetectTextRequest) -> DetectedText:
    """What is written. No annotation at all means that nothing is. Raises :class:`MalformedReply`.

    Vision judges words, paragraphs and blocks but no lines, so a line's confidence is unknown. A confidence of 0 is not
    sent (proto3), so it is unknown too.
    """
    with reading("the text"):
        if answer.HasField("full_text_annotation"):
            full = answer.full_text_annotation
            if any(page.blocks for page in full.pages):
                found = _laid_out(full, request)
                if found.lines or not full.text.strip():
                    return found
            if full.text:
                return _flat(full.text, answer.text_annotations, request)
        if answer.text_annotations:
            return _flat(answer.text_annotations[0].description, answer.text_annotations, request)
    return DetectedText(lines=(), blocks=(), frame=frame_of(request.image))


def _laid_out(full: Any, request: DetectTextRequest) -> DetectedText:
    blocks: list[TextBlock] = []
    frame: Frame | None = None
    for page in full.pages:
        size = frame_of(request.image, page_size(page))
        frame = frame or size
        blocks.extend(_block(block, full.text, size) for block in page.blocks)
    return DetectedText(
        lines=tuple(line for block in blocks for line in block.lines),
        blocks=tuple(blocks),
        languages=_languages(full.pages),
        frame=frame,
    )


def _block(block: Any, whole: str, size: Frame) -> TextBlock:
    kind = block.block_type
    return TextBlock(
        lines=tuple(_lines(block, whole, size)),
        confidence=Confidence.ratio(block.confidence or None),
        region=region_of(block.bounding_box, size.width, size.height),
        kind=_KINDS[kind] if 0 <= kind < len(_KINDS) else str(kind),
    )


class _Read(NamedTuple):
    """A word with the breaks before and behind it (0: none), and how it stands in its line."""

    word: Word
    shown: str
    before: int
    behind: int


def _lines(block: Any, whole: str, size: Frame) -> Iterator[TextLine]:
    """The lines of a block: no line goes on in another block."""
    text = ""
    words: list[Word] = []
    for paragraph in block.paragraphs:
        last = 0
        for each in paragraph.words:
            read = _word(each, size)
            if read is None:
                continue
            if read.before in _ENDS and words:
                yield _line(text, words)
                text, words = "", []
            elif read.before and words and not text.endswith(" "):
                text += " "
            text += read.shown
            words.append(read.word)
            last = read.behind
            if last in _ENDS:
                # "End-line hyphen that is not present in text": shown where Vision's own text shows it.
                text += "-" if last == _HYPHEN and f"{text}-\n" in whole else ""
                yield _line(text, words)
                text, words = "", []
            elif last:
                text += " "
        if words and not last:  # a paragraph that ends without a word on how
            yield _line(text, words)
            text, words = "", []
    if words:
        yield _line(text, words)


def _line(text: str, words: list[Word]) -> TextLine:
    places = [word.region for word in words if word.region is not None]
    region: Region | None = None
    if places:  # one word's own polygon may be turned; around several we draw a box
        region = places[0] if len(places) == 1 else Region.around(places)
    return TextLine(text=text.strip(), confidence=Confidence.unknown(), region=region, words=tuple(words))


def _word(word: Any, size: Frame) -> _Read | None:
    """None for a word without letters."""
    letters = shown = ""
    before = behind = 0
    for symbol in word.symbols:
        kind, prefix = _break(symbol)
        if behind:  # a break in the midst of a word: a space in its line, no part of the word
            shown += " "
            behind = 0
        if kind and prefix:
            if letters:
                shown += " "
            else:
                before = kind
        letters += symbol.text
        shown += symbol.text
        if kind and not prefix:
            behind = kind
    kind, prefix = _break(word)
    if kind and prefix:
        before = before or kind
    elif kind:
        behind = behind or kind
    if not letters:
        return None
    found = Word(
        text=letters,
        confidence=Confidence.ratio(word.confidence or None),
        region=region_of(word.bounding_box, size.width, size.height),
    )
    return _Read(found, shown, before, behind)


def _break(part: Any) -> tuple[int, bool]:
    """Kind of the break at a part (0: none) and whether it stands before it. A break of unknown kind is a space."""
    if not part.HasField("property") or not part.property.HasField("detected_break"):
        return 0, False
    found = part.property.detected_break
    return getattr(found, _type_field()) or 1, found.is_prefix


@cache
def _type_field() -> str:
    """The generated classes avoid Python's words: the proto's field "type" is "type_" there."""
    from google.cloud.vision_v1.types import text_annotation as types

    shape: Any = types.TextAnnotation.DetectedBreak
    return "type_" if "type_" in shape.pb().DESCRIPTOR.fields_by_name else "type"


def _languages(pages: Any) -> tuple[str, ...]:
    """Of the pages; where these tell none, of the parts that do."""
    found = dict.fromkeys(tag for page in pages for tag in _tags(page))
    if not found:
        found = dict.fromkeys(tag for page in pages for part in _parts(page) for tag in _tags(part))
    return tuple(found)


def _parts(page: Any) -> Iterator[Any]:
    for block in page.blocks:
        yield block
        for paragraph in block.paragraphs:
            yield paragraph
            yield from paragraph.words


def _tags(part: Any) -> Iterator[str]:
    if part.HasField("property"):
        for language in part.property.detected_languages:
            tag = spoken(language.language_code)
            if tag is not None:
                yield tag


def _flat(whole: str, annotations: Any, request: DetectTextRequest) -> DetectedText:
    """From ``text_annotations``, which old answers have alone: the first is the whole text, the others are its words.

    The words are laid on the lines of the text in their order; where they do not fit, the lines stand without words
    rather than with wrong ones.
    """
    frame = frame_of(request.image)
    words = [_annotated(each, frame) for each in annotations[1:]]
    texts = [line.strip() for line in whole.split("\n") if line.strip()]
    shared = _shared(texts, words)
    first = spoken(annotations[0].locale) if annotations else None
    return DetectedText(
        lines=tuple(_line(text, some) for text, some in zip(texts, shared, strict=True)),
        languages=() if first is None else (first,),
        frame=frame,
    )


def _annotated(entity: Any, frame: Frame) -> Word:
    if not entity.description:
        raise ValueError("a word has no text")
    return Word(
        text=entity.description,
        confidence=Confidence.ratio(entity.score or None),
        region=region_of(entity.bounding_poly, frame.width, frame.height),
    )


def _shared(texts: list[str], words: list[Word]) -> list[list[Word]]:
    """Each line's words."""
    found: list[list[Word]] = []
    waiting = iter(words)
    for text in texts:
        left, line = "".join(text.split()), []
        while left:
            word = next(waiting, None)
            letters = "" if word is None else "".join(word.text.split())
            if word is None or not letters or not left.startswith(letters):
                return [[] for _ in texts]
            line.append(word)
            left = left[len(letters) :]
        found.append(line)
    return found if next(waiting, None) is None else [[] for _ in texts]
