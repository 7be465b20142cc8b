"""Where Google transcribes recordings: the region that is allowed and paid, and the model and its abilities that go with it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from adapter_support import raised

from broker import Broker, errors
from broker.contract import Regional
from broker.pricing.bill import bill
from broker.pricing.load import shipped
from broker.types import Audio, TranscribeRequest
from broker_gcp import GcpAdapter, GcpSettings
from broker_gcp.manifest import MANIFEST
from broker_gcp.speech_request import asked_of

SPEC = MANIFEST.by_name["transcription.transcribe"]
GOOD = {"results": [{"alternatives": [{"transcript": "good"}]}], "metadata": {"totalBilledDuration": "2s"}}
WAV = (
    b"RIFF\xa4>\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00\x80>\x00\x00\x02\x00\x10\x00data\x80>\x00\x00"
    + bytes(16_000)
)


def request(**options: Any) -> TranscribeRequest:
    return TranscribeRequest(audio=Audio.from_bytes(WAV), **options)


def broker(stub: Any, *allowed: str, **settings: Any) -> Broker:
    return Broker(
        provider="gcp",
        allowed_regions=list(allowed),
        providers={"gcp": {"endpoint": stub.url, "project": "p", **settings}},
    )


def transcribe(one: Broker, **options: Any) -> Any:
    asked: Any = {"language": "en-US", **options}
    return one.transcription.transcribe(WAV, **asked)


# ---------------------------------------------------------------- the region


def test_recordings_do_not_leave_the_allowed_regions_by_a_location_of_their_own(stub: Any) -> None:
    with broker(stub, "eu", region="eu", speech_location="us") as one:
        told = raised(lambda: transcribe(one), errors.Unsupported)
    assert "its region is us, and allowed_regions are eu" in str(told)
    assert told.billed is False
    assert stub.count == 0


def test_where_only_recordings_may_go_they_go(stub: Any) -> None:
    stub.reply(GOOD)
    with broker(stub, "europe-*", region="us", speech_location="europe-west4") as one:
        result = transcribe(one)
        raised(lambda: one.text.sentiment("good"), errors.Unsupported)
    assert result.provenance.region == "europe-west4"
    assert [each.path for each in stub.requests] == [
        "/v2/projects/p/locations/europe-west4/recognizers/_:recognize"
    ]


@pytest.mark.parametrize(
    ("settings", "operation", "region"),
    [
        ({}, "transcription.transcribe", "global"),
        ({"region": "eu"}, "transcription.transcribe", "eu"),
        ({"region": "eu", "speech_location": "us"}, "transcription.transcribe", "us"),
        ({"region": "eu", "speech_location": "us"}, "transcription.stream", "us"),
        ({"region": "eu", "speech_location": "us"}, "vision.label", "eu"),
    ],
)
def test_each_operation_says_where_its_content_goes(
    settings: dict[str, Any], operation: str, region: str
) -> None:
    adapter = GcpAdapter(GcpSettings(**settings))
    assert isinstance(adapter, Regional)
    assert adapter.region_of(operation) == region


# ---------------------------------------------------------------- the price


@pytest.mark.parametrize(
    ("settings", "row"),
    [
        ({"region": "eu", "speech_location": "us-central1"}, "gcp.speech.v2.standard@us-central1@2026-01-01"),
        ({"region": "eu"}, "gcp.speech.v2.standard@global@2026-01-01"),
        ({}, "gcp.speech.v2.standard@global@2026-01-01"),
    ],
)
def test_the_price_is_that_of_the_place_of_recordings(stub: Any, settings: dict[str, Any], row: str) -> None:
    """No difference between places is known; the row tells which was taken."""
    stub.reply(GOOD)
    with broker(stub, **settings) as one:
        result = transcribe(one)
    assert (result.cost.amount, result.cost.price_id) == (Decimal("0.000533333333"), row)


@pytest.mark.parametrize(
    ("extensions", "sku", "known"),
    [
        ({}, "gcp.speech.v2.standard", True),
        ({"gcp_dynamic_batch": True}, "gcp.speech.v2.dynamic_batch", True),
        ({"gcp_model": "telephony"}, "gcp.speech.v2.standard", True),
        ({"gcp_model": "chirp_3", "gcp_dynamic_batch": True}, "gcp.speech.v2.dynamic_batch", True),
        ({"gcp_model": "medical_dictation"}, "gcp.speech.v2.other_models", False),
        ({"gcp_model": "chirp", "gcp_dynamic_batch": True}, "gcp.speech.v2.other_models", False),
        ({"gcp_model": "chirp_9"}, "gcp.speech.v2.other_models", False),
    ],
)
@pytest.mark.parametrize("region", ["us-central1", "eu"])
def test_a_model_without_a_known_price_is_not_billed_as_another(
    extensions: dict[str, Any], sku: str, known: bool, region: str
) -> None:
    usage = SPEC.meter(request(language="en-US", extensions=extensions))
    priced = bill(usage, shipped(), region=region, day=date(2026, 11, 1), default_sku=SPEC.sku)
    assert priced.usage[0].sku == sku
    assert (priced.unpriced is None) is known
    if not known:
        assert "is known for the models chirp_2, chirp_3, long, short and telephony only" in str(
            priced.unpriced
        )


def test_what_google_reports_of_such_a_model_is_unpriced_too(stub: Any) -> None:
    stub.reply(GOOD)
    with broker(stub, speech_location="us-central1") as one:
        result = transcribe(one, extensions={"gcp_model": "medical_dictation"})
    assert result.cost.amount is None
    assert "models" in str(result.cost.unpriced)


# ---------------------------------------------------------------- what a place and its model take


@pytest.mark.parametrize(
    ("location", "model", "speakers"),
    [
        ("us", None, True),
        ("eu", None, True),
        ("asia-northeast1", None, True),
        ("global", None, False),
        ("us-central1", None, False),
        ("us", "telephony", False),
        ("us", "long", False),
        ("us", "chirp_9", True),  # not known here: Google decides
    ],
)
def test_only_chirp_3_tells_speakers_apart(location: str, model: str | None, speakers: bool) -> None:
    extensions = {} if model is None else {"gcp_model": model}
    asked = request(language="en-US", diarize=True, extensions=extensions)
    if speakers:
        assert asked_of(asked, location).config["features"]["diarizationConfig"] == {}  # type: ignore[call-overload,index]
        return
    told = raised(lambda: asked_of(asked, location), errors.Unsupported)
    assert "lacks diarize" in str(told)
    assert "set speech_location of provider gcp to us or eu, where chirp_3 is" in str(told)


@pytest.mark.parametrize(
    ("location", "several"),
    [("global", True), ("us", True), ("eu", True), ("asia-northeast1", False), ("us-central1", False)],
)
def test_several_languages_are_for_global_us_and_eu(location: str, several: bool) -> None:
    asked = request(candidates=("en-US", "de-DE"))
    if several:
        assert asked_of(asked, location).config["languageCodes"] == ["en-US", "de-DE"]
    else:
        raised(lambda: asked_of(asked, location), errors.Unsupported)


def test_where_the_language_is_found_out_candidates_may_be_left_out() -> None:
    asked = asked_of(request(candidates=("en-US", "de-DE"), on_unsupported="ignore"), "asia-northeast1")
    assert asked.config["languageCodes"] == ["auto"]
    assert [each.value for each in asked.ignored] == ["candidates"]
