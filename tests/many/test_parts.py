"""A text longer than the vendor takes: sent in parts, each with its own row and charge, joined into one answer."""

from __future__ import annotations

from decimal import Decimal

import pytest
from echo_support import echo
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import BadInput, Broker, BudgetExceeded, ProviderFault, Throttled, Unavailable
from broker.contract import TextUnit, size_of
from broker.types import Polarity


def make(*adapters: object, **options: object) -> Broker:
    return Broker(adapters=list(adapters), provider=[a.manifest.provider for a in adapters], **options)  # type: ignore[arg-type, attr-defined]


def test_each_part_is_a_request_a_row_and_a_charge() -> None:
    adapter = echo(limit=40)
    text = "Anna met Bert. " * 6
    with make(adapter) as broker:
        result = broker.text.entities(text)
        (row,) = broker.spend()
    assert len(adapter.requests) == len(result.attempts) == row.attempts == 3
    assert [each.text for each in adapter.requests] == ["Anna met Bert. " * 2] * 3
    assert [each.why for each in result.attempts] == ["part 1 of 3", "part 2 of 3", "part 3 of 3"]
    # 30 characters are three units each: what three requests are billed, not one of 90.
    assert result.cost.amount == row.amount == Decimal("0.0009")
    assert result.value.aggregated
    assert [text[each.begin : each.end] for each in result.value.entities] == ["Anna", "Bert."] * 6


@settings(max_examples=40)
@given(
    st.lists(
        st.sampled_from(["Ada ", "bob. ", "Élan ", "x\n", "日本。", "👩‍👩‍👧 ", "שלום "]),
        min_size=1,
        max_size=40,
    ).map("".join),
    st.sampled_from(TextUnit),
    st.integers(20, 60),
)
def test_offsets_are_those_of_the_whole_text(text: str, unit: TextUnit, limit: int) -> None:
    adapter = echo(limit=limit, unit=unit)
    if text.isspace():
        return
    with make(adapter) as broker:
        result = broker.text.entities(text)
    assert all(size_of(each.text, unit) <= limit for each in adapter.requests)
    for entity in result.value.entities:
        assert text[entity.begin : entity.end] == entity.text


def test_sentiment_is_weighed_by_length_and_marked() -> None:
    adapter = echo(limit=40)
    with make(adapter) as broker:
        mixed = broker.text.sentiment(
            "positive is this long one here, see. " + "negative it was in this one, hear. "
        )
        mostly = broker.text.sentiment("positive is this long one here, see. " * 3 + "negative was it.")
    assert mixed.value.label is Polarity.MIXED
    assert mostly.value.label is Polarity.POSITIVE
    for each in (mixed.value, mostly.value):
        assert each.aggregated
        assert each.document.derived
        assert each.document.rule == "by-length-1"
        assert each.document.confidence.value is None


def test_a_text_that_fits_goes_as_it_is() -> None:
    adapter = echo(limit=40)
    with make(adapter) as broker:
        result = broker.text.entities("Anna met Bert.")
    assert not result.value.aggregated
    assert len(adapter.requests) == 1


def test_a_part_of_nothing_but_space_is_not_sent() -> None:
    adapter = echo(limit=20)
    with make(adapter) as broker:
        result = broker.text.entities("Anna came. " + " " * 100 + "Bert went.")
    assert [each.text.strip() for each in adapter.requests] == ["Anna came.", "Bert went."]
    assert [each.begin for each in result.value.entities] == [0, 111]


@pytest.mark.parametrize("text", [" " * 30 + "Anna came.", "Anna came. " + " " * 30])
def test_one_part_that_is_left_when_space_is_dropped_is_sent_without_it(text: str) -> None:
    adapter = echo(limit=20)
    with make(adapter) as broker:
        estimate = broker.estimate.text.entities(text)
        result = broker.text.entities(text)
    (sent,) = adapter.requests
    assert len(sent.text) <= 20
    assert [text[each.begin : each.end] for each in result.value.entities] == ["Anna"]
    assert estimate.first is not None
    assert estimate.first.amount == result.cost.amount


