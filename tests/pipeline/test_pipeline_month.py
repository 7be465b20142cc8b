"""A month of mixed calls over tier borders: the ledger's totals equal a recomputation by other means."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from pipeline_support import PICTURE

from broker import Broker, ProviderError, Throttled, Unavailable
from broker.contract import AdapterSettings, Context, Manifest, OperationSpec, Reply
from broker.errors import MalformedReply, Outcome
from broker.ledger import SpendQuery
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import labels
from broker.types import LabelRequest, LabelSet, Unit, Usage

GOOD = labels("Cat")
# Copied by hand from the vendors' pages: upper end of the tier in billing units, price of one unit.
TIERS: dict[str, list[tuple[int | None, str]]] = {
    "aws.rekognition.group2": [
        (10**6, "0.001"),
        (5 * 10**6, "0.0008"),
        (35 * 10**6, "0.0006"),
        (None, "0.00025"),
    ],
    "gcp.vision.label": [(1000, "0"), (5 * 10**6, "0.0015"), (None, "0.001")],
    "azure.vision.group1": [(10**6, "0.001"), (10**7, "0.00065"), (10**8, "0.0006"), (None, "0.0004")],
}
REGIONS = {"aws": "us-east-1", "gcp": "global", "azure": "eastus"}
SKUS = {sku.partition(".")[0]: sku for sku in TIERS}
BORDERS = {"aws": 40_000_000, "gcp": 6_000_000, "azure": 12_000_000}


class Bulk:
    """One call uses so many images as its picture's name says, and ends as told there."""

    manifest: Manifest
    Settings = AdapterSettings
    end: BaseException | None = None
    images = 1

    def __init__(self, settings: AdapterSettings, /) -> None:
        self.region = settings.region

    def label(self, request: LabelRequest, context: Context, /) -> Reply[LabelSet]:
        if type(self).end is not None:
            raise type(self).end
        return GOOD


def bulk(provider: str, sku: str, unit: Unit = Unit.IMAGE) -> type[Bulk]:
    class Adapter(Bulk):
        pass

    def meter(_: Any) -> tuple[Usage, ...]:
        return (Usage(sku=sku, unit=unit, quantity=Decimal(Adapter.images)),)

    Adapter.manifest = Manifest(
        provider=provider,
        version="1",
        operations=(OperationSpec(operation="vision.label", service="bulk", meter=meter),),
    )
    return Adapter


def integral(sku: str, until: int) -> Fraction:
    """What the first so many units of a month cost."""
    total, floor = Fraction(0), 0
    for end, unit_price in TIERS[sku]:
        top = until if end is None else min(until, end)
        total += max(0, top - floor) * Fraction(unit_price)
        floor = top
    return total


ENDS: list[tuple[BaseException | None, str]] = [
    (None, "yes"),
    (None, "yes"),
    (None, "yes"),
    (MalformedReply("cut"), "yes"),
    (Throttled("slower"), "no"),
    (Unavailable("refused", outcome=Outcome.NOT_SENT), "no"),
    (Unavailable("503"), "unknown"),
    (Unavailable("lost", outcome=Outcome.AMBIGUOUS), "unknown"),
]


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ledgers_month_is_the_integral_over_the_tiers(seed: int) -> None:
    chance = random.Random(seed)
    clock = VirtualRuntime(datetime(2026, 10, 1, tzinfo=UTC))
    adapters = {provider: bulk(provider, sku) for provider, sku in SKUS.items()}
    used: dict[tuple[str, str], int] = {}
    unknown: dict[tuple[str, str], Fraction] = {}
    attempts: dict[tuple[str, str], int] = {}
    sums: Fraction = Fraction(0)
    with Broker(
        adapters=list(adapters.values()),  # type: ignore[arg-type] # they answer labels
        provider="aws",
        runtime=clock,
        max_attempts=1,
        limits={"breaker": False},
        providers={name: {"region": region, "free_quota": name == "gcp"} for name, region in REGIONS.items()},
    ) as broker:
        for _ in range(600):
            clock.advance(chance.uniform(0, 2 * 61 * 24 * 3600 / 600))
            provider = chance.choice(sorted(adapters))
            adapter = adapters[provider]
            adapter.images = chance.choice([1, 7, 999, chance.randrange(1, BORDERS[provider] // 40)])
            adapter.end, billed = chance.choice(ENDS)
            key = (clock.now().strftime("%Y-%m"), provider)
            try:
                result = broker.vision.label(PICTURE, provider=provider)
            except ProviderError as error:
                cost = error.cost
            else:
                cost = result.cost
            attempts[key] = attempts.get(key, 0) + 1
            assert cost is not None
            assert cost.billed == billed
            if billed == "yes":
                before = used.get(key, 0)
                used[key] = before + adapter.images
                exact = integral(SKUS[provider], used[key]) - integral(SKUS[provider], before)
                assert cost.amount is not None
                assert Fraction(cost.amount) == exact
                sums += exact
            elif billed == "unknown":
                dearest = max(Fraction(each) for _, each in TIERS[SKUS[provider]])
                unknown[key] = unknown.get(key, Fraction(0)) + adapter.images * dearest
                assert cost.amount is None
        rows = broker.spend(SpendQuery(by=("month", "provider")))
        (whole,) = broker.spend(SpendQuery(by=()))
    found = {row.group: row for row in rows}
    assert len({month for month, _ in attempts}) >= 2
    for key, number in attempts.items():
        row = found[key]
        assert row.attempts == number
        assert Fraction(row.amount) == integral(SKUS[key[1]], used.get(key, 0))
        assert Fraction(row.at_risk) == unknown.get(key, 0)
    assert Fraction(whole.amount) == sums
    assert any(each > 10**6 for (_, provider), each in used.items() if provider == "aws"), (
        "no border was crossed"
    )


def test_the_public_textract_invoice_to_the_cent() -> None:
    """837,973 pages in April 2026, 1,000 of them free, were invoiced at USD 1,255.46."""
    clock = VirtualRuntime(datetime(2026, 11, 1, tzinfo=UTC))
    adapter = bulk("aws", "aws.textract.detect_document_text", Unit.PAGE)
    chance = random.Random(13)
    left = 837_973
    with Broker(
        adapters=[adapter],  # type: ignore[list-item]
        provider="aws",
        runtime=clock,
        providers={"aws": {"region": "us-east-1", "free_quota": True}},
    ) as broker:
        while left:
            adapter.images = min(left, chance.choice([1, 3, 300, 3000, 9000]))
            left -= adapter.images
            broker.vision.label(PICTURE)
        (spent,) = broker.spend(SpendQuery(by=("month",)))
    assert spent.amount == Decimal("1255.4595")
    assert round(spent.amount, 2) == Decimal("1255.46")
