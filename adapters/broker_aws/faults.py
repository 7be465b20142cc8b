"""From what a service or botocore raised to our errors: by error code, never by message text.

Codes: the services' own models in botocore (rekognition, textract, comprehend, transcribe, kendra,
bedrock-agent-runtime), the common errors page
(docs.aws.amazon.com/rekognition/latest/APIReference/CommonErrors.html) and botocore's lists of
throttling and transient codes (``retries/standard.py``, ``_retry.json``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from broker.contract import Fault, FaultTable, HttpReply, Verdict, classify, fault_error, given, redact
from broker.errors import (
    AuthFailed,
    BadInput,
    BrokerError,
    NotConfigured,
    ProviderError,
    ProviderFault,
    QuotaExhausted,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker_aws.settings import WHAT_TO_TYPE

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_RENEW = "renew the credential ('aws sso login', or new temporary keys)"
_PERMISSION = "allow the action of this operation for this user or role"
_KEYS = "check access key id, secret access key and session token"
_LIMIT = "raise the limit in the Service Quotas console or use another provider"
_RATE = "raise the transactions per second in the Service Quotas console or send less"
_ENDPOINT = "check region and endpoint in the provider's settings"


_ACTIONS = {"bedrock-agent-runtime": "bedrock", "bedrock-agent": "bedrock"}
"""First parts of IAM actions that are not the service's name."""
_ABSENT = "ResourceNotFoundException"
_BASE = "check index in the call or the settings, and that the region is that of the knowledge base"
_INDEXED = {
    "bedrock-agent-runtime": _BASE,
    "bedrock-agent": f"{_BASE}; behind the / stands the id of its data source",
    "kendra": "check index in the call or the settings, and that the region is that of the index",
}
"""What to do where there is no such index."""
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "NotAuthorized", "UnauthorizedOperation"})


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
        "EC2ThrottledException",
    ),
    **_rows(
        Fault(error=QuotaExhausted, advice=_LIMIT),
        "LimitExceededException",
        "LimitExceeded",
        "ServiceQuotaExceededException",
        "HumanLoopQuotaExceededException",
        "ResourceLimitExceededException",
    ),
    **_rows(
        Fault(error=Unavailable),
        "InternalServerError",
        "InternalServerException",
        "InternalFailure",
        "InternalFailureException",
        "BadGatewayException",
        "DependencyFailedException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "RequestTimeout",
        "RequestTimeoutException",
    ),
    **_rows(
        Fault(error=AuthFailed, advice=_PERMISSION),
        *_DENIED,
    ),
    **_rows(
        Fault(error=AuthFailed, advice=_KEYS),
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidToken",
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
        "BadRequestException",
        "NotFoundException",
        "InvalidRequestException",
        "InvalidFilterException",
        "InvalidJobIdException",
        "JobNotFoundException",
        "InvalidKMSKeyException",
        "KmsKeyValidationException",
        "ConcurrentModificationException",
        "FeaturedResultsConflictException",
        "ResourceAlreadyExistException",
        "TooManyTagsException",
        "TooManyTagKeysException",
    ),
    "BadDocumentException": Fault(
        error=BadInput, advice="the document is damaged or protected by a password"
    ),
    "UnsupportedDocumentException": Fault(error=BadInput, advice="send a JPEG or PNG file"),
    "UnsupportedLanguageException": Fault(
        error=Unsupported, advice="see which languages the operation takes"
    ),
    **_rows(
        Fault(error=BadInput, advice="send a smaller file"),
        "RequestEntityTooLargeException",
        "DocumentTooLargeException",
    ),
    "TextSizeLimitExceededException": Fault(error=BadInput, advice="pass the text's parts one by one"),
    "BatchSizeLimitExceededException": Fault(error=BadInput, advice="send fewer texts at once"),
    **_rows(
        Fault(error=Unavailable),
        "ResourceNotReadyException",
        "ModelNotReadyException",
        "ResourceUnavailableException",
    ),
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
_STALE = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "InvalidToken",
    }
)
_SKEW_SECONDS = 240.0
"""AWS refuses a signature more than 5 minutes off; nearer than this the clock is not to blame."""


def verdict(status: int | None, code: str | None, headers: Mapping[str, str], now: datetime) -> Verdict:
    """What a refusal means. Pure; :func:`refusal` puts AWS's words to it."""
    return classify(TABLE, status=status, code=code, headers=headers, now=now)


def request_id(reply: HttpReply | None) -> str | None:
    """AWS's id of the request."""
    if reply is None:
        return None
    return reply.headers.get("x-amzn-requestid") or reply.headers.get("x-amz-request-id")


def refusal(error: ClientError, reply: HttpReply | None, *, service: str = "rekognition") -> BrokerError:
    """Our error for an answer of 3xx, 4xx or 5xx.

    :param service: its IAM actions are named after it, and the operation.
    """
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
    table: FaultTable = TABLE
    if code in _DENIED:
        action = f"{_ACTIONS.get(service, service)}:{error.operation_name}"
        table = {code: Fault(error=AuthFailed, advice=f"allow {action} for this user or role")}
    elif code == _ABSENT and service in _INDEXED:
        table = {code: Fault(error=BadInput, advice=_INDEXED[service], misaddressed=True)}
    return fault_error(
        table,
        status=status,
        code=code,
        message=message,
        headers=reply.headers if reply is not None else None,
        request_id=request_id(reply),
    )


def item_error(item: Any, *, request_id: str | None) -> ProviderError:
    """Our error for one text of a batch that was answered with 200.

    The model says no more of ``ErrorCode`` than that it is "the numeric error code"; public code has names in capitals
    (``INTERNAL_SERVER_ERROR``). A number is read as a status, a name as that of an exception; with any other code
    nobody can say whether the text was billed. Raises ValueError for what is no error at all.
    """
    code = item.get("ErrorCode") if isinstance(item, dict) else None
    code = str(code) if type(code) is int else given(item, "ErrorCode", str)
    status = int(code) if code is not None and len(code) == 3 and code.isdecimal() else None
    found = fault_error(
        TABLE,
        status=status,
        code=None if code is None or status is not None else _exception_named(code),
        message=given(item, "ErrorMessage", str) or "",
        request_id=request_id,
    )
    found.status, found.code = None, None if code is None else redact(code, 100)
    return found


def _exception_named(code: str) -> str:
    """``TEXT_SIZE_LIMIT_EXCEEDED`` as the model names it, if it does."""
    humps = "".join(word.capitalize() for word in code.split("_"))
    return next((each for each in (code, f"{humps}Exception", humps) if each in TABLE), code)


def renewable(error: AuthFailed) -> bool:
    """Whether other keys may help: the service does not know these, or no longer. A permission is no matter of keys."""
    return error.code in _STALE or (error.status == 401 and error.code is None)


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
    response, operation = state.get("response"), state.get("operation_name")
    state.clear()  # the parameters of the call; of a JSON error the whole text, which may be a credential
    if isinstance(response, dict):
        details = response.get("Error", {})
        state["operation_name"] = operation
        state["response"] = {
            "Error": {"Code": details.get("Code"), "Message": redact(str(details.get("Message", "")))}
        }
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
