"""A use case's pinned set, asked again: what changed is kept, told to people and to the off switch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.bench.changes import LaneChange
from broker.notify.notice import Notice
from broker.quality.drift.cause import Explanation, explain
from broker.quality.drift.pinned import visible_drop
from broker.quality.drift.plan import AlarmPlan, Watch
from broker.quality.guardrails import Breach, quality_finding
from broker.quality.scope import Scope
from broker.quality.switch_state import Cause, Evidence, HardBreach, SoftBreach
from broker.samples.replays import ReplayRow
from broker.samples.rows import Alarm
from broker.samples.store import SampleStore
from broker.sections_quality import QualitySettings
from broker.switches.board import Board

_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a replay of one provider means.

    :param new: it was not judged before.
    :param visible: the smallest drop that a set of this size would show, by the flips seen; None: it has no truths.
    """

    row: ReplayRow
    explanation: Explanation
    new: bool
    visible: float | None


def judge(
    use_case: str,
    changed: Sequence[LaneChange],
    quality: QualitySettings,
    store: SampleStore,
    board: Board,
    notify: Callable[[Notice], None],
) -> list[Judged]:
    """Keep each change, and act on those that are for the worse.

    The level of the test is the pinned sets' part of the false alarms that the settings allow, spread over providers and
    looks a year. One alarm alone warns; with agreement's alarm beside it the switch opens (docs/switches.md). Raises
    :class:`~broker.errors.QualityUnavailable`, :class:`~broker.errors.LedgerUnavailable`.
    """
    settings = quality.use_cases[use_case]
    plan = AlarmPlan(
        false_alarms_a_year=quality.false_alarms_a_year,
        streams={Watch.PINNED: len(changed) * _pinned_sets(quality)},
    )
    alpha = plan.alpha(Watch.PINNED, _YEAR / settings.pinned_every)
    found = []
    for each in changed:
        provider, worse = each.lane.provider, each.replay.worse(alpha)
        row = ReplayRow(
            use_case=use_case,
            provider=provider,
            at=each.at,
            before_at=each.before_at,
            snapshot=each.snapshot,
            run=each.run,
            replay=each.replay,
            alpha=alpha,
            worse=worse,
        )
        open_alarms = [
            alarm for alarm in store.alarms(use_case, open_only=True) if alarm.provider == provider
        ]
        explanation = explain(
            stream_alarmed=any(alarm.watch is Watch.QUALITY for alarm in open_alarms),
            drop=settings.tolerance.tolerance if settings.tolerance is not None else 0.05,
            pinned=each.replay,
            mix=None,
            alpha=alpha,
        )
        alarm = None
        if worse:
            alarm = Alarm(
                use_case=use_case, provider=provider, watch=Watch.PINNED, at=each.at, text=explanation.because
            )
        new = all(kept.run != row.run for kept in store.replays(use_case, provider))
        if new and worse:
            # Told before it is kept: what is kept is told no more, should the ledger be locked or this program die here.
            scope = Scope(use_case=use_case, operation=each.lane.operation, provider=provider)
            agreement = any(alarm.watch is Watch.AGREEMENT for alarm in open_alarms)
            _act(scope, row, explanation, agreement, quality, board, notify)
        store.add_replay(row, alarm)
        found.append(Judged(row=row, explanation=explanation, new=new, visible=_visible(row, alpha)))
    return found


def _pinned_sets(quality: QualitySettings) -> int:
    return max(1, sum(each.pinned is not None for each in quality.use_cases.values()))


def _visible(row: ReplayRow, alpha: float) -> float | None:
    told = row.replay
    if not told.judged:
        return None
    flips = max(0.15, (told.lost + told.gained) / told.judged)
    return visible_drop(told.judged, flips, level=min(1 - 1e-12, max(0.5, 1 - alpha)))


def _act(
    scope: Scope,
    row: ReplayRow,
    explanation: Explanation,
    agreement_alarmed: bool,
    quality: QualitySettings,
    board: Board,
    notify: Callable[[Notice], None],
) -> None:
    rule = quality.use_cases[row.use_case].tolerance
    if rule is not None:
        finding = quality_finding(
            rule.rule(), None, None, pinned_worse=True, agreement_alarmed=agreement_alarmed
        )
        proof = Evidence(rule=finding.rule, since=_oldest(row), text=explanation.because)
        kind = HardBreach if finding.breach is Breach.HARD else SoftBreach
        board.report(scope, kind(cause=Cause.QUALITY, evidence=proof))
        board.note(scope, known=True, breached=True)
    notify(
        Notice(
            kind="quality.alarm",
            subject=str(scope),
            text=f"{scope}: {explanation.because}",
            at=row.at,
            facts=(
                ("use_case", row.use_case),
                ("provider", row.provider),
                ("watch", Watch.PINNED.value),
                ("run", row.run),
            ),
        )
    )


def _oldest(row: ReplayRow) -> datetime:
    """Evidence is as old as its oldest part."""
    return row.before_at
