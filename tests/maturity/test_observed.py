"""What pinned sets showed: counted by quarter, with an interval that does not count the same items twice."""

from __future__ import annotations

from datetime import date
from math import sqrt
from statistics import NormalDist

import pytest

from broker.maturity.observed import Rerun, observed, quarter
from broker.quality.drift.pinned import Replay


def rerun(day: date, flipped: int, items: int = 200, after: str = "b", **other: str) -> Rerun:
    found = Replay(
        items=items, judged=0, accuracy_before=None, accuracy_after=None, lost=0, gained=0, p_value=1.0,
        flipped=flipped, failed=0, token_before="a", token_after=after,
    )  # fmt: skip
    named = {"use_case": "shop", "provider": "one", "snapshot": "s", **other}
    return Rerun(day=day, replay=found, **named)


def test_by_quarter_and_provider() -> None:
    rows = observed(
        [
            rerun(date(2026, 10, 1), 30),
            rerun(date(2026, 9, 30), 0, after="a"),
            rerun(date(2026, 12, 31), 10),
            rerun(date(2026, 11, 2), 5, provider="two"),
        ]
    )
    assert [(each.provider, each.quarter, each.runs, each.changed) for each in rows] == [
        ("one", "2026 Q3", 1, 0),
        ("one", "2026 Q4", 2, 2),
        ("two", "2026 Q4", 1, 1),
    ]
    assert quarter(date(2026, 1, 1)) == quarter(date(2026, 3, 31)) == "2026 Q1"


def test_the_same_items_asked_again_do_not_narrow_the_interval() -> None:
    once = observed([rerun(date(2026, 10, 1), 40)])[0].flipped
    often = observed([rerun(date(2026, 10, day), 40) for day in range(1, 13)])[0].flipped
    assert once is not None
    assert often is not None
    assert (once.low, once.high, once.n) == pytest.approx((often.low, often.high, often.n))
    z2 = NormalDist().inv_cdf(0.975) ** 2
    middle, half = 0.2 + z2 / 400, sqrt(z2 * (0.2 * 0.8 / 200 + z2 / 160000))
    ends = [(middle + sign * half) / (1 + z2 / 200) for sign in (-1, 1)]
    assert (once.point, once.low, once.high) == pytest.approx((0.2, *ends), abs=1e-9)


def test_runs_of_different_size_lean_on_the_smallest() -> None:
    found = observed([rerun(date(2026, 10, 1), 10, 100), rerun(date(2026, 10, 2), 0, 50)])[0]
    assert found.items == 50
    assert found.flipped is not None
    assert found.flipped.point == pytest.approx(0.05)


def test_another_set_is_another_row_and_nothing_compared_is_unknown() -> None:
    rows = observed([rerun(date(2026, 10, 1), 0, 0), rerun(date(2026, 10, 2), 1, snapshot="t")])
    assert [each.snapshot for each in rows] == ["s", "t"]
    assert rows[0].flipped is None
    assert observed([]) == ()
