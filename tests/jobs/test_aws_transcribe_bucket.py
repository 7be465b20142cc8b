"""The bucket of Amazon Transcribe's jobs: what is put there, read and refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_steps_support import (
    MINE,
    NAME,
    SOUND,
    STAGED,
    STORED,
    Accounts,
    Steps,
    request,
)
from aws_transcribe_peer import (
    BUCKET,
    FOLDER,
    SECRET,
    AwsTranscribePeer,
)

from broker import errors
from broker.contract import HttpReply
from broker.errors import BadInput, MalformedReply, ProviderError, Throttled
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker.types import Audio
from broker_aws import AwsAdapter, AwsSettings


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


def test_a_recording_on_disk_is_streamed_to_the_bucket(
    steps: Steps, peer: AwsTranscribePeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "my private talk.wav"
    path.write_bytes(SOUND)
    monkeypatch.setattr(Audio, "read", lambda _: pytest.fail("read into memory"))
    place = steps.stage(request(audio=Audio.from_path(path)), NAME)
    assert peer.objects == {STORED: SOUND}
    assert "private" not in place
    (sent,) = peer.stub.requests
    assert sent.headers["content-length"] == str(len(SOUND))
    assert sent.headers["content-type"] == "audio/wav"
    assert sent.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    for name in ("transfer-encoding", "expect", "content-encoding", "x-amz-trailer", "x-amz-acl"):
        assert name not in sent.headers
    assert not [name for name in sent.headers if name.startswith("x-amz-server-side")]


def test_a_recording_that_was_changed_meanwhile_is_not_sent(
    steps: Steps, peer: AwsTranscribePeer, tmp_path: Path
) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(SOUND)
    asked = request(audio=Audio.from_path(path))
    path.write_bytes(SOUND + b"more")
    with pytest.raises(BadInput, match="was changed"):
        steps.stage(asked, NAME)
    assert peer.objects == {}


def test_staging_again_overwrites(steps: Steps, peer: AwsTranscribePeer) -> None:
    assert steps.stage(request(), NAME) == steps.stage(request(), NAME)
    assert peer.objects == {STORED: SOUND}


# ---- bytes of a recording


def test_bytes_of_a_recording(either: Steps, peer: AwsTranscribePeer) -> None:
    peer.objects[f"/{BUCKET}/talks/monday.wav"] = SOUND
    first = either.read(MINE, 0, 100)
    assert (first.data, first.size) == (SOUND[:100], len(SOUND))
    last = either.read(MINE, len(SOUND) - 10, 100)
    assert (last.data, last.size) == (SOUND[-10:], len(SOUND))
    behind = either.read(MINE, len(SOUND), 100)
    assert (behind.data, behind.size) == (b"", len(SOUND))
    assert peer.stub.requests[0].headers["range"] == "bytes=0-99"


def test_bytes_of_what_is_not_there(steps: Steps) -> None:
    with pytest.raises(BadInput, match="check the address") as missing:
        steps.read(MINE, 0, 100)
    assert (missing.value.code, missing.value.status) == ("NoSuchKey", 404)
    for address in ("s3://b/x", "gs://bucket/x", "https://bucket.s3.amazonaws.com/x", "s3://bucket/", ""):
        with pytest.raises(BadInput, match="s3://bucket/key"):
            steps.read(address, 0, 100)


def test_a_store_that_heeds_no_range_or_gives_another(steps: Steps, peer: AwsTranscribePeer) -> None:
    peer.stub.on(f"/{BUCKET}/talks/monday.wav", Answer(body=SOUND))
    assert steps.read(MINE, 4, 8).data == SOUND[4:12]
    wrong = [
        Answer(206, body=b"x", headers={"Content-Range": "bytes 5-5/100"}),
        Answer(206, body=b"x"),
        Answer(204),
        Answer(416, body=b"<Error><Code>InvalidRange</Code></Error>"),
    ]
    for answer in wrong:
        peer.stub.on(f"/{BUCKET}/talks/monday.wav", answer)
        with pytest.raises(MalformedReply, match="which bytes"):
            steps.read(MINE, 4, 1)


# ---- refusals of the bucket


def test_a_bucket_in_another_region_is_not_followed_there(either: Steps, peer: AwsTranscribePeer) -> None:
    peer.elsewhere = "eu-central-1"
    with pytest.raises(
        BadInput, match=r"my-recordings is in the region eu-central-1.*own\s+region"
    ) as refused:
        either.stage(request(), NAME)
    assert refused.value.code == "PermanentRedirect"
    assert peer.stub.count == 1


def test_a_signature_for_another_region_is_told_alike(steps: Steps, peer: AwsTranscribePeer) -> None:
    body = (
        b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is wrong; expecting "
        b"'eu-central-1'</Message><Region>eu-central-1</Region></Error>"
    )
    peer.stub.on(STORED, Answer(400, body=body))
    with pytest.raises(BadInput, match="in the region eu-central-1"):
        steps.stage(request(), NAME)
    assert peer.stub.count == 1


REFUSALS: list[tuple[int, str, type[ProviderError], str]] = [
    (403, "AccessDenied", errors.AuthFailed, "allow s3:PutObject in the bucket my-rec"),
    (404, "NoSuchBucket", BadInput, "make the bucket"),
    (403, "InvalidAccessKeyId", errors.AuthFailed, "check access key id"),
    (400, "ExpiredToken", errors.AuthFailed, "renew the credential"),
    (400, "InvalidToken", errors.AuthFailed, "check access key id"),
    (503, "SlowDown", Throttled, "It & more"),
    (500, "InternalError", errors.Unavailable, "It & more"),
    (400, "RequestTimeout", errors.Unavailable, "It & more"),
    (400, "EntityTooLarge", BadInput, "It & more"),
]


@pytest.mark.parametrize(("status", "code", "kind", "advice"), REFUSALS, ids=[each[1] for each in REFUSALS])
def test_what_the_bucket_refuses(
    steps: Steps, peer: AwsTranscribePeer, status: int, code: str, kind: type[ProviderError], advice: str
) -> None:
    body = f"<Error><Code>{code}</Code><Message>It &amp; more.</Message></Error>".encode()
    peer.stub.on(STORED, Answer(status, body=body, headers={"x-amz-request-id": "s3-7"}))
    with pytest.raises(kind, match=advice) as refused:
        steps.stage(request(), NAME)
    assert (refused.value.code, refused.value.status, refused.value.request_id) == (code, status, "s3-7")
    assert "It & more." in str(refused.value)
    assert peer.stub.count == 1  # one layer repeats, and it is not here


@pytest.mark.parametrize(("status", "kind"), [(403, errors.AuthFailed), (502, errors.Unavailable)])
def test_a_refusal_that_cannot_be_read(
    steps: Steps, peer: AwsTranscribePeer, status: int, kind: type[ProviderError]
) -> None:
    peer.stub.on(STORED, Answer(status, body=b"<html>"))
    with pytest.raises(kind) as refused:
        steps.stage(request(), NAME)
    assert refused.value.code is None


@pytest.mark.parametrize("answer", [Answer(200), Answer(204), Fault.html(), Fault.empty()], ids=str)
def test_an_upload_that_is_not_confirmed_is_no_upload(
    steps: Steps, peer: AwsTranscribePeer, answer: Any
) -> None:
    peer.stub.on(STORED, answer)
    with pytest.raises(MalformedReply, match="stored"):
        steps.stage(request(), NAME)


def test_deleting_what_is_not_there_is_as_good_and_a_refusal_is_not(
    steps: Steps, peer: AwsTranscribePeer
) -> None:
    peer.stub.on(STORED, Answer(404, body=b"<Error><Code>NoSuchBucket</Code></Error>"))
    steps.remove_recording(STAGED)
    peer.stub.on(STORED, Answer(403, body=b"<Error><Code>AccessDenied</Code></Error>"))
    with pytest.raises(errors.AuthFailed, match="s3:DeleteObject"):
        steps.remove_recording(STAGED)


def test_keys_that_s3_refused_are_asked_for_anew(
    steps: Steps, peer: AwsTranscribePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[Any] = []
    held = steps.adapter._clients.held()
    monkeypatch.setattr(type(held), "refuse", lambda _, used: refused.append(used))
    peer.stub.on(STORED, Answer(400, body=b"<Error><Code>ExpiredToken</Code></Error>"))
    with pytest.raises(errors.AuthFailed):
        steps.stage(request(), NAME)
    assert [each.secret_key for each in refused] == [SECRET]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(steps: Steps, peer: AwsTranscribePeer, status: int) -> None:
    peer.stub.on(STORED, Answer(status, headers={"Location": f"{peer.stub.url}/elsewhere"}))
    with pytest.raises(BadInput, match="redirects"):
        steps.stage(request(), NAME)
    assert peer.stub.count == 1


def test_the_store_may_have_an_address_of_its_own(peer: AwsTranscribePeer) -> None:
    with VendorStub() as elsewhere:
        store = AwsTranscribePeer(elsewhere)
        endpoints = {"transcribe": peer.stub.url, "s3": elsewhere.url}
        settings = {**peer.settings, "endpoint": None, "endpoints": endpoints}
        adapter = AwsAdapter(AwsSettings.model_validate(settings))
        steps = Steps(adapter)
        place = steps.stage(request(), NAME)
        peer.objects = store.objects
        steps.submit(request(), NAME, place)
        assert (elsewhere.count, peer.stub.count) == (1, 1)
        steps.close()
        adapter.close()


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-1", "my-recordings.s3.us-east-1.amazonaws.com"),
        ("eu-central-1", "my-recordings.s3.eu-central-1.amazonaws.com"),
        ("cn-north-1", "my-recordings.s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_bucket_is_asked_at_its_own_regional_host(
    peer: AwsTranscribePeer, monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    settings = {**peer.settings, "endpoint": None, "region": region}
    adapter = AwsAdapter(AwsSettings.model_validate(settings))
    steps = Steps(adapter)
    sent: list[str] = []

    def send(_: Any, method: str, url: str, **__: Any) -> HttpReply:
        sent.append(f"{method} {url}")
        return HttpReply(status=200, headers={"etag": "x"}, content=b"")

    monkeypatch.setattr("broker.runtime.blocking.BlockingHttp.send_blocking", send)
    steps.stage(request(), NAME)
    assert sent == [f"PUT https://{host}/{FOLDER}/{NAME}.wav"]
    steps.close()
    adapter.close()
