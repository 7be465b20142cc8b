"""Every cent of a call: caps that hold over retries, sums over attempts, unknown never taken for zero."""

from __future__ import annotations

import decimal
import os
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pipeline_support import GOOD, PICTURE, busy, down, make, rows, seen

from broker import BrokerError, BudgetExceeded, MalformedReply
from broker.contract import AdapterSettings, OperationSpec
from broker.errors import Outcome
from broker.ledger import SpendQuery
from broker.pipeline.meter import Metered
from broker.pricing.cost import charge
from broker.pricing.quantity import billing_units
from broker.testing.fake import fake_price, fake_provider
from broker.types import Billed, Price, Rounding, Tier, Unit, Usage

D = Decimal


def test_a_successful_call_costs_its_price() -> None:
    with make(fake_provider(price=fake_price("0.0012"))) as broker:
        result = broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert (result.cost.amount, result.cost.upper_bound, result.cost.billed) == (
        D("0.0012"),
        D("0.0012"),
        Billed.YES,
    )
    assert (result.cost.currency, result.cost.price_id) == ("USD", "fake.vision.label@test")
    assert result.attempts[0].cost == result.cost
    assert (spent.amount, spent.attempts) == (D("0.0012"), 1)


def test_the_cost_of_a_call_is_the_sum_over_its_attempts() -> None:
    with make(fake_provider([busy(), down(Outcome.NOT_SENT), GOOD])) as broker:
        result = broker.vision.label(PICTURE)
    assert [each.cost.amount for each in result.attempts] == [0, 0, D("0.001")]
    assert [each.cost.billed for each in result.attempts] == [Billed.NO, Billed.NO, Billed.YES]
    assert (result.cost.amount, result.cost.upper_bound, result.cost.billed) == (
        D("0.001"),
        D("0.001"),
        Billed.YES,
    )


def test_one_attempt_nobody_can_price_makes_the_sum_unknown_with_a_bound() -> None:
    with make(fake_provider([down(Outcome.SERVER), GOOD])) as broker:
        result = broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert (result.cost.amount, result.cost.upper_bound, result.cost.billed) == (
        None,
        D("0.002"),
        Billed.UNKNOWN,
    )
    assert (spent.amount, spent.at_risk, spent.unknown) == (D("0.001"), D("0.001"), 1)


@pytest.mark.parametrize(
    ("outcome", "amount", "at_risk"),
    [
        (Outcome.NOT_SENT, 0, 0),
        (Outcome.REJECTED, 0, 0),
        (Outcome.THROTTLED, 0, 0),
        (Outcome.QUOTA_DEAD, 0, 0),
        (Outcome.BAD_REPLY, D("0.001"), 0),
        (Outcome.SERVER, 0, D("0.001")),
        (Outcome.AMBIGUOUS, 0, D("0.001")),
        (Outcome.UNKNOWN, 0, D("0.001")),
    ],
)
def test_a_failure_costs_what_its_outcome_says(outcome: Outcome, amount: Decimal, at_risk: Decimal) -> None:
    with make(fake_provider([down(outcome)]), max_attempts=1) as broker:
        with pytest.raises(BrokerError):
            broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert (spent.amount, spent.at_risk, spent.failed) == (amount, at_risk, 1)


def test_a_cap_below_one_attempt_sends_nothing() -> None:
    adapter = fake_provider()
    with make(adapter) as broker:
        with pytest.raises(BudgetExceeded, match=r"\$0\.001.*max_cost \$0\.0009") as caught:
            broker.vision.label(PICTURE, max_cost="0.0009")
        assert broker.vision.label(PICTURE, max_cost="0.001").value, "exactly enough is enough"
    assert caught.value.billed is False
    assert seen(adapter) == len(rows()) == 1


def test_a_cap_holds_over_retries() -> None:
    adapter = fake_provider([down(Outcome.SERVER), down(Outcome.SERVER), GOOD])
    with make(adapter) as broker, pytest.raises(BudgetExceeded, match="earlier attempts"):
        broker.vision.label(PICTURE, max_cost="0.002")
    assert seen(adapter) == 2


def test_attempts_that_cost_nothing_do_not_use_up_the_cap() -> None:
    adapter = fake_provider([busy(), busy(), GOOD])
    with make(adapter) as broker:
        assert broker.vision.label(PICTURE, max_cost="0.001").value
    assert seen(adapter) == 3


def test_what_has_no_price_cannot_be_capped_and_is_never_free() -> None:
    adapter = fake_provider(price=fake_price(None))
    with make(adapter) as broker:
        with pytest.raises(BudgetExceeded, match=r"not known .*a test wants it so"):
            broker.vision.label(PICTURE, max_cost=1000)
        assert seen(adapter) == 0
        result = broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert (result.cost.amount, result.cost.upper_bound) == (None, None)
    assert result.cost.unpriced == "a test wants it so"
    assert result.cost.shown == "unknown (unpriced)"
    assert (spent.unpriced, spent.amount, spent.at_risk) == (1, 0, 0)


