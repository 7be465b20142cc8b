"""Makes a real cloud call impossible in this process, so that no test can spend money."""

from __future__ import annotations

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import inspect
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from types import ModuleType, TracebackType
from typing import Any
from urllib.parse import urlsplit

_NOWHERE = "/nonexistent/mlbroker-spend-guard"

_SET: Mapping[str, str] = {
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ACCESS_KEY_ID": "spend-guard-fake",
    "AWS_SECRET_ACCESS_KEY": "spend-guard-fake",
    "AWS_CONFIG_FILE": f"{_NOWHERE}/aws-config",
    "AWS_SHARED_CREDENTIALS_FILE": f"{_NOWHERE}/aws-credentials",
    "NO_GCE_CHECK": "true",
    "CLOUDSDK_CONFIG": f"{_NOWHERE}/gcloud",
    "AZURE_CONFIG_DIR": f"{_NOWHERE}/azure",
    "NO_PROXY": "*",
    "no_proxy": "*",
}
_REMOVED = (
    *(
        "AWS_SESSION_TOKEN",
        "AWS_PROFILE",
        "AWS_DEFAULT_PROFILE",
        "AWS_ROLE_ARN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
    ),
    *(
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
    *("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_API_KEY", "GCE_METADATA_HOST", "GCE_METADATA_IP"),
    *("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH"),
    *("AZURE_FEDERATED_TOKEN_FILE", "IDENTITY_ENDPOINT", "MSI_ENDPOINT", "VISION_KEY", "VISION_ENDPOINT"),
    # A proxy on loopback would carry a real call past the guard.
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "GRPC_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "grpc_proxy"),
)


_SPEECH_MODULES = tuple(
    f"azure.cognitiveservices.speech.{name}" for name in ("speech", "translation", "dialog")
)


class RealCallBlocked(BaseException):
    """A test tried to leave this machine.

    Not an ``Exception``: the product maps every ``Exception`` of an adapter to an error of its own,
    retries some, and falls back to another provider. A refusal that could be mapped would look like a
    provider that is down, and a test of just that would pass while it tried to spend money.
    """


@dataclass(frozen=True, slots=True)
class BlockedCall:
    """One attempt to leave this machine.

    :param via: the function that was called, such as ``socket.connect``.
    :param target: address or name.
    """

    via: str
    target: str


def is_local_host(host: str) -> bool:
    """Whether a name or address is this machine, judged without DNS."""
    name = host.strip("[]").partition("%")[0].rstrip(".").lower()
    if name in ("", "localhost") or name.endswith(".localhost"):
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.is_loopback or address.is_unspecified


def is_local_target(target: str) -> bool:
    """Whether a gRPC target is this machine: loopback addresses and Unix sockets only."""
    scheme, colon, rest = target.partition(":")
    if colon and scheme in ("unix", "unix-abstract"):
        return True
    if colon and scheme in ("dns", "ipv4", "ipv6", "passthrough"):
        target = rest.rpartition("/")[2] if rest.startswith("//") else rest
    return bool(target) and all(is_local_host(_host(part)) for part in target.split(","))


def _host(address: str) -> str:
    if address.startswith("["):
        return address[1:].partition("]")[0]
    if address.count(":") > 1:  # a bare IPv6 address
        return address
    return address.partition(":")[0] or "no host"


class SpendGuard:
    """While entered, only loopback and Unix sockets can be reached.

    Covered: connecting and sending of Python's sockets (so also asyncio's), name look-ups, and what uses no Python
    socket: gRPC channels, and Azure's Speech SDK by the configurations that tell it where to go. The vendors' credentials are hidden behind fakes, so
    that a call that got out some other way (a child process, a C library) would be refused there.
    Not covered: uvloop and other event loops in C.

    Blocked attempts are kept in :attr:`blocked`, for those whose error was lost on the way.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocked: list[BlockedCall] = []
        self._expected: list[BlockedCall] | None = None
        self._undo: list[Callable[[], None]] = []
        self._entered = False

    @property
    def blocked(self) -> tuple[BlockedCall, ...]:
        """All attempts so far, apart from the expected ones."""
        with self._lock:
            return tuple(self._blocked)

    @contextlib.contextmanager
    def expecting(self) -> Iterator[list[BlockedCall]]:
        """For tests of the guard itself: attempts made within go to the list it gives, not to ``blocked``."""
        with self._lock:
            outer, self._expected = self._expected, []
            mine = self._expected
        try:
            yield mine
        finally:
            with self._lock:
                self._expected = outer

    def __enter__(self) -> SpendGuard:
        if self._entered:
            raise RuntimeError("this guard is on already")
        self._entered = True
        try:
            self._guard_environment()
            self._guard_sockets()
            self._guard_names()
            self._guard_now_or_later()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._undo:
            self._undo.pop()()
        self._entered = False

    # ------------------------------------------------------------------ what is guarded

    def _guard_environment(self) -> None:
        before = {name: os.environ.get(name) for name in (*_SET, *_REMOVED)}

        def restore() -> None:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value

        self._undo.append(restore)
        for name in _REMOVED:
            os.environ.pop(name, None)
        os.environ.update(_SET)

    def _guard_sockets(self) -> None:
        for name in ("connect", "connect_ex"):
            original = getattr(socket.socket, name)

            def connect(this: socket.socket, address: Any, /, _to: Any = original, _name: str = name) -> Any:
                try:
                    self._check_address(this, f"socket.{_name}", address)
                except RealCallBlocked:
                    this.close()  # socket.create_connection closes it for OSError alone
                    raise
                return _to(this, address)

            self._swap(socket.socket, name, connect)

        sendto, sendmsg = socket.socket.sendto, socket.socket.sendmsg

        def guarded_sendto(this: socket.socket, *args: Any) -> Any:
            if len(args) > 1:
                self._check_address(this, "socket.sendto", args[-1])
            return sendto(this, *args)

        def guarded_sendmsg(this: socket.socket, *args: Any) -> Any:
            if len(args) > 3 and args[3] is not None:
                self._check_address(this, "socket.sendmsg", args[3])
            return sendmsg(this, *args)

        self._swap(socket.socket, "sendto", guarded_sendto)
        self._swap(socket.socket, "sendmsg", guarded_sendmsg)

    def _guard_names(self) -> None:
        for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex"):
            original = getattr(socket, name)

            def look_up(host: Any, *args: Any, _to: Any = original, _name: str = name, **kwargs: Any) -> Any:
                self._check_host(f"socket.{_name}", host)
                return _to(host, *args, **kwargs)

            self._swap(socket, name, look_up)

    def _guard_now_or_later(self) -> None:
        """Libraries in C that use no Python socket. They are not imported for their own sake: that costs 100 ms and more,
        and starts threads.
        """
        guarded: dict[str, Callable[[Any], None]] = {"grpc": self._guard_grpc}
        guarded.update(dict.fromkeys(_SPEECH_MODULES, self._guard_speech))
        later = {}
        for name, guard in guarded.items():
            loaded = sys.modules.get(name)
            if loaded is None:
                later[name] = guard
            else:
                guard(loaded)
        if later:
            finder = _Finder(later)
            sys.meta_path.insert(0, finder)
            self._undo.append(lambda: sys.meta_path.remove(finder))

    def _guard_speech(self, module: Any) -> None:
        """Azure's Speech SDK: where it goes is told to the configurations it is made with, a region or an address."""
        for name, made in list(vars(module).items()):
            if isinstance(made, type) and name.endswith("Config"):
                self._guard_config(made, f"azure.cognitiveservices.speech.{name}")

    def _guard_config(self, made: Any, via: str) -> None:
        original = made.__init__
        if getattr(original, "guard", None) is self:  # a module holds another's classes too
            return
        parameters = inspect.signature(original)
        if not {"region", "endpoint", "host"} & set(parameters.parameters):
            return

        def init(this: Any, *args: Any, **kwargs: Any) -> None:
            told = parameters.bind_partial(this, *args, **kwargs).arguments
            if told.get("region") is not None:
                self._refuse(via, _text(told["region"]))
            for name in ("endpoint", "host"):
                if told.get(name) is not None:
                    self._check_host(via, urlsplit(_text(told[name])).hostname or "no host")
            original(this, *args, **kwargs)

        init.guard = self  # type: ignore[attr-defined]
        self._swap(made, "__init__", init)

    def _guard_grpc(self, module: Any) -> None:
        """Both the public functions and the classes under them: a name imported earlier ends in the class."""
        asynchronous = getattr(module, "aio", None)
        for owner, prefix in ((module, "grpc"), (asynchronous, "grpc.aio")):
            if owner is None:
                continue
            for name in ("secure_channel", "insecure_channel"):
                original = getattr(owner, name)

                def channel(
                    target: str,
                    *args: Any,
                    _to: Any = original,
                    _via: str = f"{prefix}.{name}",
                    **kwargs: Any,
                ) -> Any:
                    self._check_target(_via, target)
                    return _to(target, *args, **kwargs)

                self._swap(owner, name, channel)
            with contextlib.suppress(ImportError, AttributeError):  # a private place that may move
                made = importlib.import_module(f"{prefix}._channel").Channel
                self._guard_channel(made, f"{prefix}.Channel")

    def _guard_channel(self, made: Any, via: str) -> None:
        original = made.__init__

        def init(this: Any, target: str, *args: Any, **kwargs: Any) -> None:
            self._check_target(via, target)
            original(this, target, *args, **kwargs)

        self._swap(made, "__init__", init)

    # ------------------------------------------------------------------ judging

    def _check_address(self, this: socket.socket, via: str, address: Any) -> None:
        if this.family == socket.AF_UNIX:
            return
        if this.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple) and address:
            host = _text(address[0])
            if not is_local_host(host):
                self._refuse(via, f"{host}:{address[1]}" if len(address) > 1 else host)
            return
        self._refuse(via, repr(address))

    def _check_host(self, via: str, host: Any) -> None:
        if host is not None and not is_local_host(_text(host)):
            self._refuse(via, _text(host))

    def _check_target(self, via: str, target: Any) -> None:
        if not is_local_target(_text(target)):
            self._refuse(via, _text(target))

    def _refuse(self, via: str, target: str) -> None:
        with self._lock:
            log = self._blocked if self._expected is None else self._expected
            log.append(BlockedCall(via, target))
        raise RealCallBlocked(
            f"{via} to {target} was refused: the spend guard allows only loopback and Unix sockets; "
            "point the client at a stub"
        )

    def _swap(self, owner: Any, name: str, new: Any) -> None:
        inherited = name not in vars(owner)
        old = getattr(owner, name)
        setattr(owner, name, new)
        self._undo.append(lambda: delattr(owner, name) if inherited else setattr(owner, name, old))


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else str(value)


class _Finder(importlib.abc.MetaPathFinder):
    """Puts the guard on a module in the moment it is imported."""

    def __init__(self, guards: Mapping[str, Callable[[Any], None]]) -> None:
        self._guards = guards

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        guard = self._guards.get(fullname)
        if guard is None:
            return None
        # All finders behind this one: another guard's is among them when guards are nested.
        behind = sys.meta_path[sys.meta_path.index(self) + 1 :]
        found = (finder.find_spec(fullname, path, target) for finder in behind)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is None or spec.loader is None:
            return None
        loader: Any = spec.loader
        run = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            if self in sys.meta_path:
                guard(module)

        loader.exec_module = exec_module
        return spec
