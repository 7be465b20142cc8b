"""What Amazon Transcribe is asked, what is refused before, and what the cell says; the steps are in tests/jobs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from aws_support import enum
from pydantic import ValidationError

from broker.contract import Support
from broker.errors import BadInput, Unsupported
from broker.pricing.bill import bill
from broker.pricing.load import shipped
from broker.types import Audio, SpeechOption, TranscribeRequest
from broker_aws import AwsSettings
from broker_aws.manifest import MANIFEST
from broker_aws.s3 import Place
from broker_aws.transcribe_languages import LANGUAGES, PLAIN, REDACTED, TAGS, code_of
from broker_aws.transcribe_request import EXTENSIONS, asked_of, parameters

SPEC = MANIFEST.by_name["transcription.transcribe"]
PLACE = "s3://my-recordings/talks/one.flac"


def of(milliseconds: int = 60_000, *, rate: int = 8000, channels: int = 1) -> Audio:
    """A recording that is only described."""
    return Audio(
        format="wav",
        codec="pcm",
        milliseconds=milliseconds,
        sample_rate=rate,
        channels=channels,
        size=1000,
        data=b"",
    )


def request(audio: Audio | None = None, **options: Any) -> TranscribeRequest:
    given = {"language": "en-US", **options}
    return TranscribeRequest(audio=of() if audio is None else audio, **given)


def checked(wanted: dict[str, Any]) -> dict[str, Any]:
    """What is asked, if botocore's own model takes it."""
    import botocore.session
    from botocore.validate import validate_parameters

    model = botocore.session.get_session().get_service_model("transcribe")
    shape: Any = model.operation_model("StartTranscriptionJob").input_shape
    validate_parameters(wanted, shape)
    return wanted


ASKED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"LanguageCode": "en-US"}),
    ({"language": "de"}, {"LanguageCode": "de-DE"}),
    ({"language": None}, {"IdentifyLanguage": True}),
    ({"language": None, "candidates": ["fr"]}, {"LanguageCode": "fr-FR"}),
    (
        {"language": None, "candidates": ["en-GB", "EN-ie", "en-gb"]},
        {"IdentifyLanguage": True, "LanguageOptions": ["en-GB", "en-IE"]},
    ),
    (
        {"language": None, "extensions": {"aws_identify_multiple_languages": True}},
        {"IdentifyMultipleLanguages": True},
    ),
    (
        {
            "language": None,
            "candidates": ["en", "hi"],
            "extensions": {"aws_identify_multiple_languages": True},
        },
        {"IdentifyMultipleLanguages": True, "LanguageOptions": ["en-US", "hi-IN"]},
    ),
    (
        {"extensions": {"aws_identify_multiple_languages": False}},
        {"LanguageCode": "en-US"},
    ),
    (
        {"diarize": True},
        {"LanguageCode": "en-US", "Settings": {"ShowSpeakerLabels": True, "MaxSpeakerLabels": 10}},
    ),
    (
        {"diarize": True, "max_speakers": 3},
        {"LanguageCode": "en-US", "Settings": {"ShowSpeakerLabels": True, "MaxSpeakerLabels": 3}},
    ),
    (
        {"audio": of(channels=2), "channels": True},
        {"LanguageCode": "en-US", "Settings": {"ChannelIdentification": True}},
    ),
    ({"channels": True}, {"LanguageCode": "en-US"}),
    ({"profanity": "keep"}, {"LanguageCode": "en-US"}),
    (
        {"redact": True},
        {
            "LanguageCode": "en-US",
            "ContentRedaction": {"RedactionType": "PII", "RedactionOutput": "redacted"},
        },
    ),
    (
        {"extensions": {"aws_vocabulary_name": "names"}},
        {"LanguageCode": "en-US", "Settings": {"VocabularyName": "names"}},
    ),
    (
        {
            "extensions": {
                "aws_vocabulary_filter_name": "rude",
                "aws_vocabulary_filter_method": "remove",
            }
        },
        {
            "LanguageCode": "en-US",
            "Settings": {"VocabularyFilterName": "rude", "VocabularyFilterMethod": "remove"},
        },
    ),
]


