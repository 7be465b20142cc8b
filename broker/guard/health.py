"""How the targets stand, for programs and people; and the switch to shut one by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from broker.config import did_you_mean
from broker.contract.operations import OPERATIONS
from broker.errors import BadInput
from broker.guard.breaker import State
from broker.guard.guards import ANY, Guard, Guards, TargetKey
from broker.runtime.base import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetHealth:
    """One target at one instant.

    :param reason: why it is not closed; empty if it is.
    :param since: since when it is in this state, UTC.
    :param retry_at: when it is tried again, UTC; None while closed, and for what only ``reset`` opens.
    :param in_flight: requests of the whole account on their way.
    :param waiting: calls that wait for the account's next free seat.
    :param rate: requests per second allowed now; None without a limit.
    :param calls: requests sent in the last ``limits.window`` seconds, 60 unless set.
    :param failures: those of them that failed in a way that counts.
    """

    target: TargetKey
    state: State
    reason: str
    since: datetime
    retry_at: datetime | None
    in_flight: int
    waiting: int
    rate: float | None
    failures: int
    calls: int


class Health:
    """``broker.health``: the state of this broker's targets. Nothing here sends a request."""

    def __init__(self, guards: Guards, runtime: Runtime) -> None:
        self._guards = guards
        self._runtime = runtime

    def targets(self) -> tuple[TargetHealth, ...]:
        """Every target asked so far, then what is shut by hand and was not asked yet (``*`` for any operation)."""
        now, wall = self._runtime.monotonic(), self._runtime.now()
        guards = self._guards.all()
        seen = [_health(each, now, wall) for each in guards]
        for rule in self._guards.rules():
            unseen = not any(rule.fits(each.key.account, each.key.operation) for each in guards)
            if rule.reason is not None and unseen:
                seen.append(
                    TargetHealth(
                        target=TargetKey(account=rule.provider, operation=rule.operation or ANY, region=None),
                        state=State.ISOLATED,
                        reason=rule.reason,
                        since=wall - timedelta(seconds=now - rule.since),
                        retry_at=None,
                        in_flight=0,
                        waiting=0,
                        rate=None,
                        failures=0,
                        calls=0,
                    )
                )
        return tuple(seen)

    def isolate(self, provider: str, operation: str | None = None, *, reason: str = "by hand") -> None:
        """Send nothing to a provider (all its accounts) or account (``aws:prod-eu``) until ``reset``.

        Attempts on their way end as they do; later ones raise :class:`~broker.errors.Unavailable`, unbilled.

        :param operation: only this one, such as ``vision.label``; it need not have been asked yet.
        :param reason: told to whoever is refused.

        Raises :class:`~broker.errors.BadInput` for an operation that does not exist: a slip of the pen would leave
        the target on. Providers are not checked, they may be unknown yet; ``targets`` shows what is switched off.
        """
        _check(operation)
        self._guards.isolate(provider, operation, reason, self._runtime.monotonic())

    def reset(self, provider: str | None = None, operation: str | None = None) -> None:
        """Send again at once: everything, or what belongs to a provider or account, or to an operation.

        Raises :class:`~broker.errors.BadInput` for an operation that does not exist.
        """
        _check(operation)
        self._guards.reset(provider, operation, self._runtime.monotonic())


def _check(operation: str | None) -> None:
    if operation is not None and operation not in OPERATIONS:
        hint = did_you_mean(operation, list(OPERATIONS))
        raise BadInput(f"there is no operation {operation!r} (known: {', '.join(OPERATIONS)}){hint}")


def _health(guard: Guard, now: float, wall: datetime) -> TargetHealth:
    breaker = guard.breaker.view(now)
    until = breaker.until
    return TargetHealth(
        target=guard.key,
        state=breaker.state,
        reason=breaker.reason,
        since=wall - timedelta(seconds=max(0.0, now - breaker.since)),
        retry_at=None if until is None else wall + timedelta(seconds=max(0.0, until - now)),
        in_flight=guard.bulkhead.in_flight,
        waiting=guard.bulkhead.waiting,
        rate=guard.pace.rate(now),
        failures=breaker.failures,
        calls=breaker.calls,
    )
