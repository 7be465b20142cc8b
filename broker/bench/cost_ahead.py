"""What a run will cost, told before anything is sent; and what a call uses, for the cost at other volumes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from broker.bench.kept import StoredItem
from broker.bench.lanes import Asked, Replayed
from broker.bench.store import Store
from broker.client import Broker
from broker.errors import BrokerError
from broker.pipeline.ahead import Ahead
from broker.runtime.blocking import drive
from broker.types.estimate import CandidateEstimate
from broker.types.money import EXACT

REALLY_ESTIMATED = 1000
"""Items estimated one by one; of more, evenly spread ones stand for all."""
_ZERO = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Use:
    """What the estimated calls use of one sku together."""

    unit: str
    price_id: str
    units: Decimal = _ZERO


@dataclass(slots=True, kw_only=True)
class CostAhead:
    """One lane's questions that are left.

    :param calls: questions left. ``estimated``: calls that the sums are of; :attr:`amount` and :attr:`most` scale them up.
    :param assumed: what a call without a known price counts for, as the plan says; None: such calls are refused.
    :param problem: why calls would be refused, of the first that would.
    :param unpriced: why there is no price, if so.
    """

    lane: Asked | Replayed
    calls: int
    assumed: Decimal | None = None
    estimated: int = 0
    refused: int = 0
    currency: str = "USD"
    region: str | None = None
    sum_amount: Decimal | None = _ZERO
    sum_most: Decimal | None = _ZERO
    problem: str | None = None
    unpriced: str | None = None
    free: bool = True
    hourly: tuple[tuple[str, Decimal | None], ...] = ()
    uses: dict[str, Use] = field(default_factory=dict)

    @property
    def amount(self) -> Decimal | None:
        """At this month's tiers; None: not known."""
        return self._all(self.sum_amount)

    @property
    def most(self) -> Decimal | None:
        """Each call's one attempt at the dearest tier; None: not known."""
        return self._all(self.sum_most)

    def _all(self, total: Decimal | None) -> Decimal | None:
        if total is None or not self.estimated:
            return None if total is None or self.calls else _ZERO
        return EXACT.divide(EXACT.multiply(total, Decimal(self.calls)), Decimal(self.estimated))

    def add(self, made: CandidateEstimate) -> None:
        """One call's estimate."""
        self.estimated += 1
        self.region = made.region
        self.problem = self.problem or made.problem
        self.refused += made.problem is not None
        self.unpriced = self.unpriced or made.unpriced or made.unknown
        self.free = self.free and made.free
        self.hourly = tuple((rate.name or rate.sku, rate.hourly) for rate in made.standing)
        if not made.free:
            self.currency = made.currency
        amount = made.amount if made.amount is not None else made.upper_bound
        self.sum_amount = _plus(self.sum_amount, amount)
        bound = made.upper_bound if made.upper_bound is not None else self.assumed
        self.sum_most = _plus(self.sum_most, bound)
        for line in made.lines:
            use = self.uses.setdefault(line.counter, Use(unit=line.unit.value, price_id=line.price_id))
            use.units = EXACT.add(use.units, line.units)

    def kept(self) -> str:
        """For the store: what a call uses, on average."""
        return json.dumps(
            {
                "calls": self.estimated,
                "free": self.free,
                "currency": self.currency,
                "region": self.region,
                "unpriced": self.unpriced,
                "hourly": [[name, None if each is None else str(each)] for name, each in self.hourly],
                "uses": [
                    {"unit": use.unit, "price_id": use.price_id, "units": str(use.units)}
                    for use in self.uses.values()
                ],
            }
        )


def cost_ahead(
    broker: Broker,
    lanes: Sequence[Asked | Replayed],
    store: Store,
    left: Mapping[int, int],
    progress: Callable[[int, int], None],
    assumed: Decimal | None = None,
) -> list[CostAhead]:
    """Of every lane that is asked, or would be paid for at list price. Nothing is sent.

    :param left: questions left, by the lane's number. ``progress`` is told how many items are done, and of how many.
    """
    ahead = Ahead(moving=True)
    found = [CostAhead(lane=each, calls=left[each.number], assumed=assumed) for each in lanes]
    total = store.known_items()
    step = max(1, total // REALLY_ESTIMATED)
    for done, item in enumerate(_spread(store, step), 1):
        for each in found:
            _estimate(broker, each, item, ahead)
        progress(done, -(-total // step))
    return found


def _spread(store: Store, step: int) -> Iterator[StoredItem]:
    after = 0
    while block := store.items(after, 500):
        yield from (item for item in block if (item.number - 1) % step == 0)
        after = block[-1].number


def _estimate(broker: Broker, into: CostAhead, item: StoredItem, ahead: Ahead) -> None:
    options = {name: value for name, value in into.lane.options.items() if name != "raw"}
    try:
        made = drive(broker.core.estimate(into.lane.operation, item.input, options, ahead))
    except (
        BrokerError
    ) as error:  # this item will fail at no cost, or its length is not known before it is looked at
        into.estimated += 1
        into.refused += 1
        into.problem = into.problem or str(error)
        return
    if made.candidates[0].lines or made.candidates[0].free or isinstance(into.lane, Asked):
        into.add(made.candidates[0])


def _plus(total: Decimal | None, more: Decimal | None) -> Decimal | None:
    return None if total is None or more is None else EXACT.add(total, more)
