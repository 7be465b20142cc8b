"""Which share of a use case's calls was drawn: the draws beside the ledger, which lost nothing.

Draws are written once a second, so a killed process loses those of its last one; the ledger has its attempts. A call that came
to its end, or whose process died on the way, counts in the ledger on the day it ended, once for each provider that was asked. Left
out are those that nobody draws: refused as wrong (``BadInput``), given up by their caller, shadow calls. Where the ledger counts
otherwise than draws are counted (batches, jobs), the share is not known.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from broker.errors import LedgerUnavailable
from broker.ledger.case_ends import EndedCalls
from broker.ledger.sqlite import SqliteLedger
from broker.samples.store import SampleStore
from broker.switches.use_cases import UseCases

LATELY = timedelta(minutes=1)
"""Draws of calls that ended within this may not be written yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedDay:
    """One UTC day. ``calls``: that the ledger has; ``drawn``: draws of that day; ``missing``: calls without a draw."""

    day: date
    calls: int
    drawn: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """How much of what was asked of one provider the draws know.

    :param days: that the ledger has calls of, oldest first; those on which nothing was to be drawn are left out.
    :param unknown: why it cannot be said; ``""``: it can.
    """

    days: tuple[RecordedDay, ...] = ()
    unknown: str = ""

    @property
    def calls(self) -> int:
        """In the ledger."""
        return sum(each.calls for each in self.days)

    @property
    def missing(self) -> int:
        """Calls that no draw knows."""
        return sum(each.missing for each in self.days)

    @property
    def share(self) -> float | None:
        """Of the calls in the ledger, those that were drawn; None: not known."""
        return None if self.unknown or not self.calls else 1 - self.missing / self.calls


class Records:
    """Compares the two files.

    :param ledger: path of the ledger's file; None: it is no such file. It is read by a connection of its own, as a long look at it
        would hold up calls.
    """

    def __init__(self, ledger: str | None, store: SampleStore, use_cases: UseCases) -> None:
        self._ledger = None if ledger is None else os.path.abspath(ledger)
        self._store = store
        self._use_cases = use_cases

    def of(self, use_case: str, since: date, until: date, now: datetime) -> Mapping[str, Recorded]:
        """By provider, of these days (UTC, both inclusive): of those that were drawn, and those the ledger has calls of.

        Raises :class:`~broker.errors.QualityUnavailable`.
        """
        begun, first = self._store.begun(use_case), since - timedelta(days=1)
        if begun is None:  # drawn by an earlier version: its first day is no whole one
            days = [date.fromisoformat(each.drawing.day) for each in self._store.drawn(use_case)]
            begun = _midnight(min(days, default=now.date()))
            first = since = max(since, begun.date() + timedelta(days=1))
        drawn: dict[tuple[str, date], int] = {}
        for each in self._store.drawn(use_case, since=since - timedelta(days=1), until=until):
            key = each.drawing.provider, date.fromisoformat(each.drawing.day)
            if key[1] >= first:
                drawn[key] = drawn.get(key, 0) + each.calls
        providers = {provider for provider, day in drawn if day >= since}
        if self._ledger is None or not os.path.exists(self._ledger):
            return dict.fromkeys(providers, Recorded(unknown="this ledger cannot be asked"))
        operation = self._use_cases.settings[use_case].operation
        try:
            with closing(SqliteLedger(self._ledger)) as ledger:
                ended = ledger.case_ends(
                    operation,
                    _midnight(first),
                    _midnight(until + timedelta(days=1)),
                    begun=begun,
                    lately=now - LATELY,
                    belongs=lambda tags: self._use_cases.of(operation, tags) == use_case,
                )
        except LedgerUnavailable:
            return dict.fromkeys(providers, Recorded(unknown="the ledger cannot be read now"))
        batches = set(self._store.batched(use_case, since, until))
        return {
            provider: _recorded(provider, ended, drawn, since, batches=provider in batches)
            for provider in sorted(providers | {name for name, day in ended.calls if day >= since})
        }


def _recorded(
    provider: str, ended: EndedCalls, drawn: Mapping[tuple[str, date], int], since: date, *, batches: bool
) -> Recorded:
    if provider in ended.jobs:
        return Recorded(unknown="recordings that run as jobs are drawn when they are fetched")
    if batches:
        return Recorded(unknown="items of batches are drawn one by one, and the ledger has the batch")
    days: list[RecordedDay] = []
    for day in sorted({day for name, day in (*ended.calls, *drawn) if name == provider}):
        calls, late = ended.calls.get((provider, day), (0, 0))
        found = drawn.get((provider, day), 0)
        more = found - calls - late
        if more > 0 and days and days[-1].day == day - timedelta(days=1) and days[-1].missing >= more:
            # Calls that ended at midnight are drawn a moment later, on the next day.
            days[-1] = replace(days[-1], missing=days[-1].missing - more)
        elif more > 0:
            return Recorded(unknown=f"more was drawn on {day} than the ledger has calls of")
        # Of those that ended just now some may be drawn already: none is called lost before it must be.
        missing = max(0, calls - found) if late else max(0, -more)
        days.append(RecordedDay(day=day, calls=calls + late, drawn=found, missing=missing))
    days = [each for each in days if each.day >= since and each.calls]
    return Recorded(days=tuple(days), unknown="" if days else "the ledger has no call of it")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
