"""What is tried again, when, how often, and what is said when there is no time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_support import GOOD, PICTURE, busy, down, make, rows, seen

from broker import BrokerError, DeadlineExceeded, ProviderError, Throttled, Unavailable, Unsupported
from broker.errors import RETRYABLE, Outcome
from broker.pipeline.retry import BASE_SECONDS, LONGEST_SECONDS
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_provider

FAILURES = [outcome for outcome in Outcome if outcome is not Outcome.DONE]


@pytest.mark.parametrize("outcome", FAILURES, ids=lambda each: each.value)
@pytest.mark.parametrize("ambiguous", [False, True], ids=["", "retry_ambiguous"])
def test_only_what_may_be_repeated_is_repeated(outcome: Outcome, ambiguous: bool) -> None:
    adapter = fake_provider([down(outcome), GOOD])
    repeated = outcome in RETRYABLE or (ambiguous and outcome is Outcome.AMBIGUOUS)
    with make(adapter, retry_ambiguous=ambiguous) as broker:
        if repeated:
            result = broker.vision.label(PICTURE)
            assert [each.outcome for each in result.attempts] == [outcome, Outcome.DONE]
        else:
            with pytest.raises(Unavailable) as caught:
                broker.vision.label(PICTURE)
            assert caught.value.outcome is outcome
    assert seen(adapter) == len(rows()) == (2 if repeated else 1)


@pytest.mark.parametrize("most", [1, 2, 3, 10])
def test_attempts_end_at_the_limit_with_the_last_error(most: int) -> None:
    errors = [down(code=f"e{number}") for number in range(20)]
    adapter = fake_provider(errors)
    runtime = VirtualRuntime()
    limits = {"breaker": False}  # else the fifth failure in a row would be the last
    with (
        make(adapter, runtime=runtime, max_attempts=most, limits=limits) as broker,
        pytest.raises(Unavailable) as caught,
    ):
        broker.vision.label(PICTURE, deadline=1000)
    assert caught.value is errors[most - 1]
    assert seen(adapter) == len(rows()) == most
    assert len(runtime.slept) == most - 1
    assert [row["number"] for row in rows()] == list(range(1, most + 1))


def test_the_attempts_of_a_call_share_its_idempotency_key_and_are_numbered() -> None:
    adapter = fake_provider([down(), down(), GOOD])
    with make(adapter) as broker:
        result = broker.vision.label(PICTURE)
    assert {each.idempotency_key for each in adapter.play.seen} == {f"b1-{result.call_id}"}
    assert [each.attempt for each in adapter.play.seen] == [1, 2, 3]
    assert [each.number for each in result.attempts] == [1, 2, 3]
    assert len({each.id for each in result.attempts}) == 3


@pytest.mark.parametrize("hint", [0.0, 0.5, 3.0, 25.0])
def test_a_hint_is_waited_for_with_a_little_more(hint: float) -> None:
    runtime = VirtualRuntime()
    with make(fake_provider([busy(hint), GOOD]), runtime=runtime) as broker:
        broker.vision.label(PICTURE, deadline=60)
    (waited,) = runtime.slept
    assert hint <= waited <= hint * 1.1 + 0.05


@pytest.mark.parametrize("hint", [10.0, 3600.0, 2678400.0])
def test_a_hint_beyond_the_deadline_is_raised_at_once_with_the_hint(hint: float) -> None:
    runtime = VirtualRuntime()
    adapter = fake_provider([busy(hint), GOOD])
    with make(adapter, runtime=runtime) as broker, pytest.raises(Throttled) as caught:
        broker.vision.label(PICTURE, deadline=10)
    assert caught.value.retry_after == hint
    assert runtime.slept == []
    assert seen(adapter) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_waits_are_full_jitter_that_doubles_up_to_its_cap(seed: int) -> None:
    runtime = VirtualRuntime(seed=seed)
    with (
        make(fake_provider([down()]), runtime=runtime, max_attempts=10, limits={"breaker": False}) as broker,
        pytest.raises(Unavailable),
    ):
        broker.vision.label(PICTURE, deadline=86400)
    assert len(runtime.slept) == 9
    for number, waited in enumerate(runtime.slept):
        assert 0.0 <= waited <= min(LONGEST_SECONDS, BASE_SECONDS * 2**number)


def test_waits_use_the_whole_range_and_differ() -> None:
    firsts = []
    for seed in range(60):
        runtime = VirtualRuntime(seed=seed)
        with make(fake_provider([down(), GOOD]), runtime=runtime) as broker:
            broker.vision.label(PICTURE)
        firsts += runtime.slept
    assert min(firsts) < BASE_SECONDS * 0.2
    assert max(firsts) > BASE_SECONDS * 0.8
    assert len(set(firsts)) == 60


def slow(runtime: VirtualRuntime, seconds: float, error: BaseException) -> Any:
    def answer(request: object, context: object) -> Any:
        runtime.advance(seconds)
        raise error

    return answer


def test_when_no_time_is_left_the_last_error_is_told_with_the_deadline() -> None:
    runtime = VirtualRuntime()
    error = down(Outcome.SERVER, code="X1")
    adapter = fake_provider(slow(runtime, 4.0, error))
    with make(adapter, runtime=runtime, max_attempts=10) as broker, pytest.raises(DeadlineExceeded) as caught:
        broker.vision.label(PICTURE, deadline=5)
    assert caught.value.last_error is error
    assert caught.value.__cause__ is error
    assert caught.value.outcome is Outcome.SERVER
    assert caught.value.billed is None, "the vendor failed on its side: it may charge"
    assert "X1" in str(caught.value)
    assert runtime.monotonic() <= 5 + 4, "nothing is begun behind the deadline"
    assert seen(adapter) == len(rows()) <= 2


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    deadline=st.floats(0.1, 30),
    takes=st.floats(0, 10),
    hints=st.lists(st.none() | st.floats(0, 20), min_size=1, max_size=6),
    seed=st.integers(0, 100),
)
def test_no_attempt_begins_behind_the_deadline(
    deadline: float, takes: float, hints: list[float | None], seed: int
) -> None:
    runtime = VirtualRuntime(seed=seed)
    begun: list[float] = []

    def answer(request: object, context: Any) -> Any:
        begun.append(runtime.monotonic())
        assert context.remaining() > 0
        runtime.advance(takes)
        raise busy(hints[(len(begun) - 1) % len(hints)])

    with make(fake_provider(answer), runtime=runtime, max_attempts=10) as broker, pytest.raises(BrokerError):
        broker.vision.label(PICTURE, deadline=deadline)
    assert all(moment < deadline for moment in begun)
    assert runtime.monotonic() <= deadline + takes
    assert len(begun) == len([row for row in rows() if row["call_id"] == rows()[-1]["call_id"]])


@pytest.mark.parametrize(
    "error", [DeadlineExceeded("late"), Unsupported("no"), BrokerError("odd")], ids=lambda e: type(e).__name__
)
def test_errors_that_are_no_failures_of_the_provider_are_not_repeated(error: BrokerError) -> None:
    adapter = fake_provider([error, GOOD])
    with make(adapter) as broker, pytest.raises(type(error)) as caught:
        broker.vision.label(PICTURE)
    assert caught.value is error
    assert seen(adapter) == 1


def test_every_error_knows_provider_operation_and_call() -> None:
    with make(fake_provider([down(Outcome.REJECTED)])) as broker, pytest.raises(ProviderError) as caught:
        broker.vision.label(PICTURE)
    assert (caught.value.provider, caught.value.operation) == ("fake", "vision.label")
    assert caught.value.call_id == rows()[0]["call_id"]
    assert str(caught.value).startswith("fake vision.label: ")
