"""``mlbroker budget``: how budgets stand, and putting those of the settings in force."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from broker import Broker, BrokerError, BudgetExceeded
from broker.cli import standing
from broker.errors import Outcome, Unavailable
from broker.ledger import Intent
from broker.runtime.virtual import VirtualRuntime
from broker.sections import BudgetSettings
from broker.testing.fake import FakeAdapter, fake_price, fake_provider
from broker.types import Image
from broker.types.budget import Budget, BudgetState, Window
from broker.types.call import AttemptKind

D = Decimal
Write = Callable[[str], None]
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
LOST = Unavailable("the answer was lost", outcome=Outcome.AMBIGUOUS)
MONTHLY = '[budgets.monthly]\nlimit = "0.010"\n'


def spend(clock: VirtualRuntime, number: int, *adapters: type[FakeAdapter], **options: Any) -> None:
    """So many calls with the settings in force, at 0.001 each unless the adapter has another price."""
    kinds = adapters or (fake_provider(),)
    with Broker(adapters=list(kinds), provider=kinds[0].manifest.provider, runtime=clock) as broker:
        for _ in range(number):
            try:
                broker.vision.label(PICTURE, **options)
            except BrokerError:
                continue


def content(path: str) -> list[str]:
    """All that the ledger holds."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_looking_makes_no_ledger(cli: Any, settings: Write, ledger_path: str) -> None:
    settings(MONTHLY)
    lines = cli.lines("budget")
    assert lines[0].split() == ["budget", "limit", "spent", "left", "used", "state"]
    assert lines[2].split() == ["monthly", "$0.01", "-", "-", "-", "not", "applied"]
    assert "  not applied; type: mlbroker budget apply" in lines
    assert lines[-1].endswith("(not there yet)")
    (row,) = cli.json("budget")["budgets"]
    assert (row["state"], row["in_force"], row["applied"], row["spent"]) == (
        "not applied",
        False,
        False,
        None,
    )
    assert not Path(ledger_path).exists()


def test_without_any_budget_it_says_how_to_have_one(cli: Any) -> None:
    out = cli.run("budget").stdout
    assert "no budget is in force" in out
    assert "[budgets.NAME]" in out
    assert cli.json("budget", "list")["budgets"] == []


def announce(clock: VirtualRuntime, **facts: Any) -> None:
    """An attempt that its living process has under way."""
    given: dict[str, Any] = {
        "bound": D("0.001"),
        "unpriced": None,
        "currency": "USD",
        "kind": AttemptKind.FIRST,
    }
    intent = Intent(
        call_id="ab" * 16,
        number=1,
        started=clock.now(),
        provider="fake",
        profile="",
        service="Fake Vision",
        operation="vision.label",
        region=None,
        tags={},
        **{**given, **facts},
    )
    with Broker(runtime=clock) as broker:
        broker.ledger.announce(intent)


def test_each_budget_is_a_row_with_its_state(cli: Any, settings: Write, clock: VirtualRuntime) -> None:
    settings(
        '[budgets.gone]\nlimit = "0.002"\nwindow = "hour"\ntags = {project = "atlas"}\naction = "degrade"\n'
        '[budgets.high]\nlimit = "0.0045"\nwindow = "rolling 24h"\nprovider = "fake"\nwarn_at = [0.5, 0.9]\n'
        '[budgets.low]\nlimit = "5"\ncurrency = "EUR"\nunpriced = "0.01"\noperation = "vision.*"\naction = "warn"\n'
        '[budgets.wide]\nlimit = 20\nwindow = "day"\n'
    )
    spend(clock, 2, tags={"project": "atlas"})
    clock.advance(1800)
    announce(clock)
    assert cli.lines("budget") == [
        "budget      limit      spent       left   used          state",
        "───────────────────────────────────────────────────────────────",
        "gone       $0.002     $0.002      $0.00   ##### 100 %   used up",
        "high      $0.0045     $0.002    $0.0015   ###--  66 %   warning",
        "low      5.00 EUR   0.02 EUR   4.97 EUR   -----  <1 %   ok",
        "wide       $20.00     $0.002    $19.997   -----  <1 %   ok",
        "",
        "gone: project=atlas; hour; degrade to local",
        "  resets 2026-01-15 13:00 UTC, in 30 min",
        "high: fake; rolling 24h; stop",
        "  its oldest part leaves 2026-01-16 12:24 UTC, in 23 h 54 min; reserved $0.001",
        "  for attempts under way",
        "low: vision.*; month; warn",
        "  resets 2026-02-01 00:00 UTC, in 16 d 11 h; reserved 0.01 EUR for attempts",
        "  under way",
        "wide: all calls; day; stop",
        "  resets 2026-01-16 00:00 UTC, in 11 h 30 min; reserved $0.001 for attempts",
        "  under way",
        "",
        "times in UTC; ledger: ~/ledger.db",
    ]


