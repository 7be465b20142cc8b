"""Transcripts that Google's Speech-to-Text really sent: results through both faces of the public client, and operations.

What is expected is read here from the recorded JSON, by other means than the adapter's.
"""

from __future__ import annotations

import io
import json
import time
import wave
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from recorded_support import ask, proving

from broker.contract import Context, Phase
from broker.runtime.blocking import BlockingRuntime, drive
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Audio, ConfidenceLevel, TranscribeRequest, Transcript

pytest.importorskip("google.auth", reason="needs the gcp extra")

FACES = pytest.mark.parametrize("face", ["sync", "async"])
RECORDED = proving("gcp", "transcription.transcribe")
OPERATIONS = [each for each in RECORDED if each.values[0] is None or "longrunning" in str(each.values[0])]
JOB = "projects/p/locations/global/operations/v2-1"


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    return out.getvalue()


def results_of(body: Any) -> list[Any]:
    """The list of results, in whichever envelope it was recorded."""
    body = body.get("response", body)
    found = body["results"]
    if isinstance(found, dict):
        (one,) = found.values()
        found = one["transcript"]["results"]
    assert isinstance(found, list)
    return found


def billed_in(body: Any) -> Decimal | None:
    body = body.get("response", body)
    text = body.get("totalBilledDuration") or body.get("totalBilledTime")
    return None if text is None else Decimal(text.rstrip("s"))


def ms(value: Any) -> int:
    if isinstance(value, str):
        return round(float(value[:-1]) * 1000)
    return int(value.get("seconds", 0)) * 1000 + round(value.get("nanos", 0) / 1e6)


def pieces(body: Any) -> list[dict[str, Any]]:
    """Results that say something new: v1 says all words of a channel again, with speakers and without a text."""
    return [each for each in results_of(body) if each["alternatives"][0].get("transcript")]


def in_order(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """By the beginning, where all have one."""
    firsts = [(each["alternatives"][0].get("words") or [{}])[0].get("startTime") for each in found]
    return (
        found
        if None in firsts
        else sorted(found, key=lambda each: ms(each["alternatives"][0]["words"][0]["startTime"]))
    )


def check(found: Transcript, body: Any) -> None:
    """Counts, texts, times, confidences, languages and speakers."""
    said = in_order(pieces(body))
    assert len(said) > 0
    assert [each.text for each in found.segments] == [
        each["alternatives"][0]["transcript"].strip() for each in said
    ]
    assert found.text == " ".join(each["alternatives"][0]["transcript"].strip() for each in said)
    assert [each.confidence.value for each in found.segments] == pytest.approx(
        [each["alternatives"][0]["confidence"] for each in said]
    )
    words = [word for each in said for word in each["alternatives"][0].get("words", [])]
    assert [(each.text, each.start_ms, each.end_ms) for each in found.words] == [
        (each["word"], ms(each["startTime"]), ms(each["endTime"])) for each in words
    ]
    assert [each.confidence.value for each in found.words] == [each.get("confidence") for each in words]
    level = ConfidenceLevel.WORD if any("confidence" in each for each in words) else ConfidenceLevel.SEGMENT
    assert found.confidence_level is level
    for segment, result in zip(found.segments, said, strict=True):
        end = result.get("resultEndOffset") or result.get("resultEndTime")
        if end is not None:
            assert segment.end_ms == ms(end)
        code = result.get("languageCode")
        assert (segment.language or "").lower() == (code or "")
        assert (segment.words is None) is ("words" not in result["alternatives"][0])
    codes = {each["languageCode"] for each in said if "languageCode" in each}
    assert {each.language.lower() for each in found.languages} == codes
    again = [each for each in results_of(body) if not each["alternatives"][0].get("transcript")]
    tags = {str(word["speakerTag"]) for each in again for word in each["alternatives"][0]["words"]}
    assert set(found.speakers) == tags
    if tags:
        assert all(each.speaker in tags for each in found.words)


@FACES
@pytest.mark.parametrize("path", RECORDED)
def test_results_of_a_recording(face: str, path: Path, stub: VendorStub) -> None:
    body = json.loads(path.read_text("utf-8"))
    billed = billed_in(body)
    envelope: dict[str, Any] = {"results": results_of(body)}
    if billed is not None:
        envelope["metadata"] = {"totalBilledDuration": f"{billed}s"}
    stub.script([], default=Answer(json=envelope))
    result = ask(
        face,
        "transcription.transcribe",
        sound(),
        "gcp",
        {"endpoint": stub.url, "project": "p"},
        language="en-US",
    )
    check(result.value, body)
    assert result.raw == envelope
    assert stub.count == 1
    if billed is not None:
        price = (billed * Decimal("0.016") / 60).quantize(Decimal("1e-12"))
        assert result.cost.amount == price
        assert result.cost.basis.value == "reported"


@pytest.mark.parametrize("as_it_came", [True, False])
@pytest.mark.parametrize("path", OPERATIONS)
def test_the_operation_of_a_recording(
    path: Path, as_it_came: bool, stub: VendorStub, runtime: BlockingRuntime
) -> None:
    """Operations exactly as they came, but for the name of v1's; and the results of those in one of v2."""
    body = json.loads(path.read_text("utf-8"))
    v2 = isinstance(body.get("response", {}).get("results"), dict)
    billed = billed_in(body)
    operation = body
    if not v2 and as_it_came and "response" in body:
        operation = {**body, "name": JOB}
    elif not v2:
        result = {"transcript": {"results": results_of(body)}}
        told = {} if billed is None else {"totalBilledDuration": f"{billed}s"}
        operation = {
            "name": JOB,
            "metadata": {"progressPercent": 100},
            "done": True,
            "response": {"results": {"gs://a-bucket/one.flac": result}, **told},
        }
    stub.script([], default=Answer(json=operation))
    from broker_gcp import GcpAdapter, GcpSettings

    steps: Any = GcpAdapter(GcpSettings(endpoint=stub.url, project="p")).transcription_jobs
    request = TranscribeRequest(
        audio=Audio.from_bytes(sound()), language="en-US", channels="2022-12-16" in path.name
    )
    context = Context(
        call_id="c1",
        attempt=1,
        operation="transcription.transcribe",
        http=runtime.http(time.monotonic() + 5.0),
        remaining=lambda: 5.0,
    )
    job_id = operation["name"]
    progress = drive(steps.poll(job_id, context))
    assert (progress.phase, progress.percent) == (Phase.SUCCEEDED, 100)
    reply = drive(steps.fetch(request, job_id, context))
    check(reply.payload, body)
    assert [each.quantity for each in reply.usage] == ([] if billed is None else [billed])
    assert reply.model_version == "long"
    tags = {each["channelTag"] for each in results_of(body) if "channelTag" in each}
    assert {each.channel for each in reply.payload.segments} == ({tag - 1 for tag in tags} or {None})
    assert {seen.path for seen in stub.requests} == {f"/v2/{job_id}"}


@pytest.fixture
def stub() -> Iterator[VendorStub]:
    with VendorStub() as server:
        yield server


@pytest.fixture
def runtime() -> Iterator[BlockingRuntime]:
    made = BlockingRuntime()
    yield made
    made.close()
