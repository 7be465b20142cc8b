"""From the arguments to pictures: files as named, folders as the pictures in them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.errors import BadInput
from broker.types.image_header import NotAnImage, read_header

EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ico")
"""What counts as a picture inside a folder; a file named by itself may have any name."""
SOUNDS = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".mp4", ".webm")
"""The same for recordings."""


@dataclass(slots=True)
class Found:
    """What the arguments come to.

    :param files: paths, in the order of the arguments, folders sorted by name.
    :param failed: arguments that hold no picture, with the reason.
    :param skipped: path and reason of what was left out of folders.
    :param texts: what the names of texts stand for; other names are paths.
    """

    files: list[str] = field(default_factory=list)
    failed: dict[str, BadInput] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """What the call is given: a picture's path, or a text."""
        return self.texts.get(name, name)

    @property
    def items(self) -> list[str]:
        """Everything that has to be answered for."""
        return [*self.files, *self.failed]

    @property
    def noun(self) -> str:
        """What to call them when they are counted."""
        return "text" if len(self.texts) == len(self.items) else "input" if self.texts else "file"


def find_sounds(arguments: Sequence[str]) -> Found:
    """Recordings as named, and those in folders."""
    return find(arguments, SOUNDS, "recording")


def find(arguments: Sequence[str], extensions: tuple[str, ...] = EXTENSIONS, what: str = "picture") -> Found:
    """Look into folders, not into folders of folders."""
    found = Found()
    for argument in arguments:
        if not os.path.isdir(argument):
            found.files.append(argument)
            continue
        try:
            entries = sorted(os.scandir(argument), key=lambda entry: entry.name)
        except OSError as error:
            found.failed[argument] = BadInput(f"the folder cannot be read: {error.strerror}; check its mode")
            continue
        before = len(found.files)
        for entry in entries:
            path = os.path.join(argument, entry.name)
            reason = _unfit(entry, extensions, what)
            if reason is None:
                found.files.append(path)
            else:
                found.skipped.append((path, reason))
        if len(found.files) == before:
            found.failed[argument] = BadInput(
                f"the folder holds no {what}; known names end in {', '.join(extensions)}"
            )
    return found


def _unfit(entry: os.DirEntry[str], extensions: tuple[str, ...], what: str) -> str | None:
    """Why an entry of a folder is left out."""
    try:
        if entry.is_dir():
            return "a folder in a folder"
        if not entry.name.lower().endswith(extensions):
            return f"no {what} by its name"
        return None if entry.is_file() else "not a regular file"  # a pipe would hold us up for ever
    except OSError:  # links in a circle
        return "a link that leads nowhere"


PROSE = (".txt", ".md", ".text", ".rst", ".csv", ".html", ".log")
"""A word that ends like this and is no file is a slip, not a text."""
_SHOWN = 40


def find_texts(arguments: Sequence[str], *, quoted: bool = True) -> Found:
    """Texts as typed, from files, or from standard input (``-``).

    What looks like a path and is none is refused: sending a mistyped name as a text would cost money and answer nonsense.

    :param quoted: a typed text is called by its beginning; else by its place, as what it says is to be masked.
    """
    found = Found()
    for number, argument in enumerate(arguments, 1):
        try:
            name, text = _text(argument, again=argument in arguments[: number - 1])
        except BadInput as error:
            found.failed[argument] = error
            continue
        if not quoted and text is argument:
            name = f"text {number}"
        while name in found.texts:  # the same text twice is asked twice
            name += " "
        found.files.append(name)
        found.texts[name] = text
    return found


def _text(argument: str, *, again: bool) -> tuple[str, str]:
    if argument == "-":
        if again:
            raise BadInput("standard input can be read only once; name - once")
        if sys.stdin is None:  # started with it closed (<&-)
            raise BadInput("standard input is closed; give the text another way")
        return "standard input", _decoded(sys.stdin.buffer.read(MAX_TEXT + 1))
    if os.path.isdir(argument):
        raise BadInput("it is a folder; name the texts in it one by one")
    if os.path.isfile(argument):
        try:
            with open(argument, "rb") as file:
                return argument, _decoded(file.read(MAX_TEXT + 1))
        except OSError as error:
            raise BadInput(f"it cannot be read: {error.strerror}; check its mode") from error
    if os.path.exists(argument):
        raise BadInput("it is a pipe or a device; send what it gives to '-'")
    if not any(sign.isspace() for sign in argument) and (
        os.sep in argument or argument.lower().endswith((*PROSE, *EXTENSIONS))
    ):
        raise BadInput("there is no such file; a text of one word that looks like a path must come by '-'")
    words = " ".join(argument.split()) or "(empty text)"
    return (words if len(words) <= _SHOWN else f"{words[: _SHOWN - 1]}…"), argument


MAX_TEXT = 40_000_000
"""Bytes read of a file; more is never taken."""


def _decoded(data: bytes) -> str:
    if len(data) > MAX_TEXT:
        raise BadInput(f"it has more than {MAX_TEXT:,} bytes; cut it into several files")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(
            f"it is no UTF-8 text (byte {error.start}); convert it: iconv -f latin1 -t utf-8 FILE"
        ) from None


def is_picture(argument: str) -> bool:
    """Whether an argument is a file that begins like a picture, or a folder."""
    if os.path.isdir(argument):
        return True
    if not os.path.isfile(argument):  # opening a pipe would hold us up for ever
        return argument.lower().endswith(EXTENSIONS) and not any(sign.isspace() for sign in argument)
    try:
        with open(argument, "rb") as file:
            read_header(file.read(4096))
    except NotAnImage as error:
        return "known image format" not in str(error)
    except OSError:
        return argument.lower().endswith(EXTENSIONS)
    return True


def shown_skipped(skipped: Sequence[tuple[str, str]]) -> list[str]:
    """One line a reason, naming the first few."""
    reasons: dict[str, list[str]] = {}
    for path, reason in skipped:
        reasons.setdefault(reason, []).append(path)
    return [
        f"skipped {len(paths)} ({reason}): {', '.join(paths[:3])}{', …' if len(paths) > 3 else ''}"
        for reason, paths in reasons.items()
    ]
