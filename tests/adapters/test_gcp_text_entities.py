"""Google's entities: one for each mention, with the places Python counts."""

from __future__ import annotations

from typing import Any

import pytest
from adapter_support import raised
from gcp_text_support import Asked
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import errors
from broker.runtime.blocking import drive
from broker.types import EntityKind, EntityRequest
from broker_gcp import entity_map, language

K = EntityKind


def mention(content: str, begin: int | None, **more: Any) -> dict[str, Any]:
    text: dict[str, Any] = {"content": content}
    return {"text": text if begin is None else {**text, "beginOffset": begin}, **more}


def thing(*mentions: Any, **more: Any) -> dict[str, Any]:
    return {"name": "it", "type": "OTHER", "mentions": list(mentions), **more}


def test_each_mention_is_an_entity_and_one_thing_is_one_group(asked: Any) -> None:
    text = "Ada wrote to Ada; call 555"
    asked.answers(
        {
            "entities": [
                thing(
                    mention("Ada", 0, type="PROPER", probability=0.9),
                    mention("Ada", 13, type="PROPER", probability=0.8),
                    name="Ada Lovelace",
                    type="PERSON",
                    metadata={"mid": "/m/0", "wikipedia_url": "https://en.wikipedia.org/wiki/Ada"},
                    sentiment={"score": 0.5},
                ),
                thing(
                    mention("555", 23, type="COMMON", probability=1, sentiment={"score": 0.5}),
                    name="555",
                    type="PHONE_NUMBER",
                    metadata={"number": "555", "area_code": "5"},
                ),
            ],
            "languageCode": "en",
            "languageSupported": True,
        }
    )
    found = asked("entities", text).payload
    assert [(each.text, each.begin, each.end, each.offset_ok) for each in found.entities] == [
        ("Ada", 0, 3, True),
        ("Ada", 13, 16, True),
        ("555", 23, 26, True),
    ]
    assert [each.group for each in found.entities] == [0, 0, 1]
    assert [each.kind for each in found.entities] == [K.PERSON, K.PERSON, K.PHONE]
    assert [each.category for each in found.entities] == ["PERSON", "PERSON", "PHONE_NUMBER"]
    assert [each.confidence.value for each in found.entities] == [0.9, 0.8, 1.0]
    assert [each.mention for each in found.entities] == ["PROPER", "PROPER", "COMMON"]
    assert [each.name for each in found.entities] == ["Ada Lovelace", "Ada Lovelace", "555"]
    assert found.entities[0].links == (
        ("mid", "/m/0"),
        ("wikipedia_url", "https://en.wikipedia.org/wiki/Ada"),
    )
    assert found.entities[2].links == (("number", "555"), ("area_code", "5"))
    assert all(each.salience is None for each in found.entities)
    assert asked.sent["encodingType"] == "UTF32"


def test_what_the_older_version_says_is_kept_too(asked: Any) -> None:
    asked.answers(
        {"entities": [thing(mention("Rome", None), salience=0.25, type="LOCATION")], "language": "it"}
    )
    found = asked("entities", "Rome").payload
    (only,) = found.entities
    assert (only.salience, only.confidence.value, only.mention, only.offset_ok) == (0.25, None, None, True)
    assert found.language == "it"


def test_names_outside_the_map_survive(asked: Any) -> None:
    asked.answers(
        {
            "entities": [thing(mention("x", 0, type="TYPE_UNKNOWN"), type="STARSHIP"), {"name": "y"}],
            "languageCode": "en",
        }
    )
    ship, bare = asked("entities", "xy").payload.entities
    assert (ship.kind, ship.category, ship.mention) == (K.OTHER, "STARSHIP", None)
    assert (bare.text, bare.begin, bare.end, bare.offset_ok, bare.category) == (
        "y",
        None,
        None,
        None,
        "UNKNOWN",
    )


def test_every_type_of_googles_has_a_row() -> None:
    types = pytest.importorskip("google.cloud.language_v2.types", reason="needs the test group")
    older = pytest.importorskip("google.cloud.language_v1.types", reason="needs the test group")
    assert set(entity_map.ENTITIES) == {*types.Entity.Type.__members__, *older.Entity.Type.__members__}


