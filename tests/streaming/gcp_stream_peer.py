"""Google's StreamingRecognize on loopback: a real gRPC server that speaks it with Google's own types.

A test gives the part that the service plays: a function of a :class:`Talk`. It is run in the server's thread and may hear
sound, say results, wait, and end with a status.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

SERVICE = "google.cloud.speech.v2.Speech"
METHOD = "StreamingRecognize"
MOST = 25_600
"""Bytes of sound in a message: "Audio chunk can be of a maximum of 25600 bytes." """


@dataclass
class Talk:
    """One stream at the server.

    :param first: the first message, decoded.
    :param sizes: of each message of sound.
    :ivar ended: the client has said that there is no more, or has gone: gRPC's server may tell both in the same way.
    """

    context: Any
    metadata: dict[str, Any]
    first: Any
    messages: Iterator[Any]
    types: Any
    sound: bytearray = field(default_factory=bytearray)
    sizes: list[int] = field(default_factory=list)
    ended: bool = False

    def hear(self) -> bytes | None:
        """The next sound; None when the client has said that there is no more, or has gone."""
        try:
            message = next(self.messages)
        except StopIteration:
            self.ended = True
            return None
        except Exception:  # grpc raises a bare Exception when the client has canceled
            self.canceled = True
            return None
        if message.WhichOneof("streaming_request") != "audio":
            self.refuse("INVALID_ARGUMENT", "Only audio may follow.")
        if len(message.audio) > MOST:
            self.refuse("INVALID_ARGUMENT", f"Audio chunk can be of a maximum of {MOST} bytes.")
        self.sizes.append(len(message.audio))
        self.sound += message.audio
        return bytes(message.audio)

    def hear_all(self) -> None:
        """To the end."""
        while self.hear() is not None:
            pass

    def result(
        self, text: str, *words: tuple[str, float, float], final: bool = False, **members: Any
    ) -> dict[str, Any]:
        """One, in Google's JSON."""
        best: dict[str, Any] = {"transcript": text}
        if "confidence" in members:
            best["confidence"] = members.pop("confidence")
        if words:
            best["words"] = [
                {"word": word, "startOffset": f"{start:.3f}s", "endOffset": f"{end:.3f}s"}
                for word, start, end in words
            ]
        return {"alternatives": [best], "isFinal": final, **members}

    def message(self, *results: dict[str, Any], **members: Any) -> bytes:
        """A StreamingRecognizeResponse."""
        whole = {"results": list(results), **members}
        made = self.types.json_format.ParseDict(whole, self.types.response())
        content: bytes = made.SerializeToString()
        return content

    def refuse(self, code: str, text: str, *details: Any) -> None:
        """End with a status, and what Google's front end puts behind one."""
        trailing: list[tuple[str, Any]] = [("content-disposition", "attachment")]
        status = self.types.grpc.StatusCode[code]
        if details:
            packed = self.types.status(code=status.value[0], message=text)
            for each in details:
                packed.details.add().Pack(each)
            trailing.append(("grpc-status-details-bin", packed.SerializeToString()))
        self.context.set_trailing_metadata(tuple(trailing))
        self.context.abort(status, text)


Part = Callable[[Talk], Iterator[bytes]]


class StreamPeer:
    """The server.

    :param part: what the service does with a stream: yields messages.
    :param greet: send the headers of the answer as soon as a stream begins.
    """

    def __init__(self, part: Part, *, greet: bool = True) -> None:
        self._part = part
        self._greet = greet
        speech: Any = importlib.import_module("google.cloud.speech_v2.types.cloud_speech")
        self.grpc: Any = importlib.import_module("grpc")
        self.json_format: Any = importlib.import_module("google.protobuf.json_format")
        self.status: Any = importlib.import_module("google.rpc.status_pb2").Status
        self.request: Any = speech.StreamingRecognizeRequest.pb()
        self.response: Any = speech.StreamingRecognizeResponse.pb()
        self.talks: list[Talk] = []
        self.failures: list[BaseException] = []
        self._over = threading.Condition()
        self._open = 0
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="gcp-stream-peer")
        self._server: Any = self.grpc.server(self._pool, options=[("grpc.so_reuseport", 0)])
        method = self.grpc.stream_stream_rpc_method_handler(self._serve)
        self._server.add_generic_rpc_handlers(
            (self.grpc.method_handlers_generic_handler(SERVICE, {METHOD: method}),)
        )
        self._port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> StreamPeer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop at once, and tell what went wrong in the part."""
        self._server.stop(None).wait(2.0)
        self._pool.shutdown(wait=True)
        if self.failures:
            raise AssertionError("the part failed") from self.failures[0]

    def wait_over(self, count: int = 1, seconds: float = 5.0) -> bool:
        """Wait until so many streams are over here, too."""
        with self._over:
            return self._over.wait_for(lambda: len(self.talks) >= count and not self._open, seconds)

    def _serve(self, raw: Iterator[bytes], context: Any) -> Iterator[bytes]:
        messages = (self.request.FromString(each) for each in raw)
        metadata = dict(context.invocation_metadata())
        with self._over:
            self._open += 1
        try:
            if self._greet:
                context.send_initial_metadata(())
            talk = Talk(context, metadata, next(messages), messages, self)
            self.talks.append(talk)
            yield from self._part(talk)
        except AssertionError as error:
            self.failures.append(error)
            raise
        finally:
            with self._over:
                self._open -= 1
                self._over.notify_all()
