"""Kendra, a provider of its own beside aws, passes the suite."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_search_answers
import pytest

from broker.testing.conformance import AdapterConformance
from broker.testing.peer import HttpPeer, Peer
from broker.testing.stub import VendorStub
from broker.types import Image
from broker_aws import KendraAdapter


class KendraPeer(HttpPeer):
    """That nothing failed may be told by saying nothing: the model promises no list of failures."""

    def hollow(self, operation: str) -> bool:
        return HttpPeer.hollow(self, operation) and operation not in ("search.upsert", "search.delete")


class TestKendra(AdapterConformance):
    adapter = KendraAdapter

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        pytest.importorskip("boto3", reason="needs the aws extra")
        return KendraPeer(vendor_stub, aws_search_answers.KENDRA, vendor="aws")

    def variant(self, operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
        return aws_search_answers.kendra_variant(operation, number)

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {
            "endpoint": peer.url,
            "region": "us-east-1",
            "index": aws_search_answers.INDEX,
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": self.secret,
        }
