"""Four processes of fifty threads race for the last unit of a budget while some of them are killed at any instant."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from racer import GOOD, PICTURE, PRICE

from broker import Broker, BudgetExceeded
from broker.ledger import SpendQuery, SqliteLedger
from broker.testing.fake import fake_price, fake_provider
from broker.types.budget import Budget, BudgetState, Window

THREADS, PROCESSES = 50, 4
UNITS, KILLS = 2400, 6


@pytest.fixture
def racers(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Whatever is in here is ended at the end."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for each in started:
        each.kill()
        each.communicate()


def start(folder: Path, seed: int) -> subprocess.Popen[str]:
    script = Path(__file__).parent / "racer.py"
    return subprocess.Popen(
        [sys.executable, str(script), str(folder / "ledger.db"), str(folder / "vendor"), str(seed), str(THREADS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip


def go(*processes: subprocess.Popen[str], together: bool = False) -> None:
    """Let them race; ``together``: once all are ready."""
    for each in processes if together else ():
        assert each.stdout is not None
        assert each.stdout.readline() == "ready\n"
    for each in processes:
        assert each.stdin is not None
        each.stdin.write("go\n")
        each.stdin.flush()


def state_of(ledger: SqliteLedger) -> BudgetState:
    (state,) = ledger.budgets(datetime.now(UTC))
    return state


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_never_over_the_cap_and_no_false_block_by_the_dead(
    tmp_path: Path, seed: int, racers: list[subprocess.Popen[str]]
) -> None:
    chance = random.Random(seed)
    limit = UNITS * PRICE
    path = str(tmp_path / "ledger.db")
    vendor = tmp_path / "vendor"
    vendor.touch()
    with closing(SqliteLedger(path)) as ledger:
        # A window that cannot end in the middle of the race.
        ledger.declare(
            [Budget(name="cap", limit=limit, window=Window(text="rolling 30d"))], datetime.now(UTC)
        )
        racers += [start(tmp_path, seed * 100 + number) for number in range(PROCESSES)]
        go(*racers, together=True)
        running, kills = list(racers), 0
        until = time.monotonic() + 400
        while running:
            assert time.monotonic() < until, "the race does not end"
            state = state_of(ledger)
            assert state.spent + state.reserved <= limit
            assert vendor.stat().st_size * PRICE <= limit, "no request may reach the vendor above the cap"
            time.sleep(chance.random() / 50)
            running = [each for each in running if each.poll() is None]
            if running and kills < KILLS and state.spent >= limit * (kills + 1) / (KILLS + 2):
                victim = chance.choice(running)
                victim.kill()
                kills += 1
                another = start(tmp_path, seed * 1000 + kills)
                racers.append(another)
                running.append(another)
                go(another)
        for each in racers:
            _, problem = each.communicate()
            assert each.returncode in (0, -9), problem
        assert kills, "nobody was killed"

        ledger.recover()
        state = state_of(ledger)
        assert state.reserved == 0, "the dead hold nothing"
        assert state.spent <= limit
        (sums,) = ledger.spend(SpendQuery(by=()))
        assert state.spent == sums.amount + sums.at_risk, "the budget is the sum of its attempts"
        assert sums.open == 0
        billed = vendor.stat().st_size
        announced_by_the_dead = state.spent / PRICE - billed
        # A request that was announced and not sent when its process died may count, one a thread at most.
        assert 0 <= announced_by_the_dead <= kills * THREADS
        assert state.unknown / PRICE >= announced_by_the_dead

    left = int((limit - state.spent) / PRICE)
    adapter = fake_provider([GOOD], price=fake_price(str(PRICE)))
    with Broker(adapters=[adapter], provider="fake", ledger={"path": path}) as broker:
        for _ in range(left):
            broker.vision.label(PICTURE)
        with pytest.raises(BudgetExceeded):
            broker.vision.label(PICTURE)
        (state,) = broker.ledger.budgets(datetime.now(UTC))
    assert state.spent == limit, "what was left could be spent to the last unit"


def test_a_budget_of_one_unit_goes_to_one_of_two_hundred(
    tmp_path: Path, racers: list[subprocess.Popen[str]]
) -> None:
    with closing(SqliteLedger(str(tmp_path / "ledger.db"))) as ledger:
        ledger.declare(
            [Budget(name="cap", limit=PRICE, window=Window(text="rolling 30d"))], datetime.now(UTC)
        )
        racers += [start(tmp_path, number) for number in range(PROCESSES)]
        go(*racers, together=True)
        for each in racers:
            _, problem = each.communicate(timeout=150)
            assert each.returncode == 0, problem
        assert state_of(ledger).spent == PRICE
    assert (tmp_path / "vendor").stat().st_size == 1
