"""Several processes, and some of them killed: every process reckons the same from the same rows."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from standing_support import START, meter, reckoned
from standing_writer import AT
from test_standing_budgets import budget, intent, paid

from broker.errors import BudgetExceeded
from broker.ledger import SpendQuery, SqliteLedger

HERE = Path(__file__).parent


def start(path: Path, number: int) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path])}
    process = subprocess.Popen(
        [sys.executable, str(HERE / "standing_writer.py"), str(path), str(number)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_killed_writers_leave_whole_rows_that_add_up(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(SqliteLedger(str(path))) as ledger:
        ledger.declare([budget("5000")], AT)
        random_source = random.Random(6)
        for turn in range(4):
            processes = [start(path, 2 * turn + each) for each in range(2)]
            for process in processes:
                assert process.stdout is not None
                for _ in range(random_source.randrange(3, 40)):
                    process.stdout.readline()
                os.kill(process.pid, signal.SIGKILL)
            for process in processes:
                process.wait(30)
                assert process.stdout is not None
                process.stdout.close()
        ledger.recover()
        found = ledger.standing()
        names = [each.name for each in found]
        assert "shared" in names
        assert len(names) == len(set(names)) > 8
        assert {each.until for each in found} == {None, START + timedelta(days=3)}
        (state,) = ledger.budgets(AT)
        end = START + timedelta(days=31)
        whole = reckoned(list(found), START, end)
        slack = Fraction(31 * len(found), 10**12)
        assert abs(Fraction(state.standing + state.standing_ahead) - whole) <= slack
        (row,) = ledger.spend(SpendQuery(by=()))
        assert (
            row.amount + row.at_risk + state.standing + state.standing_ahead == state.spent + state.reserved
        )
        # Each change and its trace are one transaction.
        with closing(sqlite3.connect(path)) as file:
            (moved,) = file.execute("SELECT generation FROM standing_state").fetchone()
            counted = "SELECT count(*) FROM standing_change WHERE change = 'begun'"
            (begun,) = file.execute(counted).fetchone()
        assert begun == len(found)
        assert moved >= 1


def test_what_one_process_declares_holds_another_at_its_next_call(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    with closing(SqliteLedger(path)) as one, closing(SqliteLedger(path)) as other:
        one.declare([budget("75")], AT)
        other.settle(other.announce(intent(AT)), paid("0.1"))
        one.stand([meter()], AT)
        with pytest.raises(BudgetExceeded, match=r"what stands is \$34.80 of the spent"):
            other.announce(intent(AT))
        one.end_standing("docs", AT, AT)
        other.announce(intent(AT))
