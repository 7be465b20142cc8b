"""Google's text moderation: all categories, each with how sure, and how bad where Google says so."""

from __future__ import annotations

from typing import Any

import pytest
from adapter_support import raised
from gcp_text_support import GOOD

from broker import errors
from broker.types import Harm, Scale
from broker_gcp.entity_map import HARMS

DOCUMENTED = (
    "Toxic",
    "Derogatory",
    "Violent",
    "Sexual",
    "Insult",
    "Profanity",
    "Death, Harm & Tragedy",
    "Firearms & Weapons",
    "Public Safety",
    "Health",
    "Religion & Belief",
    "Illicit Drugs",
    "War & Conflict",
    "Finance",
    "Politics",
    "Legal",
)
"""As cloud.google.com/natural-language/docs/moderating-text lists them."""


def test_every_documented_category_has_a_harm() -> None:
    assert set(HARMS) == set(DOCUMENTED)
    assert Harm.OTHER not in HARMS.values()


def test_confidence_and_severity_are_told_apart(asked: Any) -> None:
    asked.answers(
        {
            "moderationCategories": [
                {"name": "Toxic", "confidence": 0.25, "severity": 0.75},
                {"name": "Death, Harm & Tragedy", "confidence": 0, "severity": 0},
                {"name": "Insult"},
                {"name": "Gossip", "confidence": 1},
            ],
            "languageCode": "en",
            "languageSupported": True,
        }
    )
    found = asked("moderate_text").payload.labels
    assert [(each.harm, each.name) for each in found] == [
        (Harm.TOXIC, "Toxic"),
        (Harm.SENSITIVE, "Death, Harm & Tragedy"),
        (Harm.HARASSMENT, "Insult"),
        (Harm.OTHER, "Gossip"),
    ]
    assert [each.confidence.value for each in found] == [0.25, 0.0, None, 1.0]
    assert all(each.confidence.scale is Scale.RATIO for each in found)
    severity = found[0].severity
    assert (severity.value, severity.raw, severity.scale) == (None, 0.75, Scale.SEVERITY)
    assert [each.severity for each in found[1:]] == [None, None, None]


def test_what_is_sent(asked: Any) -> None:
    asked.answers(GOOD["moderate_text"])
    asked("moderate_text", "You fool.", language="pt-BR")
    assert asked.sent == {
        "document": {"type": "PLAIN_TEXT", "content": "You fool.", "languageCode": "pt"},
        "modelVersion": "MODEL_VERSION_2",
    }
    asked("moderate_text", extensions={"gcp_model_version": "MODEL_VERSION_1"})
    assert asked.sent["modelVersion"] == "MODEL_VERSION_1"
    for wrong in ("2", 2, None, ["MODEL_VERSION_2"]):
        raised(
            lambda wrong=wrong: asked("moderate_text", extensions={"gcp_model_version": wrong}),
            errors.BadInput,
        )
    assert asked.stub.count == 2


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"languageCode": "en", "languageSupported": True},
        {"moderationCategories": {}},
        {"moderationCategories": ["Toxic"]},
        {"moderationCategories": [{"confidence": 0.5}]},
        {"moderationCategories": [{"name": 1, "confidence": 0.5}]},
        {"moderationCategories": [{"name": "Toxic", "confidence": "high"}]},
        {"moderationCategories": [{"name": "Toxic", "confidence": 0.5, "severity": "high"}]},
    ],
    ids=str,
)
def test_unusable_answers_are_malformed_never_harmless(answer: Any, asked: Any) -> None:
    asked.answers(answer)
    assert raised(lambda: asked("moderate_text"), errors.MalformedReply).billed is True
