"""What a vendor reports as billed is believed, but not when it cannot be meant."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pipeline_support import GOOD, PICTURE, make, rows

from broker import MalformedReply
from broker.contract import Reply
from broker.testing.fake import fake_provider
from broker.types import Unit, Usage, UsageSource


def reporting(quantity: str) -> Any:
    usage = Usage(sku="", unit=Unit.IMAGE, quantity=Decimal(quantity), source=UsageSource.REPORTED)
    return fake_provider([Reply(payload=GOOD.payload, usage=(usage,))])


def test_a_report_is_booked_in_full_even_above_what_was_announced(caplog: pytest.LogCaptureFixture) -> None:
    with make(reporting("3")) as broker:
        assert broker.vision.label(PICTURE).cost.amount == Decimal("0.003")
    assert "booked in full" in caplog.text


@pytest.mark.parametrize("quantity", ["0", "-0", "1e-30"])
def test_a_report_of_nothing_for_an_answered_call_is_no_zero_in_the_ledger(quantity: str) -> None:
    with make(reporting(quantity)) as broker:
        assert broker.vision.label(PICTURE).cost.amount == Decimal("0.001")
    assert rows()[0]["amount"] == 10**9


@pytest.mark.parametrize("quantity", ["1e12", "-5", "NaN", "Infinity"])
def test_a_report_that_cannot_be_meant_is_a_malformed_reply_and_the_row_is_closed(quantity: str) -> None:
    with make(reporting(quantity)) as broker, pytest.raises(MalformedReply) as caught:
        broker.vision.label(PICTURE)
    assert caught.value.billed is True
    (row,) = rows()
    assert (row["state"], row["billed"], row["amount"]) == ("settled", "yes", 10**9)
