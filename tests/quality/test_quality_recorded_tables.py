"""``mlbroker quality recorded|changes|labels``: tables of answers from elsewhere, in the shapes in which they come."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from broker.cli.main import app
from broker.quality.assess import assess, yardstick
from broker.quality.guardrails import Breach, Tolerance
from broker.quality.recorded import read_run
from broker.quality.roi import ValueModel
from broker.quality.wide import Shape

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def ran(*words: str | Path, code: int = 0) -> Any:
        found = CliRunner().invoke(app, ["quality", *map(str, words)])
        assert found.exit_code == code, found.output
        return json.loads(found.stdout) if "--json" in words and code == 0 else " ".join(found.output.split())

    return ran


LONG = """item,provider,answer,confidence,truth,price,failed
1,a,cat,0.9,cat,0.001,
1,b,dog,0.4,cat,0.002,
2,a,dog,0.8,dog,0.001,
2,b,,,dog,0.002,true
3,a,cat,0.7,,0.001,
3,b,cat,0.6,,0.002,
"""
WIDE = """truth,a.label,a.confidence,b.label
cat,cat,0.9,dog
dog,dog,0.8,dog
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_long_table_tells_what_was_delivered_what_failed_and_what_it_cost(run: Run, tmp_path: Path) -> None:
    found = run("recorded", write(tmp_path, "t.csv", LONG), "--json")
    a, b = found["providers"]
    assert (found["items"], found["judged"]) == (3, 2)
    assert (a["delivered"]["point"], b["delivered"]["point"]) == (1.0, 0.0)
    assert (b["failed"], b["success"]["point"], b["conditional"]["n"]) == (1, 0.5, 1)
    assert Decimal(a["per_1000"]) == 1
    assert Decimal(a["per_right"]["point"]) == Decimal("0.001")
    assert b["per_right"] is None  # nothing was right, so no right answer has a cost
    assert "need 3 providers" in found["no_agreement"]


def test_a_wide_table_has_a_column_for_each_provider(tmp_path: Path) -> None:
    rows = read_run(str(write(tmp_path, "t.csv", WIDE)))
    assert [(row.item, row.provider, row.answer, row.confidence, row.truth) for row in rows] == [
        ("1", "a", "cat", 0.9, "cat"),
        ("1", "b", "dog", None, "cat"),
        ("2", "a", "dog", 0.8, "dog"),
        ("2", "b", "dog", None, "dog"),
    ]


