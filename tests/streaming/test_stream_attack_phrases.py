"""The local recogniser's cuts: what was heard as speech is in one phrase, and in one only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("broker_local.phrasing")

from broker_local.pauses import Piece
from broker_local.phrasing import Phrases


class Watched(Phrases):
    """Notes what was taken for speech, and what was cut out."""

    def __init__(self, rate: int) -> None:
        super().__init__(rate)
        self.speech: list[int] = []
        self.cuts: list[tuple[int, int]] = []

    def _look(self, loud: float) -> None:
        super()._look(loud)
        if self._since is not None and not self._quiet:
            self.speech.append(self._place + self._looked - self._frame)

    def _cut(self, at: int) -> Iterator[Piece]:
        self.cuts.append((self._place, self._place + at))
        yield from super()._cut(at)


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("seed", range(4))
def test_somebody_who_hardly_pauses_is_heard_whole(rate: int, seed: int) -> None:
    """A phrase that is cut for its length is often cut while a short stop of the voice goes on."""
    random = np.random.default_rng(seed)
    sound, seconds = [], 0.0
    while seconds < 60.0:
        spoken, still = random.uniform(0.05, 0.3), random.uniform(0.02, 0.2)
        sound.append(random.uniform(0.03, 0.4) * random.standard_normal(int(spoken * rate)))
        sound.append(0.0005 * random.standard_normal(int(still * rate)))
        seconds += spoken + still
    samples = np.concatenate(sound).astype(np.float32)
    phrases = Watched(rate)
    for begin in range(0, len(samples), rate // 10):
        list(phrases.hear(samples[begin : begin + rate // 10]))
    list(phrases.rest())
    assert len(phrases.cuts) > 3
    assert [at for at in phrases.speech if not any(begin <= at < end for begin, end in phrases.cuts)] == []
    assert all(one[1] <= other[0] for one, other in zip(phrases.cuts, phrases.cuts[1:], strict=False))
