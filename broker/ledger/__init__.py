"""The ledger: one row per attempt, written before sending and settled after; money never guessed."""

from __future__ import annotations

from broker.ledger.base import (
    ChargeLine,
    Decision,
    Intent,
    Ledger,
    LedgerBusy,
    Settled,
    Settlement,
    SpendQuery,
    SpendRow,
    Ticket,
    UnknownAttempt,
    UnknownQuery,
)
from broker.ledger.sqlite import SqliteLedger

__all__ = [
    "ChargeLine",
    "Decision",
    "Intent",
    "Ledger",
    "LedgerBusy",
    "Settled",
    "Settlement",
    "SpendQuery",
    "SpendRow",
    "SqliteLedger",
    "Ticket",
    "UnknownAttempt",
    "UnknownQuery",
]
