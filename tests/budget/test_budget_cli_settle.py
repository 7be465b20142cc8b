"""``mlbroker settle``: attempts that may have been billed, and what a person found out about them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from broker import Broker, BrokerError
from broker.errors import Outcome, Unavailable
from broker.ledger import UnknownQuery
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_price, fake_provider
from broker.types import Image

D = Decimal
Write = Callable[[str], None]
PICTURE = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
LOST = Unavailable("the answer was lost", outcome=Outcome.AMBIGUOUS, request_id="8d7f1c1e-3b1b-4a43-9df0")
MONTHLY = '[budgets.monthly]\nlimit = "0.010"\nunpriced = "0.002"\n'
DYING = """
import os
from broker import Broker
from broker.testing.fake import fake_provider
from broker.types import Image
kind = fake_provider(lambda request, context: os._exit(9))
picture = Image(data=b"a checked picture", format="png", width=100, height=80, name="cat.png")
Broker(adapters=[kind], provider="fake").vision.label(picture)
"""


def lose(clock: VirtualRuntime, number: int = 1, *, provider: str = "fake", **facts: Any) -> list[str]:
    """So many calls whose answer is lost; their ids."""
    price = replace(fake_price("0.001", sku=f"{provider}.vision.label"), **facts)
    kind = fake_provider([LOST], provider=provider, price=price)
    found = []
    with Broker(adapters=[kind], provider=provider, runtime=clock, limits={"breaker": False}) as broker:
        for _ in range(number):
            with pytest.raises(BrokerError) as caught:
                broker.vision.label(PICTURE)
            found.append(str(caught.value.call_id))
    return found


def lose_unpriced(clock: VirtualRuntime) -> str:
    (call_id,) = lose(clock, provider="dark", tiers=(), unpriced="nobody knows")
    return call_id


def decisions(path: str) -> list[tuple[Any, ...]]:
    """Billed, amount in 1e-12 and reason, as the ledger keeps them."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT billed, amount, reason FROM decision ORDER BY seq").fetchall()


def totals(cli: Any) -> tuple[str, str, int]:
    (row,) = cli.json("spend", "--by", "month")["totals"]
    return row["amount"], row["at_risk"], row["unknown"]


def test_looking_makes_no_ledger(cli: Any, ledger_path: str) -> None:
    assert cli.run("settle").stdout.startswith("nothing recorded yet")
    assert cli.json("settle")["recorded"] is False
    assert cli.json("settle", "--all", "--not-billed", "--reason", "x", "--yes")["attempts"] == []
    assert not Path(ledger_path).exists()


def test_what_waits_is_listed_with_all_that_support_needs(cli: Any, clock: VirtualRuntime) -> None:
    (first,) = lose(clock)
    clock.advance(3600)
    second = lose_unpriced(clock)
    assert cli.lines("settle") == [
        "2026-01-15 12:00 UTC  fake vision.label  at most $0.001",
        f"  call {first}  the answer was lost (Unavailable)",
        "  request 8d7f1c1e-3b1b-4a43-9df0, for the vendor's support",
        "2026-01-15 13:00 UTC  dark vision.label  no known price",
        f"  call {second}  the answer was lost (Unavailable)",
        "  request 8d7f1c1e-3b1b-4a43-9df0, for the vendor's support",
        "",
        "2 attempts may have been billed: at most $0.001 + 1 attempt without a price",
        "when the invoice or the vendor's support says what became of them, type:",
        "  mlbroker settle --call ID --not-billed --reason 'not on the invoice'",
        "(or --billed AMOUNT, --as-announced; --provider, --until, --all)",
        "ledger: ~/ledger.db",
    ]
    found = cli.json("settle", "--provider", "fake")
    assert found["attempts"] == [
        {
            "call_id": first,
            "number": 1,
            "started": "2026-01-15T12:00:00+00:00",
            "provider": "fake",
            "profile": "",
            "operation": "vision.label",
            "currency": "USD",
            "at_most": "0.001",
            "outcome": "ambiguous",
            "error": "Unavailable",
            "request_id": "8d7f1c1e-3b1b-4a43-9df0",
        }
    ]
    assert (found["at_most"], found["unpriced_attempts"], found["decision"]) == ({"USD": "0.001"}, 0, None)


