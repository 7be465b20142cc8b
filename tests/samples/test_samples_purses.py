"""What asking others may cost: a day's budget, and a share of what the use case's own calls came to. Held before it is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from samples_support import AT, SEED

from broker import Broker
from broker.errors import LedgerUnavailable
from broker.ledger.base import SpendQuery, SpendRow
from broker.runtime.virtual import VirtualRuntime
from broker.samples.plan import Plan
from broker.samples.purses import LOOK, Purses, Spent
from broker.samples.rows import Skipped
from broker.samples.store import SampleStore
from broker.sections_quality import SamplingSettings, UseCaseSettings
from broker.switches.use_cases import UseCases
from broker.testing.fake import fake_price, fake_provider, labels
from broker.types import Image

PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
PRICE = Decimal("0.001")
SAMPLING: dict[str, Any] = {
    "design": "rate", "rate": 1.0, "second": ["second"], "budget": "1.00", "max_share": "0.1",
}  # fmt: skip
OPERATION = "vision.label"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SampleStore]:
    made = SampleStore(str(tmp_path / "quality.db"))
    yield made
    made.close()


def plan_of(**changes: Any) -> Plan:
    sampling = SamplingSettings.model_validate({**SAMPLING, **changes})
    return Plan("shop", UseCaseSettings(operation=OPERATION, sampling=sampling), sampling, SEED)


class Calls:
    """A ledger's sums of calls with tags; each call costs a unit."""

    def __init__(self, *calls: dict[str, str], currency: str = "USD", kind: str = "first") -> None:
        self.calls = list(calls)
        self.currency = currency
        self.kind = kind
        self.asked = 0
        self.fails = False

    def spend(self, query: SpendQuery) -> Sequence[SpendRow]:
        self.asked += 1
        if self.fails:
            raise LedgerUnavailable("locked")
        assert query.where == {"operation": OPERATION}
        tag = query.by[1].removeprefix("tag:") if len(query.by) > 1 else None
        found: dict[tuple[str, ...], int] = {}
        for tags in self.calls:
            if tag is None or tag in tags:
                group = (self.kind,) if tag is None else (self.kind, tags[tag])
                found[group] = found.get(group, 0) + 1
        return [
            SpendRow(
                group=group, currency=self.currency, attempts=count, failed=0, open=0, unknown=0, unpriced=0,
                amount=Decimal(count), at_risk=Decimal(0),
            )
            for group, count in found.items()
        ]  # fmt: skip


def spent(calls: Calls, **cases: dict[str, str]) -> Decimal | None:
    use_cases = UseCases(
        {name: UseCaseSettings(operation=OPERATION, tags=tags) for name, tags in cases.items()}
    )
    return Spent(calls.spend, use_cases).on_day_of(AT, "shop", "USD")


@pytest.mark.parametrize("changes", [{"max_share": 0}, {"max_share": 1.1}, {"second": [], "budget": None}])
def test_a_share_that_cannot_be_meant_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=r"max_share"):
        SamplingSettings.model_validate({**SAMPLING, **changes})


class TestSpent:
    """What is known for certain of a use case's spend, out of sums by one tag each."""

    def test_a_use_case_by_one_tag_is_exact(self) -> None:
        calls = Calls({"team": "shop"}, {"team": "shop", "item": "7"}, {"team": "atlas"}, {})
        assert spent(calls, shop={"team": "shop"}) == 2

    def test_use_cases_that_differ_in_a_tag_take_nothing_from_each_other(self) -> None:
        calls = Calls(*[{"team": "shop"}] * 3, *[{"team": "atlas"}] * 4)
        assert spent(calls, atlas={"team": "atlas"}, shop={"team": "shop"}) == 3

    def test_named_calls_are_exact(self) -> None:
        assert spent(Calls(*[{"use_case": "shop"}] * 3, {"use_case": "atlas"}), shop={"team": "shop"}) == 3

    def test_shadow_calls_and_other_currencies_are_none(self) -> None:
        assert spent(Calls({"team": "shop"}, kind="shadow"), shop={"team": "shop"}) == 0
        assert spent(Calls({"team": "shop"}, currency="EUR"), shop={"team": "shop"}) == 0

    @settings(max_examples=300)
    @given(
        st.lists(
            st.dictionaries(
                st.sampled_from(["team", "stage", "use_case"]), st.sampled_from(["shop", "other", "x"])
            ),
            max_size=12,
        ),
        st.dictionaries(
            st.sampled_from(["other", "shop", "third"]),
            st.dictionaries(st.sampled_from(["team", "stage"]), st.sampled_from(["shop", "other"])),
        ),
        st.dictionaries(st.sampled_from(["team", "stage"]), st.sampled_from(["shop", "other"])),
    )
    def test_it_is_never_more_than_there_was(
        self, calls: list[dict[str, str]], others: dict[str, dict[str, str]], own: dict[str, str]
    ) -> None:
        cases = {**others, "shop": own}
        use_cases = UseCases(
            {name: UseCaseSettings(operation=OPERATION, tags=tags) for name, tags in cases.items()}
        )
        truth = sum(use_cases.of(OPERATION, tags) == "shop" for tags in calls)
        found = spent(Calls(*calls), **cases)
        assert found is not None
        assert found <= truth

    def test_it_is_read_again_after_a_while_and_on_another_day(self) -> None:
        calls = Calls({})
        found = Spent(calls.spend, UseCases({"shop": UseCaseSettings(operation=OPERATION)}))
        for _ in range(3):
            found.on_day_of(AT, "shop", "USD")
        once = calls.asked
        found.on_day_of(AT + LOOK, "shop", "USD")
        assert calls.asked == 2 * once
        found.on_day_of(AT - timedelta(days=1), "shop", "USD")  # a clock that was set back
        assert calls.asked == 3 * once


