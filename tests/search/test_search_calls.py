"""Queries, documents and waiting through the public client: pages, limits, partial failures, money."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from broker import AsyncBroker
from broker.contract import QueryLimits, Reply, WriteLimits
from broker.errors import (
    AuthFailed,
    BadInput,
    BudgetExceeded,
    DeadlineExceeded,
    MalformedReply,
    Outcome,
    ProviderFault,
    StillIndexing,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker.runtime.virtual import VirtualRuntime
from broker.types import (
    DocumentState,
    DocumentStatus,
    Page,
    UpsertRequest,
    ValueKind,
    WriteReport,
    where,
)
from broker.types.filters import Filter
from search_support import Engine, engine_adapter, make, texts

STATES = DocumentState


def states(report: WriteReport) -> list[str]:
    return [each.state.value for each in report.statuses]


def test_one_page_is_one_request_and_the_next_one_is_asked_for_by_hand() -> None:
    engine = Engine()
    with make(engine_adapter(engine)) as broker:
        broker.search.upsert(texts(*["cat"] * 5))
        first = broker.search.query("cat", top=2)
        assert len(engine.queries) == 1
        assert [hit.rank for hit in first.value.hits] == [1, 2]
        assert first.value.total == 5
        second = broker.search.query("cat", top=2, page=first.value.page)
        third = broker.search.query("cat", top=2, page=second.value.page.text if second.value.page else None)
        assert [hit.rank for hit in second.value.hits] == [3, 4]
        assert [hit.rank for hit in third.value.hits] == [5]
        assert third.value.page is None
        assert len(engine.queries) == 3
        assert first.cost.amount == Decimal("0.001")


def test_a_page_goes_on_only_with_its_own_query_and_provider() -> None:
    with make(engine_adapter(Engine()), engine_adapter(Engine(), "other")) as broker:
        broker.search.upsert(texts("cat", "cat"))
        page = broker.search.query("cat", top=1).value.page
        assert page is not None
        with pytest.raises(BadInput, match="another query"):
            broker.search.query("dog", top=1, page=page)
        with pytest.raises(BadInput, match="another query"):
            broker.search.query("cat", top=1, page=page, filter="a = 1")
        with pytest.raises(Unsupported, match="one of words's"):
            broker.search.query("cat", top=1, page=page, provider="other")
        # An order of preference finds the one it is from.
        result = broker.search.query("cat", top=1, page=page, provider=["other", "words"])
        assert result.provenance.provider == "words"


def test_a_page_goes_on_only_in_its_own_account() -> None:
    engine = Engine()
    accounts = {"words": {"profiles": {"prod": {"index": "one"}, "test": {"index": "two"}}}}
    with make(engine_adapter(engine), provider="words:prod", providers=accounts) as broker:
        for account in ("words:prod", "words:test"):
            broker.search.upsert(texts("cat", "cat", "cat"), provider=account)
        page = broker.search.query("cat", top=1).value.page
        assert page is not None
        assert page.provider == "words:prod"
        with pytest.raises(Unsupported, match="one of words:prod's"):
            broker.search.query("cat", top=1, page=page.text, provider="words:test")
        assert len(engine.queries) == 1
        result = broker.search.query("cat", top=1, page=page.text, provider=["words:test", "words:prod"])
        assert (result.provenance.profile, result.value.ids) == ("prod", ("2",))


@pytest.mark.parametrize(
    "bad", ["", "p1.", "p1.!!!", "x", 3, "p1." + "A" * 200, "p1.W10", "p1.WyJhIiwiYiIsImMiLC0xXQ", b"p1."]
)
def test_a_page_that_is_none_is_refused(bad: Any) -> None:
    with pytest.raises(BadInput, match="page must be"):
        Page.parse(bad)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"top": 0}, BadInput, "top"),
        ({"top": None}, BadInput, "top"),
        ({"top": 51}, BadInput, "above the limit of 50"),
        ({"mode": "vector"}, Unsupported, "mode vector is not offered"),
        ({"mode": "best"}, BadInput, "mode must be one of"),
        ({"facets": "year"}, BadInput, "list of names"),
        ({"facets": ["no name"]}, BadInput, "name"),
        ({"filter": "year >="}, BadInput, "cannot be read at character 8"),
        ({"index": ""}, BadInput, "index must be"),
        ({"index": 3}, BadInput, "index must be"),
        ({"tops": 3}, BadInput, "did you mean 'top'"),
    ],
)
def test_what_cannot_be_meant_or_done_is_refused_before_anything_is_sent(
    options: dict[str, Any], error: type[Exception], words: str
) -> None:
    engine = Engine()
    with make(engine_adapter(engine)) as broker:
        with pytest.raises(error, match=words):
            broker.search.query("cat", **options)
        assert not broker.spend()
    assert engine.queries == []


def test_a_filter_that_an_engine_lacks_costs_nothing() -> None:
    def only_equals(given: Filter) -> str:
        raise Unsupported("ranges cannot be asked")

    limits = QueryLimits(max_characters=100, max_top=10, translate=only_equals, facets=False)
    engine = Engine()
    with make(engine_adapter(engine, query_limits=limits)) as broker:
        with pytest.raises(Unsupported, match="ranges cannot be asked") as caught:
            broker.search.query("cat", filter=where("year").at_least(2000))
        assert caught.value.provider == "words"
        assert caught.value.billed is False
        with pytest.raises(Unsupported, match="facets"):
            broker.search.query("cat", facets=["year"])
        assert not broker.spend()


def test_documents_are_sent_as_many_together_as_the_engine_takes_and_larger_ones_are_told() -> None:
    engine = Engine()
    with make(engine_adapter(engine)) as broker:
        given = texts("a", "b", "c", "d", "x" * 600, "e" * 450, "f" * 450, "g" * 450)
        result = broker.search.upsert(given)
        assert engine.upserts == [("1", "2", "3"), ("4", "6", "7"), ("8",)]
        assert states(result.value) == ["done"] * 4 + ["failed"] + ["done"] * 3
        (refused,) = result.value.problems
        assert refused.id == "5"
        assert "above the limit of 500" in refused.reason
        assert not refused.may_retry
        assert not result.value.ok
        assert result.cost.amount == Decimal("0.0007")
        assert len(result.attempts) == 3


def test_where_no_document_can_be_sent_the_call_fails_and_costs_nothing() -> None:
    engine = Engine()
    limits = WriteLimits(max_items=3, kinds=frozenset({ValueKind.TEXT}))
    with make(engine_adapter(engine, write_limits=limits)) as broker:
        bad = {"id": "1", "content": "cat", "metadata": {"year": 3}}
        with pytest.raises(BadInput, match="year is a number, which cannot be kept"):
            broker.search.upsert(bad)
        assert engine.upserts == []
        assert states(broker.search.upsert([bad, {"id": "2", "content": "dog"}]).value) == ["failed", "done"]


def failing(numbers: set[int], error: Exception) -> Any:
    def wrote(request: UpsertRequest, number: int) -> Reply[WriteReport] | None:
        if number in numbers:
            raise error
        return None

    return wrote


def test_a_lost_answer_leaves_its_documents_unknown_and_stops_what_is_behind() -> None:
    engine = Engine(failing({2}, Unavailable("it broke off", outcome=Outcome.AMBIGUOUS)))
    with make(engine_adapter(engine)) as broker:
        report = broker.search.upsert(texts(*"abcdefg")).value
    assert states(report) == ["done"] * 3 + ["unknown"] * 3 + ["not_sent"]
    assert all(each.may_retry for each in report.problems)
    assert "it broke off" in report.stopped


def test_a_throttled_request_is_repeated_and_nothing_is_told_of_it_where_it_helps() -> None:
    engine = Engine(failing({2, 3}, Throttled("slower", retry_after=1.0)))
    with make(engine_adapter(engine), max_attempts=3) as broker:
        result = broker.search.upsert(texts(*"abcdefg"))
    assert result.value.ok
    assert engine.upserts == [("1", "2", "3"), *[("4", "5", "6")] * 3, ("7",)]
    assert len(result.attempts) == 5


def test_one_bad_document_does_not_keep_out_the_others_of_its_request() -> None:
    def wrote(request: UpsertRequest, number: int) -> Reply[WriteReport] | None:
        if "5" in request.keys:
            raise BadInput("there is no field 'colour'", code="InvalidField")
        return None

    engine = Engine(wrote)
    with make(engine_adapter(engine, write_limits=WriteLimits(max_items=8))) as broker:
        result = broker.search.upsert(texts(*"abcdefgh"))
    assert [each.id for each in result.value.problems] == ["5"]
    assert result.value.problems[0].code == "InvalidField"
    assert not result.value.problems[0].may_retry
    assert sorted(engine.kept["main"]) == list("1234678")
    assert result.cost.amount == Decimal("0.0007")  # refused requests are not billed


def test_where_all_are_refused_the_first_reason_is_raised_and_the_requests_are_bounded() -> None:
    engine = Engine(lambda request, number: _raise(BadInput("no such index")))
    limits = WriteLimits(max_items=500)
    with (
        make(engine_adapter(engine, write_limits=limits)) as broker,
        pytest.raises(BadInput, match="no such index") as caught,
    ):
        broker.search.upsert(texts(*["x"] * 500))
    assert len(engine.upserts) < 100
    assert caught.value.billed is False


def _raise(error: Exception) -> Any:
    raise error


def test_the_first_request_that_fails_fails_the_call() -> None:
    engine = Engine(failing({1}, AuthFailed("no such key")))
    with make(engine_adapter(engine)) as broker, pytest.raises(AuthFailed):
        broker.search.upsert(texts(*"abcdefg"))
    assert len(engine.upserts) == 1


def test_each_document_has_the_engines_own_word_and_is_matched_by_id() -> None:
    def wrote(request: UpsertRequest, number: int) -> Reply[WriteReport]:
        found = [
            DocumentStatus(id=key, state=STATES.FAILED, reason="too busy", code="503", may_retry=True)
            if key == "2"
            else DocumentStatus(id=key, state=STATES.ACCEPTED)
            for key in request.keys
        ]
        return Reply(payload=WriteReport(statuses=tuple(reversed(found))))

    with make(engine_adapter(Engine(wrote))) as broker:
        report = broker.search.upsert(texts(*"abc")).value
    assert [(each.id, each.state.value) for each in report.statuses] == [
        ("1", "accepted"),
        ("2", "failed"),
        ("3", "accepted"),
    ]
    assert report.acknowledged == ("1", "3")
    assert not report.searchable


@pytest.mark.parametrize("keys", [("1", "2"), ("1", "1", "2"), ("1", "2", "4"), ("1", "2", "3", "4")])
def test_an_answer_with_gaps_or_strangers_is_malformed(keys: tuple[str, ...]) -> None:
    statuses = tuple(DocumentStatus(id=key, state=STATES.DONE) for key in keys)
    engine = Engine(lambda request, number: Reply(payload=WriteReport(statuses=statuses)))
    with make(engine_adapter(engine)) as broker:
        with pytest.raises(MalformedReply) as caught:
            broker.search.upsert(texts(*"abc"))
        assert caught.value.attempts[0].outcome is Outcome.BAD_REPLY
        assert caught.value.billed is True


def test_max_cost_is_of_all_requests_together() -> None:
    engine = Engine()
    with make(engine_adapter(engine)) as broker:
        with pytest.raises(BudgetExceeded):
            broker.search.upsert(texts(*"abcdefg"), max_cost="0.0006")
        assert engine.upserts == []
        assert broker.search.upsert(texts(*"abcdefg"), max_cost="0.0007").value.ok


def test_an_estimate_is_what_is_booked() -> None:
    with make(engine_adapter(Engine())) as broker:
        given = texts(*"abcdefg", "x" * 600)
        plan = broker.estimate.search.upsert(given)
        assert plan.amount == Decimal("0.0007")
        assert broker.search.upsert(given).cost.amount == plan.amount
        assert broker.estimate.search.query("cat").amount == broker.search.query("cat").cost.amount
        assert broker.estimate.search.suggest("c").amount == broker.search.suggest("c").cost.amount
        assert broker.estimate.search.delete(["1", "2"]).amount == Decimal("0.0002")
        assert broker.estimate.search.status("1").amount == Decimal("0.0001")


def test_what_was_asked_to_be_kept_never_goes_to_another_provider() -> None:
    one, other = Engine(failing({1, 2, 3}, Unavailable("down"))), Engine()
    with make(engine_adapter(one), engine_adapter(other, "other")) as broker:
        with pytest.raises(Unavailable):
            broker.search.upsert(texts("a"), provider=["words", "other"])
        assert other.upserts == []
        # A provider that is not set up was not asked yet.
        assert broker.search.upsert(texts("a"), provider=["aws", "other"]).provenance.provider == "other"


def test_deleting_and_asking_where_documents_stand() -> None:
    engine = Engine()
    with make(engine_adapter(engine)) as broker:
        broker.search.upsert(texts(*"abcd"))
        assert broker.search.delete(["1", "2", "3", "9"]).value.ok
        assert engine.deletes == [("1", "2", "3"), ("9",)]
        assert states(broker.search.status(["1", "4"]).value) == ["absent", "done"]
        assert broker.search.delete("4").value.ok


def test_waiting_asks_only_for_those_that_are_not_found_yet_and_sums_up_the_cost() -> None:
    engine, runtime = Engine(later=3), VirtualRuntime()
    with make(engine_adapter(engine), runtime=runtime) as broker:
        report = broker.search.upsert(texts("a", "b")).value
        assert states(report) == ["accepted", "accepted"]
        result = broker.search.wait_until_indexed(report, deadline=60)
        assert result.value.searchable
        assert len(engine.questions) == 4
        assert result.cost.amount == Decimal("0.0008")
        assert len(result.attempts) == 4
        assert 1.5 < result.latency < 10


def test_waiting_ends_at_its_deadline_and_says_who_is_missing() -> None:
    engine = Engine(later=10**6)
    with make(engine_adapter(engine)) as broker:
        broker.search.upsert(texts("a", "b"))
        with pytest.raises(StillIndexing, match="2 of 2") as caught:
            broker.search.wait_until_indexed(["1", "2"], deadline=100)
        assert caught.value.pending == ("1", "2")
        assert caught.value.cost is not None
        assert caught.value.cost.amount == Decimal("0.0002") * len(engine.questions)
        assert len(engine.questions) < 20


@pytest.mark.parametrize(("takes", "questions"), [(100.0, 1), (40.0, 3)])
def test_a_question_that_takes_too_long_is_not_the_end_of_the_wait_but_its_deadline_is(
    takes: float, questions: int
) -> None:
    engine, runtime = Engine(later=1000), VirtualRuntime()
    made: type[Any] = engine_adapter(engine)

    class Slow(made):  # type: ignore[misc] # the class is made at run time
        def document_status(self, request: Any, context: Any, /) -> Any:
            engine.questions.append(request.ids)
            runtime.advance(takes)
            raise DeadlineExceeded("the answer did not come in time", outcome=Outcome.AMBIGUOUS)

    with make(Slow, runtime=runtime, max_attempts=1) as broker:
        broker.search.upsert(texts("a", "b"))
        with pytest.raises(StillIndexing, match="2 of 2") as caught:
            broker.search.wait_until_indexed(["1", "2"], deadline=100)
    assert caught.value.pending == ("1", "2")
    assert len(engine.questions) == len(caught.value.attempts) == questions
    assert caught.value.report is not None


def test_a_last_question_that_takes_too_long_is_still_indexing_too(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, runtime = Engine(later=10**6), VirtualRuntime()
    words: Any = engine_adapter(engine)
    asked = words.document_status

    def slow(self: Any, request: Any, context: Any) -> Any:
        reply = asked(self, request, context)
        if len(engine.questions) > 2:
            runtime.advance(context.remaining() + 1.0)
            raise DeadlineExceeded("the engine was at work", outcome=Outcome.AMBIGUOUS)
        return reply

    monkeypatch.setattr(words, "document_status", slow)
    with make(words, runtime=runtime) as broker:
        broker.search.upsert(texts("a", "b"))
        with pytest.raises(StillIndexing, match="2 of 2") as caught:
            broker.search.wait_until_indexed(["1", "2"], deadline=10)
    assert caught.value.pending == ("1", "2")
    assert caught.value.report is not None
    assert states(caught.value.report) == ["accepted", "accepted"]
    assert len(caught.value.attempts) == len(engine.questions) == 3
    assert isinstance(caught.value.__cause__, DeadlineExceeded)


def test_one_question_that_takes_too_long_does_not_end_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, runtime = Engine(), VirtualRuntime()
    words: Any = engine_adapter(engine)
    asked = words.document_status

    def slow(self: Any, request: Any, context: Any) -> Any:
        reply = asked(self, request, context)
        if len(engine.questions) == 1:
            runtime.advance(context.remaining() + 1.0)
            raise DeadlineExceeded("the engine was at work", outcome=Outcome.AMBIGUOUS)
        return reply

    monkeypatch.setattr(words, "document_status", slow)
    with make(words, runtime=runtime, deadline=5) as broker:
        broker.search.upsert(texts("a", "b"))
        result = broker.search.wait_until_indexed(["1", "2"], deadline=60)
    assert result.value.searchable
    assert len(result.attempts) == 2


def test_waiting_for_what_was_deleted() -> None:
    with make(engine_adapter(Engine())) as broker:
        broker.search.upsert(texts("a", "b"))
        broker.search.delete(["1", "2"])
        assert states(broker.search.wait_until_indexed(["1", "2"], gone=True).value) == ["absent"] * 2
        with pytest.raises(BadInput, match="nothing to wait for"):
            broker.search.wait_until_indexed(WriteReport(statuses=()))


@pytest.mark.parametrize(
    "bad",
    [
        None,
        "a text",
        b"bytes",
        [],
        {},
        [{"id": ""}],
        [{"id": "1"}],
        [{"content": "x"}],
        [{"id": "1", "content": "x", "colour": "red"}],
        [{"id": "1", "content": "x", "metadata": {"title": "y"}}],
        [{"id": "1", "content": "x", "metadata": {"a b": "y"}}],
        [{"id": "1", "content": "x", "metadata": {"a": object()}}],
        [{"id": "1", "content": "x", "metadata": {"a": [1]}}],
        [{"id": "1", "content": "x", "metadata": {"a": float("nan")}}],
        [{"id": "1", "content": "x\ud83d"}],
        [{"id": "1", "content": 3}],
        [{"id": "a\nb", "content": "x"}],
        [{"id": "1", "content": "x"}, {"id": "1", "content": "y"}],
        [3],
        3,
    ],
)
def test_documents_that_are_none_are_refused(bad: Any) -> None:
    engine = Engine()
    with make(engine_adapter(engine)) as broker, pytest.raises(BadInput):
        broker.search.upsert(bad)
    assert engine.upserts == []


@pytest.mark.parametrize("bad", [None, "", [], [""], [1], b"x", ["a", "a"], " a", 3])
def test_ids_that_are_none_are_refused(bad: Any) -> None:
    engine = Engine()
    with make(engine_adapter(engine)) as broker:
        for method in (broker.search.delete, broker.search.status, broker.search.wait_until_indexed):
            with pytest.raises(BadInput):
                method(bad)
    assert engine.deletes == engine.questions == []


def test_many_documents_come_back_one_by_one_in_their_order() -> None:
    engine = Engine(failing({2}, ProviderFault("nobody knows")))
    given: list[Any] = [*texts(*"abcdefgh"), {"id": ""}, {"id": "1", "content": "again"}]
    with make(engine_adapter(engine)) as broker:
        items = list(broker.search.upsert_many(iter(given), concurrency=1))
    assert [item.index for item in items] == list(range(10))
    assert [item.source for item in items] == given
    assert [item.ok for item in items] == [True] * 3 + [False] * 3 + [True] * 2 + [False, True]
    assert engine.upserts == [("1", "2", "3"), ("4", "5", "6"), ("7", "8"), ("1",)]
    assert isinstance(items[3].error, ProviderFault)
    assert isinstance(items[8].error, BadInput)
    result = items[0].result
    assert result is not None
    assert result.shared == 3
    assert sum(item.result.cost.amount or 0 for item in items if item.result) == Decimal("0.0006")


def test_an_id_that_comes_again_goes_into_a_request_of_its_own() -> None:
    engine = Engine()
    with make(engine_adapter(engine)) as broker:
        given = [{"id": "1", "content": "a"}, {"id": "2", "content": "b"}, {"id": "1", "content": "c"}]
        assert all(item.ok for item in broker.search.upsert_many(given, concurrency=1))
    assert engine.upserts == [("1", "2"), ("1",)]
    assert engine.kept["main"]["1"].content == "c"


def test_of_many_a_documents_own_failure_stands_in_its_place() -> None:
    def wrote(request: UpsertRequest, number: int) -> Reply[WriteReport]:
        how = {"1": (STATES.FAILED, False), "2": (STATES.FAILED, True), "3": (STATES.UNKNOWN, True)}
        return Reply(
            payload=WriteReport(
                statuses=tuple(
                    DocumentStatus(id=key, state=how[key][0], may_retry=how[key][1], reason="so it is")
                    for key in request.keys
                )
            )
        )

    with make(engine_adapter(Engine(wrote))) as broker:
        items = list(broker.search.upsert_many(texts(*"abc")))
    assert [type(item.error) for item in items] == [BadInput, Unavailable, Unavailable]
    assert [item.error.outcome for item in items if item.error] == [
        Outcome.REJECTED,
        Outcome.THROTTLED,
        Outcome.AMBIGUOUS,
    ]


def test_many_takes_few_documents_ahead() -> None:
    taken = 0

    def endless() -> Any:
        nonlocal taken
        while True:
            taken += 1
            yield {"id": str(taken), "content": "x"}

    with make(engine_adapter(Engine())) as broker:
        stream = broker.search.upsert_many(endless(), concurrency=2)
        for _ in range(10):
            next(stream)
        stream.close()
    assert taken < 60


@pytest.mark.parametrize("bad", ["text", b"x", 3, None])
def test_many_of_what_is_no_collection_is_refused_at_once(bad: Any) -> None:
    with make(engine_adapter(Engine())) as broker:
        with pytest.raises(BadInput):
            broker.search.upsert_many(bad)
        with pytest.raises(BadInput, match="concurrency"):
            broker.search.upsert_many([], concurrency=0)
        with pytest.raises(BadInput, match="no option 'idx'"):
            broker.search.upsert_many([], idx="x")  # type: ignore[call-arg]


def test_the_asynchronous_face_does_the_same() -> None:
    engine = Engine(later=2)
    adapter = engine_adapter(engine)

    async def run() -> None:
        async with AsyncBroker(
            adapters=[adapter], provider="words", providers={"words": {"index": "main"}}
        ) as broker:

            async def given() -> Any:
                for each in texts(*"abcdefg"):
                    yield each

            items = [item async for item in broker.search.upsert_many(given())]
            assert [item.ok for item in items] == [True] * 7
            assert (await broker.search.upsert(texts("cat", "cat cat"))).value.ok
            assert (await broker.search.query("cat")).value.ids == ("2", "1")
            assert [each.text for each in (await broker.search.suggest("ca")).value.suggestions] == ["cat"]
            assert (await broker.search.wait_until_indexed(["1"], deadline=60)).value.searchable
            assert (await broker.search.delete("1")).value.ok
            assert states((await broker.search.status("1")).value) == ["absent"]
            assert (await broker.estimate.search.query("cat")).amount == Decimal("0.001")
            assert (await broker.estimate.search.upsert(texts("a"))).amount == Decimal("0.0001")
            many = [item async for item in broker.search.upsert_many(texts("a"))]
            assert many[0].ok

    asyncio.run(run())


def test_an_index_is_the_settings_own_name_or_the_vendors() -> None:
    engine = Engine()
    adapter = engine_adapter(engine)
    with make(adapter, providers={"words": {"indexes": {"manuals": "kb-17", "news": "kb-18"}}}) as broker:
        broker.search.upsert(texts("a"), index="manuals")
        broker.search.upsert(texts("a"), index="raw-id")
        assert set(engine.kept) == {"kb-17", "raw-id"}
        with pytest.raises(Exception, match="which index"):
            broker.search.upsert(texts("a"))
    with make(adapter, providers={"words": {"indexes": {"only": "kb-19"}}}) as broker:
        broker.search.upsert(texts("a"))
        assert "kb-19" in engine.kept
