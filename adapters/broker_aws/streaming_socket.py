"""A WebSocket to AWS in the caller's thread: wsproto speaks, a plain socket carries, the call's deadline holds for both.

The broker's own transport carries requests and answers only, so what it promises is kept here again: unencrypted on loopback
only, the CA file and the proxy that the usual variables name, no redirects, no wait past the deadline, however slowly the
other side drips. There is no thread of its own once it is open, hence nothing that a fork could leave behind locked.
"""

from __future__ import annotations

import http.client
import os
import select
import socket
import ssl
import threading
import urllib.request
from base64 import b64encode
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from wsproto import ConnectionType, WSConnection, events
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from broker.contract import TICK, Context, SingleFlight
from broker.contract.loopback import is_loopback
from broker.errors import BrokerError, DeadlineExceeded, MalformedReply, NotConfigured, Outcome, Unavailable

CONNECT_SECONDS = 5.0
"""As of the broker's transport."""
MAX_MESSAGE = 4 * 1024 * 1024
"""Far above any transcript event; a larger one is refused."""
MAX_REFUSAL = 64 * 1024
_BLOCK = 64 * 1024
_AHEAD = 64
"""Messages read ahead of whoever takes them; then the other side has to wait."""
_NORMAL = (1000, 1005)
"""A normal end, and a close that gives no code (RFC 6455, 7.4.1)."""
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")

Refused = Callable[[int, dict[str, str], bytes], BrokerError]
"""From status, headers (names in lower case) and body of an answer that is not 101 to our error."""


class WebSocket:
    """One connection. Whatever it raises before :attr:`outcome` is set says NOT_SENT.

    :ivar outcome: what a failure now means for billing.
    :ivar headers: of the answer to the upgrade, names in lower case.
    """

    def __init__(self, wire: socket.socket, host: str, context: Context) -> None:
        wire.setblocking(False)
        self._wire = wire
        self._host = host
        self._context = context
        self._speech = WSConnection(ConnectionType.CLIENT)
        self._out = bytearray()
        self._parts: list[bytes] = []
        self._size = 0
        self._came: deque[bytes] = deque()
        self._refusal: tuple[int, dict[str, str], bytearray] | None = None
        self._refused = self._eof = False
        self.outcome = Outcome.NOT_SENT
        self.headers: dict[str, str] | None = None
        self.closed: int | None = None

    def shake(self, target: str, authority: str, headers: dict[str, str], refused: Refused) -> None:
        """Upgrade. Raises what ``refused`` makes of any other answer."""
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._say(events.Request(host=authority, target=target, extra_headers=pairs))
        while self.headers is None and not self._refused and not self._eof:
            self._turn(wait=True)
        if self._refusal is not None:
            status, found, body = self._refusal
            raise refused(status, found, bytes(body))
        if self.headers is None:
            raise self._broken()

    def send(self, data: bytes) -> None:
        """Send a message; back when the system has taken it whole. What comes meanwhile is kept."""
        self._say(events.BytesMessage(data=data))
        while self._out and not self._eof and self.closed is None:
            self._turn(wait=True)

    def ready(self) -> bytes | None:
        """A message that is there already, if any."""
        if not self._came and not self._eof:
            self._turn(wait=False)
        return self._came.popleft() if self._came else None

    def next(self) -> bytes | None:
        """The next message; None when the other side has closed with the code for a normal end.

        Raises :class:`DeadlineExceeded`, :class:`Unavailable` for any other end.
        """
        while not self._came and self.closed is None and not self._eof:
            self._turn(wait=True)
        if self._came:
            return self._came.popleft()
        if self.closed in _NORMAL:
            return None
        raise self._broken()

    @property
    def over(self) -> bool:
        """Whether the other side has ended it."""
        return self.closed is not None or self._eof

    def close(self) -> None:
        """Say goodbye, without waiting for an answer, and end the connection, for copies in forked children too."""
        with suppress(OSError, LocalProtocolError):
            if self.headers is not None and not self._eof and not self._out:
                self._wire.send(self._speech.send(events.CloseConnection(code=1000)))
        with suppress(OSError):
            # Of TLS only the wire: an orderly end would wait for the other side.
            socket.socket.shutdown(self._wire, socket.SHUT_RDWR)
        self._wire.close()

    def _say(self, event: events.Event) -> None:
        try:
            self._out += self._speech.send(event)
        except LocalProtocolError:  # the other side has ended it; what it said comes first
            self._eof = self._eof or self.closed is None

    def _turn(self, *, wait: bool) -> None:
        """Write what can be written and read what is there; if neither is possible, wait for one of them."""
        moved = self._write()
        moved = (len(self._came) < _AHEAD and self._read()) or moved
        if moved or not wait:
            return
        left = self._context.remaining()
        if left <= 0.0:
            raise DeadlineExceeded(
                f"the deadline passed while waiting for {self._host}", outcome=self.outcome
            )
        watch = select.poll()
        watch.register(self._wire, select.POLLIN | (select.POLLOUT if self._out else 0))
        watch.poll(min(left, TICK) * 1000.0 + 1.0)  # whoever leaves the stream makes nothing left

    def _write(self) -> bool:
        if not self._out or self._eof:
            return False
        try:
            count = self._wire.send(memoryview(self._out)[:_BLOCK])
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            # What was said before it broke is still to be read.
            self._out.clear()
            return self._read()
        del self._out[:count]
        return True

    def _read(self) -> bool:
        if self._eof:
            return False
        try:
            data = self._wire.recv(_BLOCK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            data = b""
        if not data:
            self._eof = True
            return True
        try:
            self._speech.receive_data(data)
            for event in self._speech.events():
                self._take(event)
        except (RemoteProtocolError, LocalProtocolError) as error:
            raise MalformedReply(
                f"{self._host} did not speak WebSocket: {type(error).__name__}", outcome=self.outcome
            ) from None
        return True

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.BytesMessage | events.TextMessage):
            data = event.data.encode() if isinstance(event.data, str) else bytes(event.data)
            self._size += len(data)
            if self._size > MAX_MESSAGE:
                raise MalformedReply(
                    f"{self._host} sent a message above {MAX_MESSAGE:,} bytes", outcome=self.outcome
                )
            self._parts.append(data)
            if event.message_finished:
                self._came.append(b"".join(self._parts))
                self._parts, self._size = [], 0
        elif isinstance(event, events.Ping):
            self._say(event.response())
        elif isinstance(event, events.CloseConnection):
            self.closed = event.code
        elif isinstance(event, events.AcceptConnection):
            self.headers = _headers(event.extra_headers)
        elif isinstance(event, events.RejectConnection):
            self._refusal = (event.status_code, _headers(event.headers), bytearray())
            self._refused = not event.has_body
        elif isinstance(event, events.RejectData) and self._refusal is not None:
            self._refusal[2].extend(event.data)
            self._refused = event.body_finished or len(self._refusal[2]) > MAX_REFUSAL

    def _broken(self) -> BrokerError:
        if self.outcome is Outcome.NOT_SENT:
            return Unavailable(
                f"{self._host} ended the connection before the stream began", outcome=self.outcome
            )
        said = "" if self.closed is None else f" (WebSocket code {self.closed})"
        return Unavailable(
            f"{self._host} ended the stream before its end{said}; what was streamed may have been billed",
            outcome=self.outcome,
        )


