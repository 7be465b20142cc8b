"""transcription.stream by Amazon Transcribe's WebSocket, against a peer written from its documentation."""

from __future__ import annotations

import gc
import json
import os
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import trustme
from aws_stream_peer import Part, Session, TranscribePeer, event_message, mark, result, word

from broker.contract import Context
from broker.errors import (
    AuthFailed,
    BadInput,
    DeadlineExceeded,
    MalformedReply,
    NotConfigured,
    Outcome,
    ProviderError,
    QuotaExhausted,
    Unavailable,
)
from broker.types.stream import SoundFormat, StreamEvent, StreamRequest
from broker_aws.clients import Clients
from broker_aws.settings import AwsSettings
from broker_aws.streaming import Streaming, parameters

SECOND = bytes(range(250)) * 128  # 32,000 bytes of 16 kHz


def context(seconds: float = 10.0) -> Context:
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
    if "candidates" not in more:
        more.setdefault("language", "en-US")
    return StreamRequest(**{"sound": SoundFormat(), **more})


def streaming(url: str, secret: str = "SECRET", **more: Any) -> Streaming:
    settings = AwsSettings(
        endpoint=url, region="us-west-2", access_key_id="AKID", secret_access_key=secret, **more
    )
    return Streaming(settings, Clients(settings))


def hear(
    peer: TranscribePeer,
    *chunks: bytes,
    request: StreamRequest | None = None,
    seconds: float = 10.0,
    **more: Any,
) -> list[StreamEvent]:
    return list(
        streaming(peer.url, **more).stream(request or asked(), iter(chunks or (SECOND,)), context(seconds))
    )


def nothing(session: Session) -> None:
    session.hear_all()
    session.close()


def refused(part: Part, *chunks: bytes, seconds: float = 10.0) -> ProviderError:
    with TranscribePeer(part) as peer, pytest.raises(ProviderError) as caught:
        hear(peer, *chunks, seconds=seconds)
    return caught.value


# ---------------------------------------------------------------- what is heard


def greeting(session: Session) -> None:
    session.next_piece()
    session.say()
    session.say(result("hello", 0.1, 0.84, partial=True, items=[word("hello", 0.1, 0.84, Stable=False)]))
    session.hear_all()
    session.say(
        result(
            "Hello, world.",
            0.1,
            1.35,
            partial=False,
            items=[
                word("Hello", 0.1, 0.8399999, 0.9921, Speaker="0"),
                mark(",", 0.84),
                word("world", 0.85, 1.35, 0.0, Speaker="0"),
                mark(".", 1.35),
            ],
            LanguageCode="en-US",
        )
    )
    session.close()


def test_partial_results_come_while_sound_is_sent_and_final_ones_with_words() -> None:
    with TranscribePeer(greeting) as peer:
        events = hear(peer, SECOND, SECOND)
    assert [each.final for each in events] == [False, True]
    first, last = (each.segment for each in events)
    assert (first.text, first.start_ms, first.end_ms) == ("hello", 100, 840)
    assert first.words is not None
    assert first.words[0].confidence.value is None
    assert (last.text, last.start_ms, last.end_ms, last.language) == ("Hello, world.", 100, 1350, "en-US")
    assert last.words is not None
    assert [(each.text, each.start_ms, each.end_ms, each.confidence.value) for each in last.words] == [
        ("Hello,", 100, 840, 0.9921),
        ("world.", 850, 1350, 0.0),
    ]
    assert last.speaker == "0"
    assert last.confidence.value is None


def test_all_sound_arrives_and_a_look_without_sound_is_no_end() -> None:
    sound = [b"", SECOND[:3200], b"", b"", SECOND[3200:6400], SECOND[6400:7000], b""]
    with TranscribePeer(nothing) as peer:
        assert hear(peer, *sound) == []
        (session,) = peer.sessions
    assert bytes(session.audio) == SECOND[:7000]
    assert session.ended
    assert session.pieces == [3200, 3200, 600]
    assert session.kinds[0] == {
        ":content-type": "application/octet-stream",
        ":event-type": "AudioEvent",
        ":message-type": "event",
    }


