"""Budgets inside the ledger's transactions: reserve with the intent, settle with the settlement.

Everybody who uses the ledger reads the same rows inside the same write transaction, so spent and reserved together
cannot pass a limit, whatever threads and processes do. A reservation is part of the attempt's own row: it lives as
long as the attempt may still be billed and no counter can drift from it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from broker.ledger.base import Intent
from broker.ledger.reports import PICO
from broker.types.budget import Action, Budget, BudgetAlarm, BudgetRefusal, BudgetState
from broker.types.money import EXACT

USED_UP = "used up"


class Held(NamedTuple):
    """What an attempt counts for in one budget.

    :param amount: 1e-12 of the currency.
    :param own_currency: False where the attempt is priced in another currency than the budget's: then the budget's
        own figure for what it cannot price stays.
    """

    budget: str
    bucket: str
    amount: int
    own_currency: bool


class _Use(NamedTuple):
    bucket: str
    counted: int
    unknown: int


class _Rule:
    """A budget as the hot path needs it: amounts as integers of 1e-12."""

    __slots__ = ("budget", "cut", "definition", "limit", "name", "only_warns", "shares")

    def __init__(self, name: str, definition: str) -> None:
        self.name = name
        self.definition = definition
        self.budget = Budget.from_json(name, definition)
        self.limit = pico(self.budget.limit)
        limit = Decimal(self.limit)
        self.shares = tuple(
            (int(EXACT.multiply(limit, share)), share) for share in sorted(self.budget.warn_at)
        )
        self.only_warns = self.budget.action is Action.WARN
        self.cut = self.budget.window.cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What announcing an attempt did to the budgets: held, or refused."""

    held: tuple[Held, ...] = ()
    alarms: tuple[BudgetAlarm, ...] = ()
    refusal: BudgetRefusal | None = None


_NOTHING = Reservation()
NO_BUDGETS = Reservation()
"""What reserving comes to where there are none."""
# Budgets with the bucket of a calendar window that holds now; rolling ones have a look of their own.
_STANDING = """SELECT name, definition, bucket, counted, unknown FROM budget
    LEFT JOIN budget_use ON budget_use.budget = budget.name AND bucket = substr(?, 1, cut)"""
_RESERVE = "UPDATE budget_use SET counted = ? WHERE budget = ? AND bucket = ?"
_BEGIN_BUCKET = "INSERT INTO budget_use VALUES (?, ?, ?, ?)"
_OPEN = """SELECT held FROM open_attempt WHERE held <> '[]'
    AND NOT EXISTS (SELECT 1 FROM closed_attempt WHERE closed_attempt.seq = open_attempt.seq)"""


