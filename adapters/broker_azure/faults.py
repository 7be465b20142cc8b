"""From Azure's error answers to our errors: the innermost code that is known here wins, then the status.

Microsoft may add a finer code at any time and keeps the coarser ones (REST API guidelines, ``innererror``: clients use the
most specific one that they know); what is told is the innermost, known or not.

Sources: MicrosoftDocs/azure-ai-docs, computer-vision/includes/image-analysis-error-codes-40.md; the 3.2
codes that 4.0 still gives (``ComputerVisionInnerErrorCodeValue``); ``ErrorCode`` and ``InnerErrorCode`` of
Language 2023-04-01; content-safety/concepts/response-codes.md; for Speech and Blob see
:mod:`broker_azure.speech_faults`; recorded answers, where ``code`` may be the status as text (``"401"``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from broker.contract import (
    Fault,
    FaultTable,
    HttpReply,
    Verdict,
    classify,
    fault_error,
    redact,
    retry_hint,
)
from broker.errors import (
    AuthFailed,
    BadInput,
    BrokerError,
    ContentRefused,
    ProviderError,
    QuotaExhausted,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker_azure import speech_faults

_KEY = "check key and endpoint in the settings of provider azure: both must be of the same resource"
_ROLE = "grant the identity the role 'Cognitive Services User' on the resource, and allow this network in its firewall"
_TIER = "wait for the quota to renew or move the resource to a paid tier"
QUOTA = "OutOfCallVolumeQuota"
"""Our own code for HTTP 403 that means a used-up monthly quota."""
REGION = "FeatureNotInRegion"
"""Our own code for HTTP 400 "The feature 'Caption' is not supported in this region"."""


def _rows(fault: Fault, *codes: int | str) -> dict[int | str, Fault]:
    return dict.fromkeys(codes, fault)


TABLE: FaultTable = {
    401: Fault(error=AuthFailed, advice=_KEY),
    403: Fault(error=AuthFailed, advice=_ROLE),
    404: Fault(error=BadInput, advice="check endpoint in the settings of provider azure"),
    "InvalidImageFormat": Fault(
        error=BadInput, advice="send JPEG, PNG, GIF, BMP, WEBP, ICO, TIFF or MPO, not damaged"
    ),
    "InvalidImageSize": Fault(
        error=BadInput, advice="a picture must have 51 to 15,999 pixels a side and at most 20,971,520 bytes"
    ),
    "NotSupportedLanguage": Fault(error=BadInput, advice="see https://aka.ms/cv-languages, column Tags"),
    REGION: Fault(
        error=Unsupported,
        advice="use a resource in another region, see https://learn.microsoft.com/azure/ai-services/"
        "computer-vision/overview-image-analysis#region-availability",
    ),
    **_rows(
        Fault(error=BadInput),
        "InvalidRequestBody",
        "InvalidResourceName",
        "InvalidRequest",
        "InvalidArgument",
        "InvalidParameter",
        "BadArgument",
        "BadRequest",
        "InvalidImageUrl",
        "UnsupportedMediaType",
        "NotSupportedFeature",
        "NotSupportedVisualFeature",
        "InvalidModel",
        "InvalidDetails",
        "ModelVersionNotFound",
        "ModelVersionIncorrect",
        "InvalidParameterValue",
        "InvalidRequestBodyFormat",
        "InvalidDocument",
        "InvalidDocumentBatch",
        "MissingInputDocuments",
        "EmptyRequest",
        "InvalidCountryHint",
        "UnsupportedLanguageCode",
        "Conflict",
        "UnsupportedApiVersion",
    ),
    # 3.2's list says of it: "Unsupported image, for example child pornography".
    "NotSupportedImage": Fault(error=ContentRefused),
    **_rows(
        Fault(error=AuthFailed, advice=_ROLE),
        "PermissionDenied",
        "Forbidden",
        "AuthorizationFailed",
        "AuthenticationTypeDisabled",
        "PublicNetworkAccessDisabled",
        "AccessDenied",
    ),
    **_rows(Fault(error=AuthFailed, advice=_KEY), "Unauthorized", "InvalidSubscriptionKey", "InvalidApiKey"),
    **_rows(
        Fault(error=QuotaExhausted, advice=_TIER),
        QUOTA,
        "QuotaExceeded",
        "CallVolumeQuotaExceeded",
        "InsufficientQuota",
        "AzureCognitiveSearchIndexLimitReached",
    ),
    **_rows(
        Fault(error=Throttled),
        "TooManyRequests",
        "RateLimitExceeded",
        "RequestRateTooLarge",
        "AzureCognitiveSearchThrottling",
    ),
    **_rows(
        Fault(error=BadInput, advice="check endpoint in the settings of provider azure"),
        "ResourceNotFound",
        "NotFound",
        "OperationNotFound",
        "ProjectNotFound",
        "KnowledgeBaseNotFound",
        "AzureCognitiveSearchNotFound",
        "AzureCognitiveSearchIndexNotFound",
    ),
    **_rows(
        Fault(error=Unavailable),
        "FailedToProcess",
        "Timeout",
        "InternalServerError",
        "InternalError",
        "ServiceUnavailable",
        "ServerBusy",
        "CancelledRequest",
        "StorageException",
        "Unspecified",
        "ExtractionFailure",
    ),
    **speech_faults.ROWS,
}

_DEEPEST = 10


def request_id(reply: HttpReply) -> str | None:
    """Azure's id of the request."""
    return reply.headers.get("apim-request-id") or reply.headers.get("x-ms-request-id")


