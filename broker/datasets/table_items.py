"""A table's rows as items: which column is what, and where its files are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from broker.datasets import conll
from broker.datasets.folder import SUFFIXES
from broker.datasets.item import Item, Kind
from broker.datasets.options import ReadOptions
from broker.datasets.tables import Row, rows
from broker.datasets.truths import truth_column
from broker.errors import BadDataset
from broker.types.json import JsonValue

FILE_COLUMNS = ("file", "path", "filename")
INPUT_COLUMNS: dict[Kind, tuple[str, ...]] = {
    Kind.IMAGE: ("image", "picture", *FILE_COLUMNS),
    Kind.AUDIO: ("audio", "recording", *FILE_COLUMNS),
    Kind.TEXT: ("text", "sentence", "document"),
    Kind.QUERY: ("query", "text"),
}
ID_COLUMNS = ("id", "_id")
LONGEST_ID = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How a table is read.

    :param truth_apart: the truth is no column of it.
    """

    path: str
    kind: Kind
    options: ReadOptions
    truth_apart: bool

    @property
    def root(self) -> str:
        """What paths are relative to."""
        folder = os.path.dirname(self.path)
        root = self.options.root
        return folder if root is None else os.path.normpath(os.path.join(folder, root))


def table_rows(path: str) -> Iterator[tuple[int, Row]]:
    """Of any table, CoNLL too."""
    return conll.rows(path) if conll.is_conll(path) else rows(path)


def kind_of_table(path: str, options: ReadOptions) -> Kind:
    """By its columns and, of files, by their endings. Raises :class:`BadDataset` where that leaves a doubt."""
    for _, row in table_rows(path):
        for kind, names in INPUT_COLUMNS.items():
            own = [name for name in names if name not in FILE_COLUMNS and name in row]
            if own and not (kind is Kind.TEXT and "query" in row):
                if kind is Kind.TEXT and any(name in row for name in FILE_COLUMNS):
                    break  # a text beside a file may be what is written or said there
                return kind
        column = options.input or next((name for name in FILE_COLUMNS if name in row), None)
        value = row.get(column) if column else None
        suffix = os.path.splitext(value)[1].lower() if isinstance(value, str) else ""
        for kind in (Kind.IMAGE, Kind.AUDIO):
            if suffix in SUFFIXES[kind]:
                return kind
        break
    else:
        raise BadDataset("there is no item in it", path=path)
    raise BadDataset(
        "its columns do not tell what the inputs are; say kind = 'image', 'audio', 'text' or 'query'",
        path=path,
    )


def items_of(reading: Reading) -> Iterator[tuple[Item, str | None]]:
    """Items, each with the path of its file. Raises :class:`BadDataset`."""
    options, path = reading.options, reading.path
    for number, (line, row) in enumerate(table_rows(path), 1):
        column = _input_column(reading, row, line)
        given = row[column]
        if not isinstance(given, str) or not given:
            raise BadDataset(f"column {column} is empty or no text", path=path, line=line)
        file = _file(reading, given, line) if reading.kind.is_file else None
        truth = None
        if not reading.truth_apart:
            asked = options.truth
            name = truth_column(tuple(row), asked, path, line, needed=False)
            truth = row[name] if name and name != column else None
        item = Item(
            id=_id(reading, row, line, number, file),
            kind=reading.kind,
            input=given if file is None else file,
            truth=truth,
            stratum=_text(row, options.stratum, path, line),
            cluster=_text(row, options.cluster, path, line),
            tags=tuple((each, _text(row, each, path, line) or "") for each in options.tags),
            where=f"{path}, line {line}",
        )
        yield item, file


def _input_column(reading: Reading, row: Row, line: int) -> str:
    asked = reading.options.input
    names = (asked,) if asked else INPUT_COLUMNS[reading.kind]
    for name in names:
        if name in row:
            return name
    what = f"there is no column {asked!r:.60}" if asked else f"no column is called {', '.join(names)}"
    raise BadDataset(
        f"{what}; name the one with the {reading.kind.value} by input = '…' (there are {', '.join(row):.300})",
        path=reading.path,
        line=line,
    )


def _file(reading: Reading, given: str, line: int) -> str:
    root = reading.root
    whole = os.path.normpath(os.path.join(root, given))
    if os.path.commonpath([root, whole]) != root:
        raise BadDataset(
            "the path leads out of the data set's folder; say root = '…' if the files are elsewhere",
            path=reading.path,
            line=line,
        )
    if "\0" in whole or not os.path.isfile(whole):
        raise BadDataset("the file that it names is not there", path=reading.path, line=line)
    return whole


def _id(reading: Reading, row: Row, line: int, number: int, file: str | None) -> str:
    asked = reading.options.id
    column = asked or next((name for name in ID_COLUMNS if name in row), None)
    if column is not None:
        if column not in row:
            raise BadDataset(f"there is no column {column!r:.60}", path=reading.path, line=line)
        value = row[column]
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise BadDataset(
                f"column {column} holds no id: a text or a whole number", path=reading.path, line=line
            )
        found = str(value).strip()
    elif file is not None:
        found = os.path.relpath(file, reading.root).replace(os.sep, "/")
    else:
        found = f"row-{number}"
    if not found or len(found) > LONGEST_ID or not found.isprintable():
        raise BadDataset(
            f"an id is 1 to {LONGEST_ID} characters that can be shown", path=reading.path, line=line
        )
    return found


def _text(row: Row, column: str | None, path: str, line: int) -> str | None:
    if column is None:
        return None
    if column not in row:
        raise BadDataset(
            f"there is no column {column!r:.60}; there are {', '.join(row):.300}", path=path, line=line
        )
    value: JsonValue = row[column]
    if value is None or value == "":
        return None
    if isinstance(value, (str, int, float)):
        return str(value)
    raise BadDataset(f"column {column} holds a list or an object, not one word", path=path, line=line)
