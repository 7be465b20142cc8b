"""What the sampler's thread does: rows and scores for what was taken, then evidence, and what is due once a day."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from broker.errors import BrokerError, QualityUnavailable
from broker.notify.notice import Notice
from broker.samples.estimates import Asked, figures
from broker.samples.evidence import Watchman
from broker.samples.examine import Examiner, Found
from broker.samples.plan import Plan
from broker.samples.purses import Purses
from broker.samples.recorded import Records
from broker.samples.rows import Drawing, Skipped
from broker.samples.seen import Seen
from broker.switches.board import Board

if TYPE_CHECKING:
    from broker.samples.sampler import Sampler

log = logging.getLogger("broker")

HOUSEKEEPING = timedelta(hours=1)
"""Between two looks at what is to be erased, given up or told."""
PURSE = timedelta(seconds=30)
"""Between two looks at what the budget has left, besides those after each shadow call."""
TOLD_DAYS = 30
"""Estimates that are told by themselves are about so many days."""


class Rounds:
    """One sampler's. Used by one thread at a time.

    :param level: of intervals.
    :param records: compares the draws with the ledger. ``purses``: money for shadow calls.
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        board: Board | None,
        notify: Callable[[Notice], None],
        level: float,
        false_alarms_a_year: float,
        records: Records,
        purses: Purses,
    ) -> None:
        self._purses = purses
        self._records = records
        self._sampler = sampler
        self._store = sampler.store
        self._now = sampler.now
        self._level = level
        self.watchman = Watchman(
            self._store,
            sampler.plans,
            board=board,
            notify=notify,
            now=self._now,
            false_alarms_a_year=false_alarms_a_year,
        )
        self.examiner = Examiner(
            self._store,
            sampler.plans,
            count=sampler.skip,
            probes=self.watchman.probed,
            held=self.watchman.held,
            purses=purses,
            now=self._now,
        )
        self._kept_house: datetime | None = None
        self._asked_purse: dict[str, datetime] = {}
        self._told_of: set[tuple[str, type[Exception]]] = set()
        self._told: datetime | None = None

    def go(
        self,
        draws: Mapping[Drawing, tuple[int, int]],
        skips: Mapping[tuple[str, str, Skipped], int],
        taken: Sequence[Seen],
        touched: Collection[tuple[str, str]] = (),
    ) -> None:
        """One round; ``touched`` are use cases at providers of which the store has something new. Raises :class:`QualityUnavailable` before anything of it is kept, or not at all."""
        found = [each for each in map(self._look, taken) if each is not None]
        ids = self._store.write(
            draws, skips, [(each.sample, each.contents) for each in found], [each.scores for each in found]
        )
        # The rows are there, and what goes wrong from here on must not have them written once more.
        for each, number in zip(found, ids, strict=True):
            if each.asks and not self._sampler.aside(each.sample.use_case, partial(self._ask, each, number)):
                self._ask(replace(each, asks=()), number)
        new = {(each.sample.use_case, each.sample.provider) for each in found}
        for use_case, provider in sorted(new.union(touched)):
            self._follow(use_case, partial(self.watchman.advance, use_case, provider))
        for plan in self._sampler.plans.values():
            self._follow(plan.name, partial(self._keep_up, plan))
        self._follow("all use cases", self._keep_house)

    def _follow(self, name: str, work: Callable[[], None]) -> None:
        """What follows from the rows; what cannot be done now is done in a later round, and keeps nothing else from being done."""
        try:
            work()
        except QualityUnavailable as error:
            log.warning("what was sampled is kept, what follows from it for %s waits: %s", name, error)
        except Exception as error:  # noqa: BLE001 - of one use case; others must not suffer
            if (name, type(error)) not in self._told_of:
                self._told_of.add((name, type(error)))
                told = str(error) if isinstance(error, BrokerError) else type(error).__name__
                log.warning("what follows from samples of %s fails: %s; report it", name, told)

    def _look(self, seen: Seen) -> Found | None:
        try:
            return self.examiner.look(seen)
        except Exception as error:  # noqa: BLE001 - an adapter's answer may be anything; the others must not suffer
            self._sampler.skip(seen.use_case, Skipped.UNSCORED)
            told = str(error) if isinstance(error, BrokerError) else type(error).__name__
            log.warning("a sampled call of %s could not be looked at: %s", seen.use_case, told)
            return None

    def _ask(self, found: Found, number: int) -> None:
        """In a thread that may wait. Raises nothing."""
        use_case = found.sample.use_case
        try:
            self.examiner.ask_others(found, number, self._sampler.mirror())
        except QualityUnavailable:
            self._sampler.skip(use_case, Skipped.STORE)
        except Exception as error:  # noqa: BLE001 - users' calls go on, and so do other shadow calls
            self._sampler.skip(use_case, Skipped.FAILED)
            told = str(error) if isinstance(error, BrokerError) else type(error).__name__
            log.warning("the shadow calls beside a call of %s failed: %s", use_case, told)
        if found.asks:
            for provider in (found.sample.provider, *self.watchman.probed(use_case)):
                self._sampler.touch(use_case, provider)

    def _keep_up(self, plan: Plan) -> None:
        """With the money that is left, and with what was learnt of days that are over."""
        now = self._now()
        if _due(self._asked_purse.get(plan.name), now, PURSE):
            self._asked_purse[plan.name] = now
            self._purses.allow(plan, now)
        plan.designs.refresh(self._store, now)

    def _keep_house(self) -> None:
        now = self._now()
        if _due(self._kept_house, now, HOUSEKEEPING):
            self._kept_house = now
            self._store.expire(now)
            self._store.give_up(now)
        if self._told is None or now.date() != self._told.date():
            self._tell_yesterday(now)
            self._told = now

    def _tell_yesterday(self, now: datetime) -> None:
        """Once a day, what the days up to yesterday showed, by whichever program of those that use the store is the first."""
        until = now.date() - timedelta(days=1)
        since = until - timedelta(days=TOLD_DAYS - 1)
        for plan in self._sampler.plans.values():
            untold = [
                provider
                for provider in self._store.providers(plan.name)
                if self._store.told_until(plan.name, provider) < until
            ]
            drawn = self._records.of(plan.name, since, until, now) if untold else {}
            for provider in untold:
                asked = Asked(
                    use_case=plan.name,
                    operation=plan.settings.operation,
                    provider=provider,
                    since=since,
                    until=until,
                    level=self._level,
                )
                found = figures(self._store, asked, plan.scoring, drawn.get(provider))
                if found.calls or found.sampled:
                    self._store.add_estimates(found.records(now))
                self.watchman.watch_mix(plan, provider)


def _due(last: datetime | None, now: datetime, period: timedelta) -> bool:
    """Whether it is time again; also after a clock was set back, which would else put it off for as long."""
    return last is None or not timedelta(0) <= now - last < period
