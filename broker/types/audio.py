"""What goes in: a recording from a path, bytes or file object.

An :class:`Audio` is made once and checked once. It refuses what no provider could use (a missing file, no recording, a
truncated one, one without a length) before anything is sent. A file on disk is not read into memory: a recording of
hours is only opened, and only its headers are looked at.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, TypeAlias, Union

from broker.errors import BadInput
from broker.types.audio_header import FORMATS, AudioHeader, NotAudio, read_header
from broker.types.media import open_at_once

MAX_BYTES = 2 * 1024**3
"""More than any provider of ours takes of one recording (Amazon Transcribe: 2 GB)."""
MAX_IN_MEMORY = 256 * 1024 * 1024
"""Of bytes and file objects; a larger recording is given by its path."""
MIN_MILLISECONDS = 20
"""Below this there is no speech sound, and it would be billed all the same."""
STORES = ("s3://", "gs://")
"""Beginnings of addresses that a provider reads itself."""
_LONGEST_URI = 1100
"""S3 and Cloud Storage take names of 1,024 bytes."""
_BLOCK = 1024 * 1024
_MIME = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "m4a": "audio/mp4",
    "webm": "audio/webm",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A recording, checked.

    :param format: the container: one of wav, flac, mp3, ogg, m4a (MP4), webm.
    :param codec: what is inside where the header says so: ``pcm``, ``opus``, ``vorbis``, ``aac``, ``amr``; None: it does not.
    :param milliseconds: length, rounded up, from the header: of some MP3 and AAC streams a good estimate.
    :param sample_rate: in Hz.
    :param name: how to speak of it to a person: the file's name, or ``audio``.
    :param size: bytes.
    :param data: the encoded file; None: it is at ``path``.
    :param path: where it is read from when it is sent; None: it is in ``data``, or at ``uri``.
    :param uri: where it is in a cloud's store (``s3://bucket/key``); it is never fetched whole, and only a provider that
        reads such addresses itself takes it.
    """

    format: str
    codec: str | None
    milliseconds: int
    sample_rate: int
    channels: int
    size: int
    name: str = "audio"
    data: bytes | None = field(default=None, repr=False)
    path: str | None = None
    uri: str | None = None
    modified_ns: int | None = field(default=None, repr=False, compare=False)

    @property
    def mime_type(self) -> str:
        """The media type."""
        return _MIME[self.format]

    @property
    def measured(self) -> bool:
        """Its header was read; False: it is in a store, and is looked at when its provider is known."""
        return bool(self.format)

    def open(self) -> BinaryIO:
        """The encoded file from its beginning; close it. Raises :class:`BadInput` where it is no longer the one that was
        checked: its length, and so its price, may be another.
        """
        if self.uri is not None:
            raise BadInput(f"{self.name} is read by the provider alone; it cannot be opened here")
        if self.path is None:
            return io.BytesIO(self.data or b"")
        file, status = _opened(self.path, repr(self.path))
        if (status.st_size, status.st_mtime_ns) != (self.size, self.modified_ns):
            file.close()
            raise BadInput(f"{self.name} was changed after it had been checked; make the Audio again")
        return file

    def read(self) -> bytes:
        """The whole encoded file. Raises :class:`BadInput` as :meth:`open`."""
        if self.data is not None:
            return self.data
        with self.open() as file:
            return file.read()

    def sha256(self) -> str:
        """Digest of the encoded file in hex; computed when asked for, not before."""
        digest = hashlib.sha256()
        with self.open() as file:
            while block := file.read(_BLOCK):
                digest.update(block)
        return digest.hexdigest()

    @classmethod
    def load(cls, source: AudioInput) -> Audio:
        """From anything a user may hold. Raises :class:`BadInput`."""
        if isinstance(source, Audio):
            return source
        if isinstance(source, (bytes, bytearray, memoryview)):
            return cls.from_bytes(bytes(source))
        if isinstance(source, str) and source.startswith(STORES):
            return cls.from_uri(source)
        if isinstance(source, (str, os.PathLike)):
            return cls.from_path(source)
        if hasattr(source, "read"):
            return cls.from_file(source)
        raise BadInput(
            f"a recording must be a path, bytes or a binary file object, not {type(source).__name__}; write samples "
            "of an array into a WAV file first"
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, name: str = "audio") -> Audio:
        """From an encoded file's bytes."""
        if len(data) > MAX_IN_MEMORY:
            raise _too_large_for_memory(name)
        header = _header(io.BytesIO(data), len(data), name)
        return cls(**_fields(header), size=len(data), name=name, data=data)

    @classmethod
    def from_path(cls, path: str | os.PathLike[str]) -> Audio:
        """From a file on this machine, which stays where it is. URLs are not fetched."""
        text = os.fsdecode(path)
        if "://" in text[:64] or text.startswith("data:"):
            raise BadInput(
                f"{text.split(':', 1)[0]}: addresses are not fetched; download the recording and pass its path"
            )
        name = os.path.basename(text) or text
        file, status = _opened(text, repr(text if len(text) <= 300 else f"{text[:40]}…"))
        with file:
            header = _header(file, status.st_size, name)
        return cls(
            **_fields(header),
            size=status.st_size,
            name=name,
            path=os.path.abspath(text),  # the program may change its folder before it is sent
            modified_ns=status.st_mtime_ns,
        )

    @classmethod
    def from_uri(cls, uri: str) -> Audio:
        """A recording in a cloud's own store (``s3://bucket/key``, ``gs://bucket/name``), which stays there.

        The provider whose store it is reads it, and nobody else can; its header is read when a call is made. Other
        addresses are not fetched.
        """
        store = next((each for each in STORES if uri.startswith(each)), None)
        bucket, _, name = uri[len(store or "") :].partition("/")
        if store is None or not bucket or not name or not uri.isprintable() or len(uri) > _LONGEST_URI:
            raise BadInput(
                f"{uri[:80]!r} is no address of a recording: s3://bucket/key and gs://bucket/name are; download others and "
                "pass their path"
            )
        return cls(
            format="",
            codec=None,
            milliseconds=0,
            sample_rate=0,
            channels=0,
            size=0,
            name=name.rpartition("/")[2] or name,
            uri=uri,
        )

    @classmethod
    def in_store(cls, uri: str, file: BinaryIO, size: int) -> Audio:
        """What :meth:`from_uri` named, measured by its header.

        :param file: gives at least the pieces of it that tell its length.
        """
        plain = cls.from_uri(uri)
        return replace(plain, **_fields(_header(file, size, plain.name)), size=size)

    @classmethod
    def from_file(cls, file: BinaryIO) -> Audio:
        """From a file object opened in binary mode, from its present position to its end, read into memory."""
        chunks: list[bytes] = []
        size = 0
        name = getattr(file, "name", None)
        name = os.path.basename(name) if isinstance(name, str) else "audio"
        try:
            while True:  # an unbuffered file may give less than was asked for
                data = file.read(_BLOCK)
                if not isinstance(data, (bytes, bytearray, memoryview)):
                    raise _not_binary(type(data).__name__)
                if not data:
                    break
                chunks.append(bytes(data))
                size += len(data)
                if size > MAX_IN_MEMORY:
                    raise _too_large_for_memory(name)
        except UnicodeDecodeError as error:
            raise _not_binary("text") from error
        except (OSError, ValueError) as error:  # ValueError: closed
            raise BadInput(f"the file object cannot be read: {error}") from error
        return cls.from_bytes(b"".join(chunks), name=name)


