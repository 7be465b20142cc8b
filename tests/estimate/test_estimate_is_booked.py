"""What is estimated is what is booked: for any prices and positions, and for all shipped providers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from estimate_support import PICTURE, D, make, tiered, using, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker import Broker
from broker.runtime.virtual import VirtualRuntime
from broker.testing import VendorStub
from broker.testing.fake import fake_price, fake_provider
from broker.types import Estimate, Result

TIERS = ((5, "0.01"), (8, "0.004"), (None, "0.0011"))


def same(estimate: Estimate, result: Result[Any]) -> None:
    assert (estimate.amount, estimate.upper_bound) == (result.cost.amount, result.cost.upper_bound)
    assert estimate.currency == result.cost.currency
    assert estimate.first is not None
    assert estimate.first.provider == result.provenance.provider
    assert estimate.first.region == result.provenance.region
    assert estimate.first.usage == result.attempts[0].usage
    assert sum((each.amount or D(0) for each in estimate.first.lines), D(0)) == result.cost.amount


@pytest.mark.parametrize("quantity", ["1", "2.5", "7"])
@pytest.mark.parametrize("free_quota", [False, True])
def test_over_tier_borders(quantity: str, free_quota: bool, ledger_path: str) -> None:
    adapter = fake_provider(price=tiered(*TIERS, free_quota=D(3)), spec=using(quantity))
    with make(adapter, providers={"fake": {"free_quota": free_quota}}) as broker:
        for number in range(12):
            estimate = broker.estimate.vision.label(PICTURE)
            assert broker.estimate.vision.label(PICTURE) == estimate, "asking changes nothing"
            assert written(ledger_path) == number
            same(estimate, broker.vision.label(PICTURE))


def test_a_month_begins_anew() -> None:
    runtime = VirtualRuntime()
    with make(fake_provider(price=tiered((1, "1"), (None, "0.5"))), runtime=runtime) as broker:
        broker.vision.label(PICTURE)
        assert broker.estimate.vision.label(PICTURE).amount == D("0.5")
        runtime.advance(31 * 86_400.0)
        assert broker.estimate.vision.label(PICTURE).amount == D(1)


def test_each_account_has_its_own_position() -> None:
    adapter = fake_provider(price=tiered((1, "1"), (None, "0.5")))
    with make(adapter, providers={"fake": {"profiles": {"other": {}}}}) as broker:
        broker.vision.label(PICTURE)
        assert broker.estimate.vision.label(PICTURE).amount == D("0.5")
        assert broker.estimate.vision.label(PICTURE, provider="fake:other").amount == D(1)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    borders=st.lists(st.integers(1, 30), min_size=0, max_size=3, unique=True).map(sorted),
    prices=st.lists(st.integers(1, 10**9), min_size=4, max_size=4),
    quantities=st.sampled_from(["1", "0.3", "4", "11"]),
    files=st.integers(1, 12),
    before=st.integers(0, 6),
)
def test_a_plan_adds_up_to_what_the_calls_then_cost(
    borders: list[int],
    prices: list[int],
    quantities: str,
    files: int,
    before: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tops: list[int | None] = [*borders, None]
    price = tiered(*((top, str(D(each).scaleb(-12))) for top, each in zip(tops, prices, strict=False)))
    path = str(tmp_path_factory.mktemp("plan") / "ledger.db")
    with make(fake_provider(price=price, spec=using(quantities)), ledger={"path": path}) as broker:
        for _ in range(before):
            broker.vision.label(PICTURE)
        plan = broker.estimate.plan()
        told = [plan.vision.label(PICTURE).amount for _ in range(files)]
        assert written(path) == before
        assert [broker.vision.label(PICTURE).cost.amount for _ in range(files)] == told


@pytest.fixture
def no_cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    import os

    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "CLOUDSDK_", "AZURE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("NO_PROXY", "*")


def compared(broker: Broker, photo: bytes, attempts: int = 2) -> None:
    """Estimated and then made, more than once."""
    for _ in range(attempts):
        estimate = broker.estimate.vision.label(photo)
        (candidate,) = estimate.candidates
        assert candidate.configured
        assert candidate.unpriced is None
        same(estimate, broker.vision.label(photo))


def test_aws(no_cloud: None, vendor_stub: VendorStub, photo: bytes) -> None:
    pytest.importorskip("boto3", reason="needs the extra aws")
    vendor_stub.on("RekognitionService.DetectLabels", {"Labels": [], "LabelModelVersion": "3.0"})
    options = {
        "endpoint": vendor_stub.url,
        "region": "us-east-1",
        "access_key_id": "AKIAEXAMPLEEXAMPLE00",
        "secret_access_key": "not-a-real-secret",
    }
    with Broker(provider="aws", providers={"aws": options}) as broker:
        compared(broker, photo)
    assert vendor_stub.count == 2


def test_azure(no_cloud: None, vendor_stub: VendorStub, photo: bytes) -> None:
    answer: Any = {
        "modelVersion": "2023-10-01",
        "metadata": {"width": 9, "height": 9},
        "tagsResult": {"values": []},
    }
    vendor_stub.on("/computervision/imageanalysis:analyze", answer)
    options = {"endpoint": vendor_stub.url, "key": "not-a-real-key", "region": "eastus"}
    with Broker(provider="azure", providers={"azure": options}) as broker:
        compared(broker, photo)
    assert vendor_stub.count == 2


def test_gcp(no_cloud: None, vision_grpc_stub: Any, photo: bytes) -> None:
    vision_grpc_stub.reply({"responses": [{}]})
    options = {"endpoint": f"http://{vision_grpc_stub.target}"}
    with Broker(provider="gcp", providers={"gcp": options}) as broker:
        compared(broker, photo)


@pytest.mark.local_models
def test_local(photo: bytes) -> None:
    pytest.importorskip("onnxruntime", reason="needs the extra local-vision")
    with Broker(provider="local") as broker:
        estimate = broker.estimate.vision.label(photo)
        assert (estimate.amount, estimate.worst_case) == (D(0), D(0))
        assert estimate.first is not None
        assert estimate.first.free
        compared(broker, photo, 1)


@pytest.fixture
def priced_and_free() -> Iterator[Broker]:
    paid = fake_provider(provider="paid", price=fake_price("0.02", sku="paid.vision.label"))
    free = fake_provider(provider="free", price=fake_price(free=True, sku="free.vision.label"))
    with make(paid, free) as broker:
        yield broker


def test_the_worst_case_is_what_a_call_comes_to_when_everything_goes_wrong() -> None:
    from broker.errors import BrokerError, Outcome, Unavailable

    down = Unavailable("down", outcome=Outcome.SERVER)
    one = fake_provider([down], provider="one", price=fake_price("0.02", sku="one.vision.label"))
    two = fake_provider([down], provider="two", price=fake_price("0.003", sku="two.vision.label"))
    with make(one, two, max_attempts=4) as broker:
        estimate = broker.estimate.vision.label(PICTURE)
        with pytest.raises(BrokerError) as caught:
            broker.vision.label(PICTURE)
    assert caught.value.cost is not None
    assert estimate.worst_case == D("0.092")
    assert caught.value.cost.upper_bound == estimate.worst_case


def test_max_cost_bounds_the_worst_case(priced_and_free: Broker) -> None:
    (paid, free) = priced_and_free.estimate.vision.label(PICTURE, max_cost="0.05").candidates
    assert (paid.attempts, paid.worst_case) == (2, D("0.04"))
    assert (free.attempts, free.worst_case) == (3, D(0))


def test_max_cost_bounds_the_whole_call_too() -> None:
    one = fake_provider(provider="one", price=fake_price("0.02", sku="one.vision.label"))
    two = fake_provider(provider="two", price=fake_price("0.03", sku="two.vision.label"))
    with make(one, two) as broker:
        estimate = broker.estimate.vision.label(PICTURE, max_cost="0.05")
    assert [each.worst_case for each in estimate.candidates] == [D("0.04"), D("0.03")]
    assert estimate.worst_case == D("0.05")
