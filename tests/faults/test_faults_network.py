"""Names, connections, certificates, proxies and idle connections, by every family of transports."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from fault_support import (
    ATTEMPTS,
    CANARY,
    CLOUD,
    FACES,
    GRPC,
    HTTP,
    Caller,
    Family,
    TlsFront,
    by_turns,
    script,
    shown,
)

from broker import DeadlineExceeded, NotConfigured, Unavailable
from broker.errors import Outcome
from broker.runtime import network
from broker.testing.deadlines import until
from broker.testing.script import Answer
from broker.testing.stub import VendorStub

faces = pytest.mark.parametrize("face", FACES)
families = pytest.mark.parametrize("family", CLOUD, ids=lambda family: family.name)
http_families = pytest.mark.parametrize("family", HTTP, ids=lambda family: family.name)
AUTHORITY = trustme.CA()


def port_of_nobody() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@faces
@families
def test_1_a_name_that_does_not_resolve_was_not_sent(
    family: Family, face: str, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """gRPC has a resolver of its own; where that knows the name, nobody listens there: the same for the bill."""

    def fail(*_: object, **__: object) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(Unavailable) as caught:
        call(face, family, "https://nowhere.localhost:1", deadline=30.0)
    assert (caught.value.outcome, caught.value.billed) == (Outcome.NOT_SENT, False)
    assert call.outcomes() == ["not_sent"] * ATTEMPTS
    assert caught.value.cost is not None
    assert caught.value.cost.billed.value == "no"


@faces
@families
def test_2_a_refused_connection_was_not_sent(family: Family, face: str, call: Caller) -> None:
    with pytest.raises(Unavailable) as caught:
        call(face, family, f"http://127.0.0.1:{port_of_nobody()}", deadline=30.0)
    assert (caught.value.outcome, caught.value.billed) == (Outcome.NOT_SENT, False)
    assert call.outcomes() == ["not_sent"] * ATTEMPTS


@contextmanager
def black_hole() -> Iterator[int]:
    """A port whose queue is full, so that the kernel answers no further connection."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            waiting.append(client)
        try:
            yield port
        finally:
            for client in waiting:
                client.close()


