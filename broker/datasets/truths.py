"""What is right, where it stands apart from the items: a table, judged documents, files beside, folders' names."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Protocol

from broker.datasets.folder import text_of
from broker.datasets.item import Kind
from broker.datasets.lookup import Lookup
from broker.datasets.options import BESIDE, FOLDER_NAME, ReadOptions
from broker.datasets.tables import is_table, rows
from broker.errors import BadDataset
from broker.types.json import JsonValue

NAMES = ("truth.csv", "truth.jsonl", "truth.parquet", "labels.csv", "labels.jsonl")
"""Looked for in a folder, in this order."""
KEYS = ("id", "_id", "file", "path", "filename", "image", "audio", "query")
"""Columns that may name the item, in this order."""
COLUMNS = ("truth", "label", "labels", "transcript", "spans", "boxes", "judged")
"""Columns that may hold the truth."""
BESIDE_SUFFIXES = (".gt.txt", ".txt", ".srt", ".vtt", ".json")
_SEPARATOR = "\0"


class Truths(Protocol):
    """Truth by item."""

    def of(self, item: str, path: str | None) -> JsonValue:
        """What is right; None: nobody has said."""
        ...

    def left_over(self) -> int:
        """Truths of items that there are not."""
        ...


class NoTruths:
    """There are none apart from the items."""

    def of(self, item: str, path: str | None) -> JsonValue:  # noqa: ARG002 - as the others
        """None."""
        return None

    def left_over(self) -> int:
        """None."""
        return 0


class FolderNames(NoTruths):
    """The folder that a file lies in names its class."""

    def of(self, item: str, path: str | None) -> JsonValue:
        """The name of the folder next above."""
        folder = item.rpartition("/")[0]
        if not folder:
            raise BadDataset(
                "it lies in no sub-folder that could name its class; truth is folder-name", path=path or item
            )
        return folder.rpartition("/")[2]


class FilesBeside(NoTruths):
    """A file of the same name with another ending holds the truth."""

    def __init__(self, suffix: str | None) -> None:
        self._suffixes = BESIDE_SUFFIXES if suffix is None else (suffix,)

    def of(self, item: str, path: str | None) -> JsonValue:
        """Its text without the last line's end; of subtitles the words; of JSON what it says."""
        if path is None:
            raise BadDataset(f"truth is beside, but {item} is no file")
        base = os.path.splitext(path)[0]
        found = [
            base + each for each in self._suffixes if base + each != path and os.path.isfile(base + each)
        ]
        if len(found) > 1:
            names = " and ".join(os.path.basename(each) for each in found)
            raise BadDataset(f"{names} are both beside it; choose with truth = 'beside:.txt'", path=path)
        if not found:
            return None
        text = text_of(found[0])
        if found[0].endswith(".json"):
            try:
                value: JsonValue = json.loads(text)
            except (ValueError, RecursionError):
                raise BadDataset("this is no JSON", path=found[0]) from None
            return value
        return spoken(text) if found[0].endswith((".srt", ".vtt")) else text.rstrip("\r\n")


_TIMES = re.compile(r"^\s*(?:\d+:)?\d{1,2}:\d{2}[.,]\d{3}\s+-->\s")
_MARK = re.compile(r"</?[a-zA-Z][^>\n]*>|<\d[\d:.]*>|\{\\[^}\n]*\}")


def spoken(subtitles: str) -> str:
    """The words of SubRip or WebVTT, without numbers, times, notes and marks."""
    words: list[str] = []
    inside = False
    for line in subtitles.splitlines():
        if _TIMES.match(line):
            inside = True
        elif not line.strip():
            inside = False
        elif inside:
            words.append(_MARK.sub("", line).strip())
    return " ".join(each for each in words if each)


class TruthTable:
    """A table with a column that names the item and one that says what is right."""

    def __init__(self, path: str, known: Lookup, kind: Kind, column: str | None) -> None:
        self._known = known
        self._paths = kind.is_file
        self.count = self.used = 0
        for line, row in rows(path):
            name_column = next((each for each in KEYS if each in row), None)
            if name_column is None:
                raise BadDataset(
                    f"no column names the item; call it one of {', '.join(KEYS)}", path=path, line=line
                )
            name = row[name_column]
            if isinstance(name, bool) or not isinstance(name, (str, int)) or name == "":
                raise BadDataset(f"column {name_column} names no item", path=path, line=line)
            truth = row[truth_column(tuple(row), column, path, line)]
            if truth is None:
                continue
            self.count += 1
            if not known.add(self._key(str(name)), json.dumps(truth)):
                raise BadDataset("its item has a truth already; which of them holds?", path=path, line=line)

    def of(self, item: str, path: str | None) -> JsonValue:  # noqa: ARG002 - as the others
        """By the item's id."""
        found = self._known.get(self._key(item))
        if found is None:
            return None
        self.used += 1
        value: JsonValue = json.loads(found)
        return value

    def _key(self, name: str) -> str:
        return os.path.normpath(name) if self._paths else name

    def left_over(self) -> int:
        """Truths of items that there are not."""
        return self.count - self.used


