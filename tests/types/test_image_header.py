"""The header reader against pictures that Pillow made: sizes, truncations, bombs, garbage, and time."""

from __future__ import annotations

import io
import random
import struct
import time
import zlib
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.types.image_header import FORMATS, NotAnImage, read_header

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")

SLOW_MACHINE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

WAYS: dict[str, tuple[str, dict[str, object]]] = {
    "jpeg": ("JPEG", {}),
    "jpeg-progressive": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "webp": ("WEBP", {}),
    "webp-lossless": ("WEBP", {"lossless": True}),
    "tiff": ("TIFF", {}),
    "tiff-lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff-jpeg": ("TIFF", {"compression": "jpeg"}),
    "ico": ("ICO", {}),
}
MODES = {
    "jpeg": ("RGB", "L", "CMYK"),
    "png": ("RGB", "RGBA", "L", "P", "1", "I;16"),
    "gif": ("P", "L"),
    "bmp": ("RGB", "L", "1"),
}


def made(way: str, width: int, height: int, mode: str = "RGB") -> bytes:
    kind, options = WAYS[way]
    picture = pillow.frombytes(
        "RGB", (width, height), random.Random(width * 7919 + height).randbytes(width * height * 3)
    )
    if mode == "I;16":
        picture = picture.convert("L").convert("I").convert("I;16")
    elif mode != "RGB":
        picture = picture.convert(mode)
    if kind == "ICO":
        options = {**options, "sizes": [(width, height)]}
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


@cache
def sample(way: str) -> bytes:
    return made(way, 37, 21)


def accepted(data: bytes) -> bool:
    try:
        return read_header(data).truncated is None
    except NotAnImage:
        return False


def decodes_whole(data: bytes) -> bool:
    try:
        with pillow.open(io.BytesIO(data)) as picture:
            picture.load()
    except Exception:
        return False
    return True


@pytest.mark.parametrize("way", WAYS)
@SLOW_MACHINE
@given(width=st.integers(1, 300), height=st.integers(1, 300), pick=st.integers(0, 9))
def test_the_size_is_the_one_pillow_sees(way: str, width: int, height: int, pick: int) -> None:
    if way == "ico":
        width, height = min(width, 256), min(height, 256)
    modes = MODES.get(way, ("RGB",))
    data = made(way, width, height, modes[pick % len(modes)])
    header = read_header(data)
    with pillow.open(io.BytesIO(data)) as picture:
        assert (header.width, header.height) == picture.size
    assert header.format == way.partition("-")[0]
    assert header.format in FORMATS
    assert header.truncated is None


