"""Evidence on each use case at each provider: against its tolerance, and alarms of drift; told to the off switch and to people.

Items enter once, in the order of the samples, and none passes one that still waits for its truth: whoever decides first,
or on what, cannot make the evidence look better or worse than the calls were.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from broker.notify.notice import Notice
from broker.quality.drift.plan import AlarmPlan, Watch
from broker.quality.scope import Scope
from broker.samples.drift import MARGIN, delay_of, watched
from broker.samples.mix import watch_mix
from broker.samples.plan import Plan
from broker.samples.rows import Alarm, EvidenceRow, Stream, StreamItem
from broker.samples.store import SampleStore
from broker.samples.tolerance import ToleranceWatch, kept, probing
from broker.switches.board import Board

log = logging.getLogger("broker")

_STREAMS = {Watch.QUALITY: Stream.SCORES, Watch.AGREEMENT: Stream.AGREEMENT, Watch.ERRORS: Stream.ERRORS}


class Watchman:
    """Advances the evidence of all use cases, and tells what follows.

    :param board: None: this ledger keeps no switches.
    """

    def __init__(
        self,
        store: SampleStore,
        plans: Mapping[str, Plan],
        *,
        board: Board | None,
        notify: Callable[[Notice], None],
        now: Callable[[], datetime],
        false_alarms_a_year: float,
    ) -> None:
        self._store = store
        self._plans = plans
        self._board = board
        self._notify = notify
        self._now = now
        self._false_alarms = false_alarms_a_year
        self._tolerance = ToleranceWatch(store, board, now)

    def probed(self, use_case: str) -> list[str]:
        """Providers of a use case that were left for their quality and are tried again."""
        if self._board is None:
            return []
        return [
            row.scope.provider
            for row in self._board.held
            if row.scope.use_case == use_case and row.scope.provider and probing(row.switch)
        ]

    def held(self, use_case: str, operation: str, provider: str) -> bool:
        """Whether nobody may ask there, not even beside users' calls."""
        return self._board is not None and self._board.held_from_probes(use_case, operation, provider)

    def advance(self, use_case: str, provider: str) -> None:
        """Take in what is new of one use case at one provider."""
        plan = self._plans[use_case]
        scope = Scope(use_case=use_case, operation=plan.settings.operation, provider=provider)
        self._watch(plan, scope, Watch.ERRORS)
        if plan.sampling.second:
            self._watch(plan, scope, Watch.AGREEMENT)
        news = self._watch(plan, scope, Watch.QUALITY)
        if plan.settings.tolerance is not None:
            self._tolerance.hold(plan, scope, plan.settings.tolerance.rule())
        elif news:
            kept(self._board, lambda board: board.note(scope, known=True, breached=False))

    def watch_mix(self, plan: Plan, provider: str) -> None:
        """Once a week: whether other answers are given than used to be."""
        streams = sum(len(self._store.providers(name)) for name in self._plans)
        alarm = watch_mix(
            self._store,
            plan.name,
            provider,
            self._now(),
            false_alarms_a_year=self._false_alarms,
            streams=max(1, streams),
        )
        if alarm is not None:
            scope = Scope(use_case=plan.name, operation=plan.settings.operation, provider=provider)
            self._tell(scope, alarm, None)

    def _watch(self, plan: Plan, scope: Scope, watch: Watch) -> bool:
        provider, use_case = scope.provider or "", scope.use_case or ""
        others = {(row.use_case, row.provider) for row in self._store.evidence() if row.watch == watch.value}
        streams = len(others | {(use_case, provider)})
        plan_of = AlarmPlan(false_alarms_a_year=self._false_alarms, streams={watch: streams})
        margin = MARGIN if plan.settings.tolerance is None else plan.settings.tolerance.tolerance

        def fold(row: EvidenceRow, items: Sequence[StreamItem]) -> tuple[EvidenceRow, Sequence[Alarm]]:
            return watched(row, items, watch, plan_of, margin, self._now())

        news = False
        while True:
            row, alarms, more = self._store.advance(
                use_case, provider, watch.value, _STREAMS[watch], self._now(), fold
            )
            for alarm in alarms:
                self._tell(scope, alarm, row)
            if not more:
                return news
            news = True

    def _tell(self, scope: Scope, alarm: Alarm, row: EvidenceRow | None) -> None:
        found = None if row is None else delay_of(row)
        delay = "" if found is None else f"; a drop of {MARGIN:.0%} below the bar is seen after {found}"
        log.warning("drift: %s: %s", scope, alarm.text)
        self._notify(
            Notice(
                kind="quality.alarm",
                subject=str(scope),
                text=f"{scope}: {alarm.text}{delay}",
                at=alarm.at,
                facts=(
                    ("use_case", scope.use_case or ""),
                    ("provider", scope.provider or ""),
                    ("watch", alarm.watch.value),
                    ("alarm", str(alarm.id)),
                ),
            )
        )