def test_an_attempt_of_a_process_that_died_waits_too(cli: Any, ledger_path: str) -> None:
    done = subprocess.run([sys.executable, "-c", DYING], check=False, timeout=150)
    assert done.returncode == 9
    (told,) = cli.json("settle")["attempts"]
    assert (told["outcome"], told["at_most"]) == (None, "0.001")
    assert "its process died" in cli.run("settle").stdout
    cli.run("settle", "--call", told["call_id"], "--not-billed", "--reason", "never arrived", "--yes")
    assert totals(cli) == ("0", "0", 0)


@pytest.mark.parametrize(
    ("decision", "amount", "row"),
    [
        (["--not-billed"], "0", ("no", 0)),
        (["--billed", "0.0004"], "0.0008", ("yes", 400_000_000)),
        (["--billed", "$0.0015"], "0.003", ("yes", 1_500_000_000)),
        (["--billed", "0"], "0", ("no", 0)),
        (["--as-announced"], "0.002", ("yes", 1_000_000_000)),
    ],
)
def test_a_decision_moves_money_from_the_risk_to_the_sum(
    cli: Any,
    settings: Write,
    clock: VirtualRuntime,
    ledger_path: str,
    decision: list[str],
    amount: str,
    row: tuple[str, int],
) -> None:
    settings(MONTHLY)
    lose(clock, 2)
    assert totals(cli) == ("0", "0.002", 2)
    found = cli.json("settle", "--all", *decision, "--reason", "invoice 4711", "--yes")
    assert found["decision"]["settled"] == 2
    assert found["decision"]["reason"] == "invoice 4711"
    assert totals(cli) == (amount, "0", 0)
    assert decisions(ledger_path) == [(*row, "invoice 4711")] * 2
    (budget,) = cli.json("budget")["budgets"]
    assert (budget["spent"], budget["unknown"]) == (amount, "0")
    assert cli.lines("settle")[0] == "nothing to settle"


def test_a_selection_leaves_the_others(cli: Any, clock: VirtualRuntime) -> None:
    one, _ = lose(clock, 2)
    (other,) = lose(clock, provider="gcp")
    clock.advance(timedelta(days=1).total_seconds())
    lose(clock)
    reason = ("--not-billed", "--reason", "x", "--yes")
    assert cli.json("settle", "--call", one, *reason)["decision"]["settled"] == 1
    assert (
        cli.json("settle", "--provider", "fake", "--until", "2026-01-15", *reason)["decision"]["settled"] == 1
    )
    assert [each["provider"] for each in cli.json("settle")["attempts"]] == ["gcp", "fake"]
    assert cli.json("settle", "--call", other, "--provider", "fake", *reason)["decision"]["settled"] == 0
    assert "no attempt that matches" in cli.run("settle", "--call", one, *reason).stdout


