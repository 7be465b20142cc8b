"""Our own adapters, the example's and the fake one pass the suite that third parties run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from acme_broker import AcmeAdapter
from broker.testing.conformance import AdapterConformance
from broker.testing.peer import GRPC_FAULTS, GrpcPeer, HttpPeer, Peer
from broker.testing.stub import VendorStub
from broker_aws import AwsAdapter
from broker_azure import AzureAdapter
from broker_gcp import GcpAdapter
from broker_local import LocalAdapter


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
        good = {
            "Labels": [
                {"Name": "Dog", "Confidence": 98.2, "Parents": [{"Name": "Animal"}]},
                {"Name": "Collie", "Confidence": 77.0},
            ],
            "LabelModelVersion": "3.0",
        }
        return HttpPeer(
            vendor_stub, {"vision.label": ("RekognitionService.DetectLabels", good)}, vendor="aws"
        )

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {
            "endpoint": peer.url,
            "region": "us-east-1",
            "access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "secret_access_key": self.secret,
        }


class TestAzure(AdapterConformance):
    adapter = AzureAdapter
    names = ("dog", "mammal")

    @pytest.fixture
    def peer(self, vendor_stub: VendorStub) -> Peer:
        good = {
            "modelVersion": "2023-10-01",
            "metadata": {"width": 320, "height": 240},
            "tagsResult": {
                "values": [{"name": "dog", "confidence": 0.99}, {"name": "mammal", "confidence": 0.97}]
            },
        }
        return HttpPeer(
            vendor_stub, {"vision.label": ("/computervision/imageanalysis:analyze", good)}, vendor="azure"
        )

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {"endpoint": peer.url, "key": self.secret, "region": "eastus"}


class TestGcp(AdapterConformance):
    adapter = GcpAdapter
    faults = GRPC_FAULTS
    names = ("Dog", "Collie")

    @pytest.fixture
    def peer(self, vision_grpc_stub: Any) -> Peer:
        good = {
            "responses": [
                {
                    "labelAnnotations": [
                        {"mid": "/m/0bt9lr", "description": "Dog", "score": 0.98, "topicality": 0.98},
                        {"mid": "/m/0187b2", "description": "Collie", "score": 0.91},
                    ]
                }
            ]
        }
        return GrpcPeer(vision_grpc_stub, {"vision.label": good})


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
        for module in ("onnxruntime", "rapidocr", "cv2"):
            pytest.importorskip(module, reason="needs the local-vision extra")
        return Nobody()

    def section(self, peer: Peer) -> Mapping[str, Any]:
        return {}

    def test_it_costs_nothing_and_says_so(self, face: str, ask: Any, picture: Any) -> None:
        cost = ask(face, "vision.label", picture).cost
        assert (cost.amount, cost.upper_bound, cost.unpriced) == (0, 0, None)
