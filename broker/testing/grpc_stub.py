"""A loopback gRPC server that stands for Google Cloud Vision.

Needs grpcio and google-cloud-vision; they are imported when a stub is made, not with this module.
"""

from __future__ import annotations

import importlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, TypeAlias, Union

from broker.types.json import JsonObject

SERVICE = "google.cloud.vision.v1.ImageAnnotator"
METHOD = "BatchAnnotateImages"
_WORKERS = 32
_NO_DEADLINE = 1e8  # grpc tells "no deadline" as some centuries


@dataclass(frozen=True)
class GrpcAnswer:
    """A good answer in the REST shape, with keys in camelCase or snake_case.

    :param json: ``{"responses": […]}`` is sent as it is; one bare image response is sent once for
        each image asked for. A function is given the decoded request and makes it.
    """

    json: JsonObject | Callable[[Any], JsonObject]
    delay: float = 0.0


@dataclass(frozen=True)
class GrpcError:
    """An error status.

    :param code: a ``grpc.StatusCode``.
    :param details: protobuf messages such as ``google.rpc.RetryInfo``, sent in ``grpc-status-details-bin``.
    :param trailing: further trailing metadata, such as ``grpc-retry-pushback-ms``.
    """

    code: Any
    message: str = "scripted fault"
    details: Sequence[Any] = ()
    trailing: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass(frozen=True)
class GrpcBytes:
    """Status OK with these bytes: for what the message's JSON cannot say, such as fields of the future."""

    content: bytes