def test_a_free_provider_costs_nothing_and_passes_a_cap_of_zero() -> None:
    with make(fake_provider(price=fake_price(free=True))) as broker:
        result = broker.vision.label(PICTURE, max_cost=0)
    assert (result.cost.amount, result.cost.upper_bound) == (0, 0)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    price=st.integers(1, 10**9).map(lambda pico: D(pico).scaleb(-12)),
    failures=st.lists(st.sampled_from([each for each in Outcome if each is not Outcome.DONE]), max_size=8),
    cap=st.integers(0, 6 * 10**9).map(lambda pico: D(pico).scaleb(-12)),
    attempts=st.integers(1, 10),
)
def test_no_call_can_cost_more_than_its_cap(
    price: Decimal,
    failures: list[Outcome],
    cap: Decimal,
    attempts: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    adapter = fake_provider([*(down(each) for each in failures), GOOD], price=fake_price(str(price)))
    path = tmp_path_factory.mktemp("cap") / "ledger.db"
    os.environ["MLBROKER_LEDGER__PATH"] = str(path)  # put back by the fixture that set it
    with make(adapter, max_attempts=attempts, retry_ambiguous=True) as broker:
        try:
            result = broker.vision.label(PICTURE, max_cost=cap, deadline=86400)
            assert result.cost.upper_bound is not None
            assert result.cost.upper_bound <= cap
        except BudgetExceeded:
            assert seen(adapter) * price + price > cap
        except BrokerError:
            pass
        spent = broker.spend(SpendQuery(by=()))
    total = sum((row.amount + row.at_risk for row in spent), D(0))
    assert total <= cap
    assert total <= seen(adapter) * price
    assert sum(row.attempts for row in spent) == seen(adapter)


def metered(*usage: Usage) -> OperationSpec:
    return OperationSpec(operation="vision.label", service="Fake Vision", meter=lambda request: usage)


def use(quantity: str = "1", sku: str = "", unit: Unit = Unit.IMAGE) -> Usage:
    return Usage(sku=sku, unit=unit, quantity=D(quantity))


def two_skus(*prices: Price) -> Any:
    adapter = fake_provider(spec=metered(use(), use("3", "other")))
    adapter.manifest = replace(adapter.manifest, prices=prices)
    return adapter


def test_a_request_under_two_skus_costs_both() -> None:
    with make(two_skus(fake_price("0.001"), fake_price("0.01", sku="other"))) as broker:
        result = broker.vision.label(PICTURE)
    assert result.cost.amount == D("0.031")
    assert [usage.sku for usage in result.attempts[0].usage] == ["fake.vision.label", "other"]
    assert result.cost.price_id is None


def test_a_request_with_one_part_unpriced_is_unpriced() -> None:
    with make(two_skus(fake_price("0.001"), fake_price(None, sku="other"))) as broker:
        result = broker.vision.label(PICTURE)
    assert (result.cost.amount, result.cost.upper_bound) == (None, None)


def test_parts_in_different_currencies_are_never_added_up() -> None:
    euro = replace(fake_price("0.01", sku="other"), currency="EUR")
    with make(two_skus(fake_price("0.001"), euro)) as broker:
        result = broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert (result.cost.amount, result.cost.upper_bound) == (None, None)
    assert "different currencies" in str(result.cost.unpriced)
    assert (spent.amount, spent.unpriced) == (0, 1)


def test_a_sku_used_twice_in_one_request_is_charged_twice() -> None:
    adapter = fake_provider(spec=metered(use("2"), use("3")))
    with make(adapter) as broker:
        result = broker.vision.label(PICTURE)
        second = broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert result.cost.amount == result.cost.upper_bound == D("0.005")
    assert second.attempts[0].recorded
    assert (spent.amount, spent.open) == (D("0.010"), 0)


def test_a_sku_used_twice_moves_through_the_tiers_once() -> None:
    tiers = (Tier(up_to=D(4), price=D("1")), Tier(up_to=None, price=D("0.1")))
    adapter = fake_provider(spec=metered(use("3"), use("3")), price=replace(fake_price(), tiers=tiers))
    with make(adapter) as broker:
        amounts = [broker.vision.label(PICTURE).cost.amount for _ in range(2)]
    assert amounts == [D("4.2"), D("0.6")]


def test_an_adapter_that_meters_nothing_is_unpriced_and_not_free() -> None:
    adapter = fake_provider(spec=metered())
    with make(adapter) as broker:
        with pytest.raises(BudgetExceeded):
            broker.vision.label(PICTURE, max_cost=1)
        result = broker.vision.label(PICTURE)
    assert result.cost.amount is None
    assert result.cost.unpriced


def test_a_usage_in_another_unit_than_the_price_is_unpriced() -> None:
    with make(fake_provider(spec=metered(use("60", unit=Unit.SECOND)))) as broker:
        result = broker.vision.label(PICTURE)
    assert "by the image, not by the second" in str(result.cost.unpriced)
    assert result.cost.amount is None


def test_what_the_provider_reports_is_charged_instead_of_the_estimate() -> None:
    reply = replace(GOOD, usage=(use("7"),))
    with make(fake_provider([reply])) as broker:
        result = broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert result.cost.amount == spent.amount == D("0.007")
    assert result.attempts[0].usage[0].quantity == 7


@pytest.mark.parametrize(
    "usage",
    [
        use("-1"),
        use("NaN"),
        use("sNaN"),
        use("Infinity"),
        replace(use(), quantity=1.5),
        replace(use(), quantity=None),
        5,
    ],
    ids=["negative", "nan", "snan", "infinite", "float", "none", "no-usage"],
)
def test_a_report_that_cannot_be_counted_is_a_malformed_reply_at_the_estimate(usage: Any) -> None:
    with make(fake_provider([replace(GOOD, usage=(usage,))])) as broker:
        with pytest.raises(MalformedReply, match="cannot be counted"):
            broker.vision.label(PICTURE)
        (spent,) = broker.spend()
    assert (spent.amount, spent.open, spent.failed) == (D("0.001"), 0, 1)


class QuotaSettings(AdapterSettings):
    free_quota: bool = False


def with_quota(claimed: bool) -> Any:
    price = replace(fake_price("0.001"), free_quota=D(2))
    kind = fake_provider(price=price)

    def init(self: Any, settings: QuotaSettings) -> None:
        self.settings = settings

    return type("Quota", (kind,), {"Settings": QuotaSettings, "__init__": init}), {
        "fake": {"free_quota": claimed}
    }


@pytest.mark.parametrize(("claimed", "amounts"), [(True, ["0", "0", "0.001"]), (False, ["0.001"] * 3)])
def test_a_free_quota_counts_only_where_the_account_claims_it(claimed: bool, amounts: list[str]) -> None:
    adapter, providers = with_quota(claimed)
    with make(adapter, providers=providers) as broker:
        found = [broker.vision.label(PICTURE).cost for _ in range(3)]
    assert [each.amount for each in found] == [D(each) for each in amounts]
    assert [each.upper_bound for each in found] == [D("0.001")] * 3, "the bound does not rely on the quota"


def test_a_month_beyond_the_last_known_tier_has_a_bound_and_no_amount() -> None:
    price = replace(fake_price(), tiers=(Tier(up_to=D(2), price=D("0.001")),))
    with make(fake_provider(price=price)) as broker:
        found = [broker.vision.label(PICTURE).cost for _ in range(3)]
        (spent,) = broker.spend()
    assert [each.amount for each in found] == [D("0.001"), D("0.001"), None]
    assert found[2].upper_bound == D("0.001")
    assert (spent.amount, spent.at_risk) == (D("0.002"), D("0.001"))


def test_prices_are_those_of_the_day() -> None:
    old = replace(fake_price("1"), id="old", valid_to=date(2026, 1, 1))
    new = replace(fake_price("2"), id="new", valid_from=date(2026, 1, 1))
    adapter = fake_provider()
    adapter.manifest = replace(adapter.manifest, prices=(old, new))
    with make(adapter) as broker:
        result = broker.vision.label(PICTURE)
    assert (result.cost.amount, result.cost.price_id) == (2, "new")


def test_money_is_exact_whatever_decimal_context_the_program_has_set() -> None:
    with decimal.localcontext(decimal.Context(prec=3, rounding=decimal.ROUND_UP)):
        with make(fake_provider([down(), GOOD], price=fake_price("0.00012345"))) as broker:
            result = broker.vision.label(PICTURE, max_cost="0.0002469")
            (spent,) = broker.spend()
        assert result.cost.upper_bound == D("0.00024690")
        assert spent.amount == D("0.00012345")
        assert result.attempts[1].cost.shown == "$0.00012345"


tier_ends = st.lists(st.integers(1, 60), max_size=3, unique=True).map(sorted)
uses = st.lists(st.integers(0, 9), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    ends=tier_ends,
    open_end=st.booleans(),
    quota=st.integers(0, 20),
    claimed=st.booleans(),
    used=uses,
    positions=st.lists(st.integers(0, 80), min_size=1, max_size=30),
    per=st.sampled_from(["1", "4"]),
)
def test_what_is_remembered_of_charges_never_differs_from_charging_anew(
    ends: list[int],
    open_end: bool,
    quota: int,
    claimed: bool,
    used: list[int],
    positions: list[int],
    per: str,
) -> None:
    borders = [*map(D, ends), *([None] if open_end or not ends else [])]
    tiers = tuple(Tier(up_to=end, price=D(1) / D(2**number)) for number, end in enumerate(borders))
    price = replace(fake_price(sku="s"), tiers=tiers, free_quota=D(quota), rounding=Rounding(per=D(per)))
    usage = tuple(use(str(each)) for each in used)
    metered = Metered(
        usage=tuple(replace(each, sku="s") for each in usage),
        units=tuple(billing_units(each.quantity, price.rounding) for each in usage),
        prices=(price,) * len(usage),
        bound=None,
        currency="USD",
        unpriced=None,
    )
    charges = metered.charges(claimed)
    for position in positions:
        (line,) = charges({"s": D(position)})
        expected = charge(price, line.units, used_before=D(position), free_quota=claimed)
        assert line.units == sum(metered.units, D(0))
        assert (line.amount, line.bound) == (expected.amount, expected.upper_bound)
