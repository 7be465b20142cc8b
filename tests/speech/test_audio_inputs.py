"""What an Audio takes, what it says of it, and what it refuses before money is spent."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import pytest

from broker.errors import BadInput
from broker.types import Audio
from speech.speech_support import wav, webm


def test_a_wav_says_what_it_is() -> None:
    audio = Audio.load(wav(1.5, rate=44_100, channels=2))
    assert (audio.format, audio.codec, audio.mime_type) == ("wav", "pcm", "audio/wav")
    assert (audio.milliseconds, audio.sample_rate, audio.channels) == (1500, 44_100, 2)


def test_a_file_is_not_read_into_memory(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav())
    audio = Audio.load(path)
    assert audio.data is None
    assert audio.name == "talk.wav"
    assert audio.read() == path.read_bytes()
    assert audio.sha256() == Audio.load(path.read_bytes()).sha256()


def test_a_relative_path_holds_when_the_program_goes_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "talk.wav").write_bytes(wav())
    monkeypatch.chdir(tmp_path)
    audio = Audio.load("talk.wav")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert len(audio.read()) == audio.size


def test_a_file_that_was_changed_since_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(1.0))
    audio = Audio.load(path)
    path.write_bytes(wav(2.0))
    with pytest.raises(BadInput, match="was changed"):
        audio.read()


def test_a_file_object_is_read_from_where_it_stands() -> None:
    file = io.BytesIO(b"junk" + wav())
    file.seek(4)
    assert Audio.load(file).milliseconds == 1000


@pytest.mark.parametrize("claimed", [0, 0xFFFFFFFF])
def test_a_wav_written_to_a_pipe_is_as_long_as_it_is(claimed: int) -> None:
    data = bytearray(wav(0.5))
    data[40:44] = struct.pack("<I", claimed)
    assert Audio.load(bytes(data)).milliseconds == 500


def test_a_webm_says_what_it_is() -> None:
    audio = Audio.load(webm())
    assert (audio.format, audio.codec, audio.mime_type) == ("webm", "opus", "audio/webm")
    assert (audio.milliseconds, audio.sample_rate, audio.channels) == (2500, 48_000, 2)


@pytest.mark.parametrize(("kind", "subtype", "codec"), [
    ("FLAC", "PCM_16", "flac"),
    ("MP3", "MPEG_LAYER_III", "mp3"),
    ("OGG", "VORBIS", "vorbis"),
    ("OGG", "OPUS", "opus"),
])  # fmt: skip
def test_what_others_write_is_read(kind: str, subtype: str, codec: str) -> None:
    soundfile = pytest.importorskip("soundfile", reason="soundfile is not installed (extra: local-speech)")
    numpy = pytest.importorskip("numpy")
    out = io.BytesIO()
    sound = numpy.sin(numpy.arange(48_000) / 20).astype("float32") / 2
    soundfile.write(out, sound, 24_000, format=kind, subtype=subtype)
    audio = Audio.load(out.getvalue())
    assert (audio.format, audio.codec, audio.channels) == (kind.lower(), codec, 1)
    assert 2000 <= audio.milliseconds <= 2150  # MP3 and Vorbis pad


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(b"hello world, this is text", "no known audio format", id="a text"),
        pytest.param(b"FORM\0\0\0\0AIFF", "AIFF", id="aiff"),
        pytest.param(wav()[:-100], "truncated: the wav lacks 100 of 32,000 bytes", id="a cut wav"),
        pytest.param(wav()[:30], "no data chunk", id="a wav of a header"),
        pytest.param(wav(0.01), "10 ms", id="too short"),
        pytest.param(webm(lost=50), "truncated", id="a cut webm"),
        pytest.param(webm(None), "gives no length", id="a browser's webm"),
        pytest.param(b"\0\0\0\x10ftypM4A \0\0\0\0\0\0\x10\0mdat", "truncated", id="a cut m4a"),
        pytest.param(b"fLaC" + bytes(60), "usable recording", id="a flac of zeros"),
        pytest.param(b"OggS" + bytes(60), "usable recording", id="an ogg of zeros"),
        pytest.param(b"ID3\x04" + bytes(60), "usable recording", id="an mp3 of zeros"),
        pytest.param(b"\x1aE\xdf\xa3" + bytes(60), "usable recording", id="a webm of zeros"),
    ],
)
def test_what_nobody_could_use_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        Audio.load(data)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    for path, reason in (
        (tmp_path / "none.wav", "there is no file"),
        (tmp_path, "a folder"),
        (tmp_path / "pipe.wav", "a pipe"),
        ("https://example.org/a.wav", "not fetched"),
        ("a\0b.wav", "cannot be read"),
    ):
        with pytest.raises(BadInput, match=reason):
            Audio.load(path)
    with pytest.raises(BadInput, match="must be a path"):
        Audio.load(17)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="binary mode"):
        Audio.load(io.StringIO("text"))  # type: ignore[arg-type]


@pytest.mark.parametrize("whole", [wav(0.3), webm()], ids=["wav", "webm"])
def test_a_header_cut_anywhere_is_refused_or_read_but_never_an_unknown_error(whole: bytes) -> None:
    for length in range(1, min(len(whole), 400)):
        try:
            Audio.load(whole[:length])
        except BadInput:
            continue
        pytest.fail(f"the first {length} bytes of it were taken for all of it")
