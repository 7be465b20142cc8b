"""Rows of CSV, JSONL and Parquet, one after the other, each with its line."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import IO, Any, TypeAlias

from broker.errors import BadDataset, NotConfigured
from broker.types.json import JsonValue

Row: TypeAlias = Mapping[str, JsonValue]

SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
LONGEST_CELL = 10_000_000
"""Characters of one cell: as long as the longest text that is ever sent."""
LONGEST_LINE = 8 * LONGEST_CELL
_ROWS = 1_000
PARQUET_MISSING = (
    "reading Parquet needs pyarrow, which the extra `parquet` brings: pip install 'mlbroker[parquet]'"
)


def is_table(path: str) -> bool:
    """A file that :func:`rows` reads, by its name."""
    return path.removesuffix(".gz").lower().endswith(SUFFIXES)


def rows(path: str) -> Iterator[tuple[int, Row]]:
    """Line (from 1; of Parquet the row) and cells by column. Empty cells of a CSV are None: unknown.

    Raises :class:`BadDataset` naming file and line, :class:`NotConfigured` for Parquet without pyarrow.
    """
    bare = path.removesuffix(".gz").lower()
    if bare.endswith(".parquet"):
        yield from _parquet(path)
        return
    try:
        with _opened(path) as file:
            yield from (
                _jsonl(path, file) if bare.endswith((".jsonl", ".ndjson")) else _csv(path, file, bare)
            )
    except UnicodeDecodeError:
        raise BadDataset("it is not written in UTF-8; convert it first", path=path) from None
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "the file is damaged"
        raise BadDataset(f"it cannot be read ({reason})", path=path) from None


def _opened(path: str) -> IO[str]:
    binary: Any = gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")  # noqa: SIM115 - closed by the wrapper
    return io.TextIOWrapper(binary, encoding="utf-8-sig", newline="")


def _csv(path: str, file: IO[str], bare: str) -> Iterator[tuple[int, Row]]:
    if csv.field_size_limit() < LONGEST_CELL:  # of the whole process, so it is only ever raised
        csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(_lines(path, file), delimiter="\t" if bare.endswith(".tsv") else ",", strict=True)
    try:
        head = next(reader, None)
        if not head:
            raise BadDataset("it is empty; its first line names the columns", path=path, line=1)
        names = [each.strip() for each in head]
        if len(set(names)) != len(names) or "" in names:
            raise BadDataset("its first line must name each column once", path=path, line=1)
        while True:
            line = reader.line_num + 1
            cells = next(reader, None)
            if cells is None:
                return
            if not cells:
                continue
            if len(cells) != len(names):
                raise BadDataset(
                    f"{len(cells)} cells, where the first line names {len(names)} columns; a cell with commas is put "
                    "in quotes",
                    path=path,
                    line=line,
                )
            yield line, {name: cell or None for name, cell in zip(names, cells, strict=True)}
    except csv.Error as error:
        raise BadDataset(f"this is no CSV ({error})", path=path, line=reader.line_num or 1) from None


def _lines(path: str, file: IO[str]) -> Iterator[str]:
    """Each line, whole. Raises :class:`BadDataset` for what no table holds."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) >= LONGEST_LINE:
            raise BadDataset("this line is longer than any item can be", path=path, line=number)
        if "\0" in line:
            raise BadDataset(
                "there is a NUL character in it; this is no text in UTF-8", path=path, line=number
            )
        yield line


def _jsonl(path: str, file: IO[str]) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(_lines(path, file), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise BadDataset("this line is no JSON", path=path, line=number) from None
        if not isinstance(row, dict):
            raise BadDataset("each line is an object, as {...}", path=path, line=number)
        yield number, row


def _no_number(name: str) -> JsonValue:
    raise ValueError(name)


def _parquet(path: str) -> Iterator[tuple[int, Row]]:
    try:
        import pyarrow  # pyright: ignore[reportMissingImports] # an extra
        from pyarrow import parquet  # pyright: ignore[reportMissingImports]
    except ImportError:
        raise NotConfigured(f"{path}: {PARQUET_MISSING}") from None
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name: _plain(path, number, value) for name, value in row.items()}
    except (pyarrow.ArrowException, OSError) as error:
        raise BadDataset(f"this is no Parquet that can be read ({type(error).__name__})", path=path) from None


def _plain(path: str, number: int, value: Any) -> JsonValue:
    """As JSON would have it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _plain(path, number, each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(path, number, each) for each in value]
    raise BadDataset(
        f"a {type(value).__name__} is nothing an item can hold; pictures and recordings are named by their path",
        path=path,
        line=number,
    )
