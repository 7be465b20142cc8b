"""Answers that are kept come back as they were, or say that they cannot."""

from __future__ import annotations

import json

import pytest
from answer_strategies import answers
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.contract.operations import OPERATIONS
from broker.errors import BadInput, StoredAnswerUnreadable
from broker.scoring import read_answer, stored_answer
from broker.types.confidence import Confidence
from broker.types.label import Label, LabelSet

LABELS = LabelSet(labels=(Label(name="car", confidence=Confidence.percent(98.5)),))


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=20)
@given(choice=st.data())
def test_an_answer_comes_back_equal(operation: str, choice: st.DataObject) -> None:
    answer = choice.draw(answers(OPERATIONS[operation].payload))
    text = stored_answer(operation, answer)
    text.encode()
    assert "\n" not in text
    back = read_answer(operation, text)
    assert back == answer
    assert type(back) is type(answer)
    assert stored_answer(operation, back) == text


def test_numbers_keep_their_kind() -> None:
    severity = LabelSet(labels=(Label(name="a", confidence=Confidence.severity(4)),))
    back = read_answer("vision.label", stored_answer("vision.label", severity))
    assert type(back.labels[0].confidence.raw) is int
    assert back.labels[0].confidence.ordinal == 4


def test_a_text_with_half_of_a_surrogate_pair_is_kept() -> None:
    broken = LabelSet(labels=(Label(name="\ud83d", confidence=Confidence.unknown()),))
    assert read_answer("vision.label", stored_answer("vision.label", broken)) == broken


def test_members_added_later_are_as_by_default() -> None:
    text = '{"format":1,"operation":"vision.label","answer":{"labels":[{"name":"car","confidence":{"value":null,"raw":null,"scale":"ratio"}}]}}'
    assert read_answer("vision.label", text).labels[0].aliases == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole["answer"].update(labels="car"),
        lambda whole: whole["answer"].update(labels=[{"name": 7}]),
        lambda whole: whole["answer"].update(news=1),
        lambda whole: whole["answer"]["labels"][0]["confidence"].update(scale="stars"),
        lambda whole: whole["answer"]["labels"][0]["confidence"].update(value="much"),
        lambda whole: whole.update(answer=None),
        lambda whole: whole.update(format=2),
        lambda whole: whole.pop("operation"),
        lambda whole: whole.update(operation="vision.caption"),
    ],
)
def test_what_is_damaged_is_refused_by_name(change: object) -> None:
    whole = json.loads(stored_answer("vision.label", LABELS))
    change(whole)  # type: ignore[operator]
    with pytest.raises(StoredAnswerUnreadable):
        read_answer("vision.label", json.dumps(whole))


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "[" * 100_000])
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(StoredAnswerUnreadable):
        read_answer("vision.label", text)


def test_what_the_operation_does_not_answer_is_not_kept() -> None:
    with pytest.raises(BadInput, match="LabelSet"):
        stored_answer("vision.label", "car")
    with pytest.raises(BadInput, match="no operation"):
        stored_answer("vision.smell", LABELS)
