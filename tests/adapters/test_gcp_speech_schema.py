"""What is sent to Speech-to-Text and what is read of it, against Google's own types: no member is misspelt."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from broker.types import Audio, TranscribeRequest
from broker_gcp.proto_json import spelled
from broker_gcp.speech_answer import billed_seconds, transcript
from broker_gcp.speech_operation import Wanted, failure, is_of, output_of, progress, ran_as
from broker_gcp.speech_request import asked_of

types = pytest.importorskip("google.cloud.speech_v2.types", reason="needs the test group")
AUDIO = Audio(format="wav", codec="pcm", milliseconds=9000, sample_rate=8000, channels=2, size=9, data=b"")
RECOGNIZER = "projects/p/locations/us/recognizers/_"
URI = "gs://my-bucket/staged/b1-0.wav"
OUTPUT = {"gcsOutputConfig": {"uri": "gs://my-bucket/staged/b1-0/transcript"}}


def strict(kind: Any, body: Any) -> Any:
    """Parsed by Google's rules; an unknown member or word is an error."""
    from google.protobuf import json_format

    return json_format.Parse(json.dumps(body), kind.pb()(), ignore_unknown_fields=False)


def written(message: Any, **how: Any) -> Any:
    from google.protobuf import json_format

    return json.loads(json_format.MessageToJson(message, **how))


def asked(**options: Any) -> Any:
    return asked_of(TranscribeRequest(audio=AUDIO, **options), "us").config


OPTIONS: list[dict[str, Any]] = [
    {},
    {"language": "en-US"},
    {"candidates": ("en-US", "de-DE"), "diarize": True, "profanity": "mask"},
    {"language": "en-US", "channels": True, "hints": ("Rhine",), "extensions": {"gcp_model": "long"}},
]


@pytest.mark.parametrize("options", OPTIONS)
def test_what_is_asked_is_in_the_schema(options: dict[str, Any]) -> None:
    config = asked(**options)
    body = {"recognizer": RECOGNIZER, "config": config, "content": "AAAA"}
    assert strict(types.RecognizeRequest, body).content == bytes(3)
    for output in (OUTPUT, {"inlineResponseConfig": {}}):
        body = {
            "recognizer": RECOGNIZER,
            "config": config,
            "files": [{"uri": URI}],
            "recognitionOutputConfig": output,
            "processingStrategy": "DYNAMIC_BATCHING",
        }
        message = strict(types.BatchRecognizeRequest, body)
        assert message.processing_strategy == types.BatchRecognizeRequest.ProcessingStrategy.DYNAMIC_BATCHING
        assert message.recognition_output_config.WhichOneof("output") is not None


def test_separate_channels_are_the_mode_that_is_meant() -> None:
    message = strict(types.RecognitionConfig, asked(channels=True))
    modes = types.RecognitionFeatures.MultiChannelMode
    assert message.features.multi_channel_mode == modes.SEPARATE_RECOGNITION_PER_CHANNEL
    assert strict(types.RecognitionConfig, asked(diarize=True)).features.HasField("diarization_config")


RESULTS: Any = [
    {
        "alternatives": [
            {
                "transcript": "good morning",
                "confidence": 0.75,
                "words": [
                    {
                        "start_offset": {},
                        "end_offset": {"nanos": 400_000_000},
                        "word": "good",
                        "confidence": 0.5,
                    },
                    {"start_offset": {"nanos": 400_000_000}, "end_offset": {"seconds": 1}, "word": "morning"},
                ],
            }
        ],
        "channel_tag": 2,
        "result_end_offset": {"seconds": 2},
        "language_code": "en-US",
    },
    {"alternatives": [], "result_end_offset": {"seconds": 3}},
]
METADATA: Any = {"request_id": "r", "total_billed_duration": {"seconds": 15}}


@pytest.mark.parametrize("defaults", [False, True])
@pytest.mark.parametrize("names", [False, True])
def test_an_answer_is_read_however_google_writes_it(defaults: bool, names: bool) -> None:
    """With members of no value or without, in camelCase or in the names of the proto file."""
    answer = written(
        types.RecognizeResponse(results=RESULTS, metadata=METADATA)._pb,
        always_print_fields_with_no_presence=defaults,
        preserving_proto_field_name=names,
    )
    found = transcript(answer["results"], channels=True)
    (segment,) = found.segments
    assert (segment.text, segment.start_ms, segment.end_ms, segment.channel) == ("good morning", 0, 2000, 1)
    assert [(each.start_ms, each.end_ms) for each in found.words] == [(0, 400), (400, 1000)]
    assert [each.confidence.value for each in found.words] == [0.5, None]
    assert [each.language for each in found.languages] == ["en-US"]
    assert billed_seconds(answer["metadata"]) == 15


def operation(**response: Any) -> Any:
    """Finished, as Google's library prints it."""
    message = types.OperationMetadata(
        create_time="2026-11-21T10:00:00Z",
        batch_recognize_request=types.BatchRecognizeRequest(
            strict(
                types.BatchRecognizeRequest,
                {
                    "config": asked(language="en-US"),
                    "files": [{"uri": URI}],
                    "recognitionOutputConfig": OUTPUT,
                },
            )
        ),
        progress_percent=100,
    )
    return {
        "name": "projects/p/locations/us/operations/1",
        "metadata": written(message._pb),
        "done": True,
        "response": written(types.BatchRecognizeResponse(**response)._pb),
    }


def test_an_operation_is_read_as_google_writes_it() -> None:
    whole: Callable[..., Any] = types.BatchRecognizeResults
    result = types.BatchRecognizeFileResult(
        inline_result={"transcript": whole(results=RESULTS)}, metadata=METADATA
    )
    done = operation(results={URI: result}, total_billed_duration={"seconds": 15})
    assert progress(done).percent == 100
    assert progress(done).phase.value == "succeeded"
    assert ran_as(done) == ("chirp_3", False)
    assert output_of(done) == OUTPUT["gcsOutputConfig"]["uri"]
    assert billed_seconds(done["response"]) == 15
    config = asked(language="en-US")
    assert is_of(done, Wanted(file=URI, config=config, output=OUTPUT))  # type: ignore[arg-type]
    assert not is_of(done, Wanted(file=URI, config=config, output={"inlineResponseConfig": {}}))
    assert spelled(done["response"], "totalBilledDuration") == "totalBilledDuration"


def test_a_file_that_failed_is_read_as_google_writes_it() -> None:
    status = {"code": 7, "message": "no access"}
    failed = failure(operation(results={URI: types.BatchRecognizeFileResult(error=status)}))
    assert failed is not None
    assert "no access" in str(failed)