@pytest.mark.parametrize(("options", "due"), ASKED, ids=[str(number) for number in range(len(ASKED))])
def test_what_is_asked(options: dict[str, Any], due: dict[str, Any]) -> None:
    output = Place.of("s3://my-recordings/mlbroker/b1-0f.json")
    wanted = checked(parameters(request(**options), "b1-0f", PLACE, output))
    assert wanted == {
        "TranscriptionJobName": "b1-0f",
        "Media": {"MediaFileUri": PLACE},
        "OutputBucketName": "my-recordings",
        "OutputKey": "mlbroker/b1-0f.json",
        **due,
    }


def test_format_and_rate_are_left_to_the_service() -> None:
    """A job fails where they are not what is found in the file."""
    wanted = checked(parameters(request(), "b1-0f", PLACE, None))
    assert not {"MediaFormat", "MediaSampleRateHertz", "OutputBucketName", "OutputKey"} & set(wanted)


REFUSED: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"language": "de-LU"}, Unsupported, "take one of de-CH, de-DE"),
    ({"language": "xx"}, Unsupported, "take another"),
    ({"language": None, "candidates": ["en", "de-LU"]}, Unsupported, "de-LU"),
    ({"language": None, "candidates": ["en-US", "sv"]}, Unsupported, "does not find sv-SE out"),
    ({"redact": True, "language": "ja-JP"}, Unsupported, "en-US, es-US"),
    ({"redact": True, "language": None}, Unsupported, "told the language"),
    ({"redact": True, "language": None, "candidates": ["en-US", "es-US"]}, Unsupported, "told the language"),
    ({"diarize": True, "max_speakers": 1}, BadInput, "2 to 30 speakers"),
    ({"diarize": True, "max_speakers": 31}, BadInput, "2 to 30 speakers"),
    ({"audio": of(channels=3)}, BadInput, "one or two channels"),
    ({"audio": of(499)}, BadInput, "below the least of 500 ms"),
    ({"audio": of(rate=7999)}, BadInput, "8,000 to 48,000"),
    ({"audio": of(rate=96_000)}, BadInput, "8,000 to 48,000"),
    ({"extensions": {"aws_identify_multiple_languages": "yes"}}, BadInput, "true or false"),
    ({"extensions": {"aws_identify_multiple_languages": True}}, BadInput, "in place of language"),
    (
        {
            "language": None,
            "candidates": ["en"],
            "extensions": {"aws_identify_multiple_languages": True},
        },
        BadInput,
        "two candidates",
    ),
    ({"language": None, "extensions": {"aws_vocabulary_name": "names"}}, BadInput, "of one language"),
    ({"extensions": {"aws_vocabulary_name": ""}}, BadInput, "must be a text"),
    ({"extensions": {"aws_vocabulary_filter_name": "rude"}}, BadInput, "pass both"),
    ({"extensions": {"aws_vocabulary_filter_method": "mask"}}, BadInput, "pass both"),
    (
        {"extensions": {"aws_vocabulary_filter_name": "x", "aws_vocabulary_filter_method": "burn"}},
        BadInput,
        "remove, mask, tag",
    ),
]


@pytest.mark.parametrize(("options", "kind", "why"), REFUSED, ids=[str(n) for n in range(len(REFUSED))])
def test_what_is_refused_before_anything_is_stored(
    options: dict[str, Any], kind: type[Exception], why: str
) -> None:
    with pytest.raises(kind, match=why):
        asked_of(request(**options))


@pytest.mark.parametrize("language", REDACTED)
def test_personal_data_is_left_out_in_these_languages(language: str) -> None:
    assert "ContentRedaction" in checked(
        parameters(request(language=language, redact=True), "b1-0f", PLACE, None)
    )


