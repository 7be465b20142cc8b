"""``mlbroker bench`` as people and programs see it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cli_support import NASTY, harmless, png

from broker.bench.between import Change
from broker.bench.result import BenchResult, Lane, Origin
from broker.cli.bench_show import show_changes
from broker.errors import ContentRefused
from broker.testing.fake import fake_price, fake_provider, labels

PLAN = """
operations = "vision.label"
[data]
path = "items.csv"
kind = "image"
[[provider]]
provider = "one"
[[provider]]
provider = "two"
[run]
cost_cap = "{cap}"
[workload]
calls_per_month = 250000
"""


@pytest.fixture
def plan(home: Path) -> str:
    (home / "one.png").write_bytes(png())
    rows = "".join(f"item-{number:03},one.png,cat\n" for number in range(30))
    (home / "items.csv").write_text(f"id,path,truth\n{rows}", "utf-8")
    (home / "plan.toml").write_text(PLAN.format(cap="1"), "utf-8")
    return "plan.toml"


def _two(one: Any = None, two: Any = None, **facts: Any) -> tuple[Any, Any]:
    return (
        fake_provider(one or [labels("Cat")], provider="one", **facts),
        fake_provider(two or [labels("Dog")], provider="two"),
    )


def test_tables_that_say_how_good_how_fast_and_how_dear(
    cli: Any, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli.adapters(*_two())
    shown = cli("bench", plan)
    out = " ".join(shown.stdout.split())
    assert "cost $0.06, at most $0.06; cap $1.00" in out
    assert "concept-f1:everyday/1" in out
    assert "one is better than two by 1.000" in out
    assert "$0.001" in out
    assert "250k" in out
    assert "mlbroker report bench-runs/plan-" in out
    assert "too few calls for an interval: p95; p99" in out  # of 30 calls the slowest is no p99
    assert "intervals are wide" in shown.stderr
    assert all(len(line) <= 80 for line in shown.stdout.splitlines() if "mlbroker report" not in line)
    monkeypatch.setenv("COLUMNS", "50")
    narrow = cli("bench", "show").stdout
    assert all(len(line) <= 50 for line in narrow.splitlines() if "mlbroker report" not in line)
    assert "calls a month one two" in " ".join(narrow.split())
    monkeypatch.setenv("COLUMNS", "80")
    again = cli("bench", "show")
    assert "one is better than two by 1.000" in " ".join(again.stdout.split())


def test_json_has_the_whole_result(cli: Any, plan: str) -> None:
    cli.adapters(*_two())
    found = cli.json("bench", plan)
    result = BenchResult.from_json(json.dumps(found["result"]))
    assert [each.lane.key for each in result.lanes] == ["one vision.label", "two vision.label"]
    assert (found["cost"]["at_most"], found["cost"]["cap"], found["stopped"]) == ("0.06", "1", {})
    assert Path(found["run"], "result.json").is_file()
    shown = cli.json("bench", "show", found["run"])
    assert shown["result"] == found["result"]
    told = cli.json("bench", "rescore", found["run"])
    assert told["result"]["lanes"] == found["result"]["lanes"]
    assert (told["scored"], told["reread"]["raw"]) == ("answers", 0)


def test_a_run_compared_with_itself_has_changed_by_nothing(cli: Any, plan: str) -> None:
    cli.adapters(*_two())
    found = cli.json("bench", plan)
    told = cli("bench", "compare", found["run"], found["run"]).stdout
    assert "+0.000" in told
    assert "-0.000" not in told


def test_scoring_again_says_what_it_is_made_of(cli: Any, plan: str) -> None:
    cli.adapters(*_two())
    found = cli.json("bench", plan)
    assert "scored by the answers as they were read when they were given" in cli("bench", "rescore").stderr
    assert (
        "kept none of the vendors' whole answers" in cli("bench", "rescore", "--from", "raw", code=1).stderr
    )
    assert "--from is raw or answers" in cli("bench", "rescore", "--from", "memory", code=2).stderr
    Path(found["run"], "result.json").write_text("{", "utf-8")
    damaged = " ".join(cli("bench", "show", code=1).stderr.split())
    assert f"to make it anew type: mlbroker bench rescore bench-runs/{Path(found['run']).name}" in damaged
    cli("bench", "rescore", found["run"])
    assert cli.json("bench", "show")["result"]["lanes"] == found["result"]["lanes"]


def test_a_dry_run_sends_nothing_and_leaves_nothing_behind(cli: Any, plan: str, home: Path) -> None:
    one, two = _two()
    cli.adapters(one, two)
    found = cli.json("bench", plan, "--dry-run")
    assert found["result"] is None
    assert [each["calls"] for each in found["cost"]["lanes"]] == [30, 30]
    assert not one.play.seen
    assert not list((home / "bench-runs").glob("*"))


def test_more_than_the_cap_is_not_spent_without_a_yes(cli: Any, plan: str, home: Path) -> None:
    one, two = _two()
    cli.adapters(one, two)
    (home / plan).write_text(PLAN.format(cap="0.01"), "utf-8")
    refused = cli("bench", plan, code=4)
    assert "up to $0.06, and its cap is $0.01" in " ".join(refused.stderr.split())
    assert "--yes" in refused.stderr
    assert not one.play.seen
    assert not list((home / "bench-runs").glob("*"))
    cli("bench", plan, "--yes")
    assert (len(one.play.seen), len(two.play.seen)) == (30, 30)


def test_an_unknown_price_is_above_every_cap_unless_the_plan_says_what_it_counts_for(
    cli: Any, plan: str, home: Path
) -> None:
    one, two = _two(price=fake_price(None, sku="one.vision.label"))
    cli.adapters(one, two)
    refused = cli("bench", plan, "--yes", code=4)
    assert "unknown amount" in refused.stderr
    assert "run.unpriced" in refused.stderr
    assert not one.play.seen
    (home / plan).write_text(
        PLAN.format(cap="1").replace("[workload]", 'unpriced = "0.02"\n[workload]'), "utf-8"
    )
    found = cli.json("bench", plan)
    assert (found["cost"]["at_most"], found["cost"]["amount"]) == ("0.63", None)
    lane = found["result"]["lanes"][0]
    assert (lane["money"]["unpriced"], lane["money"]["per_1000"]) == (30, None)
    assert "one: no cost is known: " in cli("bench", "show").stdout


def test_an_interrupted_run_goes_on_and_pays_nothing_twice(
    cli: Any, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from broker.cli.bench_watch import Watch

    one, two = _two()
    cli.adapters(one, two)
    asked = Watch.asked

    def interrupted(self: Watch, *given: Any, **named: Any) -> None:
        asked(self, *given, **named)
        if len(one.play.seen) + len(two.play.seen) >= 20:
            raise KeyboardInterrupt

    monkeypatch.setattr(Watch, "asked", interrupted)
    found = cli.json("bench", plan, code=130)
    assert found["interrupted"]
    before = len(one.play.seen) + len(two.play.seen)
    told = [each["reliability"] for each in found["result"]["lanes"]]
    assert sum(each["answered"] for each in told) == before, "what was on its way was waited for"
    monkeypatch.setattr(Watch, "asked", asked)
    on = cli.json("bench", plan)
    assert on["resumed"]
    assert on["run"] == found["run"]
    assert (len(one.play.seen), len(two.play.seen)) == (30, 30)
    assert not cli.json("bench", plan)["resumed"], "a finished run is not gone on with: this is a new one"


def test_two_runs_are_compared(cli: Any, plan: str) -> None:
    cli.adapters(*_two())
    runs = [cli.json("bench", plan)["run"] for _ in range(2)]
    found = cli.json("bench", "compare", *runs)
    assert [each["flips"]["point"] for each in found["changes"]] == [0.0, 0.0]
    shown = " ".join(cli("bench", "compare", *runs).stdout.split())
    assert "0.000 [0.000, 0.116]" in shown
    assert "two runs" in cli("bench", "compare", runs[0], code=2).stderr


def test_failures_are_told_apart(cli: Any, plan: str) -> None:
    cli.adapters(*_two(one=[labels("Cat"), ContentRefused(f"no {NASTY}")] * 15))
    shown = cli("bench", plan)
    assert "ContentRefused" in shown.stdout
    assert "its answers alone" in " ".join(shown.stdout.split())
    assert harmless(shown.stdout)


def test_a_written_plan(cli: Any, home: Path, plan: str) -> None:
    cli.adapters(*_two())
    cli("bench", "--init", "items.csv", "--out", "mine.toml")
    given = tomllib.loads((home / "mine.toml").read_text("utf-8"))
    assert [each["provider"] for each in given["provider"]] == ["one", "two"]
    assert "is there already" in cli("bench", "--init", "items.csv", "--out", "mine.toml", code=1).stderr
    cli("bench", "mine.toml", "--dry-run")


def test_wrong_usage(cli: Any, home: Path) -> None:
    cli.adapters(*_two())
    assert "--init" in cli("bench", code=2).stderr
    assert "no run with a result" in cli("bench", "show", code=1).stderr
    assert "is no run" in cli("bench", "show", str(home), code=1).stderr


@pytest.mark.local_models
def test_the_example_tells_what_is_made_up(cli: Any, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rapidocr", reason="needs the extra local-vision")
    from broker.bench import example
    from broker_local.adapter import LocalAdapter

    monkeypatch.setattr(example, "SIGNS", 6)
    cli.adapters(LocalAdapter)
    shown = cli("bench", "--example")
    assert "made up" in shown.stderr
    assert "cloud-a (made up)" in shown.stdout
    rows = [line.split() for line in shown.stdout.splitlines() if line.startswith(("local ", "cloud-a "))]
    assert [row[1] for row in rows if row[1] in ("100%", "-")] == ["100%", "-"], (
        "a recording tells no success"
    )
    found = cli.json("bench", "show")
    result = BenchResult.from_json(json.dumps(found["result"]))
    assert [each.lane.origin.value for each in result.lanes] == ["asked", "made_up", "made_up", "made_up"]
    local = result.lanes[0]
    assert local.reliability.answered == 6
    assert local.primary is not None
    assert all(each.primary is not None and each.primary.delivered.n == 6 for each in result.lanes)
    assert result.break_evens
    assert Path(home / "bench-example" / "plan.toml").is_file()


def test_every_model_of_a_lane_is_told_between_runs(capsys: pytest.CaptureFixture[str]) -> None:
    lane = Lane(name="one", provider="x", operation="vision.label", origin=Origin.REPLAYED)
    change = Change(
        lane=lane,
        metric=None,
        comparison=None,
        flips=None,
        p50=(None, None),
        per_1000=(None, None),
        currency="USD",
        models=(("m1", "m2"), ("m1", "m2")),
    )
    show_changes([change])
    assert "m1, m2 in both" in capsys.readouterr().out
