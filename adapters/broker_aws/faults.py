"""From what Rekognition or botocore raised to our errors: by error code, never by message text.

Codes: the service's own model (botocore ``rekognition/2016-06-27``), the common errors page
(docs.aws.amazon.com/rekognition/latest/APIReference/CommonErrors.html) and botocore's lists of
throttling and transient codes (``retries/standard.py``).
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from broker.contract import Fault, FaultTable, HttpReply, fault_error, redact
from broker.errors import (
    AuthFailed,
    BadInput,
    BrokerError,
    NotConfigured,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
)
from broker_aws.settings import WHAT_TO_TYPE

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_RENEW = "renew the credential ('aws sso login', or new temporary keys)"
_PERMISSION = "allow rekognition:DetectLabels for this user or role"
_KEYS = "check access key id, secret access key and session token"
_LIMIT = "raise the limit in the Service Quotas console or use another provider"
_RATE = "raise the transactions per second in the Service Quotas console or send less"
_ENDPOINT = "check region and endpoint in the settings of provider aws"


def _rows(fault: Fault, *codes: str) -> dict[int | str, Fault]:
    return dict.fromkeys(codes, fault)


TABLE: FaultTable = {
    # Throttling comes as HTTP 400 in AWS's JSON protocol, so the code decides, not the status.
    **_rows(
        Fault(error=Throttled, advice=_RATE),
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "SlowDown",
        "PriorRequestNotComplete",
        "TransactionInProgressException",
    ),
    **_rows(
        Fault(error=QuotaExhausted, advice=_LIMIT),
        "LimitExceededException",
        "LimitExceeded",
        "ServiceQuotaExceededException",
        "HumanLoopQuotaExceededException",
    ),
    **_rows(
        Fault(error=Unavailable),
        "InternalServerError",
        "InternalServerException",
        "InternalFailure",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "RequestTimeout",
        "RequestTimeoutException",
    ),
    **_rows(
        Fault(error=AuthFailed, advice=_PERMISSION),
        "AccessDeniedException",
        "AccessDenied",
        "NotAuthorized",
        "UnauthorizedOperation",
    ),
    **_rows(
        Fault(error=AuthFailed, advice=_KEYS),
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "AuthFailure",
    ),
    **_rows(Fault(error=AuthFailed, advice=_RENEW), "ExpiredToken", "ExpiredTokenException"),
    **_rows(
        Fault(error=AuthFailed, advice="activate the service for this account in the AWS console"),
        "OptInRequired",
        "SubscriptionRequiredException",
    ),
    **_rows(
        Fault(error=AuthFailed, advice="set this machine's clock (timedatectl set-ntp true)"),
        "RequestTimeTooSkewed",
        "RequestExpired",
        "RequestInTheFuture",
    ),
    "InvalidImageFormatException": Fault(error=BadInput, advice="send a JPEG or PNG file"),
    "ImageTooLargeException": Fault(
        error=BadInput, advice="Rekognition takes 5 MB and 10,000 pixels a side; scale the picture down"
    ),
    **_rows(
        Fault(error=BadInput),
        "InvalidParameterException",
        "InvalidParameterValue",
        "InvalidParameterCombination",
        "ValidationException",
        "ValidationError",
        "MissingParameter",
        "SerializationException",
        "InvalidS3ObjectException",
        "InvalidPaginationTokenException",
        "InvalidManifestException",
        "InvalidPolicyRevisionIdException",
        "MalformedPolicyDocumentException",
        "IdempotentParameterMismatchException",
        "VideoTooLargeException",
        "ResourceNotFoundException",
        "ResourceAlreadyExistsException",
        "ResourceInUseException",
        "SessionNotFoundException",
        "ConflictException",
    ),
    "RequestEntityTooLargeException": Fault(error=BadInput, advice="send a smaller file"),
    "ResourceNotReadyException": Fault(error=Unavailable),
    **_rows(
        Fault(error=BadInput, advice=_ENDPOINT),
        "UnknownOperationException",
        "InvalidAction",
        "UnknownEndpoint",
    ),
}

_CLOCK = frozenset(
    {
        "RequestTimeTooSkewed",
        "RequestExpired",
        "RequestInTheFuture",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
    }
)
_SKEW_SECONDS = 240.0
"""AWS refuses a signature more than 5 minutes off; nearer than this the clock is not to blame."""


def request_id(reply: HttpReply | None) -> str | None:
    """AWS's id of the request."""
    if reply is None:
        return None
    return reply.headers.get("x-amzn-requestid") or reply.headers.get("x-amz-request-id")


