from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_support import NASTY, harmless, png

from broker import Broker
from broker.cli import exits
from broker.errors import (
    AllProvidersFailed,
    AuthFailed,
    BadInput,
    BrokerError,
    BudgetExceeded,
    ContentRefused,
    DeadlineExceeded,
    LedgerUnavailable,
    MalformedReply,
    NotConfigured,
    Outcome,
    ProviderFault,
    QuotaExhausted,
    SwitchedOff,
    Throttled,
    Unavailable,
    Unsupported,
)
from broker.ledger.base import LedgerBusy
from broker.testing.fake import fake_price, fake_provider, labels


def test_a_table_who_answered_and_a_summary(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider())
    out = cli("label", cat).stdout
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0] == "cat.png"
    assert lines[1].startswith("fake Fake Vision, model fake-1; ")
    assert lines[1].endswith("; $0.001")
    assert lines[2] == "label    confidence   provider's word"
    assert lines[4].split() == ["Cat", "90.0%", "0.9", "of", "1"]
    assert lines[5].split() == ["Animal", "45.0%", "0.45", "of", "1"]
    assert lines[-1].startswith("1 file; cost $0.001; time ")
    assert max(map(len, lines)) <= 80


def test_json_is_one_object_with_amounts_as_texts(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider(price=fake_price("0.0012")))
    found = cli.json("label", cat, "--raw")
    (file,) = found["files"]
    assert file["file"] == "cat.png"
    assert file["ok"] is True
    assert file["labels"][0]["name"] == "Cat"
    assert file["labels"][0]["scale"] == "ratio"
    assert file["cost"] == {
        "amount": "0.0012",
        "upper_bound": "0.0012",
        "currency": "USD",
        "billed": "yes",
        "unpriced": None,
    }
    assert "raw" in file
    assert found["summary"]["cost"] == [{"currency": "USD", "amount": "0.0012", "may_be_owed": "0"}]
    assert found["skipped"] == []


def test_unpriced_is_shown_apart(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider(price=fake_price(None)))
    assert "cost 1 attempt without a known price" in cli("label", cat).stdout
    assert cli.json("label", cat)["summary"]["unpriced_attempts"] == 1