AudioInput: TypeAlias = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO, Audio]
"""What the facade takes as a recording."""


def _fields(header: AudioHeader) -> dict[str, Any]:
    return {
        "format": header.format,
        "codec": header.codec,
        "milliseconds": header.milliseconds,
        "sample_rate": header.sample_rate,
        "channels": header.channels,
    }


def _header(file: BinaryIO, size: int, name: str) -> AudioHeader:
    if size == 0:
        raise BadInput(f"{name} is empty (0 bytes)")
    if size > MAX_BYTES:
        raise BadInput(
            f"{name} has {size / 1e9:.1f} GB, above the limit of {MAX_BYTES / 1e9:.1f} GB; cut it into parts, or "
            "write it as FLAC or Opus"
        )
    try:
        header = read_header(file, size)
    except NotAudio as error:
        raise BadInput(
            f"{name} is not a usable recording: {error}. Known formats: {', '.join(FORMATS)}"
        ) from error
    if header.truncated:
        raise BadInput(
            f"{name} is truncated: the {header.format} lacks {header.truncated}. Copy or download it again"
        )
    if header.milliseconds < MIN_MILLISECONDS:
        raise BadInput(
            f"{name} holds {header.milliseconds} ms of sound; below {MIN_MILLISECONDS} ms there is nothing to hear"
        )
    return header


def _opened(path: str, shown: str) -> tuple[BinaryIO, os.stat_result]:
    """The file and what it is; raises :class:`BadInput` for what is no file, or is not there."""
    try:
        file = open(path, "rb", opener=open_at_once)  # noqa: SIM115 - the caller closes it
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {shown}; check the path") from error
    except IsADirectoryError as error:
        raise BadInput(f"{shown} is a folder; pass the recordings in it one by one") from error
    except PermissionError as error:
        raise BadInput(f"{shown} may not be read by this user; check its mode") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInput(f"{shown} cannot be read: {reason}") from error
    status = os.fstat(file.fileno())
    if not stat.S_ISREG(status.st_mode):
        file.close()
        raise BadInput(
            f"{shown} is a pipe or a device, which could make the call wait for ever; read it yourself and pass the bytes"
        )
    return file, status


def _not_binary(kind: str) -> BadInput:
    return BadInput(f'the file object gives {kind}, not bytes; open it in binary mode: open(path, "rb")')


def _too_large_for_memory(name: str) -> BadInput:
    return BadInput(
        f"{name} has more than {MAX_IN_MEMORY // 1024**2} MiB; write it into a file and pass its path, which is not read into memory"
    )
