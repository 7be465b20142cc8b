"""Amazon Transcribe by the public client: every recording is a job, which is made and paid once and leaves nothing behind."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_transcribe_peer import BUCKET, AwsTranscribePeer, result_file

from broker import AsyncBroker, Broker
from broker.errors import BadInput, NotConfigured, Throttled, Unsupported
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Cost, Result, Transcript
from speech.speech_support import wav

SOUND = wav(2.58, rate=8000)
COST = 3 * Decimal("0.0001")
MINE = f"s3://{BUCKET}/talks/monday.wav"
START = "Transcribe.StartTranscriptionJob"


@pytest.fixture
def peer(vendor_stub: VendorStub) -> AwsTranscribePeer:
    made = AwsTranscribePeer(vendor_stub, polls=0)
    made.objects[MINE.removeprefix("s3:/")] = SOUND
    return made


def broker_on(peer: AwsTranscribePeer, **settings: Any) -> Broker:
    return Broker(provider="aws", providers={"aws": {**peer.settings, **settings}})


def asked(face: str, peer: AwsTranscribePeer, source: Any, **options: Any) -> Result[Transcript]:
    if face == "sync":
        with broker_on(peer) as broker:
            return broker.transcription.transcribe(source, **options)

    async def run() -> Result[Transcript]:
        async with AsyncBroker(provider="aws", providers={"aws": peer.settings}) as broker:
            return await broker.transcription.transcribe(source, **options)

    return asyncio.run(run())


def test_a_short_recording_is_a_job_too(peer: AwsTranscribePeer, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(SOUND)
    for number, face in enumerate(("sync", "async"), 1):
        result = asked(face, peer, str(path), language="en-US")
        assert result.value.text == "Hello there."
        assert result.cost.amount == COST
        assert result.provenance.service == "transcribe"
        assert len(result.attempts) == 1
        assert list(peer.submissions.values()) == [1] * number
        assert peer.jobs == {}
        assert list(peer.objects) == [MINE.removeprefix("s3:/")]  # nothing of ours is left


@pytest.mark.parametrize("staging", [True, False])
def test_a_recording_in_s3_is_measured_there_and_stays(peer: AwsTranscribePeer, staging: bool) -> None:
    with broker_on(peer, **({} if staging else {"staging": None})) as broker:
        result = broker.transcription.transcribe(MINE, language="en-US")
    assert result.value.text == "Hello there."
    assert result.cost.amount == COST
    assert not [each for each in peer.stub.requests if each.method == "PUT"]
    stored = {path: data for path, data in peer.objects.items() if path.startswith(f"/{BUCKET}/")}
    assert stored == {MINE.removeprefix("s3:/"): SOUND}
    assert peer.jobs == {}


def test_a_submission_whose_answer_is_lost_makes_one_job_and_one_charge(peer: AwsTranscribePeer) -> None:
    peer.lose = 1
    with broker_on(peer) as broker:
        result = broker.transcription.start(SOUND, language="en-US").wait()
        spent = broker.spend()
    assert list(peer.submissions.values()) == [1]
    assert result.cost.amount == COST
    assert [(row.amount, row.attempts) for row in spent] == [(COST, 1)]


def test_a_call_after_one_that_failed_is_a_new_job(peer: AwsTranscribePeer) -> None:
    peer.fail = "Failed to parse audio file."
    with broker_on(peer) as broker:
        with pytest.raises(BadInput, match="Failed to parse") as failed:
            broker.transcription.start(SOUND, language="en-US").wait()
        peer.fail = None
        result = broker.transcription.start(SOUND, language="en-US").wait()
    assert failed.value.billed is False
    assert result.cost.amount == COST
    assert list(peer.submissions.values()) == [1, 1]


def test_what_the_service_would_refuse_is_refused_before_anything_is_sent(peer: AwsTranscribePeer) -> None:
    with broker_on(peer) as broker:
        for kind, options in (
            (Unsupported, {"language": "en-US", "hints": ["Contoso"]}),
            (Unsupported, {"language": "ja-JP", "redact": True}),
            (Unsupported, {"language": "de-LU"}),
            (BadInput, {"language": "en-US", "diarize": True, "max_speakers": 40}),
        ):
            with pytest.raises(kind):
                broker.transcription.transcribe(SOUND, **options)  # type: ignore[arg-type]
    assert peer.stub.count == 0


def test_what_it_lacks_is_left_out_where_that_is_allowed(peer: AwsTranscribePeer) -> None:
    with broker_on(peer) as broker:
        result = broker.transcription.transcribe(
            SOUND, language="en-US", hints=["Contoso"], on_unsupported="ignore"
        )
    assert result.value.ignored == ("hints",)


def test_without_a_folder_it_says_what_to_set(peer: AwsTranscribePeer) -> None:
    with broker_on(peer, staging=None) as broker, pytest.raises(NotConfigured, match="set staging"):
        broker.transcription.transcribe(SOUND, language="en-US")
    assert peer.submissions == {}


def test_a_bucket_in_another_region_costs_nothing(peer: AwsTranscribePeer) -> None:
    peer.elsewhere = "eu-central-1"
    with broker_on(peer) as broker, pytest.raises(BadInput, match="eu-central-1") as refused:
        broker.transcription.transcribe(SOUND, language="en-US")
    assert refused.value.billed is False
    assert peer.submissions == {}


def test_too_many_jobs_are_waited_for(peer: AwsTranscribePeer) -> None:
    busy = Answer(400, json={"__type": "LimitExceededException", "Message": "too many"})
    peer.stub.on(START, busy)
    with broker_on(peer) as broker, pytest.raises(Throttled) as refused:
        broker.transcription.transcribe(SOUND, language="en-US", deadline=3.0)
    assert refused.value.billed is False
    assert peer.submissions == {}


def test_leaving_personal_data_out_costs_more(peer: AwsTranscribePeer) -> None:
    peer.results = result_file("My name is [PII].")
    with broker_on(peer) as broker:
        cost: Cost = broker.transcription.transcribe(SOUND, language="en-US", redact=True).cost
        plain = broker.estimate.transcription.transcribe(SOUND, language="en-US")
    assert cost.amount is None
    assert cost.unpriced is not None
    assert "aws.transcribe.redaction_addon" in cost.unpriced
    (of_aws,) = plain.candidates
    assert of_aws.upper_bound == COST
    assert [line.sku for line in of_aws.lines] == ["aws.transcribe.batch"]
