"""How budgets stand, in the ledger and beside the settings: for ``budget``, ``spend`` and ``doctor``."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from broker.types.budget import Action, Budget, BudgetState
from broker.types.money import EXACT, shown_amount

if TYPE_CHECKING:
    from broker.config import Settings
    from broker.ledger.sqlite import SqliteLedger

OK, WARNING, USED_UP = "ok", "warning", "used up"
NOT_APPLIED = "not applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A budget by name.

    :param state: as it is in force in the ledger; None if it is not.
    :param wanted: as the settings have it; None if they do not.
    """

    name: str
    state: BudgetState | None
    wanted: Budget | None

    @property
    def applied(self) -> bool:
        """Whether what the settings say is in force; a budget they do not have is not theirs to apply."""
        return self.wanted is None or (self.state is not None and self.state.budget == self.wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All budgets, and what is known badly of the attempts of their windows.

    :param recorded: False where there is no ledger yet.
    :param since: the first day that any budget in force still counts.
    :param unpriced: attempts since then whose price is not known.
    :param unknown: attempts since then that may have been billed.
    """

    path: str
    recorded: bool
    rows: tuple[Row, ...]
    since: datetime
    unpriced: int = 0
    unknown: int = 0


def now() -> datetime:
    """This instant; tests put their own here."""
    return datetime.now(UTC)


def ledger_path(settings: Settings) -> str:
    """Where the ledger is, or will be."""
    return os.path.expanduser(settings.ledger.path)


def open_there(settings: Settings) -> SqliteLedger | None:
    """The ledger, if there is one: looking must not make it."""
    from broker.ledger.sqlite import SqliteLedger

    path = ledger_path(settings)
    return SqliteLedger(path, durability=settings.ledger.durability) if os.path.lexists(path) else None


def wanted(settings: Settings) -> dict[str, Budget]:
    """The settings' budgets."""
    return {name: each.named(name) for name, each in settings.budgets.items()}


def joined(states: Iterable[BudgetState], asked: dict[str, Budget]) -> tuple[Row, ...]:
    """Budgets in force and those of the settings, by name."""
    held = {state.budget.name: state for state in states}
    return tuple(
        Row(name=name, state=held.get(name), wanted=asked.get(name)) for name in sorted({*held, *asked})
    )


def read(settings: Settings) -> Standing:
    """Look; nothing is written. Raises :class:`~broker.errors.LedgerUnavailable`."""
    from broker.ledger.base import SpendQuery

    at = now()
    ledger = open_there(settings)
    if ledger is None:
        rows = joined((), wanted(settings))
        return Standing(path=ledger_path(settings), recorded=False, rows=rows, since=at)
    try:
        states = ledger.budgets(at)
        since = min((state.budget.window.starts(at) for state in states), default=at)
        totals = ledger.spend(SpendQuery(by=(), since=since.date()))
    finally:
        ledger.close()
    return Standing(
        path=ledger.path,
        recorded=True,
        rows=joined(states, wanted(settings)),
        since=since,
        unpriced=sum(row.unpriced for row in totals),
        unknown=sum(row.unknown for row in totals),
    )


def used(state: BudgetState) -> Decimal:
    """Spent and reserved."""
    return EXACT.add(state.spent, state.reserved)


def share(state: BudgetState) -> Decimal:
    """The part of the limit that is used, to four decimals downwards, so that only a whole one is 1."""
    limit = state.budget.limit
    if not limit:
        return Decimal(1)
    return Decimal(int(EXACT.divide(EXACT.multiply(used(state), Decimal(10_000)), limit))) / 10_000


def word(state: BudgetState) -> str:
    """``ok``, ``warning`` once the first share to warn at is reached, ``used up`` once it has refused or is full."""
    if state.used_up or not state.left:
        return USED_UP
    first = min(state.budget.warn_at, default=None)
    if first is not None and used(state) >= EXACT.multiply(state.budget.limit, first):
        return WARNING
    return OK


def percent(state: BudgetState) -> str:
    """For people: ``83 %``; never 100 % before the limit, nor 0 % once something is used."""
    number = int(share(state) * 100)
    return "<1 %" if number == 0 and used(state) else f"{number:,} %"


def bar(state: BudgetState, signs: int = 10) -> str:
    """The share as so many signs of ASCII."""
    full = min(signs, int(share(state) * signs))
    return "#" * full + "-" * (signs - full)


def alerts(states: Sequence[BudgetState]) -> str:
    """One line on the budgets that are in warning or used up; empty if none is."""
    found = []
    for state in states:
        if word(state) != OK:
            how = "used up" if word(state) == USED_UP else f"at {percent(state)}"
            found.append(f"{state.budget.name} {how}")
    noun = "budget" if len(found) == 1 else "budgets"
    return f"{noun}: {', '.join(found)}; 'mlbroker budget' shows more" if found else ""


def action(budget: Budget) -> str:
    """For people: what happens at the limit."""
    if budget.action is Action.DEGRADE and budget.degrade_to:
        return f"degrade to {', '.join(budget.degrade_to)}"
    return budget.action.value


def reset(state: BudgetState) -> str:
    """When there is more room; empty for a rolling window that nothing is in."""
    if state.budget.window.length is not None and not used(state):
        return ""
    verb = "resets" if state.budget.window.length is None else "its oldest part leaves"
    return f"{verb} {state.resets_at:%Y-%m-%d %H:%M} UTC, in {span(state.resets_at - state.at)}"


def span(length: timedelta) -> str:
    """A time to come in its two largest units."""
    minutes = max(0, int(length.total_seconds())) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days:,} d {hours} h" if hours else f"{days:,} d"
    if hours:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{rest} min" if rest else "less than a minute"


def differences(old: Budget, new: Budget) -> list[tuple[str, str, str]]:
    """What differs: the setting's name, the old value, the new one, for people."""

    def money(amount: Decimal | None, currency: str) -> str:
        return "refuse" if amount is None else shown_amount(amount, currency)

    pairs = [
        ("limit", money(old.limit, old.currency), money(new.limit, new.currency)),
        ("window", old.window.text, new.window.text),
        ("covers", old.scope, new.scope),
        ("action", action(old), action(new)),
        ("warn_at", _shares(old), _shares(new)),
        ("unpriced", money(old.unpriced, old.currency), money(new.unpriced, new.currency)),
    ]
    return [each for each in pairs if each[1] != each[2]]


def shown_differences(old: Budget, new: Budget) -> str:
    """The same in one line; empty where they mean the same."""
    return "; ".join(f"{name} {before} -> {after}" for name, before, after in differences(old, new))


def _shares(budget: Budget) -> str:
    return ", ".join(f"{each * 100:f}".rstrip("0").rstrip(".") + " %" for each in budget.warn_at) or "never"
