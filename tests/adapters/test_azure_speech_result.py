"""The result file of Azure's batch transcription: times exactly, words and their confidences, what was not heard."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.contract import reading
from broker.errors import MalformedReply
from broker.types import Audio, ConfidenceLevel, TranscribeRequest, Transcript
from broker_azure.speech_result import channels_in, transcript_of
from speech.speech_support import wav

MONO, STEREO = Audio.from_bytes(wav(1.0)), Audio.from_bytes(wav(1.0, channels=2))
PLAIN = TranscribeRequest(audio=MONO)


def word(text: str = "hello", start: Any = 10_000.0, length: Any = 20_000.0, **more: Any) -> dict[str, Any]:
    return {"word": text, "offsetInTicks": start, "durationInTicks": length, **more}


def shown(text: str = "Hello", start: Any = 10_000.0, length: Any = 20_000.0) -> dict[str, Any]:
    return {"displayText": text, "offsetInTicks": start, "durationInTicks": length}


def phrase(**members: Any) -> dict[str, Any]:
    """One that was heard; ``best`` changes the likeliest version of it."""
    best = {"confidence": 0.8, "lexical": "hello", "display": "Hello.", **members.pop("best", {})}
    made = {
        "recognitionStatus": "Success",
        "channel": 0,
        "offsetInTicks": 10_000.0,
        "durationInTicks": 20_000.0,
        "nBest": [best, {"confidence": 0.1, "lexical": "yellow", "display": "Yellow."}],
    }
    return {**made, **members}


def file(*phrases: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {
        "durationInTicks": 25_800_000,
        "combinedRecognizedPhrases": [{"channel": 0, "lexical": "hello", "display": "Hello."}],
        "recognizedPhrases": list(phrases),
        **members,
    }


def read(*phrases: dict[str, Any], asked: TranscribeRequest = PLAIN, **members: Any) -> Transcript:
    with reading("the result"):
        return transcript_of(file(*phrases, **members), asked)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({"offsetInTicks": 1_700_000.0, "durationInTicks": 46_900_000.0}, (170, 4860)),
        ({"offsetInTicks": 1_700_000, "durationInTicks": 46_900_000}, (170, 4860)),
        ({"offsetInTicks": 5_000, "durationInTicks": 10_000}, (0, 2)),  # half to even, at the end of the sum
        ({"offsetInTicks": 15_000, "durationInTicks": 1}, (2, 2)),
        ({"offset": "PT0.17S", "duration": "PT4.69S"}, (170, 4860)),
        ({"offset": "PT1H2M3.004S", "duration": "PT0S"}, (3_723_004, 3_723_004)),
        ({"offset": "P1DT1S", "duration": "PT1M"}, (86_401_000, 86_461_000)),
        ({"offsetMilliseconds": 170, "durationMilliseconds": 4690}, (170, 4860)),
        ({"offset": "PT9S", "offsetInTicks": 10_000, "duration": "PT1S"}, (1, 1001)),
        ({"offset": "PT9S"}, (9000, None)),
        ({}, (None, None)),
    ],
)
def test_times_are_read_however_they_are_told(times: dict[str, Any], expected: tuple[Any, Any]) -> None:
    told = {name: value for name, value in phrase().items() if "InTicks" not in name}
    (segment,) = read({**told, **times}).segments
    assert (segment.start_ms, segment.end_ms) == expected


@given(st.integers(0, 24 * 3_600_000), st.integers(0, 3_600_000))
def test_whole_milliseconds_come_back_as_they_were(start: int, length: int) -> None:
    ticks = phrase(offsetInTicks=start * 10_000.0, durationInTicks=length * 10_000.0)
    (segment,) = read(ticks).segments
    assert (segment.start_ms, segment.end_ms) == (start, start + length)


def test_the_likeliest_version_is_taken_and_the_length_is_told() -> None:
    transcript = read(phrase(), phrase(offsetInTicks=90_000.0))
    assert [each.text for each in transcript.segments] == ["Hello.", "Hello."]
    assert transcript.duration_ms == 2580
    assert transcript.confidence_level is ConfidenceLevel.SEGMENT
    assert transcript.languages == ()
    assert all(each.words is None for each in transcript.segments)


def test_words_as_they_were_heard_have_a_confidence() -> None:
    (segment,) = (transcript := read(phrase(best={"words": [word(confidence=0.0)]}))).segments
    assert segment.words is not None
    assert [(each.text, each.start_ms, each.end_ms) for each in segment.words] == [("hello", 1, 3)]
    assert segment.words[0].confidence.value == 0.0
    assert transcript.confidence_level is ConfidenceLevel.WORD


def test_words_as_they_are_to_be_read_have_it_where_they_take_the_same_time() -> None:
    heard = [
        word("page", 10_000.0, 20_000.0, confidence=0.9),
        word("four", 40_000.0, 10_000.0, confidence=0.3),
        word("teen", 50_000.0, 10_000.0, confidence=0.4),
        word("a", 70_000.0, 0.0, confidence=0.5),
        word("b", 70_000.0, 0.0, confidence=0.6),
    ]
    display = [shown("Page", 10_000.0, 20_000.0), shown("14,", 40_000.0, 20_000.0), shown("A", 70_000.0, 0.0)]
    transcript = read(phrase(best={"words": heard, "displayWords": display}))
    assert [(each.text, each.confidence.value) for each in transcript.words] == [
        ("Page", 0.9),
        ("14,", None),
        ("A", None),
    ]


def test_words_without_a_confidence_leave_that_of_the_phrase() -> None:
    transcript = read(phrase(best={"displayWords": [shown()]}))
    assert [each.text for each in transcript.words] == ["Hello"]
    assert transcript.confidence_level is ConfidenceLevel.SEGMENT


def test_nothing_is_said_of_confidence_where_azure_says_nothing() -> None:
    transcript = read(phrase(best={"confidence": None, "words": [word()]}))
    assert transcript.confidence_level is ConfidenceLevel.NONE
    assert transcript.segments[0].confidence.value is None


@pytest.mark.parametrize(
    "silent",
    [
        {"recognitionStatus": "Failure", "channel": 0, "offsetInTicks": 1, "durationInTicks": 1},
        {
            "recognitionStatus": "InitialSilenceTimeout",
            "channel": 0,
            "offsetInTicks": 1,
            "durationInTicks": 1,
        },
        phrase(recognitionStatus="Failure"),
        phrase(nBest=[]),
        phrase(best={"display": "", "lexical": ""}),
    ],
)
def test_what_was_not_heard_is_no_segment(silent: dict[str, Any]) -> None:
    assert [each.text for each in read(silent, phrase()).segments] == ["Hello."]


def test_a_status_that_is_not_known_hides_no_text() -> None:
    assert [each.text for each in read(phrase(recognitionStatus="Partial")).segments] == ["Hello."]


RUDE = {"lexical": "darn it", "itn": "darn it", "maskedITN": "**** it", "words": [word("darn"), word("it")]}


@pytest.mark.parametrize("profanity", ["mask", "remove"])
@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({**RUDE, "display": "**** it."}, "**** it."),
        ({**RUDE, "display": ""}, "**** it"),
        ({**RUDE, "display": "", "maskedITN": ""}, ""),
    ],
    ids=["display", "masked", "nothing is left"],
)
def test_words_that_were_to_be_left_out_come_in_by_no_other_way(
    profanity: str, said: dict[str, Any], text: str
) -> None:
    asked = TranscribeRequest(audio=MONO, profanity=profanity)  # type: ignore[arg-type] # as a user may say it
    combined = [{"channel": 0, **said}]
    found = read(phrase(best=said), asked=asked, combinedRecognizedPhrases=combined)
    assert found.text == text
    assert [each.text for each in found.segments] == ([text] if text else [])
    assert "darn" not in repr(found)
    kept = read(phrase(best=said), combinedRecognizedPhrases=combined)
    assert [each.text for each in kept.words] == ["darn", "it"]


def test_a_speaker_may_be_told_with_the_version() -> None:
    """Where the published schema of 3.0 has it."""
    assert read(phrase(best={"speaker": 2, "words": [word()]})).speakers == ("2",)
    assert read(phrase(speaker=1, best={"speaker": 2})).speakers == ("1",)


def test_a_model_that_writes_one_way_only_is_read() -> None:
    whisper = phrase(best={"lexical": "", "display": "Hello."})
    plain = phrase(nBest=[{"lexical": "hello"}])
    assert [each.text for each in read(whisper, plain).segments] == ["Hello.", "hello"]


def test_channels_are_told_where_they_were_asked_for_or_are_several() -> None:
    assert read(phrase()).channels == ()
    assert read(phrase(), asked=TranscribeRequest(audio=STEREO, channels=True)).channels == (0,)
    assert read(phrase(), asked=TranscribeRequest(audio=MONO, channels=True)).channels == ()
    both = (phrase(), phrase(channel=1, offsetInTicks=0.0))
    assert [each.channel for each in read(*both).segments] == [1, 0]
    assert channels_in(file(*both)) == {0, 1}


def test_speakers_and_languages_are_azures_own() -> None:
    transcript = read(
        phrase(speaker=2, locale="de-DE", best={"words": [word()]}), phrase(speaker=0, locale="de-DE")
    )
    assert transcript.speakers == ("2", "0")
    assert transcript.words[0].speaker == "2"
    assert [each.language for each in transcript.languages] == ["de-DE"]


def test_silence_is_an_empty_transcript() -> None:
    transcript = read(combinedRecognizedPhrases=[])
    assert (transcript.text, transcript.segments) == ("", ())


MALFORMED: list[dict[str, Any]] = [
    file(combinedRecognizedPhrases=None),
    file(recognizedPhrases=None),
    file(recognizedPhrases={}),
    file(phrase(nBest=None)),
    file(phrase(nBest=[{}])),
    file(phrase(recognitionStatus=None)),
    file(phrase(offsetInTicks="1")),
    file(phrase(offsetInTicks=-10_000.0)),
    file(phrase(durationInTicks=-10_000.0)),
    file(phrase(offsetInTicks=float("nan"))),
    file(phrase(offsetInTicks=1e300)),
    file(phrase(channel="left")),
    file(phrase(speaker=1.5)),
    file(phrase(best={"words": [{"offsetInTicks": 1.0}]})),
    file(phrase(best={"words": ["hello"]})),
    file(phrase(best={"confidence": "high"})),
    file(phrase(), durationInTicks=-10_000),
    file(phrase(), durationInTicks=None, duration="17 s"),
    file(phrase(), durationInTicks=None, duration="P"),
    file(phrase(), combinedRecognizedPhrases=[]),
    file(phrase(recognitionStatus="Partial", nBest={})),
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
def test_a_file_that_lacks_what_must_be_there_is_malformed(body: dict[str, Any]) -> None:
    with pytest.raises(MalformedReply), reading("the result"):
        transcript_of(body, PLAIN)
