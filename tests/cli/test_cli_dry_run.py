"""``--dry-run``: what a command would cost, summed over all files; nothing is sent and nothing recorded."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cli_support import NASTY, harmless, png

from broker.cli.output import today
from broker.contract import ImageLimits, OperationSpec, Setup, Support
from broker.testing.fake import FakeAdapter, fake_price, fake_provider
from broker.types import Price, Tier

SPEC = OperationSpec(operation="vision.label", service="Fake Vision")


def tiered(*tiers: tuple[int | None, str], sku: str = "fake.vision.label") -> Price:
    rows = tuple(
        Tier(up_to=None if up_to is None else Decimal(up_to), price=Decimal(price)) for up_to, price in tiers
    )
    return replace(fake_price(sku=sku), tiers=rows)


def paid(provider: str, price: str | None, **facts: Any) -> type[FakeAdapter]:
    row = replace(fake_price(price, sku=f"{provider}.vision.label"), checked_on=today())
    return fake_provider(provider=provider, price=row, **facts)


def unready(provider: str, problem: str = "no key; type: make a key") -> type[FakeAdapter]:
    class Unready(paid(provider, "0.01")):  # type: ignore[misc]
        def setup(self) -> Setup:
            return Setup(configured=False, problem=problem)

    return Unready


def silent(*kinds: type[FakeAdapter]) -> bool:
    """Nobody was asked and nothing was written."""
    with closing(sqlite3.connect(os.environ["MLBROKER_LEDGER__PATH"])) as connection:
        (count,) = connection.execute("SELECT count(*) FROM attempt").fetchone()
    return count == 0 and all(kind.play.seen == [] for kind in kinds)


def test_many_files_over_a_tier_border_are_summed_right(cli: Any, cat: str) -> None:
    kind = fake_provider(price=tiered((1000, "0.001"), (None, "0.0008")))
    cli.adapters(kind)
    found = cli.json("label", *[cat] * 1500, "--dry-run")
    (row,) = found["providers"]
    assert (row["calls"], row["units"], row["amount"]) == (1500, {"image": "1500"}, "1.4")
    assert (row["upper_bound"], row["worst_case"]) == ("1.5", "4.5")
    assert found["summary"]["cost"] == [{"currency": "USD", "amount": "1.4", "at_most": "4.5"}]
    out = cli("label", *[cat] * 1500, "--dry-run").stdout
    assert "1,500 images" in out
    assert "1,500 files, 1,500 calls; cost $1.40, at most $4.50" in " ".join(out.split())
    assert silent(kind)


def test_it_begins_where_the_month_stands(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider(price=tiered((3, "1"), (None, "0.5"))))
    cli("label", cat, cat)
    assert cli.json("label", cat, cat, "--dry-run")["providers"][0]["amount"] == "1.5"
    told = cli.json("label", cat, cat, "--dry-run")["summary"]["cost"][0]["amount"]
    assert cli.json("label", cat, cat)["summary"]["cost"][0]["amount"] == told == "1.5"


def test_compare_asks_each_provider_for_each_file(cli: Any, cat: str) -> None:
    kinds = (
        paid("one", "0.01"),
        paid("two", None),
        fake_provider(provider="free", price=fake_price(free=True, sku="free.vision.label")),
        unready("keyless"),
        fake_provider(
            provider="blind", spec=replace(SPEC, support=Support.NEVER, reason="it has no pictures")
        ),
    )
    cli.adapters(*kinds)
    found = cli.json("compare", cat, cat, "--dry-run")
    rows = {row["provider"]: row for row in found["providers"]}
    assert list(rows) == ["one", "two", "free", "keyless"]
    assert [row["calls"] for row in rows.values()] == [2, 2, 2, 2]
    assert [row["amount"] for row in rows.values()] == ["0.02", None, "0", "0.02"]
    assert rows["two"]["unpriced_calls"] == 2
    assert rows["keyless"]["configured"] is False
    assert rows["keyless"]["notes"] == ["not configured: no key; type: make a key"]
    assert found["summary"]["calls"] == 6
    assert found["summary"]["cost"] == [{"currency": "USD", "amount": "0.02", "at_most": None}]
    assert found["summary"]["unpriced_calls"] == 2
    out = cli("compare", cat, cat, "--dry-run").stdout
    assert "no key; type: make a key" in out
    assert "cost $0.02, 2 calls of unknown cost, at most unknown" in " ".join(out.split())
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80
    assert silent(*kinds)


def test_who_would_only_take_over_is_shown_without_calls(cli: Any, cat: str) -> None:
    kinds = (unready("keyless"), paid("one", "0.01"), paid("two", "0.002"))
    cli.adapters(*kinds)
    found = cli.json("label", cat, "-p", "keyless,one,two", "--dry-run")
    assert [(row["provider"], row["calls"]) for row in found["providers"]] == [
        ("keyless", 0),
        ("one", 1),
        ("two", 0),
    ]
    assert found["providers"][2]["notes"] == ["if others fail"]
    assert found["summary"]["cost"] == [{"currency": "USD", "amount": "0.01", "at_most": "0.036"}]
    assert found["files"] == [
        {"file": "cat.png", "ok": True, "provider": "one", "amount": "0.01", "currency": "USD"}
    ]


def test_what_is_not_configured_is_estimated_all_the_same(cli: Any, cat: str) -> None:
    cli.adapters(unready("keyless"))
    result = cli("label", cat, cat, "--dry-run", code=3)
    assert "$0.02" in result.stdout
    assert "not configured" in result.stdout
    assert "no key; type: make a key" in result.stdout
    found = cli.json("label", cat, cat, "--dry-run", code=3)
    assert found["providers"][0]["amount"] == "0.02"
    assert found["summary"]["cost"] == []
    assert cli.json("compare", cat, "--dry-run", code=3)["summary"]["calls"] == 0
    assert cli.json("compare", cat, "-p", "keyless", "--dry-run", code=3)["summary"]["calls"] == 0


def test_a_tier_border_is_crossed_by_what_is_not_configured_too(cli: Any, cat: str) -> None:
    class Unready(fake_provider(price=tiered((1, "1"), (None, "0.5")))):  # type: ignore[misc]
        def setup(self) -> Setup:
            return Setup(configured=False, problem="no key")

    cli.adapters(Unready)
    assert cli.json("label", cat, cat, cat, "--dry-run", code=3)["providers"][0]["amount"] == "2"


def test_wrong_usage_and_bad_files_end_as_usual(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider())
    cli("label", cat, "--dry-run", "--min-confidence", "50", code=2)
    result = cli("label", "nowhere.png", cat, "--dry-run", code=1)
    assert "there is no file" in result.stderr
    assert "2 files, 1 call, 1 failed; cost $0.001" in " ".join(result.stdout.split())
    assert cli.json("compare", "nowhere.png", cat, "--dry-run", code=1)["summary"]["failed"] == 1


def test_a_picture_that_a_provider_refuses_is_no_call(cli: Any, cat: str) -> None:
    limits = ImageLimits(formats=("jpeg",), max_bytes=10**6)
    cli.adapters(paid("one", "0.01", spec=replace(SPEC, limits=limits)), paid("two", "0.002"))
    result = cli("label", cat, "-p", "one", "--dry-run", code=1)
    assert "a png picture is not taken here" in result.stderr
    found = cli.json("label", cat, "-p", "one", "--dry-run", code=1)
    assert (found["summary"]["calls"], found["providers"][0]["calls"]) == (0, 0)
    found = cli.json("label", cat, "-p", "one,two", "--dry-run")
    assert found["files"][0]["provider"] == "two"
    assert found["summary"]["cost"][0]["amount"] == "0.002"


def test_refusals_by_caps_and_budgets_end_as_the_call_would(
    cli: Any, cat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = fake_provider()
    cli.adapters(kind)
    assert "refused by max_cost" in cli("label", cat, "--dry-run", "--max-cost", "0.0001", code=4).stdout
    monkeypatch.setenv("MLBROKER_BUDGETS", '{"small": {"limit": "0.002"}}')
    result = cli("label", cat, cat, cat, "--dry-run", code=4)
    assert "refused by small" in result.stdout
    assert "3 files, 2 calls, 1 failed; cost $0.002" in " ".join(result.stdout.split())
    assert silent(kind)


def test_an_old_price_is_noted(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider())
    out = " ".join(cli("label", cat, "--dry-run").stdout.split())
    assert "old price" in out
    assert "the price of fake.vision.label was checked" in out


def test_interrupted(cli: Any, cat: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from broker.facades.estimate import VisionEstimates

    label, asked = VisionEstimates.label, []

    def stop(self: Any, *arguments: Any, **options: Any) -> Any:
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return label(self, *arguments, **options)

    cli.adapters(fake_provider())
    monkeypatch.setattr(VisionEstimates, "label", stop)
    found = cli.json("label", cat, "other.png", "--dry-run", code=130)
    assert (found["summary"]["interrupted"], found["summary"]["not_tried"]) == (True, 1)
    assert found["providers"][0]["amount"] == "0.001"


def test_names_cannot_steer_the_terminal(cli: Any, home: Path) -> None:
    (home / "x\x1b[31m.png").write_bytes(png())
    cli.adapters(unready("keyless", NASTY))
    result = cli("label", str(home), "--dry-run", code=3)
    assert harmless(result.stdout)
    assert harmless(result.stderr)


@pytest.mark.parametrize("command", ["label", "compare"])
def test_help_names_it(cli: Any, command: str) -> None:
    assert "--dry-run" in cli(command, "--help").stdout


def test_no_vendors_sdk_is_needed(cli: Any, cat: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "boto3",
        "botocore",
        "grpc",
        "google.cloud.vision_v1",
        "azure.identity",
        "onnxruntime",
        "cv2",
    ):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("MLBROKER_PROVIDERS__AWS__REGION", "us-east-1")
    monkeypatch.setenv("MLBROKER_PROVIDERS__AZURE__REGION", "eastus")
    found = cli.json("compare", cat, "-p", "aws,gcp,azure", "--dry-run", code=3)
    assert [row["configured"] for row in found["providers"]] == [False] * 3
    assert all(Decimal(row["amount"]) > 0 for row in found["providers"])
    found = cli.json("label", cat, "-p", "local", "--dry-run", code=3)
    assert (found["providers"][0]["amount"], found["summary"]["calls"]) == ("0", 0)


def test_a_ledger_that_cannot_be_read_leaves_the_bound(
    cli: Any, cat: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "folder.db").mkdir()
    monkeypatch.setenv("MLBROKER_LEDGER__PATH", str(home / "folder.db"))
    cli.adapters(paid("one", "0.01"))
    (row,) = cli.json("label", cat, cat, "--dry-run")["providers"]
    assert (row["amount"], row["upper_bound"], row["unknown_calls"]) == (None, "0.02", 2)
    assert "the ledger cannot be read" in row["notes"][0]
    assert "2 calls of unknown cost, at most $0.06" in " ".join(
        cli("label", cat, cat, "--dry-run").stdout.split()
    )


def test_units_read_well() -> None:
    from broker.cli.dry_run import _counted

    told: Sequence[str] = [
        _counted(Decimal(n), unit) for n, unit in ((1, "image"), (1500, "image"), (2, "query"))
    ]
    assert told == ["1 image", "1,500 images", "2 queries"]
    assert _counted(Decimal("0.5"), "page") == "0.5 pages"
