"""Documents from a folder of texts, or from lines of JSON; one at a time, so that any number fits."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from broker.errors import BadInput
from broker.types.document import Document, document

if TYPE_CHECKING:
    import sqlite3

TEXTS = (".txt", ".md", ".markdown", ".rst", ".text")
"""What counts as a text inside a folder."""
MOST_BYTES = 20_000_000
"""Of a text in a folder, and of a line: more than any engine takes as one document."""
_MEMBERS = ("id", "content", "title", "url", "metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where documents come from.

    :param name: absolute, to know it again.
    :param total: how many there are; None where that is not known beforehand.
    """

    name: str
    is_folder: bool
    total: int | None

    def documents(self) -> Iterator[tuple[str, Document | BadInput]]:
        """Each with what to call it when something is wrong with it (a path, a line)."""
        return _files(self.name) if self.is_folder else _lines(self.name)


def source_of(argument: str) -> Source:
    """A folder or a file of JSON lines. Raises :class:`BadInput`, also for one with nothing in it."""
    path = os.path.abspath(argument)
    try:
        if os.path.isdir(path):
            return _folder(argument, path)
        if not os.path.isfile(path):
            raise BadInput(f"{argument}: there is no such folder or file")
        with open(path, "rb") as file:
            _check_lines(argument, file)
            file.seek(0)
            total = sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
    except OSError as error:
        raise BadInput(f"{argument}: it cannot be read: {error.strerror}") from error
    return Source(name=path, is_folder=False, total=max(1, total))


def _folder(argument: str, path: str) -> Source:
    total = sum(1 for each in _paths(path) if not isinstance(each, OSError))
    if not total:
        with os.scandir(path):  # raises for a folder that cannot be read
            pass
        raise BadInput(
            f"{argument}: there is no text in this folder ({', '.join(TEXTS)}); hidden ones are left out"
        )
    return Source(name=path, is_folder=True, total=total)


def _check_lines(argument: str, file: IO[bytes]) -> None:
    """Refuse at its first line what is something else, rather than each line of it."""
    first = b""
    while not first:
        line = file.readline(MOST_BYTES)
        if not line:
            raise BadInput(f"{argument}: there is nothing in this file")
        first = line.removeprefix(b"\xef\xbb\xbf").strip()
    if first.startswith(b"{") and first != b"{":
        return
    told = f'{argument}: this is no file of JSON lines; each line is an object, such as {{"id": "7", "content": "…"}}'
    if first[:1] in (b"[", b"{"):
        raise BadInput(
            f"{told} (jq makes them of one long JSON text: jq -c '.[]' IN > OUT, or jq -c . IN > OUT)"
        )
    raise BadInput(f"{told}; texts ({', '.join(TEXTS)}) go in by the folder they are in")


def _paths(folder: str) -> Iterator[str | OSError]:
    """Texts in a folder and in its folders, in an order that does not change; hidden ones are left out. A folder that cannot
    be read is told where it would stand.
    """
    closed: list[OSError] = []
    for place, folders, files in os.walk(folder, onerror=closed.append):
        yield from closed
        closed.clear()
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(TEXTS) and not name.startswith("."):
                yield os.path.join(place, name)
    yield from closed


def _files(folder: str) -> Iterator[tuple[str, Document | BadInput]]:
    for path in _paths(folder):
        if isinstance(path, OSError):
            place = os.path.relpath(str(path.filename), folder)
            yield place, BadInput(f"the folder cannot be read: {path.strerror}")
            continue
        key = os.path.relpath(path, folder).replace(os.sep, "/")
        try:
            yield key, _file(path, key)
        except BadInput as error:
            yield key, error


def _file(path: str, key: str) -> Document:
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for without end
            raise BadInput("it is no ordinary file")
        if status.st_size > MOST_BYTES:
            raise BadInput(f"it has more than {MOST_BYTES:,} bytes; cut it into several texts")
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise BadInput(f"it is no UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise BadInput(f"it cannot be read: {error.strerror}") from error
    if not text.strip():
        raise BadInput("it is empty")
    return Document(id=key, content=text, title=_title(text, key))


def _title(text: str, key: str) -> str:
    """The first heading of Markdown, or the file's name without its ending."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    if first.startswith("#"):
        return first.lstrip("#").strip()[:300] or os.path.basename(key)
    return os.path.splitext(os.path.basename(key))[0]


def _lines(path: str) -> Iterator[tuple[str, Document | BadInput]]:
    import sqlite3  # here: not every command needs it

    # A file of SQLite's own, gone with its connection: a set of a few million ids would take more memory than all else.
    with (
        open(path, "rb") as file,
        closing(sqlite3.connect("", isolation_level=None, check_same_thread=False)) as seen,
    ):
        seen.execute("CREATE TABLE seen (id TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        seen.execute("BEGIN")
        for number, line in enumerate(_cut(file), 1):
            if line is not None and not line.strip():
                continue
            try:
                yield f"line {number}", _first(line, number, seen)
            except BadInput as error:
                yield f"line {number}", error


def _first(line: bytes | None, number: int, seen: sqlite3.Connection) -> Document:
    """A line's document, unless its id was seen before."""
    if line is None:
        raise BadInput(f"it has more than {MOST_BYTES:,} bytes; cut it into several documents")
    made = _line(line)
    if not seen.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (made.id, number)).rowcount:
        (before,) = seen.execute("SELECT line FROM seen WHERE id = ?", (made.id,)).fetchone()
        raise BadInput(f"line {before} has the same id; which of them holds would be left to chance")
    return made


def _cut(file: IO[bytes]) -> Iterator[bytes | None]:
    """Lines; None for one that is too long to be kept in memory."""
    while line := file.readline(MOST_BYTES + 1):
        if len(line) <= MOST_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(1 << 20)
        yield None


def _line(line: bytes) -> Document:
    """``text`` is another word for ``content``; members that a document has not become metadata."""
    try:
        given: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise BadInput("it is no JSON") from None
    if not isinstance(given, dict):
        raise BadInput(f"it is a JSON {type(given).__name__}, not an object")
    if "content" not in given and "text" in given:
        given["content"] = given.pop("text")
    if isinstance(given.get("id"), int) and not isinstance(given["id"], bool):
        given["id"] = str(given["id"])
    more = {name: given.pop(name) for name in [*given] if name not in _MEMBERS}
    metadata = given.get("metadata")
    if more and (metadata is None or isinstance(metadata, dict)):
        given["metadata"] = {**more, **(metadata or {})}
    return document(given)
