"""No real vendor can be reached under the guard, by any client; loopback can."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

import broker
from broker.testing import BlockedCall, RealCallBlocked, SpendGuard, VendorStub
from broker.testing.spend_guard import is_local_host, is_local_target

REKOGNITION = "rekognition.eu-west-1.amazonaws.com"
FAR = "203.0.113.1"  # reserved for documentation, so it is nobody's


@pytest.fixture
def guard() -> Iterator[SpendGuard]:
    with SpendGuard() as guard:
        yield guard


def test_it_is_no_exception_that_a_product_could_map(guard: SpendGuard) -> None:
    def product() -> str:
        try:
            httpx.get(f"https://{REKOGNITION}")
        except Exception as error:
            return f"provider is down: {error}"
        return "called"

    with pytest.raises(RealCallBlocked, match="point the client at a stub"):
        product()
    assert not issubclass(RealCallBlocked, Exception)
    assert guard.blocked == (BlockedCall("socket.getaddrinfo", REKOGNITION),)


@pytest.mark.parametrize(
    "host", [FAR, REKOGNITION, "vision.googleapis.com", "anything.invalid", "169.254.169.254"]
)
def test_sockets_and_names_are_refused(guard: SpendGuard, host: str) -> None:
    with pytest.raises(RealCallBlocked):
        socket.create_connection((host, 443), timeout=0.5)
    for look_up in (socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex):
        with pytest.raises(RealCallBlocked):
            look_up(*((host, 443) if look_up is socket.getaddrinfo else (host,)))
    with socket.socket() as stream:
        stream.settimeout(0.5)
        with pytest.raises(RealCallBlocked):
            stream.connect((host, 443))
        with pytest.raises(RealCallBlocked):
            stream.connect_ex((host, 443))
    assert len(guard.blocked) == 6


def test_datagrams_are_refused(guard: SpendGuard) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        with pytest.raises(RealCallBlocked):
            datagrams.sendto(b"x", (FAR, 53))
        with pytest.raises(RealCallBlocked):
            datagrams.sendto(b"x", 0, (FAR, 53))
        with pytest.raises(RealCallBlocked):
            datagrams.sendmsg([b"x"], [], 0, (FAR, 53))
        datagrams.bind(("127.0.0.1", 0))
        datagrams.sendto(b"mine", datagrams.getsockname())
        datagrams.sendmsg([b"too"], [], 0, datagrams.getsockname())
        assert (datagrams.recv(10), datagrams.recv(10)) == (b"mine", b"too")
    with socket.socket(socket.AF_INET6) as stream, pytest.raises(RealCallBlocked):
        stream.connect(("2001:db8::1", 443, 0, 0))


def test_asyncio_and_httpx_async_are_refused(guard: SpendGuard) -> None:
    async def connect(host: str) -> None:
        await asyncio.open_connection(host, 443)

    async def get() -> None:
        async with httpx.AsyncClient() as client:
            await client.get("https://vision.googleapis.com")

    for attempt in (lambda: connect(FAR), lambda: connect(REKOGNITION), get):
        with pytest.raises(RealCallBlocked):
            asyncio.run(attempt())  # type: ignore[no-untyped-call]
    assert [call.target for call in guard.blocked][-2:] == [REKOGNITION, "vision.googleapis.com"]


def test_worker_threads_are_refused(guard: SpendGuard) -> None:
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(httpx.get, f"https://{FAR}")
    assert isinstance(future.exception(), RealCallBlocked)


def test_boto3_is_refused(guard: SpendGuard) -> None:
    boto3: Any = pytest.importorskip("boto3", reason="needs the aws extra")
    client = boto3.session.Session().client("rekognition", region_name="eu-west-1")
    with pytest.raises(RealCallBlocked):
        client.detect_labels(Image={"Bytes": b"x"})
    client.close()
    assert guard.blocked == (BlockedCall("socket.getaddrinfo", REKOGNITION),)


def test_azure_is_refused(guard: SpendGuard) -> None:
    analysis: Any = pytest.importorskip("azure.ai.vision.imageanalysis", reason="needs the Azure SDK")
    from azure.core.credentials import AzureKeyCredential

    endpoint = "https://somebody.cognitiveservices.azure.com"
    with (
        analysis.ImageAnalysisClient(endpoint, AzureKeyCredential("k"), retry_total=0) as client,
        pytest.raises(RealCallBlocked),
    ):
        client.analyze(b"x", visual_features=[analysis.models.VisualFeatures.TAGS])


def test_grpc_is_refused_before_a_channel_is_made(guard: SpendGuard) -> None:
    grpc: Any = pytest.importorskip("grpc", reason="needs the gcp extra")
    for make in (grpc.insecure_channel, grpc.aio.insecure_channel):
        with pytest.raises(RealCallBlocked):
            make("vision.googleapis.com:443")
    for make in (grpc.secure_channel, grpc.aio.secure_channel):
        with pytest.raises(RealCallBlocked):
            make("vision.googleapis.com:443", grpc.ssl_channel_credentials())
    assert {call.via for call in guard.blocked} == {
        f"{prefix}.{kind}_channel" for prefix in ("grpc", "grpc.aio") for kind in ("secure", "insecure")
    }
    grpc.insecure_channel("127.0.0.1:1").close()
    grpc.insecure_channel("unix:/nonexistent").close()


def test_googles_client_is_refused(guard: SpendGuard) -> None:
    vision: Any = pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")
    credentials: Any = pytest.importorskip("google.auth.credentials")
    with pytest.raises(RealCallBlocked):
        vision.ImageAnnotatorClient(credentials=credentials.AnonymousCredentials())
    assert guard.blocked == (BlockedCall("grpc.secure_channel", "vision.googleapis.com:443"),)


def test_loopback_and_unix_sockets_work(guard: SpendGuard, tmp_path: Any) -> None:
    with VendorStub() as stub:
        stub.reply({"ok": True})
        assert httpx.get(stub.url).json() == {"ok": True}
        assert httpx.get(f"http://localhost:{stub.port}").json() == {"ok": True}

        async def get() -> Any:
            async with httpx.AsyncClient() as client:
                return (await client.get(stub.url)).json()

        assert asyncio.run(get()) == {"ok": True}
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        server.listen()
        client.connect(path)
        assert client.connect_ex(path) != 0
    assert socket.getaddrinfo(None, 80, flags=socket.AI_PASSIVE)
    assert guard.blocked == ()


def test_everything_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.delenv("NO_GCE_CHECK", raising=False)
    grpc: Any = sys.modules.get("grpc")
    before = (dict(os.environ), dict(vars(socket.socket)), socket.getaddrinfo, grpc and grpc.secure_channel)
    finders = list(sys.meta_path)
    with SpendGuard():
        assert os.environ["AWS_ACCESS_KEY_ID"] == "spend-guard-fake"
        assert os.environ["AWS_EC2_METADATA_DISABLED"] == "true"
        assert os.environ["NO_GCE_CHECK"] == "true"
        assert not os.path.exists(os.environ["AWS_CONFIG_FILE"])
        assert not os.path.exists(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
        assert not {"AWS_PROFILE", "GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY"} & set(os.environ)
        assert socket.getaddrinfo is not before[2]
    after = (dict(os.environ), dict(vars(socket.socket)), socket.getaddrinfo, grpc and grpc.secure_channel)
    assert after == before
    assert sys.meta_path == finders


def test_guards_nest_and_are_not_entered_twice() -> None:
    with SpendGuard() as outer:
        with SpendGuard() as inner, pytest.raises(RealCallBlocked):
            socket.getaddrinfo("a.invalid", 1)
        assert len(inner.blocked) == 1
        assert len(outer.blocked) == 0
        with pytest.raises(RealCallBlocked):
            socket.getaddrinfo("b.invalid", 1)
        assert "b.invalid" in repr(outer.blocked)
        with pytest.raises(RuntimeError, match="on already"):
            outer.__enter__()
    with outer, pytest.raises(RealCallBlocked):
        socket.getaddrinfo("c.invalid", 1)


def test_expected_attempts_are_kept_apart(guard: SpendGuard) -> None:
    with guard.expecting() as tried, pytest.raises(RealCallBlocked):
        socket.getaddrinfo("a.invalid", 1)
    assert tried == [BlockedCall("socket.getaddrinfo", "a.invalid")]
    assert guard.blocked == ()


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *[
            ("localhost", True),
            ("LOCALHOST.", True),
            ("app.localhost", True),
            ("127.8.9.1", True),
            ("", True),
        ],
        *[("::1", True), ("[::1]", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", True), ("::", True)],
        *[("::1%lo", True), ("10.0.0.1", False), ("169.254.169.254", False), ("::ffff:8.8.8.8", False)],
        *[
            ("localhost.evil.com", False),
            ("127.0.0.1.nip.io", False),
            ("2130706433", False),
            ("fd00:ec2::254", False),
        ],
    ],
)
def test_which_hosts_are_local(host: str, local: bool) -> None:
    assert is_local_host(host) is local


@pytest.mark.parametrize(
    ("target", "local"),
    [
        *[("127.0.0.1:80", True), ("localhost:80", True), ("[::1]:80", True), ("::1", True)],
        *[("dns:///localhost:80", True), ("dns:localhost:80", True), ("ipv4:127.0.0.1:80", True)],
        *[("ipv6:[::1]:80", True), ("unix:/tmp/x", True), ("unix:///tmp/x", True), ("unix-abstract:x", True)],
        *[("ipv4:127.0.0.1:80,8.8.8.8:80", False), ("vision.googleapis.com", False)],
        *[("dns:///vision.googleapis.com:443", False), ("dns://127.0.0.1/vision.googleapis.com", False)],
        *[("xds:///localhost", False), ("google-c2p:///vision", False), ("", False), (":80", False)],
    ],
)
def test_which_grpc_targets_are_local(target: str, local: bool) -> None:
    assert is_local_target(target) is local


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(broker.__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_grpc_is_guarded_when_it_is_imported_later() -> None:
    pytest.importorskip("grpc", reason="needs the gcp extra")
    said = python(
        """
