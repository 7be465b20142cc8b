"""Words that Google says twice, where speakers are told apart: nothing is doubled, nothing is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker_gcp.speech_answer import transcript


def word(text: str, start: str | None, end: str | None, **more: Any) -> dict[str, Any]:
    times = {name: time for name, time in (("startOffset", start), ("endOffset", end)) if time is not None}
    return {"word": text, **times, **more}


def result(text: str | None, *words: dict[str, Any], confidence: float | None = None, **more: Any) -> Any:
    best: dict[str, Any] = {} if text is None else {"transcript": text}
    if words:
        best["words"] = list(words)
    if confidence is not None:
        best["confidence"] = confidence
    return {"alternatives": [best], **more}


def plain(text: str, begin: int) -> dict[str, Any]:
    return word(text, f"{begin}s", f"{begin + 1}s")


def spoken(text: str, begin: int, by: int) -> dict[str, Any]:
    return {**plain(text, begin), "speakerTag": by}


def test_the_last_result_of_v1_says_all_words_again_with_their_speakers() -> None:
    found = transcript(
        [
            result("a b", plain("a", 0), plain("b", 1), confidence=0.5),
            result("c", plain("c", 2)),
            result(None, spoken("a", 0, 1), spoken("b", 1, 2), spoken("c", 2, 2)),
        ],
        channels=False,
    )
    assert found.text == "a b c"
    assert [(each.text, each.speaker) for each in found.words] == [("a", "1"), ("b", "2"), ("c", "2")]
    assert [each.speaker for each in found.segments] == [None, "2"]
    assert found.speakers == ("1", "2")
    assert found.segments[0].confidence.value == 0.5


def test_each_channel_says_its_words_again() -> None:
    found = transcript(
        [
            result("x", plain("x", 5), channelTag=2),
            result("a", plain("a", 0), channelTag=1),
            result(None, spoken("a", 0, 1), channelTag=1),
            result(None, spoken("x", 5, 1), channelTag=2),
        ],
        channels=True,
    )
    assert [(each.text, each.channel, each.speaker) for each in found.segments] == [
        ("a", 0, "1"),
        ("x", 1, "1"),
    ]


def test_a_result_with_all_words_so_far_keeps_its_own_only() -> None:
    found = transcript(
        [
            result("a", spoken("a", 0, 1)),
            result("b", spoken("a", 0, 2), spoken("b", 1, 1)),
        ],
        channels=False,
    )
    assert [(each.text, len(each.words or ())) for each in found.segments] == [("a", 1), ("b", 1)]
    assert [each.speaker for each in found.words] == ["2", "1"]


def test_what_is_really_said_twice_stays() -> None:
    found = transcript([result("no", plain("no", 0)), result("no", plain("no", 1))], channels=False)
    assert [each.text for each in found.words] == ["no", "no"]


def test_words_that_only_come_with_their_speakers_go_to_the_texts() -> None:
    last = result(None, spoken("a", 0, 1), spoken("b", 1, 1), spoken("c", 2, 2))
    found = transcript([result("a b"), result("c"), last], channels=False)
    assert [(each.text, each.speaker) for each in found.segments] == [("a b", "1"), ("c", "2")]
    assert [each.start_ms for each in found.words] == [0, 1000, 2000]


def test_other_words_without_a_transcript_are_not_lost() -> None:
    found = transcript([result("a b"), result(None, spoken("x", 0, 1))], channels=False)
    assert [(each.text, each.speaker) for each in found.segments] == [("a b", None), ("x", "1")]


@pytest.mark.parametrize(
    "again",
    [
        [spoken("A", 0, 1), spoken("b.", 1, 2), spoken("c", 2, 2)],  # written in another way
        [
            {**word("a", "0.1s", "1s"), "speakerTag": 1},
            {**word("b", "1.2s", "2s"), "speakerTag": 2},
            {**word("c", "2s", "3s"), "speakerTag": 2},
        ],
    ],
)
@pytest.mark.parametrize("text", [None, "", "a b c", "A b. C"])
def test_the_same_words_in_other_letters_or_at_other_times_are_the_same(
    again: list[Any], text: str | None
) -> None:
    found = transcript(
        [result("a b", plain("a", 0), plain("b", 1)), result("c", plain("c", 2)), result(text, *again)],
        channels=False,
    )
    assert found.text == "a b c"
    assert [(each.text, each.start_ms, each.speaker) for each in found.words] == [
        ("a", 0, "1"),
        ("b", 1000, "2"),
        ("c", 2000, "2"),
    ]


def test_other_words_at_the_same_places_take_the_place_of_those_before() -> None:
    """Heard anew, the words may be others; which segment they are of is told by the time."""
    last = result(None, spoken("a", 0, 1), spoken("bee", 1, 1), spoken("sea", 2, 2), spoken("d", 3, 2))
    found = transcript(
        [result("a b", plain("a", 0), plain("b", 1)), result("c d", plain("c", 2), plain("d", 3)), last],
        channels=False,
    )
    assert [each.text for each in found.segments] == ["a b", "c d"]
    assert [[w.text for w in each.words or ()] for each in found.segments] == [["a", "bee"], ["sea", "d"]]
    assert [each.speaker for each in found.segments] == ["1", "2"]


def test_words_of_texts_that_had_only_an_end_are_given_out_by_time() -> None:
    last = result(None, spoken("a", 0, 1), spoken("bee", 1, 1), spoken("sea", 2, 2))
    found = transcript(
        [result("a b", resultEndOffset="2s"), result("c", resultEndOffset="3s"), last], channels=False
    )
    assert [(each.text, each.start_ms, each.speaker) for each in found.segments] == [
        ("a b", 0, "1"),
        ("c", 2000, "2"),
    ]


def test_what_is_new_behind_words_heard_otherwise_is_the_results_own() -> None:
    found = transcript(
        [
            result("a b", spoken("a", 0, 1), spoken("b", 1, 1)),
            result("c d", spoken("a", 0, 1), spoken("bee", 1, 1), spoken("c", 2, 2), spoken("d", 3, 2)),
        ],
        channels=False,
    )
    assert found.text == "a b c d"
    assert [[w.text for w in each.words or ()] for each in found.segments] == [["a", "bee"], ["c", "d"]]


@pytest.mark.parametrize("text", [None, "a b"])
def test_words_without_times_are_told_by_themselves(text: str | None) -> None:
    one, two = {"word": "a"}, {"word": "b"}
    again = [{**one, "speakerTag": 1}, {**two, "speakerTag": 2}]
    found = transcript([result("a", one), result("b", two), result(text, *again)], channels=False)
    if text is None:
        assert [(each.text, each.speaker) for each in found.words] == [("a", "1"), ("b", "2")]
    else:  # it may well be said twice
        assert [each.text for each in found.segments] == ["a", "b", "a b"]


def test_what_begins_within_the_last_word_is_no_repetition() -> None:
    """Pieces that Google cut overlap by a little."""
    found = transcript(
        [
            result("a b", word("a", "0s", "1s"), word("b", "1s", "2s")),
            result("b c", word("b", "1.9s", "2.5s"), word("c", "3s", "4s")),
        ],
        channels=False,
    )
    assert [each.text for each in found.words] == ["a", "b", "b", "c"]


@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "no"]), min_size=1, max_size=4), min_size=1, max_size=5),
    st.data(),
)
def test_whatever_was_said_is_there_once(said: list[list[str]], data: st.DataObject) -> None:
    """With and without the words said again, in one last result or in each."""
    results, so_far, at = [], [], 0
    in_each = data.draw(st.booleans())
    for texts in said:
        own = [spoken(text, at + number, 1 + number % 2) for number, text in enumerate(texts)]
        at += len(texts)
        so_far += own
        results.append(result(" ".join(texts), *(so_far if in_each else own)))
    if not in_each and data.draw(st.booleans()):
        results.append(result(None, *so_far))
    found = transcript(results, channels=False)
    flat = [text for texts in said for text in texts]
    assert [each.text for each in found.words] == flat
    assert [each.start_ms for each in found.words] == [1000 * each for each in range(len(flat))]
    assert [each.text for each in found.segments] == [" ".join(texts) for texts in said]
    assert found.text == " ".join(flat)
