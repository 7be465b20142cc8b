"""transcription.stream by Google when it does not go well: what it is called, whether it was billed, and that nothing stays."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gcp_stream_peer import StreamPeer, Talk
from gcp_stream_support import SECOND, Pieces, asked, context, listen, never_finished, streaming

from broker.contract import Context
from broker.errors import (
    AuthFailed,
    BadInput,
    BrokerError,
    DeadlineExceeded,
    MalformedReply,
    NotConfigured,
    Outcome,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker.types.stream import StreamEvent
from broker_gcp import GcpAdapter, GcpSettings

pytest.importorskip("google.cloud.speech_v2", reason="needs the gcp extra")


def failed(
    part: Any, *pieces: bytes, greet: bool = True, seconds: float = 10.0
) -> tuple[BrokerError, int, StreamPeer]:
    """What a stream ends with, and how much sound was taken."""
    sound = Pieces(*(pieces or (SECOND[:3200],) * 3))
    with StreamPeer(part, greet=greet) as peer:
        one = streaming(peer.url)
        with pytest.raises(BrokerError) as caught:
            listen(one.stream(asked(), sound, context(seconds)))
        one.close()
        assert peer.wait_over()
    assert len(peer.talks) <= 1, "it was repeated"
    return caught.value, sound.taken, peer


def details(kind: str, **members: Any) -> Any:
    from google.rpc import error_details_pb2

    return getattr(error_details_pb2, kind)(**members)


@pytest.mark.parametrize(
    ("code", "kind", "outcome"),
    [
        ("INVALID_ARGUMENT", BadInput, Outcome.REJECTED),
        ("NOT_FOUND", BadInput, Outcome.REJECTED),
        ("UNAUTHENTICATED", AuthFailed, Outcome.REJECTED),
        ("PERMISSION_DENIED", AuthFailed, Outcome.REJECTED),
        ("RESOURCE_EXHAUSTED", Throttled, Outcome.THROTTLED),
        ("UNAVAILABLE", Unavailable, Outcome.SERVER),
        ("INTERNAL", Unavailable, Outcome.SERVER),
    ],
)
def test_a_refusal_of_what_is_asked_takes_no_sound(
    code: str, kind: type[BrokerError], outcome: Outcome
) -> None:
    """So that another provider may be given it."""

    def part(talk: Talk) -> Iterator[bytes]:
        talk.refuse(code, 'The model "long" does not exist here.')
        yield b""

    error, taken, _ = failed(part, greet=False)
    assert type(error) is kind
    assert error.outcome is outcome
    assert taken == 0
    assert "does not exist here" in str(error)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("INVALID_ARGUMENT", BadInput),
        ("UNAUTHENTICATED", AuthFailed),
        ("RESOURCE_EXHAUSTED", Throttled),
        ("ABORTED", Unavailable),
        ("UNAVAILABLE", Unavailable),
        ("UNKNOWN", ProviderFault),
    ],
)
def test_what_ends_a_stream_midway_may_have_been_billed(code: str, kind: type[BrokerError]) -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        talk.refuse(code, "Max duration of 5 minutes reached for stream.")
        yield b""

    error, taken, _ = failed(part, *[SECOND[:3200]] * 500)
    assert type(error) is kind
    assert error.outcome is Outcome.AMBIGUOUS
    assert error.billed is None
    assert 1 <= taken <= 500
    assert "Max duration" in str(error)


def test_google_s_reason_and_pause_are_read() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        pause = details("RetryInfo")
        pause.retry_delay.seconds = 7
        talk.refuse("RESOURCE_EXHAUSTED", "slow", pause)
        yield b""

    error, _, _ = failed(part, greet=False)
    assert isinstance(error, Throttled)
    assert error.retry_after == 7.0


def test_a_quota_of_the_day_is_not_waited_for() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        why = details("QuotaFailure")
        why.violations.add(subject="project:1", description="Requests per day")
        talk.refuse("RESOURCE_EXHAUSTED", "slow", why)
        yield b""

    assert isinstance(failed(part, greet=False)[0], QuotaExhausted)


def test_results_before_a_failure_are_given() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        yield talk.message(talk.result("good", final=True))
        talk.refuse("INTERNAL", "no more")

    heard: list[str] = []

    def all_of(events: Iterator[StreamEvent]) -> None:
        for event in events:
            heard.append(event.segment.text)  # the last step raises

    with StreamPeer(part) as peer:
        events = streaming(peer.url).stream(asked(), Pieces(*[SECOND[:3200]] * 500), context())
        with pytest.raises(Unavailable):
            all_of(events)
    assert heard == ["good"]


def test_a_stream_that_google_ends_before_the_sound_is_no_success() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        yield talk.message(talk.result("good", final=True), metadata={"requestId": "r-1"})

    error, _, _ = failed(part, *[SECOND[:3200]] * 5000)
    assert isinstance(error, Unavailable)
    assert (error.outcome, error.request_id) == (Outcome.AMBIGUOUS, "r-1")
    assert "ended the stream, and the sound was not at its end" in str(error)


@pytest.mark.parametrize("content", [b"\xff\xff\xff", b"\x32"])
def test_a_message_that_is_none_is_malformed(content: bytes) -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        yield content
        talk.hear_all()

    error, _, _ = failed(part)
    assert isinstance(error, MalformedReply)
    assert error.billed is True


def test_nobody_at_the_address_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    sound = Pieces(SECOND[:3200])
    one = streaming(f"http://127.0.0.1:{port}")
    with pytest.raises(Unavailable) as caught:
        listen(one.stream(asked(), sound, context()))
    one.close()
    assert caught.value.outcome is Outcome.NOT_SENT
    assert "Google Speech-to-Text could not be reached" in str(caught.value)
    assert sound.taken == 0


def test_a_connection_that_breaks_midway_may_have_been_billed() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        threading.Thread(target=lambda: talk.types._server.stop(None)).start()
        talk.hear_all()
        yield from ()

    sound = Pieces(*[SECOND[:3200]] * 2000, before=lambda _: time.sleep(0.002))
    with StreamPeer(part) as peer, pytest.raises(BrokerError) as caught:
        listen(streaming(peer.url).stream(asked(), sound, context()))
    assert isinstance(caught.value, Unavailable)
    assert caught.value.outcome is Outcome.AMBIGUOUS


# ---------------------------------------------------------------- time


def silent(talk: Talk) -> Iterator[bytes]:
    talk.hear_all()
    talk.types.hold.wait(5.0)
    yield from ()


def test_a_service_that_says_nothing_is_left_when_the_time_is_over() -> None:
    sound = Pieces(SECOND[:3200])
    with StreamPeer(silent) as peer:
        peer.hold = threading.Event()  # type: ignore[attr-defined]
        began = time.monotonic()
        with pytest.raises(DeadlineExceeded) as caught:
            listen(streaming(peer.url).stream(asked(), sound, context(0.6)))
        assert time.monotonic() - began < 2.0
        assert caught.value.outcome is Outcome.AMBIGUOUS
        peer.hold.set()  # type: ignore[attr-defined]


def test_a_server_that_never_answers_the_connection_costs_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        sound = Pieces(SECOND[:3200])
        with pytest.raises(DeadlineExceeded) as caught:
            listen(streaming(url).stream(asked(), sound, context(0.5)))
    assert caught.value.outcome is Outcome.NOT_SENT
    assert "while connecting" in str(caught.value)
    assert sound.taken == 0


def test_a_stream_that_was_open_too_long_is_ended_so_that_its_last_words_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five minutes are by the clock, also where nobody speaks."""
    monkeypatch.setattr("broker_gcp.streaming._LONGEST_SECONDS", 0.2)

    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear_all()
        assert talk.ended
        yield talk.message(talk.result("the last words", final=True))

    heard: list[str] = []

    def all_of(events: Iterator[StreamEvent]) -> None:
        for event in events:
            heard.append(event.segment.text)  # the last step raises

    sound = Pieces(SECOND[:3200], *[b""] * 500, before=lambda _: time.sleep(0.01))
    with StreamPeer(part) as peer:
        events = streaming(peer.url).stream(asked(), sound, context())
        with pytest.raises(Unavailable, match="five minutes by the clock") as caught:
            all_of(events)
    assert heard == ["the last words"]
    assert caught.value.outcome is Outcome.AMBIGUOUS
    assert sound.taken < 200


