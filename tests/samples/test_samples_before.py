"""A store that an earlier version wrote: what it had collected goes on, and nothing is said of days that it noted less of."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from samples_support import AT, a_drawing

from broker.quality.always import EProcess
from broker.samples.file import SAMPLES
from broker.samples.rows import EvidenceRow, StreamItem
from broker.samples.store import SampleStore
from broker.samples.tolerance import TOLERANCE, gathered, process_of

BAR = 0.8


def earlier(path: Path, *states: dict[str, Any]) -> None:
    """Evidence of some providers in a store of the third schema."""
    scripts = sorted(
        each.name for each in (files(SAMPLES.package) / "migrations").iterdir() if each.name.endswith(".sql")
    )
    with closing(sqlite3.connect(path)) as old:
        for name in scripts[:3]:
            old.executescript((files(SAMPLES.package) / "migrations" / name).read_text("utf-8"))
        for number, state in enumerate(states):
            old.execute(
                "INSERT INTO evidence (use_case, provider, watch, cursor, since, at, state) VALUES (?, ?, ?, ?, ?, ?, ?)",
                ("shop", str(number), TOLERANCE, 40, AT.isoformat(), AT.isoformat(), json.dumps(state)),
            )
        old.execute(f"PRAGMA application_id={SAMPLES.application_id}")
        old.execute("PRAGMA user_version=3")
        old.commit()


def before(count: int) -> EProcess:
    found = EProcess(bar=BAR)
    for number in range(count):
        found = found.after(float(number % 2))
    return found


def of_before(process: EProcess, **more: Any) -> dict[str, Any]:
    """As it was kept: no money that waits, no id of the run."""
    return {
        "bar": process.bar,
        "purses": process.purses,
        "seen": process.seen,
        "highest": process.highest,
        **more,
    }


def test_evidence_goes_on_from_what_it_had(tmp_path: Path) -> None:
    half = before(12)
    earlier(tmp_path / "quality.db", of_before(half), of_before(half, told=True), {})
    with closing(SampleStore(str(tmp_path / "quality.db"))) as store:
        first, told, empty = store.evidence("shop")
        kept = process_of(first, BAR)
        assert kept is not None
        assert (kept.purses, kept.seen, kept.highest) == (half.purses, 12, half.highest)
        assert told.state["told"]
        assert first.state["run"] != told.state["run"], "a switch takes each run once"
        assert process_of(empty, BAR) is None

        def fold(row: EvidenceRow) -> EvidenceRow:
            wrong = [
                StreamItem(sample=40 + each, at=AT, unit=0.0, probability=1.0, least=1.0) for each in range(9)
            ]
            return gathered(row, wrong, BAR)

        assert store.change_evidence("shop", "0", TOLERANCE, AT, fold)
        after = process_of(store.evidence("shop")[0], BAR)
        anew = process_of(
            fold(
                EvidenceRow(
                    use_case="shop", provider="x", watch=TOLERANCE, cursor=0, since=None, at=AT, state={}
                )
            )
        )
        assert after is not None
        assert anew is not None
        assert after.seen == 21
        assert after.value > 2 * anew.value, "what was collected before counts"


def test_the_day_of_the_upgrade_is_not_the_day_it_began(tmp_path: Path) -> None:
    """Calls of before were drawn, too: they would all seem to be draws without a call."""
    with closing(SampleStore(str(tmp_path / "quality.db"))) as store:
        store.write({a_drawing(): (10, 1)}, {})
        store.begin("shop", AT + timedelta(days=3))
        store.begin("new", AT)
        assert store.begun("shop") is None
        assert store.begun("new") == AT
        store.write({a_drawing(use_case="new"): (10, 1)}, {})
        store.begin("new", AT + timedelta(days=3))
        assert store.begun("new") == AT


@pytest.mark.parametrize("count", [1, 30])
def test_what_an_earlier_run_reached_is_not_forgotten(tmp_path: Path, count: int) -> None:
    """It had proof, and the ledger could not be told: it is told now."""
    proof = EProcess(bar=BAR)
    for _ in range(count):
        proof = proof.after(0.0)
    earlier(tmp_path / "quality.db", of_before(proof))
    with closing(SampleStore(str(tmp_path / "quality.db"))) as store:
        found = process_of(store.evidence("shop")[0], BAR)
        assert found is not None
        assert found.rejected() == proof.rejected() == (count == 30)
