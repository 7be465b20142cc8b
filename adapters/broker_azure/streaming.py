"""transcription.stream by Azure's Speech SDK (azure-cognitiveservices-speech), a native library with threads of its own.

It speaks an undocumented protocol over a WebSocket, and not by the broker's transport. What is done about it:

- it does not repeat by itself (four times by default, and each time it sends again the sound it still holds), and sends no
  telemetry; both are switched off by properties that have names in the library but are on no page;
- it pulls sound from us instead of being pushed to, so that it never holds more than it can send;
- HTTPS_PROXY and NO_PROXY hold for it; it reads SSL_CERT_FILE itself, but not the other names of a CA file;
- it follows redirects with the key, which cannot be switched off; the address is Microsoft's, and checked by TLS;
- when the service says nothing, ending a stream takes it up to a second behind the deadline.

Sound is given to the SDK in the caller's thread; its threads only pull from what is there and leave what they were told.
"""

from __future__ import annotations

import threading
import urllib.request
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import suppress
from importlib.util import find_spec
from typing import Any, NamedTuple
from urllib.parse import unquote, urlencode, urlsplit

from broker.contract import TICK, Context, PerProcess, StreamEnd, reading, redact
from broker.contract.loopback import is_loopback
from broker.errors import AuthFailed, DeadlineExceeded, NotConfigured, Outcome, Unavailable
from broker.types import Profanity
from broker.types.stream import SAMPLE_BYTES, StreamEvent, StreamRequest
from broker_azure import streaming_answer
from broker_azure.rest import Resources
from broker_azure.settings import Endpoint
from broker_azure.speech_locales import locale_of
from broker_azure.streaming_spec import INSTALL, SERVICE

_PATH = "/speech/recognition/conversation/cognitiveservices/v1"
_CLOUDS = {
    ".api.cognitive.microsoft.com": ".stt.speech.microsoft.com",
    ".api.cognitive.azure.cn": ".stt.speech.azure.cn",
    ".api.cognitive.microsoft.us": ".stt.speech.azure.us",
}
_SWITCHES = {
    "SPEECH-Error-MaxRetryCount": "0",
    "SPEECH-TelemetryDataEnabled": "false",
    "SPEECH-StopRecognitionTimeoutInSeconds": "1",
}
_AHEAD_SECONDS = 0.2
"""Of sound that waits to be pulled; then no more is taken."""
_PROFANITY = {Profanity.KEEP: "Raw", Profanity.MASK: "Masked", Profanity.REMOVE: "Removed"}


class _Sdk(NamedTuple):
    """The library, and the class of ours that it needs."""

    module: Any
    source: type[Any]


class _Talk:
    """What passes between the caller's thread and the SDK's."""

    def __init__(self, context: Context, most: int) -> None:
        self._context = context
        self._most = most
        self._bell = threading.Condition()
        self._sound = bytearray()
        self._ended = False
        self._came: deque[tuple[str, str, str]] = deque()
        self.session = ""
        self.connected = self.over = self.sent = False

    # ---- the SDK's threads

    def pull(self, room: memoryview) -> int:
        """Some sound, waiting for it; 0 behind the end."""
        with self._bell:
            while not self._sound and not self._ended:
                self._bell.wait()
            count = min(len(room), len(self._sound))
            room[:count] = self._sound[:count]
            del self._sound[:count]
            self._bell.notify_all()
            return count

    def on_connected(self, _: Any) -> None:
        """The upgrade was answered with 101."""
        with self._bell:
            self.connected = True
            self._bell.notify_all()

    def on_session(self, event: Any) -> None:
        """The id that Microsoft's support asks for."""
        self.session = str(event.session_id)

    def on_partial(self, event: Any) -> None:
        """A hypothesis."""
        self._tell("partial", str(event.result.json), "")

    def on_final(self, event: Any) -> None:
        """A phrase, or that nothing was understood."""
        if event.result.reason.name == "RecognizedSpeech":
            self._tell("final", str(event.result.json), "")

    def on_canceled(self, event: Any) -> None:
        """The sound's end, or a failure."""
        details = event.cancellation_details
        if details.reason.name == "EndOfStream":
            self._tell("end", "", "")
        else:
            self._tell("failure", str(details.code.name), str(details.error_details))

    def on_stopped(self, _: Any) -> None:
        """Nothing comes behind this."""
        with self._bell:
            self.over = True
            self._bell.notify_all()

    def _tell(self, kind: str, first: str, second: str) -> None:
        with self._bell:
            self._came.append((kind, first, second))
            self._bell.notify_all()

    # ---- the caller's thread

    def meet(self) -> None:
        """Wait until the service is there, or is known not to be."""
        with self._bell:
            while not self.connected and not self._came and not self.over:
                self._wait()

    def give(self, sound: bytes) -> None:
        """Hand sound over, waiting while there is no room; back early when something came."""
        with self._bell:
            while len(self._sound) >= self._most and not self._came and not self.over:
                self._wait()
            self.sent = True
            self._sound += sound
            self._bell.notify_all()

    def end(self) -> None:
        """No more sound."""
        with self._bell:
            self._ended = True
            self._bell.notify_all()

    def drop(self) -> None:
        """The same, and what waits is not to be pulled any more."""
        with self._bell:
            self._sound.clear()
        self.end()

    def ready(self) -> tuple[str, str, str] | None:
        """What came, if anything."""
        with self._bell:
            return self._came.popleft() if self._came else None

    def next(self) -> tuple[str, str, str] | None:
        """What comes next; None when nothing will."""
        with self._bell:
            while not self._came and not self.over:
                self._wait()
            return self._came.popleft() if self._came else None

    def full(self) -> bool:
        """Whether more sound would have to wait."""
        with self._bell:
            return len(self._sound) >= self._most

    def _wait(self) -> None:
        left = self._context.remaining()
        if left <= 0.0:
            raise DeadlineExceeded(
                "the deadline passed while waiting for Azure Speech",
                outcome=Outcome.AMBIGUOUS if self.sent else Outcome.NOT_SENT,
            )
        self._bell.wait(min(left, TICK))  # whoever leaves the stream makes nothing left


