"""docs/transcription.md: every state is in its table, its commands exist, and its settings are settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from broker.config import Settings, load_settings
from broker.registry import Registry
from broker.types.job import JobState

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "transcription.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
SETTINGS = [
    text
    for page in (PAGE, (ROOT / "docs" / "providers-setup.md").read_text("utf-8"))
    for text in re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    if "staging" in text
]


def test_every_state_is_explained_in_the_order_it_is_reached() -> None:
    table = PAGE.partition("| state | what it says |")[2].partition("\n\n")[0]
    rows = [re.findall(r"`(\w+)`", line.split("|")[1]) for line in table.splitlines()[2:]]
    assert [name for row in rows for name in row] == [each.value for each in JobState]


@pytest.mark.parametrize(
    "words",
    sorted(set(re.findall(r"^mlbroker ([a-z]+(?: [a-z]+)?)", PAGE, re.MULTILINE))),
)
def test_the_commands_it_shows_exist(words: str) -> None:
    from broker.cli.main import app

    names = [each for each in words.split() if each != "three"]
    assert CliRunner().invoke(app, [*names, "--help"]).exit_code == 0


def test_every_jobs_command_is_shown() -> None:
    from broker.cli import jobs

    names = {each.name for each in jobs.app.registered_commands} - {"list"}
    assert names == {"status", "resume", "cancel", "clean"}
    for name in names:
        assert f"mlbroker jobs {name}" in PAGE
    assert "mlbroker jobs " in README


@pytest.mark.parametrize("text", SETTINGS, ids=range(len(SETTINGS)))
def test_the_settings_are_settings(text: str, tmp_path: Path) -> None:
    file = tmp_path / "mlbroker.toml"
    file.write_text(text)
    settings = load_settings(str(file))
    registry = Registry(Settings())
    assert settings.providers
    for name in settings.providers:
        given = {"endpoint": "https://my-speech.cognitiveservices.azure.com"} if name == "azure" else {}
        section = {key: each for key, each in settings.section(name, None).items() if each is not None}
        made = registry.settings_type(name).model_validate({**given, **section})
        assert made.model_dump()["staging"]


def test_removal_has_a_row_for_each_choice() -> None:
    choices = re.findall(r'^\| `"(\w+)"`', PAGE, re.MULTILINE)
    assert choices == ["all", "recording", "nothing"]
    for choice in choices:
        assert Settings(jobs={"remove": choice}).jobs.remove == choice  # type: ignore[arg-type]
