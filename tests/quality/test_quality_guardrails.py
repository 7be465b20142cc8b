"""Guardrails breach on evidence, never on a proxy alone; and ROI in exact money."""

from __future__ import annotations

import math
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.quality.always import EProcess, confidence_sequence, watched
from broker.quality.guardrails import (
    Breach,
    Tolerance,
    budget_finding,
    quality_finding,
    recovered,
    roi_finding,
)
from broker.quality.intervals import wilson
from broker.quality.reference import AUTHORITY, Reference, highest
from broker.quality.roi import (
    FAILED,
    UNTOLD,
    Costs,
    Roi,
    ValueModel,
    break_even,
    cost_per_right,
    roi,
)

RULE = Tolerance(target=0.9, tolerance=0.05)
BROKEN = watched(RULE.bar, [0.0, 1.0] * 60)


def test_quality_opens_on_the_e_process_or_on_two_alarms_together() -> None:
    good = wilson(95, 100)
    assert quality_finding(RULE, good, None).breach is Breach.NONE
    assert quality_finding(RULE, wilson(80, 100), None).breach is Breach.SOFT
    assert quality_finding(RULE, good, BROKEN).breach is Breach.HARD
    assert quality_finding(RULE, good, None, pinned_worse=True, agreement_alarmed=True).breach is Breach.HARD
    assert quality_finding(RULE, None, EProcess(bar=RULE.bar)).breach is Breach.UNKNOWN


@pytest.mark.parametrize("proxy", [{"pinned_worse": True}, {"agreement_alarmed": True}])
def test_a_proxy_alone_never_opens(proxy: dict[str, bool]) -> None:
    for estimate in (wilson(95, 100), wilson(10, 100), None):
        assert quality_finding(RULE, estimate, None, **proxy).breach is Breach.SOFT


def test_evidence_against_another_bar_is_not_taken() -> None:
    with pytest.raises(ValueError, match="the bar is"):
        quality_finding(RULE, None, EProcess(bar=0.5))
    with pytest.raises(ValueError, match="tolerance leaves"):
        Tolerance(target=0.9, tolerance=0.9)


def test_it_is_good_again_when_the_lower_bound_of_a_confidence_sequence_says_so() -> None:
    assert recovered(RULE, confidence_sequence([1.0] * 100 + [0.0] * 2))
    assert not recovered(RULE, confidence_sequence([1.0] * 10))
    assert not recovered(RULE, wilson(1000, 1000))  # holds for one look alone
    assert not recovered(RULE, confidence_sequence([]))


@pytest.mark.parametrize(
    ("settled", "reserved", "share", "breach"),
    [
        ("40", "0", 0.5, Breach.NONE),
        ("60", "0", 0.5, Breach.SOFT),
        ("60", "40", 0.5, Breach.HARD),
        ("100", "0", 1.0, Breach.HARD),
        ("50", "0", 0.5, Breach.NONE),
    ],
)
def test_a_budget_is_exact_arithmetic(settled: str, reserved: str, share: float, breach: Breach) -> None:
    told = budget_finding(cap=D(100), settled=D(settled), reserved=D(reserved), share_of_window=share)
    assert told.breach is breach
    with pytest.raises(ValueError, match="share of the window"):
        budget_finding(cap=D(1), settled=D(0), reserved=D(0), share_of_window=0)


# ROI


MODEL = ValueModel(right=D("0.10"), wrong=D("0.30"), failed=D("0.05"), losses={("cat", "dog"): D("1.00")})
COSTS = Costs(calls=D(15), sampling=D(1), labelling=D(4))
CELLS = {
    ("cat", "cat"): 450,
    ("cat", "dog"): 10,
    ("dog", "dog"): 520,
    ("dog", "cat"): 10,
    ("dog", FAILED): 10,
}


def told(**changes: object) -> Roi:
    fields: dict[str, object] = {"final": CELLS, "items": 1000, "model": MODEL, "costs": COSTS, **changes}
    return roi(fields.pop("final"), **fields)  # type: ignore[arg-type]


def test_roi_by_hand() -> None:
    value = D(970) * D("0.10") - D(10) * D("1.00") - D(10) * D("0.30") - D(10) * D("0.05")
    result = told()
    assert result.value.point == value
    assert result.gross.point == value / 20 * 100
    assert result.net.point == result.gross.point - 100
    assert result.cost == 20
    assert result.break_even == (D("0.02") + D("0.30")) / D("0.40")
    before = told(initial=D(40))
    assert before.value.point == value - 40
    assert told(initial=CELLS).value.point == 0


def test_its_interval_holds_the_truth_and_more_items_narrow_it() -> None:
    """Summed over all outcomes of 200 items that are right with 0.9: no samples are drawn but those of the interval."""
    model, n = ValueModel(right=D(1), wrong=D(2)), 200
    held, narrow = 0.0, D(0)
    for hits in range(163, 197):
        result = roi(
            {("a", "a"): hits, ("a", "b"): n - hits}, items=1000, model=model, costs=Costs(calls=D(100))
        )
        if result.value.low <= 700 <= result.value.high:
            held += math.comb(n, hits) * 0.9**hits * 0.1 ** (n - hits)
        narrow = max(narrow, result.value.high - result.value.low)
    assert held >= 0.93
    wide = roi({("a", "a"): 18, ("a", "b"): 2}, items=1000, model=model, costs=Costs(calls=D(100)))
    assert wide.value.high - wide.value.low > 2 * narrow


def test_no_error_seen_is_not_certain() -> None:
    result = roi(
        {("a", "a"): 50}, items=1000, model=ValueModel(right=D(1), wrong=D(2)), costs=Costs(calls=D(100))
    )
    assert result.value.point == result.value.high == 1000
    assert 750 < result.value.low < 990


