"""Runs of words that say something are found where they stand, and ranked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from broker_local import phrases

pytestmark = pytest.mark.local_models

# The example of the paper that described the method.
ABSTRACT = (
    "Compatibility of systems of linear constraints over the set of natural numbers. Criteria of compatibility of a "
    "system of linear Diophantine equations, strict inequations, and nonstrict inequations are considered."
)


def test_the_weightiest_come_first() -> None:
    found = phrases.extract(ABSTRACT)
    assert found[0].text == "linear Diophantine equations"
    assert found[0].weight == 8.5  # linear 5/2, Diophantine 3/1, equations 3/1
    assert {"linear constraints", "natural numbers", "strict inequations"} <= {
        each.text for each in found[:5]
    }
    weights = [each.weight for each in found]
    assert weights == sorted(weights, reverse=True)
    assert min(weights) >= 1


def test_one_phrase_has_all_its_mentions() -> None:
    (found,) = [each for each in phrases.extract(ABSTRACT) if each.text == "Compatibility"]
    assert [ABSTRACT[start:end] for start, end in found.mentions] == ["Compatibility", "compatibility"]


@pytest.mark.parametrize(
    "text", ["", " \n", "the of and", "It is what it is.", "12.50, 3/4 - 2024", "!?", "😀"]
)
def test_what_says_nothing_has_no_phrases(text: str) -> None:
    assert phrases.extract(text) == ()


@pytest.mark.parametrize(
    "before",
    ["😀👩\u200d👩\u200d👧 ", "日本語、", "cafe\u0301, ", "\u202bשלום\u202c: ", "a\r\n\t", "\ud83d, "],
)
def test_offsets_count_code_points(before: str) -> None:
    text = f"{before}the solar panel"
    places = [span for each in phrases.extract(text) if each.text == "solar panel" for span in each.mentions]
    assert places == [(len(before) + 4, len(text))]
    assert text[slice(*places[0])] == "solar panel"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the new Cafe\u0301 menu and the NEW cafe\u0301 menu", {"new Cafe\u0301 menu"}),
        ("Amazon's cloud, amazon\u2019s cloud", {"Amazon's cloud"}),
        ("C++ or C# at AT&T", {"C++", "C#", "AT&T"}),
        ("state-of-the-art engine", {"state-of-the-art engine"}),
        ("red\nblue", {"red", "blue"}),  # a line's end divides
        ("red, blue", {"red", "blue"}),
        ("extremely slow server", {"slow server"}),  # how is not what
        ("family doctor", {"family doctor"}),
        ("of red green blue black white", {"green blue black white"}),  # the last four words
    ],
)
def test_what_a_phrase_is(text: str, expected: set[str]) -> None:
    assert {each.text for each in phrases.extract(text)} == expected


def test_the_same_every_time_and_in_threads() -> None:
    texts = [ABSTRACT, ABSTRACT.upper(), "solar panel"]
    alone = [phrases.extract(each) for each in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(phrases.extract, texts * 5)) == alone * 5


def test_the_stop_words_are_lower_case_and_stand_once() -> None:
    words = phrases.STOP_WORDS.read_text(encoding="utf-8").split()
    assert len(words) > 300
    assert all(each == each.lower() for each in words)
    assert len(set(words)) == len(words)
