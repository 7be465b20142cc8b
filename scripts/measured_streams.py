"""What ``measure_local.py`` measures on streams: word error rates by clip and in one go, and how long a final is waited for."""

from __future__ import annotations

import csv
import time
import wave
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measured import Measure
from measured_speech import errors, joined, normalisers, rated, reference

from broker.contract import Context
from broker.types.stream import SoundFormat, StreamEvent, StreamRequest
from broker_local import needs

OPERATION = "transcription.stream"
_PIECE = 3200
"""Bytes of a tenth of a second."""


class Pieces:
    """A recording as an adapter is given sound.

    :ivar milliseconds: until now.
    """

    def __init__(self, path: Path) -> None:
        with wave.open(str(path), "rb") as file:
            self._data = file.readframes(file.getnframes())
        self._place = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._data[self._place : self._place + _PIECE]
        self._place += _PIECE
        if not piece:
            raise StopIteration
        return piece

    def when_left(self, interrupt: Any) -> None:
        """Nobody leaves."""

    @property
    def milliseconds(self) -> int:
        return min(self._place, len(self._data)) // 32


def measure_streams(folder: Path) -> Iterable[Measure]:
    """Sentences one by one, and all of them one after the other as one stream."""
    if needs.missing("local-speech"):
        return
    rows = list(csv.DictReader((folder / "transcripts.csv").read_text(encoding="utf-8").splitlines()))
    rows = [row for row in rows if "fsdd_" not in row["file"]]
    heard, waits = {}, []
    started = time.perf_counter()
    for row in rows:
        heard[row["file"]] = _text(streamed(folder / row["file"], []))
    took = (time.perf_counter() - started) / len(rows)
    with TemporaryDirectory() as place:
        path = Path(place) / "all.wav"
        said = joined(folder, rows, path, 300)
        text = _text(streamed(path, waits))
    for normaliser, normal in normalisers().items():
        pairs = [(normal(reference(row["transcript"])), normal(heard[row["file"]])) for row in rows]
        yield rated(folder.name, f"words right, sentences, {normaliser}", pairs, took, OPERATION)
        ((wrong, words),) = errors([(normal(" ".join(said)), normal(text))])
        yield Measure(
            OPERATION, folder.name, f"words right, five minutes, {normaliser}", words - wrong, words, took
        )
    waits.sort()
    for name, share in (("median", 0.5), ("nine tenths", 0.9), ("longest", 1.0)):
        found = waits[min(len(waits) - 1, int(share * len(waits)))]
        yield Measure(
            OPERATION, folder.name, f"ms of sound from a phrase's end to its final, {name}", found, None, took
        )


def streamed(path: Path, waits: list[int]) -> list[StreamEvent]:
    """The finals, and how much sound each was waited for."""
    from broker_local import listening

    nothing: Any = None  # nothing is sent
    context = Context(call_id="measure", attempt=1, operation=OPERATION, http=nothing, remaining=lambda: 1e9)
    sound = Pieces(path)
    finals = []
    for event in listening.listen(StreamRequest(sound=SoundFormat(), partials=False), sound, context):
        finals.append(event)
        waits.append(sound.milliseconds - (event.segment.end_ms or 0))
    return finals


def _text(finals: list[StreamEvent]) -> str:
    return " ".join(each.segment.text for each in finals)
