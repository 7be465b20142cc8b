"""What the broker hands an adapter with each attempt, and what it expects back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from broker.errors import ProviderError
from broker.runtime.base import Http
from broker.types.json import JsonValue
from broker.types.money import Usage

P_co = TypeVar("P_co", covariant=True)


def nobody_waits(seconds: float) -> None:
    """Drop it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One attempt.

    :param attempt: 1 for the first.
    :param remaining: seconds left of the call's deadline, asked for anew each time; pass it on to
        clients that have a timeout of their own.
    :param idempotency_key: the same for every attempt of a call.
    :param progress: may be told, from any thread, how many seconds of a recording are done: by an adapter that works on it
        itself, bit by bit.
    """

    call_id: str
    attempt: int
    operation: str
    http: Http
    remaining: Callable[[], float]
    region: str | None = None
    progress: Callable[[float], None] = nobody_waits

    @property
    def idempotency_key(self) -> str:
        """Derived before sending and equal for all attempts of the call."""
        return f"b1-{self.call_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(Generic[P_co]):
    """An adapter's answer to one attempt.

    :param usage: what the vendor reports as billed; empty: what the manifest's meter measured.
    :param raw: the vendor's whole answer as JSON; only when ``request.raw`` asks for it.
    """

    payload: P_co
    usage: tuple[Usage, ...] = ()
    request_id: str | None = None
    model_version: str | None = None
    raw: JsonValue = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Generic[P_co]):
    """The payload of a reply to several items: for each, in the order of the request, its own reply or error.

    Items are matched by the vendor's index or id, never by place alone; one that the vendor left out is a
    ``MalformedReply``. An item that failed is billed as its error's outcome says.
    """

    items: tuple[Reply[P_co] | ProviderError, ...]
