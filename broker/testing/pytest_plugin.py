"""Fixtures for tests of what is built on the broker, and a guard against real cloud calls.

Opt in from the top conftest: ``pytest_plugins = ["broker.testing.pytest_plugin"]``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from broker.testing.spend_guard import SpendGuard
from broker.testing.stub import VendorStub

if TYPE_CHECKING:
    from broker.testing.grpc_stub import VisionGrpcStub


def pytest_configure(config: pytest.Config) -> None:
    """The conformance suite marks the few tests whose deadline is real."""
    config.addinivalue_line("markers", "realtime: lets a real deadline pass, against a loopback server")


@pytest.fixture(scope="session", autouse=True)
def spend_guard() -> Iterator[SpendGuard]:
    """On for the whole session: only loopback and Unix sockets can be reached, credentials are fakes."""
    with SpendGuard() as guard:
        yield guard


@pytest.fixture(autouse=True)
def _no_real_call(spend_guard: SpendGuard) -> Iterator[None]:
    """Fails a test that tried to leave the machine even where the refusal itself was lost on the way."""
    before = len(spend_guard.blocked)
    yield
    tried = spend_guard.blocked[before:]
    if tried:
        calls = ", ".join(f"{call.via} to {call.target}" for call in tried)
        pytest.fail(f"this test tried to leave the machine: {calls}", pytrace=False)


@pytest.fixture
def vendor_stub() -> Iterator[VendorStub]:
    """A fresh loopback server for all REST vendors."""
    with VendorStub() as stub:
        yield stub


@pytest.fixture
def vision_grpc_stub() -> Iterator[VisionGrpcStub]:
    """A fresh loopback server for Google Cloud Vision over gRPC; skips where the extra is missing."""
    pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra: pip install 'mlbroker[gcp]'")
    from broker.testing.grpc_stub import VisionGrpcStub

    with VisionGrpcStub() as stub:
        yield stub
