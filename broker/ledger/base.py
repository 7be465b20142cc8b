"""What a ledger is: intent before sending, settlement after, and reports from a rollup.

Both writes are durable against a killed process. An attempt that was announced and never settled
counts at its upper bound as *unknown*, because it may have been billed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from broker.errors import LedgerUnavailable, Outcome
from broker.types.budget import Budget, BudgetAlarm, BudgetState
from broker.types.call import AttemptKind
from broker.types.money import Billed, Unit, UsageSource
from broker.types.standing import StandingMeter, StandingSpend


class LedgerBusy(LedgerUnavailable):
    """Another process is writing this instant; wait a little and try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An attempt about to be sent.

    :param bound: the most it can cost; None when unpriced.
    """

    call_id: str
    number: int
    kind: AttemptKind = AttemptKind.FIRST
    started: datetime
    provider: str
    profile: str
    service: str
    operation: str
    region: str | None
    tags: Mapping[str, str]
    currency: str
    bound: Decimal | None
    unpriced: str | None
    started_text: str = field(init=False)
    """``started`` in ISO 8601, made once for both writes."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "started_text", self.started.isoformat())

    @property
    def day(self) -> str:
        """The UTC day it is counted on."""
        return self.started_text[:10]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An announced attempt, to be settled once.

    :param held: what it held in budgets when it was announced, as its row has it.
    :param alarms: budgets that passed a share of their limit by it.
    """

    seq: int
    slot: int
    intent: Intent
    held: str = "[]"
    alarms: tuple[BudgetAlarm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeLine:
    """What one sku of an attempt came to.

    :param counter: the month's meter it counts on (:attr:`broker.types.money.Price.counter`).
    """

    sku: str
    counter: str
    unit: Unit
    quantity: Decimal
    source: UsageSource
    units: Decimal
    amount: Decimal | None
    bound: Decimal | None
    price_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How an attempt ended.

    :param counters: the month's meters whose position the charges depend on.
    :param charges: from units already used this month by counter to the charge lines; called inside the
        ledger's transaction, so two processes cannot price the same tier position.
    :param currency: of the charges, where the vendor reported a use priced in another than was announced.
    """

    outcome: Outcome
    billed: Billed
    latency: float
    counters: Sequence[str]
    charges: Callable[[Mapping[str, Decimal]], Sequence[ChargeLine]]
    error: str | None = None
    request_id: str | None = None
    model_version: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What the ledger booked.

    :param amount: the sum of the lines; None when a line's amount is not known.
    :param alarms: budgets that passed a share of their limit, because more was billed than could be known.
    """

    lines: tuple[ChargeLine, ...]
    amount: Decimal | None
    bound: Decimal | None
    alarms: tuple[BudgetAlarm, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendRow:
    """One group of a spend report.

    :param group: the values of the asked-for dimensions, in their order.
    :param amount: booked and certain.
    :param at_risk: upper bound of what is in flight or may have been billed.
    :param unpriced: attempts without a known price; their cost is in neither sum.
    """

    group: tuple[str, ...]
    currency: str
    attempts: int
    failed: int
    open: int
    unknown: int
    unpriced: int
    amount: Decimal
    at_risk: Decimal


DIMENSIONS = ("day", "month", "provider", "profile", "operation", "kind")
"""What spend can be grouped by, beside ``tag:KEY``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendQuery:
    """Which spend to sum.

    :param by: dimensions, or ``tag:KEY``.
    :param since: first day (UTC), inclusive.
    :param until: last day, inclusive.
    """

    by: tuple[str, ...] = ("provider", "operation")
    since: date | None = None
    until: date | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownQuery:
    """Which attempts of unknown billing.

    :param call_id: of this call only.
    :param until: that began on this day (UTC) or before.
    """

    call_id: str | None = None
    provider: str | None = None
    profile: str | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownAttempt:
    """An attempt that was sent and may have been billed.

    :param bound: the most it can have cost; None when unpriced.
    """

    call_id: str
    number: int
    started: datetime
    provider: str
    profile: str
    operation: str
    currency: str
    bound: Decimal | None
    outcome: str | None
    error: str | None
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSpend:
    """One call, all of its attempts together.

    :param known: booked and certain; ``at_risk``: the most that open attempts and those of unknown billing can come to.
    :param unpriced: attempts without a known price that may have been billed; in neither sum.
    :param answered: an attempt was settled with a valid answer.
    """

    call_id: str
    attempts: int
    currency: str
    known: Decimal
    at_risk: Decimal
    unpriced: int
    answered: bool

    @property
    def free(self) -> bool:
        """It surely cost nothing."""
        return not self.known and not self.at_risk and not self.unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person found out on the invoice.

    :param amount: what each attempt was billed; 0 for not billed; None for its upper bound.
    """

    amount: Decimal | None
    reason: str


class Ledger(Protocol):
    """Safe for threads and processes. Raises ``LedgerUnavailable``; ``LedgerBusy`` to be tried again."""

    def announce(self, intent: Intent) -> Ticket:
        """Write the intent and hold its upper bound in every budget that covers it.

        Nothing may be sent before this has returned. Raises ``BudgetExceeded``, and then nothing is held.
        """
        ...

    def settle(self, ticket: Ticket, settlement: Settlement) -> Settled:
        """Write how it ended; once per ticket."""
        ...

    def positions(self, month: str, account: str, counters: Sequence[str]) -> Mapping[str, Decimal]:
        """Billing units used in a month by counter (:attr:`broker.types.money.Price.counter`); 0 where none were.

        :param month: as ``2026-11``, in UTC.
        :param account: provider and profile, as ``aws:prod`` or ``aws:``.
        """
        ...

    def spend(self, query: SpendQuery) -> list[SpendRow]:
        """Sums from the rollup, in milliseconds for any number of rows."""
        ...

    def declare(self, budgets: Sequence[Budget], at: datetime) -> list[tuple[Budget, Budget | None]]:
        """Put budgets in force for all who use this ledger; those that changed, as they were before (or None).

        A new one begins with what its present window has come to already. Raises ``LedgerUnavailable``; then they
        are put in force with the next paid attempt, before it is sent.
        """
        ...

    def forget(self, name: str) -> bool:
        """Take a budget out of force; False if there is none."""
        ...

    def budgets(self, at: datetime) -> list[BudgetState]:
        """How every budget in force stands."""
        ...

    def stand(self, meters: Sequence[StandingMeter], at: datetime) -> list[tuple[StandingMeter, str]]:
        """Declare what stands, for all who use this ledger; those that changed, and how (``begun``, ``ended``, ``priced``).

        Declaring the same again changes nothing. Prices of days that have passed stay as they were, unless none was known.
        Raises ValueError where a name stands for something else already, and ``LedgerUnavailable``; then they are
        declared with the next paid attempt, before it is sent.
        """
        ...

    def standing(self) -> Sequence[StandingMeter]:
        """All that stands or stood."""
        ...

    def end_standing(
        self, name: str, until: datetime, at: datetime, reason: str | None = None
    ) -> StandingMeter:
        """Say when it ended, or will end."""
        ...

    def remove_standing(self, name: str, at: datetime, reason: str) -> StandingMeter:
        """Take out what was declared by mistake, with all it came to."""
        ...

    def standing_spend(self, query: SpendQuery, at: datetime) -> StandingSpend:
        """What stands came to up to ``at``, by the clock, and its shares; apart from :meth:`spend`."""
        ...

    def watch(self, at: datetime) -> Sequence[BudgetAlarm]:
        """Budgets that what stands has taken past a share of their limit; each told once a window."""
        ...

    def calls(self, call_ids: Sequence[str]) -> Mapping[str, CallSpend]:
        """What became of these calls; those of which nothing was ever announced are not in it."""
        ...

    def unknown(self, query: UnknownQuery) -> list[UnknownAttempt]:
        """Attempts of which nobody knows yet whether they were billed; what is free is not among them."""
        ...

    def decide(self, query: UnknownQuery, decision: Decision, at: datetime) -> list[UnknownAttempt]:
        """Settle such attempts by what a person found out; they leave the sums at risk. Returns them."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...
