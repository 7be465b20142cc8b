"""An engine that is paid by the hour, and the command line on its ledger, by the test's clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standing_support import hourly_engine
from typer.testing import CliRunner

from broker import Broker
from broker.cli import main, standing
from broker.contract import Adapter
from broker.registry import Registry
from broker.runtime.virtual import VirtualRuntime

CONTRACT = """
[[price]]
id = "words.hour@test"
sku = "words.hour"
unit = "hour"
region = "*"
currency = "USD"
valid_from = 2026-01-01
checked_on = 2026-01-01
source = "a test"
tiers = [{ price = "0.10" }]
"""


def no_float(text: str) -> float:
    raise AssertionError(f"{text} is a float in JSON about money")


class Shop:
    """A broker on one ledger, and commands."""

    def __init__(self, folder: Path, clock: VirtualRuntime, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.clock = clock
        self.kind = hourly_engine()
        self.others: list[type[Adapter]] = []
        (folder / "contract.toml").write_text(CONTRACT)
        self._monkeypatch = monkeypatch
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(standing, "now", clock.now)

    def paid(self) -> Shop:
        """Calls cost by themselves, too."""
        self.kind = hourly_engine(free=False)
        return self

    def broker(self, **options: Any) -> Broker:
        return Broker(
            adapters=[self.kind, *self.others],
            runtime=self.clock,
            **{
                "provider": "words",
                "providers": {name: {"index": "main"} for name in ("words", "spare")},
                "prices": {"files": [str(self.folder / "contract.toml")]},
                **options,
            },
        )

    def docs(self, **changes: Any) -> dict[str, Any]:
        """As settings have it."""
        facts = {"sku": "words.hour", "provider": "words", "since": "2026-01-01"}
        return {"docs": {**facts, **changes}}

    def run(self, *arguments: str, code: int = 0) -> Any:
        """The result of a command."""

        class Only(Registry):
            def names(self) -> list[str]:
                return ["words"]

        self._monkeypatch.setattr(main, "make_broker", lambda **options: self.broker())
        self._monkeypatch.setattr(main, "make_registry", lambda settings: Only(settings, [self.kind]))
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
def clock() -> VirtualRuntime:
    return VirtualRuntime(datetime(2026, 1, 15, 12, tzinfo=UTC))


@pytest.fixture
def shop(tmp_path: Path, clock: VirtualRuntime, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setenv("HOME", str(tmp_path))
    return Shop(tmp_path, clock, monkeypatch)
