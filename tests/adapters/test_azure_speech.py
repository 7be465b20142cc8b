"""Azure's fast transcription: what is sent, what is read in the answer, and what counts as billed."""

from __future__ import annotations

import json
from dataclasses import replace
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CANARY
from azure_support import BILLED, adapter_on, call
from pydantic import SecretStr

from broker.contract import AudioLimits, JobPath
from broker.errors import AuthFailed, BadInput, MalformedReply, Outcome, Throttled, Unavailable, Unsupported
from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.types import Audio, ConfidenceLevel, SpeechOption, TranscribeRequest, UsageSource
from broker_azure import AzureAdapter, AzureSettings
from broker_azure.speech_locales import FAST, LOCALES, PLAIN, locale_of
from speech.speech_support import wav

ROUTE = "/speechtotext/transcriptions:transcribe"
SOUND = wav(2.0)
STEREO = wav(1.0, channels=2)


def said(**members: Any) -> dict[str, Any]:
    """An answer of one phrase."""
    phrase = {"offsetMilliseconds": 40, "durationMilliseconds": 1240, "text": "What's up?", "confidence": 0.5}
    return {
        "durationMilliseconds": 2029,
        "combinedPhrases": [{"text": "What's up?"}],
        "phrases": [phrase | members],
    }


def request(**options: Any) -> TranscribeRequest:
    return TranscribeRequest(**{"audio": Audio.from_bytes(SOUND), **options})


def form(sent: SeenRequest) -> dict[str, Any]:
    """The parts of a multipart form by name: (media type, file name, content)."""
    head = b"Content-Type: " + sent.headers["content-type"].encode() + b"\r\n\r\n"
    parts: Any = BytesParser(policy=HTTP).parsebytes(head + sent.body)
    assert parts.is_multipart()
    assert not parts.defects
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_content_type(),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in parts.iter_parts()
    }


def asked(stub: VendorStub, context: Any, **options: Any) -> Any:
    """The definition that is sent for a request."""
    stub.on(ROUTE, said())
    call(stub, context, "transcribe", request(**options))
    return json.loads(form(stub.requests[-1])["definition"][2])


def test_a_recording_is_sent_as_a_form_from_the_disk(
    stub: VendorStub, attempt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "my private talk.wav"
    path.write_bytes(SOUND)
    monkeypatch.setattr(Audio, "read", lambda _: pytest.fail("read into memory"))
    stub.on(ROUTE, said())
    call(stub, attempt(), "transcribe", request(audio=Audio.from_path(path), language="en-US"))
    (sent,) = stub.requests
    assert sent.params == {"api-version": "2025-10-15"}
    assert sent.headers["ocp-apim-subscription-key"] == CANARY
    assert int(sent.headers["content-length"]) == len(sent.body)
    assert b"private" not in sent.body
    parts = form(sent)
    assert parts["audio"] == ("audio/wav", "audio.wav", SOUND)
    assert parts["definition"][0] == "application/json"
    assert json.loads(parts["definition"][2]) == {"locales": ["en-US"]}


ASKED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"language": "de"}, {"locales": ["de-DE"]}),
    ({"language": "EN-gb"}, {"locales": ["en-GB"]}),
    ({"candidates": ("en-US", "de-DE", "en")}, {"locales": ["en-US", "de-DE"]}),
    ({"diarize": True}, {"diarization": {"enabled": True}}),
    ({"diarize": True, "max_speakers": 35}, {"diarization": {"enabled": True, "maxSpeakers": 35}}),
    ({"channels": True, "audio": Audio.from_bytes(STEREO)}, {"channels": [0, 1]}),
    ({"channels": True}, {"channels": [0]}),
    ({"hints": ("Contoso", "Rehaan")}, {"phraseList": {"phrases": ["Contoso", "Rehaan"]}}),
    ({"profanity": "keep"}, {"profanityFilterMode": "None"}),
    ({"profanity": "mask"}, {"profanityFilterMode": "Masked"}),
    ({"profanity": "remove"}, {"profanityFilterMode": "Removed"}),
]


