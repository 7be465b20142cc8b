"""What a vendor takes: checked before sending, because a refused request costs time and may cost money."""

from __future__ import annotations

from dataclasses import dataclass

from broker.contract.cut import TextUnit, size_of
from broker.errors import BadInput
from broker.types.media import Image
from broker.types.request import ImageRequest, Request, TextRequest
from broker.types.speech import TranscribeRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageLimits:
    """What pictures an operation takes.

    :param max_ratio: the longer side over the shorter one.
    """

    formats: tuple[str, ...]
    max_bytes: int
    min_side: int = 1
    max_side: int | None = None
    max_pixels: int | None = None
    max_ratio: float | None = None
    source: str = ""

    def check(self, request: Request, provider: str, operation: str) -> None:
        """Raise :class:`BadInput` naming the limit and the way out."""
        if isinstance(request, ImageRequest):
            self._check(request.image, provider, operation)

    def _check(self, image: Image, provider: str, operation: str) -> None:
        problem = self._problem(image)
        if problem:
            raise BadInput(f"{image.name}: {problem}", provider=provider, operation=operation)

    def _problem(self, image: Image) -> str:
        if image.format not in self.formats:
            return f"a {image.format} picture is not taken here, only {', '.join(self.formats)}; convert it"
        if len(image.data) > self.max_bytes:
            return f"{len(image.data):,} bytes is above the limit of {self.max_bytes:,}; scale it down"
        width, height = image.width, image.height
        shorter, longer = (width, height) if width < height else (height, width)
        if shorter < self.min_side:
            return f"{_size(image)} is below the smallest side of {self.min_side}; use a larger picture"
        if self.max_side is not None and longer > self.max_side:
            return f"{_size(image)} is above the longest side of {self.max_side}; scale it down"
        if self.max_pixels is not None and shorter * longer > self.max_pixels:
            many = f"{shorter * longer:,} in all, above the limit of {self.max_pixels:,}"
            return f"{_size(image)} is {many}; scale it down"
        if self.max_ratio is not None and longer > self.max_ratio * shorter:
            return f"{_size(image)} is longer than {self.max_ratio:g} times its width; cut it into parts"
        return ""


def _size(image: Image) -> str:
    return f"{image.width} x {image.height} pixels"


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLimits:
    """What texts an operation takes.

    :param max_size: of one document, in ``unit``.
    :param cut: a longer text is cut on sentence borders into several documents, each sent and metered by itself, and the
        answers are joined; False: a longer text is refused.
    """

    max_size: int
    unit: TextUnit
    min_size: int = 1
    cut: bool = True
    source: str = ""

    def fits(self, text: str) -> bool:
        """Whether it can be sent as one document."""
        # No unit is larger than four bytes a code point, and none but graphemes smaller than one a code point.
        if 4 * len(text) <= self.max_size and self.unit is not TextUnit.GRAPHEME:
            return True
        return len(text) <= self.max_size if self.unit is TextUnit.CODE_POINT else self._measured(text)

    def _measured(self, text: str) -> bool:
        if self.unit is TextUnit.GRAPHEME and len(text) <= self.max_size:
            return True
        return size_of(text, self.unit) <= self.max_size

    def check(self, request: Request, provider: str, operation: str) -> None:
        """Raise :class:`BadInput` naming the limit and the way out."""
        if not isinstance(request, TextRequest):
            return

        def refuse(text: str) -> BadInput:
            return BadInput(text, provider=provider, operation=operation)

        if self.min_size > 1:
            size = size_of(request.text, self.unit)
            if size < self.min_size:
                raise refuse(
                    f"a text of {size} {self.unit.value} is below the least of {self.min_size}; give more of it"
                )
        if not self.cut and not self.fits(request.text):
            size = size_of(request.text, self.unit)
            raise refuse(
                f"a text of {size:,} {self.unit.value} is above the limit of {self.max_size:,}; pass its parts one by one"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioLimits:
    """What recordings an operation takes.

    :param formats: containers.
    :param max_diarized_milliseconds: where speakers are to be told apart in a recording.
    :param codecs: what may be inside, where the container may hold several; one the header does not name is let pass.
    """

    formats: tuple[str, ...]
    max_bytes: int | None = None
    max_milliseconds: int | None = None
    max_diarized_milliseconds: int | None = None
    codecs: tuple[str, ...] = ()
    source: str = ""

    def check(self, request: Request, provider: str, operation: str) -> None:
        """Raise :class:`BadInput` naming the limit and the way out."""
        if not isinstance(request, TranscribeRequest):
            return
        audio = request.audio

        def refuse(text: str) -> BadInput:
            return BadInput(f"{audio.name}: {text}", provider=provider, operation=operation)

        if audio.format not in self.formats:
            raise refuse(
                f"a {audio.format} recording is not taken here, only {', '.join(self.formats)}; convert it, as with "
                "ffmpeg -i IN OUT.flac"
            )
        if self.codecs and audio.codec is not None and audio.codec not in self.codecs:
            raise refuse(
                f"{audio.codec} in {audio.format} is not taken here, only {', '.join(self.codecs)}; convert it, as with "
                "ffmpeg -i IN OUT.flac"
            )
        if self.max_bytes is not None and audio.size > self.max_bytes:
            raise refuse(
                f"{audio.size:,} bytes is above the limit of {self.max_bytes:,}; write it as FLAC or Opus, or cut it into parts"
            )
        if self.max_milliseconds is not None and audio.milliseconds > self.max_milliseconds:
            raise refuse(
                f"{audio.milliseconds / 1000:,.1f} s is above the limit of {self.max_milliseconds / 1000:,.0f} s; cut it into parts"
            )
        most = self.max_diarized_milliseconds
        if most is not None and request.diarize and audio.milliseconds > most:
            raise refuse(
                f"speakers are told apart in at most {most / 1000:,.0f} s here, and it has {audio.milliseconds / 1000:,.1f} s; "
                "cut it into parts, or leave diarize out"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """What goes into one request of several items.

    :param max_items: items.
    :param max_bytes: of all items together (encoded pictures, UTF-8 of texts).
    :param max_item: size of one text, in the unit of the spec's :class:`TextLimits`; None: as of a single one.
    """

    max_items: int
    max_bytes: int | None = None
    max_item: int | None = None
    source: str = ""
