"""Filters for Vertex AI Search: what they mean is what ours means, by a reader that knows nothing of the translation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from gcp_filter_reader import Reader, holds_there
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from broker.contract import inward
from broker.errors import Unsupported
from broker.testing.filters import HOSTILE, holds
from broker.types import (
    AllOf,
    AnyOf,
    Contains,
    Document,
    Equals,
    Filter,
    Metadata,
    Not,
    OneOf,
    Range,
    conditions,
    parse_filter,
    where,
)
from broker_gcp import GcpSettings, search_documents, search_filter
from filter_support import FILTERS, NUMBERS, TIMES, WORDS

MANY = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)
# A schema gives each name one kind, and a filter that asks for another is an error of Google's.
TEXT, NUMBER, TRUTH, TIME, TEXTS = "lang", "x-y", "draft", "in", "tags"


def one_of(name: str, values: Any) -> Any:
    return st.lists(values, min_size=1, max_size=3).map(lambda some: OneOf(name=name, values=tuple(some)))


def ranges(name: str, values: Any) -> Any:
    def made(pair: Any, how: int) -> Range:
        low, high = pair
        signs: list[dict[str, Any]] = [
            {"at_least": low},
            {"above": low},
            {"at_most": high},
            {"below": high},
            {"at_least": low, "below": high},
            {"above": low, "at_most": high},
        ]
        return Range(name=name, **signs[how])

    return st.builds(made, st.tuples(values, values), st.integers(0, 5))


def equals(name: str, values: Any) -> Any:
    return values.map(lambda value: Equals(name=name, value=value))


TYPED: st.SearchStrategy[Filter] = st.recursive(
    st.one_of(
        equals(TEXT, WORDS),
        one_of(TEXT, WORDS),
        WORDS.map(lambda value: Contains(name=TEXTS, value=value)),
        equals(NUMBER, NUMBERS),
        one_of(NUMBER, NUMBERS),
        ranges(NUMBER, NUMBERS),
        equals(TRUTH, st.booleans()),
        one_of(TRUTH, st.booleans()),
        equals(TIME, TIMES),
        one_of(TIME, TIMES),
        ranges(TIME, TIMES),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AllOf(parts=tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(parts=tuple(parts))),
        inner.map(lambda part: Not(part=part)),
    ),
    max_leaves=8,
)
KNOWN = st.fixed_dictionaries(
    {},
    optional={
        TEXT: WORDS,
        NUMBER: NUMBERS,
        TRUTH: st.booleans(),
        TIME: TIMES,
        TEXTS: st.lists(WORDS, max_size=3).map(tuple),
    },
)


def values(part: Any) -> list[Any]:
    if isinstance(part, Range):
        return [value for _, value in part.bounds()]
    return list(getattr(part, "values", ())) or [part.value]


def unsayable(whole: Filter) -> bool:
    """A control character, or a whole number that no double is."""
    return any(
        (isinstance(each, str) and any(ord(sign) < 32 or ord(sign) == 127 for sign in each))
        or (type(each) is int and int(float(each)) != each)
        for part in conditions(whole)
        for each in values(part)
    )


def kept(metadata: Metadata) -> dict[str, Any] | None:
    """What Google has of a document, from the request that puts it in; None: it is not sent."""
    document = Document(id="1", content="x", metadata=metadata)
    if search_documents.refused(document):
        return None
    # Google's Struct has doubles only.
    made: Any = json.loads(json.dumps(search_documents.written(document, GcpSettings())), parse_int=float)
    found: dict[str, Any] = made["structData"]
    return found


@MANY
@given(TYPED, KNOWN)
@example(~where("lang").equals("a"), {})
@example(where("x-y").above(2**53), {"x-y": 2**53})
@example(where("x-y").above(2**53), {"x-y": 2**53 + 1})
@example(~Range(name="x-y", at_least=1, below=3), {"x-y": 3})
def test_it_means_what_ours_does(given_filter: Filter, metadata: Metadata) -> None:
    data = kept(metadata)
    if data is None:
        assert any(type(each) is int and abs(each) > 2**53 for each in metadata.values())
        return
    try:
        said = search_filter.translate(given_filter)
    except Unsupported:
        assert unsayable(given_filter)
        return
    assert not unsayable(given_filter)
    assert holds_there(said, data) is holds(given_filter, metadata)


@MANY
@given(FILTERS)
def test_whatever_is_asked_is_said_in_the_grammar_or_refused(given_filter: Filter) -> None:
    try:
        said = search_filter.translate(given_filter)
    except Unsupported:
        assert unsayable(given_filter)
        return
    # Read to its end by the grammar, and with as many conditions as were asked for: no value became one.
    reader = Reader(said)
    reader.whole()
    names = {part.name for part in conditions(given_filter)}
    words = [
        token.text
        for token in reader.tokens
        if token.kind == "word" and token.text not in ("AND", "OR", "NOT", "ANY")
    ]
    assert set(words) <= names
    assert len(words) == sum(weight(part) for part in conditions(inward(given_filter)))


def weight(part: Any) -> int:
    if isinstance(part, Range):
        return len(values(part))
    if isinstance(part, OneOf) and not isinstance(part.values[0], str):
        return len(part.values)
    return 1


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:20]))
def test_a_hostile_text_stays_a_text(text: str) -> None:
    for condition in (where("lang").equals(text), where("lang").one_of([text, "b"])):
        if any(ord(each) < 32 for each in text):
            with pytest.raises(Unsupported) as caught:
                search_filter.translate(condition)
            assert text not in str(caught.value)
            continue
        said = search_filter.translate(condition)
        assert holds_there(said, {"lang": text})
        assert not holds_there(said, {"lang": text + "x"})
        assert not holds_there(said, {})
        assert holds_there(f'{said} AND y: ANY("z")', {"lang": text, "y": "z"})


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("lang = 'en'", 'lang: ANY("en")'),
        ("lang in ('en', 'de')", 'lang: ANY("en", "de")'),
        ("tags contains 'news'", 'tags: ANY("news")'),
        ("draft = true", 'draft = "true"'),
        ("not draft = false", 'NOT draft = "false"'),
        ("year = 2000", "year = 2000.0"),
        ("1990 <= year < 2000", "(year >= 1990.0 AND year < 2000.0)"),
        ("not 1990 <= year < 2000", "(NOT year >= 1990.0 OR NOT year < 2000.0)"),
        ("year in (1, 2)", "(year = 1.0 OR year = 2.0)"),
        ("not year in (1, 2)", "(NOT year = 1.0 AND NOT year = 2.0)"),
        ("at >= 2024-04-16", 'at >= "2024-04-16T00:00:00.000000Z"'),
        ("a = 1 and (b = 2 or c = 3)", "(a = 1.0 AND (b = 2.0 OR c = 3.0))"),
        ("not (a = 1 and b = 2)", "(NOT a = 1.0 OR NOT b = 2.0)"),
        ("say = 'a \"b\\'", 'say: ANY("a \\"b\\\\")'),
        ("small = 1e-7", "small = 0.0000001"),
    ],
)
def test_the_words(ours: str, theirs: str) -> None:
    assert search_filter.translate(parse_filter(ours)) == theirs


@pytest.mark.parametrize("name", ["AND", "OR", "NOT", "ANY", "IN"])
def test_a_word_of_the_language_is_no_name(name: str) -> None:
    for condition in (where(name).equals("a"), where(name).at_least(3), ~where(name).contains("x")):
        with pytest.raises(Unsupported, match="word of the language"):
            search_filter.translate(condition)
    assert search_filter.translate(where(name.lower()).equals(True)) == f'{name.lower()} = "true"'


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_is_told_to_the_microsecond(moment: datetime) -> None:
    said = search_filter.instant(moment)
    assert len(said) == 27
    assert datetime.fromisoformat(said) == moment
    assert holds_there(search_filter.translate(where("at").equals(moment)), {"at": said})
    if moment < datetime.max.replace(tzinfo=UTC):
        later = moment + timedelta(microseconds=1)
        assert holds_there(search_filter.translate(where("at").below(later)), {"at": said})


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_told_without_loss(number: float) -> None:
    said = search_filter.plain_number(number)
    assert float(said) == number
    assert set(said) <= set("0123456789.-")
