"""Evidence on each use case at each provider: against its tolerance, and alarms of drift; told to the off switch and to people.

Items enter once, in the order of the samples, and none passes one that still waits for its truth: whoever decides first,
or on what, cannot make the evidence look better or worse than the calls were.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from broker.errors import LedgerUnavailable
from broker.notify.notice import Notice
from broker.quality.always import EProcess, confidence_sequence, weight_of
from broker.quality.choose import estimate as estimated
from broker.quality.drift.detector import Delay, Detector, bar_of, expected_delay
from broker.quality.drift.plan import AlarmPlan, Watch
from broker.quality.estimate import Estimate
from broker.quality.guardrails import Breach, Tolerance, quality_finding, recovered
from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore
from broker.quality.scope import Scope
from broker.quality.switch_state import (
    Cause,
    HardBreach,
    ProbeBad,
    ProbeGood,
    SoftBreach,
    State,
    Switch,
)
from broker.quality.switch_state import Evidence as Proof
from broker.samples.mix import watch_mix
from broker.samples.plan import Plan
from broker.samples.rows import (
    Alarm,
    EvidenceRow,
    SampleQuery,
    ScoredSample,
    Stream,
    StreamItem,
)
from broker.samples.store import SampleStore
from broker.switches.board import Board

log = logging.getLogger("broker")

TOLERANCE = "tolerance"
"""The name of the evidence against "the score is at least target less tolerance"."""
BASELINE_ITEMS = 100
"""Items of a stream, from its beginning, that its alarm's bar is made of."""
MARGIN = 0.05
"""How far a stream may fall below the lower bound of its baseline, where no tolerance says otherwise."""
LEAST_IN_WINDOW = 20
"""Items with truth in the switch's window, below which their mean is no reason to warn."""
YEAR = timedelta(days=365)
_STREAMS = {Watch.QUALITY: Stream.SCORES, Watch.AGREEMENT: Stream.AGREEMENT, Watch.ERRORS: Stream.ERRORS}
_SHORTEST = timedelta(days=1)
"""A baseline that was collected in less than this tells no pace of a year."""


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

    def probed(self, use_case: str) -> list[str]:
        """Providers of a use case that were left for their quality and are tried again."""
        if self._board is None:
            return []
        return [
            row.scope.provider
            for row in self._board.held
            if row.scope.use_case == use_case and row.scope.provider and _probing(row.switch)
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
            self._hold_to(plan, scope, plan.settings.tolerance.rule())
        elif news and self._board is not None:
            self._tell_board(lambda board: board.note(scope, known=True, breached=False))

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
        streams = sum(row.watch == watch.value for row in self._store.evidence()) or 1
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

    def _hold_to(self, plan: Plan, scope: Scope, rule: Tolerance) -> None:
        provider, use_case = scope.provider or "", scope.use_case or ""
        switch = self._switch(scope)
        begun_anew = False

        def fold(row: EvidenceRow, items: Sequence[StreamItem]) -> tuple[EvidenceRow, Sequence[Alarm]]:
            return gathered(row, items, rule.bar), ()

        while True:
            row, _, more = self._store.advance(
                use_case, provider, TOLERANCE, Stream.SCORES, self._now(), fold
            )
            if not more:
                break
        closed = switch is None or switch.state in (State.CLOSED, State.WARN)
        if row.state.get("told") and closed:
            # It was let in again since: what led to its opening must not open it once more.
            row = replace(row, state={}, since=None, at=self._now())
            self._store.set_evidence(row)
            begun_anew = True
        process = process_of(row, rule.bar)
        if process is None or begun_anew:
            self._tell_board(lambda board: board.note(scope, known=False, breached=False))
            return
        if switch is not None and _probing(switch) and switch.opened_at is not None:
            self._judge_probes(scope, rule, switch.opened_at, row.cursor)
            return
        if closed:
            self._judge(plan, scope, rule, row, process)

    def _judge(self, plan: Plan, scope: Scope, rule: Tolerance, row: EvidenceRow, process: EProcess) -> None:
        window = plan.settings.switch.window
        items = self._scored(scope, self._now() - window, row.cursor)
        alarmed = any(
            alarm.watch is Watch.AGREEMENT and alarm.provider == scope.provider
            for alarm in self._store.alarms(scope.use_case, open_only=True)
        )
        finding = quality_finding(rule, _point(items), process, agreement_alarmed=alarmed)
        proof = Proof(rule=finding.rule, since=row.since or self._now(), text=finding.text)
        if finding.breach is Breach.HARD:
            told = self._tell_board(
                lambda board: board.report(scope, HardBreach(cause=Cause.QUALITY, evidence=proof))
            )
            if told:
                self._store.set_evidence(replace(row, state={**row.state, "told": True}))
        elif finding.breach is Breach.SOFT:
            self._tell_board(
                lambda board: board.report(scope, SoftBreach(cause=Cause.QUALITY, evidence=proof))
            )
        breached = bool(items) and finding.breach is not Breach.NONE
        self._tell_board(lambda board: board.note(scope, known=bool(items), breached=breached))

    def _judge_probes(self, scope: Scope, rule: Tolerance, opened_at: datetime, upto: int) -> None:
        """Only what was called since it opened may close it."""
        fresh = self._scored(scope, opened_at, upto)
        if not fresh:
            return
        units = [each.score.unit or 0.0 for each in fresh]
        weights = [weight_of(each.score.drawn.probability, each.score.least) for each in fresh]
        since = min(each.sample.at for each in fresh)
        found = confidence_sequence(units, weights=weights)
        process = EProcess(bar=rule.bar)
        for unit, weight in zip(units, weights, strict=True):
            process = process.after(unit, weight)
        if recovered(rule, found):
            text = f"at least {found.low:.3f} on {found.n} fresh items"
            good = ProbeGood(evidence=Proof(rule="confidence-sequence", since=since, text=text))
            self._tell_board(lambda board: board.report(scope, good))
        elif process.rejected(rule.alpha):
            text = f"evidence of {process.highest:.3g} to 1 on {len(units)} fresh items"
            bad = ProbeBad(cause=Cause.QUALITY, evidence=Proof(rule="e-process", since=since, text=text))
            self._tell_board(lambda board: board.report(scope, bad))

    def _scored(self, scope: Scope, after: datetime, upto: int) -> list[ScoredSample]:
        """Samples of calls after an instant, up to the last one that is in the evidence."""
        query = SampleQuery(use_case=scope.use_case, provider=scope.provider, since=after.date())
        return [
            each
            for each in self._store.scored(query)
            if each.sample.at > after
            and each.sample.id <= upto
            and each.score.unit is not None
            and not each.sample.failed
        ]

    def _switch(self, scope: Scope) -> Switch | None:
        if self._board is None:
            return None
        try:
            return next((row.switch for row in self._board.rows() if row.scope == scope), None)
        except LedgerUnavailable:
            return None

    def _tell_board(self, tell: Callable[[Board], object]) -> bool:
        """Whether it was kept."""
        if self._board is None:
            return False
        try:
            tell(self._board)
        except LedgerUnavailable as error:
            log.warning("what quality shows cannot be told to the off switch now: %s", error)
            return False
        return True


def _probing(switch: Switch | None) -> bool:
    return switch is not None and switch.state is State.HALF_OPEN and Cause.QUALITY in switch.causes


def _point(items: Sequence[ScoredSample]) -> Estimate | None:
    """The mean of a window, weighted; None where it is too few to warn of."""
    if len(items) < LEAST_IN_WINDOW:
        return None
    return estimated(
        ACCURACY,
        [
            ItemScore(
                item=each.sample.item,
                parts=(each.score.unit or 0.0, 1.0),
                drawn=Drawn(probability=each.score.drawn.probability),
            )
            for each in items
        ],
    )


def gathered(row: EvidenceRow, items: Sequence[StreamItem], bar: float) -> EvidenceRow:
    """The evidence against "at least ``bar``" with these items; another bar begins anew."""
    process, since = process_of(row, bar), row.since
    if process is None:
        process, since = EProcess(bar=bar), None
    for item in items:
        if item.unit is not None:
            process = process.after(item.unit, weight_of(item.probability, item.least))
            since = since or item.at
    told = {"told": True} if row.state.get("told") else {}
    state = {
        "bar": process.bar,
        "purses": list(process.purses),
        "seen": process.seen,
        "highest": process.highest,
        **told,
    }
    return replace(row, state=state, since=since)


def process_of(row: EvidenceRow, bar: float | None = None) -> EProcess | None:
    """The e-process that is kept; None: there is none, or it is against another bar."""
    state: Mapping[str, Any] = row.state
    if "purses" not in state or (bar is not None and abs(state["bar"] - bar) > 1e-9):
        return None
    return EProcess(
        bar=state["bar"], purses=tuple(state["purses"]), seen=state["seen"], highest=state["highest"]
    )


def watched(
    row: EvidenceRow,
    items: Sequence[StreamItem],
    watch: Watch,
    plan: AlarmPlan,
    margin: float,
    now: datetime,
) -> tuple[EvidenceRow, Sequence[Alarm]]:
    """A detector with these items: first a baseline, then a bar below it."""
    state: dict[str, Any] = dict(row.state)
    since = row.since
    alarms: list[Alarm] = []
    for item in items:
        if item.unit is None:
            continue
        since = since or item.at
        detector = detector_of(state)
        if detector is None:
            state = _baseline(state, item, watch, plan, margin, since)
            continue
        before = detector.alarmed
        detector = detector.after(item.unit, weight_of(item.probability, item.least))
        state.update(sums=list(detector.sums), seen=detector.seen, alarmed=detector.alarmed)
        if detector.alarmed and not before:
            text = f"{_WORDS[watch]} fell below {detector.bar:.3f}, {detector.seen} samples after the watch began"
            alarms.append(Alarm(use_case=row.use_case, provider=row.provider, watch=watch, at=now, text=text))
    return replace(row, state=state, since=since), alarms


_WORDS = {
    Watch.QUALITY: "quality",
    Watch.AGREEMENT: "agreement with others",
    Watch.ERRORS: "the share of calls with an answer that is not empty",
}


def _baseline(
    state: Mapping[str, Any],
    item: StreamItem,
    watch: Watch,
    plan: AlarmPlan,
    margin: float,
    since: datetime,
) -> dict[str, Any]:
    collected = [*state.get("baseline", ()), [item.unit, item.probability]]
    if len(collected) < BASELINE_ITEMS:
        return {"baseline": collected}
    found = estimated(
        ACCURACY,
        [
            ItemScore(item=str(place), parts=(unit, 1.0), drawn=Drawn(probability=probability))
            for place, (unit, probability) in enumerate(collected)
        ],
    )
    try:
        bar = bar_of(found, margin)
    except ValueError:  # so low already that nothing is left to fall
        return {"baseline": collected[1:], "no_bar": found.low}
    per_day = len(collected) / (max(_SHORTEST, item.at - since) / timedelta(days=1))
    return {
        "bar": bar,
        "point": found.point,
        "threshold": plan.threshold(watch, per_day * 365),
        "per_day": per_day,
        "sums": list(Detector(bar=bar, threshold=1.0).sums),
        "seen": 0,
        "alarmed": False,
    }


def detector_of(state: Mapping[str, Any]) -> Detector | None:
    """The detector that is kept; None while its baseline is collected."""
    if "sums" not in state:
        return None
    return Detector(
        bar=state["bar"],
        threshold=state["threshold"],
        sums=tuple(state["sums"]),
        seen=state["seen"],
        alarmed=state["alarmed"],
    )


def delay_of(row: EvidenceRow, drop: float = MARGIN) -> Delay | None:
    """How long a fall to ``drop`` below the bar stays unseen, in samples and days. About a second of work.

    None while the baseline is collected.
    """
    detector, state = detector_of(row.state), row.state
    if detector is None:
        return None
    before = float(str(state.get("point", detector.bar)))
    return expected_delay(
        detector,
        before=before,
        after=max(0.0, detector.bar - drop),
        per_day=float(str(state.get("per_day", 0.0))),
        warm=200,
        runs=50,
    )


def begun_anew(store: SampleStore, use_case: str, provider: str, watch: Watch, now: datetime) -> None:
    """Watch again after an alarm was dealt with: a true one with a new baseline, as the stream may have changed."""
    for row in store.evidence(use_case):
        if row.provider == provider and row.watch == watch.value:
            store.set_evidence(replace(row, state={}, since=None, at=now))
