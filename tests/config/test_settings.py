"""Settings: which source wins, what a slip is answered with, and that no secret ever shows."""

from __future__ import annotations

import io
import json
import logging
import os
import pickle
import traceback
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from broker import Broker, BrokerError, NotConfigured
from broker.config import Settings, load_settings
from broker.contract import AdapterSettings
from broker.testing.fake import fake_provider

CANARY = "canary-4d1b0c7e"


def write(text: str, path: str = "mlbroker.toml") -> str:
    Path(path).write_text(text, "utf-8")
    return path


def test_arguments_win_over_variables_over_the_file_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().deadline == 30.0
    write("deadline = 1\nmax_attempts = 4\nretry_ambiguous = true")
    assert load_settings().deadline == 1.0
    monkeypatch.setenv("MLBROKER_DEADLINE", "2")
    assert load_settings().deadline == 2.0
    found = load_settings(deadline=3)
    assert (found.deadline, found.max_attempts, found.retry_ambiguous) == (3.0, 4, True)


def test_sections_are_merged_setting_by_setting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(
        '[ledger]\ndurability = "full"\n[providers.aws]\nregion = "a"\nendpoint = "https://e"\n[tags]\nteam = "x"'
    )
    monkeypatch.setenv("MLBROKER_PROVIDERS__AWS__REGION", "eu-west-1")
    found = load_settings()
    assert found.section("aws", None) == {"region": "eu-west-1", "endpoint": "https://e"}
    assert found.ledger.durability == "full"
    assert found.ledger.path == str(tmp_path / "ledger.db"), "from MLBROKER_LEDGER__PATH"
    found = load_settings(providers={"aws": {"region": "b"}})
    assert found.section("aws", None) == {"region": "b", "endpoint": "https://e"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [("aws", ("aws",)), ("aws,local", ("aws", "local")), ("aws:prod , gcp", ("aws:prod", "gcp"))],
)
def test_names_are_one_or_a_list_from_every_source(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: tuple[str, ...]
) -> None:
    assert load_settings(provider=value).provider == expected
    assert load_settings(provider=list(expected)).provider == expected
    write(f'provider = "{value}"')
    assert load_settings().provider == expected
    write(f"provider = {list(expected)!r}")
    assert load_settings().provider == expected
    Path("mlbroker.toml").unlink()
    monkeypatch.setenv("MLBROKER_PROVIDER", value)
    monkeypatch.setenv("MLBROKER_PLUGINS", value)
    found = load_settings()
    assert (found.provider, found.plugins) == (expected, expected)
    monkeypatch.setenv("MLBROKER_PROVIDER", json.dumps(expected))
    assert load_settings().provider == expected


@pytest.mark.parametrize("value", ["[", '["a", 5]', '{"a": 1}x['])
def test_a_list_that_is_no_list_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("MLBROKER_PROVIDER", value)
    if value.startswith("["):
        with pytest.raises(NotConfigured, match="provider"):
            load_settings()
    else:
        assert load_settings().provider == (value,), "any text is a name, and refused when it is called"


def test_the_file_is_found_by_variable_then_here_then_at_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "config" / "mlbroker"
    home.mkdir(parents=True)
    write("deadline = 1", str(home / "mlbroker.toml"))
    assert load_settings().deadline == 1
    write("deadline = 2")
    assert load_settings().deadline == 2
    monkeypatch.setenv("MLBROKER_CONFIG", write("deadline = 3", str(tmp_path / "named.toml")))
    assert load_settings().deadline == 3
    assert load_settings(write("deadline = 4", str(tmp_path / "argument.toml"))).deadline == 4


