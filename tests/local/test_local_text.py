"""vision.detect_text: print is read in order, and placed where it stands in the stored picture."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from PIL import Image as pillow

from broker.contract import Context
from broker.errors import BadInput, Unsupported
from broker.types import DetectTextRequest, Image
from broker_local import LocalAdapter
from broker_local.languages import LANGUAGES, reads
from broker_local.text import Found, in_reading_order

pytestmark = pytest.mark.local_models


def test_drawn_lines_are_read_in_order(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    reply = adapter.detect_text(DetectTextRequest(image=drawn("Total 12.50 EUR", "Thank you")), context)
    assert reply.payload.text.lower().split() == ["total", "12.50", "eur", "thank", "you"]
    assert all(0.5 <= (line.confidence.value or 0) <= 1 for line in reply.payload.lines)
    assert reply.model_version == "PP-OCRv6-small"


def test_a_line_is_placed_where_it_stands(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    first, second = adapter.detect_text(
        DetectTextRequest(image=drawn("First line", "Second line")), context
    ).payload.lines
    assert first.region.box.left * 700 == pytest.approx(40, abs=15)
    assert first.region.box.top * 240 == pytest.approx(45, abs=20)
    assert second.region.box.top * 240 == pytest.approx(125, abs=20)
    assert len(first.region.polygon) == 4


def test_a_picture_turned_by_exif_is_read_upright_and_placed_as_stored(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise for looking at it
    turned = drawn("Hello world", turn=pillow.Transpose.ROTATE_90, format="JPEG", exif=exif)
    assert (turned.width, turned.height) == (240, 700)
    (line,) = adapter.detect_text(DetectTextRequest(image=turned), context).payload.lines
    assert line.text.lower().split() == ["hello", "world"]
    assert (
        line.region.box.height * 700 > 2 * line.region.box.width * 240
    )  # along the stored picture's long side
    assert line.region.box.top + line.region.box.height == pytest.approx(1 - 40 / 700, abs=0.03)


def test_a_picture_without_text_has_no_lines(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image], capfd: pytest.CaptureFixture[str]
) -> None:
    assert adapter.detect_text(DetectTextRequest(image=drawn()), context).payload.lines == ()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("language", ["en", "de-AT", "zh_Hant", "ja", "EN-us", None])
def test_a_language_it_reads_is_taken(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image], language: str | None
) -> None:
    assert adapter.detect_text(
        DetectTextRequest(image=drawn("Hello"), language=language), context
    ).payload.lines


@pytest.mark.parametrize("language", ["ar", "ru", "ko", "sr", "sr-Cyrl", "hi", "english", ""])
def test_a_language_it_does_not_read_is_refused_before_anything_is_run(
    adapter: LocalAdapter, context: Context, language: str
) -> None:
    image = Image(data=b"not looked at", format="png", width=99, height=99)
    with pytest.raises(Unsupported, match="leave language out"):
        adapter.detect_text(DetectTextRequest(image=image, language=language), context)


def test_the_manifest_names_the_languages_it_takes() -> None:
    spec = LocalAdapter.manifest.spec("vision.detect_text")
    assert spec.languages == LANGUAGES
    assert all(reads(each) for each in LANGUAGES)


def test_threads_get_what_one_gets(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    requests = [DetectTextRequest(image=drawn(f"Line number {number}")) for number in range(3)]
    alone = [adapter.detect_text(each, context).payload for each in requests]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda each: adapter.detect_text(each, context).payload, requests * 3))
    assert together == alone * 3


def test_raw_gives_the_recognisers_own_numbers(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    raw: Any = adapter.detect_text(DetectTextRequest(image=drawn("Hello you"), raw=True), context).raw
    assert set(raw[0]) == {"text", "score", "corners", "words"}
    assert [each["text"] for each in raw[0]["words"]] == ["Hello", "you"]


def test_broken_picture_data_is_bad_input(
    adapter: LocalAdapter, context: Context, drawn: Callable[..., Image]
) -> None:
    broken = Image(data=drawn("a", format="JPEG").data[:-200], format="jpeg", width=700, height=240)
    with pytest.raises(BadInput):
        adapter.detect_text(DetectTextRequest(image=broken), context)


def _found(text: str, left: float, top: float, height: float = 20) -> Found:
    right = left + 50
    return Found(text, 1.0, ((left, top), (right, top), (right, top + height), (left, top + height)))


@pytest.mark.parametrize(
    ("lines", "order"),
    [
        ([_found("b", 100, 3), _found("a", 0, 0), _found("c", 0, 30)], "abc"),
        ([_found("c", 0, 60), _found("b", 0, 30), _found("a", 300, 0)], "abc"),
        ([_found("a", 0, 0, 200), _found("b", 90, 95, 20), _found("c", 0, 230, 200)], "abc"),
        ([], ""),
    ],
)
def test_reading_order_is_down_then_across(lines: list[Found], order: str) -> None:
    assert "".join(each.text for each in in_reading_order(lines)) == order
