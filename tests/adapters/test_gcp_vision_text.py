"""Google Vision's pages, paragraphs, words and breaks as our blocks and lines."""

from __future__ import annotations

from typing import Any

import pytest
from adapter_support import raised
from gcp_vision_support import asked, block, page, paragraph, pixels, ratios, texts, turned, word
from hypothesis import given
from hypothesis import strategies as st

from broker import errors
from broker.types import DetectedText, Frame

pytest.importorskip("google.cloud.vision_v1", reason="needs the gcp extra")


def read(answer: Any, **options: Any) -> DetectedText:
    """As the adapter reads it, without the way there."""
    from google.cloud.vision_v1 import AnnotateImageResponse
    from google.protobuf.json_format import ParseDict

    from broker_gcp.vision_text import text_in

    message: Any = ParseDict(answer, AnnotateImageResponse.pb()())
    return text_in(type(message).FromString(message.SerializeToString()), asked("detect_text", **options))


# ---------------------------------------------------------------------- lines


def test_breaks_make_lines_and_spaces() -> None:
    found = read(
        page(
            block(
                paragraph(
                    word("Two", "SPACE"),
                    word("wide", "SURE_SPACE"),
                    word("words", "EOL_SURE_SPACE"),
                    word("and"),
                    word("more", "LINE_BREAK"),
                ),
                paragraph(word("last", "LINE_BREAK")),
            ),
            block(paragraph(word("Other", "LINE_BREAK"))),
        )
    )
    assert texts(found.lines) == ["Two wide words", "andmore", "last", "Other"]
    assert found.text == "Two wide words\nandmore\nlast\nOther"
    assert [each.text for each in found.words] == ["Two", "wide", "words", "and", "more", "last", "Other"]
    assert found.blocks is not None
    assert [texts(each.lines) for each in found.blocks] == [["Two wide words", "andmore", "last"], ["Other"]]


def test_writing_without_spaces_gets_none() -> None:
    found = read(page(block(paragraph(word("招标"), word("公告", "LINE_BREAK"), word("🐈‍⬛"), word("!")))))
    assert texts(found.lines) == ["招标公告", "🐈‍⬛!"]


def test_a_hyphen_at_the_end_of_a_line_is_shown_as_vision_shows_it() -> None:
    broken = block(paragraph(word("exam", "HYPHEN"), word("ple", "LINE_BREAK")))
    assert texts(read(page(broken, text="exam-\nple\n")).lines) == ["exam-", "ple"]
    assert texts(read(page(broken, text="exam\nple\n")).lines) == ["exam", "ple"]
    assert [each.text for each in read(page(broken, text="exam-\nple\n")).words] == ["exam", "ple"]


def test_a_break_before_its_symbol() -> None:
    second = word("next")
    second["symbols"][0]["property"] = {"detectedBreak": {"type": "SPACE", "isPrefix": True}}
    third = word("line", "LINE_BREAK")
    third["symbols"][0]["property"] = {"detectedBreak": {"type": "LINE_BREAK", "isPrefix": True}}
    assert texts(read(page(block(paragraph(word("one"), second, third)))).lines) == ["one next", "line"]


def test_a_break_at_the_word_or_of_a_new_kind_is_kept_too() -> None:
    first = word("a", property={"detectedBreak": {"type": "SPACE"}})
    second = word("b")
    second["symbols"][-1]["property"] = {"detectedBreak": {"type": 77}}
    third = word("c", property={"detectedBreak": {"type": "LINE_BREAK", "isPrefix": True}})
    assert texts(read(page(block(paragraph(first, second, word("c"), third)))).lines) == ["a b c", "c"]


def test_a_break_within_a_word_is_seen_in_its_line_only() -> None:
    spaced = word("ab", "LINE_BREAK")
    spaced["symbols"][0]["property"] = {"detectedBreak": {"type": "SPACE"}}
    found = read(page(block(paragraph(spaced))))
    assert texts(found.lines) == ["a b"]
    assert [each.text for each in found.words] == ["ab"]


def test_a_paragraph_and_a_block_end_their_line_even_without_a_break() -> None:
    found = read(
        page(
            block(paragraph(word("one")), paragraph(word("two", "SPACE")), paragraph(word("three", "SPACE"))),
            block(paragraph(word("four"))),
        )
    )
    assert texts(found.lines) == ["one", "two three", "four"]  # after a space Vision's own text goes on


def test_words_and_paragraphs_of_nothing() -> None:
    empty = {"symbols": [], "boundingBox": pixels((0, 0))}
    found = read(page(block(paragraph(empty, word("a"))), block(paragraph()), block()))
    assert texts(found.lines) == ["a"]
    assert found.blocks is not None
    assert [len(each.lines) for each in found.blocks] == [1, 0, 0]


