"""Queries of Vertex AI Search through the public client, before a data store in memory; Google's own types judge what is said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

pytest.importorskip("google.cloud.discoveryengine_v1", reason="needs the test group")
pytest.importorskip("grpc", reason="needs the gcp extra")

from gcp_search_peer import BRANCH, DOCUMENTS, ENGINE, PARENT, STORE, DataStore, filled, made

from broker import AsyncBroker, Broker
from broker.errors import BadInput, NotConfigured, Unsupported
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import AnswerKind, DocumentState, ScoreKind, SearchMode, where


@pytest.fixture
def store(vendor_stub: VendorStub) -> DataStore:
    return DataStore(vendor_stub)


@pytest.fixture
def broker(store: DataStore) -> Iterator[Broker]:
    with made(store) as found:
        yield found


# ---------------------------------------------------------------------- queries


@pytest.mark.parametrize("face", ["sync", "async"])
def test_hits(face: str, store: DataStore) -> None:
    def ask() -> Any:
        if face == "sync":
            with made(store) as broker:
                filled(store, broker)
                return broker.search.query("storm", language="en-GB", raw=True)

        async def run() -> Any:
            async with AsyncBroker(provider="gcp", providers={"gcp": store.settings()}) as broker:
                await broker.search.upsert(DOCUMENTS)
                store.left = dict.fromkeys(store.left, 0)
                store.asked.clear()
                return await broker.search.query("storm", language="en-GB", raw=True)

        return asyncio.run(run())

    result = ask()
    found = result.value
    assert [(hit.rank, hit.id) for hit in found.hits] == [(1, "doc-1"), (2, "doc-2"), (3, "doc_3")]
    first = found.hits[0]
    assert (first.title, first.url) == ("Weather & more", "https://example.com/1")
    assert first.metadata == {
        "lang": "en",
        "year": 2024,
        "share": 0.5,
        "draft": False,
        "tags": ("news", "weather"),
        "at": "2024-01-02T03:04:05.000006Z",
    }
    (snippet,) = first.snippets
    assert snippet.text == DOCUMENTS[0]["content"]
    assert [snippet.text[mark.begin : mark.end] for mark in snippet.highlights] == ["storm", "storm"]
    assert (first.score.value, first.score.raw) == (2 / 16, 2 / 16)
    assert first.score.scale.name == "gcp.agent_search.relevance_score"
    assert first.score.scale.kind is ScoreKind.UNBOUNDED
    assert [(each.scale.name, each.value) for each in first.score.others] == [
        ("gcp.agent_search.keyword_similarity_score", 2.0)
    ]
    assert found.hits[1].url is None
    assert found.hits[2].snippets[0].text == "A storm of a title"
    assert (found.total, found.total_exact, found.page, found.mode) == (3, False, None, SearchMode.HYBRID)
    assert found.answers == found.facets == ()
    assert result.provenance.request_id == "tok-1"
    assert result.raw["attributionToken"] == "tok-1"
    ((method, asked),) = store.asked
    assert method == "Search"
    assert asked == {
        "query": "storm",
        "pageSize": 10,
        "languageCode": "en-GB",
        "contentSearchSpec": {"snippetSpec": {"returnSnippet": True}},
        "spellCorrectionSpec": {"mode": "AUTO"},
        "queryExpansionSpec": {"condition": "DISABLED"},
        "relevanceScoreSpec": {"returnRelevanceScore": True},
    }


def test_pages_are_asked_for_by_hand(store: DataStore, broker: Broker) -> None:
    filled(store, broker)
    first = broker.search.query("storm", top=2)
    assert store.stub.count == 2  # the import, and one page
    assert first.value.page is not None
    second = broker.search.query("storm", top=2, page=first.value.page.text)
    assert [(hit.rank, hit.id) for hit in second.value.hits] == [(3, "doc_3")]
    assert second.value.page is None
    tokens = [asked.pop("pageToken", None) for _, asked in store.asked]
    assert tokens == [None, "page-2"]
    assert store.asked[0] == store.asked[1], "all else must be as it was"


def test_filters_go_along(store: DataStore, broker: Broker) -> None:
    filled(store, broker)

    def ids(condition: Any) -> tuple[str, ...]:
        return broker.search.query("storm", filter=condition).value.ids

    assert ids("lang = 'en'") == ("doc-1",)
    assert ids(~where("lang").equals("en")) == ("doc-2", "doc_3")
    assert ids("2000 <= year < 2024") == ("doc-2",)
    assert ids("tags contains 'news' and draft = false") == ("doc-1",)
    assert ids(where("at").equals(DOCUMENTS[0]["metadata"]["at"])) == ("doc-1",)
    assert ids("at > 2024-01-02") == ("doc-1",)
    assert ids(where("lang").equals('en") OR lang: ANY("de')) == ()
    before = store.stub.count
    with pytest.raises(Unsupported, match="control characters"):
        broker.search.query("storm", filter=where("lang").equals("a\nb"))
    assert store.stub.count == before


def test_facets(store: DataStore, broker: Broker) -> None:
    filled(store, broker)
    found = broker.search.query(
        "storm", facets=["tags", "year"], extensions={"gcp_facet_intervals": {"year": [2000, 2021, 2030]}}
    ).value
    tags, years = found.facets
    assert (tags.name, [(each.value, each.count) for each in tags.values], tags.exact) == (
        "tags",
        [("news", 1), ("weather", 1)],
        None,
    )
    assert [(each.value, each.low, each.high, each.count) for each in years.values] == [
        (None, 2000.0, 2021.0, 1),
        (None, 2021.0, 2030.0, 1),
    ]


def test_nothing_found(store: DataStore, broker: Broker) -> None:
    found = broker.search.query("storm").value
    assert (found.hits, found.total, found.page) == ((), 0, None)


def test_answers_are_asked_for_where_the_edition_has_them(store: DataStore) -> None:
    with made(store, search_edition="enterprise", search_engines={STORE: ENGINE}) as broker:
        filled(store, broker)
        found = broker.search.query("storm", top=1)
    (answer,) = found.value.answers
    assert (answer.text, answer.kind, answer.ids) == ("A storm is coming", AnswerKind.EXTRACTED, ("doc-1",))
    assert (answer.title, answer.url) == ("Weather & more", "https://example.com/1")
    assert (
        store.stub.requests[-1].path == f"/v1/{PARENT}/engines/{ENGINE}/servingConfigs/default_search:search"
    )


def test_a_standard_app_says_that_it_has_none(store: DataStore) -> None:
    store.standard = True
    with made(store, search_engines={STORE: ENGINE}) as broker:
        broker.search.query("storm")
        with pytest.raises(BadInput, match="enterprise edition features") as caught:
            broker.search.query("storm", extensions={"gcp_extractive_answers": 1})
    assert caught.value.code == "FAILED_PRECONDITION"
    assert caught.value.billed is False


@pytest.mark.parametrize(
    ("edition", "extensions", "amount"),
    [
        (None, {}, "0.004"),
        ("enterprise", {}, "0.004"),
        ("standard", {}, "0.0015"),
        ("standard", {"gcp_summary": 0, "gcp_extractive_answers": 0}, "0.0015"),
        ("standard", {"gcp_summary": 3}, "0.008"),
        (None, {"gcp_summary": 3}, "0.008"),
    ],
)
def test_what_it_costs(
    edition: str | None, extensions: dict[str, Any], amount: str, store: DataStore
) -> None:
    with made(store, search_edition=edition) if edition else made(store) as broker:
        if "gcp_summary" in extensions:
            store.says = lambda _method, _body: Answer(json={"attributionToken": "t"})
        result = broker.search.query("storm", extensions=extensions)
        assert result.cost.amount == Decimal(amount)
        store.says = lambda _method, _body: None
        assert broker.search.suggest("sto").cost.amount == Decimal(
            "0.0015" if edition == "standard" else "0.004"
        )
        assert broker.search.upsert(DOCUMENTS).cost.unpriced
        assert broker.search.status("doc-1").cost.amount == 0
        assert broker.search.delete("doc-1").cost.amount == 0


def test_options_of_google(store: DataStore, broker: Broker) -> None:
    store.says = lambda _method, _body: Answer(json={"attributionToken": "t"})
    broker.search.query(
        "storm",
        extensions={
            "gcp_extractive_answers": 2,
            "gcp_extractive_segments": 3,
            "gcp_summary": 5,
            "gcp_query_expansion": "AUTO",
            "gcp_spell_correction": "SUGGESTION_ONLY",
            "gcp_relevance_score": False,
        },
    )
    broker.search.query("storm", extensions={"gcp_chunks": True})
    (_, one), (_, other) = store.asked
    assert one["contentSearchSpec"] == {
        "snippetSpec": {"returnSnippet": True},
        "extractiveContentSpec": {"maxExtractiveAnswerCount": 2, "maxExtractiveSegmentCount": 3},
        "summarySpec": {"summaryResultCount": 5, "includeCitations": True},
    }
    assert one["queryExpansionSpec"] == {"condition": "AUTO"}
    assert one["spellCorrectionSpec"] == {"mode": "SUGGESTION_ONLY"}
    assert "relevanceScoreSpec" not in one
    assert other["contentSearchSpec"] == {"searchResultMode": "CHUNKS"}


@pytest.mark.parametrize(
    "extensions",
    [
        {"gcp_summary": 11},
        {"gcp_summary": True},
        {"gcp_extractive_answers": "1"},
        {"gcp_chunks": "yes"},
        {"gcp_query_expansion": "auto"},
        {"gcp_spell_correction": 1},
        {"gcp_facet_intervals": {"year": [1, 2]}},
        {"gcp_facet_intervals": []},
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_before_anything_is_sent(
    extensions: dict[str, Any], store: DataStore, broker: Broker
) -> None:
    with pytest.raises(BadInput, match=next(iter(extensions))):
        broker.search.query("storm", extensions=extensions)
    assert store.stub.count == 0


def test_limits(store: DataStore, broker: Broker) -> None:
    for call in (
        lambda: broker.search.query("x" * 10_001),
        lambda: broker.search.query("storm", top=101),
        lambda: broker.search.suggest("x" * 129),
    ):
        with pytest.raises(BadInput, match="above the limit"):
            call()
    with pytest.raises(Unsupported, match="mode"):
        broker.search.query("storm", mode="vector")
    assert store.stub.count == 0


def test_suggestions(store: DataStore, broker: Broker) -> None:
    filled(store, broker)
    found = broker.search.suggest("we", extensions={"gcp_query_model": "document-completable"})
    assert [each.text for each in found.value.suggestions] == ["weather & more", "wetter"]
    assert store.asked[-1] == ("CompleteQuery", {"query": "we", "queryModel": "document-completable"})
    assert len(broker.search.suggest("we", top=1).value.suggestions) == 1
    assert broker.search.suggest("& ?#%").value.suggestions == ()
    assert store.asked[-1][1]["query"] == "& ?#%"
    with pytest.raises(BadInput, match="gcp_query_model"):
        broker.search.suggest("we", extensions={"gcp_query_model": "best"})


# ---------------------------------------------------------------------- where an index is


@pytest.mark.parametrize(
    "index",
    [
        f"dataStores/{STORE}",
        f"collections/default_collection/dataStores/{STORE}",
        f"{PARENT}/dataStores/{STORE}",
        f"dataStores/{STORE}/servingConfigs/default_search",
        f"dataStores/{STORE}/branches/default_branch",
        "handbook",
        f"engines/{ENGINE}",
        f"{PARENT}/engines/{ENGINE}/servingConfigs/default_search",
    ],
)
def test_an_index_by_any_name(index: str, store: DataStore) -> None:
    with made(store, indexes={"handbook": f"dataStores/{STORE}"}) as broker:
        filled(store, broker)
        assert len(broker.search.query("storm", index=index).value.hits) == 3
        if "engines/" in index:
            for call in (broker.search.suggest, broker.search.delete, broker.search.status):
                with pytest.raises(BadInput, match="data store"):
                    call("doc-1", index=index)
            with pytest.raises(BadInput, match="data store"):
                broker.search.upsert(DOCUMENTS, index=index)
        else:
            assert (
                broker.search.delete("doc-1", index=index).value.statuses[0].state is DocumentState.ACCEPTED
            )
    branch = store.asked[0][1].get("branch")
    assert branch == (BRANCH if "/branches/" in index else None)


@pytest.mark.parametrize(
    "index", ["a/b", "../x", "dataStores/", "a b", "é", "engines/e/branches/1", "stores/a", "-a"]
)
def test_what_is_no_index(index: str, store: DataStore, broker: Broker) -> None:
    with pytest.raises(BadInput):
        broker.search.query("storm", index=index)
    assert store.stub.count == 0


def test_an_index_in_another_place_is_refused(store: DataStore, broker: Broker) -> None:
    with pytest.raises(NotConfigured, match="region"):
        broker.search.query("storm", index=f"projects/p/locations/eu/dataStores/{STORE}")
    assert store.stub.count == 0


def test_no_index(store: DataStore) -> None:
    with (
        Broker(provider="gcp", providers={"gcp": {"endpoint": store.stub.url, "project": "p"}}) as broker,
        pytest.raises(NotConfigured, match="which index"),
    ):
        broker.search.query("storm")


def test_an_api_key_is_not_taken(store: DataStore) -> None:
    with made(store, api_key="k" * 30) as broker:
        for call in (broker.search.query, broker.search.suggest, broker.search.delete, broker.search.status):
            with pytest.raises(NotConfigured, match="takes no api_key"):
                call("doc-1")
        assert "discoveryengine: Vertex AI Search takes no api_key" in broker.registry.setup("gcp").problem
    assert store.stub.count == 0


def test_an_unknown_store_is_told_with_what_to_look_at(store: DataStore, broker: Broker) -> None:
    for call in (
        lambda: broker.search.query("storm", index="other"),
        lambda: broker.search.upsert(DOCUMENTS, index="other"),
    ):
        with pytest.raises(BadInput, match="check index, project and region") as caught:
            call()
        assert caught.value.code == "NOT_FOUND"
