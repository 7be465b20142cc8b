"""A stream's line to Speech-to-Text: the channel, what authorizes a call, and what passes between three threads.

gRPC takes messages from an iterator in a thread of its own, and what comes can only be waited for without an end, so it is
read in another. The adapter's own thread does neither: it hands over one piece of sound when gRPC asks for it, which it does
when the last one is on its way (flow control), and looks at what came.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

from broker.contract import TICK, Context, PerProcess, guard_loggers, redact
from broker.errors import BrokerError, DeadlineExceeded, NotConfigured, Outcome, ProviderFault
from broker_gcp import faults
from broker_gcp.channel import Progress, channel_to, sanitised, watch
from broker_gcp.credentials import Authorization, Headers
from broker_gcp.rest import NO_PROJECT
from broker_gcp.settings import BOTH, INSTALL, SPEECH, Endpoint, GcpSettings, base_of, speech_in

_STATUS_SECONDS = 0.02
"""Headers that are followed by nothing but a status come a moment before it; they are no acceptance."""
METHOD = "/google.cloud.speech.v2.Speech/StreamingRecognize"
SERVICE = "Google Speech-to-Text"


class Line:
    """A channel to the service of one place."""

    def __init__(self, channel: Any, authorization: Authorization, user_agent: str) -> None:
        self.channel = channel
        self.authorization = authorization
        self._header = ("x-goog-api-client", user_agent)
        # Bytes on both sides: gRPC reports a failing deserializer as INTERNAL, like a failing server.
        self._call = channel.stream_stream(METHOD, request_serializer=None, response_deserializer=None)
        self.refused = False
        """Whether a credential was ever refused here."""

    def authorized(self, context: Context) -> tuple[Headers, str]:
        """Headers, and the project (``projects/…``). Raises :class:`NotConfigured` without one."""
        headers = self.authorization.metadata(context)
        project = self.authorization.project
        if not project:
            raise NotConfigured(NO_PROJECT.format(api=SPEECH.api))
        return headers, f"projects/{project}"

    def open(self, talk: Talk, recognizer: str, headers: Headers) -> Any:
        """The call; nothing is waited for. It has no deadline of gRPC's: a stream lasts as long as somebody speaks."""
        # google.api_core.gapic_v1.routing_header, of the resource that v2's other methods are routed by
        routing = ("x-goog-request-params", f"recognizer={recognizer}")
        return self._call(
            talk.messages(), metadata=(self._header, routing, *headers), credentials=watch(talk.progress)
        )

    def renew(self, context: Context) -> bool:
        """Whether other headers than the refused ones are in use now. Blocks."""
        return self.authorization.renew(context)

    def refuse(self, headers: Headers) -> None:
        """These were refused; the next stream asks for others."""
        self.refused = True
        self.authorization.refuse(headers)


class Lines:
    """The account's lines, by place; each lazily made, anew in a forked child."""

    def __init__(self, settings: GcpSettings) -> None:
        self._settings = settings
        self._at: dict[str, PerProcess[Line]] = {}

    def at(self, location: str) -> Line:
        """The one of a place. Raises :class:`NotConfigured`; connects to nothing."""
        found = self._at.get(location)
        if found is None:
            found = self._at.setdefault(location, PerProcess(partial(_make, self._settings, location)))
        return found.get()

    @property
    def used(self) -> tuple[Line, ...]:
        """Those that were made in this process."""
        return tuple(line for each in self._at.values() if (line := each.held) is not None)

    def close(self) -> None:
        """Close the channels, and with them what is under way on them."""
        for each in tuple(self._at.values()):
            line = each.take()
            if line is not None:
                line.channel.close()


