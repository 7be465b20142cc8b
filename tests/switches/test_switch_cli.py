"""``mlbroker switch``: looking, switching off and on, the audit trail."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker.cli.main import app

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(tmp_path / "ledger.db"))
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "mlbroker.toml").write_text(
        '[quality.use_cases.shop]\noperation = "vision.label"\n[quality.use_cases.shop.operational]\nerror_rate = 0.1\n'
    )

    def ran(*words: str, code: int = 0) -> Any:
        found = CliRunner().invoke(app, ["switch", *words])
        assert found.exit_code == code, found.output
        return json.loads(found.stdout) if "--json" in words and code == 0 else found.output

    return ran


def test_looking_makes_no_ledger(run: Run, tmp_path: Path) -> None:
    assert "nothing is switched off" in run()
    assert run("--json")["recorded"] is False
    assert "nothing was ever switched" in run("log")
    assert not (tmp_path / "ledger.db").exists()


def test_off_and_on_again_with_who_and_why(run: Run) -> None:
    assert "local: forced_open" in run("off", "-p", "local", "--reason", "odd labels", "--by", "ann")
    (row,) = run("--json")["switches"]
    assert row["scope"] == {"use_case": None, "operation": None, "provider": "local"}
    assert (row["state"], row["holds_calls"], row["mode"]) == ("forced_open", True, None)
    assert row["reason"] == "switched off: odd labels"
    shown = run("status")
    assert "held back" in shown
    assert "odd labels" in shown
    done = run("on", "-p", "local", "--reason", "fine now", "--by", "ben", "--json")
    assert (done["state"], done["by"]) == ("closed", "ben")
    events = run("log", "--json")["events"]
    assert [(each["after"], each["actor"]) for each in events] == [
        ("closed", "ben"),
        ("half_open", "ben"),
        ("forced_open", "ann"),
    ]


def test_calls_of_the_command_are_held_back_too(run: Run, photo: bytes, tmp_path: Path) -> None:
    run("off", "--all", "--reason", "the bill")
    (tmp_path / "cat.jpg").write_bytes(photo)
    found = CliRunner().invoke(app, ["label", "cat.jpg"])
    assert found.exit_code == 4
    assert "everything is switched off" in found.output
    assert "the bill" in found.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("off", "--reason", "x"), "say which calls"),
        (("off", "-p", "lokal", "--reason", "x"), "did you mean local"),
        (("off", "-o", "vision.labels", "--reason", "x"), "did you mean vision.label"),
        (("off", "--all", "-p", "local", "--reason", "x"), "say which calls"),
        (("on", "-p", "local", "--reason", "x"), "no ledger yet"),
    ],
)
def test_slips_are_wrong_usage(run: Run, words: tuple[str, ...], told: str) -> None:
    assert told in " ".join(run(*words, code=2).split())


def test_a_use_case_that_is_only_observed_is_said(run: Run) -> None:
    assert "observed only, so calls go on" in run()
    run("off", "-u", "shop", "--reason", "x")
    (row,) = run("--json")["switches"]
    assert (row["mode"], row["holds_calls"]) == ("observe", True)


@pytest.mark.parametrize(
    ("switch", "held"),
    [
        ('mode = "enforce"\non_unknown = "closed"', False),
        ('mode = "enforce"\non_unknown = "open"', True),
        ('mode = "observe"', False),
        (None, False),  # the use case has gone from the settings, and with it its calls
    ],
)
def test_what_cannot_be_read_is_shown_as_calls_see_it(
    run: Run, tmp_path: Path, switch: str | None, held: bool
) -> None:
    run("off", "-u", "shop", "--reason", "x")
    with sqlite3.connect(tmp_path / "ledger.db") as file:
        file.execute("UPDATE switch SET state = '{}'")
    file.close()
    case = (
        "" if switch is None else f'operation = "vision.label"\n[quality.use_cases.shop.switch]\n{switch}\n'
    )
    (tmp_path / "mlbroker.toml").write_text(f"[quality.use_cases.shop]\n{case}" if case else "")
    (row,) = run("--json")["switches"]
    assert (row["state"], row["holds_calls"]) == (None, held)


def test_a_dry_run_says_that_it_is_off(run: Run, photo: bytes, tmp_path: Path) -> None:
    run("off", "-p", "local", "--reason", "odd labels")
    (tmp_path / "cat.jpg").write_bytes(photo)
    found = CliRunner().invoke(app, ["label", "cat.jpg", "-p", "local", "--dry-run"])
    assert found.exit_code == 4, found.output
    assert "switched off" in found.output
