"""Where a key stands in a TOML file, so that a slip in a plan is told with its line."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")
Path = tuple[str | int, ...]


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """The line (from 1 on) of the key at this path, or of the nearest table around it; None where there is none.

    For text that is TOML already. A line inside a text of several lines may pass for a key; no harm comes of that.
    """
    lines = _lines(text)
    wanted = tuple(path)
    while wanted:
        if wanted in lines:
            return lines[wanted]
        wanted = wanted[:-1]
    return None


def _lines(text: str) -> dict[Path, int]:
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        head = _TABLE.match(line)
        if head is not None:
            table = _inside(_parts(head[2]), counts, again=head[1] == "[[")
            found.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key is not None:
            parts: Path = tuple(_parts(key[1]))
            for length in range(1, len(parts) + 1):
                found.setdefault(table + parts[:length], number)
    return found


def _parts(text: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(text)]


def _inside(parts: Sequence[str], counts: dict[Path, int], *, again: bool) -> Path:
    """The path of a table, with the places of the lists of tables that it is in."""
    path: Path = ()
    for position, part in enumerate(parts):
        path = (*path, part)
        if again and position == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
