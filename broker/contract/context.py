"""What the broker hands an adapter with each attempt, and what it expects back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from broker.runtime.message import HttpReply
from broker.types.json import JsonValue
from broker.types.money import Usage

P_co = TypeVar("P_co", covariant=True)
T = TypeVar("T")


class Http(Protocol):
    """The one way out to the network, bound to this attempt's deadline.

    It owns pools, proxies, CA bundles and caps; follows no redirects; retries nothing. It raises our
    errors: ``Unavailable`` (NOT_SENT or AMBIGUOUS), ``DeadlineExceeded``, ``MalformedReply``. A status
    of 4xx or 5xx is an answer, not an error: see ``raise_for_status``.
    """

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> HttpReply:
        """Send from an ``async def`` adapter method; works under both facades."""
        ...

    def send_blocking(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: bytes = b"",
    ) -> HttpReply:
        """Send from a plain ``def`` adapter method, as from beneath a vendor's SDK."""
        ...

    async def run_blocking(self, function: Callable[[], T]) -> T:
        """Await something that blocks (a vendor's token library) from an ``async def`` adapter method."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One attempt.

    :param attempt: 1 for the first.
    :param remaining: seconds left of the call's deadline, asked for anew each time; pass it on to
        clients that have a timeout of their own.
    :param idempotency_key: the same for every attempt of a call.
    """

    call_id: str
    attempt: int
    operation: str
    http: Http
    remaining: Callable[[], float]
    region: str | None = None

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
