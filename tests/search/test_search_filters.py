"""The filter language: what it refuses, what it means, and that its text is read back as the same filter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.contract import FilterWalker, inward
from broker.errors import BadInput, Unsupported
from broker.testing.filters import holds
from broker.types import (
    AllOf,
    AnyOf,
    Equals,
    Filter,
    MetadataValue,
    Not,
    Range,
    conditions,
    parse_filter,
    shown_filter,
    where,
)
from broker.types.filters import check_filter
from filter_support import FILTERS, METADATA


@given(FILTERS)
def test_its_text_is_read_back_as_the_same_filter(whole: Filter) -> None:
    text = shown_filter(whole)
    assert parse_filter(text) == whole
    assert repr(parse_filter(text)) == repr(whole)  # of True and 1, too
    assert parse_filter(f" \n{text}\t") == whole


@given(FILTERS, METADATA)
def test_pushing_not_inwards_changes_no_meaning(whole: Filter, metadata: dict[str, MetadataValue]) -> None:
    pushed = inward(whole)
    assert holds(pushed, metadata) is holds(whole, metadata)
    waiting: list[Filter] = [pushed]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Not):
            assert not isinstance(part.part, (Not, AllOf, AnyOf))
        elif isinstance(part, (AllOf, AnyOf)):
            waiting.extend(part.parts)


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_filter_or_is_refused(text: str) -> None:
    try:
        found = parse_filter(text)
    except BadInput:
        return
    assert parse_filter(shown_filter(found)) == found


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("year >= 2000", where("year").at_least(2000)),
        ("year=2000", where("year").equals(2000)),
        ("year == -2.5e3", where("year").equals(-2500.0)),
        ("lang = 'it''s'", where("lang").equals("it's")),
        ("lang != 'en'", ~where("lang").equals("en")),
        ("lang <> 'en'", ~where("lang").equals("en")),
        ("lang IN ('en', 'de')", where("lang").one_of(["en", "de"])),
        ("lang not in ('en')", ~where("lang").one_of(["en"])),
        ("draft = TRUE", where("draft").equals(True)),
        ("tags contains 'a b'", where("tags").contains("a b")),
        ("2000 <= year < 2010", Range(name="year", at_least=2000, below=2010)),
        ("2010 > year", where("year").below(2010)),
        ("2010 >= year > 2000", Range(name="year", above=2000, at_most=2010)),
        ("on >= 2024-01-31", where("on").at_least(datetime(2024, 1, 31, tzinfo=UTC))),
        ("on < 2024-01-31T10:00+02:00", where("on").below(datetime(2024, 1, 31, 8, tzinfo=UTC))),
        ('"in" = 1', where("in").equals(1)),
        ("x-y = 1 and z_1 = 2", where("x-y").equals(1) & where("z_1").equals(2)),
        ("a=1 or b=2 and not c=3", where("a").equals(1) | (where("b").equals(2) & ~where("c").equals(3))),
        ("(a=1 or b=2) and c=3", (where("a").equals(1) | where("b").equals(2)) & where("c").equals(3)),
    ],
)
def test_reading(text: str, due: Filter) -> None:
    assert parse_filter(text) == due


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("", 1),
        ("  ", 3),
        ("year", 5),
        ("year >=", 8),
        ("year >= 'a", 9),
        ("year >= 2000 2001", 14),
        ("year => 2000", 7),
        ("and = 1", 1),
        ("(a = 1", 7),
        ("a = 1)", 6),
        ("a in 'x'", 6),
        ("a in ()", 7),
        ("a contains 1", 12),
        ("1 = a", 3),
        ("1 < a > 3", 7),
        ("a = b", 5),
        ("a = 1 or", 9),
        ("on = 2024-02-30", 6),
        ("a = 1; drop", 6),
        ("a = 9" + "9" * 500, 5),
        ("(" + "'", 2),
    ],
)
def test_what_cannot_be_read_is_told_by_its_place(text: str, at: int) -> None:
    with pytest.raises(BadInput, match=f"at character {at}:"):
        parse_filter(text)


@pytest.mark.parametrize(
    "text", ["(" * 5000 + "a = 1" + ")" * 5000, "not " * 5000 + "a = 1", "a = 1" + " or a = 1" * 5000]
)
def test_what_is_too_deep_or_too_large_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_filter(text)


def test_a_deep_filter_made_in_python_is_refused_too() -> None:
    deep: Filter = where("a").equals(1)
    for _ in range(40):
        deep = ~deep
    with pytest.raises(BadInput, match="deep"):
        check_filter(deep)
    wide: Filter = AnyOf(parts=tuple(where("a").equals(n) for n in range(501)))
    with pytest.raises(BadInput, match="500 conditions"):
        check_filter(wide)


@pytest.mark.parametrize(
    "make",
    [
        lambda: where("a b").equals(1),
        lambda: where("").equals(1),
        lambda: where("1a").equals(1),
        lambda: where("a'").equals(1),
        lambda: where("ä").equals(1),
        lambda: where("a").equals(None),  # type: ignore[arg-type]
        lambda: where("a").equals(float("inf")),
        lambda: where("a").equals(2**64),
        lambda: where("a").equals(datetime(2024, 1, 1)),  # noqa: DTZ001
        lambda: where("a").equals("x\ud83d"),
        lambda: where("a").one_of([]),
        lambda: where("a").one_of("abc"),
        lambda: where("a").one_of([1, "x"]),
        lambda: where("a").one_of([1, True]),
        lambda: where("a").one_of(range(2000)),
        lambda: where("a").at_least("x"),
        lambda: where("a").at_least(True),
        lambda: where("a").between(1, datetime(2024, 1, 1, tzinfo=UTC)),
        lambda: where("a").contains(3),  # type: ignore[arg-type]
        lambda: Range(name="a"),
        lambda: Range(name="a", at_least=1, above=1),
        lambda: Range(name="a", at_most=1, below=1),
        lambda: AllOf(parts=(where("a").equals(1),)),
        lambda: Not(part="a = 1"),  # type: ignore[arg-type]
        lambda: where("a").equals(1) & "b = 1",  # type: ignore[operator]
        lambda: where("a").equals(1) and where("b").equals(1),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Any) -> None:
    with pytest.raises(BadInput):
        make()


def test_values_are_kept_as_they_are_compared() -> None:
    cet = timezone(timedelta(hours=1))
    assert where("a").equals(datetime(2024, 1, 1, 1, tzinfo=cet)).value == datetime(2024, 1, 1, tzinfo=UTC)
    assert where("a").equals(date(2024, 1, 1)).value == datetime(2024, 1, 1, tzinfo=UTC)
    joined = where("a").equals(1) & where("b").equals(2) & where("c").equals(3)
    assert len(joined.parts) == 3
    assert [each.name for each in conditions(~joined | where("d").contains("x"))] == ["a", "b", "c", "d"]


class Poor(FilterWalker[str]):
    """An engine that knows equality and nothing else."""

    def equals(self, condition: Equals) -> str:
        return f"{condition.name}={condition.value}"


class Rich(Poor):
    def any_of(self, parts: Any) -> str:
        return "|".join(parts)


@pytest.mark.parametrize(
    "text", ["a > 1", "a contains 'x'", "a = 1 and b = 2", "a = 1 or b = 2", "not a = 1", "a in (1, 2)"]
)
def test_a_translator_refuses_what_it_does_not_say(text: str) -> None:
    assert Poor().walk(parse_filter("a = 1")) == "a=1"
    assert Poor().walk(parse_filter("a in (1)")) == "a=1"
    assert Rich().walk(parse_filter("a in (1, 2)")) == "a=1|a=2"
    with pytest.raises(Unsupported, match="cannot be said in this engine's language"):
        Poor().walk(parse_filter(text))


@pytest.mark.parametrize(
    ("text", "metadata", "due"),
    [
        ("a = 1", {"a": 1.0}, True),
        ("a = 1", {"a": True}, False),
        ("a = 1", {"a": "1"}, False),
        ("not a = 1", {}, True),
        ("a = 'x'", {"a": ("x",)}, False),
        ("a contains 'x'", {"a": ("x", "y")}, True),
        ("a contains 'x'", {"a": "x"}, False),
        ("1 <= a < 2", {"a": 2}, False),
        ("a > 2024-01-01", {"a": datetime(2024, 1, 1, 1, tzinfo=UTC)}, True),
        ("a > 5", {"a": datetime(2024, 1, 1, 1, tzinfo=UTC)}, False),
    ],
)
def test_what_filters_mean(text: str, metadata: dict[str, Any], due: bool) -> None:
    assert holds(parse_filter(text), metadata) is due
