"""Azure Speech's WebSocket on loopback: messages with headers, as text or behind two bytes of their headers' length.

Written from Microsoft's page on the protocol (docs.microsoft.com/azure/cognitive-services/speech/api-reference-rest/
websocketprotocol) and from what the Speech SDK, whose other side it is, sends and takes.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websocket_peer import Conversation, WebSocketPeer

KEY = "k" * 32
HEADER = 44
"""Bytes of the WAV header before the sound."""


@dataclass
class Talk(Conversation):
    """One connection of the SDK's."""

    texts: dict[str, list[Any]] = field(default_factory=dict)
    audio: bytearray = field(default_factory=bytearray)
    request_id: str = ""
    ended: bool = False

    @property
    def asked(self) -> dict[str, str]:
        """Parameters of the address."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def sound(self) -> bytes:
        """Without the header before it."""
        return bytes(self.audio[HEADER:])

    def next_piece(self) -> bytes | None:
        """The next audio message; empty at the end of the sound; None when the client is gone."""
        while (data := self.hear()) is not None:
            if isinstance(data, str):
                head, _, body = data.partition("\r\n\r\n")
                self.texts.setdefault(_headers(head)["path"], []).append(json.loads(body))
                continue
            (length,) = struct.unpack(">H", data[:2])
            headers, body = _headers(data[2 : 2 + length].decode()), data[2 + length :]
            assert headers["path"] == "audio"
            if headers["x-requestid"] != self.request_id:  # a turn begins
                self.request_id = headers["x-requestid"]
                self.say("turn.start", {"context": {"serviceTag": "t"}})
            self.audio += body
            self.ended = self.ended or not body
            return body
        return None

    def hear_all(self) -> bool:
        """Until the end of the sound; False when the client went before."""
        while (piece := self.next_piece()) is not None:
            if not piece:
                return True
        return False

    def hear_sound(self, least: int = 1) -> None:
        """Until so much sound has come."""
        while len(self.sound) < least and self.next_piece():
            pass

    def say(self, path: str, body: Any) -> None:
        """A message of the service's."""
        text = body if isinstance(body, str) else json.dumps(body)
        head = f"X-RequestId:{self.request_id}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n"
        self.frame(1, (head + text).encode())

    def hypothesis(self, text: str, offset: int, duration: int) -> None:
        """What may be said, in units of 100 ns."""
        self.say("speech.hypothesis", {"Text": text, "Offset": offset, "Duration": duration})

    def phrase(self, text: str, offset: int, duration: int, **best: Any) -> None:
        """What was said."""
        found = {"Confidence": 0.5, "Lexical": text, "ITN": text, "MaskedITN": text, "Display": text, **best}
        self.say(
            "speech.phrase",
            {
                "RecognitionStatus": "Success",
                "Offset": offset,
                "Duration": duration,
                "DisplayText": text,
                "NBest": [found],
            },
        )

    def finish(self) -> None:
        """The turn's end, also of one more turn, which the SDK begins where this one ends before it knows of the sound's end."""
        self._end_turn()
        while (piece := self.next_piece()) is not None:
            if not piece:
                self._end_turn()

    def _end_turn(self) -> None:
        with suppress(OSError):  # it may be gone
            self.say("speech.phrase", {"RecognitionStatus": "EndOfDictation", "Offset": 0, "Duration": 0})
            self.say("turn.end", {})


class SpeechPeer(WebSocketPeer[Talk]):
    """The service. ``part`` plays one connection."""

    def __init__(self, part: Callable[[Talk], Any], **more: Any) -> None:
        self.credentials: list[dict[str, str]] = []
        super().__init__(Talk, part, **more)

    def refusal(self, method: str, target: str, headers: dict[str, str]) -> bytes | None:
        """401 for any other key."""
        self.credentials.append(headers)
        if headers.get("ocp-apim-subscription-key") == KEY or headers.get("authorization") == f"Bearer {KEY}":
            return None
        return b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


def _headers(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.split("\r\n") if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
