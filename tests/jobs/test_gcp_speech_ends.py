"""How Google's long transcriptions end: done, failed, canceled, gone, and what is left out or malformed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from gcp_speech_peer import GcpSpeechPeer
from gcp_steps_support import JOB, KEY, OWN, STAGED, Steps, done, in_bucket, request

from broker import errors
from broker.contract import Phase
from broker.errors import Outcome
from broker.runtime.blocking import BlockingRuntime
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker.types import SpeechOption

pytest.importorskip("google.auth", reason="needs the gcp extra")


@pytest.fixture
def runtime() -> Iterator[BlockingRuntime]:
    made = BlockingRuntime()
    yield made
    made.close()


@pytest.fixture
def peer() -> Iterator[GcpSpeechPeer]:
    with VendorStub() as stub:
        yield GcpSpeechPeer(stub)


@pytest.fixture
def steps(runtime: BlockingRuntime, peer: GcpSpeechPeer) -> Steps:
    return Steps(runtime, peer)


def test_a_job_that_is_gone_is_gone(steps: Steps, peer: GcpSpeechPeer) -> None:
    assert steps.poll(JOB).phase is Phase.GONE
    assert steps.cancel(JOB) is True
    steps.remove_job(JOB)
    with pytest.raises(errors.BadInput, match="no longer knows"):
        steps.fetch(request(), JOB)
    with pytest.raises(errors.BadInput, match="no job of Google's"):
        steps.poll("1377471667162069431")


def test_a_canceled_job_says_so_and_may_be_billed(steps: Steps, peer: GcpSpeechPeer) -> None:
    job = steps.submit(request(), KEY, STAGED).job_id
    assert steps.cancel(job) is True
    progress = steps.poll(job)
    assert (progress.phase, progress.state) == (Phase.FAILED, "error CANCELLED")
    assert progress.error.outcome is Outcome.AMBIGUOUS


def test_what_cannot_be_canceled_is_told(steps: Steps, peer: GcpSpeechPeer) -> None:
    peer.stub.script(
        [], default=Answer(501, json={"error": {"code": 501, "status": "UNIMPLEMENTED", "message": "no"}})
    )
    assert steps.cancel(JOB) is False


@pytest.mark.parametrize(
    ("status", "billed", "kind", "outcome", "words"),
    [
        (
            {"code": 3, "message": "Audio can be of a maximum of 60 seconds."},
            "18s",
            errors.BadInput,
            Outcome.REJECTED,
            "maximum",
        ),
        (
            {"code": 7, "message": "service agent has no access"},
            "",
            errors.AuthFailed,
            Outcome.REJECTED,
            "gcp-sa-speech",
        ),
        ({"code": 13, "message": "Internal error"}, "", errors.Unavailable, Outcome.SERVER, "Internal"),
        ({"code": 13, "message": "Internal error"}, "18s", errors.Unavailable, Outcome.REJECTED, "Internal"),
        ({"code": 99, "message": "?"}, "", errors.ProviderFault, Outcome.UNKNOWN, "99"),
    ],
)
def test_a_file_that_failed_in_an_operation_that_did_not(
    steps: Steps,
    peer: GcpSpeechPeer,
    status: dict[str, Any],
    billed: str,
    kind: type[errors.ProviderError],
    outcome: Outcome,
    words: str,
) -> None:
    """Where Google bills nothing, as it says, nothing is billed."""
    peer.error, peer.billed = status, billed
    job = steps.submit(request(), KEY, STAGED).job_id
    progress = done(steps, job)
    assert progress.phase is Phase.FAILED
    assert type(progress.error) is kind
    assert progress.error.outcome is outcome
    assert words in str(progress.error)
    with pytest.raises(kind):
        steps.fetch(request(), job)


def test_silence_is_an_empty_transcript(steps: Steps, peer: GcpSpeechPeer) -> None:
    peer.results = []
    job = steps.submit(request(), KEY, STAGED).job_id
    done(steps, job)
    reply = steps.fetch(request(), job)
    assert (reply.payload.text, reply.payload.segments) == ("", ())
    assert reply.usage[0].quantity == 18


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"metadata": {"totalBilledDuration": "9s"}},
        {"inlineResult": {}},
        {"transcript": []},
        {"cloudStorageResult": {}},
    ],
)
def test_a_success_without_a_result_is_no_success(
    steps: Steps, peer: GcpSpeechPeer, result: dict[str, Any]
) -> None:
    operation = {"name": JOB, "done": True, "response": {"results": {STAGED: result}}}
    peer.stub.script([], default=Answer(json=operation))
    with pytest.raises(errors.MalformedReply):
        steps.poll(JOB)
    with pytest.raises(errors.MalformedReply):
        steps.fetch(request(), JOB)


@pytest.mark.parametrize(
    "operation",
    [
        {"done": True},
        {"done": True, "response": {}},
        {"done": True, "response": {"results": {}}},
        {"done": True, "response": {"results": {"a": {}, "b": {}}}},
    ],
)
def test_an_end_without_a_response_is_malformed(
    steps: Steps, peer: GcpSpeechPeer, operation: dict[str, Any]
) -> None:
    peer.stub.script([], default=Answer(json={"name": JOB, **operation}))
    with pytest.raises(errors.MalformedReply):
        steps.poll(JOB)


@pytest.mark.parametrize("stored", [{"error": "x"}, {"results": {}}, []])
def test_a_stored_result_that_is_none_is_malformed(steps: Steps, peer: GcpSpeechPeer, stored: Any) -> None:
    job = steps.submit(request(), KEY, STAGED).job_id
    done(steps, job)
    (written,) = peer.objects
    peer.objects[written] = json.dumps(stored).encode()
    with pytest.raises(errors.MalformedReply):
        steps.fetch(request(), job)


@pytest.mark.parametrize("answer", [{}, {"name": "12"}, {"name": "projects/p/locations/x/operations/../y"}])
def test_a_submission_without_a_name_is_malformed(
    steps: Steps, peer: GcpSpeechPeer, answer: dict[str, Any]
) -> None:
    peer.stub.script([], default=Answer(json=answer))
    with pytest.raises(errors.MalformedReply) as told:
        steps.submit(request(), KEY, STAGED)
    assert told.value.outcome is Outcome.BAD_REPLY


def test_dynamic_batch_is_asked_for_and_billed_as_such(steps: Steps, peer: GcpSpeechPeer) -> None:
    asked = request(extensions={"gcp_dynamic_batch": True})
    job = steps.submit(asked, KEY, STAGED).job_id
    sent: Any = peer.stub.requests[-1].json()
    assert sent["processingStrategy"] == "DYNAMIC_BATCHING"
    done(steps, job)
    assert steps.fetch(asked, job).usage[0].sku == "gcp.speech.v2.dynamic_batch"


def test_what_google_does_not_tell_is_measured_by_us(steps: Steps, peer: GcpSpeechPeer) -> None:
    peer.billed = ""
    job = steps.submit(request(), KEY, STAGED).job_id
    done(steps, job)
    assert steps.fetch(request(), job).usage == ()


def test_the_place_is_that_of_the_job_and_not_of_the_settings(
    runtime: BlockingRuntime, peer: GcpSpeechPeer
) -> None:
    steps = Steps(runtime, peer, speech_location="eu")
    job = steps.submit(request(), KEY, STAGED).job_id
    assert "/locations/eu/" in job
    assert done(Steps(runtime, peer, speech_location="us"), job).phase is Phase.SUCCEEDED
    assert steps.fetch(request(), job).model_version == "chirp_3"


def test_chirp_3_gives_times_up_to_20_minutes_and_takes_an_hour(
    runtime: BlockingRuntime, peer: GcpSpeechPeer
) -> None:
    steps = Steps(runtime, peer, speech_location="us")
    for minutes, timed in ((20, True), (21, False), (60, False)):
        steps.submit(request(audio=in_bucket(minutes * 60_000)), KEY, OWN)
        sent: Any = peer.stub.requests[-1].json()
        assert sent["config"]["features"].get("enableWordTimeOffsets", False) is timed
    before = peer.stub.count
    with pytest.raises(errors.BadInput, match="3,600 s that Google's model chirp_3 takes"):
        steps.submit(request(audio=in_bucket(3_600_001)), KEY, OWN)
    assert peer.stub.count == before


def test_what_the_model_lacks_is_left_out_if_that_is_allowed(
    runtime: BlockingRuntime, peer: GcpSpeechPeer
) -> None:
    steps = Steps(runtime, peer, speech_location="us-central1")
    with pytest.raises(errors.Unsupported, match="chirp_2 lacks diarize in us-central1; set speech_location"):
        steps.submit(request(diarize=True), KEY, STAGED)
    asked = request(diarize=True, on_unsupported="ignore")
    job = steps.submit(asked, KEY, STAGED).job_id
    done(steps, job)
    assert steps.fetch(asked, job).payload.ignored == (SpeechOption.DIARIZE.value,)


@pytest.mark.parametrize("fault", [Fault.html(), Fault.empty(), Fault.garbage()])
def test_a_poll_that_is_not_answered_well_is_no_state(
    steps: Steps, peer: GcpSpeechPeer, fault: Fault
) -> None:
    peer.stub.fault(fault)
    with pytest.raises(errors.BrokerError):
        steps.poll(JOB)


def test_a_throttled_poll_raises(steps: Steps, peer: GcpSpeechPeer) -> None:
    peer.stub.script(
        [],
        default=Answer(429, json={"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow"}}),
    )
    with pytest.raises(errors.Throttled):
        steps.poll(JOB)


def answers(peer: GcpSpeechPeer, **members: Any) -> None:
    peer.stub.script([], default=Answer(json={"name": JOB, "done": True, **members}))


@pytest.mark.parametrize(
    ("error", "kind", "outcome"),
    [
        ({"code": 5, "message": "The audio is not there."}, errors.BadInput, Outcome.REJECTED),
        ({"code": 8, "message": "Quota exceeded."}, errors.Throttled, Outcome.THROTTLED),
        ({"code": 14, "message": "Try again."}, errors.Unavailable, Outcome.SERVER),
        ({"message": "no code"}, errors.ProviderFault, Outcome.UNKNOWN),
    ],
)
def test_an_operation_that_failed_as_a_whole(
    steps: Steps, peer: GcpSpeechPeer, error: Any, kind: type[errors.ProviderError], outcome: Outcome
) -> None:
    answers(peer, error=error)
    progress = steps.poll(JOB)
    assert progress.phase is Phase.FAILED
    assert type(progress.error) is kind
    assert progress.error.outcome is outcome
    assert error["message"] in str(progress.error)
    with pytest.raises(kind):
        steps.fetch(request(), JOB)


def test_a_file_that_failed_may_be_billed_all_the_same(steps: Steps, peer: GcpSpeechPeer) -> None:
    results = {STAGED: {"error": {"code": 13, "message": "half of it"}}}
    answers(peer, response={"results": results, "totalBilledDuration": "9s"})
    assert steps.poll(JOB).error.outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("fine", [{}, {"code": 0, "message": "", "details": []}])
def test_an_error_that_says_ok_is_none(steps: Steps, peer: GcpSpeechPeer, fine: Any) -> None:
    whole = {"results": peer.results}
    answers(peer, error=fine, response={"results": {STAGED: {"error": fine, "transcript": whole}}})
    assert steps.poll(JOB).phase is Phase.SUCCEEDED
    assert steps.fetch(request(), JOB).payload.text == "good morning"


def test_a_result_that_was_removed_has_been_billed(steps: Steps, peer: GcpSpeechPeer) -> None:
    job = steps.submit(request(), KEY, STAGED).job_id
    done(steps, job)
    peer.objects.clear()
    with pytest.raises(errors.BadInput, match="not where Google wrote it") as told:
        steps.fetch(request(), job)
    assert told.value.billed is True


def test_a_job_that_google_forgot_may_have_been_billed(steps: Steps, peer: GcpSpeechPeer) -> None:
    with pytest.raises(errors.BadInput) as told:
        steps.fetch(request(), JOB)
    assert told.value.billed is None


@pytest.mark.parametrize("created", ["soon", "2026-11-21T10:00:00", ""])
def test_a_job_is_not_lost_for_a_time_that_cannot_be_read(
    steps: Steps, peer: GcpSpeechPeer, created: str
) -> None:
    peer.stub.script([], default=Answer(json={"name": JOB, "metadata": {"createTime": created}}))
    assert steps.submit(request(), KEY, STAGED).created is None


def test_a_finished_job_is_fetched_though_its_model_is_known_to_lack_something_now(
    steps: Steps, peer: GcpSpeechPeer
) -> None:
    job = steps.submit(request(), KEY, STAGED).job_id
    done(steps, job)
    reply = steps.fetch(request(diarize=True), job)
    assert (reply.payload.text, reply.payload.ignored) == ("good morning", ())


def test_the_response_of_version_1_is_read_too(steps: Steps, peer: GcpSpeechPeer) -> None:
    answers(peer, response={"results": peer.results, "totalBilledTime": "15s"})
    assert steps.poll(JOB).phase is Phase.SUCCEEDED
    reply = steps.fetch(request(), JOB)
    assert reply.payload.text == "good morning"
    assert [each.quantity for each in reply.usage] == [15]
