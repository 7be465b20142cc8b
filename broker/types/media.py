"""What goes in: a picture from a path, bytes, file object, numpy array or PIL image.

An :class:`Image` is made once and checked once. It refuses what no provider could use
(a missing file, no picture, a truncated one, a bomb) before anything is sent.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, TypeAlias, Union, runtime_checkable

from broker.errors import BadInput, NotConfigured
from broker.types.exif import orientation
from broker.types.image_header import FORMATS, NotAnImage, read_header
from broker.types.making import maker

MAX_BYTES = 64 * 1024 * 1024
"""More than any provider of ours takes; refused before the file is read into memory."""
MAX_PIXELS = 75_000_000
"""Above this a picture is treated as a decompression bomb: every provider scales it down anyway."""
MIN_SIDE = 8
"""Below this a picture shows nothing that could be recognised, and would still be billed."""


@runtime_checkable
class SupportsArray(Protocol):
    """A numpy array, or anything that speaks its interface."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


@runtime_checkable
class SupportsPillow(Protocol):
    """A ``PIL.Image.Image``."""

    @property
    def mode(self) -> str: ...
    @property
    def size(self) -> tuple[int, int]: ...
    def save(self, fp: Any, format: str | None = None, **params: Any) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A picture, checked.

    :param data: the encoded file, as it will be sent.
    :param format: one of jpeg, png, gif, bmp, webp, tiff, ico.
    :param width: pixels, before any EXIF orientation is applied.
    :param height: pixels, before any EXIF orientation is applied.
    :param name: how to speak of it to a person: the file's name, or ``image``.
    """

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    name: str = "image"

    @property
    def mime_type(self) -> str:
        """The media type of ``data``."""
        return {"ico": "image/x-icon"}.get(self.format, f"image/{self.format}")

    @property
    def orientation(self) -> int | None:
        """How EXIF says the picture must be turned, 1 to 8; None: it does not say. Read when asked for, not before."""
        return orientation(self.data, self.format)

    def sha256(self) -> str:
        """Digest of ``data`` in hex; computed when asked for, not before."""
        return hashlib.sha256(self.data).hexdigest()

    @classmethod
    def load(cls, source: ImageInput) -> Image:
        """From anything a user may hold. Raises :class:`BadInput` or :class:`NotConfigured`."""
        if isinstance(source, Image):
            return source
        if isinstance(source, (bytes, bytearray, memoryview)):
            return cls.from_bytes(bytes(source))
        if isinstance(source, (str, os.PathLike)):
            return cls.from_path(source)
        if isinstance(source, SupportsPillow):  # before file objects: PIL images have no read()
            return cls.from_pillow(source)
        if isinstance(source, SupportsArray):
            return cls.from_array(source)
        if hasattr(source, "read"):
            return cls.from_file(source)
        raise BadInput(
            f"an image must be a path, bytes, a binary file object, a numpy array or a PIL image, "
            f"not {type(source).__name__}"
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str = "image") -> Image:
        """From an encoded file's bytes."""
        if not data:
            raise BadInput(f"{name} is empty (0 bytes)")
        if len(data) > MAX_BYTES:
            raise _too_large(name, len(data))
        try:
            header = read_header(data)
        except NotAnImage as error:
            raise BadInput(
                f"{name} is not a usable picture: {error}. Known formats: {', '.join(FORMATS)}"
            ) from error
        if header.truncated:
            raise BadInput(
                f"{name} is truncated: the {header.format} lacks {header.truncated}. "
                "Copy or download it again"
            )
        _check_sides(name, header.width, header.height)
        return _make_image(
            data=data, format=header.format, width=header.width, height=header.height, name=name
        )

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Image:
        """From a file on this machine. URLs are not fetched."""
        text = os.fsdecode(path)
        if "://" in text[:64] or text.startswith("data:"):
            raise BadInput(
                f"{text.split(':', 1)[0]}: addresses are not fetched; download the picture and "
                "pass its path or bytes"
            )
        name = os.path.basename(text) or text
        shown = repr(text if len(text) <= 300 else f"{text[:40]}…")  # a picture in base64 is no path
        try:
            with open(text, "rb", opener=open_at_once) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise BadInput(
                        f"{shown} is a pipe or a device, which could make the call wait for ever; read it "
                        "yourself and pass the bytes"
                    )
                if status.st_size > MAX_BYTES:
                    raise _too_large(name, status.st_size)
                data = file.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            raise BadInput(f"there is no file {shown}; check the path") from error
        except IsADirectoryError as error:
            raise BadInput(f"{shown} is a folder; pass the pictures in it one by one") from error
        except PermissionError as error:
            raise BadInput(f"{shown} may not be read by this user; check its mode") from error
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            reason = error.strerror if isinstance(error, OSError) else error
            raise BadInput(f"{shown} cannot be read: {reason}") from error
        return cls.from_bytes(data, name=name)

    @classmethod
    def from_file(cls, file: BinaryIO) -> Image:
        """From a file object opened in binary mode, from its present position to its end."""
        chunks: list[bytes] = []
        size = 0
        try:
            while size <= MAX_BYTES:  # an unbuffered file may give less than was asked for
                data = file.read(MAX_BYTES + 1 - size)
                if not isinstance(data, (bytes, bytearray, memoryview)):
                    raise _not_binary(type(data).__name__)
                if not data:
                    break
                chunks.append(bytes(data))
                size += len(data)
        except UnicodeDecodeError as error:
            raise _not_binary("text") from error
        except (OSError, ValueError) as error:  # ValueError: closed
            raise BadInput(f"the file object cannot be read: {error}") from error
        data = b"".join(chunks)
        name = getattr(file, "name", None)
        return cls.from_bytes(data, name=os.path.basename(name) if isinstance(name, str) else "image")

    @classmethod
    def from_pillow(cls, picture: SupportsPillow) -> Image:
        """From a PIL image, sent as lossless PNG."""
        _check_sides("the picture", *picture.size)
        out = io.BytesIO()
        try:
            picture.save(out, format="PNG", compress_level=1)
        except Exception as error:
            raise BadInput(
                f"a PIL image of mode {picture.mode} cannot be written as PNG ({error}); "
                "convert it to RGB first, and see that its file is whole"
            ) from error
        return cls.from_bytes(out.getvalue())

    @classmethod
    def from_array(cls, array: SupportsArray) -> Image:
        """From an array of uint8: height x width, or height x width x 3 (RGB) or 4 (RGBA)."""
        shape = tuple(array.__array_interface__["shape"])
        kind = array.__array_interface__["typestr"]
        if kind not in ("|u1", "<u1", ">u1"):
            raise BadInput(
                f"an image array must be of uint8 (0..255), not {kind}; "
                "for floats in 0..1 use (array * 255).astype('uint8')"
            )
        if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (3, 4)):
            raise BadInput(
                f"an image array must be height x width [x 3 or 4], not {' x '.join(map(str, shape))}"
            )
        _check_sides("the array", shape[1], shape[0])  # before Pillow copies it
        try:
            from PIL import Image as pillow
        except ImportError as error:
            raise NotConfigured(
                "numpy arrays are sent as PNG, which needs Pillow: pip install 'mlbroker[images]'"
            ) from error
        return cls.from_pillow(pillow.fromarray(array))


ImageInput: TypeAlias = Union[
    str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO, SupportsArray, SupportsPillow, Image
]
"""What the facade takes as a picture."""


def _check_sides(name: str, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BadInput(
            f"{name} has {width} x {height} = {width * height / 1e6:.1f} megapixels, above the limit of "
            f"{MAX_PIXELS / 1e6:.0f}; scale it down first"
        )
    if min(width, height) < MIN_SIDE:
        raise BadInput(
            f"{name} is {width} x {height} pixels; below {MIN_SIDE} pixels a side "
            "there is nothing to recognise. Use a larger picture"
        )


_make_image = maker(Image)


def open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # a pipe without a writer would block the opening


def _not_binary(kind: str) -> BadInput:
    return BadInput(f'the file object gives {kind}, not bytes; open it in binary mode: open(path, "rb")')


def _too_large(name: str, size: int) -> BadInput:
    return BadInput(
        f"{name} has {size / 1e6:.1f} MB, above the limit of {MAX_BYTES / 1e6:.0f} MB; scale it down first"
    )
