"""Knowledge bases and Kendra beside a broken ledger, a race for a budget, forks, threads and several event loops."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from aws_search_peer import Kendra, KnowledgeBase

from broker import AsyncBroker, Broker, BudgetExceeded, LedgerUnavailable
from broker.testing.stub import VendorStub
from broker_aws import AwsAdapter, KendraAdapter

pytest.importorskip("boto3", reason="needs the aws extra")

BOTH = pytest.mark.parametrize("provider", ["aws", "kendra"])
ADAPTERS = [AwsAdapter, KendraAdapter]
DOCUMENTS = [{"id": f"doc-{number}", "content": "storm"} for number in range(12)]


def options(provider: str, stub: VendorStub) -> dict[str, Any]:
    peer: Any = KnowledgeBase(stub) if provider == "aws" else Kendra(stub)
    return {"provider": provider, "providers": {provider: peer.settings()}}


def test_without_a_ledger_nothing_that_may_cost_is_sent(vendor_stub: VendorStub, tmp_path: Path) -> None:
    """Kendra's calls cost nothing by themselves, and go on; a knowledge base's do."""
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database" * 100)
    with Broker(adapters=ADAPTERS, ledger={"path": str(path)}, **options("aws", vendor_stub)) as broker:
        with pytest.raises(LedgerUnavailable):
            broker.search.query("storm")
        with pytest.raises(LedgerUnavailable):
            broker.search.upsert(DOCUMENTS)
    assert vendor_stub.count == 0
    with Broker(adapters=ADAPTERS, ledger={"path": str(path)}, **options("kendra", vendor_stub)) as broker:
        assert broker.search.query("storm").cost.amount == 0


def test_a_race_for_the_last_of_a_budget_is_won_by_as_many_as_it_holds(vendor_stub: VendorStub) -> None:
    """What a knowledge base costs is not known; a budget counts the amount that it is told."""
    budgets = {"b": {"limit": "0.5", "currency": "USD", "window": "day", "unpriced": "0.1"}}
    with (
        Broker(adapters=ADAPTERS, budgets=budgets, **options("aws", vendor_stub)) as broker,
        ThreadPoolExecutor(8) as pool,
    ):

        def ask(_: int) -> bool:
            try:
                broker.search.query("storm")
            except BudgetExceeded:
                return False
            return True

        assert sum(pool.map(ask, range(24))) == 5
    assert vendor_stub.count == 5


def test_a_budget_that_ends_in_the_middle_of_many_documents_says_what_was_not_sent(
    vendor_stub: VendorStub,
) -> None:
    budgets = {"b": {"limit": "0.1", "currency": "USD", "window": "day", "unpriced": "0.1"}}
    with Broker(adapters=ADAPTERS, budgets=budgets, **options("aws", vendor_stub)) as broker:
        report = broker.search.upsert(DOCUMENTS).value
    assert vendor_stub.count == 1
    assert len(report.acknowledged) == 10
    assert len(report.problems) == 2
    assert "budget" in report.stopped.lower()


@BOTH
def test_threads_share_a_broker_and_loops_come_and_go(provider: str, vendor_stub: VendorStub) -> None:
    given = options(provider, vendor_stub)
    with Broker(adapters=ADAPTERS, **given) as broker, ThreadPoolExecutor(8) as pool:
        assert all(
            report.value.ok for report in pool.map(lambda _: broker.search.upsert(DOCUMENTS), range(8))
        )
    assert vendor_stub.count == 16

    async def several() -> list[int]:
        async with AsyncBroker(adapters=ADAPTERS, **given) as other:
            found = await asyncio.gather(*(other.search.query("storm") for _ in range(4)))
            return [len(each.value.hits) for each in found]

    assert [asyncio.run(several()) for _ in range(2)] == [[0] * 4] * 2


FORK = """
import json, os, sys, warnings
warnings.filterwarnings("ignore", "This process.*multi-threaded", DeprecationWarning)
from broker import Broker
from broker_aws import AwsAdapter, KendraAdapter
broker = Broker(adapters=[AwsAdapter, KendraAdapter], **json.loads(sys.argv[1]))
broker.search.query("storm")
pid = os.fork()
if pid == 0:
    status = 1
    try:
        broker.search.query("storm")
        broker.search.upsert({"id": "a", "content": "x"})
        broker.close()
        status = 0
    finally:
        os._exit(status)
assert os.waitpid(pid, 0)[1] == 0
broker.search.query("storm")
broker.close()
"""


@BOTH
def test_a_forked_child_goes_on_with_connections_of_its_own(provider: str, vendor_stub: VendorStub) -> None:
    given = json.dumps(options(provider, vendor_stub))
    done = subprocess.run(
        [sys.executable, "-c", FORK, given], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert vendor_stub.count == 4
