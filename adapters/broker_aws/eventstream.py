"""AWS's binary event-stream encoding (``application/vnd.amazon.eventstream``): one message in each WebSocket frame.

A message is its whole length, the length of its headers, a CRC-32 of these two, the headers, the payload, and a CRC-32 of
all before; numbers are big-endian. A header is a name, a type and a value; AWS sends text ones, type 7.
Source: docs.aws.amazon.com/transcribe/latest/dg/streaming-setting-up.html, "Event stream encoding".

Decoding is botocore's own; it has no encoder.
"""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_TEXT = 7
_LENGTHS = struct.Struct(">II")
_CRC = struct.Struct(">I")
_OVERHEAD = 16
"""Bytes of a message besides headers and payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message.

    :param headers: those that hold text.
    """

    headers: Mapping[str, str]
    payload: bytes = field(repr=False)


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message of text headers."""
    head = b"".join(_header(name.encode(), value.encode()) for name, value in headers.items())
    lengths = _LENGTHS.pack(_OVERHEAD + len(head) + len(payload), len(head))
    start = lengths + _CRC.pack(crc32(lengths)) + head
    return start + payload + _CRC.pack(crc32(payload, crc32(start)))


def decode(data: bytes) -> Message:
    """The one message that ``data`` is. Raises ValueError for anything else."""
    from botocore.eventstream import EventStreamBuffer, ParserError

    buffer: Any = EventStreamBuffer()
    buffer.add_data(data)
    try:
        found = next(buffer, None)
    except (ParserError, struct.error, LookupError, ValueError) as error:
        raise ValueError(f"no event-stream message: {type(error).__name__}") from None
    if found is None or found.prelude.total_length != len(data):
        raise ValueError("a frame that is not one whole event-stream message")
    return Message(
        headers={str(name): value for name, value in found.headers.items() if isinstance(value, str)},
        payload=found.payload,
    )


def _header(name: bytes, value: bytes) -> bytes:
    return b"%c%b%c%b%b" % (len(name), name, _TEXT, struct.pack(">H", len(value)), value)
