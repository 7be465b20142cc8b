"""Our own adapters, the example's and the fake one pass the suite that third parties run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_peer
import aws_search_answers
import azure_peer
import azure_search_answers
import azure_speech_answers
import azure_text_peer
import gcp_search_answers
import gcp_speech_answers
import gcp_text_peer
import gcp_vision_peer
import pytest

from acme_broker import AcmeAdapter
from broker import Broker
from broker.testing.conformance import DOCUMENT, AdapterConformance
from broker.testing.peer import GRPC_FAULTS, GrpcPeer, HttpPeer, Peer
from broker.testing.stub import VendorStub
from broker.types import Image
from broker_aws import AwsAdapter
from broker_azure import AzureAdapter
from broker_gcp import GcpAdapter
from broker_local import LocalAdapter, needs


class TestAcme(AdapterConformance):
    names = ("Cat", "Animal")

    adapter = AcmeAdapter

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        good = {"labels": [{"name": "Cat", "score": 0.97}, {"name": "Animal", "score": 0.99}]}
        return HttpPeer(vendor_stub, {"vision.label": ("/v1/labels", good)})

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {"endpoint": peer.url, "key": self.secret}


class TestAws(AdapterConformance):
    adapter = AwsAdapter
    names = ("Dog", "Collie")

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        pytest.importorskip("boto3", reason="needs the aws extra")
        answers = {**aws_peer.ANSWERS, **aws_search_answers.KNOWLEDGE_BASE}
        return HttpPeer(vendor_stub, answers, vendor="aws")

    def variant(self, operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
        found = aws_search_answers.knowledge_variant(operation, number)
        return found or aws_peer.variant(operation, number, picture)

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {
            "endpoint": peer.url,
            "region": "us-east-1",
            "index": f"{aws_search_answers.BASE}/{aws_search_answers.SOURCE}",
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": self.secret,
        }


class TestAzure(AdapterConformance):
    adapter = AzureAdapter
    names = ("dog", "mammal")

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        pytest.importorskip("azure.ai.textanalytics", reason="needs the azure extra")
        answers = {
            **azure_peer.ANSWERS,
            **azure_text_peer.ANSWERS,
            **azure_speech_answers.ANSWERS,
            **azure_search_answers.ANSWERS,
        }
        return HttpPeer(vendor_stub, answers, vendor="azure")

    def section(self, peer: Peer) -> Mapping[str, Any]:
        section = {"endpoint": peer.url, "key": self.secret, "region": "eastus"}
        return {**section, **azure_search_answers.SECTION}

    def variant(self, operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
        found = azure_search_answers.variant(operation, number) or azure_text_peer.variant(operation, number)
        return found or azure_peer.variant(operation, number, picture)


class TestGcp(AdapterConformance):
    """Google Vision over gRPC."""

    adapter = GcpAdapter
    faults = GRPC_FAULTS
    names = ("Dog", "Collie")
    operations = gcp_vision_peer.OPERATIONS

    @pytest.fixture
    def peer(self, vision_grpc_stub: Any) -> Peer:
        return GrpcPeer(vision_grpc_stub, gcp_vision_peer.ANSWERS, gcp_vision_peer.NEEDED)

    def variant(self, operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
        return gcp_vision_peer.variant(operation, number, picture)


class TestGcpText(AdapterConformance):
    """Google's text services over REST."""

    adapter = GcpAdapter
    operations = gcp_text_peer.OPERATIONS

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        return HttpPeer(vendor_stub, gcp_text_peer.ANSWERS, vendor="gcp")

    def section(self, peer: Peer) -> Mapping[str, Any]:
        endpoints = dict.fromkeys(("language", "translate", "dlp"), peer.url)
        return {"endpoints": endpoints, "api_key": self.secret, "project": gcp_text_peer.PROJECT}

    def variant(self, operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
        return gcp_text_peer.variant(operation, number)


class TestGcpSpeech(AdapterConformance):
    """Google's Speech-to-Text over REST, short recordings."""

    adapter = GcpAdapter
    operations = gcp_speech_answers.OPERATIONS

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        return HttpPeer(vendor_stub, gcp_speech_answers.ANSWERS, vendor="gcp")

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {
            "endpoints": {"speech": peer.url},
            "api_key": self.secret,
            "project": gcp_speech_answers.PROJECT,
            "speech_location": gcp_speech_answers.LOCATION,
        }


class TestGcpSearch(AdapterConformance):
    """Vertex AI Search over REST. Nothing of the account is sent to this machine, so no secret goes into the section."""

    adapter = GcpAdapter
    operations = gcp_search_answers.OPERATIONS

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        return gcp_search_answers.SearchPeer(vendor_stub, gcp_search_answers.ANSWERS, vendor="gcp")

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {
            "endpoints": {"discoveryengine": peer.url},
            "project": gcp_search_answers.PROJECT,
            "index": gcp_search_answers.STORE,
        }

    def variant(self, operation: str, number: int, picture: Image) -> tuple[Any, Any] | None:
        return gcp_search_answers.variant(operation, number)


class Nobody:
    """No vendor: the local provider runs in this process."""

    url = ""
    count = 0

    def answer(self, operation: str) -> None:
        """Nothing to prepare."""

    def misbehave(self, fault: object) -> None:
        """Nothing to break."""

    def hollow(self, operation: str) -> bool:
        """Nothing is sent."""
        return False


@pytest.mark.local_models
class TestLocal(AdapterConformance):
    adapter = LocalAdapter
    faults = ()
    has_peer = False

    @pytest.fixture
    def peer(self) -> Peer:
        if lacking := needs.lacking():
            pytest.skip("; ".join(lacking))
        with Broker(provider="local", ledger={"path": "search.db"}) as broker:
            broker.search.upsert(DOCUMENT)
        return Nobody()

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {}

    def test_it_costs_nothing_and_says_so(self, face: str, ask: Any, picture: Any) -> None:
        cost = ask(face, "vision.label", picture).cost
        assert (cost.amount, cost.upper_bound, cost.unpriced) == (0, 0, None)
