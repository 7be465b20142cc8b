"""Put documents into a local index and take them out: a transaction for each request."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from broker.types import Document, DocumentState, DocumentStatus, Metadata, MetadataValue
from broker_local import index_vectors as vectors
from broker_local.index_files import Damaged
from broker_local.index_filter import facts
from broker_local.index_pool import writing

_TIME = "$time"


def upsert(
    connection: sqlite3.Connection,
    documents: Sequence[Document],
    numbers: Mapping[str, bytes],
    model: str | None,
) -> set[str]:
    """Those that stand in the index afterwards. A document that says what the index has already is left as it is.

    :param numbers: packed vectors by id; none for an index without. A changed document without one is left out.
    :param model: what made them.
    """
    written: set[str] = set()
    with writing(connection):
        names = _Names(connection)
        vectors.begin(connection, model)
        for each in documents:
            digest = bytes.fromhex(each.digest())
            found = connection.execute(
                "SELECT place, title, content, metadata, digest FROM document WHERE id = ?", (each.id,)
            ).fetchone()
            if (
                found is not None
                and found[4] == digest
                and not (model is not None and vectors.lacks(connection, found[0]))
            ):
                written.add(each.id)
                continue
            if model is not None and each.id not in numbers:
                continue  # another process has changed it since it was looked at
            written.add(each.id)
            metadata = coded(each.metadata)
            if found is None:
                (place,) = connection.execute(
                    "INSERT INTO document (id, title, content, url, metadata, digest) VALUES (?, ?, ?, ?, ?, ?) "
                    "RETURNING place",
                    (each.id, each.title, each.content, each.url, metadata, digest),
                ).fetchone()
            else:
                place = found[0]
                _forget(connection, names, place, *found[1:4])
                connection.execute(
                    "UPDATE document SET title = ?, content = ?, url = ?, metadata = ?, digest = ? WHERE place = ?",
                    (each.title, each.content, each.url, metadata, digest, place),
                )
            connection.execute(
                "INSERT INTO words (rowid, title, content) VALUES (?, ?, ?)",
                (place, each.title, each.content),
            )
            connection.executemany("INSERT INTO fact VALUES (?, ?, ?, ?)", names.facts(place, each.metadata))
            vectors.put(connection, place, numbers.get(each.id))
    return written


def unchanged(connection: sqlite3.Connection, documents: Sequence[Document]) -> set[str]:
    """Those that the index has as they are, with their vectors."""
    found = set()
    for each in documents:
        row = connection.execute("SELECT place, digest FROM document WHERE id = ?", (each.id,)).fetchone()
        if (
            row is not None
            and row[1] == bytes.fromhex(each.digest())
            and not vectors.lacks(connection, row[0])
        ):
            found.add(each.id)
    return found


def delete(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """All of them; one that is not there is passed over."""
    with writing(connection):
        names = _Names(connection)
        vectors.begin(connection, None)
        for key in ids:
            found = connection.execute(
                "SELECT place, title, content, metadata FROM document WHERE id = ?", (key,)
            ).fetchone()
            if found is None:
                continue
            _forget(connection, names, *found)
            connection.execute("DELETE FROM document WHERE place = ?", (found[0],))
            vectors.put(connection, found[0], None)


def statuses(connection: sqlite3.Connection, ids: Sequence[str]) -> tuple[DocumentStatus, ...]:
    """Whether they are there; what is there is found by queries."""
    there = {
        key
        for start in range(0, len(ids), 500)
        for (key,) in connection.execute(
            f"SELECT id FROM document WHERE id IN ({', '.join('?' * len(ids[start : start + 500]))})",  # noqa: S608 - only marks
            ids[start : start + 500],
        )
    }
    return tuple(
        DocumentStatus(id=key, state=DocumentState.DONE if key in there else DocumentState.ABSENT)
        for key in ids
    )


def coded(metadata: Metadata) -> str:
    """Metadata as JSON; a time, which JSON does not have, as an object."""
    return json.dumps(
        {
            name: {_TIME: value.isoformat()} if isinstance(value, datetime) else value
            for name, value in metadata.items()
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def decoded(text: str) -> dict[str, MetadataValue]:
    """Metadata from its JSON. Raises :class:`Damaged`."""
    try:
        return {name: _value(value) for name, value in json.loads(text).items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Damaged("metadata is not as it was written") from None


def _value(value: Any) -> MetadataValue:
    if isinstance(value, dict):
        return datetime.fromisoformat(value[_TIME])
    return tuple(value) if isinstance(value, list) else value


def _forget(
    connection: sqlite3.Connection, names: _Names, place: int, title: str | None, content: str, metadata: str
) -> None:
    """Take what was said of a place out of the words and the facts; both need to be told what it was."""
    connection.execute(
        "INSERT INTO words (words, rowid, title, content) VALUES ('delete', ?, ?, ?)", (place, title, content)
    )
    connection.executemany(
        "DELETE FROM fact WHERE name = ? AND kind = ? AND value = ? AND place = ?",
        names.facts(place, decoded(metadata)),
    )


class _Names:
    """Numbers of the names of metadata, within a transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._known: dict[str, int] = {}

    def facts(self, place: int, metadata: Metadata) -> list[tuple[int, int, str | int | float, int]]:
        """All rows of a document."""
        return [row for name, value in metadata.items() for row in facts(self._number(name), place, value)]

    def _number(self, name: str) -> int:
        number = self._known.get(name)
        if number is None:
            self._connection.execute("INSERT OR IGNORE INTO name (name) VALUES (?)", (name,))
            (number,) = self._connection.execute("SELECT number FROM name WHERE name = ?", (name,)).fetchone()
            self._known[name] = number
        return number
