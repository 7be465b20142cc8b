"""Microsoft's own transcription client as the judge: it sends what we send, and reads in an answer what we read."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CANARY, load, recorded
from azure_support import call
from test_azure_speech import ROUTE, form, said

from broker.types import Audio, TranscribeRequest
from speech.speech_support import wav

SOUND = wav(1.0, channels=2)


def package() -> Any:
    return pytest.importorskip("azure.ai.transcription", reason="needs the test group")


def client(url: str) -> Any:
    credentials: Any = importlib.import_module("azure.core.credentials")
    return package().TranscriptionClient(url, credentials.AzureKeyCredential(CANARY), retry_total=0)


def request(**options: Any) -> TranscribeRequest:
    return TranscribeRequest(audio=Audio.from_bytes(SOUND), **options)


# Of options that ask for nothing the SDK sends no definition at all, and we an empty one.
OPTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"language": "en-US"}, {"locales": ["en-US"]}),
    ({"candidates": ("en-US", "de-DE")}, {"locales": ["en-US", "de-DE"]}),
    ({"channels": True}, {"active_channels": [0, 1]}),
    ({"profanity": "remove"}, {"profanity_filter_mode": "Removed"}),
]


@pytest.mark.parametrize(("ours", "theirs"), OPTIONS, ids=[str(theirs) for _, theirs in OPTIONS])
def test_our_request_is_the_sdks(
    stub: Any, attempt: Any, ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    models = package().models
    stub.on(ROUTE, said())
    with client(stub.url) as sdk:
        options = models.TranscriptionOptions(**theirs)
        sdk.transcribe(
            models.TranscriptionContent(definition=options, audio=("audio.wav", SOUND, "audio/wav"))
        )
    call(stub, attempt(), "transcribe", request(**ours))
    first, second = stub.requests
    assert (first.method, first.path, first.params) == (second.method, second.path, second.params)
    for name in ("accept", "ocp-apim-subscription-key"):
        assert first.headers[name] == second.headers[name]
    theirs_parts, our_parts = form(first), form(second)
    assert set(theirs_parts) == set(our_parts)
    assert theirs_parts["audio"] == our_parts["audio"]
    assert json.loads(theirs_parts["definition"][2]) == json.loads(our_parts["definition"][2])


def test_speakers_and_hints_are_members_of_the_sdks_options(stub: Any, attempt: Any) -> None:
    """The SDK's ``enabled`` is read-only, so only its names can be compared."""
    models = package().models
    stub.on(ROUTE, said())
    call(stub, attempt(), "transcribe", request(diarize=True, max_speakers=3, hints=("Contoso",)))
    options = models.TranscriptionOptions(json.loads(form(stub.requests[0])["definition"][2]))
    assert (options.diarization_options.enabled, options.diarization_options.max_speakers) == (True, 3)
    assert options.phrase_list.phrases == ["Contoso"]


def same_answer(stub: Any, attempt: Any, body: dict[str, Any]) -> None:
    theirs = package().models.TranscriptionResult(body)
    stub.on(ROUTE, body)
    ours = call(stub, attempt(), "transcribe", request(channels=True)).payload
    assert ours.duration_ms == theirs.duration_milliseconds
    assert ours.text == "\n".join(each.text for each in theirs.combined_phrases)
    ordered = sorted(theirs.phrases, key=lambda each: (each.offset_milliseconds, each.channel or 0))
    for mine, other in zip(ours.segments, ordered, strict=True):
        end = other.offset_milliseconds + other.duration_milliseconds
        assert (mine.text, mine.start_ms, mine.end_ms) == (other.text, other.offset_milliseconds, end)
        assert mine.confidence.value == other.confidence
        assert (mine.language, mine.channel) == (other.locale, other.channel)
        assert mine.speaker == (None if other.speaker is None else str(other.speaker))
        words = None if other.words is None else [each.text for each in other.words]
        assert (None if mine.words is None else [each.text for each in mine.words]) == words
        assert all(word.confidence.value is None for word in mine.words or ())


@pytest.mark.parametrize("path", recorded("azure/speech/fast_transcription"))
def test_we_read_in_a_recorded_answer_what_the_sdk_reads(stub: Any, attempt: Any, path: Path) -> None:
    same_answer(stub, attempt, load(path))


def test_we_read_in_an_answer_with_all_members_what_the_sdk_reads(stub: Any, attempt: Any) -> None:
    words = [{"text": "What's", "offsetMilliseconds": 40, "durationMilliseconds": 360}]
    body = said(channel=1, speaker=0, locale="en-US", words=words)
    body["phrases"].append({**body["phrases"][0], "channel": 0, "speaker": 2})
    same_answer(stub, attempt, body)
