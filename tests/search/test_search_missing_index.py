"""Documents for an index that is not there: one request tells so, and no document is blamed for it."""

from __future__ import annotations

from typing import Any

import pytest
from aws_search_peer import BASE, KEYS, KnowledgeBase
from azure_search_peer import AzureSearchPeer
from gcp_search_peer import DataStore

from broker import Broker
from broker.contract import Fault, FaultTable, WriteLimits, fault_error
from broker.errors import BadInput, MalformedReply, Unavailable
from broker.runtime.virtual import VirtualRuntime
from broker.testing.hurried import HurriedRuntime
from broker.testing.stub import VendorStub
from broker.testing.vendors import aws_error
from broker.types import DocumentState
from search_support import Engine, engine_adapter, make

DOCUMENTS: list[dict[str, Any]] = [{"id": f"d{number}", "content": "x"} for number in range(45)]
IDS = [each["id"] for each in DOCUMENTS]
MISSING = fault_error({}, status=404, code=None, message="there is no such index")


def test_an_index_that_is_not_there_is_asked_once_and_the_call_fails() -> None:
    def wrote(_request: Any, _number: int) -> None:
        raise MISSING

    engine = Engine(wrote)
    with (
        make(engine_adapter(engine, write_limits=WriteLimits(max_items=10))) as broker,
        pytest.raises(BadInput, match="no such index") as caught,
    ):
        broker.search.upsert(DOCUMENTS)
    assert engine.upserts == [tuple(IDS[:10])]
    assert len(caught.value.attempts) == 1
    assert not getattr(caught.value, "__notes__", [])


def test_an_index_that_goes_away_leaves_the_documents_behind_unsent() -> None:
    def wrote(_request: Any, number: int) -> None:
        if number == 2:
            raise MISSING

    engine = Engine(wrote)
    with make(engine_adapter(engine, write_limits=WriteLimits(max_items=10))) as broker:
        report = broker.search.upsert(DOCUMENTS).value
    assert len(engine.upserts) == 2
    states = [each.state for each in report.statuses]
    assert states[:10] == [DocumentState.DONE] * 10
    assert states[10:20] == [DocumentState.FAILED] * 10
    assert states[20:] == [DocumentState.NOT_SENT] * 25
    assert "no such index" in report.stopped


@pytest.mark.parametrize(
    ("status", "there"), [(400, True), (413, True), (301, False), (404, False), (405, False)]
)
def test_which_statuses_say_so(status: int, there: bool) -> None:
    assert fault_error({}, status=status, code=None, message="").misaddressed is not there


def test_a_code_may_say_so_with_another_status() -> None:
    table: FaultTable = {"ResourceNotFoundException": Fault(error=BadInput, misaddressed=True)}
    assert fault_error(table, status=400, code="ResourceNotFoundException", message="").misaddressed
    assert not fault_error(table, status=400, code="ValidationException", message="").misaddressed
    assert not BadInput("this document").misaddressed


def test_no_other_failure_is_taken_for_it() -> None:
    for error in (MalformedReply("x"), Unavailable("x")):
        assert not error.misaddressed


def aws(provider: str, stub: VendorStub, index: str) -> Broker:
    pytest.importorskip("boto3", reason="needs the aws extra")
    from broker_aws import AwsAdapter, KendraAdapter

    section = {"endpoint": stub.url, "region": "us-east-1", "index": index, **KEYS}
    return Broker(
        adapters=[AwsAdapter, KendraAdapter],
        provider=provider,
        providers={provider: section},
        runtime=HurriedRuntime(),
    )


def azure(_provider: str, stub: VendorStub, index: str) -> Broker:
    section = {**AzureSearchPeer(stub).section, "index": index}
    return Broker(provider="azure", providers={"azure": section}, runtime=VirtualRuntime())


def gcp(_provider: str, stub: VendorStub, index: str) -> Broker:
    pytest.importorskip("google.cloud.discoveryengine_v1", reason="needs the test group")
    section = {**DataStore(stub).settings(), "index": index}
    return Broker(provider="gcp", providers={"gcp": section}, runtime=VirtualRuntime())


CLOUDS = pytest.mark.parametrize(
    ("provider", "made", "missing", "wrong"),
    [
        ("aws", aws, f"{BASE[::-1]}/{BASE}", "no base!"),
        ("kendra", aws, "11111111-2222-3333-4444-555555555555", "no index!"),
        ("azure", azure, "others", "no'index"),
        ("gcp", gcp, "others", "no index!"),
    ],
)


@CLOUDS
@pytest.mark.parametrize("method", ["upsert", "delete"])
def test_each_cloud_is_asked_once(
    provider: str, made: Any, missing: str, wrong: str, method: str, vendor_stub: VendorStub
) -> None:
    if provider == "kendra":
        vendor_stub.script(lambda _: aws_error("ResourceNotFoundException", "no such index", 400))
    elif provider == "aws":
        KnowledgeBase(vendor_stub)
    with made(provider, vendor_stub, missing) as broker, pytest.raises(BadInput) as caught:
        getattr(broker.search, method)(DOCUMENTS if method == "upsert" else IDS)
    assert vendor_stub.count == len(caught.value.attempts) == 1


@CLOUDS
@pytest.mark.parametrize("method", ["upsert", "delete", "status"])
def test_an_address_that_can_be_none_is_looked_at_once(
    provider: str, made: Any, missing: str, wrong: str, method: str, vendor_stub: VendorStub
) -> None:
    with made(provider, vendor_stub, wrong) as broker, pytest.raises(BadInput) as caught:
        getattr(broker.search, method)(DOCUMENTS if method == "upsert" else IDS)
    assert vendor_stub.count == 0
    assert len(caught.value.attempts) <= 1
