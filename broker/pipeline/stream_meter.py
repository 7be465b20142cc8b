"""The bill of a stream, cut into slices: each is announced before its sound goes out, and together they are one bill.

A slice costs what the stream costs up to its end, less what it costs up to its beginning. So rounding and a minimum apply
once a stream, tiers go on where the last slice left them, and the amounts add up to those of one request of that length,
to the last of the 12 decimals. The prices are those of the day on which the stream began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from broker.errors import BrokerError
from broker.ledger.base import ChargeLine
from broker.pipeline.call import Services, Target
from broker.pipeline.meter import Metered
from broker.pricing.bill import Bill, BillLine, bill
from broker.types.money import EXACT, Usage
from broker.types.request import Request
from broker.types.stream import StreamRequest

SLICE_MILLISECONDS = 60_000
"""Of sound that is announced at once."""
_NONE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceBill(Metered):
    """What a stream comes to between two of its moments.

    :param whole: up to the later one.
    :param before: up to the earlier one; None at the beginning.
    """

    whole: Bill = field(repr=False)
    before: Bill | None = field(default=None, repr=False)

    def charges(self, free_quota: bool) -> Callable[[Mapping[str, Decimal]], Sequence[ChargeLine]]:
        """See :meth:`Metered.charges`. The month's position holds the slices before, if nothing else came between."""

        def at(positions: Mapping[str, Decimal]) -> tuple[ChargeLine, ...]:
            begun = dict(positions)
            if self.before is not None:
                for units, price in zip(self.before.units, self.before.prices, strict=True):
                    left = EXACT.subtract(begun.get(price.counter, _NONE), units)
                    begun[price.counter] = max(_NONE, left)
            paid = {} if self.before is None else _by_counter(self.before.lines(begun, free_quota))
            return tuple(
                _charged(line, paid.get(line.price.counter)) for line in self.whole.lines(begun, free_quota)
            )

        return at


def slice_bill(whole: Bill, before: Bill | None) -> SliceBill:
    """The bill between two moments; before both stands the stream's beginning."""
    return SliceBill(
        usage=tuple(_less(each, before) for each in whole.usage),
        units=whole.units,
        prices=whole.prices,
        bound=whole.bound if before is None else _difference(whole.bound, before.bound),
        currency=whole.currency,
        unpriced=whole.unpriced,
        whole=whole,
        before=before,
    )


def stream_of(request: Request) -> StreamRequest:
    """The request of a stream. Raises :class:`BrokerError` where the stages are mixed up."""
    if not isinstance(request, StreamRequest):
        raise BrokerError("this stage is for streams only")
    return request


class StreamBook:
    """The prices of one stream.

    :param day: on which it began.
    """

    def __init__(self, request: StreamRequest, target: Target, services: Services, day: date) -> None:
        self._request = request
        self._target = target
        self._services = services
        self._day = day

    def upto(self, milliseconds: int) -> Bill:
        """What a stream of this length comes to."""
        return self.of(self._target.spec.meter(replace(self._request, milliseconds=milliseconds)))

    def of(self, usage: Sequence[Usage]) -> Bill:
        """What this use comes to. Raises ValueError for one that cannot be."""
        spec = self._target.spec
        return bill(
            usage,
            self._services.prices,
            region=self._target.region,
            day=self._day,
            default_sku=spec.sku or f"{self._target.candidate.provider}.{spec.operation}",
        )

    def slices(self, sent: int, reported: Bill | None, count: int) -> list[SliceBill]:
        """The bills of what was announced, of a stream that has come to its end.

        :param sent: milliseconds.
        :param reported: what the vendor says of the whole; it wins.
        :param count: how many slices were announced.
        """
        last = self.upto(sent) if reported is None else reported
        ends = [self._until(min(SLICE_MILLISECONDS * each, sent), reported) for each in range(1, count)]
        ends.append(last)
        return [slice_bill(end, ends[place - 1] if place else None) for place, end in enumerate(ends)]

    def _until(self, milliseconds: int, reported: Bill | None) -> Bill:
        found = self.upto(milliseconds)
        if reported is None:
            return found
        # Of each that is reported no more than that; what was measured under another sku is not booked beside it.
        most = {each.sku: each.quantity for each in found.usage}
        return self.of(
            [replace(each, quantity=min(each.quantity, most.get(each.sku, _NONE))) for each in reported.usage]
        )


def _by_counter(lines: Sequence[BillLine]) -> dict[str, BillLine]:
    return {line.price.counter: line for line in lines}


def _less(usage: Usage, before: Bill | None) -> Usage:
    done = (
        next((each for each in before.usage if each.sku == usage.sku), None) if before is not None else None
    )
    if done is None:
        return usage
    return replace(usage, quantity=max(_NONE, EXACT.subtract(usage.quantity, done.quantity)))


def _charged(line: BillLine, paid: BillLine | None) -> ChargeLine:
    return ChargeLine(
        sku=line.usage.sku,
        counter=line.price.counter,
        unit=line.usage.unit,
        quantity=_of(line.usage.quantity, None if paid is None else paid.usage.quantity),
        source=line.usage.source,
        units=_of(line.units, None if paid is None else paid.units),
        amount=line.amount if paid is None else _difference(line.amount, paid.amount),
        bound=line.bound if paid is None else _difference(line.bound, paid.bound),
        price_id=line.price.id,
    )


def _of(whole: Decimal, paid: Decimal | None) -> Decimal:
    return whole if paid is None else max(_NONE, EXACT.subtract(whole, paid))


def _difference(whole: Decimal | None, paid: Decimal | None) -> Decimal | None:
    """None: not known. Never below 0: what is booked is not taken back."""
    return None if whole is None or paid is None else max(_NONE, EXACT.subtract(whole, paid))
