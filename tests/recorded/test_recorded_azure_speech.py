"""What Azure Speech really sent, through both faces of the public client: short answers, and result files of jobs.

What is expected is read here from the recorded JSON, by other means than the adapter's.
"""

from __future__ import annotations

import asyncio
import io
import json
import wave
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from recorded_support import ask, proving

from broker import AsyncBroker, Broker
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import ConfidenceLevel, Transcript
from jobs.azure_speech_peer import KEY, AzureSpeechPeer

FACES = pytest.mark.parametrize("face", ["sync", "async"])
RECORDED = proving("azure", "transcription.transcribe")
FAST = [each for each in RECORDED if each.values[0] is None or "fast" in str(each.values[0])]
BATCH = [each for each in RECORDED if each.values[0] is None or "batch" in str(each.values[0])]
ROUTE = "/speechtotext/transcriptions:transcribe"


def sound(*, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000 * channels))
    return out.getvalue()


@FACES
@pytest.mark.parametrize("billed", [True, False], ids=["with the header", "without"])
@pytest.mark.parametrize("path", FAST)
def test_a_short_answer(face: str, billed: bool, path: Path, vendor_stub: VendorStub) -> None:
    body = json.loads(path.read_text("utf-8"))
    seconds = -(-body["durationMilliseconds"] // 1000)
    # As the index tells of the recording: 3 for 2.029 s.
    usage = {"CSP-Billing-Usage": f"CognitiveServices.SpeechServices.BatchSpeechtoTextSync={seconds}"}
    vendor_stub.on(ROUTE, Answer(json=body, headers=usage if billed else {}))
    section = {"endpoint": vendor_stub.url, "key": KEY, "region": "eastus"}
    result = ask(face, "transcription.transcribe", sound(), "azure", section, diarize=True, max_speakers=2)
    found = result.value
    assert found.text == body["combinedPhrases"][0]["text"]
    assert found.duration_ms == body["durationMilliseconds"]
    assert found.confidence_level is ConfidenceLevel.SEGMENT
    assert len(body["phrases"]) > 0
    for segment, phrase in zip(found.segments, body["phrases"], strict=True):
        assert segment.text == phrase["text"]
        assert segment.confidence.value == phrase["confidence"]
        assert segment.start_ms == phrase["offsetMilliseconds"]
        assert segment.end_ms == phrase["offsetMilliseconds"] + phrase["durationMilliseconds"]
        assert segment.language == phrase["locale"]
        assert segment.speaker is None
        assert "speaker" not in phrase
        assert segment.channel is None
        assert [(each.text, each.start_ms, each.end_ms) for each in segment.words or ()] == [
            (
                each["text"],
                each["offsetMilliseconds"],
                each["offsetMilliseconds"] + each["durationMilliseconds"],
            )
            for each in phrase["words"]
        ]
    assert len(found.words) > 0
    assert {each.confidence.value for each in found.words} == {None}
    assert [each.language for each in found.languages] == ["en-US"]
    assert result.raw == body
    assert vendor_stub.count == len(result.attempts) == 1
    assert result.cost.amount == (seconds * Decimal("0.36") / 3600).quantize(Decimal("1e-12"))
    assert result.cost.basis.value == "reported"


def ticks(value: float) -> int:
    assert value % 10_000 == 0
    return int(value) // 10_000


def check(found: Transcript, body: Any) -> None:
    """Texts, times, confidences, speakers and channels of a result file."""
    phrases = sorted(body["recognizedPhrases"], key=lambda each: each["offsetInTicks"])
    assert len(phrases) == len(body["recognizedPhrases"]) >= 2
    assert {each["recognitionStatus"] for each in phrases} == {"Success"}
    assert found.text == "\n".join(each["display"] for each in body["combinedRecognizedPhrases"])
    assert found.duration_ms == ticks(body["durationInTicks"])
    assert found.confidence_level is ConfidenceLevel.WORD
    several = len(body["combinedRecognizedPhrases"]) > 1
    for segment, phrase in zip(found.segments, phrases, strict=True):
        best = phrase["nBest"][0]
        assert segment.text == best["display"]
        assert segment.confidence.value == best["confidence"]
        assert segment.start_ms == ticks(phrase["offsetInTicks"])
        assert segment.end_ms == ticks(phrase["offsetInTicks"] + phrase["durationInTicks"])
        assert segment.speaker == (str(phrase["speaker"]) if "speaker" in phrase else None)
        assert segment.channel == (phrase["channel"] if several else None)
        assert segment.words is not None
        assert [(each.text, each.start_ms, each.end_ms, each.confidence.value) for each in segment.words] == [
            (
                each["word"],
                ticks(each["offsetInTicks"]),
                ticks(each["offsetInTicks"] + each["durationInTicks"]),
                each["confidence"],
            )
            for each in best["words"]
        ]
    assert found.languages == ()  # none is named
    assert found.to_srt().startswith("1\n00:00:00,")


def done(face: str, section: dict[str, Any], audio: bytes, **options: Any) -> Any:
    """A job from its beginning to its end, by the sync or the async face."""
    chosen: dict[str, Any] = {"provider": "azure", "providers": {"azure": section}}
    if face == "sync":
        with Broker(**chosen) as broker:
            return broker.transcription.start(audio, **options).wait(raw=True)

    async def run() -> Any:
        async with AsyncBroker(**chosen) as broker:
            job = await broker.transcription.start(audio, **options)
            return await job.wait(raw=True)

    return asyncio.run(run())


@FACES
@pytest.mark.parametrize("path", BATCH)
def test_the_result_file_of_a_job(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = json.loads(path.read_text("utf-8"))
    several = len(body["combinedRecognizedPhrases"]) > 1
    speakers = any("speaker" in each for each in body["recognizedPhrases"])
    peer = AzureSpeechPeer(vendor_stub, polls=0, result={**body})
    peer.result.pop("source")
    result = done(
        face,
        peer.settings,
        sound(channels=2 if several else 1),
        language="en-US",
        channels=several,
        diarize=speakers,
    )
    check(result.value, body)
    assert {**result.raw, "source": ""} == {**body, "source": ""}
    assert "sig=" not in result.raw["source"]
    seconds = -(-body["durationInTicks"] // 10_000_000)
    assert result.cost.amount == (seconds * Decimal("0.18") / 3600).quantize(Decimal("1e-12"))
    assert result.cost.basis.value == "reported"
    assert list(peer.submissions.values()) == [1]
    assert peer.blobs == {}