def test_the_languages_are_those_of_the_installed_model() -> None:
    assert set(LANGUAGES) == enum("transcribe", "LanguageCode")
    assert len(set(LANGUAGES)) == len(LANGUAGES)
    assert set(TAGS) == set(SPEC.languages)
    for language, code in PLAIN.items():
        assert code in LANGUAGES
        assert code.partition("-")[0] == language
    assert {code_of(tag) for tag in TAGS} == set(LANGUAGES)
    assert code_of("EN-us") == "en-US"


def test_the_cell_says_what_it_takes() -> None:
    assert SPEC.support is Support.YES
    assert not SPEC.direct
    job = SPEC.job
    assert job is not None
    assert job.reads == ("s3://",)
    assert job.settle_seconds == 0.0
    assert (
        job.options
        == SPEC.options
        == frozenset(SpeechOption)
        - {
            SpeechOption.MIN_SPEAKERS,
            SpeechOption.HINTS,
            SpeechOption.MASK_PROFANITY,
            SpeechOption.REMOVE_PROFANITY,
        }
    )
    assert job.limits == SPEC.limits
    assert job.limits.max_milliseconds == 14_400_000
    formats = {"mp4" if each == "m4a" else each for each in job.limits.formats}
    assert formats <= enum("transcribe", "MediaFormat")
    assert SPEC.extensions == EXTENSIONS


@pytest.mark.parametrize(
    ("redact", "region", "due"),
    [(False, "us-east-1", "0.0061"), (True, "eu-west-2", "0.00854"), (True, "us-east-1", None)],
)
def test_what_it_costs(redact: bool, region: str, due: str | None) -> None:
    """60.5 s are 61, of two channels once; leaving personal data out is priced by region, and not everywhere."""
    uses = SPEC.meter(request(of(60_500, channels=2), channels=True, redact=redact))
    assert [each.sku for each in uses] == ["", "aws.transcribe.redaction_addon"][: 1 + redact]
    assert {each.quantity for each in uses} == {Decimal("60.500")}
    found = bill(uses, shipped(), region=region, day=date(2026, 11, 21), default_sku=SPEC.sku)
    assert found.bound == (None if due is None else Decimal(due))
    assert (found.unpriced is None) == (due is not None)


@pytest.mark.parametrize(
    "given", ["s3://my-recordings/mlbroker/jobs", "s3://my-recordings", "s3://a1.b-2/x_(y)*'!/z/"]
)
def test_a_folder_for_recordings(given: str) -> None:
    assert AwsSettings(staging=given).staging == given.rstrip("/")


@pytest.mark.parametrize(
    "given",
    [
        "my-recordings/mlbroker",
        "https://my-recordings.s3.amazonaws.com/mlbroker",
        "s3://",
        "s3://ab",
        "s3://My-Recordings/x",
        "s3://my-recordings/a b",
        "s3://my-recordings/a?x=y",
        "s3://my-recordings/../x",
        "s3://my-recordings//x",
        "s3://arn:aws:s3:us-east-1:111122223333:accesspoint/x/y",
    ],
)
def test_what_is_no_folder_for_recordings(given: str) -> None:
    with pytest.raises(ValidationError, match="bucket and a folder"):
        AwsSettings(staging=given)


def test_the_folder_fits_where_results_are_written() -> None:
    longest = "s3://" + "b" * 63 + "/" + "/".join(["k" * 100] * 8)
    output = Place.of(f"{AwsSettings(staging=longest).staging}/b1-{'0' * 61}.json")
    checked(parameters(request(), "b1-0f", PLACE, output))
    assert len(output.key) <= 1024


def test_the_store_has_an_address_of_its_own() -> None:
    made = AwsSettings(endpoints={"s3": "https://bucket.vpce-1.s3.us-east-1.vpce.amazonaws.com"})
    assert made.own_address("s3") is not None
    assert made.own_address("transcribe") is None
    with pytest.raises(ValidationError, match="transcribe, s3"):
        AwsSettings(endpoints={"s4": "https://x.example"})
