"""Providers that fail in the midst of a stream, or break their contract; and time, by a virtual clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from stream_support import each_second, endless, event, sound_of, streaming_provider, threads_end

from broker import (
    BadInput,
    Broker,
    BrokerError,
    DeadlineExceeded,
    ProviderFault,
)
from broker.contract import Context, Sound, StreamLimits
from broker.errors import MalformedReply, Outcome, Throttled, Unavailable
from broker.runtime.virtual import VirtualRuntime
from broker.types import LabelSet
from broker.types.call import AttemptKind
from broker.types.money import Billed
from broker.types.stream import StreamEvent, StreamRequest

Act = Callable[[StreamRequest, Sound, Context], Iterator[StreamEvent]]


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    threads_end()


# ---------------------------------------------------------------- providers that fail


def flaky(*errors: BaseException) -> tuple[Act, list[bytes]]:
    left, heard = list(errors), []

    def act(request: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
        if left:
            raise left.pop(0)
        heard.append(b"".join(sound))
        yield event("heard all")

    return act, heard


def test_before_the_first_sound_it_is_tried_again_and_others_are_asked() -> None:
    said = [bytes([number]) * 3200 for number in range(20)]
    act, heard = flaky(Unavailable("not there", outcome=Outcome.NOT_SENT))
    with Broker(adapters=[streaming_provider(act)], provider="fake") as broker:
        stream = broker.transcription.stream(said)
        list(stream)
        assert [each.outcome for each in stream.result.attempts] == [Outcome.NOT_SENT, Outcome.DONE]
        assert stream.result.attempts[1].kind is AttemptKind.RETRY
    assert heard == [b"".join(said)]
    broken, _ = flaky(*[Unavailable("not there", outcome=Outcome.NOT_SENT)] * 9)
    act, heard = flaky()
    first = streaming_provider(broken, provider="first")
    second = streaming_provider(act, provider="second")
    with Broker(adapters=[first, second], max_attempts=1) as broker:
        stream = broker.transcription.stream(said, provider=["first", "second"])
        list(stream)
        assert stream.provenance.provider == "second"
        assert heard == [b"".join(said)], "nothing of the sound is lost"
        assert "first" in stream.provenance.passed_over[0]


@pytest.mark.parametrize(
    "error",
    [
        Throttled("slow down"),
        Unavailable("broke"),
        BadInput("no"),
        MalformedReply("what?"),
        ValueError("a slip"),
    ],
)
def test_behind_the_first_sound_nobody_else_is_asked(error: Exception) -> None:
    begun: list[str] = []

    def act(_: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
        begun.append(context.call_id)
        next(sound)
        yield event("a word")
        raise error

    other = streaming_provider(provider="other")
    with Broker(adapters=[streaming_provider(act), other], retry_ambiguous=True) as broker:
        stream = broker.transcription.stream(sound_of(5), provider=["fake", "other"])
        expected = type(error) if isinstance(error, BrokerError) else ProviderFault
        seen: list[StreamEvent] = []
        with pytest.raises(expected) as caught:
            seen.extend(stream)
        assert [each.segment.text for each in seen] == ["a word"], "results come before the failure"
        assert len(begun) == 1
        assert len(caught.value.attempts) == 1
        assert caught.value.call_id == begun[0]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda *_: None, "not iterable"),
        (lambda *_: iter(["text"]), "where StreamEvent is due"),
        (lambda *_: iter([LabelSet(labels=())]), "where StreamEvent is due"),
        (lambda *_: iter([event("done")]), "before the sound was at its end"),
    ],
)
def test_an_adapter_that_breaks_its_contract_is_told_of(act: Any, words: str) -> None:
    with Broker(adapters=[streaming_provider(act)], provider="fake", max_attempts=1) as broker:
        with pytest.raises(BrokerError, match=words):
            list(broker.transcription.stream(sound_of(5)))
        assert sum(row.open for row in broker.spend()) == 0


def test_the_seats_of_an_account_are_taken_for_as_long_as_its_streams_last() -> None:
    running = most = 0
    lock = threading.Lock()

    def act(request: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        yield from each_second(request, sound, context)
        with lock:
            running -= 1

    with Broker(
        adapters=[streaming_provider(act)], provider="fake", providers={"fake": {"max_concurrency": 1}}
    ) as broker:
        threads = [
            threading.Thread(target=lambda: list(broker.transcription.stream(sound_of(20)))) for _ in range(4)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sum(row.attempts for row in broker.spend()) == 4
    assert most == 1


# ---------------------------------------------------------------- time


def test_sound_is_sent_no_faster_than_the_vendor_takes_it() -> None:
    runtime = VirtualRuntime()
    fake = streaming_provider(limits=StreamLimits(pace=2.0))
    with Broker(adapters=[fake], provider="fake", runtime=runtime) as broker:
        list(broker.transcription.stream(sound_of(60)))
    assert 28.5 <= runtime.monotonic() <= 30.5, "30 s at twice the speed, a second of them ahead"


@pytest.mark.parametrize("by", ["deadline", "vendor"])
def test_its_longest_ends_the_sound_and_gives_the_last_results(by: str) -> None:
    runtime = VirtualRuntime()
    limits = StreamLimits(pace=1.0, longest=30.0 if by == "vendor" else None)
    options: Any = {"deadline": 30} if by == "deadline" else {}
    with Broker(adapters=[streaming_provider(limits=limits)], provider="fake", runtime=runtime) as broker:
        stream = broker.transcription.stream(endless(), **options)
        seen: list[StreamEvent] = []
        with pytest.raises(DeadlineExceeded) as caught:
            seen.extend(stream)
        assert seen[-1].final
        assert 29_900 <= stream.milliseconds <= 31_100
        assert stream.result.attempts[0].outcome is Outcome.DONE
        assert caught.value.billed is True


def test_a_vendor_that_says_nothing_is_given_up() -> None:
    runtime = VirtualRuntime()

    def act(_: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
        for _piece in sound:
            pass
        while (left := context.remaining()) > 0.0:
            runtime.advance(min(left, 1.0))
        raise DeadlineExceeded("the vendor says nothing", outcome=Outcome.AMBIGUOUS)
        yield event("never")

    fake = streaming_provider(act, limits=StreamLimits(silence=20.0))
    with Broker(adapters=[fake], provider="fake", runtime=runtime) as broker:
        stream = broker.transcription.stream(sound_of(5))
        with pytest.raises(DeadlineExceeded):
            list(stream)
        assert 20.0 <= runtime.monotonic() < 22.0
        assert stream.cost.billed is Billed.UNKNOWN


def test_connecting_has_the_settings_deadline() -> None:
    runtime = VirtualRuntime()

    def act(_: StreamRequest, __: Sound, context: Context) -> Iterator[StreamEvent]:
        runtime.advance(context.remaining())
        raise DeadlineExceeded("no connection")
        yield event("never")

    with Broker(adapters=[streaming_provider(act)], provider="fake", runtime=runtime, deadline=7) as broker:
        with pytest.raises(DeadlineExceeded):
            list(broker.transcription.stream(sound_of(5)))
        assert runtime.monotonic() == pytest.approx(7.0)
        assert [row.at_risk for row in broker.spend()] == [Decimal(0)]
