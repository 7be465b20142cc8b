"""Stubs under names of their own, so that the plug-in's fixtures are tested as a user gets them."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from broker.testing import VendorStub


@pytest.fixture
def stub() -> Iterator[VendorStub]:
    with VendorStub() as made:
        yield made


@pytest.fixture
def http(stub: VendorStub) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stub.url, timeout=5.0, trust_env=False) as client:
        yield client
