"""What a use case cost in a month, provider by provider: calls, shadow calls, labels, what stands, engineering.

A shadow call is made to judge somebody's answer, so it is a cost of that provider, not of the one that was asked. What is paid
by the hour is shared out by the ledger's own rule, and engineering by calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from broker.ledger.base import SpendQuery
from broker.ledger.case_rows import CaseMonth, ShadowCost
from broker.ledger.reports import PICO
from broker.ledger.sqlite import SqliteLedger
from broker.samples.month_rows import Span
from broker.samples.store import SampleStore
from broker.sections_quality import ValueSettings
from broker.types.call import AttemptKind
from broker.types.money import EXACT, shown_amount

_NONE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """One provider's month.

    :param calls: for certain; ``again``: the part of it that retries and calls taken over from others are.
    :param at_risk: the most that may have been billed besides, shadow calls included.
    :param sampling: shadow calls that its answers were compared by.
    :param notes: why the sum is not known.
    """

    currency: str
    calls: Decimal
    again: Decimal
    at_risk: Decimal
    sampling: Decimal
    standing: Decimal
    engineering: Decimal
    notes: tuple[str, ...]
    left_out: tuple[str, ...]
    """What is in no sum, and does not make it unknown."""


def money(
    ledger: SqliteLedger,
    store: SampleStore | None,
    use_case: str,
    operation: str,
    value: ValueSettings | None,
    counted: Mapping[str, CaseMonth],
    span: Span,
) -> dict[str, Money]:
    """Of each provider that was called in a month, or whose answers were compared in it. Raises ``LedgerUnavailable``, ``QualityUnavailable``."""
    called = [name for name, each in counted.items() if each.calls]
    shadows, unowned = _shadows(store, use_case, counted, called, span)
    whole = sum(counted[name].calls for name in called)
    found: dict[str, Money] = {}
    for name in dict.fromkeys((*called, *shadows)):
        month, mine = counted.get(name, CaseMonth()), shadows.get(name, {})
        stands, gaps, idle = _standing(ledger, name, operation, month, span)
        spent = month.amount(*AttemptKind)
        currency = month.currency
        if not (spent or month.at_risk):  # nothing was paid by the call, which has no currency then
            currency = next(iter((*stands, *mine, currency)))
        notes = [*_gaps(month), *gaps]
        if set(stands) - {currency}:
            notes.append(
                f"what stands is paid in {', '.join(sorted(set(stands) - {currency}))} and is in no sum"
            )
        standing = stands.get(currency, _NONE)
        other = sorted(set(mine) - {currency})
        mine_now = mine.get(currency, ShadowCost())
        if mine_now.unpriced:
            notes.append(
                f"{mine_now.unpriced} shadow calls have no known price, so the cost of sampling is not known"
            )
        if other:
            notes.append(f"shadow calls were paid in {', '.join(other)} and are in no sum")
        if value is not None and currency != value.currency and (spent or mine_now.pico or standing):
            notes.append(f"spend is in {currency}, and the value of answers in {value.currency}")
        left = [*idle]
        if unowned:
            amount = shown_amount(round(unowned[0], 6), unowned[1])
            left.append(f"{amount} of shadow calls whose sample is gone are in no return")
        found[name] = Money(
            currency=currency,
            calls=spent,
            again=month.amount(AttemptKind.RETRY, AttemptKind.FALLBACK),
            at_risk=EXACT.add(month.at_risk, _amount(mine_now.at_risk_pico)),
            sampling=_amount(mine_now.pico),
            standing=standing,
            engineering=_NONE
            if value is None
            else value.engineering_per_month * span.passed * month.calls / max(1, whole),
            notes=tuple(notes),
            left_out=tuple(left),
        )
    return found


def _gaps(month: CaseMonth) -> list[str]:
    """Why the spend on calls is not known."""
    notes: list[str] = []
    if month.others:
        notes.append(f"{month.others} attempts in other currencies are in no sum")
    if month.unpriced:
        notes.append(f"{month.unpriced} attempts have no known price, so the spend is not known")
    return notes


def _shadows(
    store: SampleStore | None,
    use_case: str,
    counted: Mapping[str, CaseMonth],
    called: list[str],
    span: Span,
) -> tuple[dict[str, dict[str, ShadowCost]], tuple[Decimal, str] | None]:
    """Shadow calls by whose answer they were compared with, then by currency; and what nobody can be told to own."""
    if not any(each.shadows for each in counted.values()):
        return {}, None
    early = date.fromordinal(span.begin.toordinal() - 2)  # a shadow call may come after its sample's midnight
    owners = {} if store is None else store.shadowed(use_case, early, span.last)
    found: dict[str, dict[str, ShadowCost]] = {}
    lost, currency = 0, ""
    for month in counted.values():
        for call_id, cost in month.shadows.items():
            owner = owners.get(call_id, called[0] if len(called) == 1 else None)
            if owner is None:
                lost, currency = lost + cost.pico + cost.at_risk_pico, month.currency
                continue
            into = found.setdefault(owner, {}).setdefault(month.currency, ShadowCost())
            into.pico += cost.pico
            into.at_risk_pico += cost.at_risk_pico
            into.unpriced += cost.unpriced
    return found, (_amount(lost), currency) if lost else None


def _standing(
    ledger: SqliteLedger, name: str, operation: str, month: CaseMonth, span: Span
) -> tuple[dict[str, Decimal], list[str], list[str]]:
    """The use case's part of what stands by currency, why it is not known, and what nobody has a part of.

    Of each day the part of its answered attempts among all that share the day.
    """
    provider, _, profile = name.partition(":")
    where = {"provider": provider, "profile": profile, "operation": operation}
    query = SpendQuery(by=("day",), since=span.begin, until=span.last, where=where)
    found = ledger.standing_spend(query, span.now)
    total: dict[str, Decimal] = {}
    notes, idle = [], []
    for row in found.allocated:
        (day,) = row.group
        mine = min(month.days.get(day, 0), row.attempts)
        if mine:
            total[row.currency] = total.get(row.currency, _NONE) + row.amount * mine / row.attempts
    for meter in found.rows:
        if meter.unpriced_hours:
            notes.append(f"hours of {meter.name} have no known price, so what stands is not known")
        if meter.idle:
            amount = shown_amount(round(meter.idle, 6), meter.currency)
            idle.append(f"{amount} of {meter.name} on days without a call is nobody's, and in no return")
    return total, list(dict.fromkeys(notes)), idle


def _amount(pico: int) -> Decimal:
    return EXACT.divide(Decimal(pico), PICO)