class BudgetBook:
    """The budgets of one ledger. Every method runs inside a transaction of its connection."""

    def __init__(self) -> None:
        self._rules: dict[str, _Rule] = {}
        self._told: set[tuple[str, str, str]] = set()

    def standing(self, connection: sqlite3.Connection, at: str) -> list[tuple[_Rule, tuple[_Use, ...]]]:
        """All budgets and what counts against them at this instant (ISO 8601, UTC)."""
        found = []
        for name, definition, bucket, counted, unknown in connection.execute(_STANDING, (at,)).fetchall():
            rule = self._rules.get(name)
            if rule is None or rule.definition != definition:
                rule = self._rule(name, definition)
            if not rule.cut:
                found.append((rule, _rolling(connection, rule.budget, datetime.fromisoformat(at))))
            elif bucket is None:
                found.append((rule, ()))
            else:
                found.append((rule, (_Use(bucket, int(counted), int(unknown)),)))
        return found

    def _rule(self, name: str, definition: str) -> _Rule:
        if len(self._rules) > 1000:
            self._rules.clear()
        rule = self._rules[name] = _Rule(name, definition)
        self._forget_told(name)
        return rule

    def _forget_told(self, name: str) -> None:
        self._told = {told for told in self._told if told[0] != name}

    def reserve(self, connection: sqlite3.Connection, intent: Intent) -> Reservation:
        """Hold the attempt's upper bound in every budget that covers it, or say who refuses it."""
        standing = self.standing(connection, intent.started_text)
        if not standing:
            return NO_BUDGETS
        held: list[Held] = []
        fits: list[tuple[_Rule, tuple[_Use, ...], int]] = []
        refusals: list[BudgetRefusal] = []
        alarms: list[BudgetAlarm] = []
        for rule, uses in standing:
            budget = rule.budget
            if not budget.covers(intent.provider, intent.profile, intent.operation, intent.tags):
                continue
            amount, same = counted_as(budget, intent.bound, intent.currency)
            before = uses[0].counted if len(uses) == 1 else _total(uses)
            if amount is None or before + amount > rule.limit:
                if not rule.only_warns:
                    refusals.append(_refusal(connection, rule, uses, amount, intent))
                    if amount is not None:
                        self._alarm(connection, rule, uses, intent.started, None, alarms)
                    continue
                amount = amount or 0  # it only warns; what is not known is booked once it is
            bucket = intent.started_text[: rule.cut] if rule.cut else budget.window.bucket(intent.started)
            held.append(Held(rule.name, bucket, amount, same))
            fits.append((rule, uses, before + amount))
        if refusals:
            return Reservation(refusal=_final(refusals), alarms=tuple(alarms))
        if not held:
            return _NOTHING
        for (rule, uses, total), (name, bucket, amount, _) in zip(fits, held, strict=True):
            for use in uses:
                if use.bucket == bucket:
                    connection.execute(_RESERVE, (str(use.counted + amount), name, bucket))
                    break
            else:
                connection.execute(_BEGIN_BUCKET, (name, bucket, str(amount), "0"))
            if rule.shares or rule.only_warns:
                self._watch(connection, rule, uses, total, intent.started, alarms, more=amount)
        return Reservation(held=tuple(held), alarms=tuple(alarms))

    def settle(
        self,
        connection: sqlite3.Connection,
        held: Sequence[Held],
        counted: int | None,
        *,
        unknown: bool,
        at: datetime,
    ) -> tuple[tuple[Held, ...], tuple[BudgetAlarm, ...]]:
        """Turn reservations into spend. Returns what was booked, for the attempt's row.

        :param counted: what it came to in 1e-12, or its upper bound if that is ``unknown``; None when neither is known.
        """
        booked = []
        alarms: list[BudgetAlarm] = []
        for each in held:
            amount = counted if counted is not None and (each.own_currency or counted == 0) else each.amount
            if unknown or amount != each.amount:  # else what was reserved is now what was spent
                doubtful = amount if unknown else 0
                _add(connection, each.budget, each.bucket, amount - each.amount, unknown=doubtful)
            booked.append(each._replace(amount=amount))
            if amount > each.amount:  # the vendor billed more than could be known: in full, and said
                self._overrun(connection, each.budget, at, alarms)
        return tuple(booked), tuple(alarms)

    def cover(
        self, connection: sqlite3.Connection, intent: Intent, held: Sequence[Held], *, priced: bool
    ) -> tuple[Held, ...]:
        """What an attempt holds that turned out to be other than announced: not free, or in another currency.

        :param intent: with the currency it was billed in.
        :param priced: whether it is known what it came to.
        """
        known = {each.budget: each for each in held}
        for rule, _ in self.standing(connection, intent.started_text):
            budget = rule.budget
            if not budget.covers(intent.provider, intent.profile, intent.operation, intent.tags):
                continue
            same = intent.currency == budget.currency
            before = known.get(rule.name)
            if before is not None:
                known[rule.name] = before._replace(own_currency=same)
                continue
            amount = 0 if same and priced else counted_as(budget, None, intent.currency)[0] or 0
            each = known[rule.name] = Held(rule.name, budget.window.bucket(intent.started), amount, same)
            _add(connection, each.budget, each.bucket, amount, begin=True)
        return tuple(known.values())

    def lose(self, connection: sqlite3.Connection, held: Iterable[Held], sign: int = 1) -> None:
        """The attempt's process died: what it held may have been billed. With -1, take that back."""
        for each in held:
            _add(connection, each.budget, each.bucket, 0, unknown=sign * each.amount)

    def decide(self, connection: sqlite3.Connection, held: Sequence[Held], amount: int) -> None:
        """An attempt of unknown billing turned out to have cost ``amount``."""
        for each in held:
            now = amount if each.own_currency or amount == 0 else each.amount
            _add(connection, each.budget, each.bucket, now - each.amount, unknown=-each.amount)
            if now < each.amount:  # there is room again; if it goes too, that is news
                connection.execute("DELETE FROM budget_alarm WHERE budget = ?", (each.budget,))
                self._forget_told(each.budget)

    def states(self, connection: sqlite3.Connection, at: datetime) -> list[BudgetState]:
        """How every budget stands, by name."""
        met = set(connection.execute("SELECT budget, period FROM budget_alarm WHERE share = ?", (USED_UP,)))
        return [
            replace(_state(connection, rule, uses, at), used_up=(rule.name, _period(rule, at)) in met)
            for rule, uses in self.standing(connection, at.isoformat())
        ]

    def _watch(
        self,
        connection: sqlite3.Connection,
        rule: _Rule,
        uses: Sequence[_Use],
        total: int,
        at: datetime,
        alarms: list[BudgetAlarm],
        *,
        more: int = 0,
    ) -> None:
        for threshold, share in rule.shares:
            if total >= threshold:
                self._alarm(connection, rule, uses, at, share, alarms, more=more)
        if total > rule.limit:
            self._alarm(connection, rule, uses, at, None, alarms, more=more)

    def _overrun(
        self, connection: sqlite3.Connection, name: str, at: datetime, alarms: list[BudgetAlarm]
    ) -> None:
        for rule, uses in self.standing(connection, at.isoformat()):
            if rule.name == name:
                self._watch(connection, rule, uses, _total(uses), at, alarms)

    def _alarm(
        self,
        connection: sqlite3.Connection,
        rule: _Rule,
        uses: Sequence[_Use],
        at: datetime,
        share: Decimal | None,
        alarms: list[BudgetAlarm],
        *,
        more: int = 0,
    ) -> None:
        """Once a window: of all processes, the one whose row goes in tells it.

        :param more: what the attempt that trips it has just reserved, which ``uses`` do not hold yet.
        """
        period = _period(rule, at)
        word = USED_UP if share is None else str(share)
        key = (rule.name, period, word)
        if key in self._told:
            return
        row = (rule.name, period, word, at.isoformat())
        if connection.execute("INSERT OR IGNORE INTO budget_alarm VALUES (?, ?, ?, ?)", row).rowcount == 1:
            state = _state(connection, rule, uses, at)
            if more:
                state = replace(state, reserved=EXACT.add(state.reserved, decimal_of(more)))
            alarms.append(BudgetAlarm(state=state, share=share))
        else:
            if len(self._told) > 1000:
                self._told.clear()
            self._told.add(key)


