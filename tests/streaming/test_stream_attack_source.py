"""Sources of sound that are odd: empty pieces without an end, more than one channel, ends in the midst of a sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from stream_support import SECOND, sound_of, streaming_provider, threads_end

from broker import BadInput, Broker, BrokerError


@pytest.fixture(autouse=True)
def nothing_stays() -> Iterator[None]:
    yield
    threads_end()


def test_a_source_that_gives_empty_pieces_lets_go_of_its_thread() -> None:
    """As a device does that is asked without waiting, and has nothing."""
    closed = False

    def source() -> Iterator[bytes]:
        nonlocal closed
        try:
            yield b"\x00" * SECOND
            while True:
                yield b""
        finally:
            closed = True

    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        for _ in broker.transcription.stream(source()):
            break
        threads_end()
    assert closed


def test_several_channels_are_refused_and_one_in_rows_is_taken() -> None:
    """Interleaved they would be heard, and billed, as one channel of twice the length."""
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream([np.zeros((16_000, 2), dtype=np.int16)])
        with pytest.raises(BadInput, match="one channel"):
            list(stream)
        assert stream.milliseconds == 0
        stream = broker.transcription.stream([np.zeros((16_000, 1), dtype=np.int16)])
        list(stream)
        assert stream.milliseconds == 1000
        assert sum(row.open for row in broker.spend()) == 0


def test_finishing_in_the_midst_of_a_sample_is_no_fault_of_the_sound() -> None:
    def source() -> Iterator[bytes]:
        yield b"\x00" * (SECOND + 1)
        stream.finish()  # as from a handler of Ctrl-C
        yield b"\x00"

    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        stream = broker.transcription.stream(source())
        assert [each.segment.text for each in stream if each.final] == [f"the end after {SECOND} bytes"]
        stream = broker.transcription.stream([b"\x00" * (SECOND + 1)])
        with pytest.raises(BadInput, match="midst of a sample"):
            list(stream)


def test_a_stream_that_was_closed_does_not_begin() -> None:
    with Broker(adapters=[streaming_provider()], provider="fake") as broker:
        with broker.transcription.stream(sound_of(1)) as stream:
            pass
        with pytest.raises(BrokerError, match="closed"):
            list(stream)
        assert not broker.spend()
