"""Billing units and charges: the vendors' own worked examples, and what holds for every price."""

from __future__ import annotations

import decimal
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.pricing.cost import charge
from broker.pricing.quantity import billing_units
from broker.types import Price, Rounding, Tier, Unit

D = Decimal
AS_IS = Rounding()


def price(*tiers: tuple[str | None, str], rounding: Rounding = AS_IS, free_quota: str = "0") -> Price:
    return Price(
        id="t",
        sku="t",
        unit=Unit.IMAGE,
        region="*",
        currency="USD",
        valid_from=date(2026, 1, 1),
        checked_on=date(2026, 1, 1),
        source="a test",
        confidence="high",
        tiers=tuple(
            Tier(up_to=None if up_to is None else D(up_to), price=D(amount)) for up_to, amount in tiers
        ),
        rounding=rounding,
        free_quota=D(free_quota),
    )


def cost(row: Price, *quantities: str, used: str = "0", free_quota: bool = False) -> Decimal | None:
    """The sum over requests of these quantities, one after the other."""
    before, total = D(used), D(0)
    for quantity in quantities:
        units = billing_units(D(quantity), row.rounding)
        amount = charge(row, units, used_before=before, free_quota=free_quota).amount
        if amount is None:
            return None
        before += units
        total += amount
    return total


def rounding(increment: str, minimum: str = "0", per: str | None = None) -> Rounding:
    return Rounding(increment=D(increment), minimum=D(minimum), per=D(per or increment))


COMPREHEND = price(
    ("10000000", "0.0001"), ("50000000", "0.00005"), (None, "0.000025"), rounding=rounding("100", "300")
)
GOOGLE_LANGUAGE = price(
    ("1000000", "0.001"),
    ("5000000", "0.0005"),
    (None, "0.00025"),
    rounding=rounding("1000", "1000"),
    free_quota="5000",
)
AZURE_LANGUAGE = price(
    ("500000", "0.001"),
    ("2500000", "0.00075"),
    ("10000000", "0.0003"),
    (None, "0.00025"),
    rounding=rounding("1000", "1000"),
)
REKOGNITION = price(("1000000", "0.001"), ("5000000", "0.0008"), ("35000000", "0.0006"), (None, "0.00025"))
GOOGLE_LABEL = price(("5000000", "0.0015"), (None, "0.001"), free_quota="1000")
GOOGLE_OBJECTS = price(("5000000", "0.00225"), (None, "0.0015"), free_quota="1000")
AZURE_VISION = price(("1000000", "0.001"), ("10000000", "0.00065"), ("100000000", "0.0006"), (None, "0.0004"))
TEXTRACT = price(("1000000", "0.0015"), (None, "0.0006"), free_quota="1000")
SECONDS = rounding("1", per="1")
TRANSCRIBE = price((None, "0.0001"), rounding=SECONDS)
TRANSCRIBE_OLD = price((None, "0.0004"), rounding=rounding("1", "15", "1"))
STREAMING = price((None, "0.0001667"), rounding=SECONDS)
GOOGLE_SPEECH = price(("500000", "0.016"), ("1000000", "0.010"), rounding=rounding("1", per="60"))
AZURE_REAL_TIME = price((None, "1"), rounding=rounding("1", per="3600"))
AZURE_FAST = price((None, "0.36"), rounding=rounding("1", per="3600"))
AZURE_BATCH = price((None, "0.18"), rounding=rounding("1", per="3600"))


