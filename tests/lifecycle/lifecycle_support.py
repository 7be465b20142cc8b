"""Brokers over loopback vendors for the tests of closing, cancelling, exiting and forking, here and in other processes."""

from __future__ import annotations

import os
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "third_party_adapter"
if str(EXAMPLES) not in sys.path:  # in a process of our own
    sys.path.insert(0, str(EXAMPLES))

from acme_broker import AcmeAdapter  # noqa: E402 # behind its folder's being named
from broker.contract import Manifest  # noqa: E402
from broker.ledger import SqliteLedger  # noqa: E402
from broker.testing.fake import fake_price  # noqa: E402
from broker.types import Image  # noqa: E402

PICTURE = Image(data=b"\xff\xd8\xff" + bytes(400), format="jpeg", width=640, height=480)
ROUTES = {
    "rest": "/v1/labels",
    "botocore": "RekognitionService.DetectLabels",
    "azure": "/computervision/imageanalysis:analyze",
}
GOOD: dict[str, Any] = {
    "rest": {"labels": [{"name": "Dog", "score": 0.9}]},
    "botocore": {"Labels": [{"Name": "Dog", "Confidence": 90.0}], "LabelModelVersion": "3.0"},
    "azure": {"modelVersion": "2023-10-01", "tagsResult": {"values": [{"name": "dog", "confidence": 0.9}]}},
    "grpc": {"responses": [{"labelAnnotations": [{"mid": "/m/1", "description": "Dog", "score": 0.9}]}]},
}
HTTP_FAMILIES = ("rest", "botocore", "azure")
FAMILIES = (*HTTP_FAMILIES, "grpc")


class PricedAcme(AcmeAdapter):
    """The example's adapter, with a price."""

    manifest = Manifest(
        provider="acme",
        version="1",
        operations=AcmeAdapter.manifest.operations,
        prices=(fake_price(sku="acme.vision.label"),),
    )


def options(family: str, address: str, **more: Any) -> dict[str, Any]:
    """Arguments of a broker whose one provider is at the address; one attempt, no limits of the guards' own."""
    sections: dict[str, tuple[str, dict[str, Any]]] = {
        "rest": ("acme", {"endpoint": address, "key": "k"}),
        "botocore": (
            "aws",
            {
                "endpoint": address,
                "region": "us-east-1",
                "access_key_id": "AKIAIOSFODNN7EXAMPLE",
                "secret_access_key": "s",
            },
        ),
        "azure": ("azure", {"endpoint": address, "key": "k", "region": "eastus"}),
        "grpc": ("gcp", {"endpoint": address, "api_key": "k"}),
    }
    name, section = sections[family]
    found: dict[str, Any] = {"provider": name, "providers": {name: section}, "max_attempts": 1, **more}
    if family == "rest":
        found["adapters"] = [PricedAcme]
    return found


def rows(path: str | Path = "ledger.db") -> list[sqlite3.Row]:
    """The attempts in the ledger."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return connection.execute("SELECT * FROM attempt ORDER BY seq").fetchall()


def recovered(path: str | Path = "ledger.db") -> list[sqlite3.Row]:
    """The attempts as the next program to open the ledger sees them."""
    with closing(SqliteLedger(str(path))) as ledger:
        ledger.recover()
    return rows(path)


def until(true: Callable[[], object], seconds: float = 60.0) -> bool:
    """Wait for another thread or process."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def threads(*works: Callable[[], object]) -> Iterator[list[BaseException | None]]:
    """Run each in a thread meanwhile; what each raised, in their order, is complete at the end."""
    raised: list[BaseException | None] = [None] * len(works)

    def run(number: int) -> None:
        try:
            works[number]()
        except BaseException as error:
            raised[number] = error

    started = [threading.Thread(target=run, args=(number,)) for number in range(len(works))]
    for thread in started:
        thread.start()
    try:
        yield raised
    finally:
        for thread in started:
            thread.join(90)
        assert not any(thread.is_alive() for thread in started), "a call never came back"


def own_sockets() -> set[str]:
    """The sockets this process holds, by inode."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            target = os.readlink(f"/proc/self/fd/{name}")
            if target.startswith("socket:"):
                found.add(target)
    return found


def open_files() -> list[str]:
    """What this process's file descriptors are."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{name}"))
    return sorted(found)


def start(code: str, *arguments: object, python: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Another Python, with these helpers at hand, telling of every ResourceWarning on stderr."""
    head = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\nfrom lifecycle_support import *\n"
    )
    flags = python or ("-W", "always::ResourceWarning")
    return subprocess.Popen(
        [sys.executable, *flags, "-c", head + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], expected: int = 0, seconds: float = 150.0) -> str:
    """Its output, once it has ended as expected, without a complaint."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it did not end within {seconds} s: {out}\n{err}") from None
    assert process.returncode == expected, err or out
    assert "ResourceWarning" not in err, err
    return out


def resting(process: subprocess.Popen[str]) -> bool:
    """Whether it is waiting, and used no processor for a while: then all it had to do is done."""
    before = _used(process.pid)
    time.sleep(0.1)
    return before[0] == "S" and before == _used(process.pid)


def _used(pid: int) -> tuple[str, str, str]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], fields[11], fields[12]  # the state, and the time in its own code and in the kernel


class Line:
    """An HTTP server that tells who spoke on which connection: ``seen`` holds port and body of each request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._answer = b'{"labels": [{"name": "Dog", "score": 0.9}]}'
        self._tls = tls
        self.hanging = False
        self.seen: list[tuple[int, bytes]] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = self._listener.getsockname()[1]
        self.url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def open(self) -> int:
        """Connections open now."""
        return len(self._open)

    def ports(self, mark: bytes) -> set[int]:
        """The connections on which bodies that end so were sent."""
        return {port for port, body in list(self.seen) if body.endswith(mark)}

    def hang_up(self) -> None:
        """Close all connections, as a server does with idle ones."""
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        assert until(lambda: not self._open)

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        raw = connection
        try:
            port = connection.getpeername()[1]
            if self._tls is not None:
                self._open.discard(raw)
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.add(connection)
            file = connection.makefile("rb")
            with file:
                while line := file.readline():
                    size = 0
                    while line not in (b"\r\n", b""):
                        name, _, value = line.partition(b":")
                        if name.lower() == b"content-length":
                            size = int(value)
                        line = file.readline()
                    self.seen.append((port, file.read(size)))
                    if self.hanging:
                        continue
                    connection.sendall(
                        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
                        % (len(self._answer), self._answer)
                    )
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            connection.close()


def marked(mark: bytes) -> Image:
    """A picture that a :class:`Line` recognises."""
    return Image(data=PICTURE.data + mark, format="jpeg", width=640, height=480)
