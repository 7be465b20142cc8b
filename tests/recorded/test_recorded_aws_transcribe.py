"""What Amazon Transcribe really wrote: transcript files through both faces of the public client, jobs through its steps.

What is expected is read here from the recorded JSON, by other means than the adapter's.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from recorded_support import ask, proving

from broker.contract import Context, Phase
from broker.runtime.blocking import BlockingRuntime
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Audio, ConfidenceLevel, TranscribeRequest, Transcript
from broker_aws.faults import TABLE
from jobs.aws_transcribe_peer import BUCKET, FOLDER, AwsTranscribePeer
from speech.speech_support import wav

FACES = pytest.mark.parametrize("face", ["sync", "async"])
SOUND = wav(2.0, rate=8000)


def ms(seconds: str) -> int:
    exact = Decimal(seconds) * 1000
    assert exact == int(exact)
    return int(exact)


def spoken(items: list[Any]) -> list[tuple[str, int, int, float]]:
    """Each pronounced item with the marks behind it."""
    found: list[tuple[str, int, int, float]] = []
    for item in items:
        (best, *_) = item["alternatives"]
        if item["type"] == "punctuation":
            text, *rest = found.pop()
            found.append((text + best["content"], *rest))  # type: ignore[arg-type]
        else:
            times = ms(item["start_time"]), ms(item["end_time"])
            found.append((best["content"], *times, float(best["confidence"])))
    return found


def check(found: Transcript, results: Any) -> None:
    """Text, words, times, confidences and speakers of a transcript file."""
    assert found.text == results["transcripts"][0]["transcript"]
    due = spoken(results["items"])
    assert len(due) > 1
    assert [(w.text, w.start_ms, w.end_ms, w.confidence.value) for w in found.words] == due
    assert found.confidence_level is ConfidenceLevel.WORD
    assert " ".join(each.text for each in found.segments) == found.text
    assert {each.confidence.value for each in found.segments} == {None}
    assert found.channels == ()
    assert found.duration_ms is None
    if "speaker_labels" not in results:
        assert found.speakers == ()
        return
    turns = results["speaker_labels"]["segments"]
    assert [(s.start_ms, s.end_ms, s.speaker, len(s.words or ())) for s in found.segments] == [
        (ms(each["start_time"]), ms(each["end_time"]), each["speaker_label"], len(each["items"]))
        for each in turns
    ]
    assert [word.speaker for word in found.words] == [
        item["speaker_label"] for each in turns for item in each["items"]
    ]
    assert len(found.speakers) == results["speaker_labels"]["speakers"]


@FACES
@pytest.mark.parametrize("path", proving("aws", "transcription.transcribe"))
def test_a_transcript_file(face: str, path: Path, vendor_stub: VendorStub) -> None:
    body = json.loads(path.read_text("utf-8"))
    peer = AwsTranscribePeer(vendor_stub, polls=0, file=body)
    result = ask(
        face,
        "transcription.transcribe",
        SOUND,
        "aws",
        peer.settings,
        language="en-US",
        diarize="speaker_labels" in body["results"],
    )
    check(result.value, body["results"])
    assert result.raw == body
    assert [(each.language, each.confidence.value) for each in result.value.languages] == [("en-US", None)]
    assert len(result.attempts) == 1
    assert result.cost.amount == 2 * Decimal("0.0001")
    assert result.value.to_srt().startswith("1\n00:00:")
    assert peer.jobs == {}
    assert peer.objects == {}


def context(runtime: BlockingRuntime) -> Context:
    return Context(
        call_id="c1",
        attempt=1,
        operation="transcription.transcribe",
        http=runtime.http(time.monotonic() + 5.0),
        remaining=lambda: 5.0,
    )


@pytest.fixture(scope="module")
def account() -> Iterator[tuple[VendorStub, Any]]:
    from broker_aws import AwsAdapter, AwsSettings

    with VendorStub() as stub:
        adapter = AwsAdapter(AwsSettings.model_validate(AwsTranscribePeer(stub).settings))
        yield stub, adapter.transcription_jobs
        adapter.close()


@pytest.fixture
def runtime() -> Iterator[BlockingRuntime]:
    made = BlockingRuntime()
    yield made
    made.close()


@pytest.mark.parametrize("path", proving("aws", "transcription.transcribe: a job's state"))
def test_a_jobs_state(path: Path, account: tuple[VendorStub, Any], runtime: BlockingRuntime) -> None:
    stub, steps = account
    body = json.loads(path.read_text("utf-8"))
    job = body["TranscriptionJob"]
    stub.reset()
    stub.on("Transcribe.GetTranscriptionJob", Answer(json=body))
    progress = steps.poll(job["TranscriptionJobName"], context(runtime))
    due = {"COMPLETED": Phase.SUCCEEDED, "IN_PROGRESS": Phase.RUNNING}[job["TranscriptionJobStatus"]]
    assert (progress.phase, progress.state) == (due, job["TranscriptionJobStatus"])
    request = TranscribeRequest(audio=Audio.from_bytes(SOUND))
    found = steps.find(request, job["TranscriptionJobName"], "", context(runtime))
    assert found.created == datetime.fromisoformat(job["CreationTime"])
    assert found.adopted


@pytest.mark.parametrize("path", proving("aws", "transcription.transcribe: a job is taken"))
def test_a_job_is_taken(path: Path, account: tuple[VendorStub, Any], runtime: BlockingRuntime) -> None:
    stub, steps = account
    body = json.loads(path.read_text("utf-8"))
    job = body["TranscriptionJob"]
    settings = job.get("Settings", {})
    wanted: dict[str, Any] = {} if job.get("IdentifyLanguage") else {"language": "en-US"}
    if "ShowSpeakerLabels" in settings:
        wanted |= {"diarize": True, "max_speakers": settings["MaxSpeakerLabels"]}
    if "ChannelIdentification" in settings:
        wanted |= {"channels": True, "audio": Audio.from_bytes(wav(1.0, rate=8000, channels=2))}
    names = {
        "VocabularyName": "aws_vocabulary_name",
        "VocabularyFilterName": "aws_vocabulary_filter_name",
        "VocabularyFilterMethod": "aws_vocabulary_filter_method",
    }
    wanted["extensions"] = {names[each]: settings[each] for each in settings if each in names}
    stub.reset()
    stub.on("Transcribe.StartTranscriptionJob", Answer(json=body))
    request = TranscribeRequest(**{"audio": Audio.from_bytes(SOUND), **wanted})
    place = f"s3://{BUCKET}/{FOLDER}/x.wav"
    taken = steps.submit(request, job["TranscriptionJobName"], place, context(runtime))
    assert taken.job_id == job["TranscriptionJobName"]
    assert taken.created == datetime.fromisoformat(job["CreationTime"])
    assert not taken.adopted
    # What the service echoes of the request is what it was asked.
    sent: Any = stub.requests[0].json()
    assert sent.get("Settings", {}) == settings
    assert sent.get("IdentifyLanguage") == job.get("IdentifyLanguage")


@pytest.mark.parametrize("path", proving("aws", "every modelled error code has a row"))
def test_the_codes_of_transcribe(path: Path) -> None:
    for code in json.loads(path.read_text("utf-8"))["exceptions"]:
        assert code in TABLE
