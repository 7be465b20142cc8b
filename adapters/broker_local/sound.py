"""Recordings as samples: decoded block by block, so that an hour takes no more memory than a minute.

libsndfile (through the package ``soundfile``) decodes WAV, FLAC, MP3 and Ogg.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from broker.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

_BLOCK_SECONDS = 1.0
_ZEROS = 16
"""Zero crossings of the resampler's sinc on each side: passes speech, and stops what would fold into it by 60 dB."""
_AT_ONCE = 8_192
"""Samples that are resampled together; bounds the memory of the products."""


class Recording:
    """An open recording. Raises BadInput where its sound cannot be decoded."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        import soundfile

        self._name = name
        self._faults: tuple[type[Exception], ...] = (soundfile.SoundFileError, ValueError)
        try:
            self._sound: Any = soundfile.SoundFile(file)
        except self._faults as error:
            raise self._broken() from error
        self.rate: int = self._sound.samplerate
        self.decoded = 0
        """Samples of a channel until now."""

    def blocks(self) -> Iterator[Samples]:
        """The mean of its channels, a second at a time, in -1 to 1."""
        size = max(1, int(self.rate * _BLOCK_SECONDS))
        while True:
            try:
                block = self._sound.read(size, dtype="float32", always_2d=True)
            except self._faults as error:
                raise self._broken() from error
            if not len(block):
                return
            self.decoded += len(block)
            # A float recording may hold what is no number.
            yield np.nan_to_num(block.mean(axis=1, dtype=np.float32), nan=0.0, posinf=1.0, neginf=-1.0)

    def _broken(self) -> BadInput:
        return BadInput(
            f"{self._name} cannot be decoded; check that it plays, and write it anew, as with ffmpeg -i IN OUT.flac"
        )


def resampled(samples: Samples, rate: int, wanted: int) -> Samples:
    """The same sound at another rate, by a windowed sinc for each phase."""
    if rate == wanted or not len(samples):
        return samples
    common = gcd(rate, wanted)
    up, down = wanted // common, rate // common
    stretch = max(1.0, down / up)  # going down, the filter is wider, so that nothing folds back
    half = int(np.ceil(_ZEROS * stretch))
    taps = np.arange(-half + 1, half + 1)
    padded = np.pad(samples, (half, half + 1))
    count = -(-len(samples) * up // down)
    out = np.empty(count, dtype=np.float32)
    for begin in range(0, count, _AT_ONCE):
        places = np.arange(begin, min(begin + _AT_ONCE, count), dtype=np.int64) * down
        whole, phase = places // up, places % up
        away = (taps[None, :] - (phase / up)[:, None]) / stretch
        weights = np.sinc(away) * (0.5 + 0.5 * np.cos(np.pi * np.clip(away / _ZEROS, -1.0, 1.0)))
        weights /= weights.sum(axis=1, keepdims=True)  # a steady tone keeps its loudness in every phase
        out[begin : begin + len(places)] = (padded[whole[:, None] + (taps + half)[None, :]] * weights).sum(
            axis=1
        )
    return out
