"""``broker.estimate``: the same methods with the same options, answering what the call would cost. Nothing is sent."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from broker.facades.search_estimate import AsyncSearchEstimates, SearchEstimates
from broker.facades.text_estimate import AsyncTextEstimates, TextEstimates
from broker.facades.transcription import AsyncTranscriptionEstimates, TranscriptionEstimates
from broker.facades.vision_estimate import AsyncVisionEstimates, VisionEstimates
from broker.pipeline.ahead import Ahead

if TYPE_CHECKING:
    from broker.core import Core


class Estimates:
    """``broker.estimate``: each estimate is of one call made now."""

    def __init__(self, core: Core, ahead: Ahead | None = None) -> None:
        self._core = core
        self._ahead = ahead

    @cached_property
    def vision(self) -> VisionEstimates:
        """Operations on pictures."""
        return VisionEstimates(self._core, self._ahead)

    @cached_property
    def text(self) -> TextEstimates:
        """Operations on texts."""
        return TextEstimates(self._core, self._ahead)

    @cached_property
    def transcription(self) -> TranscriptionEstimates:
        """Operations on recordings."""
        return TranscriptionEstimates(self._core, self._ahead)

    @cached_property
    def search(self) -> SearchEstimates:
        """Operations on indexes."""
        return SearchEstimates(self._core, self._ahead)

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

    @cached_property
    def text(self) -> AsyncTextEstimates:
        """Operations on texts."""
        return AsyncTextEstimates(self._core, self._ahead)

    @cached_property
    def transcription(self) -> AsyncTranscriptionEstimates:
        """Operations on recordings."""
        return AsyncTranscriptionEstimates(self._core, self._ahead)

    @cached_property
    def search(self) -> AsyncSearchEstimates:
        """Operations on indexes."""
        return AsyncSearchEstimates(self._core, self._ahead)

    def plan(self) -> AsyncEstimates:
        """See :meth:`Estimates.plan`."""
        return AsyncEstimates(self._core, Ahead(moving=True))
