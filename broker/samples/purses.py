"""Money for shadow calls: what a day allows, and what share of the use case's own spend; held before a call is sent.

What the use case's own calls came to on this day is read from the ledger's sums, which know tags one by one. Where use cases overlap
that tells no exact number, but one that it is not below; the share is never taken of more than that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from broker.errors import LedgerUnavailable
from broker.ledger.base import SpendQuery, SpendRow
from broker.samples.plan import Plan
from broker.samples.rows import Purse, Skipped
from broker.samples.store import SampleStore
from broker.switches.use_cases import TAG, UseCases
from broker.types.call import AttemptKind
from broker.types.money import EXACT

LOOK = timedelta(seconds=30)
"""Spend of a day only grows, so what was read so long ago is no less true."""
NOTHING = Decimal(0)


class Spent:
    """What use cases' own calls came to on a UTC day, for certain: settled, and priced in the currency asked for.

    :param spend: the ledger's.
    """

    def __init__(self, spend: Callable[[SpendQuery], Sequence[SpendRow]], use_cases: UseCases) -> None:
        self._spend = spend
        self._use_cases = use_cases
        self._seen: dict[tuple[str, str], tuple[datetime, Decimal]] = {}

    def on_day_of(self, now: datetime, use_case: str, currency: str) -> Decimal | None:
        """At least this; None: it cannot be read."""
        key = use_case, currency
        before = self._seen.get(key)
        if before is not None and before[0].date() == now.date() and before[0] <= now < before[0] + LOOK:
            return before[1]
        try:
            found = self._at_least(use_case, currency, now.astimezone(UTC).date())
        except LedgerUnavailable:
            return None
        self._seen[key] = (now, found)
        return found

    def _at_least(self, use_case: str, currency: str, day: date) -> Decimal:
        """All calls that have the use case's tags, less all that may be another's."""
        cases = self._use_cases.settings
        operation, tags = cases[use_case].operation, cases[use_case].tags
        named = self._by(operation, currency, day, TAG)
        own = named.get(use_case, NOTHING)
        earlier = list(cases)[: list(cases).index(use_case)]
        keys = {key for each in (*earlier, use_case) for key in cases[each].tags}
        by = {key: self._by(operation, currency, day, key) for key in keys}
        whole = self._by(operation, currency, day, None).get("", NOTHING)

        def most(wanted: Mapping[str, str]) -> Decimal:
            """Of the calls that have all of these tags."""
            return min((by[key].get(value, NOTHING) for key, value in wanted.items()), default=whole)

        found = sum((by[key].get(value, NOTHING) for key, value in tags.items()), NOTHING)
        found -= whole * (len(tags) - 1)  # those with one of the tags and not the others count once too often
        found -= sum(named.values(), NOTHING) - own
        for name in earlier:
            wanted = cases[name].tags
            apart = any(key in tags and tags[key] != value for key, value in wanted.items())
            if cases[name].operation == operation and not apart:
                found -= most(wanted)
        return max(own, found, NOTHING)

    def _by(self, operation: str, currency: str, day: date, tag: str | None) -> dict[str, Decimal]:
        by = ("kind",) if tag is None else ("kind", f"tag:{tag}")
        rows = self._spend(SpendQuery(by=by, since=day, until=day, where={"operation": operation}))
        found: dict[str, Decimal] = {}
        for row in rows:
            if row.group[0] != AttemptKind.SHADOW.value and row.currency == currency:
                value = row.group[1] if tag is not None else ""
                found[value] = found.get(value, NOTHING) + row.amount
        return found


class Purses:
    """The money of all use cases that ask others. Safe for threads and processes; raises ``QualityUnavailable``.

    :param spent: None: it is not known what calls come to.
    """

    def __init__(self, store: SampleStore, spent: Spent | None) -> None:
        self._store = store
        self._spent = spent

    def limit(self, plan: Plan, now: datetime) -> Decimal | None:
        """What shadow calls may come to on this day: the budget, or the share of the spend where that is less; None: not known."""
        budget, share = plan.per_day or NOTHING, plan.sampling.max_share
        if share is None:
            return budget
        spent = None
        if self._spent is not None:
            spent = self._spent.on_day_of(now, plan.name, plan.sampling.currency)
        return None if spent is None else min(budget, EXACT.multiply(spent, share))

    def purse(self, plan: Plan, now: datetime) -> Purse:
        """How it stands."""
        limit = self.limit(plan, now)
        return self._store.purse(plan.name, plan.per_day or NOTHING, now, NOTHING if limit is None else limit)

    def allow(self, plan: Plan, now: datetime) -> None:
        """Have the plan follow; nothing to do for one that asks nobody."""
        if plan.per_day is not None:
            plan.allow(self.purse(plan, now))

    def hold(self, plan: Plan, bound: Decimal, now: datetime) -> Skipped | None:
        """Hold the most that a shadow call can cost; why not, or None: it is held."""
        limit = self.limit(plan, now)
        if limit is None:
            return Skipped.SPEND
        held = self._store.hold(plan.name, plan.per_day or NOTHING, bound, now, limit)
        return None if held else Skipped.BUDGET

    def settle(self, plan: Plan, held: Decimal, cost: Decimal, since: datetime, now: datetime) -> None:
        """Book what it came to; ``since``: when it was held."""
        self._store.settle(plan.name, plan.per_day or NOTHING, held, cost, since, now)
