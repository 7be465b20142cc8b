"""Lines are grouped by where they stand, each in exactly one block."""

from __future__ import annotations

import io
import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as pillow

from broker.types import Image
from broker_local import text
from broker_local.blocks import Block, grouped
from broker_local.picture import decode
from broker_local.text import Found, in_reading_order


def _line(name: str, left: float, top: float, width: float = 200, height: float = 20) -> Found:
    right, bottom = left + width, top + height
    return Found(name, 1.0, ((left, top), (right, top), (right, bottom), (left, bottom)))


def _names(lines: list[Found]) -> list[str]:
    return ["".join(line.text for line in block.lines) for block in grouped(in_reading_order(lines))]


def _turned(line: Found, degrees: float) -> Found:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    corners = tuple((x * cos - y * sin + 500, x * sin + y * cos + 500) for x, y in line.corners)
    return Found(line.text, line.score, corners)


PARAGRAPHS = [_line("a", 0, 0), _line("b", 0, 25), _line("c", 0, 50), _line("d", 0, 110), _line("e", 0, 135)]
COLUMNS = [
    _line(name, left, top)
    for left, names in ((0, "abc"), (230, "xyz"))
    for top, name in zip((0, 25, 50), names, strict=True)
]


def test_a_blank_parts_paragraphs() -> None:
    assert _names(PARAGRAPHS) == ["abc", "de"]


def test_a_wider_blank_than_between_lines_parts_even_where_lines_are_wide_apart() -> None:
    assert _names([_line("a", 0, 0), _line("b", 0, 30), _line("c", 0, 74), _line("d", 0, 104)]) == [
        "ab",
        "cd",
    ]


def test_columns_stay_apart() -> None:
    assert _names(COLUMNS) == ["abc", "xyz"]


def test_a_heading_is_a_block_of_its_own() -> None:
    assert _names([_line("H", 0, 0, 300, 48), _line("a", 0, 52), _line("b", 0, 77)]) == ["H", "ab"]


def test_a_short_last_line_and_an_indent_belong_to_their_paragraph() -> None:
    assert _names([_line("a", 30, 0, 170), _line("b", 0, 25), _line("c", 0, 50, 40)]) == ["abc"]


def test_a_row_in_pieces_belongs_to_the_paragraph_above() -> None:
    lines = [_line("a", 0, 0), _line("b", 0, 25, 90), _line("c", 110, 25, 90), _line("d", 0, 50)]
    assert _names(lines) == ["abcd"]


def test_no_lines_are_no_blocks() -> None:
    assert grouped(()) == ()


@pytest.mark.parametrize("degrees", [-30, -5, 5, 30])
def test_a_slanting_page_has_the_same_blocks(degrees: float) -> None:
    lines = [_turned(each, degrees) for each in [*PARAGRAPHS, *(_line("x", 300, 25 * n) for n in range(3))]]
    assert sorted("".join(sorted(line.text for line in block.lines)) for block in grouped(lines)) == [
        "abc",
        "de",
        "xxx",
    ]


def test_lines_across_each_other_are_not_of_one_block() -> None:
    assert len(grouped([_line("a", 0, 0), _turned(_line("b", 0, 0), 40)])) == 2


def test_a_block_has_the_box_around_its_lines_and_their_text() -> None:
    (block,) = grouped([_line("one", 10, 0), _line("two", 0, 25, 150)])
    assert block.text == "one\ntwo"
    assert block.corners == ((0, 0), (210, 0), (210, 45), (0, 45))


def test_the_box_of_a_slanting_block_slants() -> None:
    (block,) = grouped([_turned(_line("a", 0, 0), 20), _turned(_line("b", 0, 25), 20)])
    expected = _turned(_line("", 0, 0, 200, 45), 20).corners
    for corner, point in zip(block.corners, expected, strict=True):
        assert corner == pytest.approx(point, abs=1e-6)


@given(
    st.lists(
        st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(5, 300), st.integers(5, 60)),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)
def test_every_line_is_in_one_block_whatever_their_order(
    places: list[tuple[int, int, int, int]], shuffler: random.Random
) -> None:
    lines = [_line(str(number), *place) for number, place in enumerate(places)]

    def sets(blocks: tuple[Block, ...]) -> set[frozenset[str]]:
        return {frozenset(line.text for line in block.lines) for block in blocks}

    blocks = grouped(lines)
    assert sorted(line.text for block in blocks for line in block.lines) == sorted(
        line.text for line in lines
    )
    shuffled = list(lines)
    shuffler.shuffle(shuffled)
    assert sets(grouped(shuffled)) == sets(blocks)


@pytest.mark.local_models
def test_a_printed_paragraph_is_one_block(dataset: Callable[[str], Path]) -> None:
    image = Image.from_path(dataset("ocr/tesseract-test") / "images" / "eurotext.png")
    (block,) = grouped(text._reader.get().read(decode(image)))
    assert block.text.startswith("The (quick)")
    assert len(block.lines) == 12


@pytest.mark.local_models
def test_the_columns_of_a_magazine_page_stay_apart(dataset: Callable[[str], Path]) -> None:
    file = io.BytesIO()
    with pillow.open(dataset("ocr/tesseract-test") / "images" / "8087_054.3B.png") as page:
        page.crop((0, 0, page.width, page.height // 3)).save(file, format="PNG")
    blocks = grouped(text._reader.get().read(decode(Image.from_bytes(file.getvalue()))))
    long = [block for block in blocks if len(block.lines) >= 8]
    assert len(long) == 2
    left, right = sorted(long, key=lambda block: block.corners[0][0])
    assert left.lines[0].text.endswith("they didn't take the city.")
    assert right.lines[0].text.startswith("need receives flour")
    assert left.corners[1][0] <= right.corners[0][0] + 20
