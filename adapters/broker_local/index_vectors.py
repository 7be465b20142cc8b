"""Vectors of a local index: kept beside the words as bytes, compared in memory.

A vector is 384 numbers of a byte each with their common scale, so a million take 390 MB in the file and in memory. All are
compared with the query's: exact, and fast enough up to some hundred thousands. What has changed since is read from the file.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from broker_local import needs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZE = 384
_SCALE = 4
"""Bytes before the numbers: a float32."""
_ROWS = 16_384
"""Vectors made into floats at once: 25 MB."""
MOST_CHARACTERS = 8000
"""Of a document; what stands behind says little that is new, and takes its time."""


def installed() -> bool:
    """Whether what makes vectors is here."""
    return not needs.missing("local-search")


def packed(text: str) -> bytes:
    """A text's vector as it is kept. Raises ImportError where the extra is missing."""
    import numpy as np

    from broker_local import minilm

    vector = minilm.embed(text[:MOST_CHARACTERS] or ".")
    scale = np.float32(np.abs(vector).max() / 127.0)
    return bytes(scale.tobytes() + np.rint(vector / scale).astype(np.int8).tobytes())


def begin(connection: sqlite3.Connection, model: str | None) -> None:
    """A write begins: what it changes gets a number of its own."""
    if model is not None:
        connection.execute("UPDATE state SET changed = changed + 1, model = ?", (model,))
    else:
        connection.execute("UPDATE state SET changed = changed + 1 WHERE model IS NOT NULL")


def put(connection: sqlite3.Connection, place: int, numbers: bytes | None) -> None:
    """Keep a document's vector, or note that it has none any more."""
    if numbers is not None:
        connection.execute(
            "INSERT INTO vector VALUES (?, (SELECT changed FROM state), ?) "
            "ON CONFLICT (place) DO UPDATE SET changed = excluded.changed, numbers = excluded.numbers",
            (place, numbers),
        )
    else:
        connection.execute(
            "UPDATE vector SET changed = (SELECT changed FROM state), numbers = NULL WHERE place = ?",
            (place,),
        )


def lacks(connection: sqlite3.Connection, place: int) -> bool:
    """Whether a document was put in before the index had vectors."""
    (there,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM vector WHERE place = ? AND numbers IS NOT NULL)", (place,)
    ).fetchone()
    return not there


def model_of(connection: sqlite3.Connection) -> str | None:
    """What made the index's vectors; None: it has none."""
    found: tuple[str | None] = connection.execute("SELECT model FROM state").fetchone()
    return found[0]


@dataclass(slots=True)
class _Kept:
    """The vectors of one index, as they were at ``changed``. ``rows`` gives each place its row."""

    made: str
    changed: int
    places: Any
    numbers: Any
    scales: Any
    rows: dict[int, int]


class Vectors:
    """The vectors of the indexes a process has asked, kept until it ends; for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def nearest(
        self, connection: sqlite3.Connection, path: str, text: str, most: int, allowed: Any
    ) -> list[tuple[int, float]]:
        """Places and cosines, the nearest first; another thread may have read what came after this one's view.

        :param allowed: places that may be found, or None for all.
        """
        import numpy as np

        from broker_local import minilm

        query = minilm.embed(text[:MOST_CHARACTERS])
        with self._lock:
            kept = self._fresh(connection, path)
            places, numbers, scales = kept.places, kept.numbers, kept.scales
        cosines = np.empty(len(places), dtype=np.float32)
        for start in range(0, len(places), _ROWS):
            part = slice(start, start + _ROWS)
            cosines[part] = (numbers[part].astype(np.float32) @ query) * scales[part]
        usable = scales > 0.0  # a document that was taken out has a scale of 0
        if allowed is not None:
            usable &= np.isin(places, np.fromiter(allowed, dtype=np.int64))
        cosines[~usable] = -np.inf
        most = min(most, int(usable.sum()))
        if not most:
            return []
        last = np.partition(cosines, len(cosines) - most)[len(cosines) - most]
        best = np.flatnonzero(
            cosines >= last
        )  # of equal ones all, so that their places decide, not when they were read
        order = best[np.lexsort((places[best], -cosines[best]))][:most]
        return [(int(places[row]), float(cosines[row])) for row in order]

    def _fresh(self, connection: sqlite3.Connection, path: str) -> _Kept:
        import numpy as np

        changed, made = connection.execute("SELECT changed, made FROM state").fetchone()
        kept = self._kept.get(path)
        if kept is None or kept.made != made:
            kept = self._kept[path] = _Kept(
                made,
                -1,
                np.empty(0, np.int64),
                np.empty((0, SIZE), np.int8),
                np.empty(0, np.float32),
                {},
            )
        if kept.changed < changed:
            self._read(connection, kept, changed)
        return kept

    def _read(self, connection: sqlite3.Connection, kept: _Kept, changed: int) -> None:
        """What was written since; into new arrays, for another thread may be reading the old ones."""
        import numpy as np

        found = connection.execute(
            "SELECT place, numbers FROM vector WHERE changed > ? ORDER BY place", (kept.changed,)
        ).fetchall()
        new = [place for place, _ in found if place not in kept.rows]
        rows = {**kept.rows, **{place: len(kept.rows) + number for number, place in enumerate(new)}}
        size = len(rows)
        places: NDArray[np.int64] = np.empty(size, np.int64)
        numbers: NDArray[np.int8] = np.zeros((size, SIZE), np.int8)
        scales: NDArray[np.float32] = np.zeros(size, np.float32)
        before = len(kept.places)
        places[:before], numbers[:before], scales[:before] = kept.places, kept.numbers, kept.scales
        for place, coded in found:
            row = rows[place]
            places[row] = place
            if coded is None:
                scales[row] = 0.0
            else:
                scales[row] = np.frombuffer(coded, np.float32, 1)[0]
                numbers[row] = np.frombuffer(coded, np.int8, SIZE, _SCALE)
        kept.places, kept.numbers, kept.scales, kept.rows = places, numbers, scales, rows
        kept.changed = changed


vectors = Vectors()
