"""Google credentials: fetched once, refused rightly, absent and told; endpoints."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CANARY, raised

from broker import errors
from broker.testing.deadlines import ended_by_deadline
from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub
from broker_gcp import GcpAdapter, GcpSettings

NOWHERE = "https://127.0.0.1:1"


def service_account(tmp_path: Path, token_uri: str) -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "account.json"
    account = {
        "type": "service_account",
        "client_email": "a@example.iam.gserviceaccount.com",
        "private_key_id": "1",
        "private_key": key.decode(),
        "token_uri": token_uri,
        "project_id": "p",
    }
    path.write_text(json.dumps(account), encoding="utf-8")
    return str(path)


@pytest.fixture
def signed(stub: VendorStub, tmp_path: Path) -> Iterator[GcpAdapter]:
    """An adapter whose token service is the stub."""
    pytest.importorskip("cryptography")
    account = service_account(tmp_path, f"{stub.url}/token")
    adapter = GcpAdapter(GcpSettings(endpoint=NOWHERE, credentials_file=account, project="bill"))
    yield adapter
    adapter.close()


def seen_headers(adapter: GcpAdapter, context: Any) -> Any:
    return adapter._lines.line().authorization.metadata(context)


def metadata(adapter: GcpAdapter, context: Any) -> dict[str, str]:
    return dict(adapter._lines.line().authorization.metadata(context))


def test_one_token_for_many_threads(signed: Any, stub: Any, attempt: Any) -> None:
    stub.on("/token", Answer(json={"access_token": "t1", "expires_in": 3600}, delay=0.05))
    context, seen = attempt(), []
    threads = [threading.Thread(target=lambda: seen.append(metadata(signed, context))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert {each["authorization"] for each in seen} == {"Bearer t1"}
    assert {each["x-goog-user-project"] for each in seen} == {"bill"}
    assert stub.count == 1
    signed._lines.line().authorization.refuse(seen_headers(signed, context))
    stub.on("/token", Answer(json={"access_token": "t2", "expires_in": 3600}))
    assert metadata(signed, context)["authorization"] == "Bearer t2"


def test_a_refused_credential(signed: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on("/token", Answer(400, json={"error": "invalid_grant", "error_description": f"no {CANARY}"}))
    error = raised(lambda: signed.label(ask(), attempt()), errors.AuthFailed)
    assert CANARY not in "".join(traceback.format_exception(error))
    assert error.billed is False


def test_a_token_service_that_is_away(signed: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.close()
    error = raised(lambda: signed.label(ask(), attempt()), errors.Unavailable)
    assert error.outcome is errors.Outcome.NOT_SENT


@pytest.mark.realtime
def test_a_token_service_that_hangs(signed: Any, stub: Any, attempt: Any, ask: Any) -> None:
    stub.on("/token", Fault.hang())
    error = ended_by_deadline(lambda seconds: signed.label(ask(), attempt(seconds)), lambda: stub.count)
    assert type(error) is errors.DeadlineExceeded
    assert error.outcome is errors.Outcome.NOT_SENT


def test_no_credential(attempt: Any, ask: Any) -> None:
    adapter = GcpAdapter(GcpSettings(endpoint=NOWHERE))
    error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(error)
    setup = adapter.setup()
    assert setup.configured is False
    assert "gcloud auth" in setup.problem


def test_missing_credential_file(attempt: Any, ask: Any, monkeypatch: Any, tmp_path: Path) -> None:
    adapter = GcpAdapter(GcpSettings(endpoint=NOWHERE, credentials_file=str(tmp_path / "no.json")))
    raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    assert "no.json" in adapter.setup().problem
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    adapter = GcpAdapter(GcpSettings(endpoint=NOWHERE, credentials_file=str(tmp_path / "bad.json")))
    raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    assert "/nowhere.json" in GcpAdapter(GcpSettings()).setup().problem


def test_key_and_file_together(attempt: Any, ask: Any) -> None:
    adapter = GcpAdapter(GcpSettings(api_key="k", credentials_file="f"))  # type: ignore[arg-type]
    assert "keep one" in str(raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured))
    assert "keep one" in adapter.setup().problem


@pytest.mark.parametrize(
    ("settings", "endpoint", "region"),
    [
        ({}, "vision.googleapis.com:443", "global"),
        ({"endpoint": ""}, "vision.googleapis.com:443", "global"),
        ({"region": "eu"}, "eu-vision.googleapis.com:443", "eu"),
        ({"endpoint": "us-vision.googleapis.com"}, "us-vision.googleapis.com:443", "us"),
        ({"endpoint": "https://example.com:444"}, "example.com:444", "global"),
        ({"endpoint": "http://localhost:5"}, "localhost:5", "global"),
        ({"endpoint": "[::1]:5"}, "[::1]:5", "global"),
    ],
)
def test_endpoints(settings: Any, endpoint: str, region: str) -> None:
    adapter = GcpAdapter(GcpSettings(**settings))
    assert (adapter.setup().endpoint, adapter.region) == (endpoint, region)


@pytest.mark.parametrize(
    "settings",
    [
        {"region": "us-east-1"},
        {"endpoint": "http://example.com"},
        {"endpoint": "ftp://example.com"},
        {"endpoint": "https://example.com/path"},
        {"endpoint": "example.com:port"},
    ],
)
def test_wrong_endpoints(settings: Any, attempt: Any, ask: Any) -> None:
    adapter = GcpAdapter(GcpSettings(**settings, api_key="k"))  # type: ignore[arg-type]
    error = raised(lambda: adapter.label(ask(), attempt()), errors.NotConfigured)
    assert str(error) in adapter.setup().problem