def test_where_texts_are_not_cut_a_long_one_is_refused_unsent() -> None:
    adapter = echo(limit=40, cut=False)
    with make(adapter) as broker, pytest.raises(BadInput, match="41 characters is above the limit of 40"):
        broker.text.entities("x" * 41)
    assert adapter.requests == []


def test_parts_that_together_pass_the_callers_cap_are_not_begun() -> None:
    adapter = echo(limit=40)
    with make(adapter) as broker:
        estimate = broker.estimate.text.entities("Anna met Bert. " * 6, max_cost="0.0008")
        with pytest.raises(BudgetExceeded) as caught:
            broker.text.entities("Anna met Bert. " * 6, max_cost="0.0008")
    assert adapter.requests == []
    assert caught.value.attempts == ()
    assert "3 parts" in " ".join(caught.value.__notes__)
    assert estimate.candidates[0].refused_by == ("max_cost",)


def test_the_callers_cap_holds_over_all_parts_and_their_repetitions() -> None:
    second: list[str] = []

    def fails_once(text: str) -> ProviderFault | Unavailable | None:
        if "Carl" in text and not second:
            second.append(text)
            return Unavailable("failed; it may have been billed")
        return None

    adapter = echo(limit=40, hook=fails_once)
    with make(adapter, limits={"retry_ratio": 1.0}) as broker, pytest.raises(BudgetExceeded) as caught:
        broker.text.entities("Anna met Bert. " * 2 + "Carl met Dora. " * 4, max_cost="0.0010")
    assert len(adapter.requests) == 3
    assert caught.value.cost is not None
    assert caught.value.cost.upper_bound == Decimal("0.0009")
    assert "part 3 of 3" in " ".join(caught.value.__notes__)


def test_a_budget_stops_between_parts_to_the_last_unit() -> None:
    adapter = echo(limit=40)
    with make(adapter, budgets={"all": {"limit": "0.0006"}}) as broker:
        with pytest.raises(BudgetExceeded):
            broker.text.entities("Anna met Bert. " * 6)
        (row,) = broker.spend()
    assert row.amount == Decimal("0.0006")


def test_what_is_paid_for_some_parts_is_not_paid_again_elsewhere() -> None:
    def third_fails(text: str) -> ProviderFault | None:
        return Throttled("slow down", retry_after=10_000) if "Carl" in text else None

    first, second = echo(limit=40, hook=third_fails), echo(provider="other", limit=4000)
    with make(first, second) as broker, pytest.raises(Throttled) as caught:
        broker.text.entities("Anna met Bert. " * 4 + "Carl met Dora. " * 2)
    assert len(first.requests) == 3
    assert second.requests == []
    assert caught.value.billed is True


def test_another_takes_over_where_nothing_is_paid_yet() -> None:
    first = echo(limit=40, hook=lambda text: Throttled("slow down", retry_after=10_000))
    second = echo(provider="other", limit=4000)
    with make(first, second) as broker:
        result = broker.text.entities("Anna met Bert. " * 6)
    assert (len(first.requests), len(second.requests)) == (1, 1)
    assert not result.value.aggregated
    assert result.provenance.provider == "other"


def test_each_part_has_its_own_repetitions() -> None:
    failed: list[str] = []

    def once_each(text: str) -> ProviderFault | None:
        if text in failed:
            return None
        failed.append(text)
        return Throttled("slow down", retry_after=0)

    adapter = echo(limit=16, hook=once_each)
    with make(adapter, limits={"retry_ratio": 1.0}) as broker:
        result = broker.text.entities("Anna met Bert. Carl met Dora. ")
    assert [each.kind.value for each in result.attempts] == ["first", "retry", "first", "retry"]


def test_an_estimate_counts_every_part() -> None:
    adapter = echo(limit=40)
    text = "Anna met Bert. " * 6
    with make(adapter) as broker:
        estimate = broker.estimate.text.entities(text)
        result = broker.text.entities(text)
    assert estimate.first is not None
    assert estimate.first.amount == result.cost.amount
