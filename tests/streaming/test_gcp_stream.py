"""transcription.stream by Google: what is asked, what is heard, and that nothing is taken which cannot be sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from gcp_stream_peer import StreamPeer, Talk
from gcp_stream_support import SECOND, Pieces, asked, context, hear, listen, streaming

from broker.contract import CanStream, StreamLimits
from broker.errors import BadInput, BrokerError, NotConfigured, Unsupported
from broker.types.money import UsageSource
from broker.types.stream import SoundFormat
from broker_gcp import GcpAdapter, GcpSettings
from broker_gcp.manifest import MANIFEST
from broker_gcp.settings import Endpoint
from broker_gcp.streaming_line import Lines, _target

pytest.importorskip("google.cloud.speech_v2", reason="needs the gcp extra")


def greeting(talk: Talk) -> Iterator[bytes]:
    talk.hear()
    yield talk.message(talk.result("good", stability=0.01, resultEndOffset="0.100s"))
    yield talk.message(
        talk.result("good", stability=0.9, resultEndOffset="0.4s"),
        talk.result(" mourning", stability=0.01, resultEndOffset="0.8s"),
    )
    talk.hear_all()
    yield talk.message(
        talk.result(
            "good morning",
            ("good", 0, 0.4),
            ("morning", 0.4, 1),
            final=True,
            confidence=0.75,
            resultEndOffset="1.2s",
            languageCode="en-us",
        ),
        metadata={"totalBilledDuration": "2s", "requestId": "r-1"},
    )


def nothing(talk: Talk) -> Iterator[bytes]:
    talk.hear_all()
    yield from ()


# ---------------------------------------------------------------- what is heard


def test_partial_and_final_results_come_with_times_stability_and_confidence() -> None:
    with StreamPeer(greeting) as peer:
        events, end = hear(peer, *[SECOND[:3200]] * 10)
    assert [(each.final, each.segment.text) for each in events] == [
        (False, "good"),
        (False, "good mourning"),
        (True, "good morning"),
    ]
    assert [each.stability for each in events] == [pytest.approx(0.01), pytest.approx(0.01), None]
    first, second, last = (each.segment for each in events)
    assert (first.start_ms, first.end_ms, first.words, first.confidence.value) == (None, 100, None, None)
    assert second.end_ms == 800
    assert (last.start_ms, last.end_ms, last.confidence.value, last.language) == (0, 1200, 0.75, "en-US")
    assert [(each.text, each.start_ms, each.end_ms) for each in last.words or ()] == [
        ("good", 0, 400),
        ("morning", 400, 1000),
    ]
    (talk,) = peer.talks
    assert bytes(talk.sound) == SECOND[:3200] * 10
    assert talk.ended
    (use,) = end.usage
    assert (use.sku, use.quantity, use.source) == ("gcp.speech.v2.standard", 2, UsageSource.REPORTED)
    assert (end.request_id, end.model_version) == ("r-1", "long")


def test_silence_is_no_result_and_no_failure() -> None:
    with StreamPeer(nothing) as peer:
        events, end = hear(peer, SECOND[:3200])
    assert events == []
    assert end.usage == ()  # what google does not tell is measured


def test_a_stream_of_no_sound_ends_well() -> None:
    with StreamPeer(nothing) as peer:
        assert hear(peer)[0] == []
        assert peer.talks[0].ended


@pytest.mark.parametrize("stability", [0.0, None])
def test_a_stability_of_zero_was_not_set(stability: float | None) -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        members: dict[str, Any] = {} if stability is None else {"stability": stability}
        yield talk.message(talk.result("good", **members))
        talk.hear_all()

    with StreamPeer(part) as peer:
        ((event,), _) = hear(peer, SECOND[:3200])
    assert event.stability is None


def test_a_settled_portion_comes_before_what_may_still_change() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        yield talk.message(
            talk.result("one.", final=True, resultEndOffset="1s"),
            talk.result(" two", stability=0.5, resultEndOffset="2s"),
        )
        talk.hear_all()
        yield talk.message({"alternatives": []}, speechEventType="SPEECH_EVENT_TYPE_UNSPECIFIED")
        yield talk.message(talk.result("", final=True))
        yield talk.message(talk.result(" two.", final=True, resultEndOffset="2s"))

    with StreamPeer(part) as peer:
        events, _ = hear(peer, SECOND[:3200])
    assert [(each.final, each.segment.text) for each in events] == [
        (True, "one."),
        (False, "two"),
        (True, "two."),
    ]


def test_partial_results_are_put_together_as_their_language_is_written() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        yield talk.message(
            talk.result("早上", stability=0.9, languageCode="cmn-hans-cn"),
            talk.result("好", stability=0.1, languageCode="cmn-hans-cn"),
        )
        talk.hear_all()

    with StreamPeer(part) as peer:
        ((event,), _) = hear(peer, SECOND[:3200], request=asked(language="zh-CN"))
    assert (event.segment.text, event.segment.language) == ("早上好", "zh-CN")


@pytest.mark.parametrize(
    ("told", "billed"),
    [(["5s"], 5), (["5s", "6s"], 6), ([None, "5s"], 5), (["5s", None], 5), ([None], None)],
)
def test_what_is_billed_is_what_google_says_behind_the_sound(
    told: list[str | None], billed: int | None
) -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        yield talk.message(talk.result("of a part"), metadata={"totalBilledDuration": "99s"})
        talk.hear_all()
        for each in told:
            yield talk.message(**({} if each is None else {"metadata": {"totalBilledDuration": each}}))

    given = threading.Event()

    def pieces() -> Iterator[bytes]:
        yield SECOND[:3200]
        while not given.wait(0.01):
            yield b""
        yield SECOND[:3200]

    with StreamPeer(part) as peer:
        events = streaming(peer.url).stream(asked(), Pieces(of=pieces()), context())
        assert next(events).segment.text == "of a part"
        given.set()
        _, end = listen(events)
    assert [each.quantity for each in end.usage] == ([] if billed is None else [Decimal(billed)])


# ---------------------------------------------------------------- what is asked


def test_what_is_asked_reaches_the_service() -> None:
    request = asked(
        language="he-IL",
        sound=SoundFormat(sample_rate=8000),
        hints=("Contoso", "Rehaan"),
        profanity="mask",
    )
    with StreamPeer(nothing) as peer:
        hear(peer, SECOND[:1600], request=request)
    (talk,) = peer.talks
    assert talk.first.recognizer == "projects/p/locations/global/recognizers/_"
    assert talk.metadata["x-goog-request-params"] == f"recognizer={talk.first.recognizer}"
    assert "mlbroker" in talk.metadata["x-goog-api-client"]
    config = talk.first.streaming_config.config
    decoding = config.explicit_decoding_config
    assert (decoding.encoding, decoding.sample_rate_hertz, decoding.audio_channel_count) == (1, 8000, 1)
    assert (config.model, list(config.language_codes)) == ("long", ["iw-IL"])
    features = config.features
    assert features.enable_automatic_punctuation
    assert features.enable_word_time_offsets
    assert features.enable_word_confidence
    assert features.profanity_filter
    phrases = config.adaptation.phrase_sets[0].inline_phrase_set.phrases
    assert [each.value for each in phrases] == ["Contoso", "Rehaan"]
    assert talk.first.streaming_config.streaming_features.interim_results


def test_without_partials_google_is_asked_for_none() -> None:
    with StreamPeer(nothing) as peer:
        hear(peer, SECOND[:1600], request=asked(partials=False))
    assert not peer.talks[0].first.streaming_config.streaming_features.interim_results


@pytest.mark.parametrize(
    ("settings", "options", "model", "languages"),
    [
        ({"region": "us"}, {"language": None}, "chirp_3", ["auto"]),
        (
            {"region": "eu"},
            {"language": None, "candidates": ("de-DE", "fr-FR")},
            "chirp_3",
            ["de-DE", "fr-FR"],
        ),
        ({"speech_location": "us-central1"}, {}, "chirp_2", ["en-US"]),
        ({}, {"language": None, "candidates": ("de-DE", "fr-FR")}, "long", ["de-DE", "fr-FR"]),
        ({}, {"extensions": {"gcp_model": "telephony"}}, "telephony", ["en-US"]),
    ],
)
def test_the_place_decides_on_the_model(
    settings: dict[str, Any], options: dict[str, Any], model: str, languages: list[str]
) -> None:
    with StreamPeer(nothing) as peer:
        _, end = hear(peer, SECOND[:1600], request=asked(**options), **settings)
    config = peer.talks[0].first.streaming_config.config
    assert (config.model, list(config.language_codes)) == (model, languages)
    assert end.model_version == model
    assert config.features.enable_word_confidence is (model != "chirp_3")
    assert config.features.enable_word_time_offsets is (model != "chirp_3")


@pytest.mark.parametrize(
    ("settings", "options", "kind", "words"),
    [
        ({}, {"language": None}, BadInput, "must be told the language"),
        (
            {"speech_location": "us-central1"},
            {"language": None, "candidates": ("de-DE", "fr-FR")},
            Unsupported,
            "takes one language in us-central1",
        ),
        ({}, {"extensions": {"gcp_model": "chirp"}}, Unsupported, "takes no streams"),
        ({}, {"extensions": {"gcp_model": 5}}, BadInput, "name of a model"),
        ({}, {"hints": ("x" * 101,)}, BadInput, "limit of 100"),
        ({"project": None}, {}, NotConfigured, "set project"),
        ({"region": "moon"}, {}, NotConfigured, "no region"),
    ],
)
def test_what_cannot_be_asked_takes_no_sound(
    settings: dict[str, Any], options: dict[str, Any], kind: type[Exception], words: str
) -> None:
    sound = Pieces(SECOND[:3200])
    with StreamPeer(nothing) as peer, pytest.raises(kind, match=words):
        listen(streaming(peer.url, **settings).stream(asked(**options), sound, context()))
    assert sound.taken == 0
    assert peer.talks == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a/path", "http://speech.example.com"])
def test_an_address_that_grpc_cannot_reach_is_refused(url: str) -> None:
    sound = Pieces(SECOND[:3200])
    with pytest.raises(NotConfigured, match=r"paths|unencrypted"):
        listen(streaming(url).stream(asked(), sound, context()))
    assert sound.taken == 0


@pytest.mark.parametrize(
    ("base", "target"),
    [
        ("https://eu-speech.googleapis.com", "eu-speech.googleapis.com:443"),
        ("http://127.0.0.1:50", "127.0.0.1:50"),
        ("http://127.0.0.1", "127.0.0.1:80"),
        ("http://[::1]", "[::1]:80"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_an_address_is_a_host_and_a_port(base: str, target: str) -> None:
    assert _target(Endpoint(target=base, loopback=False)) == target


def test_each_place_has_its_line_and_a_closed_one_is_made_anew() -> None:
    one = Lines(GcpSettings(endpoint="http://127.0.0.1:1", project="p"))
    assert one.at("eu") is one.at("eu")
    assert one.at("eu") is not one.at("us")
    assert len(one.used) == 2
    before = one.at("eu")
    one.close()
    assert one.used == ()
    assert one.at("eu") is not before
    one.close()


# ---------------------------------------------------------------- back-pressure


def test_a_large_piece_is_cut_into_messages() -> None:
    with StreamPeer(nothing) as peer:
        hear(peer, SECOND * 2)
    (talk,) = peer.talks
    assert max(talk.sizes) == 15_000
    assert bytes(talk.sound) == SECOND * 2


def test_pieces_of_nothing_are_not_sent() -> None:
    with StreamPeer(nothing) as peer:
        hear(peer, b"", SECOND[:3200], b"", SECOND[3200:6400])
    assert peer.talks[0].sizes == [3200, 3200]


def test_a_result_is_given_while_sound_still_comes() -> None:
    given = threading.Event()

    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        yield talk.message(talk.result("hello"))
        assert given.wait(5.0)
        talk.hear_all()

    def pieces() -> Iterator[bytes]:
        yield SECOND[:3200]
        while not given.wait(0.01):
            yield b""
        yield SECOND[:3200]

    sound = Pieces(of=pieces())
    with StreamPeer(part) as peer:
        for event in streaming(peer.url).stream(asked(), sound, context()):
            assert event.segment.text == "hello"
            given.set()
    assert given.is_set()


def test_no_more_is_taken_than_the_service_takes() -> None:
    """gRPC and the system hold some megabytes; then the sound waits where it came from."""
    go_on = threading.Event()

    def part(talk: Talk) -> Iterator[bytes]:
        go_on.wait(20.0)
        talk.refuse("ABORTED", "enough")
        yield from ()

    sound = Pieces(*[SECOND] * 1500)
    with StreamPeer(part) as peer:
        ended: list[BrokerError] = []

        def run() -> None:
            try:
                listen(streaming(peer.url).stream(asked(), sound, context()))
            except BrokerError as error:
                ended.append(error)

        worker = threading.Thread(target=run)
        worker.start()
        before = -1
        while before != sound.taken or before < 2:
            before = sound.taken
            worker.join(0.5)
        go_on.set()
        worker.join(10.0)
    assert len(ended) == 1
    assert before < 750


# ---------------------------------------------------------------- what the adapter says of it


def test_the_manifest_names_it() -> None:
    spec = MANIFEST.by_name["transcription.stream"]
    assert isinstance(GcpAdapter(GcpSettings()), CanStream)
    assert isinstance(spec.limits, StreamLimits)
    assert (spec.limits.longest, spec.limits.pace) == (290.0, 1.0)
    (use,) = spec.meter(asked(milliseconds=1500))
    assert (use.sku, use.quantity) == ("", Decimal("1.5"))
    (use,) = spec.meter(asked(milliseconds=1500, extensions={"gcp_model": "medical_dictation"}))
    assert use.sku == "gcp.speech.v2.other_models"
