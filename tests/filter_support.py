"""Filters and metadata of every kind, for hypothesis; the texts in them are chosen to break careless quoting."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from broker.testing.filters import HOSTILE
from broker.types import AllOf, AnyOf, Contains, Equals, Filter, Not, OneOf, Range

NAMES = st.sampled_from(["year", "lang", "tags", "x-y", "in", "not", "Z_9", "draft"])
"""Few, so that filters and metadata meet."""
WORDS = st.one_of(
    st.sampled_from([each for each in HOSTILE if len(each) < 100]),
    st.sampled_from(["a", "b", "en", "de"]),
    st.text(st.characters(codec="utf-8"), max_size=8),
)
NUMBERS: st.SearchStrategy[int | float] = st.one_of(
    st.integers(-3, 3),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.sampled_from([0.5, -0.0, 1.0, 1e300, 5e-324, 2.0**53]),
    st.floats(allow_nan=False, allow_infinity=False),
)
TIMES = st.one_of(
    st.sampled_from([datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2, 3)]),
    st.datetimes(timezones=st.just(UTC)),
    st.integers(0, 10**9).map(lambda n: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)),
)
SCALARS = st.one_of(WORDS, NUMBERS, st.booleans(), TIMES)
METADATA = st.dictionaries(NAMES, st.one_of(SCALARS, st.lists(WORDS, max_size=3).map(tuple)), max_size=5)


def _range(name: str, bounds: tuple[Any, Any], how: int) -> Range:
    low, high = bounds
    signs: dict[str, Any] = [
        {"at_least": low},
        {"above": low},
        {"at_most": high},
        {"below": high},
        {"at_least": low, "at_most": high},
        {"above": low, "below": high},
        {"at_least": low, "below": high},
        {"above": low, "at_most": high},
    ][how]
    return Range(name=name, **signs)


CONDITIONS: st.SearchStrategy[Filter] = st.one_of(
    st.builds(lambda name, value: Equals(name=name, value=value), NAMES, SCALARS),
    st.builds(
        lambda name, values: OneOf(name=name, values=tuple(values)),
        NAMES,
        st.one_of(
            *(st.lists(kind, min_size=1, max_size=3) for kind in (WORDS, NUMBERS, st.booleans(), TIMES))
        ),
    ),
    st.builds(
        _range, NAMES, st.one_of(st.tuples(NUMBERS, NUMBERS), st.tuples(TIMES, TIMES)), st.integers(0, 7)
    ),
    st.builds(lambda name, value: Contains(name=name, value=value), NAMES, WORDS),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    CONDITIONS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AllOf(parts=tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(parts=tuple(parts))),
        inner.map(lambda part: Not(part=part)),
    ),
    max_leaves=8,
)
