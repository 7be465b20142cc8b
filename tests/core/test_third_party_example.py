"""The example of a third-party adapter comes in through its entry point, once the settings trust it."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from broker import Broker, NotConfigured, registry
from broker.testing.script import Answer
from broker.testing.stub import VendorStub

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "third_party_adapter"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if ``pip install`` had put the example's entry point there."""
    project = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]
    group = project["entry-points"]["broker.adapters"]
    points = [EntryPoint(name, value, "broker.adapters") for name, value in group.items()]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "broker.adapters" else [])


@pytest.mark.usefixtures("installed")
def test_it_answers_once_the_settings_name_it(vendor_stub: VendorStub, photo: bytes) -> None:
    good = {"labels": [{"name": "Cat", "score": 0.97}]}
    vendor_stub.on("/v1/labels", default=Answer(json=good))
    section = {"endpoint": vendor_stub.url, "key": "k"}
    with Broker(plugins=["acme"], provider="acme", providers={"acme": section}) as client:
        result = client.vision.label(photo)
    assert [label.name for label in result.value.labels] == ["Cat"]
    assert result.cost.shown == "$0.002", "by the adapter's own price row"
    assert vendor_stub.requests[0].headers["authorization"] == "Bearer k"


@pytest.mark.usefixtures("installed")
def test_it_does_not_load_unasked(photo: bytes) -> None:
    with Broker(provider="acme") as client, pytest.raises(NotConfigured, match=r'plugins = \["acme"\]'):
        client.vision.label(photo)


def test_it_is_about_forty_lines() -> None:
    code = (FOLDER / "acme_broker.py").read_text().partition("class AcmeSettings")[2]
    assert len([line for line in code.splitlines() if line.strip()]) <= 50


def test_a_plug_in_with_a_bad_price_keeps_nobody_else_from_working(
    monkeypatch: pytest.MonkeyPatch, photo: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    from dataclasses import replace
    from decimal import Decimal

    from broker.testing.fake import fake_price, fake_provider
    from broker.types import Tier

    free_by_slip = replace(fake_price(sku="bad.vision.label"), tiers=(Tier(up_to=None, price=Decimal(0)),))
    bad = fake_provider(provider="bad", price=free_by_slip)

    class Point(EntryPoint):
        def load(self) -> object:
            return bad

    points = [Point("bad", "bad:Adapter", "broker.adapters")]
    monkeypatch.setattr(registry, "entry_points", lambda group: points)
    with Broker(plugins=["bad"], adapters=[fake_provider()], provider="fake") as client:
        assert client.vision.label(photo).cost.amount == Decimal("0.001")
        assert client.vision.label(photo, provider="bad").cost.unpriced
    assert "the prices of the plug-in 'bad' are not used" in caplog.text


def test_another_package_cannot_take_the_place_of_our_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    class Dist:
        def __init__(self, name: str) -> None:
            self.name, self.version = name, "1"

    evil, ours = (EntryPoint("aws", "broker_aws:AwsAdapter", "broker.adapters") for _ in range(2))
    for point, name in ((evil, "evil"), (ours, "mlbroker")):
        vars(point).update(dist=Dist(name))
    monkeypatch.setattr(registry, "entry_points", lambda group: [evil, ours])
    with Broker() as client:
        assert client.registry.manifest("aws").provider == "aws"


def test_the_ledgers_settings_can_be_arguments(photo: bytes, tmp_path: Path) -> None:
    from broker.testing.fake import fake_provider

    with Broker(
        adapters=[fake_provider()], provider="fake", ledger={"path": str(tmp_path / "own.db")}
    ) as client:
        client.vision.label(photo)
    assert (tmp_path / "own.db").exists()
