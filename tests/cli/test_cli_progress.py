"""How far a long recording is: in words, and as a bar on a terminal."""

from __future__ import annotations

from typing import Any

import pytest

from broker.cli import output, waiting
from broker.types import TranscriptionProgress
from broker.types.job import JobState


def test_progress_is_words_of_the_provider_and_of_the_state() -> None:
    def seen(**more: Any) -> TranscriptionProgress:
        return TranscriptionProgress(provider="tape:a", name="talk.wav", milliseconds=3_723_000, **more)

    assert waiting.shown(seen(done_ms=750_000)) == "talk.wav: 0:12:30 of 1:02:03"
    running = seen(job_id="b1-0", state=JobState.RUNNING, provider_state="winding", percent=43)
    assert waiting.shown(running) == "talk.wav: running (tape:a: winding) 43 %"
    assert running.ratio == 0.43
    assert seen(done_ms=9_999_000).ratio == 1.0
    assert seen().ratio is None
    long = TranscriptionProgress(provider="tape", name="x" * 80 + ".wav", milliseconds=0, done_ms=5)
    assert len(waiting.shown(long)) < 60
    assert long.ratio is None


class _Terminal:
    """Standard error of somebody who looks."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text += text
        return len(text)

    def flush(self) -> None:
        """Nothing is kept."""

    def isatty(self) -> bool:
        return True


def test_a_bar_tells_how_far_one_file_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    screen = _Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    bar = output.Progress(1, inside=True)
    bar.tell("too early", 0.1)
    assert screen.text == "", "nothing is worked on"
    bar.begin("talk.wav")
    assert screen.text == "", "one quick file has no bar"
    bar.tell("talk.wav: half \x1b[31m", 0.5)
    bar.end()
    assert "talk.wav: half" in screen.text
    assert "\x1b[31mm" not in screen.text
    shown = len(screen.text)
    bar.tell("too late", 0.9)
    assert len(screen.text) == shown
    assert "1/1" not in screen.text


def test_what_this_machine_works_on_is_not_said_to_go_on_without_it() -> None:
    def left(**more: Any) -> str:
        return waiting.advice(
            TranscriptionProgress(
                provider="here",
                name="talk.wav",
                milliseconds=9,
                job_id="b1-0",
                state=JobState.RUNNING,
                **more,
            )
        )

    assert left(percent=3) == "it goes on at here; for its transcript type: mlbroker jobs resume b1-0"
    here = left(done_ms=3)
    assert "goes on at" not in here
    assert here.startswith("nothing goes on")
    assert here.endswith("mlbroker jobs resume b1-0")
