"""Documents of Vertex AI Search through the public client: in, out, where they stand, and what becomes of the bad ones."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("google.cloud.discoveryengine_v1", reason="needs the test group")
pytest.importorskip("grpc", reason="needs the gcp extra")

from gcp_search_peer import BRANCH, DOCUMENTS, NUMBERED, PARENT, DataStore, filled, made, typed
from hypothesis import given
from hypothesis import strategies as st

from broker import Broker
from broker.errors import AuthFailed, BadInput, MalformedReply, StillIndexing, Throttled
from broker.runtime.virtual import VirtualRuntime
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.testing.vendors import google_error
from broker.types import DocumentState
from broker_gcp.search_keys import id_of, key_of

DONE, ACCEPTED, FAILED, UNKNOWN, ABSENT = (
    DocumentState.DONE,
    DocumentState.ACCEPTED,
    DocumentState.FAILED,
    DocumentState.UNKNOWN,
    DocumentState.ABSENT,
)


@pytest.fixture
def store(vendor_stub: VendorStub) -> DataStore:
    return DataStore(vendor_stub)


@pytest.fixture
def broker(store: DataStore) -> Iterator[Broker]:
    with made(store) as found:
        yield found


def test_documents_come_and_go(store: DataStore) -> None:
    store.later = 3
    with Broker(provider="gcp", providers={"gcp": store.settings()}, runtime=VirtualRuntime()) as broker:
        report = broker.search.upsert(DOCUMENTS).value
        assert {each.state for each in report.statuses} == {ACCEPTED}
        assert broker.search.query("storm").value.hits == ()
        (status,) = broker.search.status("doc-1").value.statuses
        assert (status.state, status.reason) == (ACCEPTED, "The document is being indexed.")
        waited = broker.search.wait_until_indexed(report).value
        assert {each.state for each in waited.statuses} == {DONE}
        assert broker.search.query("storm").value.ids == ("doc-1", "doc-2", "doc_3")
        gone = broker.search.delete(["doc-1", "never-there"]).value
        assert [each.state for each in gone.statuses] == [ACCEPTED, DONE]
        assert gone.ok
        broker.search.wait_until_indexed(gone, gone=True)
        states = broker.search.status(["doc-1", "doc-2", "never-there"]).value.statuses
        assert [each.state for each in states] == [ABSENT, DONE, ABSENT]


def test_what_is_written(store: DataStore, broker: Broker) -> None:
    broker.search.upsert(DOCUMENTS)
    ((method, asked),) = store.asked
    assert method == "ImportDocuments"
    first, _, third = asked["inlineSource"]["documents"]
    assert first["structData"] == {
        "lang": "en",
        "year": 2024,
        "share": 0.5,
        "draft": False,
        "tags": ["news", "weather"],
        "at": "2024-01-02T03:04:05.000006Z",
        "title": "Weather & more",
        "url": "https://example.com/1",
    }
    assert DataStore._text(third) == "A storm of a title"
    broker.search.upsert(DOCUMENTS[0])
    assert store.asked[-1] == ("UpdateDocument", {**first, "allowMissing": "true"})
    assert store.stub.requests[-1].path == f"/v1/{BRANCH}/documents/doc-1"


def test_a_structured_store_has_the_text_among_its_data(store: DataStore) -> None:
    with made(store, search_store="structured") as broker:
        filled(store, broker)
        document = store.kept["doc-2"]
        assert document == {
            "id": "doc-2",
            "structData": {"lang": "de", "year": 2020, "title": "Wetter", "content": "storm"},
        }
        found = broker.search.query("storm", filter="lang = 'de'").value.hits[0]
        assert found.metadata == {"lang": "de", "year": 2020}


def test_sending_a_document_twice_does_no_harm(store: DataStore, broker: Broker) -> None:
    for _ in range(2):
        broker.search.upsert(DOCUMENTS)
        broker.search.upsert(DOCUMENTS[1])
    assert sorted(store.kept) == ["doc-1", "doc-2", "doc_3"]


def test_many_documents_are_several_imports(store: DataStore, broker: Broker) -> None:
    many = [{"id": f"n{number}", "content": "storm"} for number in range(201)]
    report = broker.search.upsert(many).value
    assert len(report.acknowledged) == 201
    assert [method for method, _ in store.asked] == ["ImportDocuments", "ImportDocuments", "UpdateDocument"]


def test_a_document_that_cannot_be_kept_is_not_sent(store: DataStore, broker: Broker) -> None:
    bad = [
        {"id": "a" * 129, "content": "x"},
        {"id": "é/" * 32, "content": "x"},
        {"id": "big", "content": "x" * 1_000_000},
        {"id": "long", "content": "x", "metadata": {"n": 2**53 + 1}},
    ]
    report = broker.search.upsert([*bad, DOCUMENTS[0], DOCUMENTS[1]]).value
    assert [each.state for each in report.statuses] == [FAILED] * 4 + [ACCEPTED] * 2
    assert all(each.reason for each in report.problems)
    assert sorted(store.kept) == ["doc-1", "doc-2"]


@pytest.mark.parametrize("key", ["..", ".", "a/b", "a%2fb", "a b", "?x", "é", "b64-YQ", "notes/2024.md"])
def test_an_id_never_leads_elsewhere_and_comes_back_as_it_was(
    key: str, store: DataStore, broker: Broker
) -> None:
    for documents in ({"id": key, "content": "storm"}, [{"id": key, "content": "storm"}, DOCUMENTS[0]]):
        report = broker.search.upsert(documents).value
        assert [each.id for each in report.problems] == []
        assert report.statuses[0].id == key
    assert all(re.fullmatch("[A-Za-z0-9_-]+", each) for each in store.kept)
    for left in store.left:
        store.left[left] = 0
    assert key in broker.search.query("storm").value.ids
    (status,) = broker.search.status(key).value.statuses
    assert (status.id, status.state) == (key, DONE)
    assert broker.search.delete(key).value.statuses[0].id == key
    assert sorted(store.kept) == ["doc-1"]


def test_an_id_that_no_document_can_have_is_absent_without_a_question(
    store: DataStore, broker: Broker
) -> None:
    long = "a" * 129
    assert broker.search.delete(long).value.statuses[0].state is DONE
    assert broker.search.status(long).value.statuses[0].state is ABSENT
    assert store.stub.count == 0


@given(st.text(min_size=1, max_size=200), st.text(min_size=1, max_size=200))
def test_ids_are_coded_one_to_one(one: str, other: str) -> None:
    for each in (one, f"b64-{one}"):
        with contextlib.suppress(UnicodeEncodeError):  # half a surrogate pair is no document's id
            key = key_of(each)
            assert key is None or (re.fullmatch("[A-Za-z0-9_-]{1,128}", key) and id_of(key) == each)
            assert one == other or key is None or key != key_of(other)


@given(st.text("ab64-_YQ=", max_size=20))
def test_ids_of_others_stay_what_they_are(key: str) -> None:
    assert id_of(key) == key or key_of(id_of(key)) == key


def test_one_bad_document_keeps_no_other_out(store: DataStore, broker: Broker) -> None:
    def says(method: str, body: dict[str, Any]) -> Answer | None:
        documents = body.get("inlineSource", {}).get("documents", [body])
        if any(each.get("id") == "doc-2" for each in documents):
            return google_error("INVALID_ARGUMENT", "lang: does not conform to the schema", 400)
        return None

    store.says = says
    report = broker.search.upsert(DOCUMENTS).value
    assert [each.state for each in report.statuses] == [ACCEPTED, FAILED, ACCEPTED]
    assert "does not conform" in report.statuses[1].reason
    assert report.statuses[1].code == "INVALID_ARGUMENT"


OPERATION = {"name": f"{NUMBERED}/operations/import-documents-1", "done": True}


def import_answer(failures: int, *samples: dict[str, Any], **more: Any) -> Answer:
    counted = {"failureCount": str(failures)} if failures else {"successCount": "3"}
    return Answer(
        json={
            **OPERATION,
            "metadata": {
                "@type": "type.googleapis.com/google.cloud.discoveryengine.v1.ImportDocumentsMetadata",
                **counted,
            },
            "response": {
                "@type": "type.googleapis.com/google.cloud.discoveryengine.v1.ImportDocumentsResponse",
                **({"errorSamples": list(samples)} if samples else {}),
            },
            **more,
        }
    )


def sample(key: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"code": 3, "message": "bad document"}
    if key is not None:
        found["details"] = [
            {
                "@type": "type.googleapis.com/google.rpc.ResourceInfo",
                "resourceName": f"{NUMBERED}/documents/{key}",
            }
        ]
    return found


@pytest.mark.parametrize(
    ("answer", "states"),
    [
        (import_answer(0), [ACCEPTED, ACCEPTED, ACCEPTED]),
        (import_answer(1, sample("doc-2")), [ACCEPTED, FAILED, ACCEPTED]),
        (import_answer(1, sample(None)), [UNKNOWN, UNKNOWN, UNKNOWN]),
        (import_answer(2, sample("doc-2")), [UNKNOWN, FAILED, UNKNOWN]),
        (import_answer(3, sample(None)), [FAILED, FAILED, FAILED]),
        (import_answer(3), [FAILED, FAILED, FAILED]),
        (Answer(json=OPERATION), [ACCEPTED, ACCEPTED, ACCEPTED]),
        (Answer(json={"name": "x"}), [ACCEPTED, ACCEPTED, ACCEPTED]),
    ],
)
def test_an_import_that_is_done_at_once(
    answer: Answer, states: list[DocumentState], store: DataStore, broker: Broker
) -> None:
    store.says = lambda _method, _body: answer
    report = broker.search.upsert(DOCUMENTS).value
    assert [each.state for each in report.statuses] == states
    for each in report.statuses:
        assert bool(each.reason) is (each.state is not ACCEPTED)
        assert each.may_retry is (each.state is UNKNOWN)


def test_an_import_that_failed_as_a_whole(store: DataStore, broker: Broker) -> None:
    error = {"code": 7, "message": "no access to the branch"}
    store.says = lambda _method, _body: Answer(json={**OPERATION, "error": error})
    with pytest.raises(AuthFailed, match=r"no access.*discoveryengine.editor"):
        broker.search.upsert(DOCUMENTS)


def test_indexing_that_fails_is_told(store: DataStore, broker: Broker) -> None:
    store.fails["doc-2"] = {"code": 3, "message": "the document cannot be parsed"}
    store.fails["doc_3"] = {"code": 14, "message": "later"}
    broker.search.upsert(DOCUMENTS)
    first, second, third = broker.search.status(["doc-1", "doc-2", "doc_3"]).value.statuses
    assert first.state is DONE
    assert (second.state, second.reason, second.code) == (
        FAILED,
        "the document cannot be parsed",
        "INVALID_ARGUMENT",
    )
    assert (third.state, third.may_retry, second.may_retry) == (FAILED, True, False)


def test_waiting_ends(store: DataStore) -> None:
    store.later = 10_000
    with Broker(provider="gcp", providers={"gcp": store.settings()}, runtime=VirtualRuntime()) as broker:
        report = broker.search.upsert(DOCUMENTS[:1]).value
        with pytest.raises(StillIndexing) as caught:
            broker.search.wait_until_indexed(report, deadline=30)
    assert caught.value.pending == ("doc-1",)


RESOURCE = "type.googleapis.com/google.rpc.ResourceInfo"


@pytest.mark.parametrize(
    ("answer", "gone"),
    [
        (Answer(404), True),
        (Answer(404, body=b" \n"), True),
        (google_error("NOT_FOUND", "not found", 404), True),
        (google_error("NOT_FOUND", f"Document {BRANCH}/documents/doc-1 not found.", 404), True),
        (google_error("NOT_FOUND", f"DataStore {PARENT}/dataStores/manuals not found.", 404), False),
        (google_error("NOT_FOUND", f"Branch '{BRANCH}' does not exist", 404), False),
        (
            google_error(
                "NOT_FOUND", "x", 404, [{"@type": RESOURCE, "resourceName": f"{BRANCH}/documents/doc-1"}]
            ),
            True,
        ),
        (
            google_error(
                "NOT_FOUND", "x", 404, [{"@type": RESOURCE, "resourceName": f"{PARENT}/dataStores/manuals"}]
            ),
            False,
        ),
        (Answer(404, body=b"<html>404</html>", headers={"content-type": "text/html"}), False),
        (Answer(404, json={"message": "no route"}), False),
    ],
)
def test_what_a_404_means(answer: Answer, gone: bool, store: DataStore, broker: Broker) -> None:
    store.says = lambda _method, _body: answer
    if gone:
        assert broker.search.delete("doc-1").value.statuses[0].state is DONE
        assert broker.search.status("doc-1").value.statuses[0].state is ABSENT
        return
    for call in (broker.search.delete, broker.search.status):
        with pytest.raises(BadInput):
            call("doc-1")


def test_throttling_of_one_among_many(store: DataStore, broker: Broker) -> None:
    broker.search.upsert(DOCUMENTS)
    seen = []

    def says(method: str, _body: dict[str, Any]) -> Answer | None:
        seen.append(method)
        return google_error("RESOURCE_EXHAUSTED", "quota", 429) if len(seen) == 2 else None

    store.says = says
    report = broker.search.delete(["doc-1", "doc-2", "doc_3"]).value
    assert [each.state.value for each in report.statuses] == ["accepted", "failed", "not_sent"]
    assert [each.may_retry for each in report.statuses] == [False, True, True]
    assert "Throttled" in report.stopped
    store.says = lambda _method, _body: google_error("RESOURCE_EXHAUSTED", "quota", 429)
    with pytest.raises(Throttled):
        broker.search.query("storm")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "doc-2"},
        {"name": f"{BRANCH}/documents/doc-2"},
        {"name": 3},
        {"id": "doc-1", "indexStatus": []},
        {"id": "doc-1", "indexStatus": {"errorSamples": ["x"]}},
        {"id": "doc-1", "indexTime": 3},
    ],
    ids=str,
)
def test_an_unusable_document_is_malformed(body: Any, store: DataStore, broker: Broker) -> None:
    store.says = lambda _method, _body: Answer(json=body)
    with pytest.raises(MalformedReply):
        broker.search.status("doc-1")
    if "id" not in body or body["id"] != "doc-1":
        with pytest.raises(MalformedReply):
            broker.search.upsert(DOCUMENTS[0])


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""[:0], "done": 1},
        {"name": "x", "done": True, "response": []},
        {"done": True},
        {"name": 5},
    ],
    ids=str,
)
def test_an_unusable_import_is_malformed(body: Any, store: DataStore, broker: Broker) -> None:
    store.says = lambda _method, _body: Answer(json=body)
    with pytest.raises(MalformedReply):
        broker.search.upsert(DOCUMENTS)


def test_the_peers_own_answers_are_googles() -> None:
    """The oracle is strict: it would tell a member that Google does not have."""
    from google.protobuf.json_format import ParseError

    typed("SearchResponse", {"attributionToken": "x", "results": [{"id": "1"}]})
    for kind, body in (
        ("SearchResponse", {"hits": []}),
        ("SearchRequest", {"top": 3}),
        ("Document", {"text": "x"}),
    ):
        with pytest.raises(ParseError):
            typed(kind, body)
