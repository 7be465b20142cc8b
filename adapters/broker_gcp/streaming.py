"""transcription.stream by Speech-to-Text v2: ``StreamingRecognize`` over gRPC.

Sources: google/cloud/speech/v2/cloud_speech.proto and docs.cloud.google.com/speech-to-text/docs/quotas ("each request in the
stream is limited to 25 KB of audio", 15 KB says the proto; "a stream can remain open for up to 5 minutes, and the audio must be
sent at a rate that approximates real time").

A stream is not carried on by another behind those minutes: words are lost at the seam, or sound is sent and paid twice. The
broker ends it before, gives what was understood, and says so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Mapping
from decimal import Decimal
from typing import Any

from broker.contract import (
    Context,
    OperationSpec,
    PerProcess,
    Sound,
    StreamEnd,
    StreamLimits,
    reading,
    streamed_seconds,
)
from broker.errors import DeadlineExceeded, NotConfigured, Outcome, Unavailable
from broker.types import JsonValue, SpeechOption
from broker.types.money import Usage
from broker.types.request import Request
from broker.types.stream import StreamEvent, StreamRequest
from broker_gcp import faults
from broker_gcp.settings import INSTALL, GcpSettings, speech_location
from broker_gcp.speech_languages import LANGUAGES
from broker_gcp.speech_models import MODEL
from broker_gcp.speech_request import model_name
from broker_gcp.speech_usage import STANDARD, reported, sku_of
from broker_gcp.streaming_answer import billed_in, events_in, request_id_in
from broker_gcp.streaming_line import SERVICE, Lines, Talk
from broker_gcp.streaming_request import first_message, model_of

MOST_BYTES = 15_000
"""Of sound in one message."""
_EARLY_SECONDS = 0.3
"""For which a refusal of what is asked is waited for before any sound is taken: sound that nobody took may go to another
provider. Google's answer to a good beginning may come with the first words only, so it cannot be waited for."""
_LONGEST_SECONDS = 297.0
"""By the clock, where there was less sound than that: Google breaks a stream off at 305 and keeps its last words. It is ended in
good time, so that they come."""


def seconds(request: Request) -> tuple[Usage, ...]:
    """The meter: of each second under the sku of the model."""
    sku = sku_of(model_name(request))
    uses = streamed_seconds(request)
    return (
        uses
        if sku == STANDARD
        else tuple(Usage(sku=sku, unit=each.unit, quantity=each.quantity) for each in uses)
    )


SPEC = OperationSpec(
    operation="transcription.stream",
    service="speech",
    sku=STANDARD,
    meter=seconds,
    limits=StreamLimits(
        # Google ends a stream 305 s after it began, by the clock; the rest is for the last results.
        longest=290.0,
        pace=1.0,
        source="docs.cloud.google.com/speech-to-text/docs/quotas",
    ),
    languages=LANGUAGES,
    options=frozenset({SpeechOption.CANDIDATES, SpeechOption.HINTS, SpeechOption.MASK_PROFANITY}),
    extensions=(MODEL,),
    unproven=True,
    notes=(
        "Speech-to-Text v2 by gRPC: partial results with a stability where the model has one, final results with confidences; "
        "words with times but for chirp_3. Models and languages by place as for transcribe, each with fewer languages. A "
        "stream lasts at most five minutes by the clock, also where nobody speaks: begin another behind it"
    ),
)


class Streaming:
    """One account's streams."""

    def __init__(self, settings: GcpSettings) -> None:
        self._settings = settings
        self._types = PerProcess(_load)
        self.lines = Lines(settings)

    def stream(
        self, request: StreamRequest, sound: Sound, context: Context
    ) -> Generator[StreamEvent, None, StreamEnd]:
        """What is said, as it is recognised; see :class:`broker.contract.CanStream`.

        Raises :class:`NotConfigured`, :class:`BadInput`, :class:`Unsupported`, the mapped refusals of
        :mod:`broker_gcp.faults`, :class:`MalformedReply`, :class:`Unavailable` and :class:`DeadlineExceeded`; none of them
        billed as long as no sound was taken.
        """
        location = speech_location(self._settings)
        model = model_of(request, location)
        types = self._types.get()
        line = self.lines.at(location)
        headers, project = line.authorized(context)
        recognizer = f"{project}/locations/{location}/recognizers/_"
        talk = Talk(types.first(first_message(request, model, location, recognizer)), context)
        if context.remaining() <= 0.0:
            raise DeadlineExceeded(f"the deadline passed before {SERVICE} was asked")
        call = line.open(talk, recognizer, headers)
        reader = threading.Thread(target=talk.listen, args=(call,), name="mlbroker-gcp-stream", daemon=True)
        reader.start()
        heard = _Heard(types)
        try:
            _begin(talk)
            yield from _talk(talk, heard, sound, types)
            failed = talk.failure()
            if failed is not None:
                if faults.stale_token(failed[0]):
                    line.refuse(headers)
                raise failed[0] from failed[1]
            if not heard.ending:
                ended = "takes streams of five minutes by the clock" if heard.late else "ended the stream"
                raise Unavailable(
                    f"{SERVICE} {ended}, and the sound was not at its end; what was streamed may have been billed",
                    outcome=Outcome.AMBIGUOUS if talk.sent else Outcome.NOT_SENT,
                    request_id=heard.request_id,
                )
        finally:
            call.cancel()  # before the end of what is sent, which the service would take for the end of the sound
            talk.drop()
            reader.join(1.0)
        return StreamEnd(
            usage=reported(heard.billed, model=model.name, dynamic=False),
            request_id=heard.request_id,
            model_version=model.name,
        )

    def close(self) -> None:
        """Close the channels."""
        self.lines.close()
        self._types.take()


