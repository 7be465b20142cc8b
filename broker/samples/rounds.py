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
        self._asked_purse: datetime | None = None
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
        ids = self._store.write(draws, skips, [(each.sample, each.contents) for each in found])
        try:
            self._follow(found, ids, touched)
        except QualityUnavailable as error:  # the rows are there; the next round goes on from them
            log.warning("what was sampled is kept, what follows from it waits: %s", error)

    def _look(self, seen: Seen) -> Found | None:
        try:
            return self.examiner.look(seen)
        except Exception as error:  # noqa: BLE001 - an adapter's answer may be anything; the others must not suffer
            self._sampler.skip(seen.use_case, Skipped.UNSCORED)
            told = str(error) if isinstance(error, BrokerError) else type(error).__name__
            log.warning("a sampled call of %s could not be looked at: %s", seen.use_case, told)
            return None

    def _follow(
        self, found: Sequence[Found], ids: Sequence[int], touched: Collection[tuple[str, str]]
    ) -> None:
        scores = [
            score
            for each, number in zip(found, ids, strict=True)
            for score in self.examiner.scores(each, number)
        ]
        if scores:
            self._store.add_scores(scores)
        for each, number in zip(found, ids, strict=True):
            if each.asks and not self._sampler.aside(each.sample.use_case, partial(self._ask, each, number)):
                self._ask(replace(each, asks=()), number)
        new = {(each.sample.use_case, each.sample.provider) for each in found}
        for use_case, provider in sorted(new.union(touched)):
            self.watchman.advance(use_case, provider)
        self._keep_house()

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

    def _keep_house(self) -> None:
        now = self._now()
        plans = self._sampler.plans
        if self._asked_purse is None or now - self._asked_purse >= PURSE:
            self._asked_purse = now
            for plan in plans.values():
                self._purses.allow(plan, now)
        for plan in plans.values():
            plan.designs.refresh(self._store, now)
        if self._kept_house is None or now - self._kept_house >= HOUSEKEEPING:
            self._kept_house = now
            self._store.expire(now)
            self._store.give_up(now)
        if self._told is None or now.date() > self._told.date():
            self._tell_yesterday(now)
            self._told = now

    def _tell_yesterday(self, now: datetime) -> None:
        """Once a day, what the days up to yesterday showed, by whichever program of those that use the store is the first."""
        until = now.date() - timedelta(days=1)
        since = until - timedelta(days=TOLD_DAYS - 1)
        for plan in self._sampler.plans.values():
            drawn = self._records.of(plan.name, since, until, now)
            for provider in self._store.providers(plan.name):
                if self._store.told_until(plan.name, provider) >= until:
                    continue
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