class TestPurses:
    """The budget of a day, and the share."""

    def purses(self, store: SampleStore, calls: Calls) -> Purses:
        return Purses(store, Spent(calls.spend, UseCases({"shop": UseCaseSettings(operation=OPERATION)})))

    def test_the_share_is_held_before_it_is_sent(self, store: SampleStore) -> None:
        purses = self.purses(store, Calls(*[{}] * 5))  # five units, a tenth of which is half a unit
        plan = plan_of()
        assert purses.hold(plan, Decimal("0.4"), AT) is None
        assert purses.hold(plan, Decimal("0.2"), AT) is Skipped.BUDGET
        assert purses.hold(plan, Decimal("0.1"), AT) is None
        purses.settle(plan, Decimal("0.4"), Decimal("0.1"), AT, AT)
        assert purses.hold(plan, Decimal("0.2"), AT) is None

    def test_the_budget_holds_where_it_is_less(self, store: SampleStore) -> None:
        purses = self.purses(store, Calls(*[{}] * 1000))
        assert purses.limit(plan_of(), AT) == 1
        assert purses.hold(plan_of(), Decimal("1.1"), AT) is Skipped.BUDGET

    def test_what_is_not_known_is_not_spent(self, store: SampleStore) -> None:
        calls = Calls({})
        calls.fails = True
        for purses in (self.purses(store, calls), Purses(store, None)):
            assert purses.hold(plan_of(), Decimal("0.001"), AT) is Skipped.SPEND
            plan = plan_of()
            purses.allow(plan, AT)
            assert plan.share == 0.0

    def test_without_a_share_nobody_asks_the_ledger(self, store: SampleStore) -> None:
        calls = Calls({})
        purses = self.purses(store, calls)
        assert purses.hold(plan_of(max_share=None), Decimal("0.5"), AT) is None
        assert calls.asked == 0

    def test_sixty_four_threads_never_pass_it(self, store: SampleStore) -> None:
        purses, plan = self.purses(store, Calls(*[{}] * 5)), plan_of()
        held: list[bool] = []

        def hold() -> None:
            for _ in range(3):
                held.append(purses.hold(plan, Decimal("0.01"), AT) is None)

        threads = [threading.Thread(target=hold) for _ in range(64)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert held.count(True) == 50
        assert purses.purse(plan, AT).spent == Decimal("0.5")


def test_shadow_calls_come_to_no_more_than_their_share(tmp_path: Path) -> None:
    """Through the client; what came in before there was anything to take a share of is told as uncovered."""
    clock = VirtualRuntime()
    kinds = [
        fake_provider(
            [labels("Cat")], provider=name, price=fake_price(str(PRICE), sku=f"{name}.vision.label")
        )
        for name in ("first", "second")
    ]
    with Broker(
        adapters=kinds,
        provider="first",
        runtime=clock,
        ledger={"path": str(tmp_path / "ledger.db")},
        quality={"use_cases": {"shop": {"operation": OPERATION, "sampling": SAMPLING}}},
    ) as broker:
        shadow = Decimal(0)
        for done in range(1, 61):
            broker.vision.label(PICTURE)
            clock.advance(40)
            assert broker.quality.flush(30)
            shadow = sum(
                row.amount for row in broker.spend(SpendQuery(by=("kind",))) if row.group == ("shadow",)
            )
            assert shadow <= Decimal("0.1") * done * PRICE
        assert shadow > 2 * PRICE
        found = broker.quality.figures("shop", "first")
        assert found.uncovered > 0
        assert found.conditional.partial
