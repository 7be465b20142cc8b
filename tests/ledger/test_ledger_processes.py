"""Threads, processes, forks and kill -9: every attempt is in the ledger once, and the sums are its sums."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from ledger_support import (
    DAY,
    SKU,
    check_sums,
    finish,
    intent,
    line,
    one,
    patiently,
    price,
    rows,
    settlement,
    start,
    tiered,
)

from broker.errors import LedgerUnavailable, Outcome
from broker.ledger import Settlement, SpendQuery, SpendRow, SqliteLedger, owner
from broker.types import Billed

TIERS = price((100, "0.01"), (1000, "0.007"), (None, "0.003"))


def in_turn(ledger: SqliteLedger, number: int, how: Settlement) -> None:
    """One attempt, waiting out other processes as the pipeline does."""
    ticket = patiently(lambda: ledger.announce(intent(number=number)))
    patiently(lambda: ledger.settle(ticket, how))


def total(ledger: SqliteLedger) -> SpendRow:
    (row,) = ledger.spend(SpendQuery(by=()))
    return row


def test_eight_threads_share_one_ledger_exactly(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:

        def use(thread: int) -> None:
            for number in range(200):
                ticket = ledger.announce(
                    intent(number=number, provider=f"p{thread % 3}", tags={"thread": str(thread)})
                )
                ledger.settle(ticket, settlement(f"0.000000000{thread + 1:03d}"))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(use, range(8)))
        found = total(ledger)
        assert (found.attempts, found.open, found.unknown) == (1600, 0, 0)
        assert found.amount == Decimal("0.000000000001") * 200 * sum(range(1, 9))
        by_thread = ledger.spend(SpendQuery(by=("tag:thread",)))
        assert [row.attempts for row in by_thread] == [200] * 8
    check_sums(path)


WRITERS = """
from test_ledger_processes import TIERS, in_turn
print("ready", flush=True)
sys.stdin.readline()
ledger = SqliteLedger(sys.argv[1])
for number in range(int(sys.argv[2])):
    in_turn(ledger, number, settlement(charges=tiered(TIERS, 1 + number % 3)))
ledger.close()
"""


def test_processes_share_the_months_tiers_exactly(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    processes = [start(WRITERS, str(path), "200") for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        finish(process)
    units = 4 * sum(1 + number % 3 for number in range(200))
    expected = 100 * Decimal("0.01") + 900 * Decimal("0.007") + (units - 1000) * Decimal("0.003")
    with closing(SqliteLedger(str(path))) as ledger:
        found = total(ledger)
    assert (found.attempts, found.open) == (800, 0)
    assert found.amount == expected, "each unit is priced at a position of its own"
    assert rows(path, "SELECT units FROM meter")[0]["units"] == str(units)
    check_sums(path)


KILLED = """
import os, signal
from broker.ledger import sqlite as module

def here():
    print("here", flush=True)
    signal.pause()

ledger = SqliteLedger(sys.argv[1])
one(ledger)
point = sys.argv[2]
if point == "before announce":
    here()
if point == "in announce":
    connection = ledger._file.open
    class Slow:
        def __getattr__(self, name):
            return getattr(connection, name)
        def execute(self, statement, *values):
            if statement.startswith("INSERT OR REPLACE INTO open_slot"):
                if not connection.in_transaction:
                    connection.execute("BEGIN IMMEDIATE")
                connection.execute(statement, *values)
                here()
            return connection.execute(statement, *values)
    ledger._file.open = Slow()
ticket = ledger.announce(intent(number=2))
if point == "before sending":
    here()
if point == "in settle":
    module.roll = lambda *_, **__: here()
if point == "after sending":
    here()
ledger.settle(ticket, settlement())
here()
"""

POINTS = {
    "before announce": None,
    "in announce": None,
    "before sending": "unknown",
    "after sending": "unknown",
    "in settle": "unknown",
    "after settle": "settled",
}


@pytest.mark.parametrize("reaped", [True, False], ids=["reaped", "zombie"])
@pytest.mark.parametrize("point", POINTS)
def test_a_process_killed_at_any_point_leaves_the_truth(tmp_path: Path, point: str, reaped: bool) -> None:
    path = tmp_path / "ledger.db"
    state = POINTS[point]
    with closing(SqliteLedger(str(path))) as living:
        mine = living.announce(intent(number=7, bound=Decimal("0.5")))
        victim = start(KILLED, str(path), point)
        try:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "here\n"
            victim.send_signal(signal.SIGKILL)
            if reaped:
                victim.wait(90)
            else:
                os.waitid(os.P_PID, victim.pid, os.WEXITED | os.WNOWAIT)
            before = total(living)
            assert before.open == 1 + (state == "unknown"), (
                "what was announced counts at its bound from then on"
            )
            assert before.at_risk == Decimal("0.5") + (Decimal("0.001") if state == "unknown" else 0)

            assert living.recover() == (1 if state == "unknown" else 0)
            assert living.recover() == 0, "nothing is counted twice"
            after = total(living)
            assert (after.open, after.unknown) == (1, int(state == "unknown"))
            assert after.at_risk == before.at_risk
            assert after.amount == Decimal("0.002" if state == "settled" else "0.001")
            check_sums(path)
            told = {row["number"]: row["state"] for row in rows(path)}
            assert told == {7: "open", 1: "settled"} | ({2: state} if state else {})
            living.settle(mine, settlement("0.25", bound="0.5"))
            assert total(living).open == 0
        finally:
            victim.kill()
            victim.communicate()
    check_sums(path)


CHURN = """
import random
from test_ledger_processes import TIERS, in_turn
ledger = SqliteLedger(sys.argv[1])
print("ready", flush=True)
number = 0
while True:
    number += 1
    in_turn(ledger, number, settlement(charges=tiered(TIERS)))
    print(number, flush=True)
