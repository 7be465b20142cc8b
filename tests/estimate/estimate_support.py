"""What the tests of estimates share."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from typing import Any

from broker import Broker
from broker.contract import OperationSpec, Setup
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import FakeAdapter, fake_price, fake_provider
from broker.types import Image, Price, Tier, Unit, Usage

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
D = Decimal


def make(*adapters: type[FakeAdapter], runtime: VirtualRuntime | None = None, **settings: Any) -> Broker:
    """A broker over these adapters, asked in this order."""
    kinds = adapters or (fake_provider(),)
    settings.setdefault("provider", [each.manifest.provider for each in kinds])
    return Broker(adapters=list(kinds), runtime=runtime or VirtualRuntime(), **settings)


def tiered(*tiers: tuple[int | None, str], sku: str = "fake.vision.label", **facts: Any) -> Price:
    """A price whose units get cheaper."""
    rows = tuple(Tier(up_to=None if up_to is None else D(up_to), price=D(price)) for up_to, price in tiers)
    return replace(fake_price(sku=sku), tiers=rows, **facts)


def using(quantity: str) -> OperationSpec:
    """An operation of which each request uses so many images."""
    usage = (Usage(sku="", unit=Unit.IMAGE, quantity=D(quantity)),)
    return OperationSpec(operation="vision.label", service="Fake Vision", meter=lambda request: usage)


def unready(provider: str) -> type[FakeAdapter]:
    """A provider that lacks its key."""

    class Unready(fake_provider(provider=provider)):  # type: ignore[misc]
        def setup(self) -> Setup:
            return Setup(configured=False, problem="no key; type: make a key")

    return Unready


def written(path: str) -> int:
    """Attempts in the ledger, announced ones too."""
    with closing(sqlite3.connect(path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM attempt").fetchone()
    return int(count)