class Streaming:
    """One account's streams."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._sdk = PerProcess(_load)

    def stream(
        self, request: StreamRequest, sound: Iterator[bytes], context: Context
    ) -> Generator[StreamEvent, None, StreamEnd]:
        """What is said, as it is recognised. Sound is taken when the SDK has room for it.

        Raises :class:`NotConfigured`, :class:`Unsupported`, the mapped cancellations of
        :mod:`broker_azure.streaming_answer`, :class:`MalformedReply`, :class:`Unavailable` and :class:`DeadlineExceeded`;
        with NOT_SENT as long as no sound has been sent.
        """
        sdk = self._sdk.get()
        endpoint = self._resources.endpoint_for(SERVICE)
        header = self._resources.header(SERVICE, context)
        talk = _Talk(context, round(request.sound.bytes_per_second * _AHEAD_SECONDS))
        try:
            line = _open(sdk, talk, request, address_of(endpoint, locale_of(request.language or "")), header)
        except (RuntimeError, OSError, ValueError) as error:  # what the library's own calls raise
            raise NotConfigured(
                f"Azure's Speech SDK could not begin: {redact(str(error).partition(chr(10))[0])}"
            ) from None
        try:
            talk.meet()
            return (yield from _talking(talk, request, sound))
        except AuthFailed:
            self._resources.refuse(SERVICE, header)
            raise
        finally:
            talk.drop()
            line.close(stopped=talk.over)

    def close(self) -> None:
        """Streams under way are their callers' to close."""
        self._sdk.take()


def _talking(
    talk: _Talk, request: StreamRequest, sound: Iterator[bytes]
) -> Generator[StreamEvent, None, StreamEnd]:
    ending = False

    def read(came: tuple[str, str, str]) -> StreamEvent | None:
        nonlocal ending
        kind, first, second = came
        if kind == "failure":
            raise streaming_answer.failure(first, second, session=talk.session, sent=talk.sent)
        if kind == "end":
            ending = True
            return None
        with reading("a result of the stream", request_id=talk.session or None):
            if kind == "final":
                return streaming_answer.final_of(first)
            return streaming_answer.partial_of(first) if request.partials else None

    def all_of(first: tuple[str, str, str] | None) -> Iterator[StreamEvent]:
        while first is not None:
            event = read(first)
            if event is not None:
                yield event
            first = talk.ready()

    yield from all_of(talk.ready())
    if not talk.connected:
        raise Unavailable("Azure Speech ended the stream before it began", outcome=Outcome.NOT_SENT)
    for piece in sound:
        while talk.full() and not talk.over:
            talk.give(b"")
            yield from all_of(talk.ready())
        if talk.over:
            break
        if piece:
            talk.give(piece)
        yield from all_of(talk.ready())
    else:
        talk.end()
    while (came := talk.next()) is not None:
        yield from all_of(came)
    if not ending:
        raise Unavailable(
            "Azure Speech ended the stream before the sound was at its end; what was streamed may have been billed",
            outcome=Outcome.AMBIGUOUS,
            request_id=talk.session or None,
        )
    return StreamEnd(request_id=talk.session or None)