def _period(rule: _Rule, at: datetime) -> str:
    """The time within which an alarm is told once; a rolling window has a new one each day."""
    return rule.budget.window.bucket(at) if rule.cut else at.date().isoformat()


def _final(refusals: Sequence[BudgetRefusal]) -> BudgetRefusal | None:
    """The one to tell: a stop before one that only asks for another provider."""
    stops = [each for each in refusals if each.state.budget.action is Action.STOP]
    return next(iter((*stops, *refusals)), None)


def counted_as(budget: Budget, bound: Decimal | None, currency: str) -> tuple[int | None, bool]:
    """What an attempt of this bound counts for, in 1e-12, and whether it is priced in the budget's currency."""
    same = currency == budget.currency
    if same and bound is not None:
        return pico(bound), True
    return (None if budget.unpriced is None else pico(budget.unpriced)), same


@lru_cache(maxsize=1024)  # the same few prices again and again
def pico(amount: Decimal) -> int:
    """An amount as an integer of 1e-12, of any size."""
    return int(EXACT.multiply(amount, PICO))


@lru_cache(maxsize=1024)
def held_text(held: tuple[Held, ...]) -> str:
    """As it stands in the attempt's row."""
    return json.dumps(held) if held else "[]"


@lru_cache(maxsize=1024)
def held_of(text: str) -> tuple[Held, ...]:
    """What :func:`held_text` wrote."""
    return tuple(
        Held(budget, bucket, amount, bool(same)) for budget, bucket, amount, same in json.loads(text)
    )


