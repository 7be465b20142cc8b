"""Azure's fast transcription: what is sent, what is read, what is refused."""

from __future__ import annotations

import json
from decimal import Decimal
from email import message_from_bytes
from typing import Any

import pytest

from broker import Broker
from broker.errors import AuthFailed, BadInput, MalformedReply, Throttled, Unsupported
from broker.testing.conformance import tone
from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.types import Audio, ConfidenceLevel, JsonValue

ROUTE = "/speechtotext/transcriptions:transcribe"
WORD: JsonValue = {"text": "Hi.", "offsetMilliseconds": 40, "durationMilliseconds": 300}


def phrase(**more: Any) -> dict[str, Any]:
    return {
        "offsetMilliseconds": 40,
        "durationMilliseconds": 300,
        "text": "Hi.",
        "words": [WORD],
        "locale": "en-US",
        "confidence": 0.9,
        **more,
    }


def answer(*phrases: dict[str, Any], texts: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    combined = [{"text": " ".join(each.get("text", "") for each in phrases)}] if texts is None else texts
    return {"durationMilliseconds": 2029, "combinedPhrases": combined, "phrases": list(phrases), **more}


@pytest.fixture
def broker(vendor_stub: VendorStub) -> Any:
    section = {"endpoint": vendor_stub.url, "key": "k" * 32, "region": "eastus"}
    with Broker(provider="azure", providers={"azure": section}, max_attempts=1) as made:
        yield made


def parts(seen: SeenRequest) -> tuple[dict[str, Any], Any]:
    """The form as Python's own parser of multipart reads it: the definition, and the part with the recording."""
    head = f"Content-Type: {seen.headers['content-type']}\r\n\r\n".encode()
    first, second = message_from_bytes(head + seen.body).get_payload()  # type: ignore[misc]
    return json.loads(first.get_payload(decode=True)), second  # type: ignore[union-attr]


def test_the_recording_goes_out_unchanged_and_its_name_stays_here(
    broker: Broker, vendor_stub: VendorStub, tmp_path: Any
) -> None:
    vendor_stub.on(ROUTE, default=Answer(json=answer(phrase())))
    sound = tone()
    (tmp_path / "patient-doe.wav").write_bytes(sound)
    broker.transcription.transcribe(tmp_path / "patient-doe.wav")
    (seen,) = vendor_stub.requests
    wanted, recording = parts(seen)
    assert wanted == {}
    assert recording.get_payload(decode=True) == sound
    assert recording.get_content_type() == "audio/wav"
    assert b"patient-doe" not in seen.body
    assert seen.params == {"api-version": "2025-10-15"}
    assert int(seen.headers["content-length"]) == len(seen.body)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"language": "en-US"}, {"locales": ["en-US"]}),
        ({"candidates": ["de-DE", "en-US"]}, {"locales": ["de-DE", "en-US"]}),
        ({"diarize": True}, {"diarization": {"enabled": True}}),
        ({"diarize": True, "max_speakers": 4}, {"diarization": {"enabled": True, "maxSpeakers": 4}}),
        ({"channels": True}, {"channels": [0]}),
        ({"hints": ["Contoso", "Jessie"]}, {"phraseList": {"phrases": ["Contoso", "Jessie"]}}),
        ({"profanity": "keep"}, {"profanityFilterMode": "None"}),
        ({"profanity": "mask"}, {"profanityFilterMode": "Masked"}),
        ({"profanity": "remove"}, {"profanityFilterMode": "Removed"}),
    ],
)
def test_options_are_sent_as_the_service_names_them(
    options: dict[str, Any], wanted: dict[str, Any], broker: Broker, vendor_stub: VendorStub
) -> None:
    vendor_stub.on(ROUTE, default=Answer(json=answer(phrase(channel=0))))
    broker.transcription.transcribe(tone(), **options)  # type: ignore[arg-type]
    assert parts(vendor_stub.requests[0])[0] == wanted


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"redact": True}, Unsupported),
        ({"diarize": True, "min_speakers": 2}, Unsupported),
        ({"language": "tlh"}, Unsupported),
        ({"diarize": True, "max_speakers": 36}, BadInput),
        ({"diarize": True, "max_speakers": 1}, BadInput),
    ],
)
def test_what_it_lacks_is_refused_before_anything_is_sent(
    options: dict[str, Any], error: type[Exception], broker: Broker, vendor_stub: VendorStub
) -> None:
    with pytest.raises(error):
        broker.transcription.transcribe(tone(), **options)  # type: ignore[arg-type]
    assert vendor_stub.count == 0


