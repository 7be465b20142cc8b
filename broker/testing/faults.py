"""The HTTP faults that a transport and its adapters must survive, as data.

For each: what the stub does, which error the caller sees, what may have been billed, and whether the
broker repeats the attempt by itself. A table test runs over :data:`HTTP_FAULTS` for each adapter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.contract.hints import LONGEST_HINT
from broker.errors import (
    BILLED,
    RETRYABLE,
    AuthFailed,
    BadInput,
    BrokerError,
    DeadlineExceeded,
    MalformedReply,
    Outcome,
    ProviderError,
    ProviderFault,
    Throttled,
    Unavailable,
)
from broker.testing.script import Fault, Step
from broker.testing.vendors import Vendor, error_answer
from broker.types.json import JsonObject

BOMB_SIZE = 64 * 1024 * 1024
"""Decoded size of the gzip bomb: above any sane cap, below what hurts a machine without one."""
LARGE_REQUEST = 8 * 1024 * 1024
"""More than the sockets' buffers hold, so that a reset is surely met while the body is being sent."""


_LONG: JsonObject = {"note": "x" * 1000}
"""Takes minutes to drip, so that its end cannot be taken for that of a deadline noticed late."""


@dataclass(frozen=True, kw_only=True)
class NamedFault:
    """One fault and the right behaviour.

    :param number: its row in the project's fault list.
    :param status: set where the fault is an HTTP status; its body then depends on the vendor.
    :param misbehaviour: set where it is none.
    :param error: the class the caller sees once attempts are used up. On a fresh connection: a reused
        one that dies without a byte may be replaced by the transport once.
    :param outcome: how one such attempt ends; decides what may have been billed and what is repeated.
    :param hint: seconds that the answer asks to wait, as the broker understands it.
    :param request_bytes: the least body that makes the outcome certain; 0 when any does.
    :param needs_deadline: nothing but the caller's deadline ends it.
    """

    number: int
    name: str
    error: type[BrokerError]
    outcome: Outcome
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    misbehaviour: Fault | None = None
    hint: float | None = None
    request_bytes: int = 0
    needs_deadline: bool = False

    @property
    def billed(self) -> bool | None:
        """Yes, no, or None: nobody can say."""
        return BILLED[self.outcome]

    @property
    def retried(self) -> bool:
        """Whether the broker repeats it without being asked to."""
        return self.outcome in RETRYABLE

    def step(self, vendor: Vendor | None = None) -> Step:
        """What a stub does, in this vendor's words."""
        if self.misbehaviour is not None:
            return self.misbehaviour
        if self.status is None:
            raise ValueError(f"fault {self.name} has neither a status nor a misbehaviour")
        return error_answer(vendor, self.status, headers=self.headers)

    @property
    def answer(self) -> Step:
        """What a stub does, in no vendor's words."""
        return self.step()

    def __str__(self) -> str:
        return f"{self.number}-{self.name}"


def _wire(
    number: int,
    name: str,
    misbehaviour: Fault,
    error: type[BrokerError],
    outcome: Outcome,
    *,
    request_bytes: int = 0,
    needs_deadline: bool = False,
) -> NamedFault:
    return NamedFault(
        number=number,
        name=name,
        error=error,
        outcome=outcome,
        misbehaviour=misbehaviour,
        request_bytes=request_bytes,
        needs_deadline=needs_deadline,
    )


def _status(
    number: int,
    name: str,
    status: int,
    error: type[ProviderError],
    outcome: Outcome | None = None,
    *,
    hint: float | None = None,
    **headers: str,
) -> NamedFault:
    return NamedFault(
        number=number,
        name=name,
        error=error,
        outcome=outcome or error.default_outcome,
        status=status,
        headers={key.replace("_", "-"): value for key, value in headers.items()},
        hint=hint,
    )


_BAD, _LOST = Outcome.BAD_REPLY, Outcome.AMBIGUOUS

HTTP_FAULTS: tuple[NamedFault, ...] = (
    _wire(
        4,
        "reset_before_read",
        Fault.reset_before_read(),
        Unavailable,
        Outcome.NOT_SENT,
        request_bytes=LARGE_REQUEST,
    ),
    _wire(4, "reset_after_body", Fault.reset_after_body(), Unavailable, _LOST),
    _wire(5, "close_empty", Fault.close_empty(), Unavailable, _LOST),
    _wire(6, "hang", Fault.hang(), DeadlineExceeded, _LOST, needs_deadline=True),
    _wire(7, "drip", Fault.drip(0.1, _LONG), DeadlineExceeded, _LOST, needs_deadline=True),
    _wire(8, "truncated", Fault.truncated(), MalformedReply, _BAD),
    _wire(9, "chunk_cut", Fault.chunk_cut(), MalformedReply, _BAD),
    _wire(10, "gzip_bomb", Fault.gzip_bomb(BOMB_SIZE), MalformedReply, _BAD),
    _wire(13, "html_200", Fault.html(), MalformedReply, _BAD),
    _wire(13, "empty_200", Fault.empty(), MalformedReply, _BAD),
    # No 200 was said, so it cannot be counted as answered; but something was read there.
    _wire(13, "garbage", Fault.garbage(), MalformedReply, _LOST),
    _wire(14, "redirect", Fault.redirect(), BadInput, Outcome.REJECTED),
    _status(16, "400", 400, BadInput),
    _status(17, "401", 401, AuthFailed),
    _status(18, "403", 403, AuthFailed),
    _status(19, "404", 404, BadInput),
    _status(22, "413", 413, BadInput),
    # 408 and 5xx share Unavailable, whose billing is unknown: the pessimistic reading of a 408.
    _status(20, "408", 408, Unavailable),
    _status(23, "429", 429, Throttled),
    _status(24, "429_seconds", 429, Throttled, hint=2.0, retry_after="2"),
    _status(24, "429_past_date", 429, Throttled, hint=0.0, retry_after="Wed, 21 Oct 2015 07:28:00 GMT"),
    _status(
        24,
        "429_far_date",
        429,
        Throttled,
        hint=LONGEST_HINT,
        retry_after="Fri, 31 Dec 2100 23:59:59 GMT",
    ),
    _status(24, "429_ms", 429, Throttled, hint=0.25, retry_after_ms="250"),
    _status(24, "429_azure_ms", 429, Throttled, hint=0.25, x_ms_retry_after_ms="250"),
    _status(24, "429_aws_ms", 429, Throttled, hint=0.25, x_amz_retry_after="250"),
    _status(24, "429_negative", 429, Throttled, retry_after="-7"),
    _status(24, "429_huge", 429, Throttled, hint=LONGEST_HINT, retry_after="1000000000"),
    _status(24, "429_garbage", 429, Throttled, retry_after="soon"),
    _status(25, "403_retry_after", 403, AuthFailed, hint=7.0, retry_after="7"),
    _status(26, "500", 500, Unavailable),
    _status(26, "502", 502, Unavailable),
    _status(26, "503", 503, Unavailable),
    _status(26, "503_seconds", 503, Unavailable, hint=2.0, retry_after="2"),
    _status(26, "504", 504, Unavailable),
    _status(32, "599", 599, ProviderFault),
)
"""Fault numbers are rows of the fault list in the project's resilience notes."""


def http_fault(name: str) -> NamedFault:
    """The fault of this name. Raises :class:`KeyError`."""
    for fault in HTTP_FAULTS:
        if fault.name == name:
            return fault
    raise KeyError(name)
