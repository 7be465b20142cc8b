"""providers, doctor, init, and the command as a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cli_support import NASTY, harmless
from pydantic import SecretStr

from broker.cli import checks, output
from broker.cli.schema import settings_of
from broker.config import LedgerSettings, Settings, load_settings
from broker.contract import AdapterSettings, Lifecycle, OperationSpec, Setup, Support
from broker.registry import Registry
from broker.testing.fake import fake_provider

CANARY = "canary-AbC123-not-to-be-seen"


def test_the_support_table_of_our_adapters(cli: Any) -> None:
    out = cli("providers").stdout
    assert "vision.label yes yes yes! yes" in " ".join(out.split())
    assert "2028-09-25" in out
    assert "Limited Access" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    found = cli.json("providers", "--operation", "vision.label")
    assert [each["provider"] for each in found["providers"]] == [
        *("aws", "gcp", "azure", "local"),
        "kendra",
    ]
    cells = found["providers"][0]["operations"]
    assert list(cells) == ["vision.label"]
    prices = cells["vision.label"]["prices"]
    assert all(isinstance(tier["price"], str) for price in prices for tier in price["tiers"])


def test_markdown_is_the_same_wherever_it_is_made(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = cli("providers", "--markdown").stdout
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert cli("providers", "--markdown").stdout == first
    assert "| `vision.label` | yes | yes | yes! | yes |" in first


def test_texts_of_a_manifest_are_escaped(cli: Any) -> None:
    spec = OperationSpec(
        operation="vision.label",
        service=f"S|<b> {NASTY}",
        unproven=True,
        notes=NASTY,
        lifecycle=Lifecycle(status="retiring", on=date(2020, 1, 1), note=NASTY),
    )
    cli.adapters(fake_provider(spec=spec))
    out = cli("providers").stdout
    assert "yes*!" in out
    assert "[bold]" in out
    assert harmless(out)
    marked = cli("providers", "--markdown").stdout
    assert harmless(marked)
    assert "S\\|&lt;b&gt;" in marked
    no = OperationSpec(operation="vision.label", service="S", support=Support.NEVER, reason=NASTY)
    cli.adapters(fake_provider(spec=no))
    assert "never" in cli("providers").stdout


class _SecretSettings(AdapterSettings):
    key: SecretStr | None = None


def _describable(setup: Setup) -> Any:
    class Described(fake_provider(provider="aws")):  # type: ignore[misc]
        Settings = _SecretSettings

        def setup(self) -> Setup:
            return setup

    return Described


def test_doctor_never_shows_a_secret(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "mlbroker.toml").write_text(
        f'[providers.azure]\nendpoint = "https://user:{CANARY}@x.cognitiveservices.azure.com"\nkey = "{CANARY}"\n'
        f'[providers.aws]\naccess_key_id = "{CANARY}"\nregion = "us-east-1"\n'
        f'[providers.aws.profiles.two]\nsecret_access_key = "{CANARY}"\n'
    )
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", CANARY)
    monkeypatch.setenv("MLBROKER_PASSWORD", CANARY)
    for arguments in (["doctor"], ["doctor", "--json"], ["providers"], ["spend"]):
        result = cli(*arguments)
        assert CANARY not in result.stdout + result.stderr
    found = cli.json("doctor")
    assert "aws:two" in [f"{each['provider']}:{each['profile']}" for each in found["providers"]]
    assert any("MLBROKER_PASSWORD" in warning for warning in found["warnings"])
    # A wrong type in the file is told without its value.
    (home / "mlbroker.toml").write_text(f'deadline = "{CANARY}"\n')
    result = cli("doctor", code=3)
    assert CANARY not in result.stdout + result.stderr
    assert "the settings are not valid" in result.stdout


def test_doctor_names_credential_and_endpoint(cli: Any) -> None:
    cli.adapters(
        _describable(
            Setup(
                configured=True,
                credential="AWS_ACCESS_KEY_ID",
                endpoint=f"http://me:{CANARY}@evil.example:8080/p?token={CANARY}",
                region="us-east-1",
                data_use="kept",
            )
        )
    )
    found = cli.json("doctor")
    (each,) = found["providers"]
    assert each["credential"] == "AWS_ACCESS_KEY_ID"
    assert each["endpoint"] == "http://evil.example:8080/p"
    assert any("evil.example is not a host of the vendor" in warning for warning in each["warnings"])
    assert found["usable"] == ["aws"]
    assert any("checked" in warning for warning in each["warnings"])  # the fake's row is of the year 2000
    out = cli("doctor").stdout
    assert "ready: aws" in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_doctor_without_a_usable_provider(cli: Any) -> None:
    cli.adapters(_describable(Setup(configured=False, problem="type: make a key")))
    out = cli("doctor", code=3).stdout
    assert "type: make a key" in out
    assert "no provider is usable" in out


def test_doctor_on_the_ledger(cli: Any, home: Path, cat: str) -> None:
    cli.adapters(fake_provider())
    assert cli.json("doctor")["ledger"]["exists"] is False
    assert not (home / "ledger.db").exists()
    cli("label", cat)
    ledger = cli.json("doctor")["ledger"]
    assert (ledger["works"], ledger["mode"], ledger["attempts"]) == (True, "0600", 1)
    assert ledger["schema"] >= 1
    (home / "ledger.db").chmod(0o666)
    assert "chmod 600" in cli.json("doctor", code=3)["ledger"]["problem"]


def test_variables_that_mean_nothing(monkeypatch: pytest.MonkeyPatch, cli: Any) -> None:
    for name in ("MLBROKER_DEADLNE", "MLBROKER_LEDGER__PAHT", "MLBROKER_PROVIDERS__AWS__REGIN"):
        monkeypatch.setenv(name, "x")
    for name in (
        "MLBROKER_TEST_FIXTURES",
        "MLBROKER_TAGS__TEAM",
        "MLBROKER_PROVIDERS__AWS__PROFILES__X__REGION",
    ):
        monkeypatch.setenv(name, "x")
    registry = Registry(Settings.model_construct())
    found = checks.variables(registry)
    registry.close()
    assert len(found) == 3
    assert "did you mean MLBROKER_DEADLINE?" in found[0]
    assert "did you mean MLBROKER_LEDGER__PATH?" in found[1]
    assert "did you mean MLBROKER_PROVIDERS__AWS__REGION?" in found[2]


def test_another_owner_of_the_package_and_a_plugin_that_may_not_load(
    monkeypatch: pytest.MonkeyPatch, cli: Any
) -> None:
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"broker": ["mlbroker", "other"]})
    (warning,) = checks.rivals()
    assert "other also installs" in warning

    class Installed(Registry):
        def origins(self) -> list[Any]:
            from broker.registry import Origin

            return [Origin(provider="new", distribution="new-dist", version="1", allowed=False)]

    (told,) = checks.plugins(Installed(Settings.model_construct()))
    assert 'plugins = ["new"]' in told


def test_what_of_an_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        metadata,
        "requires",
        lambda name: ["nowhere-to-be-found>=1; extra == 'x'", "rich; extra == 'x'", "gone; extra == 'y'"],
    )
    assert checks._not_installed("mlbroker[x]") == ["nowhere-to-be-found"]


def _uncommented(text: str) -> str:
    return "\n".join(
        line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in text.splitlines()
    )


def test_init_holds_every_setting_at_its_default(cli: Any, home: Path) -> None:
    out = cli("init").stdout
    assert out.startswith("wrote mlbroker.toml")
    file = home / "mlbroker.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert tomllib.loads(file.read_text()) == {}
    assert load_settings().model_dump() == load_settings(str(file)).model_dump()
    body = tomllib.loads(_uncommented(file.read_text()))
    assert set(body) == set(Settings.model_fields)
    assert set(body["ledger"]) == set(LedgerSettings.model_fields)
    assert {"aws", "gcp", "azure", "local"} <= set(body["providers"])
    assert "secret_access_key" in body["providers"]["aws"]
    before = load_settings()
    (home / "full.toml").write_text(_uncommented(file.read_text()))
    full = load_settings(str(home / "full.toml"))
    assert list(full.budgets) == ["monthly"], "an example: there is no budget by default"
    assert list(full.standing) == ["docs"], "and nothing stands"
    assert list(full.quality.use_cases) == ["receipts"], "nor is there a use case"
    assert full.quality.model_copy(update={"use_cases": {}}) == before.quality
    for name in set(Settings.model_fields) - {"providers", "ledger", "budgets", "standing", "quality"}:
        assert getattr(full, name) == getattr(before, name), name
    for model in (Settings, LedgerSettings):
        for setting in settings_of(model):
            assert setting.note or setting.name in ("ledger", "providers"), f"{setting.name} is not explained"


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("label", "label [OPTIONS] FILE..."),
        ("budget remove", "budget remove [OPTIONS] NAME"),
        ("prices check", "prices check [OPTIONS] [FILE]..."),
    ],
)
def test_help_speaks_of_arguments_without_python(cli: Any, command: str, usage: str) -> None:
    out = cli(*command.split(), "--help").stdout
    assert out.splitlines()[0].endswith(usage)
    assert "<" not in out


def test_what_init_writes_can_be_uncommented_line_by_line(cli: Any, home: Path) -> None:
    cli("init")
    (home / "full.toml").write_text(_uncommented((home / "mlbroker.toml").read_text()))
    bare = cli.json("doctor", code=0)["providers"]
    full = cli.json("--config", "full.toml", "doctor", code=0)["providers"]
    assert [(each["provider"], each["problem"], each["credential"]) for each in full] == [
        (each["provider"], each["problem"], each["credential"]) for each in bare
    ], "a blank setting is one that is not set"


def test_doctor_tells_of_contract_prices_that_cannot_be_used(cli: Any, home: Path) -> None:
    (home / "mlbroker.toml").write_text('[prices]\nfiles = ["gone.toml"]\n')
    found = cli.json("doctor", code=3)
    assert "gone.toml cannot be read" in found["settings"]["problem"]
    assert "local" in found["usable"], "the rest is looked at all the same"
    assert "mlbroker prices check" in cli("doctor", code=3).stdout.replace("\n", " ")


def test_init_does_not_overwrite(cli: Any, home: Path) -> None:
    file = home / "own.toml"
    file.write_text("deadline = 3.0\n")
    assert "--force replaces it" in cli("init", "--path", "own.toml", code=2).stderr
    assert file.read_text() == "deadline = 3.0\n"
    assert cli.json("init", "--path", "own.toml", "--force")["path"] == "own.toml"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "cannot be written" in cli("init", "--path", "no/such/folder.toml", code=1).stderr


def _mlbroker(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from broker.cli.main import main; main()", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=150,
    )


def test_the_process(home: Path) -> None:
    help_ = _mlbroker("--help")
    assert help_.returncode == 0
    assert "130  interrupted" in help_.stdout
    assert max(map(len, help_.stdout.splitlines())) <= 80
    assert _mlbroker("--version").stdout == f"mlbroker {metadata.version('mlbroker')}\n"
    bare = _mlbroker()
    assert bare.returncode == 2
    assert "Usage:" in bare.stdout + bare.stderr
    gone = _mlbroker("--config", "gone.toml", "spend", "--json")
    assert gone.returncode == 3
    assert json.loads(gone.stdout)["error"]["type"] == "NotConfigured"
    assert gone.stderr.startswith("error: there is no settings file")
    doctor = _mlbroker("doctor", NO_COLOR="1", FORCE_COLOR="1", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert "\x1b[3" not in doctor.stdout
    assert doctor.stderr == ""


def test_help_loads_nothing_heavy(home: Path) -> None:
    code = (
        "import sys; sys.argv[1:] = ['--help']\n"
        "from broker.cli.main import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print([name for name in ('pydantic', 'httpx', 'rich.table', 'sqlite3', 'boto3') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=150
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_reader_that_leaves_is_no_crash(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "from broker.cli.main import main; main()", "providers", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    told = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) in (0, 1)
    assert b"Traceback" not in told


def test_small_helpers() -> None:
    assert output.seconds(0.0421) == "42 ms"
    assert output.seconds(1.5) == "1.50 s"
    assert output.counted(1, "file") == "1 file"
    assert output.decimal(None) is None


def test_json_is_json_even_where_a_vendors_numbers_and_names_are_not(cli: Any, cat: str) -> None:
    from broker.contract import Reply
    from broker.testing.fake import fake_provider
    from broker.types import Confidence, Label, LabelSet

    odd = Label(name="d\ud800og", confidence=Confidence.percent(float("inf")))
    cli.adapters(fake_provider([Reply(payload=LabelSet(labels=(odd,)))]))
    text = cli("label", cat, "--json").stdout
    assert "Infinity" not in text.replace('"inf"', "")
    assert json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert "\\ud800" not in text.replace("\\\\ud800", "")
