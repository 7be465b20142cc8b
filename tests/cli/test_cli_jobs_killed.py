"""``mlbroker transcribe`` killed while its job runs, and Ctrl-C at a real process: who comes next goes on, and pays once."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from broker.cli import main
from broker.client import Broker
from broker.runtime.virtual import VirtualRuntime
from broker.testing.stub import VendorStub
from jobs.azure_speech_peer import AzureSpeechPeer
from speech.speech_support import wav

pytest.importorskip("azure.identity", reason="azure-identity is not installed (extra: azure)")

SAID = "Hello there."
ONLY_JOBS = "el-GR"
"""A language that one request lacks, so that short sound goes by a job."""
COST = "0.00015"
"""Of three seconds, at 0.18 US dollars an hour."""
ID = re.compile(r"b1-[0-9a-f]{32}")


@pytest.fixture
def peer(home: Path) -> Iterator[AzureSpeechPeer]:
    """Azure, in this process; settings and a recording for commands of any process."""
    with VendorStub() as stub:
        made = AzureSpeechPeer(stub, polls=1_000_000)
        rows = "".join(f"{name} = {json.dumps(value)}\n" for name, value in made.settings.items())
        (home / "mlbroker.toml").write_text(f'provider = "azure"\n[providers.azure]\n{rows}')
        (home / "talk.wav").write_bytes(wav(2.58))
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process time passes when somebody waits."""
    monkeypatch.setattr(main, "make_broker", lambda **options: Broker(runtime=VirtualRuntime(), **options))


def transcribing(
    *more: str, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    code = "from broker.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "transcribe", "talk.wav", "--language", ONLY_JOBS, *more],
        stdout=stdout,
        stderr=stderr,
        text=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )


def until(happened: Callable[[], object], process: subprocess.Popen[str]) -> None:
    limit = time.monotonic() + 60.0
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit, "it took too long"
        time.sleep(0.01)


def polled(peer: AzureSpeechPeer) -> bool:
    return any(job.polls for job in peer.jobs.values())


def test_a_killed_command_is_resumed_and_paid_once(cli: Any, peer: AzureSpeechPeer, quick: None) -> None:
    process = transcribing()
    until(lambda: polled(peer), process)
    process.kill()
    process.communicate()
    (found,) = cli.json("jobs")["jobs"]
    assert (found["state"], found["name"], found["worked_on"]) == ("running", "talk.wav", False)
    assert found["id"] in peer.submissions
    asked = cli.json("jobs", "status", found["id"])["job"]
    assert asked["provider_state"] in ("NotStarted", "Running")
    peer.polls = 0
    assert SAID in cli("jobs", "resume", found["id"]).stdout
    assert peer.submissions == {found["id"]: 1}
    assert peer.jobs == {}
    assert peer.blobs == {}
    (spent,) = cli.json("spend")["rows"]
    assert (spent["attempts"], spent["amount"]) == (1, COST)
    assert cli.json("settle")["attempts"] == [], "nothing is left to be decided"


def test_the_same_command_goes_on_where_the_killed_one_stood(
    cli: Any, peer: AzureSpeechPeer, quick: None
) -> None:
    process = transcribing()
    until(lambda: polled(peer), process)
    process.kill()
    process.communicate()
    peer.polls = 0
    found = cli.json("transcribe", "talk.wav", "--language", ONLY_JOBS)
    assert found["files"][0]["text"] == SAID
    assert list(peer.submissions.values()) == [1]
    assert [each["amount"] for each in found["summary"]["cost"]] == [COST]
    (spent,) = cli.json("spend")["rows"]
    assert (spent["attempts"], spent["amount"]) == (1, COST)


def test_a_command_killed_while_its_submission_was_answered_finds_the_job(
    cli: Any, peer: AzureSpeechPeer, quick: None
) -> None:
    peer.lose = 1
    peer.hidden = 1_000_000
    process = transcribing()
    until(lambda: peer.submissions, process)
    process.kill()
    process.communicate()
    (found,) = cli.json("jobs")["jobs"]
    assert found["state"] == "submitting"
    peer.hidden, peer.polls = 1, 0
    assert SAID in cli("jobs", "resume", found["id"]).stdout
    assert peer.submissions == {found["id"]: 1}


