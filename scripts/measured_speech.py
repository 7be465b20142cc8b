"""What ``measure_local.py`` measures on recordings: word error rates, and an hour in one piece.

The rate of errors is shown as its opposite, words right (1 - WER), so that its interval can be told like the others': WER
counts insertions too, so this is a little below the share of words found. Two normalisers are named with each number,
because they move it by several percent: ``basic`` (lower case, no punctuation; an engine that writes 1462 for "fourteen
sixty-two" is wrong) and ``whisper`` (OpenAI's for English, in ``whisper-normalizer``: numbers, spellings, contractions).
Clips of single digits, 0.2 to 0.7 s long, are counted apart: they are no speech as people speak.
"""

from __future__ import annotations

import csv
import random
import re
import resource
import time
import wave
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from measured import Measure

from broker.contract import Context
from broker.types import Audio, TranscribeRequest, Transcript
from broker_local import needs

OPERATION = "transcription.transcribe"
_ROUNDS = 2000


@dataclass(frozen=True, slots=True)
class Rated(Measure):
    """Words right, with a bootstrap's interval over clips: errors in one clip are not independent."""

    low: float = 0.0
    high: float = 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """For 95 %."""
        return self.low, self.high


def measure_transcripts(folder: Path) -> Iterable[Measure]:
    """Both normalisers, sentences and digits apart."""
    if needs.missing("local-speech"):
        return
    rows = list(csv.DictReader((folder / "transcripts.csv").read_text(encoding="utf-8").splitlines()))
    heard: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for row in rows:
        started = time.perf_counter()
        heard[row["file"]] = transcribed(folder / row["file"]).text
        seconds[row["file"]] = time.perf_counter() - started
    for name, digits in (("sentences", False), ("single digits", True)):
        files = [row for row in rows if ("fsdd_" in row["file"]) is digits]
        took = sum(seconds[row["file"]] for row in files) / len(files)
        for normaliser, normal in normalisers().items():
            pairs = [(normal(reference(row["transcript"])), normal(heard[row["file"]])) for row in files]
            yield rated(folder.name, f"words right, {name}, {normaliser}", pairs, took)


def measure_hour(folder: Path) -> Iterable[Measure]:
    """The sentences one after the other for an hour, as one file: is it as good, and is memory flat?"""
    if needs.missing("local-speech"):
        return
    rows = list(csv.DictReader((folder / "transcripts.csv").read_text(encoding="utf-8").splitlines()))
    rows = [row for row in rows if "fsdd_" not in row["file"]]
    with TemporaryDirectory() as place:
        minutes, hour = Path(place) / "minutes.wav", Path(place) / "hour.wav"
        joined(folder, rows, minutes, 120)
        said = joined(folder, rows, hour, 3600)
        transcribed(minutes)  # loads the model too
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.perf_counter()
        text = transcribed(hour).text
        took = time.perf_counter() - started
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    for normaliser, normal in normalisers().items():
        ((wrong, words),) = errors([(normal(" ".join(said)), normal(text))])
        yield Measure(
            OPERATION, folder.name, f"words right, an hour, {normaliser}", words - wrong, words, took
        )
    # Peak memory: a count, of which there is no share.
    yield Measure(OPERATION, folder.name, "an hour: kB above two minutes' peak", grown, None, took)


def transcribed(path: Path) -> Transcript:
    """By the local provider, without a deadline."""
    from broker_local import speech

    nothing: Any = None  # nothing is sent
    context = Context(call_id="measure", attempt=1, operation=OPERATION, http=nothing, remaining=lambda: 1e9)
    return speech.transcribe(TranscribeRequest(audio=Audio.load(path)), context).payload


def reference(text: str) -> str:
    """What was said: the normalisers leave out what is in brackets, and readers read it aloud."""
    return re.sub(r"[()\[\]]", ",", text)


def normalisers() -> dict[str, Callable[[str], str]]:
    """By name."""
    from whisper_normalizer.english import EnglishTextNormalizer

    def basic(text: str) -> str:
        return " ".join(re.sub(r"[^\w\s']", " ", text.lower()).split())

    return {"basic": basic, "whisper": EnglishTextNormalizer()}


def errors(pairs: Sequence[tuple[str, str]]) -> list[tuple[int, int]]:
    """Errors (substituted, left out, put in) and words of the truth, for each clip."""
    import jiwer

    found = []
    for truth, text in pairs:
        made = jiwer.process_words(truth, text)
        wrong = made.substitutions + made.deletions + made.insertions
        found.append((wrong, made.hits + made.substitutions + made.deletions))
    return found


def rated(
    data_set: str, name: str, pairs: Sequence[tuple[str, str]], seconds: float, operation: str = OPERATION
) -> Rated:
    """Words right in all pairs of truth and transcript."""
    counts = errors(pairs)
    words = sum(total for _, total in counts)
    wrong = sum(each for each, _ in counts)
    draw = random.Random(0)  # noqa: S311 - the same interval every time
    rates = sorted(
        1 - sum(each for each, _ in some) / sum(total for _, total in some)
        for some in (draw.choices(counts, k=len(counts)) for _ in range(_ROUNDS))
    )
    low, high = rates[int(_ROUNDS * 0.025)], rates[int(_ROUNDS * 0.975)]
    return Rated(operation, data_set, name, words - wrong, words, seconds, low=low, high=high)


def joined(folder: Path, rows: Sequence[dict[str, str]], path: Path, seconds: float) -> list[str]:
    """Write them one after the other, half a second apart; what is said in all."""
    said: list[str] = []
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        number = 0
        while out.getnframes() < seconds * 16_000:
            row = rows[number % len(rows)]
            number += 1
            with wave.open(str(folder / row["file"]), "rb") as clip:
                out.writeframes(clip.readframes(clip.getnframes()) + bytes(16_000))
            said.append(reference(row["transcript"]))
    return said
