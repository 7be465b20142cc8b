"""Collect an answer's body under a cap, encoded and decoded: a gzip bomb stops at the cap, not in memory."""

from __future__ import annotations

import zlib

from broker.errors import MalformedReply

MAX_BODY = 32 * 1024 * 1024
"""The largest answer of any operation here is some hundred kB; beyond this it is a fault or an attack."""


class Body:
    """Feed chunks, then take :meth:`content`."""

    __slots__ = ("_chunks", "_encoding", "_size")

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding.strip().lower()
        self._chunks: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> None:
        """One chunk as it came. Raises :class:`MalformedReply` above the cap."""
        self._size += len(chunk)
        if self._size > MAX_BODY:
            raise _too_large()
        self._chunks.append(chunk)

    def content(self) -> bytes:
        """The whole, decoded. Raises :class:`MalformedReply`."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        if self._encoding in ("", "identity"):
            return data
        if self._encoding not in ("gzip", "x-gzip", "deflate"):
            raise MalformedReply(f"the answer is encoded as {self._encoding!r}, which was not asked for")
        # 32 added to the window bits: gzip and zlib headers are told apart by zlib itself.
        decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        try:
            decoded = decoder.decompress(data, MAX_BODY + 1)
        except zlib.error as error:
            raise MalformedReply("the answer's compression is broken") from error
        if len(decoded) > MAX_BODY or decoder.unconsumed_tail:
            raise _too_large()
        if not decoder.eof:
            raise MalformedReply("the compressed answer is cut short")
        return decoded


def _too_large() -> MalformedReply:
    return MalformedReply(f"the answer is larger than {MAX_BODY // (1024 * 1024)} MB")