def _rolling(connection: sqlite3.Connection, budget: Budget, at: datetime) -> tuple[_Use, ...]:
    # What a clock that was ahead put into later buckets counts too: a window must not reopen by a clock.
    rows = connection.execute(
        "SELECT bucket, counted, unknown FROM budget_use WHERE budget = ? AND bucket >= ? ORDER BY bucket",
        (budget.name, budget.window.oldest(at)),
    )
    return tuple(_Use(bucket, int(counted), int(unknown)) for bucket, counted, unknown in rows)


def _total(uses: Sequence[_Use]) -> int:
    return sum(use.counted for use in uses)


def _add(
    connection: sqlite3.Connection,
    budget: str,
    bucket: str,
    counted: int,
    *,
    unknown: int = 0,
    begin: bool = False,
) -> None:
    """Change a bucket's sums; one that is not there is begun only if asked for: else its budget was removed."""
    key = (budget, bucket)
    row = connection.execute(
        "SELECT counted, unknown FROM budget_use WHERE budget = ? AND bucket = ?", key
    ).fetchone()
    if row is None:
        if begin:
            connection.execute(_BEGIN_BUCKET, (*key, str(counted), str(unknown)))
        return
    sums = (str(int(row[0]) + counted), str(int(row[1]) + unknown))
    connection.execute(
        "UPDATE budget_use SET counted = ?, unknown = ? WHERE budget = ? AND bucket = ?", (*sums, *key)
    )


def _refusal(
    connection: sqlite3.Connection, rule: _Rule, uses: Sequence[_Use], amount: int | None, intent: Intent
) -> BudgetRefusal:
    reason = intent.unpriced or f"it is priced in {intent.currency}"
    return BudgetRefusal(
        state=_state(connection, rule, uses, intent.started, amount or 0),
        needed=None if amount is None else decimal_of(amount),
        unpriced=reason if amount is None else None,
    )


def _state(
    connection: sqlite3.Connection, rule: _Rule, uses: Sequence[_Use], at: datetime, needed: int = 0
) -> BudgetState:
    """What people are told. Only here it matters which part is reserved: open attempts say so."""
    buckets = {use.bucket for use in uses}
    reserved = sum(
        each.amount
        for (text,) in connection.execute(_OPEN)
        for each in held_of(text)
        if each.budget == rule.name and each.bucket in buckets
    )
    return BudgetState(
        budget=rule.budget,
        at=at,
        spent=decimal_of(_total(uses) - reserved),
        unknown=decimal_of(sum(use.unknown for use in uses)),
        reserved=decimal_of(reserved),
        resets_at=_resets(rule.budget, uses, at, needed),
    )


def _resets(budget: Budget, uses: Sequence[_Use], at: datetime, needed: int) -> datetime:
    """When there is room again for what is needed; for a calendar window, its end."""
    window = budget.window
    if window.length is None:
        return window.leaves(window.bucket(at))
    over = _total(uses) + needed - pico(budget.limit)
    for use in uses:
        over -= use.counted
        if over <= 0 and use.counted > 0:
            return window.leaves(use.bucket)
    return window.leaves(uses[-1].bucket if uses else window.bucket(at))


def decimal_of(amount: int) -> Decimal:
    """An integer of 1e-12 as an amount."""
    return EXACT.divide(Decimal(amount), PICO)
