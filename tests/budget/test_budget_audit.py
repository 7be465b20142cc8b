"""After processes were killed, stopped and forked while budgets changed and people decided: the books still balance."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from decimal import Decimal
from pathlib import Path

import pytest
from auditee import fast
from budget_audit import audit, rows

from broker.errors import LedgerUnavailable
from broker.ledger import Decision, SqliteLedger, UnknownQuery, sqlite
from broker.types.budget import Action, Budget, Window

D = Decimal
SECONDS = 5.0
BUDGETS = (
    Budget(name="hour", limit=D("0.08"), window=Window(text="hour"), unpriced=D("0.0005")),
    Budget(name="month", limit=D("0.3"), window=Window(text="month"), provider="aws"),
    Budget(
        name="rolling", limit=D("0.05"), window=Window(text="rolling 90m"), tags=(("team", "a"),),
        unpriced=D("0.001"), action=Action.DEGRADE, degrade_to=("here",),
    ),
    Budget(name="warns", limit=D("0.01"), window=Window(text="day"), action=Action.WARN, warn_at=(D("0.5"),)),
    Budget(name="euro", limit=D("0.1"), window=Window(text="day"), currency="EUR", provider="euro"),
    Budget(name="account", limit=D("0.05"), window=Window(text="day"), provider="aws:prod"),
)  # fmt: skip


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Whatever is in here is ended at the end."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for each in started:
        each.kill()
        each.wait()


def test_the_books_balance_whatever_happens(
    tmp_path: Path, processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.5)  # a stopped process that holds the ledger is not waited for
    path, chance = str(tmp_path / "ledger.db"), random.Random(1)
    folder = Path(__file__).parent
    asked = time.monotonic()
    subprocess.run([sys.executable, "-c", "import auditee"], cwd=folder, check=True)
    seconds = SECONDS + min(20.0, 3 * (time.monotonic() - asked))  # three processes begin at once
    began = time.time()

    def start() -> None:
        facts = [str(len(processes)), str(began), str(seconds)]
        processes.append(subprocess.Popen([sys.executable, str(folder / "auditee.py"), path, *facts]))

    with closing(SqliteLedger(path)) as ledger:
        ledger.declare(BUDGETS, fast(began))
        for _ in range(3):
            start()
        while time.time() < began + seconds:
            time.sleep(0.05)
            dice, running = chance.random(), [each for each in processes if each.poll() is None]
            with suppress(LedgerUnavailable):  # a stopped process may hold it
                if dice < 0.05 and running and len(processes) < 6:
                    chance.choice(running).kill()
                    start()
                elif dice < 0.15 and running:
                    chance.choice(running).send_signal(signal.SIGSTOP)
                elif dice < 0.3:
                    for each in running:
                        each.send_signal(signal.SIGCONT)
                elif dice < 0.45:
                    amount = chance.choice([D(0), D("0.0004")])
                    ledger.decide(UnknownQuery(), Decision(amount=amount, reason="invoice 7"), fast(began))
                elif dice < 0.6:
                    tags = chance.choice([(), (("team", "a"),)])
                    changing = Budget(name="changing", limit=D(1), window=Window(text="month"), tags=tags)
                    ledger.declare([changing], fast(began))
                elif dice < 0.65:
                    ledger.forget("changing")
                elif dice < 0.75:
                    ledger.recover()
        for each in processes:
            each.send_signal(signal.SIGCONT)
            assert each.wait(90) in (0, -signal.SIGKILL)
        ledger.recover()
        assert audit(path) == []
        assert all(state.reserved == 0 for state in ledger.budgets(fast(began))), "the dead hold nothing"
    told = {row["state"] + row["billed"] for row in rows(path, "SELECT DISTINCT state, billed FROM attempt")}
    assert {"settledyes", "settledno"} <= told, "nothing happened"
