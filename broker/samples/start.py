"""The sampler of a broker, from its settings."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING

from broker.config import Settings
from broker.errors import QualityUnavailable
from broker.ledger.base import Ledger, SpendQuery, SpendRow
from broker.ledger.sqlite import SqliteLedger
from broker.notify.notice import Notice
from broker.samples.file import path_beside
from broker.samples.mirror import Mirror
from broker.samples.plan import Plan
from broker.samples.purses import Purses, Spent
from broker.samples.sampler import Sampler
from broker.samples.store import SampleStore
from broker.sections_quality import SamplingSettings
from broker.switches.board import Board
from broker.switches.use_cases import UseCases

if TYPE_CHECKING:
    from broker.samples.rounds import Rounds

log = logging.getLogger("broker")


def open_store(settings: Settings) -> SampleStore:
    """The store of the settings; the file is opened when it is first used."""
    return SampleStore(settings.quality.store or path_beside(settings.ledger.path))


def plans_of(settings: Settings, store: SampleStore) -> dict[str, Plan]:
    """The use cases that are sampled. Raises :class:`~broker.errors.QualityUnavailable`."""
    quality = settings.quality
    seed = store.seed(None if quality.seed is None else quality.seed.get_secret_value().encode())
    return {
        name: Plan(name, each, each.sampling, seed)
        for name, each in quality.use_cases.items()
        if each.sampling is not None
    }


def plans_kept(settings: Settings, store: SampleStore) -> dict[str, Plan]:
    """Those of :func:`plans_of`, and use cases that are sampled no more: what was found of their calls stays known.

    Raises :class:`~broker.errors.QualityUnavailable`.
    """
    quality = settings.quality
    found = plans_of(settings, store)
    seed = store.seed(None if quality.seed is None else quality.seed.get_secret_value().encode())
    for name, each in quality.use_cases.items():
        if each.sampling is None and store.providers(name):
            found[name] = Plan(name, each, SamplingSettings(), seed)
    return found


def path_of(ledger: Ledger) -> str | None:
    """Of its file; None: the program's own ledger is no file of ours."""
    return os.path.abspath(ledger.path) if isinstance(ledger, SqliteLedger) else None


def spend_of(ledger: Ledger) -> Callable[[SpendQuery], Sequence[SpendRow]]:
    """What was spent, by a connection of its own where it is a file: a long look would hold up calls."""
    path = path_of(ledger)

    def spend(query: SpendQuery) -> Sequence[SpendRow]:
        if path is None:
            return ledger.spend(query)
        with closing(SqliteLedger(path)) as beside:
            return beside.spend(query)

    return spend


def start_sampling(
    settings: Settings,
    *,
    board: Board | None,
    notify: Callable[[Notice], None],
    now: Callable[[], datetime],
    mirror: Callable[[], Mirror],
    ledger: Ledger,
) -> Sampler | None:
    """None where the store cannot be opened: calls go on, and nothing is sampled until the program starts anew.

    :param ledger: draws are compared with its calls, and money for shadow calls with its spend.
    """
    quality = settings.quality
    store = open_store(settings)
    use_cases = UseCases(quality.use_cases)
    purses = Purses(store, Spent(spend_of(ledger), use_cases))
    try:
        plans = plans_of(settings, store)
        for plan in plans.values():
            store.begin(plan.name, now())
            plan.designs.refresh(store, now())
            purses.allow(plan, now())
    except QualityUnavailable as error:
        log.warning("no call is sampled until this program starts anew: %s", error)
        return None

    def rounds(sampler: Sampler) -> Rounds:
        from broker.samples.recorded import Records
        from broker.samples.rounds import Rounds

        return Rounds(
            sampler,
            board=board,
            notify=notify,
            level=quality.level,
            false_alarms_a_year=quality.false_alarms_a_year,
            records=Records(path_of(ledger), store, use_cases),
            purses=purses,
        )

    return Sampler(store, plans, mirror=mirror, rounds=rounds, now=now, room=quality.queue)
