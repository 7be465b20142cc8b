"""17, 36: tokens of Microsoft and Google that are refused or hang: renewed once, by one of many."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from fault_support import (
    AZURE,
    FACES,
    GRPC,
    PICTURE,
    THREADS,
    Caller,
    TlsFront,
    in_threads,
    shown,
)

from broker import AuthFailed, Broker, DeadlineExceeded, Unavailable
from broker.errors import Outcome
from broker.testing.deadlines import ended_by_deadline
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker.testing.vendors import azure_error

faces = pytest.mark.parametrize("face", FACES)
TOKEN_ROUTE = "/metadata/identity/oauth2/token"  # a path


def bearer(seen: Any) -> str:
    found: str = seen.headers.get("authorization", "")
    return found.removeprefix("Bearer ")


class AzureTokens:
    """A managed identity that gives t1, t2, … and an Image Analysis that takes all but the revoked ones.

    :param tokens: names of the tokens in order, the last again and again.
    """

    def __init__(self, stub: VendorStub, tokens: list[str], revoked: set[str], seconds: int = 3600) -> None:
        self.stub = stub
        self.revoked = revoked
        self.fetched: list[str] = []
        self._tokens = tokens
        self._seconds = seconds
        stub.on(TOKEN_ROUTE, self._token)
        stub.on(AZURE.route, self._labels)

    def _token(self, seen: Any) -> Answer:
        if seen.headers.get("metadata") != "true":  # the chain's probe whether such a service is there
            return Answer(400, json={"error": "invalid_request"})
        self.fetched.append(self._tokens[min(len(self.fetched), len(self._tokens) - 1)])
        body = {"access_token": f"token-{self.fetched[-1]}", "resource": "r", "token_type": "Bearer"}
        lives = {"expires_in": str(self._seconds), "expires_on": str(int(time.time()) + self._seconds)}
        return Answer(json={**body, **lives}, delay=0.05)

    def _labels(self, seen: Any) -> Answer:
        if bearer(seen).removeprefix("token-") in self.revoked:
            return azure_error("401", "the token is not valid", 401)
        return Answer(json=AZURE.labels("Cat"))

    @property
    def asked(self) -> list[str]:
        """Tokens that came with the billable requests."""
        return [
            bearer(seen).removeprefix("token-") for seen in self.stub.requests if seen.path == AZURE.route
        ]


@pytest.fixture
def identity(monkeypatch: pytest.MonkeyPatch, vendor_stub: VendorStub) -> Callable[..., AzureTokens]:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", vendor_stub.url)

    def make(tokens: list[str], revoked: set[str], seconds: int = 3600) -> AzureTokens:
        return AzureTokens(vendor_stub, tokens, revoked, seconds)

    return make


def keyless(stub: VendorStub) -> dict[str, Any]:
    return {"endpoint": stub.url, "region": "eastus"}


@faces
def test_17_a_refused_token_is_renewed_once_and_the_call_tried_once_more(
    face: str, identity: Any, vendor_stub: VendorStub, call: Caller
) -> None:
    service = identity(["t1", "t2"], {"t1"})
    result = call(face, AZURE, vendor_stub.url, section=keyless(vendor_stub))
    assert [label.name for label in result.value.labels] == ["Cat"]
    assert service.asked == ["t1", "t2"] == service.fetched
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.REJECTED, Outcome.DONE]
    assert [row["billed"] for row in call.rows()] == ["no", "yes"]
    assert result.cost.amount is not None, "a refused attempt costs nothing, so the sum is known"


@faces
def test_17_refused_again_is_final(face: str, identity: Any, vendor_stub: VendorStub, call: Caller) -> None:
    service = identity(["t1", "t2", "t3"], {"t1", "t2", "t3"})
    with pytest.raises(AuthFailed) as caught:
        call(face, AZURE, vendor_stub.url, section=keyless(vendor_stub))
    assert service.asked == ["t1", "t2"] == service.fetched
    assert call.outcomes() == ["rejected", "rejected"]
    assert caught.value.billed is False
    assert "token-t" not in shown(caught.value)


@faces
def test_17_the_same_token_again_is_no_other_credential(
    face: str, identity: Any, vendor_stub: VendorStub, call: Caller
) -> None:
    service = identity(["t1"], {"t1"})
    with pytest.raises(AuthFailed):
        call(face, AZURE, vendor_stub.url, section=keyless(vendor_stub))
    assert service.asked == ["t1"]
    assert call.outcomes() == ["rejected"]


@faces
def test_17_a_missing_permission_asks_for_no_new_token(
    face: str, identity: Any, vendor_stub: VendorStub, call: Caller
) -> None:
    service = identity(["t1", "t2"], set())
    vendor_stub.on(AZURE.route, default=azure_error("PermissionDenied", "no role", 403))
    with pytest.raises(AuthFailed, match="role"):
        call(face, AZURE, vendor_stub.url, section=keyless(vendor_stub))
    assert service.fetched == ["t1"]
    assert call.outcomes() == ["rejected"]


def test_36_of_many_threads_with_a_refused_token_one_fetches_the_next(
    identity: Any, vendor_stub: VendorStub, call: Caller
) -> None:
    service = identity(["t1", "t2", "t3"], set())
    with Broker(**call.options(AZURE, vendor_stub.url, section=keyless(vendor_stub))) as broker:
        broker.vision.label(PICTURE)
        service.revoked.add("t1")
        results = in_threads(lambda: broker.vision.label(PICTURE))
        assert service.fetched == ["t1", "t2"]
        assert all(result.attempts[-1].outcome is Outcome.DONE for result in results)
        spent = sum(row.attempts for row in broker.spend())
    assert spent == len(service.asked)
    assert set(service.asked) == {"t1", "t2"}


def test_36_of_many_threads_without_a_token_one_fetches_it(
    identity: Any, vendor_stub: VendorStub, call: Caller
) -> None:
    service = identity(["t1", "t2"], set())
    with Broker(**call.options(AZURE, vendor_stub.url, section=keyless(vendor_stub))) as broker:
        in_threads(lambda: broker.vision.label(PICTURE))
    assert service.fetched == ["t1"]
    assert service.asked == ["t1"] * THREADS


def test_36_tasks_of_one_loop_share_a_renewal_too(
    identity: Any, vendor_stub: VendorStub, call: Caller
) -> None:
    from broker import AsyncBroker

    service = identity(["t1", "t2", "t3"], set())

    async def run() -> list[Any]:
        options = call.options(AZURE, vendor_stub.url, section=keyless(vendor_stub))
        async with AsyncBroker(**options) as broker:
            await broker.vision.label(PICTURE)
            service.revoked.add("t1")
            return await asyncio.gather(*(broker.vision.label(PICTURE) for _ in range(THREADS)))

    assert all(result.attempts[-1].outcome is Outcome.DONE for result in asyncio.run(run()))
    assert service.fetched == ["t1", "t2"]


@pytest.mark.realtime
@faces
def test_36_a_renewal_that_hangs_ends_with_the_deadline(
    face: str, identity: Any, vendor_stub: VendorStub, call: Caller
) -> None:
    service = identity(["t1"], {"t1"})
    taken: list[Any] = []  # by this call

    def token(seen: Any) -> Any:
        if seen.headers.get("metadata") != "true":
            return service._token(seen)
        taken.append(seen)
        return service._token(seen) if len(taken) == 1 else Fault.hang()

    def late(seconds: float) -> None:
        taken.clear()
        call(face, AZURE, vendor_stub.url, section=keyless(vendor_stub), deadline=seconds)

    vendor_stub.on(TOKEN_ROUTE, token)
    error = ended_by_deadline(late, lambda: len(taken) // 2)
    assert type(error) is DeadlineExceeded
    assert error.billed is False
    assert isinstance(error.last_error, AuthFailed)
    assert [row["outcome"] for row in call.rows() if row["call_id"] == error.call_id] == ["rejected"]
    assert len(taken) == 2


@pytest.fixture
def google(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vision_grpc_stub: Any, vendor_stub: VendorStub
) -> Iterator[dict[str, Any]]:
    """Settings of a service account whose token service is the HTTP stub, and Vision behind TLS."""
    pytest.importorskip("cryptography")
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "client_email": "a@example.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": key.decode(),
        "token_uri": f"{vendor_stub.url}/token",
        "project_id": "p",
    }
    (tmp_path / "account.json").write_text(json.dumps(account), encoding="utf-8")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    made = TlsFront(int(vision_grpc_stub.target.rpartition(":")[2]), authority)
    yield {
        "endpoint": f"https://localhost:{made.port}",
        "credentials_file": str(tmp_path / "account.json"),
    }
    made.close()


def google_tokens(stub: VendorStub, *names: str) -> None:
    answers = [Answer(json={"access_token": f"token-{name}", "expires_in": 3600}) for name in names]
    stub.on("/token", *answers)


@faces
@pytest.mark.parametrize("again", [False, True], ids=["helps", "refused again"])
def test_17_a_refused_google_token_is_renewed_once(
    again: bool,
    face: str,
    google: dict[str, Any],
    vision_grpc_stub: Any,
    vendor_stub: VendorStub,
    call: Caller,
) -> None:
    import grpc

    from broker.testing.grpc_stub import GrpcAnswer, GrpcError

    refusal = GrpcError(grpc.StatusCode.UNAUTHENTICATED, "the token is over")
    vision_grpc_stub.script([refusal, refusal if again else GrpcAnswer(GRPC.labels("Cat"))])
    google_tokens(vendor_stub, "t1", "t2", "t3")
    if again:
        with pytest.raises(AuthFailed):
            call(face, GRPC, "", section=google)
    else:
        result = call(face, GRPC, "", section=google)
        assert [label.name for label in result.value.labels] == ["Cat"]
    sent = [seen.metadata["authorization"] for seen in vision_grpc_stub.requests]
    assert sent == ["Bearer token-t1", "Bearer token-t2"]
    assert vendor_stub.count == 2
    assert call.outcomes() == ["rejected", "rejected" if again else "done"]


def test_39_a_token_service_that_is_away_is_no_refusal(
    identity: Any, vendor_stub: VendorStub, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credential may be good: nothing was sent, and a later call may succeed."""
    from broker_azure.transport import BrokerTransport

    monkeypatch.setattr(BrokerTransport, "sleep", lambda self, seconds: None)  # the chain's own pauses
    service = identity(["t1"], set())
    vendor_stub.on(TOKEN_ROUTE, default=Fault.reset_after_body())
    options = call.options(AZURE, vendor_stub.url, section=keyless(vendor_stub), max_attempts=1)
    with Broker(**options) as broker:
        with pytest.raises(Unavailable) as caught:
            broker.vision.label(PICTURE)
        assert (caught.value.outcome, caught.value.billed) == (Outcome.NOT_SENT, False)
        vendor_stub.on(TOKEN_ROUTE, service._token)
        assert len(broker.vision.label(PICTURE).attempts) == 1
