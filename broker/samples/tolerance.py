"""A use case at a provider against its tolerance: an e-process over items with truth, and what it tells the off switch.

One run of evidence opens a switch at most once, whoever tells it, and whoever dies before it is noted here that it was told:
a run has an id, and the switch takes each id once, in the transaction that changes its state.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from broker.errors import LedgerUnavailable
from broker.quality.always import EProcess, confidence_sequence, weight_of
from broker.quality.choose import estimate as estimated
from broker.quality.drift.plan import Watch
from broker.quality.estimate import Estimate
from broker.quality.guardrails import Breach, Tolerance, quality_finding, recovered
from broker.quality.metrics.metric import ACCURACY, Drawn, ItemScore
from broker.quality.scope import Scope
from broker.quality.switch_state import (
    Cause,
    Evidence,
    HardBreach,
    ProbeBad,
    ProbeGood,
    SoftBreach,
    State,
    Switch,
)
from broker.samples.plan import Plan
from broker.samples.rows import Alarm, EvidenceRow, SampleQuery, ScoredSample, Stream, StreamItem
from broker.samples.store import SampleStore
from broker.switches.board import Board

log = logging.getLogger("broker")
T = TypeVar("T")

TOLERANCE = "tolerance"
"""The name of the evidence against "the score is at least target less tolerance"."""
LEAST_IN_WINDOW = 20
"""Items with truth in the switch's window, below which their mean is no reason to warn."""
_CALLS_GO_OUT = (State.CLOSED, State.WARN)


class ToleranceWatch:
    """One broker's; for all use cases that have a tolerance.

    :param board: None: this ledger keeps no switches.
    """

    def __init__(self, store: SampleStore, board: Board | None, now: Callable[[], datetime]) -> None:
        self._store = store
        self._board = board
        self._now = now

    def hold(self, plan: Plan, scope: Scope, rule: Tolerance) -> None:
        """Take in what is new, and tell the switch what follows from it."""
        provider, use_case = scope.provider or "", scope.use_case or ""
        switch = self._switch(scope)

        def fold(row: EvidenceRow, items: Sequence[StreamItem]) -> tuple[EvidenceRow, Sequence[Alarm]]:
            return gathered(row, items, rule.bar), ()

        while True:
            row, _, more = self._store.advance(
                use_case, provider, TOLERANCE, Stream.SCORES, self._now(), fold
            )
            if not more:
                break
        process, closed = process_of(row, rule.bar), switch is None or switch.state in _CALLS_GO_OUT
        if process is None:
            self._know_nothing(scope)
        elif row.state.get("told") and closed:
            # It was let in again since: what led to its opening must not open it once more.
            self._begin_anew(row)
            self._know_nothing(scope)
        elif switch is not None and probing(switch) and switch.opened_at is not None:
            self._judge_probes(scope, rule, switch.opened_at, row.cursor)
        elif closed:
            closed_at = None if switch is None else switch.closed_at
            self._judge(plan, scope, rule, row, process, closed_at)

    def _know_nothing(self, scope: Scope) -> None:
        kept(self._board, lambda board: board.note(scope, known=False, breached=False))

    def _judge(
        self,
        plan: Plan,
        scope: Scope,
        rule: Tolerance,
        row: EvidenceRow,
        process: EProcess,
        closed_at: datetime | None,
    ) -> None:
        after = self._now() - plan.settings.switch.window
        if closed_at is not None and closed_at <= self._now():
            after = max(after, closed_at)  # what it was left for is no reason to warn once it is back
        items = self._scored(scope, after, row.cursor)
        alarmed = any(
            alarm.watch is Watch.AGREEMENT and alarm.provider == scope.provider
            for alarm in self._store.alarms(scope.use_case, open_only=True)
        )
        finding = quality_finding(rule, _point(items), process, agreement_alarmed=alarmed)
        proof = Evidence(rule=finding.rule, since=row.since or self._now(), text=finding.text)
        if finding.breach is Breach.HARD:
            hard = HardBreach(cause=Cause.QUALITY, evidence=replace(proof, id=str(row.state.get("run", ""))))
            told = kept(self._board, lambda board: board.report(scope, hard))
            if told is not None and told[0].state in _CALLS_GO_OUT:
                # This run opened it once already, by a process that died before it noted that below; it is closed again.
                self._begin_anew(row)
                self._know_nothing(scope)
                return
            if told is not None:
                self._change(row, lambda found: replace(found, state={**found.state, "told": True}))
        elif finding.breach is Breach.SOFT:
            kept(
                self._board,
                lambda board: board.report(scope, SoftBreach(cause=Cause.QUALITY, evidence=proof)),
            )
        breached = bool(items) and finding.breach is not Breach.NONE
        kept(self._board, lambda board: board.note(scope, known=bool(items), breached=breached))

    def _begin_anew(self, row: EvidenceRow) -> None:
        self._change(row, lambda found: replace(found, state={}, since=None))

    def _change(self, row: EvidenceRow, change: Callable[[EvidenceRow], EvidenceRow]) -> None:
        """Of this run alone: another process may have begun anew, or taken in more, since it was read."""
        self._store.change_evidence(
            row.use_case,
            row.provider,
            row.watch,
            self._now(),
            lambda found: change(found) if found.state.get("run") == row.state.get("run") else None,
        )

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
            good = ProbeGood(evidence=Evidence(rule="confidence-sequence", since=since, text=text))
            kept(self._board, lambda board: board.report(scope, good))
        elif process.rejected(rule.alpha):
            text = f"evidence of {process.highest:.3g} to 1 on {len(units)} fresh items"
            bad = ProbeBad(cause=Cause.QUALITY, evidence=Evidence(rule="e-process", since=since, text=text))
            kept(self._board, lambda board: board.report(scope, bad))

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


def kept(board: Board | None, tell: Callable[[Board], T]) -> T | None:
    """What the board says to what it was told; None: it was not kept, or there is no board."""
    if board is None:
        return None
    try:
        return tell(board)
    except LedgerUnavailable as error:
        log.warning("what quality shows cannot be told to the off switch now: %s", error)
        return None


def probing(switch: Switch | None) -> bool:
    """It was left for its quality and is tried again, beside users' calls."""
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
    """The evidence against "at least ``bar``" with these items; another bar begins a run anew."""
    process, since, before = process_of(row, bar), row.since, row.state
    if process is None:
        process, since, before = EProcess.lasting(bar), None, {}
    for item in items:
        if item.unit is not None:
            process = process.after(item.unit, weight_of(item.probability, item.least))
            since = since or item.at
    state = {
        "run": before.get("run") or secrets.token_hex(8),
        "bar": process.bar,
        "purses": list(process.purses),
        "late": list(process.late or ()),
        "seen": process.seen,
        "highest": process.highest,
        **({"told": True} if row.state.get("told") else {}),  # the switch may be open still, whatever the bar
    }
    return replace(row, state=state, since=since)


def process_of(row: EvidenceRow, bar: float | None = None) -> EProcess | None:
    """The e-process that is kept; None: there is none, or it is against another bar."""
    state: Mapping[str, Any] = row.state
    if not state.get("late") or (bar is not None and abs(state["bar"] - bar) > 1e-9):
        return None
    return EProcess(
        bar=state["bar"],
        purses=tuple(state["purses"]),
        late=tuple(state["late"]),
        seen=state["seen"],
        highest=state["highest"],
    )
