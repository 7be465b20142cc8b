"""What is paid while it stands: index hours, search units. Declared once, reckoned by the clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from broker.types.budget import Budget
from broker.types.money import EXACT, Tier

MICROSECONDS = {"second": 1_000_000, "hour": 3_600_000_000, "month": 0, "gibibyte_month": 0}
"""Of one counted unit of time; 0: a calendar month (UTC), as long as it is."""
ALLOCATION = "equal-by-day/1"
"""The rule by which standing costs are shared out in reports: what stands on a UTC day is shared in equal parts by the
answered attempts of that day which it serves. A day without one is idle: its cost is nobody's. A change of the rule
gets another number."""

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Between them something may stand: before, there was nothing to rent, and a far day said for "always" is no day to reckon with."""


def period_problem(since: datetime, until: datetime | None) -> str:
    """What is wrong with when something stands; empty: nothing."""
    if not EARLIEST <= since < LATEST or (until is not None and until >= LATEST):
        return f"what stands begins and ends from {EARLIEST.year} to {LATEST.year - 1}; without an end leave until out"
    return "it ends before it begins" if until is not None and until < since else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingPrice:
    """The price row that holds for a meter from one day to another, as the ledger keeps it.

    :param end: exclusive; None is open.
    :param unit: what the row sells by: ``second``, ``hour``, ``month``, ``gibibyte_month``.
    :param per: so many counted units make one billing unit.
    :param slot: microseconds; a slot of the UTC day that is begun counts in full at both ends. 0: to the microsecond.
    :param counter: the month's meter that decides the tier.
    :param unpriced: why no price is known.
    """

    begin: date
    end: date | None = None
    price_id: str = "unpriced"
    currency: str = "USD"
    unit: str = "hour"
    per: Decimal = Decimal(1)
    slot: int = 0
    counter: str = ""
    tiers: tuple[Tier, ...] = ()
    unpriced: str | None = None

    def holds(self, day: date) -> bool:
        """Whether the day lies in its period."""
        return self.begin <= day and (self.end is None or day < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingMeter:
    """Something that is paid by the time it stands, whether it is called or not.

    :param name: names it in this ledger for good.
    :param sku: the price it falls under (``azure.search.s1``).
    :param provider: whose; with ``profile`` ('' for the default account) the account that is billed.
    :param operations: those that it serves: it counts in their budgets, and their attempts share its cost.
    :param tags: only budgets that have none others cover it.
    :param units: how many stand at once (search units, indexes, gibibytes).
    :param since: when it began to stand (UTC).
    :param until: when it ended, exclusive; None: it stands.
    :param prices: by time, without gaps, from the day of ``since``; the last one is open.
    """

    name: str
    sku: str
    provider: str
    profile: str = ""
    region: str | None = None
    operations: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    units: Decimal = Decimal(1)
    since: datetime
    until: datetime | None = None
    prices: tuple[StandingPrice, ...] = field(compare=False)

    def __post_init__(self) -> None:
        if self.units <= 0:
            raise ValueError(f"{self.name}: units must be above 0")
        if problem := period_problem(self.since, self.until):
            raise ValueError(f"{self.name}: {problem}")

    @property
    def account(self) -> str:
        """As it is named in a call: ``aws`` or ``aws:prod-eu``."""
        return f"{self.provider}:{self.profile}" if self.profile else self.provider

    def serves(self, provider: str, profile: str, operation: str) -> bool:
        """Whether an attempt uses what stands."""
        return provider == self.provider and profile == self.profile and operation in self.operations

    def covered_by(self, budget: Budget) -> bool:
        """Whether it counts in a budget: where one of the operations it serves does."""
        tags = dict(self.tags)
        return any(budget.covers(self.provider, self.profile, each, tags) for each in self.operations)

    def stands(self, at: datetime) -> bool:
        """Whether it stands at this instant."""
        return self.since <= at and (self.until is None or at < self.until)

    def price_on(self, day: date) -> StandingPrice:
        """The price of a day. Days before the first are told by it."""
        for price in reversed(self.prices):
            if price.begin <= day:
                return price
        return self.prices[0]

    @property
    def begins(self) -> datetime:
        """From when it is counted: the slot that was begun counts in full."""
        return _grid(self.since, self.price_on(self.since.date()).slot, up=False)

    @property
    def ends(self) -> datetime | None:
        """To when it is counted."""
        if self.until is None or self.until == self.since:
            return self.until if self.until is None else self.begins
        return _grid(self.until, self.price_on(self.until.date()).slot, up=True)

    def facts(self) -> str:
        """What it is, as JSON; of it only the operations may change."""
        return json.dumps(
            {
                "sku": self.sku,
                "provider": self.provider,
                "profile": self.profile,
                "region": self.region,
                "operations": list(self.operations),
                "tags": [list(pair) for pair in self.tags],
                "units": f"{self.units.normalize(EXACT):f}",
                "since": self.since.astimezone(UTC).isoformat(),
            }
        )

    def price_text(self) -> str:
        """Its prices as JSON."""
        return json.dumps(
            [
                [
                    each.begin.isoformat(),
                    None if each.end is None else each.end.isoformat(),
                    each.price_id,
                    each.currency,
                    each.unit,
                    str(each.per),
                    each.slot,
                    each.counter,
                    [
                        [None if tier.up_to is None else str(tier.up_to), str(tier.price)]
                        for tier in each.tiers
                    ],
                    each.unpriced,
                ]
                for each in self.prices
            ]
        )

    @classmethod
    def of(cls, name: str, facts: str, until: str | None, prices: str) -> StandingMeter:
        """What :meth:`facts` and :meth:`price_text` wrote."""
        found = json.loads(facts)
        return cls(
            name=name,
            sku=found["sku"],
            provider=found["provider"],
            profile=found["profile"],
            region=found["region"],
            operations=tuple(found["operations"]),
            tags=tuple((key, value) for key, value in found["tags"]),
            units=Decimal(found["units"]),
            since=datetime.fromisoformat(found["since"]),
            until=None if until is None else datetime.fromisoformat(until),
            prices=tuple(_price(each) for each in json.loads(prices)),
        )


def _price(row: list[Any]) -> StandingPrice:
    begin, end, price_id, currency, unit, per, slot, counter, tiers, unpriced = row
    return StandingPrice(
        begin=date.fromisoformat(str(begin)),
        end=None if end is None else date.fromisoformat(str(end)),
        price_id=str(price_id),
        currency=str(currency),
        unit=str(unit),
        per=Decimal(str(per)),
        slot=int(str(slot)),
        counter=str(counter),
        tiers=tuple(
            Tier(up_to=None if up_to is None else Decimal(up_to), price=Decimal(price))
            for up_to, price in tiers
        ),
        unpriced=None if unpriced is None else str(unpriced),
    )


def _grid(at: datetime, slot: int, *, up: bool) -> datetime:
    """The border of the slot of the UTC day that an instant lies in."""
    if not slot:
        return at
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    passed = (at - midnight) // timedelta(microseconds=1)
    count = -(-passed // slot) if up else passed // slot
    return midnight + timedelta(microseconds=count * slot)


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRate:
    """What stands beside the marginal cost of a call.

    :param name: of the meter; '' for what the provider's operation needs and nobody has declared.
    :param hourly: what an hour costs now, called or not; None where it is not known.
    :param unpriced: why it is not known.
    """

    name: str
    sku: str
    units: Decimal = Decimal(1)
    currency: str = "USD"
    hourly: Decimal | None = None
    unpriced: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    """What one meter came to in the days of a report.

    :param hours: that it stood, times its units; a begun slot at its ends counts in full.
    :param amount: known costs; None where nothing of it has a price.
    :param unpriced_hours: the part of ``hours`` that has no known price; it is in no sum.
    :param allocated: the part of ``amount`` that attempts share by :data:`ALLOCATION`.
    :param ended: when it ended, or will end.
    """

    name: str
    sku: str
    provider: str
    profile: str
    currency: str
    units: Decimal
    hours: Decimal
    amount: Decimal | None
    unpriced_hours: Decimal
    allocated: Decimal
    ended: datetime | None = None
    unpriced: str | None = None

    @property
    def idle(self) -> Decimal:
        """What it cost on days on which nobody used it: shared out to nobody."""
        return Decimal(0) if self.amount is None else EXACT.subtract(self.amount, self.allocated)


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocatedRow:
    """The share of standing costs that a group of attempts has.

    :param group: the values of the asked-for dimensions, in their order.
    :param attempts: those that share.
    """

    group: tuple[str, ...]
    currency: str
    attempts: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingSpend:
    """Standing costs of a report's days, and how they are shared out. In no marginal sum.

    :param rule: of the allocation, with its version.
    :param rows: one for each meter that stood.
    :param allocated: by group; attempts without the tag asked for are in none.
    """

    rule: str = ALLOCATION
    rows: tuple[StandingRow, ...] = ()
    allocated: tuple[AllocatedRow, ...] = ()

    @property
    def totals(self) -> Mapping[str, Decimal]:
        """By currency."""
        found: dict[str, Decimal] = {}
        for row in self.rows:
            if row.amount is not None:
                found[row.currency] = EXACT.add(found.get(row.currency, Decimal(0)), row.amount)
        return found
