"""Fixtures of the fault tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_support import Caller

from broker.runtime import asynchronous
from broker.runtime import http as http_module

_STRANGERS = ("AWS_", "GOOGLE_", "CLOUDSDK_", "GCE_", "AZURE_", "IDENTITY_", "MSI_", "K_SERVICE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "GRPC_PROXY")


def _forget() -> None:
    for cached in (http_module._ssl_context, http_module._proxy_for, http_module._check_scheme):
        cached.cache_clear()


@pytest.fixture(autouse=True)
def own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No credential, proxy or CA file of this machine's; trust and proxies are read anew by each test."""
    for name in list(os.environ):
        if name.startswith(_STRANGERS) or name.upper() in _PROXIES:
            monkeypatch.delenv(name)
    for name in (*http_module._CA_VARIABLES, "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    # Of a worker thread that comes back later nobody asks whether it had sent; a machine that stalls for longer than
    # the usual moment would turn each "not sent" into a "may be".
    monkeypatch.setattr(asynchronous, "LEFT_BEHIND", 15.0)
    _forget()
    yield
    _forget()


@pytest.fixture
def call(tmp_path: Path) -> Caller:
    return Caller(str(tmp_path / "faults.db"))
