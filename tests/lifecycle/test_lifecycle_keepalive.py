"""An idle connection that the server has closed: one quiet second try, and only where nothing can have been served."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpcore
import pytest
from lifecycle_support import PICTURE, Line, marked, options, rows

from broker import AsyncBroker, Broker
from broker.errors import BrokerError, Outcome
from broker.runtime.asynchronous import AsyncRuntime
from broker.runtime.blocking import BlockingRuntime, drive
from broker.types import Image

faces = pytest.mark.parametrize("face", ["sync", "async"])
LARGE = Image(data=PICTURE.data + bytes(6_000_000), format="jpeg", width=640, height=480)
"""More than the kernel takes at once, so that a dead connection shows while it is being written."""


class Caller:
    """The same steps under both facades; the connection is kept between them."""

    def __init__(self, face: str, url: str) -> None:
        self.face = face
        self._loop = asyncio.new_event_loop()
        made: Any = AsyncBroker if face == "async" else Broker
        self._broker: Any = made(**options("rest", url, deadline=60.0))
        self._runtime = AsyncRuntime() if face == "async" else BlockingRuntime()

    def label(self, image: Image = PICTURE) -> Any:
        answer = self._broker.vision.label(image)
        return self._loop.run_until_complete(answer) if self.face == "async" else answer

    def send(self, method: str, url: str, content: bytes = b"") -> int:
        work = self._runtime.http(time.monotonic() + 60).send(method, url, content=content)
        reply = self._loop.run_until_complete(work) if self.face == "async" else drive(work)
        return reply.status

    def close(self) -> None:
        if self.face == "async":
            self._loop.run_until_complete(self._broker.aclose())
            self._loop.run_until_complete(self._runtime.aclose())  # type: ignore[union-attr] # the asynchronous one
        else:
            self._broker.close()
            self._runtime.close()
        self._loop.close()


@pytest.fixture
def caller(face: str, line: Line) -> Iterator[Caller]:
    made = Caller(face, line.url)
    yield made
    made.close()


@pytest.fixture
def unnoticed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on the closing comes after the pool has looked: the race that only a second try can mend."""

    def begin() -> None:
        for kind in (httpcore._backends.sync.SyncStream, httpcore._backends.anyio.AnyIOStream):  # type: ignore[attr-defined] # its classes for connections
            real = kind.get_extra_info

            def look(self: Any, info: str, real: Any = real) -> Any:
                return False if info == "is_readable" else real(self, info)

            monkeypatch.setattr(kind, "get_extra_info", look)

    return begin


@faces
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_closed_idle_connection_is_noticed_before_it_is_used(
    caller: Caller, line: Line, method: str
) -> None:
    body = b"x" if method == "POST" else b""
    assert caller.send(method, line.url + "/x", body) == 200
    line.hang_up()
    assert caller.send(method, line.url + "/x", body) == 200
    assert len(line.seen) == 2
    assert len({port for port, _ in line.seen}) == 2


@faces
def test_if_it_closes_unnoticed_the_request_goes_out_once_more_and_is_one_attempt(
    caller: Caller, line: Line, unnoticed: Callable[[], None]
) -> None:
    caller.label()
    line.hang_up()
    unnoticed()
    result = caller.label(LARGE)
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.DONE]
    assert len(rows()) == len(line.seen) == 2
    assert len(line.seen[1][1]) == len(LARGE.data), "whole, on a connection of its own"


@faces
def test_all_idle_connections_are_distrusted_then(
    caller: Caller, line: Line, unnoticed: Callable[[], None]
) -> None:
    """A server that restarts closes them all: the second try must not find another dead one."""
    if caller.face == "sync":
        waiting = threading.Barrier(4)

        def one() -> None:
            waiting.wait()
            caller.label()

        pool = [threading.Thread(target=one) for _ in range(4)]
        for thread in pool:
            thread.start()
        for thread in pool:
            thread.join()
    else:

        async def four() -> None:
            await asyncio.gather(*[caller._broker.vision.label(PICTURE) for _ in range(4)])

        caller._loop.run_until_complete(four())
    line.hang_up()
    unnoticed()
    for _ in range(3):
        assert [attempt.outcome for attempt in caller.label(LARGE).attempts] == [Outcome.DONE]
    assert len(rows()) == len(line.seen) == 7


class Once:
    """Serves one request on each connection, reads the next one whole, and hangs up without a word."""

    def __init__(self) -> None:
        self.requests = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, connection.makefile("rb") as file:
                    for number in range(2):
                        size, text = 0, file.readline()
                        if not text:
                            break
                        while text != b"\r\n":
                            if text.lower().startswith(b"content-length:"):
                                size = int(text[15:])
                            text = file.readline()
                        file.read(size)
                        self.requests += 1
                        if number == 0:
                            body = b'{"labels": []}'
                            connection.sendall(
                                b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
                            )

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_was_handed_over_whole_is_never_repeated_unseen(face: str, method: str) -> None:
    server = Once()
    caller = Caller(face, server.url)
    try:
        body = b"x" * 1000 if method == "POST" else b""
        assert caller.send(method, server.url + "/x", body) == 200
        with pytest.raises(BrokerError) as caught:
            caller.send(method, server.url + "/x", body)
        assert caught.value.outcome is Outcome.AMBIGUOUS
        assert server.requests == 2
    finally:
        caller.close()
        server.close()


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_first_use_that_breaks_is_an_attempt_of_its_own(face: str) -> None:
    """A server that closes new connections is down: that is told, and left to the retries that are counted."""
    listener = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def slam() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                accepted.append(1)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                connection.close()

    thread = threading.Thread(target=slam)
    thread.start()
    caller = Caller(face, f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        with pytest.raises(BrokerError):
            caller.label(LARGE)
        assert len(accepted) == 1
        assert len(rows()) == 1
    finally:
        caller.close()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@faces
def test_a_connection_is_used_again_otherwise(caller: Caller, line: Line) -> None:
    for mark in (b"a", b"b"):
        caller.label(marked(mark))
    assert line.ports(b"a") == line.ports(b"b")
