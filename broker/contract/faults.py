"""From a vendor's status and error code to our error: tables, never message texts.

An adapter gives a table ``{status or code: Fault}``; a code's row wins over a status's row, and
what neither names falls to :data:`BY_STATUS`. The error's class says what the caller can do next,
its outcome whether to retry and whether it was billed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from broker.contract.hints import retry_hint
from broker.contract.redact import redact
from broker.errors import (
    AuthFailed,
    BadInput,
    Outcome,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker.runtime.message import HttpReply


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What one status or code means.

    :param advice: what to do next, put behind the vendor's own words.
    """

    error: type[ProviderError]
    advice: str = ""
    outcome: Outcome | None = None


FaultTable = Mapping[int | str, Fault]

_AUTH = "check the credential and its permission for this operation"

BY_STATUS: FaultTable = {
    400: Fault(error=BadInput),
    401: Fault(error=AuthFailed, advice="check the key or credential and that it belongs to this endpoint"),
    402: Fault(error=QuotaExhausted, advice="check the account's billing"),
    403: Fault(error=AuthFailed, advice=_AUTH),
    404: Fault(error=BadInput, advice="check region, endpoint and resource name in the settings"),
    405: Fault(error=BadInput, advice="check the endpoint in the settings"),
    408: Fault(error=Unavailable),
    409: Fault(error=BadInput),
    411: Fault(error=BadInput),
    413: Fault(error=BadInput, advice="send a smaller file"),
    415: Fault(error=BadInput, advice="send a format that this provider takes"),
    422: Fault(error=BadInput),
    429: Fault(error=Throttled),
    451: Fault(error=Unsupported),
    500: Fault(error=Unavailable),
    502: Fault(error=Unavailable),
    503: Fault(error=Unavailable),
    504: Fault(error=Unavailable),
}
"""What an HTTP status means where the vendor's own table has no row."""


def fault_error(
    table: FaultTable,
    *,
    status: int | None,
    code: str | None,
    message: str,
    headers: Mapping[str, str] | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
) -> ProviderError:
    """The error for one refusal. Pure: the same answer gives the same error.

    :param message: the vendor's words; redacted here.
    """
    fault = table.get(code) if code is not None else None
    if fault is None and status is not None:
        fault = table.get(status) or BY_STATUS.get(status)
    if fault is None:
        fault = _unlisted(status)
    now = datetime.now(UTC)
    hint = retry_after if retry_after is not None else retry_hint(headers or {}, now)
    text = redact(message) or "the provider gave no reason"
    return fault.error(
        f"{text}; {fault.advice}" if fault.advice else text,
        outcome=fault.outcome,
        retry_after=hint,
        retry_at=None if hint is None else now + timedelta(seconds=hint),
        request_id=request_id,
        status=status,
        code=code,
    )


def _unlisted(status: int | None) -> Fault:
    if status is not None and 300 <= status < 400:
        return Fault(
            error=BadInput,
            advice="the endpoint redirects, and redirects are not followed with credentials; "
            "put the final address into the settings",
        )
    if status is not None and 400 <= status < 500:
        return Fault(error=ProviderFault, outcome=Outcome.REJECTED)
    return Fault(error=ProviderFault)


def raise_for_status(reply: HttpReply, table: FaultTable, *, request_id: str | None = None) -> None:
    """Raise the mapped error unless the status is 2xx. For APIs whose error is ``{"error": {code, message}}``
    or ``{"code", "message"}``."""
    if 200 <= reply.status < 300:
        return
    code, message = _code_and_message(reply)
    raise fault_error(
        table,
        status=reply.status,
        code=code,
        message=message,
        headers=reply.headers,
        request_id=request_id,
    )


def _code_and_message(reply: HttpReply) -> tuple[str | None, str]:
    try:
        body = reply.json()
    except ProviderError:
        return None, f"the answer is {reply.content_type or 'untyped'}, not JSON"
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if isinstance(inner, Mapping):
            code, message = inner.get("status", inner.get("code")), inner.get("message")
            return (None if code is None else str(code)), str(message or "")
        if isinstance(inner, str):  # OAuth style: {"error": "code", "error_description": "…"}
            return inner, str(body.get("error_description", ""))
    return None, ""
