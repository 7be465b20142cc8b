"""transcription.stream by the clouds through the public client, both faces, against peers that speak their protocols."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from aws_stream_peer import Session, TranscribePeer, result, word
from azure_stream_peer import KEY, SpeechPeer, Talk
from stream_support import SECOND, streaming_provider

from broker import AsyncBroker, AuthFailed, BadInput, Broker, BrokerError, Unavailable
from broker.errors import Outcome
from broker.types import ConfidenceLevel, Result, Transcript
from broker.types.money import Billed
from broker.types.stream import StreamEvent
from broker_azure.streaming import installed

with_sdk = pytest.mark.skipif(not installed(), reason="needs the extra azure-speech")
SOUND = [bytes(SECOND // 10)] * 12
"""1.2 s."""


# ---------------------------------------------------------------- what the vendors do in a test


def aws_greets(session: Session) -> None:
    session.next_piece()
    session.say(result("hello", 0.1, 0.5, partial=True))
    session.hear_all()
    items = [word("Hello", 0.1, 0.5, 0.98), word("world", 0.6, 1.0, 0.5)]
    session.say(result("Hello world.", 0.1, 1.0, partial=False, items=items))
    session.close()


def azure_greets(talk: Talk) -> None:
    talk.hear_sound()
    talk.hypothesis("hello", 1_000_000, 4_000_000)
    talk.hear_all()
    talk.phrase("Hello world.", 1_000_000, 9_000_000, Confidence=0.9, Words=[
        {"Word": "hello", "Offset": 1_000_000, "Duration": 4_000_000, "Confidence": 0.98},
        {"Word": "world", "Offset": 6_000_000, "Duration": 4_000_000, "Confidence": 0.5},
    ])  # fmt: skip
    talk.finish()


def aws_waits(session: Session) -> None:
    session.next_piece()
    session.say(result("hello", 0.1, 0.5, partial=True))
    while session.next_piece() is not None:
        pass


def azure_waits(talk: Talk) -> None:
    talk.hear_sound()
    talk.hypothesis("hello", 1_000_000, 4_000_000)
    while talk.next_piece() is not None:
        pass


def aws_hangs_up(session: Session) -> None:
    session.next_piece()
    session.say(result("hello", 0.1, 0.5, partial=True))
    for _ in range(5):
        session.next_piece()
    session.wire.close()


def azure_hangs_up(talk: Talk) -> None:
    talk.hear_sound()
    talk.hypothesis("hello", 1_000_000, 4_000_000)
    talk.hear_sound(16_000)
    talk.wire.close()


@dataclass(frozen=True)
class Vendor:
    """How a test talks to one.

    :param sku_price: what its 1.2 s cost; None: unpriced there.
    """

    name: str
    peer: Callable[..., Any]
    greets: Any
    waits: Any
    hangs_up: Any
    section: dict[str, Any]
    wrong: dict[str, Any]
    sku_price: Decimal | None
    request_id: str | None

    def options(self, url: str, **more: Any) -> dict[str, Any]:
        return {"provider": self.name, "providers": {self.name: {**self.section, "endpoint": url, **more}}}


AWS = Vendor(
    "aws",
    TranscribePeer,
    aws_greets,
    aws_waits,
    aws_hangs_up,
    {"region": "eu-west-2", "access_key_id": "AKID", "secret_access_key": "SECRET"},
    {"secret_access_key": "WRONG"},
    Decimal("0.0003334"),
    "r-101",
)
AZURE = Vendor(
    "azure",
    SpeechPeer,
    azure_greets,
    azure_waits,
    azure_hangs_up,
    {"region": "eastus", "key": KEY},
    {"key": "x" * 32},
    Decimal(2) / 3600,
    None,
)


@pytest.fixture(params=[AWS, pytest.param(AZURE, marks=with_sdk)], ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.param
    return found


def streamed(
    vendor: Vendor, part: Any, face: str, chunks: Any = None
) -> tuple[list[StreamEvent], Result[Transcript]]:
    with vendor.peer(part) as peer:
        options = vendor.options(peer.url)
        if face == "sync":
            with Broker(**options) as broker:
                stream = broker.transcription.stream(chunks or SOUND, language="en-US")
                return list(stream), stream.result

        async def run() -> tuple[list[StreamEvent], Result[Transcript]]:
            async with AsyncBroker(**options) as broker:
                stream = broker.transcription.stream(chunks or SOUND, language="en-US")
                return [each async for each in stream], stream.result

        return asyncio.run(run())


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_stream_is_heard_metered_and_told_of(vendor: Vendor, face: str) -> None:
    events, found = streamed(vendor, vendor.greets, face)
    assert [(each.final, each.segment.text) for each in events] == [(False, "hello"), (True, "Hello world.")]
    transcript = found.value
    assert transcript.text == "Hello world."
    assert transcript.confidence_level is ConfidenceLevel.WORD
    assert [(each.start_ms, each.end_ms, each.confidence.value) for each in transcript.words] == [
        (100, 500, 0.98),
        (600, 1000, 0.5),
    ]
    assert found.provenance.provider == vendor.name
    assert found.provenance.operation == "transcription.stream"
    assert found.provenance.request_id == vendor.request_id or vendor.request_id is None
    (attempt,) = found.attempts
    assert attempt.outcome is Outcome.DONE
    (use,) = attempt.usage
    assert use.quantity == Decimal("1.2")
    assert found.cost.amount is not None
    assert abs(found.cost.amount - (vendor.sku_price or 0)) < Decimal("1e-11"), "two seconds, rounded up once"


def test_a_refused_credential_costs_nothing_and_another_provider_hears_all(vendor: Vendor) -> None:
    heard: list[bytes] = []

    def act(_: Any, sound: Any, __: Any) -> Iterator[StreamEvent]:
        heard.append(b"".join(sound))
        yield from ()

    with vendor.peer(vendor.greets) as peer:
        options = vendor.options(peer.url, **vendor.wrong)
        other = streaming_provider(act, provider="other", languages=("en-US",))
        with Broker(adapters=[other], **options) as broker:
            with pytest.raises(AuthFailed) as caught:
                list(broker.transcription.stream(SOUND, language="en-US"))
            assert caught.value.billed is False
        with Broker(adapters=[other], **options) as broker:
            stream = broker.transcription.stream(SOUND, language="en-US", provider=[vendor.name, "other"])
            list(stream)
            assert stream.provenance.provider == "other"
    assert heard == [b"".join(SOUND)]


def test_a_lost_connection_is_at_risk_and_not_taken_up_again(vendor: Vendor) -> None:
    with vendor.peer(vendor.hangs_up) as peer:
        with Broker(**vendor.options(peer.url)) as broker:
            stream = broker.transcription.stream(SOUND * 20, language="en-US")
            with pytest.raises(Unavailable) as caught:
                list(stream)
            assert caught.value.billed is None
            assert stream.cost.billed is Billed.UNKNOWN
            assert 0 < stream.milliseconds < 24_000
            (attempt,) = stream.result.attempts
            assert attempt.usage[0].quantity == Decimal(stream.milliseconds) / 1000
        assert peer.connections == 1


@pytest.mark.parametrize("how", ["leave", "finish"])
def test_leaving_ends_it_at_the_vendor_soon(vendor: Vendor, how: str) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield bytes(3200)

    part = vendor.waits if how == "leave" else vendor.greets
    with vendor.peer(part) as peer:
        with (
            Broker(**vendor.options(peer.url)) as broker,
            broker.transcription.stream(endless(), language="en-US") as stream,
        ):
            for each in stream:
                if how == "leave":
                    break
                if not each.final:
                    stream.finish()
            assert stream.result.attempts[0].outcome is Outcome.DONE
            assert stream.transcript().text == ("" if how == "leave" else "Hello world.")
        peer.idle()
    if how == "finish" or vendor is AWS:  # Azure's SDK says the end in any case
        assert [each.ended for each in peer.sessions] == [how == "finish"]
    until = time.monotonic() + 30
    while any(each.name.startswith("mlbroker-stream") for each in threading.enumerate()):
        assert time.monotonic() < until


def test_two_streams_at_once_have_a_connection_each(vendor: Vendor) -> None:
    found: list[str] = []
    with vendor.peer(vendor.greets) as peer:
        with Broker(**vendor.options(peer.url)) as broker:

            def one() -> None:
                stream = broker.transcription.stream(SOUND, language="en-US")
                list(stream)
                found.append(stream.transcript().text)

            threads = [threading.Thread(target=one) for _ in range(2)]
            for each in threads:
                each.start()
            for each in threads:
                each.join()
        assert peer.connections == 2
    assert found == ["Hello world."] * 2


def test_what_no_vendor_takes_makes_no_connection(vendor: Vendor) -> None:
    with vendor.peer(vendor.greets) as peer:
        with Broker(**vendor.options(peer.url)) as broker:
            with pytest.raises(BadInput, match="language"):
                list(broker.transcription.stream(SOUND))
            with pytest.raises(BrokerError):
                list(broker.transcription.stream(SOUND, language="xx-XX"))
            assert broker.spend() == []
        assert peer.connections == 0
