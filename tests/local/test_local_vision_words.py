"""Words within read lines: where the recogniser saw their letters, and with their own letters' scores."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from local_vision_support import words_drawn
from measured_pictures import words_read_again
from PIL import Image as pillow

from broker.types import Image
from broker_local import text
from broker_local.picture import decode
from broker_local.words import Columns, Span, kept, place, spans

LINE = ((10.0, 20.0), (110.0, 20.0), (110.0, 40.0), (10.0, 40.0))


def test_words_are_what_spaces_part_with_the_mean_score_of_their_letters() -> None:
    first, second = spans("ab  cd", [2, 4, 10, 12], [0.9, 0.7, 0.1, 0.1, 1.0, 0.5], 16)
    assert (first.text, second.text) == ("ab", "cd")
    assert (first.score, second.score) == pytest.approx((0.8, 0.75))
    # A letter is 2 columns wide: one column before the first one's middle, one after the last one's.
    assert (first.start, first.end) == pytest.approx((1.5 / 16, 5.5 / 16))
    assert (second.start, second.end) == pytest.approx((9.5 / 16, 13.5 / 16))


def test_words_do_not_overlap_and_stay_in_their_line() -> None:
    first, second = spans("MMM i", [0, 8, 16, 19], [1.0] * 5, 20)
    assert first.start == 0.0
    assert first.end == second.start == pytest.approx(18 / 20)
    assert second.end == 1.0


def test_a_line_without_spaces_is_one_word() -> None:
    (word,) = spans("人工智能", [1, 4, 7, 10], [1.0] * 4, 12)
    assert (word.text, word.start, word.end) == ("人工智能", 0.0, 1.0)


@pytest.mark.parametrize(
    ("line", "columns", "scores", "length"),
    [
        ("ab", [1], [1.0, 1.0], 5.0),  # a letter whose column is not known
        ("ab", [1, 2], [1.0], 5.0),
        ("", [], [], 5.0),
        ("  ", [], [1.0, 1.0], 5.0),
        ("a", [1], [1.0], 0.0),
    ],
)
def test_numbers_that_do_not_fit_the_text_give_no_words(
    line: str, columns: list[int], scores: list[float], length: float
) -> None:
    assert spans(line, columns, scores, length) == ()


@given(st.data())
def test_any_line_gives_its_words_in_order(data: st.DataObject) -> None:
    line = data.draw(st.text("ab \u3000中", min_size=1, max_size=30))
    letters = sum(not letter.isspace() for letter in line)
    columns = sorted(data.draw(st.sets(st.integers(0, 99), min_size=letters, max_size=letters)))
    found = spans(line, columns, [0.5] * len(line), 100.0)
    assert [each.text for each in found] == line.split()
    edges = [edge for each in found for edge in (each.start, each.end)]
    assert edges == sorted(edges)
    assert all(0.0 <= edge <= 1.0 for edge in edges)


def test_a_word_is_placed_along_its_line() -> None:
    word = place(Span("b", 0.5, 0.25, 0.75), LINE)
    assert word.corners == ((35.0, 20.0), (85.0, 20.0), (85.0, 40.0), (35.0, 40.0))
    assert (word.text, word.score) == ("b", 0.5)


def test_a_word_of_a_slanting_line_slants_with_it() -> None:
    slanting = ((0.0, 0.0), (80.0, 60.0), (74.0, 68.0), (-6.0, 8.0))
    start, end, *_ = place(Span("b", 1.0, 0.5, 1.0), slanting).corners
    assert start == (40.0, 30.0)
    assert end == (80.0, 60.0)


def test_a_line_that_runs_down_is_read_from_its_top() -> None:
    down = ((0.0, 0.0), (20.0, 0.0), (20.0, 100.0), (0.0, 100.0))
    # Its letters' tops are on the right.
    assert place(Span("b", 1.0, 0.0, 0.5), down).corners == (
        (20.0, 0.0),
        (20.0, 50.0),
        (0.0, 50.0),
        (0.0, 0.0),
    )


def test_every_line_keeps_its_own_words() -> None:
    read = SimpleNamespace(
        txts=("ab", "?"),
        word_results=(
            SimpleNamespace(word_cols=[[1], [3]], confs=[1.0, 0.5], line_txt_len=6.0),
            SimpleNamespace(word_cols=[], confs=[], line_txt_len=0.0),
        ),
    )
    first, second = Columns()(None, None, read).word_results
    assert [each.text for each in kept(first)] == ["ab"]
    assert kept(second) == ()


@pytest.mark.parametrize(
    "entry", [None, (), (("ab", 1.0, None),), (("a", 1.0, [[0, 0]]), ("b", 1.0, [[1, 1]]))]
)
def test_what_the_reader_makes_itself_is_not_taken_for_words(entry: object) -> None:
    assert kept(entry) == ()


@pytest.mark.local_models
def test_the_words_of_read_lines_are_the_lines_text(drawn: Callable[..., Image]) -> None:
    lines = text._reader.get().read(decode(drawn("Total 12.50 EUR", "Thank you")))
    assert [[word.text for word in line.words] for line in lines] == [line.text.split() for line in lines]
    assert all(0.5 <= word.score <= 1 for line in lines for word in line.words)
    for line in lines:
        mean = sum(word.score * len(word.text) for word in line.words) / sum(
            len(word.text) for word in line.words
        )
        assert mean == pytest.approx(line.score, abs=0.05)  # but for its spaces


@pytest.mark.local_models
@pytest.mark.parametrize("size", [18, 32, 48])
def test_drawn_words_are_where_they_were_drawn(size: int) -> None:
    lines = [
        "Total amount due 1,234.50 EUR",
        "The quick brown fox jumps over it",
        "Invoice No. 2026-11-21 WWW illinois",
        "a bb ccc dddd eeeee ffffff",
    ]
    shared = words_drawn(lines, size)
    print(f"{len(shared)} words of {size} pixels: {sum(shared) / len(shared):.2f} of the width shared")
    assert len(shared) >= 20
    assert sum(shared) / len(shared) >= 0.85
    assert min(shared) >= 0.45


@pytest.mark.local_models
def test_words_of_a_page_turned_by_exif_are_in_the_upright_picture(drawn: Callable[..., Image]) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6
    turned = drawn("Hello world", turn=pillow.Transpose.ROTATE_90, exif=exif)
    (line,) = text._reader.get().read(decode(turned))
    hello, world = line.words
    assert hello.corners[1][0] <= world.corners[0][0]
    assert hello.corners[0][0] == pytest.approx(40, abs=15)


@pytest.mark.local_models
def test_slanting_print_has_slanting_words(drawn: Callable[..., Image]) -> None:
    with pillow.open(io.BytesIO(drawn("Hello wide world", size=(500, 240)).data)) as straight:
        slanted = straight.rotate(10, expand=True, fillcolor="white", resample=pillow.Resampling.BICUBIC)
    file = io.BytesIO()
    slanted.save(file, format="PNG")
    (line,) = text._reader.get().read(decode(Image.from_bytes(file.getvalue())))
    assert [word.text.lower() for word in line.words] == ["hello", "wide", "world"]
    for word in line.words:
        (x, y), (x2, y2) = word.corners[:2]
        assert math.degrees(math.atan2(y - y2, x2 - x)) == pytest.approx(10, abs=3)


@pytest.mark.local_models
def test_words_cut_out_of_receipts_read_the_same_alone(dataset: Callable[[str], Path]) -> None:
    receipt = min((dataset("ocr/sroie-receipts") / "images").iterdir())
    finds = words_read_again([receipt, dataset("ocr/tesseract-test") / "images" / "phototest.png"])
    print(f"{finds.hits} of {finds.total} words read the same alone; {finds.false} lines without words")
    assert finds.total >= 100
    assert finds.hits >= 0.9 * finds.total
    assert finds.false == 0
