"""HTTP as adapters see it: a body too large for memory, an answer read whole; nothing of the client that carries them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, TypeAlias, Union

from broker.errors import MalformedReply
from broker.types.json import JsonValue

_BLOCK = 256 * 1024


class Upload:
    """A request's body that is read from a file while it is sent, so that it never is in memory whole.

    :param open: gives the file from its beginning; called once for each time that the body is sent.
    :param length: bytes of the file.
    :param before: what stands before the file, as the head of a multipart body.
    :param after: what stands behind it.
    """

    __slots__ = ("_after", "_before", "_length", "_open")

    def __init__(
        self, open: Callable[[], BinaryIO], length: int, *, before: bytes = b"", after: bytes = b""
    ) -> None:
        self._open = open
        self._length = length
        self._before = before
        self._after = after

    def __len__(self) -> int:
        return len(self._before) + self._length + len(self._after)

    def __iter__(self) -> Iterator[bytes]:
        if self._before:
            yield self._before
        left = self._length
        with self._open() as file:
            while left > 0 and (block := file.read(min(_BLOCK, left))):
                left -= len(block)
                yield block
        if self._after:
            yield self._after

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for block in self:  # a block of a file is read in less than a loop's turn is worth a thread
            yield block


Content: TypeAlias = Union[bytes, Upload]
"""A request's body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpReply:
    """One answer, read to its end and decoded.

    :param headers: names in lower case; a repeated header is joined by ``, ``.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> JsonValue:
        """The body parsed as JSON. Raises :class:`MalformedReply` for HTML, empty and cut bodies."""
        try:
            parsed: JsonValue = json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise MalformedReply(
                f"the answer is not JSON: {self.content_type or 'no content type'}, "
                f"{len(self.content)} bytes",
                status=self.status,
            ) from error
        return parsed
