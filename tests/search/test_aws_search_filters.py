"""Filters for Bedrock and Kendra: what they mean is what ours means, by a reader that knows nothing of the translation."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from aws_filter_reader import kendra_holds, kendra_layers, retrieval_holds
from hypothesis import HealthCheck, assume, given, settings

from broker.contract import inward
from broker.errors import BadInput, Unsupported
from broker.testing.filters import HOSTILE, holds
from broker.types import (
    Contains,
    Document,
    Filter,
    Metadata,
    Not,
    OneOf,
    Range,
    UpsertRequest,
    conditions,
    parse_filter,
    where,
)
from broker_aws import kendra_documents, kendra_filter, kendra_values, knowledge_documents, knowledge_filter
from filter_support import FILTERS, METADATA

botocore = pytest.importorskip("botocore", reason="needs the aws extra")
MANY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


@cache
def shape_of(service: str, shape: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service).shape_for(shape)


def accepted(shape: str, service: str, sent: Any) -> None:
    """botocore's own model takes it."""
    from botocore.validate import validate_parameters

    validate_parameters(sent, shape_of(service, shape))


def kept_by_bedrock(metadata: Metadata) -> dict[str, Any] | None:
    """What the service has of a document, from the request that put it in; None: it is not sent."""
    document = Document(id="1", content="x", metadata=metadata)
    limits = knowledge_documents.LIMITS
    if limits.problem(UpsertRequest(documents=(document,)), 0, document.size):
        return None
    made = knowledge_documents._document(document)
    accepted("KnowledgeBaseDocument", "bedrock-agent", made)
    members = {
        "STRING": "stringValue",
        "NUMBER": "numberValue",
        "BOOLEAN": "booleanValue",
        "STRING_LIST": "stringListValue",
    }
    said = json.loads(json.dumps(made)).get("metadata", {}).get("inlineAttributes", [])
    found = {}
    for each in said:
        value = each["value"]
        assert set(value) == {"type", members[value["type"]]}
        kept = value[members[value["type"]]]
        found[each["key"]] = float(kept) if value["type"] == "NUMBER" else kept
    assert len(found) == len(said)
    return found


def kept_by_kendra(metadata: Metadata) -> dict[str, dict[str, Any]] | None:
    document = Document(id="1", content="x", metadata=metadata)
    if kendra_documents.LIMITS.problem(UpsertRequest(documents=(document,)), 0, document.size):
        return None
    made = kendra_documents._document(document, None)
    accepted("Document", "kendra", made)
    found = {each["Key"]: on_the_wire(each["Value"]) for each in made.get("Attributes", [])}
    assert len(found) == len(made.get("Attributes", []))
    return found


