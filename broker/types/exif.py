"""The EXIF orientation of a picture, read from its bytes: a camera's note how to turn it upright.

Sources: CIPA DC-008 (Exif 2.32) tag 0x0112, JPEG's APP1 segment, PNG's eXIf chunk (W3C PNG third edition), WebP's EXIF
chunk (RFC 9649), TIFF 6.0 image file directories.
"""

from __future__ import annotations

import struct

_TAG = 0x0112
_MOST_PARTS = 10_000
"""Segments, chunks or entries looked at before the search is given up."""


def orientation(data: bytes, format: str) -> int | None:
    """1 to 8, or None where the file says nothing, says it unreadably, or has no place to say it."""
    find = {"jpeg": _in_jpeg, "png": _in_png, "webp": _in_webp, "tiff": _whole}.get(format)
    if find is None:
        return None
    try:
        found = find(data)
        return None if found is None else _in_tiff(found)
    except (struct.error, IndexError):
        return None  # the picture itself may be sound


def _whole(data: bytes) -> bytes:
    return data


def _in_jpeg(data: bytes) -> bytes | None:
    position = 2
    for _ in range(_MOST_PARTS):
        if data[position] != 0xFF:
            return None
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:
            position += 2
            continue
        if marker in (0xDA, 0xD9):  # the picture's data, or its end
            return None
        (length,) = struct.unpack_from(">H", data, position + 2)
        if marker == 0xE1 and data[position + 4 : position + 10] == b"Exif\0\0":
            return data[position + 10 : position + 2 + length]
        position += 2 + length
    return None


def _in_png(data: bytes) -> bytes | None:
    position = 8
    for _ in range(_MOST_PARTS):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"eXIf":
            return data[position + 8 : position + 8 + length]
        if kind == b"IEND":
            return None
        position += 12 + length
    return None


def _in_webp(data: bytes) -> bytes | None:
    position = 12
    for _ in range(_MOST_PARTS):
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == b"EXIF":
            content = data[position + 8 : position + 8 + length]
            return content.removeprefix(b"Exif\0\0")  # some writers put JPEG's mark before it
        position += 8 + length + (length & 1)
    return None


def _in_tiff(data: bytes) -> int | None:
    """From the first directory of a TIFF structure."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return None
    (first,) = struct.unpack_from(f"{order}I", data, 4)
    (count,) = struct.unpack_from(f"{order}H", data, first)
    for number in range(min(count, _MOST_PARTS)):
        tag, kind, many = struct.unpack_from(f"{order}HHI", data, first + 2 + 12 * number)
        if tag == _TAG:
            if many != 1 or kind not in (3, 4):  # a short, or a long that some writers take
                return None
            (value,) = struct.unpack_from(
                f"{order}{'H' if kind == 3 else 'I'}", data, first + 10 + 12 * number
            )
            return value if 1 <= value <= 8 else None
    return None
