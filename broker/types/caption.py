"""vision.caption: a picture in a sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace

from broker.types.confidence import Confidence, sure_enough
from broker.types.geometry import Frame, Region
from broker.types.request import ImageRequest, check_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionRequest(ImageRequest):
    """What does this picture show, in a sentence?

    :param dense: captions of the picture's parts too, where the vendor has them.
    :param gender_neutral: "person" and "child" in place of words for men, women, boys and girls.
    :param min_confidence: keep captions of at least this ratio (0..1).
    """

    dense: bool = False
    gender_neutral: bool = False
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """One sentence.

    :param region: the part it speaks of; None: the whole picture.
    """

    text: str
    confidence: Confidence
    region: Region | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptionSet:
    """The captions of one picture, the whole picture's first.

    :param frame: the picture that the places are ratios of.
    """

    captions: tuple[Caption, ...]
    frame: Frame | None = None

    def select(self, request: CaptionRequest) -> CaptionSet:
        """Apply ``min_confidence``."""
        kept = sure_enough(self.captions, request.min_confidence)
        return self if kept is self.captions else replace(self, captions=kept)
