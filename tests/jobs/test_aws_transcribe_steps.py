"""The steps of Amazon Transcribe's jobs against a peer that keeps state, one by one and without the broker's driver."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aws_steps_support import (
    GET,
    NAME,
    RESULT,
    SOUND,
    STAGED,
    START,
    STORED,
    Accounts,
    Steps,
    request,
    submitted,
    targets,
)
from aws_transcribe_peer import (
    AwsTranscribePeer,
)

from broker.contract import HasJobs, JobSteps, Phase
from broker.errors import BadInput, Outcome, ProviderError, Throttled
from broker.testing.script import Answer, Fault
from broker.types import ConfidenceLevel


@pytest.fixture(scope="module")
def accounts() -> Iterator[Accounts]:
    with Accounts() as made:
        yield made


@pytest.fixture
def peer(accounts: Accounts) -> AwsTranscribePeer:
    return accounts.peer()


@pytest.fixture
def steps(accounts: Accounts, peer: AwsTranscribePeer) -> Iterator[Steps]:
    with accounts.steps() as made:
        yield made


@pytest.fixture(params=["sync", "async"])
def either(request: pytest.FixtureRequest, accounts: Accounts, peer: AwsTranscribePeer) -> Iterator[Steps]:
    with accounts.steps(request.param) as made:
        yield made


def test_the_adapter_has_the_steps(steps: Steps) -> None:
    assert isinstance(steps.adapter, HasJobs)
    assert isinstance(steps.steps, JobSteps)


def test_a_job_from_its_beginning_to_its_end(either: Steps, peer: AwsTranscribePeer) -> None:
    asked = request()
    place = either.stage(asked, NAME)
    assert place == STAGED
    assert peer.objects == {STORED: SOUND}
    job = either.submit(asked, NAME, place)
    assert (job.job_id, job.adopted) == (NAME, False)
    assert job.created == datetime.fromtimestamp(peer.jobs[NAME].created, UTC)
    assert job.request_id
    seen = [either.poll(NAME) for _ in range(3)]
    assert [each.phase for each in seen] == [Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED]
    assert [each.state for each in seen] == ["QUEUED", "IN_PROGRESS", "COMPLETED"]
    assert {each.percent for each in seen} == {None}
    reply = either.fetch(asked, NAME)
    assert reply.payload.text == "Hello there."
    assert [(word.text, word.start_ms, word.end_ms) for word in reply.payload.words] == [
        ("Hello", 760, 1090),
        ("there.", 1090, 1420),
    ]
    assert [word.confidence.value for word in reply.payload.words] == [0.9, 0.9]
    assert reply.payload.confidence_level is ConfidenceLevel.WORD
    assert [(each.language, each.confidence.value) for each in reply.payload.languages] == [("en-US", None)]
    assert reply.usage == ()  # the service says nothing of it
    assert reply.raw is None
    assert either.read(place, 8, 4).data == b"WAVE"
    either.remove_job(NAME)
    either.remove_recording(place)
    assert (peer.jobs, peer.objects) == ({}, {})
    assert peer.submissions == {NAME: 1}
    either.remove_job(NAME)  # once more: nothing there is as good
    either.remove_recording(place)
    assert either.poll(NAME).phase is Phase.GONE
    assert either.find(asked, NAME, place) is None
    assert either.cancel(NAME) is True


def test_what_each_step_sends(steps: Steps, peer: AwsTranscribePeer) -> None:
    asked = request()
    steps.submit(asked, NAME, steps.stage(asked, NAME))
    peer.polls = 0
    steps.poll(NAME)
    steps.fetch(asked, NAME)
    steps.remove_job(NAME)
    steps.remove_recording(STAGED)
    assert targets(peer) == [
        f"PUT {STORED}",
        "StartTranscriptionJob",
        "GetTranscriptionJob",
        "GetTranscriptionJob",
        f"GET {RESULT}",
        "GetTranscriptionJob",
        f"DELETE {RESULT}",
        "DeleteTranscriptionJob",
        f"DELETE {STORED}",
    ]


def test_the_rights_that_the_docs_name_are_those_that_are_used(steps: Steps, peer: AwsTranscribePeer) -> None:
    peer.polls = 0
    submitted(steps)
    steps.poll(NAME)
    steps.fetch(request(), NAME)
    steps.remove_job(NAME)
    steps.remove_recording(STAGED)
    used = {
        f"s3:{each.partition(' ')[0].capitalize()}Object" if "/" in each else f"transcribe:{each}"
        for each in targets(peer)
    }
    page = (Path(__file__).parents[2] / "docs" / "providers-setup.md").read_text("utf-8")
    (row,) = [line for line in page.splitlines() if "`transcription.transcribe` | `transcribe:" in line]
    assert set(re.findall(r"`((?:transcribe|s3):\w+)`", row)) == used


# ---- the name is the key


def test_a_second_submission_adopts_the_first(either: Steps, peer: AwsTranscribePeer) -> None:
    first = submitted(either)
    again = either.submit(request(), NAME, STAGED)
    assert (again.job_id, again.adopted, again.created) == (NAME, True, first.created)
    assert peer.submissions == {NAME: 1}
    assert peer.conflicts == {NAME: 1}


def test_a_lost_submission_is_ambiguous_and_then_found_or_adopted(
    either: Steps, peer: AwsTranscribePeer
) -> None:
    peer.lose = 1
    asked = request()
    place = either.stage(asked, NAME)
    with pytest.raises(ProviderError) as lost:
        either.submit(asked, NAME, place)
    assert lost.value.outcome is Outcome.AMBIGUOUS
    found = either.find(asked, NAME, place)
    assert (found.job_id, found.adopted) == (NAME, True)
    assert found.created == datetime.fromtimestamp(peer.jobs[NAME].created, UTC)
    assert either.submit(asked, NAME, place).adopted
    assert peer.submissions == {NAME: 1}


def test_a_job_that_is_adopted_and_gone_at_once_is_told_by_the_next_poll(
    steps: Steps, peer: AwsTranscribePeer
) -> None:
    peer.stub.on(START, Answer(400, json={"__type": "ConflictException", "Message": "exists"}))
    found = steps.submit(request(), NAME, STAGED)
    assert (found.job_id, found.adopted, found.created) == (NAME, True, None)
    assert steps.poll(NAME).phase is Phase.GONE


@pytest.mark.parametrize("missing", ["BadRequestException", "NotFoundException"])
@pytest.mark.parametrize("status", [400, 404])
def test_a_job_that_is_not_there_is_told_in_two_ways(
    steps: Steps, peer: AwsTranscribePeer, missing: str, status: int
) -> None:
    words = "The requested job couldn't be found. Check the job name and try your request again."
    peer.stub.on(GET, Answer(status, json={"__type": missing, "Message": words}))
    assert steps.find(request(), NAME, STAGED) is None
    assert steps.poll(NAME).phase is Phase.GONE
    with pytest.raises(BadInput, match="no longer knows"):
        steps.fetch(request(), NAME)


def test_another_refusal_is_not_taken_for_a_job_that_is_not_there(
    steps: Steps, peer: AwsTranscribePeer
) -> None:
    peer.stub.on(GET, Answer(400, json={"__type": "BadRequestException", "Message": "The region is off."}))
    for step in (lambda: steps.poll(NAME), lambda: steps.find(request(), NAME, STAGED)):
        with pytest.raises(BadInput, match="The region is off"):
            step()


UNCLEAR = {
    "500": Answer(500, json={"__type": "InternalFailureException", "Message": "no"}),
    "503": Answer(503),
    "html": Fault.html(),
    "no job": Answer(json={}),
    "another job": Answer(json={"TranscriptionJob": {"TranscriptionJobName": "b1-other"}}),
    "no time": Answer(json={"TranscriptionJob": {"TranscriptionJobName": NAME, "CreationTime": "yesterday"}}),
    "cut": Fault.truncated(),
}


@pytest.mark.parametrize("how", UNCLEAR)
def test_an_answer_that_leaves_open_whether_a_job_was_made(
    steps: Steps, peer: AwsTranscribePeer, how: str
) -> None:
    place = steps.stage(request(), NAME)
    peer.stub.on(START, UNCLEAR[how])
    with pytest.raises(ProviderError) as unclear:
        steps.submit(request(), NAME, place)
    assert unclear.value.outcome is Outcome.AMBIGUOUS


def test_a_refused_submission_made_no_job(steps: Steps, peer: AwsTranscribePeer) -> None:
    with pytest.raises(BadInput, match="can't be accessed") as refused:
        steps.submit(request(), NAME, STAGED)
    assert refused.value.outcome is Outcome.REJECTED
    assert peer.submissions == {}


@pytest.mark.parametrize("operation", [START, GET])
def test_too_many_requests_or_jobs_are_a_matter_of_waiting(
    steps: Steps, peer: AwsTranscribePeer, operation: str
) -> None:
    """The model says "too many requests, or your input file is too long", and its length was looked at before."""
    said = {"__type": "LimitExceededException", "Message": "You have sent too many requests."}
    peer.stub.on(operation, Answer(400, json=said))
    steps.stage(request(), NAME)
    with pytest.raises(Throttled) as throttled:
        steps.submit(request(), NAME, STAGED) if operation == START else steps.poll(NAME)
    assert throttled.value.outcome is Outcome.THROTTLED
    assert throttled.value.code == "LimitExceededException"
    assert throttled.value.request_id
    assert "Service Quotas" in str(throttled.value)


def test_times_may_be_written_as_in_the_guides_examples(steps: Steps, peer: AwsTranscribePeer) -> None:
    for text, due in (
        ("2022-03-07T15:03:44.229000-08:00", "2022-03-07T23:03:44.229000+00:00"),
        (1646694224, "2022-03-07T23:03:44+00:00"),
        (None, None),
    ):
        job: Any = {
            "TranscriptionJobName": NAME,
            "TranscriptionJobStatus": "IN_PROGRESS",
            "CreationTime": text,
        }
        peer.stub.on(GET, Answer(json={"TranscriptionJob": job}))
        moment = steps.find(request(), NAME, STAGED).created
        assert moment == (None if due is None else datetime.fromisoformat(due))


@pytest.mark.parametrize("job_id", ["", "a b", "x" * 201, "../x", "b1/x"])
@pytest.mark.parametrize("step", ["poll", "cancel", "remove_job"])
def test_only_names_of_jobs_are_asked_for(
    steps: Steps, peer: AwsTranscribePeer, step: str, job_id: str
) -> None:
    with pytest.raises(BadInput, match="name of a job"):
        getattr(steps, step)(job_id)
    assert peer.stub.count == 0
