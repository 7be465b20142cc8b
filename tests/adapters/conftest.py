"""Fixtures of the adapter tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from adapter_support import CLOUD_VARIABLES, Contexts, picture

from broker.testing.stub import VendorStub
from broker.types import LabelRequest


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credential of this machine's reaches a test, and none can be looked for outside it."""
    for name in list(os.environ):
        if name.startswith(CLOUD_VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def stub() -> Iterator[VendorStub]:
    with VendorStub() as server:
        yield server


@pytest.fixture
def attempt() -> Iterator[Contexts]:
    made = Contexts()
    yield made
    made.runtime.close()


@pytest.fixture
def ask() -> Any:
    def make(**options: Any) -> LabelRequest:
        return LabelRequest(image=picture(), **options)

    return make


@pytest.fixture
def asked(stub: VendorStub, attempt: Contexts) -> Any:
    """Asks Google's text operations on the stub."""
    pytest.importorskip("grpc", reason="needs the gcp extra")
    from gcp_text_support import Asked

    return Asked(stub, attempt)
