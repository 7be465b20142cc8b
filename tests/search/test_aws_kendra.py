"""Kendra through the public client: documents, answers, facets, pages by number, failures of single documents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aws_search_peer import INDEX, Kendra

from broker import AsyncBroker, Broker
from broker.errors import BadInput, MalformedReply, NotConfigured, QuotaExhausted, Unsupported
from broker.testing.hurried import HurriedRuntime
from broker.testing.script import Answer
from broker.testing.stub import VendorStub
from broker.testing.vendors import aws_error
from broker.types import AnswerKind, DocumentState, Highlight, QueryRequest, ScoreKind, where
from broker_aws import KendraAdapter, KendraSettings, kendra, kendra_documents

pytest.importorskip("boto3", reason="needs the aws extra")

DAY = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
DOCUMENTS: list[dict[str, Any]] = [
    {
        "id": f"doc-{number}",
        "title": f"Report {number}",
        "url": f"https://example.com/{number}",
        "content": "the " + "storm " * number,
        "metadata": {"year": 2020 + number, "tags": ["weather", f"n{number}"], "day": DAY, "lang": "en"},
    }
    for number in range(1, 6)
]


@pytest.fixture
def index(vendor_stub: VendorStub) -> Kendra:
    return Kendra(vendor_stub)


@pytest.fixture
def broker(index: Kendra) -> Iterator[Broker]:
    with made(index) as broker:
        yield broker


def made(peer: Kendra, **more: Any) -> Broker:
    return Broker(
        adapters=[KendraAdapter],
        provider="kendra",
        providers={"kendra": {**peer.settings(), **more}},
        runtime=HurriedRuntime(),
    )


def indexed(broker: Broker) -> None:
    broker.search.wait_until_indexed(broker.search.upsert(DOCUMENTS).value)


def states(report: Any) -> list[str]:
    return [each.state.value for each in report.statuses]


def test_documents_are_accepted_worked_on_and_found(broker: Broker) -> None:
    report = broker.search.upsert(DOCUMENTS).value
    assert states(report) == ["accepted"] * 5
    assert broker.search.query("storm").value.hits == ()
    assert broker.search.wait_until_indexed(report).value.searchable
    result = broker.search.query("storm", top=2)
    first, second = result.value.hits
    assert (first.id, first.rank, first.title, first.url) == ("doc-5", 1, "Report 5", "https://example.com/5")
    assert first.metadata == {"year": 2025, "tags": ("weather", "n5"), "day": DAY, "lang": "en"}
    assert (first.score.value, first.score.raw, first.score.scale.kind) == (None, "HIGH", ScoreKind.BUCKET)
    assert first.snippet is not None
    assert first.snippet.marked().startswith("the **storm** storm")
    assert (second.id, second.rank) == ("doc-4", 2)
    assert (result.value.total, result.value.total_exact) == (5, None)
    assert result.cost.amount == 0
    assert result.provenance.provider == result.provenance.service == "kendra"


def test_each_page_is_one_request_by_its_number(broker: Broker, index: Kendra) -> None:
    indexed(broker)
    before = index.stub.count
    found: list[str] = []
    ranks: list[int] = []
    page = None
    for _ in range(3):
        result = broker.search.query("storm", top=2, page=page).value
        found += result.ids
        ranks += [hit.rank for hit in result.hits]
        page = result.page
    assert page is None
    assert found == ["doc-5", "doc-4", "doc-3", "doc-2", "doc-1"]
    assert ranks == [1, 2, 3, 4, 5]
    assert index.stub.count == before + 3
    assert [body["PageNumber"] for _, body in index.asked[-3:]] == [1, 2, 3]


def test_no_more_than_a_hundred_can_be_reached() -> None:
    request = QueryRequest(text="a", top=60)
    item = {"Type": "DOCUMENT", "DocumentId": "d"}
    first = kendra.results_of({"ResultItems": [item] * 60, "TotalNumberOfResults": 300}, request)
    assert first.page is not None
    second = kendra.results_of(
        {"ResultItems": [item] * 40, "TotalNumberOfResults": 300},
        QueryRequest(text="a", top=60, page=first.page),
    )
    assert second.page is None
    assert [hit.rank for hit in second.hits][:2] == [61, 62]


def test_questions_of_faqs_are_a_part_of_the_page() -> None:
    """As recorded: ten items, of which some are questions; the second page begins behind the tenth item."""
    answer = {"Type": "QUESTION_ANSWER", "DocumentId": "d", "DocumentExcerpt": {"Text": "so"}}
    body = {
        "ResultItems": [answer] * 5 + [{"Type": "DOCUMENT", "DocumentId": "d"}] * 5,
        "TotalNumberOfResults": 12,
    }
    found = kendra.results_of(body, QueryRequest(text="a"))
    assert found.page is not None
    assert (found.page.token, found.page.shown) == ("2", 5)


def test_a_page_that_ends_with_the_last_result_has_none_behind_it() -> None:
    item = {"Type": "DOCUMENT", "DocumentId": "d"}
    for total, more in ((2, False), (3, True)):
        found = kendra.results_of(
            {"ResultItems": [item] * 2, "TotalNumberOfResults": total}, QueryRequest(text="a", top=2)
        )
        assert (found.page is not None) is more


def test_what_is_featured_pushes_nothing_out(broker: Broker, index: Kendra) -> None:
    indexed(broker)
    index.extra = {"FeaturedResultsItems": [{"Id": "f", "Type": "DOCUMENT", "DocumentId": "doc-1"}]}
    found = broker.search.query("storm", top=2).value
    assert [(hit.id, hit.featured) for hit in found.hits] == [
        ("doc-1", True),
        ("doc-5", False),
        ("doc-4", False),
    ]
    assert found.hits[0].score.raw is None


def test_filters_and_facets_are_asked_of_kendra(broker: Broker, index: Kendra) -> None:
    indexed(broker)
    spoken = "year > 2021.5 and (tags contains 'n3' or day >= 2024-05-06T07:08:09Z) and not lang = 'de'"
    found = broker.search.query("storm", filter=spoken, facets=["year", "tags"]).value
    assert found.ids == ("doc-5", "doc-4", "doc-3", "doc-2")
    years, tags = found.facets
    assert {(each.value, each.count) for each in years.values} == {
        (year, 1) for year in (2022, 2023, 2024, 2025)
    }
    assert (years.name, tags.name, years.exact) == ("year", "tags", None)
    assert ("weather", "n5") in [each.value for each in tags.values]


def test_no_filter_that_kendra_lacks_reaches_it(broker: Broker, index: Kendra) -> None:
    for filter, words in (("draft = true", "no truth values"), ("n = 1.5", "whole numbers")):
        with pytest.raises(Unsupported, match=words):
            broker.search.query("storm", filter=filter)
    assert index.stub.count == 0


def test_languages(broker: Broker, index: Kendra) -> None:
    german = {"EqualsTo": {"Key": "_language_code", "Value": {"StringValue": "de"}}}
    broker.search.query("sturm", language="de-AT")
    assert index.asked[-1][1]["AttributeFilter"] == german
    for tag, code in (("zh-Hant", "zh"), ("pt-BR", "pt-BR"), ("pt-PT", "pt"), ("ckb", "ckb")):
        broker.search.query("x", language=tag)
        assert index.asked[-1][1]["AttributeFilter"]["EqualsTo"]["Value"] == {"StringValue": code}
    with pytest.raises(Unsupported, match="language"):
        broker.search.query("x", language="vi")
    broker.search.query("sturm", language="de", filter=where("year").equals(3))
    assert index.asked[-1][1]["AttributeFilter"]["AndAllFilters"][0] == german
    broker.search.upsert([{"id": "a", "content": "x"}], language="de")
    assert index.asked[-1][1]["Documents"][0]["Attributes"] == [german["EqualsTo"]]
    broker.search.upsert([{"id": "a", "content": "x", "metadata": {"_language_code": "fr"}}], language="de")
    assert index.asked[-1][1]["Documents"][0]["Attributes"][0]["Value"] == {"StringValue": "fr"}


def test_a_correction_is_told(broker: Broker, index: Kendra) -> None:
    index.extra = {
        "SpellCorrectedQueries": [
            {
                "SuggestedQueryText": "storm",
                "Corrections": [
                    {"BeginOffset": 0, "EndOffset": 5, "Term": "strom", "CorrectedTerm": "storm"}
                ],
            }
        ]
    }
    assert broker.search.query("strom").value.corrected == "storm"
    assert index.asked[-1][1]["SpellCorrectionConfiguration"] == {"IncludeQuerySpellCheckSuggestions": True}


def test_passages(broker: Broker, index: Kendra) -> None:
    indexed(broker)
    first = broker.search.query("storm", top=3, extensions={"kendra_passages": True}).value
    assert index.asked[-1][0] == "Retrieve"
    assert first.ids == ("doc-5", "doc-4", "doc-3")
    assert first.hits[0].passage == "q-doc-5"
    assert first.hits[0].snippets[0].text == "the " + "storm " * 5
    assert (first.total, first.hits[0].score.raw) == (None, "NOT_AVAILABLE")
    assert first.page is not None
    second = broker.search.query("storm", top=3, extensions={"kendra_passages": True}, page=first.page).value
    assert second.ids == ("doc-2", "doc-1")
    assert second.page is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"extensions": {"kendra_passages": 1}}, "True or False"),
        ({"extensions": {"kendra_passages": True}, "facets": ["year"]}, "without facets"),
        ({"extensions": {"kendra_result_type": "ALL"}}, "one of DOCUMENT"),
        ({"extensions": {"kendra_user_context": {"Tokens": "x"}}}, "schema"),
        ({"index": "x"}, "36 letters"),
        ({"index": f"../{INDEX[3:]}"}, "36 letters"),
        ({"top": 101}, "100"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    options: dict[str, Any], words: str, broker: Broker, index: Kendra
) -> None:
    with pytest.raises(BadInput, match=words):
        broker.search.query("storm", **options)
    assert index.stub.count == 0


def test_options_of_kendras_own(broker: Broker, index: Kendra) -> None:
    own: dict[str, Any] = {
        "kendra_result_type": "ANSWER",
        "kendra_user_context": {"UserId": "me", "Groups": ["all"]},
    }
    broker.search.query("storm", extensions=own)
    assert index.asked[-1][1]["QueryResultTypeFilter"] == "ANSWER"
    assert index.asked[-1][1]["UserContext"] == {"UserId": "me", "Groups": ["all"]}


def test_suggestions(broker: Broker, index: Kendra) -> None:
    result = broker.search.suggest("storm", top=2)
    assert [each.text for each in result.value.suggestions] == ["storm warning", "storm damage"]
    assert index.asked[-1][1] == {"IndexId": INDEX, "QueryText": "storm", "MaxSuggestionsCount": 2}
    with pytest.raises(BadInput, match="60"):
        broker.search.suggest("s" * 61)


# ---------------------------------------------------------------------- documents


def test_documents_go_ten_at_a_time_and_each_failure_is_its_own(broker: Broker, index: Kendra) -> None:
    index.fails = {"d3": ("InvalidRequest", "too long"), "d11": ("InternalError", "try again")}
    report = broker.search.upsert([{"id": f"d{number}", "content": "rain"} for number in range(12)]).value
    assert [len(body["Documents"]) for _, body in index.asked] == [10, 2]
    assert [each.id for each in report.problems] == ["d3", "d11"]
    refused, unlucky = report.problems
    assert (refused.state, refused.code, refused.reason, refused.may_retry) == (
        DocumentState.FAILED,
        "InvalidRequest",
        "too long",
        False,
    )
    assert (unlucky.state, unlucky.code, unlucky.may_retry) == (DocumentState.FAILED, "InternalError", True)


def test_documents_that_kendra_cannot_keep_are_not_sent(broker: Broker, index: Kendra) -> None:
    bad: list[tuple[dict[str, Any], str]] = [
        ({"metadata": {"draft": True}}, "is a boolean"),
        ({"metadata": {"n": 1.5}}, "whole numbers"),
        ({"metadata": {"n": 1e300}}, "63 bits"),
        ({"metadata": {"day": DAY.replace(microsecond=1)}}, "whole seconds"),
        ({"metadata": {"lang": ""}}, "0 characters"),
        ({"metadata": {"tags": ["a" * 2049]}}, "2,049"),
        ({"url": "https://" + "x" * 2048}, "url"),
        ({"content": "a" * 5_000_001}, "above the limit"),
    ]
    many = [{"id": f"bad{number}", "content": "x", **more} for number, (more, _) in enumerate(bad)]
    report = broker.search.upsert(
        [*many, {"id": "good", "content": "x", "metadata": {"n": 3.0, "tags": []}}]
    ).value
    assert states(report) == ["failed"] * len(bad) + ["accepted"]
    for status, (_, words) in zip(report.statuses, bad, strict=False):
        assert words in status.reason
    ((_, body),) = index.asked
    (document,) = body["Documents"]
    assert document["Attributes"] == [{"Key": "n", "Value": {"LongValue": 3}}]
    assert document["Blob"] == b"x"
    assert document["ContentType"] == "PLAIN_TEXT"


def test_a_title_may_be_all(broker: Broker, index: Kendra) -> None:
    broker.search.upsert({"id": "a", "title": "Rain"})
    assert index.asked[-1][1]["Documents"] == [
        {"Id": "a", "Title": "Rain", "Blob": b"Rain", "ContentType": "PLAIN_TEXT"}
    ]


def test_deleting(broker: Broker, index: Kendra) -> None:
    indexed(broker)
    index.fails = {"doc-3": ("InternalError", "no")}
    report = broker.search.delete(["doc-1", "doc-3", "never-there"]).value
    assert states(report) == ["accepted", "failed", "accepted"]
    index.fails = {"doc-2": ("InvalidRequest", "no"), "doc-3": ("InternalError", "no")}
    status = broker.search.status(["doc-1", "doc-2", "doc-3", "doc-4"]).value
    assert states(status) == ["absent", "unknown", "unknown", "done"]
    assert [each.may_retry for each in status.statuses] == [False, False, True, False]
    index.fails = {}
    gone = broker.search.wait_until_indexed(["doc-1"], gone=True).value
    assert states(gone) == ["absent"]


def test_what_each_status_says() -> None:
    import botocore.session

    known = (
        botocore.session.get_session()
        .get_service_model("kendra")
        .shape_for("DocumentStatus")
        .metadata["enum"]
    )
    assert set(known) == set(kendra_documents._STATES)
    said = {"DocumentId": "a", "DocumentStatus": "FAILED", "FailureCode": "c", "FailureReason": "because"}
    (status,) = kendra_documents.standing_of({"DocumentStatusList": [said]}).statuses
    assert (status.state, status.code, status.reason) == (DocumentState.FAILED, "c", "because")
    (status,) = kendra_documents.standing_of(
        {"DocumentStatusList": [{"DocumentId": "a", "DocumentStatus": "PAUSED"}]}
    ).statuses
    assert (status.state, status.code) == (DocumentState.UNKNOWN, "PAUSED")


@pytest.mark.parametrize(
    "body",
    [
        {"FailedDocuments": [{}]},
        {"FailedDocuments": [{"Id": "stranger"}]},
        {"FailedDocuments": [{"Id": "a"}, {"Id": "a"}]},
        {"FailedDocuments": {}},
        {"FailedDocuments": [{"Id": 3}]},
        {"FailedDocuments": [{"Id": "a", "ErrorMessage": 3}]},
    ],
)
def test_a_failure_that_is_nobodys_is_a_malformed_reply(body: Any, broker: Broker, index: Kendra) -> None:
    index.says = lambda _o, _b: Answer(json=body)
    for ask in (
        lambda: broker.search.upsert({"id": "a", "content": "x"}),
        lambda: broker.search.delete(["a"]),
    ):
        with pytest.raises(MalformedReply):
            ask()


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"DocumentStatusList": []},
        {"DocumentStatusList": [{"DocumentId": "b", "DocumentStatus": "INDEXED"}]},
        {"DocumentStatusList": [{"DocumentId": "a", "DocumentStatus": "INDEXED"}] * 2},
        {"DocumentStatusList": [{"DocumentId": "a"}]},
        {"Errors": [{"ErrorCode": "InternalError"}]},
    ],
)
def test_a_gap_or_a_stranger_in_the_status_is_a_malformed_reply(
    body: Any, broker: Broker, index: Kendra
) -> None:
    index.says = lambda _o, _b: Answer(json=body)
    with pytest.raises(MalformedReply):
        broker.search.status(["a"])


# ---------------------------------------------------------------------- what answers may hold


def test_an_index_that_is_not_there_is_told_with_what_to_check(broker: Broker) -> None:
    other = INDEX.replace("0", "9")
    with pytest.raises(BadInput, match="region is that of the index"):
        broker.search.query("storm", index=other)
    with pytest.raises(BadInput, match="region is that of the index"):
        broker.search.status(["a"], index=other)


def test_which_index_must_be_known(index: Kendra) -> None:
    with made(index, index=None) as broker, pytest.raises(NotConfigured, match="kendra: which index"):
        broker.search.query("storm")
    with made(index, index=None, indexes={"manuals": INDEX}) as broker:
        assert broker.search.query("storm", index="manuals").value.hits == ()


def test_refusals(broker: Broker, index: Kendra) -> None:
    index.says = lambda _o, _b: aws_error("AccessDeniedException", "no", 400)
    with pytest.raises(Exception, match="allow kendra:Query for this user or role"):
        broker.search.query("storm")
    index.says = lambda _o, _b: aws_error("ServiceQuotaExceededException", "full", 400)
    with pytest.raises(QuotaExhausted):
        broker.search.upsert({"id": "a", "content": "x"})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ResultItems": None},
        {"ResultItems": [1]},
        {"ResultItems": [{}]},
        {"ResultItems": [{"DocumentId": 3}]},
        {"ResultItems": [{"DocumentId": "d", "DocumentExcerpt": "text"}]},
        {"ResultItems": [{"DocumentId": "d", "DocumentExcerpt": {"Text": 3}}]},
        {"ResultItems": [{"DocumentId": "d", "DocumentExcerpt": {"Text": "a", "Highlights": [{}]}}]},
        {"ResultItems": [{"DocumentId": "d", "DocumentAttributes": {}}]},
        {
            "ResultItems": [
                {"DocumentId": "d", "DocumentAttributes": [{"Key": "k", "Value": {"DateValue": "soon"}}]}
            ]
        },
        {
            "ResultItems": [
                {"DocumentId": "d", "DocumentAttributes": [{"Key": "k", "Value": {"DateValue": 1e300}}]}
            ]
        },
        {
            "ResultItems": [
                {"DocumentId": "d", "DocumentAttributes": [{"Key": "k", "Value": {"StringListValue": [1]}}]}
            ]
        },
        {"ResultItems": [{"DocumentId": "d", "ScoreAttributes": 3}]},
        {"ResultItems": [{"DocumentId": "d", "Type": "ANSWER"}]},
        {"ResultItems": [], "TotalNumberOfResults": "many"},
        {"ResultItems": [], "SpellCorrectedQueries": [3]},
    ],
)
def test_an_answer_in_part_is_malformed(body: Any, broker: Broker, index: Kendra) -> None:
    index.says = lambda _o, _b: Answer(json=body)
    with pytest.raises(MalformedReply):
        broker.search.query("storm")


def test_the_least_that_an_answer_may_hold() -> None:
    found = kendra.results_of({"ResultItems": [{"DocumentId": "d"}]}, QueryRequest(text="a"))
    (hit,) = found.hits
    assert (hit.id, hit.title, hit.url, hit.snippets, hit.metadata, hit.score.raw) == (
        "d",
        None,
        None,
        (),
        {},
        None,
    )
    assert (found.total, found.page, found.facets, found.answers) == (None, None, (), ())


def test_a_table_is_told_as_text_with_its_marked_cells() -> None:
    cells = [[("name", False, False), ("size", False, False)], [("a", True, False), ("7", True, True)]]
    rows = [
        {"Cells": [{"Value": value, "Highlighted": marked, "TopAnswer": top} for value, marked, top in row]}
        for row in cells
    ]
    item = {"Type": "ANSWER", "Format": "TABLE", "DocumentId": "d", "TableExcerpt": {"Rows": rows}}
    (answer,) = kendra.results_of({"ResultItems": [item]}, QueryRequest(text="a")).answers
    assert (answer.kind, answer.text) == (AnswerKind.TABLE, "name\tsize\na\t7")
    assert [answer.text[each.begin : each.end] for each in answer.highlights] == ["a", "7"]
    assert answer.highlights[1].top


def test_offsets_behind_a_character_outside_the_basic_plane_are_not_trusted() -> None:
    item = {
        "DocumentId": "d",
        "DocumentExcerpt": {
            "Text": "\U0001f327 storm ahead",
            "Highlights": [{"BeginOffset": 3, "EndOffset": 8}],
        },
    }
    (hit,) = kendra.results_of({"ResultItems": [item]}, QueryRequest(text="a")).hits
    assert hit.snippet is not None
    assert hit.snippet.highlights == (Highlight(begin=3, end=8),)
    assert not hit.snippet.offset_ok


@pytest.mark.parametrize(
    "said", [1714979289, 1714979289.0, "2024-05-06T07:08:09Z", "2024-05-06T07:08:09+00:00"]
)
def test_times_on_the_wire_and_as_sdks_write_them_down(said: Any) -> None:
    attributes = [{"Key": "day", "Value": {"DateValue": said}}]
    (hit,) = kendra.results_of(
        {"ResultItems": [{"DocumentId": "d", "DocumentAttributes": attributes}]}, QueryRequest(text="a")
    ).hits
    assert hit.metadata == {"day": DAY}


def test_both_faces_find_the_same(broker: Broker, index: Kendra) -> None:
    indexed(broker)
    sync = broker.search.query("storm", filter="year > 2021", facets=["year"]).value

    async def run() -> Any:
        options: dict[str, Any] = {"provider": "kendra", "providers": {"kendra": index.settings()}}
        async with AsyncBroker(adapters=[KendraAdapter], **options) as other:
            return (await other.search.query("storm", filter="year > 2021", facets=["year"])).value

    assert asyncio.run(run()) == sync


def test_it_has_the_settings_of_the_account_and_nothing_of_the_other_services() -> None:
    setup = KendraAdapter(
        KendraSettings(region="eu-west-1", access_key_id="AKIAIOSFODNN7EXAMPLE", secret_access_key="s" * 40)  # type: ignore[arg-type]
    ).setup()
    assert (setup.configured, setup.endpoint) == (True, "https://kendra.eu-west-1.amazonaws.com")
    with pytest.raises(ValueError, match="endpoints takes kendra"):
        KendraSettings(endpoints={"comprehend": "https://x.example"})
    with pytest.raises(ValueError, match="reranker"):
        KendraSettings(reranker="x")  # type: ignore[call-arg]
