"""What Azure's fast transcription really sent, played through the public client."""

from __future__ import annotations

import io
import json
import wave
from decimal import Decimal
from pathlib import Path

import pytest
from recorded_support import ask, proving

from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import ConfidenceLevel


def silence(milliseconds: int) -> bytes:
    """A recording of the length that the answer is about."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16 * milliseconds))
    return out.getvalue()


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("path", proving("azure", "transcription.transcribe"))
def test_a_recording(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = json.loads(path.read_text("utf-8"))
    vendor_stub.on("/speechtotext/transcriptions:transcribe", default=Answer(json=body))
    section = {"endpoint": vendor_stub.url, "key": "k" * 32, "region": "eastus"}
    sound = silence(body["durationMilliseconds"])
    result = ask(face, "transcription.transcribe", sound, "azure", section)
    said, found = body["phrases"], result.value
    assert len(found.segments) == len(said)
    for segment, phrase in zip(
        found.segments, sorted(said, key=lambda each: each["offsetMilliseconds"]), strict=True
    ):
        start = phrase["offsetMilliseconds"]
        assert (segment.text, segment.start_ms, segment.end_ms) == (
            phrase["text"],
            start,
            start + phrase["durationMilliseconds"],
        )
        assert (segment.confidence.raw, segment.language) == (phrase["confidence"], phrase.get("locale"))
        assert (segment.channel, segment.speaker) == (
            phrase.get("channel"),
            str(phrase["speaker"]) if "speaker" in phrase else None,
        )
        words = [(w["text"], w["offsetMilliseconds"], w["durationMilliseconds"]) for w in phrase["words"]]
        assert [(w.text, w.start_ms, (w.end_ms or 0) - (w.start_ms or 0)) for w in segment.words] == words
        assert {w.confidence.value for w in segment.words} == {None}
    assert found.text == "\n".join(each["text"] for each in body["combinedPhrases"])
    assert (found.duration_ms, found.confidence_level) == (
        body["durationMilliseconds"],
        ConfidenceLevel.SEGMENT,
    )
    assert result.raw == body
    assert vendor_stub.count == len(result.attempts) == 1
    (use,) = result.attempts[0].usage
    assert (use.source.value, use.quantity * 1000) == ("reported", body["durationMilliseconds"])
    seconds = -(-body["durationMilliseconds"] // 1000)  # billed by the second, at 0.36 USD an hour
    assert result.cost.amount == Decimal(seconds) * Decimal("0.36") / 3600
