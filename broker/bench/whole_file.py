"""Files of a run's folder: there whole, as they were before, or not at all, wherever a process or a machine ends."""

from __future__ import annotations

import os
from contextlib import suppress


def write_whole(path: str, text: str) -> None:
    """Write a file beside it, onto the disk, and put it in its place in one step. Raises OSError.

    One process at a time: it has taken the run. What a killed one left beside is written over.
    """
    beside = f"{path}.new"
    try:
        with open(beside, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside)
        raise
    # The new name is in the folder. Where folders cannot be opened (Windows) there is nothing more to do.
    with suppress(OSError):
        handle = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