def test_columns_of_other_names_and_answers_under_the_providers_own(tmp_path: Path) -> None:
    line = {"file": "x", "reference": "one two", "google": "one too", "amazon": "one two", "other": 3}
    path = write(tmp_path, "t.jsonl", json.dumps(line) + "\n")
    shape = Shape(columns={"item": "file", "truth": "reference"}, providers=("google", "amazon"))
    rows = read_run(str(path), shape)
    found = assess(rows, yardstick("wer:plain", rows), delta=0.01)
    assert [each.delivered.delivered.point for each in found.providers if each.delivered] == [0.5, 0.0]
    assert found.metric == "wer:plain/1"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--metric", "bleu"), "there are accuracy, macro-f1, wer:plain/1"),
        (("--column", "item=name"), "there is no column 'name'"),
        (("-p", "c"), "there is no column 'c'"),
        (("--extract", "("), "no regular expression"),
        (("--price", "a=dear"), "'dear' is no amount"),
        (("--metric", "macro-f1", "--target", "0.9"), "a tolerance is on right or wrong"),
        (("--use-case", "shop"), "there is no [quality.use_cases.shop.value]"),
    ],
)
def test_slips_are_told(run: Run, tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    assert told in run("recorded", write(tmp_path, "t.csv", LONG), *words, code=2)


def test_a_table_that_is_none_is_told(run: Run, tmp_path: Path) -> None:
    assert "there is no file" in run("recorded", "nothing.csv", code=2)
    assert "neither a column provider" in run("recorded", write(tmp_path, "t.csv", "x,y\n1,2\n"), code=2)
    assert "no rows" in run("recorded", write(tmp_path, "e.csv", "item,provider,answer\n"), code=2)


def test_the_evidence_against_a_tolerance_says_after_how_many_items(tmp_path: Path) -> None:
    lines = ["item,provider,answer,truth"] + [
        f"{n},a,{'y' if n < 200 or n % 2 else 'n'},y" for n in range(600)
    ]
    rows = read_run(str(write(tmp_path, "t.csv", "\n".join(lines) + "\n")))
    rule = Tolerance(target=0.95, tolerance=0.05)
    (view,) = assess(rows, yardstick("accuracy", rows), delta=0.01, tolerance=rule).providers
    assert view.finding is not None
    assert view.finding.breach is Breach.HARD
    assert view.crossed_after is not None
    assert 200 < view.crossed_after < 400


def test_rows_that_are_bad_first_are_no_finding_against_the_whole(run: Run, tmp_path: Path) -> None:
    lines = ["item,provider,answer,truth"] + [
        f"{n},a,{'y' if n % 2 or n > 300 else 'n'},y" for n in range(6000)
    ]
    table = write(tmp_path, "t.csv", "\n".join(lines) + "\n")
    rows = read_run(str(table))
    rule = Tolerance(target=0.9, tolerance=0.05)
    (view,) = assess(rows, yardstick("accuracy", rows), delta=0.01, tolerance=rule).providers
    assert view.finding is not None
    assert view.finding.breach is Breach.NONE
    assert view.crossed_after is not None
    assert view.crossed_after < 300
    said = run("recorded", table, "--target", "0.9")
    assert f"in this order opened after {view.crossed_after}" in " ".join(said.split())


def test_failures_stand_apart_from_quality(run: Run, tmp_path: Path) -> None:
    lines = ["item,provider,answer,truth,failed"] + [f"{n},a,y,y,{n % 4 == 0}" for n in range(100)]
    said = run("recorded", write(tmp_path, "t.csv", "\n".join(lines) + "\n"))
    assert "of answers" in said
    assert "0.750" in said
    assert "75 of 100" in said
    assert "1.000" in said


def test_the_return_needs_known_costs(tmp_path: Path) -> None:
    value = ValueModel(right=Decimal("0.01"), wrong=Decimal("0.002"))
    rows = read_run(str(write(tmp_path, "t.csv", LONG)))
    a, _ = assess(rows, yardstick("accuracy", rows), delta=0.01, value=value).providers
    assert a.roi is not None
    assert a.roi.net.point == a.roi.gross.point - 100
    free = read_run(str(write(tmp_path, "f.csv", WIDE)))
    assert all(
        each.roi is None
        for each in assess(free, yardstick("accuracy", free), delta=0.01, value=value).providers
    )


def test_labels_come_with_probabilities_and_say_when_nothing_took_their_sureness_back(
    run: Run, tmp_path: Path
) -> None:
    told = run("labels", write(tmp_path, "t.csv", LONG), "--out", "labels.jsonl")
    assert "too sure" in told
    lines = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    assert [line["item"] for line in lines] == ["1", "2", "3"]
    assert lines[0]["probabilities"] == {"cat": 1.0}
    assert lines[0]["gold"]
    assert sum(lines[2]["probabilities"].values()) == pytest.approx(1)
    assert not lines[2]["debiased"]


def test_published_accuracies_of_real_providers_are_met(run: Run, datasets_folder: Path) -> None:
    table = datasets_folder / "vendor-outputs" / "frugalml" / "ferplus.csv.gz"
    found = run("recorded", table, "--json")
    shown = {each["provider"]: round(100 * each["delivered"]["point"], 1) for each in found["providers"]}
    assert shown == {"google": 67.7, "facepp": 68.4, "microsoft": 81.4, "github_cnn": 65.1}
    assert found["agreement"]["order"][0] == "microsoft"


def test_a_published_drift_is_met(run: Run, datasets_folder: Path) -> None:
    table = datasets_folder / "vendor-outputs" / "llmdrift" / "prime.csv.gz"
    names = ("--column", "item=id", "--column", "provider=model", "--extract", r"\b(yes|no)\b")
    found = run("changes", table, *names, "--before", "gpt-4-0314", "--after", "gpt-4-0613", "--json")
    assert (found["before"], found["after"]) == (0.84, 0.511)
    assert (found["lost"], found["gained"], found["flip_rate"]) == (476, 147, 0.626)


@pytest.mark.parametrize(
    ("name", "table", "told"),
    [
        (
            "dup.csv",
            b"item,provider,answer,answer,truth\na,x,cat,dog,cat\n",
            "two columns are named 'answer'",
        ),
        ("semi.csv", b"item;provider;answer;truth\na;x;cat;cat\n", "not by semicolons"),
        ("latin.csv", b"item,provider,answer,truth\na,x,caf\xe9,cat\n", "no UTF-8"),
        ("nan.jsonl", b'{"item": "a", "provider": "x", "answer": NaN, "truth": NaN}\n', "NaN is none"),
        ("deep.jsonl", b'{"item": "a", "provider": "x", "answer": ' + b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_table_that_could_be_read_in_two_ways_is_refused_in_plain_words(
    run: Run, tmp_path: Path, name: str, table: bytes, told: str
) -> None:
    (tmp_path / name).write_bytes(table)
    assert told in run("recorded", name, code=2)


def test_numbers_that_are_equal_are_equal_answers(tmp_path: Path) -> None:
    path = tmp_path / "numbers.jsonl"
    path.write_text(
        '{"item": "a", "provider": "x", "answer": 1, "truth": 1.0}\n'
        '{"item": "b", "provider": "x", "answer": 0.50, "truth": 0.5}\n'
        '{"item": "c", "provider": "x", "answer": 1e999999, "truth": 1e999998}\n'
        '{"item": "d", "provider": "x", "answer": true, "truth": "true"}\n'
    )
    assert [row.right for row in read_run(str(path))] == [True, True, False, True]


def test_a_price_of_nobody_is_a_slip(run: Run, tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text(LONG)
    assert "no provider 'aa'; there are a, b" in run("recorded", "long.csv", "--price", "aa=0.1", code=2)


def cascaded(folder: Path, items: int) -> Path:
    """A cheap provider that knows when it is right, and a dear one that nearly always is."""
    rows = ["item,provider,answer,confidence,truth,price"]
    for i in range(items):
        sure = i % 4 > 0
        rows.append(f"{i},cheap,{'cat' if sure else 'dog'},{0.9 if sure else 0.3},cat,0.001")
        rows.append(f"{i},dear,{'dog' if i % 40 == 1 else 'cat'},0.5,cat,0.010")
        rows.append(f"{i},odd,cat,0.5,cat,")
    return write(folder, "routed.csv", "\n".join(rows))


def test_what_routing_would_gain_is_told_by_items_held_out(run: Run, tmp_path: Path) -> None:
    table = cascaded(tmp_path, 400)
    found = run("recorded", table, "--routing", "--json")
    told = found["routing"]
    assert told["beside"] == "dear"
    assert told["rule"] == {"first": "cheap", "second": "dear", "above": 0.3}
    assert told["saved"]["low"] < told["saved"]["point"] < told["saved"]["high"]
    assert told["saved"]["point"] == pytest.approx(1 - (0.001 + 0.25 * 0.01) / 0.01, abs=0.05)
    assert told["gained"]["low"] <= told["gained"]["point"] <= told["gained"]["high"]
    assert len(told["halves"]) == 10
    assert found["left_out"] == ["odd: the price of 400 answers is not known"]
    shown = run("recorded", table, "--routing")
    assert "learned on all of them: cheap first, dear unless it is surer than 0.3" in shown
    assert "not routed: odd" in shown


def test_routing_that_cannot_be_told_says_why_and_is_not_told_unasked(run: Run, tmp_path: Path) -> None:
    table = cascaded(tmp_path, 60)
    found = run("recorded", table, "--json")
    assert (found["routing"], found["no_routing"]) == (None, None)
    assert "by routing" not in run("recorded", table)
    assert "no gain by routing: it takes 100 items" in run("recorded", table, "--routing")
    assert "prices are known" in run("recorded", table, "-p", "dear,odd", "--routing")
    words = run("recorded", table, "--routing", "--metric", "wer:plain")
    assert "only answers that are right or wrong can be routed" in words
