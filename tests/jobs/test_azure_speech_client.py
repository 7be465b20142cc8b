"""Azure's two ways of transcription by the public client: which is taken, and that a job is made and paid once."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from azure_speech_peer import API, AzureSpeechPeer

from broker import AsyncBroker, Broker
from broker.errors import BadInput
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Audio, TranscribeRequest, Transcript
from broker_azure import speech_batch, speech_result
from speech.speech_support import wav

SOUND = wav(2.58)
BATCH = (3 * Decimal("0.18") / 3600).quantize(Decimal("1e-12"))
FAST = (3 * Decimal("0.36") / 3600).quantize(Decimal("1e-12"))
SHORT = {
    "durationMilliseconds": 2580,
    "combinedPhrases": [{"text": "At once."}],
    "phrases": [
        {"offsetMilliseconds": 0, "durationMilliseconds": 900, "text": "At once.", "confidence": 0.9}
    ],
}


@pytest.fixture
def peer(vendor_stub: VendorStub) -> AzureSpeechPeer:
    vendor_stub.on(f"{API}:transcribe", Answer(json=SHORT))
    return AzureSpeechPeer(vendor_stub, polls=0)


def broker_on(peer: AzureSpeechPeer) -> Broker:
    return Broker(provider="azure", providers={"azure": peer.settings})


LONG = replace(Audio.from_bytes(SOUND), milliseconds=3 * 3_600_000)
WAYS: list[tuple[Any, dict[str, Any], bool]] = [
    (SOUND, {}, False),
    (SOUND, {"language": "de"}, False),
    (SOUND, {"language": "de-DE", "hints": ["Contoso"]}, False),
    (LONG, {"language": "de"}, False),
    (LONG, {"language": "de", "diarize": True}, True),
    (SOUND, {"language": "el-GR"}, True),
    (SOUND, {"language": "el"}, True),
    (SOUND, {"candidates": ["el-GR", "de-DE"]}, True),
    (replace(LONG, milliseconds=5 * 3_600_000), {"language": "de"}, True),
]


@pytest.mark.parametrize(("audio", "options", "job"), WAYS, ids=range(len(WAYS)))
def test_what_one_request_does_not_take_is_a_job(
    peer: AzureSpeechPeer, audio: Any, options: dict[str, Any], job: bool
) -> None:
    with broker_on(peer) as broker:
        result = broker.transcription.transcribe(audio, **options)
    assert result.value.text == ("Hello there." if job else "At once.")
    assert result.cost.amount == (BATCH if job else FAST)
    assert len(result.attempts) == 1
    assert list(peer.submissions.values()) == [1] * job
    assert peer.blobs == peer.jobs == {}  # nothing is left at Azure


def test_a_recording_without_a_language_is_no_job(peer: AzureSpeechPeer) -> None:
    with broker_on(peer) as broker, pytest.raises(BadInput, match="must be told the language"):
        broker.transcription.start(SOUND)
    assert peer.stub.count == 0


def test_a_submission_whose_answer_is_lost_makes_one_job_and_one_charge(peer: AzureSpeechPeer) -> None:
    peer.lose = 1
    with broker_on(peer) as broker:
        result = broker.transcription.start(SOUND, language="en-US").wait()
        spent = broker.spend()
        listed = broker.jobs.list(ended=True)
    assert list(peer.submissions.values()) == [1]
    assert result.cost.amount == BATCH
    assert [(row.amount, row.attempts) for row in spent] == [(BATCH, 1)]
    assert len(listed) == 1


def test_a_call_after_one_that_failed_is_a_new_job(peer: AzureSpeechPeer) -> None:
    peer.fail = {"code": "InvalidAudioFormat", "message": "no"}
    with broker_on(peer) as broker:
        with pytest.raises(BadInput) as failed:
            broker.transcription.start(SOUND, language="en-US").wait()
        peer.fail = None
        result = broker.transcription.start(SOUND, language="en-US").wait()
    assert failed.value.billed is False
    assert result.cost.amount == BATCH
    assert list(peer.submissions.values()) == [1, 1]


@pytest.mark.parametrize("large", [0, 10**9])
def test_a_large_result_is_not_read_on_the_event_loop(
    peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch, large: int
) -> None:
    read, threads = speech_result.transcript_of, []

    def watched(body: Any, request: TranscribeRequest) -> Transcript:
        threads.append(threading.current_thread() is threading.main_thread())
        return read(body, request)

    monkeypatch.setattr(speech_result, "transcript_of", watched)
    monkeypatch.setattr(speech_batch, "_LARGE", large)

    async def run() -> str:
        async with AsyncBroker(provider="azure", providers={"azure": peer.settings}) as broker:
            job = await broker.transcription.start(SOUND, language="en-US")
            return (await job.wait()).value.text

    assert asyncio.run(run()) == "Hello there."
    assert threads == [large > 0]


def test_a_job_that_azure_forgot_is_not_paid_again_unasked(peer: AzureSpeechPeer) -> None:
    with broker_on(peer) as broker:
        job = broker.transcription.start(SOUND, language="en-US")
        peer.jobs.clear()
        with pytest.raises(Exception, match="does not know the job") as lost:
            job.wait()
    assert lost.value.billed is None  # type: ignore[attr-defined] # of all of ours
    assert list(peer.submissions.values()) == [1]
