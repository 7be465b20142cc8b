"""Where to cut a long recording: at its quietest place every few seconds, never by the clock alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

LONGEST = 15.0
"""Seconds of a piece. The model takes 30; shorter ones make better subtitles, and cost little accuracy."""
SHORTEST = 5.0
"""Seconds before which a longer recording is not cut."""
_FRAME = 0.02
_PAUSE = 15
"""Frames whose loudness is looked at together: a pause, not a stop consonant."""
_SILENT = 1e-3
"""-60 dB below full scale: nothing is said there, and the model would make words up."""
_SOUND = 0.06
"""Of a piece's loudest frame; what is softer before the first and behind the last word is not of it."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of sound between two pauses.

    :param begin: in samples, from the beginning of the recording; where its sound sets in.
    :param end: where its sound ends.
    """

    begin: int
    end: int
    samples: Samples


def pieces(blocks: Iterable[Samples], rate: int) -> Iterator[Piece]:
    """The recording in pieces that follow each other; those in which nothing is heard are left out."""
    longest = int(LONGEST * rate)
    kept: list[Samples] = []
    size = place = 0
    for block in blocks:
        kept.append(block)
        size += len(block)
        while size > longest:
            waiting = np.concatenate(kept)
            at = quietest(waiting[:longest], rate)
            if (piece := piece_of(waiting[:at], place, rate)) is not None:
                yield piece
            kept, size, place = [waiting[at:]], size - at, place + at
    if size and (piece := piece_of(np.concatenate(kept), place, rate)) is not None:
        yield piece


def quietest(samples: Samples, rate: int) -> int:
    """The middle of the softest pause from :data:`SHORTEST` on, in samples."""
    frame = _frame(rate)
    loud = _loudness(samples, rate)
    energy = np.convolve(loud**2, np.ones(_PAUSE), mode="valid")  # of the frames from i to i + _PAUSE
    first = min(int(SHORTEST / _FRAME), len(energy) - 1)
    return (first + int(energy[first:].argmin()) + _PAUSE // 2) * frame


def piece_of(samples: Samples, place: int, rate: int) -> Piece | None:
    """A stretch that begins at ``place``, with where its sound sets in and ends; None where nothing is heard."""
    loud = _loudness(samples, rate)
    most = float(loud.max(initial=0.0))
    if most < _SILENT:
        return None
    heard = np.flatnonzero(loud >= max(_SILENT, most * _SOUND))
    frame = _frame(rate)
    begin, end = int(heard[0]) * frame, min(len(samples), (int(heard[-1]) + 1) * frame)
    return Piece(begin=place + begin, end=place + end, samples=samples)


def _frame(rate: int) -> int:
    return max(1, int(rate * _FRAME))


def _loudness(samples: Samples, rate: int) -> NDArray[np.float64]:
    """The root mean square of each frame; the last may be a part of one."""
    frame = _frame(rate)
    squares = np.pad(samples.astype(np.float64) ** 2, (0, -len(samples) % frame)).reshape(-1, frame)
    return np.asarray(np.sqrt(squares.mean(axis=1)))
