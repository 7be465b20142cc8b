"""``broker.vision``: thin typed methods; all they do is name the operation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from typing import TYPE_CHECKING, Unpack

from broker.contract.operations import (
    ANALYZE,
    CAPTION,
    DETECT_FACES,
    DETECT_OBJECTS,
    DETECT_TEXT,
    LABEL,
    MODERATE_IMAGE,
)
from broker.facades.bulk import CONCURRENCY, many, many_async
from broker.facades.options import (
    AnalyzeOptions,
    CaptionOptions,
    DetectTextOptions,
    FaceOptions,
    LabelOptions,
    ModerationOptions,
    ObjectOptions,
)
from broker.runtime.blocking import drive
from broker.types.analysis import ImageAnalysis
from broker.types.batch import Item
from broker.types.call import Result
from broker.types.caption import CaptionSet
from broker.types.face import FaceSet
from broker.types.label import LabelSet, ObjectSet
from broker.types.media import ImageInput
from broker.types.moderation import ModerationSet
from broker.types.written import DetectedText

if TYPE_CHECKING:
    from broker.core import Core


class Vision:
    """Pictures in, typed results out.

    Every method raises the errors of :mod:`broker.errors`. The ``*_many`` methods take any iterable and give an
    :class:`~broker.types.batch.Item` for each input, in its order, with the input's own error in its place; they take
    few inputs ahead, so that neither inputs nor results need to fit into memory. ``concurrency``: requests on their way
    at once.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def label(self, image: ImageInput, /, **options: Unpack[LabelOptions]) -> Result[LabelSet]:
        """What is in the picture? See :class:`~broker.facades.options.LabelOptions`."""
        return drive(self._core.run(LABEL, image, dict(options)))

    def label_many(
        self,
        images: Iterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[LabelOptions],
    ) -> Generator[Item[LabelSet], None, None]:
        """:meth:`label` for many."""
        return many(self._core, LABEL, images, concurrency, dict(options))

    def detect_objects(self, image: ImageInput, /, **options: Unpack[ObjectOptions]) -> Result[ObjectSet]:
        """Which things are where in the picture? See :class:`~broker.facades.options.ObjectOptions`."""
        return drive(self._core.run(DETECT_OBJECTS, image, dict(options)))

    def detect_objects_many(
        self,
        images: Iterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[ObjectOptions],
    ) -> Generator[Item[ObjectSet], None, None]:
        """:meth:`detect_objects` for many."""
        return many(self._core, DETECT_OBJECTS, images, concurrency, dict(options))

    def detect_text(self, image: ImageInput, /, **options: Unpack[DetectTextOptions]) -> Result[DetectedText]:
        """What is written in the picture? See :class:`~broker.facades.options.DetectTextOptions`."""
        return drive(self._core.run(DETECT_TEXT, image, dict(options)))

    def detect_text_many(
        self,
        images: Iterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[DetectTextOptions],
    ) -> Generator[Item[DetectedText], None, None]:
        """:meth:`detect_text` for many."""
        return many(self._core, DETECT_TEXT, images, concurrency, dict(options))

    def detect_faces(self, image: ImageInput, /, **options: Unpack[FaceOptions]) -> Result[FaceSet]:
        """Where are faces, and how do they look? Nobody is identified. See :class:`~broker.facades.options.FaceOptions`."""
        return drive(self._core.run(DETECT_FACES, image, dict(options)))

    def detect_faces_many(
        self,
        images: Iterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[FaceOptions],
    ) -> Generator[Item[FaceSet], None, None]:
        """:meth:`detect_faces` for many."""
        return many(self._core, DETECT_FACES, images, concurrency, dict(options))

    def moderate(self, image: ImageInput, /, **options: Unpack[ModerationOptions]) -> Result[ModerationSet]:
        """What in the picture might do harm? See :class:`~broker.facades.options.ModerationOptions`."""
        return drive(self._core.run(MODERATE_IMAGE, image, dict(options)))

    def moderate_many(
        self,
        images: Iterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[ModerationOptions],
    ) -> Generator[Item[ModerationSet], None, None]:
        """:meth:`moderate` for many."""
        return many(self._core, MODERATE_IMAGE, images, concurrency, dict(options))

    def caption(self, image: ImageInput, /, **options: Unpack[CaptionOptions]) -> Result[CaptionSet]:
        """What does the picture show, in a sentence? See :class:`~broker.facades.options.CaptionOptions`."""
        return drive(self._core.run(CAPTION, image, dict(options)))

    def caption_many(
        self,
        images: Iterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[CaptionOptions],
    ) -> Generator[Item[CaptionSet], None, None]:
        """:meth:`caption` for many."""
        return many(self._core, CAPTION, images, concurrency, dict(options))

    def analyze(self, image: ImageInput, /, **options: Unpack[AnalyzeOptions]) -> Result[ImageAnalysis]:
        """Several of these at once, by one request to the provider. See :class:`~broker.facades.options.AnalyzeOptions`."""
        return drive(self._core.run(ANALYZE, image, dict(options)))

    def analyze_many(
        self,
        images: Iterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[AnalyzeOptions],
    ) -> Generator[Item[ImageAnalysis], None, None]:
        """:meth:`analyze` for many."""
        return many(self._core, ANALYZE, images, concurrency, dict(options))


