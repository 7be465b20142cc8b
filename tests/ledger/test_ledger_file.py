"""The ledger's file: private, recognised, and never silently a new empty one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from ledger_support import check_sums, finish, intent, one, patiently, rows, settlement, start

from broker.errors import LedgerUnavailable
from broker.ledger import LedgerBusy, SpendQuery, SqliteLedger
from broker.ledger import files as ledger_files
from broker.ledger import sqlite as ledger_sqlite


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_file_log_and_folder_are_private_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "new" / "ledger.db"
    before = os.umask(0)
    try:
        with closing(SqliteLedger(str(path))) as ledger:
            one(ledger)
            found = {each.name: mode(each) for each in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert found == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    assert mode(path.parent) == 0o700


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666])
def test_a_file_others_may_write_is_refused(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        one(ledger)
    path.chmod(bits)
    with pytest.raises(LedgerUnavailable, match="chmod 600"):
        SqliteLedger(str(path)).announce(intent())


def test_a_symbolic_link_is_refused_and_its_target_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.db"
    target.write_bytes(b"precious")
    link = tmp_path / "ledger.db"
    link.symlink_to(target)
    with pytest.raises(LedgerUnavailable, match="symbolic link"):
        SqliteLedger(str(link)).announce(intent())
    assert target.read_bytes() == b"precious"
    link.unlink()
    link.symlink_to(tmp_path / "nowhere.db")
    with pytest.raises(LedgerUnavailable):
        SqliteLedger(str(link)).announce(intent())
    assert not (tmp_path / "nowhere.db").exists()


def foreign_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")


def foreign_application(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id=12345")


def newer_schema(path: Path) -> None:
    with closing(SqliteLedger(str(path))) as ledger:
        one(ledger)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version=999")


def text_file(path: Path) -> None:
    path.write_text("this is no database, but long enough to look at " * 50)


def damaged(path: Path) -> None:
    with closing(SqliteLedger(str(path))) as ledger:
        for number in range(200):
            one(ledger, number=number)
    data = bytearray(path.read_bytes())
    data[2048:] = b"\xa5" * (len(data) - 2048)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (foreign_database, "another program"),
        (foreign_application, "another program"),
        (newer_schema, "newer mlbroker"),
        (text_file, "no SQLite database"),
        (damaged, "damaged"),
        (Path.mkdir, "not a regular file"),
        (os.mkfifo, "not a regular file"),
    ],
    ids=["foreign", "foreign-id", "newer", "text", "damaged", "folder", "pipe"],
)
def test_what_is_no_ledger_of_ours_is_refused_with_advice_and_left_as_it_is(
    tmp_path: Path, spoil: object, words: str
) -> None:
    path = tmp_path / "ledger.db"
    spoil(path)  # type: ignore[operator] # a function of a path
    before = path.read_bytes() if path.is_file() else None
    with closing(SqliteLedger(str(path))) as ledger:
        for use in (lambda: ledger.announce(intent()), lambda: ledger.spend(SpendQuery()), ledger.recover):
            with pytest.raises(LedgerUnavailable, match=words) as caught:
                use()
            assert not isinstance(caught.value, LedgerBusy)
    if before is not None:
        assert path.read_bytes() == before


@pytest.mark.parametrize("path", ["/proc/ledger.db", "/dev/null/ledger.db", "a\0b", "x" * 400])
def test_a_path_that_cannot_be_opened_is_told(path: str) -> None:
    with pytest.raises(LedgerUnavailable, match=r"MLBROKER_LEDGER__PATH"):
        SqliteLedger(path).announce(intent())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("SQLITE_FULL", "disk is full"),
        ("SQLITE_READONLY", "read-only"),
        ("SQLITE_READONLY_DIRECTORY", "read-only"),
        ("SQLITE_CANTOPEN_ISDIR", "cannot be opened"),
        ("SQLITE_CORRUPT_INDEX", "damaged"),
        ("SQLITE_IOERR_WRITE", "check the disk"),
    ],
)
def test_every_kind_of_an_sqlite_error_comes_with_its_advice(code: str, words: str) -> None:
    error = sqlite3.OperationalError("whatever")
    error.sqlite_errorname = code
    assert words in str(ledger_files.translated("/x", error))


@pytest.mark.parametrize(
    "code", ["SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_BUSY_RECOVERY", "SQLITE_LOCKED"]
)
def test_a_busy_moment_is_told_apart_from_a_broken_ledger(code: str) -> None:
    error = sqlite3.OperationalError("whatever")
    error.sqlite_errorname = code
    assert isinstance(ledger_files.translated("/x", error), LedgerBusy)


FULL = """
import os, resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
ledger = SqliteLedger(sys.argv[1])
one(ledger)
size = os.path.getsize(sys.argv[1] + "-wal") + 8192
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
done = 1
try:
    while done < 5000:
        one(ledger)
        done += 1
except Exception as error:
    print(type(error).__name__, done)
