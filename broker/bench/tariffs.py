"""How each lane would be paid for at other volumes: measured units a call, the price book's rows, what stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from broker.bench.plan import ReplaySection
from broker.bench.result import UnitUse
from broker.bench.volume import Tariff, UnitLine
from broker.errors import BrokerError
from broker.pipeline.call import Services
from broker.pricing.book import STALE_AFTER, PriceBook
from broker.types.money import EXACT, Price, Tier, Unit

HOURS_A_MONTH = Decimal(730)
OWN = "local"
"""A price row's word for what a machine of one's own answers."""
NOT_STATED = "it answers on a machine of your own, whose cost the plan does not state: monthly_cost under its [[provider]]"
SECONDS_A_MONTH = Decimal(730 * 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneTariff:
    """A tariff with what it rests on."""

    tariff: Tariff
    uses: tuple[UnitUse, ...] = ()
    rows: tuple[Price, ...] = ()


def asked_tariff(
    kept: str | None,
    services: Services,
    provider: str,
    *,
    standing: Decimal | None,
    throughput: float | None,
    currency: str = "USD",
    fallback: str = "",
) -> LaneTariff:
    """From what the estimates of a run kept (:meth:`broker.bench.cost_ahead.CostAhead.kept`).

    :param standing: what the plan says stands a month; a machine of one's own carries as many calls as were measured.
    :param currency: of ``standing``, the plan's.
    :param fallback: what to say where nothing was estimated.
    """
    facts = json.loads(kept) if kept else None
    if facts is None or not facts["calls"]:
        return _unknown(fallback or "nothing could be estimated")
    if facts["unpriced"]:
        return _unknown(str(facts["unpriced"]))
    hourly = [None if each is None else Decimal(each) for _, each in facts["hourly"]]
    if any(each is None for each in hourly):
        return _unknown("what stands for it by the hour has no known price")
    rows = {row.id: row for row in services.prices.rows()}
    lines, uses = [], []
    for use in facts["uses"]:
        row = rows.get(use["price_id"])
        if row is None:  # given away in a bundle
            continue
        per_call = EXACT.divide(Decimal(use["units"]), Decimal(facts["calls"]))
        lines.append(UnitLine(price=row, per_call=per_call))
        uses.append(use_of(row, per_call))
    stands = sum((each * HOURS_A_MONTH for each in hourly if each is not None), Decimal(0))
    whole = stands + (standing or Decimal(0))
    free = all(line.price.free is not None for line in lines)
    if standing is None and lines and all(line.price.free == OWN for line in lines):
        return LaneTariff(
            tariff=Tariff(lines=(), currency=currency, unknown=NOT_STATED),
            uses=tuple(uses),
            rows=tuple(line.price for line in lines),
        )
    own_machine = standing is not None and free
    carries = None
    if own_machine and throughput:
        carries = EXACT.multiply(Decimal(repr(throughput)), SECONDS_A_MONTH)
    tariff = Tariff(
        lines=tuple(lines),
        currency=currency if free and not stands else facts["currency"],
        standing=whole if stands or standing is not None else None,
        carries=carries,
        free_quota=_free_quota(services, provider),
    )
    return LaneTariff(tariff=tariff, uses=tuple(uses), rows=tuple(line.price for line in lines))


def stated_tariff(section: ReplaySection) -> LaneTariff | None:
    """As the plan states it for a recorded lane; None: it does not."""
    if not section.tiers:
        return None
    source = "made up, as the plan says" if section.made_up else "the plan"
    price = Price(
        id=f"plan:{section.name}",
        sku=f"{section.name}.call",
        unit=Unit.REQUEST,
        region="*",
        currency=section.currency,
        valid_from=date.min,
        checked_on=date.min,
        source=source,
        confidence="contract",
        tiers=tuple(Tier(up_to=each.up_to, price=each.price) for each in section.tiers),
    )
    line = UnitLine(price=price, per_call=Decimal(1))
    tariff = Tariff(lines=(line,), currency=section.currency, standing=section.monthly_cost)
    use = UnitUse(
        sku=price.sku,
        unit=price.unit.value,
        per_call=Decimal(1),
        price_id=price.id,
        price_source=source,
        checked_on=None,
    )
    return LaneTariff(tariff=tariff, uses=(use,))


def use_of(row: Price, per_call: Decimal) -> UnitUse:
    """For people."""
    return UnitUse(
        sku=row.sku,
        unit=row.unit.value,
        per_call=per_call,
        price_id=row.id,
        price_source=row.source,
        checked_on=row.checked_on,
    )


def _unknown(why: str) -> LaneTariff:
    return LaneTariff(tariff=Tariff(lines=(), currency="USD", unknown=why))


def _free_quota(services: Services, provider: str) -> bool:
    name, _, profile = provider.partition(":")
    try:
        return services.registry.options(name, profile or None).free_quota
    except BrokerError:
        return False  # a recording of a provider that is not set up here


def digest_of(book: PriceBook, day: date) -> str:
    """Of the rows in force: the same digest, the same prices."""
    rows = sorted(repr(row) for row in book.rows() if row.holds(day))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:16]


def oldest(rows: Iterable[Price]) -> date | None:
    """The day on which the oldest was read."""
    return min((row.checked_on for row in rows if row.free is None), default=None)


def stale(rows: Iterable[Price], day: date) -> tuple[str, ...]:
    """Skus whose price should be read again."""
    return tuple(sorted({row.sku for row in rows if row.free is None and day - row.checked_on > STALE_AFTER}))
