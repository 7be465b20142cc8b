"""Format, size in pixels and completeness of a picture, read from its bytes without decoding.

Pure functions over bytes, a few microseconds each, so that every call can be checked before it
is sent: a truncated file or a decompression bomb is refused here and not billed there.
Sources: JPEG ITU T.81 annex B, PNG (W3C third edition), GIF89a, BMP/DIB, RFC 9649 (WebP),
TIFF 6.0, the ICO directory.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import NamedTuple


class Header(NamedTuple):
    """What the first bytes say. ``truncated`` names what is missing, or is None."""

    format: str
    width: int
    height: int
    truncated: str | None = None


class NotAnImage(ValueError):
    """The bytes are not one of the known formats, or their header is broken."""


FORMATS = ("jpeg", "png", "gif", "bmp", "webp", "tiff", "ico")


def read_header(data: bytes) -> Header:
    """Recognise the picture by its magic bytes. Raises :class:`NotAnImage`."""
    for magic, reader in _READERS:
        if data.startswith(magic):
            try:
                header = reader(data)
            except (struct.error, IndexError) as error:
                raise NotAnImage("the file ends inside its header") from error
            if header.width < 1 or header.height < 1:
                raise NotAnImage(f"the {header.format} header says {header.width} x {header.height}")
            return header
    raise NotAnImage("the bytes are of no known image format")


# Start-of-frame markers: C0..CF without C4 (Huffman), C8 (reserved) and CC (arithmetic).
_SOF = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_NO_FILL = re.compile(rb"[^\xff]")  # searched at C speed: a file may be 64 MB of fill bytes
_MOST_PARTS = 1_000_000
"""Segments, chunks or blocks a file may have before it is taken for an attack on this reader."""


def _jpeg(data: bytes) -> Header:
    position, size = 2, None
    for _ in range(_MOST_PARTS):
        if data[position] != 0xFF:
            raise NotAnImage("the jpeg has no marker where one must be")
        marker = data[position + 1]
        if marker == 0xFF:  # fill bytes
            found = _NO_FILL.search(data, position)
            if found is None:
                raise NotAnImage("the jpeg ends before its first scan")
            position = found.start() - 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            position += 2
            continue
        if marker == 0xD9:
            raise NotAnImage("the jpeg ends before its first scan")
        length = data[position + 2] << 8 | data[position + 3]  # plain bytes: half the time of struct here
        if length < 2:
            raise NotAnImage("the jpeg has a segment of impossible length")
        if marker in _SOF:
            height, width = struct.unpack_from(">HH", data, position + 5)
            size = (width, height)
        if marker == 0xDA:  # start of scan: the picture itself follows
            break
        position += 2 + length
    else:
        raise NotAnImage("the jpeg has too many segments")
    if size is None:
        raise NotAnImage("the jpeg has no frame header")
    # Searching behind the scan's start leaves out an EXIF thumbnail's own end marker.
    complete = data.rfind(b"\xff\xd9", position) >= 0
    return Header("jpeg", *size, None if complete else "its end-of-image marker")


def _png(data: bytes) -> Header:
    if data[12:16] != b"IHDR":
        raise NotAnImage("the png does not start with its header chunk")
    width, height = struct.unpack_from(">II", data, 16)
    position, seen_data = 8, False
    for _ in range(_MOST_PARTS):
        if position + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, position)
        position += 12 + length
        seen_data |= kind == b"IDAT"
        if position > len(data):
            break
        if kind == b"IEND":
            return Header("png", width, height, None if seen_data else "its picture data")
    return Header("png", width, height, "its last chunk")


def _gif(data: bytes) -> Header:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + _colours(flags)
    for _ in range(_MOST_PARTS):
        if position >= len(data):
            return Header("gif", width, height, "its trailer")
        kind = data[position]
        if kind == 0x3B:
            return Header("gif", width, height)
        if kind == 0x21:  # an extension: label, then blocks
            position += 2
        elif kind == 0x2C:  # a picture: place, size, colours, code size, then blocks
            if position + 10 > len(data):
                return Header("gif", width, height, "a picture")
            left, top, wide, high, flags = struct.unpack_from("<HHHHB", data, position + 1)
            # A frame may be larger than the screen it is said to be on, and is decoded all the same.
            width, height = max(width, left + wide), max(height, top + high)
            position += 11 + _colours(flags)
        else:
            raise NotAnImage("the gif has an unknown block")
        position = _blocks_end(data, position)
    raise NotAnImage("the gif has too many blocks")


def _colours(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(data: bytes, position: int) -> int:
    """Behind the blocks that begin here; behind the file if they do not end."""
    for _ in range(_MOST_PARTS):
        if position >= len(data):
            return position
        length = data[position]
        position += 1 + length
        if length == 0:
            return position
    raise NotAnImage("the gif has too many blocks")


def _bmp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 2)
    (offset, header_size) = struct.unpack_from("<II", data, 10)
    if header_size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = struct.unpack_from("<ii", data, 18)
    short = len(data) < size or len(data) <= offset
    return Header("bmp", width, abs(height), "part of its pixels" if short else None)


def _webp(data: bytes) -> Header:
    if data[8:12] != b"WEBP":
        raise NotAnImage("a RIFF file, but not a webp picture")
    (riff_size,) = struct.unpack_from("<I", data, 4)
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        raise NotAnImage("the webp starts with an unknown chunk")
    short = len(data) < riff_size + 8
    return Header("webp", width, height, "part of its data" if short else None)


_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_TIFF_PARTS = ((273, 279), (324, 325))  # offsets and byte counts, of strips and of tiles
_TIFF_WANTED = frozenset([_TIFF_WIDTH, _TIFF_HEIGHT, *(tag for pair in _TIFF_PARTS for tag in pair)])
_TIFF_TYPES = {1: "B", 3: "H", 4: "I"}
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


def _tiff(data: bytes) -> Header:
    order = "<" if data[:2] == b"II" else ">"
    (directory,) = struct.unpack_from(order + "I", data, 4)
    if directory + 2 > len(data):
        # The directory may lie behind the pixels, so a cut file has lost it; the size is unknown.
        raise NotAnImage("the tiff is truncated: its directory is missing")
    (entries,) = struct.unpack_from(order + "H", data, directory)
    tags: dict[int, tuple[int, ...]] = {}
    short = directory + 2 + 12 * entries + 4 > len(data)
    for number in range(entries):
        entry = directory + 2 + 12 * number
        tag, kind, count = struct.unpack_from(order + "HHI", data, entry)
        place, size = entry + 8, _TIFF_SIZES.get(kind, 1) * count
        if size > 4:
            (place,) = struct.unpack_from(order + "I", data, place)
            if place + size > len(data):
                short = True
                continue
        letter = _TIFF_TYPES.get(kind)
        if letter is None or tag not in _TIFF_WANTED or tag in tags:
            continue  # a tag said 65,535 times would take minutes
        shape = f"{order}{min(count, 65536)}{letter}"
        tags[tag] = struct.unpack_from(shape, data, place)
    if _TIFF_WIDTH not in tags or _TIFF_HEIGHT not in tags:
        raise NotAnImage("the tiff does not say its size")
    for offsets, counts in _TIFF_PARTS:
        parts = zip(tags.get(offsets, ()), tags.get(counts, ()), strict=False)
        short = short or any(start + length > len(data) for start, length in parts)
    return Header(
        "tiff",
        tags[_TIFF_WIDTH][0],
        tags[_TIFF_HEIGHT][0],
        "part of its pixels" if short else None,
    )


def _ico(data: bytes) -> Header:
    (count,) = struct.unpack_from("<H", data, 4)
    if count < 1:
        raise NotAnImage("the icon file holds no picture")
    width = height = 0
    short = False
    for number in range(count):
        entry = 6 + 16 * number
        length, offset = struct.unpack_from("<II", data, entry + 8)
        short |= offset + length > len(data)
        size = (data[entry] or 256, data[entry + 1] or 256)  # 0 stands for 256
        if data.startswith(_PNG_MAGIC, offset) and offset + 24 <= len(data):
            size = struct.unpack_from(
                ">II", data, offset + 16
            )  # what is decoded, whatever the directory says
        if size[0] * size[1] > width * height:
            width, height = size
    return Header("ico", width, height, "part of its pictures" if short else None)


_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_READERS: tuple[tuple[bytes, Callable[[bytes], Header]], ...] = (
    (b"\xff\xd8\xff", _jpeg),
    (_PNG_MAGIC, _png),
    (b"GIF87a", _gif),
    (b"GIF89a", _gif),
    (b"RIFF", _webp),
    (b"II*\x00", _tiff),
    (b"MM\x00*", _tiff),
    (b"BM", _bmp),
    (b"\x00\x00\x01\x00", _ico),
)
