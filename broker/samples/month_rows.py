"""The months of a use case as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from broker.quality.guardrails import Finding
from broker.quality.kpi import Concentration, Kpis

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """One month of a use case at one provider.

    :param complete: the month is over.
    :param items: answers asked for: calls, or the items of batches where more of them were drawn.
    :param spend: on calls, for certain; ``sampling``: on shadow calls that its answers were compared by; ``labelling``: on people
        who looked at them; ``standing``: its part of what is paid by the hour; ``engineering``: its part of that.
    :param at_risk: the most that calls of unknown billing may have cost besides; ``unpriced``: attempts without a price.
    :param metric: of the delivered quality, with its version; None: nothing was scored, or nothing can be.
    :param unknown: why, by name of a figure of ``kpis`` that is not known.
    :param notes: what the figures leave out.
    """

    use_case: str
    provider: str
    month: str
    complete: bool
    currency: str
    calls: int
    answered: int
    items: int
    spend: Decimal
    sampling: Decimal
    labelling: Decimal
    standing: Decimal
    engineering: Decimal
    at_risk: Decimal
    unpriced: int
    metric: str | None
    metric_version: int | None
    kpis: Kpis
    unknown: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """All months that were asked for, oldest first, and how the last whole ones stand to what is required.

    :param concentration: by month: how much of the spend hangs on few providers; no month whose spend is not known.
    :param findings: by provider, where the settings require a return.
    :param known_since: when the last whole month ended, and with it what the findings rest on.
    """

    rows: tuple[MonthRow, ...]
    concentration: Mapping[str, Concentration]
    findings: Mapping[str, Finding]
    known_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A month (UTC): its first day, and the first day behind it.

    :param now: up to when anything is known of it.
    """

    begin: date
    behind: date
    now: datetime

    @property
    def name(self) -> str:
        """``2026-11``."""
        return f"{self.begin:%Y-%m}"

    @property
    def last(self) -> date:
        """Its last day."""
        return date.fromordinal(self.behind.toordinal() - 1)

    @property
    def start(self) -> datetime:
        """Its first instant."""
        return midnight(self.begin)

    @property
    def complete(self) -> bool:
        """It is over."""
        return midnight(self.behind) <= self.now

    @property
    def end(self) -> datetime:
        """Up to when it is known: its end, or now."""
        return min(midnight(self.behind), self.now)

    @property
    def passed(self) -> Decimal:
        """The share of it that is over, 0..1."""
        whole = midnight(self.behind) - self.start
        return Decimal((self.end - self.start) // _SECOND) / Decimal(whole // _SECOND)

    def holds(self, at: datetime) -> bool:
        """An instant of this month."""
        return self.start <= at < midnight(self.behind)


def spans(now: datetime, count: int) -> list[Span]:
    """The last months, the one of ``now`` included, oldest first. Months are those of UTC, wherever ``now`` was read."""
    now = now.astimezone(UTC)
    found = []
    year, month = now.year, now.month
    for _ in range(count):
        begin = date(year, month, 1)
        found.append(Span(begin=begin, behind=date(year + month // 12, month % 12 + 1, 1), now=now))
        year, month = (year, month - 1) if month > 1 else (year - 1, 12)
    return found[::-1]


def midnight(day: date) -> datetime:
    """The first instant of a day (UTC)."""
    return datetime.combine(day, time(), tzinfo=UTC)
