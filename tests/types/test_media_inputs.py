"""Everything a user may hand over as a picture, and everything that only looks like one."""

from __future__ import annotations

import hashlib
import io
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broker.errors import BadInput
from broker.types import Image
from broker.types.media import MAX_BYTES, MAX_PIXELS

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")


def picture(mode: str = "RGB", size: tuple[int, int] = (32, 20)) -> Any:
    return pillow.new(mode, size)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO], ids=lambda kind: kind.__name__)
def test_bytes_in_any_wrapping_are_sent_unchanged(photo: bytes, wrap: Callable[[bytes], Any]) -> None:
    image = Image.load(wrap(photo))
    assert type(image.data) is bytes
    assert image.data == photo
    assert (image.format, image.width, image.height, image.mime_type) == ("jpeg", 320, 240, "image/jpeg")


def test_a_path_gives_its_name_and_a_checked_image_passes_through(photo: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(photo)
    for source in (path, str(path)):
        assert Image.load(source).name == "cat.jpg"
    image = Image.load(path)
    assert Image.load(image) is image


def test_a_file_object_is_read_from_where_it_stands_to_its_end(photo: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(b"skipped" + photo)
    with path.open("rb") as file:
        file.seek(7)
        assert Image.load(file).data == photo


def test_an_unbuffered_file_that_gives_little_at_a_time_is_read_to_its_end(photo: bytes) -> None:
    class Dribble(io.RawIOBase):
        def __init__(self) -> None:
            self.inner = io.BytesIO(photo)

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            return self.inner.read(min(size, 1000))

    assert Image.load(Dribble()).data == photo


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html></html>", "not a usable picture"),
        (b"%PDF-1.7\n", "not a usable picture"),
        (b"\x00" * 100, "not a usable picture"),
        (b"\xff\xd8\xff", "not a usable picture"),
        (png_header(1, 1), "Use a larger picture"),
        (png_header(10_000, 10_000), "100.0 megapixels"),
        (png_header(2**32 - 1, 2**32 - 1), "megapixels"),
    ],
    ids=["empty", "html", "pdf", "zeros", "magic-only", "1x1", "100-megapixels", "4-gigapixels-a-side"],
)
def test_what_no_provider_can_use_is_refused_with_advice(data: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        Image.load(data)


def test_a_truncated_photo_says_so(photo: bytes) -> None:
    with pytest.raises(BadInput, match=r"truncated.*again"):
        Image.load(photo[:-100])


def test_too_many_bytes_are_refused_before_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    for source in (path, bytes(MAX_BYTES + 1)):
        with pytest.raises(BadInput, match="above the limit"):
            Image.load(source)
    with path.open("rb") as file, pytest.raises(BadInput, match="above the limit"):
        Image.load(file)


def test_a_missing_file_a_folder_and_a_nul_are_told_apart(tmp_path: Path) -> None:
    for source, words in (
        (tmp_path / "none.jpg", "no file"),
        (tmp_path, "folder"),
        ("a\0b", "cannot be read"),
        ("x" * 5000, "cannot be read"),
        ("", "no file"),
    ):
        with pytest.raises(BadInput, match=words):
            Image.load(source)


def test_a_file_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(BadInput, match="may not be read"):
        Image.load(tmp_path / "cat.jpg")


@pytest.mark.parametrize(
    "address",
    [
        "https://example.com/cat.jpg",
        "s3://bucket/cat.jpg",
        "file:///etc/passwd",
        "data:image/png;base64,iVBO",
    ],
)
def test_addresses_are_not_fetched(address: str) -> None:
    with pytest.raises(BadInput, match="not fetched"):
        Image.load(address)


def test_a_picture_in_base64_taken_for_a_path_is_not_repeated_whole() -> None:
    with pytest.raises(BadInput) as caught:
        Image.load("iVBORw0KGgo" * 100_000)
    assert len(str(caught.value)) < 300


def test_a_pipe_does_not_make_the_call_wait(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    found: list[BaseException] = []

    def load() -> None:
        try:
            Image.load(path)
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=load, daemon=True)
    thread.start()
    thread.join(5)
    if thread.is_alive():  # let it go before failing
        os.close(os.open(path, os.O_RDWR))
    assert [type(error) for error in found] == [BadInput]


def test_a_device_is_refused() -> None:
    with pytest.raises(BadInput, match="device"):
        Image.load("/dev/zero")


def test_a_text_mode_file_says_how_to_open_it(photo: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(photo)
    with path.open(encoding="utf-8") as file, pytest.raises(BadInput, match="binary mode"):
        Image.load(file)  # type: ignore[arg-type] # that is the mistake
    with pytest.raises(BadInput, match="binary mode"):
        Image.load(io.StringIO("text"))  # type: ignore[arg-type] # that is the mistake


def test_a_closed_or_write_only_file_is_bad_input(photo: bytes, tmp_path: Path) -> None:
    closed = io.BytesIO(photo)
    closed.close()
    with (tmp_path / "out").open("wb") as write_only:
        for file in (closed, write_only):
            with pytest.raises(BadInput, match="cannot be read"):
                Image.load(file)


@pytest.mark.parametrize("thing", [None, 5, 3.5, object(), [1, 2], {"a": 1}, Exception])
def test_what_is_no_picture_at_all_is_named(thing: object) -> None:
    with pytest.raises(BadInput, match="must be a path, bytes"):
        Image.load(thing)  # type: ignore[arg-type] # that is the mistake


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_pillow_modes_that_png_holds_are_sent_losslessly(mode: str) -> None:
    given = picture(mode)
    image = Image.load(given)
    assert (image.format, image.width, image.height) == ("png", 32, 20)
    with pillow.open(io.BytesIO(image.data)) as back:
        assert back.convert("RGBA").tobytes() == given.convert("RGBA").tobytes()


@pytest.mark.parametrize("mode", ["CMYK", "F", "HSV", "LAB", "YCbCr"])
def test_pillow_modes_that_png_has_no_room_for_say_what_to_do(mode: str) -> None:
    with pytest.raises(BadInput, match=f"mode {mode} .*convert it to RGB"):
        Image.load(picture(mode))


def test_a_lazy_pillow_image_of_a_cut_file_is_told_to_be_cut(photo: bytes) -> None:
    with pillow.open(io.BytesIO(photo[:3000])) as lazy, pytest.raises(BadInput, match="truncated"):
        Image.load(lazy)


def test_pillow_images_of_impossible_size_are_refused_before_they_are_written() -> None:
    class Vast:
        mode = "RGB"
        size = (MAX_PIXELS, 2)

        def save(self, *_: object, **__: object) -> None:
            raise AssertionError("must not be reached")

    with pytest.raises(BadInput, match="megapixels"):
        Image.load(Vast())
    for size in ((0, 10), (10, 0), (1, 1)):
        with pytest.raises(BadInput, match="larger picture"):
            Image.load(picture(size=size))


@pytest.mark.parametrize("shape", [(20, 32), (20, 32, 3), (20, 32, 4)])
def test_arrays_of_bytes_become_the_same_pixels(shape: tuple[int, ...]) -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.random.default_rng(1).integers(0, 256, shape, numpy.uint8)
    image = Image.load(array)
    assert (image.format, image.width, image.height) == ("png", 32, 20)
    with pillow.open(io.BytesIO(image.data)) as back:
        assert (numpy.asarray(back) == array).all()


def test_arrays_that_are_not_contiguous_keep_their_order() -> None:
    numpy = pytest.importorskip("numpy")
    array = numpy.random.default_rng(1).integers(0, 256, (40, 64, 3), numpy.uint8)
    for view in (
        array[::2, ::2],
        array[:, ::-1],
        array[::-1],
        array.transpose(1, 0, 2),
        numpy.asfortranarray(array),
    ):
        with pillow.open(io.BytesIO(Image.load(view).data)) as back:
            assert (numpy.asarray(back) == view).all()


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint16", "bool", "complex64", "S3"])
def test_arrays_of_another_type_say_how_to_convert(dtype: str) -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(BadInput, match="uint8"):
        Image.load(numpy.zeros((20, 32, 3), dtype))


@pytest.mark.parametrize(
    "shape", [(), (5,), (20, 32, 1), (20, 32, 2), (20, 32, 5), (3, 20, 32), (1, 20, 32, 3)]
)
def test_arrays_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    numpy = pytest.importorskip("numpy")
    with pytest.raises(BadInput, match="height x width"):
        Image.load(numpy.zeros(shape, "uint8"))


def test_arrays_of_impossible_size_are_refused_before_they_are_copied() -> None:
    numpy = pytest.importorskip("numpy")
    vast = numpy.broadcast_to(numpy.uint8(0), (100_000, 100_000, 3))
    started = time.monotonic()
    with pytest.raises(BadInput, match="megapixels"):
        Image.load(vast)
    assert time.monotonic() - started < 1
    for shape in ((0, 32, 3), (20, 0, 3)):
        with pytest.raises(BadInput, match="larger picture"):
            Image.load(numpy.zeros(shape, "uint8"))


def test_an_image_does_not_show_its_bytes(photo: bytes) -> None:
    assert len(repr(Image.load(photo))) < 200
    assert Image.load(photo).sha256() == hashlib.sha256(photo).hexdigest()
