"""What callers see of it: held back without a request or a row, waiting in turn, and coming back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from guard_support import (
    GOOD,
    HOUR,
    PICTURE,
    Vendor,
    ask,
    busy,
    denied,
    down,
    health,
    quota,
    rejected,
    rows,
)

from broker import BudgetExceeded
from broker.errors import AuthFailed, NotConfigured, Outcome, QuotaExhausted, Throttled, Unavailable
from broker.guard.breaker import State
from broker.types.call import AttemptKind


@pytest.mark.parametrize(
    ("outcome", "most"), [(Outcome.SERVER, 5), (Outcome.AMBIGUOUS, 5), (Outcome.NOT_SENT, 3)]
)
def test_a_full_outage_costs_few_attempts_and_then_no_request(outcome: Outcome, most: int) -> None:
    vendor = Vendor()
    vendor.fails(lambda: down(outcome))
    with vendor.broker() as broker:
        ended = [ask(broker) for _ in range(50)]
    assert ended == [f"Unavailable {outcome.value}"] * most + ["Unavailable held back"] * (50 - most)
    assert len(vendor.sent) == len(rows()) == most


def test_what_is_held_back_says_so_costs_nothing_and_says_what_to_do() -> None:
    vendor = Vendor()
    vendor.fails(down)
    with vendor.broker() as broker:
        for _ in range(5):
            ask(broker)
        vendor.runtime.advance(10.0)
        with pytest.raises(Unavailable) as caught:
            broker.vision.label(PICTURE)
        error = caught.value
        assert error.held_back
        assert error.outcome is Outcome.NOT_SENT
        assert error.billed is False
        assert error.attempts == ()
        assert error.retry_after == pytest.approx(20.0)
        assert error.retry_at == vendor.runtime.now() + timedelta(seconds=20)
        text = str(error)
        assert "the breaker is open since 2026-01-01 00:00:00 UTC" in text
        assert "5 failures in a row; the last: Unavailable" in text
        assert "next trial at 2026-01-01 00:00:30 UTC" in text
        assert "broker.health.reset('fake', 'vision.label')" in text
        broker.health.reset("fake", "vision.label")
        vendor.works()
        assert ask(broker) == "answered"


def test_coming_back_costs_one_paid_trial() -> None:
    vendor = Vendor()
    vendor.fails(down)
    with vendor.broker() as broker:
        for _ in range(10):
            ask(broker)
        vendor.works()
        vendor.runtime.advance(30.0)
        result = broker.vision.label(PICTURE)
        (attempt,) = result.attempts
        assert attempt.kind is AttemptKind.PROBE
        assert "5 failures in a row" in attempt.why
        assert broker.vision.label(PICTURE).attempts[0].kind is AttemptKind.FIRST
    assert [row["kind"] for row in rows()] == ["first"] * 5 + ["probe", "first"]


def test_an_hour_of_outage_costs_a_trial_at_growing_distances() -> None:
    vendor = Vendor()
    vendor.fails(down)
    with vendor.broker() as broker:
        while vendor.runtime.monotonic() < HOUR:
            ask(broker)
            vendor.runtime.advance(1.0)
    trials = vendor.sent[5:]
    assert len(trials) <= 3 + HOUR / 300
    assert trials[0] - vendor.sent[4] >= 30.0


@pytest.mark.parametrize("inconclusive", [busy, rejected], ids=["throttled", "rejected"])
def test_at_most_three_trials_that_tell_nothing(inconclusive: Any) -> None:
    vendor = Vendor()
    vendor.fails(down)
    with vendor.broker() as broker:
        for _ in range(6):
            ask(broker)
        vendor.runtime.advance(30.0)
        vendor.fails(inconclusive)
        for _ in range(3):
            ask(broker)
        assert health(broker).state is State.CLOSED
    assert [row["kind"] for row in rows()][5:] == ["probe"] * 3


def test_a_call_that_is_refused_for_its_cost_is_no_trial() -> None:
    vendor = Vendor()
    vendor.fails(down)
    with vendor.broker(budgets={"all": {"limit": "0.0005", "window": "day", "currency": "USD"}}) as broker:
        for _ in range(5):
            with pytest.raises(BudgetExceeded):
                broker.vision.label(PICTURE)
        assert health(broker).calls == 0
        assert health(broker).in_flight == 0
    assert vendor.sent == []


def test_a_trial_refused_inside_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    vendor = Vendor()
    vendor.fails(down)
    with vendor.broker() as broker:
        for _ in range(5):
            ask(broker)
        vendor.works()
        vendor.runtime.advance(30.0)
        announce = broker.ledger.announce

        def refuse(intent: Any) -> Any:
            raise BudgetExceeded("no money left")

        monkeypatch.setattr(broker.ledger, "announce", refuse)
        for _ in range(5):
            with pytest.raises(BudgetExceeded):
                broker.vision.label(PICTURE)
        assert health(broker).in_flight == 0
        monkeypatch.setattr(broker.ledger, "announce", announce)
        assert ask(broker) == "answered"


def test_refused_credentials_isolate_until_a_renewed_key_is_tried() -> None:
    vendor = Vendor()
    vendor.fails(denied)
    with vendor.broker() as broker:
        assert [ask(broker) for _ in range(20)] == ["AuthFailed rejected"] + ["AuthFailed held back"] * 19
        with pytest.raises(
            AuthFailed, match=r"isolated since .*AuthFailed HTTP 401.*renew the credentials"
        ) as caught:
            broker.vision.label(PICTURE)
        assert caught.value.billed is False
        vendor.runtime.advance(60.0)
        assert [ask(broker) for _ in range(3)] == ["AuthFailed rejected"] + ["AuthFailed held back"] * 2
        vendor.works()
        vendor.runtime.advance(60.0)
        assert [ask(broker) for _ in range(3)] == ["answered"] * 3
    assert len(vendor.sent) == len(rows()) == 5


def test_a_credential_that_can_be_renewed_is_renewed_before_anything_is_shut() -> None:
    vendor = Vendor()
    vendor.fails(denied)
    others: list[bool] = [True]

    def renew(self: object, refused: object, context: object) -> bool:
        if others and others.pop():
            vendor.works()
            return True
        return False

    vendor.adapter.renew = renew  # type: ignore[attr-defined]
    with vendor.broker(max_attempts=3) as broker:
        assert ask(broker) == "answered"
        assert health(broker).state is State.CLOSED
        vendor.fails(denied)
        assert [ask(broker) for _ in range(5)] == ["AuthFailed rejected"] + ["AuthFailed held back"] * 4
        assert len(vendor.sent) == 3
        vendor.runtime.advance(60.0)
        others.append(True)
        assert ask(broker) == "answered", "a trial may renew too"
        assert health(broker).state is State.CLOSED


def test_a_used_up_quota_is_left_alone_until_its_reset() -> None:
    vendor = Vendor()
    reset = vendor.runtime.now() + timedelta(hours=5)
    vendor.fails(lambda: quota(retry_at=reset))
    with vendor.broker() as broker:
        ask(broker)
        with pytest.raises(QuotaExhausted) as caught:
            broker.vision.label(PICTURE)
        assert caught.value.retry_at == reset
        assert caught.value.billed is False
        vendor.works()
        vendor.runtime.advance(5 * HOUR - 1)
        assert ask(broker) == "QuotaExhausted held back"
        vendor.runtime.advance(1.0)
        assert ask(broker) == "answered"


def test_a_slow_vendor_is_shut_though_it_answers() -> None:
    vendor = Vendor()
    vendor.takes = 25.0
    with vendor.broker(limits={"window": 600}) as broker:
        ended = [ask(broker) for _ in range(15)]
        assert ended == ["answered"] * 10 + ["Unavailable held back"] * 5
        assert "10 of 10 requests of the last 600 s took more than 20 s" in health(broker).reason


def test_waiting_is_not_the_vendors_slowness() -> None:
    vendor = Vendor()
    section = {"fake": {"max_rate": 0.04}}  # one in 25 s
    with vendor.broker(providers=section, limits={"window": 600}) as broker:
        assert [ask(broker) for _ in range(15)] == ["answered"] * 15
    assert vendor.runtime.slept == [25.0] * 14


def test_a_set_rate_is_kept_and_what_cannot_wait_is_refused_with_the_time() -> None:
    vendor = Vendor()
    with vendor.broker(providers={"fake": {"max_rate": 2.0}}) as broker:
        for _ in range(6):
            assert ask(broker) == "answered"
        assert vendor.sent == [0.0, 0.0, 0.5, 1.0, 1.5, 2.0]
        with pytest.raises(Throttled, match=r"its turn comes in 0\.5 s.*2 requests a second") as caught:
            broker.vision.label(PICTURE, deadline=0.3)
        assert caught.value.outcome is Outcome.NOT_SENT
        assert caught.value.retry_after == pytest.approx(0.5)
        assert caught.value.attempts == ()
        assert ask(broker) == "answered"
        assert vendor.sent[-1] == 2.5, "its place was given back"


@pytest.mark.parametrize(("hint", "held"), [(5.0, 5.0), (61.0, 60.0), (120.0, 60.0)])
@pytest.mark.parametrize("date", [False, True], ids=["seconds", "date"])
def test_after_a_throttled_call_nobody_sends_before_the_hint(hint: float, held: float, date: bool) -> None:
    vendor = Vendor()
    at = vendor.runtime.now() + timedelta(seconds=hint)
    vendor.fails(lambda: busy(retry_at=at) if date else busy(retry_after=hint))
    with vendor.broker() as broker:
        assert ask(broker) == "Throttled throttled"
        vendor.works()
        assert ask(broker, deadline=held - 1.0) == "Throttled held back"
        assert ask(broker) == "answered"
    assert vendor.sent == [0.0, held]


def test_a_retry_waits_for_the_hint_once() -> None:
    vendor = Vendor()
    answers: list[Any] = [busy(retry_after=5.0)]

    def answer() -> Any:
        if answers:
            raise answers.pop()
        return GOOD

    vendor.now_does = answer
    with vendor.broker(max_attempts=3) as broker:
        assert ask(broker) == "answered"
    (waited,) = vendor.runtime.slept
    assert 5.0 <= waited <= 5.6


def test_the_rate_found_by_throttling_comes_back() -> None:
    vendor = Vendor()
    with vendor.broker() as broker:
        for _ in range(100):  # ten a second
            ask(broker)
            vendor.runtime.advance(0.1)
        vendor.fails(busy)
        ask(broker)
        vendor.works()
        rate = health(broker).rate
        assert rate is not None
        assert 4.5 <= rate <= 5.6
        begun = vendor.runtime.monotonic()
        for _ in range(50):
            ask(broker)
        assert 6.0 <= vendor.runtime.monotonic() - begun <= 9.0, "50 at 5 a second, recovering"
        vendor.runtime.advance(30.0)
        assert health(broker).rate is None


def test_retries_end_where_their_budget_ends_and_the_error_keeps_its_kind() -> None:
    vendor = Vendor()
    vendor.fails(down)
    with vendor.broker(max_attempts=3, limits={"breaker": False, "retry_ratio": 0}) as broker:
        for _ in range(5):
            ask(broker, deadline=2.0)
        assert 14 <= len(vendor.sent) <= 15, "ten retries to begin with, and what the waits let grow"
        for _ in range(5):
            ask(broker, deadline=2.0)
        before = len(vendor.sent)
        with pytest.raises(Unavailable, match="retry budget is used up") as caught:
            broker.vision.label(PICTURE)
        assert caught.value.outcome is Outcome.SERVER
        assert len(vendor.sent) == before + 1
        vendor.runtime.advance(100.0)
        before = len(vendor.sent)
        ask(broker)
        assert len(vendor.sent) == before + 3, "time brings retries back"


def test_a_retry_that_the_breaker_holds_back_ends_at_once_with_what_was_answered() -> None:
    vendor = Vendor()
    vendor.fails(lambda: down(Outcome.NOT_SENT))
    with vendor.broker(max_attempts=10) as broker, pytest.raises(Unavailable) as caught:
        broker.vision.label(PICTURE, deadline=HOUR)
    assert len(vendor.sent) == len(vendor.runtime.slept) + 1 == 3
    assert "it is down; not tried again: " in str(caught.value)
    assert not caught.value.held_back
    assert caught.value.retry_after == pytest.approx(30.0)
    assert len(caught.value.attempts) == 3


def test_an_open_breaker_hands_over_to_the_next_provider_without_a_request() -> None:
    first = Vendor("first")
    second = Vendor("second", first.runtime)
    first.fails(down)
    with first.broker(second, provider=["first", "second"]) as broker:
        assert [ask(broker) for _ in range(20)] == ["answered"] * 20
    assert (len(first.sent), len(second.sent)) == (5, 20)


def test_one_account_one_operation_one_region_each_for_itself() -> None:
    vendor = Vendor()
    vendor.fails(down)
    profiles = {"fake": {"profiles": {"eu": {"region": "eu"}, "us": {"region": "us"}}}}
    with vendor.broker(providers=profiles) as broker:
        for _ in range(6):
            ask(broker, provider="fake:eu")
        vendor.works()
        assert ask(broker, provider="fake:eu") == "Unavailable held back"
        assert ask(broker, provider="fake:us") == "answered"
        eu, us = broker.health.targets()
        assert (str(eu.target), eu.state) == ("fake:eu vision.label eu", State.OPEN)
        assert (str(us.target), us.state) == ("fake:us vision.label us", State.CLOSED)


def test_a_missing_setting_in_the_adapter_is_not_the_vendors_failure() -> None:
    vendor = Vendor()
    vendor.fails(lambda: NotConfigured("no key"))
    with vendor.broker() as broker:
        for _ in range(10):
            with pytest.raises(NotConfigured, match="no key"):
                broker.vision.label(PICTURE)
        found = health(broker)
        assert (found.state, found.failures) == (State.CLOSED, 0)


def test_max_cost_is_checked_before_a_place_is_taken() -> None:
    vendor = Vendor()
    with vendor.broker(providers={"fake": {"max_rate": 1.0}}) as broker:
        for _ in range(5):
            with pytest.raises(BudgetExceeded):
                broker.vision.label(PICTURE, max_cost=Decimal("0.0001"))
        assert ask(broker) == "answered"
    assert vendor.runtime.slept == []


def test_opening_and_closing_are_told_once_each() -> None:
    vendor = Vendor()
    told: list[Any] = []
    with vendor.broker() as broker:
        services = broker._core.services
        object.__setattr__(services, "notify", told.append)
        vendor.fails(down)
        for _ in range(6):
            ask(broker)
        vendor.runtime.advance(30.0)
        ask(broker)
        vendor.works()
        vendor.runtime.advance(60.0)
        ask(broker)
    assert [(each.kind, each.subject) for each in told] == [
        ("breaker.open", "fake vision.label"),
        ("breaker.closed", "fake vision.label"),
    ]
    assert "5 failures in a row" in told[0].text
    assert told[0].at == datetime(2026, 1, 1, tzinfo=UTC)
