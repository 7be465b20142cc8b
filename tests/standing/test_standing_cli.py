"""``mlbroker standing``, and what stands in ``spend``, ``budget`` and dry runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

ADD = ("standing", "add", "docs", "--sku", "words.hour", "-p", "words")


def test_nothing_stands_and_looking_makes_no_ledger(shop: Any, tmp_path: Path) -> None:
    assert shop.lines("standing")[0] == "nothing is declared that is paid by the hour"
    assert shop.json("standing")["recorded"] is False
    assert not list(tmp_path.rglob("*.db"))


def test_add_list_end(shop: Any) -> None:
    assert shop.lines(*ADD, "--since", "2026-01-01", "--units", "2") == [
        "docs: stands since 2026-01-01 00:00 UTC",
        "$0.20 an hour, $148.80 in this whole month",
    ]
    assert shop.lines("standing")[:3] == [
        "name   sku          since        units   an hour   month so far",
        "───────────────────────────────────────────────────────────────",
        "docs   words.hour   2026-01-01       2     $0.20         $69.60",
    ]
    (found,) = shop.json("standing", "list")["standing"]
    assert {
        name: found[name] for name in ("hourly", "month", "whole_month", "stands", "until", "in_settings")
    } == {
        "hourly": "0.2",
        "month": "69.6",
        "whole_month": "148.8",
        "stands": True,
        "until": None,
        "in_settings": False,
    }
    ended = shop.json("standing", "end", "docs", "--at", "2026-01-10T00:30:00Z", "--reason", "moved")[
        "standing"
    ]
    assert (ended["whole_month"], ended["stands"]) == ("43.4", False)
    assert "ended" in shop.lines("standing")[2]


def test_the_same_again_changes_nothing_and_something_else_is_refused(shop: Any) -> None:
    shop.run(*ADD, "--since", "2026-01-01")
    shop.run(*ADD, "--since", "2026-01-01")
    assert "is not rewritten" in shop.run(*ADD, "--since", "2026-01-02", code=3).stderr


def test_slips(shop: Any) -> None:
    assert "write a day" in shop.run(*ADD, "--since", "soon", code=2).stderr
    assert "write a day" in shop.run(*ADD, "--since", "2026-01-01T10:00:00", code=2).stderr
    assert "units" in shop.run(*ADD, "--since", "2026-01-01", "--units", "[bold]", code=1).stderr
    assert "write a day" in shop.run(*ADD, "--since", "0001-01-01T00:00:00+14:00", code=2).stderr
    for far in ("0001-01-01", "9999-12-31"):
        assert "2000 to 2199" in shop.run(*ADD, "--since", far, code=1).stderr
    late = ("--since", "2026-01-01", "--until", "9999-12-31")
    assert "declared so: what stands begins" in shop.run(*ADD, *late, code=1).stderr
    assert "nothing of the name" in shop.run("standing", "end", "docs", code=2).stderr
    shop.run(*ADD, "--since", "2026-01-01")
    assert "nothing of the name" in shop.run("standing", "end", "other", code=2).stderr
    assert "ends before it begins" in shop.run("standing", "end", "docs", "--at", "2025-01-01", code=2).stderr
    assert "leave until out" in shop.run("standing", "end", "docs", "--at", "9999-12-31", code=2).stderr
    assert "--reason" in shop.run("standing", "remove", "docs", code=2).stderr


def test_remove_takes_it_out_with_all_it_came_to(shop: Any) -> None:
    shop.run(*ADD, "--since", "2026-01-01")
    assert shop.lines("standing", "remove", "docs", "--reason", "a slip") == [
        "docs: taken out: it stood since 2026-01-01 00:00 UTC"
    ]
    assert shop.json("spend")["standing"]["rows"] == []


def test_what_the_settings_declare_cannot_be_removed(shop: Any, tmp_path: Path) -> None:
    (tmp_path / "mlbroker.toml").write_text(
        '[standing.docs]\nsku = "words.hour"\nprovider = "words"\nsince = 2026-01-01\n'
    )
    assert "not in the ledger yet" in "\n".join(shop.lines("standing"))
    assert shop.json("standing")["not_applied"] == ["docs"]
    result = shop.run("standing", "remove", "docs", "--reason", "a slip", code=2)
    assert "[standing.docs]" in result.stderr


def test_a_price_that_is_not_known_is_said(shop: Any) -> None:
    result = shop.run(
        "standing",
        "add",
        "x",
        "--sku",
        "words.other",
        "-p",
        "words",
        "--operation",
        "search.*",
        "--since",
        "2026-01-01",
    )
    assert "its price is not known: the price book has no row for words.other" in result.stderr
    assert "unknown" in shop.lines("standing")[2]
    assert "unknown" in "\n".join(shop.lines("spend"))


def test_spend_shows_it_apart_with_its_rule(shop: Any) -> None:
    with shop.paid().broker(standing=shop.docs()) as broker:
        broker.search.upsert([{"id": "1", "content": "one"}])
        broker.search.query("one")
    lines = shop.lines("spend")
    begin = lines.index("paid by the hour, called or not; in no amount above")
    assert "$0.0011" in "\n".join(lines[:begin])
    assert lines[begin + 1 : begin + 9] == [
        "what stands         hours   amount     idle",
        "───────────────────────────────────────────",
        "docs (words.hour)     348   $34.80   $33.60",
        "provider   operation       attempts   its share   for each",
        "──────────────────────────────────────────────────────────",
        "words      search.query           1       $0.60      $0.60",
        "words      search.upsert          1       $0.60      $0.60",
        "rule equal-by-day/1: a day's cost in equal parts to its answered attempts; idle:",
    ]
    found = shop.json("spend", "--by", "provider")["standing"]
    assert found["rule"] == "equal-by-day/1"
    assert found["totals"] == {"USD": "34.8"}
    assert found["allocated"] == [
        {"group": {"provider": "words"}, "attempts": 2, "currency": "USD", "amount": "1.2"}
    ]
    assert (found["rows"][0]["amount"], found["rows"][0]["idle"]) == ("34.8", "33.6")
    assert shop.json("spend")["totals"][0]["amount"] == "0.0011"


def test_budget_says_what_part_is_by_the_hour(shop: Any) -> None:
    with shop.broker(standing=shop.docs(), budgets={"b": {"limit": "100"}}):
        pass
    told = " ".join(line.strip() for line in shop.lines("budget"))
    assert "by the hour $34.80, and $39.60 to come" in told
    assert "attempts under way" not in told
    (found,) = shop.json("budget")["budgets"]
    assert {name: found[name] for name in ("spent", "reserved", "standing", "standing_ahead", "left")} == {
        "spent": "34.8",
        "reserved": "39.6",
        "standing": "34.8",
        "standing_ahead": "39.6",
        "left": "25.6",
    }


def test_a_dry_run_says_what_stands_beside_it(shop: Any) -> None:
    with shop.broker(standing=shop.docs()):
        pass
    told = "\n".join(shop.lines("search", "query", "storm", "-p", "words", "--dry-run"))
    assert "beside it stands docs (words.hour): $0.10 an hour, called or not" in told
    (made,) = shop.json("search", "query", "storm", "-p", "words", "--dry-run")["estimates"]
    assert made["standing"][0]["hourly"] == "0.1"


def warnings(shop: Any) -> list[str]:
    (found,) = shop.json("doctor")["providers"]
    return [each for each in found["warnings"] if "standing add" in each]


def test_doctor_says_what_stands_and_is_declared_by_nobody(shop: Any, tmp_path: Path) -> None:
    assert warnings(shop) == [], "no index is set"
    (tmp_path / "mlbroker.toml").write_text('[providers.words]\nindex = "main"\n')
    (told,) = warnings(shop)
    assert told.startswith("search.query, search.upsert, search.delete, search.status: ")
    assert "mlbroker standing add words-index --sku words.hour -p words --since 2026-01-15" in told
    shop.run(*ADD, "--since", "2026-01-01")
    assert warnings(shop) == []
    shop.run("standing", "end", "docs")
    assert len(warnings(shop)) == 1, "what has ended stands no more"


def test_doctor_takes_what_the_settings_declare_for_declared(shop: Any, tmp_path: Path) -> None:
    (tmp_path / "mlbroker.toml").write_text(
        '[providers.words]\nindex = "main"\n[standing.docs]\nsku = "words.hour"\nprovider = "words"\nsince = 2026-01-01\n'
    )
    assert warnings(shop) == []


def test_doctor_knows_an_index_that_is_named_by_calls_only(shop: Any) -> None:
    with shop.broker() as broker:
        broker.search.query("storm", index="other")
    (told,) = warnings(shop)
    assert told.startswith("search.query: ")


def test_budgets_that_are_applied_count_what_the_settings_say_stands(shop: Any, tmp_path: Path) -> None:
    (tmp_path / "mlbroker.toml").write_text(
        f'[standing.docs]\nsku = "words.hour"\nprovider = "words"\nsince = 2026-01-01\n'
        f'[budgets.b]\nlimit = "100"\n[prices]\nfiles = ["{tmp_path}/contract.toml"]\n'
    )
    (found,) = shop.json("budget", "apply")["budgets"]
    assert (found["standing"], found["standing_ahead"]) == ("34.8", "39.6")