def test_a_partial_result_is_given_before_the_next_chunk_is_taken() -> None:
    heard = threading.Event()

    def part(session: Session) -> None:
        session.next_piece()
        session.say(result("so far", 0.0, 0.1, partial=True))
        heard.set()
        nothing(session)

    def chunks() -> Iterator[bytes]:
        yield SECOND[:3200]
        assert heard.wait(5)
        taken.append(1)
        yield SECOND[:3200]
        taken.append(2)
        yield SECOND[:3200]

    taken: list[int] = []
    with TranscribePeer(part) as peer:
        stream = streaming(peer.url).stream(asked(), chunks(), context())
        assert next(iter(stream)).segment.text == "so far"
        assert len(taken) < 2
        assert list(stream) == []


def test_partial_results_can_be_left_out() -> None:
    with TranscribePeer(greeting) as peer:
        assert [each.final for each in hear(peer, request=asked(partials=False))] == [True]


def test_a_final_result_without_words_takes_back_a_partial_one_and_is_else_nothing() -> None:
    def part(session: Session) -> None:
        session.hear_all()
        session.say(result("", 0.0, 0.5, partial=False, key="quiet", items=[]))
        session.say(result("um", 0.5, 0.9, partial=True, key="doubt"))
        session.say({"ResultId": "doubt", "StartTime": 0.5, "EndTime": 0.9, "IsPartial": False})
        session.close()

    with TranscribePeer(part) as peer:
        events = hear(peer)
    assert [(each.final, each.segment.text) for each in events] == [(False, "um"), (True, "")]
    assert events[1].segment.words is None


def test_results_of_two_speakers_name_none_for_the_segment() -> None:
    def part(session: Session) -> None:
        session.hear_all()
        items = [word("yes", 0.0, 0.2, Speaker="0"), word("no", 0.3, 0.5, Speaker="1")]
        session.say(result("yes no", 0.0, 0.5, partial=False, items=items))
        session.close()

    with TranscribePeer(part) as peer:
        (event,) = hear(peer, request=asked(diarize=True))
    assert event.segment.speaker is None
    assert [each.speaker for each in event.segment.words or ()] == ["0", "1"]
    assert peer.sessions[0].asked["show-speaker-label"] == "true"


def test_pings_are_answered_and_split_messages_joined() -> None:
    def part(session: Session) -> None:
        session.frame(9, b"still there?")
        session.hear_all()
        whole = event_message(
            {":event-type": "TranscriptEvent", ":message-type": "event"},
            json.dumps({"Transcript": {"Results": [result("long", 0, 1, partial=False)]}}).encode(),
        )
        session.frame(2, whole[:20], final=False)
        session.frame(0, whole[20:])
        session.close(None)

    with TranscribePeer(part) as peer:
        (event,) = hear(peer, SECOND, SECOND)
    assert event.segment.text == "long"
    assert peer.sessions[0].pongs == [b"still there?"]


def test_kinds_of_event_that_are_not_known_are_passed_over() -> None:
    def part(session: Session) -> None:
        session.hear_all()
        session.message("event", "WeatherEvent", {"Rain": True})
        session.close()

    with TranscribePeer(part) as peer:
        assert hear(peer) == []


# ---------------------------------------------------------------- what is asked


def test_options_go_into_the_signed_address() -> None:
    request = asked(
        candidates=("en-us", "es-US"),
        sound=SoundFormat(sample_rate=8000),
        extensions={"aws_vocabulary_name": "my words & more", "aws_partial_results_stability": "high"},
    )
    with TranscribePeer(nothing) as peer:
        hear(peer, request=request)
    assert peer.sessions[0].asked == {
        "media-encoding": "pcm",
        "sample-rate": "8000",
        "identify-language": "true",
        "language-options": "en-US,es-US",
        "preferred-language": "en-US",
        "vocabulary-name": "my words & more",
        "enable-partial-results-stabilization": "true",
        "partial-results-stability": "high",
    }


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"language": None}, "must be told the language"),
        ({"candidates": ("en-US",)}, "two languages or more"),
        ({"extensions": {"aws_partial_results_stability": "rock"}}, "one of low, medium, high"),
        ({"extensions": {"aws_vocabulary_name": 3}}, "must be a text"),
    ],
)
def test_what_the_service_cannot_be_asked_is_refused_before_connecting(
    more: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadInput, match=says):
        parameters(asked(**more))