def test_ctrl_c_at_a_process_that_waits(cli: Any, peer: AzureSpeechPeer, quick: None) -> None:
    process = transcribing()
    until(lambda: polled(peer), process)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    (job,) = set(ID.findall(err))
    assert f"mlbroker jobs resume {job}" in err
    assert "Traceback" not in err
    assert "interrupted" in out
    peer.polls = 0
    assert SAID in cli("jobs", "resume", job).stdout
    assert list(peer.submissions.values()) == [1]


def test_start_ends_at_once_and_another_process_waits(cli: Any, peer: AzureSpeechPeer, quick: None) -> None:
    process = transcribing("--start")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    (job,) = ID.findall(out)
    assert not polled(peer)
    peer.polls = 3
    found = cli.json("jobs", "resume", job, "--srt")
    assert found["text"] == SAID
    assert found["subtitles"].startswith("1\n00:00:00,760 --> ")
    assert (found["provider"], found["attempts"], found["cost"]["amount"]) == ("azure", 1, COST)
    assert peer.jobs == {}


def test_a_job_that_another_process_waits_for_can_be_cancelled(
    cli: Any, peer: AzureSpeechPeer, quick: None
) -> None:
    peer.deletable = True
    process = transcribing()
    until(lambda: polled(peer), process)
    (found,) = cli.json("jobs")["jobs"]
    assert found["worked_on"] is True
    assert cli.json("jobs", "cancel", found["id"])["cancelled"] is True
    assert peer.jobs == peer.blobs == {}
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "error: talk.wav: " in err
    assert found["id"] in err
    (ended,) = cli.json("jobs", "list", "--all")["jobs"]
    assert ended["state"] in ("cancelled", "lost"), "whoever of the two first finds it gone writes it down"
    assert len(cli.json("settle")["attempts"]) == 1


def test_a_second_process_waits_for_the_first_ones_job(cli: Any, peer: AzureSpeechPeer) -> None:
    (job,) = ID.findall(transcribing("--start").communicate(timeout=60)[0])
    first = transcribing()
    until(lambda: polled(peer), first)
    second = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from broker.cli.main import main; main()",
            "jobs",
            "resume",
            job,
            "--deadline",
            "2",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    err = second.communicate(timeout=60)[1]
    assert second.returncode == 1
    assert "another program works on this job" in err
    peer.polls = 0
    out, err = first.communicate(timeout=60)
    assert (first.returncode, SAID in out) == (0, True), err
    assert peer.submissions == {job: 1}


def test_a_terminal_is_told_how_far_the_job_is(cli: Any, peer: AzureSpeechPeer, quick: None) -> None:
    ours, its = pty.openpty()
    process = transcribing("--srt", stderr=its)
    os.close(its)
    seen = b""
    while b"running (azure: NotStarted)" not in seen:
        seen += os.read(ours, 4096)
    os.kill(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    with suppress(OSError):  # how Linux tells that nobody holds the other end any more
        while more := os.read(ours, 4096):
            seen += more
    os.close(ours)
    assert b"talk.wav: running (azure: NotStarted)" in seen
    assert b"mlbroker jobs resume b1-" in seen
    assert (process.returncode, out) == (130, ""), "standard output is for the subtitles alone"


@pytest.mark.parametrize("shape", [(), ("--srt",), ("--json",)], ids=["text", "subtitles", "json"])
def test_a_transcript_that_could_not_be_written_is_not_lost(
    cli: Any, peer: AzureSpeechPeer, quick: None, shape: tuple[str, ...]
) -> None:
    peer.polls = 0
    with open("/dev/full", "wb") as full:
        process = transcribing(*shape, stdout=full.fileno())
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the output cannot be written" in err
    (found,) = cli.json("jobs")["jobs"]
    assert found["state"] == "done"
    result = cli.json("jobs", "resume", found["id"])
    assert (result["text"], result["cost"]["amount"]) == (SAID, COST)
    assert peer.submissions == {found["id"]: 1}
    assert peer.jobs == {}
