"""Open an SQLite file of ours: private, recognised, migrated, and never silently a new empty one."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from dataclasses import dataclass
from importlib.resources import files

from broker.errors import BrokerError, LedgerUnavailable
from broker.ledger.base import LedgerBusy

APPLICATION_ID = 0x6D6C6272  # "mlbr", so that another program's database is not taken for ours
_PRIVATE = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """What sort of file it is, and how to speak of it.

    :param name: for people, as ``ledger``; ``setting``: which says where it is.
    :param application_id: in the file's header.
    :param package: whose folder ``migrations`` holds the schema.
    :param stops: what its loss stops.
    :param unavailable: raised where it cannot be used, ``busy``: where another process holds it.
    :param page_size: in bytes, of a new file.
    :param erases: what is deleted is overwritten, too.
    """

    name: str
    setting: str
    application_id: int
    package: str
    stops: str
    unavailable: type[BrokerError]
    busy: type[BrokerError]
    page_size: int
    erases: bool = False


LEDGER = FileKind(
    name="ledger",
    setting="ledger.path (or MLBROKER_LEDGER__PATH)",
    application_id=APPLICATION_ID,
    package="broker.ledger",
    stops="Paid calls stop until then",
    unavailable=LedgerUnavailable,
    busy=LedgerBusy,
    page_size=1024,  # each commit writes every page it touched: small ones make the two writes of an attempt cheaper
)

_MAKING_SECONDS = 60.0
"""So long an empty file may be a ledger that another process is just making; later it is a truncated one."""


def connect(path: str, durability: str, patience: float, kind: FileKind = LEDGER) -> sqlite3.Connection:
    """A connection to a file of the present schema. Raises ``kind.unavailable``, or
    ``kind.busy`` if another process holds it for longer than ``patience`` seconds."""
    with _PRIVATE:
        _make_private(path, kind)
    try:
        connection = sqlite3.connect(
            path, timeout=patience, isolation_level=None, check_same_thread=False, cached_statements=64
        )
    except sqlite3.Error as error:
        raise translated(path, error, kind) from error
    try:
        _check_ours(connection, path, kind)
        connection.execute(f"PRAGMA page_size={kind.page_size}")
        if kind.erases:
            connection.execute("PRAGMA secure_delete=ON")
        _use_log(connection, patience, kind)
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute(f"PRAGMA synchronous={'FULL' if durability == 'full' else 'NORMAL'}")
        _migrate(connection, path, kind)
        # From here on waiting is the runtime's, not SQLite's: it may sit on an event loop.
        connection.execute("PRAGMA busy_timeout=0")
    except sqlite3.Error as error:
        connection.close()
        raise translated(path, error, kind) from error
    except BaseException:
        connection.close()
        raise
    return connection


def identity(path: str) -> tuple[int, int] | None:
    """Which file it is, whatever its name; None if it is gone. 1 us, so that every write can ask."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _use_log(connection: sqlite3.Connection, patience: float, kind: FileKind) -> None:
    """Switch to WAL. Where several open a new file at once, SQLite refuses some without waiting."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if not isinstance(translated("", error, kind), kind.busy) or time.monotonic() >= until:
                raise
            time.sleep(0.005)
        else:
            return


def translated(path: str, error: sqlite3.Error, kind: FileKind = LEDGER) -> BrokerError:
    """An SQLite error as ours, with what a person can do about it."""
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    sort = "_".join(name.split("_")[:2])  # SQLITE_READONLY_DIRECTORY is a kind of SQLITE_READONLY
    if sort in ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL"):
        return kind.busy(f"the {kind.name} {path} is locked by another process")
    advice = {
        "SQLITE_FULL": "the disk is full; make room",
        "SQLITE_READONLY": "the file or its folder is read-only; check its owner and mode",
        "SQLITE_CANTOPEN": "the file cannot be opened; check the folder's owner and mode",
        "SQLITE_CORRUPT": "the file is damaged; keep a copy, then restore it with 'sqlite3 FILE .recover'",
        "SQLITE_ERROR": "its tables are not as this version makes them (an unreleased version, or somebody by hand); "
        f"move it aside, or set {kind.setting.split()[0]} to another file",
        "SQLITE_NOTADB": f"the file is no SQLite database; set {kind.setting.split()[0]} to another file",
    }.get(sort, "check the disk")
    return kind.unavailable(f"the {kind.name} {path} cannot be used ({name}): {advice}. {kind.stops}")


def _make_private(path: str, kind: FileKind = LEDGER) -> None:
    """Folder 0700 and file 0600 whatever the umask; refuse a file that others may write."""
    folder = os.path.dirname(path)
    try:
        if folder and not os.path.isdir(folder):
            os.makedirs(folder, mode=0o700, exist_ok=True)
        status = _made_or_found(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = error.strerror if isinstance(error, OSError) else error
        raise kind.unavailable(
            f"the {kind.name} {path!r} cannot be opened: {reason}. Set {kind.setting} "
            f"to a file this user can write. {kind.stops}"
        ) from error
    if not stat.S_ISREG(status.st_mode):
        sort = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
        raise kind.unavailable(
            f"the {kind.name} {path} is {sort}; set {kind.setting.split()[0]} to the file itself"
        )
    if status.st_size == 0 and time.time() - status.st_mtime > _MAKING_SECONDS:
        raise kind.unavailable(
            f"the {kind.name} {path} is an empty file, so what was recorded in it is lost; put a copy of it back, or "
            "remove the file to begin anew"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise kind.unavailable(
            f"others may write the {kind.name} {path}, so its sums prove nothing; type: chmod 600 {path}"
        )


def _made_or_found(path: str) -> os.stat_result:
    """Make the file, or look at it without opening it.

    A file that may be in use must not be opened and closed here: closing any descriptor of a file drops all
    locks (POSIX) this process has on it, also those of SQLite in another ledger object. The next process to
    close the ledger would then take itself for the last, remove the log and lose what is written after that.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return os.lstat(path)
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def _check_ours(connection: sqlite3.Connection, path: str, kind: FileKind = LEDGER) -> None:
    connection.execute("BEGIN")  # one look: between two, another process could make the schema
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    if application != kind.application_id and (application != 0 or tables):
        raise kind.unavailable(
            f"{path} is another program's database; set {kind.setting.split()[0]} to another file"
        )


def _migrate(connection: sqlite3.Connection, path: str, kind: FileKind) -> None:
    """Bring the schema up to this release, one numbered file at a time, each in its own transaction."""
    scripts = sorted(
        (entry for entry in (files(kind.package) / "migrations").iterdir() if entry.name.endswith(".sql")),
        key=lambda entry: entry.name,
    )
    newest = len(scripts)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > newest:
        raise kind.unavailable(
            f"the {kind.name} {path} was written by a newer mlbroker (schema {version}, here {newest}); upgrade: "
            "pip install -U mlbroker"
        )
    for number, script in enumerate(scripts, 1):
        if number <= version:
            continue
        connection.execute("BEGIN IMMEDIATE")
        try:
            (reached,) = connection.execute("PRAGMA user_version").fetchone()
            if reached < number:  # else another process was faster
                for statement in _statements(script.read_text("utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id={kind.application_id}")
                connection.execute(f"PRAGMA user_version={number}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # on a full disk SQLite has rolled back already
                connection.execute("ROLLBACK")
            raise


def _statements(script: str) -> list[str]:
    found, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            found.append(current)
            current = ""
    return found
