"""Budgets inside the ledger's transactions: reserve with the intent, settle with the settlement.

Everybody who uses the ledger reads the same rows inside the same write transaction, so spent and reserved together
cannot pass a limit, whatever threads and processes do. A reservation is part of the attempt's own row: it lives as
long as the attempt may still be billed and no counter can drift from it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from broker.ledger.base import Intent
from broker.ledger.held import Held, counted_as, decimal_of, held_of, pico
from broker.ledger.standing_rows import NOTHING_STANDS, Fixed, StandingBook
from broker.types.budget import Action, Budget, BudgetAlarm, BudgetRefusal, BudgetState
from broker.types.money import EXACT

USED_UP = "used up"


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
_IN_FORCE = """SELECT name, definition, bucket, counted, unknown, (SELECT generation FROM standing_state) FROM budget
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
        self._standing = StandingBook()
        self._moved = 0

    def in_force(
        self, connection: sqlite3.Connection, at: str
    ) -> list[tuple[_Rule, tuple[_Use, ...], Fixed]]:
        """All budgets, what counts against them at this instant (ISO 8601, UTC), and what stands in them."""
        found: list[tuple[_Rule, tuple[_Use, ...], Fixed]] = []
        for name, definition, bucket, counted, unknown, moved in connection.execute(
            _IN_FORCE, (at,)
        ).fetchall():
            rule = self._rules.get(name)
            if rule is None or rule.definition != definition:
                rule = self._rule(name, definition)
            fixed = NOTHING_STANDS
            if moved:
                if moved != self._moved:
                    self._moved = moved
                    self._told.clear()  # others may have made room
                fixed = self._standing.fixed(
                    connection, moved, rule.budget, definition, datetime.fromisoformat(at)
                )
            if not rule.cut:
                found.append((rule, _rolling(connection, rule.budget, datetime.fromisoformat(at)), fixed))
            elif bucket is None:
                found.append((rule, (), fixed))
            else:
                found.append((rule, (_Use(bucket, int(counted), int(unknown)),), fixed))
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
        in_force = self.in_force(connection, intent.started_text)
        if not in_force:
            return NO_BUDGETS
        held: list[Held] = []
        fits: list[tuple[_Rule, tuple[_Use, ...], int, Fixed]] = []
        refusals: list[BudgetRefusal] = []
        alarms: list[BudgetAlarm] = []
        for rule, uses, fixed in in_force:
            budget = rule.budget
            if not budget.covers(intent.provider, intent.profile, intent.operation, intent.tags):
                continue
            amount, same = counted_as(budget, intent.bound, intent.currency)
            before = (uses[0].counted if len(uses) == 1 else _total(uses)) + fixed.whole
            if amount is None or before + amount > rule.limit or fixed.unknown is not None:
                if not rule.only_warns:
                    refusals.append(self._refusal(connection, rule, uses, fixed, amount, intent))
                    if amount is not None and before + amount > rule.limit:
                        self._alarm(connection, rule, uses, fixed, intent.started, None, alarms)
                    continue
                amount = amount or 0  # it only warns; what is not known is booked once it is
            bucket = intent.started_text[: rule.cut] if rule.cut else budget.window.bucket(intent.started)
            held.append(Held(rule.name, bucket, amount, same))
            fits.append((rule, uses, before + amount, fixed))
        if refusals:
            return Reservation(refusal=_final(refusals), alarms=tuple(alarms))
        if not held:
            return _NOTHING
        for (rule, uses, total, fixed), (name, bucket, amount, _) in zip(fits, held, strict=True):
            for use in uses:
                if use.bucket == bucket:
                    connection.execute(_RESERVE, (str(use.counted + amount), name, bucket))
                    break
            else:
                connection.execute(_BEGIN_BUCKET, (name, bucket, str(amount), "0"))
            if rule.shares or rule.only_warns:
                self._watch(connection, rule, uses, fixed, total, intent.started, alarms, more=amount)
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
        for rule, _, _ in self.in_force(connection, intent.started_text):
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
            replace(
                self._state(connection, rule, uses, fixed, at), used_up=(rule.name, _period(rule, at)) in met
            )
            for rule, uses, fixed in self.in_force(connection, at.isoformat())
        ]

    def watch(self, connection: sqlite3.Connection, at: datetime) -> tuple[BudgetAlarm, ...]:
        """Budgets that passed a share of their limit without a call: by what stands."""
        alarms: list[BudgetAlarm] = []
        for rule, uses, fixed in self.in_force(connection, at.isoformat()):
            if fixed.whole:
                self._watch(connection, rule, uses, fixed, _total(uses) + fixed.whole, at, alarms)
        return tuple(alarms)

    def _watch(
        self,
        connection: sqlite3.Connection,
        rule: _Rule,
        uses: Sequence[_Use],
        fixed: Fixed,
        total: int,
        at: datetime,
        alarms: list[BudgetAlarm],
        *,
        more: int = 0,
    ) -> None:
        for threshold, share in rule.shares:
            if total >= threshold:
                self._alarm(connection, rule, uses, fixed, at, share, alarms, more=more)
        if total > rule.limit:
            self._alarm(connection, rule, uses, fixed, at, None, alarms, more=more)

    def _overrun(
        self, connection: sqlite3.Connection, name: str, at: datetime, alarms: list[BudgetAlarm]
    ) -> None:
        for rule, uses, fixed in self.in_force(connection, at.isoformat()):
            if rule.name == name:
                self._watch(connection, rule, uses, fixed, _total(uses) + fixed.whole, at, alarms)

    def _alarm(
        self,
        connection: sqlite3.Connection,
        rule: _Rule,
        uses: Sequence[_Use],
        fixed: Fixed,
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
            state = self._state(connection, rule, uses, fixed, at)
            if more:
                state = replace(state, reserved=EXACT.add(state.reserved, decimal_of(more)))
            alarms.append(BudgetAlarm(state=state, share=share))
        else:
            if len(self._told) > 1000:
                self._told.clear()
            self._told.add(key)

    def _refusal(
        self,
        connection: sqlite3.Connection,
        rule: _Rule,
        uses: Sequence[_Use],
        fixed: Fixed,
        amount: int | None,
        intent: Intent,
    ) -> BudgetRefusal:
        reason = intent.unpriced or f"it is priced in {intent.currency}"
        known = None if amount is None or fixed.unknown is not None else decimal_of(amount)
        return BudgetRefusal(
            state=self._state(connection, rule, uses, fixed, intent.started, amount or 0),
            needed=known,
            unpriced=reason if amount is None else fixed.unknown,
        )

    def _state(
        self,
        connection: sqlite3.Connection,
        rule: _Rule,
        uses: Sequence[_Use],
        fixed: Fixed,
        at: datetime,
        needed: int = 0,
    ) -> BudgetState:
        """What people are told. Only here it matters which part is reserved: open attempts and the clock say so."""
        buckets = {use.bucket for use in uses}
        reserved = sum(
            each.amount
            for (text,) in connection.execute(_OPEN)
            for each in held_of(text)
            if each.budget == rule.name and each.bucket in buckets
        )
        stood = min(self._standing.now(rule.budget, at), fixed.whole) if fixed.whole else 0
        ahead = fixed.whole - stood
        return BudgetState(
            budget=rule.budget,
            at=at,
            spent=decimal_of(_total(uses) - reserved + stood),
            unknown=decimal_of(sum(use.unknown for use in uses)),
            reserved=decimal_of(reserved + ahead),
            resets_at=_resets(rule.budget, uses, at, needed + fixed.whole),
            standing=decimal_of(stood),
            standing_ahead=decimal_of(ahead),
            standing_unknown=fixed.unknown,
        )


def _period(rule: _Rule, at: datetime) -> str:
    """The time within which an alarm is told once; a rolling window has a new one each day."""
    return rule.budget.window.bucket(at) if rule.cut else at.date().isoformat()


def _final(refusals: Sequence[BudgetRefusal]) -> BudgetRefusal | None:
    """The one to tell: a stop before one that only asks for another provider."""
    stops = [each for each in refusals if each.state.budget.action is Action.STOP]
    return next(iter((*stops, *refusals)), None)


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
