"""The maturity score: recomputed from the file's numbers, its caps by date, unknown as an interval."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.contract import Lifecycle, Manifest, OperationSpec
from broker.maturity.checklist import GRADES, Checklist, Evidence, Member
from broker.maturity.interval import Interval
from broker.maturity.score import EQUAL, assess, months_after

DAY = date(2026, 11, 21)
GA = Lifecycle(status="ga")


def _evidence(member: Member, grade: int, **more: object) -> Evidence:
    return replace(
        Evidence(
            provider="p", member=member, grade=grade, says="so", source="https://example.org/x", dated=DAY
        ),
        **more,
    )


def _cell(lifecycle: Lifecycle = GA, rows: tuple[Evidence, ...] = (), **weights: float):
    spec = OperationSpec(operation="vision.label", service="eyes", lifecycle=lifecycle)
    manifest = Manifest(provider="p", version="1", operations=(spec,))
    weighed = {**EQUAL, **{Member(name): each for name, each in weights.items()}}
    return assess(manifest, spec, Checklist(rows), DAY, weighed)


def test_every_grade_has_its_meaning() -> None:
    assert set(GRADES) == set(Member)
    assert all(len(each) == 5 and len(set(each)) == 5 for each in GRADES.values())


def test_nothing_known_is_anything() -> None:
    assert _cell().score == Interval(low=0.0, high=100.0)
    assert set(_cell().unknown) == set(Member)


def test_everything_known_is_a_point() -> None:
    rows = tuple(_evidence(each, number % 5) for number, each in enumerate(Member))
    score = _cell(rows=rows).score
    assert score.low == score.high == pytest.approx(100 * sum(n % 5 for n in range(12)) / 48)


@given(
    grades=st.dictionaries(st.sampled_from(list(Member)), st.integers(0, 4)),
    weights=st.fixed_dictionaries({each: st.integers(0, 9) for each in Member}),
)
def test_the_interval_is_unknown_as_0_to_unknown_as_4(
    grades: dict[Member, int], weights: dict[Member, int]
) -> None:
    if not any(weights.values()):
        return
    rows = tuple(_evidence(member, grade) for member, grade in grades.items())
    score = _cell(rows=rows, **{each.value: float(number) for each, number in weights.items()}).score
    for end, filling in ((score.low, 0), (score.high, 4)):
        exact = Fraction(
            100 * sum(weights[each] * grades.get(each, filling) for each in Member), 4 * sum(weights.values())
        )
        assert end == pytest.approx(float(exact), abs=1e-9)


@pytest.mark.parametrize(
    ("status", "on", "limit"),
    [
        ("ga", None, 100),
        ("preview", None, 100),
        ("closed_to_new", None, 40),
        ("closed_to_new", date(2026, 7, 30), 40),
        ("retiring", None, 20),
        ("retiring", date(2026, 11, 21), 0),
        ("retiring", date(2020, 1, 1), 0),
        ("retiring", date(2026, 11, 22), 20),
        ("retiring", date(2027, 11, 20), 20),
        ("retiring", date(2027, 11, 21), 60),
        ("retiring", date(2029, 11, 20), 60),
        ("retiring", date(2029, 11, 21), 100),
    ],
)
def test_caps(status: str, on: date | None, limit: float) -> None:
    rows = tuple(_evidence(each, 4) for each in Member if each is not Member.LAUNCH_STAGE)
    score = _cell(Lifecycle(status=status, on=on, source="https://example.org/life"), rows).score
    assert score.high <= limit
    if limit < 80:
        assert score == Interval(low=limit, high=limit)


def test_a_closing_that_is_still_to_come_caps_and_is_told_by_its_day() -> None:
    later = Lifecycle(status="closed_to_new", on=date(2026, 12, 31), source="https://example.org/life")
    (cap,) = _cell(later).caps
    assert (cap.limit, cap.why) == (40, "closes to new customers on 2026-12-31")
    (cap,) = _cell(replace(later, on=DAY)).caps
    assert (cap.limit, cap.why) == (40, "closed to new customers")


def test_the_manifest_says_the_stage_and_not_the_checklist() -> None:
    claimed = _evidence(Member.LAUNCH_STAGE, 4)
    closed = Lifecycle(
        status="closed_to_new", on=date(2026, 7, 30), note="gone", source="https://example.org/c"
    )
    stage = _cell(closed, (claimed,)).known[Member.LAUNCH_STAGE]
    assert (stage.grade, stage.source) == (1, "https://example.org/c")
    assert "2026-07-30" in stage.says
    assert _cell(rows=(claimed,)).known[Member.LAUNCH_STAGE] is claimed


def test_generally_available_is_not_taken_from_a_default() -> None:
    assert Member.LAUNCH_STAGE in _cell().unknown


def test_the_narrower_evidence_holds_and_of_equals_the_later() -> None:
    wide, narrow, other = (
        _evidence(Member.SLA, 1),
        _evidence(Member.SLA, 2, services=("eyes",)),
        _evidence(Member.SLA, 3, services=("ears",)),
    )
    own = _evidence(Member.SLA, 4, services=("eyes",))
    for rows, grade in (
        ((narrow, wide, other), 2),
        ((wide, other), 1),
        ((wide, narrow, own), 4),
        ((own, narrow), 2),
    ):
        assert Checklist(rows).of("p", "eyes", "vision.label")[Member.SLA].grade == grade
    exact = _evidence(Member.SLA, 0, operations=("vision.label",))
    assert Checklist((exact, narrow)).of("p", "eyes", "vision.label")[Member.SLA] is exact
    assert not Checklist((exact, narrow)).of("q", "eyes", "vision.label")


def test_evidence_grows_old() -> None:
    for dated, stale in ((date(2026, 8, 23), False), (date(2026, 8, 22), True), (None, True)):
        cell = _cell(rows=(_evidence(Member.SLA, 4, dated=dated),))
        assert (Member.SLA in cell.stale) is stale
        assert cell.score.low > 0  # it still counts


@pytest.mark.parametrize(
    "bad", [{"sla": -1.0}, {"sla": float("nan")}, dict.fromkeys((m.value for m in Member), 0.0)]
)
def test_weights_that_cannot_be_meant(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="weight"):
        _cell(**bad)


def test_months_end_with_their_month() -> None:
    assert months_after(date(2024, 1, 31), 1) == date(2024, 2, 29)
    assert months_after(date(2024, 2, 29), 12) == date(2025, 2, 28)
    assert months_after(date(2026, 12, 1), 36) == date(2029, 12, 1)


def test_an_interval_stands_the_right_way_round() -> None:
    for low, high in ((1.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))):
        with pytest.raises(ValueError, match="no interval"):
            Interval(low=low, high=high)
    assert str(Interval(low=39.6, high=40.4)) == "40"
    assert str(Interval(low=0, high=60)) == "0 to 60"
