"""Word error rates: the edit distance against jiwer, the two normalisers, and the words of entities."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.quality.metrics.edits import Edit, alignment, distance
from broker.quality.metrics.metric import delivery, value
from broker.quality.metrics.normalise import NORMALISERS, PLAIN, SPOKEN_EN
from broker.quality.metrics.wordings import Worded, worded_wer_score
from broker.quality.metrics.words import (
    Piece,
    cer_metric,
    cer_score,
    entity_wer_metric,
    entity_wer_score,
    wer_metric,
    wer_score,
)

sentences = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=30)


@settings(deadline=None)  # the first call imports the other library
@given(sentences.filter(bool), sentences)
def test_errors_equal_jiwer(reference: list[str], answer: list[str]) -> None:
    jiwer = pytest.importorskip("jiwer", reason="jiwer is not installed")
    told = jiwer.process_words(" ".join(reference), " ".join(answer))
    errors = told.substitutions + told.deletions + told.insertions
    assert distance(reference, answer) == errors
    assert wer_score("x", " ".join(reference), " ".join(answer), PLAIN).parts == (errors, len(reference))


@given(sentences, sentences)
def test_an_alignment_turns_one_into_the_other_with_the_fewest_edits(
    reference: list[str], answer: list[str]
) -> None:
    rebuilt: list[str] = []
    at = 0
    edits = 0
    for step in alignment(reference, answer):
        edits += step.edit is not Edit.SAME
        assert step.at == at
        assert step.found == len(rebuilt)
        if step.edit is not Edit.DELETED:
            rebuilt.append(answer[step.found])
        if step.edit is not Edit.INSERTED:
            at += 1
        if step.edit is Edit.SAME:
            assert reference[step.at] == answer[step.found]
    assert (rebuilt, at) == (answer, len(reference))
    assert edits == distance(reference, answer) == distance(answer, reference)


def test_wer_is_a_ratio_of_sums_and_may_pass_one() -> None:
    metric = wer_metric(PLAIN)
    scores = [wer_score("1", "a b c d", "a b c d", PLAIN), wer_score("2", "a", "b c", PLAIN)]
    assert value(metric, scores) == pytest.approx(2 / 5)
    assert value(metric, scores[1:]) == 2.0


def test_an_empty_answer_is_all_deletions_and_a_failed_call_is_no_answer() -> None:
    metric = wer_metric(PLAIN)
    scores = [
        wer_score("1", "a b", "", PLAIN),
        wer_score("2", "a b", None, PLAIN),
        wer_score("3", "a b", "a b", PLAIN),
    ]
    told = delivery(metric, scores)
    assert (told.conditional, told.failed) == (0.5, 1)
    assert told.delivered == pytest.approx(4 / 6)


def test_characters_are_counted_without_spaces() -> None:
    assert value(cer_metric(PLAIN), [cer_score("1", "今日は 晴れ", "今日は晴", PLAIN)]) == pytest.approx(
        1 / 5
    )
    assert cer_score("1", "ab", None, PLAIN).failed


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, WORLD!", "hello world"),
        ("state-of-the-art", "state of the art"),
        ("it's the U.S.", "its the us"),
        ("1,000 cafés ﬁne", "1000 cafés fine"),
        ("नमस्ते", "नमस्ते"),
        ("", ""),
    ],
)
def test_plain_words(text: str, words: str) -> None:
    assert " ".join(PLAIN.words(text)) == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$5.2 million", "five point two million dollars"),
        ("$5.2 million", "5.2 million dollars"),
        ("$1,250", "twelve hundred and fifty dollars"),
        ("in 2020", "in twenty twenty"),
        ("in 2019", "in twenty nineteen"),
        ("in 2005", "in two thousand and five"),
        ("1.5%", "one point five percent"),
        ("the 3rd quarter", "the third quarter"),
        ("the 23rd", "the twenty-third"),
        ("3,450,000", "three million four hundred and fifty thousand"),
        ("$10M", "ten million dollars"),
        ("we'll do it, won't we?", "we will do it will not we"),
        ("It's Mr. Smith", "it is mister smith"),
        ("um, I, uh, agree", "I agree"),
        ("okay [laughter] so", "OK so"),
        ("the colour", "the color"),
        ("COVID-19", "covid nineteen"),
        ("extension 4 0 5", "extension four zero five"),
    ],
)
def test_spoken_words_are_alike_however_written(one: str, other: str) -> None:
    def joined(text: str) -> str:
        return " ".join(SPOKEN_EN.words(text))

    if one.startswith("extension"):
        assert joined(one).replace(" ", "") == joined(other).replace(" ", "")
    else:
        assert joined(one) == joined(other)


def test_a_decimal_is_no_whole_number() -> None:
    words = [
        " ".join(SPOKEN_EN.words(text)) for text in ("2.2%", "22%", "two point two percent", "2.20 percent")
    ]
    assert words == ["2.2 percent", "22 percent", "2.2 percent", "2.2 percent"]
    assert (
        SPOKEN_EN.words(".5% up") == SPOKEN_EN.words("zero point five percent up") == ["0.5", "percent", "up"]
    )
    assert SPOKEN_EN.words("It was 10.0, then 5.") == ["it", "was", "10", "then", "5"]


@pytest.mark.parametrize("text", ["oh no", "a b and a m", "second to none of them", "he said no. 5 of 7."])
def test_words_that_look_like_numbers_stay(text: str) -> None:
    assert len(SPOKEN_EN.words(text)) == len(text.split())


@given(st.text(max_size=60))
def test_normalisers_take_any_text_and_are_settled_by_name(text: str) -> None:
    for name, normaliser in NORMALISERS.items():
        words = normaliser.words(text)
        assert normaliser.name == name
        assert all(word and " " not in word for word in words)
    assert PLAIN.words(" ".join(PLAIN.words(text))) == PLAIN.words(text)


def test_the_metric_names_its_normaliser() -> None:
    assert wer_metric(PLAIN).id != wer_metric(SPOKEN_EN).id


REFERENCE = [
    Piece(text="call"),
    Piece(text="Ada Lovelace", kind="PERSON"),
    Piece(text="in"),
    Piece(text="London", kind="PLACE"),
]


@pytest.mark.parametrize(
    ("answer", "errors"),
    [
        ("call ada lovelace in london", 0),
        ("call ada loveless in london", 1),
        ("call in london", 2),
        ("call ada the lovelace in london", 1),
        ("call up ada lovelace in london", 0),
        ("ring ada lovelace at london", 0),
    ],
)
def test_only_the_words_of_entities_count(answer: str, errors: int) -> None:
    assert entity_wer_score("x", REFERENCE, answer, PLAIN).parts == (errors, 3)


def test_entities_of_one_kind_and_of_failed_calls() -> None:
    assert entity_wer_score("x", REFERENCE, "call ada in london", PLAIN, kind="PLACE").parts == (0, 1)
    failed = entity_wer_score("x", REFERENCE, None, PLAIN, kind="PERSON")
    assert (failed.failed, failed.parts) == (True, (2, 2))
    assert value(entity_wer_metric(PLAIN, "PERSON"), [failed]) == 1.0


@pytest.mark.parametrize(
    ("answer", "errors", "words"),
    [
        ("in 2020 we grew", 0, 4),
        ("in twenty twenty we grew", 0, 5),
        ("in two thousand and twenty we grew", 0, 7),
        ("in twenty we grew", 1, 4),  # as far from both; as it was written
        ("in we grew", 1, 4),
        ("", 4, 4),
    ],
)
def test_the_nearest_accepted_wording_counts(answer: str, errors: int, words: int) -> None:
    reference = [
        Worded(wordings=("in",)),
        Worded(wordings=("2020", "twenty twenty", "two thousand and twenty")),
        Worded(wordings=("we",)),
        Worded(wordings=("grew",)),
    ]
    assert worded_wer_score("x", reference, answer, PLAIN).parts == (errors, words)


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "a b", "c c a", ""]), min_size=1, max_size=3), max_size=8),
    st.lists(st.sampled_from("abc"), max_size=12),
)
def test_other_wordings_never_add_errors(wordings: list[list[str]], found: list[str]) -> None:
    answer = " ".join(found)
    free = worded_wer_score("x", [Worded(wordings=tuple(each)) for each in wordings], answer, PLAIN)
    strict = worded_wer_score("x", [Worded(wordings=(each[0],)) for each in wordings], answer, PLAIN)
    plain = wer_score("x", " ".join(each[0] for each in wordings), answer, PLAIN)
    assert free.parts[0] <= strict.parts[0] == plain.parts[0]
    assert worded_wer_score("x", [], None, PLAIN).failed
    with pytest.raises(ValueError, match="one wording"):
        Worded(wordings=())
