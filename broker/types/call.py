"""What comes back: the value, who answered, what it cost, and every attempt on the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Generic, TypeVar

from broker.errors import Outcome
from broker.types.json import JsonValue
from broker.types.money import Cost, Usage

P_co = TypeVar("P_co", covariant=True)


class AttemptKind(str, Enum):
    """Why an attempt was made; spend is told apart by it."""

    FIRST = "first"
    RETRY = "retry"
    """The same target again, after a failure that may be repeated."""
    FALLBACK = "fallback"
    """Another target of the stated order."""
    PROBE = "probe"
    """A breaker's trial whether the target has come back."""
    SHADOW = "shadow"
    """The same question to another provider, beside a sampled call; nobody waits for its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who answered.

    :param profile: the named account of the provider, if one was chosen.
    :param model_version: the vendor's model, where it says so.
    :param passed_over: candidates named before this one in the order of preference, with the reason.
    """

    provider: str
    service: str
    operation: str
    profile: str | None = None
    region: str | None = None
    model_version: str | None = None
    request_id: str | None = None
    passed_over: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        """For notebooks."""
        from broker.types.markup import fields_table

        return fields_table(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to a provider: one row of the ledger.

    :param number: 1 for the first attempt of the call.
    :param kind: first try, retry, fallback, probe or shadow.
    :param why: what led to it, for a retry, fallback or probe.
    :param latency: seconds from sending to answer; waiting between attempts is not in it.
    :param recorded: False only for a free attempt that the ledger could not take.
    """

    id: str
    number: int
    kind: AttemptKind = AttemptKind.FIRST
    why: str = ""
    provider: str
    service: str
    operation: str
    started: datetime
    latency: float
    outcome: Outcome
    cost: Cost
    usage: tuple[Usage, ...] = ()
    profile: str | None = None
    region: str | None = None
    error: str | None = None
    request_id: str | None = None
    recorded: bool = True

    def _repr_html_(self) -> str:
        """For notebooks."""
        from broker.types.markup import fields_table

        return fields_table(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Generic[P_co]):
    """The answer to one call.

    :param cost: the sum over all attempts (of a shared one, a part); its amount is None as soon as one is not known.
    :param raw: the vendor's whole answer, if ``raw=True`` was asked for.
    :param latency: seconds the whole call took, waiting included.
    :param shared: how many inputs the attempts answered together (a vendor's batch); ``cost`` is this one's share.
    """

    value: P_co
    provenance: Provenance
    cost: Cost
    attempts: tuple[Attempt, ...]
    call_id: str
    latency: float
    raw: JsonValue = field(default=None, repr=False)
    shared: int = 1

    def _repr_html_(self) -> str:
        """For notebooks: the answer, who gave it and what it cost."""
        from broker.types.markup import escaped, table
        from broker.types.view import view_of

        view = view_of(self.value)
        who = self.provenance
        about = f"{who.operation} by {who.provider} {who.service}".rstrip()
        model = f", model {who.model_version}" if who.model_version else ""
        shown = table(
            f"{about}: {len(view.rows)} {view.noun}{'' if len(view.rows) == 1 else 's'}",
            (view.noun, "detail", "sure"),
            ((row.what, row.detail, row.sure) for row in view.rows),
        )
        tries = f", {len(self.attempts)} attempts" if len(self.attempts) > 1 else ""
        return f"<div>{shown}<p>{escaped(f'{self.cost.shown}, {self.latency:.2f} s{model}{tries}')}</p></div>"
