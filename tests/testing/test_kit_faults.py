"""What each fault puts on the wire, seen with httpx and raw sockets; and the list of faults as data."""

from __future__ import annotations

import socket
import time

import httpx
import pytest

from broker.contract import fault_error, retry_hint
from broker.errors import AuthFailed, MalformedReply, Outcome, ProviderError, Throttled
from broker.runtime.message import HttpReply
from broker.testing import (
    HTTP_FAULTS,
    Answer,
    Fault,
    FaultKind,
    NamedFault,
    VendorStub,
    aws_error,
    azure_error,
    error_answer,
    google_error,
    http_fault,
)
from broker.testing.deadlines import until
from broker.testing.faults import LARGE_REQUEST
from broker.testing.wire import bomb

REQUEST = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def raw(stub: VendorStub, request: bytes = REQUEST) -> bytes:
    """Everything the stub says to one request, until it closes."""
    with socket.create_connection(("127.0.0.1", stub.port), timeout=150) as client:
        client.sendall(request)
        parts = []
        while part := client.recv(65536):
            parts.append(part)
        return b"".join(parts)


def test_reset_after_body(stub: VendorStub, http: httpx.Client) -> None:
    stub.fault(Fault.reset_after_body())
    with pytest.raises(ConnectionResetError):
        raw(stub)
    with pytest.raises(httpx.ReadError):
        http.post("/", content=b"body")
    assert [seen.body for seen in stub.requests] == [b"{}", b"body"]


def test_reset_before_read_comes_before_the_body(stub: VendorStub, http: httpx.Client) -> None:
    stub.fault(Fault.reset_before_read())
    head = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
    with pytest.raises(ConnectionResetError):
        raw(stub, head)
    # httpx reads on after a failed write, since a server may answer before it has read all.
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        http.post("/", content=bytes(LARGE_REQUEST))
    assert stub.count == 2
    assert [seen.body for seen in stub.requests] == [b"", b""]


def test_a_large_body_meets_the_reset_while_it_is_being_written(stub: VendorStub) -> None:
    stub.fault(Fault.reset_before_read())
    head = f"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGE_REQUEST}\r\n\r\n".encode()
    for _ in range(5):
        with (
            socket.create_connection(("127.0.0.1", stub.port), timeout=150) as client,
            pytest.raises((ConnectionResetError, BrokenPipeError)),
        ):
            client.sendall(head + bytes(LARGE_REQUEST))


def test_reset_from_a_callable_comes_after_the_body(stub: VendorStub) -> None:
    stub.script(lambda seen: Fault.reset_before_read())
    with pytest.raises(ConnectionResetError):
        raw(stub)
    assert stub.requests[0].body == b"{}"


def test_close_empty(stub: VendorStub, http: httpx.Client) -> None:
    stub.fault(Fault.close_empty())
    assert raw(stub) == b""
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        http.post("/", content=b"body")
    assert stub.count == 2


def test_hang_ends_with_the_client(stub: VendorStub) -> None:
    stub.fault(Fault.hang())
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(stub.url, timeout=httpx.Timeout(60, read=0.1), trust_env=False)
    assert stub.wait_for(1)
    assert until(lambda: stub.open_connections == 0)


def test_drip_is_a_whole_answer_slowly(stub: VendorStub, http: httpx.Client) -> None:
    stub.fault(Fault.drip(0.25, {"a": 1}))
    start = time.monotonic()
    with http.stream("POST", "/") as reply:
        head = time.monotonic()
        assert reply.status_code == 200
        chunks = list(reply.iter_raw())
    assert b"".join(chunks) == b'{"a": 1}'
    assert len(chunks) > 1
    assert time.monotonic() - start >= 8 * 0.25
    assert time.monotonic() - head >= 1.0, "the head came long before the end"
    assert http.post("/").json() == {"a": 1}
    assert stub.open_connections == 1


def test_truncated_is_valid_json_cut_short(stub: VendorStub, http: httpx.Client) -> None:
    stub.fault(Fault.truncated({"a": 1}))
    assert raw(stub).endswith(b'\r\n\r\n{"a": 1}')
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/")


def test_chunk_cut(stub: VendorStub, http: httpx.Client) -> None:
    stub.fault(Fault.chunk_cut({"a": 1}))
    assert raw(stub).endswith(b'\r\n\r\n8\r\n{"a"')
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/")


def test_html_and_empty_are_200(stub: VendorStub, http: httpx.Client) -> None:
    stub.on("S.Html", Fault.html())
    stub.on("/empty", Fault.empty())
    html = http.post("/", headers={"X-Amz-Target": "S.Html"})
    assert html.status_code == 200
    assert html.headers["content-type"].startswith("text/html")
    assert html.text.startswith("<!DOCTYPE html>")
    empty = http.post("/empty")
    assert empty.status_code == 200
    assert empty.headers["content-type"].startswith("application/json")
    assert empty.headers["content-length"] == "0"


def test_gzip_bomb_is_small_on_the_wire_and_valid_behind_it(stub: VendorStub, http: httpx.Client) -> None:
    size = 3 * 1024 * 1024 + 17
    stub.fault(Fault.gzip_bomb(size))
    assert len(bomb(size)) < size / 500
    reply = http.post("/")
    assert len(reply.content) == size
    assert reply.json() == {}


def test_redirect_leads_back_to_the_stub(stub: VendorStub, http: httpx.Client) -> None:
    stub.on("/x", Fault.redirect())
    stub.on("/redirected", {"followed": True})
    reply = http.post("/x")
    assert (reply.status_code, reply.headers["location"]) == (302, "/redirected")
    assert stub.count == 1
    assert http.post("/x", follow_redirects=True).json() == {"followed": True}
    assert stub.count == 3


