"""Every operation has a command: a table for people, one JSON object for machines, a drawing of what was seen."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from cli_support import NASTY, harmless, png
from seeing_support import Seer

from broker.cli.draw import drawn, marks
from broker.types import DetectedObject, Frame, ObjectSet, Region
from broker.types.confidence import Confidence

PICTURES = [
    ("objects", "Cat", {"objects": "Cat"}),
    ("ocr", "No entry", {"lines": "No entry"}),
    ("faces", "99.0%", {"faces": None}),
    ("moderate", "violence", {"labels": "Weapons"}),
    ("caption", "a cat on a mat", {"captions": "a cat on a mat"}),
]
TEXTS = [
    ("sentiment", "mixed"),
    ("entities", "Anna"),
    ("phrases", "a mat"),
    ("language", "English"),
    ("pii", "person"),
    ("redact", "****"),
    ("moderate", "severity 2"),
]


@pytest.fixture(autouse=True)
def seer(cli: Any) -> None:
    cli.adapters(Seer)


@pytest.mark.parametrize(("command", "shown", "members"), PICTURES)
def test_a_picture_is_asked_about(
    cli: Any, cat: str, command: str, shown: str, members: dict[str, str | None]
) -> None:
    out = cli(command, cat).stdout
    assert out.startswith("cat.png\nseer Seer, here; ")
    assert shown in out
    assert out.splitlines()[-1].startswith("1 file; cost $0.001; time ")
    assert max(map(len, out.splitlines())) <= 80
    (file,) = cli.json(command, cat)["files"]
    assert (file["ok"], file["provider"], file["cost"]["amount"]) == (True, "seer", "0.001")
    for name, word in members.items():
        (found,) = file[name]
        assert word is None or word in found.values()


@pytest.mark.parametrize(("command", "shown"), TEXTS)
def test_a_text_is_asked_about_as_typed_from_a_file_and_from_standard_input(
    cli: Any, home: Path, command: str, shown: str
) -> None:
    text = "Anna sat on a mat with the cat."
    (home / "note.txt").write_text("\ufeff" + text, "utf-8")
    out = cli(command, text, "note.txt").stdout
    assert out.count(shown) >= 2
    assert out.splitlines()[-1].startswith("2 texts; cost $0.062; time ")
    found = cli.json(command, text, "note.txt")
    assert [file["ok"] for file in found["files"]] == [True, True]
    typed = "text 1" if command == "redact" else text  # which does not repeat what it masks
    assert [file["input"] for file in found["files"]] == [typed, "note.txt"]
    assert found["summary"]["cost"] == [{"currency": "USD", "amount": "0.062", "may_be_owed": "0"}]


def test_text_from_standard_input(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    class Piped:
        buffer = io.BytesIO("Anna läuft.".encode())

    monkeypatch.setattr("broker.cli.files.sys", type("S", (), {"stdin": Piped(), "argv": sys.argv}))
    assert "Anna" in cli("entities", "-").stdout


@pytest.mark.parametrize("argument", ["nowhere.txt", "notes/today", "cat.jpeg"])
def test_a_mistyped_path_is_not_sent_as_a_text(cli: Any, argument: str) -> None:
    found = cli.json("sentiment", argument, code=1)
    assert "no such file" in found["files"][0]["error"]["message"]
    assert found["summary"]["cost"] == []


def test_a_file_that_is_no_text_is_told(cli: Any, home: Path) -> None:
    (home / "latin.txt").write_bytes("käse".encode("latin-1"))
    assert "iconv" in cli.json("sentiment", "latin.txt", code=1)["files"][0]["error"]["message"]


def test_pictures_and_texts_are_told_apart_by_what_they_are(cli: Any, cat: str, home: Path) -> None:
    (home / "picture").write_bytes(png())
    (home / "words").write_text("some words")
    found = cli.json("moderate", cat, "picture", "words", "typed words")
    assert [file["labels"][0]["name"] for file in found["files"]] == ["Weapons", "Weapons", "Hate", "Hate"]


def test_the_whole_folder_and_jobs_at_once(cli: Any, home: Path) -> None:
    (home / "photos").mkdir()
    for number in range(5):
        (home / "photos" / f"{number}.png").write_bytes(png(number))
    (home / "photos" / "6.png").write_bytes(b"\x89PNG broken")
    found = cli.json("objects", "photos", "--jobs", "3", code=1)
    assert [Path(file["file"]).name for file in found["files"]] == [f"{n}.png" for n in (0, 1, 2, 3, 4, 6)]
    assert [file["ok"] for file in found["files"]] == [True] * 5 + [False]
    assert found["summary"]["failed"] == 1


def test_jobs_use_the_vendors_batches(cli: Any) -> None:
    found = cli.json("sentiment", "one text", "another text", "third text", "--jobs", "2")
    assert [file["shared"] for file in found["files"]] == [2, 2, 1]
    assert found["summary"]["cost"] == [{"currency": "USD", "amount": "0.03", "may_be_owed": "0"}]
    assert "one request for 2 inputs" in cli("sentiment", "one text", "another text", "-j", "2").stdout


@pytest.mark.parametrize("options", [("--jobs", "0"), ("--min-confidence", "50"), ("--deadline", "0")])
def test_a_slip_is_wrong_usage(cli: Any, cat: str, options: tuple[str, ...]) -> None:
    assert "error:" in cli("objects", cat, *options, code=2).stderr


def test_options_of_one_command_reach_the_call(cli: Any, cat: str) -> None:
    assert cli.json("ocr", cat, "--mode", "document", "--min-confidence", "0.75")["files"][0]["text"] == "No"
    assert cli.json("redact", "Anna ran.", "--mask", "kind")["files"][0]["text"] == "[PERSON] ran."


def test_a_dry_run_sends_nothing_and_knows_the_price(cli: Any, cat: str) -> None:
    found = cli.json("faces", cat, "--dry-run")
    assert (found["command"], found["dry_run"]) == ("faces", True)
    assert found["providers"][0]["amount"] == "0.001"
    found = cli.json("sentiment", "ten chars.", "ten chars.", "--dry-run")
    assert found["providers"][0]["amount"] == "0.02"


def test_nothing_found_is_said_and_is_no_error(cli: Any, monkeypatch: pytest.MonkeyPatch, cat: str) -> None:
    from broker.contract import Reply

    monkeypatch.setattr(Seer, "detect_objects", lambda *_: Reply(payload=ObjectSet(objects=())))
    assert "no objects: the provider answered and names nothing" in cli("objects", cat).stdout


def test_what_a_vendor_says_cannot_steer_the_terminal(
    cli: Any, monkeypatch: pytest.MonkeyPatch, cat: str
) -> None:
    from broker.contract import Reply

    region = Region.from_ratio_box(0, 0, 1, 1)
    found = DetectedObject(name=NASTY, confidence=Confidence.ratio(0.5), region=region)
    monkeypatch.setattr(Seer, "detect_objects", lambda *_: Reply(payload=ObjectSet(objects=(found,))))
    assert harmless(cli("objects", cat).stdout)


@pytest.mark.parametrize("command", ["objects", "ocr", "faces"])
def test_what_was_seen_is_drawn_on_a_copy(cli: Any, cat: str, home: Path, command: str) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="needs the extra images")
    before = (home / cat).read_bytes()
    out = cli(command, cat, "--draw", "out").stdout
    assert "drawn to out/cat.png" in out
    assert (home / cat).read_bytes() == before
    with pillow.open(home / "out" / "cat.png") as picture, pillow.open(home / cat) as plain:
        beside = command == "ocr"  # what was read stands beside the picture
        assert picture.size == (plain.width * (2 if beside else 1), plain.height)
        assert picture.crop((0, 0, *plain.size)).tobytes() != plain.convert("RGB").tobytes()


def test_one_file_for_several_drawings_is_refused(cli: Any, cat: str, home: Path) -> None:
    pytest.importorskip("PIL.Image", reason="needs the extra images")
    (home / "dog.png").write_bytes(png(9))
    result = cli("objects", cat, "dog.png", "--draw", "both.png", code=1)
    assert "name a folder" in result.stderr
    assert (home / "both.png").is_file()


def test_a_drawing_never_takes_the_place_of_its_picture(cli: Any, cat: str) -> None:
    pytest.importorskip("PIL.Image", reason="needs the extra images")
    assert "take the place" in cli("objects", cat, "--draw", ".", code=1).stderr


def test_an_upright_frame_is_drawn_on_the_upright_picture(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image", reason="needs the extra images")
    exif = pillow.Exif()
    exif[0x0112] = 6
    path = tmp_path / "turned.jpg"
    pillow.new("RGB", (200, 100), "white").save(path, exif=exif.tobytes())
    region = Region.from_ratio_box(0.0, 0.0, 0.5, 0.5)
    found = (DetectedObject(name="", confidence=Confidence.ratio(0.9), region=region),)
    upright = drawn(str(path), ObjectSet(objects=found, frame=Frame(width=100, height=200, upright=True)))
    stored = drawn(str(path), ObjectSet(objects=found, frame=Frame(width=200, height=100, upright=False)))
    assert (upright.size, stored.size) == ((100, 200), (200, 100))


def test_every_kind_of_place_is_drawn(photo: bytes) -> None:
    from broker import Broker

    with Broker(adapters=[Seer], provider="seer") as broker:
        values = [
            getattr(broker.vision, name)(photo).value
            for name in ("detect_objects", "detect_text", "detect_faces", "caption")
        ]
    assert [len(list(marks(value))) for value in values] == [1, 1, 1, 0]
