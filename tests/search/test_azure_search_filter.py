"""Filters in Azure AI Search's OData: read back by a reader of the vendor's grammar, they mean what ours mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import odata_reader
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from odata_reader import read

from broker.errors import Unsupported
from broker.testing.filters import HOSTILE, holds
from broker.types import AnyOf, Contains, Equals, Filter, Metadata, Not, OneOf, Range, where
from broker.types.filters import conditions
from broker_azure.search_filter import ODataFilter, facet_name
from broker_azure.search_keys import id_of, key_of
from filter_support import FILTERS, METADATA, WORDS

walk = ODataFilter().walk


def constants_of(whole: Filter) -> list[Any]:
    found: list[Any] = []
    for each in conditions(whole):
        if isinstance(each, (Equals, Contains)):
            found.append(each.value)
        elif isinstance(each, OneOf):
            found += each.values
        else:
            found += [value for _, value in each.bounds()]
    return found


@given(FILTERS, METADATA)
def test_a_filter_means_the_same_in_odata(whole: Filter, metadata: Metadata) -> None:
    try:
        text = walk(whole)
    except Unsupported:
        assert {each.name for each in conditions(whole)} & {"x-y", "not"}
        return
    assert not {each.name for each in conditions(whole)} & {"x-y", "not"}
    found = read(text)
    assert found.holds(metadata) == holds(whole, metadata)
    assert found.paths
    assert [each for each in found.constants if isinstance(each, str)] == [
        each for each in constants_of(whole) if isinstance(each, str)
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=[ascii(each)[:30] for each in HOSTILE])
@pytest.mark.parametrize("kind", ["equals", "contains", "one of few", "one of many"])
def test_no_text_gets_out_of_its_quotes(text: str, kind: str) -> None:
    many = [text, *(f"value {number}" for number in range(30))]
    whole: Filter = {
        "equals": where("lang").equals(text),
        "contains": where("lang").contains(text),
        "one of few": where("lang").one_of([text, "other"]),
        "one of many": where("lang").one_of(many),
    }[kind]
    found = read(walk(whole))
    assert found.constants == constants_of(whole)
    assert set(found.paths) == {"lang"}
    assert found.holds({"lang": (text,) if kind == "contains" else text})
    assert not found.holds({"lang": ("another text",) if kind == "contains" else "another text"})


@given(st.lists(WORDS, min_size=17, max_size=40, unique=True), WORDS)
def test_many_texts_are_a_list_only_where_that_means_the_same(texts: list[str], found: str) -> None:
    condition = OneOf(name="lang", values=tuple(texts))
    said = read(walk(condition))
    assert said.constants == texts
    assert said.holds({"lang": found}) == (found in texts)


def test_many_plain_texts_are_one_list() -> None:
    names = [f"name {number}" for number in range(1000)]
    assert walk(where("lang").one_of(names)) == f"search.in(lang, '{'|'.join(names)}', '|')"


@pytest.mark.parametrize(
    ("whole", "text"),
    [
        (where("year").at_least(2000) & where("lang").equals("en"), "(year ge 2000 and lang eq 'en')"),
        (where("year").between(-1, 2.5), "(year ge -1 and year le 2.5)"),
        (where("rate").above(1e300), "rate gt 1e+300"),
        (where("day").below(datetime(2024, 1, 2, tzinfo=UTC)), "day lt 2024-01-02T00:00:00Z"),
        (where("day").at_least(datetime(2024, 1, 2, 3, 4, 5, 451000, UTC)), "day ge 2024-01-02T03:04:05.451000Z"),
        (where("draft").equals(value=True), "draft eq true"),
        (where("tags").contains("it's"), "tags/any(item: item eq 'it''s')"),
        (where("item").contains("x"), "item/any(each: each eq 'x')"),
        (~where("lang").one_of(["de", "en"]), "not ((lang eq 'de' or lang eq 'en'))"),
    ],
)  # fmt: skip
def test_how_it_looks(whole: Filter, text: str) -> None:
    assert walk(whole) == text
    assert read(text)


@pytest.mark.parametrize("name", ["x-y", "_x", "not", "AND", "true", "null", "azureSearch_x", "INF"])
def test_names_that_no_field_can_have_are_refused(name: str) -> None:
    with pytest.raises(Unsupported, match=r"in this engine's language|no field"):
        walk(where(name).equals(1))
    with pytest.raises(Unsupported):
        walk(AnyOf(parts=(Not(part=Range(name=name, above=1)), where("year").equals(1))))


def test_facets_have_the_names_of_fields() -> None:
    assert facet_name("year") == "year"
    for name in ("x-y", "_x"):
        with pytest.raises(Unsupported, match="facet"):
            facet_name(name)


def test_members_of_a_document_are_the_fields_that_hold_them() -> None:
    hotels = ODataFilter({"id": "hotelId", "title": "hotelName"})
    assert hotels.walk(where("title").equals("Stay")) == "hotelName eq 'Stay'"
    assert hotels.walk(where("id").equals("a/b")) == f"hotelId eq '{key_of('a/b')}'"
    assert hotels.walk(where("id").one_of(["1", "2"])) == "(hotelId eq '1' or hotelId eq '2')"
    assert hotels.walk(where("id").equals("ü" * 512)) == "false"
    many = [f"folder/{number}" for number in range(30)]
    assert read(hotels.walk(where("id").one_of(many))).constants == [key_of(each) for each in many]


@given(st.one_of(WORDS, st.text("abz019_-=", max_size=12), st.just("b64=YQ"), st.just("b64=")))
def test_an_id_becomes_a_key_and_back(given_id: str) -> None:
    assume(given_id)
    key = key_of(given_id)
    assert key is not None
    assert odata_reader.re.fullmatch(r"[A-Za-z0-9=-][A-Za-z0-9_=-]{0,1023}", key, odata_reader.re.ASCII)
    assert id_of(key) == given_id


@given(st.text("abYQ64=_-b", min_size=1, max_size=12), st.text("abYQ64=_-b", min_size=1, max_size=12))
def test_two_ids_never_share_a_key(one: str, other: str) -> None:
    assert (key_of(one) == key_of(other)) == (one == other)


@pytest.mark.parametrize("key", ["b64=YWJj", "b64=!", "b64=_w", "b64=YQ==", "4123", "RXhhbXBsZQ=="])
def test_keys_of_others_stay_what_they_are(key: str) -> None:
    assert id_of(key) == key


def test_the_longest_key() -> None:
    assert key_of("a" * 512) == "a" * 512
    assert key_of("/" * 512) is not None
    assert key_of("中" * 512) is None


def test_times_are_told_to_the_microsecond() -> None:
    moment = datetime(1, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)
    assert read(walk(where("day").equals(moment))).constants == [moment]
