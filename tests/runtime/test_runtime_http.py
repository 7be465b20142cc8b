"""The one way out: TLS, proxies, addresses and what a failure before or after sending means."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore
import pytest
import trustme

from broker.errors import BrokerError, DeadlineExceeded, MalformedReply, NotConfigured, Outcome, Unavailable
from broker.runtime import http as http_module
from broker.runtime.asynchronous import AsyncRuntime
from broker.runtime.blocking import BlockingRuntime, Suspended, drive
from broker.runtime.exchange import Exchange
from broker.runtime.message import HttpReply
from broker.runtime.network import CONNECT_SECONDS
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub


def send(face: str, url: str, seconds: float = 30.0, **more: Any) -> HttpReply:
    deadline = time.monotonic() + seconds
    if face == "prepared":
        runtime = BlockingRuntime()
        try:
            return runtime.http(deadline).send_blocking("POST", url, **more)
        finally:
            runtime.close()
    if face == "sync":
        runtime = BlockingRuntime()
        try:
            return drive(runtime.http(deadline).send("POST", url, **more))
        finally:
            runtime.close()

    async def run() -> HttpReply:
        loops = AsyncRuntime()
        try:
            return await loops.http(deadline).send("POST", url, **more)
        finally:
            await loops.aclose()

    return asyncio.run(run())


faces = pytest.mark.parametrize("face", ["sync", "prepared", "async"])


@pytest.fixture(autouse=True)
def forget_caches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trust and proxies are read once a process; each test has its own."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in http_module._CA_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for cached in (http_module._ssl_context, http_module._proxy_for, http_module._check_scheme):
        cached.cache_clear()
    yield
    for cached in (http_module._ssl_context, http_module._proxy_for, http_module._check_scheme):
        cached.cache_clear()


class _Hello(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.dumps({"hello": self.headers["host"]}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[trustme.CA, str]]:
    """A TLS server whose certificate is for localhost, and the CA that signed it."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Hello)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # refused handshakes are the test's aim
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield authority, f":{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@faces
def test_an_untrusted_certificate_is_refused_for_good_and_nothing_was_sent(
    face: str, tls_server: tuple[trustme.CA, str]
) -> None:
    with pytest.raises(NotConfigured, match="SSL_CERT_FILE") as caught:
        send(face, f"https://localhost{tls_server[1]}/x", content=b"secret")
    assert caught.value.outcome is Outcome.NOT_SENT


