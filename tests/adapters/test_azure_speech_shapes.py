"""Whatever Azure Speech answers is read or called malformed: no answer makes a reader raise anything else."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broker.contract import reading
from broker.errors import MalformedReply, ProviderError
from broker.types import Audio, TranscribeRequest, Transcript
from broker_azure import speech, speech_files, speech_job, speech_result
from json_support import nested
from speech.speech_support import wav

STEREO = Audio.from_bytes(wav(1.0, channels=2))
# What members are named, among anything else.
NAMES = [
    "durationInTicks",
    "durationMilliseconds",
    "duration",
    "combinedRecognizedPhrases",
    "recognizedPhrases",
    "recognitionStatus",
    "channel",
    "speaker",
    "locale",
    "offset",
    "offsetInTicks",
    "offsetMilliseconds",
    "nBest",
    "confidence",
    "lexical",
    "itn",
    "maskedITN",
    "display",
    "words",
    "displayWords",
    "word",
    "displayText",
    "combinedPhrases",
    "phrases",
    "text",
    "code",
    "message",
    "innerError",
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["Success", "Failure", "PT1.5S", "P1DT2H", "PT", "-PT1S", "en-US", "", "x", "\ud800"]),
)
SHAPES: Any = nested(
    VALUES,
    st.sampled_from(NAMES),
    levels=4,
)


def places(item: Any) -> list[tuple[Any, Any]]:
    """Each list or dictionary within, with each key of it."""
    keys = list(item) if isinstance(item, dict) else list(range(len(item))) if isinstance(item, list) else []
    return [(item, key) for key in keys] + [place for key in keys for place in places(item[key])]


def mutated(draw: Any, whole: Any) -> Any:
    """An answer with a member or two replaced by anything, or left out."""
    item = deepcopy(whole)
    for _ in range(draw(st.integers(1, 2))):
        holder, key = draw(st.sampled_from(places(item)))
        if draw(st.booleans()):
            holder[key] = draw(SHAPES)
        else:
            del holder[key]
    return item


TICKS = {"offsetInTicks": 10_000.0, "durationInTicks": 20_000.0, "offset": "PT0.001S", "duration": "PT0.002S"}
BEST = {
    "confidence": 0.8,
    "lexical": "hello",
    "display": "Hello.",
    "words": [{"word": "hello", "confidence": 0.5, **TICKS}],
    "displayWords": [{"displayText": "Hello.", **TICKS}],
}
HEARD = {
    "recognitionStatus": "Success",
    "channel": 0,
    "speaker": 1,
    "locale": "en-US",
    "nBest": [BEST],
    **TICKS,
}
FILE = {
    "durationInTicks": 25_800_000,
    "combinedRecognizedPhrases": [{"channel": 0, "lexical": "hello", "display": "Hello."}],
    "recognizedPhrases": [HEARD, {**HEARD, "channel": 1}, {"recognitionStatus": "Failure"}],
}
SPAN = {"text": "Hi.", "offsetMilliseconds": 1, "durationMilliseconds": 5}
PHRASE = {"channel": 0, "speaker": 1, "words": [SPAN], "locale": "en-US", "confidence": 0.5, **SPAN}
ANSWER = {
    "durationMilliseconds": 2000,
    "combinedPhrases": [{"channel": 0, "text": "Hi."}],
    "phrases": [PHRASE, {**PHRASE, "channel": 1}],
}
JOB = {
    "self": "https://h.example/speechtotext/transcriptions/788a1f24-f980-4809-8978-e5cf41f77b35?api-version=2025-10-15",
    "displayName": "b1-0",
    "createdDateTime": "2026-11-21T13:36:00Z",
    "status": "Failed",
    "properties": {"error": {"code": "InvalidData", "message": "m"}, "durationMilliseconds": 1},
}
LISTED = {
    "kind": "Transcription",
    "links": {"contentUrl": "https://h.example/r?sig=x"},
    "properties": {"size": 3},
}
REPORT = {"details": [{"status": "Failed", "errorKind": "InvalidData", "errorMessage": "m"}]}


@given(st.data())
def test_a_result_file(data: Any) -> None:
    asked = TranscribeRequest(audio=STEREO, channels=data.draw(st.booleans()))
    try:
        with reading("the result"):
            found = speech_result.transcript_of(mutated(data.draw, FILE), asked)
    except MalformedReply:
        return
    assert isinstance(found, Transcript)
    found.to_text()


@given(st.data())
def test_an_answer_of_fast_transcription(data: Any) -> None:
    try:
        with reading("the answer"):
            found = speech.transcript_of(mutated(data.draw, ANSWER), channels=data.draw(st.booleans()))
    except MalformedReply:
        return
    assert isinstance(found, Transcript)
    found.to_text()


@given(st.data())
def test_a_job_a_file_of_it_and_its_report(data: Any) -> None:
    for read, whole in (
        (lambda item: speech_job.submission_of(item, request_id=None), JOB),
        (speech_files.file_of, LISTED),
        (speech_files.reason_in, REPORT),
    ):
        try:
            with reading("it"):
                read(mutated(data.draw, whole))
        except MalformedReply:
            continue


@given(st.data())
def test_the_failure_of_a_job_is_always_told(data: Any) -> None:
    report = data.draw(st.sampled_from([None, {"code": "InvalidData", "message": "m"}]))
    error = speech_job.failure_of(mutated(data.draw, JOB), report, status=200, request_id=None)
    assert isinstance(error, ProviderError)


def test_what_is_changed_here_is_read_as_it_is() -> None:
    """Else all of the above would show nothing."""
    assert len(speech_result.transcript_of(FILE, TranscribeRequest(audio=STEREO)).segments) == 2
    assert len(speech.transcript_of(ANSWER, channels=True).segments) == 2
    assert speech_job.submission_of(JOB, request_id=None).created is not None
    assert speech_files.file_of(LISTED) is not None
    assert speech_files.reason_in(REPORT) is not None
