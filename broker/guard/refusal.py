"""The errors of requests that are held back here: nothing was sent, nothing is billed, and what to do is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from broker.errors import AuthFailed, Outcome, ProviderError, QuotaExhausted, Throttled, Unavailable
from broker.guard.breaker import Cause, Shut, State
from broker.guard.guards import TargetKey

_KINDS: dict[Cause, type[ProviderError]] = {Cause.AUTH: AuthFailed, Cause.QUOTA: QuotaExhausted}
_ADVICE = {
    Cause.AUTH: "renew the credentials; they are tried again by themselves, or at once with",
    Cause.QUOTA: "raise the quota or use another provider; it is tried again by itself, or at once with",
    Cause.MANUAL: "switch it on again with",
}


def shut_error(shut: Shut, key: TargetKey, now: float, wall: datetime) -> ProviderError:
    """For a target whose breaker is not closed."""
    since = wall - timedelta(seconds=max(0.0, now - shut.since))
    wait = None if shut.until is None else max(0.0, shut.until - now)
    state = "switched off" if shut.cause is Cause.MANUAL else _STATES[shut.state]
    when = "" if wait is None else f"; next trial at {shown(wall + timedelta(seconds=wait))}"
    advice = _ADVICE.get(shut.cause, "wait, use another provider, or try at once with")
    text = (
        f"held back, nothing was sent: {state} since {shown(since)} ({shut.reason}){when}; "
        f"{advice} broker.health.reset({key.account!r}, {key.operation!r})"
    )
    return _held_back(_KINDS.get(shut.cause, Unavailable), text, key, wait, wall)


_STATES = {
    State.OPEN: "the breaker is open",
    State.HALF_OPEN: "the breaker is half open and a trial is on its way,",
    State.ISOLATED: "isolated",
    State.CLOSED: "closed",
}


def pace_error(key: TargetKey, wait: float, rate: float | None, wall: datetime) -> ProviderError:
    """For a place behind the deadline."""
    allowed = "" if rate is None else f" ({rate:.3g} requests a second are allowed now)"
    text = (
        f"held back, nothing was sent: its turn comes in {wait:.1f} s{allowed}, after the call's deadline; "
        "send less, allow a longer deadline, or use another provider"
    )
    return _held_back(Throttled, text, key, wait, wall)


def shown(instant: datetime) -> str:
    """An instant for people, to the second."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _held_back(
    kind: type[ProviderError], text: str, key: TargetKey, wait: float | None, wall: datetime
) -> ProviderError:
    error = kind(
        text,
        provider=key.account,
        operation=key.operation,
        outcome=Outcome.NOT_SENT,
        retry_after=wait,
        retry_at=None if wait is None else wall + timedelta(seconds=wait),
    )
    error.held_back = True
    return error
