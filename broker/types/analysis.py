"""vision.analyze: several operations on one picture, answered by one request to the vendor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from broker.errors import BadInput
from broker.types.caption import CaptionRequest, CaptionSet
from broker.types.face import FaceRequest, FaceSet
from broker.types.label import LabelRequest, LabelSet, ObjectRequest, ObjectSet
from broker.types.moderation import ImageModerationRequest, ModerationSet
from broker.types.request import ImageRequest, check_count, check_ratio
from broker.types.written import DetectedText, DetectTextRequest, TextMode

PARTS: dict[str, type[ImageRequest]] = {
    "label": LabelRequest,
    "detect_objects": ObjectRequest,
    "detect_text": DetectTextRequest,
    "detect_faces": FaceRequest,
    "moderate": ImageModerationRequest,
    "caption": CaptionRequest,
}
"""What can be asked for together, in the order of the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyzeRequest(ImageRequest):
    """Several questions about this picture.

    :param operations: names of :data:`PARTS`.
    :param max_labels: for labels, as in :class:`LabelRequest`.
    :param mode: for text, as in :class:`DetectTextRequest`.
    :param min_confidence: for all of them; a provider that gives one of them no ratio refuses it.
    """

    operations: tuple[str, ...] = ()
    max_labels: int | None = None
    mode: TextMode = TextMode.SCENE
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        given: Any = self.operations
        once = isinstance(given, (str, Iterator))  # analyze_many asks more than once
        if once or not all(isinstance(name, str) for name in given):
            raise BadInput('operations must be a list of names, as ["label", "detect_text"]')
        names = [name.removeprefix("vision.") for name in given]
        unknown = [name for name in names if name not in PARTS]
        if unknown or not names:
            what = f"there is no operation {unknown[0]!r:.80}" if unknown else "no operation is asked for"
            raise BadInput(f"{what}; operations takes {', '.join(PARTS)}")
        object.__setattr__(self, "operations", tuple(name for name in PARTS if name in names))
        check_count("max_labels", self.max_labels)
        check_ratio("min_confidence", self.min_confidence)
        DetectTextRequest(image=self.image, mode=self.mode)  # checks the mode
        object.__setattr__(self, "mode", TextMode(self.mode))

    def part(self, name: str) -> ImageRequest:
        """The request of one operation, as if it had been asked for alone; extensions are the whole's."""
        options: dict[str, object] = {"min_confidence": self.min_confidence}
        if name == "label":
            options["max_labels"] = self.max_labels
        elif name == "detect_text":
            options["mode"] = self.mode
        return PARTS[name](image=self.image, language=self.language, **options)  # type: ignore[arg-type] # each kind has its options

    def parts(self) -> tuple[ImageRequest, ...]:
        """All of them, in order."""
        return tuple(self.part(name) for name in self.operations)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageAnalysis:
    """What was asked for; None: it was not asked for."""

    labels: LabelSet | None = None
    objects: ObjectSet | None = None
    text: DetectedText | None = None
    faces: FaceSet | None = None
    moderation: ModerationSet | None = None
    captions: CaptionSet | None = None

    def select(self, request: AnalyzeRequest) -> ImageAnalysis:
        """Apply each operation's own filter. Raises ValueError for a part that was asked for and is not there."""
        changed: dict[str, object] = {}
        for name in request.operations:
            field = FIELDS[name]
            found = getattr(self, field)
            if found is None:
                raise ValueError(f"{name} was asked for and is not in the answer")
            changed[field] = found.select(request.part(name))
        return replace(self, **changed)  # type: ignore[arg-type] # each select gives its own kind


FIELDS = {
    "label": "labels",
    "detect_objects": "objects",
    "detect_text": "text",
    "detect_faces": "faces",
    "moderate": "moderation",
    "caption": "captions",
}
"""Which field of :class:`ImageAnalysis` answers which operation."""