def test_temporary_keys_sign_with_their_token() -> None:
    with TranscribePeer(nothing) as peer:
        hear(peer, session_token="TOKEN/+=")
    assert "X-Amz-Security-Token=TOKEN%2F%2B%3D" in peer.sessions[0].target


def test_the_address_of_a_region_is_botocores(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_TRANSCRIBE_STREAMING"):
        monkeypatch.delenv(name, raising=False)

    def place(region: str) -> str:
        settings = AwsSettings(region=region, access_key_id="AKID", secret_access_key="SECRET")
        return Streaming(settings, Clients(settings))._place.get().base

    assert place("us-west-2") == "https://transcribestreaming.us-west-2.amazonaws.com:8443"
    assert place("cn-north-1") == "https://transcribestreaming.cn-north-1.amazonaws.com.cn:8443"
    with pytest.raises(NotConfigured, match="no streams in region 'eu-north-9'"):
        place("eu-north-9")


def test_sound_never_goes_unencrypted_to_another_machine() -> None:
    with pytest.raises(NotConfigured, match="unencrypted"):
        list(streaming("http://speech.example").stream(asked(), iter(()), context()))


# ---------------------------------------------------------------- refusals


def test_wrong_keys_are_refused_with_nothing_sent() -> None:
    taken: list[bytes] = []

    def chunks() -> Iterator[bytes]:
        taken.append(SECOND)
        yield SECOND

    with TranscribePeer(nothing) as peer, pytest.raises(AuthFailed) as caught:
        list(streaming(peer.url, "WRONG").stream(asked(), chunks(), context()))
    error = caught.value
    assert (error.status, error.code, error.request_id) == (403, "InvalidSignatureException", "r-403")
    assert error.billed is False
    assert taken == []
    assert "Signature=" not in str(error)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BadRequestException", BadInput),
        ("LimitExceededException", QuotaExhausted),
        ("InternalFailureException", Unavailable),
        ("ServiceUnavailableException", Unavailable),
        ("ConflictException", BadInput),
    ],
)
def test_the_exceptions_of_a_stream_are_told_by_name(name: str, kind: type[ProviderError]) -> None:
    def part(session: Session) -> None:
        session.next_piece()
        session.fail(name, "it did not work")
        session.close()

    error = refused(part, SECOND, SECOND)
    assert type(error) is kind
    assert (error.code, error.request_id) == (name, "r-101")
    assert "it did not work" in str(error)


def test_an_exception_after_results_may_be_billed() -> None:
    def part(session: Session) -> None:
        session.next_piece()
        session.say(result("so", 0.0, 0.1, partial=True))
        session.fail("BadRequestException", "no new audio was received for 15 seconds")
        session.close()

    assert refused(part).outcome is Outcome.AMBIGUOUS


def test_an_error_that_no_model_names_is_told_by_its_code() -> None:
    def part(session: Session) -> None:
        session.next_piece()
        headers = {":message-type": "error", ":error-code": "InternalError", ":error-message": "oops"}
        session.frame(2, event_message(headers, b""))
        session.close()

    error = refused(part)
    assert error.code == "InternalError"
    assert "oops" in str(error)


@pytest.mark.parametrize(
    ("status", "kind"), [(400, BadInput), (401, AuthFailed), (500, Unavailable), (503, Unavailable)]
)
def test_an_upgrade_that_is_refused_without_a_code_is_told_by_status(
    status: int, kind: type[ProviderError]
) -> None:
    answer = b"HTTP/1.1 %d no\r\nContent-Length: 0\r\n\r\n" % status
    with TranscribePeer(nothing, answer=answer) as peer, pytest.raises(kind) as caught:
        hear(peer)
    assert caught.value.billed in (False, None)