class AsyncVision:
    """The same for ``async`` code. The ``*_many`` methods take ordinary and asynchronous iterables."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def label(self, image: ImageInput, /, **options: Unpack[LabelOptions]) -> Result[LabelSet]:
        """What is in the picture? See :class:`~broker.facades.options.LabelOptions`."""
        return await self._core.run(LABEL, image, dict(options))

    def label_many(
        self,
        images: Iterable[ImageInput] | AsyncIterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[LabelOptions],
    ) -> AsyncGenerator[Item[LabelSet], None]:
        """:meth:`label` for many."""
        return many_async(self._core, LABEL, images, concurrency, dict(options))

    async def detect_objects(
        self, image: ImageInput, /, **options: Unpack[ObjectOptions]
    ) -> Result[ObjectSet]:
        """Which things are where in the picture? See :class:`~broker.facades.options.ObjectOptions`."""
        return await self._core.run(DETECT_OBJECTS, image, dict(options))

    def detect_objects_many(
        self,
        images: Iterable[ImageInput] | AsyncIterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[ObjectOptions],
    ) -> AsyncGenerator[Item[ObjectSet], None]:
        """:meth:`detect_objects` for many."""
        return many_async(self._core, DETECT_OBJECTS, images, concurrency, dict(options))

    async def detect_text(
        self, image: ImageInput, /, **options: Unpack[DetectTextOptions]
    ) -> Result[DetectedText]:
        """What is written in the picture? See :class:`~broker.facades.options.DetectTextOptions`."""
        return await self._core.run(DETECT_TEXT, image, dict(options))

    def detect_text_many(
        self,
        images: Iterable[ImageInput] | AsyncIterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[DetectTextOptions],
    ) -> AsyncGenerator[Item[DetectedText], None]:
        """:meth:`detect_text` for many."""
        return many_async(self._core, DETECT_TEXT, images, concurrency, dict(options))

    async def detect_faces(self, image: ImageInput, /, **options: Unpack[FaceOptions]) -> Result[FaceSet]:
        """Where are faces, and how do they look? Nobody is identified. See :class:`~broker.facades.options.FaceOptions`."""
        return await self._core.run(DETECT_FACES, image, dict(options))

    def detect_faces_many(
        self,
        images: Iterable[ImageInput] | AsyncIterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[FaceOptions],
    ) -> AsyncGenerator[Item[FaceSet], None]:
        """:meth:`detect_faces` for many."""
        return many_async(self._core, DETECT_FACES, images, concurrency, dict(options))

    async def moderate(
        self, image: ImageInput, /, **options: Unpack[ModerationOptions]
    ) -> Result[ModerationSet]:
        """What in the picture might do harm? See :class:`~broker.facades.options.ModerationOptions`."""
        return await self._core.run(MODERATE_IMAGE, image, dict(options))

    def moderate_many(
        self,
        images: Iterable[ImageInput] | AsyncIterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[ModerationOptions],
    ) -> AsyncGenerator[Item[ModerationSet], None]:
        """:meth:`moderate` for many."""
        return many_async(self._core, MODERATE_IMAGE, images, concurrency, dict(options))

    async def caption(self, image: ImageInput, /, **options: Unpack[CaptionOptions]) -> Result[CaptionSet]:
        """What does the picture show, in a sentence? See :class:`~broker.facades.options.CaptionOptions`."""
        return await self._core.run(CAPTION, image, dict(options))

    def caption_many(
        self,
        images: Iterable[ImageInput] | AsyncIterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[CaptionOptions],
    ) -> AsyncGenerator[Item[CaptionSet], None]:
        """:meth:`caption` for many."""
        return many_async(self._core, CAPTION, images, concurrency, dict(options))

    async def analyze(self, image: ImageInput, /, **options: Unpack[AnalyzeOptions]) -> Result[ImageAnalysis]:
        """Several of these at once, by one request to the provider. See :class:`~broker.facades.options.AnalyzeOptions`."""
        return await self._core.run(ANALYZE, image, dict(options))

    def analyze_many(
        self,
        images: Iterable[ImageInput] | AsyncIterable[ImageInput],
        /,
        *,
        concurrency: int = CONCURRENCY,
        **options: Unpack[AnalyzeOptions],
    ) -> AsyncGenerator[Item[ImageAnalysis], None]:
        """:meth:`analyze` for many."""
        return many_async(self._core, ANALYZE, images, concurrency, dict(options))
