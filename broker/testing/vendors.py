"""How the vendors' REST protocols look on the wire: which vendor is asked, its headers, its error bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias
from uuid import UUID

from broker.testing.script import Answer
from broker.types.json import JsonObject, JsonValue

Vendor: TypeAlias = Literal["aws", "azure", "gcp"]

AWS_JSON = "application/x-amz-json-1.1"
JSON = "application/json; charset=utf-8"

_AZURE_PATHS = (
    "/computervision/",
    "/contentsafety/",
    "/vision/",
    "/face/",
    "/language/",
    "/speechtotext/",
    "/indexes(",
)
_GOOGLE_PATHS = ("/v1/", "/v1p", "/v1beta", "/v2/")


def vendor_of(path: str, headers: Mapping[str, str]) -> Vendor | None:
    """Whose protocol a request speaks; None when it cannot be told.

    :param headers: names in lower case.
    """
    if "x-amz-target" in headers:
        return "aws"
    if "ocp-apim-subscription-key" in headers or path.startswith(_AZURE_PATHS):
        return "azure"
    if "x-goog-api-key" in headers or path.startswith(_GOOGLE_PATHS):
        return "gcp"
    return None


def vendor_headers(vendor: Vendor | None, number: int) -> dict[str, str]:
    """The headers that a vendor puts on every answer; the request id is made from the request's number."""
    request_id = str(UUID(int=number))
    if vendor == "aws":
        return {"content-type": AWS_JSON, "x-amzn-requestid": request_id}
    if vendor == "azure":
        return {"content-type": JSON, "apim-request-id": request_id}
    return {"content-type": JSON}


def aws_error(code: str, message: str, status: int = 400) -> Answer:
    """An error of the AWS JSON 1.1 protocol."""
    return Answer(status, json={"__type": code, "message": message}, headers={"content-type": AWS_JSON})


def azure_error(code: str, message: str, status: int = 400) -> Answer:
    """An error of the Azure AI services."""
    body: JsonObject = {"error": {"code": code, "message": message}}
    return Answer(status, json=body, headers={"x-ms-error-code": code})


def google_error(
    status_name: str, message: str, http: int, details: Sequence[Mapping[str, JsonValue]] = ()
) -> Answer:
    """An error of Google's REST APIs.

    :param status_name: the canonical code, such as ``RESOURCE_EXHAUSTED``.
    :param details: objects with an ``@type``, such as ``google.rpc.RetryInfo``.
    """
    error: dict[str, JsonValue] = {"code": http, "message": message, "status": status_name}
    if details:
        error["details"] = list(details)
    return Answer(http, json={"error": error})


_AWS_CODES = {
    400: "InvalidParameterException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "RequestTimeoutException",
    429: "ThrottlingException",
    500: "InternalServerError",
    503: "ServiceUnavailableException",
}
_AZURE_CODES = {
    400: "InvalidRequest",
    401: "401",  # the gateway in front of the services gives the number as the code
    403: "PermissionDenied",
    404: "ResourceNotFound",
    408: "Timeout",
    429: "429",
    500: "InternalServerError",
    503: "ServiceUnavailable",
}
_GOOGLE_CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_answer(
    vendor: Vendor | None,
    status: int,
    message: str = "scripted fault",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """What a vendor would send with this status.

    Statuses that a vendor's own servers do not make (502, 599 and the like) come without a code of
    the vendor's, as from a gateway in between.

    :param vendor: None for a body in no vendor's shape.
    :param headers: added to the vendor's own.
    """
    codes = {"aws": _AWS_CODES, "azure": _AZURE_CODES, "gcp": _GOOGLE_CODES}.get(vendor or "", {})
    code = codes.get(status)
    if code is None:
        answer = Answer(status, json={"message": message})
    elif vendor == "aws":
        answer = aws_error(code, message, status)
    elif vendor == "azure":
        answer = azure_error(code, message, status)
    else:
        answer = google_error(code, message, status)
    return replace(answer, headers={**answer.headers, **(headers or {})})
