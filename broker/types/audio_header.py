"""What a recording's header says: container, codec, length, sample rate, channels. No sound is decoded.

tinytag (MIT) reads MP3, FLAC, Ogg and MP4. WAV is read here, because a header that claims more than the file holds must be
told from one that was written to a pipe; WebM in :mod:`broker.types.webm_header`, because tinytag does not know it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

FORMATS = ("wav", "flac", "mp3", "ogg", "m4a", "webm")
_OPEN_ENDED = (0, 0x7FFFFFFF, 0x7FFFF000, 0xFFFFFFFF, 0xFFFFF000, 0xFFFFFFDA)
"""What programs write for a length they do not know yet: sox, ffmpeg and arecord into a pipe."""
_WAV_CODECS = {1: "pcm", 3: "float", 6: "alaw", 7: "mulaw", 17: "adpcm", 2: "adpcm", 0x55: "mp3"}
_EXTENSIBLE = 0xFFFE
_LAST_PAGE = 65_536
"""An Ogg page has at most 65,307 bytes."""


class NotAudio(Exception):
    """These bytes are no recording of a known format; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioHeader:
    """What the header says; ``truncated`` names what is missing, if anything is."""

    format: str
    codec: str | None
    milliseconds: int
    sample_rate: int
    channels: int
    truncated: str | None = None


def read_header(file: BinaryIO, size: int) -> AudioHeader:
    """Read it from a file's beginning, and what else of the file tells the length. Raises :class:`NotAudio`."""
    start = file.read(64)
    file.seek(0)
    kind = format_of(start)
    if kind == "wav":
        return _wav(file, size)
    if kind == "webm":
        from broker.types.webm_header import read_webm

        return read_webm(file, size)
    return _by_tinytag(file, size, kind)


def format_of(start: bytes) -> str:
    """The container by a file's first bytes. Raises :class:`NotAudio`."""
    if start[:4] in (b"RIFF", b"RF64") and start[8:12] == b"WAVE":
        return "wav"
    if start[:4] == b"fLaC":
        return "flac"
    if start[:4] == b"OggS":
        return "ogg"
    if start[:4] == b"\x1aE\xdf\xa3":
        return "webm"
    if start[4:8] == b"ftyp":
        return "m4a"
    if start[:3] == b"ID3" or (len(start) > 2 and start[0] == 0xFF and start[1] & 0xE6 in (0xE2, 0xE4, 0xE6)):
        return "mp3"
    if start[:4] == b"FORM":
        raise NotAudio("AIFF is taken by no provider; convert it to FLAC")
    raise NotAudio("its first bytes are of no known audio format")


def milliseconds(seconds: float) -> int:
    """Whole milliseconds, rounded up: a length that is billed must not be found too short."""
    return -int(-seconds * 1000 // 1)


def _wav(file: BinaryIO, size: int) -> AudioHeader:
    """RIFF/WAVE chunks (Multimedia Programming Interface 1.0), with RF64's 64-bit length (EBU Tech 3306)."""
    place = 12
    form: bytes | None = None
    long_size: int | None = None
    while place + 8 <= size:
        file.seek(place)
        name, length = struct.unpack("<4sI", file.read(8))
        if name == b"ds64":
            _, long_size = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))
        elif name == b"fmt ":
            form = file.read(min(length, 40))
        elif name == b"data":
            return _wav_header(
                form, place + 8, long_size if length == 0xFFFFFFFF and long_size else length, size
            )
        place += 8 + length + length % 2
    raise NotAudio("the WAV has no data chunk")


def _wav_header(form: bytes | None, begin: int, claimed: int, size: int) -> AudioHeader:
    if form is None or len(form) < 16:
        raise NotAudio("the WAV does not say its format before its data")
    tag, channels, rate, bytes_a_second, block, _ = struct.unpack("<HHIIHH", form[:16])
    if tag == _EXTENSIBLE and len(form) >= 26:
        (tag,) = struct.unpack("<H", form[24:26])
    codec = _WAV_CODECS.get(tag)
    a_second = rate * block if codec in ("pcm", "float", "alaw", "mulaw") else bytes_a_second
    if not channels or not rate or not a_second:
        raise NotAudio("the WAV has no channels or no sample rate")
    there = size - begin
    # One byte may be the pad of an odd chunk that a program forgot.
    missing = claimed - there if claimed not in _OPEN_ENDED else 0
    return AudioHeader(
        format="wav",
        codec=codec,
        milliseconds=milliseconds(min(there, claimed if claimed not in _OPEN_ENDED else there) / a_second),
        sample_rate=rate,
        channels=channels,
        truncated=f"{missing:,} of {claimed:,} bytes of sound" if missing > 0 else None,
    )


def _by_tinytag(file: BinaryIO, size: int, kind: str) -> AudioHeader:
    from tinytag import TinyTag, TinyTagException

    truncated = _cut_ogg(file, size) if kind == "ogg" else _cut_mp4(file, size) if kind == "m4a" else None
    file.seek(0)
    try:
        found = TinyTag.get(file_obj=file, tags=False)
    except TinyTagException as error:
        if truncated:
            return AudioHeader(
                format=kind, codec=None, milliseconds=0, sample_rate=0, channels=0, truncated=truncated
            )
        raise NotAudio(f"its {kind} header cannot be read") from error
    if not found.duration or not found.samplerate or not found.channels:
        if truncated:
            return AudioHeader(
                format=kind, codec=None, milliseconds=0, sample_rate=0, channels=0, truncated=truncated
            )
        raise NotAudio(
            f"its {kind} header gives no length, so nobody could say what it costs; write it anew, as with ffmpeg -i IN OUT.flac"
        )
    return AudioHeader(
        format=kind,
        codec=_codec(kind, found.mime_type),
        milliseconds=milliseconds(found.duration),
        sample_rate=found.samplerate,
        channels=found.channels,
        truncated=truncated,
    )


def _codec(kind: str, mime_type: str | None) -> str | None:
    if kind in ("mp3", "flac"):
        return kind
    inside = (mime_type or "").partition('codecs="')[2].rstrip('"').lower()
    return "aac" if inside.startswith("mp4a") else inside or None


def _cut_ogg(file: BinaryIO, size: int) -> str | None:
    """Whether the last page goes past the end (RFC 3533, section 6)."""
    begin = max(0, size - _LAST_PAGE)
    file.seek(begin)
    tail = file.read(_LAST_PAGE)
    place = tail.rfind(b"OggS")
    if place < 0:
        return "its last page"
    page = tail[place:]
    segments = page[26] if len(page) > 26 else 0
    table = page[27 : 27 + segments]
    whole = 27 + segments + sum(table)
    return (
        "the end of its last page" if len(page) < 27 or len(table) < segments or len(page) < whole else None
    )


def _cut_mp4(file: BinaryIO, size: int) -> str | None:
    """Whether a box goes past the end (ISO/IEC 14496-12, section 4.2)."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length, name = struct.unpack(">I4s", head[:8])
        if length == 1 and len(head) == 16:
            (length,) = struct.unpack(">Q", head[8:])
        elif length == 0:  # to the end of the file
            return None
        if length < 8:
            raise NotAudio("its MP4 boxes are broken")
        if place + length > size:
            return f"{place + length - size:,} bytes of its {name.decode('latin-1')!r} box"
        place += length
    return None
