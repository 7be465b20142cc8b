"""Azure AI Search asked: what is sent, page by page and mode by mode, and what is read."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from azure_search_peer import INDEX, SECTION, AzureSearchPeer

from broker import Broker
from broker.errors import BadInput, MalformedReply, NotConfigured, QuotaExhausted, Unsupported
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.types import AnswerKind, ScoreKind, SearchMode, where

DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": f"hotel-{number}",
        "content": f"A quiet hotel by the sea, number {number}. " + "Wifi. " * (10 - number),
        "title": f"Hotel {number}",
        "url": f"https://example.com/{number}",
        "metadata": {
            "year": 2000 + number,
            "lang": "en" if number % 2 else "de",
            "tags": ["wifi", f"t{number}"],
            "day": datetime(2024, 1, number + 1, tzinfo=UTC),
        },
    }
    for number in range(8)
]


@pytest.fixture
def peer(vendor_stub: VendorStub) -> AzureSearchPeer:
    return AzureSearchPeer(vendor_stub)


@pytest.fixture
def broker(peer: AzureSearchPeer) -> Any:
    with Broker(provider="azure", providers={"azure": peer.section}, max_attempts=1) as made:
        assert made.search.upsert(DOCUMENTS).value.ok
        peer.bodies.clear()
        yield made


def test_hits_come_back_as_they_were_put_in(broker: Broker, peer: AzureSearchPeer) -> None:
    result = broker.search.query("wifi", top=3, raw=True)
    found = result.value
    assert found.ids == ("hotel-0", "hotel-1", "hotel-2")
    first = found.hits[0]
    assert first.title == "Hotel 0"
    assert first.url == "https://example.com/0"
    assert first.metadata == {
        "year": 2000,
        "lang": "de",
        "tags": ("wifi", "t0"),
        "day": datetime(2024, 1, 1, tzinfo=UTC),
    }
    assert (first.score.value, first.score.scale.name) == (5.0, "azure.search.score")
    assert first.score.scale.kind is ScoreKind.UNBOUNDED
    assert first.snippet is not None
    assert first.snippet.member == "content"
    assert first.snippet.text == DOCUMENTS[0]["content"]
    assert {first.snippet.text[m.begin : m.end] for m in first.snippet.highlights} == {"Wifi"}
    assert len(first.snippet.highlights) == 10
    assert (found.total, found.total_exact, found.partial, found.mode) == (
        8,
        False,
        False,
        SearchMode.KEYWORD,
    )
    assert result.provenance.service == "search"
    assert isinstance(result.raw, dict)
    assert result.cost.amount == 0
    (body,) = peer.bodies
    assert body["search"] == "wifi"
    assert body["highlight"] == "content,title"
    assert "skip" not in body


def test_each_page_is_asked_for_once_and_by_hand(broker: Broker, vendor_stub: VendorStub) -> None:
    before = vendor_stub.count
    seen: list[str] = []
    ranks: list[int] = []
    result = broker.search.query("wifi", top=3)
    while True:
        seen += result.value.ids
        ranks += [hit.rank for hit in result.value.hits]
        if result.value.page is None:
            break
        result = broker.search.query("wifi", top=3, page=result.value.page.text)
    assert seen == [f"hotel-{number}" for number in range(8)]
    assert ranks == list(range(1, 9))
    assert vendor_stub.count - before == 3


def test_a_full_last_page_is_the_last(broker: Broker) -> None:
    first = broker.search.query("wifi", top=4).value
    assert first.page is not None
    last = broker.search.query("wifi", top=4, page=first.page).value
    assert len(last.hits) == 4
    assert last.page is None


@pytest.mark.parametrize(("skip", "token"), [(100_000, "100000"), (100_001, None)])
def test_no_page_begins_behind_what_can_be_passed_over(
    skip: int, token: str | None, broker: Broker, peer: AzureSearchPeer
) -> None:
    peer.change = lambda body: {**body, "@search.nextPageParameters": {"skip": skip}}
    page = broker.search.query("wifi", top=3).value.page
    assert (page and page.token) == token


def test_a_206_is_a_part_of_the_answer(
    broker: Broker, peer: AzureSearchPeer, vendor_stub: VendorStub
) -> None:
    for status in (200, 206):
        vendor_stub.on(
            f"/indexes('{INDEX}')/docs/search.post.search", default=Answer(status, json={"value": []})
        )
        assert broker.search.query("wifi").value.partial == (status == 206)


def test_a_page_that_the_service_cut_short_goes_on_where_it_says(
    broker: Broker, peer: AzureSearchPeer, vendor_stub: VendorStub
) -> None:
    peer.most = 2
    before = vendor_stub.count
    first = broker.search.query("wifi", top=5)
    assert len(first.value.hits) == 2
    assert vendor_stub.count - before == 1  # nobody asked for the rest
    assert first.value.page is not None
    assert (first.value.page.token, first.value.page.shown) == ("2", 2)
    second = broker.search.query("wifi", top=5, page=first.value.page)
    assert second.value.ids == ("hotel-2", "hotel-3")
    assert [hit.rank for hit in second.value.hits] == [3, 4]
    assert peer.bodies[-1]["skip"] == 2
    assert peer.bodies[-1]["top"] == 5


def test_filters_and_facets(broker: Broker, peer: AzureSearchPeer) -> None:
    found = broker.search.query(
        "wifi",
        filter="year >= 2002 and (lang = 'en' or tags contains 't4') and not day < 2024-01-04",
        facets=["lang", "tags", "year"],
    ).value
    assert set(found.ids) == {"hotel-3", "hotel-4", "hotel-5", "hotel-7"}
    lang, tags, year = found.facets
    assert (lang.name, lang.exact) == ("lang", False)
    assert [(each.value, each.count) for each in lang.values] == [("en", 3), ("de", 1)]
    assert (tags.values[0].value, tags.values[0].count) == ("wifi", 4)
    assert {each.value for each in year.values} == {2003, 2004, 2005, 2007}
    assert peer.bodies[-1]["facets"] == ["lang,count:100", "tags,count:100", "year,count:100"]
    assert peer.bodies[-1]["filter"] == (
        "(year ge 2002 and (lang eq 'en' or tags/any(item: item eq 't4')) and not (day lt 2024-01-04T00:00:00Z))"
    )


def test_what_the_filter_language_lacks_is_refused_before_anything_is_sent(
    broker: Broker, vendor_stub: VendorStub
) -> None:
    before = vendor_stub.count
    for options in ({"filter": where("x-y").equals(1)}, {"facets": ["x-y"]}):
        with pytest.raises(Unsupported, match="x-y"):
            broker.search.query("wifi", **options)  # type: ignore[arg-type]
    assert vendor_stub.count == before


def test_reranked_has_captions_answers_and_its_own_price(broker: Broker, peer: AzureSearchPeer) -> None:
    peer.answers = [
        {"key": "hotel-1", "text": "By the sea.", "highlights": "By the <em>sea</em>.", "score": 0.94},
        {"key": "hotel-2", "text": "Plain.", "highlights": "", "score": None},
        {"key": None, "text": None, "highlights": None},
    ]
    result = broker.search.query("wifi", mode="reranked", top=2)
    found = result.value
    (body,) = peer.bodies
    assert body["queryType"] == "semantic"
    assert body["captions"] == "extractive|highlight-true"
    assert body["answers"] == "extractive|count-3"
    assert body["semanticErrorHandling"] == "fail"
    assert "semanticQuery" not in body
    assert "semanticConfiguration" not in body
    hit = found.hits[0]
    assert (hit.score.value, hit.score.scale.name) == (2.5, "azure.search.reranker")
    assert [(each.value, each.scale.name) for each in hit.score.others] == [(5.0, "azure.search.score")]
    assert hit.snippet is not None
    assert hit.snippet.text == DOCUMENTS[0]["content"]
    assert len(hit.snippet.highlights) == 10
    first, second = found.answers
    assert (first.text, first.kind, first.ids) == ("By the sea.", AnswerKind.EXTRACTED, ("hotel-1",))
    assert [first.text[m.begin : m.end] for m in first.highlights] == ["sea"]
    assert first.score is not None
    assert (first.score.value, first.score.scale.kind) == (0.94, ScoreKind.RATIO)
    assert (second.text, second.highlights, second.score) == ("Plain.", (), None)
    assert found.mode is SearchMode.RERANKED
    (use,) = result.attempts[0].usage
    assert (use.sku, use.quantity) == ("azure.search.semantic_ranker", 1)


def test_a_reranked_query_is_priced_where_the_region_is_known(peer: AzureSearchPeer) -> None:
    section = {**peer.section, "region": "eastus2"}
    with Broker(provider="azure", providers={"azure": section}) as broker:
        assert broker.search.query("wifi", mode="reranked").cost.amount == Decimal("0.001")
        assert broker.search.query("wifi").cost.amount == 0


def test_a_used_up_ranker_keeps_back_no_query_without_it(
    broker: Broker, peer: AzureSearchPeer, vendor_stub: VendorStub
) -> None:
    path = f"/indexes('{INDEX}')/docs/search.post.search"
    vendor_stub.on(path, Answer(402, json={"error": {"code": "", "message": "Semantic quota exceeded."}}))
    with pytest.raises(QuotaExhausted, match="mode keyword") as caught:
        broker.search.query("wifi", mode="reranked")
    assert caught.value.billed is False
    vendor_stub.on(path, default=Answer(json={"value": []}))
    assert broker.search.query("wifi").value.hits == ()


@pytest.mark.parametrize("word", ["baseResults", "BaseResults"])
def test_an_answer_without_reranking_says_so(word: str, broker: Broker, peer: AzureSearchPeer) -> None:
    def base(body: dict[str, Any]) -> dict[str, Any]:
        for hit in body["value"]:
            del hit["@search.rerankerScore"]
        return {
            **body,
            "@search.semanticPartialResponseReason": "capacityOverloaded",
            "@search.semanticPartialResponseType": word,
        }

    peer.change = base
    found = broker.search.query(
        "wifi", mode="reranked", extensions={"azure_semantic_errors": "partial"}
    ).value
    assert peer.bodies[-1]["semanticErrorHandling"] == "partial"
    assert found.partial
    assert found.mode is SearchMode.KEYWORD
    assert {hit.score.scale.name for hit in found.hits} == {"azure.search.score"}


def test_vectors_are_made_by_the_service(broker: Broker, peer: AzureSearchPeer) -> None:
    found = broker.search.query("a place (to swim)", mode="vector", top=2).value
    assert found.hits[0].score.scale.name == "azure.search.vector"
    assert found.hits[0].snippet is not None  # the service shows none, so it is the content's beginning
    assert found.hits[0].snippet.text == DOCUMENTS[0]["content"]
    (body,) = peer.bodies
    assert body["vectorQueries"] == [
        {"kind": "text", "text": "a place (to swim)", "fields": "vector", "k": 50}
    ]
    assert not {"search", "highlight", "queryType"} & set(body)
    found = broker.search.query("wifi", mode="hybrid", top=60, extensions={"azure_nearest": 200}).value
    assert found.hits[0].score.scale.kind is ScoreKind.FUSED
    assert peer.bodies[-1]["search"] == "wifi"
    assert peer.bodies[-1]["vectorQueries"][0]["k"] == 200
    broker.search.query("wifi", mode="hybrid", top=60)
    assert peer.bodies[-1]["vectorQueries"][0]["k"] == 60


def test_vectors_are_refused_where_the_service_cannot_make_them(peer: AzureSearchPeer) -> None:
    section = {**peer.section, "shape": {}}
    with Broker(provider="azure", providers={"azure": section}) as broker:
        for mode in ("vector", "hybrid"):
            with pytest.raises(NotConfigured, match="vector_fields"):
                broker.search.query("wifi", mode=mode)
        with pytest.raises(NotConfigured, match="suggester"):
            broker.search.suggest("wi")
    assert not peer.bodies


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        ("quiet hotel", "quiet hotel"),
        ("C++ -beach *", r"C\+\+ \-beach \*"),
        ('"sea view"|pool', r"\"sea view\"\|pool"),
        ("well-known 4*4 a\\b (c) it's", r"well-known 4*4 a\\b \(c\) it\'s"),
        ("-x y* z", r"\-x y\* z"),
        ("*", r"\*"),
    ],
)
def test_words_are_words_unless_the_syntax_is_asked_for(
    text: str, sent: str, broker: Broker, peer: AzureSearchPeer
) -> None:
    broker.search.query(text)
    assert peer.bodies[-1]["search"] == sent
    assert "queryType" not in peer.bodies[-1]
    broker.search.query(text, extensions={"azure_query_type": "full"})
    assert (peer.bodies[-1]["search"], peer.bodies[-1]["queryType"]) == (text, "full")
    broker.search.query(text, mode="reranked")
    assert peer.bodies[-1]["search"] == sent
    assert peer.bodies[-1].get("semanticQuery", sent) == text
    broker.search.query(text, mode="reranked", extensions={"azure_query_type": "simple"})
    assert peer.bodies[-1]["queryType"] == "simple"
    assert peer.bodies[-1]["semanticQuery"] == text


def test_options_of_the_service(broker: Broker, peer: AzureSearchPeer) -> None:
    peer.coverage = 81.5
    found = broker.search.query(
        "wifi",
        extensions={
            "azure_search_mode": "all",
            "azure_search_fields": ["title", "content"],
            "azure_scoring_profile": "boost",
            "azure_minimum_coverage": 80,
        },
    ).value
    assert found.partial
    body = peer.bodies[-1]
    assert body["searchMode"] == "all"
    assert body["searchFields"] == "title,content"
    assert body["scoringProfile"] == "boost"
    assert body["minimumCoverage"] == 80


@pytest.mark.parametrize(
    "options",
    [
        {"azure_search_mode": "some"},
        {"azure_query_type": "semantic"},
        {"azure_search_fields": []},
        {"azure_search_fields": ["a,b"]},
        {"azure_search_fields": "title"},
        {"azure_scoring_profile": "a b"},
        {"azure_minimum_coverage": 101},
        {"azure_minimum_coverage": True},
        {"azure_semantic_errors": "ignore", "mode": "reranked"},
        {"azure_semantic_errors": "fail"},
        {"azure_nearest": 10},
        {"azure_query_type": "full", "mode": "vector"},
        {"azure_nearest": 0, "mode": "vector"},
        {"azure_nearest": "50", "mode": "hybrid"},
        {"index": "no such/index"},
        {"index": "a')/docs('x"},
        {"top": 1001},
    ],
)
def test_unusable_options_are_refused_before_anything_is_sent(
    options: dict[str, Any], broker: Broker, peer: AzureSearchPeer
) -> None:
    ours = {name: value for name, value in options.items() if name.startswith("azure_")}
    rest = {name: value for name, value in options.items() if name not in ours}
    with pytest.raises(BadInput, match=next(iter(ours), "index|1000")):
        broker.search.query("wifi", extensions=ours, **rest)
    assert not peer.bodies


def test_pages_reach_as_far_as_the_service_does(broker: Broker, vendor_stub: VendorStub) -> None:
    from broker.types import Page, QueryRequest

    query = QueryRequest(text="wifi", top=1)
    for shown, allowed in ((100_000, True), (100_001, False)):
        page = Page(provider="azure", token=str(shown), query=query.digest(), shown=shown)
        if allowed:
            assert broker.search.query("wifi", top=1, page=page).value.hits == ()
        else:
            with pytest.raises(BadInput):
                broker.search.query("wifi", top=1, page=page)
    for token in ("0", "-1", "1e3", "x", "100001", "²", "1" * 5000):
        page = Page(provider="azure", token=token, query=query.digest(), shown=1)
        with pytest.raises(BadInput, match="page must be"):
            broker.search.query("wifi", top=1, page=page)


def test_what_matched_is_told_by_code_points_whatever_stands_in_the_documents(
    broker: Broker, peer: AzureSearchPeer
) -> None:
    text = "😀 e\u0301 <em>no mark</em> & &amp; \ue000 storm 中文 storm"
    broker.search.upsert({"id": "x", "content": text})
    (hit,) = broker.search.query("storm").value.hits
    assert hit.snippet is not None
    assert hit.snippet.text == text
    assert [(m.begin, text[m.begin : m.end]) for m in hit.snippet.highlights] == [
        (text.index("storm"), "storm"),
        (text.rindex("storm"), "storm"),
    ]


def test_suggestions_and_completions(broker: Broker, peer: AzureSearchPeer) -> None:
    broker.search.upsert({"id": "a/b", "content": "Wifi everywhere"})
    found = broker.search.suggest("everyw", top=5, extensions={"azure_fuzzy": True}).value
    assert [(each.text, each.id) for each in found.suggestions] == [("Wifi everywhere", "a/b")]
    assert peer.bodies[-1] == {
        "search": "everyw",
        "suggesterName": "sg",
        "top": 5,
        "fuzzy": True,
        "select": "id",
    }
    found = broker.search.suggest("ho", extensions={"azure_autocomplete": "oneTerm"}).value
    assert [(each.text, each.id) for each in found.suggestions] == [("hotel", None)]
    with pytest.raises(BadInput, match="azure_autocomplete"):
        broker.search.suggest("ho", extensions={"azure_autocomplete": "anything"})
    with pytest.raises(BadInput, match="100"):
        broker.search.suggest("h" * 101)


def test_an_index_has_its_own_shape(vendor_stub: VendorStub) -> None:
    hit = {"@search.score": 1.0, "hotelId": "4", "hotelName": "Express Rooms", "description": "Pretty good"}
    vendor_stub.on("/indexes('hotels-2')/docs/search.post.search", default=Answer(json={"value": [hit]}))
    section = {
        "endpoint": vendor_stub.url,
        "key": "k",
        "indexes": {"rooms": "hotels-2", "others": "x"},
        "shapes": {
            "rooms": {
                "id": "hotelId",
                "title": "hotelName",
                "content": "description",
                "url": "",
                "highlight": [],
                "semantic_configuration": "sem",
            }
        },
    }
    with Broker(provider="azure", providers={"azure": section}) as broker:
        (found,) = broker.search.query(
            "room", index="rooms", filter="title = 'x'", facets=["title"]
        ).value.hits
        broker.search.query("room", index="rooms", mode="reranked")
    assert (found.id, found.title, found.url, found.metadata) == ("4", "Express Rooms", None, {})
    assert [each.text for each in found.snippets] == ["Pretty good"]
    sent, reranked = (request.json() for request in vendor_stub.requests)
    assert isinstance(sent, dict)
    assert isinstance(reranked, dict)
    assert (sent["filter"], sent["facets"]) == ("hotelName eq 'x'", ["hotelName,count:100"])
    assert "highlight" not in sent
    assert "highlightPreTag" not in sent
    assert reranked["semanticConfiguration"] == "sem"
    assert "highlightPreTag" in reranked


def test_a_hit_without_its_key_is_no_hit(vendor_stub: VendorStub) -> None:
    vendor_stub.on(
        f"/indexes('{INDEX}')/docs/search.post.search",
        default=Answer(json={"value": [{"@search.score": 1.0, "docId": "1"}]}),
    )
    section = {"endpoints": {"search": vendor_stub.url}, **SECTION}
    with (
        Broker(provider="azure", providers={"azure": section}) as broker,
        pytest.raises(MalformedReply, match=r"it has no id: set shape\.id"),
    ):
        broker.search.query("x")


def test_captions_have_the_words_of_their_text(broker: Broker, peer: AzureSearchPeer) -> None:
    caption = {
        "text": "Clouds form where\nair rises.",
        "highlights": "Clouds form<em> where   air</em> rises.",
    }
    other = {"text": "One thing.", "highlights": "Quite <em>another</em> one."}
    strange = {"text": "A bay view", "highlights": "A <strong>bay</strong> view"}

    def say(body: dict[str, Any]) -> dict[str, Any]:
        plain = {"text": "Plain", "highlights": None}
        body["value"][0]["@search.captions"] = [caption, other, plain, strange]
        return body

    peer.change = say
    (hit,) = broker.search.query("wifi", mode="reranked", top=1).value.hits
    first, second, third, fourth = hit.snippets[:4]
    assert first.text == caption["text"]
    assert [first.text[m.begin : m.end] for m in first.highlights] == ["where\nair"]
    assert second.text == "Quite another one."
    assert [second.text[m.begin : m.end] for m in second.highlights] == ["another"]
    assert (third.text, third.highlights) == ("Plain", ())
    assert (fourth.text, fourth.highlights) == ("A bay view", ())  # not the marks of whoever asked otherwise


def test_facets_of_ranges_and_times(broker: Broker, peer: AzureSearchPeer) -> None:
    def say(body: dict[str, Any]) -> dict[str, Any]:
        body["@search.facets"] = {
            "year@odata.type": "#Collection(Microsoft.Azure.Search.V2026.QueryResultFacet)",
            "year": [{"to": 2001, "count": 1}, {"from": 2001, "count": 7}],
            "day": [
                {"value": "2024-01-01T00:00:00Z", "count": 1},
                {"value": None, "count": 2},
                {"value": "x"},
            ],
            "title": [{"value": "2024-01-01T00:00:00Z", "count": 1}],
        }
        return body

    peer.change = say
    year, day, title = broker.search.query("wifi", facets=["year", "day", "title"]).value.facets
    assert [(each.value, each.low, each.high, each.count) for each in year.values] == [
        (None, None, 2001, 1),
        (None, 2001, None, 7),
    ]
    assert [each.value for each in day.values] == [datetime(2024, 1, 1, tzinfo=UTC), None]
    assert [each.value for each in title.values] == ["2024-01-01T00:00:00Z"]
