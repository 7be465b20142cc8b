"""Bytes and sockets of the HTTP stub: read one request, write one answer or fault."""

from __future__ import annotations

import json
import socket
import struct
import threading
import zlib
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote, urlsplit

from broker.testing.script import Answer, Fault, FaultKind, SeenRequest
from broker.types.json import JsonValue

_MAX_HEAD = 256 * 1024
_HTML = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to use this network</body></html>"
)
_GARBAGE = b"\x16\x03\x01\x00\xa5 this is no HTTP \x00\xff\r\n\r\n"


class Gone(Exception):
    """The client closed the connection, or sent what is no HTTP request."""


class Reader:
    """Reads requests from one connection, keeping what came too early."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = b""

    def head(self) -> SeenRequest:
        """The next request without its body. Raises :class:`Gone` at the end of the connection."""
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > _MAX_HEAD:
                raise Gone
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        words = line.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise Gone
        headers: dict[str, str] = {}
        for text in fields:
            name, _, value = text.partition(":")
            name, value = name.strip().lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        target = urlsplit(words[1])
        return SeenRequest(
            method=words[0], path=unquote(target.path) or "/", query=target.query, headers=headers
        )

    def body(self, headers: Mapping[str, str]) -> bytes:
        """The body that belongs to the head just read."""
        if headers.get("expect", "").lower() == "100-continue":
            self._socket.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks()
        try:
            size = int(headers.get("content-length", "0"))
        except ValueError as error:
            raise Gone from error
        return self._exactly(size)

    def drain(self) -> None:
        """Read and forget until the client leaves or the connection is shut down."""
        while self._socket.recv(65536):
            pass

    def _chunks(self) -> bytes:
        parts = []
        while True:
            try:
                size = int(self._line().partition(b";")[0], 16)
            except ValueError as error:
                raise Gone from error
            if size == 0:
                break
            parts.append(self._exactly(size))
            self._line()
        while self._line():  # trailers
            pass
        return b"".join(parts)

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            self._more()
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _exactly(self, size: int) -> bytes:
        parts = [self._buffer[:size]]
        self._buffer = self._buffer[size:]
        missing = size - len(parts[0])
        while missing > 0:
            part = self._socket.recv(min(missing, 1 << 20))
            if not part:
                raise Gone
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _more(self) -> None:
        part = self._socket.recv(65536)
        if not part:
            raise Gone
        self._buffer += part


def head_bytes(status: int, headers: Mapping[str, str]) -> bytes:
    """Status line and headers, with the empty line after them."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def reset(connection: socket.socket) -> None:
    """Close with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@lru_cache(maxsize=4)
def bomb(size: int) -> bytes:
    """Gzip of ``size`` bytes of valid JSON: an empty object with much white space in it."""
    pack = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    parts = [pack.compress(b"{")]
    blank = b" " * (1 << 20)
    whole, rest = divmod(size - 2, len(blank))
    parts.extend(pack.compress(blank) for _ in range(whole))
    parts.append(pack.compress(blank[:rest] + b"}"))
    parts.append(pack.flush())
    return b"".join(parts)


def send_answer(
    connection: socket.socket,
    answer: Answer,
    added: Mapping[str, str],
    closing: threading.Event,
    *,
    head_only: bool = False,
) -> bool:
    """Write one answer in one piece; whether the connection can be used again.

    :param added: headers that the stub adds where the answer does not set them.
    :param closing: ends a delay early.
    :param head_only: leave the body out, as HEAD wants it.
    """
    if answer.delay > 0 and closing.wait(answer.delay):
        return False
    own = {name.lower(): value for name, value in answer.headers.items()}
    payload = answer.payload
    headers = {"date": formatdate(usegmt=True), **added, **own}
    if answer.status == 204 or not payload:
        headers = {name: value for name, value in headers.items() if name != "content-type" or name in own}
    if answer.status >= 200 and answer.status not in (204, 304):
        headers.setdefault("content-length", str(len(payload)))
    else:
        payload = b""
    connection.sendall(head_bytes(answer.status, headers) + (b"" if head_only else payload))
    return headers.get("connection", "").lower() != "close"


def send_fault(
    connection: socket.socket,
    reader: Reader,
    fault: Fault,
    added: Mapping[str, str],
    closing: threading.Event,
) -> bool:
    """Misbehave; whether the connection can be used again. The request's body has been read."""
    match fault.kind:
        case FaultKind.RESET_BEFORE_READ | FaultKind.RESET_AFTER_BODY:
            reset(connection)
        case FaultKind.CLOSE_EMPTY:
            pass
        case FaultKind.HANG:
            reader.drain()
        case FaultKind.DRIP:
            return _drip(connection, fault, added, closing)
        case FaultKind.TRUNCATED:
            body = _dump(fault.json)
            head = head_bytes(200, {**added, "content-length": str(len(body) + 64)})
            connection.sendall(head + body)
        case FaultKind.CHUNK_CUT:
            body = _dump(fault.json)
            head = head_bytes(200, {**added, "transfer-encoding": "chunked"})
            connection.sendall(head + b"%x\r\n" % len(body) + body[: len(body) // 2])
        case FaultKind.GARBAGE:
            connection.sendall(_GARBAGE)
        case FaultKind.HTML:
            html = Answer(200, body=_HTML, headers={"content-type": "text/html; charset=utf-8"})
            return send_answer(connection, html, added, closing)
        case FaultKind.EMPTY:
            empty = Answer(200, headers={"content-type": added.get("content-type", "application/json")})
            return send_answer(connection, empty, added, closing)
        case FaultKind.GZIP_BOMB:
            answer = Answer(200, body=bomb(fault.size), headers={"content-encoding": "gzip"})
            return send_answer(connection, answer, added, closing)
        case FaultKind.REDIRECT:
            away = Answer(302, headers={"location": fault.to})
            return send_answer(connection, away, added, closing)
    return False


def _drip(
    connection: socket.socket, fault: Fault, added: Mapping[str, str], closing: threading.Event
) -> bool:
    body = _dump(fault.json)
    connection.sendall(head_bytes(200, {**added, "content-length": str(len(body))}))
    for index in range(len(body)):
        if closing.wait(fault.interval):
            return False
        connection.sendall(body[index : index + 1])
    return True


def _dump(value: JsonValue) -> bytes:
    return json.dumps(value).encode()
