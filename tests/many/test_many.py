"""``*_many``: results in order, each input's error in its place, vendor batches where there are any, and the same money."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from echo_support import echo
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import AsyncBroker, BadInput, Broker, BudgetExceeded, ProviderError, Throttled, Unavailable
from broker.contract import BatchLimits
from broker.testing.fake import fake_provider, labels
from broker.types import Item

BATCH = BatchLimits(max_items=4)


def make(*adapters: Any, **options: Any) -> Broker:
    return Broker(adapters=list(adapters), provider=[each.manifest.provider for each in adapters], **options)


def batches(adapter: Any) -> list[int]:
    return sorted(len(getattr(each, "items", (each,))) for each in adapter.requests)


def shown(items: Any) -> list[str]:
    return [each.value.label.value if each.ok else type(each.error).__name__ for each in items]


def test_results_come_in_the_order_of_the_inputs_with_errors_in_their_places(photo: bytes) -> None:
    with make(fake_provider([labels("Cat")])) as broker:
        items = list(broker.vision.label_many([photo, b"no picture", photo, "/no/such/file.jpg"]))
    assert [item.index for item in items] == [0, 1, 2, 3]
    assert [item.ok for item in items] == [True, False, True, False]
    assert items[0].value.labels[0].name == "Cat"
    assert items[1].source == b"no picture"
    assert isinstance(items[3].error, BadInput)
    with pytest.raises(BadInput, match="there is no file"):
        _ = items[3].value


WORDS = st.sampled_from(
    ["positive one", "negative", "neutral", "", "x" * 90, "mixed. " * 12, "positive é👩‍👩‍👧"]
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(WORDS, max_size=12),
    st.one_of(st.none(), st.integers(2, 5)),
    st.one_of(st.none(), st.integers(8, 60)),
    st.integers(1, 4),
)
def test_many_equal_single_calls_in_answers_and_money(
    texts: list[str], batch: int | None, room: int | None, concurrency: int
) -> None:
    limits = None if batch is None else BatchLimits(max_items=batch, max_bytes=room)
    many, single = echo(batch=limits), echo(provider="single")
    folder = tempfile.mkdtemp(dir=".")  # of the test, but for each example another
    with make(many, ledger={"path": f"{folder}/many.db"}) as broker:
        items = list(broker.text.sentiment_many(texts, concurrency=concurrency))
        spent = sum((row.amount for row in broker.spend()), Decimal(0))
    alone: list[Any] = []
    cost = Decimal(0)
    with make(single, ledger={"path": f"{folder}/single.db"}) as broker:
        for text in texts:
            try:
                result = broker.text.sentiment(text)
                alone.append(result.value)
                cost += result.cost.amount or Decimal(0)
            except BadInput as error:
                alone.append(str(error))
    assert [item.value if item.ok else str(item.error) for item in items] == alone
    assert sum((item.result.cost.amount or Decimal(0) for item in items if item.result), Decimal(0)) == cost
    assert spent == cost


def test_a_vendors_batch_is_one_request_and_one_row() -> None:
    adapter = echo(batch=BATCH)
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(["positive"] * 10, concurrency=1))
        (row,) = broker.spend()
    assert batches(adapter) == [2, 4, 4]
    assert row.attempts == 3
    assert row.amount == Decimal("0.0030")  # three units each, rounded text by text
    assert {item.result.shared for item in items if item.result} == {2, 4}
    assert all(item.result.cost.amount == Decimal("0.0003") for item in items if item.result)


def test_a_batch_keeps_the_limit_of_bytes() -> None:
    adapter = echo(batch=BatchLimits(max_items=10, max_bytes=20))
    with make(adapter) as broker:
        list(broker.text.sentiment_many(["positive12", "positive12", "positive12", "neutral"], concurrency=1))
    assert batches(adapter) == [2, 2]


def test_an_item_that_fails_inside_an_answer_is_an_error_in_its_place_and_is_not_billed() -> None:
    adapter = echo(batch=BATCH, hook=lambda text: BadInput("not this") if "bad" in text else None)
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(["positive", "bad", "negative"]))
        (row,) = broker.spend()
    assert shown(items) == ["positive", "BadInput", "negative"]
    assert row.amount == Decimal("0.0006")
    assert items[1].error is not None
    assert items[1].error.cost is not None
    assert items[1].error.cost.amount == 0
    assert items[1].error.billed is False
    assert str(items[1].error) == "echo text.sentiment: not this"
    assert items[1].error.call_id == items[0].result.call_id if items[0].result else False


def test_an_item_that_may_have_been_billed_is_counted() -> None:
    adapter = echo(batch=BATCH, hook=lambda text: Unavailable("failed") if "bad" in text else None)
    with make(adapter) as broker:
        list(broker.text.sentiment_many(["positive", "bad"]))
        (row,) = broker.spend()
    assert row.amount == Decimal("0.0006")


def test_a_batch_of_which_every_item_was_refused_costs_nothing() -> None:
    adapter = echo(batch=BATCH, hook=lambda text: None if text == "BATCH" else BadInput("not this"))
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(["a", "b"]))
        (row,) = broker.spend()
    assert shown(items) == ["BadInput", "BadInput"]
    assert (row.amount, row.failed, row.at_risk) == (0, 1, 0)


def test_a_batch_that_fails_whole_fails_each_with_its_share() -> None:
    adapter = echo(batch=BATCH, hook=lambda text: Unavailable("down") if text == "BATCH" else None)
    with make(adapter, max_attempts=1) as broker:
        items = list(broker.text.sentiment_many(["a", "b", "c"]))
    assert shown(items) == ["Unavailable"] * 3
    assert len({id(item.error) for item in items}) == 3
    assert [item.error.cost.upper_bound for item in items if item.error and item.error.cost] == [
        Decimal("0.0003")
    ] * 3


def test_a_throttled_batch_goes_to_the_next_provider_one_by_one() -> None:
    first = echo(
        batch=BATCH, hook=lambda text: Throttled("slow", retry_after=9999) if text == "BATCH" else None
    )
    second = echo(provider="other")
    with make(first, second) as broker:
        items = list(broker.text.sentiment_many(["positive", "negative"]))
    assert shown(items) == ["positive", "negative"]
    assert (batches(first), batches(second)) == ([2], [1, 1])
    assert items[0].result is not None
    assert "slow" in items[0].result.provenance.passed_over[0]


def test_a_budget_with_room_for_some_answers_those() -> None:
    adapter = echo(batch=BATCH)
    with make(adapter, budgets={"all": {"limit": "0.0006"}}) as broker:
        items = list(broker.text.sentiment_many(["positive", "negative", "neutral"], concurrency=1))
        (row,) = broker.spend()
    assert shown(items) == ["positive", "negative", "BudgetExceeded"]
    assert isinstance(items[2].error, BudgetExceeded)
    assert row.amount == Decimal("0.0006")


def test_what_is_too_long_for_a_batch_goes_alone_in_parts() -> None:
    adapter = echo(batch=BATCH, limit=40)
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(["positive", "negative. " * 8, "neutral"], concurrency=1))
    assert shown(items) == ["positive", "negative", "neutral"]
    assert batches(adapter) == [1, 1, 2]
    assert items[1].value.aggregated


@pytest.mark.parametrize("answers", [(), ("one too few",)])
def test_an_adapter_that_leaves_an_item_out_is_a_malformed_reply(answers: tuple[str, ...]) -> None:
    from broker.contract import Batch, Reply

    adapter = echo(batch=BATCH)
    adapter.sentiment_batch = lambda self, request, context: Reply(payload=Batch(items=answers))  # type: ignore[method-assign, assignment, arg-type, misc]
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(["a", "b"]))
    assert shown(items) == ["MalformedReply"] * 2


def test_inputs_are_taken_as_they_are_needed() -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for number in itertools.count():
            taken += 1
            yield f"positive {number}"

    with make(echo()) as broker:
        found = broker.text.sentiment_many(endless(), concurrency=2)
        assert taken == 0
        assert [next(found).index for _ in range(5)] == [0, 1, 2, 3, 4]
        found.close()  # type: ignore[attr-defined] # an iterator that can be left
    assert taken <= 12


def test_no_more_requests_are_on_their_way_than_asked_for() -> None:
    inside, most = 0, 0
    lock, all_in = threading.Lock(), threading.Barrier(3, timeout=150)

    def counting(text: str) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        all_in.wait()
        with lock:
            inside -= 1

    with make(echo(hook=counting)) as broker:
        list(broker.text.sentiment_many(["a"] * 9, concurrency=3))
    assert most == 3


@pytest.mark.parametrize(
    ("sources", "options", "words"),
    [
        ("one text", {}, "without _many"),
        (b"one picture", {}, "without _many"),
        (7, {}, "iterable"),
        (["a"], {"concurrency": 0}, "concurrency"),
        (["a"], {"concurrency": 1000}, "at most 256"),
        (["a"], {"concurrency": True}, "concurrency"),
        (["a"], {"languge": "en"}, "did you mean 'language'"),
        (["a"], {"max_cost": 0.1}, "floats"),
    ],
)
def test_a_slip_is_told_at_once(sources: Any, options: dict[str, Any], words: str) -> None:
    with make(echo()) as broker, pytest.raises(BadInput, match=words):
        broker.text.sentiment_many(sources, **options)


def test_max_cost_is_of_each_input() -> None:
    adapter = echo(batch=BATCH)
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(["positive"] * 3, max_cost="0.0003"))
        dear = list(broker.text.sentiment_many(["positive"] * 3, max_cost="0.0002"))
    assert shown(items) == ["positive"] * 3
    assert shown(dear) == ["BudgetExceeded"] * 3


def test_an_input_that_raises_ends_the_iteration_and_nothing_is_lost() -> None:
    def failing() -> Iterator[str]:
        yield "positive"
        raise RuntimeError("the source broke")

    adapter = echo()
    with make(adapter) as broker:
        with pytest.raises(RuntimeError, match="the source broke"):
            list(broker.text.sentiment_many(failing()))
        (row,) = broker.spend()
    assert row.attempts == len(adapter.requests) == 1


async def _all(items: AsyncIterator[Item[Any]]) -> list[Item[Any]]:
    return [item async for item in items]


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("batch", [None, BATCH])
def test_the_async_face_does_the_same(asynchronous: bool, batch: BatchLimits | None) -> None:
    texts = ["positive", "", "negative", "x" * 90, "neutral", "bad"]

    async def told() -> AsyncIterator[str]:
        for text in texts:
            await asyncio.sleep(0)
            yield text

    async def run() -> list[str]:
        adapter = echo(batch=batch, hook=lambda text: BadInput("no") if text == "bad" else None)
        async with AsyncBroker(adapters=[adapter], provider="echo") as broker:
            source: Any = told() if asynchronous else texts
            return shown(await _all(broker.text.sentiment_many(source, concurrency=3)))

    assert asyncio.run(run()) == ["positive", "BadInput", "negative", "neutral", "neutral", "BadInput"]


def test_leaving_an_async_iteration_cancels_what_was_begun_and_books_it() -> None:
    async def run() -> None:
        adapter = echo()
        async with AsyncBroker(adapters=[adapter], provider="echo") as broker:
            items = broker.text.sentiment_many((f"positive {n}" for n in range(100)), concurrency=2)
            assert (await anext(items)).index == 0
            await items.aclose()  # type: ignore[attr-defined]
            (row,) = broker.spend()
            assert (
                1 <= len(adapter.requests) <= row.attempts < 100
            )  # what had not begun is booked as not sent
            assert row.open == 0

    asyncio.run(run())


def test_every_error_that_may_stand_in_an_item_can_be_copied() -> None:
    import copy

    for kind in ProviderError.__subclasses__():
        error = kind("words", provider="aws", retry_after=3.0, code="X")
        again = copy.copy(error)
        assert (str(again), again.retry_after, again.outcome) == (str(error), 3.0, error.outcome)


def test_waiting_for_others_of_a_group_takes_nothing_of_a_deadline() -> None:
    from broker.runtime.virtual import VirtualRuntime

    runtime = VirtualRuntime()
    adapter = echo(batch=BATCH, limit=10, hook=lambda text: runtime.advance(3.0))
    with make(adapter, runtime=runtime) as broker:
        items = list(broker.text.sentiment_many(["positive alone"] * 4, concurrency=1, deadline=8))
    assert [item.ok for item in items] == [True] * 4


def test_a_share_is_what_the_vendor_bills_for_it() -> None:
    adapter = echo(batch=BATCH)
    texts = ["positive", "neutral " * 4, "negative"]  # three units each at the least; the second has four
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(texts))
    assert [item.result.cost.amount for item in items if item.result] == [
        Decimal("0.0003"),
        Decimal("0.0004"),
        Decimal("0.0003"),
    ]
