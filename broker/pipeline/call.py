"""One call on its way through the stages, and what the stages share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from broker.config import Settings
from broker.contract.adapter import Adapter
from broker.contract.context import Reply
from broker.contract.jobs import JobPath, JobSteps
from broker.contract.manifest import OperationSpec
from broker.contract.operations import Operation
from broker.guard.guards import Guards
from broker.ledger.base import Ledger
from broker.notify.notice import Notice
from broker.pricing.book import PriceBook
from broker.registry import Registry
from broker.runtime.base import Hold, Runtime
from broker.runtime.door import Door
from broker.sections import LimitSettings
from broker.switches.board import Board
from broker.types.call import Attempt, AttemptKind
from broker.types.request import Request

if TYPE_CHECKING:
    from broker.pipeline.draws import Draws
    from broker.pipeline.job_work import JobWork
    from broker.pipeline.watch import Watch
    from broker.switches.operational import Operational


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A provider that was named for a call, with its account."""

    provider: str
    profile: str | None = None

    @classmethod
    def parse(cls, text: str) -> Candidate:
        """From ``aws`` or ``aws:prod-eu``."""
        provider, _, profile = text.partition(":")
        return cls(provider=provider, profile=profile or None)

    def __str__(self) -> str:
        return f"{self.provider}:{self.profile}" if self.profile else self.provider


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTarget:
    """How a target does what takes longer than a request.

    :param steps: the adapter's.
    """

    path: JobPath
    steps: JobSteps


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A candidate that can take the call.

    :param method: the adapter's method for the operation.
    :param region: what prices depend on.
    :param free_quota: the account's settings claim the vendor's free quota.
    :param job: this target takes the call as a job; then ``spec`` is of that path.
    :param longer: the same provider's way for what this one does not take.
    """

    candidate: Candidate
    adapter: Adapter
    spec: OperationSpec
    method: Callable[..., Any]
    region: str | None
    free_quota: bool
    job: JobTarget | None = None
    longer: Target | None = None


@dataclass(slots=True, kw_only=True)
class Call:
    """What the user asked for and what has happened so far. The only thing here that changes.

    :param deadline: an instant on the runtime's monotonic clock.
    :param kind: of the attempt that comes next, with ``why``.
    :param seat: counts the attempt for as long as its adapter really runs.
    :param attempts_before: how many of the attempts went to earlier candidates, or to earlier parts of a long text.
    :param parts_paid: parts of a long text that a candidate has answered and may bill.
    :param patient: the caller named no deadline, so a job may take its time.
    :param starting: what is wanted is the job, not its result.
    :param ignored: options that the target lacks and the caller lets be left out.
    :param job: what is being submitted.
    :param watch: told how far a recording has come.
    :param looked_at: digest of what was read of a recording in a store, which may be another one tomorrow.
    :param use_case: which one of the settings' it belongs to.
    :param apart: calls of different ones never share a job; empty: a job that is there for the same recording is taken.
    """

    call_id: str
    operation: Operation[Any, Any]
    request: Request
    candidates: tuple[Candidate, ...]
    started: float
    deadline: float
    max_cost: Decimal | None
    tags: Mapping[str, str]
    target: Target | None = None
    kind: AttemptKind = AttemptKind.FIRST
    why: str = ""
    attempts: list[Attempt] = field(default_factory=list)
    attempts_before: int = 0
    parts_paid: int = 0
    passed_over: list[str] = field(default_factory=list)
    seat: Hold | None = None
    patient: bool = False
    starting: bool = False
    ignored: tuple[str, ...] = ()
    job: JobWork | None = None
    watch: Watch | None = None
    looked_at: str = ""
    use_case: str | None = None
    apart: str = ""


def _tell_nobody(notice: Notice) -> None:  # the default of a program without [notify]
    """Drop it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What stages may use."""

    settings: Settings
    runtime: Runtime
    registry: Registry
    ledger: Ledger
    prices: PriceBook
    door: Door = field(default_factory=Door)
    """Who is inside, and whether the broker was closed."""
    notify: Callable[[Notice], None] = _tell_nobody
    """Tell people; returns at once and raises nothing."""
    targets: dict[tuple[Candidate, str, str], Target] = field(default_factory=dict)
    """What a candidate came to for an operation; settings and adapters do not change under a broker."""
    ready: set[Candidate] = field(default_factory=set)
    """Candidates found configured."""
    guards: Guards = field(default_factory=lambda: Guards(LimitSettings()))
    """What stands before each target."""
    board: Board | None = None
    """The off switches; None: there are none."""
    operational: Operational | None = None
    """Counts what use cases with operational limits ask for; None: none has."""
    draws: Draws | None = None
    """Draws calls of use cases that are sampled; None: none is."""
    collected: set[str] = field(default_factory=set)
    """Jobs whose results were handed out by this broker, and are still at their providers."""
    metered: dict[Any, Any] = field(default_factory=dict)
    """Usages already priced, by candidate, operation, usage and day."""


Next: TypeAlias = Callable[[Call], Awaitable[Reply[Any]]]
Stage: TypeAlias = Callable[[Call, Services, Next], Awaitable[Reply[Any]]]
"""A stage does its part, awaits ``next(call)`` as often as it sees fit, and may look at the reply."""
