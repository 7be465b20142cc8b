"""How Amazon Transcribe's jobs end, where their results are read, and what is removed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from aws_steps_support import (
    DELETE,
    GET,
    MINE,
    NAME,
    RESULT,
    SOUND,
    STORED,
    Accounts,
    Steps,
    request,
    submitted,
)
from aws_transcribe_peer import (
    BUCKET,
    FOLDER,
    SECRET,
    SERVICE_BUCKET,
    TOKEN,
    AwsTranscribePeer,
    result_file,
)

from broker import errors
from broker.contract import Phase
from broker.errors import BadInput, MalformedReply, NotConfigured, Outcome
from broker.testing.script import Answer


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


@pytest.fixture
def own(accounts: Accounts, peer: AwsTranscribePeer) -> Iterator[Steps]:
    """Without a folder for us."""
    with accounts.steps(staging=False) as made:
        yield made


# ---- how it ends


@pytest.mark.parametrize(
    "reason",
    [
        "Unsupported media format",
        "The media format provided does not match the detected media format.",
        "Invalid file size: file size too large. The size of your media file is larger than what is processed.",
        "Failed to parse audio file.",
    ],
)
def test_a_job_that_could_not_use_its_recording(steps: Steps, peer: AwsTranscribePeer, reason: str) -> None:
    peer.polls, peer.fail = 0, reason
    submitted(steps)
    progress = steps.poll(NAME)
    assert (progress.phase, progress.state) == (Phase.FAILED, "FAILED")
    assert isinstance(progress.error, BadInput)
    assert progress.error.billed is False
    assert reason in str(progress.error)
    with pytest.raises(BadInput):
        steps.fetch(request(), NAME)


def test_a_job_that_failed_for_a_reason_that_is_not_listed_is_not_billed_either(
    steps: Steps, peer: AwsTranscribePeer
) -> None:
    peer.polls, peer.fail = 0, f"Internal trouble with token={TOKEN}"
    submitted(steps)
    error = steps.poll(NAME).error
    assert isinstance(error, errors.ProviderFault)
    assert error.outcome is Outcome.REJECTED
    assert "Internal trouble" in str(error)
    assert TOKEN not in str(error)


@pytest.mark.parametrize(
    ("job", "phase"),
    [
        ({"TranscriptionJobStatus": "RESTING"}, Phase.RUNNING),
        ({"TranscriptionJobStatus": "FAILED"}, Phase.FAILED),
    ],
)
def test_a_state_that_is_not_known_is_no_end(
    steps: Steps, peer: AwsTranscribePeer, job: dict[str, Any], phase: Phase
) -> None:
    peer.stub.on(GET, Answer(json={"TranscriptionJob": job}))
    progress = steps.poll(NAME)
    assert (progress.phase, progress.state) == (phase, job["TranscriptionJobStatus"])
    assert (progress.error is not None) == (phase is Phase.FAILED)


@pytest.mark.parametrize("answer", [{}, {"TranscriptionJob": {}}, {"TranscriptionJob": []}, []])
def test_an_answer_about_no_job_is_malformed(steps: Steps, peer: AwsTranscribePeer, answer: Any) -> None:
    peer.stub.on(GET, Answer(json=answer))
    with pytest.raises(MalformedReply) as malformed:
        steps.poll(NAME)
    assert malformed.value.request_id


def test_a_result_is_not_fetched_before_it_is_there(steps: Steps, peer: AwsTranscribePeer) -> None:
    submitted(steps)
    with pytest.raises(errors.Unavailable, match="not done yet") as early:
        steps.fetch(request(), NAME)
    assert early.value.outcome is Outcome.NOT_SENT


def test_a_running_job_cannot_be_stopped_and_another_is_deleted(
    either: Steps, peer: AwsTranscribePeer
) -> None:
    submitted(either)
    assert either.cancel(NAME) is False
    with pytest.raises(BadInput, match="couldn't be deleted"):
        either.remove_job(NAME)
    assert list(peer.jobs) == [NAME]
    peer.deletable = True
    assert either.cancel(NAME) is True
    assert peer.jobs == {}
    assert either.cancel(NAME) is True  # gone is stopped


def test_the_result_of_a_job_that_was_cancelled_when_it_was_done_is_removed_too(
    steps: Steps, peer: AwsTranscribePeer
) -> None:
    peer.polls = 0
    submitted(steps)
    steps.poll(NAME)
    assert RESULT in peer.objects
    assert steps.cancel(NAME) is True
    steps.remove_job(NAME)
    assert peer.objects == {STORED: SOUND}


def test_nothing_is_deleted_but_what_is_in_our_folder(steps: Steps, peer: AwsTranscribePeer) -> None:
    peer.polls = 0
    submitted(steps)
    steps.poll(NAME)
    for uri in (
        f"https://s3.us-east-1.amazonaws.com/{BUCKET}/elsewhere/{NAME}.json",
        f"https://s3.us-east-1.amazonaws.com/{BUCKET}/{FOLDER}/deeper/{NAME}.json",
        f"https://s3.us-east-1.amazonaws.com/other-bucket/{FOLDER}/{NAME}.json",
        "https://example.com/x.json",
    ):
        job: Any = {"TranscriptionJobName": NAME, "Transcript": {"TranscriptFileUri": uri}}
        peer.stub.on(GET, Answer(json={"TranscriptionJob": job}))
        peer.stub.on(DELETE, Answer(200))
        steps.remove_job(NAME)
    assert not [each for each in peer.stub.requests if each.method == "DELETE"]


# ---- results


def fetched(steps: Steps, peer: AwsTranscribePeer, **options: Any) -> Any:
    peer.polls = 0
    asked = request(**options)
    steps.submit(asked, NAME, steps.stage(asked, NAME))
    steps.poll(NAME)
    return steps.fetch(asked, NAME)


def test_the_raw_result_is_the_file(steps: Steps, peer: AwsTranscribePeer) -> None:
    reply = fetched(steps, peer, raw=True)
    assert reply.raw == json.loads(peer.objects[RESULT])


def test_redaction_leaves_one_file_and_that_is_read(steps: Steps, peer: AwsTranscribePeer) -> None:
    peer.results = result_file("My name is [PII].")
    assert fetched(steps, peer, redact=True).payload.text == "My name is [PII]."
    assert peer.jobs[NAME].asked["ContentRedaction"] == {
        "RedactionType": "PII",
        "RedactionOutput": "redacted",
    }
    assert f"/{BUCKET}/{FOLDER}/redacted-{NAME}.json" in peer.objects
    steps.remove_job(NAME)
    assert list(peer.objects) == [STORED]


def test_a_text_with_personal_data_is_not_taken_for_one_without(
    steps: Steps, peer: AwsTranscribePeer
) -> None:
    peer.polls = 0
    submitted(steps)
    steps.poll(NAME)
    with pytest.raises(MalformedReply, match="no redacted transcript"):
        steps.fetch(request(redact=True), NAME)


def test_the_language_that_was_found_out_comes_with_its_score(steps: Steps, peer: AwsTranscribePeer) -> None:
    found = fetched(steps, peer, language=None).payload.languages
    assert [(each.language, each.confidence.value) for each in found] == [("en-US", 0.8672199249267578)]


def test_several_languages_are_in_the_order_of_their_lengths(steps: Steps, peer: AwsTranscribePeer) -> None:
    peer.polls = 0
    submitted(steps)
    steps.poll(NAME)
    codes = [
        {"LanguageCode": "hi-IN", "DurationInSeconds": 2.5},
        {"LanguageCode": "en-US", "DurationInSeconds": 9},
    ]
    job: Any = {
        "TranscriptionJobStatus": "COMPLETED",
        "LanguageCodes": codes,
        "Transcript": {"TranscriptFileUri": f"https://s3.us-east-1.amazonaws.com{RESULT}"},
    }
    peer.stub.on(GET, Answer(json={"TranscriptionJob": job}))
    found = steps.fetch(request(), NAME).payload.languages
    assert [(each.language, each.confidence.value) for each in found] == [("en-US", None), ("hi-IN", None)]


def test_a_result_that_is_no_transcript_is_malformed(steps: Steps, peer: AwsTranscribePeer) -> None:
    peer.results = {"transcripts": [{"transcript": "Hello"}]}
    with pytest.raises(MalformedReply, match="items"):
        fetched(steps, peer)


def test_a_result_that_was_deleted_is_told(steps: Steps, peer: AwsTranscribePeer) -> None:
    fetched(steps, peer)
    del peer.objects[RESULT]
    with pytest.raises(BadInput) as gone:
        steps.fetch(request(), NAME)
    assert gone.value.code == "NoSuchKey"


# ---- recordings of the user's own


def test_a_recording_that_is_in_s3_needs_no_folder(own: Steps, peer: AwsTranscribePeer) -> None:
    peer.objects[f"/{BUCKET}/talks/monday.wav"] = SOUND
    peer.polls = 0
    asked = request()
    own.submit(asked, NAME, MINE)
    wanted = peer.jobs[NAME].asked
    assert wanted["Media"] == {"MediaFileUri": MINE}
    assert not {"OutputBucketName", "OutputKey"} & set(wanted)
    own.poll(NAME)
    assert own.fetch(asked, NAME).payload.text == "Hello there."
    (link,) = [each for each in peer.stub.requests if SERVICE_BUCKET in each.path]
    assert not {"authorization", "x-amz-security-token", "x-amz-date"} & set(link.headers)
    own.remove_job(NAME)
    assert peer.jobs == {}
    assert f"/{BUCKET}/talks/monday.wav" in peer.objects


def test_with_a_folder_its_result_goes_there(steps: Steps, peer: AwsTranscribePeer) -> None:
    peer.objects[f"/{BUCKET}/talks/monday.wav"] = SOUND
    steps.submit(request(), NAME, MINE)
    assert peer.jobs[NAME].asked["OutputKey"] == f"{FOLDER}/{NAME}.json"
    with pytest.raises(NotConfigured, match="not below the folder"):
        steps.remove_recording(MINE)
    assert f"/{BUCKET}/talks/monday.wav" in peer.objects


def test_without_a_folder_recordings_of_this_machine_are_told_what_to_set(
    own: Steps, peer: AwsTranscribePeer
) -> None:
    with pytest.raises(NotConfigured, match="set staging"):
        own.stage(request(), NAME)
    assert peer.stub.count == 0


def test_a_refused_link_may_be_asked_for_anew_and_is_told_to_nobody(
    own: Steps, peer: AwsTranscribePeer
) -> None:
    link = f"{peer.stub.url}/{SERVICE_BUCKET}/x.json?X-Amz-Signature=linksecretsignature"
    job: Any = {"TranscriptionJobStatus": "COMPLETED", "Transcript": {"TranscriptFileUri": link}}
    peer.stub.on(GET, Answer(json={"TranscriptionJob": job}))
    with pytest.raises(errors.Unavailable, match="fetch again") as refused:
        own.fetch(request(), NAME)
    assert "linksecret" not in str(refused.value) + repr(refused.value)
    assert refused.value.outcome is Outcome.SERVER  # passes


@pytest.mark.parametrize(
    "link",
    [
        "https://s3.us-east-1.amazonaws.com.evil.example/b/k?X-Amz-Signature=x",
        "https://evilamazonaws.com/b/k?X-Amz-Signature=x",
        "http://s3.us-east-1.amazonaws.com/b/k?X-Amz-Signature=x",
        "https://user:pw@s3.us-east-1.amazonaws.com/b/k?X-Amz-Signature=x",
        "https://[::1/b/k?X-Amz-Signature=x",
        "https://s3.us-east-1.amazonaws.com/b/ké?X-Amz-Signature=x",
        "https://s3.us-east-1.amazonaws.com/",
        "ftp://s3.us-east-1.amazonaws.com/bucket/key",
        "s3:///key",
    ],
)
def test_a_result_is_read_from_no_other_kind_of_address(
    own: Steps, peer: AwsTranscribePeer, link: str
) -> None:
    job: Any = {"TranscriptionJobStatus": "COMPLETED", "Transcript": {"TranscriptFileUri": link}}
    peer.stub.on(GET, Answer(json={"TranscriptionJob": job}))
    with pytest.raises(MalformedReply) as refused:
        own.fetch(request(), NAME)
    assert "evil" not in str(refused.value)
    assert peer.stub.count == 1


@pytest.mark.parametrize(
    "uri",
    [
        f"https://s3.us-east-1.amazonaws.com/{BUCKET}/a%20b/r.json",
        f"https://s3-us-west-2.amazonaws.com/{BUCKET}/a%20b/r.json",
        f"https://{BUCKET}.s3.us-east-1.amazonaws.com/a%20b/r.json",
        f"https://{BUCKET}.s3.amazonaws.com/a%20b/r.json",
        f"https://s3.cn-north-1.amazonaws.com.cn/{BUCKET}/a%20b/r.json",
        f"s3://{BUCKET}/a b/r.json",
    ],
)
def test_a_result_in_a_bucket_is_read_with_our_own_rights(
    own: Steps, peer: AwsTranscribePeer, uri: str
) -> None:
    peer.objects[f"/{BUCKET}/a b/r.json"] = json.dumps({"results": result_file("Yes.")}).encode()
    job: Any = {"TranscriptionJobStatus": "COMPLETED", "Transcript": {"TranscriptFileUri": uri}}
    peer.stub.on(GET, Answer(json={"TranscriptionJob": job}))
    assert own.fetch(request(), NAME).payload.text == "Yes."
    assert peer.stub.requests[-1].path == f"/{BUCKET}/a b/r.json"
    assert "authorization" in peer.stub.requests[-1].headers


def test_secrets_are_neither_sent_nor_told(
    steps: Steps, peer: AwsTranscribePeer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fetched(steps, peer)
    said_back = {"__type": "ExpiredTokenException", "Message": f"{TOKEN} {SECRET}"}
    peer.stub.on(GET, Answer(400, json=said_back))
    with pytest.raises(errors.AuthFailed) as refused:
        steps.poll(NAME)
    said = str(refused.value) + repr(refused.value) + repr(refused.value.__cause__) + caplog.text
    assert SECRET not in said
    assert TOKEN not in said
    for each in peer.stub.requests:
        assert SECRET.encode() not in each.body
        assert SECRET not in str(each.headers) + each.query
