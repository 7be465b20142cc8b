"""What the tests of Google's streams share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from gcp_stream_peer import StreamPeer

from broker.contract import Context, StreamEnd
from broker.types.stream import SoundFormat, StreamEvent, StreamRequest
from broker_gcp.settings import GcpSettings
from broker_gcp.streaming import Streaming
from broker_gcp.streaming_line import Talk

SECOND = bytes(range(250)) * 128  # 32,000 bytes of 16 kHz


class Pieces:
    """Sound that is there at once.

    :param of: the same, where they come in time.
    :param before: called with how many were taken before each is given; may wait.
    :ivar taken: how many were taken.
    """

    def __init__(
        self,
        *pieces: bytes,
        of: Iterator[bytes] | None = None,
        before: Callable[[int], object] | None = None,
    ) -> None:
        self._pieces = iter(pieces) if of is None else of
        self._before = before
        self.taken = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._before is not None:
            self._before(self.taken)
        piece = next(self._pieces)
        self.taken += 1
        return piece

    def when_left(self, interrupt: Callable[[], object]) -> None:
        """Nobody leaves."""


def context(seconds: float = 20.0, remaining: Callable[[], float] | None = None) -> Context:
    until = time.monotonic() + seconds
    nowhere: Any = None
    return Context(
        call_id="c",
        attempt=1,
        operation="transcription.stream",
        http=nowhere,
        remaining=remaining or (lambda: until - time.monotonic()),
    )


def asked(**more: Any) -> StreamRequest:
    return StreamRequest(**{"sound": SoundFormat(), "language": "en-US", **more})


def streaming(url: str, **settings: Any) -> Streaming:
    return Streaming(GcpSettings(**{"endpoint": url, "project": "p", **settings}))


def listen(events: Any) -> tuple[list[StreamEvent], StreamEnd]:
    """All of it, and what the generator returns."""
    found: list[StreamEvent] = []
    while True:
        try:
            found.append(next(events))
        except StopIteration as stop:
            return found, stop.value


def hear(
    peer: StreamPeer, *pieces: bytes, request: StreamRequest | None = None, **settings: Any
) -> tuple[list[StreamEvent], StreamEnd]:
    """Stream these."""
    one = streaming(peer.url, **settings)
    try:
        return listen(one.stream(request or asked(), Pieces(*pieces), context()))
    finally:
        one.close()


def never_finished(patch: pytest.MonkeyPatch) -> list[str]:
    """Where it is written down when the service is told that the sound is at its end."""
    found: list[str] = []
    patch.setattr(Talk, "finish", lambda _: found.append("finished"))
    return found
