"""What the tests of Google's long transcriptions share: recordings, requests, and steps taken one by one."""

from __future__ import annotations

import io
import time
import wave
from typing import Any

from gcp_speech_peer import GcpSpeechPeer

from broker.contract import Context, HasJobs, JobSteps, Phase
from broker.runtime.blocking import BlockingRuntime, drive
from broker.types import Audio, TranscribeRequest
from broker_gcp import GcpAdapter, GcpSettings

KEY = "b1-0123456789abcdef0123456789abcdef"
JOB = "projects/p/locations/global/operations/v2-00000001-0000"
STAGED = f"gs://my-bucket/staged/{KEY}.wav"
OWN = "gs://theirs/calls/monday morning.wav"


def sound(seconds: float = 1.0) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * int(8000 * seconds)))
    return out.getvalue()


def in_bucket(milliseconds: int = 90_000) -> Audio:
    return Audio(
        format="wav",
        codec="pcm",
        milliseconds=milliseconds,
        sample_rate=8000,
        channels=1,
        size=1_440_044,
        uri=OWN,
    )


def request(**options: Any) -> TranscribeRequest:
    options.setdefault("audio", Audio.from_bytes(sound()))
    if "candidates" not in options:
        options.setdefault("language", "en-US")
    return TranscribeRequest(**options)


class Steps:
    """An adapter's steps on the peer, each in a context of its own."""

    def __init__(self, runtime: BlockingRuntime, peer: GcpSpeechPeer, **settings: Any) -> None:
        self.runtime = runtime
        self.peer = peer
        adapter = GcpAdapter(GcpSettings(**{**peer.settings, **settings}))
        assert isinstance(adapter, HasJobs)
        self.steps: JobSteps = adapter.transcription_jobs

    def __getattr__(self, name: str) -> Any:
        def step(*given: Any) -> Any:
            deadline = time.monotonic() + 5.0
            context = Context(
                call_id="c1",
                attempt=1,
                operation="transcription.transcribe",
                http=self.runtime.http(deadline),
                remaining=lambda: deadline - time.monotonic(),
            )
            return drive(getattr(self.steps, name)(*given, context))

        return step


def done(steps: Steps, job_id: str) -> Any:
    for _ in range(10):
        found = steps.poll(job_id)
        if found.phase is not Phase.RUNNING:
            return found
    raise AssertionError("it never ends")
