"""Bedrock's knowledge bases through the public client: passages, documents worked on later, what each status says."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aws_search_peer import BASE, SOURCE, KnowledgeBase

from broker import AsyncBroker, Broker
from broker.errors import BadInput, MalformedReply, NotConfigured, Throttled, Unsupported
from broker.testing.hurried import HurriedRuntime
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.testing.vendors import aws_error
from broker.types import DocumentState, Hit, QueryRequest, ScoreKind, SearchMode, where
from broker_aws import AwsAdapter, AwsSettings, knowledge, knowledge_documents

pytest.importorskip("boto3", reason="needs the aws extra")

DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": f"doc-{number}",
        "title": f"Report {number}",
        "url": f"https://example.com/{number}",
        "content": "storm " * number + "and sun",
        "metadata": {
            "year": 2020 + number,
            "tags": ["weather", f"n{number}"],
            "draft": number == 2,
            "lang": "en",
        },
    }
    for number in range(1, 5)
]


@pytest.fixture
def base(vendor_stub: VendorStub) -> KnowledgeBase:
    return KnowledgeBase(vendor_stub)


@pytest.fixture
def broker(base: KnowledgeBase) -> Iterator[Broker]:
    with Broker(
        adapters=[AwsAdapter], provider="aws", providers={"aws": base.settings()}, runtime=HurriedRuntime()
    ) as made:
        yield made


def indexed(broker: Broker) -> None:
    broker.search.wait_until_indexed(broker.search.upsert(DOCUMENTS).value)


def test_documents_are_accepted_worked_on_and_found(broker: Broker, base: KnowledgeBase) -> None:
    report = broker.search.upsert(DOCUMENTS).value
    assert {each.state for each in report.statuses} == {DocumentState.ACCEPTED}
    assert [each.id for each in report.statuses] == [each["id"] for each in DOCUMENTS]
    assert broker.search.query("storm").value.hits == ()
    waited = broker.search.wait_until_indexed(report)
    assert waited.value.searchable
    result = broker.search.query("storm", top=2)
    first, second = result.value.hits
    assert (first.id, first.rank, first.title, first.url) == ("doc-4", 1, "Report 4", "https://example.com/4")
    assert first.metadata["tags"] == ("weather", "n4")
    assert (first.metadata["year"], first.metadata["draft"]) == (2024, False)
    assert not {"title", "url"} & set(first.metadata)
    assert first.snippet is not None
    assert first.snippet.text.startswith("storm storm")
    assert (first.score.value, first.score.scale.kind) == (0.4, ScoreKind.UNBOUNDED)
    assert first.passage == "1%3A0%3Adoc-4"
    assert (second.id, second.rank) == ("doc-3", 2)
    assert result.cost.amount is None
    assert result.cost.unpriced
    assert result.provenance.service == "bedrock-agent-runtime"


def test_each_page_is_one_request_with_bedrocks_own_token(broker: Broker, base: KnowledgeBase) -> None:
    indexed(broker)
    before = base.stub.count
    first = broker.search.query("storm", top=3)
    assert base.stub.count == before + 1
    assert first.value.page is not None
    second = broker.search.query("storm", top=3, page=first.value.page.text)
    assert base.asked[-1][1]["nextToken"] == "t3"
    assert [(hit.id, hit.rank) for hit in second.value.hits] == [("doc-1", 4)]
    assert second.value.page is None
    assert base.stub.count == before + 2


def test_filters_are_asked_of_bedrock(broker: Broker, base: KnowledgeBase) -> None:
    indexed(broker)
    found = broker.search.query(
        "storm", filter=where("year").at_least(2022) & ~where("draft").equals(True)
    ).value
    assert found.ids == ("doc-4", "doc-3")
    assert broker.search.query("storm", filter="tags contains 'n1' or year in (2022)").value.ids == (
        "doc-2",
        "doc-1",
    )
    own = {"stringContains": {"key": "lang", "value": "n"}}
    base.says = lambda _o, _b: Answer(json={"retrievalResults": []})
    broker.search.query("storm", filter="year = 2021", extensions={"aws_filter": own})
    asked = base.asked[-1][1]["retrievalConfiguration"]["vectorSearchConfiguration"]["filter"]
    assert asked == {"andAll": [{"equals": {"key": "year", "value": 2021}}, own]}


def test_no_filter_that_bedrock_lacks_reaches_it(broker: Broker, base: KnowledgeBase) -> None:
    with pytest.raises(Unsupported, match="lack year"):
        broker.search.query("storm", filter="not year >= 2022")
    with pytest.raises(Unsupported, match="facets"):
        broker.search.query("storm", facets=["year"])
    with pytest.raises(Unsupported, match="mode keyword"):
        broker.search.query("storm", mode="keyword")
    assert base.stub.count == 0


@pytest.mark.parametrize(
    ("options", "mode", "due"),
    [
        ({}, None, {"vectorSearchConfiguration": {"numberOfResults": 3}}),
        ({}, "hybrid", {"vectorSearchConfiguration": {"numberOfResults": 3, "overrideSearchType": "HYBRID"}}),
        (
            {},
            "vector",
            {"vectorSearchConfiguration": {"numberOfResults": 3, "overrideSearchType": "SEMANTIC"}},
        ),
        ({"managed": True}, None, {"managedSearchConfiguration": {"numberOfResults": 3}}),
        (
            {"managed": True},
            "hybrid",
            {"managedSearchConfiguration": {"numberOfResults": 3, "rerankingModelType": "NONE"}},
        ),
        (
            {"managed": True},
            "reranked",
            {"managedSearchConfiguration": {"numberOfResults": 3, "rerankingModelType": "MANAGED"}},
        ),
    ],
)
def test_how_it_searches(
    base: KnowledgeBase, options: dict[str, Any], mode: Any, due: dict[str, Any]
) -> None:
    providers = {"aws": {**base.settings(), **options}}
    with Broker(adapters=[AwsAdapter], provider="aws", providers=providers) as broker:
        found = broker.search.query("storm", top=3, mode=mode).value
    assert base.asked[-1][1]["retrievalConfiguration"] == due
    assert found.mode == (None if mode is None else SearchMode(mode))


@pytest.mark.parametrize("managed", [False, True])
@pytest.mark.parametrize(
    ("model", "arn"),
    [
        ("amazon.rerank-v1:0", "arn:aws:bedrock:us-east-1::foundation-model/amazon.rerank-v1:0"),
        (
            "arn:aws:bedrock:us-west-2::foundation-model/cohere.rerank-v3-5:0",
            "arn:aws:bedrock:us-west-2::foundation-model/cohere.rerank-v3-5:0",
        ),
    ],
)
def test_a_model_may_put_passages_in_order(base: KnowledgeBase, managed: bool, model: str, arn: str) -> None:
    providers = {"aws": {**base.settings(), "reranker": model, "managed": managed}}
    with Broker(
        adapters=[AwsAdapter], provider="aws", providers=providers, runtime=HurriedRuntime()
    ) as broker:
        indexed(broker)
        result = broker.search.query("storm", top=3, mode="reranked")
    assert len(result.value.hits) == 3
    (search,) = base.asked[-1][1]["retrievalConfiguration"].values()
    inner = search["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert search["numberOfResults"] == 100
    assert inner == {"modelConfiguration": {"modelArn": arn}, "numberOfRerankedResults": 3}
    assert {each.score.scale.name for each in result.value.hits} == {"aws.bedrock.rerank.score"}
    assert {use.sku for use in knowledge.meter(QueryRequest(text="a", mode=SearchMode.RERANKED))} == {
        "",
        "aws.bedrock.rerank",
    }


def test_modes_that_are_not_set_up_are_refused(base: KnowledgeBase) -> None:
    cases: tuple[tuple[dict[str, Any], Any, type[Exception], str], ...] = (
        ({}, "reranked", NotConfigured, "set reranker"),
        ({"managed": True}, "vector", Unsupported, "managed knowledge base"),
    )
    for options, mode, error, words in cases:
        providers = {"aws": {**base.settings(), **options}}
        with (
            Broker(adapters=[AwsAdapter], provider="aws", providers=providers) as broker,
            pytest.raises(error, match=words),
        ):
            broker.search.query("storm", mode=mode)
    assert base.stub.count == 0


def test_documents_go_ten_at_a_time_and_those_bedrock_cannot_keep_are_told(
    broker: Broker, base: KnowledgeBase
) -> None:
    many: list[dict[str, Any]] = [{"id": f"d{number}", "content": "rain"} for number in range(12)]
    bad: list[tuple[dict[str, Any], str]] = [
        ({"metadata": {"day": datetime(2024, 1, 1, tzinfo=UTC)}}, "is a time"),
        ({"metadata": {"tags": ["a"] * 11}}, "11 texts"),
        ({"metadata": {"lang": ""}}, "0 characters"),
        ({"metadata": {"lang": "a" * 2049}}, "2,049"),
        ({"title": "a" * 2049}, "title"),
        ({"metadata": {"n": 2**53 + 1}}, "double"),
        ({"metadata": {f"n{number}": 1 for number in range(50)}, "url": "https://x"}, "51 values"),
        ({"content": "a" * 5_000_001}, "above the limit"),
    ]
    for number, (more, _) in enumerate(bad):
        many.append({"id": f"bad{number}", "content": "rain", **more})
    report = broker.search.upsert(many).value
    assert [len(body["documents"]) for _, body in base.asked] == [10, 2]
    assert len(set(base.tokens)) == 2
    assert [each.state for each in report.statuses[:12]] == [DocumentState.ACCEPTED] * 12
    for status, (_, words) in zip(report.statuses[12:], bad, strict=True):
        assert status.state is DocumentState.FAILED
        assert words in status.reason


def test_an_empty_list_is_as_if_it_were_not_there_and_a_title_may_be_all(
    broker: Broker, base: KnowledgeBase
) -> None:
    broker.search.upsert(
        [{"id": "a", "title": "Rain", "metadata": {"tags": []}}, {"id": "b", "content": "x"}]
    )
    first, second = base.asked[-1][1]["documents"]
    assert first["content"]["custom"]["inlineContent"] == {"type": "TEXT", "textContent": {"data": "Rain"}}
    assert [each["key"] for each in first["metadata"]["inlineAttributes"]] == ["title"]
    assert "metadata" not in second


def test_putting_the_same_documents_again_is_another_request(broker: Broker, base: KnowledgeBase) -> None:
    """Bedrock leaves out what bears a token it has seen; an earlier state put back must not be."""
    for content in ("rain", "sun", "rain"):
        broker.search.upsert({"id": "a", "content": content})
    assert len(set(base.tokens)) == 3
    assert base.kept["a"]["text"] == "rain"


def test_a_repeated_attempt_bears_the_same_token(broker: Broker, base: KnowledgeBase) -> None:
    tokens = []

    def first_fails(operation: str, body: dict[str, Any]) -> Answer | None:
        tokens.append(body["clientToken"])
        return aws_error("InternalServerException", "no", 500) if len(tokens) == 1 else None

    base.says = first_fails
    assert broker.search.upsert({"id": "a", "content": "rain"}).value.ok
    assert len(tokens) == 2
    assert len(set(tokens)) == 1


def test_documents_are_deleted_and_gone_in_a_while(broker: Broker, base: KnowledgeBase) -> None:
    indexed(broker)
    report = broker.search.delete(["doc-1", "never-there"]).value
    assert [each.state for each in report.statuses] == [DocumentState.ACCEPTED, DocumentState.DONE]
    status = broker.search.status(["doc-1", "doc-2"]).value
    assert [each.state for each in status.statuses] == [DocumentState.ABSENT, DocumentState.DONE]


WORDS = (
    "INDEXED",
    "PARTIALLY_INDEXED",
    "PENDING",
    "FAILED",
    "METADATA_PARTIALLY_INDEXED",
    "METADATA_UPDATE_FAILED",
    "IGNORED",
    "NOT_FOUND",
    "STARTING",
    "IN_PROGRESS",
    "DELETING",
    "DELETE_IN_PROGRESS",
)


def test_every_status_that_the_model_knows_has_a_meaning() -> None:
    import botocore.session

    model = botocore.session.get_session().get_service_model("bedrock-agent")
    known = set(model.shape_for("DocumentStatus").metadata["enum"])
    assert known == set(WORDS)
    for meanings in (knowledge_documents.INGESTED, knowledge_documents.DELETED, knowledge_documents.FOUND):
        assert set(meanings) == known


@pytest.mark.parametrize("word", [*WORDS, "PAUSED"])
def test_what_each_status_says(word: str, base: KnowledgeBase) -> None:
    base.kept["a"], base.states["a"] = {"text": "x", "attributes": {}}, word
    (status,) = [
        knowledge_documents._status(
            base._detail("a") | {"statusReason": "because"}, knowledge_documents.FOUND
        )
    ]
    good = {"INDEXED": "done", "NOT_FOUND": "absent", "PAUSED": "unknown"}
    under_way = ("PENDING", "STARTING", "IN_PROGRESS", "DELETING", "DELETE_IN_PROGRESS")
    assert status.state.value == good.get(word, "accepted" if word in under_way else "failed")
    assert status.reason == "because"
    assert status.code == (None if good.get(word) in ("done", "absent") else word)


def test_a_document_left_out_of_the_answer_or_a_strangers_one_is_a_malformed_reply(
    broker: Broker, base: KnowledgeBase
) -> None:
    for keys in ([], ["b"], ["a", "a"], ["a", "b"]):
        base.says = lambda _o, _b, keys=keys: Answer(
            202, json={"documentDetails": [base._detail(key) for key in keys]}
        )
        with pytest.raises(MalformedReply):
            broker.search.upsert({"id": "a", "content": "x"})


def test_a_knowledge_base_that_is_not_there_is_told_with_what_to_check(
    broker: Broker, base: KnowledgeBase
) -> None:
    with pytest.raises(BadInput, match="check index in the call or the settings") as caught:
        broker.search.query("storm", index="KB00000000")
    assert caught.value.code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "index", ["x", "KB1234567", f"{BASE}/", f"{BASE}/x", f"{BASE}/{SOURCE}/x", "../KB12345678"]
)
def test_what_is_no_address_is_refused(index: str, broker: Broker, base: KnowledgeBase) -> None:
    with pytest.raises(BadInput, match="KNOWLEDGEBASEID"):
        broker.search.query("storm", index=index)
    assert base.stub.count == 0


def test_documents_need_a_data_source_and_queries_do_not(broker: Broker, base: KnowledgeBase) -> None:
    assert broker.search.query("storm", index=BASE).value.hits == ()
    with pytest.raises(NotConfigured, match="DATASOURCEID"):
        broker.search.upsert({"id": "a", "content": "x"}, index=BASE)
    arn = f"arn:aws:bedrock:us-east-1:123456789012:knowledge-base/{BASE}"
    base.stub.on(f"/knowledgebases/{arn}/retrieve", Answer(json={"retrievalResults": []}))
    assert broker.search.query("storm", index=arn).value.hits == ()
    assert broker.search.upsert({"id": "a", "content": "x"}, index=f"{arn}/{SOURCE}").value.ok


def test_names_of_ones_own(base: KnowledgeBase) -> None:
    own = {**base.settings(), "index": "manuals", "indexes": {"manuals": f"{BASE}/{SOURCE}"}}
    with Broker(adapters=[AwsAdapter], provider="aws", providers={"aws": own}) as broker:
        assert broker.search.query("storm", index="manuals").value.hits == ()
        assert broker.search.query("storm").value.hits == ()
    with (
        Broker(
            adapters=[AwsAdapter], provider="aws", providers={"aws": {**base.settings(), "index": None}}
        ) as none,
        pytest.raises(NotConfigured, match="which index"),
    ):
        none.search.query("storm")


def test_a_missing_permission_names_bedrocks_action(broker: Broker, base: KnowledgeBase) -> None:
    base.says = lambda _o, _b: aws_error("AccessDeniedException", "no", 403)
    with pytest.raises(Exception, match="allow bedrock:Retrieve for this user or role"):
        broker.search.query("storm")
    with pytest.raises(Exception, match="allow bedrock:IngestKnowledgeBaseDocuments for"):
        broker.search.upsert({"id": "a", "content": "x"})


def test_throttling_is_repeated(broker: Broker, base: KnowledgeBase) -> None:
    base.says = lambda _o, _b: aws_error("ThrottlingException", "slow", 429)
    with pytest.raises(Throttled):
        broker.search.query("storm")
    assert base.stub.count > 1


# ---------------------------------------------------------------------- what answers may hold


def one(item: dict[str, Any], **options: Any) -> Hit:
    request = QueryRequest(text="storm", **options)
    (hit,) = knowledge.results_of({"retrievalResults": [item]}, request).hits
    return hit


@pytest.mark.parametrize(
    ("kind", "member", "address"),
    [
        ("S3", {"s3Location": {"uri": "s3://b/k"}}, "s3://b/k"),
        ("WEB", {"webLocation": {"url": "https://x"}}, "https://x"),
        ("CONFLUENCE", {"confluenceLocation": {"url": "https://x"}}, "https://x"),
        ("SALESFORCE", {"salesforceLocation": {"url": "https://x"}}, "https://x"),
        ("SHAREPOINT", {"sharePointLocation": {"url": "https://x"}}, "https://x"),
        ("ONEDRIVE", {"oneDriveLocation": {"url": "https://x"}}, "https://x"),
        ("GOOGLEDRIVE", {"googleDriveLocation": {"url": "https://x"}}, "https://x"),
        ("KENDRA", {"kendraDocumentLocation": {"uri": "https://x"}}, "https://x"),
        ("LATER", {"laterLocation": {"url": "https://x"}}, "https://x"),
    ],
)
def test_where_a_document_is_from(kind: str, member: dict[str, Any], address: str) -> None:
    hit = one({"content": {"text": "a"}, "location": {"type": kind, **member}})
    assert (hit.id, hit.url, hit.title) == (address, address, None)
    assert hit.score.value is None


def test_ids_where_there_is_no_location() -> None:
    assert one({"content": {}, "documentId": "d"}).id == "d"
    source = {"x-amz-bedrock-kb-source-uri": "s3://b/k"}
    assert one({"content": {}, "metadata": source}).id == "s3://b/k"
    assert one({"content": {}, "metadata": source, "documentId": "d"}).id == "d"
    custom = {"type": "CUSTOM", "customDocumentLocation": {"id": "c"}}
    hit = one(
        {
            "content": {},
            "location": custom,
            "metadata": {"x-amz-bedrock-kb-source-uri": "c"},
            "documentId": "d",
        }
    )
    assert (hit.id, hit.url) == ("c", None)
    row = {
        "content": {"type": "ROW", "row": [{"columnName": "n", "columnValue": "1", "type": "LONG"}]},
        "location": {"type": "SQL", "sqlLocation": {"query": "SELECT 1"}},
    }
    hit = one(row)
    assert (hit.id, hit.snippets, hit.metadata) == ("", (), {"n": "1"})


def test_recordings_are_told_by_their_words() -> None:
    audio = {"type": "AUDIO", "audio": {"s3Uri": "s3://b/a", "transcription": "said"}}
    video = {"type": "VIDEO", "video": {"s3Uri": "s3://b/v", "summary": "seen"}}
    assert [one({"content": each}).snippets[0].text for each in (audio, video)] == ["said", "seen"]
    assert one({"content": {"type": "IMAGE", "byteContent": "data:image/png;base64,AA=="}}).snippets == ()


def test_metadata_of_every_kind_of_json_is_kept() -> None:
    said = {"a": "x", "b": 1, "c": 1.5, "d": True, "e": ["x"], "f": None, "g": {"h": 1}, "i": [1], "title": 3}
    assert one({"content": {}, "metadata": said}).metadata == {
        "a": "x",
        "b": 1,
        "c": 1.5,
        "d": True,
        "e": ("x",),
        "g": '{"h": 1}',
        "i": "[1]",
        "title": 3,
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"retrievalResults": None},
        {"retrievalResults": {}},
        {"retrievalResults": [1]},
        {"retrievalResults": [{}]},
        {"retrievalResults": [{"content": "text"}]},
        {"retrievalResults": [{"content": {"text": 1}}]},
        {"retrievalResults": [{"content": {}, "score": "0.5"}]},
        {"retrievalResults": [{"content": {}, "score": True}]},
        {"retrievalResults": [{"content": {}, "metadata": []}]},
        {"retrievalResults": [{"content": {}, "location": "s3"}]},
        {"retrievalResults": [{"content": {}, "location": {"s3Location": {"uri": 1}}}]},
        {"retrievalResults": [], "nextToken": 3},
    ],
)
def test_an_answer_in_part_is_malformed(body: Any, broker: Broker, base: KnowledgeBase) -> None:
    base.says = lambda _o, _b: Answer(json=body)
    with pytest.raises(MalformedReply):
        broker.search.query("storm")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"documentDetails": {}},
        {"documentDetails": [{}]},
        {
            "documentDetails": [
                {"status": "INDEXED", "identifier": {"dataSourceType": "S3", "s3": {"uri": "s3://b/k"}}}
            ]
        },
        {"documentDetails": [{"status": "INDEXED", "identifier": {"custom": {"id": 3}}}]},
        {"documentDetails": [{"identifier": {"custom": {"id": "a"}}}]},
        {"documentDetails": [{"status": 3, "identifier": {"custom": {"id": "a"}}}]},
    ],
)
def test_a_status_in_part_is_malformed(body: Any, broker: Broker, base: KnowledgeBase) -> None:
    base.says = lambda _o, _b: Answer(json=body)
    with pytest.raises(MalformedReply):
        broker.search.status(["a"])


def test_both_faces_find_the_same(broker: Broker, base: KnowledgeBase) -> None:
    indexed(broker)
    sync = broker.search.query("storm", filter="year > 2021").value

    async def run() -> Any:
        async with AsyncBroker(
            adapters=[AwsAdapter], provider="aws", providers={"aws": base.settings()}
        ) as other:
            return (await other.search.query("storm", filter="year > 2021")).value

    assert asyncio.run(run()) == sync


def test_options_of_the_callers_own_are_checked_by_the_model(broker: Broker, base: KnowledgeBase) -> None:
    with pytest.raises(BadInput, match="schema"):
        broker.search.query("storm", extensions={"aws_filter": {"equal": {"key": "a", "value": 1}}})
    with pytest.raises(BadInput, match="UserContext"):
        broker.search.query("storm", extensions={"aws_user_context": "me"})
    broker.search.query("storm", extensions={"aws_user_context": {"userId": "me"}})
    assert base.asked[-1][1]["userContext"] == {"userId": "me"}


# ---------------------------------------------------------------------- addresses and permissions


def test_the_sdks_own_variables_are_honoured(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", "AWS_ENDPOINT_URL_BEDROCK_AGENT"):
        monkeypatch.setenv(name, base.stub.url)
    own = {name: value for name, value in base.settings().items() if name != "endpoint"}
    assert AwsAdapter(AwsSettings(**own)).setup().endpoint == base.stub.url
    with Broker(adapters=[AwsAdapter], provider="aws", providers={"aws": own}) as broker:
        assert broker.search.query("storm").value.hits == ()
        assert broker.search.upsert({"id": "a", "content": "x"}).value.ok


def test_each_of_the_two_services_may_have_an_address_of_its_own(base: KnowledgeBase) -> None:
    with VendorStub() as other:
        KnowledgeBase(other)
        own = {**base.settings(), "endpoints": {"bedrock-agent": other.url}}
        with Broker(adapters=[AwsAdapter], provider="aws", providers={"aws": own}) as broker:
            broker.search.query("storm")
            broker.search.upsert({"id": "a", "content": "x"})
        assert (base.stub.count, other.count) == (1, 1)


def test_a_region_without_the_service_is_refused_before_sending() -> None:
    own = {
        "region": "xx-nowhere-1",
        "index": BASE,
        "access_key_id": "AKIAIOSFODNN7EXAMPLE",
        "secret_access_key": "s" * 40,
    }
    with (
        Broker(adapters=[AwsAdapter], provider="aws", providers={"aws": own}) as broker,
        pytest.raises(NotConfigured, match="Bedrock Knowledge Bases has no region"),
    ):
        broker.search.query("storm")


def test_a_key_of_bedrocks_own_does_not_sign_for_knowledge_bases(
    broker: Broker, base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_BEARER_TOKEN_BEDROCK is for Bedrock's models; the models of these services name signatures only."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "t" * 40)
    broker.search.query("storm")
    assert base.stub.requests[-1].headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIA")
    assert "/us-east-1/bedrock/aws4_request" in base.stub.requests[-1].headers["authorization"]


def test_every_action_is_told_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs" / "providers-setup.md").read_text("utf-8")
    told = set(re.findall(r"`((?:bedrock|kendra):\w+)`", page))
    bedrock = {"Retrieve", *(f"{verb}KnowledgeBaseDocuments" for verb in ("Ingest", "Delete", "Get"))}
    queries = {"Query", "Retrieve", "GetQuerySuggestions"}
    writes = {"BatchPutDocument", "BatchDeleteDocument", "BatchGetDocumentStatus"}
    assert told == {f"bedrock:{name}" for name in bedrock} | {f"kendra:{name}" for name in queries | writes}
