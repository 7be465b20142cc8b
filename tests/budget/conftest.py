"""The command line on the ledger that a test's broker has written to, by the test's clock."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker import Broker
from broker.cli import main, standing
from broker.registry import Registry
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import FakeAdapter


def no_float(text: str) -> float:
    raise AssertionError(f"{text} is a float in JSON about money")


class Cli:
    """Runs the command in 80 columns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("COLUMNS", "80")

    def adapters(self, *kinds: type[FakeAdapter], clock: VirtualRuntime | None = None) -> None:
        """The only providers that commands know, and the clock of their calls."""

        class Only(Registry):
            def names(self) -> list[str]:
                return [kind.manifest.provider for kind in kinds]

        def make_broker(**options: Any) -> Broker:
            return Broker(
                adapters=kinds, runtime=clock, **{"provider": kinds[0].manifest.provider, **options}
            )

        self._monkeypatch.setattr(main, "make_broker", make_broker)
        self._monkeypatch.setattr(main, "make_registry", lambda settings: Only(settings, kinds))

    def run(self, *arguments: str, code: int = 0) -> Any:
        """The result; the test fails where the exit code is another."""
        result = CliRunner().invoke(main.app, list(arguments))
        if result.exit_code != code:
            raise AssertionError(f"{arguments}: {result.exit_code}, not {code}\n{result.output}")
        return result

    def lines(self, *arguments: str) -> list[str]:
        """Its standard output, none wider than the terminal."""
        lines = [line.rstrip() for line in self.run(*arguments).stdout.splitlines()]
        assert all(len(line) <= 80 for line in lines), lines
        return lines

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Its one JSON object, in which no money is a float."""
        found = json.loads(self.run(*arguments, "--json", code=code).stdout, parse_float=no_float)
        assert found["exit_code"] == code
        return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualRuntime:
    """Of brokers and commands alike."""
    found = VirtualRuntime(datetime(2026, 1, 15, 12, 0, tzinfo=UTC))
    monkeypatch.setattr(standing, "now", found.now)
    return found


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    monkeypatch.setenv("HOME", str(tmp_path))  # so that paths are short in what is printed
    return Cli(monkeypatch)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[[str], None]:
    """Writes the settings file in force."""

    def write(text: str) -> None:
        (tmp_path / "mlbroker.toml").write_text(text)

    return write
