"""What the ledger and the quality store have recorded, for a report that asks for it. Looking makes no file and writes nothing."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from broker.config import Settings
from broker.maturity.observed import Rerun, observed
from broker.quality.switch import RULES
from broker.report import words
from broker.report.model import NOTE, History, KpiLine, QualityPoint, SpendLine, SwitchLine

if TYPE_CHECKING:
    from broker.ledger.base import SpendRow
    from broker.ledger.sqlite import SqliteLedger
    from broker.ledger.switch_rows import SwitchEvent
    from broker.samples.month_rows import MonthRow
    from broker.samples.rows import Alarm
    from broker.samples.store import SampleStore

NOT_ASKED = "not asked for; 'mlbroker report --history 30' adds the last 30 days"
_WINDOWS = 20
_SWITCH_EVENTS = 1000
"""Of the audit trail; the last ones."""


def history(settings: Settings, days: int | None, today: date) -> History:
    """The last days, as far as there is anything.

    :param days: how many; None: nothing is looked at, which the report then says.
    """
    if days is None:
        return History(no_quality=NOT_ASKED, no_spend=NOT_ASKED, no_kpis=NOT_ASKED, no_observed=NOT_ASKED)
    from broker.ledger.sqlite import SqliteLedger
    from broker.samples.start import open_store

    since = today - timedelta(days=days - 1)
    path = os.path.expanduser(settings.ledger.path)
    ledger = SqliteLedger(path) if os.path.lexists(path) else None
    with closing(open_store(settings)) as store:
        there = store if os.path.lexists(store.path) else None
        try:
            found = _spend(ledger, since, today)
            found = _quality(found, settings, there, since, today)
            found = _switches(found, ledger, since, today)
            found = _observed(found, settings, there, since)
            return _figures(found, settings, ledger, there, since, today)
        finally:
            if ledger is not None:
                ledger.close()


def _spend(ledger: SqliteLedger | None, since: date, until: date) -> History:
    from broker.ledger.base import SpendQuery

    if ledger is None:
        return History(no_spend="nothing was recorded: there is no ledger yet")
    rows = ledger.spend(SpendQuery(by=("provider", "operation"), since=since, until=until))
    told = f"{words.day(since)} to {words.day(until)}"
    if not rows:
        return History(no_spend=f"nothing was recorded from {told}")
    return History(spend=tuple(_line(row) for row in rows), spend_days=told, no_spend="")


def _line(row: SpendRow) -> SpendLine:
    return SpendLine(
        provider=row.group[0],
        operation=row.group[1],
        calls=row.attempts,
        currency=row.currency,
        known=row.amount,
        at_risk=row.at_risk,
        unpriced=row.unpriced,
    )


def _quality(
    found: History, settings: Settings, store: SampleStore | None, since: date, today: date
) -> History:
    if store is None:
        return replace(found, no_quality="nothing was recorded: there is no quality store yet")
    from broker.samples.estimates import Asked, figures
    from broker.samples.start import plans_of

    alarms = [each for each in store.alarms() if since <= each.at.date() <= today]
    points: list[QualityPoint] = []
    for plan in plans_of(settings, store).values():
        for provider in store.providers(plan.name):
            for first, last in windows(since, today):
                asked = Asked(
                    use_case=plan.name,
                    operation=plan.settings.operation,
                    provider=provider,
                    since=first,
                    until=last,
                    level=settings.quality.level,
                )
                told = figures(store, asked, plan.scoring)
                mine = [
                    each
                    for each in alarms
                    if (each.use_case, each.provider) == (plan.name, provider)
                    and first <= each.at.date() <= last
                ]
                if told.scored or mine:
                    named = "" if told.metric is None else f" ({told.metric.id})"
                    points.append(
                        QualityPoint(
                            stream=f"{plan.name}, {provider}{named}",
                            since=first,
                            day=last,
                            estimate=told.delivered,
                            alarmed=bool(mine),
                        )
                    )
    said = tuple(_told(each) for each in alarms)
    if not points:
        return replace(found, alarms=said, no_quality="no sampled call of these days has a truth")
    return replace(found, quality=tuple(points), alarms=said, no_quality="")


def windows(since: date, until: date) -> list[tuple[date, date]]:
    """Days, weeks, four weeks or quarters, at most twenty of them if that goes, side by side; the last one ends the time.

    They do not overlap, so that a fall is seen where it was, and one item is in one figure.
    """
    days = (until - since).days + 1
    length = next((each for each in (1, 7, 28) if days <= each * _WINDOWS), 91)
    found = []
    while until >= since:
        first = max(since, until - timedelta(days=length - 1))
        found.append((first, until))
        until = first - timedelta(days=1)
    return found[::-1]


def _switches(found: History, ledger: SqliteLedger | None, since: date, until: date) -> History:
    if ledger is None:
        return found
    events = [
        each for each in ledger.switch_events(_SWITCH_EVENTS) if since <= each.transition.at.date() <= until
    ]
    return replace(found, switches=tuple(_line_of(each) for each in reversed(events)))


def _line_of(event: SwitchEvent) -> SwitchLine:
    step = event.transition
    observed = event.mode.value == "observe" and event.scope.use_case is not None and step.actor == RULES
    return SwitchLine(
        at=step.at,
        scope=str(event.scope),
        to=f"{step.after.value} (observed)" if observed else step.after.value,
        by=step.actor,
        why=f"{step.rule}: {step.text}" if step.text else step.rule,
    )


def _told(alarm: Alarm) -> str:
    looked = {True: "found to be true", False: "found to be false", None: "nobody has looked yet"}[
        alarm.verdict
    ]
    return f"{words.day(alarm.at.date())}, {alarm.use_case}, {alarm.provider}: {alarm.text}, {looked}"


def _observed(found: History, settings: Settings, store: SampleStore | None, since: date) -> History:
    """Quarters that have a run of a pinned set in these days, each with all of its runs."""
    if store is None:
        return replace(found, no_observed="nothing was recorded: there is no quality store yet")
    reruns = [
        Rerun(
            use_case=each.use_case,
            provider=each.provider,
            snapshot=each.snapshot,
            day=each.at.date(),
            replay=each.replay,
        )
        for name in settings.quality.use_cases
        for each in store.replays(name)
    ]
    first = date(since.year, since.month - (since.month - 1) % 3, 1)
    quarters = observed((each for each in reruns if each.day >= first), settings.quality.level)
    if not quarters:
        return replace(found, no_observed="no pinned set was run twice in these quarters")
    return replace(found, observed=quarters, no_observed="")


def _figures(
    found: History,
    settings: Settings,
    ledger: SqliteLedger | None,
    store: SampleStore | None,
    since: date,
    today: date,
) -> History:
    """The key figures of each use case of the settings, month by month."""
    from broker.samples.months import Reckoning
    from broker.samples.start import plans_kept
    from broker.switches.use_cases import UseCases

    if ledger is None:
        return replace(found, no_kpis="nothing was recorded: there is no ledger yet")
    if not settings.quality.use_cases:
        return replace(found, no_kpis="the settings have no use case ([quality.use_cases.NAME])")
    reckoning = Reckoning(
        ledger,
        store,
        UseCases(settings.quality.use_cases),
        {} if store is None else plans_kept(settings, store),
        level=settings.quality.level,
        now=datetime.combine(today, time(23, 59), UTC),
    )
    months = (today.year - since.year) * 12 + today.month - since.month + 1
    rows = [row for name in settings.quality.use_cases for row in reckoning.months(name, months).rows]
    if not rows:
        return replace(found, no_kpis="no call of a use case is in the ledger")
    return replace(found, kpis=tuple(line for row in rows for line in _lines(row)), no_kpis="")


def _lines(row: MonthRow) -> list[KpiLine]:
    """Those figures that are known, each with its interval where it has one."""
    found = row.kpis
    right = words.money(found.per_right, row.currency)
    if found.per_right_low is not None and found.per_right_high is not None:
        low, high = (words.money(each, row.currency) for each in (found.per_right_low, found.per_right_high))
        right += f" ({low} to {high})"
    named = {
        "calls": f"{row.calls:,}",
        "spend": words.money(row.spend, row.currency),
        "may have been billed besides": words.money(row.at_risk, row.currency) if row.at_risk else "",
        "attempts without price": f"{row.unpriced:,}" if row.unpriced else "",
        "spend on sampling": words.money(row.sampling, row.currency) if row.sampling else "",
        "spend on labels": words.money(row.labelling, row.currency) if row.labelling else "",
        "its part of what stands": words.money(row.standing, row.currency) if row.standing else "",
        "its part of engineering": words.money(row.engineering, row.currency) if row.engineering else "",
        "cost of a call": words.money(found.per_call, row.currency) if found.per_call is not None else "",
        "cost of a right answer (interval)": right if found.per_right is not None else "",
        "spend against plan": f"{100 * found.of_plan:.0f}\u00a0%" if found.of_plan is not None else "",
        "delivered quality (interval)": words.estimate(found.delivered)
        if found.delivered and found.delivered.known
        else "",
        "items with truth": f"{found.delivered.n:,}" if found.delivered and found.delivered.n else "",
        "above its bar, in standard errors": f"{found.margin:.1f}" if found.margin is not None else "",
        "agreement with a second provider (no accuracy)": words.share(found.agreement)
        if found.agreement
        else "",
        "answers of the pinned set that changed": words.share(found.flip_rate) if found.flip_rate else "",
        "success": words.share(found.success),
        "p50": words.latency(found.p50) if found.p50 else "",
        "p95": words.latency(found.p95) if found.p95 else "",
        "alarms": f"{found.alarms}, {found.true_alarms} of them true, {found.false_alarms} false"
        if found.alarms
        else "",
        "true alarms came after": f"{found.detected.point / 86_400:.1f}\u00a0days in the median"
        if found.detected
        else "",
        "failovers": f"{found.failovers:,}" if found.failovers else "",
        "calibration error (interval)": words.share(found.calibration) if found.calibration.known else "",
        "time in states of the switch": ", ".join(
            f"{state.value} {100 * share:.0f}\u00a0%" for state, share in found.in_states.items()
        ),
    }
    if found.roi is not None:
        for name, given in (("ROI, gross", found.roi.gross), ("ROI, net", found.roi.net)):
            ends = f"{given.low:,.0f} to {given.high:,.0f}\u00a0%"
            named[name] = ends if given.point is None else f"{given.point:,.0f}\u00a0% ({ends})"
    if not row.calls:  # asked beside others' calls, or not at all: what is nothing need not be told
        empty = ("0", words.UNKNOWN, words.money(Decimal(0), row.currency), "0\u00a0%", "closed 100\u00a0%")
        named = {name: value for name, value in named.items() if value not in empty}
    scope = f"{row.use_case}, {row.provider}"
    month = row.month if row.complete else f"{row.month} so far"
    lines = [
        KpiLine(scope=scope, month=month, name=name, value=value) for name, value in named.items() if value
    ]
    return [*lines, *(KpiLine(scope=scope, month=month, name=NOTE, value=each) for each in row.notes)]