def test_a_dry_run_settles_nothing(cli: Any, clock: VirtualRuntime, ledger_path: str) -> None:
    lose(clock, 2)
    lines = cli.lines("settle", "--all", "--billed", "0.0004", "--reason", "x", "--dry-run")
    told = "would settle 2 attempts as billed $0.0004 each, $0.0008 in all; nothing is settled"
    assert told in " ".join(lines)
    assert (
        cli.json("settle", "--all", "--not-billed", "--reason", "x", "--dry-run")["decision"]["settled"] == 0
    )
    assert totals(cli) == ("0", "0.002", 2)
    assert decisions(ledger_path) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--not-billed", "--reason", "x"], "say which attempts"),
        (["--billed", "1", "--reason", "x"], "say which attempts"),
        (["--all", "--not-billed"], "say how you know"),
        (["--all", "--not-billed", "--reason", " \x1b "], "say how you know"),
        (["--all", "--not-billed", "--as-announced", "--reason", "x"], "one decision at a time"),
        (["--all", "--reason", "x"], "a reason for what?"),
        (["--all", "--yes"], "there is nothing to do"),
        (["--all", "--dry-run"], "there is nothing to do"),
        (["--all", "--call", "x"], "leaves nothing to select"),
        (["--call", "ab" * 16 + "-1"], "the call is " + "ab" * 16),
        (["--until", "yesterday"], "is no date"),
        (["--all", "--billed", "1e-3", "--reason", "x"], "is no amount"),
        (["--all", "--billed", "-1", "--reason", "x"], "is no amount"),
        (["--all", "--billed", "nan", "--reason", "x"], "is no amount"),
        (["--all", "--billed", "0.0000000000001", "--reason", "x"], "12 decimals at most"),
        (["--all", "--not-billed", "--reason", "x"], "nobody can be asked here; add --yes"),
        (["--all", "--not-billed", "--reason", "x", "--json"], "nobody can be asked here; add --yes"),
        (["--all", "--billed", "9" * 30, "--reason", "x", "--yes"], "--billed"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_settled(
    cli: Any, clock: VirtualRuntime, ledger_path: str, arguments: list[str], words: str
) -> None:
    lose(clock)
    told = cli.run("settle", *arguments, code=2).stderr
    assert words in told
    assert decisions(ledger_path) == []


def test_what_was_never_announced_needs_an_amount(cli: Any, settings: Write, clock: VirtualRuntime) -> None:
    settings(MONTHLY)
    lose(clock)
    call_id = lose_unpriced(clock)
    reason = ("--reason", "x", "--yes")
    assert "say --billed AMOUNT" in cli.run("settle", "--all", "--as-announced", *reason, code=2).stderr
    assert totals(cli)[2] == 2
    cli.run("settle", "--call", call_id, "--billed", "0.0007", *reason)
    assert totals(cli) == ("0.0007", "0.001", 1)
    assert cli.json("spend")["unpriced_attempts"] == 0


def test_one_amount_is_not_given_to_two_currencies(cli: Any, clock: VirtualRuntime) -> None:
    lose(clock)
    lose(clock, provider="euro", currency="EUR")
    reason = ("--reason", "x", "--yes")
    assert "EUR and USD" in cli.run("settle", "--all", "--billed", "0.1", *reason, code=2).stderr
    out = cli.run("settle", "--all", "--not-billed", *reason).stdout
    assert "$0.001" in out
    assert "0.001 EUR" in out
    assert cli.json("settle")["attempts"] == []


def answer(monkeypatch: pytest.MonkeyPatch, say: Callable[[], bool]) -> list[str]:
    """A terminal at which somebody answers; the questions."""
    asked: list[str] = []

    def confirm(text: str, **_: Any) -> bool:
        asked.append(text)
        return say()

    monkeypatch.setattr("broker.cli.settle.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.setattr(typer, "confirm", confirm)
    return asked


def test_at_a_terminal_it_shows_and_asks(
    cli: Any, clock: VirtualRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (call_id,) = lose(clock)
    command = ("settle", "--all", "--not-billed", "--reason", "x")
    asked = answer(monkeypatch, lambda: False)
    refused = cli.run(*command)
    assert call_id in refused.stdout
    assert refused.stderr == "note: nothing is settled\n"
    assert totals(cli)[2] == 1
    asked = answer(monkeypatch, lambda: True)
    out = cli.run(*command).stdout
    assert asked == ["settle 1 attempt as not billed, so that $0.001 less may be owed?"]
    assert out.count(call_id) == 1, "it is shown once"
    assert "settled 1 attempt as not billed" in out
    assert totals(cli)[2] == 0


def test_what_came_while_the_question_stood_is_not_settled_unseen(
    cli: Any, clock: VirtualRuntime, monkeypatch: pytest.MonkeyPatch, ledger_path: str
) -> None:
    lose(clock)

    def late() -> bool:
        lose(clock)
        return True

    answer(monkeypatch, late)
    told = cli.run("settle", "--all", "--not-billed", "--reason", "x", code=1).stderr
    assert "came or went" in told
    assert decisions(ledger_path) == []
    with Broker(runtime=clock) as broker:
        assert len(broker.ledger.unknown(UnknownQuery())) == 2


def test_a_real_terminal(clock: VirtualRuntime) -> None:
    lose(clock)
    master, slave = os.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "broker.cli", "settle", "--all", "--not-billed", "--reason", "x"],
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.write(master, b"y\n")
        out, told = process.communicate(timeout=150)
    finally:
        os.close(master)
        os.close(slave)
    assert "settled 1 attempt as not billed" in out
    assert "less may be owed? [y/N]" in told
    assert process.returncode == 0


def test_what_a_vendor_or_caller_wrote_cannot_steer_a_terminal(cli: Any, clock: VirtualRuntime) -> None:
    nasty = Unavailable("x", outcome=Outcome.AMBIGUOUS, request_id="[red]a\x1b[31m\u202eb :smile:")
    kind = fake_provider([nasty])
    with Broker(adapters=[kind], provider="fake", runtime=clock) as broker, pytest.raises(Unavailable):
        broker.vision.label(PICTURE)
    out = cli.run("settle", "--all", "--not-billed", "--reason", "\x1b[31mx", "--yes").stdout
    assert "[red]a" in out
    assert not {"\x1b", "\u202e", "\U0001f604"} & set(out)