@pytest.mark.parametrize(("options", "definition"), ASKED, ids=[str(each) for _, each in ASKED])
def test_options_become_members_of_the_definition(
    stub: VendorStub, attempt: Any, options: dict[str, Any], definition: dict[str, Any]
) -> None:
    assert asked(stub, attempt(), **options) == definition


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"diarize": True, "max_speakers": 1}, BadInput, "2 to 35"),
    ({"diarize": True, "max_speakers": 36}, BadInput, "2 to 35"),
    ({"channels": True, "audio": Audio.from_bytes(wav(1.0, channels=3))}, BadInput, "3 channels"),
    ({"language": "fr-CA"}, Unsupported, "transcription.start"),
    ({"language": "en-ZW"}, Unsupported, "en-US"),
]


@pytest.mark.parametrize(("options", "kind", "why"), REFUSED, ids=[why for *_, why in REFUSED])
def test_what_the_service_would_refuse_is_not_sent(
    stub: VendorStub, attempt: Any, options: dict[str, Any], kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind, match=why):
        call(stub, attempt(), "transcribe", request(**options))
    assert stub.count == 0


def test_an_answer_with_channels_is_put_in_order_of_time(stub: VendorStub, attempt: Any) -> None:
    phrases = [
        {
            "channel": 0,
            "offsetMilliseconds": 0,
            "durationMilliseconds": 400,
            "text": "Hi.",
            "confidence": 0.9,
        },
        {
            "channel": 0,
            "offsetMilliseconds": 900,
            "durationMilliseconds": 50,
            "text": "Bye.",
            "confidence": 0.0,
        },
        {
            "channel": 1,
            "offsetMilliseconds": 450,
            "durationMilliseconds": 400,
            "text": "Ho.",
            "confidence": 1.0,
        },
    ]
    body = {
        "durationMilliseconds": 1000,
        "combinedPhrases": [{"channel": 0, "text": "Hi. Bye."}, {"channel": 1, "text": "Ho."}],
        "phrases": phrases,
    }
    stub.on(ROUTE, body)
    asked = request(channels=True, audio=Audio.from_bytes(STEREO))
    reply = call(stub, attempt(), "transcribe", asked)
    assert [(each.channel, each.text) for each in reply.payload.segments] == [
        (0, "Hi."),
        (1, "Ho."),
        (0, "Bye."),
    ]
    assert reply.payload.segments[2].confidence.value == 0.0  # a confidence of none is one
    assert reply.payload.text == "Hi. Bye.\nHo."
    assert reply.payload.segments[0].words is None
    assert [(str(use.quantity), use.channels) for use in reply.usage] == [("1.000", 2)]


def test_a_channel_that_nobody_asked_for_is_no_channel(stub: VendorStub, attempt: Any) -> None:
    """Microsoft's example of speakers has channel 0 in each phrase of a recording that was merged."""
    words = [{"text": "What's", "offsetMilliseconds": 40, "durationMilliseconds": 360}]
    stub.on(ROUTE, said(channel=0, speaker=1, words=words))
    transcript = call(stub, attempt(), "transcribe", request(diarize=True)).payload
    assert transcript.channels == ()
    assert transcript.speakers == ("1",)
    assert transcript.words[0].speaker == "1"
    assert transcript.to_text() == "1: What's up?"


def test_one_channel_asked_for_by_itself_has_no_number(stub: VendorStub, attempt: Any) -> None:
    stub.on(ROUTE, said(channel=0))
    reply = call(stub, attempt(), "transcribe", request(channels=True))
    assert reply.payload.channels == ()
    assert [use.channels for use in reply.usage] == [1]


def test_the_first_published_version_has_other_names_for_times(stub: VendorStub, attempt: Any) -> None:
    """2024-05-15-preview, as the reference showed it."""
    spoken: dict[str, Any] = {"text": "Weather", "offset": 40, "duration": 240}
    phrase: dict[str, Any] = {**spoken, "words": [spoken], "locale": "en-US", "confidence": 0.7881154}
    stub.on(ROUTE, {"duration": 2000, "combinedPhrases": [{"text": "Weather"}], "phrases": [phrase]})
    found = call(stub, attempt(), "transcribe", request()).payload
    assert found.duration_ms == 2000
    assert [(each.start_ms, each.end_ms) for each in (*found.segments, *found.words)] == [(40, 280)] * 2


