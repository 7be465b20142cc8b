"""A command line with a home of its own: no settings, credentials or ledger of the machine are seen."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from cli_support import png
from typer.testing import CliRunner

from broker.cli import main
from broker.client import Broker
from broker.registry import Registry

_STRANGERS = ("MLBROKER_", "AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "MSI_", "IDENTITY_")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith(_STRANGERS):
            monkeypatch.delenv(name)
    folder = tmp_path / "home"
    folder.mkdir()
    for name, place in (("HOME", "."), ("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config")):
        monkeypatch.setenv(name, str(folder / place))
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(folder / "ledger.db"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def cat(home: Path) -> str:
    (home / "cat.png").write_bytes(png())
    return "cat.png"


class Cli:
    """Runs the command; adapters given are the only providers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def adapters(self, *kinds: Any) -> None:
        class Only(Registry):
            def names(self) -> list[str]:
                return [kind.manifest.provider for kind in kinds]

        def make_broker(**options: Any) -> Broker:
            broker = Broker(adapters=kinds, provider=kinds[0].manifest.provider, **options)
            broker.registry.names = lambda: [kind.manifest.provider for kind in kinds]  # type: ignore[method-assign]
            return broker

        self._monkeypatch.setattr(main, "make_broker", make_broker)
        self._monkeypatch.setattr(main, "make_registry", lambda settings: Only(settings, kinds))

    def __call__(self, *arguments: str, code: int = 0) -> Any:
        result = CliRunner().invoke(main.app, list(arguments))
        if result.exit_code != code:
            raise AssertionError(f"{arguments}: {result.exit_code}, not {code}\n{result.output}")
        return result

    def json(self, *arguments: str, code: int = 0) -> Any:
        found = json.loads(self(*arguments, "--json", code=code).stdout)
        assert found["exit_code"] == code
        return found


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Cli:
    return Cli(monkeypatch)
