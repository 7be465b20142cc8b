"""Ctrl-C at any instant leaves neither a lock held nor a transaction open, in which later rows would be lost."""

from __future__ import annotations

import signal
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from ledger_support import check_sums, one, rows

from broker.errors import LedgerUnavailable
from broker.ledger import SpendQuery, SqliteLedger
from broker.ledger import connection as connection_module


class Interrupting:
    """A connection that is interrupted once, right after a chosen statement."""

    def __init__(self, inner: sqlite3.Connection, after: str) -> None:
        self._inner = inner
        self._after: str | None = after

    def execute(self, statement: str, *arguments: Any) -> Any:
        found = self._inner.execute(statement, *arguments)
        if self._after is not None and statement.lstrip().startswith(self._after):
            self._after = None
            raise KeyboardInterrupt
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.mark.parametrize(
    "after", ["BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "INSERT OR REPLACE", "INSERT OR IGNORE"]
)
def test_what_is_written_after_an_interruption_is_kept(
    after: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "ledger.db")
    real = connection_module.connect
    monkeypatch.setattr(connection_module, "connect", lambda *a: Interrupting(real(*a), after))
    with closing(SqliteLedger(path)) as ledger:
        for _ in range(2):
            with suppress(KeyboardInterrupt):
                one(ledger)
        before = len([row for row in rows(path) if row["state"] == "settled"])
        for _ in range(20):
            one(ledger)
        with closing(sqlite3.connect(path)) as other:  # another process sees what is committed, nothing else
            (seen,) = other.execute("SELECT count(*) FROM attempt WHERE state = 'settled'").fetchone()
        assert seen == before + 20
    check_sums(path)


def test_real_interrupts_in_the_midst_of_work_do_no_harm(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    done = 0
    stop = threading.Event()

    def pester() -> None:
        while not stop.wait(0.003):
            signal.pthread_kill(main, signal.SIGINT)

    def interrupt(_: int, frame: FrameType | None) -> None:
        """Only in the midst of work: between two of these it would end the test, or all tests."""
        while frame is not None:
            if frame.f_code is one.__code__:
                raise KeyboardInterrupt
            frame = frame.f_back

    main = threading.main_thread().ident or 0
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with closing(SqliteLedger(path)) as ledger:
            one(ledger)
            thread = threading.Thread(target=pester)
            thread.start()
            ends = time.monotonic() + 1.0
            while time.monotonic() < ends:
                with suppress(KeyboardInterrupt):
                    one(ledger)
                    done += 1
            stop.set()
            thread.join()
            one(ledger)
    finally:
        stop.set()
        signal.signal(signal.SIGINT, before)
    settled = [row for row in rows(path) if row["state"] == "settled"]
    assert len(settled) >= done + 2
    check_sums(path)


def test_a_write_that_interrupts_another_of_its_thread_is_refused_and_waits_for_nobody(
    tmp_path: Path,
) -> None:
    """As by a signal's handler that makes a call, or asks what was spent."""
    path = str(tmp_path / "ledger.db")
    told: list[Exception] = []

    def handler(ledger: SqliteLedger) -> None:
        for ask in (lambda: one(ledger), lambda: ledger.spend(SpendQuery())):
            try:
                ask()
            except LedgerUnavailable as error:
                told.append(error)
        ledger.close()

    def program() -> None:
        with closing(SqliteLedger(path)) as ledger:
            one(ledger)
            ledger._file.run(lambda _: handler(ledger), begin="BEGIN IMMEDIATE")
            one(ledger)

    thread = threading.Thread(target=program, daemon=True)
    thread.start()
    thread.join(90)
    assert not thread.is_alive(), "it waits for itself"
    assert ["another thread" in str(error) for error in told] == [True, True]
    assert len(rows(path)) == 2
