"""transcription.stream by Azure's Speech SDK, against a peer that speaks its protocol."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure_stream_peer import KEY, SpeechPeer, Talk

from broker.contract import Context
from broker.errors import (
    AuthFailed,
    DeadlineExceeded,
    MalformedReply,
    NotConfigured,
    Outcome,
    ProviderError,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker.types.stream import SoundFormat, StreamEvent, StreamRequest
from broker_azure import streaming_answer
from broker_azure.rest import Resources
from broker_azure.settings import AzureSettings, Endpoint
from broker_azure.streaming import Streaming, address_of, installed

SECOND = bytes(range(250)) * 128  # 32,000 bytes of 16 kHz
Part = Callable[[Talk], Any]

with_sdk = pytest.mark.skipif(not installed(), reason="needs the extra azure-speech")


def context(seconds: float = 20.0) -> Context:
    until = time.monotonic() + seconds
    nowhere: Any = None
    return Context(
        call_id="c",
        attempt=1,
        operation="transcription.stream",
        http=nowhere,
        remaining=lambda: until - time.monotonic(),
    )


def asked(**more: Any) -> StreamRequest:
    return StreamRequest(**{"sound": SoundFormat(), "language": "en-US", **more})


def streaming(url: str, key: str = KEY) -> Streaming:
    return Streaming(Resources(AzureSettings(endpoint=url, key=key)))


def hear(
    peer: SpeechPeer,
    *chunks: bytes,
    request: StreamRequest | None = None,
    seconds: float = 20.0,
    key: str = KEY,
) -> list[StreamEvent]:
    chosen = iter(chunks or (SECOND,))
    return list(streaming(peer.url, key).stream(request or asked(), chosen, context(seconds)))


def refused(part: Part, *chunks: bytes, **more: Any) -> ProviderError:
    with SpeechPeer(part, **more) as peer, pytest.raises(ProviderError) as caught:
        hear(peer, *chunks)
    assert peer.connections == 1, "it was repeated"
    return caught.value


def nothing(talk: Talk) -> None:
    talk.hear_all()
    talk.finish()


def greeting(talk: Talk) -> None:
    talk.hear_sound()
    talk.hypothesis("", 0, 0)
    talk.hypothesis("hello", 1_000_000, 4_000_000)
    talk.hear_all()
    words = [
        {"Word": "hello", "Offset": 1_000_000, "Duration": 4_000_049, "Confidence": 0.9},
        {"Word": "world", "Offset": 5_100_000, "Duration": 5_000_000, "Confidence": 0.0},
    ]
    talk.phrase("Hello, world.", 1_000_000, 9_100_000, Confidence=0.91, Words=words)
    talk.say("speech.phrase", {"RecognitionStatus": "NoMatch", "Offset": 10_100_000, "Duration": 100_000})
    talk.finish()


# ---------------------------------------------------------------- what is heard


@with_sdk
def test_partial_and_final_results_come_with_times_and_confidences() -> None:
    with SpeechPeer(greeting) as peer:
        events = hear(peer, *[SECOND[:3200]] * 10)
    assert [(each.final, each.segment.text) for each in events] == [(False, "hello"), (True, "Hello, world.")]
    first, last = (each.segment for each in events)
    assert (first.start_ms, first.end_ms, first.words, first.confidence.value) == (100, 500, None, None)
    assert (last.start_ms, last.end_ms, last.confidence.value) == (100, 1010, 0.91)
    assert [(each.text, each.start_ms, each.end_ms, each.confidence.value) for each in last.words or ()] == [
        ("hello", 100, 500, 0.9),
        ("world", 510, 1010, 0.0),
    ]
    (talk,) = peer.sessions
    assert talk.sound == SECOND[:3200] * 10


@with_sdk
def test_what_is_asked_reaches_the_service_and_no_telemetry_does() -> None:
    request = asked(
        language="de",
        sound=SoundFormat(sample_rate=8000),
        hints=("Contoso", "Rehaan"),
        profanity="remove",
        partials=False,
    )
    with SpeechPeer(greeting) as peer:
        events = hear(peer, SECOND[:3200], b"", SECOND[:1600], request=request)
    assert [each.final for each in events] == [True]
    (talk,) = peer.sessions
    assert talk.target.startswith("/stt/speech/recognition/conversation/cognitiveservices/v1?")
    assert talk.asked == {
        "language": "de-DE",
        "format": "detailed",
        "profanity": "removed",
        "wordLevelTimestamps": "true",
        "wordLevelConfidence": "true",
    }
    assert [each["Text"] for each in talk.texts["speech.context"][0]["dgi"]["Groups"][0]["Items"]] == [
        "Contoso",
        "Rehaan",
    ]
    assert talk.audio[24:28] == (8000).to_bytes(4, "little")
    assert "telemetry" not in talk.texts


@with_sdk
def test_a_partial_result_is_given_while_sound_still_comes() -> None:
    told = threading.Event()

    def part(talk: Talk) -> None:
        talk.hear_sound()
        talk.hypothesis("so far", 0, 1_000_000)
        told.wait(10)
        nothing(talk)

    with SpeechPeer(part) as peer:
        stream = streaming(peer.url).stream(asked(), iter(lambda: SECOND[:3200], None), context())
        assert next(iter(stream)).segment.text == "so far"
        told.set()
        stream.close()  # type: ignore[attr-defined]


@with_sdk
def test_a_token_is_sent_where_there_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = Resources(AzureSettings(endpoint="http://127.0.0.1:1"))
    monkeypatch.setattr(resources, "header", lambda service, context: ("Authorization", f"Bearer {KEY}"))
    with SpeechPeer(nothing) as peer:
        monkeypatch.setattr(
            resources, "endpoint_for", lambda service: Endpoint(base=peer.url, regional=False)
        )
        assert list(Streaming(resources).stream(asked(), iter([SECOND]), context())) == []
    assert peer.credentials[0]["authorization"] == f"Bearer {KEY}"
    assert "ocp-apim-subscription-key" not in peer.credentials[0]


def test_a_region_has_a_host_for_streams_and_a_resource_a_path() -> None:
    regional = Endpoint(base="https://eastus.api.cognitive.microsoft.com", regional=True)
    assert (
        address_of(regional, "en-US")
        == "wss://eastus.stt.speech.microsoft.com/speech/recognition/conversation/cognitiveservices/v1?language=en-US"
    )
    own = Endpoint(base="https://mine.cognitiveservices.azure.com", regional=False)
    assert (
        address_of(own, "en-US")
        == "wss://mine.cognitiveservices.azure.com/stt/speech/recognition/conversation/cognitiveservices/v1?language=en-US"
    )


@with_sdk
def test_a_locale_that_the_service_lacks_is_refused_before_connecting() -> None:
    with SpeechPeer(nothing) as peer, pytest.raises(Unsupported):
        hear(peer, request=asked(language="en-ZZ"))
    assert peer.connections == 0


# ---------------------------------------------------------------- refusals


@with_sdk
def test_a_wrong_key_is_refused_with_no_sound_taken() -> None:
    taken: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        taken.append(SECOND)
        yield SECOND

    with SpeechPeer(nothing) as peer, pytest.raises(AuthFailed) as caught:
        list(streaming(peer.url, "wrong").stream(asked(), chunks(), context()))
    assert caught.value.billed is False
    assert caught.value.request_id
    assert (taken, peer.connections) == ([], 1)


@with_sdk
@pytest.mark.parametrize(
    ("status", "kind", "outcome"),
    [
        (403, AuthFailed, Outcome.REJECTED),
        (404, Unavailable, Outcome.NOT_SENT),
        (429, Throttled, Outcome.THROTTLED),
        (500, Unavailable, Outcome.NOT_SENT),
        (503, Unavailable, Outcome.NOT_SENT),
    ],
)
def test_an_upgrade_that_is_refused_is_not_repeated(
    status: int, kind: type[ProviderError], outcome: Outcome
) -> None:
    error = refused(nothing, answer=b"HTTP/1.1 %d no\r\nContent-Length: 0\r\n\r\n" % status)
    assert type(error) is kind
    assert error.outcome is outcome
    assert KEY not in str(error)


@with_sdk
def test_nobody_listening_is_told_with_nothing_sent() -> None:
    with SpeechPeer(nothing) as peer:
        url = peer.url
    with pytest.raises(Unavailable) as caught:
        list(streaming(url).stream(asked(), iter([SECOND]), context()))
    assert caught.value.outcome is Outcome.NOT_SENT


def _cut(talk: Talk) -> None:
    talk.hear_sound()


def _close_1011(talk: Talk) -> None:
    talk.hear_sound()
    talk.close(1011)


def _error_status(talk: Talk) -> None:
    talk.hear_sound()
    talk.say("speech.phrase", {"RecognitionStatus": "Error", "Offset": 0, "Duration": 0})
    talk.hear_all()


def _unknown_status(talk: Talk) -> None:
    talk.hear_sound()
    talk.say("speech.phrase", {"RecognitionStatus": "Weather", "Offset": 0, "Duration": 0})
    talk.hear_all()


def _no_json(talk: Talk) -> None:
    talk.hear_sound()
    talk.say("speech.phrase", "<html>")
    talk.hear_all()


@with_sdk
@pytest.mark.parametrize("part", [_cut, _close_1011, _error_status, _unknown_status, _no_json])
def test_a_stream_that_breaks_is_not_taken_up_again(part: Part) -> None:
    error = refused(part, *[SECOND[:3200]] * 8)
    assert isinstance(error, Unavailable)
    assert error.outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize(
    "text",
    [
        "<html>",
        "[]",
        '{"Offset": 0, "Duration": 1, "DisplayText": "hi"}',
        '{"Duration": 1, "DisplayText": "hi", "NBest": [{"Display": "hi"}]}',
        '{"Offset": -9, "Duration": 1, "DisplayText": "hi", "NBest": [{"Display": "hi"}]}'.replace(
            "-9", "-90000"
        ),
        '{"Offset": 0, "Duration": 1, "NBest": [{"Confidence": 1}]}',
        '{"Offset": 0, "Duration": 1, "NBest": [{"Display": "hi", "Words": [{"Word": "hi"}]}]}',
    ],
)
def test_a_phrase_that_cannot_be_read_is_none(text: str) -> None:
    with pytest.raises((ValueError, AttributeError, TypeError)):
        streaming_answer.final_of(text)


@with_sdk
def test_a_phrase_without_its_detail_is_malformed() -> None:
    def part(talk: Talk) -> None:
        talk.hear_sound()
        body = {
            "RecognitionStatus": "Success",
            "Offset": 0,
            "Duration": 1,
            "DisplayText": "hi",
            "NBest": [{}],
        }
        talk.say("speech.phrase", body)
        talk.hear_all()

    assert isinstance(refused(part), (MalformedReply, Unavailable))


# ---------------------------------------------------------------- the end


@with_sdk
def test_silence_of_the_service_ends_with_the_deadline() -> None:
    began = time.monotonic()
    with SpeechPeer(_listen) as peer, pytest.raises(DeadlineExceeded) as caught:
        hear(peer, seconds=1.0)
    assert time.monotonic() - began < 5.0
    assert caught.value.outcome is Outcome.AMBIGUOUS


def _listen(talk: Talk) -> None:
    while talk.hear() is not None:
        pass


@with_sdk
def test_a_service_that_does_not_answer_the_upgrade_costs_nothing() -> None:
    with SpeechPeer(nothing, silent=True) as peer, pytest.raises(DeadlineExceeded) as caught:
        hear(peer, seconds=0.3)
    assert caught.value.billed is False


@with_sdk
def test_no_more_sound_is_taken_than_can_be_sent() -> None:
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield SECOND

    with SpeechPeer(_listen) as peer, pytest.raises(DeadlineExceeded):
        list(streaming(peer.url).stream(asked(), chunks(), context(1.0)))
    # The SDK sends the first five seconds at once and then at twice the speed of speech.
    assert len(taken) < 30


@with_sdk
def test_closing_ends_the_stream_at_the_service_and_frees_its_threads() -> None:
    def part(talk: Talk) -> None:
        talk.hear_sound()
        talk.hypothesis("so", 0, 1_000_000)
        while talk.next_piece():
            pass
        talk.finish()

    def native() -> int:
        """Threads that Python did not start: the SDK's, and those of other libraries that stay."""
        return len(os.listdir("/proc/self/task")) - threading.active_count()

    others = native()
    with SpeechPeer(part) as peer:
        mine = streaming(peer.url)
        for _ in range(5):
            stream: Any = mine.stream(asked(), iter(lambda: SECOND[:3200], None), context())
            assert next(stream).segment.text == "so"
            stream.close()
        peer.idle()
        until = time.monotonic() + 20.0
        while native() > others and time.monotonic() < until:
            time.sleep(0.01)
        assert native() <= others + 1
    assert all(len(talk.sound) < 40 * len(SECOND) for talk in peer.sessions)


@with_sdk
def test_what_the_users_chunks_raise_reaches_him() -> None:
    class Unplugged(Exception):
        pass

    def chunks() -> Iterator[bytes]:
        yield SECOND
        raise Unplugged

    with SpeechPeer(nothing) as peer, pytest.raises(Unplugged):
        list(streaming(peer.url).stream(asked(), chunks(), context()))


@with_sdk
def test_a_proxy_of_another_kind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(NotConfigured, match="http proxies only"):
        list(streaming("https://speech.example").stream(asked(), iter(()), context()))


_PROGRAM = """
import os, sys, time
sys.path[:0] = {paths!r}
from test_azure_stream import SECOND, SpeechPeer, context, greeting, hear
peer = SpeechPeer(greeting)
assert len(hear(peer, SECOND)) == 2
child = os.fork()
if child == 0:
    peer = SpeechPeer(greeting)
    os._exit(0 if len(hear(peer, SECOND)) == 2 else 1)
assert os.waitpid(child, 0)[1] == 0
assert len(hear(peer, SECOND)) == 2
print("all heard")
"""


@with_sdk
def test_it_works_in_a_forked_child_and_ends_with_the_program() -> None:
    program = _PROGRAM.format(paths=sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "all heard\n"), done.stderr[-2000:]
