"""Budgets: what they cover, their windows, and how they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

from broker.types.money import EXACT, shown_amount


class Action(str, Enum):
    """What happens to an attempt that could pass the limit."""

    WARN = "warn"
    """It goes on; the budget's owner is notified."""
    DEGRADE = "degrade"
    """Another provider is tried: the rest of the call's order, then ``degrade_to``."""
    STOP = "stop"
    """It is refused."""


_ROLLING = re.compile(r"rolling ([1-9][0-9]{0,4})(m|h|d)")
_SECONDS = {"m": 60, "h": 3600, "d": 86_400}
_CALENDAR = {"hour": 13, "day": 10, "month": 7}
"""Characters of an ISO time that name the window."""
_BUCKETS = 60
"""Parts of a rolling window; what leaves it leaves by such a part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The time a budget's limit holds for: ``hour``, ``day``, ``month`` (calendar, UTC) or ``rolling 24h``.

    Spend is kept in *buckets*, named by text that sorts by time: one for a calendar window, sixty for a rolling
    one. A rolling window counts a bucket until its last moment has left, so it errs by a sixtieth to the safe side.
    """

    text: str

    def __post_init__(self) -> None:
        if self.text not in _CALENDAR and not _ROLLING.fullmatch(self.text):
            raise ValueError(
                f"window must be 'hour', 'day', 'month' or a rolling length such as 'rolling 24h', not {self.text!r}"
            )

    @property
    def length(self) -> int | None:
        """Seconds of a rolling window; None for a calendar one."""
        found = _ROLLING.fullmatch(self.text)
        return None if found is None else int(found[1]) * _SECONDS[found[2]]

    @property
    def cut(self) -> int:
        """How many characters of an ISO time name the bucket of a calendar window; 0 for a rolling one."""
        return _CALENDAR.get(self.text, 0)

    def bucket(self, at: datetime) -> str:
        """The bucket that an attempt of this instant (UTC) belongs to."""
        cut = self.cut
        return at.isoformat()[:cut] if cut else f"{int(at.timestamp()) // self._width:012d}"

    def oldest(self, at: datetime) -> str:
        """The oldest bucket that counts at this instant."""
        length = self.length
        if length is None:
            return self.bucket(at)
        return f"{(int(at.timestamp()) - length) // self._width:012d}"

    def starts(self, at: datetime) -> datetime:
        """When the window that holds at this instant began."""
        length = self.length
        if length is not None:
            return at - timedelta(seconds=length)
        start = at.replace(minute=0, second=0, microsecond=0)
        if self.text != "hour":
            start = start.replace(hour=0)
        return start.replace(day=1) if self.text == "month" else start

    def opens(self, at: datetime) -> datetime:
        """The first instant that counts at this one; of a rolling window, the start of its oldest bucket."""
        if self.length is None:
            return self.starts(at)
        return datetime.fromtimestamp(int(self.oldest(at)) * self._width, UTC)

    def leaves(self, bucket: str) -> datetime:
        """When a bucket stops counting."""
        length = self.length
        if length is not None:
            return datetime.fromtimestamp((int(bucket) + 1) * self._width + length, UTC)
        if self.text == "month":
            year, month = divmod(int(bucket[:4]) * 12 + int(bucket[5:7]), 12)
            return datetime(year, month + 1, 1, tzinfo=UTC)
        form, step = ("%Y-%m-%d", 24) if self.text == "day" else ("%Y-%m-%dT%H", 1)
        return datetime.strptime(bucket, form).replace(tzinfo=UTC) + timedelta(hours=step)

    @property
    def _width(self) -> int:
        return max(1, (self.length or 0) // _BUCKETS)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit on what may be spent.

    :param limit: in ``currency``. Spent and reserved together never pass it, unless ``action`` is ``warn`` or a
        vendor bills more than could be known before.
    :param provider: only this provider, or this account of it (``aws:prod``).
    :param operation: only this operation, or a family of them (``vision.*``).
    :param tags: only calls that have all of these.
    :param warn_at: shares of the limit that are notified when reached.
    :param degrade_to: whom to ask when the limit is reached and ``action`` is ``degrade``.
    :param unpriced: what an attempt without a known price in this currency counts for; None refuses it.
    """

    name: str
    limit: Decimal
    currency: str = "USD"
    window: Window
    provider: str | None = None
    operation: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    action: Action = Action.STOP
    warn_at: tuple[Decimal, ...] = ()
    degrade_to: tuple[str, ...] = ()
    unpriced: Decimal | None = None

    def covers(self, provider: str, profile: str, operation: str, tags: Mapping[str, str]) -> bool:
        """Whether an attempt counts here. ``profile`` is '' for the default account."""
        if self.provider is not None:
            name, _, account = self.provider.partition(":")
            if name != provider or (account and account != profile):
                return False
        if self.operation is not None and not (
            operation.startswith(self.operation[:-1])
            if self.operation.endswith("*")
            else operation == self.operation
        ):
            return False
        return not self.tags or all(tags.get(key) == value for key, value in self.tags)

    @property
    def scope(self) -> str:
        """For people: what it covers."""
        parts = [self.provider or "", self.operation or "", *(f"{key}={value}" for key, value in self.tags)]
        return ", ".join(part for part in parts if part) or "all calls"

    @property
    def counts_like(self) -> tuple[object, ...]:
        """What its sums depend on: a change of these means counting anew, a change of the limit does not."""
        return (
            self.currency,
            self.window.text,
            self.provider,
            self.operation,
            self.tags,
            None if self.unpriced is None else str(self.unpriced),
        )

    def to_json(self) -> str:
        """As the ledger keeps it."""
        return json.dumps(
            {
                "limit": str(self.limit),
                "currency": self.currency,
                "window": self.window.text,
                "provider": self.provider,
                "operation": self.operation,
                "tags": [list(pair) for pair in self.tags],
                "action": self.action.value,
                "warn_at": [str(share) for share in self.warn_at],
                "degrade_to": list(self.degrade_to),
                "unpriced": None if self.unpriced is None else str(self.unpriced),
            }
        )

    @classmethod
    def from_json(cls, name: str, text: str) -> Budget:
        """What :meth:`to_json` wrote."""
        facts = json.loads(text)
        return cls(
            name=name,
            limit=Decimal(facts["limit"]),
            currency=facts["currency"],
            window=Window(text=facts["window"]),
            provider=facts["provider"],
            operation=facts["operation"],
            tags=tuple((key, value) for key, value in facts["tags"]),
            action=Action(facts["action"]),
            warn_at=tuple(map(Decimal, facts["warn_at"])),
            degrade_to=tuple(facts["degrade_to"]),
            unpriced=None if facts["unpriced"] is None else Decimal(facts["unpriced"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetState:
    """How a budget stands at an instant.

    :param spent: booked in this window, attempts of unknown billing at their upper bound included.
    :param unknown: the part of ``spent`` that may not have been billed; settle it by ``mlbroker settle``.
    :param reserved: upper bounds of attempts under way.
    :param resets_at: when the window ends; for a rolling one, when its oldest part leaves it.
    :param used_up: an attempt has met the limit in this window; cheaper ones may still fit.
    :param standing: the part of ``spent`` that is paid by the clock (an index's hours).
    :param standing_ahead: the part of ``reserved`` that what stands will still come to: up to the window's end, or, in a
        rolling window, as far as its dearest position goes beyond what is spent.
    :param standing_unknown: why it is not known what stands comes to; then nothing that costs is let through.
    """

    budget: Budget
    at: datetime
    spent: Decimal
    unknown: Decimal
    reserved: Decimal
    resets_at: datetime
    used_up: bool = False
    standing: Decimal = Decimal(0)
    standing_ahead: Decimal = Decimal(0)
    standing_unknown: str | None = None

    @property
    def left(self) -> Decimal:
        """What may still be reserved; never below 0."""
        return max(Decimal(0), EXACT.subtract(self.budget.limit, EXACT.add(self.spent, self.reserved)))

    def __str__(self) -> str:
        budget = self.budget

        def money(amount: Decimal) -> str:
            return shown_amount(amount, budget.currency)

        told = f"budget {budget.name!r} ({budget.scope}; {budget.window}) allows {money(budget.limit)}: "
        told += f"spent {money(self.spent)}, reserved {money(self.reserved)} for attempts under way"
        if not (self.standing or self.standing_ahead):
            return told
        return (
            f"{told} and what stands; what stands is {money(self.standing)} of the spent and "
            f"{money(self.standing_ahead)} of the reserved"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRefusal:
    """Why a budget refused an attempt.

    :param needed: the most the attempt may cost; None when that is not known.
    :param unpriced: why it is not known.
    """

    state: BudgetState
    needed: Decimal | None
    unpriced: str | None = None

    def __str__(self) -> str:
        budget = self.state.budget
        standing = self.state.standing_unknown
        if self.needed is None and standing is not None:
            return (
                f"{self.state}; what stands is not known to the end ({standing}), so nothing that costs is let through. "
                f'Say what an hour of it may count for with unpriced = "0.01" under [budgets.{budget.name}], or add a '
                "price (docs/prices.md)"
            )
        if self.needed is None:
            return (
                f"{self.state}; what this attempt costs is not known ({self.unpriced}), so it is refused. Say what it "
                f'may count for with unpriced = "0.01" under [budgets.{budget.name}], or add a price (docs/prices.md)'
            )
        return (
            f"{self.state}, and this attempt may cost {shown_amount(self.needed, budget.currency)}; it resets at "
            f"{self.state.resets_at:%Y-%m-%d %H:%M} UTC. Raise limit under [budgets.{budget.name}] in mlbroker.toml and "
            "type 'mlbroker budget apply', or use a free provider (provider=\"local\")"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetAlarm:
    """A budget passed a share of its limit, or refused; told once a window.

    :param share: of the limit, as configured; None when it is used up.
    """

    state: BudgetState
    share: Decimal | None