def test_garbage_is_no_http(stub: VendorStub, http: httpx.Client) -> None:
    stub.fault(Fault.garbage())
    assert not raw(stub).startswith(b"HTTP/")
    with pytest.raises(httpx.RemoteProtocolError):
        http.post("/")


def test_faults_can_end(stub: VendorStub, http: httpx.Client) -> None:
    stub.fault(Fault.html(), times=2, then={"ok": True})
    types = [http.post("/").headers["content-type"].partition(";")[0] for _ in range(4)]
    assert types == ["text/html", "text/html", "application/json", "application/json"]
    with pytest.raises(ValueError, match="what comes after"):
        stub.fault(Fault.html(), times=2)


# ---------------------------------------------------------------------- vendors' errors


def test_error_bodies_have_the_vendors_shapes(stub: VendorStub, http: httpx.Client) -> None:
    retry_info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
    stub.on("/aws", aws_error("ThrottlingException", "slow down"))
    stub.on("/azure", azure_error("InvalidImageSize", "too large"))
    stub.on("/google", google_error("RESOURCE_EXHAUSTED", "slow", 429, [retry_info]))
    aws = http.post("/aws")
    assert aws.status_code == 400
    assert aws.json() == {"__type": "ThrottlingException", "message": "slow down"}
    assert aws.headers["content-type"] == "application/x-amz-json-1.1"
    azure = http.post("/azure")
    assert azure.json() == {"error": {"code": "InvalidImageSize", "message": "too large"}}
    assert azure.headers["x-ms-error-code"] == "InvalidImageSize"
    google = http.post("/google")
    assert google.status_code == 429
    assert google.json()["error"] == {
        "code": 429,
        "message": "slow",
        "status": "RESOURCE_EXHAUSTED",
        "details": [retry_info],
    }


def test_a_status_in_each_vendors_words() -> None:
    assert error_answer("aws", 429).json["__type"] == "ThrottlingException"  # type: ignore[index,call-overload]
    assert error_answer("azure", 401).headers["x-ms-error-code"] == "401"
    google = error_answer("gcp", 404, headers={"retry-after": "1"})
    assert google.json["error"]["status"] == "NOT_FOUND"  # type: ignore[index,call-overload]
    assert google.headers["retry-after"] == "1"
    assert error_answer(None, 500).json == {"message": "scripted fault"}
    for vendor in ("aws", "azure", "gcp"):
        assert error_answer(vendor, 599).json == {"message": "scripted fault"}


# ---------------------------------------------------------------------- the list


def test_the_list_names_every_fault_once() -> None:
    names = [fault.name for fault in HTTP_FAULTS]
    assert len(set(names)) == len(names)
    kinds = {fault.misbehaviour.kind for fault in HTTP_FAULTS if fault.misbehaviour}
    assert kinds == set(FaultKind)
    statuses = {fault.status for fault in HTTP_FAULTS if fault.status}
    assert statuses == {400, 401, 403, 404, 408, 413, 429, 500, 502, 503, 504, 599}
    assert str(http_fault("hang")) == "6-hang"
    with pytest.raises(KeyError):
        http_fault("nonsense")


def test_expectations_follow_the_rules() -> None:
    retried = {fault.name for fault in HTTP_FAULTS if fault.retried}
    assert {fault.status for fault in HTTP_FAULTS if fault.retried and fault.status} == {
        *(408, 429),
        *(500, 502, 503, 504),
    }
    assert {fault.name for fault in HTTP_FAULTS if fault.retried and not fault.status} == {
        "reset_before_read"
    }
    assert "403_retry_after" not in retried
    for fault in HTTP_FAULTS:
        if fault.outcome is Outcome.BAD_REPLY:
            assert (fault.error, fault.billed) == (MalformedReply, True)
        if fault.outcome is Outcome.AMBIGUOUS or (fault.status or 0) >= 500:
            assert fault.billed is None
        if fault.status in (400, 401, 403, 404, 429):
            assert fault.billed is False
    assert http_fault("403_retry_after").error is AuthFailed
    assert http_fault("429_huge").error is Throttled


@pytest.mark.parametrize("vendor", [None, "aws", "azure", "gcp"])
@pytest.mark.parametrize("fault", [fault for fault in HTTP_FAULTS if fault.status], ids=str)
def test_statuses_mean_what_the_contract_says(
    fault: NamedFault, vendor: str | None, stub: VendorStub, http: httpx.Client
) -> None:
    stub.script([fault.step(vendor)])  # type: ignore[arg-type]
    reply = http.post("/x")
    error = fault_error({}, status=reply.status_code, code=None, message="", headers=dict(reply.headers))
    assert type(error) is fault.error
    assert error.outcome is fault.outcome
    assert error.billed is fault.billed
    assert error.retry_after == fault.hint


@pytest.mark.parametrize("name", ["html_200", "empty_200"])
def test_bad_200s_are_malformed(name: str, stub: VendorStub, http: httpx.Client) -> None:
    stub.script([http_fault(name).answer])
    reply = http.post("/x")
    with pytest.raises(MalformedReply) as caught:
        HttpReply(status=200, headers=dict(reply.headers), content=reply.content).json()
    assert caught.value.billed is http_fault(name).billed


def test_a_redirect_is_refused_by_the_contract() -> None:
    fault = http_fault("redirect")
    error: ProviderError = fault_error({}, status=302, code=None, message="")
    assert (type(error), error.outcome) == (fault.error, fault.outcome)


def test_hints_are_on_the_answers() -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    for fault in HTTP_FAULTS:
        step = fault.step("azure")
        if isinstance(step, Answer):
            assert retry_hint(step.headers, now) == fault.hint
