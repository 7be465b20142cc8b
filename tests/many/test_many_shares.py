"""What one input of many costs, where several go in one request: its share, its cap, and what was tried for it before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import pytest
from echo_support import echo

from broker import BadInput, Broker, MalformedReply, Throttled, Unavailable
from broker.contract import BatchLimits
from broker.errors import Outcome
from broker.types import DocumentSentiment, Item
from broker.types.call import AttemptKind
from broker.types.money import Billed

BATCH = BatchLimits(max_items=4)
SMALL, LARGE = "positive", "negative " * 40
"""Three units, and 36."""


def make(*adapters: Any, **options: Any) -> Broker:
    return Broker(adapters=list(adapters), provider=[each.manifest.provider for each in adapters], **options)


def shown(items: Any) -> list[str]:
    return [each.value.label.value if each.ok else type(each.error).__name__ for each in items]


def bounds(items: list[Item[Any]]) -> list[Decimal | None]:
    costs = [item.result.cost if item.result else item.error.cost if item.error else None for item in items]
    return [None if cost is None else cost.upper_bound for cost in costs]


def test_an_input_that_passes_its_max_cost_is_not_paid_out_of_the_others_room() -> None:
    adapter = echo(batch=BATCH, limit=4000)
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many([SMALL, LARGE, SMALL, SMALL], max_cost="0.0020"))
        (row,) = broker.spend()
    assert shown(items) == ["positive", "BudgetExceeded", "positive", "positive"]
    assert row.amount == Decimal("0.0009")


def test_no_share_passes_max_cost_by_repetitions() -> None:
    adapter = echo(
        batch=BATCH, limit=4000, hook=lambda text: Unavailable("down") if text == "BATCH" else None
    )
    with make(adapter, limits={"retry_ratio": 1.0}) as broker:
        items = list(broker.text.sentiment_many([SMALL, LARGE, SMALL], max_cost="0.0040"))
    # 0.0039 for the large one once; a second time would be covered only by what the small ones leave.
    assert len(adapter.requests) == 1
    assert bounds(items) == [Decimal("0.0003"), Decimal("0.0036"), Decimal("0.0003")]


@pytest.mark.parametrize(
    ("ambiguous", "error"),
    [(False, Unavailable("down")), (True, Unavailable("lost", outcome=Outcome.AMBIGUOUS))],
)
def test_what_a_lost_batch_may_have_cost_is_told_where_another_takes_over(
    ambiguous: bool, error: Unavailable
) -> None:
    first = echo(batch=BATCH, hook=lambda text: error if text == "BATCH" else None)
    second = echo(provider="other")
    with make(first, second, max_attempts=1, retry_ambiguous=ambiguous) as broker:
        items = list(broker.text.sentiment_many(["positive", "negative"], concurrency=1))
        rows = broker.spend()
    assert shown(items) == ["positive", "negative"]
    assert bounds(items) == [Decimal("0.0006")] * 2
    assert sum((row.amount + row.at_risk for row in rows), Decimal(0)) == Decimal("0.0012")
    result = items[0].result
    assert result is not None
    assert [each.kind for each in result.attempts] == [AttemptKind.FIRST, AttemptKind.FALLBACK]
    assert result.attempts[1].why == "echo: Unavailable"


def test_what_a_lost_batch_may_have_cost_counts_below_max_cost() -> None:
    first = echo(batch=BATCH, hook=lambda text: Unavailable("down") if text == "BATCH" else None)
    second = echo(provider="other")
    with make(first, second, max_attempts=1) as broker:
        items = list(broker.text.sentiment_many(["positive", "negative"], max_cost="0.0003"))
    assert shown(items) == ["BudgetExceeded"] * 2
    assert second.requests == []
    assert bounds(items) == [Decimal("0.0003")] * 2


def test_a_batch_whose_repetition_is_refused_is_not_bought_again_one_by_one() -> None:
    first = echo(batch=BATCH, hook=lambda text: Unavailable("down") if text == "BATCH" else None)
    with make(first, limits={"retry_ratio": 1.0}) as broker:
        items = list(broker.text.sentiment_many(["positive", "negative"], max_cost="0.0004"))
    assert len(first.requests) == 1
    assert shown(items) == ["BudgetExceeded"] * 2
    assert bounds(items) == [Decimal("0.0003")] * 2


def test_everybody_failing_behind_a_batch_is_an_error_of_each_input() -> None:
    first = echo(
        batch=BATCH, hook=lambda text: Throttled("slow", retry_after=9999) if text == "BATCH" else None
    )
    second = echo(provider="other", hook=lambda text: Throttled("slow, too", retry_after=9999))
    with make(first, second) as broker:
        items = list(broker.text.sentiment_many(["positive", "negative"]))
    assert shown(items) == ["Throttled"] * 2


def test_one_input_for_which_the_vendor_refuses_the_request_does_not_touch_the_others() -> None:
    adapter = echo(batch=BATCH, hook=lambda text: BadInput("not this") if text in ("BATCH", "bad") else None)
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(["positive", "bad", "negative"], concurrency=1))
        (row,) = broker.spend()
    assert shown(items) == ["positive", "BadInput", "negative"]
    assert row.amount == Decimal("0.0006")


def test_a_claim_of_batches_without_a_method_does_not_change_who_answers() -> None:
    first, second = echo(batch=BATCH), echo(provider="other", batch=BATCH)
    first.sentiment_batch = None  # type: ignore[assignment]
    with make(first, second) as broker:
        items = list(broker.text.sentiment_many(["positive", "negative"]))
    assert [item.result.provenance.provider for item in items if item.result] == ["echo", "echo"]


@pytest.mark.parametrize("amount", ["sNaN", "NaN", "Infinity", "-1"])
def test_a_cap_that_cannot_be_meant_is_told_at_once(amount: str) -> None:
    with make(echo(batch=BATCH)) as broker, pytest.raises(BadInput, match="max_cost must be"):
        broker.text.sentiment_many(["a", "b"], max_cost=amount)


def test_a_cap_above_all_amounts_is_none() -> None:
    with make(echo(batch=BATCH)) as broker:
        items = list(broker.text.sentiment_many(["positive", "b"], max_cost="1e999999"))
        estimate = broker.estimate.text.sentiment("positive", max_cost="1e999999")
    assert [item.ok for item in items] == [True] * 2
    assert estimate.first is not None


def test_shares_add_up_whatever_precision_the_program_reckons_with() -> None:
    adapter = echo(batch=BATCH, limit=4000)
    with make(adapter) as broker, localcontext() as context:
        context.prec = 2
        items = list(broker.text.sentiment_many([SMALL, LARGE, SMALL], concurrency=1))
    assert bounds(items) == [Decimal("0.0003"), Decimal("0.0036"), Decimal("0.0003")]


def test_an_error_that_cannot_be_copied_stands_in_each_place() -> None:
    class Odd(Unavailable):
        def __init__(self, one: str, two: str) -> None:
            super().__init__(one + two)

    adapter = echo(batch=BATCH, hook=lambda text: Odd("do", "wn") if text == "BATCH" else None)
    with make(adapter, max_attempts=1) as broker:
        assert shown(broker.text.sentiment_many(["a", "b"])) == ["Odd"] * 2


def test_an_asynchronous_iterable_is_refused_by_the_sync_face() -> None:
    async def told() -> AsyncIterator[str]:
        yield "a"

    with make(echo()) as broker, pytest.raises(BadInput, match="AsyncBroker"):
        broker.text.sentiment_many(told())  # type: ignore[arg-type] # the slip that is meant


def test_what_a_lost_request_may_have_cost_is_of_all_and_an_unbilled_input_has_no_part_of_the_second() -> (
    None
):
    lost: list[str] = []

    def first_is_lost(text: str) -> Unavailable | BadInput | None:
        if text == "BATCH" and not lost:
            lost.append(text)
            return Unavailable("down")
        return BadInput("not this") if text == "bad" else None

    adapter = echo(batch=BATCH, hook=first_is_lost)
    with make(adapter, limits={"retry_ratio": 1.0}) as broker:
        items = list(broker.text.sentiment_many(["positive", "bad", "negative"], max_cost="0.0006"))
        (row,) = broker.spend()
    assert shown(items) == ["positive", "BadInput", "negative"]
    assert bounds(items) == [Decimal("0.0006"), Decimal("0.0003"), Decimal("0.0006")]
    assert (row.amount, row.at_risk) == (Decimal("0.0006"), Decimal("0.0009"))


def test_an_input_that_is_not_billed_says_so() -> None:
    adapter = echo(batch=BATCH, hook=lambda text: BadInput("not this") if text == "bad" else None)
    with make(adapter) as broker:
        items = list(broker.text.sentiment_many(["positive", "bad"]))
    error = items[1].error
    assert error is not None
    assert error.cost is not None
    assert (error.cost.billed, error.cost.amount, error.billed) == (Billed.NO, 0, False)


def test_an_answer_that_cannot_be_filtered_is_charged_its_share_and_not_the_whole_batch() -> None:
    class Broken(DocumentSentiment):
        def select(self, request: Any) -> DocumentSentiment:
            raise KeyError("the adapter's own slip")

    adapter = echo(batch=BatchLimits(max_items=4))
    real = adapter._judged

    def judged(self: Any, request: Any) -> Any:
        good = real(self, request)
        if request.text != "broken":
            return good
        return replace(good, payload=Broken(document=good.payload.document))

    adapter._judged = judged  # type: ignore[method-assign] # a slip of this adapter
    with Broker(adapters=[adapter], provider="echo") as broker:
        items = list(broker.text.sentiment_many(["positive", "broken"]))
        (row,) = broker.spend()
    error = items[1].error
    assert isinstance(error, MalformedReply)
    assert error.cost is not None
    assert (error.attempts, error.cost.amount, error.billed) == ((), row.amount / 2, True)
