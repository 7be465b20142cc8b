"""Google's two ways of transcription by the public client: which is taken, where it goes, and that it is paid once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from gcp_speech_peer import GcpSpeechPeer
from gcp_steps_support import OWN, request, sound

from broker import AsyncBroker, Broker
from broker.errors import BadInput, Unsupported
from broker.pipeline.job_work import patience_of
from broker.testing.stub import VendorStub
from broker.types import Audio
from broker_gcp.manifest import MANIFEST

pytest.importorskip("google.auth", reason="needs the gcp extra")

SHORT = sound(1.0)
LONG = replace(Audio.from_bytes(SHORT), milliseconds=90_000)
EIGHTEEN_SECONDS = (18 * Decimal("0.016") / 60).quantize(Decimal("1e-12"))
SPEC = MANIFEST.by_name["transcription.transcribe"]


@pytest.fixture
def peer(vendor_stub: VendorStub) -> GcpSpeechPeer:
    return GcpSpeechPeer(vendor_stub, polls=0)


def settings(peer: GcpSpeechPeer, **more: Any) -> dict[str, Any]:
    return {"gcp": {**peer.settings, "speech_location": "us-central1", **more}}


def broker_on(peer: GcpSpeechPeer, *allowed: str, **more: Any) -> Broker:
    return Broker(provider="gcp", allowed_regions=list(allowed), providers=settings(peer, **more))


@pytest.mark.parametrize(
    ("audio", "extensions", "job"),
    [
        (SHORT, {}, False),
        (LONG, {}, True),
        (SHORT, {"gcp_dynamic_batch": True}, True),
    ],
    ids=["short", "long", "cheap"],
)
def test_what_one_request_does_not_take_is_a_job(
    peer: GcpSpeechPeer, audio: Any, extensions: dict[str, Any], job: bool
) -> None:
    with broker_on(peer) as broker:
        result = broker.transcription.transcribe(audio, language="en-US", extensions=extensions)
    assert result.value.text == "good morning"
    price = Decimal("0.0009") if extensions else EIGHTEEN_SECONDS  # as Google says it billed
    assert result.cost.amount == price
    assert len(result.attempts) == 1
    assert list(peer.submissions.values()) == [1] * job
    assert peer.objects == {}  # nothing is left in the bucket


def test_the_same_for_async_code(peer: GcpSpeechPeer) -> None:
    async def run() -> Any:
        async with AsyncBroker(provider="gcp", providers=settings(peer)) as broker:
            return await broker.transcription.transcribe(LONG, language="en-US")

    result = asyncio.run(run())
    assert (result.value.text, result.cost.amount) == ("good morning", EIGHTEEN_SECONDS)
    assert list(peer.submissions.values()) == [1]


def test_a_submission_whose_answer_is_lost_makes_one_job_and_one_charge(peer: GcpSpeechPeer) -> None:
    peer.lose = 1
    with broker_on(peer) as broker:
        result = broker.transcription.start(SHORT, language="en-US").wait()
        spent = broker.spend()
    assert list(peer.submissions.values()) == [1]
    assert [(row.amount, row.attempts) for row in spent] == [(EIGHTEEN_SECONDS, 1)]
    assert result.cost.amount == EIGHTEEN_SECONDS


def test_a_recording_in_a_bucket_of_theirs_stays_there(peer: GcpSpeechPeer) -> None:
    peer.objects[OWN] = SHORT
    with broker_on(peer, staging=None) as broker:
        result = broker.transcription.transcribe(OWN, language="en-US")
    assert result.value.text == "good morning"
    assert peer.objects == {OWN: SHORT}


def test_a_long_recording_does_not_leave_the_allowed_regions_either(peer: GcpSpeechPeer) -> None:
    with broker_on(peer, "eu", region="eu") as broker:
        with pytest.raises(Unsupported, match="its region is us-central1"):
            broker.transcription.start(LONG, language="en-US")
        with pytest.raises(Unsupported, match="its region is us-central1"):
            broker.transcription.transcribe(LONG, language="en-US")
    assert peer.stub.count == 0


def test_what_a_job_cannot_be_asked_is_said_before_anything_is_stored(peer: GcpSpeechPeer) -> None:
    with broker_on(peer) as broker:
        with pytest.raises(BadInput, match="must be told the language"):
            broker.transcription.start(LONG)
        with pytest.raises(Unsupported, match="chirp_2 lacks diarize"):
            broker.transcription.start(LONG, language="en-US", diarize=True)
    assert peer.objects == {}
    assert sum(peer.uploads.values()) == 0


def test_a_slow_and_cheap_job_is_not_given_up_within_its_day() -> None:
    assert SPEC.job is not None
    hour = 3600.0
    assert patience_of(SPEC.job, request()) == hour
    assert patience_of(SPEC.job, request(extensions={"gcp_dynamic_batch": True})) == 25 * hour
    long = replace(Audio.from_bytes(SHORT), milliseconds=8 * 3_600_000)
    assert patience_of(SPEC.job, request(audio=long)) == 24 * hour
