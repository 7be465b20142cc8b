"""What the tests of Amazon Transcribe's steps share: the steps by either face, and requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_transcribe_peer import BUCKET, FOLDER, AwsTranscribePeer

from broker.contract import Context, Submission
from broker.runtime.asynchronous import AsyncRuntime
from broker.runtime.blocking import BlockingRuntime, drive
from broker.testing.stub import VendorStub
from broker.types import Audio, TranscribeRequest
from broker_aws import AwsAdapter, AwsSettings
from speech.speech_support import wav

NAME = "b1-" + "0f" * 20
SOUND = wav(2.58, rate=8000)
STAGED = f"s3://{BUCKET}/{FOLDER}/{NAME}.wav"
STORED = f"/{BUCKET}/{FOLDER}/{NAME}.wav"
RESULT = f"/{BUCKET}/{FOLDER}/{NAME}.json"
MINE = f"s3://{BUCKET}/talks/monday.wav"
"""A recording that the user keeps there."""
START, GET = "Transcribe.StartTranscriptionJob", "Transcribe.GetTranscriptionJob"
DELETE = "Transcribe.DeleteTranscriptionJob"


class Steps:
    """An adapter's steps, each with a context of its own, taken as the runtime of a face takes them."""

    def __init__(self, adapter: AwsAdapter, face: str = "sync") -> None:
        self._loop = asyncio.new_event_loop() if face == "async" else None
        self.runtime = BlockingRuntime() if self._loop is None else AsyncRuntime()
        self.adapter = adapter
        self.steps = self.adapter.transcription_jobs

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.steps, name)

        async def taken(*arguments: Any) -> Any:
            deadline = time.monotonic() + 5.0
            context = Context(
                call_id="c1",
                attempt=1,
                operation="transcription.transcribe",
                http=self.runtime.http(deadline),
                remaining=lambda: deadline - time.monotonic(),
            )
            return await self.runtime.call(method, *arguments, context, deadline=deadline)

        def step(*arguments: Any) -> Any:
            work = taken(*arguments)
            return drive(work) if self._loop is None else self._loop.run_until_complete(work)

        return step

    def close(self) -> None:
        if isinstance(self.runtime, AsyncRuntime) and self._loop is not None:
            self._loop.run_until_complete(self.runtime.aclose())
            self._loop.close()
        else:
            self.runtime.close()


class Accounts:
    """A stub, and adapters with and without a folder for all tests of a file: boto3 takes its time to make a client."""

    def __enter__(self) -> Accounts:
        self.stub = VendorStub()
        settings = AwsTranscribePeer(self.stub).settings
        self._usual = AwsAdapter(AwsSettings.model_validate(settings))
        self._without = AwsAdapter(AwsSettings.model_validate({**settings, "staging": None}))
        return self

    def __exit__(self, *_: object) -> None:
        self._usual.close()
        self._without.close()
        self.stub.close()

    def peer(self) -> AwsTranscribePeer:
        """One that knows nothing yet."""
        self.stub.reset()
        return AwsTranscribePeer(self.stub)

    @contextmanager
    def steps(self, face: str = "sync", *, staging: bool = True) -> Iterator[Steps]:
        """By one face."""
        made = Steps(self._usual if staging else self._without, face)
        try:
            yield made
        finally:
            made.close()


def request(**options: Any) -> TranscribeRequest:
    given = {"audio": Audio.from_bytes(SOUND), "language": "en-US", **options}
    return TranscribeRequest(**given)


def submitted(steps: Steps, **options: Any) -> Submission:
    asked = request(**options)
    made: Submission = steps.submit(asked, NAME, steps.stage(asked, NAME))
    return made


def targets(peer: AwsTranscribePeer) -> list[str]:
    """Transcribe's operations by name, S3's by method and path."""
    return [
        each.headers.get("x-amz-target", "").rpartition(".")[2] or f"{each.method} {each.path}"
        for each in peer.stub.requests
    ]