import sys
from broker.testing import RealCallBlocked, SpendGuard

def attempt(make):
    try:
        make("vision.googleapis.com:443")
    except RealCallBlocked:
        return "refused"

with SpendGuard() as outer:
    with SpendGuard() as inner:
        assert "grpc" not in sys.modules
        import grpc
        print(attempt(grpc.insecure_channel), attempt(grpc.aio.insecure_channel))
        assert (len(inner.blocked), len(outer.blocked)) == (2, 0)
    print(attempt(grpc.insecure_channel), attempt(grpc.aio.insecure_channel))
    assert (len(inner.blocked), len(outer.blocked)) == (2, 2)
grpc.insecure_channel("vision.googleapis.com:443").close()
"""
    )
    assert said.split() == ["refused"] * 4


def test_azures_speech_sdk_is_guarded_whenever_it_is_imported() -> None:
    pytest.importorskip("azure.cognitiveservices.speech", reason="needs the extra azure-speech")
    said = python(
        """
from broker.testing import RealCallBlocked, SpendGuard

def attempt(make, **where):
    try:
        make(subscription="k" * 32, **where)
        return "made"
    except RealCallBlocked:
        return "refused"

with SpendGuard() as guard:
    import azure.cognitiveservices.speech as speech
    for make in (speech.SpeechConfig, speech.translation.SpeechTranslationConfig):
        print(attempt(make, region="westeurope"), attempt(make, host="wss://westeurope.stt.speech.microsoft.com"))
        print(attempt(make, endpoint="wss://127.0.0.1.example.com/x"), attempt(make, endpoint="ws://127.0.0.1:9/x"))
    assert len(guard.blocked) == 6
print(attempt(speech.SpeechConfig, region="westeurope"))
with SpendGuard() as guard:
    print(attempt(speech.SpeechConfig, region="westeurope"))
"""
    )
    assert said.split() == ["refused", "refused", "refused", "made"] * 2 + ["made", "refused"]


def test_importing_the_kit_loads_neither_grpc_nor_pytest_nor_a_vendor() -> None:
    heavy = ("grpc", "pytest", "boto3", "google.cloud", "azure.core", "httpx")
    said = python(f"import sys, broker.testing; print([name for name in {heavy!r} if name in sys.modules])")
    assert said == "[]"


def test_grpc_functions_imported_before_the_guard_are_refused_too() -> None:
    pytest.importorskip("grpc", reason="needs the gcp extra")
    said = python(
        """
from grpc import insecure_channel
from broker.testing import RealCallBlocked, SpendGuard

with SpendGuard() as guard:
    try:
        insecure_channel("vision.googleapis.com:443")
    except RealCallBlocked:
        print(guard.blocked[0].via)
insecure_channel("vision.googleapis.com:443").close()  # lazy: nothing leaves without a call
"""
    )
    assert said == "grpc.Channel"
