"""What a ledger keeps of jobs: one row each, its state written before the step, its attempt's row opened and settled with it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, runtime_checkable

from broker.errors import LedgerUnavailable
from broker.ledger.base import Intent, Settled, Settlement, Ticket
from broker.types.job import JobState
from broker.types.json import JsonValue
from broker.types.money import Billed


class LeaseLost(LedgerUnavailable):
    """Somebody else has taken the job over; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """What later steps must know; no content.

    :param request: options of the request and what the header says of the recording, as JSON.
    :param place: where the provider finds the recording.
    :param staged: we put it there, so we remove it.
    :param job_id: the provider's name of the job.
    :param adopted: it was there when this row first asked for it: its cost is another's.
    :param error_kind: the error's class, with ``error`` its text and ``outcome`` how far it got.
    """

    request: Mapping[str, JsonValue] = field(default_factory=dict)
    place: str | None = None
    staged: bool = False
    job_id: str | None = None
    adopted: bool = False
    request_id: str | None = None
    error_kind: str | None = None
    error: str | None = None
    outcome: str | None = None

    def to_json(self) -> str:
        """As stored."""
        return json.dumps({each.name: getattr(self, each.name) for each in fields(self)}, default=dict)

    @classmethod
    def from_json(cls, text: str) -> JobFacts:
        """Of a row; what a newer version wrote beside it is let be."""
        known: dict[str, Any] = json.loads(text)
        return cls(**{each.name: known[each.name] for each in fields(cls) if each.name in known})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDraft:
    """A job that is to be, unless it is there already.

    :param key: the same for the same input, options and account.
    :param profile: empty: the provider's only account.
    """

    key: str
    provider: str
    profile: str
    operation: str
    region: str | None
    call_id: str
    facts: JobFacts
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as it stands.

    :param worker: who works on it; None: nobody.
    :param wanted: when somebody last asked for it in vain, because another worked on it; in the future: until then its result is
        kept for one who will ask for it.
    :param seq: of its attempt's row.
    """

    number: int
    id: str
    key: str
    provider: str
    profile: str
    operation: str
    region: str | None
    state: JobState
    call_id: str
    facts: JobFacts
    seq: int | None
    worker: str | None
    wanted: datetime | None
    made: datetime
    changed: datetime

    def at(self, state: JobState, **facts: Any) -> JobRow:
        """The same job a step on."""
        return replace(self, state=state, facts=replace(self.facts, **facts) if facts else self.facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAttempt:
    """The row of a job's attempt.

    :param ticket: while it is open; with ``amount``, ``billed`` and ``outcome`` once it is settled.
    """

    ticket: Ticket
    open: bool
    amount: Decimal | None = None
    billed: Billed = Billed.UNKNOWN
    outcome: str | None = None
    latency: float = 0.0
    request_id: str | None = None
    model_version: str | None = None

    @property
    def intent(self) -> Intent:
        """What was announced."""
        return self.ticket.intent


@runtime_checkable
class JobLedger(Protocol):
    """A ledger that keeps jobs too. Raises as :class:`~broker.ledger.base.Ledger` does, and :class:`LeaseLost`."""

    def open_job(self, draft: JobDraft, worker: str) -> JobRow:
        """The job of this key that has not ended, or a new one; it is ours if its ``worker`` says so afterwards."""
        ...

    def take_job(
        self, job_id: str, worker: str, at: datetime, *, by_force: Collection[JobState] = ()
    ) -> JobRow | None:
        """A job, ours unless a living worker has it. None: there is none.

        :param by_force: states in which it is taken from a living worker too.
        """
        ...

    def want_job(self, row: JobRow, until: datetime) -> None:
        """Say that somebody will ask for its result, so that it is not removed when another was given it."""
        ...

    def leave_job(self, row: JobRow) -> None:
        """Let others work on it."""
        ...

    def write_job(self, row: JobRow, at: datetime) -> JobRow:
        """Write its state and facts."""
        ...

    def announce_job(self, row: JobRow, intent: Intent) -> tuple[Ticket, JobRow]:
        """Announce its attempt and write its state, both or none. Raises ``BudgetExceeded``; then neither is written."""
        ...

    def settle_job(self, row: JobRow, ticket: Ticket, settlement: Settlement, at: datetime) -> Settled:
        """Settle its attempt and write its state, both or none."""
        ...

    def job_attempt(self, row: JobRow) -> JobAttempt | None:
        """The row of its attempt; None: it has none."""
        ...

    def job(self, job_id: str) -> JobRow | None:
        """As it stands."""
        ...

    def jobs(self, states: Sequence[JobState] | None = None, limit: int = 1000) -> list[JobRow]:
        """The newest first; of these states, or all."""
        ...

    def worked_on(self, row: JobRow, at: datetime) -> bool:
        """Whether its worker lives."""
        ...