class GrpcFault(str, Enum):
    """How the gRPC stub misbehaves."""

    HANG = "hang"
    """Never answer, until the client leaves or the stub closes."""
    MALFORMED = "malformed"
    """Status OK with bytes that are no message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenGrpcCall:
    """One call as it arrived.

    :param request: the decoded ``BatchAnnotateImagesRequest`` as a plain protobuf message.
    :param metadata: names in lower case.
    :param time_remaining: seconds until the client's deadline; None when the client set none.
    """

    request: Any = field(repr=False)
    metadata: Mapping[str, str | bytes]
    time_remaining: float | None


GrpcStep: TypeAlias = Union[GrpcAnswer, GrpcBytes, GrpcError, GrpcFault]


class VisionGrpcStub:
    """Answers ``BatchAnnotateImages`` like Google Cloud Vision, well or badly, and counts.

    ::

        with VisionGrpcStub() as stub:
            stub.script([stub_error, recorded_json])
            channel = grpc.insecure_channel(stub.target)

    Without a script it answers UNIMPLEMENTED. Messages are encoded here, not by grpc, so that broken
    bytes can be sent.
    """

    def __init__(self) -> None:
        self._grpc: Any = importlib.import_module("grpc")
        vision: Any = importlib.import_module("google.cloud.vision_v1")
        self._request: Any = vision.BatchAnnotateImagesRequest.pb()
        self._response: Any = vision.BatchAnnotateImagesResponse.pb()
        self._json_format: Any = importlib.import_module("google.protobuf.json_format")
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._calls: list[SeenGrpcCall] = []
        self._steps: deque[GrpcStep] = deque()
        self._last: GrpcStep | None = None
        self._waiting: set[threading.Event] = set()
        self._closed = False
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="vision-grpc-stub")
        self._server: Any = self._grpc.server(
            self._pool,
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", -1),  # grpc's own limit of 4 MB is not Google's
            ],
        )
        handler = self._grpc.unary_unary_rpc_method_handler(self._serve)
        self._server.add_generic_rpc_handlers(
            (self._grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),)
        )
        self._port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    # ------------------------------------------------------------------ what to answer

    def reply(self, json: JsonObject | Callable[[Any], JsonObject], *, delay: float = 0.0) -> None:
        """Answer every call with this: see :class:`GrpcAnswer`."""
        self.script([GrpcAnswer(json, delay)])

    def error(
        self,
        code: Any,
        message: str = "scripted fault",
        *,
        details: Sequence[Any] = (),
        trailing: Mapping[str, str] | None = None,
    ) -> None:
        """Answer every call with this status: see :class:`GrpcError`."""
        self.script([GrpcError(code, message, details, trailing or {})])

    def hang(self) -> None:
        """Never answer."""
        self.script([GrpcFault.HANG])

    def malformed(self) -> None:
        """Answer every call with bytes that are no message."""
        self.script([GrpcFault.MALFORMED])

    def script(
        self, steps: Iterable[GrpcStep | JsonObject], default: GrpcStep | JsonObject | None = None
    ) -> None:
        """Answer call by call; then the default, or the last step again where there is none."""
        made = [self._step(step) for step in steps]
        last = made[-1] if default is None and made else None
        if default is not None:
            last = self._step(default)
        if last is None:
            raise ValueError("a script needs a step or a default")
        with self._lock:
            self._steps = deque(made)
            self._last = last

    def reset(self) -> None:
        """Forget script and calls."""
        with self._lock:
            self._steps.clear()
            self._last = None
            self._calls = []

    # ------------------------------------------------------------------ what arrived

    @property
    def target(self) -> str:
        """``127.0.0.1:port``, for ``grpc.insecure_channel``."""
        return f"127.0.0.1:{self._port}"

    @property
    def requests(self) -> tuple[SeenGrpcCall, ...]:
        """All calls since the start or the last reset, in the order of arrival."""
        with self._lock:
            return tuple(self._calls)

    @property
    def count(self) -> int:
        """How many calls arrived."""
        with self._lock:
            return len(self._calls)

    def wait_for(self, count: int, timeout: float = 30.0) -> bool:
        """Wait until so many calls have arrived; False when the time is over."""
        with self._arrived:
            return self._arrived.wait_for(lambda: len(self._calls) >= count, timeout)

    # ------------------------------------------------------------------ life

    def __enter__(self) -> VisionGrpcStub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop at once, whatever is in flight, and leave no thread. May be called again."""
        with self._lock:
            self._closed = True
            waiting = tuple(self._waiting)
        for event in waiting:
            event.set()
        self._server.stop(None).wait(3.0)
        self._pool.shutdown(wait=True)

    # ------------------------------------------------------------------ serving

    def _serve(self, raw: bytes, context: Any) -> bytes:
        request = self._request.FromString(raw)
        remaining = context.time_remaining()
        seen = SeenGrpcCall(
            request=request,
            metadata=dict(context.invocation_metadata()),
            time_remaining=None if remaining is None or remaining > _NO_DEADLINE else remaining,
        )
        with self._arrived:
            self._calls.append(seen)
            step = self._steps.popleft() if self._steps else self._last
            self._arrived.notify_all()
        if step is None:
            context.abort(self._grpc.StatusCode.UNIMPLEMENTED, "the stub has no script")
        if isinstance(step, GrpcFault):
            if step is GrpcFault.MALFORMED:
                return b"\xff\xff\xff this is no message"
            self._wait(context, None)
            context.abort(self._grpc.StatusCode.CANCELLED, "the stub closed")
        elif isinstance(step, GrpcError):
            self._wait(context, step.delay)
            self._abort(step, context)
        elif isinstance(step, GrpcBytes):
            return step.content
        elif step is not None:
            self._wait(context, step.delay)
            said = step.json(request) if callable(step.json) else step.json
            return self._encode(said, len(request.requests))
        raise AssertionError("abort() did not raise")

    def _wait(self, context: Any, seconds: float | None) -> None:
        """Wait so long (None: for ever), but no longer than the client and the stub are there."""
        if seconds is not None and seconds <= 0:
            return
        ended = threading.Event()
        with self._lock:
            if self._closed:
                return
            self._waiting.add(ended)
        if context.add_callback(ended.set):
            ended.wait(seconds)
        with self._lock:
            self._waiting.discard(ended)

    def _abort(self, step: GrpcError, context: Any) -> None:
        # Google's front end puts metadata behind every refusal; none at all means a broken connection.
        trailing: list[tuple[str, str | bytes]] = [
            ("content-disposition", "attachment"),
            *step.trailing.items(),
        ]
        if step.details:
            status: Any = importlib.import_module("google.rpc.status_pb2").Status(
                code=step.code.value[0], message=step.message
            )
            for detail in step.details:
                status.details.add().Pack(detail)
            trailing.append(("grpc-status-details-bin", status.SerializeToString()))
        context.set_trailing_metadata(tuple(trailing))
        context.abort(step.code, step.message)

    def _step(self, step: GrpcStep | JsonObject) -> GrpcStep:
        if isinstance(step, (GrpcBytes, GrpcError, GrpcFault)):
            return step
        answer = step if isinstance(step, GrpcAnswer) else GrpcAnswer(step)
        if not callable(answer.json):
            self._encode(answer.json, 1)  # a slip in a test's answer shows here, not as a strange status
        return answer

    def _encode(self, json: JsonObject, images: int) -> bytes:
        whole = json if "responses" in json else {"responses": [json] * images}
        message = self._json_format.ParseDict(whole, self._response(), ignore_unknown_fields=True)
        encoded: bytes = message.SerializeToString()
        return encoded