def test_doubt_about_the_value_widens_it_and_its_ends_are_told() -> None:
    sure = told()
    doubtful = told(model=ValueModel(right=D("0.10"), wrong=D("0.30"), failed=D("0.05"), doubt=D("0.5")))
    assert doubtful.gross.high - doubtful.gross.low > sure.gross.high - sure.gross.low
    assert doubtful.doubtful[0] < doubtful.gross.point < doubtful.doubtful[1]
    assert told() == told()  # the same draws


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 500))
def test_at_the_break_even_accuracy_an_item_pays_exactly(value: int, loss: int, cost: int) -> None:
    v, el, c = D(value) / 100, D(loss) / 100, D(cost) / 100
    if v + el == 0:
        with pytest.raises(ValueError, match="worth the same"):
            break_even(value=v, loss=el, unit_cost=c)
        return
    wanted = break_even(value=v, loss=el, unit_cost=c)
    if wanted is None:
        assert c > v
    else:
        assert abs(wanted * v - (1 - wanted) * el - c) < D("1e-20")


@pytest.mark.parametrize(
    "changes",
    [{"costs": Costs(calls=D(0))}, {"final": {}}, {"items": 0}, {"initial": {}}],
)
def test_no_return_without_spend_items_or_truth(changes: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"nothing was spent|needs items"):
        told(**changes)
    with pytest.raises(ValueError, match="loss is told"):
        ValueModel(right=D(1), wrong=D(-1))
    with pytest.raises(ValueError, match="doubt"):
        ValueModel(right=D(1), doubt=D(1))


def test_roi_opens_when_the_upper_bound_is_too_low_three_windows_in_a_row() -> None:
    poor = told(initial=D(90))
    rich = told()
    assert poor.net.high < 0 < rich.net.low
    assert roi_finding(required=D(0), windows=[poor] * 3).breach is Breach.HARD
    assert roi_finding(required=D(0), windows=[poor] * 2).breach is Breach.SOFT
    assert roi_finding(required=D(0), windows=[poor, poor, rich]).breach is Breach.NONE
    assert roi_finding(required=D(0), windows=[]).breach is Breach.UNKNOWN
    unsure = told(initial=poor.value.point + D(80), final={("cat", "cat"): 4, ("cat", "dog"): 1})
    assert unsure.net.point < 0
    assert roi_finding(required=D(0), windows=[unsure] * 3).breach in (Breach.SOFT, Breach.HARD)


def test_what_a_right_answer_costs() -> None:
    assert cost_per_right(D(10), 1000, 0.8).per_right == D(10) / 800
    assert cost_per_right(D(10), 1000, 0.0).per_right is None
    with pytest.raises(ValueError, match="one call"):
        cost_per_right(D(1), 0, 0.5)


def test_only_people_make_scores() -> None:
    assert [kind for kind in AUTHORITY if kind.scores] == [Reference.GOLD, Reference.REVIEWED]
    assert highest([Reference.SELF, Reference.REVIEWED, Reference.SECOND]) is Reference.REVIEWED
    assert highest([]) is None


KINDS = [("cat", "dog"), ("dog", "cat"), ("cat", "cow")]


@given(
    st.lists(st.integers(0, 2), max_size=12),
    st.integers(1, 60),
    st.integers(0, 20),
    st.lists(st.integers(0, 50), min_size=3, max_size=3),
)
def test_errors_of_unknown_kind_span_what_each_kind_would_make(
    kinds: list[int], right: int, failed: int, cents: list[int]
) -> None:
    """Whatever the errors were, the return with them is inside the one that does not know."""
    model = ValueModel(
        right=D("0.10"),
        wrong=D(cents[0]) / 100,
        failed=D("0.01"),
        losses={KINDS[0]: D(cents[1]) / 100, KINDS[1]: D(cents[2]) / 100},
    )
    fixed = {("cat", "cat"): right, ("cat", FAILED): failed}
    known = {kind: kinds.count(place) for place, kind in enumerate(KINDS)}
    facts = {"items": 1000, "model": model, "costs": COSTS, "draws": 60}
    exact = roi({**fixed, **known}, **facts)  # type: ignore[arg-type]
    blind = roi({**fixed, ("right", UNTOLD): len(kinds)}, **facts)  # type: ignore[arg-type]
    assert exact.value.point is not None
    assert blind.value.low <= exact.value.point <= blind.value.high
    assert blind.untold == (1.0 if kinds else 0.0)
    assert (blind.value.point is None) == bool(kinds and model.cheapest != model.dearest)
    for each in (exact, blind):
        assert each.gross.low <= each.gross.high
        assert (each.net.low, each.net.high) == (each.gross.low - 100, each.gross.high - 100)
        if each.gross.point is not None and each.net.point is not None:
            assert each.net.point == each.gross.point - 100
            assert each.gross.low <= each.gross.point <= each.gross.high
    if kinds and model.dearest:
        assert blind.value.low < 1000 * D("0.10") * right / (right + failed + len(kinds))  # never for nothing


def test_a_return_without_a_point_warns_by_its_middle() -> None:
    blind = told(final={("cat", "cat"): 9, ("cat", UNTOLD): 1})
    assert blind.net.point is None
    middle = (blind.net.low + blind.net.high) / 2
    assert roi_finding(required=middle + 1, windows=[blind]).breach is Breach.SOFT
    assert "between" in roi_finding(required=middle + 1, windows=[blind]).text
    assert roi_finding(required=middle - 1, windows=[blind]).breach is Breach.NONE


def test_what_stands_and_every_other_cost_is_in_the_sum() -> None:
    costs = Costs(calls=D(1), sampling=D(2), labelling=D(4), engineering=D(8), failover=D(16), standing=D(32))
    assert costs.total == 63
