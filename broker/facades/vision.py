"""``broker.vision``: thin typed methods; all they do is name the operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from broker.contract.operations import DETECT_FACES, DETECT_TEXT, LABEL
from broker.facades.options import FaceOptions, LabelOptions, TextOptions
from broker.runtime.blocking import drive
from broker.types.call import Result
from broker.types.media import ImageInput
from broker.types.vision import DetectedText, FaceSet, LabelSet

if TYPE_CHECKING:
    from broker.core import Core


class Vision:
    """Pictures in, typed results out. Every method raises the errors of :mod:`broker.errors`."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def label(self, image: ImageInput, /, **options: Unpack[LabelOptions]) -> Result[LabelSet]:
        """What is in the picture? See :class:`~broker.facades.options.LabelOptions`."""
        return drive(self._core.run(LABEL, image, dict(options)))

    def detect_text(self, image: ImageInput, /, **options: Unpack[TextOptions]) -> Result[DetectedText]:
        """What is written in the picture? See :class:`~broker.facades.options.TextOptions`."""
        return drive(self._core.run(DETECT_TEXT, image, dict(options)))

    def detect_faces(self, image: ImageInput, /, **options: Unpack[FaceOptions]) -> Result[FaceSet]:
        """Where are faces? Nobody is identified. See :class:`~broker.facades.options.FaceOptions`."""
        return drive(self._core.run(DETECT_FACES, image, dict(options)))


class AsyncVision:
    """The same for ``async`` code."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def label(self, image: ImageInput, /, **options: Unpack[LabelOptions]) -> Result[LabelSet]:
        """What is in the picture? See :class:`~broker.facades.options.LabelOptions`."""
        return await self._core.run(LABEL, image, dict(options))

    async def detect_text(self, image: ImageInput, /, **options: Unpack[TextOptions]) -> Result[DetectedText]:
        """What is written in the picture? See :class:`~broker.facades.options.TextOptions`."""
        return await self._core.run(DETECT_TEXT, image, dict(options))

    async def detect_faces(self, image: ImageInput, /, **options: Unpack[FaceOptions]) -> Result[FaceSet]:
        """Where are faces? Nobody is identified. See :class:`~broker.facades.options.FaceOptions`."""
        return await self._core.run(DETECT_FACES, image, dict(options))
