"""A run that is killed again and again pays for nothing twice, and says what it cannot know."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from bench_support import data_set

ITEMS = 20
PLAN = '[[provider]]\nprovider = "one"\n[[provider]]\nprovider = "two"\n[run]\nconcurrency = {concurrency}\ncost_cap = "9"\n'
HERE = Path(__file__).parent


class Runs:
    """Sittings of one run, each in a process of its own."""

    def __init__(self, folder: Path, concurrency: int) -> None:
        self.folder = folder
        self._plan = PLAN.format(concurrency=concurrency)
        data_set(folder, ITEMS)

    @property
    def paid(self) -> int:
        """Requests that a provider was paid for."""
        path = self.folder / "paid"
        return path.stat().st_size if path.exists() else 0

    def facts(self, **facts: Any) -> dict[str, Any]:
        """Of one sitting; see bench_caller.py."""
        return {
            "folder": str(self.folder),
            "plan": self._plan,
            "paid": str(self.folder / "paid"),
            "kill_at": 0,
            "interrupt_at": 0,
            "point": "sent",
            "again_unknown": False,
            **facts,
        }

    def process(self, facts: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """One sitting, to its end."""
        path = os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", ""), str(HERE.parent.parent)])
        return subprocess.run(
            [sys.executable, str(HERE / "bench_caller.py"), json.dumps(facts)],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
            timeout=120,
            check=False,
        )

    def __call__(self, **facts: Any) -> Any:
        """What a sitting tells; None: it was killed."""
        done = self.process(self.facts(**facts))
        if done.returncode == -signal.SIGKILL:
            return None
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def booked(self) -> Decimal:
        """What the ledger holds of the run, with all that may have been billed."""
        with sqlite3.connect(self.folder / "ledger.db") as ledger:
            rows = ledger.execute("SELECT amount, bound, billed FROM attempt").fetchall()
        return (
            sum((Decimal(amount if amount is not None else bound) for amount, bound, _ in rows), Decimal(0))
            / 10**12
        )


@pytest.mark.parametrize("point", ["sent", "settled"])
def test_killed_at_every_tenth_item_pays_nothing_twice(tmp_path: Path, point: str) -> None:
    runs = Runs(tmp_path, 1)
    kills = 0
    while (told := runs(kill_at=10, point=point)) is None:
        kills += 1
    # Each sitting asks nine more and is killed in the tenth, which was paid for, or may have been, and is not bought again.
    assert kills == 2 * ITEMS // 10
    assert runs.paid == 2 * ITEMS
    assert sum(answered for answered, _, _ in told["lanes"].values()) == 2 * ITEMS - kills
    assert sum(unsettled for _, unsettled, _ in told["lanes"].values()) == kills
    assert all(left == 0 for _, _, left in told["lanes"].values())
    assert (
        sum(Decimal(each) for each in told["money"].values()) == runs.booked() == Decimal("0.001") * runs.paid
    )
    assert told["sittings"] == kills + 1


def test_what_never_reached_the_ledger_is_asked_again_and_paid_once(tmp_path: Path) -> None:
    runs = Runs(tmp_path, 1)
    kills = 0
    while (told := runs(kill_at=10, point="announced")) is None:
        kills += 1
    assert kills >= 2 * ITEMS // 10
    assert runs.paid == 2 * ITEMS
    assert sum(answered for answered, _, _ in told["lanes"].values()) == 2 * ITEMS
    assert sum(unsettled for _, unsettled, _ in told["lanes"].values()) == 0


def test_several_calls_on_their_way_are_lost_together_and_none_is_bought_twice(tmp_path: Path) -> None:
    runs = Runs(tmp_path, 4)
    for _ in range(3):
        assert runs(kill_at=10) is None
    told = runs()
    lost = sum(unsettled for _, unsettled, _ in told["lanes"].values())
    answered = sum(answered for answered, _, _ in told["lanes"].values())
    assert 3 <= lost <= 3 * 4
    assert answered + lost == 2 * ITEMS
    assert runs.paid <= 2 * ITEMS


def test_a_person_may_have_it_asked_again(tmp_path: Path) -> None:
    runs = Runs(tmp_path, 1)
    assert runs(kill_at=10) is None
    told = runs(again_unknown=True)
    assert runs.paid == 2 * ITEMS + 1
    assert sum(answered for answered, _, _ in told["lanes"].values()) == 2 * ITEMS
    assert (
        sum(Decimal(each) for each in told["money"].values()) == runs.booked() == Decimal("0.001") * runs.paid
    )


def test_an_interrupt_waits_for_what_is_on_its_way_and_loses_nothing(tmp_path: Path) -> None:
    runs = Runs(tmp_path, 4)
    facts = runs.facts(point="sent", interrupt_at=15)
    done = runs.process(facts)
    assert done.returncode != 0
    assert "KeyboardInterrupt" in done.stderr
    before = runs.paid
    assert 15 <= before < 2 * ITEMS
    told = runs()
    assert runs.paid == 2 * ITEMS
    assert sum(answered for answered, _, _ in told["lanes"].values()) == 2 * ITEMS
