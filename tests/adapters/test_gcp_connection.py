"""A gRPC connection that breaks after the request was sent: it may have been billed, so it is not repeated."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from broker import Broker, MalformedReply, Unavailable
from broker.errors import Outcome

GOOD = {"labelAnnotations": [{"description": "Cat", "score": 0.9}]}


class Breaker:
    """Forwards to a server and resets the client's connection once a picture has passed."""

    def __init__(self, target: str) -> None:
        host, port = target.rsplit(":", 1)
        self._target = (host, int(port))
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            vendor = socket.create_connection(self._target)
            for work in (self._back, self._forward):
                self._threads.append(threading.Thread(target=work, args=(client, vendor)))
                self._threads[-1].start()

    def _back(self, client: socket.socket, vendor: socket.socket) -> None:
        try:
            while data := vendor.recv(65536):
                client.sendall(data)
        except OSError:
            pass

    def _forward(self, client: socket.socket, vendor: socket.socket) -> None:
        passed = 0
        try:
            while data := client.recv(65536):
                vendor.sendall(data)
                passed += len(data)
                if passed > 5_000:  # the picture, not just the connection's preface
                    self.seen.wait(30.0)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
        except OSError:
            pass
        client.close()
        vendor.close()

    seen: threading.Event = threading.Event()

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(30.0)


@pytest.fixture
def breaker(vision_grpc_stub: Any) -> Iterator[Breaker]:
    vision_grpc_stub.reply(GOOD, delay=60.0)  # the reset comes before
    found = Breaker(vision_grpc_stub.target)
    found.seen = threading.Event()
    watcher = threading.Thread(target=lambda: vision_grpc_stub.wait_for(1) and found.seen.set())
    watcher.start()
    yield found
    watcher.join()
    found.close()


def test_a_connection_reset_after_sending_is_not_repeated(
    breaker: Breaker, vision_grpc_stub: Any, photo: bytes
) -> None:
    with (
        Broker(provider="gcp", providers={"gcp": {"endpoint": f"http://127.0.0.1:{breaker.port}"}}) as broker,
        pytest.raises(Unavailable) as caught,
    ):
        broker.vision.label(photo, deadline=30)
    assert caught.value.outcome is Outcome.AMBIGUOUS
    assert caught.value.billed is None
    assert len(caught.value.attempts) == vision_grpc_stub.count == 1


def test_an_oversized_answer_was_served_and_is_billed(vision_grpc_stub: Any, photo: bytes) -> None:
    vision_grpc_stub.reply({"labelAnnotations": [{"description": "C" * 70_000_000, "score": 0.9}]})
    with (
        Broker(
            provider="gcp", providers={"gcp": {"endpoint": f"http://{vision_grpc_stub.target}"}}
        ) as broker,
        pytest.raises(MalformedReply) as caught,
    ):
        broker.vision.label(photo, deadline=60)
    assert caught.value.billed is True
    assert len(caught.value.attempts) == vision_grpc_stub.count == 1
