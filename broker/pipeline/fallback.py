"""Walk the order of preference: who answers, and who takes over where that helps.

Another provider is asked only when nothing that may have been paid is paid a second time: after a failure to connect,
throttling, a used-up quota, a vendor's fault or refused credentials, or where a limit of this provider's own stands in
the way. A lost or unusable answer has its price, so it is taken over only with ``retry_ambiguous``; a refusal of the
request itself would come from others too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from broker.contract.context import Reply
from broker.errors import (
    AllProvidersFailed,
    AuthFailed,
    BadInput,
    BrokerError,
    BudgetExceeded,
    DeadlineExceeded,
    NotConfigured,
    Outcome,
    ProviderError,
    QuotaExhausted,
    SwitchedOff,
    Unsupported,
)
from broker.pipeline.call import Call, Candidate, Next, Services
from broker.pipeline.route import check_ready, target_for
from broker.types.budget import Action
from broker.types.call import AttemptKind

_UNPAID = frozenset({Outcome.NOT_SENT, Outcome.THROTTLED, Outcome.QUOTA_DEAD, Outcome.SERVER})
_PAID = frozenset({Outcome.AMBIGUOUS, Outcome.BAD_REPLY})


async def fallback(call: Call, services: Services, next_stage: Next) -> Reply[Any]:
    """Try the candidates in their order. Raises the one failure there was, or :class:`AllProvidersFailed`."""
    if not call.candidates:
        raise BadInput("provider must name at least one provider")
    walk: _Walk | None = None  # made only once something has failed
    candidate: Candidate | None = call.candidates[0]
    while candidate is not None:
        before, asked = len(call.attempts), False
        try:
            call.target = target_for(candidate, call, services)
            if len(call.candidates) > 1 and candidate not in services.ready:
                check_ready(candidate, services, call.operation.name)
            call.attempts_before, asked = before, call.operation.stays
            return await next_stage(call)
        except BrokerError as error:
            if asked:
                raise  # what is kept must not be scattered over providers
            if call.kind is AttemptKind.SHADOW:
                raise  # it asks one provider, and a budget's other one would answer in its name
            if walk is None:
                walk = _Walk(call, services)
            walk.failed(candidate, error, tried=len(call.attempts) > before)
        candidate = walk.next()
    raise walk.end() if walk is not None else BrokerError("nobody was asked")


class _Walk:
    """Where a call stands in its order of preference."""

    def __init__(self, call: Call, services: Services) -> None:
        self._call = call
        self._services = services
        self._candidates = list(call.candidates)
        self._asked = 1
        self._reasons: list[BrokerError] = []
        self._tried: list[BrokerError] = []
        self._degraded: BudgetExceeded | None = None

    def next(self) -> Candidate | None:
        """Who is asked next."""
        if self._asked == len(self._candidates):
            return None
        self._asked += 1
        return self._candidates[self._asked - 1]

    def failed(self, candidate: Candidate, error: BrokerError, *, tried: bool) -> None:
        """Note why, and raise it again where nobody else can help."""
        if not self._helps(error, tried):
            raise error
        self._reasons.append(error)
        call = self._call
        call.passed_over.append(f"{candidate}: {_words(error, candidate)}")
        if isinstance(error, (NotConfigured, Unsupported)) and not tried:
            return
        self._tried.append(error)
        if isinstance(error, BudgetExceeded) and error.refusal is not None:
            self._degraded = self._degraded or error
            self._append(error.refusal.state.budget.degrade_to)
        elif isinstance(error, SwitchedOff):
            self._append(error.degrade_to)
        call.kind, call.why = AttemptKind.FALLBACK, f"{candidate}: {type(error).__name__}"

    def end(self) -> BrokerError:
        """What to raise when nobody answered."""
        if self._degraded is not None:
            for other in self._reasons:
                if other is not self._degraded:
                    self._degraded.add_note(f"then asked in its place: {other}")
            return self._degraded
        only = self._tried or self._reasons
        if len(only) == 1:
            told = self._call.passed_over[
                -len(self._reasons) :
            ]  # before them may stand what a batch failed of
            for other, words in zip(self._reasons, told, strict=True):
                if other is not only[0]:
                    only[0].add_note(f"passed over {words}")
            return only[0]
        failed = AllProvidersFailed(
            f"no provider can take {self._call.operation.name}: {'; '.join(self._call.passed_over)}",
            self._reasons,
        )
        sent = [each.outcome for each in self._call.attempts if each.outcome is not Outcome.NOT_SENT]
        failed.outcome = sent[-1] if sent else Outcome.NOT_SENT
        return failed

    def _helps(self, error: BrokerError, tried: bool) -> bool:
        call, services = self._call, self._services
        if call.parts_paid and not services.settings.retry_ambiguous:
            return (
                False  # parts of a long text are answered and paid here; another would be paid for them again
            )
        return helps(error, call, services, tried=tried)

    def _append(self, names: Sequence[str]) -> None:
        """A budget or an off switch asks for others: they come behind the call's own order."""
        for name in names:
            other = Candidate.parse(name)
            if other not in self._candidates:
                self._candidates.append(other)


def helps(error: BrokerError, call: Call, services: Services, *, tried: bool) -> bool:
    """Whether another provider may take over after this failure.

    :param tried: an attempt was made.
    """
    if error.outcome in _PAID and not services.settings.retry_ambiguous:
        return False  # whatever it is: a refused look at a job that runs, too
    if isinstance(error, BudgetExceeded):
        # A cheaper provider may fit below max_cost; a budget that stops, stops.
        return error.refusal is None or error.refusal.state.budget.action is Action.DEGRADE
    if isinstance(error, (NotConfigured, SwitchedOff, Unsupported)):
        return True
    if isinstance(error, BadInput):
        return not tried  # a limit of this provider, found before sending
    if isinstance(error, DeadlineExceeded):
        # The next repetition would have come too late; another provider may still be in time.
        left = call.deadline - services.runtime.monotonic()
        if left <= 0.0 or not isinstance(error.last_error, ProviderError):
            return False
    elif not isinstance(error, ProviderError):
        return False
    if isinstance(error, (AuthFailed, QuotaExhausted)):
        return True
    return error.outcome in _UNPAID | _PAID


def _words(error: BrokerError, candidate: Candidate) -> str:
    """The reason without the name that stands before it already; a budget's in short, it is told in full elsewhere."""
    if isinstance(error, BudgetExceeded) and error.refusal is not None:
        state = error.refusal.state
        return f"budget {state.budget.name!r} has no room until {state.resets_at:%Y-%m-%d %H:%M} UTC"
    return str(error).removeprefix(f"{candidate} ")