def test_languages_are_those_of_the_phrases_the_longest_spoken_first(stub: VendorStub, attempt: Any) -> None:
    one = said(locale="de-DE", durationMilliseconds=100)
    two = said(locale="en-US", offsetMilliseconds=2000)
    stub.on(ROUTE, one | {"phrases": [*one["phrases"], *two["phrases"]]})
    found = call(stub, attempt(), "transcribe", request()).payload.languages
    assert [(each.language, each.confidence.value) for each in found] == [("en-US", None), ("de-DE", None)]


def test_silence_is_an_empty_transcript(stub: VendorStub, attempt: Any) -> None:
    stub.on(ROUTE, {"durationMilliseconds": 2000, "combinedPhrases": [], "phrases": []})
    transcript = call(stub, attempt(), "transcribe", request()).payload
    assert (transcript.text, transcript.segments, transcript.languages) == ("", (), ())
    assert transcript.confidence_level is ConfidenceLevel.NONE


MALFORMED: list[Any] = [
    {},
    {"durationMilliseconds": 2000, "combinedPhrases": []},
    {"durationMilliseconds": "2000", "combinedPhrases": [], "phrases": []},
    {"combinedPhrases": [], "phrases": []},
    {"duration": "PT2S", "combinedPhrases": [], "phrases": []},
    said() | {"combinedPhrases": []},
    said() | {"durationMilliseconds": -1},
    said(text=None),
    said(offsetMilliseconds=None),
    said(offsetMilliseconds=-1),
    said(durationMilliseconds=-5),
    said(durationMilliseconds=1.5),
    said(confidence="high"),
    said(speaker="one"),
    said(words=[{"text": "What's"}]),
    said(words={}),
    [],
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_an_answer_that_lacks_what_must_be_there_is_malformed(
    stub: VendorStub, attempt: Any, body: Any
) -> None:
    stub.on(ROUTE, Answer(json=body))
    with pytest.raises(MalformedReply):
        call(stub, attempt(), "transcribe", request())


USED = [
    ("CognitiveServices.SpeechServices.BatchSpeechtoTextSync=3", "3"),
    ("Other=7,CognitiveServices.SpeechServices.BatchSpeechtoTextSync=12;x", "12"),
    ("CognitiveServices.SpeechServices.BatchSpeechtoTextSync=0", "2.029"),
    ("CognitiveServices.SpeechServices.BatchSpeechtoTextSync=many", "2.029"),
    ("CognitiveServices.SpeechServices.BatchSpeechtoTextSync=1.2.3", "2.029"),
    ("CognitiveServices.ComputerVision.Transaction=1", "2.029"),
    ("", "2.029"),
]


@pytest.mark.parametrize(("header", "seconds"), USED)
def test_what_the_service_says_it_billed_is_used(
    stub: VendorStub, attempt: Any, header: str, seconds: str
) -> None:
    stub.on(ROUTE, Answer(json=said(), headers={BILLED: header}))
    (use,) = call(stub, attempt(), "transcribe", request()).usage
    assert (use.sku, str(use.quantity), use.channels) == ("azure.speech.fast", seconds, 1)
    assert use.source is UsageSource.REPORTED


def test_a_length_of_nothing_leaves_our_own_measure(stub: VendorStub, attempt: Any) -> None:
    stub.on(ROUTE, said() | {"durationMilliseconds": 0})
    assert call(stub, attempt(), "transcribe", request()).usage == ()


ERRORS: list[tuple[int, dict[str, Any], type[Exception], str]] = [
    (401, {"code": "Unauthorized", "message": "no"}, AuthFailed, "Unauthorized"),
    (
        422,
        {
            "code": "UnprocessableEntity",
            "message": "m",
            "innerError": {"code": "NoLanguageIdentified", "message": "none"},
        },
        BadInput,
        "NoLanguageIdentified",
    ),
    (
        400,
        {"code": "InvalidArgument", "message": "m", "innerError": {"code": "NewOne", "message": "n"}},
        BadInput,
        "NewOne",
    ),
    (429, {"code": "TooManyRequests", "message": "slow"}, Throttled, "TooManyRequests"),
    (503, {"code": "ServiceUnavailable", "message": "later"}, Unavailable, "ServiceUnavailable"),
    (401, {"error": {"code": "401", "message": "wrapped"}}, AuthFailed, "401"),
]


@pytest.mark.parametrize(("status", "body", "kind", "code"), ERRORS, ids=[str(each[3]) for each in ERRORS])
def test_errors_have_no_wrapper_here_or_the_gateways(
    stub: VendorStub, attempt: Any, status: int, body: dict[str, Any], kind: type[Exception], code: str
) -> None:
    stub.on(ROUTE, Answer(status, json=body))
    with pytest.raises(kind) as refused:
        call(stub, attempt(), "transcribe", request())
    assert refused.value.code == code  # type: ignore[attr-defined]


def test_speech_may_have_a_resource_of_its_own(stub: VendorStub, attempt: Any) -> None:
    settings = AzureSettings(endpoints={"speech": stub.url}, keys={"speech": SecretStr(CANARY)})
    assert settings.reachable == ("speech",)
    adapter = AzureAdapter(settings)
    assert adapter.setup().configured
    adapter.close()


def test_the_cell_says_what_each_way_takes() -> None:
    spec = AzureAdapter.manifest.spec("transcription.transcribe")
    job = spec.job
    assert isinstance(job, JobPath)
    assert spec.direct
    assert spec.options - job.options == {SpeechOption.HINTS}
    assert not {SpeechOption.REDACT, SpeechOption.MIN_SPEAKERS} & spec.options
    assert job.reads == ()
    assert job.languages is not None
    assert set(spec.languages) < set(job.languages)
    assert {"el", "el-GR", "fr-CA"} <= set(job.languages) - set(spec.languages)
    assert all(locale_of(tag) in FAST for tag in spec.languages)
    assert job.settle_seconds > 0  # one name can be submitted any number of times
    assert job.unproven
    assert not spec.unproven


def test_every_language_without_a_region_has_one_locale() -> None:
    assert set(LOCALES) >= FAST
    assert {locale.partition("-")[0] for locale in LOCALES} == set(PLAIN)
    assert set(PLAIN.values()) <= set(LOCALES)
    assert (locale_of("pt"), locale_of("zh"), locale_of("zh-cn-sichuan")) == (
        "pt-BR",
        "zh-CN",
        "zh-CN-sichuan",
    )
    assert locale_of("sw") in FAST


@pytest.mark.parametrize(
    ("hours", "at_once", "at_all"),
    [(1.999, True, True), (2, False, True), (4, False, True), (4.001, False, False)],
)
def test_how_long_a_recording_may_be_whose_speakers_are_told_apart(
    hours: float, at_once: bool, at_all: bool
) -> None:
    spec = AzureAdapter.manifest.spec("transcription.transcribe")
    assert isinstance(spec.job, JobPath)
    asked = request(audio=replace(Audio.from_bytes(SOUND), milliseconds=int(hours * 3_600_000)), diarize=True)
    for limits, fits in ((spec.limits, at_once), (spec.job.limits, at_all)):
        assert isinstance(limits, AudioLimits)
        limits.check(replace(asked, diarize=False), "azure", spec.operation)
        if fits:
            limits.check(asked, "azure", spec.operation)
        else:
            with pytest.raises(BadInput, match="leave diarize out"):
                limits.check(asked, "azure", spec.operation)


def test_a_refusal_of_the_service_costs_nothing(stub: VendorStub, attempt: Any) -> None:
    stub.on(ROUTE, Answer(400, json={"code": "InvalidArgument", "message": "no"}))
    with pytest.raises(BadInput) as refused:
        call(stub, attempt(), "transcribe", request())
    assert refused.value.outcome is Outcome.REJECTED
    assert adapter_on(stub).region is None