@pytest.mark.parametrize("columns", ["40", "60", "80", "120"])
def test_a_narrow_terminal_loses_no_digit(
    cli: Any, settings: Write, clock: VirtualRuntime, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    name = "a-name-as-long-as-sixty-four-characters-that-nobody-ever-types-x"
    settings(f'[budgets.{name}]\nlimit = "1234567.123456789012"\n')
    spend(clock, 1)
    monkeypatch.setenv("COLUMNS", columns)
    lines = [line.rstrip() for line in cli.run("budget").stdout.splitlines()]
    assert max(map(len, lines)) <= int(columns)
    table = "".join(lines[2 : lines.index("")])
    whole = f"{name}$1234567.123456789012$0.001$1234567.122456789012<1 %"
    assert sorted(filter(str.isdigit, table)) == sorted(filter(str.isdigit, whole)), "a cell was cut"


def test_json_has_all_of_it_without_floats(cli: Any, settings: Write, clock: VirtualRuntime) -> None:
    settings('[budgets.team]\nlimit = "0.004"\ntags = {team = "x"}\naction = "degrade"\nunpriced = "0.5"\n')
    spend(clock, 1, fake_provider([LOST]), tags={"team": "x"})
    found = cli.json("budget")
    assert (found["command"], found["recorded"], found["settings"]) == ("budget", True, "mlbroker.toml")
    assert (found["unknown_attempts"], found["unpriced_attempts"], found["since"]) == (1, 0, "2026-01-01")
    assert found["budgets"] == [
        {
            "name": "team",
            "state": "ok",
            "in_force": True,
            "in_settings": True,
            "applied": True,
            "differences": [],
            "scope": "team=x",
            "provider": None,
            "operation": None,
            "tags": {"team": "x"},
            "window": "month",
            "currency": "USD",
            "limit": "0.004",
            "spent": "0.001",
            "unknown": "0.001",
            "reserved": "0",
            "standing": "0",
            "standing_ahead": "0",
            "standing_unknown": None,
            "left": "0.003",
            "share": "0.25",
            "resets_at": "2026-02-01T00:00:00+00:00",
            "action": "degrade",
            "degrade_to": ["local"],
            "warn_at": ["0.8"],
            "unpriced": "0.5",
        }
    ]


def test_what_is_not_known_stands_on_top(cli: Any, settings: Write, clock: VirtualRuntime) -> None:
    settings('[budgets.monthly]\nlimit = "0.010"\nunpriced = "0.0005"\n')
    spend(clock, 2, fake_provider([LOST]))
    spend(clock, 1, fake_provider(provider="dark", price=fake_price(None, sku="dark.vision.label")))
    lines = cli.lines("budget")
    assert lines[0].startswith("warning: 1 attempt since 2026-01-01 has no known price")
    assert lines[2].startswith("warning: 2 attempts since 2026-01-01 may have been billed")
    text = " ".join(" ".join(lines).split())
    assert "of the spent $0.002 may not have been billed" in text
    assert "'mlbroker settle'" in text


def test_only_attempts_of_windows_in_force_are_warned_of(
    cli: Any, settings: Write, clock: VirtualRuntime
) -> None:
    settings(MONTHLY)
    spend(clock, 1, fake_provider([LOST]))
    clock.advance(timedelta(days=40).total_seconds())
    assert not cli.run("budget").stdout.startswith("warning")


def test_looking_writes_nothing(cli: Any, settings: Write, clock: VirtualRuntime, ledger_path: str) -> None:
    settings(MONTHLY)
    spend(clock, 1)
    announce(clock)
    settings('[budgets.monthly]\nlimit = "5"\n[budgets.other]\nlimit = "1"\n')
    before = content(ledger_path)
    cli.run("budget")
    cli.run("budget", "--json")
    cli.run("doctor", code=0)
    assert content(ledger_path) == before


def test_a_budget_of_the_settings_that_is_not_in_force_is_marked(
    cli: Any, settings: Write, clock: VirtualRuntime
) -> None:
    settings(MONTHLY)
    spend(clock, 1)
    settings('[budgets.monthly]\nlimit = "20"\naction = "warn"\n')
    assert (
        "limit $0.01 -> $20.00; action stop -> warn (mlbroker.toml) is not applied; type: mlbroker"
        in " ".join(" ".join(cli.lines("budget")).split())
    )
    (row,) = cli.json("budget")["budgets"]
    assert (row["state"], row["applied"], row["limit"]) == ("ok", False, "0.01")
    assert row["differences"][0] == {"setting": "limit", "in_force": "$0.01", "wanted": "$20.00"}


def test_the_same_limit_written_otherwise_is_no_difference(
    cli: Any, settings: Write, clock: VirtualRuntime
) -> None:
    settings('[budgets.monthly]\nlimit = "20"\n')
    spend(clock, 1)
    settings('[budgets.monthly]\nlimit = "20.000"\n')
    assert cli.json("budget")["budgets"][0]["applied"] is True
    assert cli.json("budget", "apply")["budgets"][0]["change"] == "none"


def test_apply_raises_a_limit_for_those_who_call(cli: Any, settings: Write, clock: VirtualRuntime) -> None:
    settings('[budgets.monthly]\nlimit = "0.002"\n')
    with Broker(adapters=[fake_provider()], provider="fake", runtime=clock) as broker:
        for _ in range(2):
            broker.vision.label(PICTURE)
        with pytest.raises(BudgetExceeded):
            broker.vision.label(PICTURE)
        settings('[budgets.monthly]\nlimit = "0.003"\n')
        assert cli.lines("budget", "apply") == ["monthly: limit $0.002 -> $0.003; $0.002 of it used (66 %)"]
        broker.vision.label(PICTURE)
    assert cli.lines("budget", "apply") == ["monthly: unchanged, $0.003; $0.003 of it used (100 %)"]


def test_apply_says_what_is_new_counted_anew_and_of_others(
    cli: Any, settings: Write, clock: VirtualRuntime
) -> None:
    settings("[budgets.old]\nlimit = 1\n[budgets.moved]\nlimit = 1\n")
    spend(clock, 1)
    clock.advance(timedelta(days=1).total_seconds())
    spend(clock, 2)
    settings('[budgets.moved]\nlimit = 1\nwindow = "day"\n[budgets.new]\nlimit = "0.004"\n')
    assert cli.lines("budget", "apply") == [
        "moved: window month -> day; counted anew; $0.002 of it used (<1 %)",
        "new: new, $0.004 (all calls; month; stop); $0.003 of it used (75 %)",
        "old: in force, but not in mlbroker.toml; to end it: mlbroker budget remove old",
    ]
    found = cli.json("budget", "apply")
    assert [each["change"] for each in found["budgets"]] == ["none", "none"]
    assert found["others"] == ["old"]
    text = " ".join(" ".join(cli.lines("budget")).split())
    assert "of another settings file, or left over; 'mlbroker budget remove old' ends it" in text


def test_apply_makes_the_ledger_that_it_needs(cli: Any, settings: Write, ledger_path: str) -> None:
    settings(MONTHLY)
    (row,) = cli.json("budget", "apply")["budgets"]
    assert (row["change"], row["state"], row["applied"]) == ("new", "ok", True)
    assert Path(ledger_path).exists()


def test_apply_without_budgets_is_a_slip(cli: Any, settings: Write, ledger_path: str) -> None:
    assert "[budgets.NAME]" in cli.run("budget", "apply", code=3).stderr
    settings("deadline = 5\n")
    assert "mlbroker.toml has no budget" in cli.run("budget", "apply", code=3).stderr
    assert not Path(ledger_path).exists()


def test_remove(cli: Any, settings: Write, clock: VirtualRuntime) -> None:
    settings(MONTHLY)
    assert "no budget 'x' in force" in cli.run("budget", "remove", "x", code=2).stderr
    spend(clock, 1)
    refused = cli.run("budget", "remove", "monthly", code=2).stderr
    assert "monthly is in mlbroker.toml" in refused
    assert "take [budgets.monthly] out first" in refused
    settings("deadline = 5\n")
    assert "did you mean monthly?" in cli.run("budget", "remove", "montly", code=2).stderr
    assert "no longer in force" in cli.run("budget", "remove", "monthly").stdout
    assert cli.json("budget")["budgets"] == []
    assert cli.json("spend")["totals"][0]["amount"] == "0.001"


def test_remove_names_the_variables_where_no_file_has_it(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLBROKER_BUDGETS__night__limit", "1")
    assert "MLBROKER_* variables" in cli.run("budget", "remove", "night", code=2).stderr


def test_usage(cli: Any) -> None:
    assert "mlbroker budget apply --json" in cli.run("budget", "--json", "apply", code=2).stderr
    out = cli.run("budget", "--help").stdout
    assert "apply" in out
    assert "remove" in out


def test_a_ledger_that_is_none_is_told(cli: Any, settings: Write, ledger_path: str) -> None:
    settings(MONTHLY)
    Path(ledger_path).write_bytes(b"this is no database, and long enough to be seen as none" * 99)
    Path(ledger_path).chmod(0o600)
    for arguments in (["budget"], ["budget", "apply"], ["settle"]):
        assert "no SQLite database" in cli.run(*arguments, code=4).stderr


def test_what_settings_hold_cannot_steer_a_terminal(cli: Any, settings: Write, clock: VirtualRuntime) -> None:
    settings('[budgets.a]\nlimit = 1\ntags = {team = "[red]x\\u001b[31m \\u202eevil :smile:"}\n')
    spend(clock, 1)
    out = cli.run("budget").stdout
    assert "team=[red]x" in out
    assert not {"\x1b", "\u202e", "\U0001f604"} & set(out)


def test_spend_tells_attempts_apart_by_why_they_were_made(
    cli: Any, settings: Write, clock: VirtualRuntime
) -> None:
    settings('[budgets.monthly]\nlimit = "0.0055"\n')
    failing = fake_provider([Unavailable("down")], provider="first")
    with Broker(adapters=[failing, fake_provider()], runtime=clock) as broker:
        broker.vision.label(PICTURE, provider=["first", "fake"])
    announce(clock, kind=AttemptKind.PROBE)
    rows = cli.json("spend", "--by", "kind")["rows"]
    assert {row["group"]["kind"]: row["attempts"] for row in rows} == {
        "first": 1,
        "retry": 2,
        "fallback": 1,
        "probe": 1,
    }
    lines = cli.lines("spend", "--by", "kind,provider")
    assert lines[2].split()[:2] == ["fallback", "fake"]
    assert "'mlbroker settle' lists what may have been billed, and settles it" in lines
    assert "budget: monthly at 90 %; 'mlbroker budget' shows more" in lines
    assert cli.json("spend")["budgets"] == [{"name": "monthly", "state": "warning", "share": "0.909"}]


def test_spend_keeps_the_unpriced_on_top_whatever_is_asked_for(
    cli: Any, settings: Write, clock: VirtualRuntime
) -> None:
    facts = 'limit = "0.001000000001"\nunpriced = "0.000000000001"\n'
    settings(f"[budgets.one]\n{facts}[budgets.two]\n{facts}")
    spend(clock, 1)
    spend(clock, 1, fake_provider(provider="dark", price=fake_price(None, sku="dark.vision.label")))
    for by in ("kind", "month", "provider,profile", "tag:team"):
        lines = cli.lines("spend", "--by", by)
        assert lines[0] == "warning: 1 attempt has no known price; its cost is in no sum"
        assert "budgets: one used up, two used up; 'mlbroker budget' shows more" in lines
        assert not any("settle" in line for line in lines), "nothing waits for a decision"


def test_doctor_has_a_line_for_what_is_in_force_and_one_for_what_is_not(
    cli: Any, settings: Write, clock: VirtualRuntime
) -> None:
    cli.adapters(fake_provider())
    assert not any("budget" in line for line in cli.lines("doctor"))
    settings('[budgets.one]\nlimit = "0.001"\n[budgets.two]\nlimit = 1\n')
    spend(clock, 1)
    settings('[budgets.one]\nlimit = "0.001"\n[budgets.three]\nlimit = 1\n')
    lines = cli.lines("doctor")
    at = lines.index("budgets   2 in force; used up: one: 'mlbroker budget'")
    assert lines[at + 1] == "          not applied: three; type: mlbroker budget apply"
    assert cli.json("doctor")["budgets"] == {
        "in_force": ["one", "two"],
        "used_up": ["one"],
        "not_applied": ["three"],
        "of_others": ["two"],
    }
    settings("deadline = -1\n")
    assert cli.json("doctor", code=3)["budgets"] is None


def test_a_refused_command_names_the_budget_and_what_to_type(
    cli: Any, settings: Write, clock: VirtualRuntime, tmp_path: Path, photo: bytes
) -> None:
    (tmp_path / "cat.jpg").write_bytes(photo)
    cli.adapters(fake_provider())
    settings('[budgets.monthly]\nlimit = "0.0005"\n')
    told = cli.run("label", "cat.jpg", code=4).stderr
    for words in ("budget 'monthly'", "mlbroker budget apply", "'mlbroker budget' shows how budgets stand"):
        assert words in told
    assert "--max-cost" not in told
    assert "--max-cost" in cli.run("label", "cat.jpg", "--max-cost", "0.0001", code=4).stderr


def test_the_example_that_init_writes_is_a_budget(cli: Any, tmp_path: Path) -> None:
    cli.run("init", "--path", "made.toml")
    text = (tmp_path / "made.toml").read_text()
    begin = text.index("#[budgets.monthly]")
    example = text[begin : text.index("\n\n", begin)]
    lines = [line[1:] for line in example.splitlines() if not line.startswith("# ")]
    (tmp_path / "used.toml").write_text("\n".join(lines))
    (row,) = cli.json("--config", "used.toml", "budget", "apply")["budgets"]
    assert (row["name"], row["limit"], row["action"], row["warn_at"]) == ("monthly", "50", "stop", ["0.8"])
    for name in BudgetSettings.model_fields:
        assert name in example, f"{name} is not in the example"
    assert "#allowed_regions = []" in text


def state(limit: str, used: str, *warn_at: str) -> BudgetState:
    budget = Budget(name="a", limit=D(limit), window=Window(text="day"), warn_at=tuple(map(D, warn_at)))
    at = VirtualRuntime().now()
    return BudgetState(budget=budget, at=at, spent=D(used), unknown=D(0), reserved=D(0), resets_at=at)


@pytest.mark.parametrize(
    ("limit", "used", "percent", "bar", "word"),
    [
        ("10", "0", "0 %", "----------", "ok"),
        ("10", "0.000001", "<1 %", "----------", "ok"),
        ("10", "4.99", "49 %", "####------", "ok"),
        ("10", "5", "50 %", "#####-----", "warning"),
        ("10", "9.999999", "99 %", "#########-", "warning"),
        ("10", "10", "100 %", "##########", "used up"),
        ("10", "123.4", "1,234 %", "##########", "used up"),
        ("0", "0", "100 %", "##########", "used up"),
        ("0.000000000001", "0", "0 %", "----------", "ok"),
        ("999999999999", "999999999998", "99 %", "#########-", "warning"),
    ],
)
def test_shares_are_never_rounded_up(limit: str, used: str, percent: str, bar: str, word: str) -> None:
    found = state(limit, used, "0.9", "0.5")
    assert (standing.percent(found), standing.bar(found), standing.word(found)) == (percent, bar, word)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "less than a minute"),
        (59, "less than a minute"),
        (60, "1 min"),
        (3600, "1 h"),
        (3660, "1 h 1 min"),
        (86_399, "23 h 59 min"),
        (86_400, "1 d"),
        (100 * 86_400 + 7200, "100 d 2 h"),
    ],
)
def test_spans(seconds: int, shown: str) -> None:
    assert standing.span(timedelta(seconds=seconds)) == shown
