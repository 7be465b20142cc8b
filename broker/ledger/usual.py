"""The usual settlement: an attempt that was answered, counts on one meter and cost what it had reserved.

Nothing is read before it is written. How far the meter has come is remembered from this process's own writes, and what the
attempt holds in budgets from its announcement. The first statement writes only if both are still so; where they are not, it
writes nothing, and the settlement goes the long way, which reads first.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from broker.ledger.base import Settled, Settlement, Ticket
from broker.ledger.held import held_of
from broker.ledger.reports import MICRO
from broker.ledger.rows import Booked, pico_of, roll_tags
from broker.types.money import EXACT, Billed

Meter: TypeAlias = tuple[str, str, str, str]
"""Month, counter, provider and profile, as they stand in the table."""

_KEPT = 256
_YES = Billed.YES  # members of enums are not found quickly
_CLOSE = """INSERT OR IGNORE INTO closed_row SELECT seq, subject, call_id, open_slot.number, started_at, tags, ?, open_slot.unpriced, ?,
    'yes', ?, NULL, ?, ?, ?, ?, '[]' FROM open_slot, sums WHERE writer = ? AND slot = ? AND seq = ? AND held = ?
    AND period = ? AND tag = ? AND sums.provider = ? AND sums.profile = ? AND sums.operation = '' AND sums.kind = ''
    AND sums.currency = '' AND units = ?"""
# The day's spend, and the month's meter, which alone has units.
_COUNT = """INSERT INTO sums VALUES (?1, '', ?2, ?3, ?4, ?5, ?6, 1, 0, 0, 0, ?7, ?8, 0, 0, NULL),
    (?9, ?10, ?2, ?3, '', '', '', 0, 0, 0, 0, 0, 0, 0, 0, ?11)
    ON CONFLICT DO UPDATE SET attempts = attempts + excluded.attempts, amount = amount + excluded.amount,
    amount_rest = amount_rest + excluded.amount_rest, units = excluded.units"""


class Usual:
    """What is remembered of meters, and the settlement that relies on it. Used under the lock of the connection."""

    def __init__(self) -> None:
        self._meters: dict[Meter, tuple[Decimal, str, bool]] = {}

    def moved(self, meter: Meter, before: Decimal, after: Decimal) -> None:
        """The long way has moved a meter. It is relied upon unless somebody else moved it since this process last did."""
        known = self._meters.get(meter)
        if known is None and len(self._meters) >= _KEPT:
            self._meters.clear()
        self._meters[meter] = (after, str(after), known is None or known[0] == before)

    def settle(
        self,
        connection: sqlite3.Connection,
        ticket: Ticket,
        settlement: Settlement,
        meter: Meter,
        booked: Callable[[dict[str, Decimal]], tuple[Booked, bool]],
    ) -> Settled | None:
        """Settle it inside the transaction; None, with nothing written, where it is not as usual.

        :param booked: what is booked at such positions of meters, and whether just these lines have been before.
        """
        known = self._meters.get(meter)
        if known is None or not known[2] or settlement.billed is not _YES or settlement.error is not None:
            return None
        intent, (month, counter, provider, profile) = ticket.intent, meter
        if settlement.currency not in (None, intent.currency):
            return None
        found, _ = booked({counter: known[0]})
        settled = found.settled
        amount = pico_of(settled.amount)
        if found.number is None or amount is None or [line.counter for line in settled.lines] != [counter]:
            return None
        if (amount != 0 and intent.bound == 0) or not _as_reserved(ticket.held, amount):
            return None
        closed = connection.execute(
            _CLOSE,
            (
                pico_of(settled.bound),
                amount,
                settlement.outcome._value_,
                round(settlement.latency * 1e6),
                settlement.request_id,
                settlement.model_version,
                found.number,
                ticket.seq >> 32,
                ticket.slot,
                ticket.seq,
                ticket.held,
                *meter,
                known[1],
            ),
        )
        if closed.rowcount != 1:
            return None
        used = EXACT.add(known[0], settled.lines[0].units)
        text = str(used)
        major, minor = divmod(amount, MICRO)
        spent = (
            intent.day,
            provider,
            profile,
            intent.operation,
            intent.kind._value_,
            intent.currency,
            major,
            minor,
        )
        connection.execute(_COUNT, (*spent, month, counter, text))
        if intent.tags:
            roll_tags(connection, intent, (1, 0, 0, 0, major, minor, 0, 0))
        # Should the transaction not come to its end, the next settlement finds the meter elsewhere and goes the long way.
        self._meters[meter] = (used, text, True)
        return settled


def _as_reserved(held: str, amount: int) -> bool:
    """Whether nothing changes in budgets: what was reserved is now what was spent."""
    return held == "[]" or all(
        each.amount == amount or not (each.own_currency or amount == 0) for each in held_of(held)
    )