"""


def test_writers_killed_at_random_leave_sums_that_hold(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    chance = random.Random(20261121)
    told = 0
    with closing(SqliteLedger(str(path))) as living:
        for _ in range(4):
            writers = [start(CHURN, str(path)) for _ in range(2)]
            for writer in writers:
                assert writer.stdout is not None
                assert writer.stdout.readline() == "ready\n"
            time.sleep(0.05 + chance.random() / 10)
            for writer in writers:
                writer.kill()
            lines = [writer.communicate()[0].split() for writer in writers]
            told += sum(int(each[-1]) for each in lines if each)
            living.recover()
            check_sums(path)
        found = total(living)
    assert found.open == 0
    assert found.unknown <= 8
    settled = found.attempts - found.unknown
    assert told <= settled <= told + 8, "every attempt that was told is there, and none that was not made"
    assert rows(path, "SELECT units FROM meter")[0]["units"] == str(settled)


def test_an_attempt_taken_for_dead_that_settles_late_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger, closing(SqliteLedger(str(path))) as other:
        ticket = ledger.announce(intent(tags={"project": "a=b"}))
        with monkeypatch.context() as patch:
            patch.setattr(owner, "alive", lambda _: False)
            assert other.recover() == 1
            check_sums(path)
        assert total(ledger).unknown == 1
        ledger.settle(ticket, settlement("0.0007", bound="0.001"))
        found = total(ledger)
        assert (found.attempts, found.unknown, found.amount, found.at_risk) == (1, 0, Decimal("0.0007"), 0)
        (tagged,) = ledger.spend(SpendQuery(by=("tag:project",)))
        assert (tagged.group, tagged.attempts, tagged.amount) == (("a=b",), 1, Decimal("0.0007"))
        # It goes on writing; what it leaves open when it really dies is found all the same.
        ledger.announce(intent(number=2))
        monkeypatch.setattr(owner, "alive", lambda _: False)
        assert other.recover() == 1
        assert total(ledger).unknown == 1
    check_sums(path)


def test_a_ticket_is_settled_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        ticket, _ = one(ledger)
        with pytest.raises(LedgerUnavailable, match="settled already"):
            ledger.settle(ticket, settlement())
        assert total(ledger).amount == Decimal("0.001")
    check_sums(path)


def test_a_settlement_that_fails_in_its_pricing_leaves_the_attempt_open(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"

    def broken(_: object) -> list[object]:
        raise ZeroDivisionError

    with closing(SqliteLedger(str(path))) as ledger:
        ticket = ledger.announce(intent())
        with pytest.raises(ZeroDivisionError):
            ledger.settle(ticket, settlement(charges=broken))  # type: ignore[arg-type] # that is the point
        assert total(ledger).open == 1
        ledger.settle(ticket, settlement())
        assert total(ledger).open == 0
    check_sums(path)


def test_many_attempts_in_flight_at_once_keep_apart(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    chance = random.Random(5)
    with closing(SqliteLedger(str(path))) as ledger:
        flying = []
        for number in range(600):
            flying.append(ledger.announce(intent(number=number)))
            if chance.random() < 0.5:
                ledger.settle(flying.pop(chance.randrange(len(flying))), settlement())
            if number % 100 == 0:
                assert total(ledger).open == len(flying)
        open_numbers = {row["number"] for row in rows(path) if row["state"] == "open"}
        assert open_numbers == {ticket.intent.number for ticket in flying}
        for ticket in flying:
            ledger.settle(ticket, settlement())
    assert sorted(row["number"] for row in rows(path)) == list(range(600))
    check_sums(path)


FORK = """
import os
ledger = SqliteLedger(sys.argv[1])
one(ledger)
inherited = ledger.announce(intent(number=2))
to_child, from_parent = os.pipe()
to_parent, from_child = os.pipe()
pid = os.fork()
if pid == 0:
    status = 1
    try:
        tickets = [ledger.announce(intent(number=number)) for number in (3, 4)]
        os.write(from_child, b"x")
        os.read(to_child, 1)           # the parent has closed its ledger now
        ledger.settle(inherited, settlement())
        mine = ledger.announce(intent(number=5))
        still_open = {row["number"] for row in rows(sys.argv[1]) if row["state"] == "open"}
        assert still_open == {3, 4, 5}, still_open
        for ticket in (*tickets, mine):
            ledger.settle(ticket, settlement())
        one(ledger, number=6)
        status = 0
    finally:
        os._exit(status)
