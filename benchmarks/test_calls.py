"""A broker call against the bare vendor SDK and reading the same labels through its public API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from broker import Broker
from broker.contract import Reply
from broker.testing.fake import fake_provider
from broker.types import Confidence, Label, LabelSet

Paired = Callable[..., None]
Make = Callable[..., Broker]


def read(result: Any) -> list[tuple[str, float | None]]:
    """What a user does with the answer."""
    return [(label.name, label.confidence.value) for label in result.value.labels]


def answer(*_: object) -> Reply[LabelSet]:
    """Thirty labels, made anew."""
    return Reply(
        payload=LabelSet(
            labels=tuple(
                [Label(name=f"Label {n}", confidence=Confidence.ratio(0.99 - n / 50)) for n in range(30)]
            )
        )
    )


def test_the_layer_itself(paired: Paired, make_broker: Make, photo: bytes) -> None:
    """Fake provider, ledger on, 30 labels made anew in each call; baseline: making them."""
    broker = make_broker(adapters=[fake_provider(answer)], provider="fake")
    paired(
        "the layer (fake provider, ledger on)",
        lambda: read(broker.vision.label(photo)),
        lambda: [(label.name, label.confidence.value) for label in answer().payload.labels],
        goal="",
        calls=100,
    )


def test_the_layer_with_everything_on(paired: Paired, make_broker: Make, photo: bytes) -> None:
    """The same with a budget, limits, regions and an order of preference."""
    full = make_broker(
        adapters=[fake_provider(answer)],
        provider=["fake", "local"],
        budgets={"all": {"limit": "100000"}},
        providers={"fake": {"region": "eu-west-1", "max_rate": 1_000_000}},
        allowed_regions=["eu-*"],
    )
    paired(
        "the layer, all on: budget, breaker, limits, fallback",
        lambda: read(full.vision.label(photo)),
        lambda: [(label.name, label.confidence.value) for label in answer().payload.labels],
        goal="A - B <= 200 us",
        calls=100,
    )


def test_aws(paired: Paired, make_broker: Make, photo: bytes, vendors: tuple[str, str]) -> None:
    boto3 = pytest.importorskip("boto3")
    from botocore.config import Config

    keys = {"access_key_id": "AKIAIOSFODNN7EXAMPLE", "secret_access_key": "x" * 40}
    broker = make_broker(
        provider="aws", providers={"aws": {"endpoint": vendors[0], "region": "us-east-1", **keys}}
    )
    client = boto3.client(
        "rekognition",
        endpoint_url=vendors[0],
        region_name="us-east-1",
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )

    def bare() -> object:
        answer = client.detect_labels(Image={"Bytes": photo}, MaxLabels=1000, MinConfidence=0)
        return [(label["Name"], label["Confidence"] / 100) for label in answer["Labels"]]

    assert len(read(broker.vision.label(photo))) == 30
    paired("aws, against boto3", lambda: read(broker.vision.label(photo)), bare, goal="<= 1.0")


def test_azure(paired: Paired, make_broker: Make, photo: bytes, vendors: tuple[str, str]) -> None:
    analysis = pytest.importorskip("azure.ai.vision.imageanalysis")
    from azure.core.credentials import AzureKeyCredential

    broker = make_broker(
        provider="azure", providers={"azure": {"endpoint": vendors[0], "key": "k" * 32, "region": "eastus"}}
    )
    client = analysis.ImageAnalysisClient(
        endpoint=vendors[0], credential=AzureKeyCredential("k" * 32), retry_total=0
    )

    def bare() -> object:
        answer = client.analyze(image_data=photo, visual_features=[analysis.models.VisualFeatures.TAGS])
        return [(tag.name, tag.confidence) for tag in answer.tags.list]

    assert len(read(broker.vision.label(photo))) == 30
    paired("azure, against its SDK", lambda: read(broker.vision.label(photo)), bare, goal="<= 1.0")
    client.close()


def test_gcp(paired: Paired, make_broker: Make, photo: bytes, vendors: tuple[str, str]) -> None:
    vision = pytest.importorskip("google.cloud.vision_v1")
    import grpc
    from google.cloud.vision_v1.services.image_annotator.transports import ImageAnnotatorGrpcTransport

    broker = make_broker(provider="gcp", providers={"gcp": {"endpoint": f"http://{vendors[1]}"}})
    # The kind of channel the adapter makes on loopback too; with a real cloud both speak TLS.
    channel = grpc.secure_channel(
        vendors[1], grpc.local_channel_credentials(grpc.LocalConnectionType.LOCAL_TCP)
    )
    client = vision.ImageAnnotatorClient(transport=ImageAnnotatorGrpcTransport(channel=channel))
    feature = vision.Feature(type_=vision.Feature.Type.LABEL_DETECTION, max_results=100)

    def bare() -> object:
        request = vision.AnnotateImageRequest(image=vision.Image(content=photo), features=[feature])
        answer = client.batch_annotate_images(requests=[request], retry=None, timeout=10)
        return [(label.description, label.score) for label in answer.responses[0].label_annotations]

    assert len(read(broker.vision.label(photo))) == 30
    paired("gcp, against google-cloud-vision", lambda: read(broker.vision.label(photo)), bare, goal="<= 1.0")
    channel.close()