def test_a_named_file_that_is_not_there_is_told_and_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    write("deadline = 2")
    monkeypatch.setenv("MLBROKER_CONFIG", "/nowhere/mlbroker.toml")
    with pytest.raises(NotConfigured, match=r"/nowhere/mlbroker\.toml"):
        load_settings()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("deadlin = 5", r"deadlin: .*did you mean 'deadline'"),
        ('[ledger]\npaht = "x"', r"ledger\.paht: .*did you mean 'path'"),
        ('[budgets.b]\nlimt = "1"', r"budgets\.b\.limt: .*did you mean 'limit'"),
        ("[budgets.b]\nlimit = 0.5", r"budgets\.b\.limit: money in floats is never exact"),
        ("zzz = 5", "zzz: there is no such setting"),
        ('deadline = "soon"', "deadline: "),
        ("deadline = 0", "deadline: .*greater than 0"),
        ("deadline = inf", "deadline: "),
        ("deadline = nan", "deadline: "),
        ("max_attempts = 0", "max_attempts: "),
        ("max_attempts = 11", "max_attempts: "),
        ("provider = 5", "provider: "),
        ("tags = 5", "tags: "),
        ("[tags]\nteam = 5", r"tags\.team: "),
        ('[ledger]\ndurability = "maybe"', r"ledger\.durability: "),
        ("ledger = 5", "ledger: "),
        ("providers = 5", "providers"),
        ("providers.aws = 5", r"providers\.aws"),
        ("deadline = ", "cannot be read"),
        ("[a\n", "cannot be read"),
        ("deadline = 1\ndeadline = 2", "cannot be read"),
    ],
)
def test_a_slip_in_the_file_names_file_and_setting(
    text: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLBROKER_LEDGER__PATH")
    write(text)
    with pytest.raises(NotConfigured, match=words) as caught:
        load_settings()
    assert "mlbroker.toml" in str(caught.value)


def test_a_file_that_is_no_text_is_told() -> None:
    Path("mlbroker.toml").write_bytes(b"\xff\xfe\x00deadline")
    with pytest.raises(NotConfigured, match="cannot be read"):
        load_settings()


def test_an_unknown_argument_says_what_was_meant() -> None:
    with pytest.raises(NotConfigured, match="did you mean 'max_attempts'"):
        Broker(max_atempts=3)


def test_a_variable_of_a_wrong_kind_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLBROKER_DEADLINE", "soon")
    with pytest.raises(NotConfigured, match="deadline"):
        load_settings()
    monkeypatch.delenv("MLBROKER_DEADLINE")
    monkeypatch.setenv("MLBROKER_LEDGER__PAHT", "x")
    with pytest.raises(NotConfigured, match=r"ledger\.paht: .*did you mean 'path'"):
        load_settings()


def test_the_tests_own_variables_and_a_clusters_disturb_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = load_settings().model_dump()
    for name in ("TEST_FIXTURES", "TEST_DATASETS", "PORT", "SERVICE_HOST", "PORT_80_TCP"):
        monkeypatch.setenv(f"MLBROKER_{name}", "/somewhere")
    assert load_settings().model_dump() == before


def test_settings_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().deadline = 5


PROFILES = """
[providers.aws]
region = "us-east-1"
endpoint = "https://base"
[providers.aws.profiles.prod-eu]
region = "eu-central-1"
[providers.aws.profiles]
broken = 5
"""


def test_a_profile_lies_over_its_providers_settings() -> None:
    write(PROFILES)
    found = load_settings()
    assert found.section("aws", None) == {"region": "us-east-1", "endpoint": "https://base"}
    assert found.section("aws", "prod-eu") == {"region": "eu-central-1", "endpoint": "https://base"}
    assert found.section("gcp", None) == {}


@pytest.mark.parametrize(
    ("provider", "profile", "words"),
    [
        ("aws", "prod-ue", r"no profile aws:prod-ue .*did you mean 'aws:prod-eu'"),
        ("aws", "broken", r"profiles\.broken\] must be a table"),
        ("gcp", "x", r"no profile gcp:x \(known: none\)"),
    ],
)
def test_a_profile_there_is_not_is_told_with_those_there_are(provider: str, profile: str, words: str) -> None:
    write(PROFILES)
    with pytest.raises(NotConfigured, match=words):
        load_settings().section(provider, profile)


def test_profiles_that_are_no_table_are_told() -> None:
    with pytest.raises(NotConfigured, match="known: none"):
        load_settings(providers={"aws": {"profiles": 5}}).section("aws", "x")


class SecretSettings(AdapterSettings):
    key: SecretStr


def keyed() -> Any:
    kind = fake_provider(provider="keyed")

    class Keyed(kind):  # type: ignore[valid-type, misc] # made at run time
        Settings: ClassVar[type[AdapterSettings]] = SecretSettings

    return Keyed


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


def test_no_secret_shows_in_settings_broker_or_registry(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, photo: bytes
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MLBROKER_PROVIDERS__KEYED__KEY", CANARY)
    with Broker(adapters=[keyed()], provider="keyed") as broker:
        result = broker.vision.label(photo)
        adapter = broker.registry.adapter("keyed")
        texts = [
            repr(broker.settings),
            str(broker.settings),
            str(broker.settings.model_dump()),
            broker.settings.model_dump_json(),
            repr(broker),
            repr(vars(broker)),
            repr(vars(broker.registry)),
            repr(vars(adapter)),
            repr(broker.registry.setup("keyed")),
            repr(broker._core.services),
            repr(result),
        ]
        assert broker.settings.section("keyed", None) == {"key": CANARY}, (
            "the canary must be there to be hidden"
        )
    assert not [text for text in texts if CANARY in text]
    assert CANARY not in caplog.text
    assert CANARY.encode() not in Path("ledger.db").read_bytes()


@pytest.mark.parametrize(
    "section",
    [
        {"key": CANARY, "kee": CANARY},
        {"key": [CANARY]},
        {"key": CANARY, "region": {"x": CANARY}},
        {"key": {"x": CANARY}},
        {"endpoint": CANARY},
    ],
    ids=["unknown-beside", "list", "wrong-type", "table", "missing"],
)
def test_no_secret_shows_when_an_adapters_settings_are_wrong(section: dict[str, Any], photo: bytes) -> None:
    with (
        Broker(adapters=[keyed()], provider="keyed", providers={"keyed": section}) as broker,
        pytest.raises(NotConfigured, match=r"\[providers\.keyed\]") as caught,
    ):
        broker.vision.label(photo)
    assert CANARY not in shown(caught.value)


def test_a_slip_in_an_adapters_settings_says_what_was_meant(photo: bytes) -> None:
    with (
        Broker(adapters=[keyed()], providers={"keyed": {"kee": "x"}}) as broker,
        pytest.raises(NotConfigured, match=r"kee: there is no such setting; did you mean 'key'"),
    ):
        broker.vision.label(photo, provider="keyed")


@pytest.mark.parametrize(
    "arguments",
    [
        {"providers": {"keyed": CANARY}},
        {"providers": CANARY},
        {"provider": {"x": CANARY}},
        {"tags": CANARY},
        {"deadline": CANARY},
        {"ledger": {"path": {"x": CANARY}}},
    ],
)
def test_no_value_shows_when_settings_are_wrong(arguments: dict[str, Any]) -> None:
    with pytest.raises(NotConfigured) as caught:
        load_settings(**arguments)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "text", [f'key = "{CANARY}', f'x = "{CANARY}" y', f"[providers.keyed]\nkey = {CANARY}"]
)
def test_no_value_shows_when_the_file_is_broken(text: str) -> None:
    write(text)
    with pytest.raises(NotConfigured) as caught:
        load_settings()
    assert CANARY not in shown(caught.value)


def test_no_value_shows_when_a_variable_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLBROKER_PROVIDERS", f'{{"keyed": {{"key": "{CANARY}"')
    with pytest.raises(NotConfigured) as caught:
        load_settings()
    assert CANARY not in shown(caught.value)


def test_an_error_carries_no_secret_into_a_pickle(photo: bytes) -> None:
    with (
        Broker(
            adapters=[keyed()], provider="keyed", providers={"keyed": {"key": CANARY, "kee": 1}}
        ) as broker,
        pytest.raises(BrokerError) as caught,
    ):
        broker.vision.label(photo)
    out = io.BytesIO()
    pickle.dump(caught.value, out)
    assert CANARY.encode() not in out.getvalue()


def test_settings_are_a_model_people_can_read() -> None:
    assert set(Settings.model_fields) >= {"provider", "deadline", "ledger", "providers", "plugins", "tags"}
    assert os.environ["MLBROKER_LEDGER__PATH"] == load_settings().ledger.path
