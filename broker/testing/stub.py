"""A loopback HTTP/1.1 server that stands for every REST vendor at once."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import TracebackType

from broker.testing.script import (
    Answer,
    Fault,
    FaultKind,
    Script,
    SeenRequest,
    Step,
    Steps,
    as_script,
)
from broker.testing.vendors import vendor_headers, vendor_of
from broker.testing.wire import Gone, Reader, reset, send_answer, send_fault
from broker.types.json import JsonObject, JsonValue

_CLOSE_LIMIT = 3.0
"""Seconds; it is only used up where a script blocks, or the machine stalls."""


class _Entry:
    """One request in the log; its body is filled in when it has been read."""

    __slots__ = ("number", "seen")

    def __init__(self, seen: SeenRequest, number: int) -> None:
        self.seen = seen
        self.number = number


class VendorStub:
    """Answers like AWS, Azure and Google on one loopback port, well or badly, and counts.

    AWS JSON 1.1 is routed by ``X-Amz-Target``, all else by path::

        with VendorStub() as stub:
            stub.on("RekognitionService.DetectLabels", {"Labels": []})
            stub.on("/computervision/imageanalysis:analyze", Fault.hang(), Answer(json=tags))
            ...
            assert stub.count == 2

    Several steps are used up one per request, and the last repeats. A route without steps answers 404
    and names the route. A request is counted when its head has arrived, also if a fault then cuts it.
    Each answer is one write, with TCP_NODELAY: in small pieces every call would cost 40 ms more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._closing = threading.Event()
        self._entries: list[_Entry] = []
        self._routes: dict[str, Script] = {}
        self._general: Script | None = None
        self._failures: list[BaseException] = []
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="vendor-stub", daemon=True)
        self._acceptor.start()

    # ------------------------------------------------------------------ what to answer

    def on(
        self,
        route: str,
        *steps: Steps | Script,
        default: Answer | Fault | JsonObject | None = None,
    ) -> Script:
        """Set what one route answers: steps, or one callable, or one script. Returns the script.

        :param route: an ``X-Amz-Target`` or a path.
        :param default: what comes after the steps, in place of repeating the last.
        """
        script = as_script(steps, default)
        with self._lock:
            self._routes[route] = script
        return script

    def reply(
        self,
        json: JsonValue = None,
        *,
        status: int = 200,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        delay: float = 0.0,
    ) -> Script:
        """Give this answer on every route that has no script of its own."""
        return self.script([Answer(status, json=json, body=body, headers=headers or {}, delay=delay)])

    def fault(
        self, fault: Fault, *, times: int | None = None, then: Answer | JsonObject | None = None
    ) -> Script:
        """Misbehave on every route that has no script of its own.

        :param times: how often, before ``then`` comes; always when None.
        """
        if times is None:
            return self.script([fault])
        if then is None:
            raise ValueError("say what comes after the faults: fault(…, times=n, then=…)")
        return self.script([fault] * times, then)

    def script(
        self,
        steps: Iterable[Answer | Fault | JsonObject] | Callable[[SeenRequest], Step] | Script,
        default: Answer | Fault | JsonObject | None = None,
    ) -> Script:
        """Follow this script on every route that has none of its own."""
        script = steps if isinstance(steps, Script) else Script(steps, default)
        with self._lock:
            self._general = script
        return script

    def reset(self) -> None:
        """Forget all scripts and all requests; open connections stay."""
        with self._lock:
            self._routes.clear()
            self._general = None
            self._entries = []

    # ------------------------------------------------------------------ what arrived

    @property
    def port(self) -> int:
        """The loopback port."""
        return self._port

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``, without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> tuple[SeenRequest, ...]:
        """All requests since the start or the last reset, in the order of arrival."""
        with self._lock:
            return tuple(entry.seen for entry in self._entries)

    @property
    def count(self) -> int:
        """How many requests arrived."""
        with self._lock:
            return len(self._entries)

    @property
    def open_connections(self) -> int:
        """How many connections are open now; tells a client's leaks and its use of keep-alive."""
        with self._lock:
            return len(self._connections)

    def wait_for(self, count: int, timeout: float = 30.0) -> bool:
        """Wait until so many requests have arrived; False when the time is over."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self._entries) >= count, timeout)

    # ------------------------------------------------------------------ life

    def __enter__(self) -> VendorStub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop at once, whatever is in flight, and leave no socket or thread. May be called again.

        Raises what a callable script raised, since the client saw no more of it than a 500.
        """
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        limit = time.monotonic() + _CLOSE_LIMIT
        self._acceptor.join(_CLOSE_LIMIT)
        self._listener.close()
        with self._lock:
            left, threads = tuple(self._connections), tuple(self._threads)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)  # wakes recv() and sendall()
        for thread in threads:
            thread.join(max(0.0, limit - time.monotonic()))
        for connection in left:  # still open only under a callable script that blocks
            connection.close()
        if self._failures:
            failures, self._failures = self._failures, []
            raise failures[0]

    # ------------------------------------------------------------------ serving

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="vendor-stub-connection", daemon=True
            )
            with self._lock:
                self._connections.add(connection)
                self._threads = [thread, *(other for other in self._threads if other.is_alive())]
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        reader = Reader(connection)
        try:
            while not self._closing.is_set() and self._one(connection, reader):
                pass
        except (OSError, Gone):
            pass
        finally:
            connection.close()
            with self._lock:
                self._connections.discard(connection)

    def _one(self, connection: socket.socket, reader: Reader) -> bool:
        """Serve one request; whether another may follow on this connection."""
        seen = reader.head()
        with self._arrived:
            entry = _Entry(seen, len(self._entries) + 1)
            self._entries.append(entry)
            script = self._routes.get(seen.route) or self._routes.get(seen.path) or self._general
            self._arrived.notify_all()
        step = None if script is None or script.needs_body else script.next(seen)
        if isinstance(step, Fault) and step.kind is FaultKind.RESET_BEFORE_READ:
            reset(connection)
            return False
        seen = replace(seen, body=reader.body(seen.headers))
        with self._lock:
            entry.seen = seen
        if step is None:
            step = _no_route(seen) if script is None else self._decide(script, seen)
        added = vendor_headers(vendor_of(seen.path, seen.headers), entry.number)
        if isinstance(step, Fault):
            reusable = send_fault(connection, reader, step, added, self._closing)
        else:
            reusable = send_answer(connection, step, added, self._closing, head_only=seen.method == "HEAD")
        return reusable and seen.headers.get("connection", "").lower() != "close"

    def _decide(self, script: Script, seen: SeenRequest) -> Step:
        try:
            return script.next(seen)
        except Exception as error:  # noqa: BLE001 - the test's own code; shown by close()
            self._failures.append(error)
            return Answer(500, json={"message": f"the stub's script raised {type(error).__name__}"})


def _no_route(seen: SeenRequest) -> Answer:
    text = f"the stub has no answer for route {seen.route!r}"
    return Answer(
        404,
        json={
            "__type": "NoSuchRoute",
            "message": text,
            "error": {"code": "NoSuchRoute", "message": text, "status": "NOT_FOUND"},
            "route": seen.route,
        },
    )
