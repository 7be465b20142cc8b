"""Through the public client: settings declare what stands, budgets count it, estimates and spend show it apart."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from standing_support import hourly_engine

from broker import BadInput, BudgetExceeded, NotConfigured
from broker.ledger import SpendQuery
from broker.notify.notifier import Notifier
from broker.types.standing import ALLOCATION

D = Decimal
DOCUMENT = {"id": "1", "content": "one storm"}


def test_settings_declare_it_and_a_budget_counts_it(shop: Any) -> None:
    budgets = {"b": {"limit": "74.4005", "operation": "search.*"}}
    with shop.paid().broker(standing=shop.docs(), budgets=budgets) as broker:
        (meter,) = broker.ledger.standing()
        assert meter.operations == ("search.delete", "search.query", "search.status", "search.upsert")
        broker.search.upsert([DOCUMENT])  # 0.0001
        with pytest.raises(BudgetExceeded) as caught:
            broker.search.query("storm")  # 0.001
        assert caught.value.refusal is not None
        assert caught.value.refusal.state.standing == D("34.8")
        shop.clock.advance(12 * 3600)
        (state,) = broker.ledger.budgets(shop.clock.now())
        assert (state.standing, state.standing_ahead) == (D(36), D("38.4"))
    with shop.broker() as broker:  # of another program, whose settings do not name it
        (state,) = broker.ledger.budgets(shop.clock.now())
        assert state.standing == D(36)


def test_degrade_asks_others_when_what_stands_uses_a_budget_up(shop: Any) -> None:
    shop.others = [hourly_engine(provider="spare")]
    budgets = {"b": {"limit": "1", "action": "degrade", "degrade_to": ["spare"]}}
    with shop.paid().broker(standing=shop.docs(), budgets=budgets) as broker:
        assert broker.search.query("storm").provenance.provider == "spare"


def test_calls_that_cost_nothing_go_on_and_tell_the_alarm(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(Notifier, "send", lambda _, notice: told.append(notice.kind))
    with shop.broker(standing=shop.docs(), budgets={"b": {"limit": "10"}}) as broker:
        for _ in range(3):
            broker.search.query("storm")
            shop.clock.advance(3600)
    assert told == ["budget.warning", "budget.used_up"]


def test_spend_and_what_stands_are_apart(shop: Any) -> None:
    with shop.paid().broker(standing=shop.docs()) as broker:
        broker.search.upsert([DOCUMENT])
        for _ in range(3):
            broker.search.query("storm")
        shop.clock.advance(24 * 3600)
        found = broker.standing(SpendQuery(by=("operation",)))
        assert sum(row.amount for row in broker.spend()) == D("0.0031")
    (row,) = found.rows
    assert found.rule == ALLOCATION == "equal-by-day/1"
    assert (row.hours, row.amount) == (D(15 * 24 + 12), D("37.2"))
    assert (row.allocated, row.idle) == (D("2.4"), D("34.8")), "of one day; on the others nobody asked"
    assert [(each.group, each.attempts, each.amount) for each in found.allocated] == [
        (("search.query",), 3, D("1.8")),
        (("search.upsert",), 1, D("0.6")),
    ]
    assert found.totals == {"USD": D("37.2")}


def test_an_estimate_has_it_beside_the_marginal_cost(shop: Any) -> None:
    with shop.broker(standing=shop.docs(units="2.5")) as broker:
        first = broker.estimate.search.query("storm").first
        assert first is not None
        assert first.amount == 0
        (rate,) = first.standing
        assert (rate.name, rate.sku, rate.hourly, rate.currency) == ("docs", "words.hour", D("0.25"), "USD")
        other = broker.estimate.search.suggest("st").first
        assert other is not None
        assert other.standing == ()


def test_an_estimate_says_that_nobody_has_declared_it(shop: Any) -> None:
    with shop.broker() as broker:
        first = broker.estimate.search.query("storm").first
        assert first is not None
        (rate,) = first.standing
        assert (rate.name, rate.sku, rate.hourly) == ("", "words.hour", None)
        assert "nobody has declared what stands" in str(rate.unpriced)


def test_an_estimate_knows_that_an_unpriced_meter_refuses(shop: Any) -> None:
    standing = shop.docs(sku="words.other", operations=["search.*"])
    with shop.paid().broker(standing=standing, budgets={"b": {"limit": "10"}}) as broker:
        made = broker.estimate.search.query("storm")
        assert made.first is None
        assert made.candidates[0].refused_by == ("b",)
        with pytest.raises(BudgetExceeded, match=r"the price book has no row for words\.other"):
            broker.search.query("storm")


def test_a_program_declares_it(shop: Any) -> None:
    with shop.broker() as broker:
        since = datetime(2026, 1, 14, 12, 30, tzinfo=UTC)
        meter = broker.stand("docs", sku="words.hour", provider="words", since=since, units="2")
        assert broker.stand("docs", sku="words.hour", provider="words", since=since, units=2) == meter
        (row,) = broker.standing().rows
        assert (row.hours, row.amount) == (D(48), D("4.8")), "the hour that was begun counts in full"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"units": 0}, "units: Input should be greater than 0"),
        ({"units": 1.5}, "units: money in floats is never exact"),
        ({"since": datetime(2026, 1, 1)}, "since: write a day"),  # noqa: DTZ001 - that is what is refused
        ({"until": datetime(2025, 1, 1, tzinfo=UTC)}, "it ends before it begins"),
        ({"provider": "Words!"}, "provider: String should match"),
        ({"operations": ("nonsense",)}, "operations.0: String should match"),
    ],
)
def test_what_cannot_be_meant_is_refused(shop: Any, changes: dict[str, Any], message: str) -> None:
    facts = {"sku": "words.hour", "provider": "words", "since": datetime(2026, 1, 1, tzinfo=UTC)}
    with shop.broker() as broker:
        with pytest.raises(BadInput, match=message):
            broker.stand("docs", **{**facts, **changes})
        assert broker.ledger.standing() == ()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sku": "words.hours"}, "did you mean 'words.hour'"),
        ({"operations": ["vision.*"]}, r"words has none of vision.\*"),
        ({"provider": "nobody"}, "nobody"),
        ({"since": "2026-01-01T12:00:00"}, "an instant with its zone"),
        ({"unit": "2"}, "there is no such setting; did you mean 'units'"),
    ],
)
def test_settings_that_cannot_be_meant_stop_the_broker(
    shop: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(NotConfigured, match=message):
        shop.broker(standing=shop.docs(**changes))


def test_settings_that_contradict_the_ledger_stop_the_broker(shop: Any) -> None:
    shop.broker(standing=shop.docs()).close()
    with pytest.raises(NotConfigured, match="what has stood is not rewritten"):
        shop.broker(standing=shop.docs(units=3))


def test_a_price_that_is_not_known_is_told_at_once(shop: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        standing = shop.docs(sku="words.other", operations=["search.query"])
        with shop.broker(standing=standing) as broker:
            (row,) = broker.standing().rows
    assert "the price of 'docs', which stands, is not known" in caplog.text
    assert (row.amount, row.unpriced_hours, row.hours) == (None, D(348), D(348))


def test_settings_close_it_and_their_silence_does_not_open_it_again(shop: Any) -> None:
    shop.broker(standing=shop.docs()).close()
    shop.broker(standing=shop.docs(until="2026-01-10")).close()
    with shop.broker(standing=shop.docs()) as broker:
        (row,) = broker.standing().rows
        assert row.amount == D("21.6")
        shop.clock.advance(timedelta(days=9).total_seconds())
        assert broker.standing().rows == (row,)