ledger._file.open.close()
os._exit(0)
"""


def test_a_disk_that_fills_up_stops_the_ledger_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    name, done = finish(start(FULL, str(path))).split()
    assert name == "LedgerUnavailable"
    assert 1 <= int(done) < 5000
    check_sums(path)
    states = [row["state"] for row in rows(path)]
    assert states.count("settled") == int(done)
    assert states.count("open") <= 1


def test_a_locked_file_is_busy_at_once_and_not_after_a_wait(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger, closing(sqlite3.connect(path)) as other:
        ticket, _ = one(ledger)
        other.execute("BEGIN IMMEDIATE")
        for use in (lambda: ledger.announce(intent()), lambda: ledger.settle(ticket, settlement())):
            with pytest.raises(LedgerBusy):
                use()
        assert ledger.spend(SpendQuery())[0].attempts == 1, "reading does not wait for a writer"
        other.execute("ROLLBACK")
        one(ledger)
    check_sums(path)
    assert len(rows(path)) == 2


def test_opening_a_locked_ledger_for_a_call_is_busy_at_once_too(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        one(ledger)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with closing(SqliteLedger(str(path))) as ledger, pytest.raises(LedgerBusy):
            ledger.announce(intent())


HOLD = """
import sqlite3, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
time.sleep(0.5)
connection.execute("COMMIT")
"""


@pytest.mark.realtime
def test_recovery_waits_for_another_process_that_is_writing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        one(ledger)
        process = start(HOLD, str(path))
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert ledger.recover() == 0
        finish(process)
        ledger.announce(intent())


def test_two_ledgers_on_one_file_in_one_process_do_not_lose_each_others_locks(tmp_path: Path) -> None:
    """Closing any descriptor of a file drops a process's locks on it; the next process to close the ledger
    then takes itself for the last, removes the log, and what is written after that is gone."""
    path = tmp_path / "ledger.db"
    code = "ledger = SqliteLedger(sys.argv[1]); ledger.spend(__import__('broker.ledger').ledger.SpendQuery()); ledger.close()"
    with closing(SqliteLedger(str(path))) as first, closing(SqliteLedger(str(path))) as second:
        one(first)
        one(second)
        finish(start(code, str(path)))
        for _ in range(5):
            one(first)
            one(second)
    assert len(rows(path)) == 12
    check_sums(path)


def test_the_file_is_found_again_and_a_closed_ledger_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        one(ledger)
        ledger.close()
        ledger.close()
        one(ledger)
        assert ledger.path == str(path)
    with closing(SqliteLedger(str(path), durability="full")) as ledger:
        one(ledger)
        assert ledger.spend(SpendQuery())[0].attempts == 3


@pytest.mark.parametrize(("durability", "level"), [("normal", 1), ("full", 2)])
def test_durability_is_what_was_asked_for(tmp_path: Path, durability: str, level: int) -> None:
    with closing(SqliteLedger(str(tmp_path / "ledger.db"), durability=durability)) as ledger:
        one(ledger)
        assert ledger._file.open is not None
        assert ledger._file.open.execute("PRAGMA synchronous").fetchone() == (level,)
        assert ledger._file.open.execute("PRAGMA journal_mode").fetchone() == ("wal",)


OPEN = """
print("ready", flush=True)
sys.stdin.readline()
ledger = SqliteLedger(sys.argv[1])
ledger.recover()
ticket = patiently(lambda: ledger.announce(intent()))
patiently(lambda: ledger.settle(ticket, settlement()))
ledger.close()
"""


def test_eight_processes_that_open_a_new_ledger_at_once_all_get_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    processes = [start(OPEN, str(path)) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        finish(process)
    check_sums(path)
    assert len(rows(path)) == 8


def test_eight_threads_that_open_a_new_ledger_at_once_all_get_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    gate = threading.Barrier(8)

    def use(number: int) -> None:
        gate.wait()
        with closing(SqliteLedger(str(path))) as ledger:
            ticket = patiently(lambda: ledger.announce(intent(number=number)))
            patiently(lambda: ledger.settle(ticket, settlement()))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    check_sums(path)
    assert [row["state"] for row in rows(path)] == ["settled"] * 8


class Rows(list[tuple[object, ...]]):
    """What a cursor gives."""

    def fetchone(self) -> tuple[object, ...]:
        return self[0]


def test_a_schema_made_between_two_looks_is_not_taken_for_another_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    path.touch(0o600)
    monkeypatch.setattr(ledger_sqlite, "PATIENCE", 0.05)

    class Interrupted:
        """Another process gets its turn behind the first look."""

        def __init__(self, inner: sqlite3.Connection) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

        def execute(self, statement: str) -> sqlite3.Cursor:
            found = self.inner.execute(statement).fetchall()
            if "application_id" in statement:
                with closing(SqliteLedger(str(path))) as other, contextlib.suppress(LedgerBusy):
                    other.recover()
            return Rows(found)  # type: ignore[return-value] # has what is asked for

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        cursor = Interrupted(connection)
        monkeypatch.setattr(ledger_files, "_make_private", lambda *_: None)
        ledger_files._check_ours(cursor, str(path))  # type: ignore[arg-type] # close enough


def test_a_truncated_ledger_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch(mode=0o600)
    os.utime(path, (0, 0))  # emptied long ago: nobody is just making it
    with (
        closing(SqliteLedger(str(path))) as ledger,
        pytest.raises(LedgerUnavailable, match="lost; put a copy"),
    ):
        one(ledger)
    assert path.stat().st_size == 0


def test_tables_of_another_make_are_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        ledger.spend(SpendQuery())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP VIEW spend")
    with closing(SqliteLedger(str(path))) as ledger, pytest.raises(LedgerUnavailable, match="move it aside"):
        ledger.spend(SpendQuery())
