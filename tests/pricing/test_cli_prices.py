"""``mlbroker prices``: what it shows, what it finds, and that it needs no ledger."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker.cli import main, output
from broker.pricing.load import shipped
from broker.registry import Registry
from broker.testing.fake import fake_price, fake_provider

SKU = "aws.rekognition.group2"
CONTRACT = f"""
[[price]]
id = "ours"
sku = "{SKU}"
unit = "image"
region = "us-east-1"
currency = "USD"
valid_from = 2026-10-01
checked_on = 2026-01-30
source = "contract 4711"
tiers = [{{ price = "0.0007" }}]
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(output, "today", lambda: date(2026, 11, 21))
    return tmp_path


def run(*arguments: str, code: int = 0) -> Any:
    result = CliRunner().invoke(main.app, ["prices", *arguments])
    assert result.exit_code == code, result.output
    return result


def as_json(*arguments: str, code: int = 0) -> Any:
    found = json.loads(run(*arguments, "--json", code=code).stdout)
    assert found["exit_code"] == code
    return found


def contract(place: Path, text: str = CONTRACT) -> None:
    (place / "own.toml").write_text(text, encoding="utf-8")
    (place / "mlbroker.toml").write_text('[prices]\nfiles = ["own.toml"]\n', encoding="utf-8")


def only(monkeypatch: pytest.MonkeyPatch, *kinds: Any) -> None:
    class Only(Registry):
        def names(self) -> list[str]:
            return [kind.manifest.provider for kind in kinds]

    monkeypatch.setattr(main, "make_registry", lambda settings: Only(settings, kinds))


def test_the_list_shows_all_that_holds_today_and_warns_of_age(place: Path) -> None:
    out = run("list").stdout
    assert "$1.00 per 1,000 images, 4 tiers" in out
    assert "warning: 30 prices marked ! were checked over 90 days ago, or on no known day" in out
    assert f"{len(list(shipped().rows()))} prices" in out
    assert not (place / "ledger.db").exists(), "looking makes no ledger"
    found = as_json("list")
    assert len(found["prices"]) == len(list(shipped().rows()))
    assert found["stale"] == sum(each["stale"] for each in found["prices"]) == 30
    one = next(each for each in found["prices"] if each["id"] == f"{SKU}@us-east-1@2026-09-11")
    assert one == {
        "sku": SKU,
        "region": "us-east-1",
        "unit": "image",
        "per": "1",
        "currency": "USD",
        "tiers": [
            {"up_to": "1000000", "price": "0.001"},
            {"up_to": "5000000", "price": "0.0008"},
            {"up_to": "35000000", "price": "0.0006"},
            {"up_to": None, "price": "0.00025"},
        ],
        "free": None,
        "unpriced": None,
        "contract": False,
        "confidence": "high",
        "checked_on": "2026-09-23",
        "age_days": 59,
        "stale": False,
        "id": f"{SKU}@us-east-1@2026-09-11",
    }


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (
            ["--provider", "local"],
            ["local.compute", "local.index", "local.query", "local.speech", "local.text"],
        ),
        (["--sku", "aws.transcribe.b"], ["aws.transcribe.batch"]),
        (["-p", "aws", "--region", "ap-south-1", "--sku", "aws.rekognition.g"], ["aws.rekognition.group1"]),
        (
            ["-p", "azure", "--unpriced", "--region", "uaenorth"],
            ["azure.face.standard", "azure.speech.batch"],
        ),
        (["--provider", "nobody"], []),
    ],
)
def test_the_list_can_be_narrowed(arguments: list[str], expected: list[str]) -> None:
    assert [each["sku"] for each in as_json("list", *arguments)["prices"]] == expected
    out = run("list", *arguments).stdout
    assert ("no price that matches" in out) is (not expected)


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_sku_can_be_copied_from_the_list(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    out = run("list").stdout
    words = set(out.split())
    assert {row.sku for row in shipped().rows()} <= words, "none is folded"
    assert {row.region for row in shipped().rows()} <= words
    assert max(map(len, out.splitlines())) <= int(columns)


def test_prices_read_as_people_speak_of_them() -> None:
    out = run("list", "--sku", "gcp.speech.v2").stdout
    assert "$0.016 per minute, 4 tiers" in out
    assert "$1.00 per hour" in run("list", "--sku", "azure.speech.real", "--region", "eastus").stdout
    assert "1473.55 KRW per hour" in run("list", "--sku", "azure.speech.realtime").stdout
    assert "per 1,000 queries" in run("list", "--sku", "gcp.agent").stdout
    assert "free (local)" in run("list", "--provider", "local").stdout
    assert "unpriced: the prices of" in run("list", "--sku", "azure.face", "--unpriced").stdout


def test_a_contract_stands_in_the_list_before_the_vendors_price(place: Path) -> None:
    contract(place)
    found = as_json("list", "--sku", SKU, "--region", "us-east-1")["prices"]
    assert [(each["id"], each["contract"], each["confidence"], each["stale"]) for each in found] == [
        ("ours", True, "contract", False)
    ]
    out = run("show", SKU, "--region", "us-east-1").stdout
    assert "ours (in force)" in out
    assert f"{SKU}@us-east-1@2026-09-11 (a contract price stands before it)" in out
    rows = as_json("show", SKU, "--region", "us-east-1")["rows"]
    assert [(row["id"], row["in_force"]) for row in rows] == [
        ("ours", True),
        (f"{SKU}@us-east-1@2026-09-11", False),
    ]


def test_show_tells_everything_of_a_price() -> None:
    out = " ".join(run("show", "gcp.speech.v2.standard").stdout.split())
    for words in (
        "$0.016 per minute (0 to 500,000 a month)",
        "$0.004 per minute (above 2,000,000 a month)",
        "up to a whole second, at least 1",
        "each is billed",
        "SKU 3099-B70F-0949",
        "2026-09-23 (59 d)",
        "from 2026-01-01",
    ):
        assert words in out
    out = " ".join(run("show", "gcp.vision.crop_hints").stdout.split())
    assert "free in a request that also uses gcp.vision.image_properties" in out
    assert "1,000 units a month, where the provider's settings claim it" in out
    assert "checked on no known day !" in out
    out = " ".join(run("show", "gcp.vision.web_detection").stdout.split())
    assert "not known above 5,000,000 a month" in out
    (row,) = as_json("show", "aws.comprehend.nlp")["rows"]
    assert row["rounding"] == {"increment": "100", "minimum": "300"}
    assert (row["per"], row["counter"]) == ("100", "aws.comprehend.nlp@us-east-1")


def test_show_lists_every_dated_row(monkeypatch: pytest.MonkeyPatch) -> None:
    days = [
        (date(2000, 1, 1), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2027, 1, 1)),
        (date(2027, 1, 1), None),
    ]
    rows = [
        replace(fake_price("0.001"), id=f"p{number}", valid_from=first, valid_to=last)
        for number, (first, last) in enumerate(days)
    ]
    kind = fake_provider()
    kind.manifest = replace(kind.manifest, prices=tuple(rows))
    only(monkeypatch, kind)
    out = run("show", "fake.vision.label").stdout
    assert "p0 (has ended)" in out
    assert "p1 (in force)" in out
    assert "p2 (still to come)" in out


