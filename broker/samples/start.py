"""The sampler of a broker, from its settings."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from broker.config import Settings
from broker.errors import QualityUnavailable
from broker.notify.notice import Notice
from broker.samples.file import path_beside
from broker.samples.mirror import Mirror
from broker.samples.plan import Plan
from broker.samples.sampler import Sampler
from broker.samples.store import SampleStore
from broker.switches.board import Board

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


def start_sampling(
    settings: Settings,
    *,
    board: Board | None,
    notify: Callable[[Notice], None],
    now: Callable[[], datetime],
    mirror: Callable[[], Mirror],
    ledger: str | None,
) -> Sampler | None:
    """None where the store cannot be opened: calls go on, and nothing is sampled until the program starts anew.

    :param ledger: path of its file, which draws are compared with; None: it is no such file.
    """
    quality = settings.quality
    store = open_store(settings)
    try:
        plans = plans_of(settings, store)
        for plan in plans.values():
            store.begin(plan.name, now())
            plan.designs.refresh(store, now())
            if plan.per_day is not None:
                plan.allow(store.purse(plan.name, plan.per_day, now()))
    except QualityUnavailable as error:
        log.warning("no call is sampled: %s", error)
        return None

    def rounds(sampler: Sampler) -> Rounds:
        from broker.samples.recorded import Records
        from broker.samples.rounds import Rounds
        from broker.switches.use_cases import UseCases

        return Rounds(
            sampler,
            board=board,
            notify=notify,
            level=quality.level,
            false_alarms_a_year=quality.false_alarms_a_year,
            records=Records(ledger, store, UseCases(quality.use_cases)),
        )

    return Sampler(store, plans, mirror=mirror, rounds=rounds, now=now, room=quality.queue)
