"""Over TLS, whose state lies above the socket: cutting, ending loops and forking work there too."""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import trustme
from lifecycle_support import PICTURE, Line, finish, options, own_sockets, rows, start, threads, until
from test_lifecycle_fork import LOOPS, UNDER_FIRE, USED

from broker import AsyncBroker, Broker
from broker.errors import BrokerError, Outcome
from broker.runtime import http as http_module


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    """A TLS server that this process, and those it starts, trust."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    http_module._ssl_context.cache_clear()
    server = Line(context)
    yield server
    server.close()
    http_module._ssl_context.cache_clear()


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_call_in_flight_is_cut(face: str, line: Line) -> None:
    line.hanging = True
    found = options("rest", line.url, deadline=60.0)
    errors: list[object]
    if face == "sync":
        broker = Broker(**found)
        with threads(*[partial(broker.vision.label, PICTURE)] * 2) as raised:
            assert until(lambda: len(line.seen) == 2)
            broker.close(timeout=0.1)
        errors = [*raised]
    else:

        async def run() -> list[object]:
            broker = AsyncBroker(**found)
            tasks = [asyncio.create_task(broker.vision.label(PICTURE)) for _ in range(2)]
            assert await asyncio.to_thread(until, lambda: len(line.seen) == 2)
            await broker.aclose(timeout=0.1)
            return [*await asyncio.gather(*tasks, return_exceptions=True)]

        errors = asyncio.run(run())
    for error in errors:
        assert isinstance(error, BrokerError)
        assert error.outcome is Outcome.AMBIGUOUS
    assert [row["outcome"] for row in rows()] == ["ambiguous"] * 2
    assert until(lambda: line.open == 0)


@pytest.mark.parametrize("ceremony", [True, False])
def test_the_end_of_a_loop_closes_its_connections(ceremony: bool, line: Line) -> None:
    broker = AsyncBroker(**options("rest", line.url))
    before = own_sockets()

    async def several() -> None:
        await asyncio.gather(*[broker.vision.label(PICTURE) for _ in range(3)])

    for _ in range(3):
        if ceremony:
            asyncio.run(several())
            assert until(lambda: line.open == 0)
        else:
            loop = asyncio.new_event_loop()
            loop.run_until_complete(several())
            loop.close()
            assert until(lambda: line.open <= 3)
        gc.collect()
    asyncio.run(broker.aclose())
    assert until(lambda: gc.collect() >= 0 and own_sockets() <= before)
    assert until(lambda: line.open == 0)
    assert len(line.seen) == 9


@pytest.mark.parametrize("code", [USED, LOOPS], ids=["sync", "async"])
def test_parent_and_child_speak_on_connections_of_their_own(code: str, line: Line) -> None:
    """A child that closes its copy of a connection must not end the parent's TLS session with it."""
    finish(start(code, "rest", line.url))
    assert line.ports(b"parent")
    assert line.ports(b"child")
    assert not line.ports(b"parent") & line.ports(b"child")
    if code is USED:
        assert len(line.ports(b"parent")) == 1
    assert {(row["state"], row["outcome"]) for row in rows()} == {("settled", "done")}


def test_forks_in_the_midst_of_handshakes_and_calls(line: Line) -> None:
    out = finish(start(UNDER_FIRE, "rest", line.url, 40))
    assert int(out) == len(line.seen) == len(rows())
