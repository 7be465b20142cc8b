"""What the ledger and the quality store have recorded, for a report that asks for it. Looking makes no file and writes nothing."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from broker.config import Settings
from broker.maturity.observed import Rerun, observed
from broker.report import words
from broker.report.model import History, KpiLine, QualityPoint, SpendLine

if TYPE_CHECKING:
    from broker.ledger.base import SpendRow
    from broker.ledger.sqlite import SqliteLedger
    from broker.samples.month_rows import MonthRow
    from broker.samples.rows import Alarm, EstimateRecord
    from broker.samples.store import SampleStore

NOT_ASKED = "not asked for; 'mlbroker report --history 30' adds the last 30 days"


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
            found = _quality(found, settings, there, since)
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


def _quality(found: History, settings: Settings, store: SampleStore | None, since: date) -> History:
    if store is None:
        return replace(found, no_quality="nothing was recorded: there is no quality store yet")
    alarms = [each for each in store.alarms() if each.at.date() >= since]
    records = [
        each for name in settings.quality.use_cases for each in store.estimates(name) if each.until >= since
    ]
    points = [
        _point(each, alarms)
        for each in records
        if each.estimand == "delivered" and each.model_version is None
    ]
    told = tuple(_told(each) for each in alarms)
    if not points:
        return replace(found, alarms=told, no_quality="no estimate was recorded in these days")
    return replace(found, quality=tuple(points), alarms=told, no_quality="")


def _point(record: EstimateRecord, alarms: list[Alarm]) -> QualityPoint:
    mine = (each for each in alarms if (each.use_case, each.provider) == (record.use_case, record.provider))
    return QualityPoint(
        stream=f"{record.use_case}, {record.provider} ({record.metric})",
        day=record.until,
        estimate=record.estimate,
        alarmed=any(record.since <= each.at.date() <= record.until for each in mine),
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
    from broker.samples.start import plans_of
    from broker.switches.use_cases import UseCases

    if ledger is None:
        return replace(found, no_kpis="nothing was recorded: there is no ledger yet")
    if not settings.quality.use_cases:
        return replace(found, no_kpis="the settings have no use case ([quality.use_cases.NAME])")
    reckoning = Reckoning(
        ledger,
        store,
        UseCases(settings.quality.use_cases),
        {} if store is None else plans_of(settings, store),
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
        "cost of a call": words.money(found.per_call, row.currency) if found.per_call is not None else "",
        "cost of a right answer (interval)": right if found.per_right is not None else "",
        "spend against plan": f"{100 * found.of_plan:.0f}\u00a0%" if found.of_plan is not None else "",
        "delivered quality (interval)": words.estimate(found.delivered) if found.delivered else "",
        "items with truth": f"{found.delivered.n:,}" if found.delivered else "",
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
    scope = f"{row.use_case}, {row.provider}"
    month = row.month if row.complete else f"{row.month} so far"
    lines = [
        KpiLine(scope=scope, month=month, name=name, value=value) for name, value in named.items() if value
    ]
    return [*lines, *(KpiLine(scope=scope, month=month, name="note", value=each) for each in row.notes)]