def refusal(error: ClientError, reply: HttpReply | None) -> BrokerError:
    """Our error for an answer of 3xx, 4xx or 5xx."""
    details: Any = error.response.get("Error", {})
    code, message = details.get("Code"), str(details.get("Message") or "")
    status = reply.status if reply is not None else None
    if not isinstance(code, str) or not code or code == str(status):
        code = None  # botocore puts the status there when the body names no code
        kind = reply.content_type if reply is not None else ""
        message = f"the answer is {kind or 'untyped'} without an error code"
    if code in _CLOCK and reply is not None:
        skew = _skew(reply.headers.get("date"))
        if skew is not None and abs(skew) >= _SKEW_SECONDS:
            side = "behind" if skew > 0 else "ahead"
            message = (
                f"this machine's clock is {abs(skew):.0f} s {side} of AWS's ({reply.headers['date']}), so the "
                "signature is refused; set it (timedatectl set-ntp true)"
            )
    return fault_error(
        TABLE,
        status=status,
        code=code,
        message=message,
        headers=reply.headers if reply is not None else None,
        request_id=request_id(reply),
    )


def unread_refusal(reply: HttpReply) -> BrokerError:
    """Our error for an answer of 3xx, 4xx or 5xx that the SDK itself could not read."""
    return fault_error(
        TABLE,
        status=reply.status,
        code=None,
        message=f"the answer is {reply.content_type or 'untyped'} without an error code",
        headers=reply.headers,
        request_id=request_id(reply),
    )


def failure(error: Exception) -> BrokerError:
    """Our error for what botocore raises by itself; nothing was sent then, for the network is ours."""
    from botocore import exceptions as aws

    text = redact(str(error))
    if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError)):
        return NotConfigured(f"{text}; {WHAT_TO_TYPE}")
    if isinstance(
        error,
        (
            aws.CredentialRetrievalError,
            aws.MetadataRetrievalError,
            aws.RefreshWithMFAUnsupportedError,
            aws.SSOError,
            aws.TokenRetrievalError,
            aws.NoAuthTokenError,
        ),
    ):
        return AuthFailed(f"the AWS credential could not be renewed: {text}; {_RENEW}")
    if isinstance(error, (aws.EndpointProviderError, aws.NoRegionError, aws.InvalidRegionError)):
        return NotConfigured(f"{text}; {_ENDPOINT}")
    if isinstance(error, aws.ParamValidationError):
        return BadInput(text)
    if isinstance(error, aws.ClientError):  # STS or SSO refused while a credential was renewed
        return AuthFailed(f"the AWS credential could not be renewed: {text}; {_RENEW}")
    return ProviderFault(f"the AWS SDK failed before sending: {type(error).__name__}: {text}")


def sanitised(error: Exception) -> Exception:
    """The vendor's exception, fit to be kept as a cause: redacted, without request, answer and frames.

    AWS's text for a refused signature repeats the canonical request, session token included.
    """
    error.args = (redact(str(error)),)
    state = vars(error)
    response = state.get("response")
    if isinstance(response, dict):
        details = response.get("Error", {})
        state["response"] = {
            "Error": {"Code": details.get("Code"), "Message": redact(str(details.get("Message", "")))}
        }
    if "kwargs" in state:
        state["kwargs"] = {}
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _skew(date: str | None) -> float | None:
    """Seconds that AWS's clock is ahead of ours, by its Date header."""
    if not date:
        return None
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