def test_an_unknown_sku_is_wrong_usage_with_the_nearest_named() -> None:
    assert "did you mean aws.transcribe.batch?" in run("show", "aws.transcribe.batches", code=2).stderr
    assert "its regions" not in run("show", SKU, "--region", "mars").stdout
    assert "it has no price in mars" in run("show", SKU, "--region", "mars").stdout


def test_the_shipped_book_passes_its_check_with_warnings() -> None:
    found = as_json("check")
    assert (found["slips"], len(found["warnings"])) == ([], 30)
    assert found["rows"] == len(list(shipped().rows()))
    assert "aws.transcribe.medical@unstated@2026-01-01: its source has no date" in run("check").stderr


def test_check_lists_every_slip_of_the_files_in_force(place: Path) -> None:
    bad = (
        CONTRACT.replace("0.0007", "0.7")
        + CONTRACT.replace('"image"', '"images"')
        + CONTRACT.replace('"ours"', '"later"')
        .replace("2026-01-30", "2026-11-22")
        .replace("us-east-1", "eu-west-9")
    )
    contract(place, bad)
    found = as_json("check", code=1)
    own = str(place / "own.toml")
    assert len(found["slips"]) == 3
    told = "\n".join(found["slips"])
    assert f"{own}, row 1 (ours): tier 1 costs 0.7 USD" in told
    assert f"{own}, row 2 (ours): unit must be one of" in told
    assert "later: checked_on 2026-11-22 is still to come" in told
    assert found["files"] == [own]
    result = run("check", code=1)
    assert result.stderr.count("error: ") == 3
    assert "3 slips" in result.stdout
    assert "own.toml, row 2" in run("list", code=3).stderr, "and nothing else works until it is right"


def test_check_takes_files_that_are_not_in_force(place: Path) -> None:
    (place / "draft.toml").write_text(CONTRACT, encoding="utf-8")
    assert as_json("check", "draft.toml") == {
        "command": "prices check",
        "day": "2026-11-21",
        "files": ["draft.toml"],
        "rows": 1,
        "slips": [],
        "warnings": [],
        "exit_code": 0,
    }
    (place / "draft.toml").write_text(CONTRACT.replace("0.0007", "0.00000001"), encoding="utf-8")
    assert len(as_json("check", "draft.toml", "absent.toml", code=1)["slips"]) == 2
    assert "absent.toml cannot be read" in run("check", "absent.toml", code=1).stderr


def test_check_finds_a_slip_in_an_adapters_own_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, fake_provider(price=fake_price("1.5")))
    (slip,) = as_json("check", code=1)["slips"]
    assert slip.startswith("prices of the provider fake (fake.vision.label@test): tier 1 costs 1.5 USD")


def test_prices_that_an_adapter_must_not_have_harm_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, fake_provider(price=fake_price("0")))
    assert as_json("list", "--provider", "fake")["prices"] == []
    (slip,) = as_json("check", code=1)["slips"]
    assert "a price of 0 needs" in slip


def test_nothing_in_a_price_file_steers_the_terminal(place: Path) -> None:
    contract(place, CONTRACT.replace("contract 4711", "\\u001b[31m[bold]\\u202e"))
    out = run("show", SKU, "--region", "us-east-1").stdout
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[bold]" in out


def test_amounts_keep_every_decimal() -> None:
    (row,) = as_json("show", "aws.transcribe.streaming")["rows"]
    assert Decimal(row["tiers"][0]["price"]) == Decimal("0.0001667")


def test_a_source_without_a_day_is_old_however_new_its_row(monkeypatch: pytest.MonkeyPatch) -> None:
    day = date(2026, 11, 20)
    only(monkeypatch, fake_provider(price=replace(fake_price(), valid_from=day, checked_on=day, dated=False)))
    (row,) = as_json("list", "--provider", "fake")["prices"]
    assert (row["stale"], row["age_days"], row["checked_on"]) == (True, None, None)
    assert "undated !" in run("list", "--provider", "fake").stdout
