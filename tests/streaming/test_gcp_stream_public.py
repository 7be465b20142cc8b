"""Google's streams through the public client: both faces, the ledger's view of them, and what becomes of one that is left."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from gcp_stream_peer import StreamPeer, Talk
from gcp_stream_support import SECOND, never_finished

from broker import AsyncBroker, Broker
from broker.errors import AuthFailed, DeadlineExceeded, Unsupported
from broker.types.money import UsageSource

pytest.importorskip("google.cloud.speech_v2", reason="needs the gcp extra")
pytest.importorskip("google.auth", reason="needs the gcp extra")

TENTHS = [SECOND[at : at + 3200] for at in range(0, len(SECOND), 3200)]


def greeting(talk: Talk) -> Iterator[bytes]:
    talk.hear()
    yield talk.message(talk.result("good", stability=0.5))
    talk.hear_all()
    yield talk.message(
        talk.result("good morning", ("good", 0, 0.4), ("morning", 0.4, 1), final=True, resultEndOffset="1s"),
        metadata={"totalBilledDuration": "2s", "requestId": "r-1"},
    )


def settings(peer: StreamPeer, **more: Any) -> dict[str, Any]:
    return {"gcp": {"endpoint": peer.url, "project": "p", "speech_location": "us-central1", **more}}


def check(events: list[Any], result: Any) -> None:
    assert [(each.final, each.segment.text) for each in events] == [(False, "good"), (True, "good morning")]
    assert result.value.text == "good morning"
    assert [word.end_ms for word in result.value.words] == [400, 1000]
    assert (result.provenance.provider, result.provenance.region) == ("gcp", "us-central1")
    assert (result.provenance.model_version, result.provenance.request_id) == ("chirp_2", "r-1")
    assert result.cost.amount == Decimal("0.000533333333")  # the two seconds that Google says
    assert result.cost.basis is UsageSource.REPORTED


def test_a_stream_for_for(ledger_path: str) -> None:
    with (
        StreamPeer(greeting) as peer,
        Broker(provider="gcp", providers=settings(peer)) as broker,
        broker.transcription.stream(TENTHS, language="en-US") as stream,
    ):
        events = list(stream)
        result = stream.result
        assert stream.milliseconds == 1000
    check(events, result)
    assert bytes(peer.talks[0].sound) == SECOND
    with sqlite3.connect(ledger_path) as ledger:
        rows = ledger.execute("SELECT provider, operation, region, outcome FROM attempt").fetchall()
    ledger.close()
    assert rows == [("gcp", "transcription.stream", "us-central1", "done")]


def test_a_stream_for_async_for() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for each in TENTHS:
            yield each
            await asyncio.sleep(0)

    async def run(peer: StreamPeer) -> tuple[list[Any], Any]:
        async with (
            AsyncBroker(provider="gcp", providers=settings(peer)) as broker,
            broker.transcription.stream(chunks(), language="en-US") as stream,
        ):
            return [event async for event in stream], stream.result

    with StreamPeer(greeting) as peer:
        check(*asyncio.run(run(peer)))


def test_to_leave_ends_the_stream_at_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = never_finished(monkeypatch)
    held = threading.Event()

    def part(talk: Talk) -> Iterator[bytes]:
        talk.hear()
        yield talk.message(talk.result("hello"))
        talk.hear_all()

    def endless() -> Iterator[bytes]:
        while not held.is_set():
            yield TENTHS[0]

    with StreamPeer(part) as peer, Broker(provider="gcp", providers=settings(peer)) as broker:
        with broker.transcription.stream(endless(), language="en-US") as stream:
            assert next(iter(stream)).segment.text == "hello"
        held.set()
        assert peer.wait_over()
    assert finished == []


def test_the_time_of_a_stream_is_told_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was understood until then is given; nothing is lost in silence."""
    from dataclasses import replace

    from broker.contract import Manifest, StreamLimits
    from broker_gcp import GcpAdapter

    whole = GcpAdapter.manifest
    short = [
        replace(each, limits=StreamLimits(longest=0.5)) if each.operation == "transcription.stream" else each
        for each in whole.operations
    ]
    manifest = Manifest(provider="gcp", version=whole.version, operations=tuple(short))
    monkeypatch.setattr(GcpAdapter, "manifest", manifest)
    found: list[str] = []
    with (
        StreamPeer(greeting) as peer,
        Broker(provider="gcp", providers=settings(peer)) as broker,
        broker.transcription.stream(TENTHS, language="en-US") as stream,
    ):
        with pytest.raises(DeadlineExceeded, match="begin another stream"):
            found.extend(event.segment.text for event in stream if event.final)
        assert stream.result.value.text == "good morning"
    assert bytes(peer.talks[0].sound) == SECOND[:16_000]
    assert peer.talks[0].ended


def test_speakers_are_not_told_apart() -> None:
    with (
        StreamPeer(greeting) as peer,
        Broker(provider="gcp", providers=settings(peer, speech_location="us")) as broker,
        broker.transcription.stream(TENTHS, language="en-US", diarize=True) as stream,
        pytest.raises(Unsupported, match="diarize"),
    ):
        list(stream)
    assert peer.talks == []


def test_a_refusal_is_the_refusal() -> None:
    def part(talk: Talk) -> Iterator[bytes]:
        talk.refuse("PERMISSION_DENIED", "Permission 'speech.recognizers.recognize' denied")
        yield b""

    with (
        StreamPeer(part, greet=False) as peer,
        Broker(provider="gcp", providers=settings(peer)) as broker,
        broker.transcription.stream(TENTHS, language="en-US") as stream,
        pytest.raises(AuthFailed, match=r"roles/speech\.client") as caught,
    ):
        list(stream)
    assert caught.value.billed is False
