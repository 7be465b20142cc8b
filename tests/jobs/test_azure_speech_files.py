"""What Azure's batch transcription says at its end: the result, the report, why a job failed."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from azure_speech_peer import API, SAS, AzureSpeechPeer, result_file
from azure_steps_support import NAME, Steps, request, submitted

from broker.contract import Phase
from broker.errors import AuthFailed, BadInput, MalformedReply, Outcome, ProviderFault, Unavailable
from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.types import Audio
from broker_azure import speech_files
from speech.speech_support import wav


@pytest.fixture
def peer(vendor_stub: VendorStub) -> AzureSpeechPeer:
    return AzureSpeechPeer(vendor_stub)


@pytest.fixture
def steps(peer: AzureSpeechPeer) -> Iterator[Steps]:
    made = Steps(peer)
    yield made
    made.close()


def test_a_job_without_a_result_says_what_its_report_says(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.polls = 0
    peer.report = {
        "successfulTranscriptionsCount": 0,
        "failedTranscriptionsCount": 1,
        "details": [
            {"source": "x", "status": "Failed", "errorKind": "EmptyAudioFile", "errorMessage": "It is empty."}
        ],
    }
    job = submitted(steps)
    assert steps.poll(job.job_id).phase is Phase.SUCCEEDED
    with pytest.raises(BadInput, match="It is empty") as refused:
        steps.fetch(request(), job.job_id)
    assert refused.value.code == "EmptyAudioFile"
    assert refused.value.outcome is Outcome.BAD_REPLY  # for whoever asks: nothing better comes


@pytest.mark.parametrize(
    "link",
    [
        "http://example.com/r.json?sig=x",
        "ftp://127.0.0.1/r",
        "https:///r",
        "https://u:p@h.example/r",
        "https://[::1/r",
    ],
)
def test_a_result_is_fetched_from_no_other_kind_of_address(
    steps: Steps, vendor_stub: VendorStub, link: str
) -> None:
    vendor_stub.reply({"values": [{"kind": "Transcription", "links": {"contentUrl": link}}]})
    with pytest.raises(MalformedReply, match="link") as refused:
        steps.fetch(request(), "788a1f24-f980-4809-8978-e5cf41f77b35")
    assert "example" not in str(refused.value)
    assert vendor_stub.count == 1


def test_a_refused_link_is_told_without_the_link(steps: Steps, vendor_stub: VendorStub) -> None:
    job_id = "788a1f24-f980-4809-8978-e5cf41f77b35"
    link = f"{vendor_stub.url}/elsewhere/r.json?sig=linksecret"
    vendor_stub.on(
        f"{API}/{job_id}/files", {"values": [{"kind": "Transcription", "links": {"contentUrl": link}}]}
    )
    vendor_stub.on(
        "/elsewhere/r.json",
        Answer(
            403,
            body=b'<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code><Message>Signature fields not well formed'
            b"\nTime:t</Message><AuthenticationErrorDetail>linksecret</AuthenticationErrorDetail></Error>",
        ),
    )
    with pytest.raises(AuthFailed, match="expired") as refused:
        steps.fetch(request(), job_id)
    assert refused.value.code == "AuthenticationFailed"
    assert "linksecret" not in repr(refused.value) + str(refused.value)
    assert "ocp-apim-subscription-key" not in vendor_stub.requests[-1].headers


def test_the_raw_result_has_no_signature(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.polls = 0
    job = submitted(steps)
    steps.poll(job.job_id)
    raw = steps.fetch(request(raw=True), job.job_id).raw
    assert raw["recognizedPhrases"] == peer.result["recognizedPhrases"]
    assert raw["source"] == f"{peer.stub.url}/devstore/recordings/jobs/{NAME}.wav"


def test_a_stereo_recording_tells_both_channels_and_says_that_both_were_used(
    steps: Steps, peer: AzureSpeechPeer
) -> None:
    peer.polls = 0
    one = peer.result["recognizedPhrases"][0]
    other = {**one, "channel": 1, "offsetInTicks": 100_000.0}
    peer.result = {
        **peer.result,
        "combinedRecognizedPhrases": [{"channel": 0, "display": "One."}, {"channel": 1, "display": "Two."}],
        "recognizedPhrases": [one, other],
    }
    asked = request(audio=Audio.from_bytes(wav(2.58, channels=2)))
    job = steps.submit(asked, NAME, steps.stage(asked, NAME))
    steps.poll(job.job_id)
    reply = steps.fetch(asked, job.job_id)
    assert reply.payload.text == "One.\nTwo."
    assert [(each.channel, each.start_ms) for each in reply.payload.segments] == [(1, 10), (0, 760)]
    assert [use.channels for use in reply.usage] == [2]


def test_a_job_that_could_not_read_its_recording_says_who_must_be_let_in(
    steps: Steps, peer: AzureSpeechPeer
) -> None:
    peer.polls, peer.fail = 0, {"code": "InaccessibleCustomerStorage", "message": f"cannot read ...?{SAS}"}
    error = steps.poll(submitted(steps).job_id).error
    assert isinstance(error, AuthFailed)
    assert "Storage Blob Data Reader" in str(error)
    assert "peersignature" not in str(error)


def test_a_failed_job_says_why(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.polls, peer.fail = 0, {"code": "InvalidAudioFormat", "message": "The format is not supported."}
    job = submitted(steps)
    progress = steps.poll(job.job_id)
    assert progress.phase is Phase.FAILED
    assert progress.state == "Failed"
    assert isinstance(progress.error, BadInput)
    assert progress.error.outcome is Outcome.REJECTED
    assert progress.error.code == "InvalidAudioFormat"
    assert "The format is not supported." in str(progress.error)


def test_of_a_failed_job_the_report_says_more(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.polls, peer.fail = 0, {"code": "InvalidData", "message": "The recordings URI contains invalid data."}
    peer.report = {
        "details": [
            {"source": "x", "status": "Succeeded", "errorMessage": "of another"},
            {
                "source": f"x?{SAS}",
                "status": "Failed",
                "errorKind": "BadChannelConfiguration",
                "errorMessage": "It is stereo.",
            },
        ]
    }
    error = steps.poll(submitted(steps).job_id).error
    assert isinstance(error, BadInput)
    assert error.code == "BadChannelConfiguration"
    assert "It is stereo." in str(error)
    assert "how many channels" in str(error)


def test_a_kind_that_is_not_known_keeps_what_the_job_says_itself(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.polls, peer.fail = 0, {"code": "InvalidData", "message": "The recordings URI contains invalid data."}
    peer.report = {
        "details": [{"status": "Failed", "errorKind": "Novelty", "errorMessage": "Something new."}]
    }
    error = steps.poll(submitted(steps).job_id).error
    assert isinstance(error, BadInput)
    assert (error.outcome, error.code) == (Outcome.REJECTED, "Novelty")
    assert "Something new." in str(error)


@pytest.mark.parametrize(
    "report",
    [
        Answer(500),
        Answer(body=b"<html>"),
        Answer(json={"details": None}),
        Answer(403),
        Answer(json={"details": []}),
    ],
    ids=["broken", "page", "no details", "refused", "empty"],
)
def test_a_report_that_cannot_be_had_leaves_what_the_job_says(
    steps: Steps, peer: AzureSpeechPeer, report: Answer
) -> None:
    peer.polls, peer.fail = 0, {"code": "InvalidAudioFormat", "message": "no"}
    job = submitted(steps)
    peer.stub.on(f"/results/{job.job_id}/report.json", report)
    progress = steps.poll(job.job_id)
    assert progress.phase is Phase.FAILED
    assert progress.error.code == "InvalidAudioFormat"


@pytest.mark.parametrize(
    "properties",
    [None, 7, {"error": "broken"}, {"error": {"code": 5.5}}, {"durationMilliseconds": "x"}],
    ids=str,
)
def test_a_job_that_failed_has_failed_whatever_it_says(
    steps: Steps, vendor_stub: VendorStub, properties: Any
) -> None:
    vendor_stub.reply({"status": "Failed", "properties": properties})
    progress = steps.poll("788a1f24-f980-4809-8978-e5cf41f77b35")
    assert progress.phase is Phase.FAILED
    assert isinstance(progress.error, ProviderFault)
    assert progress.error.billed is None


@pytest.mark.parametrize(
    ("code", "milliseconds", "kind", "billed"),
    [
        ("InvalidAudioFormat", 0, BadInput, False),
        ("NoLanguageIdentified", 0, BadInput, False),
        (
            "NoLanguageIdentified",
            2580,
            BadInput,
            None,
        ),  # something was transcribed, and no page says who pays for it
        ("InternalServerError", 0, Unavailable, None),
        ("Novelty", 0, ProviderFault, None),
    ],
)
def test_what_a_failed_job_costs(
    steps: Steps,
    peer: AzureSpeechPeer,
    code: str,
    milliseconds: int,
    kind: type[Exception],
    billed: bool | None,
) -> None:
    peer.polls, peer.fail, peer.failed_after = 0, {"code": code, "message": "no"}, milliseconds
    error = steps.poll(submitted(steps).job_id).error
    assert isinstance(error, kind)
    assert error.billed is billed  # type: ignore[attr-defined] # of all of ours


def test_files_of_other_kinds_are_not_looked_at(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.polls = 0
    job = submitted(steps)
    steps.poll(job.job_id)
    link = f"{peer.stub.url}/results/{job.job_id}/contenturl_0.json?sig=linksignature"
    others = [{"kind": "Audio"}, {"kind": "Novelty", "links": None}]
    result = {"kind": "Transcription", "links": {"contentUrl": link}, "properties": None}
    peer.stub.on(f"{API}/{job.job_id}/files", {"values": [*others, result]})
    assert steps.fetch(request(), job.job_id).payload.text == "Hello there."


def test_several_results_for_one_recording_are_malformed(steps: Steps, vendor_stub: VendorStub) -> None:
    result: dict[str, Any] = {"kind": "Transcription", "links": {"contentUrl": "https://h.example/r"}}
    vendor_stub.reply({"values": [result, result]})
    with pytest.raises(MalformedReply, match="2 results"):
        steps.fetch(request(), "788a1f24-f980-4809-8978-e5cf41f77b35")
    vendor_stub.reply({"values": []})
    with pytest.raises(MalformedReply, match="neither"):
        steps.fetch(request(), "788a1f24-f980-4809-8978-e5cf41f77b35")


@pytest.mark.parametrize("piece", [1000, 333])
def test_a_large_result_is_fetched_in_pieces(
    steps: Steps, peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(speech_files, "PIECE", piece)
    peer.polls, peer.result = 0, result_file("One two three four five six seven.")
    job = submitted(steps)
    steps.poll(job.job_id)
    before = peer.stub.count
    reply = steps.fetch(request(raw=True), job.job_id)
    assert reply.payload.text == "One two three four five six seven."
    assert reply.raw["recognizedPhrases"] == peer.result["recognizedPhrases"]
    asked = [each.headers["range"] for each in peer.stub.requests[before:] if "range" in each.headers]
    assert len(asked) > 2
    assert asked[:2] == [f"bytes=0-{piece - 1}", f"bytes={piece}-{2 * piece - 1}"]


@pytest.mark.parametrize("wrong", [-1, 1])
def test_pieces_that_do_not_make_up_the_file_are_malformed(
    steps: Steps, peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch, wrong: int
) -> None:
    monkeypatch.setattr(speech_files, "PIECE", 100)
    peer.polls = 0
    job = submitted(steps)
    steps.poll(job.job_id)
    peer.size = (
        len(json.dumps({"source": peer.jobs[job.job_id].body["contentUrls"][0], **peer.result}, indent=2))
        + wrong
    )
    with pytest.raises(MalformedReply):
        steps.fetch(request(), job.job_id)


@pytest.mark.parametrize(("more", "whole"), [(-7, True), (1, False)], ids=["less", "more"])
def test_a_store_may_give_less_than_was_asked_for_and_never_more(
    steps: Steps, peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch, more: int, whole: bool
) -> None:
    monkeypatch.setattr(speech_files, "PIECE", 100)
    peer.polls = 0
    job = submitted(steps)
    steps.poll(job.job_id)
    source = {"source": peer.jobs[job.job_id].body["contentUrls"][0]}
    data = json.dumps({**source, **peer.result}, indent=2).encode()

    def pieces(sent: SeenRequest) -> Answer:
        first, last = (int(each) for each in sent.headers["range"].removeprefix("bytes=").split("-"))
        return Answer(206, body=data[first : max(first + 1, last + 1 + more)])

    peer.stub.on(f"/results/{job.job_id}/contenturl_0.json", pieces)
    if whole:
        assert steps.fetch(request(), job.job_id).payload.text == "Hello there."
    else:
        with pytest.raises(MalformedReply, match="pieces"):
            steps.fetch(request(), job.job_id)


def test_a_store_that_knows_no_pieces_gives_the_whole(
    steps: Steps, peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_files, "PIECE", 100)
    peer.polls = 0
    job = submitted(steps)
    steps.poll(job.job_id)
    peer.stub.on(f"/results/{job.job_id}/contenturl_0.json", Answer(json=peer.result))
    assert steps.fetch(request(), job.job_id).payload.text == "Hello there."


def test_more_than_can_be_held_is_not_begun(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.polls, peer.size = 0, speech_files.MOST + 1
    job = submitted(steps)
    steps.poll(job.job_id)
    before = peer.stub.count
    with pytest.raises(MalformedReply, match="more than can be read"):
        steps.fetch(request(), job.job_id)
    assert peer.stub.count == before + 1


def test_signatures_are_in_no_log_and_no_description(
    steps: Steps, peer: AzureSpeechPeer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    peer.polls, peer.fail = 0, {"code": "InvalidUri", "message": f"GET https://h.example/x.wav?{SAS} failed"}
    peer.report = {
        "details": [
            {"source": f"x?{SAS}", "status": "Failed", "errorKind": "InvalidUri", "errorMessage": SAS}
        ]
    }
    job = submitted(steps)
    progress = steps.poll(job.job_id)
    with pytest.raises(AuthFailed) as refused:
        steps.fetch(request(), job.job_id)
    file = speech_files.file_of(
        {"kind": "Transcription", "links": {"contentUrl": "https://h.example/r?sig=linksignature"}}
    )
    shown = (
        caplog.text
        + repr(progress)
        + str(progress.error)
        + repr(job)
        + str(refused.value)
        + repr(refused.value)
        + repr(file)
    )
    assert "peersignature" not in shown
    assert "linksignature" not in shown
