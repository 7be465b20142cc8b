"""Rows of numbers in a few bytes each, so that figures of very many items fit into memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

MOST_KINDS = 1024
"""Different rows that are kept once each; with more of them every row is kept for itself."""

_Row = tuple[float, ...]


class PackedRows:
    """Rows of ``width`` numbers, to be added to and summed up.

    What is counted of an item comes again and again: while few rows differ each takes two bytes, the number of its like.
    Beyond :data:`MOST_KINDS` each takes eight bytes a number. The numbers are the same either way, to the last bit.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._codes: array[int] = array("H")
        self._kinds: list[_Row] = []
        self._code_of: dict[_Row, int] = {}
        self._columns: list[array[float]] | None = None

    def __len__(self) -> int:
        return len(self._codes) if self._columns is None else len(self._columns[0])

    def add(self, place: int, row: Sequence[float], weight: float = 1.0) -> None:
        """Add a row, times its weight, to the one at this place; at the place behind the last one it is a new row.

        Raises ValueError for a row of another width.
        """
        if len(row) != self._width:
            raise ValueError(
                f"a row has {len(row)} parts, the others {self._width}; scores of two metrics were mixed"
            )
        new = place == len(self)
        before = (0.0,) * self._width if new else self._at(place)
        made = tuple([old + part * weight for old, part in zip(before, row, strict=True)])
        code = self._code(made)
        if self._columns is not None:
            for column, part in zip(self._columns, made, strict=True):
                if new:
                    column.append(part)
                else:
                    column[place] = part
        elif new:
            self._codes.append(code)
        else:
            self._codes[place] = code

    def _at(self, place: int) -> _Row:
        if self._columns is None:
            return self._kinds[self._codes[place]]
        return tuple([column[place] for column in self._columns])

    def _code(self, row: _Row) -> int:
        """Of rows like this one. One kind too many, and there are columns from now on."""
        if self._columns is not None:
            return 0
        code = self._code_of.get(row)
        if code is None:
            code = self._code_of[row] = len(self._kinds)
            self._kinds.append(row)
            if code == MOST_KINDS:
                self._columns = [
                    array("d", [kind[part] for kind in map(self._kinds.__getitem__, self._codes)])
                    for part in range(self._width)
                ]
                self._codes, self._kinds, self._code_of = array("H"), [], {}
        return code

    def summing(self) -> Callable[[Sequence[int]], list[float]]:
        """Gives the sums of the rows at these places, column by column, in their order; for rows that change no more."""
        columns = self._columns
        if columns is not None:
            return lambda places: [sum([column[place] for place in places]) for column in columns]
        codes = self._codes
        parts = list(zip(*self._kinds, strict=True))

        def sums(places: Sequence[int]) -> list[float]:
            chosen = [codes[place] for place in places]
            return [sum([part[code] for code in chosen]) for part in parts]

        return sums

    def totals(self) -> list[float]:
        """The sums of all rows, column by column."""
        if self._columns is not None:
            return [sum(column) for column in self._columns]
        return [sum(map(part.__getitem__, self._codes)) for part in zip(*self._kinds, strict=True)]
