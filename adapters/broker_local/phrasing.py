"""Where one phrase of a live sound ends: at the first pause that is long enough, without waiting for what comes later.

Each 20 ms of sound are quiet or not. What is quiet is judged by what was heard lately: the loudest of the phrase, and the
softest tenth of the last seconds, which is the room's own noise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from broker_local.pauses import LONGEST, Piece, piece_of, quietest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

PAUSE = 0.5
"""Seconds of quiet that end a phrase."""
SHORT_PAUSE = 0.24
"""The same once the phrase is long."""
LONG = 8.0
"""Seconds from which a phrase is long."""
LEAD = 0.3
"""Seconds of quiet that are kept before a phrase: soft sounds begin a word."""
_FRAME = 0.02
_SILENT = 1e-3
"""-60 dB below full scale, as of :mod:`broker_local.pauses`."""
_PART = 0.06
"""Of the phrase's loudest frame; softer is quiet."""
_NOISE = 2.5
"""Times the room's noise; softer is quiet."""
_MEMORY = 10.0
"""Seconds that tell the room's noise."""
_FIRST = 2.0
"""Seconds before which it is not known."""


class Phrases:
    """The phrases of one stream. Holds no more than one of them."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._frame = max(1, int(rate * _FRAME))
        self._kept: Samples = np.zeros(0, dtype=np.float32)
        self._place = 0
        self._looked = 0
        self._loud: deque[float] = deque(maxlen=int(_MEMORY / _FRAME))
        self._most = 0.0
        self._since: int | None = None
        self._quiet = 0

    @property
    def heard(self) -> int:
        """Samples until now."""
        return self._place + len(self._kept)

    @property
    def spoken(self) -> int:
        """Samples of the phrase that goes on, without the quiet at its end; 0 where none does."""
        return 0 if self._since is None else self.heard - self._since - self._quiet * self._frame

    def hear(self, samples: Samples) -> Iterator[Piece]:
        """More sound; the phrases that are at an end by it."""
        self._kept = np.concatenate((self._kept, samples))
        while self._looked + self._frame <= len(self._kept):
            frame = self._kept[self._looked : self._looked + self._frame]
            self._looked += self._frame
            self._look(float(np.sqrt(np.mean(frame.astype(np.float64) ** 2))))
            if self._since is None:
                self._forget()
            elif self._ended():
                yield from self._cut(self._looked - self._quiet * self._frame // 2)
            elif self._looked > LONGEST * self._rate:
                yield from self._cut(quietest(self._kept[: self._looked], self._rate))

    def rest(self) -> Iterator[Piece]:
        """What is left at the end."""
        if self._since is not None:
            yield from self._cut(len(self._kept))

    def present(self) -> Piece | None:
        """What has been said of the phrase that goes on, if one does."""
        if self._since is None:
            return None
        return piece_of(self._kept[: self._looked], self._place, self._rate)

    def _look(self, loud: float) -> None:
        self._loud.append(loud)
        noise = 0.0
        if len(self._loud) * _FRAME >= _FIRST:
            noise = float(np.partition(np.asarray(self._loud), len(self._loud) // 10)[len(self._loud) // 10])
        if loud >= max(_SILENT, _PART * self._most, _NOISE * noise):
            if self._since is None:
                self._since = self._place + self._looked - self._frame
            self._most = max(self._most, loud)
            self._quiet = 0
        else:
            self._quiet += 1

    def _ended(self) -> bool:
        long = self._looked > LONG * self._rate
        return self._quiet * _FRAME >= (SHORT_PAUSE if long else PAUSE)

    def _forget(self) -> None:
        """Quiet before a phrase, but for its end."""
        much = self._looked - int(LEAD * self._rate)
        if much > 0:
            self._drop(much)

    def _cut(self, at: int) -> Iterator[Piece]:
        piece = piece_of(self._kept[:at], self._place, self._rate)
        self._drop(at)
        if self._quiet * self._frame >= self._looked:
            self._since, self._most = None, 0.0
        else:  # cut for its length: what was said behind the cut begins the next
            self._since = self._place
        if piece is not None:
            yield piece

    def _drop(self, count: int) -> None:
        self._kept = self._kept[count:].copy()  # a view would keep all that was ever heard
        self._place += count
        self._looked = max(0, self._looked - count)