def test_without_time_nothing_is_asked() -> None:
    sound = Pieces(SECOND[:3200])
    with StreamPeer(silent) as peer, pytest.raises(DeadlineExceeded) as caught:
        listen(streaming(peer.url).stream(asked(), sound, context(remaining=lambda: 0.0)))
    assert (caught.value.outcome, sound.taken, peer.talks) == (Outcome.NOT_SENT, 0, [])


# ---------------------------------------------------------------- leaving


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name == "mlbroker-gcp-stream"}


def test_to_close_the_generator_ends_the_stream_at_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = never_finished(monkeypatch)

    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        yield talk.message(talk.result("hello"))
        talk.hear_all()

    with StreamPeer(part) as peer:
        one = streaming(peer.url)
        events = one.stream(asked(), Pieces(*[SECOND[:3200]] * 50_000), context())
        assert next(iter(events)).segment.text == "hello"
        assert threads()
        events.close()
        assert peer.wait_over()
        one.close()
    assert finished == []
    assert not threads()


def test_an_error_of_the_sounds_ends_it_and_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = never_finished(monkeypatch)

    def broken(taken: int) -> None:
        if taken == 3:
            raise BadInput("the user's own")

    sound = Pieces(*[SECOND[:3200]] * 5, before=broken)
    with StreamPeer(silent) as peer:
        peer.hold = threading.Event()  # type: ignore[attr-defined]
        peer.hold.set()  # type: ignore[attr-defined]
        with pytest.raises(BadInput, match="the user's own"):
            listen(streaming(peer.url).stream(asked(), sound, context()))
        assert peer.wait_over()
    assert finished == []
    assert not threads()


