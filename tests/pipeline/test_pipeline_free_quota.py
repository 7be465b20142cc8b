"""A free quota is an account's fact: without the claim every unit is priced, with it the first ones are not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from pipeline_support import PICTURE, make

from broker.testing.fake import fake_price, fake_provider

PRICE = replace(fake_price("0.002"), free_quota=Decimal(2))


@pytest.mark.parametrize(
    ("section", "amounts"),
    [({}, ["0.002", "0.002", "0.002"]), ({"free_quota": True}, ["0", "0", "0.002"])],
    ids=["not claimed", "claimed"],
)
def test_the_first_units_of_the_month_are_free_only_when_claimed(
    section: dict[str, bool], amounts: list[str]
) -> None:
    with make(fake_provider(price=PRICE), providers={"fake": section}) as broker:
        costs = [broker.vision.label(PICTURE).cost for _ in range(3)]
    assert [cost.amount for cost in costs] == [Decimal(amount) for amount in amounts]
    assert {cost.upper_bound for cost in costs} == {Decimal("0.002")}, "the bound never counts on it"
