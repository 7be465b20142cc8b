"""Reports of a vendor's that do not fit what was measured: the whole is booked as reported, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from stream_support import each_second, price, sound_of, streaming_provider

from broker import Broker
from broker.contract import Context, Sound, StreamEnd
from broker.types import Unit, Usage
from broker.types.money import UsageSource
from broker.types.stream import StreamEvent, StreamRequest


def report(*usage: tuple[str, Unit, str]) -> StreamEnd:
    return StreamEnd(
        usage=tuple(
            Usage(sku=sku, unit=unit, quantity=Decimal(quantity), source=UsageSource.REPORTED)
            for sku, unit, quantity in usage
        )
    )


@pytest.mark.parametrize(
    ("end", "due"),
    [
        (report(("fake.other", Unit.SECOND, "100")), "0.200"),
        (report(("fake.call", Unit.REQUEST, "3")), "1.500"),
        (report(("", Unit.SECOND, "70"), ("fake.call", Unit.REQUEST, "1")), "0.570"),
        (report(("", Unit.SECOND, "1000"), ("fake.other", Unit.SECOND, "10")), "1.020"),
        (report(("fake.other", Unit.SECOND, "10"), ("fake.other", Unit.SECOND, "110")), "0.240"),
    ],
)
def test_what_is_reported_under_another_sku_is_booked_once(end: StreamEnd, due: str) -> None:
    def act(request: StreamRequest, sound: Sound, context: Context) -> Iterator[StreamEvent]:
        yield from each_second(request, sound, context)
        return end

    kind = streaming_provider(act)
    call = replace(price("0.5", sku="fake.call"), unit=Unit.REQUEST)
    kind.manifest = replace(
        kind.manifest, prices=(*kind.manifest.prices, price("0.002", sku="fake.other"), call)
    )
    with Broker(adapters=[kind], provider="fake") as broker:
        stream = broker.transcription.stream(sound_of(130))
        list(stream)
        assert stream.cost.amount == Decimal(due)
        assert stream.cost.basis is UsageSource.REPORTED
        assert sum(row.amount for row in broker.spend()) == Decimal(due)
        assert len(stream.result.attempts) == 3