@faces
def test_the_usual_variable_names_a_ca_file(
    face: str, tls_server: tuple[trustme.CA, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, port = tls_server
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert send(face, f"https://localhost{port}/x", content=b"x").json() == {"hello": f"localhost{port}"}
    with pytest.raises(NotConfigured, match="not trusted"):
        send(face, f"https://127.0.0.1{port}/x", content=b"x")  # a certificate for another name


@faces
def test_a_ca_file_that_is_not_there_is_named(face: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/ca.pem")
    with pytest.raises(NotConfigured, match=r"SSL_CERT_FILE names .*ca.pem"):
        send(face, "https://localhost:1/x")


@faces
@pytest.mark.parametrize("url", ["http://vision.example.com/x", "ftp://localhost/x", "http://10.0.0.1/x"])
def test_credentials_never_travel_unencrypted(face: str, url: str) -> None:
    with pytest.raises(NotConfigured, match="https"):
        send(face, url)


@faces
def test_a_name_that_does_not_resolve_was_not_sent(face: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(Unavailable) as caught:
        send(face, "https://nowhere.localhost/x")
    assert caught.value.outcome is Outcome.NOT_SENT


def test_a_dead_first_address_does_not_eat_the_time_of_the_second(
    vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_stub.on("/x", default=Answer(json={"ok": True}))
    tried: list[tuple[str, float]] = []
    real = httpcore.SyncBackend.connect_tcp

    def connect(self: Any, host: str, port: int, timeout: float | None = None, *rest: Any) -> Any:
        tried.append((host, timeout or 0))
        if host == "::1":
            raise httpcore.ConnectTimeout("black hole")
        return real(self, host, port, timeout, *rest)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", connect)
    addresses = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", vendor_stub.port, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", vendor_stub.port)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    assert send("sync", f"http://localhost:{vendor_stub.port}/x", seconds=30.0).json() == {"ok": True}
    assert [host for host, _ in tried] == ["::1", "127.0.0.1"]
    assert tried[0][1] <= CONNECT_SECONDS / 2


@faces
def test_an_http_proxy_is_used_and_its_refusal_told(
    face: str, vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_stub.script([], default=Answer(status=407))
    monkeypatch.setenv("HTTPS_PROXY", vendor_stub.url)
    with pytest.raises(NotConfigured, match="HTTPS_PROXY"):
        send(face, "https://vision.example.com/x")
    assert [request.method for request in vendor_stub.requests] == ["CONNECT"]


@faces
def test_a_redirect_is_an_answer_and_is_not_followed(face: str, vendor_stub: VendorStub) -> None:
    vendor_stub.on("/x", default=Fault.redirect())
    assert send(face, f"{vendor_stub.url}/x", headers={"authorization": "k"}).status == 302
    assert vendor_stub.count == 1


@faces
def test_gzip_is_decoded_and_an_unasked_encoding_refused(face: str, vendor_stub: VendorStub) -> None:
    import gzip

    packed = gzip.compress(b'{"a": 1}')
    vendor_stub.on("/x", default=Answer(body=packed, headers={"content-encoding": "gzip"}))
    assert send(face, f"{vendor_stub.url}/x").json() == {"a": 1}
    vendor_stub.on("/x", default=Answer(body=packed[:-4], headers={"content-encoding": "gzip"}))
    with pytest.raises(MalformedReply, match="cut short"):
        send(face, f"{vendor_stub.url}/x")
    vendor_stub.on("/x", default=Answer(body=b"??", headers={"content-encoding": "br"}))
    with pytest.raises(MalformedReply, match="not asked for"):
        send(face, f"{vendor_stub.url}/x")


@faces
def test_an_error_status_survives_a_cut_body(face: str, vendor_stub: VendorStub) -> None:
    body = b"HTTP/1.1 503 Busy\r\nretry-after: 3\r\ncontent-length: 100\r\n\r\nshort"
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(body)

    thread = threading.Thread(target=serve)
    thread.start()
    reply = send(face, f"http://127.0.0.1:{server.getsockname()[1]}/x", content=b"x")
    thread.join()
    server.close()
    assert (reply.status, reply.headers["retry-after"]) == (503, "3")


@faces
def test_a_deadline_in_the_past_sends_nothing(face: str, vendor_stub: VendorStub) -> None:
    with pytest.raises(BrokerError) as caught:
        send(face, f"{vendor_stub.url}/x", seconds=-1.0)
    assert isinstance(caught.value, DeadlineExceeded)
    assert caught.value.outcome is Outcome.NOT_SENT
    assert vendor_stub.count == 0


def test_waiting_for_a_free_connection_ends_at_the_deadline(
    vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "MAX_CONNECTIONS", 1)
    vendor_stub.on("/x", default=Fault.hang())
    runtime = BlockingRuntime()
    errors: list[BrokerError] = []

    def one(seconds: float) -> None:
        try:
            drive(runtime.http(time.monotonic() + seconds).send("POST", f"{vendor_stub.url}/x"))
        except BrokerError as error:
            errors.append(error)

    first = threading.Thread(target=one, args=(60.0,))
    first.start()
    assert vendor_stub.wait_for(1)
    one(0.2)
    (late,) = errors
    assert isinstance(late, DeadlineExceeded)
    assert late.outcome is Outcome.NOT_SENT
    assert vendor_stub.count == 1
    vendor_stub.close()  # and so the first one's connection
    first.join()
    runtime.close()
    assert errors[1].outcome is Outcome.AMBIGUOUS


def test_what_really_suspends_is_refused_under_the_synchronous_runtime() -> None:
    async def foreign() -> None:
        await asyncio.sleep(0)

    with pytest.raises(Suspended, match="AsyncBroker"):
        drive(foreign())


@pytest.mark.filterwarnings(
    "ignore:This process:DeprecationWarning"
)  # the stub's threads; Python 3.12+ warns
def test_a_forked_child_makes_connections_of_its_own(vendor_stub: VendorStub) -> None:
    vendor_stub.on("/x", default=Answer(json={"ok": True}))
    runtime = BlockingRuntime()

    def one() -> bool:
        return drive(runtime.http(time.monotonic() + 30).send("POST", f"{vendor_stub.url}/x")).status == 200

    assert one()
    child = os.fork()
    if child == 0:
        os._exit(0 if one() and one() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert one()
    runtime.close()
    assert vendor_stub.count == 4


@pytest.mark.realtime
@pytest.mark.parametrize("face", ["sync", "prepared"])
def test_a_resolver_that_hangs_does_not_hold_the_call(
    face: str, vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: freed.wait(90.0) and [])
    started = time.monotonic()
    with pytest.raises(BrokerError) as caught:
        send(face, f"http://localhost:{vendor_stub.port}/x", seconds=0.3)
    freed.set()
    assert time.monotonic() - started < 30.0
    assert isinstance(caught.value, DeadlineExceeded)
    assert caught.value.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(
    ("failure", "sent", "unreached"),
    [
        (httpcore.ConnectTimeout(), 0, True),
        (httpcore.PoolTimeout(), 0, False),  # it waited here
        (httpcore.ReadTimeout(), 10, False),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_deadline_that_went_into_connecting_is_told_apart(
    failure: Exception, sent: int, unreached: bool
) -> None:
    exchange = Exchange(1.0, lambda: 2.0)
    exchange.sent = sent
    error = exchange.error(failure, "host.example")
    assert isinstance(error, DeadlineExceeded)
    assert error.unreached is unreached
