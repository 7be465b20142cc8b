"""What an error tells when a call had more than one attempt, and when adapters tell odd things."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pipeline_support import GOOD, PICTURE, busy, down, make, seen

from broker.contract.faults import fault_error
from broker.contract.hints import LONGEST_HINT, retry_hint
from broker.errors import (
    AllProvidersFailed,
    BrokerError,
    BudgetExceeded,
    DeadlineExceeded,
    Outcome,
    ProviderError,
    Throttled,
    Unavailable,
)
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_provider

LAST = {
    "never reached on the second try": (down(Outcome.NOT_SENT), {}),
    "rejected on the second try": (down(Outcome.REJECTED), {}),
    "too dear on the second try": (GOOD, {"max_cost": "0.0015"}),
    "late on the second try": (DeadlineExceeded("late"), {}),
}


@pytest.mark.parametrize("words", LAST)
def test_an_error_says_billed_of_the_whole_call(words: str) -> None:
    last, options = LAST[words]
    with make(fake_provider([down(), last]), max_attempts=2) as broker, pytest.raises(BrokerError) as caught:
        broker.vision.label(PICTURE, **options)
    assert caught.value.billed is None, "the first attempt may have been billed"
    assert caught.value.cost is not None
    assert caught.value.cost.billed == "unknown"


def test_the_failure_of_all_says_how_far_the_call_got() -> None:
    one = fake_provider([down(Outcome.SERVER)], provider="one")
    two = fake_provider([down(Outcome.NOT_SENT)], provider="two")
    three = fake_provider([down(Outcome.NOT_SENT)], provider="three")
    with make(one, two, three, max_attempts=1) as broker:
        with pytest.raises(AllProvidersFailed) as caught:
            broker.vision.label(PICTURE, provider=["one", "two"])
        assert caught.value.outcome is Outcome.SERVER
        with pytest.raises(AllProvidersFailed) as caught:
            broker.vision.label(PICTURE, provider=["two", "three"])
        assert (caught.value.outcome, caught.value.billed) == (Outcome.NOT_SENT, False)


@pytest.mark.parametrize(
    "error", [DeadlineExceeded("late"), BudgetExceeded("no")], ids=lambda e: type(e).__name__
)
def test_what_ends_a_retry_tells_of_the_attempt_before(error: BrokerError) -> None:
    first = down(Outcome.SERVER, code="X1")
    with make(fake_provider([first, error])) as broker, pytest.raises(type(error)) as caught:
        broker.vision.label(PICTURE)
    assert "X1" in caught.value.__notes__[0]
    if isinstance(caught.value, DeadlineExceeded):
        assert caught.value.last_error is first


@pytest.mark.parametrize("odd", [-5.0, math.nan, "5", -math.inf])
def test_a_hint_that_nobody_can_wait_for_is_none(odd: Any) -> None:
    runtime = VirtualRuntime()
    error = Unavailable("later", retry_after=odd)
    assert error.retry_after is None
    with make(fake_provider([error, GOOD]), runtime=runtime) as broker:
        assert len(broker.vision.label(PICTURE).attempts) == 2
    assert 0.0 < sum(runtime.slept) < 1.0


@pytest.mark.parametrize("far", [1e18, math.inf])
def test_a_hint_in_another_age_is_a_month(far: float) -> None:
    assert Throttled("later", retry_after=far).retry_after == LONGEST_HINT
    made = fault_error({}, status=429, code=None, message="later", retry_after=far)
    assert made.retry_after == LONGEST_HINT
    assert made.retry_at is not None


@pytest.mark.parametrize("kind", [Throttled, Unavailable])
@pytest.mark.parametrize("zone", [UTC, None])
def test_an_instant_to_come_back_at_is_waited_for(kind: type[ProviderError], zone: Any) -> None:
    runtime = VirtualRuntime()
    back = (runtime.now() + timedelta(seconds=12)).replace(tzinfo=zone)
    adapter = fake_provider([kind("later", retry_at=back), GOOD])
    with make(adapter, runtime=runtime) as broker:
        broker.vision.label(PICTURE, deadline=60)
    assert 12.0 <= runtime.monotonic() < 14.0
    assert seen(adapter) == 2


def test_a_span_is_told_as_an_instant_too() -> None:
    runtime = VirtualRuntime()
    with make(fake_provider([busy(100)]), runtime=runtime) as broker, pytest.raises(Throttled) as caught:
        broker.vision.label(PICTURE, deadline=10)
    assert caught.value.retry_at == runtime.now() + timedelta(seconds=100)


@pytest.mark.parametrize(
    "garbage", ["Wed, 21 Oct 2015 07:28:00 -99999999999999", "Wed, 21 Oct 215 7777222228:00 555MT"]
)
def test_a_date_with_too_many_digits_is_no_hint(garbage: str) -> None:
    assert retry_hint({"retry-after": garbage}, datetime(2026, 1, 1, tzinfo=UTC)) is None


def test_another_provider_is_asked_where_only_the_wait_was_too_long() -> None:
    runtime = VirtualRuntime(seed=1)

    def fail(*_: object) -> Any:
        runtime.advance(0.999)
        raise down(Outcome.SERVER)

    one, two = fake_provider(fail, provider="one"), fake_provider(provider="two")
    with make(one, two, runtime=runtime) as broker:
        result = broker.vision.label(PICTURE, provider=["one", "two"], deadline=1.0)
    assert [each.provider for each in result.attempts] == ["one", "two"]
    assert result.attempts[-1].why == "one: DeadlineExceeded"


def test_a_repetition_that_was_lost_is_not_bought_elsewhere() -> None:
    lost = DeadlineExceeded("late", outcome=Outcome.AMBIGUOUS)
    one, two = fake_provider([down(), lost], provider="one"), fake_provider(provider="two")
    with make(one, two) as broker, pytest.raises(DeadlineExceeded):
        broker.vision.label(PICTURE, provider=["one", "two"])
    assert seen(two) == 0


def test_a_provider_that_is_named_twice_is_no_other_provider() -> None:
    one = fake_provider([down()])
    with make(one, max_attempts=2) as broker, pytest.raises(Unavailable):
        broker.vision.label(PICTURE, provider=["fake", "fake"])
    assert seen(one) == 2


@pytest.mark.parametrize(
    ("status", "next_step"),
    [(429, "send less"), (503, "use another provider"), (599, "report it"), (402, "billing")],
)
def test_a_refusal_says_what_to_do_next_whatever_the_vendor_says(status: int, next_step: str) -> None:
    error = fault_error({}, status=status, code=None, message="no", headers={"retry-after": "61"})
    assert next_step in str(error)
    assert "it asks to wait 61 s" in str(error)