class _Types:
    """Google's messages: ours are made, and its are read, as JSON of the same names."""

    def __init__(self, request: Any, response: Any, json_format: Any) -> None:
        self._request, self._response, self._format = request, response, json_format

    def first(self, message: dict[str, Any]) -> bytes:
        """Serialized."""
        content: bytes = self._format.ParseDict(message, self._request()).SerializeToString()
        return content

    def sound(self, piece: bytes) -> bytes:
        """A message of nothing but sound."""
        content: bytes = self._request(audio=piece).SerializeToString()
        return content

    def read(self, content: bytes) -> Mapping[str, JsonValue]:
        """Raises ValueError for what is no message."""
        from google.protobuf.message import DecodeError

        try:
            message = self._response.FromString(content)
        except DecodeError:
            raise ValueError("it cannot be decoded") from None
        found: Mapping[str, JsonValue] = self._format.MessageToDict(message)
        return found


class _Heard:
    """What one stream has said so far.

    :ivar ending: all sound has been sent.
    :ivar late: the stream was ended before, for it was open too long.
    :ivar billed: seconds, as Google said behind the end of the sound; what it says before is of a part.
    """

    def __init__(self, types: _Types) -> None:
        self._types = types
        self.ending = self.late = False
        self.request_id: str | None = None
        self.billed: Decimal | None = None

    def read(self, content: bytes) -> list[StreamEvent]:
        """Raises :class:`MalformedReply`."""
        with reading("a message of the stream", request_id=self.request_id):
            message = self._types.read(content)
            self.request_id = request_id_in(message) or self.request_id
            billed = billed_in(message)
            if billed is not None and (self.ending or self.late):
                self.billed = billed
            return list(events_in(message))


def _begin(talk: Talk) -> None:
    """Wait until the first message is on its way, and a moment for its refusal."""
    while not talk.is_over() and not talk.has_room():
        talk.wait(asked=True)
    until = time.monotonic() + _EARLY_SECONDS
    while not talk.is_over() and not talk.accepted and (left := until - time.monotonic()) > 0.0:
        talk.pause(left)


def _talk(talk: Talk, heard: _Heard, sound: Sound, types: _Types) -> Iterator[StreamEvent]:
    def came() -> Iterator[StreamEvent]:
        while (message := talk.take()) is not None:
            yield from heard.read(message)

    def until_room() -> Iterator[StreamEvent]:
        while not talk.has_room() and not talk.is_over():
            talk.wait(asked=True)
            yield from came()

    pieces = iter(sound)
    until = time.monotonic() + _LONGEST_SECONDS
    while not talk.is_over():
        heard.late = time.monotonic() >= until
        if heard.late:
            break
        piece = next(pieces, None)
        if piece is None:
            yield from came()
            heard.ending = not talk.is_over()
            break
        for start in range(0, len(piece), MOST_BYTES):
            if not talk.is_over():
                talk.give(types.sound(piece[start : start + MOST_BYTES]))
                yield from until_room()  # before the next is taken, for what is taken counts as sent
        yield from came()
    talk.finish()
    while not talk.is_over():
        talk.wait()
        yield from came()
    yield from came()


def _load() -> _Types:
    try:
        from google.cloud.speech_v2.types import cloud_speech
        from google.protobuf import json_format
    except ImportError as error:
        raise NotConfigured(INSTALL) from error
    types: Any = cloud_speech
    return _Types(types.StreamingRecognizeRequest.pb(), types.StreamingRecognizeResponse.pb(), json_format)
