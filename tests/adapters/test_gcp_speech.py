"""Short recordings at Google's Speech-to-Text: what is asked, what it costs, what is refused before and by Google."""

from __future__ import annotations

import base64
import io
import json
import wave
from decimal import Decimal
from typing import Any

import pytest
from adapter_support import Contexts, raised
from gcp_text_support import Web, over, refused, reply

from broker import Broker, errors
from broker.contract import CanTranscribe
from broker.runtime.blocking import drive
from broker.testing.script import Answer
from broker.types import Audio, TranscribeRequest
from broker.types.money import UsageSource
from broker_gcp import GcpAdapter, GcpSettings
from broker_gcp.manifest import MANIFEST
from broker_gcp.speech_languages import LANGUAGES, code_of, tag_of
from broker_gcp.speech_request import asked_of

GOOD = {
    "results": [
        {
            "alternatives": [{"transcript": "good morning", "confidence": 0.75}],
            "resultEndOffset": "1.2s",
            "languageCode": "en-us",
        }
    ],
    "metadata": {"totalBilledDuration": "2s", "requestId": "663f-1"},
}
SPEC = MANIFEST.by_name["transcription.transcribe"]


def sound(seconds: float = 1.0, channels: int = 1) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * channels * int(8000 * seconds)))
    return out.getvalue()


def request(**options: Any) -> TranscribeRequest:
    options.setdefault("audio", Audio.from_bytes(sound()))
    return TranscribeRequest(**options)


def broker(stub: Any, **settings: Any) -> Broker:
    return Broker(provider="gcp", providers={"gcp": {"endpoint": stub.url, "project": "p", **settings}})


def sent(stub: Any) -> Any:
    return stub.requests[-1].json()


def test_a_short_recording_goes_with_the_request(stub: Any) -> None:
    stub.reply(GOOD)
    with broker(stub) as one:
        result = one.transcription.transcribe(sound(1.5), language="en-US", raw=True)
    assert (result.value.text, result.value.segments[0].end_ms) == ("good morning", 1200)
    assert [each.language for each in result.value.languages] == ["en-US"]
    assert (result.provenance.model_version, result.provenance.request_id) == ("long", "663f-1")
    assert result.raw == GOOD
    (only,) = stub.requests
    assert (only.method, only.path) == ("POST", "/v2/projects/p/locations/global/recognizers/_:recognize")
    assert base64.b64decode(only.json()["content"]) == sound(1.5)
    assert only.json()["config"] == {
        "autoDecodingConfig": {},
        "model": "long",
        "languageCodes": ["en-US"],
        "features": {
            "enableAutomaticPunctuation": True,
            "enableWordTimeOffsets": True,
            "enableWordConfidence": True,
        },
    }


def test_what_google_billed_wins_over_what_we_measured(stub: Any) -> None:
    stub.reply(GOOD)
    with broker(stub, speech_location="us-central1") as one:
        result = one.transcription.transcribe(sound(1.5), language="en-US")
    assert result.cost.amount == Decimal("0.000533333333")
    assert result.cost.basis is UsageSource.REPORTED
    assert result.cost.price_id == "gcp.speech.v2.standard@us-central1@2026-01-01"


def test_without_word_from_google_it_is_measured_each_channel(stub: Any) -> None:
    stub.reply({"results": [], "metadata": {}})
    with broker(stub, speech_location="us-central1") as one:
        result = one.transcription.transcribe(sound(1.5, channels=2), language="en-US", channels=True)
    assert result.value.text == ""
    assert sent(stub)["config"]["features"]["multiChannelMode"] == "SEPARATE_RECOGNITION_PER_CHANNEL"
    assert result.cost.amount == Decimal("0.001066666667")  # 2 s each
    assert result.cost.basis is UsageSource.MEASURED


