"""From the arguments to pictures: files as named, folders as the pictures in them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from broker.errors import BadInput

EXTENSIONS = (".jpg", ".jpeg", ".jpe", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ico")
"""What counts as a picture inside a folder; a file named by itself may have any name."""


@dataclass(slots=True)
class Found:
    """What the arguments come to.

    :param files: paths, in the order of the arguments, folders sorted by name.
    :param failed: arguments that hold no picture, with the reason.
    :param skipped: path and reason of what was left out of folders.
    """

    files: list[str] = field(default_factory=list)
    failed: dict[str, BadInput] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)

    @property
    def items(self) -> list[str]:
        """Everything that has to be answered for."""
        return [*self.files, *self.failed]


def find(arguments: Sequence[str]) -> Found:
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
            if entry.is_dir():
                found.skipped.append((path, "a folder in a folder"))
            elif not entry.name.lower().endswith(EXTENSIONS):
                found.skipped.append((path, "no picture by its name"))
            elif not entry.is_file():  # a pipe would hold us up for ever
                found.skipped.append((path, "not a regular file"))
            else:
                found.files.append(path)
        if len(found.files) == before:
            found.failed[argument] = BadInput(
                f"the folder holds no picture; known names end in {', '.join(EXTENSIONS)}"
            )
    return found


def shown_skipped(skipped: Sequence[tuple[str, str]]) -> list[str]:
    """One line a reason, naming the first few."""
    reasons: dict[str, list[str]] = {}
    for path, reason in skipped:
        reasons.setdefault(reason, []).append(path)
    return [
        f"skipped {len(paths)} ({reason}): {', '.join(paths[:3])}{', …' if len(paths) > 3 else ''}"
        for reason, paths in reasons.items()
    ]
