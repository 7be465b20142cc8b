"""The steps of Azure's batch transcription one by one, without the broker's driver, each with a context of its own."""

from __future__ import annotations

import time
from typing import Any

from azure_speech_peer import AzureSpeechPeer

from broker.contract import Context, Submission
from broker.runtime.blocking import BlockingRuntime, drive
from broker.types import Audio, TranscribeRequest
from broker_azure import AzureAdapter, AzureSettings
from speech.speech_support import wav

NAME = "b1-" + "0f" * 20
SOUND = wav(2.58)


class Steps:
    """An adapter's steps, each with a context of its own."""

    def __init__(self, peer: AzureSpeechPeer, **settings: Any) -> None:
        self.runtime = BlockingRuntime()
        self.adapter = AzureAdapter(AzureSettings.model_validate({**peer.settings, **settings}))
        self.steps = self.adapter.transcription_jobs

    def __getattr__(self, name: str) -> Any:
        def step(*arguments: Any) -> Any:
            deadline = time.monotonic() + 5.0
            context = Context(
                call_id="c1",
                attempt=1,
                operation="transcription.transcribe",
                http=self.runtime.http(deadline),
                remaining=lambda: deadline - time.monotonic(),
            )
            return drive(getattr(self.steps, name)(*arguments, context))

        return step

    def close(self) -> None:
        self.adapter.close()
        self.runtime.close()


def request(**options: Any) -> TranscribeRequest:
    given = {"audio": Audio.from_bytes(SOUND), "language": "en-US", **options}
    return TranscribeRequest(**given)


def submitted(steps: Steps, **options: Any) -> Submission:
    asked = request(**options)
    place = steps.stage(asked, NAME)
    made: Submission = steps.submit(asked, NAME, place)
    return made
