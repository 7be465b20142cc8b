"""Loopback vendors for the lifecycle tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lifecycle_support import Line
from lifecycle_vendor import Vendor


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credential of this machine's is looked for, here or in a process that a test starts."""
    for name in list(os.environ):
        if name.startswith(
            ("AWS_", "GOOGLE_", "CLOUDSDK_", "GCE_", "AZURE_", "IDENTITY_", "MSI_", "K_SERVICE")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def vendor(family: str, request: pytest.FixtureRequest) -> Vendor:
    """The vendor of the test's ``family``."""
    needs = {"botocore": "boto3", "grpc": "google.cloud.vision_v1"}
    if family in needs:
        pytest.importorskip(needs[family], reason="needs the vendor's extra")
    if family == "grpc":
        return Vendor(family, None, request.getfixturevalue("vision_grpc_stub"))
    return Vendor(family, request.getfixturevalue("vendor_stub"), None)


@pytest.fixture
def line() -> Iterator[Line]:
    server = Line()
    yield server
    server.close()
