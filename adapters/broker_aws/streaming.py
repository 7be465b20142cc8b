"""transcription.stream by Amazon Transcribe's WebSocket: audio events out, transcript events in.

Source: docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html ("Setting up a WebSocket stream") and
.../latest/dg/websocket.html for the parameters of the address, which carries the signature: frames are not signed.

The service wants sound at about the speed at which it is spoken, and ends a stream that brings none for 15 s.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from broker.contract import Context, PerProcess, StreamEnd, protect, reading, redact
from broker.contract.loopback import is_loopback
from broker.errors import AuthFailed, BadInput, NotConfigured, Outcome, Unavailable
from broker.types.stream import StreamEvent, StreamRequest
from broker_aws import faults, options, streaming_answer
from broker_aws.eventstream import decode, encode
from broker_aws.settings import INSTALL, NO_REGION, STREAMS, AwsSettings, core_session
from broker_aws.streaming_spec import LANGUAGES
from broker_aws.wire import CURRENT, Exchange

if TYPE_CHECKING:
    from broker_aws.clients import Clients
    from broker_aws.streaming_socket import WebSocket

PATH = "/stream-transcription-websocket"
PORT = 8443
_EXPIRES = 60
"""Seconds in which the connection must be opened; the page allows up to 300."""
_AUDIO = {":content-type": "application/octet-stream", ":event-type": "AudioEvent", ":message-type": "event"}
_FILTERS = ("remove", "mask", "tag")
_STABILITIES = ("low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where streams go.

    :param base: address without path.
    """

    base: str
    region: str
    trust: ssl.SSLContext


class Streaming:
    """One account's streams."""

    def __init__(self, settings: AwsSettings, clients: Clients) -> None:
        self._settings = settings
        self._clients = clients
        self._place = PerProcess(self._find_place)

    def stream(
        self, request: StreamRequest, sound: Iterator[bytes], context: Context
    ) -> Generator[StreamEvent, None, StreamEnd]:
        """What is said, as it is recognised. Sound is taken piece by piece, each when the last was handed over.

        Raises :class:`NotConfigured`, :class:`BadInput`, the mapped refusals of :mod:`broker_aws.faults`,
        :class:`MalformedReply`, :class:`Unavailable` and :class:`DeadlineExceeded`; with NOT_SENT as long as no sound
        has been sent.
        """
        asked = parameters(request)
        place = self._place.get()
        url, used = self._signed(place, asked, context)
        from broker_aws.streaming_socket import connect  # loaded with the place

        parts = urlsplit(url)
        line = connect(url, place.trust, context)
        try:
            try:
                line.shake(f"{parts.path}?{parts.query}", parts.netloc, {}, streaming_answer.refusal)
            except AuthFailed as error:
                if faults.renewable(error):
                    self._clients.held().refuse(used)
                raise
            return (yield from _talk(line, request, sound))
        finally:
            line.close()

    def close(self) -> None:
        """Forget the place; streams under way are their callers' to close."""
        self._place.take()

    def _signed(self, place: _Place, asked: dict[str, str], context: Context) -> tuple[str, Any]:
        """The address with its signature, and the keys it was made with."""
        from botocore.auth import SigV4QueryAuth
        from botocore.awsrequest import AWSRequest

        held = self._clients.held()
        token = CURRENT.set(Exchange(context))
        try:
            held.ready(context)
            keys = held.get_frozen_credentials()
        finally:
            CURRENT.reset(token)
        request = AWSRequest(method="GET", url=f"{place.base}{PATH}?{urlencode(asked)}")
        SigV4QueryAuth(keys, "transcribe", place.region, expires=_EXPIRES).add_auth(request)
        url = str(request.url)
        protect(url.rpartition("X-Amz-Signature=")[2])
        return f"ws{url.removeprefix('http')}", keys

    def _find_place(self) -> _Place:
        if find_spec("wsproto") is None or find_spec("botocore") is None:
            raise NotConfigured(INSTALL)
        from broker_aws.streaming_socket import trust

        region = self._clients.region
        if not region:
            raise NotConfigured(NO_REGION)
        own = self._own_address()
        base = _checked(own) if own else f"https://{self._host(region)}:{PORT}"
        return _Place(base=base, region=region, trust=trust())

    def _own_address(self) -> str | None:
        """As botocore looks for addresses, by this service's id."""
        given = self._settings.endpoint_of(STREAMS)
        if given or os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            return given
        return os.environ.get("AWS_ENDPOINT_URL_TRANSCRIBE_STREAMING") or os.environ.get("AWS_ENDPOINT_URL")

    def _host(self, region: str) -> str:
        from botocore.regions import EndpointResolver

        session: Any = core_session(self._settings)
        resolver: Any = EndpointResolver(session.get_data("endpoints"))
        partition = session.get_partition_for_region(region)
        known = resolver.get_available_endpoints(STREAMS, partition)
        if region not in known:
            raise NotConfigured(
                f"Amazon Transcribe has no streams in region {redact(region)!r} that this boto3 knows; use one of "
                f"{', '.join(sorted(known))}, or a newer boto3 (pip install -U 'mlbroker[aws]')"
            )
        found = resolver.construct_endpoint(
            STREAMS,
            region,
            use_dualstack_endpoint=session.get_config_variable("use_dualstack_endpoint") is True,
            use_fips_endpoint=session.get_config_variable("use_fips_endpoint") is True,
        )
        return str(found["hostname"])


