"""What the settings say of the ledger, put in force in it: which file, which budgets, what stands."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from datetime import datetime

from broker.config import Settings
from broker.errors import LedgerUnavailable, NotConfigured
from broker.ledger.base import Ledger
from broker.ledger.sqlite import SqliteLedger
from broker.pipeline.stand import meters_of
from broker.pricing.book import PriceBook
from broker.registry import Registry

log = logging.getLogger("broker")


def open_ledger(settings: Settings) -> SqliteLedger:
    """The ledger of the settings, with attempts of dead processes marked unknown."""
    ledger = SqliteLedger(os.path.expanduser(settings.ledger.path), durability=settings.ledger.durability)
    with suppress(LedgerUnavailable):  # said again, and acted on, by the first call that needs it
        ledger.recover()
    return ledger


def declare_budgets(ledger: Ledger, settings: Settings, at: datetime) -> None:
    """Put the settings' budgets in force. Without a ledger the first paid call stops."""
    budgets = [each.named(name) for name, each in settings.budgets.items()]
    with suppress(LedgerUnavailable):
        for budget, before in ledger.declare(budgets, at) if budgets else ():
            if before is not None:  # perhaps by a program that was started with older settings
                changed = before.limit != budget.limit
                limit = (
                    f"limit {before.limit} to {budget.limit}"
                    if changed
                    else f"its limit stays {budget.limit}"
                )
                log.warning(
                    "the budget %r of this ledger is changed by these settings: %s; 'mlbroker budget' shows it",
                    budget.name,
                    limit,
                )


def declare_standing(
    ledger: Ledger, settings: Settings, registry: Registry, prices: PriceBook, at: datetime
) -> None:
    """Tell the ledger what the settings say stands. Raises :class:`~broker.errors.NotConfigured`."""
    meters = meters_of(settings, registry, prices)
    try:
        with suppress(LedgerUnavailable):  # without a ledger the first paid call stops
            for meter, change in ledger.stand(meters, at):
                reason = meter.price_on(at.date()).unpriced
                if change == "begun" and reason is not None:
                    log.warning("the price of %r, which stands, is not known: %s", meter.name, reason)
    except ValueError as error:
        raise NotConfigured(str(error)) from None
