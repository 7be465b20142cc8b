"""What a call would cost, told before anything is spent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from broker.types.money import Unit, Usage, UsageSource, shown_amount
from broker.types.standing import StandingRate


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateLine:
    """What one sku of an attempt would come to.

    :param source: who counted the quantity.
    :param units: billing units, after the vendor's rounding.
    :param counter: the month's meter that decides the tier.
    :param amount: at the month's position; None when it is not known.
    :param upper_bound: at the dearest tier; None when unpriced.
    :param price_source: where the price was read.
    :param checked_on: the day it was read; None when there is no price.
    :param age_days: days since then.
    :param stale: it was read so long ago that it should be checked again.
    """

    sku: str
    unit: Unit
    quantity: Decimal
    source: UsageSource
    units: Decimal
    counter: str
    amount: Decimal | None
    upper_bound: Decimal | None
    price_id: str
    price_source: str
    checked_on: date | None
    age_days: int | None
    stale: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateEstimate:
    """What one provider of the order would cost, and whether it would be asked at all.

    :param configured: its extra, credential and settings are there.
    :param problem: why it would be passed over or would refuse; None when it would take the call.
    :param problem_kind: the error's name: ``NotConfigured``, ``Unsupported``, ``BadInput``.
    :param amount: of one attempt at the month's position; None when it is not known.
    :param upper_bound: the most one attempt can cost; None when unpriced.
    :param attempts: how often this provider would be asked at the most.
    :param worst_case: all these attempts billed at their upper bound.
    :param unpriced: why there is no price, if so.
    :param unknown: why the amount is not known though there is a price, if so.
    :param free: it costs nothing, however often it is tried.
    :param refused_by: what would refuse to spend it: names of budgets, or ``max_cost``.
    :param standing: what it uses that is paid by the hour, called or not; in none of the amounts.
    """

    provider: str
    profile: str | None = None
    region: str | None = None
    configured: bool
    problem: str | None = None
    problem_kind: str | None = None
    usage: tuple[Usage, ...] = ()
    lines: tuple[EstimateLine, ...] = ()
    amount: Decimal | None = None
    upper_bound: Decimal | None = None
    attempts: int = 0
    worst_case: Decimal | None = None
    currency: str = "USD"
    unpriced: str | None = None
    unknown: str | None = None
    free: bool = False
    refused_by: tuple[str, ...] = ()
    standing: tuple[StandingRate, ...] = ()

    @property
    def name(self) -> str:
        """As it is named in a call: ``aws`` or ``aws:prod-eu``."""
        return f"{self.provider}:{self.profile}" if self.profile else self.provider

    @property
    def takes(self) -> bool:
        """Whether it would be asked."""
        return self.problem is None and not self.refused_by

    @property
    def shown(self) -> str:
        """For people: the amount, or what is known of it."""
        return shown_cost(self.amount, self.upper_bound, self.currency)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a call would cost if it were made now.

    :param candidates: in the order of preference, with those that a budget asks for instead.
    :param first: who would be asked first; None when nobody takes the call.
    :param worst_case: the call with every retry and everybody who may take over billed, as far as ``max_attempts``
        and ``max_cost`` allow; None when a part has no price, or nobody takes the call.
    """

    operation: str
    candidates: tuple[CandidateEstimate, ...]
    first: CandidateEstimate | None
    worst_case: Decimal | None

    @property
    def counted(self) -> CandidateEstimate | None:
        """Whose cost a plan adds up: the first, or, where nobody is set up yet, who would be it if configured."""
        if self.first is not None:
            return self.first
        return next(
            (each for each in self.candidates if each.lines and not (each.configured or each.refused_by)),
            None,
        )

    @property
    def amount(self) -> Decimal | None:
        """What the first one costs; None when that is not known, or nobody takes the call."""
        return None if self.first is None else self.first.amount

    @property
    def upper_bound(self) -> Decimal | None:
        """The most its one attempt can cost."""
        return None if self.first is None else self.first.upper_bound

    @property
    def currency(self) -> str:
        """Of all amounts."""
        return "USD" if self.first is None else self.first.currency

    @property
    def shown(self) -> str:
        """For people: who, and for how much."""
        first = self.first
        if first is None:
            reasons = "; ".join(
                f"{each.name}: {each.problem or 'refused by ' + ', '.join(each.refused_by)}"
                for each in self.candidates
            )
            return f"nobody takes the call ({reasons})"
        most = ""
        if self.worst_case is None:
            most = "" if first.unpriced else ", at most unknown: not everybody who may take over has a price"
        elif self.worst_case != first.amount:
            most = f", at most {shown_amount(self.worst_case, first.currency)} with retries"
        return f"{first.name} {first.shown}{most}"


def shown_cost(amount: Decimal | None, upper_bound: Decimal | None, currency: str) -> str:
    """For people: the amount, or what is known of it."""
    if amount is not None:
        return shown_amount(amount, currency)
    if upper_bound is None:
        return "unknown (unpriced)"
    return f"unknown (up to {shown_amount(upper_bound, currency)})"