PIECES = st.lists(
    st.tuples(
        st.text(st.characters(categories=("L", "N", "P", "So", "Mn")), min_size=1, max_size=4),
        st.sampled_from([None, "SPACE", "SURE_SPACE", "EOL_SURE_SPACE", "LINE_BREAK"]),
        st.integers(-40, 140),
        st.integers(-40, 90),
    ),
    min_size=1,
    max_size=12,
)


@given(PIECES)
def test_lines_are_vision_s_text_and_hold_each_word_once(pieces: Any) -> None:
    shown = {None: "", "SPACE": " ", "SURE_SPACE": " ", "EOL_SURE_SPACE": "\n", "LINE_BREAK": "\n"}
    whole = "".join(text + shown[brk] for text, brk, _, _ in pieces)
    words = [
        word(text, brk, boundingBox=pixels((x, y), (x + 9, y), (x + 9, y + 9), (x, y + 9)))
        for text, brk, x, y in pieces
    ]
    found = read(page(block(paragraph(*words)), text=whole))
    assert texts(found.lines) == [line.strip() for line in whole.split("\n") if line]
    assert [each.text for each in found.words] == [text for text, _, _, _ in pieces]
    for place in [*found.words, *found.lines]:
        assert place.region is not None
        box = place.region.box
        assert 0.0 <= box.left <= box.left + box.width <= 1.0
        assert 0.0 <= box.top <= box.top + box.height <= 1.0
    for line in found.lines:
        assert "".join(each.text for each in line.words) == line.text.replace(" ", "")


# ---------------------------------------------------------------------- places


def test_a_word_upside_down_keeps_its_corners_in_reading_order() -> None:
    corners = ((90, 40), (50, 40), (50, 30), (90, 30))
    found = read(page(block(paragraph(word("on", boundingBox=pixels(*corners))))))
    (each,) = found.words
    assert each.region is not None
    assert [(round(p.x * 100), round(p.y * 50)) for p in each.region.polygon] == list(corners)
    box = each.region.box
    assert (box.left, box.top) == (0.5, 0.6)
    assert (box.width, box.height) == (pytest.approx(0.4), pytest.approx(0.2))
    assert found.lines[0].region == each.region  # a line of one word is turned like its word


def test_missing_zeros_and_places_beyond_the_edge() -> None:
    corners = ((-10, 0), (110, 0), (110, 25), (-10, 25))
    found = read(
        page(block(paragraph(word("on", boundingBox=pixels(*corners))), boundingBox=pixels(*corners)))
    )
    (each,) = found.words
    assert each.region is not None
    assert found.blocks is not None
    assert each.region.raw == (-10, 0, 110, 0, 110, 25, -10, 25)
    box = each.region.box
    assert (box.left, box.top, box.width, box.height) == (0.0, 0.0, 1.0, 0.5)
    assert found.blocks[0].region == each.region


def test_a_line_is_the_box_around_its_words_and_no_vendor_s_number() -> None:
    found = read(
        page(
            block(
                paragraph(
                    word("a", "SPACE", boundingBox=pixels((10, 10), (20, 10), (20, 20), (10, 20))),
                    word("b", boundingBox=pixels((60, 5), (70, 5), (70, 25), (60, 25))),
                )
            )
        )
    )
    region = found.lines[0].region
    assert region is not None
    assert region.raw == ()
    box = region.box
    assert (box.left, box.top, round(box.width, 9), round(box.height, 9)) == (0.1, 0.1, 0.6, 0.4)


def test_places_are_of_the_page_where_it_is_measured_and_else_of_the_file() -> None:
    placed = block(paragraph(word("a", boundingBox=pixels((32, 24), (64, 24), (64, 48), (32, 48)))))
    unmeasured = read(page(placed, width=0, height=0))
    assert unmeasured.frame == Frame(width=640, height=480, upright=True)
    assert unmeasured.words[0].region is not None
    assert unmeasured.words[0].region.box.left == 0.05
    measured = read(page(placed, width=64, height=48))
    assert measured.frame == Frame(width=64, height=48, upright=True)
    assert measured.words[0].region is not None
    assert measured.words[0].region.box.left == 0.5


@pytest.mark.parametrize(
    ("orientation", "size", "upright"),
    [
        (6, (32, 64), True),
        (6, (64, 32), False),
        (6, (31, 64), None),
        (3, (64, 32), None),
        (1, (64, 32), True),
    ],
)
def test_the_page_tells_whether_a_turned_picture_was_turned(
    orientation: int, size: tuple[int, int], upright: bool | None
) -> None:
    width, height = size
    found = read(page(block(paragraph(word("a"))), width=width, height=height), image=turned(orientation))
    assert found.frame == Frame(width=width, height=height, orientation=orientation, upright=upright)