def connect(url: str, trust: ssl.SSLContext, context: Context) -> WebSocket:
    """A connection to the host of a ``ws://`` or ``wss://`` address; nothing has been said on it yet.

    Raises :class:`Unavailable`, :class:`DeadlineExceeded`, :class:`NotConfigured`, all with nothing sent.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    late = threading.Event()

    def dial() -> socket.socket:
        wire = _dial(parts, trust, min(context.remaining(), CONNECT_SECONDS))
        if late.is_set():
            wire.close()
        return wire

    # The system's resolver knows no deadline, and a proxy may drip; whoever dials is left behind in his thread.
    flight: SingleFlight[socket.socket] = SingleFlight(f"{host} was being connected to")
    try:
        wire = flight.run(dial, context)
    except DeadlineExceeded:
        late.set()
        raise
    return WebSocket(wire, host, context)


def _dial(parts: SplitResult, trust: ssl.SSLContext, seconds: float) -> socket.socket:
    host, secure = parts.hostname or "", parts.scheme == "wss"
    port = parts.port or (443 if secure else 80)
    proxy = _proxy_for(host) if secure else None  # unencrypted goes to loopback only
    try:
        line = _line(host, port, proxy, seconds)
        line.connect()
        wire: socket.socket = line.sock
    except (OSError, http.client.HTTPException) as error:
        if proxy is not None:
            raise NotConfigured(
                f"the proxy refused to reach {host}, or was not reached itself; check HTTPS_PROXY and its "
                f"credentials, or list the host in NO_PROXY ({type(error).__name__})"
            ) from None
        raise Unavailable(
            f"{host} could not be reached: {_reason(error)}", outcome=Outcome.NOT_SENT
        ) from error
    if not secure:
        return wire
    try:
        return trust.wrap_socket(wire, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        wire.close()
        raise NotConfigured(
            f"the TLS certificate of {host} is not trusted ({error.verify_message}). If a proxy of your own re-signs "
            "it, put its CA file into SSL_CERT_FILE"
        ) from error
    except (OSError, ValueError) as error:
        wire.close()
        raise Unavailable(
            f"{host} could not be reached: {_reason(error)}", outcome=Outcome.NOT_SENT
        ) from error


def _line(host: str, port: int, proxy: SplitResult | None, seconds: float) -> http.client.HTTPConnection:
    if proxy is None:
        return http.client.HTTPConnection(host, port, timeout=seconds)
    if proxy.scheme != "http" or not proxy.hostname:
        raise NotConfigured(
            f"streams reach AWS through http proxies only, not {proxy.scheme!r:.20}; name one in HTTPS_PROXY"
        )
    line = http.client.HTTPConnection(proxy.hostname, proxy.port or 80, timeout=seconds)
    said: dict[str, Any] = {}
    if proxy.username:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        said["Proxy-Authorization"] = f"Basic {b64encode(pair.encode()).decode('ascii')}"
    line.set_tunnel(host, port, said)
    return line


def _proxy_for(host: str) -> SplitResult | None:
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    found = proxies.get("https") or proxies.get("all")
    return urlsplit(found if "://" in found else f"http://{found}") if found else None


def trust() -> ssl.SSLContext:
    """The system's trust, or the CA file that the usual variables name."""
    for variable in _CA_VARIABLES:
        path = os.environ.get(variable)
        if path:
            try:
                if os.path.isdir(path):
                    return ssl.create_default_context(capath=path)
                return ssl.create_default_context(cafile=path)
            except OSError as error:
                raise NotConfigured(f"{variable} names {path!r}, which cannot be read as CA file") from error
    try:
        import certifi
    except ImportError:
        return ssl.create_default_context()
    return ssl.create_default_context(cafile=certifi.where())


def _headers(pairs: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
