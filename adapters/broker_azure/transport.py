"""The broker's transport beneath any Azure SDK client: ``SomeClient(…, transport=BrokerTransport(…))``.

azure-core's own transport has a time-out for each read only, so a dripping server holds a call for as
long as it likes; here the attempt's deadline holds for everything, pauses between retries included.

This module imports azure-core. The adapter loads it when a token is wanted, and for Language; what else a key calls
needs no SDK.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, MutableMapping
from http import HTTPStatus
from types import TracebackType
from typing import Any

from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline import transport as legacy
from azure.core.rest import HttpResponse
from azure.core.utils import case_insensitive_dict

from broker.contract import Context, HttpReply
from broker.errors import BrokerError, DeadlineExceeded, MalformedReply, Outcome, Unavailable


class BrokerTransport(legacy.HttpTransport[Any, Any]):
    """Sends by the attempt's ``context.http``.

    What the SDK raises then: azure-core's ``ServiceRequestError`` (nothing was sent) and
    ``ServiceResponseError`` (it may have been), each with the broker's error as cause (see
    :func:`broker_error`); ``DeadlineExceeded`` and ``NotConfigured`` come out as they are, so that no
    retry policy of the SDK's catches them.

    :param current: gives the attempt that a request belongs to; clients outlive attempts.
    :param on_failure: told of every error of the broker's and the URL, for SDK code that swallows exceptions
        (azure-identity's credential chain does).
    """

    def __init__(
        self, current: Callable[[], Context], on_failure: Callable[[BrokerError, str], None] | None = None
    ) -> None:
        self._current = current
        self._on_failure = on_failure

    def open(self) -> None:
        """Nothing to open: the broker owns the pools."""

    def close(self) -> None:
        """Nothing to close."""

    def __enter__(self) -> BrokerTransport:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        return None

    def send(self, request: Any, **_: Any) -> Any:
        """Send a request of either generation; the SDK's time-out options give way to the deadline."""
        modern = hasattr(request, "content")  # azure.core.rest; as azure-core itself tells them apart
        body = request.content if modern else request.body
        try:
            reply = self._current().http.send_blocking(
                request.method,
                request.url,
                headers={str(name): str(value) for name, value in request.headers.items()},
                content=_bytes(body),
            )
        except BrokerError as error:
            self._tell(error, str(request.url))
            if isinstance(error, Unavailable) and error.outcome is Outcome.NOT_SENT:
                raise ServiceRequestError(str(error)) from error
            if isinstance(error, (Unavailable, MalformedReply)):
                raise ServiceResponseError(str(error)) from error
            raise
        return BrokerResponse(request, reply) if modern else _LegacyResponse(request, reply)

    def sleep(self, duration: float) -> None:
        """Pause for the SDK, unless the deadline comes first."""
        if duration >= self._current().remaining():
            late = DeadlineExceeded(f"the Azure SDK wanted to wait {duration:g} s, past the deadline")
            self._tell(late, "")
            raise late
        super().sleep(duration)

    def _tell(self, error: BrokerError, url: str) -> None:
        if self._on_failure is not None:
            self._on_failure(error, url)


def broker_error(error: BaseException | None) -> BrokerError | None:
    """The broker's error beneath an exception of an Azure SDK, if there is one."""
    for _ in range(20):
        if error is None or isinstance(error, BrokerError):
            return error
        error = error.__cause__ or error.__context__
    return None


def _bytes(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, (bytes, bytearray)):
        return bytes(body)
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return bytes(body.read())
    if isinstance(body, dict):  # a form, as azure-identity sends it
        from urllib.parse import urlencode

        return urlencode(body).encode()
    return b"".join(body)


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class _LegacyResponse(legacy.HttpResponse):
    """The answer to a request of ``azure.core.pipeline.transport``, as azure-identity sends."""

    def __init__(self, request: Any, reply: HttpReply) -> None:
        super().__init__(request, reply)
        self.status_code = reply.status
        self.headers = case_insensitive_dict(reply.headers)
        self.reason = _reason(reply.status)
        self.content_type = reply.headers.get("content-type")
        self._content = reply.content
        self.reply = reply

    def body(self) -> bytes:
        return self._content

    def stream_download(self, pipeline: Any, **_: Any) -> Iterator[bytes]:  # noqa: ARG002 # azure-core's signature
        yield self._content


class BrokerResponse(HttpResponse):
    """The answer to a request of ``azure.core.rest``: whole from the start, nothing left to read or close."""

    def __init__(self, request: Any, reply: HttpReply) -> None:
        self._request = request
        self._reply = reply
        self._headers: MutableMapping[str, str] = case_insensitive_dict(reply.headers)
        self._encoding: str | None = None

    @property
    def reply(self) -> HttpReply:
        """The answer as it came, for a policy that reads it itself."""
        return self._reply

    @property
    def request(self) -> Any:
        return self._request

    @property
    def status_code(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> MutableMapping[str, str]:
        return self._headers

    @property
    def reason(self) -> str:
        return _reason(self._reply.status)

    @property
    def content_type(self) -> str | None:
        return self._reply.headers.get("content-type")

    @property
    def is_closed(self) -> bool:
        return True

    @property
    def is_stream_consumed(self) -> bool:
        return True

    @property
    def encoding(self) -> str | None:
        return self._encoding

    @encoding.setter
    def encoding(self, value: str | None) -> None:
        self._encoding = value

    @property
    def url(self) -> str:
        return str(self._request.url)

    @property
    def content(self) -> bytes:
        return self._reply.content

    def body(self) -> bytes:
        return self._reply.content

    def text(self, encoding: str | None = None) -> str:
        return self._reply.content.decode(encoding or self._encoding or "utf-8-sig", errors="replace")

    def json(self) -> Any:
        return json.loads(self.text())

    def raise_for_status(self) -> None:
        if self._reply.status >= 400:
            raise HttpResponseError(response=self)

    def read(self) -> bytes:
        return self._reply.content

    def close(self) -> None:
        return None

    def iter_bytes(self, **_: Any) -> Iterator[bytes]:
        yield self._reply.content

    def iter_raw(self, **_: Any) -> Iterator[bytes]:
        yield self._reply.content

    def __enter__(self) -> BrokerResponse:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __repr__(self) -> str:
        return f"<BrokerResponse: {self._reply.status} {self.reason}>"
