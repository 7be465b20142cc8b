"""Budgets as callers and operators meet them: refused, degraded, warned, told, and free calls going on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from broker import AsyncBroker, Broker, BudgetExceeded, NotConfigured
from broker.errors import Outcome, Unavailable
from broker.ledger import Decision, SpendQuery, UnknownQuery
from broker.notify.notice import Notice
from broker.pipeline.call import Services
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import FakeAdapter, fake_price, fake_provider, labels
from broker.types import Image, Unit, Usage
from broker.types.budget import Action

D = Decimal
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
GOOD = labels("Cat")


def make(*adapters: type[FakeAdapter], clock: VirtualRuntime | None = None, **settings: Any) -> Broker:
    """A broker whose first adapter costs 0.001 a picture unless said otherwise."""
    kinds = adapters or (fake_provider(),)
    settings.setdefault("provider", kinds[0].manifest.provider)
    return Broker(adapters=list(kinds), runtime=clock or VirtualRuntime(), **settings)


def budget(limit: str = "0.003", **facts: Any) -> dict[str, Any]:
    return {"team": {"limit": limit, **facts}}


def heard(broker: Broker) -> list[Notice]:
    """Notices from now on, instead of sending them."""
    notices: list[Notice] = []
    object.__setattr__(broker._core.services, "notify", notices.append)
    return notices


def calls(broker: Broker, number: int, **options: Any) -> int:
    """So many calls; how many were answered."""
    answered = 0
    for _ in range(number):
        try:
            broker.vision.label(PICTURE, **options)
        except BudgetExceeded:
            continue
        answered += 1
    return answered


def free() -> type[FakeAdapter]:
    return fake_provider(provider="here", price=fake_price(sku="here.vision.label", free=True))


def test_the_last_cent_can_be_spent_and_not_one_more() -> None:
    with make(budgets=budget("0.003")) as broker:
        assert calls(broker, 5) == 3
        (spent,) = broker.spend()
    assert spent.amount == D("0.003")
    assert spent.attempts == 3, "a refused attempt is no attempt"


def test_the_refusal_says_all_that_is_needed_to_act() -> None:
    clock = VirtualRuntime(datetime(2026, 4, 30, 23, 0, tzinfo=UTC))
    with make(clock=clock, budgets=budget("0.0015", provider="fake", tags={"project": "atlas"})) as broker:
        assert calls(broker, 3) == 3, "untagged calls are none of its business"
        broker.vision.label(PICTURE, tags={"project": "atlas"})
        with pytest.raises(BudgetExceeded) as caught:
            broker.vision.label(PICTURE, tags={"project": "atlas"})
    error = caught.value
    for words in (
        "'team'",
        "fake, project=atlas",
        "month",
        "allows $0.0015",
        "spent $0.001",
        "reserved $0.00",
        "may cost $0.001",
        "resets at 2026-05-01 00:00 UTC",
        "Raise limit under [budgets.team]",
        "mlbroker budget apply",
    ):
        assert words in str(error)
    assert error.refusal is not None
    assert (error.refusal.needed, error.refusal.state.left) == (D("0.001"), D("0.0005"))
    assert error.billed is False
    assert error.attempts == ()
    assert error.call_id


def test_async_calls_meet_the_same_budget() -> None:
    async def run() -> int:
        async with AsyncBroker(
            adapters=[fake_provider()], provider="fake", budgets=budget("0.007")
        ) as broker:
            found = await asyncio.gather(
                *(broker.vision.label(PICTURE) for _ in range(20)), return_exceptions=True
            )
        assert all(isinstance(each, BudgetExceeded) for each in found if isinstance(each, BaseException))
        return sum(not isinstance(each, BaseException) for each in found)

    assert asyncio.run(run()) == 7


def test_free_calls_go_on_after_the_cap() -> None:
    with make(fake_provider(), free(), budgets=budget("0.001")) as broker:
        assert calls(broker, 2) == 1
        assert calls(broker, 3, provider="here") == 3


@pytest.mark.parametrize(
    ("window", "late"),
    [
        ("hour", timedelta(minutes=10)),
        ("day", timedelta(minutes=70)),
        ("month", timedelta(days=1, minutes=70)),
        ("rolling 90m", timedelta(minutes=93)),
    ],
)
def test_a_window_that_ended_gives_room_again(window: str, late: timedelta) -> None:
    clock = VirtualRuntime(datetime(2026, 1, 30, 22, 55, tzinfo=UTC))
    with make(clock=clock, budgets=budget("0.002", window=window)) as broker:
        assert calls(broker, 3) == 2
        clock.advance(240)
        assert calls(broker, 1) == 0
        with pytest.raises(BudgetExceeded) as caught:
            broker.vision.label(PICTURE)
        refusal = caught.value.refusal
        assert refusal is not None
        clock.advance(late.total_seconds() - 240)
        assert clock.now() >= refusal.state.resets_at
        assert calls(broker, 3) == 2


def test_a_rolling_window_says_when_there_is_room() -> None:
    clock = VirtualRuntime()
    with make(clock=clock, budgets=budget("0.002", window="rolling 60m")) as broker:
        calls(broker, 1)
        clock.advance(30 * 60)
        calls(broker, 1)
        with pytest.raises(BudgetExceeded) as caught:
            broker.vision.label(PICTURE)
        assert caught.value.refusal is not None
        clock.advance((caught.value.refusal.state.resets_at - clock.now()).total_seconds())
        assert calls(broker, 2) == 1, "one half hour has left the window, the other has not"


def test_a_clock_set_back_does_not_open_a_budget_again() -> None:
    clock = VirtualRuntime(datetime(2026, 1, 1, 12, 30, tzinfo=UTC))
    with make(clock=clock, budgets=budget("0.002", window="hour")) as broker:
        assert calls(broker, 3) == 2
        clock.advance(-20 * 60)
        assert calls(broker, 3) == 0


def test_a_budget_that_only_warns_lets_calls_pass_and_tells_it_once() -> None:
    with make(budgets=budget("0.002", action="warn", warn_at=["0.5"])) as broker:
        notices = heard(broker)
        assert calls(broker, 6) == 6
        (spent,) = broker.spend()
        (state,) = broker.ledger.budgets(broker._runtime.now())
    assert spent.amount == D("0.006")
    assert state.spent == D("0.006")
    assert state.left == 0
    assert [(each.kind, each.subject) for each in notices] == [
        ("budget.warning", "team"),
        ("budget.used_up", "team"),
    ]


def test_a_warning_counts_the_attempt_that_trips_it() -> None:
    with make(budgets=budget("0.005", warn_at=["0.6", "0.8"])) as broker:
        notices = heard(broker)
        assert calls(broker, 4) == 4
    assert [(dict(each.facts)["spent"], dict(each.facts)["reserved"]) for each in notices] == [
        ("0.002", "0.001"),
        ("0.003", "0.001"),
    ]
    assert "spent $0.002, reserved $0.001 for attempts under way; 60% of it is reached" in notices[0].text


def test_a_stop_is_told_once_a_window_and_by_one_of_all() -> None:
    clock = VirtualRuntime(datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    with (
        make(clock=clock, budgets=budget("0.002", warn_at=["0.5", "1"])) as broker,
        make(clock=clock) as other,
    ):
        notices = heard(broker)
        others = heard(other)
        assert calls(broker, 4) + calls(other, 4) == 2, "the budget holds for all who use the ledger"
        assert [each.kind for each in notices] == ["budget.warning", "budget.warning", "budget.used_up"]
        assert others == []
        clock.advance(120)
        assert calls(other, 1) == 1
    assert [each.kind for each in others] == ["budget.warning"]
    told = dict(notices[2].facts)
    assert (told["limit"], told["spent"], told["currency"]) == ("0.002", "0.002", "USD")
    assert "calls that cost money are refused" in notices[2].text


def test_degrade_goes_to_the_rest_of_the_order_then_to_the_budgets_own() -> None:
    dear, cheap = (
        fake_provider(provider="dear"),
        fake_provider(provider="cheap", price=fake_price("0.0002", sku="cheap.vision.label")),
    )
    budgets = budget("0.0014", action="degrade", degrade_to=["here"])
    with make(dear, cheap, free(), budgets=budgets) as broker:
        who = [broker.vision.label(PICTURE, provider=["dear", "cheap"]).provenance.provider for _ in range(5)]
        alone = broker.vision.label(PICTURE, provider="dear")
    assert who == ["dear", "cheap", "cheap", "here", "here"]
    assert alone.provenance.provider == "here"
    assert alone.attempts[0].kind.value == "fallback"
    assert "budget 'team'" in alone.provenance.passed_over[0]
    assert alone.cost.amount == 0


def test_degrade_without_anybody_left_says_which_budget() -> None:
    with make(budgets=budget("0.001", action="degrade", degrade_to=["missing"])) as broker:
        assert calls(broker, 1) == 1
        with pytest.raises(BudgetExceeded, match="'team'") as caught:
            broker.vision.label(PICTURE)
    assert any("no provider 'missing'" in note for note in caught.value.__notes__)


def test_a_stop_is_final_even_where_another_budget_would_degrade() -> None:
    budgets = {
        "soft": {"limit": "0.001", "action": "degrade", "degrade_to": ["here"]},
        "hard": {"limit": "0.001", "provider": "fake"},
    }
    with make(fake_provider(), free(), budgets=budgets) as broker:
        assert calls(broker, 1) == 1
        with pytest.raises(BudgetExceeded, match="'hard'"):
            broker.vision.label(PICTURE)


def test_unpriced_calls_are_refused_under_a_budget_and_go_on_without() -> None:
    unpriced = fake_provider(price=fake_price(None))
    with make(unpriced) as broker:
        assert broker.vision.label(PICTURE).cost.amount is None
    words = r"not known .*a test wants it so.*unpriced = "
    broker = make(fake_provider(price=fake_price(None)), budgets=budget("5"))
    with broker, pytest.raises(BudgetExceeded, match=words):
        broker.vision.label(PICTURE)


def test_unpriced_calls_may_count_as_a_configured_most() -> None:
    with make(fake_provider(price=fake_price(None)), budgets=budget("0.05", unpriced="0.02")) as broker:
        assert calls(broker, 4) == 2
        (state,) = broker.ledger.budgets(broker._runtime.now())
        (spent,) = broker.spend()
    assert state.spent == D("0.04")
    assert (spent.amount, spent.unpriced) == (0, 2), "reports still say that nobody knows"


def test_another_currency_counts_as_unpriced() -> None:
    from dataclasses import replace

    euro = replace(fake_price("0.001"), currency="EUR")
    broker = make(fake_provider(price=euro), budgets=budget("1"))
    with broker, pytest.raises(BudgetExceeded, match="priced in EUR"):
        broker.vision.label(PICTURE)
    with make(fake_provider(price=euro), budgets=budget("1", currency="EUR")) as broker:
        assert calls(broker, 1) == 1


def test_an_attempt_of_unknown_billing_counts_until_a_person_decides() -> None:
    lost = Unavailable("the answer was lost", outcome=Outcome.AMBIGUOUS)
    with make(fake_provider([lost, GOOD]), budgets=budget("0.002")) as broker:
        with pytest.raises(Unavailable):
            broker.vision.label(PICTURE)
        assert calls(broker, 2) == 1
        now = broker._runtime.now()
        (state,) = broker.ledger.budgets(now)
        assert (state.spent, state.unknown) == (D("0.002"), D("0.001"))
        (told,) = broker.ledger.decide(
            UnknownQuery(), Decision(amount=D(0), reason="not on the invoice"), now
        )
        assert told.bound == D("0.001")
        (state,) = broker.ledger.budgets(now)
        assert (state.spent, state.unknown) == (D("0.001"), 0)
        assert calls(broker, 2) == 1
        (spent,) = broker.spend(SpendQuery(by=()))
    assert (spent.amount, spent.at_risk, spent.unknown) == (D("0.002"), 0, 0)


def test_what_a_vendor_billed_above_the_reservation_is_booked_and_closes_the_budget() -> None:
    from dataclasses import replace

    more = Usage(sku="", unit=Unit.IMAGE, quantity=D(30))
    adapter = fake_provider([replace(GOOD, usage=(more,)), GOOD])
    with make(adapter, budgets=budget("0.02")) as broker:
        notices = heard(broker)
        assert calls(broker, 3) == 1
        (state,) = broker.ledger.budgets(broker._runtime.now())
    assert state.spent == D("0.03")
    assert "budget.used_up" in [each.kind for each in notices]


def test_retries_are_each_reserved() -> None:
    failing = fake_provider([Unavailable("down")])
    with make(failing, budgets=budget("0.002"), max_attempts=5) as broker:
        with pytest.raises(BudgetExceeded) as caught:
            broker.vision.label(PICTURE)
        assert [each.outcome for each in caught.value.attempts] == [Outcome.SERVER, Outcome.SERVER]


def test_a_budget_declared_later_begins_with_what_was_spent() -> None:
    clock = VirtualRuntime(datetime(2026, 1, 15, tzinfo=UTC))
    with make(clock=clock) as broker:
        assert calls(broker, 2, tags={"a": "b"}) == 2
        assert calls(broker, 1) == 1
    with make(clock=clock, budgets=budget("0.003", tags={"a": "b"})) as broker:
        assert calls(broker, 3, tags={"a": "b"}) == 1


def test_raising_the_limit_takes_effect_at_once_for_everybody() -> None:
    with make(budgets=budget("0.001")) as broker:
        assert calls(broker, 2) == 1
        with make(budgets=budget("0.002")):
            assert calls(broker, 2) == 1


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"limit": 0.5}, "floats"),
        ({"limit": "-1"}, "budgets.team.limit"),
        ({"limit": "1", "window": "week"}, "rolling 24h"),
        ({"limit": "1", "action": "halt"}, "budgets.team.action"),
        ({"limit": "1", "warn_at": ["80"]}, "budgets.team.warn_at"),
        ({"limit": "1", "unpriced": "maybe"}, "budgets.team.unpriced"),
        ({"limit": "1", "scope": "all"}, "there is no such setting"),
        ({"limit": "1", "operation": "label"}, "budgets.team.operation"),
        ({}, "budgets.team.limit"),
    ],
)
def test_a_budget_that_cannot_be_meant_is_refused_by_name(facts: dict[str, Any], words: str) -> None:
    with pytest.raises(NotConfigured, match=words.replace("[", r"\[")):
        make(budgets={"team": facts})


def test_budgets_can_be_set_by_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLBROKER_BUDGETS__night__limit", "0.001")
    monkeypatch.setenv("MLBROKER_BUDGETS__night__window", "rolling 8h")
    with make() as broker:
        (state,) = broker.ledger.budgets(broker._runtime.now())
        assert (state.budget.name, state.budget.window.length, state.budget.action) == (
            "night",
            28800,
            Action.STOP,
        )
        assert calls(broker, 2) == 1


def test_services_without_notification_tell_nobody() -> None:
    with make(budgets=budget("0")) as broker:
        assert isinstance(broker._core.services, Services)
        assert calls(broker, 1) == 0


def test_a_program_that_began_without_budgets_obeys_the_one_that_another_declares() -> None:
    with make() as broker:
        assert calls(broker, 3) == 3
        with make(budgets=budget("0.004")):
            assert calls(broker, 3) == 1, "what it spent before counts"
        broker.ledger.forget("team")
        assert calls(broker, 3) == 3
