"""Sound for ``mlbroker listen``: a file or standard input, as a WAV file or as bare samples, read as it comes."""

from __future__ import annotations

import os
import stat
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from broker.errors import BadInput
from broker.types.media import open_at_once

_BLOCK = 64 * 1024
_PCM, _EXTENSIBLE = 1, 0xFFFE
_LONGEST_FORMAT = 40
"""Bytes of what says how the sound is to be read; what else stands before the sound is of no use here."""
_ENDLESS = (0, 0xFFFFFFFF)
"""Lengths of ``data`` that a program writes which does not know how much will come."""
_OTHERS = {b"fLaC": "FLAC", b"OggS": "Ogg", b"ID3": "MP3", b"\x1aE\xdf\xa3": "WebM"}


@dataclass(frozen=True, slots=True)
class Source:
    """Sound that is being read.

    :param sample_rate: as the WAV header says it; None: bare samples.
    """

    sample_rate: int | None
    chunks: Iterator[bytes]


def open_source(name: str) -> Source:
    """Raises :class:`BadInput` for what cannot be read, or is no sound that a stream can carry.

    :param name: a file, a named pipe, or ``-`` for standard input. Read by its descriptor: a thread that waits in a
        buffered reader would keep the program from ending.
    """
    if name == "-":
        if sys.stdin is None:  # closed before the program began
            raise BadInput("there is no standard input; name a file, or give the sound by a pipe")
        descriptor = sys.stdin.fileno()
    else:
        try:
            descriptor = os.open(name, os.O_RDONLY) if _is_pipe(name) else open_at_once(name, os.O_RDONLY)
        except OSError as error:
            raise BadInput(f"{name} cannot be read: {error.strerror}") from error
    try:
        return _begun(name, descriptor, closes=name != "-")
    except BaseException as error:
        if name != "-":
            os.close(descriptor)
        if isinstance(error, OSError):  # a folder
            raise BadInput(f"{name} cannot be read: {error.strerror}") from error
        raise


def _is_pipe(name: str) -> bool:
    try:
        return stat.S_ISFIFO(os.stat(name).st_mode)
    except OSError:
        return False


def _begun(name: str, descriptor: int, *, closes: bool) -> Source:
    head = _exactly(descriptor, 12)
    other = next((kind for mark, kind in _OTHERS.items() if head.startswith(mark)), None)
    if other is not None:
        raise BadInput(
            f"{name} is {other}, and a stream carries bare samples; decode it first: ffmpeg -i FILE -f s16le -ac 1 -ar 16000 - "
            "| mlbroker listen - --rate 16000, or use 'mlbroker transcribe'"
        )
    if not (head.startswith((b"RIFF", b"RF64")) and head[8:12] == b"WAVE"):
        return Source(None, _rest(descriptor, head, None, closes=closes))
    rate: int | None = None
    while True:
        mark = _exactly(descriptor, 8)
        if len(mark) < 8:
            raise BadInput(f"{name} is a WAV file without sound")
        kind, length = mark[:4], struct.unpack("<I", mark[4:])[0]
        if kind == b"data":
            break
        body = _exactly(descriptor, min(length, _LONGEST_FORMAT))
        _skip(descriptor, length + length % 2 - len(body))
        if kind == b"fmt ":
            rate = _rate_of(name, body)
    if rate is None:
        raise BadInput(f"{name} is a WAV file that does not say how its sound is to be read")
    return Source(rate, _rest(descriptor, b"", None if length in _ENDLESS else length, closes=closes))


def _rate_of(name: str, body: bytes) -> int:
    form, channels, rate, _, _, bits = struct.unpack("<HHIIHH", body[:16].ljust(16, b"\0"))
    if form == _EXTENSIBLE and len(body) >= 26:
        (form,) = struct.unpack("<H", body[24:26])
    if (form, channels, bits) != (_PCM, 1, 16):
        raise BadInput(
            f"{name} has {channels} channel(s) of {bits} bits (format {form}), and a stream carries one channel of 16-bit "
            "samples; convert it, as with ffmpeg -i FILE -ac 1 -c:a pcm_s16le OUT.wav"
        )
    if not rate:
        raise BadInput(f"{name} is a WAV file of 0 samples a second")
    return int(rate)


def _rest(descriptor: int, first: bytes, left: int | None, *, closes: bool) -> Iterator[bytes]:
    try:
        if first:
            yield first
        while left is None or left > 0:
            data = os.read(descriptor, _BLOCK if left is None else min(_BLOCK, left))
            if not data:
                return
            if left is not None:
                left -= len(data)
            yield data
    finally:
        if closes:
            os.close(descriptor)


def _exactly(descriptor: int, count: int) -> bytes:
    """So many bytes, or what there is."""
    found = b""
    while len(found) < count and (data := os.read(descriptor, count - len(found))):
        found += data
    return found


def _skip(descriptor: int, count: int) -> None:
    """So many bytes are not wanted; their number is the file's word, and may be any."""
    while count > 0 and (data := os.read(descriptor, min(_BLOCK, count))):
        count -= len(data)