def parameters(request: StreamRequest) -> dict[str, str]:
    """Of the address, by the names of the page. Raises :class:`BadInput`."""
    asked = {"media-encoding": "pcm", "sample-rate": str(request.sound.sample_rate)}
    if request.language is not None:
        asked["language-code"] = _code(request.language)
    elif len(request.candidates) > 1:
        asked["identify-language"] = "true"
        asked["language-options"] = ",".join(map(_code, request.candidates))
        asked["preferred-language"] = _code(request.candidates[0])
    elif request.candidates:
        raise BadInput("Amazon Transcribe chooses among two languages or more; pass the one as language")
    else:
        raise BadInput(
            "a stream to Amazon Transcribe must be told the language: pass language='en-US', or "
            "candidates=['en-US', 'es-US']"
        )
    if request.diarize:
        asked["show-speaker-label"] = "true"
    said = request.extensions
    for name in ("vocabulary_name", "vocabulary_filter_name", "language_model_name"):
        if f"aws_{name}" in said:
            asked[name.replace("_", "-")] = options.text(said, f"aws_{name}")
    if "aws_vocabulary_filter_method" in said:
        asked["vocabulary-filter-method"] = _one_of(request, "aws_vocabulary_filter_method", _FILTERS)
    if "aws_partial_results_stability" in said:
        asked["enable-partial-results-stabilization"] = "true"
        asked["partial-results-stability"] = _one_of(request, "aws_partial_results_stability", _STABILITIES)
    return asked


def _talk(
    line: WebSocket, request: StreamRequest, sound: Iterator[bytes]
) -> Generator[StreamEvent, None, StreamEnd]:
    hearing = streaming_answer.Hearing(partials=request.partials)
    answers = _Answers(line, hearing)
    for piece in sound:
        if piece:  # an empty one is a look at what has come; sent, it would be the end
            line.outcome = Outcome.AMBIGUOUS
            line.send(encode(_AUDIO, piece))
        while (message := line.ready()) is not None:
            yield from answers.read(message)
        if line.over:
            break  # why is said by what comes now
    else:
        line.send(encode(_AUDIO, b""))
        answers.ending = True
    while (message := line.next()) is not None:
        yield from answers.read(message)
    if not answers.ending:
        raise Unavailable(
            "Amazon Transcribe ended the stream before the sound was at its end; what was streamed may have been billed",
            outcome=line.outcome,
            request_id=answers.request_id,
        )
    return StreamEnd(request_id=answers.request_id)


class _Answers:
    """Messages of one stream.

    :ivar ending: all sound has been sent.
    """

    def __init__(self, line: WebSocket, hearing: streaming_answer.Hearing) -> None:
        self._line = line
        self._hearing = hearing
        headers = line.headers or {}
        self.request_id = headers.get("x-amzn-requestid") or headers.get("x-amzn-request-id")
        self.ending = False

    def read(self, data: bytes) -> list[StreamEvent]:
        """Raises what a message of the service's says, and :class:`MalformedReply`."""
        with reading("a message of the stream", request_id=self.request_id):
            message = decode(data)
            kind = message.headers.get(":message-type")
            if kind == "event":
                if message.headers.get(":event-type") != "TranscriptEvent":
                    return []  # of a kind that is not known yet
                return self._hearing.events(message.payload)
            if kind not in ("exception", "error"):
                raise ValueError("it is neither an event nor an exception")
        sent = self._line.outcome is not Outcome.NOT_SENT
        raise streaming_answer.failure(message, request_id=self.request_id, sent=sent)


def _code(language: str) -> str:
    """As the service writes it: ``en-us`` is ``en-US``."""
    return next((each for each in LANGUAGES if each.lower() == language.lower()), language)


def _one_of(request: StreamRequest, name: str, known: tuple[str, ...]) -> str:
    found = options.text(request.extensions, name)
    if found not in known:
        raise BadInput(f"{name} is one of {', '.join(known)}, not {found!r:.80}")
    return found


def _checked(address: str) -> str:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise NotConfigured(f"{redact(address)} is no usable endpoint of provider aws") from error

    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)):
        return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"
    raise NotConfigured(
        f"the AWS endpoint {redact(address)} would carry a stream unencrypted; use https (http is allowed on loopback only)"
    )