@pytest.mark.parametrize(
    ("row", "quantities", "expected"),
    [
        pytest.param(COMPREHEND, ["45"], "0.0003", id="1: three units at least"),
        pytest.param(COMPREHEND, ["301"], "0.0004", id="2: 301 characters"),
        pytest.param(COMPREHEND, ["550"], "0.0006", id="2: 550 characters"),
        pytest.param(COMPREHEND, ["1200000000"], "1100.00", id="3: 12 million units"),
        pytest.param(GOOGLE_LANGUAGE, ["800", "1500", "600"], "0.004", id="4: 1 + 2 + 1 units"),
        pytest.param(AZURE_LANGUAGE, ["2300"], "0.003", id="6: three records"),
        pytest.param(AZURE_LANGUAGE, ["15000000000"], "5500.00", id="7: 15 million records"),
        pytest.param(REKOGNITION, ["1", "1"], "0.002", id="8: two operations on one image"),
        pytest.param(REKOGNITION, ["3500000"], "3000.00", id="9: into the second tier"),
        pytest.param(AZURE_VISION, ["1500000"], "1325.00", id="12: 1.5 million transactions"),
        pytest.param(TRANSCRIBE, ["8"], "0.0008", id="14: by the second"),
        pytest.param(TRANSCRIBE_OLD, ["8"], "0.0060", id="14: the old minimum"),
        pytest.param(STREAMING, ["60000000"], "10002.00", id="15: a million minutes"),
        pytest.param(GOOGLE_SPEECH, ["12.3"], "0.003466666667", id="16: 13 seconds"),
        pytest.param(GOOGLE_SPEECH, ["12.3", "12.3"], "0.006933333334", id="16: two channels"),
        pytest.param(GOOGLE_SPEECH, ["36000000"], "9000", id="18: 600,000 minutes"),
        pytest.param(AZURE_REAL_TIME, ["7.2"], "0.002222222222", id="19: real time"),
        pytest.param(AZURE_FAST, ["7.2"], "0.000800", id="19: fast"),
        pytest.param(AZURE_BATCH, ["7.2"], "0.000400", id="19: batch"),
    ],
)
def test_the_worked_examples(row: Price, quantities: list[str], expected: str) -> None:
    assert cost(row, *quantities) == D(expected)


@pytest.mark.parametrize(
    ("row", "quantity", "expected"),
    [
        pytest.param(GOOGLE_LANGUAGE, "1200000000", "1095.00", id="5: Natural Language"),
        pytest.param(GOOGLE_LABEL, "1000000", "1498.50", id="10: labels"),
        pytest.param(GOOGLE_OBJECTS, "1000000", "2247.75", id="11: objects beside labels"),
        pytest.param(TEXTRACT, "837973", "1255.4595", id="13: a real invoice"),
    ],
)
def test_the_worked_examples_with_a_free_quota(row: Price, quantity: str, expected: str) -> None:
    assert cost(row, quantity, free_quota=True) == D(expected)
    unclaimed = cost(row, quantity)
    assert unclaimed is not None
    assert unclaimed > D(expected), "a free quota counts only where the account claims it"


def test_a_months_units_beyond_the_last_known_tier_cost_an_unknown_amount() -> None:
    row = price(("1000000", "0.0013"))
    assert cost(row, "1", used="999999") == D("0.0013")
    found = charge(row, D(1), used_before=D(1_000_000))
    assert (found.amount, found.upper_bound) == (None, D("0.0013"))
    assert charge(row, D(2), used_before=D(999_999)).amount is None


def test_an_unpriced_row_has_neither_amount_nor_bound_and_a_free_one_costs_nothing() -> None:
    unpriced = charge(Price(**{**fields(price()), "unpriced": "not found"}), D(5))
    assert (unpriced.amount, unpriced.upper_bound) == (None, None)
    free = charge(Price(**{**fields(price()), "free": "local"}), D(5))
    assert (free.amount, free.upper_bound) == (0, 0)


def fields(row: Price) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


amounts = st.integers(1, 10**7).map(lambda pico: D(pico).scaleb(-9))
borders = st.lists(st.integers(1, 10**6), max_size=4, unique=True).map(sorted)


@st.composite
def rows(draw: st.DrawFn, open_ended: bool | None = None) -> Price:
    ends: list[str | None] = [str(each) for each in draw(borders)]
    if not ends or (draw(st.booleans()) if open_ended is None else open_ended):
        ends.append(None)
    quota = str(draw(st.integers(0, 10**5)))
    return price(*((end, str(draw(amounts))) for end in ends), free_quota=quota)


positions = st.integers(0, 2 * 10**6).map(D)
units = st.integers(0, 10**6).map(D)


