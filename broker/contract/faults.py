"""From a vendor's status and error code to our error: tables, never message texts.

An adapter gives a table ``{status or code: Fault}``; a code's row wins over a status's row, and
what neither names falls to :data:`BY_STATUS`. The error's class says what the caller can do next,
its outcome whether to retry and whether it was billed.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from broker.contract.hints import LONGEST_HINT, retry_hint
from broker.contract.redact import redact
from broker.errors import (
    BILLED,
    RETRYABLE,
    AuthFailed,
    BadInput,
    MalformedReply,
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
    :param misaddressed: what was addressed is not there, where another status than 404 says so (AWS's JSON protocol: 400).
    """

    error: type[ProviderError]
    advice: str = ""
    outcome: Outcome | None = None
    misaddressed: bool = False


FaultTable = Mapping[int | str, Fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one refusal means: which error, how far the attempt got, when to come back.

    :param retry_after: seconds the vendor asks to wait; also told where nothing is repeated.
    """

    error: type[ProviderError]
    outcome: Outcome
    retry_after: float | None = None
    advice: str = ""
    misaddressed: bool = False

    @property
    def billed(self) -> bool | None:
        """Yes, no, or None: nobody can say."""
        return BILLED[self.outcome]

    @property
    def retryable(self) -> bool:
        """Whether the broker repeats it without being asked to."""
        return self.outcome in RETRYABLE


_NOT_THERE = frozenset({404, 405, 410})
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


def classify(
    table: FaultTable,
    *,
    status: int | None,
    code: str | None,
    headers: Mapping[str, str] | None = None,
    retry_after: float | None = None,
    now: datetime,
) -> Verdict:
    """The verdict on one refusal: by code, else by status, else unknown. Pure: no clock, no text.

    :param headers: names in lower case; asked for a hint unless ``retry_after`` is given.
    :param now: for hints given as a date.
    """
    fault = table.get(code) if code is not None else None
    if fault is None and status is not None:
        fault = table.get(status) or BY_STATUS.get(status)
    if fault is None:
        fault = _unlisted(status)
    hint = retry_hint(headers or {}, now) if retry_after is None else min(retry_after, LONGEST_HINT)
    return Verdict(
        error=fault.error,
        outcome=fault.error.default_outcome if fault.outcome is None else fault.outcome,
        retry_after=hint,
        advice=fault.advice,
        misaddressed=fault.misaddressed
        or (status is not None and (status in _NOT_THERE or 300 <= status < 400)),
    )


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
    """The error for one refusal: :func:`classify` with words, ids and the instant to come back at.

    :param message: the vendor's words; redacted here.
    """
    now = datetime.now(UTC)
    verdict = classify(table, status=status, code=code, headers=headers, retry_after=retry_after, now=now)
    text = redact(message) or "the provider gave no reason"
    hint = verdict.retry_after
    advice = verdict.advice or _NEXT.get(verdict.error, "")
    words = [text, advice, "" if hint is None else f"it asks to wait {hint:.3g} s"]
    return verdict.error(
        "; ".join(each for each in words if each),
        outcome=verdict.outcome,
        retry_after=hint,
        retry_at=None if hint is None else now + timedelta(seconds=hint),
        request_id=request_id,
        status=status,
        code=None if code is None else redact(code, 100),
        misaddressed=verdict.misaddressed,
    )


_NEXT: Mapping[type[ProviderError], str] = {
    Throttled: "send less, wait, or use another provider",
    QuotaExhausted: "raise the quota with the provider, or use another one",
    Unavailable: "try later, or use another provider",
    ProviderFault: "report it, with the request id, to whoever maintains the adapter",
}
"""What to do where the table has no better advice; what is wrong with an input only the provider's words tell."""


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


def raise_for_status(
    reply: HttpReply,
    table: FaultTable,
    *,
    request_id: str | None = None,
    accepted: Container[int] = (200,),
) -> None:
    """Raise the mapped error unless the answer is one. For APIs whose error is ``{"error": {code, message}}``
    or ``{"code", "message"}``.

    :param accepted: statuses that carry the whole answer. Any other 2xx (202 accepted, 204 no content, 206 in
        part, 207 mixed) is no answer: :class:`~broker.errors.MalformedReply`, counted as billed.
    """
    if reply.status in accepted:
        return
    check_answered(reply, request_id=request_id, accepted=accepted)
    code, message = _code_and_message(reply)
    raise fault_error(
        table,
        status=reply.status,
        code=code,
        message=message,
        headers=reply.headers,
        request_id=request_id,
    )


def check_answered(
    reply: HttpReply, *, request_id: str | None = None, accepted: Container[int] = (200,)
) -> None:
    """Raise :class:`~broker.errors.MalformedReply` for a 2xx that is no answer: never an empty result."""
    if 200 <= reply.status < 300 and reply.status not in accepted:
        raise MalformedReply(
            f"the provider said {reply.status}, which is no answer to this operation",
            status=reply.status,
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
