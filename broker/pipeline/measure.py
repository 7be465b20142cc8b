"""The header of a recording in a cloud's store: read in pieces, so that its length is known before anything is paid."""

from __future__ import annotations

import io
from collections.abc import Awaitable
from dataclasses import replace
from hashlib import sha256
from typing import Any, BinaryIO, cast

from broker.contract.context import Reply
from broker.contract.jobs import Piece
from broker.errors import BadInput
from broker.pipeline.admit import target_of
from broker.pipeline.call import Call, Next, Services
from broker.pipeline.job_steps import Steps
from broker.types.audio import Audio
from broker.types.speech import TranscribeRequest

_PIECE = 256 * 1024
_MOST_PIECES = 64
"""A header that is not found in so many pieces is none."""


def measure(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Once a provider; passes on what is measured."""
    request = call.request
    if not isinstance(request, TranscribeRequest) or request.audio.measured:
        return next_stage(call)
    return _measure(call, services, next_stage, request)


async def _measure(
    call: Call, services: Services, next_stage: Next, request: TranscribeRequest
) -> Reply[Any]:
    target, place = target_of(call), request.audio.uri or ""
    if target.job is None:
        raise BadInput("its length is not known here", provider=str(target.candidate))
    steps = Steps(call, services, target)
    known: dict[int, bytes] = {}
    size: int | None = None
    wanted = 0
    for _ in range(_MOST_PIECES):
        piece: Piece = await steps.take(
            target.job.steps.read,
            place,
            wanted * _PIECE,
            _PIECE,
            tries=services.settings.max_attempts,
        )
        if size not in (None, piece.size):
            raise BadInput(f"{place} was changed while it was read; make the call again")
        size = piece.size
        known[wanted] = piece.data
        try:
            audio = Audio.in_store(place, cast("BinaryIO", _Pieces(known, size)), size)
        except _MissingPieceError as missing:
            wanted = missing.number
            continue
        call.request = replace(request, audio=audio)
        call.looked_at = sha256(b"".join(known[number] for number in sorted(known))).hexdigest()
        if call.patient:  # as for a recording that is measured at once
            call.deadline += audio.milliseconds / 1000
        return await next_stage(call)
    raise BadInput(f"{place}: its header is not within {_MOST_PIECES * _PIECE // 1024**2} MiB of it")


class _MissingPieceError(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Pieces(io.RawIOBase):
    """A file of which only some pieces are here."""

    def __init__(self, known: dict[int, bytes], size: int) -> None:
        super().__init__()
        self._known = known
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        end = self._size if size is None or size < 0 else min(self._size, self._at + size)
        found = []
        while self._at < end:
            number, inside = divmod(self._at, _PIECE)
            if number not in self._known:
                raise _MissingPieceError(number)
            taken = self._known[number][inside : inside + end - self._at]
            if not taken:
                raise _MissingPieceError(number)  # the store gave less than was asked for
            found.append(taken)
            self._at += len(taken)
        return b"".join(found)
