"""``broker.estimate``: the same methods with the same options, answering what the call would cost. Nothing is sent."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Unpack

from broker.contract.operations import DETECT_FACES, DETECT_TEXT, LABEL, Operation
from broker.facades.options import FaceOptions, LabelOptions, TextOptions
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

    def detect_text(self, image: ImageInput, /, **options: Unpack[TextOptions]) -> Estimate:
        """What ``broker.vision.detect_text`` would cost."""
        return self._estimate(DETECT_TEXT, image, dict(options))

    def detect_faces(self, image: ImageInput, /, **options: Unpack[FaceOptions]) -> Estimate:
        """What ``broker.vision.detect_faces`` would cost."""
        return self._estimate(DETECT_FACES, image, dict(options))

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

    async def detect_text(self, image: ImageInput, /, **options: Unpack[TextOptions]) -> Estimate:
        """What ``broker.vision.detect_text`` would cost."""
        return await self._estimate(DETECT_TEXT, image, dict(options))

    async def detect_faces(self, image: ImageInput, /, **options: Unpack[FaceOptions]) -> Estimate:
        """What ``broker.vision.detect_faces`` would cost."""
        return await self._estimate(DETECT_FACES, image, dict(options))

    async def _estimate(
        self, operation: Operation[Any, Any], image: ImageInput, options: dict[str, Any]
    ) -> Estimate:
        ahead = Ahead() if self._ahead is None else self._ahead
        return await self._core.estimate(operation, image, options, ahead)


class Estimates:
    """``broker.estimate``: each estimate is of one call made now."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    @cached_property
    def vision(self) -> VisionEstimates:
        """Operations on pictures."""
        return VisionEstimates(self._core, self._ahead)

    def plan(self) -> Estimates:
        """Estimates that follow each other, as of calls made one after the other, so that they can be added up.

        Each begins at the tier position and at the budgets that the ones before would leave behind.
        """
        return Estimates(self._core, Ahead(moving=True))


class AsyncEstimates:
    """The same for ``async`` code."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    @cached_property
    def vision(self) -> AsyncVisionEstimates:
        """Operations on pictures."""
        return AsyncVisionEstimates(self._core, self._ahead)

    def plan(self) -> AsyncEstimates:
        """See :meth:`Estimates.plan`."""
        return AsyncEstimates(self._core, Ahead(moving=True))