def test_a_failing_file_does_not_stop_the_others(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider())
    result = cli("label", "nowhere.png", cat, code=1)
    assert "Cat" in result.stdout
    assert "2 files, 1 failed" in result.stdout
    assert result.stderr.splitlines() == [
        "error: nowhere.png: there is no file 'nowhere.png'; check the path"
    ]
    found = cli.json("label", "nowhere.png", cat, code=1)
    assert [file["ok"] for file in found["files"]] == [False, True]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadInput("x"), 1),
        (Unsupported("x"), 1),
        (AuthFailed("x"), 1),
        (ContentRefused("x"), 1),
        (Throttled("x"), 1),
        (QuotaExhausted("x"), 1),
        (Unavailable("x"), 1),
        (ProviderFault("x"), 1),
        (MalformedReply("x"), 1),
        (DeadlineExceeded("x"), 1),
        (AllProvidersFailed("x", [NotConfigured("a"), Unsupported("b")]), 1),
        (AllProvidersFailed("x", [NotConfigured("a"), NotConfigured("b")]), 3),
        (NotConfigured("x"), 3),
        (BudgetExceeded("x"), 4),
        (SwitchedOff("x"), 4),
        (LedgerUnavailable("x"), 4),
        (LedgerBusy("x"), 4),
        (BrokerError("x"), 1),
        (ValueError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_code_of_each_error_class(error: BaseException, code: int) -> None:
    assert exits.code_of(error) == code
    assert "\n" not in exits.message(error)


def test_worst_has_a_fixed_order() -> None:
    assert exits.worst([]) == 0
    assert exits.worst([1, 3, 1]) == 3
    assert exits.worst([4, 3]) == 4
    assert exits.worst([4, 130]) == 130


def test_what_stops_all_files_is_said_once(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider([NotConfigured("no key; type: make a key")]))
    result = cli("label", cat, cat, cat, code=3)
    assert result.stderr.count("error:") == 1
    assert "1 failed, 2 not tried" in result.stdout


def test_a_failure_of_many_files_is_told_in_full_once(cli: Any, cat: str, home: Path) -> None:
    (home / "mlbroker.toml").write_text('[budgets.day]\nlimit = "0.001"\nwindow = "day"\n')
    cli.adapters(fake_provider())
    result = cli("label", cat, cat, cat, code=4)
    first, second = result.stderr.splitlines()
    assert "Raise limit under [budgets.day]" in first
    assert second == f"error: {cat}: the same as {cat}"
    assert "3 files, 2 failed" in result.stdout
    (failed,) = cli.json("label", cat, code=4)["files"]
    assert failed["error"]["budget"] == "day"


def test_who_was_asked_in_its_place_is_told(cli: Any, cat: str, home: Path) -> None:
    (home / "mlbroker.toml").write_text(
        '[budgets.day]\nlimit = 0\naction = "degrade"\ndegrade_to = ["nobody"]\n'
    )
    cli.adapters(fake_provider())
    assert "then asked in its place: there is no provider 'nobody'" in cli("label", cat, code=4).stderr


def test_when_to_come_back_and_how_often_it_was_tried(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider([Throttled("slowly", retry_after=3600.0)]))
    (failed,) = cli.json("label", cat, code=1)["files"]
    assert failed["error"]["retry_at"].endswith("+00:00")
    assert failed["error"]["budget"] is None
    error = Unavailable("down")
    with Broker(adapters=[fake_provider()], provider="fake") as broker:
        error.attempts = broker.vision.label(cat).attempts * 3
    assert exits.message(error).startswith("down (after 3 attempts); try again later")


def test_max_cost_refuses(cli: Any, cat: str) -> None:
    kind = fake_provider()
    cli.adapters(kind)
    result = cli("label", cat, "--max-cost", "0.0001", code=4)
    assert kind.play.seen == []
    assert "raise --max-cost" in result.stderr
    assert "cost $0.00;" in result.stdout


def test_a_failure_that_may_be_billed_is_told(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider([MalformedReply("half an answer")]))
    assert "1 failed; cost $0.001;" in cli("label", cat, code=1).stdout, "an unusable 200 is billed"


def test_a_failure_that_may_have_been_billed_is_told_with_its_bound(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider([Unavailable("reset", outcome=Outcome.AMBIGUOUS)]))
    assert "up to $0.001 more may be owed" in cli("label", cat, code=1).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["label"],
        ["label", "cat.png", "--max-labels", "0"],
        ["label", "cat.png", "--max-labels", "x"],
        ["label", "cat.png", "--min-confidence", "50"],
        ["label", "cat.png", "--min-confidence", "nan"],
        ["label", "cat.png", "--deadline", "0"],
        ["label", "cat.png", "--deadline", "inf"],
        ["label", "cat.png", "--max-cost", "cheap"],
        ["label", "cat.png", "--max-cost", "-1"],
        ["label", "cat.png", "--max-cost", "NaN"],
        ["label", "cat.png", "--tag", "team"],
        ["label", "cat.png", "--tag", "1=x"],
        ["label", "cat.png", "--provider", "aws,,gcp"],
        ["label", "cat.png", "--config", "x.toml"],
        ["labl"],
        ["spend", "--by", "weekday"],
        ["spend", "--by", "tag:a,tag:b"],
        ["spend", "--since", "yesterdayish"],
        ["spend", "--since", "2026-02-02", "--until", "2026-01-01"],
        ["providers", "--operation", "vision.guess"],
        ["providers", "--json", "--markdown"],
    ],
)
def test_wrong_usage(cli: Any, arguments: list[str]) -> None:
    cli.adapters(fake_provider())
    result = cli(*arguments, code=2)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")


