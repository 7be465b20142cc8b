"""The steps of Google's long transcriptions, one by one, against a peer that remembers."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from gcp_speech_peer import GcpSpeechPeer
from gcp_steps_support import JOB, KEY, OWN, STAGED, Steps, done, in_bucket, request, sound

from broker import errors
from broker.contract import Phase
from broker.errors import Outcome
from broker.runtime.blocking import BlockingRuntime
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Audio
from broker.types.money import Unit, UsageSource

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


def test_a_recording_goes_through_the_bucket_and_nothing_is_left(
    steps: Steps, peer: GcpSpeechPeer, tmp_path: Path
) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(sound(2.0))
    asked = request(audio=Audio.from_path(path))
    place = steps.stage(asked, KEY)
    assert place == STAGED
    assert peer.objects == {STAGED: sound(2.0)}
    submitted = steps.submit(asked, KEY, place)
    assert (submitted.job_id, submitted.adopted) == (JOB, False)
    assert submitted.created.isoformat() == "2026-11-21T10:00:01.425813+00:00"
    first, second = steps.poll(JOB), steps.poll(JOB)
    assert (first.phase, first.state, first.percent) == (Phase.RUNNING, "not done", 33)
    assert second.percent == 66
    assert done(steps, JOB).phase is Phase.SUCCEEDED
    reply = steps.fetch(asked, JOB)
    assert reply.payload.text == "good morning"
    assert [(w.text, w.start_ms, w.end_ms, w.confidence.value) for w in reply.payload.words] == [
        ("good", 0, 400, 0.5),
        ("morning", 400, 1000, 0.875),
    ]
    assert reply.model_version == "long"
    (use,) = reply.usage
    assert (use.sku, use.unit, use.quantity, use.source) == (
        "gcp.speech.v2.standard",
        Unit.SECOND,
        Decimal(18),
        UsageSource.REPORTED,
    )
    assert reply.raw is None
    assert len(peer.objects) == 2
    steps.remove_recording(place)
    steps.remove_job(JOB)
    assert peer.objects == {}
    assert sum(peer.submissions.values()) == peer.submissions[KEY] == 1


def test_each_step_is_one_request_and_says_who_asks_for_what(steps: Steps, peer: GcpSpeechPeer) -> None:
    asked = request()
    steps.submit(asked, KEY, steps.stage(asked, KEY))
    upload, submission = peer.stub.requests
    assert (upload.path, upload.params) == (
        "/upload/storage/v1/b/my-bucket/o",
        {"uploadType": "media", "name": f"staged/{KEY}.wav"},
    )
    assert upload.headers["content-type"] == "audio/wav"
    assert submission.path == "/v2/projects/p/locations/global/recognizers/_:batchRecognize"
    assert submission.json() == {
        "config": {
            "autoDecodingConfig": {},
            "model": "long",
            "languageCodes": ["en-US"],
            "features": {
                "enableAutomaticPunctuation": True,
                "enableWordTimeOffsets": True,
                "enableWordConfidence": True,
            },
        },
        "files": [{"uri": STAGED}],
        "recognitionOutputConfig": {"gcsOutputConfig": {"uri": f"gs://my-bucket/staged/{KEY}/transcript"}},
    }


def test_a_step_taken_again_changes_nothing(steps: Steps, peer: GcpSpeechPeer) -> None:
    asked = request()
    assert steps.stage(asked, KEY) == steps.stage(asked, KEY)
    job = steps.submit(asked, KEY, STAGED).job_id
    done(steps, job)
    assert steps.fetch(asked, job) == steps.fetch(asked, job)
    for _ in range(2):
        steps.remove_recording(STAGED)
        steps.remove_job(job)
    assert peer.objects == {}


def test_without_a_bucket_nothing_can_be_staged(runtime: BlockingRuntime, peer: GcpSpeechPeer) -> None:
    peer.staging = None
    with pytest.raises(
        errors.NotConfigured, match="set staging in the settings of provider gcp to a private"
    ):
        Steps(runtime, peer).stage(request(), KEY)
    assert peer.stub.count == 0


def test_a_key_is_none_of_cloud_storages(runtime: BlockingRuntime, peer: GcpSpeechPeer) -> None:
    with pytest.raises(errors.NotConfigured, match="does not take an api_key"):
        Steps(runtime, peer, api_key="k").stage(request(), KEY)
    assert peer.stub.count == 0


def test_a_stored_recording_that_is_shorter_than_it_was_is_no_success(
    steps: Steps, peer: GcpSpeechPeer
) -> None:
    peer.stub.script([], default=Answer(json={"size": "3"}))
    with pytest.raises(errors.MalformedReply, match="the stored object"):
        steps.stage(request(), KEY)


@pytest.mark.parametrize("page", [1, 100])
def test_a_lost_submission_is_found_by_the_place_of_its_result(
    steps: Steps, peer: GcpSpeechPeer, page: int
) -> None:
    asked = request()
    steps.stage(asked, KEY)
    other = request(language="de-DE")
    steps.submit(other, "b1-other", STAGED)
    peer.lose, peer.page = 1, page
    with pytest.raises(errors.Unavailable) as lost:
        steps.submit(asked, KEY, STAGED)
    assert lost.value.outcome is Outcome.AMBIGUOUS
    steps.submit(other, "b1-another", STAGED)
    found = steps.find(asked, KEY, STAGED)
    assert (found.job_id, found.adopted) == ("projects/p/locations/global/operations/v2-00000002-0000", True)
    assert found.created is not None
    assert peer.submissions[KEY] == 1
    assert peer.stub.requests[-1].params["fields"] == "operations(name,done,error,metadata),nextPageToken"


def test_what_was_never_taken_is_not_found(steps: Steps, peer: GcpSpeechPeer) -> None:
    assert steps.find(request(), KEY, STAGED) is None
    peer.unlisted = 1
    steps.submit(request(), KEY, STAGED)
    assert steps.find(request(), KEY, STAGED) is None
    assert steps.find(request(), KEY, STAGED).job_id == JOB


def test_of_several_the_newest_is_taken(steps: Steps, peer: GcpSpeechPeer) -> None:
    steps.submit(request(), KEY, STAGED)
    second = steps.submit(request(), KEY, STAGED)
    assert peer.submissions[KEY] == 2
    assert steps.find(request(), KEY, STAGED).job_id == second.job_id


@pytest.mark.parametrize("end", ["failed", "canceled", "removed"])
def test_what_failed_or_was_removed_is_not_taken_for_the_lost_one(
    steps: Steps, peer: GcpSpeechPeer, end: str
) -> None:
    job = steps.submit(request(), KEY, STAGED).job_id
    if end == "canceled":
        assert steps.cancel(job) is True
    elif end == "removed":
        done(steps, job)
        assert steps.find(request(), KEY, STAGED).job_id == job
        steps.remove_job(job)
    else:
        peer.operations[job].request["files"][0]["uri"] = STAGED
        listed = peer._shown(peer.operations[job])
        metadata = {"transcriptionMetadata": {STAGED: {"error": {"code": 13, "message": "no"}}}}
        listed["metadata"]["batchRecognizeMetadata"] = metadata
        peer.stub.script([], default=Answer(json={"operations": [listed]}))
    assert steps.find(request(), KEY, STAGED) is None


def test_a_list_without_an_end_is_given_up(steps: Steps, peer: GcpSpeechPeer) -> None:
    peer.stub.script([], default=Answer(json={"nextPageToken": "1"}))
    with pytest.raises(errors.MalformedReply, match="does not end"):
        steps.find(request(), KEY, STAGED)


def test_a_recording_in_a_bucket_of_theirs_needs_none_of_ours(
    runtime: BlockingRuntime, peer: GcpSpeechPeer
) -> None:
    peer.staging = None
    peer.objects[OWN] = sound()
    steps = Steps(runtime, peer)
    asked = request(audio=in_bucket(), raw=True)
    job = steps.submit(asked, KEY, OWN).job_id
    output: Any = peer.stub.requests[-1].json()
    assert output["recognitionOutputConfig"] == {"inlineResponseConfig": {}}
    assert steps.find(asked, KEY, OWN).job_id == job
    assert steps.find(request(audio=in_bucket(), hints=("Rhine",)), KEY, OWN) is None
    assert steps.find(request(audio=in_bucket(), extensions={"gcp_dynamic_batch": True}), KEY, OWN) is None
    assert done(steps, job).phase is Phase.SUCCEEDED
    reply = steps.fetch(asked, job)
    assert reply.payload.text == "good morning"
    assert reply.raw["name"] == job
    steps.remove_job(job)
    assert set(peer.objects) == {OWN}


def test_only_what_lies_in_our_folder_is_removed(runtime: BlockingRuntime, peer: GcpSpeechPeer) -> None:
    steps = Steps(runtime, peer)
    job = steps.submit(request(), KEY, STAGED).job_id
    done(steps, job)
    before = dict(peer.objects)
    Steps(runtime, peer, staging="gs://my-bucket/other").remove_job(job)
    assert peer.objects == before
    peer.objects["gs://my-bucket/staged/b1-neighbour/transcript/x.json"] = b"{}"
    steps.remove_job(job)
    assert set(peer.objects) == {"gs://my-bucket/staged/b1-neighbour/transcript/x.json"}


def test_some_bytes_of_a_recording_in_a_bucket(steps: Steps, peer: GcpSpeechPeer) -> None:
    peer.objects[OWN] = bytes(range(100))
    whole = steps.read(OWN, 0, 1000)
    assert (whole.data, whole.size) == (bytes(range(100)), 100)
    part = steps.read(OWN, 90, 4)
    assert (part.data, part.size) == (bytes((90, 91, 92, 93)), 100)
    assert (steps.read(OWN, 100, 4).data, steps.read(OWN, 100, 4).size) == (b"", 100)
    assert peer.stub.requests[-1].headers["accept-encoding"] == "identity"
    with pytest.raises(errors.BadInput, match="check the bucket"):
        steps.read("gs://theirs/none.wav", 0, 4)
    with pytest.raises(errors.BadInput, match="gs://bucket/name"):
        steps.read("gs://theirs", 0, 4)


def test_a_part_without_a_range_is_no_part(steps: Steps, peer: GcpSpeechPeer) -> None:
    peer.stub.script([], default=Answer(206, body=b"abcd"))
    with pytest.raises(errors.MalformedReply, match="which bytes"):
        steps.read(OWN, 0, 4)


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (403, errors.AuthFailed, "roles/storage.objectUser"),
        (404, errors.BadInput, "bucket"),
        (429, errors.Throttled, ""),
        (503, errors.Unavailable, ""),
    ],
)
def test_what_the_bucket_refuses(
    steps: Steps, peer: GcpSpeechPeer, status: int, kind: type[errors.ProviderError], words: str
) -> None:
    body = {
        "error": {"code": status, "message": "no", "errors": [{"domain": "global", "reason": "forbidden"}]}
    }
    peer.stub.script([], default=Answer(status, json=body))
    with pytest.raises(kind) as told:
        steps.stage(request(), KEY)
    assert words in str(told.value)