def test_speakers_channels_and_languages_are_kept(broker: Broker, vendor_stub: VendorStub) -> None:
    later = phrase(offsetMilliseconds=900, channel=1, speaker=2, locale="de-DE", durationMilliseconds=100)
    body = answer(
        later, phrase(channel=0, speaker=1), texts=[{"channel": 1, "text": "b"}, {"channel": 0, "text": "a"}]
    )
    vendor_stub.on(ROUTE, default=Answer(json=body))
    found = broker.transcription.transcribe(tone(), channels=True).value
    assert [(s.start_ms, s.channel, s.speaker) for s in found.segments] == [(40, 0, "1"), (900, 1, "2")]
    assert [each.language for each in found.languages] == ["en-US", "de-DE"]
    assert found.text == "a\nb"
    assert found.confidence_level is ConfidenceLevel.SEGMENT


@pytest.mark.parametrize(
    ("headers", "quantity"),
    [
        ({"CSP-Billing-Usage": "CognitiveServices.SpeechServices.BatchSpeechtoTextSync=3"}, "3"),
        ({"CSP-Billing-Usage": "CognitiveServices.SpeechServices.BatchSpeechtoTextSync=0"}, "2.029"),
        ({"CSP-Billing-Usage": "something else"}, "2.029"),
        ({}, "2.029"),
    ],
)
def test_what_the_service_says_it_billed_is_booked(
    headers: dict[str, str], quantity: str, broker: Broker, vendor_stub: VendorStub
) -> None:
    vendor_stub.on(ROUTE, default=Answer(json=answer(phrase()), headers=headers))
    result = broker.transcription.transcribe(tone())
    (use,) = result.attempts[0].usage
    assert (use.quantity, use.source.value) == (Decimal(quantity), "reported")
    assert result.cost.amount == Decimal("0.0003")  # 3 s at 0.36 an hour


def test_one_channel_needs_no_number(broker: Broker, vendor_stub: VendorStub) -> None:
    vendor_stub.on(ROUTE, default=Answer(json=answer(phrase())))
    (segment,) = broker.transcription.transcribe(tone(), channels=True).value.segments
    assert segment.channel is None


def test_silence_is_an_answer(broker: Broker, vendor_stub: VendorStub) -> None:
    vendor_stub.on(ROUTE, default=Answer(json=answer(texts=[{"text": ""}])))
    found = broker.transcription.transcribe(tone()).value
    assert (found.text, found.segments, found.languages) == ("", (), ())


def without(body: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key != name}


@pytest.mark.parametrize(
    "body",
    [
        {},
        without(answer(phrase()), "phrases"),
        without(answer(phrase()), "combinedPhrases"),
        without(answer(phrase()), "durationMilliseconds"),
        answer(phrase(), texts=[]),
        answer(phrase(), durationMilliseconds=-1),
        answer(without(phrase(), "text")),
        answer(without(phrase(), "offsetMilliseconds")),
        answer(phrase(confidence=None)),
        answer(phrase(durationMilliseconds=-400)),
        answer(phrase(words=[{"text": "Hi."}])),
        answer(phrase(speaker="one")),
    ],
)
def test_half_an_answer_is_none(body: dict[str, Any], broker: Broker, vendor_stub: VendorStub) -> None:
    vendor_stub.on(ROUTE, default=Answer(json=body))
    with pytest.raises(MalformedReply) as caught:
        broker.transcription.transcribe(tone())
    assert caught.value.billed is True


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": "Unauthorized", "message": "Access denied"}, AuthFailed),
        (
            400,
            {
                "code": "InvalidRequest",
                "message": "bad",
                "innerError": {"code": "InvalidAudioFormat", "message": "no sound"},
            },
            BadInput,
        ),
        (429, {"code": "TooManyRequests", "message": "slow down"}, Throttled),
    ],
)
def test_errors_come_without_a_wrapper(
    status: int, body: dict[str, Any], error: type[Exception], broker: Broker, vendor_stub: VendorStub
) -> None:
    vendor_stub.on(ROUTE, default=Answer(status=status, json=body))
    with pytest.raises(error) as caught:
        broker.transcription.transcribe(tone())
    assert body.get("innerError", body)["code"] in str(caught.value)
    assert caught.value.billed is False  # type: ignore[attr-defined]


def test_a_file_that_changed_on_its_way_is_not_sent_as_the_one_that_was_checked(
    broker: Broker, vendor_stub: VendorStub, tmp_path: Any
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(tone())
    audio = Audio.from_path(path)
    path.write_bytes(tone() + b"1234")
    vendor_stub.on(ROUTE, default=Answer(json=answer(phrase())))
    with pytest.raises(BadInput, match="changed"):
        broker.transcription.transcribe(audio)
    assert [row.amount for row in broker.spend()] in ([], [Decimal(0)])