@pytest.mark.parametrize("way", WAYS)
def test_every_truncation_is_refused_or_decodes_whole(way: str) -> None:
    data = sample(way)
    wrong = [cut for cut in range(len(data)) if accepted(data[:cut]) and not decodes_whole(data[:cut])]
    assert wrong == []
    assert accepted(data)
    assert not accepted(data[: len(data) // 2])


def test_a_gif_cut_behind_a_byte_that_looks_like_its_trailer_is_truncated() -> None:
    data = sample("gif")
    cuts = [at + 1 for at in range(100, len(data) - 1) if data[at] == 0x3B]
    assert cuts, "the sample must hold the byte 0x3B in its pixels"
    assert not any(accepted(data[:cut]) for cut in cuts)


@pytest.mark.parametrize("way", ["gif", "jpeg", "png", "webp", "bmp", "tiff"])
@pytest.mark.parametrize("tail", [b"\x00" * 64, b"\n", b"appended by an uploader"])
def test_what_is_appended_does_not_make_a_whole_picture_a_truncated_one(way: str, tail: bytes) -> None:
    assert accepted(sample(way) + tail)


@settings(max_examples=400, deadline=None)
@given(
    data=st.binary(max_size=400),
    magic=st.sampled_from(
        [
            b"",
            b"\xff\xd8\xff",
            b"\x89PNG\r\n\x1a\n",
            b"GIF89a",
            b"RIFF....WEBPVP8X",
            b"RIFF....WEBPVP8L",
            b"RIFF....WEBPVP8 ",
            b"II*\x00",
            b"MM\x00*",
            b"BM",
            b"\x00\x00\x01\x00",
        ]
    ),
)
def test_random_bytes_are_read_or_refused_and_nothing_else(data: bytes, magic: bytes) -> None:
    try:
        header = read_header(magic + data)
    except NotAnImage:
        return
    assert header.width > 0
    assert header.height > 0


@pytest.mark.parametrize("way", WAYS)
@SLOW_MACHINE
@given(changes=st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1, max_size=8))
def test_mutated_files_are_read_or_refused_and_nothing_else(way: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(sample(way))
    for at, byte in changes:
        data[at % min(len(data), 200)] = byte
    try:
        header = read_header(bytes(data))
    except NotAnImage:
        return
    assert header.width > 0
    assert header.height > 0


def jpeg_with_thumbnail() -> bytes:
    thumbnail = made("jpeg", 16, 16)
    assert thumbnail.endswith(b"\xff\xd9")
    segment = b"Exif\x00\x00" + thumbnail
    data = made("jpeg", 64, 48)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]


def test_a_thumbnail_in_the_exif_gives_neither_the_size_nor_the_end() -> None:
    data = jpeg_with_thumbnail()
    header = read_header(data)
    assert (header.width, header.height, header.truncated) == (64, 48, None)
    for cut in (len(data) - 2, len(data) - 100, len(data) // 2 + 200):
        assert not accepted(data[:cut])


def png(width: int, height: int, *chunks: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


def test_a_png_without_picture_data_is_not_whole() -> None:
    whole = png(10, 10)
    without = whole.replace(whole[whole.index(b"IDAT") - 4 : whole.index(b"IEND") - 4], b"")
    assert read_header(whole).truncated is None
    assert read_header(without).truncated is not None


def test_a_frame_larger_than_the_gifs_screen_counts() -> None:
    data = bytearray(made("gif", 20, 20))
    at = data.index(b"\x2c\x00\x00\x00\x00\x14\x00\x14\x00")
    struct.pack_into("<HH", data, at + 5, 60000, 50000)
    header = read_header(bytes(data))
    assert (header.width, header.height) == (60000, 50000)


def test_a_png_larger_than_its_icons_directory_says_counts() -> None:
    inner = png(20000, 20000)
    data = struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner
    assert read_header(data)[1:3] == (20000, 20000)


def test_an_icons_size_is_that_of_its_largest_picture() -> None:
    entries = [
        struct.pack("<BBBBHHII", width, height, 0, 0, 1, 32, 4, 38) for width, height in ((16, 48), (32, 8))
    ]
    header = read_header(struct.pack("<HHH", 0, 1, 2) + b"".join(entries) + b"abcd")
    assert (header.width, header.height) == (16, 48)


def tiled_tiff(size: int) -> bytes:
    tags = [
        (256, 3, 1, 64),
        (257, 3, 1, 64),
        (322, 3, 1, 64),
        (323, 3, 1, 64),
        (324, 4, 1, 200),
        (325, 4, 1, size),
    ]
    body = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    data = b"II*\x00" + struct.pack("<IH", 8, len(tags)) + body + struct.pack("<I", 0)
    return data.ljust(200, b"\x00") + b"\x00" * size


def test_a_tiff_in_tiles_is_seen_to_be_cut() -> None:
    assert read_header(tiled_tiff(4096)).truncated is None
    assert read_header(tiled_tiff(4096)[:-1]).truncated is not None


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff" + b"\xff" * 60_000_000,
        b"\xff\xd8" + b"\xff\x01" * 30_000_000,
        b"\xff\xd8" + b"\xff\xe0\x00\x02" * 15_000_000,
        png(10, 10, *[b"\x00\x00\x00\x00teSt\x00\x00\x00\x00"] * 1_000_000),
        png(10, 10, *[b"\x00\x00\x00\x00teSt\x00\x00\x00\x00"] * 5_000_000),
        b"GIF89a\x10\x00\x10\x00\x00\x00\x00" + b"\x21\xfe\x00" * 20_000_000,
        b"GIF89a\x10\x00\x10\x00\x00\x00\x00\x21\xfe" + b"\x01x" * 30_000_000,
        b"II*\x00" + struct.pack("<IH", 8, 65535) + struct.pack("<HHII", 273, 4, 0xFFFFFFFF, 8) * 65535,
        b"II*\x00" + struct.pack("<IH", 8, 65535) + struct.pack("<HHII", 273, 4, 0x00100000, 8) * 500_000,
        b"\x00\x00\x01\x00\xff\xff" + b"\x00" * 1_100_000,
        b"BM" + b"\xff" * 60_000_000,
        b"RIFF" + b"\xff" * 60_000_000,
    ],
    ids=[
        "fill",
        "standalone",
        "segments",
        "chunks",
        "more-chunks",
        "extensions",
        "blocks",
        "tiff-count",
        "tiff-tags",
        "ico",
        "bmp",
        "riff",
    ],
)
def test_no_file_of_the_largest_size_takes_long(data: bytes) -> None:
    started = time.process_time()
    accepted(data)
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("way", WAYS)
def test_an_ordinary_file_takes_microseconds(way: str) -> None:
    data = made(way, 200, 150)
    started = time.process_time()
    for _ in range(100):
        read_header(data)
    assert time.process_time() - started < 0.1


@given(side=st.integers(0, 2**32 - 1), wide=st.booleans())
def test_sides_of_zero_are_no_picture(side: int, wide: bool) -> None:
    with pytest.raises(NotAnImage):
        read_header(png(side, 0) if wide else png(0, side))
