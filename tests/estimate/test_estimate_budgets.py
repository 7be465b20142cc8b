"""Which budgets would refuse a call, as they would: told before it is made, and over a whole plan."""

from __future__ import annotations

from typing import Any

import pytest
from estimate_support import PICTURE, D, make, unready

from broker import BudgetExceeded
from broker.testing.fake import fake_price, fake_provider


def paid(provider: str, price: str | None = "0.01") -> Any:
    return fake_provider(provider=provider, price=fake_price(price, sku=f"{provider}.vision.label"))


def free(provider: str) -> Any:
    return fake_provider(provider=provider, price=fake_price(free=True, sku=f"{provider}.vision.label"))


def names(estimate: Any) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.name, each.refused_by) for each in estimate.candidates]


def test_a_budget_that_stops_stops_the_call() -> None:
    with make(
        paid("one"), paid("two", "0.001"), budgets={"small": {"limit": "0.005", "provider": "one"}}
    ) as broker:
        estimate = broker.estimate.vision.label(PICTURE)
        assert names(estimate) == [("one", ("small",)), ("two", ())]
        assert estimate.first is None, "nobody is asked behind a stop"
        with pytest.raises(BudgetExceeded):
            broker.vision.label(PICTURE)


def test_a_budget_that_degrades_asks_others() -> None:
    budgets = {"small": {"limit": "0.005", "action": "degrade", "degrade_to": ["cheap", "free"]}}
    with make(paid("one"), paid("cheap", "0.004"), free("free"), provider=["one"], budgets=budgets) as broker:
        estimate = broker.estimate.vision.label(PICTURE)
        assert names(estimate) == [("one", ("small",)), ("cheap", ()), ("free", ())]
        assert estimate.first is not None
        answered = broker.vision.label(PICTURE)
        assert estimate.first.name == answered.provenance.provider == "cheap"
        assert estimate.amount == answered.cost.amount
        estimate = broker.estimate.vision.label(PICTURE)
        assert names(estimate) == [("one", ("small",)), ("cheap", ("small",)), ("free", ())]
        assert estimate.first is not None
        assert estimate.first.name == broker.vision.label(PICTURE).provenance.provider == "free"


def test_a_budget_that_only_warns_refuses_nobody() -> None:
    with make(paid("one"), budgets={"small": {"limit": "0", "action": "warn"}}) as broker:
        assert broker.estimate.vision.label(PICTURE).amount == D("0.01")
        assert broker.vision.label(PICTURE).value


def test_scopes_decide_as_in_the_call() -> None:
    budgets = {
        "atlas": {"limit": "0.005", "tags": {"project": "atlas"}},
        "faces": {"limit": "0", "operation": "vision.detect_faces"},
    }
    with make(paid("one"), budgets=budgets) as broker:
        assert broker.estimate.vision.label(PICTURE).first is not None
        estimate = broker.estimate.vision.label(PICTURE, tags={"project": "atlas"})
        assert names(estimate) == [("one", ("atlas",))]
        with pytest.raises(BudgetExceeded, match="atlas"):
            broker.vision.label(PICTURE, tags={"project": "atlas"})


def test_what_has_no_price_is_refused_unless_the_budget_says_what_it_counts_for() -> None:
    with make(paid("one", None), budgets={"strict": {"limit": "100"}}) as broker:
        assert names(broker.estimate.vision.label(PICTURE)) == [("one", ("strict",))]
    with make(paid("one", None), budgets={"strict": {"limit": "100", "unpriced": "1"}}) as broker:
        assert names(broker.estimate.vision.label(PICTURE)) == [("one", ())]


def test_exactly_enough_is_enough() -> None:
    with make(paid("one"), budgets={"exact": {"limit": "0.02"}}) as broker:
        broker.vision.label(PICTURE)
        assert broker.estimate.vision.label(PICTURE).first is not None
        broker.vision.label(PICTURE)
        assert broker.estimate.vision.label(PICTURE).first is None


def test_a_plan_runs_into_the_budget_where_the_calls_do() -> None:
    budgets = {"total": {"limit": "0.035"}, "other": {"limit": "0", "provider": "nobody"}}
    with make(paid("one"), budgets=budgets) as broker:
        plan = broker.estimate.plan()
        told = [plan.vision.label(PICTURE).first is not None for _ in range(6)]
        done = []
        for _ in range(6):
            try:
                broker.vision.label(PICTURE)
                done.append(True)
            except BudgetExceeded:
                done.append(False)
    assert told == done == [True, True, True, False, False, False]


def test_a_plan_counts_each_provider_on_its_own_budget() -> None:
    budgets = {"one": {"limit": "0.01", "provider": "one"}, "all": {"limit": "0.03"}}
    with make(paid("one"), paid("two"), budgets=budgets) as broker:
        plan = broker.estimate.plan()
        assert plan.vision.label(PICTURE, provider="two").first is not None
        assert plan.vision.label(PICTURE, provider="one").first is not None
        assert names(plan.vision.label(PICTURE, provider="one")) == [("one", ("one",))]
        assert plan.vision.label(PICTURE, provider="two").first is not None
        assert names(plan.vision.label(PICTURE, provider="two")) == [("two", ("all",))]


def test_a_plan_spends_nothing_on_what_is_not_configured() -> None:
    with make(unready("keyless"), paid("one"), budgets={"total": {"limit": "0.01"}}) as broker:
        plan = broker.estimate.plan()
        for _ in range(3):
            assert plan.vision.label(PICTURE, provider="keyless").counted is not None
        assert plan.vision.label(PICTURE, provider="one").first is not None


def test_max_cost_refuses_before_a_budget_is_asked() -> None:
    budgets = {"small": {"limit": "0", "provider": "one"}}
    with make(paid("one"), paid("two", "0.001"), budgets=budgets) as broker:
        estimate = broker.estimate.vision.label(PICTURE, max_cost="0.005")
        assert names(estimate) == [("one", ("small", "max_cost")), ("two", ())]
        assert estimate.first is not None
        assert (
            estimate.first.name == broker.vision.label(PICTURE, max_cost="0.005").provenance.provider == "two"
        )
