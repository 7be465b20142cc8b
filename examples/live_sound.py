"""What is said, while it is being said: partial results in place, final ones as lines. Runs offline, by the local provider.

A microphone is any iterable of chunks of 16-bit samples; here half a minute of an audio book stands in for one, which comes with
the model. With ``provider="aws"`` (or gcp, azure) the same lines stream to a cloud, and each minute is in the ledger before it is
sent.
"""

from __future__ import annotations

import importlib.util
import wave
from collections.abc import Iterator
from pathlib import Path

from broker import Broker

SECONDS = 30


def recording() -> Path:
    """Raises SystemExit with the command that installs it."""
    spec = importlib.util.find_spec("moonshine_voice")
    path = Path(spec.origin).parent / "assets" / "two_cities.wav" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise SystemExit("The sample recording is not installed; type: pip install 'mlbroker[local-speech]'")
    return path


def microphone(file: wave.Wave_read) -> Iterator[bytes]:
    """Chunks of a tenth of a second."""
    size = file.getframerate() // 10
    for _ in range(10 * SECONDS):
        yield file.readframes(size)


with Broker(provider="local") as broker, wave.open(str(recording()), "rb") as file:
    with broker.transcription.stream(
        microphone(file), sample_rate=file.getframerate(), language="en"
    ) as stream:
        for event in stream:
            start = (event.segment.start_ms or 0) / 1000
            print(f"{start:6.1f} s {event.segment.text}", end="\n" if event.final else "\r")
    print(
        f"{len(stream.transcript().text.split())} words of {stream.milliseconds / 1000:.0f} s, {stream.cost.shown}"
    )
