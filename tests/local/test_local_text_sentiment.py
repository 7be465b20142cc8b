"""Praise, blame and neither are told apart, sentence by sentence."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from broker_local import sentiment
from broker_local.sentences import sentences
from broker_local.sentiment import Probabilities, Tone

pytestmark = pytest.mark.local_models


@pytest.mark.parametrize(
    ("text", "tone"),
    [
        ("This is the best phone I have ever had!", Tone.POSITIVE),
        ("Not bad at all.", Tone.POSITIVE),
        ("A boring, lifeless film.", Tone.NEGATIVE),
        ("I am not happy.", Tone.NEGATIVE),
        ("The meeting is at 3 pm on Tuesday.", Tone.NEUTRAL),
        ("I love this phone. The battery is terrible and the screen broke.", Tone.MIXED),
    ],
)
def test_plain_cases(text: str, tone: Tone) -> None:
    found = sentiment.detect(text)
    assert found.tone is tone
    assert found.probabilities is not None
    assert sum((found.probabilities.positive, found.probabilities.negative, found.probabilities.neutral)) == (
        pytest.approx(1, abs=1e-4)
    )


@pytest.mark.parametrize("text", ["", "  \n", "😀", "...", "!!! 👩\u200d👩\u200d👧"])
def test_without_a_word_nothing_is_said(text: str) -> None:
    assert sentiment.detect(text) == sentiment.Sentiment(None, None, ())


def test_one_sentence_decides_alone() -> None:
    found = sentiment.detect("  What a wonderful day!  ")
    (only,) = found.sentences
    assert (only.tone, only.probabilities) == (found.tone, found.probabilities)
    assert only.tone is only.probabilities.tone


def test_a_text_is_the_mean_of_its_sentences_by_length() -> None:
    text = "It was awful. The long second sentence tells how much all of us liked the garden."
    found = sentiment.detect(text)
    first, second = found.sentences
    sizes = [each.end - each.start for each in (first, second)]
    expected = (first.probabilities.negative * sizes[0] + second.probabilities.negative * sizes[1]) / sum(
        sizes
    )
    assert found.probabilities is not None
    assert found.probabilities.negative == pytest.approx(expected, abs=1e-5)


def test_a_little_blame_in_much_praise_is_not_mixed() -> None:
    praise = "The staff were kind and helpful and the room was clean, bright and quiet. " * 6
    assert sentiment.detect(praise + "The tea was awful.").tone is Tone.POSITIVE


@pytest.mark.parametrize(
    ("numbers", "tone"),
    [((0.5, 0.3, 0.2), Tone.POSITIVE), ((0.2, 0.5, 0.3), Tone.NEGATIVE), ((0.3, 0.2, 0.5), Tone.NEUTRAL)],
)
def test_the_tone_is_the_most_probable_class(numbers: tuple[float, float, float], tone: Tone) -> None:
    assert Probabilities(positive=numbers[0], negative=numbers[1], neutral=numbers[2]).tone is tone


@pytest.mark.parametrize(
    "before",
    ["😀👩\u200d👩\u200d👧 ", "日本。", "e\u0301te\u0301! ", "\u202bשלום\u202c! ", "a\r\n\t", "\ud83d "],
)
def test_offsets_count_code_points(before: str) -> None:
    text = f"{before}I love it. I hate it."
    last = sentiment.detect(text).sentences[-1]
    assert text[last.start : last.end] == "I hate it."


def test_a_long_sentence_is_read_to_its_end() -> None:
    filler = "and then the train went on to the next station " * 60
    assert len(filler.split()) > 500
    good, bad = (
        sentiment.detect(f"It was {filler} and it was {each}") for each in ("superb " * 90, "horrible " * 90)
    )
    assert good.probabilities is not None
    assert bad.probabilities is not None
    assert good.probabilities.positive > bad.probabilities.positive


def test_threads_get_what_one_gets() -> None:
    texts = ["I love it. I hate it.", "The door is green.", "Awful!"]
    alone = [sentiment.detect(each) for each in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(sentiment.detect, texts * 4)) == alone * 4


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        (" \n ", []),
        ("One. Two? Three!", ["One.", "Two?", "Three!"]),
        ("Dr. Smith paid $3.50, e.g. for tea.", ["Dr. Smith paid $3.50, e.g. for tea."]),
        ("J. K. Rowling lives there. She writes.", ["J. K. Rowling lives there.", "She writes."]),
        ("We ate fish, etc. Then we left.", ["We ate fish, etc.", "Then we left."]),
        ("We open at 9 a.m. on Monday.", ["We open at 9 a.m. on Monday."]),
        ('"Really?" she said.', ['"Really?"', "she said."]),
        ("一。二！三", ["一。", "二！", "三"]),
        ("a heading\n\nA line\r\nanother", ["a heading", "A line", "another"]),
        ("Wait... what?!", ["Wait...", "what?!"]),
        ("www.example.com is up.Now", ["www.example.com is up.Now"]),
    ],
)
def test_where_sentences_end(text: str, parts: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == parts


@pytest.mark.parametrize("unit", [" ", ".", "\n", " \n", ". ", "a. ", '."'])
def test_hostile_text_is_cut_at_once(unit: str) -> None:
    assert len(sentences(unit * 50_000 + "x")) >= 1
