"""From gRPC statuses and Google's error details to our errors: by code and reason, never by message text.

Sources: google.rpc.Code and error_details.proto (googleapis-common-protos), AIP-193, and
cloud.google.com/apis/design/errors for what each code means to a caller.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from broker.contract import Fault, FaultTable, fault_error, redact
from broker.errors import (
    AuthFailed,
    BadInput,
    BrokerError,
    ContentRefused,
    DeadlineExceeded,
    Outcome,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker_gcp.settings import WHAT_TO_TYPE

_KEY = "check api_key in the settings of provider gcp, and its restrictions in the console"
_ENABLE = "enable it: gcloud services enable vision.googleapis.com"
_BILLING = "switch billing on for the project in the console"
_PERMISSION = (
    "grant the account serviceusage.services.use on the project (roles/serviceusage.serviceUsageConsumer)"
)
_ENDPOINT = "check endpoint and region in the settings of provider gcp"
DAILY = "QUOTA_EXHAUSTED_FOR_THE_DAY"
"""Our own code for RESOURCE_EXHAUSTED whose details name a quota by the day."""


def _rows(fault: Fault, *codes: str) -> dict[int | str, Fault]:
    return dict.fromkeys(codes, fault)


TABLE: FaultTable = {
    **_rows(
        Fault(error=BadInput), "INVALID_ARGUMENT", "OUT_OF_RANGE", "FAILED_PRECONDITION", "ALREADY_EXISTS"
    ),
    **_rows(Fault(error=BadInput, advice=_ENDPOINT), "NOT_FOUND", "UNIMPLEMENTED"),
    "UNAUTHENTICATED": Fault(error=AuthFailed, advice=WHAT_TO_TYPE),
    "PERMISSION_DENIED": Fault(error=AuthFailed, advice=_PERMISSION),
    "RESOURCE_EXHAUSTED": Fault(error=Throttled),
    DAILY: Fault(error=QuotaExhausted, advice="raise the quota in the console or wait for the next day"),
    **_rows(Fault(error=Unavailable), "UNAVAILABLE", "ABORTED", "INTERNAL", "DEADLINE_EXCEEDED"),
    **_rows(Fault(error=Unavailable, outcome=Outcome.AMBIGUOUS), "CANCELLED", "DATA_LOSS"),
    "UNKNOWN": Fault(error=ProviderFault),
    # Reasons of google.rpc.ErrorInfo in the domain googleapis.com (google/api/error_reason.proto).
    **_rows(
        Fault(error=AuthFailed, advice=_KEY),
        "API_KEY_INVALID",
        "API_KEY_EXPIRED",
        "API_KEY_SERVICE_BLOCKED",
        "API_KEY_HTTP_REFERRER_BLOCKED",
        "API_KEY_IP_ADDRESS_BLOCKED",
        "API_KEY_ANDROID_APP_BLOCKED",
        "API_KEY_IOS_APP_BLOCKED",
    ),
    "SERVICE_DISABLED": Fault(error=AuthFailed, advice=_ENABLE),
    "BILLING_DISABLED": Fault(error=AuthFailed, advice=_BILLING),
    "CONSUMER_SUSPENDED": Fault(error=AuthFailed, advice="the project is suspended; see the console"),
    "CONSUMER_INVALID": Fault(error=AuthFailed, advice="check project in the settings of provider gcp"),
    "USER_PROJECT_DENIED": Fault(error=AuthFailed, advice=_PERMISSION),
    "USER_BLOCKED_BY_ADMIN": Fault(error=AuthFailed),
    "IAM_PERMISSION_DENIED": Fault(error=AuthFailed, advice=_PERMISSION),
    **_rows(
        Fault(error=AuthFailed, advice=WHAT_TO_TYPE),
        "ACCESS_TOKEN_EXPIRED",
        "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        "ACCESS_TOKEN_TYPE_UNSUPPORTED",
        "ACCOUNT_STATE_INVALID",
        "CREDENTIALS_MISSING",
        "SESSION_COOKIE_INVALID",
    ),
    **_rows(
        Fault(error=AuthFailed, advice="the organisation's policy forbids it; ask its administrator"),
        "SECURITY_POLICY_VIOLATED",
        "ORG_RESTRICTION_VIOLATION",
        "VPC_SERVICE_CONTROLS",
    ),
    **_rows(
        Fault(error=ContentRefused, advice="the place of processing is refused"), "LOCATION_POLICY_VIOLATED"
    ),
    "RATE_LIMIT_EXCEEDED": Fault(error=Throttled),
    "RESOURCE_QUOTA_EXCEEDED": Fault(error=QuotaExhausted, advice="raise the quota in the console"),
    "RESOURCE_USAGE_RESTRICTION_VIOLATED": Fault(error=AuthFailed),
}

_REFRESH = frozenset({"UNAUTHENTICATED"})
NAMES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
)
"""google.rpc.Code by number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What ``google.rpc.Status.details`` say, as far as it changes what to do."""

    reason: str | None = None
    retry_after: float | None = None
    daily: bool = False


def rpc_error(error: Any, reached: bool | None) -> BrokerError:
    """Our error for a failed RPC.

    :param reached: False when no connection existed, so that nothing was sent.
    """
    name = error.code().name
    text = error.details() or ""
    if reached is False and name == "DEADLINE_EXCEEDED":
        return DeadlineExceeded("the deadline passed while connecting to Google Vision")
    if name == "DEADLINE_EXCEEDED":
        # Ours or the server's: the same for the bill.
        return DeadlineExceeded("the deadline passed while Google Vision worked", outcome=Outcome.AMBIGUOUS)
    if reached is False and name == "UNAVAILABLE":
        return Unavailable(
            f"Google Vision could not be reached: {redact(text)}", outcome=Outcome.NOT_SENT, code=name
        )
    trailing = {key: value for key, value in error.trailing_metadata() or () if isinstance(key, str)}
    if name == "UNAVAILABLE" and not trailing:
        # Google's front end ends its own refusals with metadata. Without any it is gRPC that speaks, of a broken
        # connection, and by then the request may have been served and billed: the side that is not repeated.
        return Unavailable(
            f"the connection to Google Vision broke before the answer came; it may have been billed: {redact(text)}",
            outcome=Outcome.AMBIGUOUS,
            code=name,
        )
    status = _status(trailing.get("grpc-status-details-bin"))
    details = read_details(status.details) if status is not None else Details()
    headers = {key: value for key, value in trailing.items() if isinstance(value, str)}
    return mapped(name, text, details, headers)


def item_error(status: Any) -> BrokerError:
    """Our error for ``responses[i].error``: a refusal inside HTTP 200."""
    number = status.code
    name = NAMES[number] if 0 <= number < len(NAMES) else str(number)
    return mapped(name, status.message, read_details(status.details), {})


def mapped(name: str, text: str, details: Details, headers: dict[str, str]) -> BrokerError:
    """By reason where Google gives one that we know, else by the code."""
    code = name
    if details.daily and name == "RESOURCE_EXHAUSTED":
        code = DAILY
    elif details.reason in TABLE:
        code = details.reason or name
    elif details.reason is not None:
        text = f"{text} ({redact(details.reason, 60)})"
    return fault_error(
        TABLE, status=None, code=code, message=text, headers=headers, retry_after=details.retry_after
    )


def read_details(details: Iterable[Any]) -> Details:
    """Reason, pause and whether the quota is one by the day. Unknown and broken details are passed over."""
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2 as shapes

    reason: str | None = None
    pause: float | None = None
    daily = False
    for packed in details:
        kind = packed.type_url.rpartition("/")[2]
        try:
            if kind == "google.rpc.ErrorInfo":
                info = shapes.ErrorInfo.FromString(packed.value)
                reason = info.reason or reason
                facts = " ".join(
                    (info.metadata.get("quota_limit", ""), info.metadata.get("quota_unit", "")),
                )
                daily |= "perday" in facts.lower() or "1/d/" in facts
            elif kind == "google.rpc.RetryInfo":
                delay = shapes.RetryInfo.FromString(packed.value).retry_delay
                pause = max(0.0, delay.seconds + delay.nanos / 1e9)
            elif kind == "google.rpc.QuotaFailure":
                daily |= any(
                    _by_day(each) for each in shapes.QuotaFailure.FromString(packed.value).violations
                )
        except DecodeError:
            continue
    return Details(reason=reason, retry_after=pause, daily=daily)


def _by_day(violation: Any) -> bool:
    """Newer violations name the quota (``RequestsPerDayPerProject``); older ones only describe it."""
    words = (getattr(violation, "quota_id", ""), violation.subject, violation.description)
    text = " ".join(words).lower()
    return any(mark in text for mark in ("perday", "per day", "per-day", "daily", "1/d/"))


def _status(content: Any) -> Any:
    if not isinstance(content, bytes):
        return None
    from google.protobuf.message import DecodeError
    from google.rpc import status_pb2

    try:
        return status_pb2.Status.FromString(content)
    except DecodeError:
        return None


def stale_token(error: BrokerError) -> bool:
    """Whether a new token may help."""
    return getattr(error, "code", None) in _REFRESH or getattr(error, "code", None) == "ACCESS_TOKEN_EXPIRED"
