from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from broker.errors import Outcome, ProviderFault
from broker.testing.fake import fake_price, fake_provider


def test_no_ledger_is_made_by_looking(cli: Any, home: Path) -> None:
    out = cli("spend").stdout
    assert out.startswith("nothing recorded yet")
    found = cli.json("spend")
    assert found["recorded"] is False
    assert found["rows"] == found["totals"] == []
    assert not (home / "ledger.db").exists()


def test_sums_at_80_columns(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider(price=fake_price("0.000125")))
    cli("label", cat, cat)
    lines = [line.rstrip() for line in cli("spend").stdout.splitlines()]
    assert lines[0] == "provider   operation      attempts   failed     amount   may be owed"
    assert lines[2] == "fake       vision.label          2        0   $0.00025             -"
    assert lines[4] == "total                            2        0   $0.00025             -"
    assert lines[-1] == "days in UTC: the beginning to today; ledger: ~/ledger.db"


def test_unpriced_on_top_and_at_risk_apart(cli: Any, cat: str) -> None:
    cli.adapters(
        fake_provider(provider="dark", price=fake_price(None, sku="dark.vision.label")),
        fake_provider([ProviderFault("lost", outcome=Outcome.UNKNOWN)], provider="lossy"),
    )
    cli("label", cat)
    cli("label", cat, "-p", "lossy", code=1)
    out = cli("spend").stdout
    assert out.startswith("warning: 1 attempt has no known price; its cost is in no sum\n")
    assert "may be owed: in flight" in out
    found = cli.json("spend", "--by", "provider")
    assert found["unpriced_attempts"] == 1
    lossy = next(row for row in found["rows"] if row["group"]["provider"] == "lossy")
    assert (lossy["amount"], lossy["at_risk"], lossy["unknown"], lossy["failed"]) == ("0", "0.001", 1, 1)


def test_groups_filters_and_the_rest_without_the_tag(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider(provider="one"), fake_provider(provider="two"))
    cli("label", cat, "--tag", "team=[red]a")
    cli("label", cat, "-p", "two")
    out = cli("spend", "--by", "tag:team,provider").stdout
    assert "[red]a" in out
    assert "(no tag)" in out
    assert cli.json("spend", "--provider", "two", "--by", "month")["totals"][0]["attempts"] == 1
    assert len(cli.json("spend", "--by", "month")["rows"][0]["group"]["month"]) == len("2026-09")
    assert cli.json("spend", "--until", "2001-01-01")["totals"] == []
    assert "nothing recorded that matches" in cli("spend", "--until", "2001-01-01").stdout
    total = cli.json("spend", "--since", "today")["totals"][0]
    assert Decimal(total["amount"]) == Decimal("0.002")


def test_a_foreign_ledger_is_refused(cli: Any, home: Path) -> None:
    (home / "ledger.db").write_bytes(b"this is no database, and long enough to be seen as none" * 99)
    (home / "ledger.db").chmod(0o600)
    assert "no SQLite database" in cli("spend", code=4).stderr
    assert cli.json("spend", code=4)["error"]["type"] == "LedgerUnavailable"
    assert "no SQLite database" in " ".join(cli("doctor", code=3).stdout.split())  # lines fold at 80 columns
