"""The return of a month, and what follows where returns stay below what is required."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from broker.quality.guardrails import Breach, Finding, roi_finding
from broker.quality.roi import FAILED, Costs, Roi, roi
from broker.quality.scope import Scope
from broker.quality.switch_state import Cause, Evidence, HardBreach, SoftBreach
from broker.samples.estimates import Figures
from broker.samples.kinds import OTHER, RIGHT, Cell, Kinds
from broker.samples.month_facts import Sampled
from broker.samples.month_rows import MonthRow, Months
from broker.sections_quality import UseCaseSettings, ValueSettings
from broker.switches.board import Board
from broker.types.money import EXACT

EVENTS = 10_000
"""Lines of the switches' log that are read."""


def month_return(
    value: ValueSettings,
    sampled: Sampled | None,
    kinds: Kinds | None,
    costs: Costs,
    *,
    items: int,
    success: float,
    level: float,
) -> Roi | None:
    """By the rates of right, wrong and failed answers, as sure as the estimate is; None where they are not known.

    :param kinds: which wrong answer is which error; None: nothing is sampled.
    :param items: answers asked for; ``success``: the share of them that there is.
    """
    if not items or costs.total <= 0:
        return None
    cells = {(RIGHT, FAILED): float(items)} if success <= 0 else _cells(sampled, kinds, success)
    if cells is None:
        return None
    before = EXACT.multiply(value.before, items)
    return roi(cells, items=items, model=value.model(), costs=costs, initial=before, level=level)


def _cells(sampled: Sampled | None, kinds: Kinds | None, success: float) -> dict[Cell, float] | None:
    """Counts of items drawn alike that would tell as much as the samples do."""
    if sampled is None or sampled.rights is None or kinds is None:
        return None
    conditional = sampled.rights.conditional
    if not conditional.known or conditional.point is None:
        return None
    answered = max(1.0, conditional.effective_n)
    shares = kinds.shares(sampled.judged)
    if set(shares) - {OTHER} and conditional.point < 1:
        # Which errors they are is no surer than the wrong ones among the samples can tell, by what they stand for.
        answered = max(1.0, min(answered, kinds.told_by(sampled.judged) / (1 - conditional.point)))
    cells: dict[Cell, float] = {(RIGHT, RIGHT): conditional.point * answered}
    for cell, share in (shares or {OTHER: 1.0}).items():
        cells[cell] = cells.get(cell, 0.0) + (1 - conditional.point) * answered * share
    cells[RIGHT, FAILED] = answered * (1 - success) / success
    return {cell: count for cell, count in cells.items() if count > 0}


def told_of(made: Roi | None, kinds: Kinds | None) -> tuple[str, ...]:
    """What a reader of a return must know of the kinds of errors in it."""
    notes = []
    if made is not None and made.untold:
        text = f"{made.untold:.0%} of the errors cannot be told apart, so the return goes from the dearest of them to the cheapest"
        notes.append(text)
    if kinds is not None and kinds.strange:
        notes.append(
            f"losses name {', '.join(map(repr, kinds.strange))}, which no answer is, so they never count"
        )
    return tuple(notes)


def why_none(sampled: Sampled | None, costs: Costs, items: int) -> str:
    """Why there is no return, although its value and its spend are known."""
    if not items:
        return "there was no call"
    if costs.total <= 0:
        return "nothing was spent, so there is no return on it"
    if sampled is None:
        return "no answer was sampled, so nobody knows how many are right"
    official: Figures = sampled.official
    if official.metric is None:
        return "answers of this operation have no metric"
    if sampled.rights is None:
        return f"{official.metric.id} tells no share of right answers, so there is no return"
    return "; ".join(sampled.rights.conditional.notes) or "no item with truth"


def findings(settings: UseCaseSettings, rows: Sequence[MonthRow], whole: Sequence[str]) -> dict[str, Finding]:
    """How providers stand to the return that is required; empty where none is.

    :param whole: the months that are over, oldest first, whether or not there were calls in them.
    """
    value = settings.value
    if value is None or value.required is None:
        return {}
    found: dict[str, Finding] = {}
    for provider in dict.fromkeys(row.provider for row in rows):
        returns: Mapping[str, Roi | None] = {
            row.month: row.kpis.roi for row in rows if row.provider == provider
        }
        windows: list[Roi] = []
        for month in reversed(whole):
            known = returns.get(month)
            if known is None:
                break  # a month of which nothing is known is no month below
            windows.insert(0, known)
        found[provider] = roi_finding(required=value.required, windows=windows, in_a_row=value.windows)
    return found


def tell_board(board: Board, use_case: str, settings: UseCaseSettings, found: Months) -> None:
    """Tell the off switch of returns below what is required. Raises ``LedgerUnavailable``."""
    for provider, finding in found.findings.items():
        if finding.breach not in (Breach.SOFT, Breach.HARD):
            continue
        scope = Scope(use_case=use_case, operation=settings.operation, provider=provider)
        if found.known_since is None or any(
            each.scope == scope
            and each.transition.rule == finding.rule
            and each.transition.at >= found.known_since
            for each in board.events(EVENTS)
        ):
            continue  # told already; whoever has decided since knew it
        proof = Evidence(rule=finding.rule, since=found.known_since, text=finding.text)
        kind = HardBreach if finding.breach is Breach.HARD else SoftBreach
        board.report(scope, kind(cause=Cause.ROI, evidence=proof))