def verdict(
    status: int, code: str | None, message: str, headers: Mapping[str, str], now: datetime
) -> Verdict:
    """What a refusal means. Pure; :func:`refusal` puts Azure's words to it.

    :param message: looked at for two documented sentences only, see :func:`code_of`.
    """
    meant = code_of(status, code, message, headers, now)
    return classify(TABLE, status=status, code=meant, headers=headers, now=now)


def refusal(reply: HttpReply) -> ProviderError:
    """Our error for an answer that is not 2xx."""
    codes, message = codes_and_message(reply)
    known = code_of(reply.status, deciding(codes), message, reply.headers, datetime.now(UTC))
    error = fault_error(
        TABLE,
        status=reply.status,
        code=known,
        message=message,
        headers=reply.headers,
        request_id=request_id(reply),
    )
    if known in codes:
        error.code = redact(codes[-1], 100)
    return error


def item_error(said: Any, *, status: int, request_id: str | None) -> ProviderError | None:
    """Our error for one document of an answer of 200; None for what is no error of Azure's."""
    codes, message = nested(said)
    if not codes:
        return None
    error = fault_error(TABLE, status=status, code=deciding(codes), message=message, request_id=request_id)
    error.code = redact(codes[-1], 100)
    return error


def deciding(codes: Sequence[str]) -> str | None:
    """Of codes from the outermost to the innermost, the innermost in our table; without one, the innermost."""
    known = [code for code in codes if code in TABLE] or codes
    return known[-1] if known else None


def code_of(
    status: int, code: str | None, message: str, headers: Mapping[str, str], now: datetime
) -> str | None:
    """The code that decides: the given one, :data:`QUOTA` for a 403 that means a used-up quota, or :data:`REGION`.

    Both kinds of 403 carry the code "403". The gateway gives Retry-After with a used-up quota
    (API Management, policy quota); a missing permission does not pass with time. Should the header be
    lost, the documented sentence is the only sign left ("Out of call volume quota …"). So it is with a feature
    that a region lacks, which carries the code of every bad request.
    """
    if status == 400 and "not supported in this region" in message.lower():
        return REGION
    if status != 403 or (code is not None and code in TABLE):
        return code
    quota = retry_hint(headers, now) is not None or "call volume quota" in message.lower()
    return QUOTA if quota else code


def codes_and_message(reply: HttpReply) -> tuple[list[str], str]:
    """The codes and the innermost message: ``{"error": {code, message, innererror: {code, message}}}``, Speech's without
    ``error`` around it, or Blob's XML.
    """
    kind = reply.content_type or "untyped"
    stored = speech_faults.blob_error(reply)
    if stored is not None:
        return stored
    try:
        body: Any = reply.json()
    except BrokerError:
        return [], f"the answer is {kind}, not JSON"
    if not isinstance(body, Mapping):
        return [], f"the answer is a JSON {type(body).__name__}"
    level: Any = body if body.get("error") is None else body["error"]
    if isinstance(level, str):
        return [level], str(body.get("error_description") or body.get("message") or "")
    return nested(level)


def nested(level: Any) -> tuple[list[str], str]:
    """The codes, the innermost last, and the innermost message of ``{code, message, innererror: {code, message, …}}``."""
    codes: list[str] = []
    message = ""
    for _ in range(_DEEPEST):
        if not isinstance(level, Mapping):
            break
        given = level.get("code", level.get("statusCode"))  # API Management answers {"statusCode", "message"}
        if isinstance(given, (str, int)) and not isinstance(given, bool):
            codes.append(str(given))
        text = level.get("message")
        if isinstance(text, str) and text:
            message = text
        level = level.get("innererror", level.get("innerError"))
    return codes, message
