"""Fine classes become words people use; broader words have the sum of what they cover."""

from __future__ import annotations

import pytest

from broker_local.concepts import FLOOR, MOST, TABLE, Concepts

COLLIE, SHETLAND, TENCH = 231, 230, 0


@pytest.fixture(scope="module")
def concepts() -> Concepts:
    return Concepts.read()


def _probabilities(**given: float) -> list[float]:
    numbers = [0.0] * 1000
    for index, value in given.items():
        numbers[int(index[1:])] = value
    return numbers


def test_a_dog_is_a_dog_above_its_breed(concepts: Concepts) -> None:
    labels = {each.name: each for each in concepts.fold(_probabilities(c231=0.7, c230=0.2, c0=0.1))}
    assert labels["Dog"].confidence.value == pytest.approx(0.9)
    assert labels["Animal"].confidence.value == pytest.approx(1.0)
    assert labels["Collie"].confidence.value == pytest.approx(0.7)
    assert labels["Collie"].parents == ("Dog", "Animal", "Mammal")
    assert labels["Collie"].id == "n02106030"
    assert "Domestic dog" in labels["Dog"].aliases


def test_labels_come_most_probable_first_and_of_equals_the_one_that_says_most(concepts: Concepts) -> None:
    labels = concepts.fold(_probabilities(c231=0.7, c230=0.2, c0=0.1))
    values = [each.confidence.value or 0.0 for each in labels]
    assert values == sorted(values, reverse=True)
    assert [each.name for each in concepts.fold(_probabilities(c231=1.0))][:2] == ["Collie", "Dog"]


def test_a_broader_word_is_never_less_probable_than_a_finer_one(concepts: Concepts) -> None:
    for each in concepts.all:
        for parent in each.parents:
            assert set(each.classes) <= set(parent.classes)


def test_what_is_improbable_is_left_out_and_the_list_is_bounded(concepts: Concepts) -> None:
    labels = concepts.fold([0.001] * 1000)
    assert len(labels) <= MOST
    assert min(each.confidence.value or 0.0 for each in labels) >= FLOOR


def test_the_table_covers_every_class_once_and_stays_small(concepts: Concepts) -> None:
    fine = concepts.all[:1000]
    assert [each.classes for each in fine] == [(index,) for index in range(1000)]
    assert len({each.id for each in concepts.all}) == len(concepts.all)
    assert TABLE.stat().st_size < 200_000
    assert "Princeton University" in (TABLE.parent / "WORDNET-LICENSE.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("word", ["Dog", "Cat", "Bird", "Fruit", "Vehicle", "Furniture", "Turtle", "Penguin"])
def test_words_of_everyday_use_are_there(concepts: Concepts, word: str) -> None:
    assert word in {each.names[0] for each in concepts.all}


@pytest.mark.parametrize("word", ["Entity", "Whole", "Artifact", "Placental", "Chordate", "Instrumentality"])
def test_words_nobody_searches_for_are_not(concepts: Concepts, word: str) -> None:
    assert word not in {each.names[0] for each in concepts.all}
