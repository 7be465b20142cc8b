"""The files of the local search: one SQLite database an index, in a folder that is this user's own.

SQLite's FTS5 finds words and ranks by bm25. Everything is written in transactions of its write-ahead log: a process that is
killed leaves the index as it was after the last acknowledged write, several processes may read and write at once, and a power
cut may lose the last writes but breaks nothing.
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

from broker.errors import BadInput, DeadlineExceeded, NotConfigured, Unavailable

APPLICATION_ID = 0x6D6C6269  # "mlbi", so that another program's database is not taken for ours
SCHEMA = 1
SUFFIX = ".search.db"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)

_TABLES = """
CREATE TABLE document (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title TEXT,
    content TEXT NOT NULL,
    url TEXT,
    metadata TEXT NOT NULL,
    digest BLOB NOT NULL
);
CREATE INDEX document_title ON document (title COLLATE NOCASE) WHERE title IS NOT NULL;
CREATE TABLE name (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE fact (
    name INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    value NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (name, kind, value, place)
) WITHOUT ROWID;
CREATE INDEX fact_place ON fact (place, name, kind, value);
CREATE TABLE vector (place INTEGER PRIMARY KEY, changed INTEGER NOT NULL, numbers BLOB);
CREATE INDEX vector_changed ON vector (changed);
CREATE TABLE state (one INTEGER PRIMARY KEY CHECK (one = 1), changed INTEGER NOT NULL, model TEXT, made TEXT NOT NULL);
INSERT INTO state VALUES (1, 0, NULL, hex(randomblob(8)));
CREATE VIRTUAL TABLE words USING fts5 (
    title, content, content = 'document', content_rowid = 'place', tokenize = 'porter unicode61 remove_diacritics 2'
);
"""
"""``fact`` has the metadata for filters and facets, by value and by place: see :mod:`broker_local.index_filter`. ``words`` reads its texts from
``document``. In ``vector`` a document that was taken out leaves its row without numbers, for those who keep them in memory;
``state.made`` tells an index from another one that had its file's name before."""


class Damaged(sqlite3.DatabaseError):
    """What stands in the index does not fit together; SQLite itself has not noticed."""

    sqlite_errorname = "SQLITE_CORRUPT"


def folder_of(setting: str | None) -> Path:
    """The settings' folder, or ``$XDG_DATA_HOME/mlbroker/search`` (XDG base directory specification)."""
    if setting:
        return Path(os.path.expanduser(setting)).absolute()
    named = os.environ.get("XDG_DATA_HOME", "")
    base = Path(named) if os.path.isabs(named) else Path(os.path.expanduser("~")) / ".local" / "share"
    return base / "mlbroker" / "search"


def names_in(folder: Path) -> list[str]:
    """The indexes there are."""
    try:
        return sorted(path.name.removesuffix(SUFFIX) for path in folder.glob(f"*{SUFFIX}"))
    except OSError:
        return []


def path_of(folder: Path, name: str) -> Path:
    """The file of an index. Raises :class:`BadInput` for a name that could lead elsewhere."""
    if not NAME.fullmatch(name):
        raise BadInput(
            "the name of a local index has letters, digits, ., _ and -, begins with a letter or digit, and has 100 "
            "characters at most",
            provider="local",
        )
    return folder / f"{name}{SUFFIX}"


def connect(path: Path, *, make: bool, patience: float) -> sqlite3.Connection:
    """A connection to an index of the present schema.

    :param make: a file that is not there is made; else it is a :class:`BadInput` that names those there are.

    Raises :class:`NotConfigured` for a folder or file that cannot or must not be used.
    """
    if make:
        _make_private(path)
    elif not path.exists():
        known = ", ".join(names_in(path.parent)) or "none"
        raise BadInput(
            f"there is no local index {path.name.removesuffix(SUFFIX)!r} (indexes: {known}); put documents into it first",
            provider="local",
        )
    _check_private(path)
    connection = sqlite3.connect(
        path, timeout=max(0.0, patience), isolation_level=None, check_same_thread=False, cached_statements=128
    )
    try:
        _check_ours(connection, path)
        _use_log(connection, patience)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cache_size=-65536")
        connection.execute("PRAGMA mmap_size=1073741824")
        connection.execute("PRAGMA temp_store=MEMORY")
        _make_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def translated(error: sqlite3.Error, path: Path, remaining: Callable[[], float]) -> Exception:
    """An error of SQLite as ours, with what a person can do about it. It never holds a document's words."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    kind = "_".join(name.split("_")[:2])
    if kind == "SQLITE_INTERRUPT" or (kind in ("SQLITE_BUSY", "SQLITE_LOCKED") and remaining() <= 0.0):
        return DeadlineExceeded("the deadline passed while the local index was at work")
    if kind in ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"):
        return Unavailable(f"another process writes into {path.name}; try again", provider="local")
    advice = {
        "SQLITE_FULL": "the disk is full; make room",
        "SQLITE_READONLY": "the file or its folder is read-only; check its owner and mode",
        "SQLITE_CANTOPEN": "the file cannot be opened; check the folder's owner and mode",
        "SQLITE_CORRUPT": "the file is damaged; remove it and put the documents in again",
        "SQLITE_NOTADB": "the file is no index; remove it and put the documents in again",
    }.get(kind, "check the disk")
    return NotConfigured(f"the local index {path} cannot be used ({name}): {advice}")


def _make_private(path: Path) -> None:
    folder = path.parent
    try:
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        _check_folder(folder)
        # Made closed to others, whatever the umask; opening it here if it is there would drop SQLite's locks on it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise NotConfigured(
            f"the local index {path} cannot be made: {error.strerror}; set search_folder for [providers.local] to a "
            "folder this user can write"
        ) from error


def _check_folder(folder: Path) -> None:
    status = os.stat(folder)
    if status.st_uid != os.geteuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotConfigured(
            f"others may write into {folder}, so what it holds proves nothing; type: chmod 700 {folder}"
        )


def _check_private(path: Path) -> None:
    try:
        _check_folder(path.parent)
        status = os.lstat(path)
    except OSError as error:
        raise NotConfigured(f"the local index {path} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(status.st_mode) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotConfigured(f"{path} is no file of this user alone; remove it, or type: chmod 600 {path}")


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application != APPLICATION_ID and (application != 0 or tables):
        raise NotConfigured(f"{path} is another program's database; set search_folder to another folder")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA:
        raise NotConfigured(
            f"the local index {path} was written by a newer mlbroker (schema {version}, here {SCHEMA}); upgrade: "
            "pip install -U mlbroker"
        )


def _use_log(connection: sqlite3.Connection, patience: float) -> None:
    """Switch to WAL. Where several open a new file at once, SQLite refuses some without waiting."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.005)
        else:
            return


def _make_tables(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone() == (SCHEMA,):
        return
    if not _has_fts5(connection):
        raise NotConfigured(
            "this Python's SQLite was built without FTS5; use a Python with SQLite's full text search"
        )
    connection.execute("BEGIN IMMEDIATE")
    try:
        (reached,) = connection.execute("PRAGMA user_version").fetchone()
        if reached == 0:  # else another process was faster
            for statement in _TABLES.strip().removesuffix(";").split(";\n"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={SCHEMA}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _has_fts5(connection: sqlite3.Connection) -> bool:
    return ("ENABLE_FTS5",) in connection.execute("PRAGMA compile_options").fetchall()
