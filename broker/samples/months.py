"""The months of a use case: facts of the ledger and of the store of samples, and what they make as key figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from broker.ledger.case_rows import CaseMonth
from broker.ledger.sqlite import SqliteLedger
from broker.ledger.switch_rows import SwitchEvent
from broker.quality.estimate import Estimate
from broker.quality.kpi import Concentration, MonthFacts, concentration, kpis, time_in_states
from broker.quality.roi import Costs
from broker.quality.scope import Scope
from broker.quality.switch_state import State, Transition
from broker.samples.kinds import Kinds
from broker.samples.month_facts import Sampled, alarms, detected, flips, sampled
from broker.samples.month_money import Money, money
from broker.samples.month_return import EVENTS, findings, month_return, told_of, why_none
from broker.samples.month_rows import MonthRow, Months, Span, spans
from broker.samples.month_unknown import reasons, unsampled
from broker.samples.plan import Plan
from broker.samples.recorded import Recorded, Records
from broker.samples.store import SampleStore
from broker.sections_quality import UseCaseSettings
from broker.switches.use_cases import UseCases
from broker.types.money import EXACT, shown_amount

_NONE = Decimal(0)
_NO_VALUE = "the settings do not say what an answer is worth ([quality.use_cases.NAME.value])"


class Reckoning:
    """Reads both files; for one use case at a time.

    :param store: None: nothing was ever sampled.
    :param now: with its zone; months are those of UTC.
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
        self._records = None if store is None else Records(ledger.path, store, use_cases)

    def months(self, use_case: str, count: int) -> Months:
        """The last ``count`` months, this one included. Raises ``LedgerUnavailable``, ``QualityUnavailable``.

        A provider has a row in each of them from its first call on: a month without a call is not left out.
        """
        settings = self._use_cases.settings[use_case]
        events = list(reversed(self._ledger.switch_events(EVENTS)))
        value = settings.value
        judged = 0 if value is None or value.required is None else value.windows + 1  # this one is not over
        found = spans(self._now, max(count, judged))
        rows: list[MonthRow] = []
        hangs: dict[str, Concentration] = {}
        for span in found:
            counted = self._ledger.case_month(
                settings.operation,
                span.begin,
                span.behind,
                lambda tags: self._use_cases.of(settings.operation, tags) == use_case,
            )
            paid = money(self._ledger, self._store, use_case, settings.operation, value, counted, span)
            known = dict.fromkeys((*(row.provider for row in rows), *paid))
            drawn: Mapping[str, Recorded] = {}
            if self._records is not None and use_case in self._plans:
                drawn = self._records.of(use_case, span.begin, span.last, self._now)
            for provider in sorted(known):
                month, spent = counted.get(provider, CaseMonth()), paid.get(provider)
                recorded = drawn.get(provider)
                rows.append(self._row(use_case, settings, provider, span, month, spent, events, recorded))
            told = _concentration(paid)
            if told is not None:
                hangs[span.name] = told
        asked = {span.name for span in found[-count:]}
        return Months(
            rows=tuple(row for row in rows if row.month in asked),
            concentration={month: each for month, each in hangs.items() if month in asked},
            findings=findings(settings, rows, [span.name for span in found if span.complete]),
            known_since=found[-1].start,
        )

    def _row(
        self,
        use_case: str,
        settings: UseCaseSettings,
        provider: str,
        span: Span,
        counted: CaseMonth,
        paid: Money | None,
        events: Sequence[SwitchEvent],
        recorded: Recorded | None,
    ) -> MonthRow:
        plan, store, value = self._plans.get(use_case), self._store, settings.value
        samples = None
        if store is not None and plan is not None:
            samples = sampled(store, plan, provider, span, self._level, recorded)
        labelling = _NONE
        if value is not None and samples is not None:
            labelling = EXACT.multiply(value.label, Decimal(samples.decisions))
        paid = _nothing(settings) if paid is None else paid
        costs = Costs(
            calls=EXACT.subtract(paid.calls, paid.again),
            sampling=paid.sampling,
            labelling=labelling,
            engineering=paid.engineering,
            failover=paid.again,
            standing=paid.standing,
        )
        items, success = _asked(counted, samples)
        kinds = None
        if value is not None and plan is not None:
            kinds = Kinds(
                value.losses,
                use_case=use_case,
                operation=settings.operation,
                scoring=plan.scoring,
                seed=plan.seed,
            )
        made, no_return = None, _NO_VALUE if value is None else paid.notes[0] if paid.notes else ""
        if value is not None and not paid.notes:
            made = month_return(value, samples, kinds, costs, items=items, success=success, level=self._level)
            if made is None:
                no_return = (
                    why_none(samples, costs, items)
                    if samples is not None or not items
                    else unsampled(settings)
                )
        notes = (*paid.notes, *told_of(made, kinds))
        if made is not None:
            notes = (*notes, *paid.left_out, *_at_risk(paid))
        facts = self._facts(use_case, settings, provider, span, counted, samples, paid, events)
        facts = replace(facts, roi=made)
        figures = kpis(facts, self._level)
        spend = paid.notes[0] if facts.spend is None else ""
        metric = None if samples is None else samples.official.metric
        return MonthRow(
            use_case=use_case,
            provider=provider,
            month=span.name,
            complete=span.complete,
            currency=paid.currency,
            calls=counted.calls,
            answered=counted.answered,
            items=items,
            spend=paid.calls,
            sampling=paid.sampling,
            labelling=labelling,
            standing=paid.standing,
            engineering=paid.engineering,
            at_risk=paid.at_risk,
            unpriced=counted.unpriced,
            metric=None if metric is None else metric.id,
            metric_version=None if metric is None else metric.version,
            kpis=figures,
            unknown=reasons(figures, facts, settings, samples, spend=spend, no_return=no_return),
            notes=notes,
        )

    def _facts(
        self,
        use_case: str,
        settings: UseCaseSettings,
        provider: str,
        span: Span,
        counted: CaseMonth,
        samples: Sampled | None,
        paid: Money,
        events: Sequence[SwitchEvent],
    ) -> MonthFacts:
        replayed = None if self._store is None else flips(self._store, use_case, provider, span)
        raised = [] if self._store is None else alarms(self._store, use_case, provider, span)
        drawn = 0 if samples is None else samples.official.calls
        watched = bool(drawn or replayed or raised)
        scope = Scope(use_case=use_case, operation=settings.operation, provider=provider)
        rights = None if samples is None else samples.rights
        return MonthFacts(
            month=span.name,
            calls=counted.calls,
            answered=counted.answered,
            spend=None if counted.unpriced or counted.others else paid.calls,
            sampling=paid.sampling,
            planned=None if settings.value is None else settings.value.planned_per_month,
            delivered=_shares_only(samples),
            right=None if rights is None else rights.delivered,
            bar=None if settings.tolerance is None else settings.tolerance.rule().bar,
            latencies=counted.latencies,
            flips=None if replayed is None else replayed[:2],
            replays=1 if replayed is None else replayed[2],
            agreement=None if samples is None else samples.agreement,
            alarms=(
                len(raised),
                sum(each.verdict is True for each in raised),
                sum(each.verdict is False for each in raised),
            )
            if watched
            else None,
            detected=detected(raised),
            states=_states(scope, span, events),
            failovers=counted.failovers,
            failover_spend=paid.again,
            labelled=() if samples is None else samples.labelled,
            covered=None if samples is None or not drawn else samples.official.covered,
            rated=() if samples is None or samples.rated is None else samples.rated,
        )