def test_a_finished_stream_leaves_no_thread() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear_all()
        yield from ()

    with StreamPeer(part) as peer:
        one = streaming(peer.url)
        for _ in range(3):
            listen(one.stream(asked(), Pieces(SECOND[:3200]), context()))
        one.close()
    assert not threads()


def test_several_streams_share_a_channel_and_do_not_mix() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear_all()
        yield talk.message(talk.result(f"{len(talk.sound)}", final=True))

    with StreamPeer(part) as peer:
        one = streaming(peer.url)
        found: dict[int, str] = {}

        def run(size: int) -> None:
            events, _ = listen(one.stream(asked(), Pieces(bytes(size)), context()))
            found[size] = events[0].segment.text

        workers = [threading.Thread(target=run, args=(2 * size,)) for size in range(1, 6)]
        for each in workers:
            each.start()
        for each in workers:
            each.join()
        one.close()
    assert found == {2 * size: str(2 * size) for size in range(1, 6)}


# ---------------------------------------------------------------- credentials


def test_a_refused_token_is_fetched_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The line remembers who was refused, and the next stream asks from the beginning."""
    tokens = iter(["old", "new"])
    held: dict[str, str] = {}

    def metadata(self: Any, context: Context) -> tuple[tuple[str, str], ...]:
        if "token" not in held or (("authorization", held["token"]),) == self._refused:
            held["token"] = next(tokens)
        return (("authorization", held["token"]),)

    monkeypatch.setattr("broker_gcp.credentials.Authorization.metadata", metadata)
    monkeypatch.setattr(
        "broker_gcp.credentials.Authorization.renew",
        lambda self, context: self.metadata(context) != self._refused,
    )

    def part(talk: Talk) -> Iterator[bytes]:
        if talk.metadata["authorization"] == "old":
            talk.refuse("UNAUTHENTICATED", "expired")
        talk.hear_all()
        yield talk.message(talk.result("good", final=True))

    with StreamPeer(part, greet=False) as peer:
        adapter = GcpAdapter(GcpSettings(endpoint=peer.url, project="p"))
        sound = Pieces(SECOND[:3200])
        with pytest.raises(AuthFailed) as caught:
            listen(adapter.stream(asked(), sound, context()))
        assert sound.taken == 0
        assert adapter.renew(caught.value, context()) is True
        events, _ = listen(adapter.stream(asked(), sound, context()))
        adapter.close()
    assert [each.segment.text for each in events] == ["good"]


def test_two_credentials_are_one_too_many() -> None:
    with pytest.raises(NotConfigured, match="keep one"):
        listen(
            streaming("http://127.0.0.1:1", api_key="k" * 20, credentials_file="x").stream(
                asked(), Pieces(SECOND[:3200]), context()
            )
        )


def test_without_googles_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.speech_v2.types", None)
    with pytest.raises(NotConfigured, match="not installed"):
        listen(streaming("http://127.0.0.1:1").stream(asked(), Pieces(SECOND[:3200]), context()))
