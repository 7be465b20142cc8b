"""Azure's staging folder: what is written there, read and deleted, and by which credential."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest
from azure_speech_peer import API, KEY, SAS, AzureSpeechPeer
from azure_steps_support import NAME, SOUND, Steps, request, submitted

from broker.errors import AuthFailed, BadInput, MalformedReply, NotConfigured
from broker.testing.script import Answer
from broker.testing.stub import VendorStub


@pytest.fixture
def peer(vendor_stub: VendorStub) -> AzureSpeechPeer:
    return AzureSpeechPeer(vendor_stub)


@pytest.fixture
def steps(peer: AzureSpeechPeer) -> Iterator[Steps]:
    made = Steps(peer)
    yield made
    made.close()


def test_without_a_container_long_recordings_are_told_what_to_set(peer: AzureSpeechPeer) -> None:
    steps = Steps(peer, staging="", staging_sas=None)
    with pytest.raises(NotConfigured, match="set staging"):
        steps.stage(request(), NAME)
    steps.close()
    assert peer.stub.count == 0


def test_a_place_outside_the_folder_is_neither_read_nor_deleted(steps: Steps, peer: AzureSpeechPeer) -> None:
    for place in (
        f"{peer.stub.url}/devstore/recordings/{NAME}.wav",
        f"{peer.stub.url}/devstore/recordings/jobs/../{NAME}.wav",
        f"https://other.blob.core.windows.net/c/jobs/{NAME}.wav",
        f"{peer.stub.url}/devstore/recordings/jobs/{NAME}.wav?x",
        "",
    ):
        with pytest.raises(NotConfigured, match="staging"):
            steps.remove_recording(place)
        with pytest.raises(NotConfigured, match="staging"):
            steps.submit(request(), NAME, place)
    assert peer.stub.count == 0


def test_a_container_that_is_not_there_is_told(peer: AzureSpeechPeer) -> None:
    steps = Steps(peer, staging=f"{peer.stub.url}/devstore/another/jobs")
    with pytest.raises(BadInput, match="make the container") as refused:
        steps.stage(request(), NAME)
    assert refused.value.code == "ContainerNotFound"
    assert refused.value.request_id == "blob-1"
    assert "RequestId" not in str(refused.value)
    steps.close()


def test_a_refused_signature_is_told_without_it(
    peer: AzureSpeechPeer, caplog: pytest.LogCaptureFixture
) -> None:
    steps = Steps(peer, staging_sas="sv=2023-11-03&sp=rcwd&sig=anotherverysecretsignature%3D")
    caplog.set_level(logging.DEBUG)
    with pytest.raises(AuthFailed, match="Storage Blob Data Contributor") as refused:
        steps.stage(request(), NAME)
    steps.close()
    assert "anotherverysecret" not in str(refused.value) + repr(refused.value) + caplog.text
    assert "anotherverysecret" not in repr(steps.adapter._settings)


def test_the_signature_never_leaves_but_to_the_container_and_in_the_job(
    steps: Steps, peer: AzureSpeechPeer
) -> None:
    peer.polls = 0
    job = submitted(steps)
    steps.poll(job.job_id)
    steps.fetch(request(), job.job_id)
    for sent in peer.stub.requests:
        stored = sent.path.startswith("/devstore/")
        assert (SAS in sent.query) == stored
        assert (SAS.encode() in sent.body) == sent.path.endswith(":submit")
        assert ("ocp-apim-subscription-key" in sent.headers) == sent.path.startswith(API)
        assert KEY not in sent.query


def test_with_a_token_the_address_is_plain_and_speech_reads_by_its_own_identity(
    peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from broker_azure import blob, token

    asked_for: list[str] = []

    class Credential:
        def get_token(self, scope: str) -> Any:
            asked_for.append(scope)
            return type("Token", (), {"token": "storage-token", "expires_on": time.time() + 3600})()

        def close(self) -> None:
            """Nothing."""

    monkeypatch.setattr(token, "_make", lambda _: Credential())
    monkeypatch.setattr(blob, "token_source", lambda: ("made up", ""))
    monkeypatch.setattr(blob, "installed", lambda: True)
    peer.sas = None
    steps = Steps(peer)
    submitted(steps)
    submitted(steps)
    steps.close()
    assert asked_for == ["https://storage.azure.com/.default"]
    put = peer.stub.requests[0]
    assert put.headers["authorization"] == "Bearer storage-token"
    assert put.query == ""
    job = next(iter(peer.jobs.values()))
    assert job.body["contentUrls"] == [f"{peer.stub.url}/devstore/recordings/jobs/{NAME}.wav"]
    assert "authorization" not in peer.stub.requests[1].headers


def test_without_a_token_or_signature_nothing_is_sent(
    peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from broker_azure import blob

    monkeypatch.setattr(blob, "installed", lambda: False)
    peer.sas = None
    steps = Steps(peer)
    with pytest.raises(NotConfigured, match="staging_sas"):
        steps.stage(request(), NAME)
    steps.close()
    assert peer.stub.count == 0


def test_only_201_says_that_the_recording_was_written(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.stub.on(f"/devstore/recordings/jobs/{NAME}.wav", Answer(200, body=b"<html>sign in</html>"))
    with pytest.raises(MalformedReply, match="check staging") as refused:
        steps.stage(request(), NAME)
    assert refused.value.billed is False


def test_what_is_written_again_takes_the_place_of_what_was_there(steps: Steps, peer: AzureSpeechPeer) -> None:
    place = steps.stage(request(), NAME)
    assert steps.stage(request(), NAME) == place
    assert list(peer.blobs.values()) == [SOUND]


@pytest.mark.parametrize("code", ["BlobNotFound", "ContainerNotFound", "ResourceNotFound"])
def test_what_is_not_there_is_deleted(steps: Steps, peer: AzureSpeechPeer, code: str) -> None:
    place = steps.stage(request(), NAME)
    peer.stub.on(f"/devstore/recordings/jobs/{NAME}.wav", Answer(404, headers={"x-ms-error-code": code}))
    steps.remove_recording(place)


def test_a_404_that_is_not_of_the_store_leaves_the_recording_to_be_deleted(
    steps: Steps, peer: AzureSpeechPeer
) -> None:
    place = steps.stage(request(), NAME)
    peer.stub.on(f"/devstore/recordings/jobs/{NAME}.wav", Answer(404, body=b"<html>"))
    with pytest.raises(BadInput):
        steps.remove_recording(place)
