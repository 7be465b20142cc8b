"""Documents put into Azure AI Search, taken out and asked about: what is sent, and what becomes of each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from azure_search_peer import KEY, AzureSearchPeer

from broker import AsyncBroker, Broker
from broker.errors import (
    AuthFailed,
    BadInput,
    MalformedReply,
    QuotaExhausted,
    StillIndexing,
    Throttled,
    Unavailable,
)
from broker.runtime.virtual import VirtualRuntime
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import DocumentState

DONE, ACCEPTED, FAILED, ABSENT = (
    DocumentState.DONE,
    DocumentState.ACCEPTED,
    DocumentState.FAILED,
    DocumentState.ABSENT,
)
SEARCH = "/indexes('hotels')/docs/search.post.search"
INDEXED = "/indexes('hotels')/docs/search.index"


@pytest.fixture
def peer(vendor_stub: VendorStub) -> AzureSearchPeer:
    return AzureSearchPeer(vendor_stub)


@pytest.fixture
def broker(peer: AzureSearchPeer) -> Any:
    options: dict[str, Any] = {"provider": "azure", "providers": {"azure": peer.section}}
    with Broker(runtime=VirtualRuntime(), max_attempts=1, **options) as made:
        yield made


def documents(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"id": f"d{number}", "content": f"text {number}", **more} for number in range(count)]


def test_a_document_replaces_the_one_with_its_id(broker: Broker, peer: AzureSearchPeer) -> None:
    moment = datetime(2024, 1, 2, 3, 4, 5, 451000, UTC)
    report = broker.search.upsert(
        {
            "id": "a",
            "content": "x 😀",
            "title": "T",
            "url": "https://e.com",
            "metadata": {"year": 1, "day": moment, "tags": ["a", "b"], "draft": True, "lang": "en"},
        }
    ).value
    assert [(each.id, each.state) for each in report.statuses] == [("a", ACCEPTED)]
    assert peer.actions == [
        {
            "@search.action": "upload",
            "id": "a",
            "content": "x 😀",
            "title": "T",
            "url": "https://e.com",
            "year": 1,
            "day": "2024-01-02T03:04:05.451000Z",
            "tags": ["a", "b"],
            "draft": True,
            "lang": "en",
        }
    ]
    broker.search.upsert({"id": "a", "content": "y"})
    assert (peer.kept["a"]["content"], peer.kept["a"]["title"], peer.kept["a"]["tags"]) == ("y", None, [])
    broker.search.upsert({"id": "a", "content": "z", "metadata": {"year": 7}})
    broker.search.upsert(
        {"id": "a", "content": "w", "metadata": {"lang": "de"}},
        extensions={"azure_action": "mergeOrUpload"},
    )
    assert (peer.kept["a"]["content"], peer.kept["a"]["year"], peer.kept["a"]["lang"]) == ("w", 7, "de")
    with pytest.raises(BadInput, match="azure_action"):
        broker.search.upsert({"id": "a", "content": "w"}, extensions={"azure_action": "merge"})


def test_each_document_of_a_207_has_its_own_status(broker: Broker, peer: AzureSearchPeer) -> None:
    peer.broken = {"d1": 400, "d2": 503, "d3": 409, "d4": 422, "d5": 404}
    result = broker.search.upsert(documents(7))
    found = {each.id: each for each in result.value.statuses}
    assert [each.id for each in result.value.statuses] == [f"d{number}" for number in range(7)]
    assert [found[f"d{n}"].state for n in range(7)] == [ACCEPTED, *[FAILED] * 5, ACCEPTED]
    assert [found[f"d{n}"].code for n in range(1, 6)] == ["400", "503", "409", "422", "404"]
    assert [found[f"d{n}"].may_retry for n in range(1, 6)] == [False, True, True, True, False]
    assert found["d1"].reason == "It said 400."
    assert len(result.attempts) == 1
    assert not result.value.ok


def test_a_thousand_documents_a_request(broker: Broker, vendor_stub: VendorStub) -> None:
    result = broker.search.upsert(documents(2500))
    assert result.value.counted() == {ACCEPTED: 2500}
    assert [len(request.json()["value"]) for request in vendor_stub.requests] == [1000, 1000, 500]  # type: ignore[index,call-overload,arg-type]
    assert len(result.attempts) == 3


def test_sixteen_megabytes_a_request(broker: Broker, vendor_stub: VendorStub) -> None:
    big = "é" * 2_500_000
    result = broker.search.upsert(
        [{"id": str(n), "content": big} for n in range(4)]
        + [{"id": "huge", "content": "a" * 9_999_999 + " "}]
    )
    assert result.value.ok
    assert max(len(request.body) for request in vendor_stub.requests) < 16 * 1024 * 1024
    assert [len(request.json()["value"]) for request in vendor_stub.requests] == [2, 2, 1]  # type: ignore[index,call-overload,arg-type]


def test_one_bad_document_does_not_keep_the_others_out(broker: Broker, peer: AzureSearchPeer) -> None:
    many = documents(64)
    many[40]["metadata"] = {"unheard_of": 1}
    report = broker.search.upsert(many).value
    assert [each.id for each in report.problems] == ["d40"]
    assert "unheard_of" in report.problems[0].reason
    assert "shape" in report.problems[0].reason
    assert len(peer.kept) == 63


def test_documents_that_no_index_can_have_are_not_sent(broker: Broker, peer: AzureSearchPeer) -> None:
    report = broker.search.upsert(
        [
            {"id": "a", "content": "x", "metadata": {"x-y": 1}},
            {"id": "b", "content": "x", "metadata": {"_x": 1}},
            {"id": "c", "content": "x", "metadata": {"azureSearchX": 1}},
            {"id": "中" * 512, "content": "x"},
            {"id": "good", "content": "x"},
        ]
    ).value
    assert [each.state for each in report.statuses] == [*[FAILED] * 4, ACCEPTED]
    assert [each["id"] for each in peer.actions] == ["good"]
    assert "too long" in report.statuses[3].reason


def test_documents_that_this_index_cannot_have_are_not_sent(peer: AzureSearchPeer) -> None:
    section = {**peer.section, "shape": {"url": "", "title": "lang"}}
    with Broker(provider="azure", providers={"azure": section}) as broker:
        report = broker.search.upsert(
            [
                {"id": "a", "content": "x", "url": "https://e.com"},
                {"id": "b", "content": "x", "metadata": {"lang": "en"}},
                {"id": "c", "content": "x", "title": "T"},
            ]
        ).value
        assert [each.state for each in report.statuses] == [FAILED, FAILED, ACCEPTED]
        assert "url" in report.statuses[0].reason
        alone = broker.search.upsert({"id": "a", "content": "x", "url": "https://e.com"}).value
        assert [each.state for each in alone.statuses] == [FAILED]
    assert [each["lang"] for each in peer.actions] == ["T"]


@pytest.mark.parametrize(
    "name", ["docs/a b.md", "https://e.com/?q='x'", "_x", "b64=x", "中文", "a.b", "x') or ('"]
)
def test_any_id_can_be_used(
    name: str, broker: Broker, peer: AzureSearchPeer, vendor_stub: VendorStub
) -> None:
    broker.search.upsert([{"id": name, "content": "storm"}, {"id": "plain", "content": "storm"}])
    assert set(broker.search.query("storm").value.ids) == {name, "plain"}
    for asked in ([name], [name, "plain"], [name, "other"]):
        states = [each.state for each in broker.search.status(asked).value.statuses]
        assert states == [ABSENT if each == "other" else DONE for each in asked]
    assert broker.search.delete([name]).value.ok
    assert set(peer.kept) == {"plain"}


def test_taking_out(broker: Broker, peer: AzureSearchPeer) -> None:
    broker.search.upsert(documents(3))
    peer.broken = {"d1": 503, "d7": 404}
    report = broker.search.delete(["d0", "d1", "never", "d7", "中" * 512]).value
    assert [each.state for each in report.statuses] == [ACCEPTED, FAILED, ACCEPTED, DONE, DONE]
    assert report.statuses[1].may_retry
    assert set(peer.kept) == {"d1", "d2"}
    assert peer.actions[-1] == {"@search.action": "delete", "id": "d7"}
    assert broker.search.delete(["中" * 512]).value.ok


def test_one_is_looked_up_and_several_are_searched_for(
    broker: Broker, peer: AzureSearchPeer, vendor_stub: VendorStub
) -> None:
    broker.search.upsert(documents(3))
    result = broker.search.status("d1", raw=True)
    assert [(each.id, each.state) for each in result.value.statuses] == [("d1", DONE)]
    assert result.raw == {"id": "d1"}
    assert [each.state for each in broker.search.status("nothing").value.statuses] == [ABSENT]
    assert [request.path for request in vendor_stub.requests][-1] == "/indexes('hotels')/docs('nothing')"
    report = broker.search.status(["d0", "x", "d2", "中" * 512]).value
    assert [each.state for each in report.statuses] == [DONE, ABSENT, DONE, ABSENT]
    assert peer.bodies[-1] == {
        "search": "*",
        "filter": "search.in(id, 'd0,x,d2', ',')",
        "select": "id",
        "top": 3,
    }


def test_a_404_with_a_reason_is_the_index_and_no_absent_document(broker: Broker) -> None:
    for act in (
        lambda: broker.search.status("d1", index="others"),
        lambda: broker.search.status(["d1", "d2"], index="others"),
        lambda: broker.search.query("x", index="others"),
        lambda: broker.search.upsert(documents(1), index="others"),
    ):
        with pytest.raises(BadInput, match=r"was not found.*check the index's name"):
            act()


def test_a_probe_that_is_not_whole_leaves_open_what_it_did_not_find(
    broker: Broker, vendor_stub: VendorStub
) -> None:
    for more in ({"@search.coverage": 50.0}, {"@search.nextPageParameters": {"skip": 1}}):
        vendor_stub.on(SEARCH, default=Answer(json={"value": [{"id": "d0"}], **more}))
        states = [each.state for each in broker.search.status(["d0", "d1"]).value.statuses]
        assert states == [DONE, DocumentState.UNKNOWN]


@pytest.mark.parametrize(
    "found", [[{"id": "stranger"}], [{"other": "d0"}], [{"id": 1}], ["d0"], None, {}], ids=repr
)
def test_a_probe_that_cannot_be_read_tells_nothing(
    found: Any, broker: Broker, vendor_stub: VendorStub
) -> None:
    vendor_stub.on(SEARCH, default=Answer(json={"value": found}))
    with pytest.raises(MalformedReply):
        broker.search.status(["d0", "d1"])
    if isinstance(found, list) and isinstance(found[0], dict):
        vendor_stub.on("/indexes('hotels')/docs('d0')", default=Answer(json=found[0]))
        with pytest.raises(MalformedReply):
            broker.search.status("d0")


@pytest.mark.parametrize(
    "said",
    [
        [],
        [{"key": "d0", "status": True, "statusCode": 200}],
        [{"key": "d0", "status": True, "statusCode": 200}, {"key": "x", "status": True, "statusCode": 200}],
        [{"key": "d0", "status": True, "statusCode": 200}] * 2,
        [{"key": "d0", "status": True, "statusCode": 200}, {"key": "d1", "statusCode": 200}],
        [{"key": "d0", "status": True, "statusCode": 200}, {"key": "d1", "status": True}],
        [
            {"key": "d0", "status": "true", "statusCode": 200},
            {"key": "d1", "status": True, "statusCode": 200},
        ],
        "no list",
        None,
    ],
    ids=["none", "gap", "stranger", "double", "no status", "no code", "a text", "no list", "nothing"],
)
def test_a_report_with_a_gap_a_stranger_or_a_double_is_none(
    said: Any, broker: Broker, vendor_stub: VendorStub
) -> None:
    for status in (200, 207):
        vendor_stub.on(INDEXED, default=Answer(status, json={"value": said}))
        with pytest.raises(MalformedReply) as caught:
            broker.search.upsert(documents(2))
        assert caught.value.attempts[0].outcome.value == "bad_reply"


def test_waiting_until_queries_find_what_was_put_in(broker: Broker, peer: AzureSearchPeer) -> None:
    report = broker.search.upsert(documents(3)).value
    peer.later = 2
    result = broker.search.wait_until_indexed(report, deadline=60)
    assert result.value.searchable
    assert len(result.attempts) == 3
    peer.later = 10_000
    with pytest.raises(StillIndexing) as caught:
        broker.search.wait_until_indexed(["d0"], deadline=30)
    assert caught.value.pending == ("d0",)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(403), AuthFailed),
        (Answer(401, json={"error": {"code": "", "message": "Unauthorized"}}), AuthFailed),
        (Answer(429, json={"error": {"code": "", "message": "Too many requests."}}), Throttled),
        (Answer(429, json={"error": {"code": "", "message": "Document quota has been exceeded."}}), QuotaExhausted),
        (Answer(503, headers={"retry-after": "7"}), Unavailable),
        (Answer(413), BadInput),
        (Answer(405), BadInput),
    ],
)  # fmt: skip
def test_refusals_of_a_whole_request(
    answer: Answer, error: type[Exception], broker: Broker, vendor_stub: VendorStub
) -> None:
    vendor_stub.on(INDEXED, default=answer)
    with pytest.raises(error) as caught:
        broker.search.upsert(documents(1))
    assert type(caught.value) is error
    if answer.status in (401, 403):
        assert "keys.search" in str(caught.value)
    if answer.status == 503:
        assert caught.value.retry_after == 7.0  # type: ignore[attr-defined]
    assert KEY not in str(caught.value)


def test_what_is_too_large_by_the_services_count_is_halved(
    broker: Broker, vendor_stub: VendorStub, peer: AzureSearchPeer
) -> None:
    vendor_stub.on(
        INDEXED, lambda request: Answer(413) if len(request.body) > 1000 else peer._answer(request)
    )
    report = broker.search.upsert(documents(40)).value
    assert report.ok
    assert len(peer.kept) == 40


async def _all(section: dict[str, Any]) -> Any:
    async with AsyncBroker(provider="azure", providers={"azure": section}) as broker:
        wrote = await broker.search.upsert(documents(3))
        found = await broker.search.query("text", top=2)
        more = await broker.search.query("text", top=2, page=found.value.page)
        there = await broker.search.status(["d0", "d9"])
        gone = await broker.search.delete(["d0", "d1"])
        return [each.value for each in (wrote, found, more, there, gone)]


def test_the_asynchronous_face_says_the_same(peer: AzureSearchPeer) -> None:
    import asyncio

    section = peer.section
    wrote, found, more, there, gone = asyncio.run(_all(section))
    assert not peer.kept.keys() & {"d0", "d1"}
    with Broker(provider="azure", providers={"azure": section}) as broker:
        assert broker.search.upsert(documents(3)).value == wrote
        assert broker.search.query("text", top=2).value == found
        assert broker.search.query("text", top=2, page=found.page).value == more
        assert broker.search.status(["d0", "d9"]).value == there
        assert broker.search.delete(["d0", "d1"]).value == gone
