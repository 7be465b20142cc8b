"""Kill -9 at each write of a job's state, against stores and services that remember: one job there, one charge here."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from aws_transcribe_peer import AwsTranscribePeer
from azure_speech_peer import AzureSpeechPeer
from gcp_speech_peer import GcpSpeechPeer
from job_support import START

from broker.ledger import SqliteLedger
from broker.testing.stub import VendorStub

pytest.importorskip("boto3", reason="boto3 is not installed (extra: aws)")

PEERS: dict[str, Any] = {"aws": AwsTranscribePeer, "gcp": GcpSpeechPeer, "azure": AzureSpeechPeer}
# open, staged, announced, running, settled, recording removed: the writes up to the answer.
WRITES = 6
EDGES = [("gcp", number, "before") for number in range(WRITES)] + [
    (provider, number, "behind") for number in range(WRITES) for provider in PEERS
]
PATIENCE = 120.0


@pytest.fixture
def stub() -> Iterator[VendorStub]:
    with VendorStub() as found:
        yield found


class Caller:
    """The same call, made by one process after the other."""

    def __init__(self, folder: Path, recording: str, provider: str, peer: Any) -> None:
        self.barrier = folder / "barrier"
        self.ledger = str(folder / "jobs.db")
        self.facts = {
            "ledger": self.ledger,
            "recording": recording,
            "provider": provider,
            "section": peer.settings,
            "barrier": str(self.barrier),
            "prices": [],
        }

    def process(self, minutes: int, halt: int = -1, end: str = "before") -> subprocess.Popen[str]:
        now = (START + timedelta(minutes=minutes)).isoformat()
        facts = json.dumps({**self.facts, "now": now, "halt": halt, "end": end})
        return subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "job_caller.py"), facts],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def killed(self, halt: int, end: str) -> None:
        """Begin the call, and die there."""
        process = self.process(0, halt, end)
        until = time.monotonic() + PATIENCE
        while not self.barrier.exists():
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < until, "it never came there"
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def answered(self, minutes: int = 10) -> str:
        """Make the call to its end."""
        process = self.process(minutes)
        said, wrong = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, wrong
        return said.strip()

    def rows(self) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.ledger)) as ledger:
            return ledger.execute("SELECT state, billed, amount, bound FROM attempt ORDER BY seq").fetchall()


@pytest.mark.parametrize(("provider", "number", "end"), EDGES)
def test_one_job_and_one_charge_wherever_the_process_is_killed(
    stub: VendorStub, tmp_path: Path, recording: str, provider: str, number: int, end: str
) -> None:
    peer = PEERS[provider](stub)
    caller = Caller(tmp_path, recording, provider, peer)
    caller.killed(number, end)
    assert caller.answered()
    assert list(peer.submissions.values()) == [1]
    rows = caller.rows()
    assert [billed for _, billed, *_ in rows].count("yes") == 1
    assert {state for state, *_ in rows} == {"settled"}
    assert {billed for _, billed, *_ in rows} <= {"yes", "no"}
    (budget,) = SqliteLedger(caller.ledger).budgets(START + timedelta(minutes=20))
    assert budget.reserved == 0
    (paid,) = [amount for _, billed, amount, _ in rows if billed == "yes"]
    assert budget.spent == (Decimal("0.10") if paid is None else Decimal(paid).scaleb(-12))


def test_the_edges_are_all_there_are(stub: VendorStub, tmp_path: Path, recording: str) -> None:
    caller = Caller(tmp_path, recording, "gcp", GcpSpeechPeer(stub))
    process = caller.process(0, WRITES)
    said, wrong = process.communicate(timeout=PATIENCE)
    assert said, wrong


@pytest.mark.parametrize("provider", list(PEERS))
def test_a_lost_answer_and_a_lagging_list_make_no_second_job(
    stub: VendorStub, tmp_path: Path, recording: str, provider: str
) -> None:
    lag = {"gcp": {"unlisted": 2}, "azure": {"hidden": 2}, "aws": {}}[provider]
    peer = PEERS[provider](stub, lose=1, **lag)
    caller = Caller(tmp_path, recording, provider, peer)
    assert caller.answered()
    assert list(peer.submissions.values()) == [1]
    assert [billed for _, billed, *_ in caller.rows()] == ["yes"]
