"""What the tests of the command line share beside fixtures."""

from __future__ import annotations

import struct
import zlib

NASTY = "[bold]x[/bold] \x1b[31mred\x1b]0;t\x07 \u202eevil\u2066 \x9b2J :smile: \r\nline"
"""Markup, ANSI and OSC sequences, bidi overrides, a C1 control, an emoji code and a line break."""


def harmless(out: str) -> bool:
    """Nothing in it can steer a terminal, and nothing was taken for markup or an emoji."""
    return (
        not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2066" for c in out)
        and "\U0001f604" not in out
    )


def png(red: int = 0) -> bytes:
    """A real picture of 100 x 100 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + bytes((red, 0, 0)) * 100 for _ in range(100))
    header = struct.pack(">IIBBBBB", 100, 100, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
