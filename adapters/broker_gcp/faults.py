"""From Google's statuses and error details to our errors: by code and reason, never by message text.

The same table holds for gRPC and for REST, whose error bodies are google.rpc.Status as JSON (:mod:`broker_gcp.rest`).
Sources: google.rpc.Code and error_details.proto (googleapis-common-protos), AIP-193, and
cloud.google.com/apis/design/errors for what each code means to a caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from broker.contract import Fault, FaultTable, Verdict, classify, fault_error, redact
from broker.errors import (
    AuthFailed,
    BadInput,
    BrokerError,
    ContentRefused,
    DeadlineExceeded,
    Outcome,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker_gcp.settings import DISCOVERY, HOST, SPEECH, STORAGE, WHAT_TO_TYPE

_KEY = "check api_key in the settings of provider gcp, and its restrictions in the console"
_ENABLE = "enable it: gcloud services enable {api}"
_NOT_ENABLED = ("SERVICE_DISABLED", "SERVICE_NOT_VISIBLE", "MCP_SERVER_DISABLED", "accessNotConfigured")
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
    **_rows(Fault(error=AuthFailed, advice=_ENABLE.format(api=HOST)), *_NOT_ENABLED),
    "BILLING_DISABLED": Fault(error=AuthFailed, advice=_BILLING),
    **_rows(
        Fault(error=AuthFailed, advice="the project is suspended; see the console"),
        "CONSUMER_SUSPENDED",
        "GCP_SUSPENDED",
    ),
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
        "CREDENTIAL_TYPE_UNSUPPORTED",
        "CREDENTIAL_ANDROID_APP_INVALID",
        "ACCOUNT_TYPE_UNSUPPORTED",
        "JWT_TOKEN_INVALID",
        "OVERLOADED_CREDENTIALS",
        "SESSION_COOKIE_INVALID",
    ),
    **_rows(
        Fault(error=AuthFailed, advice="the organisation's policy forbids it; ask its administrator"),
        "SECURITY_POLICY_VIOLATED",
        "ORG_RESTRICTION_VIOLATION",
        "ORG_RESTRICTION_HEADER_INVALID",
        "VPC_SERVICE_CONTROLS",
        "ENDPOINT_USAGE_RESTRICTION_VIOLATED",
        "RESOURCE_USAGE_RESTRICTION_VIOLATED",
        "TLS_ORG_POLICY_VIOLATED",
        "TLS_CIPHER_RESTRICTION_VIOLATED",
    ),
    **_rows(
        Fault(error=ContentRefused, advice="the place of processing is refused"),
        "LOCATION_POLICY_VIOLATED",
        "LOCATION_ORG_POLICY_VIOLATED",
        "LOCATION_TAX_POLICY_VIOLATED",
    ),
    **_rows(
        Fault(error=BadInput), "RESOURCE_PROJECT_INVALID", "SYSTEM_PARAMETER_UNSUPPORTED", "MISSING_ORIGIN"
    ),
    "RATE_LIMIT_EXCEEDED": Fault(error=Throttled),
    **_rows(
        Fault(error=QuotaExhausted, advice="raise the quota in the console"),
        "RESOURCE_QUOTA_EXCEEDED",
        "EMULATOR_QUOTA_EXCEEDED",
    ),
    # Reasons of the errors list that older REST services add. Translation answers both its quotas with 403
    # (cloud.google.com/translate/quotas), so that without these rows throttling would look like a refused credential.
    **_rows(Fault(error=Throttled), "rateLimitExceeded", "userRateLimitExceeded"),
    **_rows(
        Fault(error=QuotaExhausted, advice="raise the quota in the console or wait for the next day"),
        "dailyLimitExceeded",
        "quotaExceeded",
    ),
    **_rows(Fault(error=AuthFailed, advice=_KEY), "keyInvalid", "keyExpired"),
}


_SEARCH_ROLE = "grant the account roles/discoveryengine.viewer on the project, and roles/discoveryengine.editor if it writes documents"
_STAGED = "grant the account roles/storage.objectUser on the bucket of staging"
_OWN: dict[str, FaultTable] = {
    SPEECH.api: _rows(
        Fault(error=AuthFailed, advice="grant the account roles/speech.client on the project"),
        "PERMISSION_DENIED",
        "IAM_PERMISSION_DENIED",
    ),
    # Cloud Storage gives no code that tells more than the status.
    STORAGE.api: {
        401: Fault(error=AuthFailed, advice=WHAT_TO_TYPE),
        403: Fault(error=AuthFailed, advice=_STAGED),
        404: Fault(error=BadInput, advice="check the bucket of staging, or the address of the recording"),
    },
    DISCOVERY.api: {
        "NOT_FOUND": Fault(
            error=BadInput,
            advice="check index, project and region in the settings of provider gcp: the data store or app must lie there",
            misaddressed=True,
        ),
        **_rows(Fault(error=AuthFailed, advice=_SEARCH_ROLE), "PERMISSION_DENIED", "IAM_PERMISSION_DENIED"),
    },
}
"""What holds for one service only."""


@cache
def table_of(api: str) -> FaultTable:
    """The table with the advice of one service, by its name for ``gcloud services enable``."""
    return {
        **TABLE,
        **_OWN.get(api, {}),
        **_rows(Fault(error=AuthFailed, advice=_ENABLE.format(api=api)), *_NOT_ENABLED),
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


def broken(name: str, *, reached: bool | None, trailing: bool) -> Outcome | None:
    """How far a call got that gRPC itself ended; None where Google answered, and its code tells. Pure.

    :param reached: False when no connection existed, so that nothing was sent; None when nobody watched.
    :param trailing: whether metadata came behind the status. Google's front end ends its own refusals with
        some. UNAVAILABLE without any is gRPC that speaks, of a broken connection, and by then the request may
        have been served and billed: the side that is not repeated.
    """
    if name == "DEADLINE_EXCEEDED":  # ours or the server's: the same for the bill
        return Outcome.NOT_SENT if reached is False else Outcome.AMBIGUOUS
    if name == "UNAVAILABLE" and (reached is False or not trailing):
        return Outcome.NOT_SENT if reached is False else Outcome.AMBIGUOUS
    return None


def rpc_error(
    error: Any, reached: bool | None, *, service: str = "Google Vision", api: str = HOST
) -> BrokerError:
    """Our error for a failed RPC.

    :param reached: see :func:`broken`.
    :param service: for people.
    :param api: as of :func:`table_of`.
    """
    name = error.code().name
    text = error.details() or ""
    trailing = {key: value for key, value in error.trailing_metadata() or () if isinstance(key, str)}
    outcome = broken(name, reached=reached, trailing=bool(trailing))
    if outcome is not None and name == "DEADLINE_EXCEEDED":
        doing = f"while connecting to {service}" if reached is False else f"while {service} worked"
        late = DeadlineExceeded(f"the deadline passed {doing}", outcome=outcome)
        late.unreached = reached is False
        return late
    if outcome is not None:
        words = (
            f"{service} could not be reached"
            if outcome is Outcome.NOT_SENT
            else f"the connection to {service} broke before the answer came; it may have been billed"
        )
        return Unavailable(f"{words}: {redact(text)}", outcome=outcome, code=name)
    status = _status(trailing.get("grpc-status-details-bin"))
    details = read_details(status.details) if status is not None else Details()
    headers = {key: value for key, value in trailing.items() if isinstance(value, str)}
    return mapped(name, text, details, headers, api=api)


def refusal_in(answer: Any) -> ProviderError:
    """Our error for an ``AnnotateImageResponse`` whose ``error`` is set.

    "Filled-in image annotations are guaranteed to be correct, even when error is set" (image_annotator.proto): what was
    found beside the error has probably been billed, so it counts as such and is not bought again unasked.
    """
    error = item_error(answer.error)
    if any(field.name not in ("error", "context") for field, _ in answer.ListFields()):
        error.outcome = Outcome.AMBIGUOUS
    return error


def item_error(status: Any) -> ProviderError:
    """Our error for ``responses[i].error``: a refusal inside HTTP 200."""
    number = status.code
    name = NAMES[number] if 0 <= number < len(NAMES) else str(number)
    return mapped(name, status.message, read_details(status.details), {})


def code_of(name: str, details: Details) -> str:
    """The code that decides: Google's reason where it gives one that we know, else the status. Pure."""
    if details.daily and name == "RESOURCE_EXHAUSTED":
        return DAILY
    return details.reason if details.reason is not None and details.reason in TABLE else name