def truth_column(
    columns: tuple[str, ...], asked: str | None, path: str, line: int | None, *, needed: bool = True
) -> str:
    """The column that holds the truth; "" where there is none and none is needed. Raises :class:`BadDataset`."""
    if asked is not None:
        if asked in columns:
            return asked
        raise BadDataset(
            f"there is no column {asked!r:.60}; there are {', '.join(columns):.300}", path=path, line=line
        )
    found = [each for each in COLUMNS if each in columns]
    if "truth" in found or len(found) == 1:
        return found[0]
    if found:
        raise BadDataset(
            f"each of {', '.join(found)} could be the truth; say which, as truth = {found[0]!r}",
            path=path,
            line=line,
        )
    if needed:
        raise BadDataset("no column holds the truth; call it truth", path=path, line=line)
    return ""


class Judgements:
    """TREC's qrels (query, iteration, document, relevance, between spaces), or a table of query, document, relevance."""

    def __init__(self, path: str, known: Lookup) -> None:
        self._known = known
        self._queries = 0
        self.used = 0
        for line, query, document, relevance in _judged_rows(path) if is_table(path) else _qrels(path):
            if not known.add(f"{query}{_SEPARATOR}{document}", str(max(0, relevance))):
                raise BadDataset("this document was judged twice for this query", path=path, line=line)
            self._queries += known.add(f"{_SEPARATOR}{query}")

    def of(self, item: str, path: str | None) -> JsonValue:  # noqa: ARG002 - as the others
        """Relevance by document; TREC's negative grades are 0."""
        found = {document: int(grade) for document, grade in self._known.under(f"{item}{_SEPARATOR}")}
        self.used += bool(found)
        return found or None

    def left_over(self) -> int:
        """Queries that were judged and are not asked."""
        return self._queries - self.used


_JUDGED = (("query-id", "corpus-id", "score"), ("query", "document", "relevance"))
"""Columns of BEIR's tables, and plainer ones."""


def is_judged(path: str) -> bool:
    """A table whose rows are judgements, by its first row."""
    return any(any(set(names) <= set(row) for names in _JUDGED) for _, row in islice(rows(path), 1))


def _judged_rows(path: str) -> Iterator[tuple[int, str, str, int]]:
    for line, row in rows(path):
        names = next((names for names in _JUDGED if set(names) <= set(row)), _JUDGED[1])
        query, document, grade = (row.get(name) for name in names)
        try:
            yield line, _name(query), _name(document), int(str(grade))
        except ValueError:
            raise BadDataset(
                f"a row has {', '.join(names)}, the last as a whole number", path=path, line=line
            ) from None


def _name(value: JsonValue) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "" or "\0" in str(value):
        raise ValueError
    return str(value)


def _qrels(path: str) -> Iterator[tuple[int, str, str, int]]:
    for line, text in enumerate(text_of(path).splitlines(), 1):
        if not text.strip():
            continue
        try:
            query, _, document, grade = text.split()
            yield line, query, document, int(grade)
        except ValueError:
            raise BadDataset(
                "a line is: query, 0, document, relevance as a whole number", path=path, line=line
            ) from None


@contextmanager
def apart(folder: str, kind: Kind, options: ReadOptions) -> Iterator[Truths]:
    """The truths that do not stand in the items' own table, as the options ask.

    :param folder: where a truth file is looked for; its own name may be given whole.
    """
    asked = options.truth
    if asked == FOLDER_NAME:
        yield FolderNames()
    elif asked is not None and (asked == BESIDE or asked.startswith(BESIDE + ":")):
        yield FilesBeside(asked.partition(":")[2] or None)
    elif (path := truth_file(folder, asked)) is None:
        yield NoTruths()
    else:
        with Lookup() as known:
            if kind is Kind.QUERY and (not is_table(path) or is_judged(path)):
                yield Judgements(path, known)
            elif is_table(path):
                yield TruthTable(path, known, kind, options.truth_column)
            else:
                raise BadDataset("a truth is a .csv, .jsonl or .parquet file", path=path)


def truth_file(folder: str, asked: str | None) -> str | None:
    """The file that was asked for; None: what was asked for is no file. Raises :class:`BadDataset` where it is missing."""
    if asked is None or not (is_table(asked) or asked.endswith((".txt", ".qrels", ".trec"))):
        return None
    for path in (os.path.join(folder, asked), asked):
        if os.path.isfile(path):
            return path
    raise BadDataset("the file with the truth is not there", path=os.path.join(folder, asked))


def beside_folder(folder: str) -> str | None:
    """The truth file that a folder holds by one of the usual names."""
    return next((name for name in NAMES if os.path.isfile(os.path.join(folder, name))), None)