@pytest.mark.parametrize(
    ("settings", "location", "model"),
    [
        ({}, "global", "long"),
        ({"region": "eu"}, "eu", "chirp_3"),
        ({"region": "us"}, "us", "chirp_3"),
        ({"speech_location": "us-central1"}, "us-central1", "chirp_2"),
        ({"speech_location": "asia-south1"}, "asia-south1", "long"),
        ({"region": "eu", "speech_location": "europe-west4"}, "europe-west4", "chirp_2"),
    ],
)
def test_the_place_decides_on_host_and_model(
    settings: dict[str, Any], location: str, model: str, attempt: Contexts
) -> None:
    host = "speech.googleapis.com" if location == "global" else f"{location}-speech.googleapis.com"
    web = Web({host: lambda: reply(GOOD)})
    adapter = GcpAdapter(GcpSettings(api_key="k" * 20, project="p", **settings))
    assert isinstance(adapter, CanTranscribe)
    context = over(web, attempt(), "transcription.transcribe")
    found: Any = drive(adapter.transcribe(request(language="en-US"), context))  # type: ignore[arg-type]
    ((url, headers, content),) = web.seen
    assert url == f"https://{host}/v2/projects/p/locations/{location}/recognizers/_:recognize"
    assert headers["x-goog-api-key"] == "k" * 20
    assert json.loads(content)["config"]["model"] == model == found.model_version


def test_another_model_is_taken_by_its_name() -> None:
    asked = asked_of(request(language="en-US", extensions={"gcp_model": "telephony"}), "us")
    assert asked.config["model"] == "telephony"


@pytest.mark.parametrize("name", ["", 5, "a/b", "x" * 101, None])
def test_a_model_has_a_name(name: Any) -> None:
    extensions = {"gcp_model": name}
    if name is None:
        assert asked_of(request(language="en-US", extensions=extensions), "us").model.name == "chirp_3"
        return
    raised(lambda: asked_of(request(language="en-US", extensions=extensions), "us"), errors.BadInput)


def test_chirp_3_is_never_asked_for_the_confidence_of_words() -> None:
    """It refuses the whole request for it."""
    features = asked_of(request(), "eu").config["features"]
    assert features == {"enableAutomaticPunctuation": True, "enableWordTimeOffsets": True}


def test_chirp_3_finds_the_language_out_and_others_must_be_told() -> None:
    assert asked_of(request(), "us").config["languageCodes"] == ["auto"]
    assert asked_of(request(candidates=("de-DE", "fr-FR")), "us").config["languageCodes"] == [
        "de-DE",
        "fr-FR",
    ]
    told = raised(lambda: asked_of(request(), "global"), errors.BadInput)
    assert "must be told the language: pass language='en-US'" in str(told)


def test_a_language_that_must_be_told_costs_nothing_to_forget(stub: Any) -> None:
    with broker(stub) as one:
        told = raised(lambda: one.transcription.transcribe(sound()), errors.BadInput)
    assert stub.count == 0
    assert told.billed is False


def test_all_options_have_their_member() -> None:
    asked = asked_of(
        request(candidates=("en-US", "he-IL"), diarize=True, hints=("Rhine", "Main"), profanity="mask"),
        "eu",
    )
    assert asked.ignored == ()
    assert asked.config["languageCodes"] == ["en-US", "iw-IL"]
    assert asked.config["features"] == {
        "enableAutomaticPunctuation": True,
        "enableWordTimeOffsets": True,
        "profanityFilter": True,
        "diarizationConfig": {},
    }
    phrases = [{"value": "Rhine"}, {"value": "Main"}]
    assert asked.config["adaptation"] == {"phraseSets": [{"inlinePhraseSet": {"phrases": phrases}}]}


def test_to_keep_rude_words_is_googles_own_way() -> None:
    config = asked_of(request(profanity="keep"), "us").config
    assert "profanityFilter" not in config["features"]  # type: ignore[operator]


def test_a_hint_of_more_than_100_characters_is_refused() -> None:
    asked_of(request(hints=("x" * 100,)), "us")
    raised(lambda: asked_of(request(hints=("x" * 101,)), "us"), errors.BadInput)


@pytest.mark.parametrize("options", [{"max_speakers": 2}, {"min_speakers": 2}])
def test_a_number_of_speakers_is_not_taken_for_google_does_not_use_it(
    stub: Any, options: dict[str, Any]
) -> None:
    stub.reply(GOOD)
    with broker(stub, region="us") as one:
        raised(
            lambda: one.transcription.transcribe(sound(), language="en-US", diarize=True, **options),
            errors.Unsupported,
        )
        assert stub.count == 0
        result = one.transcription.transcribe(
            sound(), language="en-US", diarize=True, on_unsupported="ignore", **options
        )
    assert result.value.ignored == tuple(options)
    assert sent(stub)["config"]["features"]["diarizationConfig"] == {}


