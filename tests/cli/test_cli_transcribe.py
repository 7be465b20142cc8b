"""``mlbroker transcribe``: text to read, subtitles for a program, JSON for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from broker.types import SpeechOption
from speech.speech_support import transcribing, wav

SRT = "1\n00:00:00,000 --> 00:00:00,900\nhello\n"


@pytest.fixture
def asked(cli: Any, home: Path) -> list[Any]:
    adapter, requests = transcribing("able", SpeechOption.HINTS, SpeechOption.DIARIZE)
    cli.adapters(adapter)
    (home / "one.wav").write_bytes(wav(1.0))
    (home / "two.wav").write_bytes(wav(2.0))
    return requests


def test_what_was_said_is_shown_with_its_times(cli: Any, asked: list[Any]) -> None:
    out = cli("transcribe", "one.wav", "--language", "en", "--hint", "atlas", "--hint", "two words").stdout
    assert "[0:00:00] hello" in out
    assert "able Listening" in out
    assert (asked[0].language, asked[0].hints) == ("en", ("atlas", "two words"))


def test_subtitles_are_all_that_goes_to_standard_output(cli: Any, asked: list[Any]) -> None:
    assert cli("transcribe", "one.wav", "--srt").stdout == SRT
    assert cli("transcribe", "one.wav", "--vtt").stdout.startswith("WEBVTT\n\n00:00:00.000 --> ")


def test_subtitles_go_into_a_folder_one_file_a_recording(cli: Any, asked: list[Any], home: Path) -> None:
    out = cli("transcribe", ".", "--srt", "--out", "subs").stdout
    assert {path.name: path.read_text() for path in (home / "subs").iterdir()} == {
        "one.srt": SRT,
        "two.srt": SRT,
    }
    assert "subtitles: subs/one.srt" in out


def test_json_has_the_transcript_and_the_subtitles(cli: Any, asked: list[Any]) -> None:
    found = cli.json("transcribe", "one.wav", "--srt", "--redact", "--on-unsupported", "ignore")
    (file,) = found["files"]
    assert file["text"] == "hello"
    assert file["subtitles"] == SRT
    assert file["ignored"] == ["redact"]
    assert file["segments"][0]["start_ms"] == 0
    assert file["segments"][0]["confidence"] is None
    assert "subtitles" not in cli.json("transcribe", "one.wav")["files"][0]


def test_a_dry_run_counts_seconds_and_asks_nobody(cli: Any, asked: list[Any]) -> None:
    found = cli.json("transcribe", ".", "--dry-run")
    assert found["providers"][0]["units"] == {"second": "3"} or found["providers"][0]["units"]["second"] in (
        3,
        3.0,
        "3.000",
    )
    assert not asked


def test_what_is_lacking_or_wrong_says_what_to_do(cli: Any, asked: list[Any], home: Path) -> None:
    (home / "text.wav").write_text("this is no sound")
    found = cli.json("transcribe", "one.wav", "--channels", code=1)
    assert "channels is not offered" in found["files"][0]["error"]["message"]
    assert "no known audio format" in cli("transcribe", "text.wav", code=1).stderr
    assert "one of --srt and --vtt" in cli("transcribe", "one.wav", "--srt", "--vtt", code=2).stderr
    assert "pass --srt or --vtt too" in cli("transcribe", "one.wav", "--out", "x", code=2).stderr
    (home / "empty").mkdir()
    assert "holds no recording" in cli("transcribe", "empty", code=1).stderr
