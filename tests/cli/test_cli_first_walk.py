"""What somebody meets who only has the documents and a shell: odd inputs, narrow terminals, full disks."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import png
from seeing_support import Seer

from broker.cli import tables
from broker.cli.draw import _overlap, _write, drawn
from broker.errors import BadInput
from broker.types import (
    Confidence,
    DocumentSentiment,
    Polarity,
    Probabilities,
    Region,
    SentenceSentiment,
    Sentiment,
)


@pytest.fixture
def seen(cli: Any) -> Any:
    cli.adapters(Seer)
    return cli


def test_a_link_in_a_circle_costs_no_other_picture_of_the_folder(seen: Any, home: Path) -> None:
    folder = home / "photos"
    folder.mkdir()
    (folder / "cat.png").write_bytes(png())
    (folder / "loop.png").symlink_to("loop.png")
    found = seen.json("objects", "photos")
    assert [(each["file"], each["ok"]) for each in found["files"]] == [("photos/cat.png", True)]
    assert found["skipped"] == [{"path": "photos/loop.png", "reason": "a link that leads nowhere"}]


def test_a_closed_standard_input_is_said_to_be_closed(seen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from broker.cli.files import find_texts

    monkeypatch.setattr(sys, "stdin", None)
    (problem,) = find_texts(["-"]).failed.values()
    assert "standard input is closed" in str(problem)


def test_standard_input_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from broker.cli.files import find_texts

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a text")))
    found = find_texts(["-", "-"])
    assert found.texts == {"standard input": "a text"}
    assert [str(each) for each in found.failed.values()] == [
        "standard input can be read only once; name - once"
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("command", ["sentiment", "moderate"])
def test_a_pipe_is_refused_and_never_waited_for(seen: Any, home: Path, command: str) -> None:
    os.mkfifo(home / "pipe")
    assert "send what it gives to '-'" in seen(command, "pipe", code=1).stderr


def test_what_redact_masks_stands_nowhere_else_on_the_screen(seen: Any) -> None:
    result = seen("redact", "Eve Smith lives here.")
    assert "text 1\n" in result.stdout
    assert "Eve" not in result.output


def test_an_empty_text_has_a_name(seen: Any) -> None:
    assert "error: (empty text): the text is empty" in seen("sentiment", "", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("ocr", "cat.png", "--mode", "page"), "it is scene or document, not 'page'"),
        (("redact", "a text", "--mask", "stars"), "it is character or kind, not 'stars'"),
        (("objects", "cat.png", "--max-objects", "0"), "it is 1 or more, not 0"),
        (("phrases", "a text", "--max-phrases", "-1"), "it is 1 or more, not -1"),
    ],
)
def test_a_word_that_is_no_choice_is_wrong_usage(
    seen: Any, cat: str, arguments: tuple[str, ...], hint: str
) -> None:
    assert hint in seen(*arguments, code=2).stderr


def test_a_dry_run_counts_texts_as_texts(seen: Any) -> None:
    assert "1 text, 1 call" in seen("sentiment", "a text", "--dry-run").stdout


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_no_bug_of_ours(home: Path) -> None:
    import subprocess

    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "broker.cli", "budget"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: the output cannot be written: No space left on device; make room and try again"
    ]


def test_a_narrow_table_loses_nothing() -> None:
    from rich.console import Console

    mood = Sentiment(
        label=Polarity.NEGATIVE,
        confidence=Confidence.ratio(0.44),
        name="negative",
        probabilities=Probabilities(positive=0.245, negative=0.44, neutral=0.315),
        derived=True,
        rule="a-rule",
    )
    one = SentenceSentiment(text="Write to somebody else.", begin=0, end=23, offset_ok=True, sentiment=mood)
    for width in range(48, 100):
        screen = Console(width=width, file=io.StringIO(), color_system=None)
        tables.sentiment(screen, DocumentSentiment(document=mood, sentences=(one,)))
        shown = screen.file.getvalue()  # type: ignore[attr-defined] # the StringIO above
        assert "".join(shown.split()).count("31.5%") == 2, width
        assert not any(len(line) > width for line in shown.splitlines()), width
        header = ["text", "sentiment", "confidence", "positive", "negative", "neutral"]
        assert width < 62 or shown.splitlines()[0].split() == header, width


def test_words_of_drawings_do_not_cover_each_other(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="needs the extra images")
    from PIL import ImageDraw, ImageFont

    canvas = ImageDraw.Draw(pillow.new("RGB", (400, 400)))
    taken: list[tuple[float, float, float, float]] = []
    for _ in range(5):
        region = Region.from_ratio_box(0.3, 0.3, 0.2, 0.2)
        taken.append(
            _write(canvas, "person 90 %", region, (400, 400), ImageFont.load_default(12), "#0072b2", taken)
        )
    assert not any(_overlap(one, two) for number, one in enumerate(taken) for two in taken[number + 1 :])
    assert all(box[0] >= 0 and box[1] >= 0 and box[2] <= 400 and box[3] <= 400 for box in taken)


def test_what_was_read_stands_beside_the_picture_and_not_on_it(photo: bytes, tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image", reason="needs the extra images")
    from broker import Broker

    path = tmp_path / "photo.png"
    path.write_bytes(photo)
    with Broker(adapters=[Seer], provider="seer") as broker:
        made = drawn(str(path), broker.vision.detect_text(photo).value)
    right = made.crop((made.width // 2, 0, made.width, made.height))
    assert len(right.getcolors(100_000) or ()) > 1


def test_an_unknown_option_names_only_what_can_be_given() -> None:
    from broker import Broker

    with Broker(adapters=[Seer], provider="seer") as broker, pytest.raises(BadInput) as caught:
        broker.text.sentiment("a text", colour="red")  # type: ignore[call-arg]
    assert "has no option 'colour'" in str(caught.value)
    assert "SUBJECT" not in str(caught.value)


def test_a_dry_run_that_can_call_nobody_names_no_cost(cli: Any, cat: str) -> None:
    cli.adapters(Seer)
    out = cli("label", cat, "--provider", "nobody", "--dry-run", code=3).stdout
    assert out.splitlines()[-1] == "dry run, nothing was sent: 1 file, 0 calls; no call can be made"


def test_a_drawing_named_as_its_picture_leaves_the_picture_alone(seen: Any, cat: str, home: Path) -> None:
    pytest.importorskip("PIL.Image", reason="needs the extra images")
    before = (home / cat).read_bytes()
    assert "take the place" in seen("objects", cat, "--draw", cat, code=1).stderr
    assert (home / cat).read_bytes() == before


@pytest.mark.parametrize("target", ["", "out.jpg"])
def test_a_drawing_is_a_png_or_goes_into_a_folder(seen: Any, cat: str, home: Path, target: str) -> None:
    pytest.importorskip("PIL.Image", reason="needs the extra images")
    assert "ends in .png, or a folder" in seen("objects", cat, "--draw", target, code=1).stderr
    assert not (home / "out.jpg").exists()


def test_the_bar_counts_a_file_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from broker.cli.output import Progress

    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", screen)
    bar = Progress(3)
    for name in ("one", "two"):
        bar.begin(name)
        bar.end()
        bar.end()
    assert bar._bar.tasks[0].completed == 2
