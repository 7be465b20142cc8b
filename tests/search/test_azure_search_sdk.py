"""Microsoft's own client and this adapter side by side: the same requests, and answers read alike."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure_search_peer import INDEX, KEY, SECTION, AzureSearchPeer, members

from broker import Broker
from broker.testing.script import SeenRequest
from broker.testing.stub import VendorStub
from broker_azure import search_request

documents = pytest.importorskip("azure.search.documents", reason="needs azure-search-documents")


@pytest.fixture
def peer(vendor_stub: VendorStub) -> AzureSearchPeer:
    return AzureSearchPeer(vendor_stub)


@pytest.fixture
def client(vendor_stub: VendorStub, peer: AzureSearchPeer) -> Iterator[Any]:
    from azure.core.credentials import AzureKeyCredential

    with documents.SearchClient(
        vendor_stub.url, INDEX, AzureKeyCredential(KEY), retry_total=0, enforce_https=False
    ) as made:
        yield made


@pytest.fixture
def broker(peer: AzureSearchPeer) -> Iterator[Broker]:
    shape = {**SECTION["shape"], "semantic_configuration": "sem"}
    with Broker(provider="azure", providers={"azure": {**peer.section, "shape": shape}}) as made:
        yield made


def essence(request: SeenRequest) -> tuple[Any, ...]:
    """What decides about an answer."""
    body = json.loads(request.body) if request.body else None
    if body and isinstance(body.get("select"), list):  # so from its suggest; the specification has a text
        body["select"] = ",".join(body["select"])
    headers = {name: request.headers.get(name) for name in ("api-key", "accept")}
    return request.method, request.path, request.params, headers, body


MARKS = {"highlight_pre_tag": search_request.OPEN, "highlight_post_tag": search_request.CLOSE}
WORDS = {"search_text": "wifi", "include_total_count": True, "top": 5, **MARKS}
SHOWN = {"highlight_fields": "content,title"}


def vector() -> Any:
    from azure.search.documents.models import VectorizableTextQuery

    return VectorizableTextQuery(text="wifi", fields="vector", k_nearest_neighbors=50)


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "words": ({}, {**WORDS, **SHOWN}),
    "filter and facets": (
        {"filter": "lang = 'it''s' and tags contains 'x'", "facets": ["year"]},
        {
            **WORDS,
            **SHOWN,
            "filter": "(lang eq 'it''s' and tags/any(item: item eq 'x'))",
            "facets": ["year,count:100"],
        },
    ),
    "reranked": (
        {"mode": "reranked"},
        {
            **WORDS,
            **SHOWN,
            "query_type": "semantic",
            "semantic_configuration_name": "sem",
            "query_caption": "extractive",
            "query_caption_highlight_enabled": True,
            "query_answer": "extractive",
            "query_answer_count": 3,
            "semantic_error_mode": "fail",
        },
    ),
    "options": (
        {
            "extensions": {
                "azure_query_type": "full",
                "azure_search_mode": "all",
                "azure_search_fields": ["title", "content"],
                "azure_scoring_profile": "boost",
                "azure_minimum_coverage": 80,
            }
        },
        {
            **WORDS,
            **SHOWN,
            "query_type": "full",
            "search_mode": "all",
            "search_fields": ["title", "content"],
            "scoring_profile": "boost",
            "minimum_coverage": 80,
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_queries(case: str, broker: Broker, client: Any, vendor_stub: VendorStub) -> None:
    ours, theirs = CASES[case]
    found = broker.search.query("wifi", top=5, **ours).value
    pages = client.search(**theirs).by_page()
    next(iter(pages), None)
    first, second = vendor_stub.requests[:2]
    assert essence(first) == essence(second)
    assert found.hits == ()


@pytest.mark.parametrize("mode", ["vector", "hybrid"])
def test_vectors(mode: str, broker: Broker, client: Any, vendor_stub: VendorStub) -> None:
    broker.search.query("wifi", top=5, mode=mode)
    theirs: dict[str, Any] = {"include_total_count": True, "top": 5, "vector_queries": [vector()]}
    if mode == "hybrid":
        theirs |= {**WORDS, **SHOWN}
    next(iter(client.search(**theirs).by_page()), None)
    first, second = vendor_stub.requests[:2]
    assert essence(first) == essence(second)


def test_suggestions_words_and_one_document(broker: Broker, client: Any, vendor_stub: VendorStub) -> None:
    broker.search.suggest("wi", top=7, extensions={"azure_fuzzy": True})
    client.suggest("wi", "sg", top=7, use_fuzzy_matching=True, select=["id"])
    broker.search.suggest("wi", top=7, extensions={"azure_autocomplete": "twoTerms"})
    client.autocomplete("wi", "sg", top=7, mode="twoTerms")
    broker.search.status("a=b")
    with pytest.raises(Exception, match=r"not found|Not Found|404"):
        client.get_document("a=b", selected_fields=["id"])
    seen = [essence(request) for request in vendor_stub.requests]
    for first, second in zip(seen[::2], seen[1::2], strict=True):
        assert first == second


def test_batches(broker: Broker, client: Any, peer: AzureSearchPeer, vendor_stub: VendorStub) -> None:
    one: dict[str, Any] = {"id": "1", "content": "wifi 😀", "title": "T"}
    peer.broken = {"1": 503}
    report = broker.search.upsert(
        [{**one, "metadata": {"tags": ["a"], "year": 7}}, {"id": "2", "content": "x"}]
    )
    theirs = client.upload_documents([{**one, "tags": ["a"], "year": 7}, {"id": "2", "content": "x"}])
    deleted = broker.search.delete(["1", "2"]).value
    their_deleted = client.delete_documents([{"id": "1"}, {"id": "2"}])
    seen = [essence(request) for request in vendor_stub.requests]
    assert seen[0] == seen[1]
    assert seen[2] == seen[3]
    for ours, said in ((report.value, theirs), (deleted, their_deleted)):
        assert {each.id: each.acknowledged for each in ours.statuses} == {
            each.key: each.succeeded for each in said
        }


def test_answers_are_read_alike(broker: Broker, client: Any) -> None:
    many = [
        {"id": str(n), "content": f"wifi {n}", "title": f"T{n}", "metadata": {"year": n, "tags": ["a"]}}
        for n in range(5)
    ]
    broker.search.upsert(many)
    found = broker.search.query("wifi", top=3, facets=["year"]).value
    page = client.search("wifi", include_total_count=True, top=3, facets=["year,count:100"])
    said = list(next(page.by_page()))
    assert list(found.ids) == [each["id"] for each in said]
    assert [hit.score.raw for hit in found.hits] == [each["@search.score"] for each in said]
    assert [hit.metadata["year"] for hit in found.hits] == [each["year"] for each in said]
    assert found.total == page.get_count()
    assert [(v.value, v.count) for v in found.facets[0].values] == [
        (each["value"], each["count"]) for each in page.get_facets()["year"]
    ]


def test_what_the_reader_reads_are_members_of_the_models() -> None:
    from pathlib import Path

    from broker_azure import search_answer

    known: set[str] = set()
    for model in (
        "SearchDocumentsResult",
        "SearchResult",
        "QueryAnswerResult",
        "QueryCaptionResult",
        "IndexingResult",
        "SuggestResult",
        "AutocompleteItem",
        "FacetResult",
        "SearchRequest",
    ):
        found = members(model)
        assert found
        known |= set(found)
    import re

    read = set(re.findall(r'(?:needed|given)\(\w+, "([^"]+)"', Path(str(search_answer.__file__)).read_text()))
    assert len(read) > 15
    assert read - known == set()