class _Line:
    """What must live as long as a stream does."""

    def __init__(self, recognizer: Any, connection: Any, *others: Any) -> None:
        self._recognizer = recognizer
        self._connection = connection
        self._others = others

    def close(self, *, stopped: bool) -> None:
        """Have the SDK stop, and let go of it; its threads end with the last handle.

        :param stopped: it has said so; to be asked again takes it two seconds.
        """
        recognizer, connection = self._recognizer, self._connection
        if not stopped:
            with suppress(RuntimeError):  # it has stopped meanwhile
                recognizer.stop_continuous_recognition_async().get()
        for signal in (
            recognizer.session_started,
            recognizer.recognizing,
            recognizer.recognized,
            recognizer.canceled,
            recognizer.session_stopped,
            connection.connected,
        ):
            signal.disconnect_all()
        self._recognizer = self._connection = None
        self._others = ()  # not before: the SDK pulls from them


def address_of(endpoint: Endpoint, locale: str) -> str:
    """Where the resource takes streams.

    A region has a host for them; a resource's own host has them under ``/stt``
    (learn.microsoft.com/azure/ai-services/speech-service/speech-services-private-link).
    """
    parts = urlsplit(endpoint.base)
    host = parts.netloc
    for ending, streams in _CLOUDS.items():
        if endpoint.regional and host.endswith(ending):
            return f"wss://{host.removesuffix(ending)}{streams}{_PATH}?{urlencode({'language': locale})}"
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{host}{parts.path}/stt{_PATH}?{urlencode({'language': locale})}"


def _open(sdk: _Sdk, talk: _Talk, request: StreamRequest, address: str, header: tuple[str, str]) -> _Line:
    speech = sdk.module
    proxy = _proxy_of(address)
    name, value = header
    if name == "Authorization":
        config = speech.SpeechConfig(endpoint=address)
        config.authorization_token = value.removeprefix("Bearer ")
    else:
        config = speech.SpeechConfig(endpoint=address, subscription=value)
    config.output_format = speech.OutputFormat.Detailed
    config.request_word_level_timestamps()
    for switch, setting in _SWITCHES.items():
        config.set_property_by_name(switch, setting)
    if request.profanity is not None:
        config.set_profanity(speech.ProfanityOption[_PROFANITY[request.profanity]])
    if proxy is not None:
        config.set_proxy(*proxy)
    form = speech.audio.AudioStreamFormat(
        samples_per_second=request.sound.sample_rate, bits_per_sample=8 * SAMPLE_BYTES, channels=1
    )
    source = speech.audio.PullAudioInputStream(sdk.source(talk), form)
    audio = speech.audio.AudioConfig(stream=source)
    recognizer = speech.SpeechRecognizer(config, audio)
    phrases = speech.PhraseListGrammar.from_recognizer(recognizer)
    for hint in request.hints:
        phrases.addPhrase(hint)
    connection = speech.Connection.from_recognizer(recognizer)
    connection.connected.connect(talk.on_connected)
    recognizer.session_started.connect(talk.on_session)
    recognizer.recognizing.connect(talk.on_partial)
    recognizer.recognized.connect(talk.on_final)
    recognizer.canceled.connect(talk.on_canceled)
    recognizer.session_stopped.connect(talk.on_stopped)
    line = _Line(recognizer, connection, source, audio, phrases)
    try:
        recognizer.start_continuous_recognition_async().get()
    except BaseException:
        talk.drop()
        line.close(stopped=talk.over)
        raise
    return line


def _proxy_of(address: str) -> tuple[str, int, str | None, str | None] | None:
    """Host, port, user and password of the proxy for an address; the SDK looks at no variable itself.

    Raises :class:`NotConfigured` for a kind of proxy that it lacks.
    """
    host = urlsplit(address).hostname or ""
    if is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    found = proxies.get("https") or proxies.get("all")
    if not found:
        return None
    proxy = urlsplit(found if "://" in found else f"http://{found}")
    if proxy.scheme != "http" or not proxy.hostname:
        raise NotConfigured(
            f"streams reach Azure through http proxies only, not {proxy.scheme!r:.20}; name one in HTTPS_PROXY"
        )
    user, password = (unquote(each) if each else None for each in (proxy.username, proxy.password))
    return proxy.hostname, proxy.port or 80, user, password


def installed() -> bool:
    """Whether the SDK can be imported, without importing it."""
    try:
        return find_spec("azure.cognitiveservices.speech") is not None
    except ImportError:
        return False


def _load() -> _Sdk:
    if not installed():
        raise NotConfigured(INSTALL)
    try:
        import azure.cognitiveservices.speech as speech
    except (ImportError, OSError) as error:  # OSError: a native library that it needs is not on this machine
        raise NotConfigured(f"Azure's Speech SDK cannot be loaded: {redact(str(error))}") from error

    class Source(speech.audio.PullAudioInputStreamCallback):  # type: ignore[misc] # untyped
        def __init__(self, talk: _Talk) -> None:
            super().__init__()
            self._talk = talk

        def read(self, buffer: memoryview) -> int:
            return self._talk.pull(buffer)

        def close(self) -> None:
            """Nothing to release."""

    return _Sdk(speech, Source)