@given(rows(), positions, units, units, st.booleans())
def test_a_charge_is_the_sum_of_its_parts_wherever_it_is_split(
    row: Price, used: Decimal, one: Decimal, other: Decimal, free: bool
) -> None:
    whole = charge(row, one + other, used_before=used, free_quota=free).amount
    first = charge(row, one, used_before=used, free_quota=free).amount
    second = charge(row, other, used_before=used + one, free_quota=free).amount
    if whole is None:
        assert first is None or second is None
    else:
        assert first is not None
        assert second is not None
        assert first + second == whole


@given(rows(), positions, units, units, st.booleans())
def test_more_units_never_cost_less_and_nothing_costs_less_than_zero(
    row: Price, used: Decimal, one: Decimal, more: Decimal, free: bool
) -> None:
    small = charge(row, one, used_before=used, free_quota=free)
    large = charge(row, one + more, used_before=used, free_quota=free)
    assert small.amount is None or small.amount >= 0
    if large.amount is not None:
        assert small.amount is not None
        assert small.amount <= large.amount


@given(rows(), positions, units, st.booleans())
def test_the_upper_bound_holds_and_does_not_depend_on_the_position(
    row: Price, used: Decimal, number: Decimal, free: bool
) -> None:
    found = charge(row, number, used_before=used, free_quota=free)
    assert found.upper_bound is not None
    assert found.amount is None or found.amount <= found.upper_bound
    assert found.upper_bound == charge(row, number).upper_bound


@given(rows(open_ended=True), positions, units)
def test_a_claimed_free_quota_takes_the_first_units_and_moves_no_border(
    row: Price, used: Decimal, number: Decimal
) -> None:
    paid = charge(row, number, used_before=used).amount
    claimed = charge(row, number, used_before=used, free_quota=True).amount
    free_units = max(D(0), min(used + number, row.free_quota) - used)
    given_away = charge(row, free_units, used_before=used).amount
    assert paid is not None
    assert claimed is not None
    assert given_away is not None
    assert claimed == paid - given_away


@given(rows(open_ended=True), positions, units)
def test_the_charge_equals_a_count_unit_by_unit_over_the_tiers(
    row: Price, used: Decimal, number: Decimal
) -> None:
    ends = [D(0), *(tier.up_to if tier.up_to is not None else D(10**12) for tier in row.tiers)]
    total = sum(
        (
            max(D(0), min(used + number, high) - max(used, low)) * tier.price
            for (low, high), tier in zip(pairwise(ends), row.tiers, strict=True)
        ),
        D(0),
    )
    assert charge(row, number, used_before=used).amount == total


quantities = st.decimals(0, 10**9, places=3, allow_nan=False)


@given(quantities, st.integers(1, 1000), st.integers(0, 1000), st.integers(1, 1000))
def test_units_are_rounded_up_lifted_and_converted(
    quantity: Decimal, increment: int, minimum: int, per: int
) -> None:
    rule = Rounding(increment=D(increment), minimum=D(minimum), per=D(per))
    found = billing_units(quantity, rule)
    steps = -(-int(quantity * 1000) // (increment * 1000))
    counted = max(steps * increment, minimum)
    assert abs(found * per - counted) < D("1e-30")
    assert found * per >= quantity - D("1e-30")


@pytest.mark.parametrize("quantity", ["-1", "NaN", "Infinity", "sNaN"])
def test_an_impossible_quantity_is_refused(quantity: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        billing_units(D(quantity), Rounding())


@pytest.mark.parametrize("precision", [3, 6, 28])
def test_the_callers_decimal_context_changes_no_amount(precision: int) -> None:
    with decimal.localcontext(decimal.Context(prec=precision, rounding=decimal.ROUND_DOWN)):
        found = charge(REKOGNITION, D(3_500_001), used_before=D(12_345))
        units = billing_units(D("123456789.7"), rounding("1", per="8"))
    assert found.amount == D("2997.5318")  # 987,655 at 0.001 and 2,512,346 at 0.0008
    assert found.upper_bound == D("3500.001")
    assert units == D("15432098.75")
