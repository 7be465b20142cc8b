"""A folder of pictures, recordings or texts: its files by their paths, in one order on every machine."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

from broker.datasets.item import Kind
from broker.datasets.lookup import Lookup
from broker.errors import BadDataset

SUFFIXES: dict[Kind, frozenset[str]] = {
    Kind.IMAGE: frozenset(
        {".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ico"}
    ),
    Kind.AUDIO: frozenset(
        {".wav", ".mp3", ".flac", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".webm", ".amr"}
    ),
    Kind.TEXT: frozenset({".txt", ".md"}),
}
LONGEST_TEXT = 40_000_000
"""Bytes of a text in a file of its own: 10 million characters of four bytes."""


def kind_of(folder: str) -> Kind:
    """What the files are. Raises :class:`BadDataset` where they leave a doubt. Texts beside pictures are no doubt."""
    found = {kind for path in _walk(folder) for kind in SUFFIXES if _suffix(path) in SUFFIXES[kind]}
    media = found & {Kind.IMAGE, Kind.AUDIO}
    if len(media) > 1:
        raise BadDataset("there are pictures and recordings in it; say which with kind", path=folder)
    if not found:
        raise BadDataset(
            "there are no pictures, recordings or texts in it; of a table, give the file", path=folder
        )
    return media.pop() if media else Kind.TEXT


def files(folder: str, kind: Kind, ignored: Counter[str]) -> Iterator[str]:
    """Paths relative to the folder with ``/``, ordered by their bytes; other files are counted by their ending."""
    if kind is Kind.QUERY:
        raise BadDataset("queries are read from a table, such as queries.jsonl; give that file", path=folder)
    wanted = SUFFIXES[kind]
    with Lookup() as names:
        for path in _walk(folder):
            if _suffix(path) not in wanted:
                ignored[_suffix(path) or "no ending"] += 1
                continue
            if not path.isprintable():
                raise BadDataset(
                    "a file's name holds bytes or characters that cannot be shown; rename it",
                    path=os.path.join(folder, ascii(path)[1:-1]),
                )
            if not os.path.isfile(os.path.join(folder, path)):
                raise BadDataset(
                    "this is no file that can be read; a link that leads nowhere?",
                    path=os.path.join(folder, path),
                )
            names.add(path)
        for path, _ in names.ordered():
            yield path


def _walk(folder: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise BadDataset(f"it cannot be read ({error.strerror})", path=error.filename or folder) from None

    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        inside = os.path.relpath(place, folder)
        prefix = "" if inside == "." else inside.replace(os.sep, "/") + "/"
        for name in names:
            if not name.startswith("."):
                yield prefix + name


def _suffix(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def text_of(path: str) -> str:
    """A file's text, in UTF-8. Raises :class:`BadDataset`."""
    try:
        with open(path, "rb") as file:
            content = file.read(LONGEST_TEXT + 1)
    except OSError as error:
        raise BadDataset(f"it cannot be read ({error.strerror})", path=path) from None
    if len(content) > LONGEST_TEXT:
        raise BadDataset("it is longer than any text that can be sent", path=path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadDataset("it is not written in UTF-8; convert it first", path=path) from None
