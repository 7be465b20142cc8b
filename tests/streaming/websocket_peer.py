"""A WebSocket server on loopback, by RFC 6455 alone, with no library of a client's: what speech services are played upon."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@dataclass
class Conversation:
    """One upgraded connection.

    :ivar close_code: what the client closed with; 1005 for none; None if it did not say goodbye.
    """

    wire: socket.socket
    target: str
    headers: dict[str, str]
    close_code: int | None = None
    pongs: list[bytes] = field(default_factory=list)

    def hear(self) -> bytes | str | None:
        """The client's next message; None when it is gone."""
        data, kind = b"", 0
        while (found := self._frame()) is not None:
            code, final, part = found
            if code == 8:
                self.close_code = struct.unpack(">H", part[:2])[0] if len(part) >= 2 else 1005
                return None
            if code in (9, 10):
                continue
            data, kind = data + part, code or kind
            if final:
                return data.decode() if kind == 1 else data
        return None

    def frame(self, code: int, data: bytes, *, final: bool = True) -> None:
        """One frame as a server sends it: not masked."""
        size = len(data)
        head = bytes([(0x80 if final else 0) | code])
        if size < 126:
            head += bytes([size])
        elif size < 65536:
            head += b"\x7e" + struct.pack(">H", size)
        else:
            head += b"\x7f" + struct.pack(">Q", size)
        self.wire.sendall(head + data)

    def close(self, code: int | None = 1000) -> None:
        """The closing frame, and what the client answers to it."""
        with suppress(OSError):
            self.frame(8, b"" if code is None else struct.pack(">H", code))
            self.wire.settimeout(2.0)
            while self._frame() is not None:
                pass

    def _frame(self) -> tuple[int, bool, bytes] | None:
        try:
            head = self._exactly(2)
            size = head[1] & 0x7F
            if size == 126:
                size = struct.unpack(">H", self._exactly(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", self._exactly(8))[0]
            assert head[1] & 0x80, "a client must mask its frames"
            mask = self._exactly(4)
            data = self._exactly(size)
        except (EOFError, OSError):
            return None
        data = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))
        if head[0] & 0x0F == 10:
            self.pongs.append(data)
        return head[0] & 0x0F, bool(head[0] & 0x80), data

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = self.wire.recv(count - len(data))
            if not more:
                raise EOFError
            data += more
        return data


C = TypeVar("C", bound=Conversation)


class WebSocketPeer(Generic[C]):
    """A service. ``part`` plays one conversation, in a thread of its own; afterwards the connection is closed.

    :param answer: to any request instead of the upgrade.
    :param silent: a request is not answered at all.
    :ivar sessions: those that were upgraded, in their order.
    :ivar requests: head lines of all that came.
    """

    def __init__(
        self,
        kind: type[C],
        part: Callable[[C], Any],
        *,
        answer: bytes | None = None,
        tls: ssl.SSLContext | None = None,
        silent: bool = False,
    ) -> None:
        self._kind = kind
        self._part = part
        self._answer = answer
        self._tls = tls
        self._silent = silent
        self.sessions: list[C] = []
        self.requests: list[str] = []
        self.failures: list[BaseException] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._wires: list[socket.socket] = []
        self._over = False
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        """Without a path."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """Accepted so far."""
        return len(self._threads) - 1

    def refusal(self, method: str, target: str, headers: dict[str, str]) -> bytes | None:
        """An answer instead of the upgrade, if it is refused."""
        return None

    def extra_headers(self) -> bytes:
        """Of the answer to an upgrade."""
        return b""

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        with suppress(OSError):  # closing a listener wakes nobody who waits for it
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self._threads[0].join(5)
        self._listener.close()
        for wire in self._wires:
            with suppress(OSError):
                socket.socket.shutdown(wire, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        assert not self.failures, self.failures

    def idle(self) -> None:
        """Wait until all conversations so far have ended here."""
        for thread in self._threads[1:]:
            thread.join(5)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            if self._over:
                wire.close()
                return
            self._wires.append(wire)
            thread = threading.Thread(target=self._serve, args=(wire,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, wire: socket.socket) -> None:
        try:
            if self._tls is not None:
                wire = self._tls.wrap_socket(wire, server_side=True)
                self._wires.append(wire)  # the plain one is no longer its handle
            self._speak(wire)
        except (ssl.SSLError, EOFError, ConnectionError):
            pass
        except BaseException as error:
            self.failures.append(error)
        finally:
            wire.close()

    def _speak(self, wire: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            more = wire.recv(4096)
            if not more:
                return
            head += more
        assert head.endswith(b"\r\n\r\n"), "the client spoke before it was answered"
        first, *lines = head.decode("latin-1").split("\r\n")
        self.requests.append(first)
        method, target, _ = first.split(" ")
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines if line)
        }
        if self._silent:
            wire.recv(1)
            return
        answer = self._answer if self._answer is not None else self.refusal(method, target, headers)
        if answer is not None:
            wire.sendall(answer)
            return
        accept = base64.b64encode(hashlib.sha1(headers["sec-websocket-key"].encode() + _GUID).digest())
        protocol = headers.get("sec-websocket-protocol")
        chosen = f"Sec-WebSocket-Protocol: {protocol}\r\n".encode() if protocol else b""
        wire.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
            b"Sec-WebSocket-Accept: %b\r\n%b%b\r\n" % (accept, chosen, self.extra_headers())
        )
        session = self._kind(wire, target, headers)
        self.sessions.append(session)
        self._part(session)