@pytest.mark.parametrize("options", [{"redact": True}, {"profanity": "remove"}])
def test_what_google_lacks_is_refused_before(stub: Any, options: dict[str, Any]) -> None:
    with broker(stub) as one:
        raised(lambda: one.transcription.transcribe(sound(), language="en-US", **options), errors.Unsupported)
    assert stub.count == 0


def test_what_the_model_of_a_place_lacks_is_refused_before(stub: Any) -> None:
    stub.reply(GOOD)
    with broker(stub, speech_location="us-central1") as one:
        told = raised(
            lambda: one.transcription.transcribe(sound(), language="en-US", diarize=True), errors.Unsupported
        )
        assert "chirp_2 lacks diarize" in str(told)
        assert told.billed is False
        assert stub.count == 0
        result = one.transcription.transcribe(
            sound(), language="en-US", diarize=True, on_unsupported="ignore"
        )
    assert result.value.ignored == ("diarize",)
    assert "diarizationConfig" not in sent(stub)["config"]["features"]


def test_candidates_that_a_model_lacks_cannot_simply_be_left_out() -> None:
    both = request(candidates=("en-US", "de-DE"), on_unsupported="ignore")
    told = raised(lambda: asked_of(both, "us-central1"), errors.Unsupported)
    assert "pass language='en-US' if it is that" in str(told)


@pytest.mark.parametrize("tag", ["en", "tlh", "de-XX"])
def test_a_language_without_its_region_is_none_of_googles(stub: Any, tag: str) -> None:
    with broker(stub) as one:
        raised(lambda: one.transcription.transcribe(sound(), language=tag), errors.Unsupported)
    assert stub.count == 0


def test_every_language_has_one_code_and_comes_back_as_a_tag() -> None:
    assert len(set(LANGUAGES)) == len(LANGUAGES)
    for tag in LANGUAGES:
        assert code_of(tag.upper()) == code_of(tag)
        assert code_of(tag_of(code_of(tag).lower())) == code_of(tag)


@pytest.mark.parametrize("body", [{}, {"results": {}}, {"error": "x"}, [], {"metadata": []}])
def test_a_success_without_results_is_none(stub: Any, body: Any) -> None:
    stub.reply(body)
    with broker(stub) as one:
        told = raised(lambda: one.transcription.transcribe(sound(), language="en-US"), errors.MalformedReply)
    assert told.billed is True


def test_silence_is_an_empty_answer_and_billed(stub: Any) -> None:
    stub.reply({"metadata": {"totalBilledDuration": "1s", "requestId": "r"}})
    with broker(stub, speech_location="us-central1") as one:
        result = one.transcription.transcribe(sound(), language="en-US")
    assert (result.value.text, result.value.segments, result.value.to_srt()) == ("", (), "")
    assert result.cost.amount == Decimal("0.000266666667")


@pytest.mark.parametrize(
    ("status", "name", "kind", "words"),
    [
        (400, "INVALID_ARGUMENT", errors.BadInput, "does not exist"),
        (403, "PERMISSION_DENIED", errors.AuthFailed, "roles/speech.client"),
        (429, "RESOURCE_EXHAUSTED", errors.Throttled, "wait"),
        (503, "UNAVAILABLE", errors.Unavailable, ""),
    ],
)
def test_what_google_refuses(
    status: int, name: str, kind: type[errors.ProviderError], words: str, stub: Any, attempt: Contexts
) -> None:
    body = refused(status, name, message='The model "chirp_3" does not exist in the location named "global".')
    stub.script([], default=Answer(status, json=body))
    adapter = GcpAdapter(GcpSettings(endpoint=stub.url, project="p"))
    told = raised(lambda: drive(adapter.transcribe(request(language="en-US"), attempt())), kind)
    assert words in str(told)


def test_without_a_project_nothing_is_sent(stub: Any, attempt: Contexts) -> None:
    adapter = GcpAdapter(GcpSettings(endpoint=stub.url))
    told = raised(
        lambda: drive(adapter.transcribe(request(language="en-US"), attempt())), errors.NotConfigured
    )
    assert "set project" in str(told)
    assert stub.count == 0


