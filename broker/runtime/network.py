"""httpcore network backends that hold every connect, read and write to the exchange's deadline.

They also keep count of a transport's connections: to cut them when a broker is closed, to close a forked child's
copies, and to leave those alone that a server may have closed meanwhile.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - for getaddrinfo(): a fork in the midst of its import would hang the child
import queue
import socket
import ssl
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, cast

import httpcore

from broker.runtime.exchange import Exchange
from broker.runtime.streams import Streams

CONNECT_SECONDS = 5.0
"""A host that does not accept within this is down; clouds answer in a fraction of it."""
CUT = "the broker was closed"
_WRITE_BLOCK = 256 * 1024
"""Written at once; the time left is looked at between blocks."""


def _connect_time(timeout: float | None) -> float:
    left = timeout.left() if isinstance(timeout, Exchange) else timeout
    if left is None:
        return CONNECT_SECONDS
    if left <= 0.0:
        raise httpcore.ConnectTimeout("no time left")
    return min(left, CONNECT_SECONDS)


def _resolve(host: str, port: int, seconds: float) -> list[tuple[Any, ...]]:
    """The host's addresses. The system's resolver knows no deadline, so it is left behind in its thread."""
    answer: queue.SimpleQueue[list[tuple[Any, ...]] | BaseException] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answer.put(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
        except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
            answer.put(error)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    try:
        found = answer.get(timeout=seconds)
    except queue.Empty:
        raise httpcore.ConnectTimeout(f"the name {host!r} was not resolved in time") from None
    if isinstance(found, BaseException):
        raise found
    return found


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose every operation gets what is left of the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, streams: Streams) -> None:
        self._inner = inner
        self._streams = streams
        self._born = streams.age
        self._served = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not isinstance(timeout, Exchange):
            return self._inner.read(max_bytes, timeout)
        left = timeout.left()
        if left <= 0.0:
            raise httpcore.ReadTimeout("no time left")
        data = self._inner.read(max_bytes, left)
        timeout.received += len(data)
        self._served = True
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not isinstance(timeout, Exchange):
            self._inner.write(buffer, timeout)
            return
        if not timeout.begun:
            timeout.begun, timeout.reused = True, self._served
        try:
            for start in range(0, len(buffer), _WRITE_BLOCK):
                left = timeout.left()
                if left <= 0.0:
                    raise httpcore.WriteTimeout("no time left")
                block = buffer if len(buffer) <= _WRITE_BLOCK else buffer[start : start + _WRITE_BLOCK]
                self._inner.write(block, left)
                timeout.sent += len(block)
        except BaseException:
            timeout.broken = True
            raise

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _counted(
            self._inner.start_tls(ssl_context, server_hostname, _connect_time(timeout)), self._streams
        )

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self._born < self._streams.age:
            return True  # so that the pool gives it up: an idle connection is readable when it was closed
        return self._inner.get_extra_info(info)

    def sever(self) -> None:
        """End it under whoever reads or writes in another thread; its owner closes it."""
        found = self._inner.get_extra_info("socket")
        if isinstance(found, socket.socket):
            with suppress(OSError):
                socket.socket.shutdown(found, socket.SHUT_RDWR)  # of TLS only the wire: its state is in use

    def bury(self) -> None:
        """Close this process's handle without a word to the other side."""
        with suppress(OSError):
            self._inner.close()


def _counted(inner: httpcore.NetworkStream, streams: Streams) -> DeadlineStream:
    stream = DeadlineStream(inner, streams)
    if not streams.add(stream):
        stream.close()
        raise httpcore.ConnectError(CUT)
    return stream