@pytest.mark.realtime
@faces
@http_families
def test_3_a_host_that_does_not_accept_is_given_up_soon(
    family: Family, face: str, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert network.CONNECT_SECONDS <= 5.0
    monkeypatch.setattr(network, "CONNECT_SECONDS", 0.15)
    started = time.monotonic()
    with black_hole() as port, pytest.raises(Unavailable) as caught:
        call(face, family, f"http://127.0.0.1:{port}", deadline=90.0)
    assert time.monotonic() - started < 30.0
    assert (caught.value.outcome, caught.value.billed) == (Outcome.NOT_SENT, False)
    assert call.outcomes() == ["not_sent"] * ATTEMPTS


@pytest.mark.realtime
@faces
@families
def test_3_the_deadline_holds_while_connecting(family: Family, face: str, call: Caller) -> None:
    started = time.monotonic()
    with black_hole() as port, pytest.raises(DeadlineExceeded) as caught:
        call(face, family, f"http://127.0.0.1:{port}", deadline=0.9)
    assert time.monotonic() - started < 30.0, "the system itself gives up after minutes"
    assert caught.value.billed is False
    assert set(call.outcomes()) == {"not_sent"}


@faces
@http_families
def test_5_an_idle_connection_that_was_closed_is_replaced_unseen(
    family: Family, face: str, vendor_stub: VendorStub, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server hangs up after each answer without saying so, as load balancers do after a while."""
    script(vendor_stub, family, Answer(json=family.labels("Cat")))
    real = VendorStub._one

    def one(self: Any, connection: Any, reader: Any) -> bool:
        real(self, connection, reader)
        return False

    monkeypatch.setattr(VendorStub, "_one", one)

    def gone() -> None:
        assert until(lambda: vendor_stub.open_connections == 0)

    result = call(face, family, vendor_stub.url, times=3, between=gone)
    assert len(result.attempts) == 1
    assert vendor_stub.count == len(call.rows()) == 3
    assert call.outcomes() == ["done"] * 3


def front(port: int, kind: str) -> TlsFront:
    past = datetime.now(UTC) - timedelta(days=2)
    if kind == "expired":
        return TlsFront(port, AUTHORITY, not_after=past)
    if kind == "other host":
        return TlsFront(port, AUTHORITY, name="elsewhere.example")
    return TlsFront(port, trustme.CA())


@pytest.fixture
def bad_front(kind: str, vendor_stub: VendorStub) -> Iterator[TlsFront]:
    made = front(vendor_stub.port, kind)
    yield made
    made.close()


@http_families
@by_turns("kind", ["expired", "other host", "stranger"])
def test_11_a_certificate_that_is_not_good_ends_the_call_at_once(
    kind: str,
    family: Family,
    face: str,
    bad_front: TlsFront,
    vendor_stub: VendorStub,
    call: Caller,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(NotConfigured, match="not trusted") as caught:
        call(face, family, f"https://localhost:{bad_front.port}")
    assert caught.value.billed is False
    assert vendor_stub.count == 0
    assert call.outcomes() == ["not_sent"], "never again, and never without TLS"
    assert CANARY not in shown(caught.value)


@faces
def test_11_grpc_tells_no_reason_but_sends_nothing(face: str, vision_grpc_stub: Any, call: Caller) -> None:
    """gRPC has one code for all that keeps it from connecting, so a bad certificate is tried again, for free."""
    port = int(vision_grpc_stub.target.rpartition(":")[2])
    made = front(port, "stranger")
    try:
        with pytest.raises(Unavailable) as caught:
            call(face, GRPC, f"https://localhost:{made.port}", deadline=30.0)
    finally:
        made.close()
    assert (caught.value.outcome, caught.value.billed) == (Outcome.NOT_SENT, False)
    assert vision_grpc_stub.count == 0
    assert set(call.outcomes()) == {"not_sent"}


@families
@by_turns("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"])
def test_12_a_ca_file_of_ones_own_holds_for_every_transport(
    variable: str,
    family: Family,
    face: str,
    request: pytest.FixtureRequest,
    call: Caller,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
    if family is GRPC:
        stub: Any = request.getfixturevalue("vision_grpc_stub")
        stub.reply(GRPC.labels("Cat"))
        port = int(stub.target.rpartition(":")[2])
    else:
        stub = request.getfixturevalue("vendor_stub")
        script(stub, family)
        port = stub.port
    made = TlsFront(port, AUTHORITY)
    try:
        result = call(face, family, f"https://localhost:{made.port}")
    finally:
        made.close()
    assert [label.name for label in result.value.labels] == ["Cat"]
    assert stub.count == len(call.rows()) == 1


@faces
@http_families
def test_13_a_proxy_that_refuses_is_named(
    family: Family, face: str, vendor_stub: VendorStub, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_stub.script([], default=Answer(status=407))
    monkeypatch.setenv("HTTPS_PROXY", vendor_stub.url)
    with pytest.raises(NotConfigured, match="HTTPS_PROXY") as caught:
        call(face, family, "https://vision.example.com")
    assert caught.value.billed is False
    assert [request.method for request in vendor_stub.requests] == ["CONNECT"]
    assert CANARY not in "".join(f"{request.headers}" for request in vendor_stub.requests)
    assert call.outcomes() == ["not_sent"]


@faces
@http_families
def test_14_no_credential_goes_over_plain_http_to_another_machine(
    family: Family, face: str, call: Caller
) -> None:
    with pytest.raises(NotConfigured, match="https"):
        call(face, family, "http://vision.example.com")
    assert set(call.outcomes()) <= {"not_sent"}
