"""Notices by command: JSON on standard input, no shell, an end to what hangs."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import pytest
from notify_support import HANGING, everything_logged, notice, until, writing

from broker.notify import Notifier


def test_a_notice_is_on_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "told.json"
    notifier = Notifier(command=writing(file))
    notifier.send(notice())
    notifier.close(20)
    told = json.loads(file.read_text())
    assert (told["kind"], told["subject"], told["facts"]["limit"]) == ("budget.used_up", "team-a", "10.00")


def test_arguments_are_not_read_by_a_shell(tmp_path: Path) -> None:
    file = tmp_path / "$(touch pwned); a && b"
    (done,) = Notifier(command=writing(file)).deliver(notice())
    assert done.delivered
    assert file.exists()
    assert sorted(tmp_path.iterdir()) == [file]


def test_its_output_is_ignored_and_its_exit_code_told(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    script = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    notifier = Notifier(command=[sys.executable, "-c", script])
    notifier.send(notice())
    notifier.close(20)
    assert capfd.readouterr() == ("", "")
    (record,) = [each for each in caplog.records if each.name == "broker"]
    assert "exit code 3" in record.getMessage()


def test_one_that_does_not_read_is_no_harm() -> None:
    (done,) = Notifier(command=[sys.executable, "-c", "pass"]).deliver(notice("x" * 300_000))
    assert (done.delivered, done.detail) == (True, "exit code 0")


def test_a_hanging_one_is_ended_with_what_it_started(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    script = 'sleep 600 & echo $! > "$0"; wait'  # a shell begins at once, even where Python takes seconds to
    began = time.monotonic()
    (done,) = Notifier(command=["sh", "-c", script, str(pid)], limit=3.0).deliver(notice())
    assert (done.delivered, done.detail) == (False, "not finished within 3 s, so it was ended")
    assert time.monotonic() - began < 60
    child = int(pid.read_text())
    assert until(lambda: _gone(child)), "the child of the command is ended too"


def _gone(pid: int) -> bool:
    """No process, or one that has ended and waits to be collected by whoever inherited it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in ("Z", "X")
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_what_cannot_be_run_is_told(tmp_path: Path) -> None:
    (done,) = Notifier(command=[str(tmp_path / "nowhere")]).deliver(notice())
    assert (done.delivered, done.target, done.detail) == (
        False,
        "nowhere",
        "it cannot be run: No such file or directory",
    )
    (tmp_path / "plain").write_text("no program")
    (done,) = Notifier(command=[str(tmp_path / "plain")]).deliver(notice())
    assert done.detail == "it cannot be run: Permission denied"


def test_arguments_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    notifier = Notifier(command=[sys.executable, "-c", "raise SystemExit(1)", "--key=argCANARY"])
    notifier.send(notice())
    notifier.close(20)
    told = everything_logged(caplog.records)
    assert "exit code 1" in told
    assert "CANARY" not in told


def test_both_ways_are_used_and_one_does_not_stop_the_other(tmp_path: Path) -> None:
    file = tmp_path / "told"
    webhook, command = Notifier(webhook="http://127.0.0.1:1/", command=writing(file), pause=0.01).deliver(
        notice()
    )
    assert (webhook.channel, webhook.delivered) == ("webhook", False)
    assert (command.channel, command.delivered) == ("command", True)


def test_closing_ends_a_command_that_hangs(tmp_path: Path) -> None:
    began_file = tmp_path / "began"
    notifier = Notifier(command=[sys.executable, "-c", HANGING, str(began_file)], limit=600.0)
    notifier.send(notice())
    assert until(began_file.exists)
    began = time.monotonic()
    notifier.close(0.2)
    assert time.monotonic() - began < 60
