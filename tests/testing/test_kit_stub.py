"""The HTTP stub when it behaves: routing, vendors' headers, counting, keep-alive, shutdown."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from broker.testing import Answer, Fault, SeenRequest, VendorStub, azure_error

LABELS = "RekognitionService.DetectLabels"
ANALYZE = "/computervision/imageanalysis:analyze"
ANNOTATE = "/v1/images:annotate"


def test_one_stub_serves_all_vendors_at_once(stub: VendorStub, http: httpx.Client) -> None:
    stub.on(LABELS, {"Labels": []})
    stub.on(ANALYZE, {"tagsResult": {"values": []}})
    stub.on(ANNOTATE, {"responses": [{}]})

    aws = http.post("/", headers={"X-Amz-Target": LABELS}, content=b"{}")
    assert aws.json() == {"Labels": []}
    assert aws.headers["content-type"] == "application/x-amz-json-1.1"
    assert aws.headers["x-amzn-RequestId"] == "00000000-0000-0000-0000-000000000001"
    assert "apim-request-id" not in aws.headers

    azure = http.post(ANALYZE, params={"api-version": "2023-10-01", "features": "tags"}, content=b"x")
    assert azure.json() == {"tagsResult": {"values": []}}
    assert azure.headers["apim-request-id"] == "00000000-0000-0000-0000-000000000002"
    assert azure.headers["content-type"].startswith("application/json")

    google = http.post(ANNOTATE, json={"requests": []})
    assert google.json() == {"responses": [{}]}
    assert not [name for name in google.headers if "request" in name]
    assert [seen.route for seen in stub.requests] == [LABELS, ANALYZE, ANNOTATE]


def test_an_unknown_route_is_a_404_that_names_it(stub: VendorStub, http: httpx.Client) -> None:
    for headers, path, route in (
        ({"X-Amz-Target": "RekognitionService.DetectFaces"}, "/", "RekognitionService.DetectFaces"),
        ({}, "/v1/files:annotate", "/v1/files:annotate"),
    ):
        reply = http.post(path, headers=headers)
        assert reply.status_code == 404
        body = reply.json()
        assert body["route"] == route
        assert route in body["message"]
        assert route in body["error"]["message"]
    assert stub.count == 2


def test_a_request_is_kept_as_it_came(stub: VendorStub, http: httpx.Client) -> None:
    stub.reply({})
    http.post("/a%20b?x=1&y=%C3%A9", headers=[("X-Two", "1"), ("X-Two", "2")], content=b"\x00body")
    (seen,) = stub.requests
    assert (seen.method, seen.path, seen.query) == ("POST", "/a b", "x=1&y=%C3%A9")
    assert seen.params == {"x": "1", "y": "é"}
    assert seen.headers["x-two"] == "1, 2"
    assert seen.body == b"\x00body"
    with pytest.raises(AttributeError):
        seen.path = "/other"  # type: ignore[misc]


def test_chunked_and_large_bodies_are_read_whole(stub: VendorStub, http: httpx.Client) -> None:
    stub.reply({})
    parts = [bytes([n]) * 100_000 for n in range(30)]

    def chunks() -> Iterator[bytes]:
        yield from parts

    http.post("/", content=chunks())
    http.post("/", content=b"".join(parts))
    chunked, whole = stub.requests
    assert chunked.headers["transfer-encoding"] == "chunked"
    assert chunked.body == whole.body == b"".join(parts)


def test_expect_100_continue_is_honoured(stub: VendorStub) -> None:
    stub.reply({"ok": True})
    with socket.create_connection(("127.0.0.1", stub.port), timeout=150) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"ab")
        assert client.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")
    assert stub.requests[0].body == b"ab"


def test_steps_of_a_route_win_over_the_general_answer(stub: VendorStub, http: httpx.Client) -> None:
    stub.reply({"general": True})
    script = stub.on(LABELS, Answer(500), default={"Labels": []})
    headers = {"X-Amz-Target": LABELS}
    assert http.post("/", headers=headers).status_code == 500
    assert script.left == 0
    assert http.post("/", headers=headers).json() == {"Labels": []}
    assert http.post("/x").json() == {"general": True}


def test_a_path_serves_aws_targets_that_have_no_script(stub: VendorStub, http: httpx.Client) -> None:
    stub.on("/", {"any": "target"})
    assert http.post("/", headers={"X-Amz-Target": "S.Anything"}).json() == {"any": "target"}


def test_a_callable_sees_the_whole_request(stub: VendorStub, http: httpx.Client) -> None:
    def decide(seen: SeenRequest) -> Answer | Fault:
        return Answer(json={"size": len(seen.body)}) if seen.body else azure_error("InvalidRequest", "empty")

    stub.on(ANALYZE, decide)
    assert http.post(ANALYZE, content=b"12345").json() == {"size": 5}
    refused = http.post(ANALYZE)
    assert refused.status_code == 400
    assert refused.headers["x-ms-error-code"] == "InvalidRequest"


def test_a_raising_callable_is_a_500_and_shown_on_close() -> None:
    def broken(seen: SeenRequest) -> Answer:
        raise LookupError("slip in the test")

    stub = VendorStub()
    stub.script(broken)
    assert httpx.post(stub.url, trust_env=False).status_code == 500
    with pytest.raises(LookupError, match="slip"):
        stub.close()
    stub.close()


def test_status_headers_and_raw_body_are_sent_as_given(stub: VendorStub, http: httpx.Client) -> None:
    recorded = b'{\n "Labels": []\n}'
    stub.reply(body=recorded, status=299, headers={"Content-Type": "text/x-own", "X-Own": "1"})
    reply = http.get("/")
    assert reply.status_code == 299
    assert reply.content == recorded
    assert reply.headers.get_list("content-type") == ["text/x-own"]
    assert reply.headers["x-own"] == "1"
    assert "date" in reply.headers


def test_head_and_204_have_no_body(stub: VendorStub, http: httpx.Client) -> None:
    stub.reply({"a": 1})
    assert http.head("/").headers["content-length"] == "8"
    stub.reply(status=204)
    assert http.get("/").content == b""
    assert http.get("/").status_code == 204
    assert stub.open_connections == 1


def test_connections_are_kept_alive_and_answers_come_in_one_piece(stub: VendorStub) -> None:
    stub.reply({"Labels": ["x"] * 50})
    request = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", stub.port), timeout=150) as client:
        for _ in range(3):
            client.sendall(request)
            reply = client.recv(65536)
            head, _, body = reply.partition(b"\r\n\r\n")
            assert f"content-length: {len(body)}".encode() in head
            assert json.loads(body) == {"Labels": ["x"] * 50}
        assert stub.open_connections == 1
        client.sendall(request.replace(b"Host: x", b"Connection: close"))
        assert client.recv(65536)
        assert client.recv(10) == b""
    assert stub.count == 4


def test_what_is_no_http_is_closed_and_not_counted(stub: VendorStub) -> None:
    for rubbish in (b"hello\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"x" * 300_000):
        with socket.create_connection(("127.0.0.1", stub.port), timeout=150) as client:
            client.sendall(rubbish)
            with contextlib.suppress(ConnectionResetError):
                assert client.recv(10) == b""
    assert stub.count == 0


def test_many_threads_are_counted_right(stub: VendorStub) -> None:
    stub.script([Answer(json={"n": n}) for n in range(200)], {"late": True})
    with httpx.Client(base_url=stub.url, trust_env=False) as client, ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda n: client.post("/", content=str(n)).json(), range(200)))
    assert sorted(reply["n"] for reply in replies) == list(range(200))
    assert stub.count == 200
    assert sorted(int(seen.body) for seen in stub.requests) == list(range(200))


def test_reset_forgets_scripts_and_requests_but_keeps_connections(
    stub: VendorStub, http: httpx.Client
) -> None:
    stub.on("/a", {})
    stub.reply({})
    http.get("/a")
    http.get("/b")
    stub.reset()
    assert (stub.count, stub.requests) == (0, ())
    assert http.get("/a").status_code == 404
    assert stub.open_connections == 1


def test_delay_and_waiting_for_arrival(stub: VendorStub, http: httpx.Client) -> None:
    release = threading.Event()

    def when_released(_: SeenRequest) -> Answer:
        release.wait(60)
        return Answer(delay=0.15)

    stub.script(when_released)
    assert not stub.wait_for(1, timeout=0.01)
    caller = threading.Thread(target=http.get, args=("/",))
    caller.start()
    assert stub.wait_for(1), "it does not take an answer"
    start = time.monotonic()
    release.set()
    caller.join()
    assert time.monotonic() - start >= 0.15


def test_close_leaves_no_thread_and_no_open_port() -> None:
    before = threading.active_count()
    with VendorStub() as stub:
        stub.reply({})
        with httpx.Client(base_url=stub.url, trust_env=False) as client:
            client.get("/")
            client.get("/")
            stub.close()  # with an idle connection open
    assert threading.active_count() == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", stub.port), timeout=150)


@pytest.mark.parametrize(
    "step",
    [
        Fault.hang(),
        Fault.drip(5.0),
        Answer(json={}, delay=60.0),
        Answer(body=bytes(16 * 1024 * 1024)),  # blocks on a client that does not read
    ],
    ids=["hang", "drip", "delay", "unread"],
)
def test_close_is_quick_with_requests_in_flight(step: Answer | Fault) -> None:
    before = threading.active_count()
    stub = VendorStub()
    stub.script([step])
    clients = [socket.create_connection(("127.0.0.1", stub.port), timeout=150) for _ in range(5)]
    for client in clients:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert stub.wait_for(5)
    time.sleep(0.05)
    start = time.monotonic()
    stub.close()
    assert time.monotonic() - start < 30
    assert threading.active_count() == before
    assert stub.open_connections == 0
    for client in clients:
        client.close()


def test_close_is_bounded_even_when_a_script_blocks() -> None:
    release = threading.Event()

    def blocks(seen: SeenRequest) -> Answer:
        release.wait(90)
        return Answer()

    stub = VendorStub()
    stub.script(blocks)
    with socket.create_connection(("127.0.0.1", stub.port), timeout=150) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stub.wait_for(1)
        start = time.monotonic()
        stub.close()
        assert time.monotonic() - start < 30
        release.set()
