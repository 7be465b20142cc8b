"""The steps of Azure's batch transcription against a peer that keeps state: what is asked, found, polled and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from azure_speech_peer import API, SAS, AzureSpeechPeer
from azure_steps_support import NAME, SOUND, Steps, request, submitted

from broker.contract import HasJobs, JobSteps, Phase
from broker.errors import AuthFailed, BadInput, MalformedReply, Outcome, ProviderError, Throttled, Unsupported
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Audio, ConfidenceLevel, Unit, UsageSource
from speech.speech_support import wav


@pytest.fixture
def peer(vendor_stub: VendorStub) -> AzureSpeechPeer:
    return AzureSpeechPeer(vendor_stub)


@pytest.fixture
def steps(peer: AzureSpeechPeer) -> Iterator[Steps]:
    made = Steps(peer)
    yield made
    made.close()


def test_the_adapter_has_the_steps(steps: Steps) -> None:
    assert isinstance(steps.adapter, HasJobs)
    assert isinstance(steps.steps, JobSteps)


def test_a_job_from_its_beginning_to_its_end(steps: Steps, peer: AzureSpeechPeer) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    assert place == f"{peer.stub.url}/devstore/recordings/jobs/{NAME}.wav"
    assert peer.blobs == {urlsplit(place).path: SOUND}
    job = steps.submit(asked, NAME, place)
    assert not job.adopted
    assert job.created == peer.jobs[job.job_id].made.replace(microsecond=0)
    assert job.job_id == next(iter(peer.jobs))
    assert [steps.poll(job.job_id).phase for _ in range(3)] == [Phase.QUEUED, Phase.RUNNING, Phase.SUCCEEDED]
    reply = steps.fetch(asked, job.job_id)
    assert reply.payload.text == "Hello there."
    assert [(word.text, word.start_ms, word.end_ms) for word in reply.payload.words] == [
        ("Hello", 760, 1090),
        ("there.", 1090, 1420),
    ]
    assert [word.confidence.value for word in reply.payload.words] == [0.9, 0.9]
    assert reply.payload.confidence_level is ConfidenceLevel.WORD
    assert reply.payload.channels == ()
    (use,) = reply.usage
    assert (use.sku, use.unit, str(use.quantity), use.channels) == (
        "azure.speech.batch",
        Unit.SECOND,
        "2.580",
        1,
    )
    assert use.source is UsageSource.REPORTED
    assert reply.raw is None
    steps.remove_job(job.job_id)
    steps.remove_recording(place)
    assert peer.jobs == {}
    assert peer.blobs == {}
    assert peer.submissions == {NAME: 1}
    steps.remove_job(job.job_id)  # once more: nothing there is as good
    steps.remove_recording(place)
    assert steps.poll(job.job_id).phase is Phase.GONE


def test_a_recording_on_disk_is_streamed_to_the_container(
    steps: Steps, peer: AzureSpeechPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "my private talk.wav"
    path.write_bytes(SOUND)
    monkeypatch.setattr(Audio, "read", lambda _: pytest.fail("read into memory"))
    place = steps.stage(request(audio=Audio.from_path(path)), NAME)
    assert list(peer.blobs.values()) == [SOUND]
    assert "private" not in place
    (sent,) = peer.stub.requests
    assert sent.headers["content-length"] == str(len(SOUND))
    assert sent.headers["content-type"] == "audio/wav"


def test_what_the_job_is_asked(steps: Steps, peer: AzureSpeechPeer) -> None:
    submitted(steps, language="de", diarize=True, max_speakers=3, profanity="keep")
    (job,) = peer.jobs.values()
    assert job.body["locale"] == "de-DE"
    assert job.body["displayName"] == NAME
    assert job.body["contentUrls"] == [f"{peer.stub.url}/devstore/recordings/jobs/{NAME}.wav?{SAS}"]
    assert job.body["properties"] == {
        "timeToLiveHours": 48,
        "wordLevelTimestampsEnabled": True,
        "displayFormWordLevelTimestampsEnabled": True,
        "punctuationMode": "DictatedAndAutomatic",
        "diarization": {"enabled": True, "maxSpeakers": 3},
        "profanityFilterMode": "None",
    }


def test_candidates_are_identified_and_one_is_the_language(steps: Steps, peer: AzureSpeechPeer) -> None:
    submitted(steps, language=None, candidates=("en-GB", "de-DE"))
    submitted(steps, language=None, candidates=("fr-CA",))
    first, second = peer.jobs.values()
    assert first.body["locale"] == "en-GB"
    assert first.body["properties"]["languageIdentification"] == {
        "candidateLocales": ["en-GB", "de-DE"],
        "mode": "Single",
    }
    assert second.body["locale"] == "fr-CA"
    assert "languageIdentification" not in second.body["properties"]


def test_one_language_may_be_looked_for_among_any_number(steps: Steps, peer: AzureSpeechPeer) -> None:
    """Ten are the most of the other mode, that looks for changes."""
    tags = ("da-DK", "de-DE", "en-US", "es-ES", "fi-FI", "fr-FR", "it-IT", "nl-NL", "pl-PL", "pt-PT", "sv-SE")
    submitted(steps, language=None, candidates=tags)
    (job,) = peer.jobs.values()
    assert job.body["properties"]["languageIdentification"] == {
        "candidateLocales": list(tags),
        "mode": "Single",
    }


def test_channels_are_asked_for_by_number(steps: Steps, peer: AzureSpeechPeer) -> None:
    submitted(steps, audio=Audio.from_bytes(wav(1.0, channels=2)), channels=True)
    (job,) = peer.jobs.values()
    assert job.body["properties"]["channels"] == [0, 1]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"language": None}, "must be told the language"),
    ({"diarize": True, "max_speakers": 36}, "2 to 35"),
    ({"diarize": True, "max_speakers": 1}, "2 to 35"),
    ({"diarize": True, "audio": Audio.from_bytes(wav(1.0, channels=2))}, "in one only"),
    ({"channels": True, "audio": Audio.from_bytes(wav(1.0, channels=3))}, "at most two"),
    ({"audio": Audio.from_bytes(wav(1.0, channels=3))}, "first two"),
]


@pytest.mark.parametrize(("options", "why"), REFUSED, ids=[why for _, why in REFUSED])
def test_what_the_service_would_refuse_is_refused_before_anything_is_staged(
    steps: Steps, peer: AzureSpeechPeer, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(BadInput, match=why):
        steps.stage(request(**options), NAME)
    assert peer.stub.count == 0


def test_a_locale_that_azure_lacks_is_refused_with_those_it_has(steps: Steps) -> None:
    with pytest.raises(Unsupported, match="de-AT, de-CH, de-DE"):
        steps.stage(request(language="de-LU"), NAME)


def test_a_lost_submission_is_ambiguous_and_then_found(steps: Steps, peer: AzureSpeechPeer) -> None:
    peer.lose = 1
    asked = request()
    place = steps.stage(asked, NAME)
    with pytest.raises(ProviderError) as lost:
        steps.submit(asked, NAME, place)
    assert lost.value.outcome is Outcome.AMBIGUOUS
    found = steps.find(asked, NAME, place)
    assert found.adopted
    assert found.job_id == next(iter(peer.jobs))
    assert peer.submissions == {NAME: 1}


MADE = {"Location": f"https://eastus.api.cognitive.microsoft.com{API}/788A1F24-f980-4809-8978-e5cf41f77b35"}
UNUSABLE = [
    Answer(500, json={"code": "InternalServerError", "message": "no"}),
    Answer(503),
    Answer(520),
    Answer(201, body=b"<html>"),
    Answer(201, json={"self": "https://eastus.api.cognitive.microsoft.com/speechtotext/transcriptions/7"}),
    Answer(202, headers=MADE),
]


@pytest.mark.parametrize("answer", UNUSABLE, ids=lambda each: str(each.status))
def test_an_answer_that_leaves_open_whether_a_job_was_made(
    steps: Steps, peer: AzureSpeechPeer, answer: Answer
) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    peer.stub.on(f"{API}:submit", answer)
    with pytest.raises(ProviderError) as unclear:
        steps.submit(asked, NAME, place)
    assert unclear.value.outcome is Outcome.AMBIGUOUS


def test_an_answer_without_a_body_names_the_job_in_its_header(steps: Steps, peer: AzureSpeechPeer) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    peer.stub.on(f"{API}:submit", Answer(201, headers=MADE))
    assert steps.submit(asked, NAME, place).job_id == "788a1f24-f980-4809-8978-e5cf41f77b35"


def test_a_refused_submission_made_no_job(steps: Steps, peer: AzureSpeechPeer) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    peer.blobs.clear()
    with pytest.raises(AuthFailed, match="Storage Blob Data Reader") as refused:
        steps.submit(asked, NAME, place)
    assert refused.value.outcome is Outcome.REJECTED
    assert refused.value.code == "InvalidRecordingsUri"
    peer.stub.on(f"{API}:submit", Answer(429, headers={"Retry-After": "7"}))
    with pytest.raises(Throttled) as throttled:
        steps.submit(asked, NAME, place)
    assert throttled.value.retry_after == 7.0


def test_a_job_that_was_never_taken_is_not_found(steps: Steps, peer: AzureSpeechPeer) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    steps.submit(asked, "b1-another", place)
    assert steps.find(asked, NAME, place) is None


def test_the_list_is_followed_to_its_end_at_our_own_address_and_the_name_is_compared_here(
    steps: Steps, peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    for number in range(3):
        steps.submit(asked, f"b1-other-{number}", place)
    mine = steps.submit(asked, NAME, place)
    steps.submit(asked, "b1-another", place)
    monkeypatch.setattr(
        "azure_speech_peer._FILTER", __import__("re").compile("(never)")
    )  # the filter is not heeded
    before = peer.stub.count
    assert steps.find(asked, NAME, place).job_id == mine.job_id
    lists = peer.stub.requests[before:]
    assert [each.params.get("skip") for each in lists] == [None, "2", "4"]
    assert {each.params["filter"] for each in lists} == {f"displayName eq '{NAME}'"}
    assert {each.path for each in lists} == {API}


def test_of_several_of_one_name_one_that_did_not_fail_is_taken(steps: Steps, peer: AzureSpeechPeer) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    ids = [steps.submit(asked, NAME, place).job_id for _ in range(3)]
    for number, job_id in enumerate(ids):
        peer.jobs[job_id].made += timedelta(seconds=number)
    peer.jobs[ids[2]].status = "Failed"
    peer.fail = {"code": "InvalidData", "message": "no"}
    assert steps.find(asked, NAME, place).job_id == ids[1]


def test_a_list_without_an_end_is_malformed(steps: Steps, vendor_stub: VendorStub) -> None:
    vendor_stub.reply({"values": [], "@nextLink": "https://eastus.api.cognitive.microsoft.com/x?skip=1"})
    with pytest.raises(MalformedReply, match="no end"):
        steps.find(request(), NAME, "")
    assert vendor_stub.count == 2


@pytest.mark.parametrize(
    ("body", "phase"),
    [({"status": "Resting"}, Phase.RUNNING), ({"status": "Failed", "properties": {}}, Phase.FAILED)],
)
def test_a_state_that_is_not_known_is_no_end(
    steps: Steps, vendor_stub: VendorStub, body: dict[str, Any], phase: Phase
) -> None:
    vendor_stub.reply(body)
    progress = steps.poll("788a1f24-f980-4809-8978-e5cf41f77b35")
    assert progress.phase is phase
    assert progress.state == body["status"]
    if phase is Phase.FAILED:
        assert progress.error.outcome is Outcome.UNKNOWN  # nobody can say whether it is billed


@pytest.mark.parametrize(
    "job_id", ["", "..", "788a1f24/../../x", "788A1F24-F980-4809-8978-E5CF41F77B35?x=1", "7"]
)
@pytest.mark.parametrize("step", ["poll", "cancel", "remove_job"])
def test_only_ids_are_put_into_an_address(
    steps: Steps, vendor_stub: VendorStub, step: str, job_id: str
) -> None:
    with pytest.raises(BadInput, match="GUID"):
        getattr(steps, step)(job_id)
    assert vendor_stub.count == 0


def test_a_running_job_cannot_be_stopped_and_another_is_deleted(steps: Steps, peer: AzureSpeechPeer) -> None:
    job = submitted(steps)
    assert steps.cancel(job.job_id) is False
    assert list(peer.jobs) == [job.job_id]
    peer.deletable = True
    assert steps.cancel(job.job_id) is True
    assert peer.jobs == {}
    assert steps.cancel(job.job_id) is True  # gone is stopped


@pytest.mark.parametrize("body", [{"self": 7}, [], {}], ids=["no address", "a list", "empty"])
def test_an_answer_with_an_unusable_body_names_the_job_in_its_header(
    steps: Steps, peer: AzureSpeechPeer, body: Any
) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    peer.stub.on(f"{API}:submit", Answer(201, json=body, headers=MADE))
    assert steps.submit(asked, NAME, place).job_id == "788a1f24-f980-4809-8978-e5cf41f77b35"


@pytest.mark.parametrize("created", ["yesterday", "", "0001-01-01T00:00:00+14:00", None])
def test_a_job_is_not_lost_for_the_time_it_was_made_at(
    steps: Steps, peer: AzureSpeechPeer, created: str | None
) -> None:
    asked = request()
    place = steps.stage(asked, NAME)
    peer.stub.on(f"{API}:submit", Answer(201, json={"self": MADE["Location"], "createdDateTime": created}))
    job = steps.submit(asked, NAME, place)
    assert job.job_id == "788a1f24-f980-4809-8978-e5cf41f77b35"
    assert job.created is None


def test_the_latest_of_one_name_is_the_one_that_was_made_last(steps: Steps, vendor_stub: VendorStub) -> None:
    def made(number: int, created: str | None) -> dict[str, Any]:
        link = f"https://eastus.api.cognitive.microsoft.com{API}/788a1f24-f980-4809-8978-00000000000{number}"
        return {"self": link, "displayName": NAME, "status": "Running", "createdDateTime": created}

    times = [None, "2026-11-21T13:36:00.5Z", "2026-11-21T14:00:00+01:00", "2026-11-21T13:36:00Z"]
    vendor_stub.reply({"values": [made(number, time) for number, time in enumerate(times)]})
    assert steps.find(request(), NAME, "").job_id.endswith("1")


@pytest.mark.parametrize("link", ["https://eastus.api.cognitive.microsoft.com/x", "?", "next"])
def test_a_list_whose_next_page_cannot_be_asked_for_is_not_taken_for_the_whole(
    steps: Steps, vendor_stub: VendorStub, link: str
) -> None:
    """Else a job that was taken would be made again."""
    vendor_stub.reply({"values": [], "@nextLink": link})
    with pytest.raises(MalformedReply, match="no end"):
        steps.find(request(), NAME, "")


ELSEWHERE = [
    Answer(404, json={"error": {"code": "404", "message": "Resource not found"}}),
    Answer(404, json={"statusCode": 404, "message": "Resource not found"}),
    Answer(404, body=b"<html>nothing here</html>"),
]


@pytest.mark.parametrize("answer", ELSEWHERE, ids=["service", "gateway", "page"])
@pytest.mark.parametrize("step", ["poll", "cancel", "remove_job"])
def test_a_404_that_is_not_of_speech_says_nothing_of_the_job(
    steps: Steps, vendor_stub: VendorStub, step: str, answer: Answer
) -> None:
    """A wrong endpoint must not make a job that was paid look gone."""
    vendor_stub.script(lambda _: answer)
    with pytest.raises(BadInput, match="endpoint"):
        getattr(steps, step)("788a1f24-f980-4809-8978-e5cf41f77b35")


def test_a_job_never_asks_for_the_recording_again(
    steps: Steps, peer: AzureSpeechPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restart it is not at hand."""
    peer.polls = 0
    asked = request()
    place = steps.stage(asked, NAME)
    monkeypatch.setattr(Audio, "open", lambda _: pytest.fail("opened"))
    job = steps.submit(asked, NAME, place)
    assert steps.find(asked, NAME, place).job_id == job.job_id
    assert steps.poll(job.job_id).phase is Phase.SUCCEEDED
    assert steps.fetch(asked, job.job_id).payload.text == "Hello there."
    steps.remove_recording(place)
