"""``mlbroker listen``: lines for people, lines of JSON for machines, and an orderly end by Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from stream_support import RATE, SECOND, event, sound_of, streaming_provider

from broker.cli import main, sounds
from broker.client import Broker
from broker.contract import Context, Sound
from broker.errors import BadInput, Outcome, Unavailable
from broker.types.stream import StreamEvent, StreamRequest

SCRIPT = """
import sys
sys.path[:0] = {path!r}
from stream_support import *
from broker.cli import main
from broker.client import Broker
def act(request, sound, context):
    yield from each_second(request, sound, context)
    yield event("goodbye")
fake = streaming_provider(act)
main.make_broker = lambda **options: Broker(adapters=[fake], provider="fake", ledger={{"path": {ledger!r}}}, **options)
sys.argv[1:] = {arguments!r}
main.main()
"""


def wav(seconds: float, *, rate: int = RATE, channels: int = 1, width: int = 2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(b"\0" * (int(seconds * rate) * channels * width))
    return out.getvalue()


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str, adapter: Any = None) -> tuple[int, str, str]:
        kind = adapter or streaming_provider()
        monkeypatch.setattr(
            main, "make_broker", lambda **options: Broker(adapters=[kind], provider="fake", **options)
        )
        with pytest.raises(SystemExit) as ended:
            main.app(list(arguments), prog_name="mlbroker")
        out, err = capfd.readouterr()
        return int(ended.value.code or 0), out, err

    return run


@pytest.mark.parametrize("name", ["talk.wav", "talk.pcm"])
def test_a_file_is_written_down_line_by_line(cli: Any, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(wav(12.5) if name.endswith("wav") else b"".join(sound_of(12.5)))
    more = () if path.suffix == ".wav" else ("--rate", str(RATE))
    code, out, err = cli("listen", *more, str(path))
    assert (code, out) == (0, "second 10\nthe end after 400000 bytes\n")
    assert err == "12.5 s by fake, $0.013\n"


def test_json_is_an_object_a_line(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(2.5, rate=8000))
    code, out, _ = cli("listen", "--json", str(path))
    lines = [json.loads(line) for line in out.splitlines()]
    assert [each["event"] for each in lines] == ["partial", "final", "end"]
    assert lines[0]["text"] == "second 1"
    assert (code, lines[-1]["exit_code"]) == (0, 0)
    assert (lines[-1]["seconds"], lines[-1]["cost"], lines[-1]["provider"]) == (2.5, "0.003", "fake")


def test_a_failure_comes_behind_the_results(cli: Any, tmp_path: Path) -> None:
    def act(_: StreamRequest, sound: Sound, __: Context) -> Iterator[StreamEvent]:
        next(sound)
        yield event("half of it")
        raise Unavailable("the line broke", outcome=Outcome.AMBIGUOUS)

    path = tmp_path / "talk.wav"
    path.write_bytes(wav(5))
    code, out, err = cli("listen", str(path), adapter=streaming_provider(act))
    assert (code, out) == (1, "half of it\n")
    assert "the line broke" in err
    assert "unknown (up to $0.00" in err
    code, out, _ = cli("listen", "--json", str(path), adapter=streaming_provider(act))
    *_, end = [json.loads(line) for line in out.splitlines()]
    assert (end["error"]["type"], end["error"]["billed"], end["exit_code"]) == ("Unavailable", None, 1)


def test_max_cost_is_exit_code_4(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(200))
    code, out, err = cli("listen", "--max-cost", "0.1", str(path))
    assert code == 4
    assert out.endswith("second 60\n")
    assert "60.0 s by fake, $0.06" in err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (wav(1, channels=2), "one channel of 16-bit"),
        (wav(1, width=3), "one channel of 16-bit"),
        (b"fLaC" + b"\0" * 100, "FLAC"),
        (b"ID3\x04" + b"\0" * 100, "MP3"),
        (wav(1)[:36], "without sound"),
        (b"\xff\xfb\x90\x64" + b"\0" * 100, "--rate 16000"),  # an MP3 without a tag could be samples
        (b"Dear all, please find the notes", "no WAV file"),
        (b"RIFF\x00\x00\x00\x00WAVEdata\x00\x00\x00\x00", "does not say how"),
    ],
)
def test_what_is_no_such_sound_is_refused(cli: Any, tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    code, out, err = cli("listen", str(path))
    assert (code, out) == (1, "")
    assert words in err
    code, _, err = cli("listen", str(tmp_path / "nothing.wav"))
    assert code == 1
    assert "cannot be read" in err


def test_a_rate_that_contradicts_the_file_is_wrong_usage(cli: Any, tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(1, rate=8000))
    code, _, err = cli("listen", "--rate", "16000", str(path))
    assert code == 2
    assert "8,000 Hz" in err


def test_a_wav_of_unknown_length_is_read_to_its_end(tmp_path: Path) -> None:
    """As ffmpeg writes it into a pipe."""
    whole = wav(1)
    for told in (0, 0xFFFFFFFF):
        path = tmp_path / f"{told}.wav"
        path.write_bytes(whole[:40] + struct.pack("<I", told) + whole[44:])
        source = sounds.open_source(str(path))
        assert source.sample_rate == RATE
        assert b"".join(source.chunks) == whole[44:]
    # What stands behind the sound is none.
    path = tmp_path / "list.wav"
    path.write_bytes(whole + b"LIST\x04\x00\x00\x00abcd")
    assert b"".join(sounds.open_source(str(path)).chunks) == whole[44:]
    with pytest.raises(BadInput):
        sounds.open_source(str(tmp_path))


def _script(tmp_path: Path, *arguments: str) -> list[str]:
    text = SCRIPT.format(path=sys.path, ledger=str(tmp_path / "spend.db"), arguments=list(arguments))
    return [sys.executable, "-c", text]


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_ends_the_sound_and_a_second_one_everything(tmp_path: Path, times: int) -> None:
    running = subprocess.Popen(
        _script(tmp_path, "listen", "-", "--rate", "16000"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=False,
    )
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(b"\0" * (11 * SECOND))
    running.stdin.flush()
    assert running.stdout.readline() == b"second 10\n"
    for _ in range(times):
        running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    if times == 1:
        assert out.endswith(b"goodbye\n"), "the last results are shown"
        assert re.fullmatch(rb"\d+\.\d s by fake, \$0\.01\d*\n", err)
    with Broker(
        adapters=[streaming_provider()], provider="fake", ledger={"path": str(tmp_path / "spend.db")}
    ) as broker:
        (row,) = broker.spend()
        assert (row.attempts, row.open) == (1, 0)
        assert row.amount + row.at_risk > 0


def test_on_a_terminal_partial_results_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(wav(12.5))
    leader, follower = pty.openpty()
    done = subprocess.run(
        _script(tmp_path, "listen", str(path)),
        stdout=follower,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    os.close(follower)
    shown = b""
    try:
        while data := os.read(leader, 4096):
            shown += data
    except OSError:  # the other side is closed
        pass
    finally:
        os.close(leader)
    assert done.returncode == 0
    assert b"second 9\r\x1b[Ksecond 10\r\n" in shown
    assert shown.endswith(b"the end after 400000 bytes\r\ngoodbye\r\n")