class Talk:
    """One stream: what waits to be sent, and what came.

    :param first: the message that it begins with, serialized.
    """

    def __init__(self, first: bytes, context: Context) -> None:
        self.progress = Progress()
        self._context = context
        self._bell = threading.Condition()
        self._first: bytes | None = first
        self._next: bytes | None = None
        self._asked = self._finished = self._dropped = False
        self._came: deque[bytes] = deque()
        self._failure: Any = None
        self._over = self.accepted = self.sent = False

    # ---- gRPC's threads

    def messages(self) -> Iterator[bytes]:
        """What is to be sent, one by one as gRPC asks for it."""
        while True:
            with self._bell:
                if self._first is not None:
                    message, self._first = self._first, None
                else:
                    self._asked = True
                    self._bell.notify_all()
                    while self._next is None and not self._finished and not self._dropped:
                        self._bell.wait()
                    self._asked = False
                    if self._next is None or self._dropped:
                        return
                    message, self._next = self._next, None
            yield message

    def listen(self, call: Any) -> None:
        """Read until nothing comes any more; for a thread of its own."""
        try:
            call.initial_metadata()
            time.sleep(_STATUS_SECONDS)
            if call.is_active():
                with self._bell:
                    self.accepted = True
                    self._bell.notify_all()
            for message in call:
                with self._bell:
                    self._came.append(message)
                    self._bell.notify_all()
        except Exception as error:  # noqa: BLE001 # told in the adapter's thread
            self._failure = error
        finally:
            with self._bell:
                self._over = True
                self._bell.notify_all()

    # ---- the adapter's thread

    def wait(self, *, asked: bool = False) -> None:
        """Until something came, it is over, or (``asked``) gRPC has room; at most a tick. Raises :class:`DeadlineExceeded`."""
        with self._bell:
            if self._came or self._over or (asked and self.has_room()):
                return
            left = self._context.remaining()
            if left <= 0.0:
                raise self._late()
            self._bell.wait(min(left, TICK))

    def pause(self, seconds: float) -> None:
        """A moment, shorter where the vendor says anything at all. Raises :class:`DeadlineExceeded`."""
        with self._bell:
            if self._context.remaining() <= 0.0:
                raise self._late()
            if not self.accepted and not self._over:
                self._bell.wait(min(seconds, TICK))

    def has_room(self) -> bool:
        """Whether gRPC would send something now."""
        return self._asked and self._next is None

    def is_over(self) -> bool:
        """Whether nothing comes any more but what is there to be taken."""
        return self._over

    def give(self, message: bytes) -> None:
        """Hand over what is to be sent next; there must be room."""
        with self._bell:
            self.sent = True
            self._next = message
            self._bell.notify_all()

    def finish(self) -> None:
        """There is no more."""
        with self._bell:
            self._finished = True
            self._bell.notify_all()

    def take(self) -> bytes | None:
        """What came, if anything."""
        with self._bell:
            return self._came.popleft() if self._came else None

    def drop(self) -> None:
        """Nothing more is to be sent."""
        with self._bell:
            self._dropped = True
            self._bell.notify_all()

    def failure(self) -> tuple[BrokerError, BaseException | None] | None:
        """Why it is over, and what gRPC said; None where it came to its end."""
        error = self._failure
        if error is None:
            return None
        if not hasattr(error, "code") or not hasattr(error, "trailing_metadata"):
            return ProviderFault(
                f"gRPC failed: {type(error).__name__}: {redact(str(error))}", outcome=self._outcome()
            ), None
        ours = faults.rpc_error(error, self.progress.reached, service=SERVICE, api=SPEECH.api)
        if self.sent:  # Google does not say what it bills of a stream that it ended
            ours.outcome = Outcome.AMBIGUOUS
        elif ours.outcome is Outcome.AMBIGUOUS:  # and without sound there is nothing to be billed
            ours.outcome = Outcome.NOT_SENT
        return ours, sanitised(error)

    def _late(self) -> DeadlineExceeded:
        doing = (
            f"while connecting to {SERVICE}"
            if self.progress.reached is False
            else f"while waiting for {SERVICE}"
        )
        return DeadlineExceeded(f"the deadline passed {doing}", outcome=self._outcome())

    def _outcome(self) -> Outcome:
        return Outcome.AMBIGUOUS if self.sent else Outcome.NOT_SENT


def _make(settings: GcpSettings, location: str) -> Line:
    if settings.api_key is not None and settings.credentials_file is not None:
        raise NotConfigured(BOTH)
    service = speech_in(location)
    base = base_of(settings, service)
    endpoint = Endpoint(target=_target(base), loopback=base.loopback)
    try:
        from google.api_core.gapic_v1.client_info import ClientInfo
        from google.cloud.speech_v2 import gapic_version
    except ImportError as error:
        raise NotConfigured(INSTALL) from error
    client_info: Any = ClientInfo
    info = client_info(gapic_version=gapic_version.__version__, user_agent="mlbroker")
    guard_loggers("google", "grpc")
    watch(Progress())  # grpc imports this part of itself on first use: now, where a fork waits for it
    return Line(
        channel_to(endpoint), Authorization(settings, endpoint, scope=service.scope), info.to_user_agent()
    )


def _target(base: Endpoint) -> str:
    """``host:port`` of an address."""
    scheme, _, rest = base.target.partition("://")
    host, slash, _ = rest.partition("/")
    if slash:
        raise NotConfigured(
            f"streams go to {SPEECH.host} by gRPC, which has no paths; leave the path out of the endpoint of provider gcp for "
            f"{SPEECH.name}"
        )
    behind = host.rpartition("]")[2] if host.startswith("[") else host
    return host if ":" in behind else f"{host}:{443 if scheme == 'https' else 80}"
