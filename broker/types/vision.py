"""Requests and results of the vision operations."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from broker.errors import BadInput
from broker.types.confidence import Confidence
from broker.types.geometry import Region
from broker.types.json import JsonValue
from broker.types.media import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """What every operation on one image has.

    :param extensions: options only one vendor has, named ``provider_option`` (``aws_features``).
    :param raw: keep the vendor's whole answer on the result.
    """

    image: Image
    language: str | None = None
    extensions: dict[str, JsonValue] = field(default_factory=dict)
    raw: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRequest(ImageRequest):
    """What is in this picture?

    :param max_labels: keep at most so many, the most confident ones; None keeps all.
    :param min_confidence: keep labels of at least this ratio (0..1); labels of unknown
        confidence do not pass a positive bar.
    """

    max_labels: int | None = None
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        most = self.max_labels
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise BadInput(f"max_labels must be a whole number of 1 or more, or None for all; not {most!r}")
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One thing the provider sees.

    :param name: the vendor's word, unchanged.
    :param id: the vendor's id of the concept (Google's ``mid``, a WordNet id locally).
    :param parents: broader concepts, nearest first, where the vendor gives them.
    :param aliases: other names of the same concept.
    :param categories: the vendor's own grouping.
    """

    name: str
    confidence: Confidence
    id: str | None = None
    parents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    def __init__(
        self,
        *,
        name: str,
        confidence: Confidence,
        id: str | None = None,
        parents: tuple[str, ...] = (),
        aliases: tuple[str, ...] = (),
        categories: tuple[str, ...] = (),
    ) -> None:
        # What the dataclass would write, through the slots' own descriptors: a call makes dozens of labels.
        _set_name(self, name)
        _set_confidence(self, confidence)
        _set_id(self, id)
        _set_parents(self, parents)
        _set_aliases(self, aliases)
        _set_categories(self, categories)


_set_name, _set_confidence, _set_id, _set_parents, _set_aliases, _set_categories = (
    getattr(Label, name).__set__ for name in ("name", "confidence", "id", "parents", "aliases", "categories")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSet:
    """All labels of one picture in the vendor's order, filtered as the request asked."""

    labels: tuple[Label, ...]

    def select(self, request: LabelRequest) -> LabelSet:
        """Apply ``min_confidence`` and ``max_labels``: the same filter for every provider."""
        kept = self.labels
        bar = request.min_confidence
        if bar > 0.0:
            kept = tuple(
                each for each in kept if each.confidence.value is not None and each.confidence.value >= bar
            )
        if request.max_labels is not None and len(kept) > request.max_labels:
            ranked = sorted(
                range(len(kept)), key=lambda i: -(kept[i].confidence.value or 0.0)
            )  # sorted() is stable: the vendor's order breaks ties
            kept = tuple(kept[i] for i in sorted(ranked[: request.max_labels]))
        return self if kept is self.labels else replace(self, labels=kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextRequest(ImageRequest):
    """What is written in this picture?"""

    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word as read, with its place where the provider gives one."""

    text: str
    confidence: Confidence
    region: Region | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """One line as read."""

    text: str
    confidence: Confidence
    region: Region
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectedText:
    """Lines in reading order."""

    lines: tuple[TextLine, ...]

    @property
    def text(self) -> str:
        """All lines, joined by newlines."""
        return "\n".join(line.text for line in self.lines)

    def select(self, request: TextRequest) -> DetectedText:
        """Apply ``min_confidence`` to lines."""
        bar = request.min_confidence
        if bar <= 0.0:
            return self
        return replace(
            self,
            lines=tuple(
                line
                for line in self.lines
                if line.confidence.value is not None and line.confidence.value >= bar
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRequest(ImageRequest):
    """Where are faces in this picture? Nobody is identified."""

    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face's place."""

    region: Region
    confidence: Confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSet:
    """All faces of one picture, largest first."""

    faces: tuple[Face, ...]

    def select(self, request: FaceRequest) -> FaceSet:
        """Apply ``min_confidence``."""
        bar = request.min_confidence
        if bar <= 0.0:
            return self
        return replace(
            self,
            faces=tuple(
                face
                for face in self.faces
                if face.confidence.value is not None and face.confidence.value >= bar
            ),
        )


def check_ratio(name: str, number: float) -> None:
    """Refuse what is not a ratio, with the likely slip named (50 meant as 50 %)."""
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise BadInput(f"{name} must be a number between 0 and 1, not {type(number).__name__}")
    if not 0.0 <= number <= 1.0:
        hint = f"; for {number:g} % write {number / 100:g}" if 1.0 < number <= 100.0 else ""
        raise BadInput(f"{name} is a ratio between 0 and 1, not {number:g}{hint}")