def test_redirects_are_not_followed() -> None:
    with TranscribePeer(nothing) as other:
        answer = b"HTTP/1.1 307 elsewhere\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % other.url.encode()
        with TranscribePeer(nothing, answer=answer) as peer, pytest.raises(BadInput, match="redirects"):
            hear(peer)
        assert other.requests == []


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", b""]
)
def test_what_is_no_websocket_is_told(answer: bytes) -> None:
    with TranscribePeer(nothing, answer=answer) as peer, pytest.raises(ProviderError) as caught:
        hear(peer)
    assert caught.value.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)


def _not_an_event(session: Session) -> None:
    session.next_piece()
    session.frame(2, b"no event at all, though long enough")


def _damaged(session: Session) -> None:
    session.next_piece()
    whole = event_message({":message-type": "event", ":event-type": "TranscriptEvent"}, b"{}")
    session.frame(2, whole[:-6] + b"!!" + whole[-4:])


def _two_in_one(session: Session) -> None:
    session.next_piece()
    whole = event_message({":message-type": "event", ":event-type": "TranscriptEvent"}, b'{"Transcript":{}}')
    session.frame(2, whole + whole)


def _html(session: Session) -> None:
    session.next_piece()
    session.frame(2, event_message({":message-type": "event", ":event-type": "TranscriptEvent"}, b"<html>"))


def _no_transcript(session: Session) -> None:
    session.next_piece()
    session.message("event", "TranscriptEvent", {})


def _no_times(session: Session) -> None:
    session.next_piece()
    session.say({"ResultId": "a", "IsPartial": False, "Alternatives": [{"Transcript": "hi"}]})


def _backwards(session: Session) -> None:
    session.next_piece()
    session.say(result("hi", 2.0, 1.0, partial=False))


@pytest.mark.parametrize(
    "part", [_not_an_event, _damaged, _two_in_one, _html, _no_transcript, _no_times, _backwards]
)
def test_an_event_that_cannot_be_read_is_malformed_and_never_empty(part: Part) -> None:
    def first(session: Session) -> None:
        part(session)
        session.hear_all()

    assert isinstance(refused(first), MalformedReply)


def test_a_message_beyond_all_measure_is_refused() -> None:
    def part(session: Session) -> None:
        session.next_piece()
        with suppress(ConnectionError):  # it is cut off in the midst
            for place in range(80):
                session.frame(0 if place else 2, bytes(64 * 1024), final=False)
        session.hear_all()

    with TranscribePeer(part) as peer:
        with pytest.raises(MalformedReply, match="above"):
            hear(peer)
        peer.idle()


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize("code", [1000, 1001, 1011])
def test_a_stream_that_the_service_ends_before_the_sound_does_is_no_success(code: int) -> None:
    def part(session: Session) -> None:
        session.next_piece()
        session.say(result("so", 0.0, 0.1, partial=False))
        session.close(code)

    endless = iter(lambda: SECOND, None)
    heard: list[StreamEvent] = []
    with TranscribePeer(part) as peer, pytest.raises(Unavailable) as caught:
        heard.extend(streaming(peer.url).stream(asked(), endless, context()))
    assert caught.value.outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("goodbye", [False, True])
def test_a_connection_that_breaks_behind_the_sound_is_no_success(goodbye: bool) -> None:
    def part(session: Session) -> None:
        session.hear_all()
        session.say(result("nearly", 0.0, 0.1, partial=False))
        if goodbye:
            session.close(1011)

    error = refused(part)
    assert isinstance(error, Unavailable)
    assert error.outcome is Outcome.AMBIGUOUS


def test_silence_of_the_service_ends_with_the_deadline() -> None:
    def part(session: Session) -> None:
        session.hear_all()
        session.next_piece()

    began = time.monotonic()
    with TranscribePeer(part) as peer, pytest.raises(DeadlineExceeded) as caught:
        hear(peer, seconds=0.3)
    assert time.monotonic() - began < 2.0
    assert caught.value.outcome is Outcome.AMBIGUOUS