os.read(to_parent, 1)
one(ledger, number=7)
ledger.close()
os.write(from_parent, b"x")
assert os.waitpid(pid, 0)[1] == 0
"""


def test_a_ledger_in_use_survives_a_fork_on_both_sides(tmp_path: Path) -> None:
    """SQLite's locks do not pass to a child; the parent's last close must not remove the log under its feet."""
    path = tmp_path / "ledger.db"
    finish(start(FORK, str(path)))
    check_sums(path)
    assert {row["number"]: row["state"] for row in rows(path)} == dict.fromkeys(range(1, 8), "settled")


FORK_UNDER_FIRE = """
import os, threading, warnings
warnings.simplefilter("ignore")
from test_ledger_processes import in_turn
ledger = SqliteLedger(sys.argv[1])
stop = threading.Event()
def churn():
    while not stop.is_set():
        in_turn(ledger, 1, settlement())
threads = [threading.Thread(target=churn) for _ in range(3)]
for thread in threads:
    thread.start()
for turn in range(10):
    pid = os.fork()
    if pid == 0:
        in_turn(ledger, 100 + turn, settlement())
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
stop.set()
for thread in threads:
    thread.join()
new = SqliteLedger(sys.argv[1])    # a ledger can still be made and used
in_turn(new, 200, settlement())
"""


def test_forks_while_other_threads_write_neither_hang_nor_lose_a_row(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    finish(start(FORK_UNDER_FIRE, str(path)))
    check_sums(path)
    numbers = [row["number"] for row in rows(path)]
    assert sorted(number for number in numbers if number >= 100) == [*range(100, 110), 200]
    assert {row["state"] for row in rows(path)} == {"settled"}


def test_owners_are_told_apart_by_host_number_and_start() -> None:
    host, pid, started = owner.me().rsplit(":", 2)
    assert owner.alive(owner.me())
    assert owner.alive(f"{host}-elsewhere:1:1"), "nobody here can tell"
    assert not owner.alive(f"{host}:{pid}:{int(started) + 1}"), "its number was given to another process"
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert not owner.alive(f"{host}:{gone.pid}:1")


def test_unpriced_free_failed_and_unknown_attempts_are_counted_apart(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        one(ledger, settlement(None), bound=None, unpriced="no row")
        one(ledger, settlement(outcome=Outcome.REJECTED, billed=Billed.NO))
        one(
            ledger,
            settlement(outcome=Outcome.AMBIGUOUS, billed=Billed.UNKNOWN, bound="0.002"),
            bound=Decimal("0.002"),
        )
        one(ledger, settlement(None, bound="0.004"), bound=Decimal("0.004"))  # beyond the last known tier
        one(ledger, settlement("0.003"))
        ledger.announce(intent(bound=None, unpriced="no row"))
        found = total(ledger)
    assert (found.attempts, found.failed, found.open, found.unknown, found.unpriced) == (6, 2, 1, 1, 2)
    assert found.amount == Decimal("0.003")
    assert found.at_risk == Decimal("0.006")
    check_sums(path)


def test_only_billed_units_move_the_tier(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        for billed in (Billed.NO, Billed.UNKNOWN, Billed.YES):
            one(
                ledger, settlement(billed=billed, charges=lambda _: [line(Decimal("0.01"), units=Decimal(5))])
            )
        assert [(row["sku"], row["units"]) for row in rows(path, "SELECT * FROM meter")] == [(SKU, "5")]


def test_accounts_and_months_have_tiers_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        for changes in ({}, {"profile": "eu"}, {"provider": "other"}, {"started": DAY.replace(month=4)}):
            one(ledger, settlement(charges=tiered(TIERS)), **changes)
        assert sorted(row["units"] for row in rows(path, "SELECT * FROM meter")) == ["1"] * 4


def test_a_thread_that_waits_does_not_keep_the_ledger_locked(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger, closing(sqlite3.connect(path)) as other:
        one(ledger)
        other.execute("BEGIN IMMEDIATE")
        thread = threading.Thread(target=in_turn, args=(ledger, 9, settlement()))
        thread.start()
        assert total(ledger).attempts == 1
        other.execute("ROLLBACK")
        thread.join(90)
        assert total(ledger).attempts == 2
