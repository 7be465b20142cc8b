"""``mlbroker listen`` with WAV files that lie, and without a standard input."""

from __future__ import annotations

import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from broker.cli import sounds
from broker.errors import BadInput


def chunk(kind: bytes, body: bytes, length: int | None = None) -> bytes:
    return kind + struct.pack("<I", len(body) if length is None else length) + body


def form(*, rate: int = 16_000) -> bytes:
    return chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16))


def written(path: Path, *chunks: bytes) -> str:
    body = b"WAVE" + b"".join(chunks)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    return str(path)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the size of a process is read from /proc")
def test_a_chunk_is_not_kept_for_as_long_as_it_says(tmp_path: Path) -> None:
    """Four gigabytes, of which there are three bytes."""
    name = written(tmp_path / "list.wav", form(), chunk(b"LIST", b"abc", 0xFFFFFFFE))
    before = resource.getrlimit(resource.RLIMIT_AS)
    with Path("/proc/self/statm").open() as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, before[1]))
    try:
        with pytest.raises(BadInput, match="without sound"):
            sounds.open_source(name)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def test_what_stands_before_the_sound_is_passed_over(tmp_path: Path) -> None:
    extra = chunk(b"LIST", b"x" * 200_001) + b"\0"
    long = chunk(b"fmt ", form()[8:] + b"\0" * 100)
    for name, chunks in (("a.wav", (extra, form())), ("b.wav", (form(), extra)), ("c.wav", (long,))):
        source = sounds.open_source(written(tmp_path / name, *chunks, chunk(b"data", b"\1\2" * 100)))
        assert source.sample_rate == 16_000
        assert b"".join(source.chunks) == b"\1\2" * 100


def test_a_file_of_no_rate_is_not_guessed_at(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="0 samples a second"):
        sounds.open_source(written(tmp_path / "rate.wav", form(rate=0), chunk(b"data", b"\0" * 100)))


def test_without_a_standard_input_it_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(BadInput, match="no standard input"):
        sounds.open_source("-")


SCRIPT = """
import sys
sys.path[:0] = {path!r}
from stream_support import *
from broker.cli import main
from broker.client import Broker
main.make_broker = lambda **options: Broker(
    adapters=[streaming_provider()], provider="fake", ledger={{"path": {ledger!r}}}, **options)
sys.argv[1:] = ["listen", {sound!r}]
main.main()
"""


@pytest.mark.parametrize(("closed", "code"), [(1, 1), (2, 0)])
def test_without_a_standard_output_nothing_is_streamed_and_without_errors_it_works(
    tmp_path: Path, closed: int, code: int
) -> None:
    sound = written(tmp_path / "talk.wav", form(), chunk(b"data", b"\0" * 64_000))
    script = SCRIPT.format(path=sys.path, ledger=str(tmp_path / "spend.db"), sound=sound)
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}>&-', "sh", sys.executable, "-c", script],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == code
    assert not (tmp_path / "spend.db").exists() or code == 0
    if closed == 1:
        assert b"no standard output" in done.stderr
        assert b"a bug" not in done.stderr
    else:
        assert done.stdout == b"the end after 64000 bytes\n"
