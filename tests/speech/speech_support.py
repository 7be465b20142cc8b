"""Recordings made up for tests: each container written by hand, so that a header says what a test wants."""

from __future__ import annotations

import io
import math
import struct
import wave
from typing import Any

from broker.contract import Adapter, Context, Manifest, OperationSpec, Reply, audio_seconds
from broker.contract.adapter import AdapterSettings, Setup
from broker.types import Confidence, SpeechOption, TranscribeRequest, Transcript, TranscriptSegment


def wav(seconds: float = 1.0, *, rate: int = 16_000, channels: int = 1, tone: float = 440.0) -> bytes:
    """A steady tone as 16-bit PCM."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        frames = (
            struct.pack("<h", int(8000 * math.sin(2 * math.pi * tone * n / rate))) * channels
            for n in range(int(seconds * rate))
        )
        file.writeframes(b"".join(frames))
    return out.getvalue()


def element(name: int, body: bytes, *, size: int | None = None) -> bytes:
    """One of EBML; ``size`` claims another length than the body has."""
    length = len(body) if size is None else size
    head = name.to_bytes((name.bit_length() + 7) // 8, "big")
    return head + (0x0100000000000000 | length).to_bytes(8, "big") + body


def webm(seconds: float | None = 2.5, *, channels: int = 2, rate: float = 48_000.0, lost: int = 0) -> bytes:
    """A WebM with one Opus track and a cluster of nothing."""
    info = element(0x2AD7B1, (1_000_000).to_bytes(3, "big"))
    if seconds is not None:
        info += element(0x4489, struct.pack(">d", seconds * 1000))
    sound = element(0xB5, struct.pack(">d", rate)) + element(0x9F, bytes([channels]))
    track = element(0xAE, element(0x86, b"A_OPUS") + element(0xE1, sound))
    inside = element(0x1549A966, info) + element(0x1654AE6B, track) + element(0x1F43B675, bytes(100))
    whole = element(0x1A45DFA3, element(0x4282, b"webm")) + element(0x18538067, inside)
    return whole[: len(whole) - lost]


def said(text: str, start: int | None = None, end: int | None = None, **more: Any) -> TranscriptSegment:
    """A segment without a confidence."""
    return TranscriptSegment(text=text, start_ms=start, end_ms=end, confidence=Confidence.unknown(), **more)


def transcribing(
    provider: str, *options: SpeechOption, languages: tuple[str, ...] = ("en",)
) -> tuple[type[Adapter], list[TranscribeRequest]]:
    """An adapter that has these options, and the requests it was sent."""
    asked: list[TranscribeRequest] = []

    class Listening:
        manifest = Manifest(
            provider=provider,
            version="1",
            operations=(
                OperationSpec(
                    operation="transcription.transcribe",
                    service="Listening",
                    sku="local.speech",
                    meter=audio_seconds,
                    languages=languages,
                    options=frozenset(options),
                ),
            ),
        )
        Settings = AdapterSettings
        region = "local"

        def __init__(self, settings: AdapterSettings, /) -> None:
            self.settings = settings

        def transcribe(self, request: TranscribeRequest, context: Context, /) -> Reply[Transcript]:
            asked.append(request)
            return Reply(payload=Transcript(text="hello", segments=(said("hello", 0, 900),)))

        def close(self) -> None:
            """Nothing."""

        def setup(self) -> Setup:
            return Setup(configured=True, problem="", credential="", endpoint="", region="local", data_use="")

    return Listening, asked