def _nothing(settings: UseCaseSettings) -> Money:
    """Of a provider that was not called in a month."""
    return Money(
        currency="USD" if settings.value is None else settings.value.currency,
        calls=_NONE,
        again=_NONE,
        at_risk=_NONE,
        sampling=_NONE,
        standing=_NONE,
        engineering=_NONE,
        notes=(),
        left_out=(),
    )


def _asked(counted: CaseMonth, samples: Sampled | None) -> tuple[int, float]:
    """How many answers were asked for, and the share of them that there is.

    The ledger counts requests. Of a batch's answers each is drawn by itself, so that draws count them.
    """
    if samples is not None and samples.batched and samples.official.calls > counted.calls:
        return samples.official.calls, samples.official.success.point or 0.0
    return counted.calls, counted.answered / counted.calls if counted.calls else 0.0


def _concentration(paid: Mapping[str, Money]) -> Concentration | None:
    """None where the spend of one of them is not known, or amounts cannot be added up."""
    if (
        any(each.notes for each in paid.values())
        or len({each.currency for each in paid.values() if each.calls}) > 1
    ):
        return None
    return concentration({name: each.calls for name, each in paid.items()})


def _at_risk(paid: Money) -> tuple[str, ...]:
    if not paid.at_risk:
        return ()
    amount = shown_amount(round(paid.at_risk, 6), paid.currency)
    return (f"up to {amount} that may have been billed is in no return",)


def _shares_only(samples: Sampled | None) -> Estimate | None:
    """Quality as a share; what grows with errors is none."""
    if samples is None or samples.official.metric is None or not samples.official.metric.higher_is_better:
        return None
    return samples.official.delivered


def _states(scope: Scope, span: Span, events: Sequence[SwitchEvent]) -> dict[State, timedelta]:
    """Empty where the log, of which the last lines alone were read, does not reach back to the month's beginning."""
    if len(events) >= EVENTS and min(each.transition.at for each in events) > span.start:
        return {}
    mine = _together(
        [
            each
            for each in events
            if each.scope.covers(scope.use_case, scope.operation or "", scope.provider or "")
        ]
    )
    before = [each for each in mine if each.at < span.start]
    at_begin = before[-1].after if before else State.CLOSED
    return time_in_states(mine, begin=span.start, end=span.end, at_begin=at_begin)


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
