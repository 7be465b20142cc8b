"""``broker.estimate.vision``: what operations on pictures would cost. Nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from broker.contract.operations import (
    ANALYZE,
    CAPTION,
    DETECT_FACES,
    DETECT_OBJECTS,
    DETECT_TEXT,
    LABEL,
    MODERATE_IMAGE,
    Operation,
)
from broker.facades.options import (
    AnalyzeOptions,
    CaptionOptions,
    DetectTextOptions,
    FaceOptions,
    LabelOptions,
    ModerationOptions,
    ObjectOptions,
)
from broker.pipeline.ahead import Ahead
from broker.runtime.blocking import drive
from broker.types.estimate import Estimate
from broker.types.media import ImageInput

if TYPE_CHECKING:
    from broker.core import Core


class VisionEstimates:
    """As :class:`~broker.facades.vision.Vision`. Bad input raises the errors of the real call."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    def label(self, image: ImageInput, /, **options: Unpack[LabelOptions]) -> Estimate:
        """What ``broker.vision.label`` would cost."""
        return self._estimate(LABEL, image, dict(options))

    def detect_objects(self, image: ImageInput, /, **options: Unpack[ObjectOptions]) -> Estimate:
        """What ``broker.vision.detect_objects`` would cost."""
        return self._estimate(DETECT_OBJECTS, image, dict(options))

    def detect_text(self, image: ImageInput, /, **options: Unpack[DetectTextOptions]) -> Estimate:
        """What ``broker.vision.detect_text`` would cost."""
        return self._estimate(DETECT_TEXT, image, dict(options))

    def detect_faces(self, image: ImageInput, /, **options: Unpack[FaceOptions]) -> Estimate:
        """What ``broker.vision.detect_faces`` would cost."""
        return self._estimate(DETECT_FACES, image, dict(options))

    def moderate(self, image: ImageInput, /, **options: Unpack[ModerationOptions]) -> Estimate:
        """What ``broker.vision.moderate`` would cost."""
        return self._estimate(MODERATE_IMAGE, image, dict(options))

    def caption(self, image: ImageInput, /, **options: Unpack[CaptionOptions]) -> Estimate:
        """What ``broker.vision.caption`` would cost."""
        return self._estimate(CAPTION, image, dict(options))

    def analyze(self, image: ImageInput, /, **options: Unpack[AnalyzeOptions]) -> Estimate:
        """What ``broker.vision.analyze`` would cost."""
        return self._estimate(ANALYZE, image, dict(options))

    def _estimate(
        self, operation: Operation[Any, Any], image: ImageInput, options: dict[str, Any]
    ) -> Estimate:
        ahead = Ahead() if self._ahead is None else self._ahead
        return drive(self._core.estimate(operation, image, options, ahead))


class AsyncVisionEstimates:
    """The same for ``async`` code."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    async def label(self, image: ImageInput, /, **options: Unpack[LabelOptions]) -> Estimate:
        """What ``broker.vision.label`` would cost."""
        return await self._estimate(LABEL, image, dict(options))

    async def detect_objects(self, image: ImageInput, /, **options: Unpack[ObjectOptions]) -> Estimate:
        """What ``broker.vision.detect_objects`` would cost."""
        return await self._estimate(DETECT_OBJECTS, image, dict(options))

    async def detect_text(self, image: ImageInput, /, **options: Unpack[DetectTextOptions]) -> Estimate:
        """What ``broker.vision.detect_text`` would cost."""
        return await self._estimate(DETECT_TEXT, image, dict(options))

    async def detect_faces(self, image: ImageInput, /, **options: Unpack[FaceOptions]) -> Estimate:
        """What ``broker.vision.detect_faces`` would cost."""
        return await self._estimate(DETECT_FACES, image, dict(options))

    async def moderate(self, image: ImageInput, /, **options: Unpack[ModerationOptions]) -> Estimate:
        """What ``broker.vision.moderate`` would cost."""
        return await self._estimate(MODERATE_IMAGE, image, dict(options))

    async def caption(self, image: ImageInput, /, **options: Unpack[CaptionOptions]) -> Estimate:
        """What ``broker.vision.caption`` would cost."""
        return await self._estimate(CAPTION, image, dict(options))

    async def analyze(self, image: ImageInput, /, **options: Unpack[AnalyzeOptions]) -> Estimate:
        """What ``broker.vision.analyze`` would cost."""
        return await self._estimate(ANALYZE, image, dict(options))

    async def _estimate(
        self, operation: Operation[Any, Any], image: ImageInput, options: dict[str, Any]
    ) -> Estimate:
        ahead = Ahead() if self._ahead is None else self._ahead
        return await self._core.estimate(operation, image, options, ahead)
