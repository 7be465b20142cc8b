"""Vertex AI Search in a program's life: event loops one after the other, threads, a fork, a ledger that cannot be written."""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

pytest.importorskip("google.cloud.discoveryengine_v1", reason="needs the test group")
pytest.importorskip("grpc", reason="needs the gcp extra")

from gcp_search_peer import DOCUMENTS, DataStore, filled, made

from broker import AsyncBroker, Broker
from broker.errors import LedgerUnavailable
from broker.testing.stub import VendorStub
from broker.types import DocumentState


@pytest.fixture
def store(vendor_stub: VendorStub) -> DataStore:
    found = DataStore(vendor_stub)
    with made(found) as broker:
        filled(found, broker)
    return found


def test_one_event_loop_after_the_other(store: DataStore) -> None:
    broker = AsyncBroker(provider="gcp", providers={"gcp": store.settings()})

    async def ask() -> Any:
        return (await broker.search.query("storm")).value.ids

    assert asyncio.run(ask()) == asyncio.run(ask()) == ("doc-1", "doc-2", "doc_3")
    asyncio.run(broker.aclose())


def test_threads_share_a_broker(store: DataStore) -> None:
    with made(store) as broker, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: broker.search.query("storm").value.ids, range(24)))
        states = list(
            pool.map(lambda each: broker.search.upsert(each).value.statuses[0].state, DOCUMENTS * 4)
        )
    assert set(found) == {("doc-1", "doc-2", "doc_3")}
    assert set(states) == {DocumentState.ACCEPTED}


@pytest.mark.filterwarnings(
    "ignore:.*fork:DeprecationWarning"
)  # the stub has threads, and Python 3.12 says so
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_asks_for_itself(store: DataStore) -> None:
    with made(store) as broker:
        assert broker.search.query("storm").value.ids
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = 0 if broker.search.query("storm").value.ids == ("doc-1", "doc-2", "doc_3") else 2
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert broker.search.query("storm").value.ids


def test_nothing_paid_is_sent_without_a_ledger(store: DataStore, tmp_path: Any) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"this is no database" * 100)
    with Broker(
        provider="gcp", providers={"gcp": store.settings()}, ledger={"path": str(path)}, max_attempts=1
    ) as broker:
        before = store.stub.count
        for call in (lambda: broker.search.query("storm"), lambda: broker.search.upsert(DOCUMENTS)):
            with pytest.raises(LedgerUnavailable):
                call()
        assert store.stub.count == before