@pytest.mark.parametrize("begin", [-1, -5])
def test_an_offset_below_zero_is_none(begin: int, asked: Any) -> None:
    asked.answers({"entities": [thing(mention("Rome", begin))]})
    (only,) = asked("entities", "Rome").payload.entities
    assert (only.begin, only.end, only.offset_ok) == (None, None, None)


@pytest.mark.parametrize(("begin", "sound"), [(2, True), (3, False), (5, False), (99, False)])
def test_offsets_that_do_not_hold_are_flagged(begin: int, sound: bool, asked: Any) -> None:
    """👍 is one code point, two UTF-16 units and four bytes."""
    asked.answers({"entities": [thing(mention("Rome", begin))]})
    (only,) = asked("entities", "👍 Rome").payload.entities
    assert (only.text, only.offset_ok) == ("Rome", sound)


class Canned:
    """A service that says one thing."""

    def __init__(self, body: Any) -> None:
        self.body = body

    async def post(self, path: str, body: Any, context: Any) -> Any:
        return self.body


WORDS = st.sampled_from(
    ["Rom", "東京", "👩‍👩‍👧", "e\u0301te\u0301", "عربى", "\U0001f1e9\U0001f1ea", "ש\u05b8לום", "a"]
)


@given(st.lists(WORDS, min_size=1, max_size=12), st.sampled_from(["", " ", "\n", "\u200d"]))
@settings(max_examples=60)
def test_places_hold_over_emoji_marks_and_scripts(words: list[str], between: str) -> None:
    text, mentions = "", []
    for word in words:
        mentions.append(mention(word, len(text.encode("utf-32-le")) // 4))
        text += word + between
    rest: Any = Canned({"entities": [thing(*mentions)]})
    context: Any = None
    found, _ = drive(language.entities(rest, EntityRequest(text=text), context))
    assert [text[each.begin : each.end] for each in found.entities] == words
    assert all(each.offset_ok for each in found.entities)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"languageCode": "en", "languageSupported": True},
        {"entities": None, "languageCode": "en"},
        {"entities": {}},
        {"entities": ["Rome"]},
        {"entities": [{}]},
        {"entities": [{"mentions": [{}], "name": "x"}]},
        {"entities": [{"mentions": [{"text": "Rome"}], "name": "x"}]},
        {"entities": [{"mentions": [{"text": {}}], "name": "x"}]},
        {"entities": [thing(mention("x", 0, probability="sure"))]},
        {"entities": [thing(mention("x", 0, probability=True))]},
        {"entities": [thing(mention("x", 0), type=True)]},
        {"entities": [thing(mention("x", 0), metadata=["mid"])]},
        {"entities": [thing(mention("x", 0), metadata={"mid": 1})]},
        {"entities": [thing(mention("x", 0.5))]},
    ],
    ids=str,
)
def test_unusable_answers_are_malformed_never_empty(answer: Any, asked: Any) -> None:
    asked.answers(answer)
    assert raised(lambda: asked("entities", "x"), errors.MalformedReply).billed is True


def test_nothing_found_is_an_answer(asked: Any) -> None:
    asked.answers({"entities": [], "languageCode": "en", "languageSupported": True})
    assert asked("entities").payload.entities == ()


def test_an_answer_that_google_may_have_cut_does_not_pass_for_the_whole(asked: Asked) -> None:
    many = [mention("x", 0)] * (language.MOST_MENTIONS - 1)
    asked.answers({"entities": [thing(*many)]})
    assert len(asked("entities", "x").payload.entities) == 4_999
    asked.answers({"entities": [thing(*many), thing(mention("x", 0))]})
    assert "5,000" in str(raised(lambda: asked("entities", "x"), errors.MalformedReply))


def test_a_probability_outside_its_scale_is_flagged(asked: Any) -> None:
    asked.answers({"entities": [thing(mention("x", 0, probability=1.5), mention("x", 0, probability=0))]})
    first, second = asked("entities", "x").payload.entities
    assert (first.confidence.value, first.confidence.clamped) == (1.0, True)
    assert second.confidence.raw is None, "the scale begins above 0: a zero was not given"
