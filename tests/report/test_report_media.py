"""Pictures and recordings in the page: made smaller, capped, and never more than what they are."""

from __future__ import annotations

import base64
import io
import os
import sys
from pathlib import Path

import pytest

from broker.report.media import LARGEST_PICTURE, Picture, Room, picture, sound

pillow = pytest.importorskip("PIL.Image", reason="Pillow is not installed (extra: images)")


def _file(folder: Path, name: str, size: tuple[int, int], **more: object) -> str:
    path = folder / name
    pillow.effect_noise(size, 80).convert("RGB").save(path, **more)
    return str(path)


def _body(found: Picture) -> bytes:
    return base64.b64decode(found.data.partition(",")[2])


def test_large_pictures_are_made_smaller(tmp_path: Path) -> None:
    found = picture(_file(tmp_path, "a.png", (2000, 1000)), Room())
    assert isinstance(found, Picture)
    assert (found.width, found.height, found.turned) == (640, 320, False)
    assert found.data.startswith("data:image/jpeg;base64,")
    assert pillow.open(io.BytesIO(_body(found))).size == (640, 320)


def test_turned_pictures_stand_upright_and_say_so(tmp_path: Path) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6
    found = picture(_file(tmp_path, "a.jpg", (300, 200), exif=exif), Room())
    assert isinstance(found, Picture)
    assert (found.width, found.height, found.turned) == (200, 300, True)


def test_transparency_becomes_white(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pillow.new("RGBA", (20, 20), (255, 0, 0, 0)).save(path)
    found = picture(str(path), Room())
    assert isinstance(found, Picture)
    assert min(pillow.open(io.BytesIO(_body(found))).getpixel((5, 5))) > 250


def test_without_pillow_small_ones_are_kept_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = _file(tmp_path, "a.png", (40, 30))
    large = _file(tmp_path, "b.png", (600, 400))
    assert os.path.getsize(large) > LARGEST_PICTURE
    monkeypatch.setitem(sys.modules, "PIL", None)
    found = picture(small, Room())
    assert isinstance(found, Picture)
    assert found.data.startswith("data:image/png;base64,")
    assert "mlbroker[images]" in str(picture(large, Room()))


def test_what_is_no_picture_is_not_put_in(tmp_path: Path) -> None:
    secret = tmp_path / "passwords.png"
    secret.write_text("root:hunter2")
    cut = tmp_path / "cut.png"
    cut.write_bytes(Path(_file(tmp_path, "a.png", (300, 300))).read_bytes()[:200])
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for path in (str(secret), str(cut), str(pipe), str(tmp_path), str(tmp_path / "absent.png"), "", "\0"):
        found = picture(path, Room())
        assert isinstance(found, str), path
        assert "picture" in found
        assert "hunter2" not in found


def test_a_bomb_is_not_opened(tmp_path: Path) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    path = tmp_path / "bomb.png"
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")
    )
    assert "too many pixels" in str(picture(str(path), Room()))


def test_sound_is_capped(tmp_path: Path) -> None:
    short, long = tmp_path / "a.wav", tmp_path / "b.wav"
    short.write_bytes(b"RIFF" + bytes(100))
    long.write_bytes(bytes(2_000_000))
    address, why = sound(str(short), Room())
    assert (address or "").startswith("data:audio/wav;base64,")
    assert why == ""
    assert sound(str(long), Room())[0] is None
    assert "1.5 MB" in sound(str(long), Room())[1]
    assert "do not play" in sound(str(tmp_path / "a.amr"), Room())[1]
    room = Room(150)
    assert sound(str(short), room)[0]
    assert "too large" in sound(str(short), room)[1]
