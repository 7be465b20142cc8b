"""The months of a use case: facts of the ledger and of the store of samples, and what they make as key figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from broker.ledger.case_rows import CaseMonth
from broker.ledger.sqlite import SqliteLedger
from broker.ledger.switch_rows import SwitchEvent
from broker.quality.estimate import Estimate
from broker.quality.guardrails import Breach, Finding, roi_finding
from broker.quality.kpi import Concentration, Kpis, MonthFacts, concentration, kpis, time_in_states
from broker.quality.reference import Reference
from broker.quality.roi import FAILED, Costs, Roi, roi
from broker.quality.scope import Scope
from broker.quality.switch_state import Cause, Evidence, HardBreach, SoftBreach, State, Transition
from broker.samples.estimates import Asked, Figures, figures
from broker.samples.plan import Plan
from broker.samples.rows import SampleQuery
from broker.samples.store import SampleStore
from broker.scoring.score import metrics_of
from broker.sections_quality import UseCaseSettings, ValueSettings
from broker.switches.board import Board
from broker.switches.use_cases import UseCases
from broker.types.call import AttemptKind
from broker.types.money import EXACT, shown_amount

_RIGHT, _WRONG = "right", "wrong"
_EVENTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """One month of a use case at one provider.

    :param complete: the month is over.
    :param at_risk: the most that calls of unknown billing may have cost besides; ``unpriced``: attempts without a price.
    :param notes: what the figures leave out.
    """

    use_case: str
    provider: str
    month: str
    complete: bool
    currency: str
    calls: int
    answered: int
    spend: Decimal
    sampling: Decimal
    at_risk: Decimal
    unpriced: int
    kpis: Kpis
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """All months that were asked for, oldest first, and how the last whole ones stand to what is required.

    :param concentration: by month: how much of the spend hangs on few providers.
    :param findings: by provider, where the settings require a return.
    :param known_since: when the last whole month ended, and with it what the findings rest on.
    """

    rows: tuple[MonthRow, ...]
    concentration: Mapping[str, Concentration]
    findings: Mapping[str, Finding]
    known_since: datetime | None = None


class Reckoning:
    """Reads both files; for one use case at a time.

    :param store: None: nothing was ever sampled.
    """

    def __init__(
        self,
        ledger: SqliteLedger,
        store: SampleStore | None,
        use_cases: UseCases,
        plans: Mapping[str, Plan],
        *,
        level: float,
        now: datetime,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._use_cases = use_cases
        self._plans = plans
        self._level = level
        self._now = now

    def months(self, use_case: str, count: int) -> Months:
        """The last ``count`` months, this one included. Raises ``LedgerUnavailable``, ``QualityUnavailable``."""
        settings = self._use_cases.settings[use_case]
        events = list(reversed(self._ledger.switch_events(_EVENTS)))
        rows: list[MonthRow] = []
        hangs: dict[str, Concentration] = {}
        value = settings.value
        judged = 0 if value is None or value.required is None else value.windows + 1  # this one is not over
        spans = _spans(self._now, max(count, judged))
        for begin, end in spans:
            found = self._ledger.case_month(
                settings.operation,
                begin,
                end,
                lambda tags: self._use_cases.of(settings.operation, tags) == use_case,
            )
            spent: dict[str, Decimal] = {}
            for provider, counted in sorted(found.items()):
                row = self._row(use_case, settings, provider, begin, end, counted, events)
                rows.append(row)
                spent[provider] = row.spend
            told = concentration(spent)
            if told is not None:
                hangs[f"{begin:%Y-%m}"] = told
        asked = {f"{begin:%Y-%m}" for begin, _ in spans[-count:]}
        whole = [f"{begin:%Y-%m}" for begin, end in spans if _midnight(end) <= self._now]
        return Months(
            rows=tuple(row for row in rows if row.month in asked),
            concentration={month: each for month, each in hangs.items() if month in asked},
            findings=_findings(settings, rows, whole),
            known_since=_midnight(spans[-1][0]),
        )

    def _row(
        self,
        use_case: str,
        settings: UseCaseSettings,
        provider: str,
        begin: date,
        end: date,
        counted: CaseMonth,
        events: Sequence[SwitchEvent],
    ) -> MonthRow:
        sampled = self._figures(use_case, settings, provider, begin, end)
        spend = counted.amount(*(each for each in AttemptKind if each is not AttemptKind.SHADOW))
        sampling = counted.amount(AttemptKind.SHADOW)
        again = counted.amount(AttemptKind.RETRY, AttemptKind.FALLBACK)
        labels, labelled = self._labels(use_case, provider, begin, end)
        rights = self._rights(sampled, settings, use_case)
        notes = _notes(settings.value, counted)
        value = settings.value
        made = None
        if value is not None and not notes:
            costs = Costs(
                calls=EXACT.subtract(spend, again),
                sampling=sampling,
                labelling=EXACT.multiply(value.label, Decimal(labels)),
                engineering=value.engineering_per_month,
                failover=again,
            )
            made = _roi(value, counted.calls, rights, costs, self._level)
            notes = _why_none(made, sampled, rights, costs)
        if made is not None and counted.at_risk:
            notes = (
                *notes,
                f"up to {shown_amount(round(counted.at_risk, 6), counted.currency)} that may have been billed is in no return",
            )
        facts = MonthFacts(
            month=f"{begin:%Y-%m}",
            calls=counted.calls,
            answered=counted.answered,
            spend=spend,
            sampling=sampling,
            planned=None if value is None else value.planned_per_month,
            delivered=_shares_only(sampled),
            right=None if rights is None else rights.delivered,
            bar=None if settings.tolerance is None else settings.tolerance.rule().bar,
            latencies=counted.latencies,
            flips=self._flips(use_case, provider, begin, end),
            agreement=self._agreement(use_case, provider, begin, end),
            alarms=self._alarms(use_case, provider, begin, end),
            states=self._states(
                Scope(use_case=use_case, operation=settings.operation, provider=provider), begin, end, events
            ),
            failovers=counted.failovers,
            failover_spend=again,
            labelled=labelled,
            covered=None if sampled is None or not sampled.calls else 1 - sampled.uncovered / sampled.calls,
            roi=made,
        )
        return MonthRow(
            use_case=use_case,
            provider=provider,
            month=facts.month,
            complete=_midnight(end) <= self._now,
            currency=counted.currency,
            calls=counted.calls,
            answered=counted.answered,
            spend=spend,
            sampling=sampling,
            at_risk=counted.at_risk,
            unpriced=counted.unpriced,
            kpis=kpis(facts, self._level),
            notes=notes,
        )

    def _figures(
        self, use_case: str, settings: UseCaseSettings, provider: str, begin: date, end: date
    ) -> Figures | None:
        plan = self._plans.get(use_case)
        if self._store is None or plan is None:
            return None
        asked = Asked(
            use_case=use_case,
            operation=settings.operation,
            provider=provider,
            since=begin,
            until=date.fromordinal(end.toordinal() - 1),
            level=self._level,
        )
        return figures(self._store, asked, plan.scoring)

    def _rights(self, sampled: Figures | None, settings: UseCaseSettings, use_case: str) -> Figures | None:
        """How many answers were right, one by one, or how right they were; None where no score tells that."""
        plan = self._plans.get(use_case)
        if sampled is None or sampled.metric is None or self._store is None or plan is None:
            return None
        official = sampled.metric
        if official.binary:
            return sampled
        for each in metrics_of(settings.operation, plan.scoring):
            if each.binary:
                asked = replace(sampled.asked, metric=(each.id, each.version))
                return figures(self._store, asked, plan.scoring)
        if not official.higher_is_better:
            return None
        # F1 of all items together is no share of them; the mean of the items' own is, as the tolerance takes it.
        return figures(self._store, replace(sampled.asked, by_item=True), plan.scoring)

    def _labels(self, use_case: str, provider: str, begin: date, end: date) -> tuple[int, list[float]]:
        """Labels by people, and the seconds that they took."""
        if self._store is None:
            return 0, []
        query = SampleQuery(
            use_case=use_case, provider=provider, since=begin, until=date.fromordinal(end.toordinal() - 1)
        )
        found = self._store.scored(query, references=(Reference.REVIEWED,))
        return len(found), [max(0.0, (each.score.at - each.sample.at).total_seconds()) for each in found]

    def _flips(self, use_case: str, provider: str, begin: date, end: date) -> tuple[int, int] | None:
        if self._store is None:
            return None
        found = [
            each.replay
            for each in self._store.replays(use_case, provider)
            if _midnight(begin) <= each.at < _midnight(end)
        ]
        return (sum(each.flipped for each in found), sum(each.items for each in found)) if found else None

    def _agreement(self, use_case: str, provider: str, begin: date, end: date) -> tuple[int, int] | None:
        if self._store is None:
            return None
        query = SampleQuery(
            use_case=use_case, provider=provider, since=begin, until=date.fromordinal(end.toordinal() - 1)
        )
        told = [each.same for each in self._store.shadows(query) if each.same is not None]
        return (sum(told), len(told)) if told else None

    def _alarms(self, use_case: str, provider: str, begin: date, end: date) -> tuple[int, int]:
        if self._store is None:
            return 0, 0
        found = [
            each
            for each in self._store.alarms(use_case)
            if each.provider == provider and _midnight(begin) <= each.at < _midnight(end)
        ]
        return len(found), sum(each.verdict is False for each in found)

    def _states(
        self, scope: Scope, begin: date, end: date, events: Sequence[SwitchEvent]
    ) -> dict[State, timedelta]:
        mine = _together(
            [
                each
                for each in events
                if each.scope.covers(scope.use_case, scope.operation or "", scope.provider or "")
            ]
        )
        start = _midnight(begin)
        before = [each for each in mine if each.at < start]
        return time_in_states(
            mine,
            begin=start,
            end=min(_midnight(end), self._now),
            at_begin=before[-1].after if before else State.CLOSED,
        )


def _findings(
    settings: UseCaseSettings, rows: Sequence[MonthRow], whole: Sequence[str]
) -> dict[str, Finding]:
    """:param whole: the months that are over, oldest first, whether or not there were calls in them."""
    value = settings.value
    if value is None or value.required is None:
        return {}
    found: dict[str, Finding] = {}
    for provider in dict.fromkeys(row.provider for row in rows):
        returns = {row.month: row.kpis.roi for row in rows if row.provider == provider}
        windows: list[Roi] = []
        for month in reversed(whole):
            known = returns.get(month)
            if known is None:
                break  # a month of which nothing is known is no month below
            windows.insert(0, known)
        found[provider] = roi_finding(required=value.required, windows=windows, in_a_row=value.windows)
    return found


_STRICTEST = (State.FORCED_OPEN, State.OPEN, State.HALF_OPEN, State.WARN, State.CLOSED)


def _together(events: Sequence[SwitchEvent]) -> list[Transition]:
    """Of all switches that hold the same calls, the strictest one: a provider may be off for everybody."""
    states: dict[Scope, State] = {}
    found: list[Transition] = []
    for each in sorted(events, key=lambda event: event.transition.at):
        states[each.scope] = each.transition.after
        strictest = next(state for state in _STRICTEST if state in states.values())
        before = found[-1].after if found else State.CLOSED
        found.append(replace(each.transition, before=before, after=strictest))
    return found


def _notes(value: ValueSettings | None, counted: CaseMonth) -> tuple[str, ...]:
    """Why there is no return, where one is asked for."""
    notes: list[str] = []
    if counted.others:
        notes.append(f"{counted.others} attempts in other currencies are in no sum")
    if counted.unpriced:
        notes.append(f"{counted.unpriced} attempts have no known price, so the spend is not known")
    if value is not None and counted.currency != value.currency and counted.kinds:
        notes.append(f"spend is in {counted.currency}, and the value of answers in {value.currency}")
    return tuple(notes)


def _why_none(
    made: Roi | None, sampled: Figures | None, rights: Figures | None, costs: Costs
) -> tuple[str, ...]:
    """Why quality is known and a return is not."""
    if made is not None or sampled is None or sampled.metric is None or not sampled.conditional.known:
        return ()
    if rights is None:
        return (f"{sampled.metric.id} tells no share of right answers, so there is no return",)
    return ("nothing was spent, so there is no return on it",) if costs.total <= 0 else ()


def _shares_only(sampled: Figures | None) -> Estimate | None:
    """Quality as a share; what grows with errors is none."""
    if sampled is None or sampled.metric is None or not sampled.metric.higher_is_better:
        return None
    return sampled.delivered


def _roi(value: ValueSettings, calls: int, sampled: Figures | None, costs: Costs, level: float) -> Roi | None:
    """By the rates of right, wrong and failed answers, as sure as the estimate is; None where they are not known."""
    if sampled is None or not calls or costs.total <= 0 or not sampled.conditional.known:
        return None
    if sampled.metric is None or not sampled.metric.higher_is_better:
        return None
    point, answered = sampled.conditional.point or 0.0, round(sampled.conditional.effective_n)
    success = sampled.success.point
    if not answered or not success:
        return None
    right = round(point * answered)
    cells = {
        (_RIGHT, _RIGHT): right,
        (_RIGHT, _WRONG): answered - right,
        (_RIGHT, FAILED): round(answered * (1 - success) / success),
    }
    before = EXACT.multiply(value.before, Decimal(calls))
    return roi(cells, items=calls, model=value.model(), costs=costs, initial=before, level=level)


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
            for each in board.events(_EVENTS)
        ):
            continue  # told already; whoever has decided since knew it
        proof = Evidence(rule=finding.rule, since=found.known_since, text=finding.text)
        kind = HardBreach if finding.breach is Breach.HARD else SoftBreach
        board.report(scope, kind(cause=Cause.ROI, evidence=proof))


def _spans(now: datetime, count: int) -> list[tuple[date, date]]:
    """First days of the last months and of those behind them, oldest first."""
    found = []
    year, month = now.year, now.month
    for _ in range(count):
        begin = date(year, month, 1)
        found.append((begin, _behind(f"{begin:%Y-%m}")))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found[::-1]


def _behind(month: str) -> date:
    """The first day after a month (``2026-11``)."""
    year, number = int(month[:4]), int(month[5:])
    return date(year + number // 12, number % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