def test_a_service_that_does_not_answer_the_upgrade_costs_nothing() -> None:
    with TranscribePeer(nothing, silent=True) as peer, pytest.raises(DeadlineExceeded) as caught:
        hear(peer, seconds=0.2)
    assert caught.value.billed is False


def test_a_service_that_takes_no_sound_holds_nobody_past_the_deadline_nor_more_sound() -> None:
    taken: list[int] = []

    def chunks() -> Iterator[bytes]:
        while True:
            taken.append(1)
            yield bytes(64 * 1024)

    gone = threading.Event()

    with TranscribePeer(lambda _: gone.wait(5) and None) as peer:
        with pytest.raises(DeadlineExceeded):
            list(streaming(peer.url).stream(asked(), chunks(), context(0.5)))
        gone.set()
    # The system's buffers of both sides, not all there is.
    assert 64 * 1024 * len(taken) < 64 * 1024 * 1024


def test_nobody_listening_is_told_with_nothing_sent() -> None:
    with TranscribePeer(nothing) as peer:
        url = peer.url
    with pytest.raises(Unavailable) as caught:
        list(streaming(url).stream(asked(), iter(()), context()))
    assert caught.value.outcome is Outcome.NOT_SENT


def test_closing_ends_the_stream_at_the_service() -> None:
    def part(session: Session) -> None:
        session.next_piece()
        session.say(result("so", 0.0, 0.1, partial=True))
        session.hear_all()

    with TranscribePeer(part) as peer:
        stream: Any = streaming(peer.url).stream(asked(), iter(lambda: SECOND[:3200], None), context())
        assert next(stream).segment.text == "so"
        stream.close()
        peer.idle()
    session = peer.sessions[0]
    assert session.close_code == 1000
    assert not session.ended


def test_what_the_users_chunks_raise_reaches_him_and_ends_the_stream() -> None:
    class Unplugged(Exception):
        pass

    def chunks() -> Iterator[bytes]:
        yield SECOND
        raise Unplugged

    with TranscribePeer(nothing) as peer:
        with pytest.raises(Unplugged):
            list(streaming(peer.url).stream(asked(), chunks(), context()))
        peer.idle()
    assert not peer.sessions[0].ended


def test_streams_run_beside_each_other_and_leave_nothing_behind() -> None:
    def part(session: Session) -> None:
        session.hear_all()
        session.say(result(f"{len(session.audio)}", 0.0, 0.1, partial=False))
        session.close()

    with TranscribePeer(part) as peer:
        mine = streaming(peer.url)
        texts: dict[int, list[str]] = {}

        def one(number: int) -> None:
            sound = SECOND[: 2 * number]
            texts[number] = [e.segment.text for e in mine.stream(asked(), iter([sound]), context())]

        list(mine.stream(asked(), iter([SECOND]), context()))  # what is loaded once
        peer.idle()
        before, files = set(threading.enumerate()), len(os.listdir("/proc/self/fd"))
        connections = peer.connections
        threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        peer.idle()
        gc.collect()
        assert texts == {number: [str(2 * number)] for number in range(1, 7)}
        # What other tests left behind may end meanwhile.
        assert set(threading.enumerate()) <= before
        assert len(os.listdir("/proc/self/fd")) <= files
        assert peer.connections == connections + 6


# ---------------------------------------------------------------- TLS and proxies


def _server_context(authority: trustme.CA) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(found)
    return found


def test_over_tls_with_an_authority_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    authority = trustme.CA()
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(file))
    with TranscribePeer(greeting, tls=_server_context(authority)) as peer:
        with pytest.raises(NotConfigured, match="not trusted"):
            hear(peer)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert [each.final for each in hear(peer, *[SECOND] * 8)] == [False, True]
    assert len(peer.sessions[0].audio) == 8 * len(SECOND)


def test_a_proxy_is_asked_for_what_is_not_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    for name in ("https_proxy", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with TranscribePeer(nothing, answer=answer) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:pass@127.0.0.1:{proxy.port}")
        with pytest.raises(NotConfigured, match="proxy"):
            list(streaming("https://speech.example:8443").stream(asked(), iter(()), context()))
    assert proxy.requests[0].startswith("CONNECT speech.example:8443 ")
