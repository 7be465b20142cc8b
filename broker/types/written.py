"""vision.detect_text: what is written in a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from broker.errors import BadInput
from broker.types.confidence import Confidence
from broker.types.geometry import Frame, Region
from broker.types.request import ImageRequest, check_ratio


class TextMode(str, Enum):
    """What kind of picture it is; vendors have a service or a model for each."""

    SCENE = "scene"
    """A photo with some writing in it: signs, labels, plates."""
    DOCUMENT = "document"
    """A page of print or handwriting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectTextRequest(ImageRequest):
    """What is written in this picture?

    :param mode: ``scene`` or ``document``.
    :param min_confidence: a ratio (0..1) that a line must have; where lines have none, its words.
    """

    mode: TextMode = TextMode.SCENE
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)
        try:
            object.__setattr__(self, "mode", TextMode(self.mode))
        except ValueError:
            raise BadInput(
                f"mode must be 'scene' (a photo with writing in it) or 'document' (a page), not {self.mode!r:.80}"
            ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word as read, with its place where the provider gives one.

    :param handwritten: written by hand (True) or printed (False), where the provider tells (Textract).
    """

    text: str
    confidence: Confidence
    region: Region | None = None
    handwritten: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """One line as read.

    :param confidence: of the line; its value is None where the vendor judges only words.
    :param words: in reading order; empty where the vendor gives none.
    """

    text: str
    confidence: Confidence
    region: Region | None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """Lines that belong together, as the vendor's layout sees it.

    :param kind: ``text``, ``table``, ``picture``, ``ruler``, ``barcode``; the vendor's own word where it is another.
    """

    lines: tuple[TextLine, ...]
    confidence: Confidence
    region: Region | None = None
    kind: str = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedText:
    """Lines in reading order.

    :param blocks: the same lines, grouped; None where the vendor has no layout.
    :param languages: BCP-47 tags of what was read, where the vendor says so.
    :param frame: the picture that the places are ratios of.
    """

    lines: tuple[TextLine, ...]
    blocks: tuple[TextBlock, ...] | None = None
    languages: tuple[str, ...] = ()
    frame: Frame | None = None

    @property
    def text(self) -> str:
        """All lines, joined by newlines. Each word is in it once."""
        return "\n".join(line.text for line in self.lines)

    @property
    def words(self) -> tuple[Word, ...]:
        """The words of all lines."""
        return tuple(word for line in self.lines for word in line.words)

    def select(self, request: DetectTextRequest) -> DetectedText:
        """Apply ``min_confidence`` to lines; of a line without a confidence of its own, to its words."""
        bar = request.min_confidence
        if bar <= 0.0:
            return self
        blocks = self.blocks
        if blocks is not None:
            shorter = (replace(each, lines=_sure(each.lines, bar)) for each in blocks)
            blocks = tuple(each for each in shorter if each.lines)
        return replace(self, lines=_sure(self.lines, bar), blocks=blocks)


def _sure(lines: tuple[TextLine, ...], bar: float) -> tuple[TextLine, ...]:
    kept: list[TextLine] = []
    for line in lines:
        if line.confidence.value is not None:
            if line.confidence.value >= bar:
                kept.append(line)
            continue
        words = tuple(
            word for word in line.words if word.confidence.value is not None and word.confidence.value >= bar
        )
        if words == line.words and words:
            kept.append(line)
        elif words:
            kept.append(replace(line, words=words, text=" ".join(word.text for word in words)))
    return tuple(kept)
