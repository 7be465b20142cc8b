"""Languages are told from a few words, and not guessed from less."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from broker_local import english, language

pytestmark = pytest.mark.local_models

TEXTS = {
    "en": "All human beings are born free and equal in dignity and rights.",
    "de": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "ru": "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "ja": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "he": "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "hi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
}


@pytest.mark.parametrize("tag", TEXTS)
def test_a_sentence_is_enough(tag: str) -> None:
    found = language.detect(TEXTS[tag])
    assert found.tag == tag
    assert found.probability is not None
    assert found.probability >= 0.9
    assert found.ranked[0] == language.Guess(tag, found.probability)


@pytest.mark.parametrize(
    "text", ["", "   \n", "12345", "!!! 😀", "+49 (0)30 / 12-34", "\u0301\u0302", "👩\u200d👩\u200d👧"]
)
def test_without_a_letter_nothing_is_said(text: str) -> None:
    assert language.detect(text) == language.Spoken(language.UNKNOWN, None, ())


@pytest.mark.parametrize("text", ["Hi", "OK", "Hello", "ABC-123", "john@example.com"])
def test_too_little_is_unknown_and_its_guesses_are_weak(text: str) -> None:
    found = language.detect(text)
    assert (found.tag, found.probability) == (language.UNKNOWN, None)
    assert all(0 < each.probability < language.LEAST for each in found.ranked)


def test_the_ranking_falls_and_sums_to_one_at_most() -> None:
    ranked = language.detect("Lorem ipsum dolor sit amet").ranked
    numbers = [each.probability for each in ranked]
    assert numbers == sorted(numbers, reverse=True)
    assert sum(numbers) <= 1.00001
    assert 0 < len(ranked) <= language.MOST
    assert len({each.tag for each in ranked}) == len(ranked)


def test_half_a_character_does_not_break_it() -> None:
    assert language.detect("\ud800 the quick brown fox jumps over the lazy dog").tag == "en"


def test_no_language_is_never_an_answer() -> None:
    assert language.NO_LANGUAGE not in language.languages()
    assert {"en", "zh", "no", "nn"} <= set(language.languages())


def test_threads_get_what_one_gets() -> None:
    texts = list(TEXTS.values())
    alone = [language.detect(each) for each in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(language.detect, texts * 5)) == alone * 5


@pytest.mark.parametrize(
    ("text", "told", "other"),
    [
        (TEXTS["en"], None, None),
        (TEXTS["de"], None, "de"),
        (TEXTS["ja"], None, "ja"),
        ("Great!", None, None),  # too short to tell: taken for English
        ("", None, None),
        (TEXTS["de"], "en", None),  # the caller is believed
        (TEXTS["de"], "en-GB", None),
        (TEXTS["de"], "EN_us", None),
        (TEXTS["en"], "de-AT", "de-AT"),
        (TEXTS["en"], "eng", "eng"),
    ],
)
def test_only_english_is_let_through(text: str, told: str | None, other: str | None) -> None:
    assert english.other_language(text, told) == other
