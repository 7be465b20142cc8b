"""The header of a WebM recording: length, codec, sample rate and channels, out of its EBML (RFC 8794, RFC 9559)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from broker.types.audio_header import AudioHeader, NotAudio, milliseconds

_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_DOCTYPE = 0x4282
_SCALE, _DURATION = 0x2AD7B1, 0x4489
_ENTRY, _CODEC, _AUDIO, _RATE, _CHANNELS = 0xAE, 0x86, 0xE1, 0xB5, 0x9F
_LONGEST = 1024 * 1024
"""Of one element that is read; headers are far smaller."""


def read_webm(file: BinaryIO, size: int) -> AudioHeader:
    """Read it. Raises :class:`NotAudio`, also for a recording that does not say its length (a browser's MediaRecorder)."""
    file.seek(0)
    truncated: str | None = None
    scale, duration = 1_000_000, 0.0
    track: dict[int, bytes] = {}
    for name, begin, length in _elements(file, 0, size):
        if name == _EBML and b"webm" not in (body := _body(file, begin, length)) and b"matroska" not in body:
            raise NotAudio("it is EBML, but no WebM")
        if name != _SEGMENT:
            continue
        end = size if length is None else begin + length
        if end > size:
            truncated = f"{end - size:,} bytes of its segment"
        for inner, at, inner_length in _elements(file, begin, min(end, size)):
            if inner == _INFO:
                told = _members(_body(file, at, inner_length))
                scale = int.from_bytes(told.get(_SCALE, b""), "big") or scale
                duration = _number(told.get(_DURATION, b""))
            elif inner == _TRACKS:
                track = track or _sound(_body(file, at, inner_length))
            elif inner == _CLUSTER:
                break
        break
    if not track:
        raise NotAudio("its WebM header names no sound")
    sound = _members(track[_AUDIO])
    if not duration and not truncated:
        raise NotAudio(
            "its WebM header gives no length, as a browser leaves it, so nobody could say what it costs; write it anew, "
            "as with ffmpeg -i IN -c copy OUT.webm"
        )
    return AudioHeader(
        format="webm",
        codec=track.get(_CODEC, b"").decode("latin-1").removeprefix("A_").lower() or None,
        milliseconds=milliseconds(duration * scale / 1e9),
        sample_rate=int(
            _number(sound.get(_RATE, b"")) or 8000
        ),  # the defaults of RFC 9559, section 5.1.4.1.29
        channels=int.from_bytes(sound.get(_CHANNELS, b""), "big") or 1,
        truncated=truncated,
    )


def _sound(tracks: bytes) -> dict[int, bytes]:
    """The members of the first track with sound."""
    for name, entry in _each(tracks):
        if name == _ENTRY and _AUDIO in (members := _members(entry)):
            return members
    return {}


def _elements(file: BinaryIO, place: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """Id, place of the body and its length (None: to the end) of the elements at one level."""
    while place < end:
        file.seek(place)
        head = file.read(12)
        try:
            name, after = _vint(head, 0, marked=True)
            length, after = _vint(head, after, marked=False)
        except IndexError:
            return
        yield name, place + after, length if length >= 0 else None
        if length < 0:
            return
        place += after + length


def _body(file: BinaryIO, begin: int, length: int | None) -> bytes:
    if length is None or length > _LONGEST:
        raise NotAudio("its WebM header is broken")
    file.seek(begin)
    return file.read(length)


def _each(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = 0
    while place < len(data):
        try:
            name, place = _vint(data, place, marked=True)
            length, place = _vint(data, place, marked=False)
        except IndexError:
            return
        length = len(data) - place if length < 0 else length
        yield name, data[place : place + length]
        place += length


def _members(data: bytes) -> dict[int, bytes]:
    return dict(_each(data))


def _vint(data: bytes, place: int, *, marked: bool) -> tuple[int, int]:
    """A number of variable length, and the place behind it; -1 for a length that is not known."""
    first = data[place]
    width = 9 - first.bit_length()
    if width > 8:
        raise IndexError(place)
    value = int.from_bytes(data[place : place + width], "big")
    if len(data) < place + width:
        raise IndexError(place)
    if not marked:
        value &= (1 << 7 * width) - 1
        if value == (1 << 7 * width) - 1:
            value = -1
    return value, place + width


def _number(data: bytes) -> float:
    if len(data) == 4:
        return float(struct.unpack(">f", data)[0])
    if len(data) == 8:
        return float(struct.unpack(">d", data)[0])
    return 0.0
