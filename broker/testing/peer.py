"""A vendor's stand-in as the conformance suite sees it, over HTTP or gRPC."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from broker.errors import (
    BILLED,
    RETRYABLE,
    AuthFailed,
    BadInput,
    BrokerError,
    DeadlineExceeded,
    MalformedReply,
    Outcome,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker.testing.faults import NamedFault
from broker.testing.script import Answer, SeenRequest
from broker.testing.stub import VendorStub
from broker.testing.vendors import Vendor
from broker.types.json import JsonObject, JsonValue

if TYPE_CHECKING:
    from broker.testing.grpc_stub import VisionGrpcStub


class ExpectedFault(Protocol):
    """A misbehaviour and what must come of it; see :class:`~broker.testing.faults.NamedFault`."""

    @property
    def name(self) -> str: ...
    @property
    def error(self) -> type[BrokerError]: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def hint(self) -> float | None: ...
    @property
    def request_bytes(self) -> int: ...
    @property
    def needs_deadline(self) -> bool: ...
    @property
    def billed(self) -> bool | None: ...
    @property
    def retried(self) -> bool: ...


class Peer(Protocol):
    """A server on loopback that stands for the vendor."""

    @property
    def url(self) -> str:
        """What ``endpoint`` is set to."""
        ...

    @property
    def count(self) -> int:
        """Requests that arrived."""
        ...

    def answer(self, operation: str) -> None:
        """Answer well from now on."""
        ...

    def misbehave(self, fault: Any) -> None:
        """Misbehave from now on."""
        ...

    def hollow(self, operation: str) -> bool:
        """Answer with success and nothing in it from now on; False where that is a good answer."""
        ...


class HttpPeer:
    """A REST or AWS JSON vendor.

    :param answers: by operation, the route it goes to and a good answer's JSON, or a function that answers what it is
        sent.
    """

    def __init__(
        self,
        stub: VendorStub,
        answers: Mapping[str, tuple[str, JsonValue | Callable[[SeenRequest], JsonValue]]],
        vendor: Vendor | None = None,
    ) -> None:
        self._stub = stub
        self._answers = answers
        self._vendor: Vendor | None = vendor

    @property
    def url(self) -> str:
        """See :class:`Peer`."""
        return self._stub.url

    @property
    def count(self) -> int:
        """See :class:`Peer`."""
        return self._stub.count

    def answer(self, operation: str) -> None:
        """See :class:`Peer`."""
        route, good = self._answers[operation]
        if callable(good):
            answer = good
            self._stub.on(route, lambda request: Answer(json=answer(request)))
        else:
            self._stub.on(route, default=Answer(json=good))

    def hollow(self, operation: str) -> bool:
        """See :class:`Peer`."""
        self._stub.on(self._answers[operation][0], default=Answer(json={}))
        return True

    def misbehave(self, fault: NamedFault) -> None:
        """See :class:`Peer`."""
        for route, _ in self._answers.values():
            self._stub.on(route, default=fault.step(self._vendor))


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedGrpcFault:
    """One gRPC fault and the right behaviour.

    :param code: name of the status code; ``HANG`` and ``MALFORMED`` for what is no status.
    :param retry_seconds: sent as ``google.rpc.RetryInfo``.
    :param per_day: sent as ``google.rpc.QuotaFailure`` of a daily quota.
    """

    number: int
    name: str
    code: str
    error: type[BrokerError]
    outcome: Outcome
    retry_seconds: int | None = None
    per_day: bool = False
    pushback_ms: int | None = None
    needs_deadline: bool = False
    request_bytes: int = 0

    @property
    def hint(self) -> float | None:
        """Seconds the answer asks to wait."""
        if self.pushback_ms is not None:
            return self.pushback_ms / 1000
        return None if self.retry_seconds is None else float(self.retry_seconds)

    @property
    def billed(self) -> bool | None:
        """Yes, no, or None: nobody can say."""
        return BILLED[self.outcome]

    @property
    def retried(self) -> bool:
        """Whether the broker repeats it without being asked to."""
        return self.outcome in RETRYABLE

    def __str__(self) -> str:
        return f"{self.number}-{self.name}"


def _fault(number: int, code: str, error: type[BrokerError], outcome: Outcome, **more: Any) -> NamedGrpcFault:
    name = more.pop("name", code.lower())
    return NamedGrpcFault(number=number, name=name, code=code, error=error, outcome=outcome, **more)


_THROTTLED = ("RESOURCE_EXHAUSTED", Throttled, Outcome.THROTTLED)

GRPC_FAULTS: tuple[NamedGrpcFault, ...] = (
    _fault(6, "HANG", DeadlineExceeded, Outcome.AMBIGUOUS, needs_deadline=True),
    _fault(8, "MALFORMED", MalformedReply, Outcome.BAD_REPLY),
    _fault(16, "INVALID_ARGUMENT", BadInput, Outcome.REJECTED),
    _fault(17, "UNAUTHENTICATED", AuthFailed, Outcome.REJECTED),
    _fault(18, "PERMISSION_DENIED", AuthFailed, Outcome.REJECTED),
    _fault(19, "NOT_FOUND", BadInput, Outcome.REJECTED),
    _fault(27, *_THROTTLED, name="resource_exhausted"),
    _fault(27, *_THROTTLED, name="resource_exhausted_retry_info", retry_seconds=2),
    _fault(27, *_THROTTLED, name="resource_exhausted_pushback", pushback_ms=250),
    _fault(
        27,
        "RESOURCE_EXHAUSTED",
        QuotaExhausted,
        Outcome.QUOTA_DEAD,
        name="resource_exhausted_per_day",
        per_day=True,
    ),
    _fault(28, "UNAVAILABLE", Unavailable, Outcome.SERVER),
    _fault(29, "DEADLINE_EXCEEDED", DeadlineExceeded, Outcome.AMBIGUOUS),
    _fault(30, "CANCELLED", Unavailable, Outcome.AMBIGUOUS),
    _fault(30, "ABORTED", Unavailable, Outcome.SERVER),
    _fault(30, "INTERNAL", Unavailable, Outcome.SERVER),
    _fault(30, "DATA_LOSS", Unavailable, Outcome.AMBIGUOUS),
    _fault(30, "UNIMPLEMENTED", BadInput, Outcome.REJECTED),
    _fault(30, "OUT_OF_RANGE", BadInput, Outcome.REJECTED),
    _fault(30, "FAILED_PRECONDITION", BadInput, Outcome.REJECTED),
    _fault(30, "ALREADY_EXISTS", BadInput, Outcome.REJECTED),
    _fault(32, "UNKNOWN", ProviderFault, Outcome.UNKNOWN),
)
"""What a gRPC adapter must survive; numbers as in :data:`~broker.testing.faults.HTTP_FAULTS`."""


class GrpcPeer:
    """Google Cloud Vision over gRPC.

    :param answers: by operation, a good answer in the REST shape, or a function that answers what it is sent.
    :param needed: operations of which an answer with nothing in it is not a good one.
    """

    def __init__(
        self,
        stub: VisionGrpcStub,
        answers: Mapping[str, JsonObject | Callable[[Any], JsonObject]],
        needed: Collection[str] = (),
    ) -> None:
        self._stub = stub
        self._answers = answers
        self._needed = needed

    @property
    def url(self) -> str:
        """See :class:`Peer`."""
        return f"http://{self._stub.target}"

    @property
    def count(self) -> int:
        """See :class:`Peer`."""
        return self._stub.count

    def answer(self, operation: str) -> None:
        """See :class:`Peer`."""
        self._stub.reply(self._answers[operation])

    def hollow(self, operation: str) -> bool:
        """In protobuf an empty list and a missing one are the same; an empty message and a missing one are not."""
        self._stub.reply({"responses": [{}]})
        return operation in self._needed

    def misbehave(self, fault: NamedGrpcFault) -> None:
        """See :class:`Peer`."""
        if fault.code == "HANG":
            self._stub.hang()
            return
        if fault.code == "MALFORMED":
            self._stub.malformed()
            return
        import grpc

        self._stub.error(
            grpc.StatusCode[fault.code],
            "scripted fault",
            details=_details(fault),
            trailing={} if fault.pushback_ms is None else {"grpc-retry-pushback-ms": str(fault.pushback_ms)},
        )


def _details(fault: NamedGrpcFault) -> list[Any]:
    from google.rpc import error_details_pb2 as details

    found: list[Any] = []
    if fault.retry_seconds is not None:
        info = details.RetryInfo()
        info.retry_delay.seconds = fault.retry_seconds
        found.append(info)
    if fault.per_day:
        found.append(
            details.QuotaFailure(
                violations=[
                    details.QuotaFailure.Violation(
                        subject="project", description="Quota exceeded: requests per day"
                    )
                ]
            )
        )
    return found
