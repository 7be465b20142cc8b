"""The one way out to the network, beneath boto3, Azure's SDKs and our REST adapters.

It owns pools, the total deadline, caps on bodies, proxies and CA bundles; it follows no redirect and
retries nothing. One exception: where a connection kept from an earlier request turns out to have been closed by
the server before the new one was handed over, it goes out once more on a fresh one; no server can have served
the first, and nobody else sees it. This is the only module that knows which HTTP client it is: httpx composes what
REST adapters send, and httpcore, the pool beneath httpx, carries it; what a vendor's SDK has already
composed and signed goes to the pool as it is (httpx would add 10-17 % to boto3's CPU there).
"""

from __future__ import annotations

import os
import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from ipaddress import ip_address
from typing import Generic, TypeVar
from urllib.parse import urlsplit

import httpcore
import httpx

from broker.errors import MalformedReply, NotConfigured
from broker.runtime.body import Body
from broker.runtime.exchange import Exchange
from broker.runtime.forks import first_use
from broker.runtime.loopback import is_loopback
from broker.runtime.message import Content, HttpReply, Upload
from broker.runtime.network import AsyncDeadlineBackend, DeadlineBackend
from broker.runtime.streams import Streams

MAX_CONNECTIONS = 64
"""Per pool. httpx's async client degrades above about 64 calls in flight (encode/httpx issue 3215)."""
KEEPALIVE_SECONDS = 15.0
"""Below the idle limit of the clouds' load balancers, so that a connection is rarely found closed."""
USER_AGENT = "mlbroker"
_METADATA_HOSTS = frozenset({"metadata.google.internal", "fd00:ec2::254"})
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")

_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
)

Pool = TypeVar("Pool", httpcore.ConnectionPool, httpcore.AsyncConnectionPool)


@cache
def _ssl_context() -> ssl.SSLContext:
    """The system's trust, or the CA file that the usual variables name: the same for every adapter."""
    with first_use:  # OpenSSL's own locks would stay held in a child forked meanwhile
        return _new_ssl_context()


def _new_ssl_context() -> ssl.SSLContext:
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


def _is_metadata(host: str) -> bool:
    """The clouds' credential services for their own machines: link-local, plain http, never through a proxy."""
    if host in _METADATA_HOSTS:
        return True
    try:
        return ip_address(host.strip("[]")).is_link_local
    except ValueError:
        return False


@cache
def _check_scheme(scheme: str, host: str) -> None:
    if scheme == "https" or (scheme == "http" and (is_loopback(host) or _is_metadata(host))):
        return
    if scheme == "http":
        raise NotConfigured(
            f"http://{host} would carry credentials unencrypted; use https (http is allowed on loopback only)"
        )
    raise NotConfigured(f"{scheme or 'an address without scheme'}:// is not spoken here; use https")


@cache
def _proxy_for(scheme: str, host: str) -> str | None:
    if is_loopback(host) or _is_metadata(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(scheme) or proxies.get("all")


def _proxy(url: str) -> httpcore.Proxy:
    parts = urlsplit(url if "://" in url else f"http://{url}")
    auth = (parts.username, parts.password or "") if parts.username else None
    return httpcore.Proxy(
        f"{parts.scheme}://{parts.hostname}:{parts.port or 80}",
        auth=auth,
        ssl_context=_ssl_context() if parts.scheme == "https" else None,
    )


class _Pools(Generic[Pool]):
    """One pool for direct connections and one per proxy, made on first use."""

    def __init__(self, make: Callable[[httpcore.Proxy | None], Pool]) -> None:
        self._make: Callable[[httpcore.Proxy | None], Pool] = make
        self._lock = threading.Lock()
        self._pools: dict[str | None, Pool] = {}

    def for_url(self, scheme: str, host: str) -> Pool:
        _check_scheme(scheme, host)
        proxy = _proxy_for(scheme, host)
        pool = self._pools.get(proxy)
        if pool is None:
            with self._lock:
                pool = self._pools.get(proxy)
                if pool is None:
                    pool = self._pools[proxy] = self._make(_proxy(proxy) if proxy else None)
        return pool

    def drain(self) -> list[Pool]:
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        return pools


def _blocking_pool(streams: Streams, proxy: httpcore.Proxy | None) -> httpcore.ConnectionPool:
    return httpcore.ConnectionPool(
        ssl_context=_ssl_context(),
        proxy=proxy,
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS,
        keepalive_expiry=KEEPALIVE_SECONDS,
        network_backend=DeadlineBackend(streams),
    )


def _async_pool(streams: Streams, proxy: httpcore.Proxy | None) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=_ssl_context(),
        proxy=proxy,
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS,
        keepalive_expiry=KEEPALIVE_SECONDS,
        network_backend=AsyncDeadlineBackend(streams),
    )


def _compose(
    method: str,
    url: str,
    headers: Mapping[str, str] | None,
    params: Mapping[str, str] | None,
    content: Content,
    exchange: Exchange,
) -> httpcore.Request:
    """httpx builds the request (address, query, headers); the pool beneath it carries it."""
    if isinstance(content, Upload):  # httpx would send it in chunks, which S3 does not take
        headers = {**(headers or {}), "content-length": str(len(content))}
        request = httpx.Request(method, url, params=params, headers=headers)
    else:
        request = httpx.Request(method, url, params=params, headers=headers, content=content)
    request.headers.setdefault("user-agent", USER_AGENT)
    request.headers.setdefault("accept-encoding", "gzip")
    address = request.url
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
        ),
        headers=request.headers.raw,
        content=content,
        extensions=_timed(exchange),
    )


def _timed(exchange: Exchange) -> dict[str, dict[str, Exchange]]:
    return {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), exchange)}


