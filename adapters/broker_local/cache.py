"""A cache of built graphs in the user's cache folder; it saves time and is never needed.

One file holds the SHA-256 of its content in hex, a newline, and the content, so that content and digest
are replaced in one step. The digest finds what a disk or a cut write broke. Against other users of the
machine stands the folder: it must belong to this user and be closed to all others, or it is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

_DIGEST = 64


def folder() -> Path:
    """``$XDG_CACHE_HOME/mlbroker``, or ``~/.cache/mlbroker`` (XDG base directory specification)."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    # The specification says that a relative path is to be ignored.
    base = Path(named) if os.path.isabs(named) else Path(os.path.expanduser("~")) / ".cache"
    return base / "mlbroker"


def cached(name: str, build: Callable[[], bytes]) -> bytes:
    """What is stored under the name, or what ``build`` makes, which is then stored if that is possible.

    :param name: must change whenever ``build`` would give other bytes.
    """
    path = folder() / name
    content = _read(path)
    if content is None:
        content = build()
        _write(path, content)
    return content


def _read(path: Path) -> bytes | None:
    """The content, or None if there is none to be trusted."""
    try:
        if not _private(path.parent):
            return None
        stored = path.read_bytes()
    except OSError:
        return None
    digest, content = stored[:_DIGEST], stored[_DIGEST + 1 :]
    return content if digest == _digest(content) else None


def _write(path: Path, content: bytes) -> None:
    """Store it under the name in one step; a folder that cannot be written is no error."""
    with contextlib.suppress(OSError):
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not _private(path.parent):
            return
        number, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(number, "wb") as file:
                file.write(_digest(content) + b"\n" + content)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def _private(directory: Path) -> bool:
    """Whether the folder is this user's own and nobody else may write in it."""
    status = os.lstat(directory)
    writable_by_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not writable_by_others


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode("ascii")
