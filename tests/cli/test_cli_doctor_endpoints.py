"""``mlbroker doctor`` where services have addresses, keys and SDKs of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from broker.cli import checks
from broker.config import Settings
from broker.registry import Registry

SECRET = "v3rys3cr3tv3rys3cr3tv3rys3cr3t12"


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {each["provider"]: each for each in found["providers"]}


def test_a_password_in_an_address_is_not_shown_and_stops_nothing(cli: Any, home: Path) -> None:
    (home / "mlbroker.toml").write_text(
        '[providers.aws]\nregion = "us-east-1"\naccess_key_id = "AKIAIOSFODNN7EXAMPLE"\n'
        f'secret_access_key = "{SECRET}"\n'
        f'endpoints.comprehend = "https://user:{SECRET}@vpce.example.com/?token={SECRET}"\n'
    )
    found = by_name(cli.json("doctor"))["aws"]
    assert found["endpoint"].startswith("https://vpce.example.com")
    assert SECRET not in str(found)
    assert any("vpce.example.com is not a host of the vendor" in each for each in found["warnings"])


def test_every_address_is_shown_and_looked_at(cli: Any, home: Path) -> None:
    (home / "mlbroker.toml").write_text(
        f'[providers.azure]\nkey = "{SECRET}"\nregion = "eastus"\n'
        'endpoints.vision = "https://v.cognitiveservices.azure.com"\n'
        'endpoints.language = "https://texts.example.com"\n'
        '[providers.aws]\nregion = "us-east-1"\naccess_key_id = "AKIAIOSFODNN7EXAMPLE"\n'
        f'secret_access_key = "{SECRET}"\n'
        'endpoints.textract = "https://pages.example.com"\nendpoints.comprehend = "https://words.example.com"\n'
    )
    found = by_name(cli.json("doctor"))
    assert found["azure"]["endpoint"] == "https://v.cognitiveservices.azure.com, https://texts.example.com"
    told = [each for each in found["azure"]["warnings"] if "host of the vendor" in each]
    assert [each.partition(" ")[0] for each in told] == ["texts.example.com"]
    assert found["aws"]["endpoint"] == "https://pages.example.com, https://words.example.com"
    told = [each for each in found["aws"]["warnings"] if "host of the vendor" in each]
    assert [each.partition(" ")[0] for each in told] == ["pages.example.com", "words.example.com"]


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("MLBROKER_PROVIDERS__AZURE__ENDPOINTS__LANGUAGE", None),
        ("MLBROKER_PROVIDERS__AZURE__KEYS__LANGUAGE", None),
        ("MLBROKER_PROVIDERS__AWS__ENDPOINTS__TEXTRACT", None),
        ("MLBROKER_PROVIDERS__AZURE__KAYS__LANGUAGE", "MLBROKER_PROVIDERS__AZURE__KEYS"),
    ],
)
def test_variables_of_single_services_have_their_effect(
    variable: str, hint: str | None, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "https://x.cognitiveservices.azure.com")
    registry = Registry(Settings.model_construct())
    found = checks.variables(registry)
    registry.close()
    assert [f"did you mean {hint}" in each for each in found] == ([True] if hint else [])


def test_a_slip_in_a_service_is_told_once_and_its_value_never(
    cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLBROKER_PROVIDERS__AZURE__KEYS__LANGAUGE", SECRET)
    result = cli.json("doctor")
    problem = by_name(result)["azure"]["problem"]
    assert "there is no service 'langauge'" in problem
    assert "vision, language, contentsafety, speech" in problem
    assert result["warnings"] == []  # it has an effect: the provider is not configured
    assert SECRET not in str(result)