def verdict(name: str, details: Details, headers: Mapping[str, str], now: datetime) -> Verdict:
    """What a refusal means. Pure; :func:`mapped` puts Google's words to it."""
    return classify(
        TABLE,
        status=None,
        code=code_of(name, details),
        headers=headers,
        retry_after=details.retry_after,
        now=now,
    )


def mapped(
    name: str,
    text: str,
    details: Details,
    headers: Mapping[str, str],
    *,
    status: int | None = None,
    api: str = HOST,
) -> ProviderError:
    """By reason where Google gives one that we know, else by the code, else by the status of HTTP."""
    if details.reason is not None and details.reason not in TABLE:
        text = f"{text} ({redact(details.reason, 60)})"
    return fault_error(
        table_of(api),
        status=status,
        code=code_of(name, details) or None,
        message=text,
        headers=headers,
        retry_after=details.retry_after,
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
                daily |= _daily_quota(
                    info.metadata.get("quota_limit", ""), info.metadata.get("quota_unit", "")
                )
            elif kind == "google.rpc.RetryInfo":
                delay = shapes.RetryInfo.FromString(packed.value).retry_delay
                pause = max(0.0, delay.seconds + delay.nanos / 1e9)
            elif kind == "google.rpc.QuotaFailure":
                daily |= any(
                    _by_day(getattr(each, "quota_id", ""), each.subject, each.description)
                    for each in shapes.QuotaFailure.FromString(packed.value).violations
                )
        except DecodeError:
            continue
    return Details(reason=reason, retry_after=pause, daily=daily)


def json_details(error: Mapping[str, Any]) -> Details:
    """The same from the ``error`` of a REST answer: its ``details``, or the ``errors`` of older services."""
    reason: str | None = None
    pause: float | None = None
    daily = False
    for each in _objects(error.get("errors")):
        reason = reason or _word(each, "reason") or None
    for each in _objects(error.get("details")):
        kind = _word(each, "@type").rpartition("/")[2]
        if kind == "google.rpc.ErrorInfo":
            reason = _word(each, "reason") or reason
            facts = each.get("metadata")
            if isinstance(facts, Mapping):
                daily |= _daily_quota(_word(facts, "quota_limit"), _word(facts, "quota_unit"))
        elif kind == "google.rpc.RetryInfo":
            pause = _seconds(_word(each, "retryDelay"))
        elif kind == "google.rpc.QuotaFailure":
            daily |= any(
                _by_day(_word(one, "quotaId"), _word(one, "subject"), _word(one, "description"))
                for one in _objects(each.get("violations"))
            )
    return Details(reason=reason, retry_after=pause, daily=daily)


def _objects(given: Any) -> list[Mapping[str, Any]]:
    return [each for each in given if isinstance(each, Mapping)] if isinstance(given, list) else []


def _word(item: Mapping[str, Any], name: str) -> str:
    value = item.get(name)
    return value if isinstance(value, str) else ""


def _seconds(text: str) -> float | None:
    """A google.protobuf.Duration in JSON: ``3.5s``."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        return None
    return seconds if 0.0 <= seconds < float("inf") else None


def _daily_quota(limit: str, unit: str) -> bool:
    return "perday" in limit.lower() or "1/d/" in f"{limit} {unit}"


def _by_day(*words: str) -> bool:
    """Newer violations name the quota (``RequestsPerDayPerProject``); older ones only describe it."""
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
    code, status = getattr(error, "code", None), getattr(error, "status", None)
    return code in _REFRESH or code == "ACCESS_TOKEN_EXPIRED" or status == 401
