"""Amazon Transcribe's WebSocket on loopback, written from its documentation alone.

It checks the address's signature as the signer's documentation describes it, decodes audio events by botocore's parser, and
writes transcript events with an encoder of its own; nothing of the adapter's code is used.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from botocore.eventstream import EventStreamBuffer
from websocket_peer import Conversation, WebSocketPeer

PATH = "/stream-transcription-websocket"


@dataclass
class Session(Conversation):
    """One client: what it asked for and said, and the means to answer."""

    audio: bytearray = field(default_factory=bytearray)
    pieces: list[int] = field(default_factory=list)
    kinds: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False

    @property
    def asked(self) -> dict[str, str]:
        """Parameters of the address, without those of the signature."""
        found = parse_qsl(urlsplit(self.target).query, keep_blank_values=True)
        return {name: value for name, value in found if not name.startswith("X-Amz-")}

    def next_piece(self) -> bytes | None:
        """The sound of the next audio event; empty at the end of the sound; None when the client is gone."""
        data = self.hear()
        if data is None:
            return None
        assert isinstance(data, bytes)
        buffer = EventStreamBuffer()
        buffer.add_data(data)
        message = next(buffer)
        assert next(buffer, None) is None, "more than one event in a frame"
        self.kinds.append(dict(message.headers))
        self.audio += message.payload
        if message.payload:
            self.pieces.append(len(message.payload))
        else:
            self.ended = True
        return bytes(message.payload)

    def hear_all(self) -> bool:
        """Until the end of the sound; False when the client went before."""
        while (piece := self.next_piece()) is not None:
            if not piece:
                return True
        return False

    def say(self, *results: dict[str, Any]) -> None:
        """A TranscriptEvent."""
        self.message("event", "TranscriptEvent", {"Transcript": {"Results": list(results)}})

    def fail(self, name: str, text: str) -> None:
        """An exception of the stream."""
        self.message("exception", name, {"Message": text})

    def message(self, kind: str, name: str, body: Any) -> None:
        """An event-stream message with a JSON payload."""
        headers = {f":{kind}-type": name, ":content-type": "application/json", ":message-type": kind}
        self.frame(2, event_message(headers, json.dumps(body).encode()))


Part = Callable[[Session], None]


class TranscribePeer(WebSocketPeer[Session]):
    """The service. ``part`` plays one session, in a thread of its own; afterwards the connection is closed."""

    def __init__(
        self,
        part: Part,
        *,
        secret: str = "SECRET",
        answer: bytes | None = None,
        tls: ssl.SSLContext | None = None,
        silent: bool = False,
    ) -> None:
        self._secret = secret
        super().__init__(Session, part, answer=answer, tls=tls, silent=silent)

    def refusal(self, method: str, target: str, headers: dict[str, str]) -> bytes | None:
        """As AWS refuses a signature that does not hold."""
        assert (method, urlsplit(target).path) == ("GET", PATH)
        if signature_holds(target, headers["host"], self._secret):
            return None
        body = b'{"message":"The request signature we calculated does not match the signature you provided."}'
        return (
            b"HTTP/1.1 403 Forbidden\r\nx-amzn-ErrorType: InvalidSignatureException:http://internal/\r\n"
            b"x-amzn-RequestId: r-403\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )

    def extra_headers(self) -> bytes:
        """Of the answer to an upgrade."""
        return b"x-amzn-RequestId: r-101\r\n"


def signature_holds(target: str, host: str, secret: str) -> bool:
    """Signature Version 4 of a presigned address, computed anew from its parts.

    Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
    """
    parts = urlsplit(target)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    said = dict(pairs)
    assert said["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert said["X-Amz-SignedHeaders"] == "host"
    assert 0 < int(said["X-Amz-Expires"]) <= 300
    scope = said["X-Amz-Credential"].split("/", 1)[1]
    date, region, service, last = scope.split("/")
    assert (service, last) == ("transcribe", "aws4_request")
    query = "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in sorted(pairs)
        if name != "X-Amz-Signature"
    )
    nothing = hashlib.sha256(b"").hexdigest()
    canonical = f"GET\n{parts.path}\n{query}\nhost:{host}\n\nhost\n{nothing}"
    text = "\n".join(
        ["AWS4-HMAC-SHA256", said["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, last, text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(key.hex(), said["X-Amz-Signature"])


def event_message(headers: dict[str, str], payload: bytes) -> bytes:
    """An event-stream message, as the page draws it."""
    head = b""
    for name, value in headers.items():
        text = value.encode()
        head += bytes([len(name)]) + name.encode() + b"\x07" + len(text).to_bytes(2, "big") + text
    prelude = (len(payload) + len(head) + 16).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    prelude += zlib.crc32(prelude).to_bytes(4, "big")
    whole = prelude + head + payload
    return whole + zlib.crc32(whole).to_bytes(4, "big")


def result(
    text: str,
    start: float,
    end: float,
    *,
    partial: bool,
    key: str = "r1",
    items: list[dict[str, Any]] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A Result as the page of the API has it."""
    best: dict[str, Any] = {"Transcript": text}
    if items is not None:
        best["Items"] = items
    return {
        "ResultId": key, "StartTime": start, "EndTime": end, "IsPartial": partial, "Alternatives": [best], **more,
    }  # fmt: skip


def word(text: str, start: float, end: float, confidence: float | None = None, **more: Any) -> dict[str, Any]:
    item = {"Content": text, "StartTime": start, "EndTime": end, "Type": "pronunciation", **more}
    return item if confidence is None else {**item, "Confidence": confidence}


def mark(text: str, at: float) -> dict[str, Any]:
    return {"Content": text, "StartTime": at, "EndTime": at, "Type": "punctuation"}
