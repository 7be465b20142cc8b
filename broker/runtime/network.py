"""httpcore network backends that hold every connect, read and write to the exchange's deadline."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
from collections.abc import Iterable
from typing import Any, cast

import httpcore

from broker.runtime.exchange import Exchange

CONNECT_SECONDS = 5.0
"""A host that does not accept within this is down; clouds answer in a fraction of it."""
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

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not isinstance(timeout, Exchange):
            return self._inner.read(max_bytes, timeout)
        left = timeout.left()
        if left <= 0.0:
            raise httpcore.ReadTimeout("no time left")
        data = self._inner.read(max_bytes, left)
        timeout.received += len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not isinstance(timeout, Exchange):
            self._inner.write(buffer, timeout)
            return
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
        return DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, _connect_time(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """Connects within the deadline; all addresses of a host share the time, so a dead IPv6 route cannot eat it."""

    def __init__(self) -> None:
        self._inner = httpcore.SyncBackend()

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
                return DeadlineStream(
                    self._inner.connect_tcp(
                        address,
                        port,
                        min(_connect_time(timeout), total / (len(addresses) - position)),
                        local_address,
                        socket_options,
                    )
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

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not isinstance(timeout, Exchange):
            return await self._inner.read(max_bytes, timeout)
        left = timeout.left()
        if left <= 0.0:
            raise httpcore.ReadTimeout("no time left")
        data = await self._inner.read(max_bytes, left)
        timeout.received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not isinstance(timeout, Exchange):
            await self._inner.write(buffer, timeout)
            return
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
        return AsyncDeadlineStream(
            await self._inner.start_tls(ssl_context, server_hostname, _connect_time(timeout))
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class AsyncDeadlineBackend(httpcore.AsyncNetworkBackend):
    """The same for the async world; anyio's connect races the addresses (happy eyeballs) by itself."""

    def __init__(self) -> None:
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
        return AsyncDeadlineStream(
            await self._inner.connect_tcp(host, port, _connect_time(timeout), local_address, socket_options)
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.UnsupportedProtocol("Unix sockets are not used")
