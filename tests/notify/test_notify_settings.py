"""The section [notify]: what is taken, what is refused, and that the address shows nowhere."""

from __future__ import annotations

import json
import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest
from notify_support import SECRET, everything_logged, writing
from typer.testing import CliRunner

from broker import Broker, NotConfigured
from broker.cli import main
from broker.cli.init import render
from broker.config import Settings, load_settings
from broker.notify import Notifier
from broker.registry import Registry
from broker.testing import VendorStub
from broker.testing.fake import fake_provider

URL = f"https://hooks.slack.com/services/{SECRET}"


def cli(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main.app, list(arguments))
    assert result.exit_code == code, result.output + result.stderr
    return result


def test_from_file_variables_and_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (load_settings().notify.webhook, load_settings().notify.command) == (None, ())
    Path("mlbroker.toml").write_text(f'[notify]\nwebhook = "{URL}"\ncommand = ["notify-send", "a, b"]\n')
    found = load_settings().notify
    assert found.webhook is not None
    assert found.webhook.get_secret_value() == URL
    assert found.command == ("notify-send", "a, b")
    monkeypatch.setenv("MLBROKER_NOTIFY__COMMAND", '["tell", "x,y"]')
    assert load_settings().notify.command == ("tell", "x,y")
    monkeypatch.setenv("MLBROKER_NOTIFY__COMMAND", "tell,loud")
    assert load_settings().notify.command == ("tell", "loud")
    assert load_settings(notify={"command": ["mine"]}).notify.command == ("mine",)
    assert load_settings(notify={"command": ["mine"]}).notify.webhook == found.webhook


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:80/x"])
def test_http_may_go_to_this_machine(url: str) -> None:
    assert load_settings(notify={"webhook": url}).notify.webhook is not None


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_address_is_none(empty: str) -> None:
    assert load_settings(notify={"webhook": empty}).notify.webhook is None


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"http://example.com/{SECRET}", "unencrypted"),
        (f"http://169.254.169.254/{SECRET}", "unencrypted"),
        (f"ftp://example.com/{SECRET}", "must be an address"),
        (f"example.com/{SECRET}", "must be an address"),
        (f"https:///{SECRET}", "must be an address"),
        (f"https://host:port/{SECRET}", "must be an address"),
        (f"https://[::1/{SECRET}", "must be an address"),
        (f"https://host/{SECRET}\nx", "must be an address"),
        ("https://user:pwCANARY@host/", "leave them out"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused_unseen(url: str, why: str) -> None:
    with pytest.raises(NotConfigured, match=why) as caught:
        load_settings(notify={"webhook": url})
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("command", [[""], ["a\0b"], "[broken"])
def test_a_command_that_cannot_be_meant_is_refused(command: Any) -> None:
    with pytest.raises(NotConfigured, match=r"notify\.command"):
        load_settings(notify={"command": command})


def test_a_slip_in_the_section_is_named() -> None:
    with pytest.raises(NotConfigured, match="did you mean 'webhook'"):
        load_settings(notify={"webhok": URL})


def test_the_address_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = load_settings(notify={"webhook": URL})
    with Broker(adapters=[fake_provider()], provider="fake", notify={"webhook": URL}) as broker:
        shown = [repr(broker.settings), str(broker.settings.model_dump()), repr(broker._core.services)]
    shown += [repr(settings), settings.model_dump_json(), repr(Notifier.of(settings.notify))]
    shown.append(everything_logged(caplog.records))
    assert all("CANARY" not in each for each in shown)
    with pytest.raises(TypeError):
        pickle.dumps(Notifier.of(settings.notify))


def test_init_writes_the_section_and_its_defaults_load() -> None:
    registry = Registry(Settings.model_construct())
    text = render(registry)
    registry.close()
    section = text.partition("#[notify]")[2].partition("#[")[0]
    assert '#webhook = ""' in section
    assert "#command = []" in section
    Path("mlbroker.toml").write_text('[notify]\nwebhook = ""\ncommand = []\n')
    assert load_settings().notify == Settings.model_construct().notify


def test_the_command_line_tests_every_way(
    vendor_stub: VendorStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_stub.reply({})
    file = tmp_path / "told"
    monkeypatch.setenv("MLBROKER_NOTIFY__WEBHOOK", f"{vendor_stub.url}/{SECRET}")
    monkeypatch.setenv("MLBROKER_NOTIFY__COMMAND", json.dumps(writing(file)))
    out = cli("notify", "test").stdout
    assert "delivered: webhook 127.0.0.1: HTTP 200" in out
    assert "delivered: command python" in out
    assert "CANARY" not in out
    assert json.loads(file.read_text())["kind"] == "test"
    assert vendor_stub.requests[0].json()["kind"] == "test"  # type: ignore[index, call-overload]


def test_the_command_line_says_what_did_not_arrive(
    vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_stub.reply(status=404)
    monkeypatch.setenv("MLBROKER_NOTIFY__WEBHOOK", f"{vendor_stub.url}/{SECRET}")
    result = cli("notify", "test", code=1)
    assert "not delivered: webhook 127.0.0.1: HTTP 404" in result.stderr
    assert "CANARY" not in result.output + result.stderr
    found = json.loads(cli("notify", "test", "--json", code=1).stdout)
    assert found == {
        "command": "notify test",
        "delivered": False,
        "ways": [
            {
                "channel": "webhook",
                "target": "127.0.0.1",
                "delivered": False,
                "detail": "HTTP 404",
                "tries": 1,
            }
        ],
        "exit_code": 1,
    }


def test_the_command_line_says_when_nobody_is_told() -> None:
    assert "MLBROKER_NOTIFY__WEBHOOK" in cli("notify", "test", code=3).stderr