def test_one_request_takes_a_minute_and_what_fits_as_base64() -> None:
    limits: Any = SPEC.limits
    base: dict[str, Any] = {"format": "wav", "codec": "pcm", "sample_rate": 8000, "channels": 1, "data": b""}

    def check(**audio: Any) -> None:
        limits.check(request(audio=Audio(**{**base, "milliseconds": 1, "size": 1, **audio})), "gcp", "x")

    check(milliseconds=60_000, size=7_400_000)
    assert 4 * 7_400_000 / 3 < 10_000_000
    raised(lambda: check(milliseconds=60_001), errors.BadInput)
    raised(lambda: check(size=7_400_001), errors.BadInput)
    raised(lambda: check(format="ogg", codec="vorbis"), errors.BadInput)
    check(format="m4a", codec="aac")


def test_a_dynamic_batch_is_a_job_and_has_a_price_of_its_own() -> None:
    asked = request(language="en-US", extensions={"gcp_dynamic_batch": True})
    limits: Any = SPEC.limits
    raised(lambda: limits.check(asked, "gcp", "x"), errors.BadInput)
    assert SPEC.job is not None
    SPEC.job.limits.check(asked, "gcp", "x")
    (use,) = SPEC.meter(asked)
    assert (use.sku, use.quantity) == ("gcp.speech.v2.dynamic_batch", 1)
    raised(
        lambda: SPEC.meter(request(language="en-US", extensions={"gcp_dynamic_batch": "yes"})),
        errors.BadInput,
    )


@pytest.mark.parametrize(
    "staging",
    ["s3://b/f", "gs://B/f", "gs://my-bucket/../x", "gs://my-bucket//x", "my-bucket", "gs://my-bucket/a b"],
)
def test_staging_is_a_bucket_and_a_folder(staging: str) -> None:
    raised(lambda: GcpSettings(staging=staging), ValueError)


def test_staging_is_kept_without_a_slash_behind_it() -> None:
    assert GcpSettings(staging="gs://my-bucket/a/").staging == "gs://my-bucket/a"
    assert GcpSettings(staging="gs://my-bucket").staging == "gs://my-bucket"
    assert GcpSettings(staging="").staging is None


@pytest.mark.parametrize("location", ["US", "us/..", "us.example.com", "-", "us central1"])
def test_a_location_is_a_word(location: str) -> None:
    raised(lambda: GcpSettings(speech_location=location), ValueError)


def test_what_stops_speech_is_told() -> None:
    told = GcpAdapter(GcpSettings(api_key="k" * 20)).setup()
    assert "speech: speech.googleapis.com works in a project" in told.problem
    told = GcpAdapter(GcpSettings(api_key="k" * 20, project="p", staging="gs://my-bucket/a")).setup()
    assert "speech: Cloud Storage does not take an api_key" in told.problem


def test_a_refused_token_is_fetched_anew_and_a_key_has_no_other(stub: Any, attempt: Contexts) -> None:
    stub.script([], default=Answer(401, json=refused(401, "UNAUTHENTICATED")))
    adapter = GcpAdapter(GcpSettings(endpoint=stub.url, project="p"))
    context = over(attempt().http, attempt(), "transcription.transcribe")  # type: ignore[arg-type]
    told = raised(lambda: drive(adapter.transcribe(request(language="en-US"), context)), errors.AuthFailed)
    assert adapter.renew(told, context) is False
    assert GcpAdapter(GcpSettings(endpoint=stub.url, project="p")).renew(told, context) is False


def test_a_large_recording_is_coded_off_the_event_loop(stub: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a small one in place, for a thread would cost more."""
    import asyncio
    import threading

    from broker import AsyncBroker
    from broker_gcp import speech

    coded: list[bool] = []
    whole = speech._body

    def body(*given: Any) -> bytes:
        coded.append(threading.current_thread() is threading.main_thread())
        return whole(*given)

    monkeypatch.setattr(speech, "_body", body)
    stub.reply(GOOD)
    settings = {"endpoint": stub.url, "project": "p"}

    async def both() -> None:
        async with AsyncBroker(provider="gcp", providers={"gcp": settings}) as one:
            for seconds in (1, 30):
                await one.transcription.transcribe(sound(seconds), language="en-US")
                assert base64.b64decode(sent(stub)["content"]) == sound(seconds)

    asyncio.run(both())
    assert coded == [True, False]