class DeadlineBackend(httpcore.NetworkBackend):
    """Connects within the deadline; all addresses of a host share the time, so a dead IPv6 route cannot eat it."""

    def __init__(self, streams: Streams) -> None:
        self._inner = httpcore.SyncBackend()
        self._streams = streams

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        total = _connect_time(timeout)
        try:
            found = _resolve(host, port, total)
        except (OSError, UnicodeError) as error:  # UnicodeError: what no host can be called
            raise httpcore.ConnectError(f"the name {host!r} cannot be resolved") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for position, address in enumerate(addresses):
            last = position == len(addresses) - 1
            try:
                return _counted(
                    self._inner.connect_tcp(
                        address,
                        port,
                        min(_connect_time(timeout), total / (len(addresses) - position)),
                        local_address,
                        socket_options,
                    ),
                    self._streams,
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last:
                    raise
        raise httpcore.ConnectError(f"the name {host!r} has no address")

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        raise httpcore.UnsupportedProtocol("Unix sockets are not used")


class AsyncDeadlineStream(httpcore.AsyncNetworkStream):
    """The same for the async world."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, streams: Streams) -> None:
        self._inner = inner
        self._streams = streams
        self._born = streams.age
        self._served = False

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not isinstance(timeout, Exchange):
            return await self._inner.read(max_bytes, timeout)
        left = timeout.left()
        if left <= 0.0:
            raise httpcore.ReadTimeout("no time left")
        data = await self._inner.read(max_bytes, left)
        timeout.received += len(data)
        self._served = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not isinstance(timeout, Exchange):
            await self._inner.write(buffer, timeout)
            return
        if not timeout.begun:
            timeout.begun, timeout.reused = True, self._served
        try:
            # In blocks: asyncio takes any amount into its buffer and does not say if it was lost there.
            for start in range(0, len(buffer), _WRITE_BLOCK):
                left = timeout.left()
                if left <= 0.0:
                    raise httpcore.WriteTimeout("no time left")
                block = buffer if len(buffer) <= _WRITE_BLOCK else buffer[start : start + _WRITE_BLOCK]
                await self._inner.write(block, left)
                timeout.sent += len(block)
        except BaseException:
            timeout.broken = True
            raise

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        return await _counted_async(
            await self._inner.start_tls(ssl_context, server_hostname, _connect_time(timeout)), self._streams
        )

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self._born < self._streams.age:
            return True
        return self._inner.get_extra_info(info)

    def sever(self) -> None:
        """End it under whoever uses it, from any thread; its owner closes it on its loop."""
        found = self._inner.get_extra_info("socket")
        if found is not None:
            with suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)

    def bury(self) -> None:
        """Close the handle without the event loop, which is gone or another process's.

        asyncio has no public way: a transport closes on its loop only, and complains when it is collected open.
        """
        transport = _transport_of(self._inner)
        end = getattr(transport, "_call_connection_lost", None)
        if end is not None and getattr(transport, "_sock", None) is not None:
            with suppress(Exception):  # the callbacks of what waited on the loop that is gone
                end(None)


async def _counted_async(inner: httpcore.AsyncNetworkStream, streams: Streams) -> AsyncDeadlineStream:
    stream = AsyncDeadlineStream(inner, streams)
    if not streams.add(stream):
        await stream.aclose()
        raise httpcore.ConnectError(CUT)
    return stream


def _transport_of(stream: httpcore.AsyncNetworkStream) -> Any:
    """The asyncio transport beneath httpcore's and anyio's streams, if it is there."""
    found: Any = getattr(stream, "_stream", None)
    while found is not None and not hasattr(found, "_transport"):
        found = getattr(found, "transport_stream", None)  # TLS
    return getattr(found, "_transport", None)


class AsyncDeadlineBackend(httpcore.AsyncNetworkBackend):
    """The same for the async world; anyio's connect races the addresses (happy eyeballs) by itself."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        # httpcore's stand-in for a missing anyio hides the type; anyio is a dependency of ours.
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        inner = await self._inner.connect_tcp(
            host, port, _connect_time(timeout), local_address, socket_options
        )
        return await _counted_async(inner, self._streams)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.UnsupportedProtocol("Unix sockets are not used")