def test_ratios_and_no_place_at_all() -> None:
    found = read(
        page(
            block(
                paragraph(
                    word("a", "SPACE", boundingBox=ratios((0.0, 0.0), (0.5, 0.5))), word("b", boundingBox={})
                )
            )
        )
    )
    first, second = found.words
    assert first.region is not None
    assert (first.region.box.width, first.region.box.height) == (0.5, 0.5)
    assert second.region is None


# ---------------------------------------------------------------------- confidences, kinds, languages


def test_a_confidence_that_was_not_sent_is_unknown() -> None:
    found = read(
        page(block(paragraph(word("a", "SPACE", confidence=0.75), word("b", confidence=0.0)), confidence=0.5))
    )
    assert [each.confidence.value for each in found.words] == [0.75, None]
    assert found.lines[0].confidence.value is None
    assert found.blocks is not None
    assert found.blocks[0].confidence.value == 0.5
    kept = found.select(asked("detect_text", min_confidence=0.6))
    assert kept.text == "a"


def test_kinds_of_blocks() -> None:
    kinds = ["UNKNOWN", "TEXT", "TABLE", "PICTURE", "RULER", "BARCODE", 42]
    found = read(page(*(block(blockType=kind) for kind in kinds)))
    assert found.blocks is not None
    assert [each.kind for each in found.blocks] == [
        "unknown",
        "text",
        "table",
        "picture",
        "ruler",
        "barcode",
        "42",
    ]
    assert found.lines == ()


def told(*codes: str) -> dict[str, Any]:
    return {"detectedLanguages": [{"languageCode": code} for code in codes]}


def test_languages_are_the_page_s_and_else_its_parts() -> None:
    spoken = block(paragraph(word("a", property=told("fr")), word("b", property=told("iw", "fr"))))
    assert read(page(spoken, property=told("de", "und", "en"))).languages == ("de", "en")
    assert read(page(spoken)).languages == ("fr", "he")


# ---------------------------------------------------------------------- older answers, nothing, nonsense


def annotation(text: str, x: int = 0, **more: Any) -> dict[str, Any]:
    return {"description": text, "boundingPoly": pixels((x, 0), (x + 64, 0), (x + 64, 48), (x, 48)), **more}


def test_words_alone_are_laid_on_the_lines_of_their_text() -> None:
    found = read(
        {
            "textAnnotations": [
                annotation("Hello big\nworld\n", locale="en"),
                annotation("Hello"),
                annotation("big", 64),
                annotation("world", 128),
            ]
        }
    )
    assert texts(found.lines) == ["Hello big", "world"]
    assert [[each.text for each in line.words] for line in found.lines] == [["Hello", "big"], ["world"]]
    assert found.blocks is None
    assert found.languages == ("en",)
    region = found.lines[1].region
    assert region is not None
    assert (region.box.left, region.box.width) == (0.2, pytest.approx(0.1))
    assert found.words[0].confidence.value is None


@pytest.mark.parametrize("words", [[], ["Hello"], ["Hello", "moon"], ["Hello", "world", "more"]])
def test_words_that_do_not_fit_their_text_are_left_out(words: list[str]) -> None:
    found = read({"textAnnotations": [annotation("Hello\nworld"), *(annotation(each) for each in words)]})
    assert texts(found.lines) == ["Hello", "world"]
    assert found.words == ()


def test_the_first_annotation_is_not_doubled() -> None:
    whole = page(block(paragraph(word("Hi", "LINE_BREAK"))), text="Hi\n")
    found = read({**whole, "textAnnotations": [annotation("Hi"), annotation("Hi")]})
    assert found.text == "Hi"
    assert [each.text for each in found.words] == ["Hi"]


def test_a_text_without_pages() -> None:
    assert texts(read({"fullTextAnnotation": {"text": "a b\nc\n"}}).lines) == ["a b", "c"]


def test_nothing_written_is_an_answer() -> None:
    for answer in ({}, {"textAnnotations": []}, {"fullTextAnnotation": {}}):
        found = read(answer)
        assert found.lines == ()
        assert found.text == ""
        assert found.frame == Frame(width=640, height=480, upright=True)


@pytest.mark.parametrize(
    "answer",
    [
        page(block(paragraph(word("a", boundingBox={"normalizedVertices": [{"x": "NaN", "y": 0.5}]})))),
        {"textAnnotations": [annotation("a"), annotation("")]},
    ],
    ids=["no number", "no text"],
)
def test_nonsense_is_malformed(answer: Any) -> None:
    assert raised(lambda: read(answer), errors.MalformedReply).billed is True