def _again(request: httpcore.Request, first: Exchange) -> tuple[httpcore.Request, Exchange]:
    """The request once more, to the same deadline."""
    exchange = Exchange(first.at, first.clock)
    copy = httpcore.Request(
        method=request.method,
        url=request.url,
        headers=request.headers,
        content=b"",
        extensions=_timed(exchange),
    )
    copy.stream = request.stream  # bytes or an Upload: it can be read again
    return copy, exchange


def _headers(raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _broken_body(
    failure: Exception, status: int, headers: dict[str, str], exchange: Exchange, host: str
) -> HttpReply:
    """An answer whose body did not come whole: an error status still tells what it tells."""
    if status >= 300:
        return HttpReply(status=status, headers=headers, content=b"")
    if isinstance(failure, httpcore.TimeoutException):
        raise exchange.error(failure, host) from failure
    raise MalformedReply(f"the answer of {host} was cut short", status=status) from failure


class BlockingTransport:
    """Sends inline, in the caller's thread. Safe to share between threads."""

    def __init__(self) -> None:
        self.streams = Streams()
        self._pools = _Pools(partial(_blocking_pool, self.streams))

    def send(
        self,
        method: str,
        url: str,
        *,
        exchange: Exchange,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        content: Content,
    ) -> HttpReply:
        """One request, one answer. Raises our errors for everything below HTTP."""
        return self._carry(_compose(method, url, headers, params, content, exchange), exchange)

    def send_prepared(
        self,
        method: str,
        url: str,
        *,
        exchange: Exchange,
        headers: Mapping[str, str] | None,
        content: Content,
    ) -> HttpReply:
        """What a vendor's SDK has composed and signed, carried as it is."""
        return self._carry(_prepared(method, url, headers, content, exchange), exchange)

    def _carry(self, request: httpcore.Request, exchange: Exchange) -> HttpReply:
        host = request.url.host.decode("ascii")
        pool = self._pools.for_url(request.url.scheme.decode("ascii"), host)
        try:
            answer = pool.handle_request(request)
        except _FAILURES as failure:
            if not exchange.stale:
                raise exchange.error(failure, host) from failure
            answer, exchange = self._afresh(pool, request, exchange, host)
        except BaseException as interruption:
            exchange.note_interruption(interruption)
            raise
        headers_found = _headers(answer.headers)
        try:
            body = Body(headers_found.get("content-encoding", ""))
            for chunk in answer.iter_stream():
                body.feed(chunk)
            return HttpReply(status=answer.status, headers=headers_found, content=body.content())
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as failure:
            return _broken_body(failure, answer.status, headers_found, exchange, host)
        finally:
            answer.close()

    def _afresh(
        self, pool: httpcore.ConnectionPool, request: httpcore.Request, first: Exchange, host: str
    ) -> tuple[httpcore.Response, Exchange]:
        """The same request on a connection of its own, once."""
        self.streams.distrust()
        again, exchange = _again(request, first)
        try:
            return pool.handle_request(again), exchange
        except _FAILURES as failure:
            raise exchange.error(failure, host) from failure

    def close(self) -> None:
        """Close idle connections. Usable again afterwards."""
        for pool in self._pools.drain():
            pool.close()


class AsyncTransport:
    """The same for one event loop."""

    def __init__(self) -> None:
        self.streams = Streams()
        self._pools = _Pools(partial(_async_pool, self.streams))

    async def send(
        self,
        method: str,
        url: str,
        *,
        exchange: Exchange,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        content: Content,
    ) -> HttpReply:
        """One request, one answer; cancelling closes the connection."""
        request = _compose(method, url, headers, params, content, exchange)
        host = request.url.host.decode("ascii")
        pool = self._pools.for_url(request.url.scheme.decode("ascii"), host)
        try:
            answer = await pool.handle_async_request(request)
        except _FAILURES as failure:
            if not exchange.stale:
                raise exchange.error(failure, host) from failure
            answer, exchange = await self._afresh(pool, request, exchange, host)
        except BaseException as interruption:
            exchange.note_interruption(interruption)
            raise
        headers_found = _headers(answer.headers)
        try:
            body = Body(headers_found.get("content-encoding", ""))
            async for chunk in answer.aiter_stream():
                body.feed(chunk)
            return HttpReply(status=answer.status, headers=headers_found, content=body.content())
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as failure:
            return _broken_body(failure, answer.status, headers_found, exchange, host)
        finally:
            await answer.aclose()

    async def _afresh(
        self, pool: httpcore.AsyncConnectionPool, request: httpcore.Request, first: Exchange, host: str
    ) -> tuple[httpcore.Response, Exchange]:
        """See :meth:`BlockingTransport._afresh`."""
        self.streams.distrust()
        again, exchange = _again(request, first)
        try:
            return await pool.handle_async_request(again), exchange
        except _FAILURES as failure:
            raise exchange.error(failure, host) from failure

    async def aclose(self) -> None:
        """Close idle connections."""
        for pool in self._pools.drain():
            await pool.aclose()


def _prepared(
    method: str, url: str, headers: Mapping[str, str] | None, content: Content, exchange: Exchange
) -> httpcore.Request:
    """A request that a vendor's SDK has composed and signed: carried as it is."""
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()]
    names = {name.lower() for name, _ in pairs}
    if b"host" not in names:
        pairs.insert(0, (b"Host", urlsplit(url).netloc.encode("ascii")))
    if content and b"content-length" not in names and b"transfer-encoding" not in names:
        pairs.append((b"Content-Length", str(len(content)).encode("ascii")))
    return httpcore.Request(
        method=method,
        url=url,
        headers=pairs,
        content=content,
        extensions=_timed(exchange),
    )
