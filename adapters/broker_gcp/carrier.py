"""google-auth's way to the network, over the broker's transport.

This module imports google-auth; it is loaded only when a credential is wanted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.auth import exceptions, transport

from broker.contract import Context, HttpReply
from broker.errors import BrokerError, DeadlineExceeded, MalformedReply, NotConfigured, Unavailable

_UNREACHABLE: Any = exceptions.TransportError


class Carrier(transport.Request):
    """Sends for one attempt and within its deadline.

    :ivar failure: the broker's last error, for google-auth wraps or swallows what is raised here.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.failure: BrokerError | None = None

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 # the attempt's deadline holds
        **_: Any,
    ) -> _Answer:
        content = body.encode() if isinstance(body, str) else body or b""
        try:
            reply = self._context.http.send_blocking(method, url, headers=headers, content=content)
        except (Unavailable, DeadlineExceeded, NotConfigured, MalformedReply) as error:
            self.failure = error
            raise _UNREACHABLE(str(error)) from error
        return _Answer(reply)


class _Answer(transport.Response):
    """What google-auth reads of an answer."""

    def __init__(self, reply: HttpReply) -> None:
        self._reply = reply

    @property
    def status(self) -> int:
        return self._reply.status

    @property
    def headers(self) -> Mapping[str, str]:
        return self._reply.headers

    @property
    def data(self) -> bytes:
        return self._reply.content
