"""What the fault tests share: the families of transports, one call through the public client, a TLS front."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import socket
import sqlite3
import ssl
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from acme_broker import AcmeAdapter
from broker import AsyncBroker, Broker, BrokerError
from broker.ledger.sqlite import SqliteLedger
from broker.testing.hurried import HurriedAsyncRuntime, HurriedRuntime
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import Image
from broker_aws import AwsAdapter
from broker_azure import AzureAdapter
from broker_gcp import GcpAdapter
from broker_local import LocalAdapter

FACES = ("sync", "async")
ATTEMPTS = 3
CANARY = "Kan4ry/QzT7+wLmN2pXv9sRbY6c"
"""A secret that must appear nowhere. With characters that are written otherwise in addresses and JSON."""

ACME_ROUTE = "/v1/labels"
AWS_ROUTE = "RekognitionService.DetectLabels"
AZURE_ROUTE = "/computervision/imageanalysis:analyze"


def acme_labels(*names: str) -> dict[str, Any]:
    return {"labels": [{"name": name, "score": 0.9} for name in names]}


def aws_labels(*names: str) -> dict[str, Any]:
    return {"Labels": [{"Name": name, "Confidence": 90.0} for name in names], "LabelModelVersion": "3.0"}


def azure_labels(*names: str) -> dict[str, Any]:
    values = [{"name": name, "confidence": 0.9} for name in names]
    return {"modelVersion": "2023-10-01", "metadata": {}, "tagsResult": {"values": values}}


def gcp_labels(*names: str) -> dict[str, Any]:
    return {"responses": [{"labelAnnotations": [{"description": name, "score": 0.9} for name in names]}]}


@dataclass(frozen=True, kw_only=True)
class Family:
    """One way to the network, with the adapter that stands for it.

    :param labels: an answer that holds these labels.
    """

    name: str
    adapter: type[Any]
    route: str = ""
    vendor: Any = None
    labels: Callable[..., dict[str, Any]] = field(default=acme_labels)

    @property
    def provider(self) -> str:
        found: str = self.adapter.manifest.provider
        return found

    def section(self, url: str, secret: str = CANARY) -> dict[str, Any]:
        """Settings that lead to a stub."""
        if self.name == "botocore":
            return {
                "endpoint": url,
                "region": "us-east-1",
                "access_key_id": "AKIAIOSFODNN7EXAMPLE",
                "secret_access_key": secret,
            }
        if self.name == "local":
            return {}
        return {"endpoint": url, "api_key" if self.name == "grpc" else "key": secret} | (
            {"region": "eastus"} if self.name == "azure" else {}
        )


REST = Family(name="rest", adapter=AcmeAdapter, route=ACME_ROUTE)
BOTOCORE = Family(name="botocore", adapter=AwsAdapter, route=AWS_ROUTE, vendor="aws", labels=aws_labels)
AZURE = Family(name="azure", adapter=AzureAdapter, route=AZURE_ROUTE, vendor="azure", labels=azure_labels)
GRPC = Family(name="grpc", adapter=GcpAdapter, labels=gcp_labels)
LOCAL = Family(name="local", adapter=LocalAdapter)
HTTP = (REST, BOTOCORE, AZURE)
CLOUD = (*HTTP, GRPC)
ALL = (*CLOUD, LOCAL)


def by_turns(names: str, cases: Iterable[Any], ids: Iterable[str] | None = None) -> pytest.MarkDecorator:
    """Variants of one fault, sync and async by turns: each fault meets both facades, and not each variant twice."""
    made = [
        (*(case if isinstance(case, tuple) and "," in names else (case,)), FACES[position % 2])
        for position, case in enumerate(cases)
    ]
    return pytest.mark.parametrize(f"{names},face", made, ids=None if ids is None else list(ids))


def _jpeg() -> bytes:
    from PIL import Image as Pillow

    out = io.BytesIO()
    Pillow.effect_noise((320, 240), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


PICTURE = Image.from_bytes(_jpeg())


class Caller:
    """Calls ``vision.label`` through the public client of either facade, with a ledger of its own."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.slept: list[float] = []

    def options(self, family: Family, url: str, **more: Any) -> dict[str, Any]:
        section = more.pop("section", None)
        return {
            "adapters": [family.adapter],
            "provider": family.provider,
            "providers": {family.provider: family.section(url) if section is None else section},
            "max_attempts": ATTEMPTS,
            **more,
        }

    def __call__(
        self, face: str, family: Family, url: str, image: Any = PICTURE, times: int = 1, **more: Any
    ) -> Any:
        """The last of so many calls with one broker; ``between`` is called after each but the last.

        With ``patient`` seconds those before have that deadline: a short one then need not make the client too.
        """
        patient: dict[str, Any] = {"deadline": more.pop("patient")} if "patient" in more else {}
        between: Callable[[], object] = more.pop("between", lambda: None)
        broker_options = {name: more.pop(name) for name in ("section", "retry_ambiguous") if name in more}
        options = self.options(family, url, **broker_options)
        ledger = SqliteLedger(self.path)
        try:
            if face == "sync":
                runtime = HurriedRuntime()
                with Broker(ledger=ledger, runtime=runtime, **options) as broker:
                    self.slept = runtime.slept
                    for _ in range(times - 1):
                        broker.vision.label(image, **{**more, **patient})
                        between()
                    return broker.vision.label(image, **more)

            async def run() -> Any:
                loops = HurriedAsyncRuntime()
                self.slept = loops.slept
                async with AsyncBroker(ledger=ledger, runtime=loops, **options) as broker:
                    for _ in range(times - 1):
                        await broker.vision.label(image, **{**more, **patient})
                        between()
                    return await broker.vision.label(image, **more)

            return asyncio.run(run())
        finally:
            ledger.close()

    def rows(self) -> list[sqlite3.Row]:
        """The attempts in the ledger."""
        if not Path(self.path).exists():
            return []
        with closing(sqlite3.connect(self.path)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute("SELECT * FROM attempt ORDER BY seq").fetchall()

    def outcomes(self) -> list[str]:
        return [row["outcome"] for row in self.rows()]

    def bytes(self) -> bytes:
        """All that the ledger's files hold."""
        folder = Path(self.path).parent
        return b"".join(path.read_bytes() for path in folder.glob(Path(self.path).name + "*"))


def shown(error: BaseException) -> str:
    """All that a person may come to see of an error."""
    return "\n".join(
        (
            str(error),
            repr(error),
            "".join(traceback.format_exception(error)),
            repr(vars(error)),
            repr(getattr(error, "attempts", "")),
        )
    )


def billed_text(error: BrokerError) -> str:
    return {True: "yes", False: "no", None: "unknown"}[error.billed]


class TlsFront:
    """TLS before a plain stub on loopback, HTTP or gRPC alike.

    :param authority: signs the certificate.
    :param name: the host the certificate is for.
    """

    def __init__(self, port: int, authority: trustme.CA, name: str = "localhost", **certificate: Any) -> None:
        self._port = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.set_alpn_protocols(["h2", "http/1.1"])
        authority.issue_cert(name, **certificate).configure_cert(self._context)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._start(self._accept)

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._server.accept()
            except OSError:
                return
            self._start(self._serve, raw)

    def _serve(self, raw: socket.socket) -> None:
        raw.settimeout(30.0)
        try:
            client = self._context.wrap_socket(raw, server_side=True)
        except OSError:
            raw.close()
            return
        vendor = socket.create_connection(("127.0.0.1", self._port))
        self._sockets += [client, vendor]
        client.settimeout(None)
        back = threading.Thread(target=_pump, args=(vendor, client), daemon=True)
        self._threads.append(back)
        back.start()
        _pump(client, vendor)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(30.0)
        for each in self._sockets:
            each.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def everything_logged() -> Iterator[list[str]]:
    """All that any logger says at DEBUG, formatted as a program would."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    keeper, root = Keep(), logging.getLogger()
    keeper.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    before = root.level
    root.addHandler(keeper)
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(keeper)
        root.setLevel(before)


THREADS = 8


def in_threads(work: Callable[[], Any]) -> list[Any]:
    """The same at once in so many threads; they begin together."""
    gate = threading.Barrier(THREADS)

    def begin(_: int) -> Any:
        gate.wait(30.0)
        return work()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def script(stub: VendorStub, family: Family, *steps: Any, then: Mapping[str, Any] | None = None) -> None:
    """Answer so, one request after another; then well."""
    good = Answer(json=dict(then) if then is not None else family.labels("Cat"))
    stub.on(family.route, *steps, default=good)
