"""vision.detect_faces: where faces are and how they look. Nobody is identified."""

from __future__ import annotations

from dataclasses import dataclass, replace

from broker.types.confidence import Confidence, sure_enough
from broker.types.geometry import Frame, Point, Region
from broker.types.request import ImageRequest, check_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceRequest(ImageRequest):
    """Where are faces in this picture?

    :param min_confidence: a ratio (0..1) that a face must have, for providers that give one.
    """

    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        check_ratio("min_confidence", self.min_confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmark:
    """A point of a face.

    :param name: the vendor's name in lower snake case (``left_eye``, ``nose_tip``).
    :param depth: Google's third coordinate, in pixels; None elsewhere.
    """

    name: str
    point: Point
    depth: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """How the head is turned, in degrees, as the vendor signs them.

    :param pitch: up and down (Google: tilt). :param yaw: left and right (Google: pan). :param roll: to a shoulder.
    """

    roll: float | None = None
    yaw: float | None = None
    pitch: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceAttribute:
    """Something said of a face: an emotion, a smile, glasses, a blurred picture.

    :param name: in lower snake case: ``happy``, ``smile``, ``eyeglasses``, ``eyes_open``, ``blurred``.
    :param value: what the vendor decided (``False``: no glasses); None where it only gives a confidence.
    :param confidence: of ``value``; of the attribute being there, where ``value`` is None.
    """

    name: str
    confidence: Confidence
    value: bool | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One face. What the vendor does not say is None or empty, never guessed.

    :param landmark_confidence: how sure the vendor is of the landmarks, where it says so.
    :param gaze: where the eyes look, in degrees, where the vendor says so (Rekognition; no roll).
    :param gaze_confidence: how sure it is of that.
    :param age: the vendor's estimate, from and to, in years.
    :param emotions: how the face looks, which is not how its owner feels.
    :param attributes: all else, with the vendor's decision where it makes one.
    :param quality: the picture's own measures (``brightness``, ``sharpness``), on the vendor's scale.
    """

    region: Region
    confidence: Confidence
    landmarks: tuple[Landmark, ...] = ()
    landmark_confidence: Confidence | None = None
    pose: Pose | None = None
    age: tuple[int, int] | None = None
    emotions: tuple[FaceAttribute, ...] = ()
    attributes: tuple[FaceAttribute, ...] = ()
    quality: tuple[tuple[str, float], ...] = ()
    gaze: Pose | None = None
    gaze_confidence: Confidence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceSet:
    """All faces of one picture, in the vendor's order.

    :param frame: the picture that the places are ratios of.
    """

    faces: tuple[Face, ...]
    frame: Frame | None = None

    def select(self, request: FaceRequest) -> FaceSet:
        """Apply ``min_confidence``."""
        kept = sure_enough(self.faces, request.min_confidence)
        return self if kept is self.faces else replace(self, faces=kept)