def on_the_wire(said: Any) -> Any:
    """As botocore writes it: times as whole seconds."""
    if isinstance(said, dict):
        return {name: on_the_wire(each) for name, each in said.items()}
    if isinstance(said, list):
        return [on_the_wire(each) for each in said]
    return (
        (said - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
        if isinstance(said, datetime)
        else said
    )


@MANY
@given(FILTERS, METADATA)
def test_bedrocks_filter_means_what_ours_does(given_filter: Filter, metadata: Metadata) -> None:
    kept = kept_by_bedrock(metadata)
    assume(kept is not None)
    try:
        made = knowledge_filter.translate(given_filter)
    except Unsupported:
        plain = inward(given_filter)
        times = any(isinstance(each, datetime) for part in conditions(plain) for each in values(part))
        large = any(
            isinstance(each, int) and float(each) != each
            for part in conditions(plain)
            for each in values(part)
        )
        assert times or large or negated(plain)
        return
    accepted("RetrievalFilter", "bedrock-agent-runtime", made)
    assert retrieval_holds(json.loads(json.dumps(made)), kept or {}) is holds(given_filter, metadata)


def values(part: Any) -> list[Any]:
    if isinstance(part, Range):
        return [value for _, value in part.bounds()]
    return list(getattr(part, "values", ())) or [part.value]


def depth(whole: Any) -> int:
    """Layers of and, or; a range of two ends and a list of values are such, too."""
    if isinstance(whole, Not):
        return depth(whole.part)
    if isinstance(whole, (Range, OneOf)):
        return int(len(values(whole)) > 1)
    return 1 + max(map(depth, whole.parts)) if hasattr(whole, "parts") else 0


def negated(whole: Any) -> bool:
    """A range or a list of which the complement is asked."""
    if isinstance(whole, Not):
        return isinstance(whole.part, (Range, Contains))
    return any(negated(each) for each in getattr(whole, "parts", ()))


@MANY
@given(FILTERS, METADATA)
def test_kendras_filter_means_what_ours_does(given_filter: Filter, metadata: Metadata) -> None:
    kept = kept_by_kendra(metadata)
    assume(kept is not None)
    try:
        made = kendra_filter.translate(given_filter)
    except Unsupported:
        unfit = any(kendra_values.problem(each) for part in conditions(given_filter) for each in values(part))
        assert unfit or depth(given_filter) > 2
        return
    accepted("AttributeFilter", "kendra", made)
    wire = on_the_wire(made)
    assert kendra_layers(wire) <= 2
    assert kendra_holds(wire, kept or {}) is holds(given_filter, metadata)


@pytest.mark.parametrize("text", [each for each in HOSTILE if each], ids=lambda each: repr(each)[:30])
def test_a_value_stays_a_value(text: str) -> None:
    made = knowledge_filter.translate(where("lang").equals(text))
    assert made == {"equals": {"key": "lang", "value": text}}
    if len(text) > 2048:
        with pytest.raises(Unsupported, match="2,048"):
            kendra_filter.translate(where("lang").equals(text))
        return
    assert kendra_filter.translate(where("lang").equals(text)) == {
        "EqualsTo": {"Key": "lang", "Value": {"StringValue": text}}
    }


SPOKEN = "year >= 2000 and (lang = 'en' or tags contains 'news') and not draft = 'yes'"


def test_a_filter_in_words() -> None:
    assert knowledge_filter.translate(parse_filter(SPOKEN)) == {
        "andAll": [
            {"greaterThanOrEquals": {"key": "year", "value": 2000}},
            {
                "orAll": [
                    {"equals": {"key": "lang", "value": "en"}},
                    {"listContains": {"key": "tags", "value": "news"}},
                ]
            },
            {"notEquals": {"key": "draft", "value": "yes"}},
        ]
    }
    assert kendra_filter.translate(parse_filter(SPOKEN)) == {
        "AndAllFilters": [
            {"GreaterThanOrEquals": {"Key": "year", "Value": {"LongValue": 2000}}},
            {
                "OrAllFilters": [
                    {"EqualsTo": {"Key": "lang", "Value": {"StringValue": "en"}}},
                    {"ContainsAny": {"Key": "tags", "Value": {"StringListValue": ["news"]}}},
                ]
            },
            {"NotFilter": {"EqualsTo": {"Key": "draft", "Value": {"StringValue": "yes"}}}},
        ]
    }


@pytest.mark.parametrize(
    ("given_filter", "words"),
    [
        (where("day").at_least(datetime(2024, 1, 1, tzinfo=UTC)), "keeps no times"),
        (where("day").equals(datetime(2024, 1, 1, tzinfo=UTC)), "keeps no times"),
        (~where("year").at_least(3), "lack year"),
        (~where("tags").contains("a"), "lack tags"),
        (where("n").equals(2**53 + 1), "doubles"),
        (where("n" * 101).equals(1), "100 characters"),
    ],
)
def test_what_bedrock_lacks_is_refused(given_filter: Filter, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        knowledge_filter.translate(given_filter)


@pytest.mark.parametrize(
    ("given_filter", "words"),
    [
        (where("draft").equals(True), "no truth values"),
        (where("n").equals(2.5), "whole numbers only"),
        (where("n").at_least(1e300), "63 bits"),
        (where("day").equals(datetime(2024, 1, 1, 0, 0, 0, 5, tzinfo=UTC)), "whole seconds"),
        (where("day").above(datetime(9999, 12, 31, 23, 59, 59, 5, tzinfo=UTC)), "none behind"),
        (where("lang").equals(""), "0 characters"),
        (parse_filter("a = 1 and (b = 1 or (c = 1 and (d = 1 or e = 1)))"), "2 layers"),
        (where("lang").one_of([str(n) for n in range(101)]), "2 layers"),
    ],
)
def test_what_kendra_lacks_is_refused(given_filter: Filter, words: str) -> None:
    with pytest.raises(Unsupported, match=words):
        kendra_filter.translate(given_filter)


def test_bounds_between_whole_numbers_and_seconds_are_kept_exactly() -> None:
    half = datetime(2024, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    first, second = half.replace(microsecond=0), half.replace(microsecond=0, second=1)
    for bound, due in (
        (where("n").at_least(2.5), {"GreaterThanOrEquals": {"Key": "n", "Value": {"LongValue": 3}}}),
        (where("n").above(2.5), {"GreaterThanOrEquals": {"Key": "n", "Value": {"LongValue": 3}}}),
        (where("n").below(-2.5), {"LessThanOrEquals": {"Key": "n", "Value": {"LongValue": -3}}}),
        (where("n").above(2.0), {"GreaterThan": {"Key": "n", "Value": {"LongValue": 2}}}),
        (where("n").above(half), {"GreaterThanOrEquals": {"Key": "n", "Value": {"DateValue": second}}}),
        (where("n").below(half), {"LessThanOrEquals": {"Key": "n", "Value": {"DateValue": first}}}),
    ):
        assert kendra_filter.translate(bound) == due


def test_many_values_become_lists_of_ten() -> None:
    made = kendra_filter.translate(where("lang").one_of([str(n) for n in range(100)]))
    assert [len(each["OrAllFilters"]) for each in made["OrAllFilters"]] == [10] * 10
    many = knowledge_filter.translate(where("lang").one_of([str(n) for n in range(100)]))
    assert len(many["in"]["value"]) == 100


def test_a_language_takes_no_layer_from_a_filter_that_joins_by_and() -> None:
    made = kendra_filter.in_language(parse_filter("a = 1 and (b = 1 or c = 1)"), "de")
    assert kendra_layers(made) == 2
    assert made["AndAllFilters"][0] == {"EqualsTo": {"Key": "_language_code", "Value": {"StringValue": "de"}}}
    with pytest.raises((Unsupported, BadInput)):
        kendra_filter.in_language(parse_filter("a = 1 or (b = 1 and c = 1)"), "de")