def test_options_reach_the_call(cli: Any, cat: str) -> None:
    seen: list[Any] = []

    def answer(request: Any, context: Any) -> Any:
        seen.append((request, context))
        return labels("A", "B", "C")

    cli.adapters(fake_provider(answer))
    found = cli.json(
        "label", cat, "--max-labels", "1", "--min-confidence", "0.2", "--deadline", "7", "--tag", "a=b=c"
    )
    request, context = seen[0]
    assert request.max_labels == 1
    assert request.min_confidence == 0.2
    assert context.remaining() <= 7
    assert [each["name"] for each in found["files"][0]["labels"]] == ["A"]
    assert cli.json("spend", "--by", "tag:a")["rows"][0]["group"] == {"tag:a": "b=c"}


def test_order_of_preference(cli: Any, cat: str) -> None:
    cli.adapters(fake_provider(provider="one"), fake_provider(provider="two"))
    assert cli.json("label", cat, "-p", "two,one")["files"][0]["provider"] == "two"
    assert cli.json("label", cat, "-p", "two", "-p", "one")["files"][0]["provider"] == "two"
    result = cli("label", cat, "-p", "too", code=3)
    assert "did you mean 'two'?" in result.stderr


def test_folders(cli: Any, home: Path) -> None:
    folder = home / "photos"
    (folder / "deeper").mkdir(parents=True)
    for name in ("b.PNG", "a.png"):
        (folder / name).write_bytes(png())
    (folder / "notes.txt").write_text("x")
    cli.adapters(fake_provider())
    result = cli("label", "photos")
    assert result.stdout.index("photos/a.png") < result.stdout.index("photos/b.PNG")
    assert result.stderr.splitlines() == [
        "note: skipped 1 (a folder in a folder): photos/deeper",
        "note: skipped 1 (no picture by its name): photos/notes.txt",
    ]
    found = cli.json("label", "photos")
    assert found["skipped"][1] == {"path": "photos/notes.txt", "reason": "no picture by its name"}
    assert "holds no picture" in cli("label", "photos/deeper", code=1).stderr


def test_interrupted_shows_what_is_done(cli: Any, cat: str) -> None:
    done: list[int] = []

    def answer(request: Any, context: Any) -> Any:
        done.append(1)
        if len(done) % 2 == 0:
            raise KeyboardInterrupt
        return labels("Cat")

    cli.adapters(fake_provider(answer))
    out = cli("label", cat, cat, cat, code=130).stdout
    assert "Cat" in out
    assert "3 files, 2 not finished, interrupted" in out
    assert "cost $0.001 but for what was under way ('mlbroker spend' shows it)" in " ".join(out.split())
    assert "$0.001 $0.001" in " ".join(cli("spend").stdout.split()), "known, and may be owed"
    found = cli.json("label", cat, cat, cat, code=130)
    assert found["summary"]["interrupted"] is True
    assert len(found["files"]) == 1


def test_nothing_a_vendor_or_a_file_says_steers_the_terminal(cli: Any, home: Path) -> None:
    name = "a\x1b[2J\u202eb[red]x.png"
    (home / name).write_bytes(png())
    cli.adapters(fake_provider([labels(NASTY)]))
    out = cli("label", name, "--raw").stdout
    assert harmless(out)
    assert "[bold]" in out
    assert "[red]x" in out
    assert cli.json("label", name)["files"][0]["labels"][0]["name"] == NASTY
    assert cli("label", name, "--json").stdout.isascii()
    cli.adapters(fake_provider([AuthFailed(NASTY, provider="fake")]))
    result = cli("label", name, code=1)
    assert harmless(result.stdout)
    assert harmless(result.stderr)
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["warning", "error"]


def test_an_unexpected_error_is_one_line_and_a_traceback_with_debug(
    cli: Any, cat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from broker.cli import main

    def broken(**_: Any) -> Any:
        raise RuntimeError("boom \x1b[31m AKIAABCDEFGHIJKLMNOP")

    monkeypatch.setattr(main, "make_broker", broken)
    result = cli("label", cat, code=1)
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: unexpected RuntimeError: boom")
    assert "AKIA" not in line
    debug = cli("--debug", "label", cat, code=1).stderr
    assert "Traceback" in debug
    assert "AKIA" not in debug
    assert "\x1b" not in debug
    failed = cli.json("label", cat, code=1)
    assert failed["error"]["type"] == "RuntimeError"
