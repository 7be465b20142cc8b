"""What a provider lacks is refused or left out and told; what cannot be meant is refused before anybody is asked."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from broker import AsyncBroker, BadInput, Broker, NotConfigured, Unsupported
from broker.contract import audio_seconds
from broker.types import Audio, Profanity, SpeechOption, TranscribeRequest, Transcript, Unit
from speech.speech_support import transcribing, wav

AUDIO = wav(1.25)


def test_what_a_provider_lacks_is_refused_by_name() -> None:
    adapter, asked = transcribing("plain", SpeechOption.HINTS)
    with Broker(adapters=[adapter], provider="plain") as broker:
        with pytest.raises(Unsupported, match=r"diarize, max_speakers is not offered \(offered: hints\)"):
            broker.transcription.transcribe(AUDIO, diarize=True, max_speakers=3, hints=["atlas"])
        assert not asked


def test_what_a_provider_lacks_can_be_left_out_and_is_told() -> None:
    adapter, asked = transcribing("plain", SpeechOption.HINTS)
    with Broker(adapters=[adapter], provider="plain") as broker:
        value = broker.transcription.transcribe(
            AUDIO, diarize=True, max_speakers=3, hints=["atlas"], profanity="mask", on_unsupported="ignore"
        ).value
    assert value.ignored == ("diarize", "max_speakers", "profanity=mask")
    (request,) = asked
    assert request.hints == ("atlas",)
    assert not request.asked().keys() - {SpeechOption.HINTS}


def test_the_next_provider_is_asked_for_all_that_it_has() -> None:
    plain, _ = transcribing("plain")
    able, asked = transcribing("able", *SpeechOption)
    with Broker(adapters=[plain, able], provider=["plain", "able"]) as broker:
        result = broker.transcription.transcribe(AUDIO, diarize=True, min_speakers=2)
    assert result.provenance.provider == "able"
    assert result.value.ignored == ()
    assert (asked[0].diarize, asked[0].min_speakers) == (True, 2)


def test_a_language_is_never_left_out() -> None:
    adapter, _ = transcribing("plain", SpeechOption.CANDIDATES)
    with Broker(adapters=[adapter], provider="plain") as broker:
        for options in ({"language": "de"}, {"candidates": ["en", "de"]}):
            with pytest.raises(Unsupported, match="language 'de' is not offered"):
                broker.transcription.transcribe(AUDIO, on_unsupported="ignore", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"max_speakers": 2}, "diarize=True"),
        ({"diarize": True, "max_speakers": 0}, "1 or more"),
        ({"diarize": True, "min_speakers": 3, "max_speakers": 2}, "above max_speakers"),
        ({"diarize": True, "channels": True}, "cannot be had together"),
        ({"language": "en", "candidates": ["en"]}, "only one of them"),
        ({"hints": "atlas"}, "a list of texts"),
        ({"hints": [""]}, "not empty"),
        ({"hints": 3}, "a list of texts"),
        ({"hints": ["a"] * 1001}, "1,001 hints"),
        ({"profanity": "bleep"}, "keep, mask or remove"),
        ({"redact": "yes"}, "True or False"),
        ({"on_unsupported": "warn"}, '"raise" or "ignore"'),
        ({"diarise": True}, "did you mean 'diarize'"),
    ],
)
def test_what_cannot_be_meant_is_refused(options: dict[str, Any], reason: str) -> None:
    adapter, asked = transcribing("able", *SpeechOption)
    with Broker(adapters=[adapter], provider="able") as broker:
        with pytest.raises(BadInput, match=reason):
            broker.transcription.transcribe(AUDIO, **options)
        with pytest.raises(BadInput, match=reason):
            broker.transcription.transcribe_many([AUDIO], **options)
        assert not asked


@pytest.mark.parametrize("option", SpeechOption)
def test_every_option_is_asked_for_by_a_field_and_can_be_left_out(option: SpeechOption) -> None:
    options: dict[SpeechOption, dict[str, Any]] = {
        SpeechOption.CANDIDATES: {"candidates": ("en", "de")},
        SpeechOption.DIARIZE: {"diarize": True},
        SpeechOption.MIN_SPEAKERS: {"diarize": True, "min_speakers": 2},
        SpeechOption.MAX_SPEAKERS: {"diarize": True, "max_speakers": 2},
        SpeechOption.CHANNELS: {"channels": True},
        SpeechOption.HINTS: {"hints": ("atlas",)},
        SpeechOption.MASK_PROFANITY: {"profanity": Profanity.MASK},
        SpeechOption.REMOVE_PROFANITY: {"profanity": "remove"},
        SpeechOption.REDACT: {"redact": True},
    }
    request = TranscribeRequest(audio=Audio.load(AUDIO), **options[option])
    assert option in request.asked()
    assert option not in request.without((option,)).asked()


def test_keeping_rude_words_is_asked_of_nobody() -> None:
    assert not TranscribeRequest(audio=Audio.load(AUDIO), profanity=Profanity.KEEP).asked()


def test_its_seconds_are_metered_and_its_channels_where_each_is_transcribed() -> None:
    audio = Audio.load(wav(1.25, channels=2))
    (use,) = audio_seconds(TranscribeRequest(audio=audio))
    assert (use.unit, use.quantity, use.channels) == (Unit.SECOND, Decimal("1.25"), 1)
    (use,) = audio_seconds(TranscribeRequest(audio=audio, channels=True))
    assert (use.quantity, use.channels) == (Decimal("1.25"), 2)


def test_the_estimate_is_of_the_request_as_it_is_sent() -> None:
    adapter, asked = transcribing("plain")
    stereo = wav(2.0, channels=2)
    with Broker(adapters=[adapter], provider="plain") as broker:
        options: dict[str, Any] = {"channels": True, "on_unsupported": "ignore"}
        plan = broker.estimate.transcription.transcribe(stereo, **options)
        (attempt,) = broker.transcription.transcribe(stereo, **options).attempts
        assert plan.first is not None
        assert plan.first.usage == attempt.usage
        assert attempt.usage[0].channels == 1
        refused = broker.estimate.transcription.transcribe(stereo, channels=True)
        assert refused.first is None
        assert "channels is not offered" in str(refused.candidates[0].problem)
        assert len(asked) == 1, "an estimate asks nobody"


def test_both_faces_answer_alike_one_by_one_and_many() -> None:
    adapter, _ = transcribing("able", *SpeechOption)

    async def run() -> tuple[Transcript, list[Any], Any]:
        async with AsyncBroker(adapters=[adapter], provider="able") as broker:
            one = (await broker.transcription.transcribe(AUDIO, redact=True)).value
            many = [item async for item in broker.transcription.transcribe_many([AUDIO, b""])]
            return one, many, await broker.estimate.transcription.transcribe(AUDIO)

    one, many, plan = asyncio.run(run())
    with Broker(adapters=[adapter], provider="able") as broker:
        assert broker.transcription.transcribe(AUDIO, redact=True).value == one
        items = list(broker.transcription.transcribe_many([AUDIO, b""]))
        assert broker.estimate.transcription.transcribe(AUDIO) == plan
    for found in (items, many):
        assert found[0].result is not None
        assert found[0].result.value == one
        assert isinstance(found[1].error, BadInput)


def test_a_cloud_that_must_be_told_where_to_put_recordings_says_what_to_set() -> None:
    with (
        Broker() as broker,
        pytest.raises(NotConfigured, match=r"set staging in the settings of provider aws"),
    ):
        broker.transcription.transcribe(AUDIO, provider="aws")


def test_a_language_without_the_region_that_is_needed_is_answered_with_its_regions() -> None:
    adapter, _ = transcribing("plain", languages=("de-DE", "en-GB", "en-US", "eno-XX"))
    with Broker(adapters=[adapter], provider="plain") as broker:
        with pytest.raises(Unsupported, match=r"'en' is not offered: it takes of it en-GB, en-US(;|$)"):
            broker.transcription.transcribe(AUDIO, language="en")
        with pytest.raises(Unsupported, match="it takes de-DE, en-GB, en-US, eno-XX"):
            broker.transcription.transcribe(AUDIO, language="fr")
